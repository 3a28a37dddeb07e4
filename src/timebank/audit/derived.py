"""Compare the derived rows with the journal: accounts, postings, holds, statutes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any, ClassVar, Final

from timebank.audit.base import UNREADABLE, AuditCheck, AuditContext, AuditedRecord, Page, State
from timebank.audit.findings import MOST_FINDINGS, Check, quantity
from timebank.audit.plain_runs import PlainRun, Posted
from timebank.audit.plain_transfers import parse_plain_transfer
from timebank.errors import TimebankError, shown
from timebank.journal import parse
from timebank.journal.fold import Fold
from timebank.model import (
    MAX_INTEGER,
    NEVER,
    AccountRow,
    HoldRow,
    PostingRow,
    RecordRow,
    StatuteRow,
    instant,
)
from timebank.model.said import said, who
from timebank.storage.protocol import Reader, finds_postings, gives_columns, surveys

#: Expected postings that are kept before they are compared: many accounts, one read each.
PENDING: Final = 20_000
PAGE: Final = 500


class DerivedRows(AuditCheck):
    """Expects the rows of each record; compares them by account, thousands at a time."""

    key: ClassVar = "derived"
    promises: ClassVar = (
        Check(
            "derived",
            "Accounts, postings, open holds and statutes are what the journal says.",
            "advice_rebuild",
            about="rows",
        ),
    )
    kinds: ClassVar = frozenset(
        {
            *("transfer", "reverse", "settle", "due", "merge"),
            *("adopt", "restart_clock", "close_books"),
        }
    )

    def __init__(self, context: AuditContext) -> None:
        super().__init__(context)
        self._reader = context.reader
        #: The rows to expect, by account.
        self._pending: dict[str, Posted] = {}
        self._count = 0
        self._totals: dict[str, tuple[int, int]] = {}
        self._differing: set[str] = set()
        self._statutes: list[StatuteRow] = []

    def start(self) -> None:
        """Compare the rows of the last records before a checkpoint."""
        findings = self.context.findings
        if not self.context.recent or findings.count("chain") or findings.count("sequence"):
            return  # of records that were changed nothing follows
        with self.reading("postings"):
            recent = self._recent()
            wanted = [(id, rows[0].version - 1, rows[-1].version) for id, rows in recent.items()]
            if stored_together(self._reader, wanted) == [*chain.from_iterable(recent.values())]:
                return
            for account, rows in recent.items():
                self._compare_one(account, rows)

    def _recent(self) -> dict[str, list[PostingRow]]:
        """Return the rows of the last records, by account, from where it stood behind them."""
        found: dict[str, list[PostingRow]] = {}
        balances = self.context.fold.balances
        stands: dict[str, tuple[int, int]] = {}
        for row in reversed(self.context.recent):
            effects = (parse_plain_transfer(row.body) or parse(row.body))["effects"]
            for account, seconds in reversed(effects.get("postings", ())):
                version, balance = stands.get(account) or balances[account]
                day = effects["occurred_on"]
                one = PostingRow(account, version, row.sequence, seconds, balance, day)
                found.setdefault(account, []).append(one)
                stands[account] = (version - 1, balance - seconds)
        return {account: rows[::-1] for account, rows in found.items()}

    def record(self, record: AuditedRecord) -> None:
        """Expect the rows of a record that was executed."""
        derived = record.derived
        if derived is None:
            return
        if derived.statute is not None:
            self._statutes.append(derived.statute)
        postings = derived.postings
        if not postings:
            return
        pending = self._pending
        for row in postings:
            one = Posted([row.version], [row.sequence], [row.seconds], [row.balance], [row.day])
            if row.account in pending:
                pending[row.account].add(one)
            else:
                pending[row.account] = one
        self._count += len(postings)

    def is_sure(self, run: PlainRun) -> bool:
        """Return that nothing is told now: the rows of a run are compared with many others."""
        return True

    def take(self, run: PlainRun) -> None:
        """Expect the rows of a run."""
        pending = self._pending
        for account, posted in run.moved.items():
            if account in pending:
                pending[account].add(posted)
            else:
                pending[account] = posted
        self._count += 2 * len(run)

    def page(self, page: Page) -> None:
        """Compare the postings that wait, where there are many."""
        if self._count >= PENDING:
            self.pause()

    def pause(self) -> None:
        """Compare the postings that wait."""
        with self.reading("postings"):
            self._compare()

    def finish(self) -> None:
        """Compare the rest, and look for rows that nothing explains.

        Where the audit began at a checkpoint, only the last of the postings that were there
        before are looked at.
        """
        with self.reading("accounts_and_postings"):
            fold = self.context.fold
            are_known = self.context.since is not None and self._end_as_expected(fold)
            self._compare(are_stored=are_known)
            count, rowless = self._accounts(fold)
            if not are_known:
                self._ends(fold, rowless)
            for place, compare in (("open_holds", self._holds), ("statutes", self._adopted)):
                try:
                    compare(fold)
                except TimebankError as error:
                    self._damaged(said(place), error)
            self.context.accounts = count

    def _end_as_expected(self, fold: Fold) -> bool:
        """Return whether all rows since a checkpoint are as expected, and no others come behind.

        It is asked at once, of a store that can tell; of an account that nobody moved the last row
        that is known is looked at.
        """
        reader, pending = self._reader, self._pending
        if not finds_postings(reader):
            return False
        still = {id: one for id, one in fold.balances.items() if id not in pending}
        with suppress(*UNREADABLE):
            last = reader.postings_behind([(id, max(at - 1, 0)) for id, (at, _) in still.items()])
            expected = [(id, *one) for id, one in still.items() if one != (0, 0)]
            if expected == [(row.account, row.version, row.balance) for row in last]:
                moved = [(id, one.version[0] - 1) for id, one in pending.items()]
                return _are_all(pending, [*zip(*reader.postings_behind(moved), strict=True)])
        return False

    def _ends(self, fold: Fold, rowless: Collection[str]) -> None:
        """Look for rows behind the last that is expected, and at the sums, or the last, of each."""
        last = last_by_account(self._reader)
        for account, (version, balance) in fold.balances.items():
            try:
                # What lies behind the version that is expected would be the last.
                is_as_expected = (
                    last is not None
                    and account not in rowless
                    and last.get(account, (0, 0)) == (version, balance)
                )
                if not is_as_expected:
                    self._rest(account, version)
                if self.context.since is None:
                    self._sums(account)
                elif not is_as_expected:
                    self._last(account, version, balance)
            except TimebankError as error:
                self._damaged(said("postings_of_account", account=who(account)), error)

    # -- checkpoints and stretches -----------------------------------------------------------

    def state(self) -> State:
        """Return what each account earned and spent, and the rows of statutes."""
        return {
            "totals": {account: list(total) for account, total in self._totals.items()},
            "statutes": [list(row) for row in self._statutes],
        }

    def restore(self, state: State) -> None:
        """Restore what was expected before."""
        self._totals = {id: (earned, spent) for id, (earned, spent) in state["totals"].items()}
        self._statutes = [StatuteRow(*row) for row in state["statutes"]]

    def assume(self, record: AuditedRecord) -> None:
        """Expect the row of an adoption, or of what else has one of a statute."""
        if record.derived is not None and record.derived.statute is not None:
            self._statutes.append(record.derived.statute)

    def assume_balances(self, last: RecordRow) -> None:
        """Let each stretch count its own totals."""
        self._totals.clear()

    def proof(self) -> Iterable[Any]:
        """Yield the rows of statutes: the totals are those of a stretch alone."""
        yield [list(row) for row in self._statutes]

    def counted(self) -> Any:
        """Return what each account earned and spent in the stretch."""
        return self.state()["totals"]

    def add_counted(self, counted: dict[str, list[int]]) -> None:
        """Add what accounts earned and spent in another stretch."""
        for id, (more_earned, more_spent) in counted.items():
            earned, spent = self._totals.get(id, (0, 0))
            self._totals[id] = (earned + more_earned, spent + more_spent)

    # -- postings ----------------------------------------------------------------------------

    def _compare(self, *, are_stored: bool = False) -> None:
        """Compare what is stored of the accounts that moved, unless it was seen."""
        pending, self._pending, self._count = self._pending, {}, 0
        wanted = [(id, one.version[0] - 1, one.version[-1]) for id, one in pending.items()]
        are_stored = are_stored or _are_all(pending, _columns(self._reader, wanted))
        for account, posted in pending.items():
            try:
                if not are_stored:
                    self._compare_one(account, posted.rows(account))
            except TimebankError as error:
                self._damaged(said("postings_of_account", account=who(account)), error)
                self._differing.add(account)
            earned, spent = self._totals.get(account, (0, 0))
            total, both = sum(posted.seconds), sum(map(abs, posted.seconds))
            self._totals[account] = (earned + (both + total) // 2, spent + (both - total) // 2)

    def _compare_one(self, account: str, rows: list[PostingRow]) -> None:
        """Compare what is stored of one account."""
        if self._reader.postings(account, after=rows[0].version - 1, limit=len(rows)) != rows:
            self._explain(account, rows)

    def _explain(self, account: str, rows: list[PostingRow]) -> None:
        """Tell which rows differ; rows between two versions push others off the page."""
        self._differing.add(account)
        limit = len(rows) + MOST_FINDINGS
        found = self._reader.postings(account, after=rows[0].version - 1, limit=limit)
        stored = {row.version: row for row in found}
        for row in rows:
            other = stored.pop(row.version, None)
            if other != row:
                self._missing(row, other)
        for version, row in stored.items():
            if _is_number(version) and version <= rows[-1].version:
                self._extra(row)

    def _missing(self, row: PostingRow, other: PostingRow | None) -> None:
        self.tell(
            "derived",
            said("posting_of_account", version=row.version, account=who(row.account)),
            expected=_posting(row),
            found=said("no_such_row") if other is None else _posting(other),
        )

    def _extra(self, row: PostingRow) -> None:
        self.tell(
            "derived",
            said("posting_of_account", version=shown(row.version), account=who(row.account)),
            expected=said("no_such_row"),
            found=_posting(row),
        )

    def _holds(self, fold: Fold) -> None:
        """Compare the rows of open holds, expired ones too."""
        rows = [row for held in fold.holds.values() for row in held.values()]
        expected = {(row.sequence, row.account): row for row in rows}
        after = (-MAX_INTEGER, "")
        while page := self._reader.holds(after=after, limit=PAGE):
            for row in page:
                self._other("hold", expected.pop((row.sequence, row.account), None), row)
            after = (page[-1].sequence, page[-1].account)
        for row in expected.values():
            self._other("hold", row, None)

    def _adopted(self, fold: Fold) -> None:
        expected = {row.sequence: row for row in self._statutes}
        before = MAX_INTEGER + 1
        while page := self._reader.statutes(before=before, limit=PAGE):
            for row in page:
                self._other("statute", expected.pop(row.sequence, None), row)
            before = page[-1].sequence
        for row in expected.values():
            self._other("statute", row, None)

    def _other(
        self, what: str, expected: HoldRow | StatuteRow | None, found: HoldRow | StatuteRow | None
    ) -> None:
        row = expected or found
        if row is None or expected == found:
            return
        words = [_row(one) for one in (expected, found)]
        place = said("row_of_the_of_record", what=what, sequence=shown(row.sequence))
        self.tell("derived", place, expected=words[0], found=words[1])

    def _rest(self, account: str, version: int) -> None:
        """Tell the postings of an account that no record led to."""
        for row in self._reader.postings(account, after=version, limit=MOST_FINDINGS):
            self._differing.add(account)
            self._extra(row)

    def _sums(self, account: str) -> None:
        """Compare the sums of an account's postings.

        Where the storage did not say here that all its indexes are well, they are summed by day,
        which is along one of them.
        """
        expected, context = self._totals.get(account, (0, 0)), self.context
        is_asked = not (context.is_storage_apart or context.is_storage_known)
        is_well, totals = is_asked and not context.findings.count("file"), self._reader.totals
        found = totals(account) if is_well else totals(account, since="")
        # A row that no version leads to can only add to a sum: both are of positives.
        if found != expected and account not in self._differing:
            self.tell(
                "derived",
                said("postings_of_account", account=who(account)),
                expected=said(
                    "earned_and_spent", earned=quantity(expected[0]), spent=quantity(expected[1])
                ),
                found=said("earned_and_spent", earned=quantity(found[0]), spent=quantity(found[1])),
            )

    def _last(self, account: str, version: int, balance: int) -> None:
        """Compare the last posting of an account: its version and its balance."""
        row = self._reader.last_posting(account)
        found = (0, 0) if row is None else (row.version, row.balance)
        if found != (version, balance) and account not in self._differing:
            self.tell(
                "derived",
                said("postings_of_account", account=who(account)),
                expected=said("postings_and_balance", number=version, balance=quantity(balance)),
                found=said(
                    "postings_and_balance", number=shown(found[0]), balance=quantity(found[1])
                ),
            )

    def _accounts(self, fold: Fold) -> tuple[int, Collection[str]]:
        """Compare the accounts; return their number, and those whose rows were not seen."""
        expected = {id: row for id, row in fold.accounts.items() if row is not None}
        count = len(expected)
        try:
            nameless = self._reader.account("")
            page = [] if nameless is None else [nameless]
            page += self._reader.accounts(after=None, limit=PAGE)
            while page:
                for row in page:
                    self._account(expected.pop(row.account, None), row)
                page = self._reader.accounts(after=page[-1].account, limit=PAGE)
        except TimebankError as error:
            self._damaged(said("accounts"), error)
            self._one_by_one(expected)
        else:
            for row in expected.values():
                self._account(row, None)
        return count, expected

    def _one_by_one(self, expected: dict[str, AccountRow]) -> None:
        """Compare accounts one by one, where a row spoils its page."""
        for id, row in expected.items():
            try:
                self._account(row, self._reader.account(id))
            except TimebankError as error:
                self._damaged(said("account", account=who(id)), error)

    def _damaged(self, place: str, error: TimebankError) -> None:
        self.tell("derived", place, expected=said("rows_that_can_be_read"), found=str(error))

    def _account(self, row: AccountRow | None, found: AccountRow | None) -> None:
        """Compare a row by value and by type: 1.0 is not 1."""
        if row == found and [*map(type, row or ())] == [*map(type, found or ())]:
            return
        there = row or found
        if there is None:  # pragma: no cover  # one of the two is there
            return
        place = said("account", account=who(there.account))
        if row is None or found is None:
            words = (
                (said("no_such_row"), said("a_row"))
                if row is None
                else (_account(row), said("no_such_row"))
            )
            self.tell("derived", place, expected=words[0], found=words[1])
            return
        for field, expected, value in zip(AccountRow._fields, row, found, strict=True):
            if expected != value or type(expected) is not type(value):
                self.tell(
                    "derived",
                    place,
                    expected=said("field_value", field=field, value=shown(expected)),
                    found=said("field_value", field=field, value=shown(value)),
                )


def _are_all(expected: Mapping[str, Posted], found: Sequence[Sequence[Any]]) -> bool:
    """Return whether columns are those that are expected, in this order, and have no other row."""
    if not expected:
        return not any(found)
    accounts = chain.from_iterable([id] * len(one.version) for id, one in expected.items())
    columns = map(chain.from_iterable, zip(*expected.values(), strict=True))
    return [*map(list, found)] == [*map(list, (accounts, *columns))]


def _columns(reader: Reader, wanted: Sequence[tuple[str, int, int]]) -> Sequence[Sequence[Any]]:
    """Return the columns of what `stored_together` returns."""
    if gives_columns(reader):
        with suppress(*UNREADABLE):
            return reader.posting_columns(wanted)
        return []
    return [*zip(*stored_together(reader, wanted), strict=True)]


def stored_together(reader: Reader, wanted: Sequence[tuple[str, int, int]]) -> list[PostingRow]:
    """Return the postings of accounts, each above a version and up to another, in this order.

    There are none of a store that cannot look them up together, or where one cannot be read.
    """
    if finds_postings(reader):
        with suppress(*UNREADABLE):
            return reader.postings_between(wanted)
    return []


def last_by_account(
    reader: Reader, *, through: int | None = None
) -> dict[str, tuple[int, int]] | None:
    """Return the version and balance of the last posting, up to a record, of accounts with a row.

    `None` is of a store that cannot tell them together, or where one of them cannot be read.
    """
    if not surveys(reader):
        return None
    found: dict[str, tuple[int, int]] = {}
    after = ""
    with suppress(*UNREADABLE):
        while page := reader.last_postings(after=after, limit=PAGE, through=through):
            found |= {row.account: (row.version, row.balance) for row in page}
            after = page[-1].account
        return found
    return None


def _row(row: HoldRow | StatuteRow | None) -> str:
    """Return a row in words; one that a tool filled with anything, as it stands."""
    match row:
        case None:
            return said("no_such_row")
        case HoldRow(account=account, held=int(held), incoming=int(incoming), expires_at=expires):
            sides = {"held": quantity(held), "incoming": quantity(incoming)}
            return said("hold_row_is", account=who(account), expires=_instant(expires), **sides)
        case StatuteRow(version=version, closed_through=None):
            return said("statute_row_is", version=shown(version))
        case StatuteRow(version=version, closed_through=day):
            return said("closing_row_is", version=shown(version), day=shown(day))
    return shown(tuple(row))  # type: ignore[unreachable]  # a tampered column may hold anything


def _instant(microseconds: object) -> str:
    """Return an instant as people read it; what is none as it stands."""
    if microseconds == NEVER:
        return said("never")
    try:
        return str(instant(microseconds).replace(tzinfo=None))  # type: ignore[arg-type]  # a tampered column may hold anything
    except (OverflowError, TypeError, ValueError, TimebankError):
        return shown(microseconds)


def _is_number(version: object) -> bool:
    """Return whether a version is a number: a tampered column may hold anything."""
    return isinstance(version, int | float)


def _posting(row: PostingRow) -> str:
    return said(
        "posting_is",
        seconds=quantity(row.seconds),
        day=f"{row.day!s:.40}",
        balance=quantity(row.balance),
        sequence=shown(row.sequence),
    )


def _account(row: AccountRow) -> str:
    return said("account_opened_by_record", kind=row.kind, status=row.status, opened=row.opened)
