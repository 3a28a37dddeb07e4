"""Show a statute, its history and its replay in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from timebank.hours import Hours
from timebank.model import Account, Balance, Record
from timebank.queries.replay import EXEMPTIONS, OUTCOMES, Replay
from timebank.reports.text import Column, Row, counted, harmless, limit_text, table, titled
from timebank.statute import DEFAULT, Band, Demurrage, Dues, Fee, Statute

_COLUMNS: Final = (
    Column("Kind"),
    Column("From"),
    Column("Floor", right=True),
    Column("Ceiling", right=True),
    Column("Beyond it"),
)
_REPLAY: Final = (
    Column("Account", least=12),
    Column("Would be"),
    Column("Rule"),
    Column("Exchanges", right=True),
    Column("Hours", right=True),
    Column("First", least=8),
    Column("Last", least=8),
)
_ROUNDED: Final = {
    "refuse": "another is refused",
    "up": "rounded up",
    "nearest": "rounded to the nearest",
}
_MOST: Final = 10
_TWO: Final = (
    "Of two rows of the same months, beyond the first is flagged, beyond the second refused."
)
_BEYOND: Final = {"refuse": "refused", "flag": "recorded with a flag"}


def statute_text(statute: Statute) -> list[str]:
    """Return its limits as a table, and a line for each of its other rules.

    >>> from timebank import Band, Granularity, Statute
    >>> from timebank.reports.statute import statute_text
    >>> bands = [Band(floor=-10, ceiling=20), Band(from_month=12, floor=-25, ceiling=25)]
    >>> unit = Granularity(unit="0:15", rounding="up")
    >>> for line in statute_text(Statute(version="v1", limits={"member": bands}, granularity=unit)):
    ...     print(line)
    Statute v1, time zone UTC
    <BLANKLINE>
    Kind    From       Floor  Ceiling  Beyond it
    ------  --------  ------  -------  ---------
    member  joining   -10:00    20:00  refused
    member  month 12  -25:00    25:00  refused
    <BLANKLINE>
    Kinds that are not named are unlimited.
    Exchanges are in units of 0:15: rounded up.

    A soft limit within a hard one takes two rows:

    >>> bands = [Band(floor=-20), Band(floor=-10, beyond="flag")]
    >>> for line in statute_text(Statute(version="v2", limits={"member": bands}))[4:]:
    ...     print(line)
    member  joining  -10:00  unlimited  recorded with a flag
    member  joining  -20:00  unlimited  refused
    <BLANKLINE>
    Kinds that are not named are unlimited.
    Of two rows of the same months, beyond the first is flagged, beyond the second refused.
    """
    rows: list[Row] = [
        [
            kind,
            f"month {band.from_month}" if band.from_month else "joining",
            limit_text(band.floor),
            limit_text(band.ceiling),
            _BEYOND[band.beyond],
        ]
        for kind, bands in statute.limits.items()
        for band in bands
    ]
    lines = [harmless(f"Statute {statute.version}, time zone {statute.time_zone}"), ""]
    if rows:
        lines += [*table(_COLUMNS, rows), "", "Kinds that are not named are unlimited."]
        if any(_has_two(bands) for bands in statute.limits.values()):
            lines.append(_TWO)
    else:
        lines.append("No limits.")
    return lines + _rules(statute)


def _has_two(bands: Sequence[Band]) -> bool:
    """Return whether a soft limit lies within a hard one."""
    return len({band.from_month for band in bands}) < len(bands)


def _rules(statute: Statute) -> list[str]:
    lines = []
    if (unit := statute.granularity) is not None:
        lines.append(f"Exchanges are in units of {unit.unit}: {_ROUNDED[unit.rounding]}.")
    if (largest := statute.largest_exchange) is not None:
        lines.append(
            f"One exchange moves at most {largest.hours}: more is {_BEYOND[largest.beyond]}."
        )
    if (days := statute.record_within) is not None:
        lines.append(
            f"An exchange is recorded within {days.days} days: later is {_BEYOND[days.beyond]}."
        )
    if statute.fee is not None:
        lines.append(_fee(statute.fee))
    if (welcome := statute.welcome) is not None:
        when = "on joining" if welcome.given == "on joining" else "when it is asked for"
        back = "due back on leaving" if welcome.due_back else "to keep"
        lines.append(
            harmless(
                f"{_each(welcome.kinds)} gets {welcome.hours} from {welcome.fund} {when}, {back}."
            )
        )
    lines += [harmless(_dues(rule)) for rule in statute.dues]
    if statute.demurrage is not None:
        lines.append(harmless(_demurrage(statute.demurrage)))
    return lines


def _each(kinds: Sequence[str]) -> str:
    return f"Each {' or '.join(kinds)}"


def _dues(rule: Dues) -> str:
    when = "once" if rule.every == "once" else f"each {rule.every}"
    text = f"{_each(rule.kinds)} gives {rule.hours} to {rule.fund} {when} ({rule.name})"
    if rule.from_month:
        text += f", from month {rule.from_month} of membership on"
    if rule.every == "once":
        return f"{text}."
    first = {
        "whole": "is due in whole",
        "months": "counts by months",
        "days": "counts by days",
        "free": "is free",
    }
    return f"{text}; a first {rule.every} that is not whole {first[rule.first_period]}."


def _demurrage(rule: Demurrage) -> str:
    rounded = "up" if rule.remainder_to == "fund" else "down"
    return (
        f"{_each(rule.kinds)} gives {rule.share} of what it holds above {rule.above} to "
        f"{rule.fund} each {rule.every} (demurrage), in units of {rule.unit} rounded {rounded}."
    )


def _fee(fee: Fee) -> str:
    much = f"{fee.share} of it" if fee.fixed is None else str(fee.fixed)
    text = f"Of each exchange the {fee.payer} pays {much} to {harmless(fee.fund)}"
    if fee.fixed is not None:
        return f"{text}."
    rounded = "up, for the fund" if fee.remainder_to == "fund" else "down, for who pays"
    return f"{text}, in units of {fee.unit} rounded {rounded}."


def doubts_text(statute: Statute) -> list[str]:
    """Return a line for each value that is allowed but is more often a slip."""
    found = []
    for kind, bands in statute.limits.items():
        for band in bands:
            if band.floor is not None and band.floor.seconds > 0:
                found.append(f"who is a {kind} must keep {band.floor}: was -{band.floor} meant?")
            if band.ceiling is not None and band.ceiling.seconds < 0:
                found.append(f"who is a {kind} must owe {-band.ceiling}: was a floor meant?")
    unit = statute.granularity
    if unit is not None and unit.unit > Hours(1):
        found.append(f"the unit is {unit.unit} hours: minutes are written 0:15, or 15m")
    return ["", "Is this so?", *(f"  {doubt}" for doubt in found)] if found else []


def history_text(adopted: Iterable[tuple[Record, Statute]]) -> list[str]:
    """Return which statute was adopted when, newest first; the first of all needs no record."""
    lines = [
        harmless(f"{statute.version}: from record {record.sequence}, {record.recorded_at:%Y-%m-%d}")
        for record, statute in adopted
    ]
    return [*lines, f"{DEFAULT.version}: from the beginning"]


def beyond_text(accounts: Iterable[tuple[Account, Balance]], undated: Sequence[str]) -> list[str]:
    """Return who stands beyond the limits of a statute, and may only move back."""
    lines = []
    for account, balance in accounts:
        low, high = balance.posted - balance.held, balance.posted + balance.incoming
        title = titled(account.id, account.name)
        if balance.floor is not None and low < balance.floor:
            lines.append(f"  {title} stands at {low}, below its floor {balance.floor}")
        if balance.ceiling is not None and high > balance.ceiling:
            lines.append(f"  {title} stands at {high}, above its ceiling {balance.ceiling}")
    found = ["Beyond these limits, and may only move back:", *lines] if lines else []
    found = found or ["Nobody stands beyond these limits."]
    if undated:
        named = ", ".join(map(harmless, undated[:_MOST])) + (", …" if undated[_MOST:] else "")
        found.append(f"Without a day of joining, and so in month 0: {named}")
    return found


def replay_text(tried: Replay) -> list[str]:
    """Return how many could be judged, a line for each account, outcome and rule, and the counts.

    >>> import timebank
    >>> from timebank import Fee, Statute
    >>> from timebank.reports.statute import replay_text
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1"), bank.open_account("m2")
    >>> _ = bank.transfer(earner="m1", spender="m2", hours=5, id="visit")
    >>> for line in replay_text(bank.replay(Statute(version="v2", fee=Fee(share="5%", fund="f")))):
    ...     print(line)
    Judged: all there is, 1 exchange.
    <BLANKLINE>
    Account  Would be  Rule  Exchanges  Hours  First  Last
    -------  --------  ----  ---------  -----  -----  -----
    m2       charged   fee           1   0:15  visit  visit
    <BLANKLINE>
    Under v2, of 1 exchange 1 would be charged otherwise.
    """
    rows: list[Row] = [
        [
            line.account,
            line.outcome,
            line.rule,
            str(line.exchanges),
            str(line.hours),
            line.first,
            line.last,
        ]
        for line in tried.lines
    ]
    lines = [*_coverage(tried), ""]
    lines += [*table(_REPLAY, rows), ""] if rows else []
    lines.append(harmless(_summary(tried)))
    return lines


def _coverage(tried: Replay) -> list[str]:
    """Return how many were judged of what moves hours, and what the others are."""
    judged = counted(tried.judged, "exchange")
    if tried.judged_imports:
        judged += f", {tried.judged_imports:,} of them imported"
    if not tried.exempt:
        return [f"Judged: all there is, {judged}."]
    one = {"imports": "import", "reversals": "reversal", "settlements": "settlement"}
    others = ", ".join(
        f"{counted(number, 'charge')} of dues" if what == "dues" else counted(number, one[what])
        for what in EXEMPTIONS
        if (number := getattr(tried, what))
    )
    lines = [f"Judged: {judged}; not judged: {others}."]
    if tried.imports and not tried.judged_imports:
        lines.append("With --include-imports what was imported is judged as of its own day.")
    return lines


def _summary(tried: Replay) -> str:
    exchanges = counted(tried.judged, "exchange")
    if not tried.judged:
        return f"Under {tried.statute} nothing could be judged."
    if not tried.differs:
        return f"Under {tried.statute} nothing would have been different, of {exchanges}."
    words = {
        "refused": "would be refused",
        "flagged": "would have a flag",
        "charged": "would be charged otherwise",
        "rounded": "would be rounded otherwise",
    }
    counts = ((getattr(tried, outcome), words[outcome]) for outcome in OUTCOMES)
    differences = ", ".join(f"{count:,} {word}" for count, word in counts if count)
    return f"Under {tried.statute}, of {exchanges} {differences}."
