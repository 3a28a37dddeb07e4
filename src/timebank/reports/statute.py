"""Show a statute, its history and its replay in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from timebank.hours import Hours
from timebank.model import Account, Balance, Record
from timebank.queries.replay import EXEMPTIONS, OUTCOMES, Replay
from timebank.reports.text import Row, column, harmless, kind_text, limit_text, table, titled
from timebank.reports.words import Words
from timebank.statute import DEFAULT, Band, Demurrage, Dues, Fee, Statute

_MOST: Final = 10


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
    words = Words("statute")
    rows: list[Row] = [
        [
            kind_text(kind),
            words("month", n=band.from_month) if band.from_month else words("joining"),
            limit_text(band.floor),
            limit_text(band.ceiling),
            words(f"beyond_{band.beyond}"),
        ]
        for kind, bands in statute.limits.items()
        for band in bands
    ]
    lines = [harmless(words("title", version=statute.version, zone=statute.time_zone)), ""]
    if rows:
        limits = (column("floor", right=True), column("ceiling", right=True), column("beyond"))
        lines += [*table((column("kind"), column("from_month"), *limits), rows), ""]
        lines.append(words("unnamed"))
        if any(_has_two(bands) for bands in statute.limits.values()):
            lines.append(words("two"))
    else:
        lines.append(words("no_limits"))
    return lines + [harmless(line) for line in _rules(statute, words)]


def _has_two(bands: Sequence[Band]) -> bool:
    """Return whether a soft limit lies within a hard one."""
    return len({band.from_month for band in bands}) < len(bands)


def _rules(statute: Statute, words: Words) -> list[str]:
    lines = []
    if (unit := statute.granularity) is not None:
        lines.append(words(f"units_{unit.rounding}", unit=unit.unit))
    if (largest := statute.largest_exchange) is not None:
        beyond = words(f"beyond_{largest.beyond}")
        lines.append(words("largest", hours=largest.hours, beyond=beyond))
    if (days := statute.record_within) is not None:
        lines.append(words.counted("within", days.days, beyond=words(f"beyond_{days.beyond}")))
    if statute.fee is not None:
        lines.append(_fee(statute.fee, words))
    if (welcome := statute.welcome) is not None:
        given = "joining" if welcome.given == "on joining" else "asked"
        key = f"welcome_{given}_{'back' if welcome.due_back else 'keep'}"
        each = _each(welcome.kinds, words)
        lines.append(words(key, each=each, hours=welcome.hours, fund=welcome.fund))
    lines += [_dues(rule, words) for rule in statute.dues]
    if statute.demurrage is not None:
        lines.append(_demurrage(statute.demurrage, words))
    return lines


def _each(kinds: Sequence[str], words: Words) -> str:
    one, *others = map(kind_text, kinds)
    for other in others:
        one = words("or", one=one, other=other)
    return words("each", kinds=one)


def _dues(rule: Dues, words: Words) -> str:
    first = ""
    if rule.every != "once":
        first = words(f"first_{rule.first_period}", every=words(f"every_{rule.every}"))
    return words(
        "dues",
        each=_each(rule.kinds, words),
        hours=rule.hours,
        fund=rule.fund,
        when=words(f"when_{rule.every}"),
        name=words.kind(rule.name),
        from_month=words("from_month", n=rule.from_month) if rule.from_month else "",
        first=first,
    )


def _demurrage(rule: Demurrage, words: Words) -> str:
    return words(
        f"demurrage_{'up' if rule.remainder_to == 'fund' else 'down'}",
        each=_each(rule.kinds, words),
        share=rule.share,
        above=rule.above,
        fund=rule.fund,
        when=words(f"when_{rule.every}"),
        unit=rule.unit,
    )


def _fee(fee: Fee, words: Words) -> str:
    if fee.fixed is not None:
        return words(f"fee_fixed_{fee.payer}", much=fee.fixed, fund=fee.fund)
    rounded = "up" if fee.remainder_to == "fund" else "down"
    key = f"fee_share_{fee.payer}_{rounded}"
    return words(key, much=fee.share, fund=fee.fund, unit=fee.unit)


def doubts_text(statute: Statute) -> list[str]:
    """Return a line for each value that is allowed but is more often a slip."""
    words, found = Words("statute"), []
    for kind, bands in statute.limits.items():
        for band in bands:
            if band.floor is not None and band.floor.seconds > 0:
                found.append(words("doubt_floor", kind=kind_text(kind), hours=band.floor))
            if band.ceiling is not None and band.ceiling.seconds < 0:
                found.append(words("doubt_ceiling", kind=kind_text(kind), hours=-band.ceiling))
    unit = statute.granularity
    if unit is not None and unit.unit > Hours(1):
        found.append(words("doubt_unit", unit=unit.unit))
    return ["", words("doubts"), *(f"  {doubt}" for doubt in found)] if found else []


def history_text(adopted: Iterable[tuple[Record, Statute]]) -> list[str]:
    """Return which statute was adopted when, newest first; the first of all needs no record."""
    words = Words("statute")
    lines = []
    for record, statute in adopted:
        facts = {"version": statute.version, "sequence": record.sequence}
        lines.append(harmless(words("adopted", **facts, day=f"{record.recorded_at:%Y-%m-%d}")))
    return [*lines, words("from_start", version=DEFAULT.version)]


def adopted_text(statute: Statute, sequence: int | None) -> str:
    """Return from which record on a statute is in force; `None` where it was before."""
    words = Words("statute")
    if sequence is None:
        return harmless(words("was_in_force", version=statute.version))
    return harmless(words("in_force", version=statute.version, sequence=sequence))


def beyond_text(accounts: Iterable[tuple[Account, Balance]], undated: Sequence[str]) -> list[str]:
    """Return who stands beyond the limits of a statute, and may only move back."""
    words = Words("statute")
    lines = []
    for account, balance in accounts:
        low, high = balance.posted - balance.held, balance.posted + balance.incoming
        title = titled(account.id, account.name)
        if balance.floor is not None and low < balance.floor:
            lines.append(words("below", account=title, balance=low, limit=balance.floor))
        if balance.ceiling is not None and high > balance.ceiling:
            lines.append(words("above", account=title, balance=high, limit=balance.ceiling))
    found = [words("beyond"), *lines] if lines else [words("nobody_beyond")]
    if undated:
        named = ", ".join(map(harmless, undated[:_MOST])) + (", …" if undated[_MOST:] else "")
        found.append(words("undated", names=named))
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
    words = Words("statute")
    rows: list[Row] = [
        [
            line.account,
            words(f"outcome_{line.outcome}"),
            _rule(line.rule, words),
            str(line.exchanges),
            str(line.hours),
            line.first,
            line.last,
        ]
        for line in tried.lines
    ]
    columns = [
        column("account", least=12),
        column("would_be"),
        column("rule"),
        column("exchanges", right=True),
        column("hours", right=True),
        column("first", least=8),
        column("last", least=8),
    ]
    lines = [*_coverage(tried, words), ""]
    lines += [*table(columns, rows), ""] if rows else []
    lines.append(harmless(_summary(tried, words)))
    return lines


def _rule(rule: str, words: Words) -> str:
    key = f"rule_{rule.replace(' ', '_')}"
    return words(key) if words.has(key) else rule


def _coverage(tried: Replay, words: Words) -> list[str]:
    """Return how many were judged of what moves hours, and what the others are."""
    judged = words.counted("exchanges", tried.judged)
    if tried.judged_imports:
        judged = words("of_them_imported", judged=judged, n=words.number(tried.judged_imports))
    if not tried.exempt:
        return [words("judged_all", judged=judged)]
    others = ", ".join(
        words.counted("charges" if what == "dues" else what, number)
        for what in EXEMPTIONS
        if (number := getattr(tried, what))
    )
    lines = [words("judged", judged=judged, others=others)]
    if tried.imports and not tried.judged_imports:
        lines.append(words("include"))
    return lines


def _summary(tried: Replay, words: Words) -> str:
    exchanges = words.counted("exchanges", tried.judged)
    if not tried.judged:
        return words("none_judged", statute=tried.statute)
    if not tried.differs:
        return words("none_differs", statute=tried.statute, exchanges=exchanges)
    counts = ((getattr(tried, outcome), outcome) for outcome in OUTCOMES)
    differences = ", ".join(
        words(f"would_{outcome}", n=words.number(count)) for count, outcome in counts if count
    )
    return words("differs", statute=tried.statute, exchanges=exchanges, differences=differences)
