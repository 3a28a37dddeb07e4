"""Show dues, leaving, delegates, events and erasures as text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date

from timebank.hours import Hours
from timebank.model import Erasure
from timebank.model.members import Charge, Delegate, Due, DueReport, Event, Inactive, Leaving
from timebank.reports.corrections import changes_text
from timebank.reports.text import (
    Column,
    Row,
    column,
    harmless,
    kind_text,
    period_text,
    state_text,
    table,
    titled,
)
from timebank.reports.words import Words

# -- dues ----------------------------------------------------------------------------


def due_text(report: DueReport, *, dry_run: bool = False) -> list[str]:
    """Return a line for each charge of a run, and the sum that each fund got.

    >>> from datetime import UTC, date, datetime
    >>> import timebank
    >>> from timebank import Dues, Statute
    >>> from timebank.reports.members import due_text
    >>> bank = timebank.open("memory:", clock=lambda: datetime(2026, 3, 2, tzinfo=UTC))
    >>> _ = bank.open_account("common", kind="fund"), bank.open_account("m1", name="Maria R.")
    >>> _ = bank.adopt(Statute(version="verona/1", dues=Dues(hours=2, fund="common")))
    >>> for line in due_text(bank.run_due(through=date(2026, 3, 2))):
    ...     print(line)
    Due on      Account      What for  Period  Hours  To      Note
    ----------  -----------  --------  ------  -----  ------  ----
    2026-03-02  m1 Maria R.  dues      2026     2:00  common
    <BLANKLINE>
    Charged to 1 account: 2:00, to common 2:00.
    """
    words = Words("members")
    rows: list[Row] = [
        [
            one.since.isoformat(),
            titled(one.account, one.name),
            words.kind(one.rule),
            period_text(one.period),
            str(one.hours),
            one.fund,
            _note(one, words),
        ]
        for one in report.charges
    ]
    lines = [*table(_due_columns(), rows), ""] if rows else []
    return [*lines, *charged_text(report, dry_run=dry_run)]


def charged_text(
    report: DueReport, *, dry_run: bool = False, language: str | None = None
) -> list[str]:
    """Return how much was charged to how many accounts, and who is suspended: no charge by itself.

    >>> from datetime import date
    >>> import timebank
    >>> from timebank.reports.members import charged_text
    >>> report = timebank.open("memory:").run_due(through=date(2026, 3, 2))
    >>> charged_text(report, language="it")
    ["Non c'è nulla di dovuto fino al 2026-03-02."]
    """
    words = Words("members", language)
    lines = [_totals(report, words, "would_charge" if dry_run else "charged")]
    if report.suspended:
        lines.append(words("suspended", names=", ".join(map(harmless, report.suspended))))
    return lines


def _due_columns(*, of_many: bool = True) -> list[Column]:
    return [
        column("due_on"),
        *([column("account", least=16)] if of_many else []),
        column("what_for", least=12),
        column("period"),
        column("hours", right=True),
        column("to", least=12),
        column("note", least=20),
    ]


def _note(one: Charge, words: Words) -> str:
    notes = [] if one.basis is None else [words("of_basis", hours=one.basis)]
    notes += [
        words("below_floor" if flag.rule == "floor" else "above", limit=flag.limit)
        for flag in one.transfer.flags
    ]
    return ", ".join(notes)


def _totals(report: DueReport, words: Words, done: str) -> str:
    if not report.charges:
        return words("nothing_due", day=report.through)
    funds: dict[str, int] = {}
    for one in report.charges:
        funds[one.fund] = funds.get(one.fund, 0) + one.hours.seconds
    to = ", ".join(
        words("to_fund", fund=harmless(fund), hours=Hours.from_seconds(seconds))
        for fund, seconds in sorted(funds.items())
    )
    accounts = len({one.account for one in report.charges})
    return words.counted(done, accounts, hours=report.hours, to=to)


def dues_text(dues: Iterable[Due], account: str) -> list[str]:
    """Return a line for each of what is due of one account and was not charged yet."""
    words = Words("members")
    rows: list[Row] = [
        [
            one.since.isoformat(),
            words.kind(one.rule),
            period_text(one.period),
            str(one.hours),
            one.fund,
            "" if one.basis is None else words("of_basis", hours=one.basis),
        ]
        for one in dues
    ]
    if not rows:
        return [harmless(words("nothing_due_of", account=account))]
    return table(_due_columns(of_many=False), rows)


# -- leaving -------------------------------------------------------------------------


def leaving_text(
    left: Leaving, *, dry_run: bool = False, names: Mapping[str, str] | None = None
) -> list[str]:
    """Return a line for each step by which a member left.

    `names` are those of accounts, delegates and holds, by their ids; an id stands where there is
    none.

    >>> import timebank
    >>> from timebank.reports.members import leaving_text
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1", name="Maria R.")
    >>> leaving_text(bank.leave("m1"))
    ['m1 Maria R. has left: the account is closed.']
    """
    words = Words("members")
    named = _named(names)
    lines = [
        words(
            "dues_line",
            rule=words.kind(one.rule),
            period=period_text(one.period),
            hours=one.hours,
            fund=named(one.fund),
        )
        for one in left.charges
    ]
    lines += [
        words(
            "hold_released",
            hold=named(hold.id),
            hours=hold.hours,
            spenders=", ".join(map(named, hold.spenders)),
            earners=", ".join(map(named, hold.earners)),
        )
        for hold in left.voided
    ]
    lines += [words("delegate_ended", delegate=named(delegate)) for delegate in left.ended]
    lines += [
        words("given_back", hours=given.hours, earners=", ".join(map(named, given.earners)))
        for given in left.given_back
    ]
    if (made := left.disposal) is not None:
        (earner,), (spender,) = made.earners, made.spenders
        is_debt = made.kind == "write-off"
        key = "written_off" if is_debt else f"disposed_{made.kind}"
        lines.append(words(key, hours=made.hours, account=named(spender if is_debt else earner)))
    title = titled(left.account.id, left.account.name)
    lines.append(words("would_leave" if dry_run else "left", account=title))
    return list(map(harmless, lines))


def _named(names: Mapping[str, str] | None) -> Callable[[str], str]:
    """Return what gives the name of an id, or the id."""
    known = names or {}
    return lambda one: known.get(one, one)


# -- who acts, who is away -----------------------------------------------------------


def delegate_text(delegate: Delegate) -> str:
    """Return who may act for an account, and until when."""
    words = Words("members")
    facts: dict[str, object] = {"delegate": delegate.delegate, "account": delegate.account}
    if delegate.until is not None:
        facts["day"] = delegate.until
    return harmless(words("may_act" if delegate.until is None else "may_act_until", **facts))


def events_text(events: Iterable[Event], *, names: Mapping[str, str] | None = None) -> list[str]:
    """Return a line for each event in the history of an account, and one for each change of it.

    `names` are those of accounts and of who acts, by their ids; an id stands where there is none.

    >>> from datetime import UTC, datetime
    >>> import timebank
    >>> from timebank.reports.members import events_text
    >>> bank = timebank.open("memory:", clock=lambda: datetime(2026, 3, 2, tzinfo=UTC))
    >>> _ = bank.open_account("m1"), bank.acting_as("carla").freeze("m1", reason="abroad")
    >>> events_text(bank.events("m1"))
    ['2026-03-02  opened', '2026-03-02  frozen by carla: abroad']
    """
    words = Words("members")
    named = _named(names)
    every = list(events)
    merged = {event.changes["merged"][0] for event in every if event.kind == "merge"}
    lines = []
    for event in every:
        of = named(event.account) if event.account in merged else None
        by = words("by", actor=named(event.actor)) if event.actor else ""
        is_id = event.kind.endswith("_delegate")  # named or ended
        said = named(event.text) if event.text and is_id else event.text
        text = f": {said}" if said else ""
        happened = f"{_happened(event, of, words, named)}{by}{text}"
        lines.append(harmless(f"{event.recorded_at:%Y-%m-%d}  {happened}"))
        if event.kind == "amend_account":
            lines += [f"{'':12}{phrase}" for phrase in changes_text(event.changes)]
    return lines


def _happened(event: Event, of: str | None, words: Words, named: Callable[[str], str]) -> str:
    """Return what happened, in words; `of` is the merged account to which it did."""
    if event.kind == "merge":
        account, into = event.changes["merged"]
        if event.account == account or of:
            return words("merged_into", account=named(account), into=named(into))
        return words("merged_here", account=named(account))
    return f"{'' if of is None else f'{of} '}{words(f'did_{event.kind}')}"


def inactive_text(found: Iterable[Inactive], since: date) -> list[str]:
    """Return a line for each account that exchanged nothing since a day."""
    words = Words("members")
    rows: list[Row] = [
        [
            titled(one.account.id, one.account.name),
            kind_text(one.account.kind),
            state_text(one.account.status),
            one.since.isoformat(),
            words("never") if one.last_exchange is None else one.last_exchange.isoformat(),
            str(one.balance),
        ]
        for one in found
    ]
    if not rows:
        return [words("nobody_idle", day=since)]
    titles = [column(title) for title in ("kind", "status", "member_since", "last_exchange")]
    return table([column("account", least=20), *titles, column("balance", right=True)], rows)


# -- what is erased -------------------------------------------------------------------


def erasure_text(done: Erasure, *, dry_run: bool = False) -> list[str]:
    """Return how many texts went, of whom, and where they may still be read.

    >>> from timebank import Erasure
    >>> from timebank.reports.members import erasure_text
    >>> erasure_text(Erasure("m1", None, 2, (9,), ()))
    ['2 texts of account m1 are erased, says record 9.']
    """
    words = Words("members")
    of = words("of_record", id=done.record)
    if done.account is not None:
        of = words("of_account", id=done.account)
    if not done.texts:
        lines = [words("nothing_left", of=of)]
    elif dry_run:
        lines = [words.counted("would_erase", done.texts, of=of)]
    else:
        lines = [words.counted("erased", done.texts, of=of, says=_says(done.records, words))]
    if dry_run:
        lines.append(words("dry"))
    else:
        lines += [words("remains", where=words.reason(where)) for where in done.remains]
    return [harmless(line) for line in lines]


def _says(records: Sequence[int], words: Words) -> str:
    """Return which records say that texts were erased."""
    if len(records) == 1:
        return words("says", first=records[0])
    return words("say", first=records[0], last=records[-1])
