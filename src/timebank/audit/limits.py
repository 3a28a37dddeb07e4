"""Check that those who took part were allowed to, and nobody was moved beyond a limit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, ClassVar, Final

from timebank.audit.base import AuditCheck, AuditContext, AuditedRecord
from timebank.audit.findings import ASK, Check, quantity
from timebank.audit.plain_runs import PlainRun, Posted
from timebank.errors import shown
from timebank.journal.fold import Derived
from timebank.model import MAX_INTEGER, AccountRow, HoldRow, PostingRow
from timebank.model.said import said, who
from timebank.statute import DEFAULT, Statute, months_between

#: The kinds of record that move or reserve hours. A reversal may go beyond a limit.
_MOVES: Final = frozenset({"transfer", "hold", "settle", "due", "merge", "reverse"})
#: Those for which limits are no hindrance, with a flag.
_UNHINDERED: Final = frozenset({"due", "merge"})
_ACCOUNTS: Final = frozenset(
    {
        *("open_account", "set_limits", "rename", "freeze", "thaw", "close_account", "reopen"),
        *("agree", "end_agreement"),
    }
)

#: The kinds of record that say limits of an account, and what one says that has none of its own.
_LIMITING: Final = frozenset({"open_account", "set_limits"})
#: Accounts of which is kept between what they pass no limit on a day.
_MOST_BOUNDS: Final = 10_000
#: The status of an account under an agreement with another bank.
AGREED: Final = "agreed"
_INHERITED: Final = ("inherit", "inherit")


class Limits(AuditCheck):
    """Checks where accounts stand, and their status, after each record that was executed."""

    key: ClassVar = "limits"
    promises: ClassVar = (
        Check(
            "limits",
            "Nobody was moved further beyond a limit, unless flagged, unchecked or by a reversal, "
            "and only open accounts took part.",
            ASK,
        ),
    )
    kinds: ClassVar = _MOVES | _ACCOUNTS

    def __init__(self, context: AuditContext) -> None:
        super().__init__(context)
        self._fold, self._statutes = context.fold, context.statutes
        #: Between what accounts pass no limit on a day, and the statute of which that is.
        self._bounds: dict[tuple[AccountRow, str], tuple[int, int]] = {}
        self._bounds_under: Statute | None = None

    def record(self, record: AuditedRecord) -> None:
        """Check one record that was executed."""
        derived = record.derived
        if derived is None:
            return
        kind, sequence, account = record.kind, record.sequence, derived.account
        if account is not None:
            if kind in _LIMITING and (account.floor, account.ceiling) != _INHERITED:
                self._ordered(record, account)
            if account.status == "closed":
                self._closed(sequence, account.account, record.content["recorded_at"])
            if kind != "merge":  # whoever takes part in one is looked at beside it
                return
        else:
            self._open(record, record.via, derived.postings)
        if derived.holds:
            self._open(record, None, derived.holds)
        if kind != "reverse" and "limits" not in record.request and not _is_bound(record):
            self._within(record, derived)

    def is_sure(self, run: PlainRun) -> bool:
        """Look at each account of a run once: it is open, and was nowhere beyond a limit."""
        accounts, unchecked = self._fold.accounts, {*run.said.limits} == {"unchecked"}
        for via in filter(None, {*run.said.via}):
            row = accounts.get(via)
            if row is None or row.status in ("closed", AGREED):
                return False
        for account, posted in run.moved.items():
            row = accounts.get(account)
            if row is None or row.status != "open":
                return False
            if not (unchecked or self._stays_within(row, posted, run)):
                return False
        return True

    def _stays_within(self, row: AccountRow, posted: Posted, run: PlainRun) -> bool:
        """Return whether an account moved beyond no limit, were all that is held never released."""
        on = run.said.recorded_on
        days = {on[0]}
        if self._statutes.current.goes_by_months(row.kind):
            first = run.stored.sequence[0]
            days = {on[sequence - first] for sequence in posted.sequence}
        bounds = [self._bounds_of(row, day) for day in days]
        lowest, highest = min(posted.balance), max(posted.balance)
        if row.account in self._fold.holds:
            reserved = self._fold.holds[row.account].values()
            lowest -= sum(one.held for one in reserved)
            highest += sum(one.incoming for one in reserved)
        return all(low <= lowest and highest <= high for low, high in bounds)

    def _bounds_of(self, row: AccountRow, on: str) -> tuple[int, int]:
        """Return between what an account passes no limit on a day; kept, for a run asks again."""
        statute = self._statutes.current
        if self._bounds_under is not statute or len(self._bounds) > _MOST_BOUNDS:
            self._bounds_under, self._bounds = statute, {}
        bounds = self._bounds.get((row, on))
        if bounds is None:
            floor, ceiling, _ = statute.limits_of(row, on)
            lows = (floor, soft_limit(statute, row, "floor", on), -MAX_INTEGER)
            highs = (ceiling, soft_limit(statute, row, "ceiling", on), MAX_INTEGER)
            bounds = self._bounds[row, on] = (
                max(low for low in lows if low is not None),
                min(high for high in highs if high is not None),
            )
        return bounds

    def _ordered(self, record: AuditedRecord, account: AccountRow) -> None:
        """Check that the floor that applies is not above the ceiling that applies."""
        on = record.content["recorded_on"]
        floor, ceiling, _ = self._statutes.current.limits_of(account, on)
        if floor is not None and ceiling is not None and floor > ceiling:
            self._tell(
                record.sequence,
                account.account,
                said("a_floor_of_its_ceiling_at_most", ceiling=quantity(ceiling)),
                quantity(floor),
            )

    def _closed(self, sequence: int, account: str, now: int) -> None:
        _, balance = self._fold.balances[account]
        held, incoming = self._reserved(account, now)
        if balance or held or incoming:
            self.tell(
                "limits",
                said("record_account", sequence=sequence, account=who(account)),
                expected=said("balance_of_zero_where_closed"),
                found=said(
                    "held_incoming",
                    balance=quantity(balance),
                    held=quantity(held),
                    incoming=quantity(incoming),
                ),
            )

    def _open(
        self,
        record: AuditedRecord,
        via: str | None,
        taking_part: Sequence[PostingRow] | Sequence[HoldRow],
    ) -> None:
        accounts, sequence = self._fold.accounts, record.sequence
        for moved in taking_part:
            row = accounts[moved.account]
            status = "missing" if row is None else row.status
            if status in ("open", AGREED):  # what moves that one `Agreements` looks at
                continue
            if status != "frozen" or not _may_be_frozen(record):
                self._refused(sequence, moved.account, status)
        if via is not None:
            row = accounts.get(via)
            if row is None or row.status in ("closed", AGREED):
                self._refused(sequence, via, said("missing") if row is None else row.status)

    def _refused(self, sequence: int, account: str, status: str) -> None:
        self.tell(
            "limits",
            said("record_account", sequence=sequence, account=who(account)),
            expected=said("an_open_account"),
            found=said("it_was", status=status),
        )

    def _reserved(self, account: str, now: int) -> tuple[int, int]:
        rows = self._fold.holds.get(account)
        if not rows:
            return 0, 0
        held = incoming = 0
        for row in rows.values():
            if row.expires_at > now:
                held += row.held
                incoming += row.incoming
        return held, incoming

    def _within(self, record: AuditedRecord, derived: Derived) -> None:
        """Check that whoever moved further beyond a limit may, and has a flag that says so."""
        sequence, content = record.sequence, record.content
        now, on = content["recorded_at"], content["recorded_on"]
        flags = _flags(record.effects["flags"]) if "flags" in record.effects else {}
        falls, rises = _changes(derived)
        rows: Mapping[str, AccountRow | None] = self._fold.accounts
        if record.merging:  # who takes over an account is judged by its own day of joining
            rows = {row.account: row for row in record.merging}
        for rule, changes in (("floor", falls), ("ceiling", rises)):
            for account, change in changes.items():
                beyond = self._beyond(rows.get(account), rule, now, on) if change < 0 else None
                if beyond is not None:
                    moved = (rule, account, change, beyond)
                    self._moved(sequence, record.kind, flags, moved)
        for rule, flagged in flags:
            self._tell(
                sequence,
                flagged,
                said("a_that_was_passed", rule=limit_named(rule)),
                said("a_flag_and_it_was_not"),
            )

    def _moved(
        self,
        sequence: int,
        kind: str,
        flags: dict[tuple[str, str | None], list[dict[str, Any]]],
        moved: tuple[str, str, int, tuple[int, int, str]],
    ) -> None:
        """Check an account that moved by so much beyond a limit; take its flag off the list."""
        rule, account, change, (limit, stands, becomes) = moved
        left = stands - change - limit if rule == "floor" else limit - stands - change
        expected = {
            "rule": rule,
            "account": account,
            "limit": limit,
            "available": max(left, 0),
            "needed": -change,
        }
        found = flags.pop((rule, account), [])
        if not found or (kind not in _UNHINDERED and becomes != "flag"):
            key = "or_more_less_what_is_held" if rule == "floor" else "or_less_with_incoming"
            self._tell(sequence, account, said(key, limit=quantity(limit)), quantity(stands))
        elif found != [expected]:
            told = ", ".join(map(shown, found))
            self._tell(sequence, account, said("the_flag", flag=shown(expected)), told)

    def _beyond(
        self, row: AccountRow | None, rule: str, now: int, on: str
    ) -> tuple[int, int, str] | None:
        """Return the limit that an account is beyond, where it stands, and what becomes of it."""
        if row is None:
            return None
        account = row.account
        statute = self._statutes.current
        floor, ceiling, becomes = statute.limits_of(row, on)
        limit = floor if rule == "floor" else ceiling
        soft = None if statute is DEFAULT else soft_limit(statute, row, rule, on)
        if limit is None and soft is None:
            return None
        _, balance = self._fold.balances[account]
        stands = balance
        if self._fold.holds.get(account):
            held, incoming = self._reserved(account, now)
            stands = balance - held if rule == "floor" else balance + incoming
        if limit is not None and (stands < limit if rule == "floor" else stands > limit):
            return limit, stands, becomes
        if soft is not None and (stands < soft if rule == "floor" else stands > soft):
            return soft, stands, "flag"
        return None

    def _tell(self, sequence: int, account: str | None, expected: str, found: str) -> None:
        place = said("record_account", sequence=sequence, account=who(account))
        self.tell("limits", place, expected=expected, found=found)


def _may_be_frozen(record: AuditedRecord) -> bool:
    """Return whether those who take part may be frozen: what was booked before is taken back."""
    return record.kind == "reverse" or "answer" in record.request or _reverses(record)


def _reverses(record: AuditedRecord) -> bool:
    """Return whether a hold is an offer that moves back what was booked for another bank."""
    return record.kind == "hold" and "reverses" in record.request.get("offer", ())


def _is_bound(record: AuditedRecord) -> bool:
    """Return whether a record passes all limits, for another bank has booked it, or never will."""
    return not record.request.keys().isdisjoint(("answer", "written_off")) or _reverses(record)


def soft_limit(statute: Statute, row: AccountRow, rule: str, on: str) -> int | None:
    """Return the limit beyond which there is a flag, where another within it is refused.

    It is read from the bands here once more: those of the greatest month that has come.
    """
    bands = statute.limits.get(row.kind, ())
    if len(bands) < 2 or (row.floor if rule == "floor" else row.ceiling) != "inherit":  # noqa: PLR2004  # a pair
        return None
    months = 0
    if row.joined_on is not None:
        months = months_between(date.fromisoformat(row.joined_on), date.fromisoformat(on))
    begun = max(band.from_month for band in bands if band.from_month <= months)
    pair = {band.beyond: band for band in bands if band.from_month == begun}
    if len(pair) < 2:  # noqa: PLR2004  # a pair
        return None
    limit = pair["flag"].floor if rule == "floor" else pair["flag"].ceiling
    return None if limit is None else limit.seconds


def limit_named(rule: str) -> str:
    """Return a floor or a ceiling in words; another rule as it is.

    >>> from timebank.audit.limits import limit_named
    >>> limit_named("floor"), limit_named("ceiling"), limit_named("mine")
    ('floor', 'ceiling', 'mine')
    """
    return said(rule) if rule in {"floor", "ceiling"} else rule


def _flags(flags: list[dict[str, Any]]) -> dict[tuple[str, str | None], list[dict[str, Any]]]:
    """Return the flags of limits, by rule and account, of which each has one at most."""
    found: dict[tuple[str, str | None], list[dict[str, Any]]] = {}
    for flag in flags:
        if flag["rule"] in {"floor", "ceiling"}:
            found.setdefault((flag["rule"], flag.get("account")), []).append(flag)
    return found


def _changes(derived: Derived) -> tuple[dict[str, int], dict[str, int]]:
    """Return by how much each account may spend more, and earn more; negative is less."""
    falls: dict[str, int] = {}
    rises: dict[str, int] = {}
    for posting in derived.postings:
        id, seconds = posting.account, posting.seconds
        falls[id] = falls.get(id, 0) + seconds
        rises[id] = rises.get(id, 0) - seconds
    if derived.holds:
        _reserve(falls, rises, derived.holds, -1)
    if derived.resolved:
        _reserve(falls, rises, derived.resolved, 1)
    return falls, rises


def _reserve(
    falls: dict[str, int], rises: dict[str, int], rows: Iterable[HoldRow], sign: int
) -> None:
    for row in rows:
        falls[row.account] = falls.get(row.account, 0) + sign * row.held
        rises[row.account] = rises.get(row.account, 0) + sign * row.incoming
