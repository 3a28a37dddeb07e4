"""Corrections among all else: an honest journal is well after each step, and closed books stay.

The machine of clocks goes on with amendments, closings, merges and erasures. Whoever closes books
notes what was posted up to that day, by code of its own that reads the bytes of records: as long as
they are closed it is the same, whatever else is called, and so is what was known at the closing.
"""

from __future__ import annotations

from datetime import date, time, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from rules.test_clock_machine import ACCOUNTS, Clocks, accounts
from support import examples
from timebank import BooksClosed, Closing, Hold, TimeBank, Transfer
from timebank.journal import parse

labels = st.sampled_from([None, "care", "shopping"])
texts = st.sampled_from([None, "", "by bus", "Maria's"])
times = st.sampled_from([None, time(9, 30), time(23, 59)])

#: What was posted of an account: its record, its seconds and its day, in order.
Posted = dict[str, list[tuple[int, int, str]]]


def posted(bank: TimeBank, through: str) -> Posted:
    """What records say was posted up to a day of service, by account."""
    found: Posted = {}
    for record in bank.records():
        effects = parse(record.bytes)["effects"]
        for account, seconds in effects.get("postings", ()):
            if effects["occurred_on"] <= through:
                line = (record.sequence, seconds, effects["occurred_on"])
                found.setdefault(account, []).append(line)
    return found


def called(call: str, bank: TimeBank, **given: Any) -> Any:
    """What a call of a bank comes to."""
    return getattr(bank, call)(**given)


class Corrections(Clocks):
    """Clocks that jump, and people who put right what was entered."""

    def __init__(self) -> None:
        super().__init__()
        self.closed: list[tuple[Closing, Posted]] = []

    # -- what is put right -----------------------------------------------------------------

    @precondition(lambda self: self.transfers or self.holds)
    @rule(data=st.data(), category=labels, note=texts, begins=times)
    def amend(
        self, data: st.DataObject, category: str | None, note: str | None, begins: time | None
    ) -> None:
        """What an exchange was for; repeated, nothing is appended."""
        id = data.draw(st.sampled_from([*self.transfers[-6:], *self.holds[-6:]]))
        given: Any = {"category": category, "note": note, "started_at": begins, "reason": "a slip"}
        amended = self.both(lambda bank: bank.amend(id, **given))
        if isinstance(amended, Transfer | Hold):
            assert (category, begins) == (amended.category, amended.started_at)
            head = self.banks[0].head()
            self.both(lambda bank: bank.amend(id, **given))
            assert head == self.banks[0].head()

    @rule(
        id=accounts,
        kind=st.sampled_from(["member", "group", "organisation"]),
        months=st.sampled_from([None, 0, 1, 8, 30, -3]),
    )
    def amend_account(self, id: str, kind: str, months: int | None) -> None:
        """The kind, and the day of joining."""
        day = None if months is None else (self.now - timedelta(days=31 * months)).date()
        self.both(lambda bank: bank.amend_account(id, kind=kind, joined_on=day, reason="a slip"))

    @rule(id=accounts, into=accounts)
    def merge(self, id: str, into: str) -> None:
        """Two accounts that are of one member."""
        self.both(lambda bank: bank.merge(id, into=into, reason="twice the same"))

    @rule(id=accounts)
    def erase(self, id: str) -> None:
        """The texts of a member."""
        done = self.both(lambda bank: getattr(bank.erase(id, reason="asked for"), "records", 0))
        if isinstance(done, tuple) and all(type(one) is int for one in done):
            assert 0 == self.both(lambda bank: bank.erase(id, reason="asked for").texts)

    @rule(up=accounts, down=accounts, days=st.sampled_from([-40, -1, 1, 3, 200]), note=texts)
    def plan(self, up: str, down: str, days: int, note: str | None) -> None:
        """Hours reserved for some day."""
        id, day = self.fresh(), (self.now + timedelta(days=days)).date()
        self.both(
            lambda bank: bank.hold(
                earner=up, spender=down, hours=1, id=id, occurred_on=day, note=note
            )
        )
        self.holds.append(id)

    # -- closed books ----------------------------------------------------------------------

    @rule(days=st.sampled_from([None, 0, 1, 2, 30, 90, 400]), due=st.booleans())
    def close_books(self, days: int | None, due: bool) -> None:
        """Close them, after all that is due was charged or not; or open them again."""
        through = None if days is None else (self.now - timedelta(days=days)).date()
        if due and through is not None:
            self.both(lambda bank: bank.run_due(through=through))
        closing = self.both(lambda bank: bank.close_books(through=through, reason="approved"))
        if isinstance(closing, Closing):
            self.note()

    def note(self) -> None:
        """Note what is posted of closed days; of books that were opened again no longer."""
        closing = next(self.banks[0].closings(), None)
        through = None if closing is None else closing.through
        self.closed = [
            (one, was)
            for one, was in self.closed
            if through is not None and one.through is not None and one.through <= through
        ]
        if closing is not None and through is not None:
            self.closed.append((closing, posted(self.banks[0], through.isoformat())))

    def restart(self) -> None:
        """A restart may move the closed day back."""
        super().restart()
        self.note()

    @invariant()
    def closed_books_stay(self) -> None:
        """Line by line; and nobody can post there."""
        bank = self.banks[0]
        for closing, was in self.closed:
            through = closing.through
            assert through is not None
            assert was == posted(bank, through.isoformat())
            for line in bank.trial_balance(on=through).lines:
                lines = was.get(line.account, [])
                assert line.balance.seconds == sum(seconds for _, seconds, _ in lines)
        if self.closed:
            assert next(bank.closings()).through is not None

    @precondition(lambda self: self.closed)
    @rule(up=accounts, down=accounts, days=st.sampled_from([0, 1, 30, 9_000]))
    def post_in_closed_books(self, up: str, down: str, days: int) -> None:
        """It is refused, whatever it is."""
        last = next(iter(self.banks[0].closings())).through
        if up == down or last is None or self.is_behind():
            return
        day = max(last - timedelta(days=days), date(1, 1, 1))
        for call in ("transfer", "hold"):
            id = self.fresh()
            given: dict[str, Any] = {"earner": up, "spender": down, "hours": 1, "id": id}
            told = self.both(partial(called, call, occurred_on=day, **given))
            assert BooksClosed is told[0], told

    @invariant()
    def all_is_well(self) -> None:
        """The audit finds nothing after any step."""
        assert () == self.banks[0].audit().findings

    @invariant()
    def who_was_merged_is_at_zero(self) -> None:
        """And closed, whatever was reversed since."""
        bank = self.banks[0]
        for account in bank.accounts():
            if account.merged_into is not None:
                assert ("closed", 0) == (account.status, bank.balance(account.id).posted.seconds)
                assert account.id in ACCOUNTS


class PostgresCorrections(Corrections):
    """Beside PostgreSQL."""

    other = "postgresql"


class MariaDbCorrections(Corrections):
    """Beside MariaDB."""

    other = "mariadb"


Corrections.TestCase.settings = examples(60, steps=40)
TestCorrections = Corrections.TestCase

PostgresCorrections.TestCase.settings = examples(6, steps=30)
TestCorrectionsPostgres = pytest.mark.servers(PostgresCorrections.TestCase)

MariaDbCorrections.TestCase.settings = examples(6, steps=30)
TestCorrectionsMariaDb = pytest.mark.servers(MariaDbCorrections.TestCase)
