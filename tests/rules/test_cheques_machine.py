"""The life of cheques against a model of it: issued, entered, voided, reversed, merged."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

import timebank
from support import examples, sources
from timebank import AccountNotOpen, InvalidRequest
from timebank.contrib import cheques
from timebank.contrib.cheques import (
    Booklet,
    BookletNotFound,
    BookletTaken,
    ChequeEntered,
    ChequeNotFound,
    ChequeVoided,
    Number,
)

ACCOUNTS = ("anna", "bruno", "carla", "dora")
accounts = st.sampled_from(ACCOUNTS)
numbers = st.builds(Number, st.integers(1, 4), st.integers(1, 4))
CODES = st.sampled_from(["lost", "stolen"])


class Cheques(RuleBasedStateMachine):
    """A bank, and what a clerk with a pencil knows of its cheques."""

    def __init__(self) -> None:
        super().__init__()
        self.bank = timebank.open("memory:", **sources())
        for id in ACCOUNTS:
            self.bank.open_account(id, floor=None)
        #: Number of a booklet → to whom it was given, and how many cheques it has.
        self.booklets: dict[int, tuple[str, int]] = {}
        #: Of each cheque that is not out: who earned how many seconds, or why it was voided.
        self.entered: dict[Number, tuple[str, int]] = {}
        self.voided: dict[Number, str] = {}
        self.reversed: set[Number] = set()
        self.became: dict[str, str] = {}
        self.frozen: set[str] = set()

    def now(self, account: str) -> str:
        """Who an account is now."""
        while account in self.became:
            account = self.became[account]
        return account

    def why_not(self, number: Number, doing: str) -> type[Exception] | None:
        """Why a cheque that is out cannot be entered or voided, whoever earns."""
        if number.booklet not in self.booklets:
            return BookletNotFound
        account, count = self.booklets[number.booklet]
        if number.cheque > count:
            return ChequeNotFound
        is_open = self.now(account) not in self.frozen
        return None if is_open or doing == "void" else AccountNotOpen

    def told(self, call: Any) -> Any:
        """What a call comes to, or the class of its error; a refusal appends nothing."""
        before = self.bank.head()
        try:
            return call()
        except timebank.TimebankError as error:
            assert before == self.bank.head()
            return type(error)

    @rule(account=accounts, number=st.integers(1, 4), count=st.integers(1, 3))
    def issue(self, account: str, number: int, count: int) -> None:
        """A number is given out once; alike, it is the same booklet."""
        made = self.told(lambda: cheques.issue(self.bank, account, booklet=number, cheques=count))
        if number in self.booklets:
            assert (self.booklets[number] == (account, count)) == isinstance(made, Booklet)
            assert made is BookletTaken or made.repeated
        elif account in self.became or account in self.frozen:
            assert made is AccountNotOpen
        else:
            assert not made.repeated
            self.booklets[number] = (account, count)

    @rule(account=accounts)
    def issue_next(self, account: str) -> None:
        """Without a number it is a new booklet."""
        if len(self.booklets) > 6 or self.now(account) != account or account in self.frozen:
            return
        expected = cheques.next_booklet(self.bank)
        made = cheques.issue(self.bank, account, cheques=2)
        assert expected == made.number
        assert made.number not in self.booklets
        self.booklets[made.number] = (account, 2)

    @rule(number=numbers, earner=accounts, seconds=st.sampled_from([60, 120]))
    def enter(self, number: Number, earner: str, seconds: int) -> None:
        """A cheque counts once; what is entered again alike is nothing new."""
        made = self.told(
            lambda: cheques.enter(self.bank, number, earner=earner, hours=f"{seconds}s")
        )
        if number in self.entered:
            alike = self.entered[number] == (earner, seconds)
            own = earner == self._spender(number)
            assert made is (InvalidRequest if own else ChequeEntered) or (alike and made.repeated)
        elif (why := self._why(number, earner)) is not None:
            assert made is why
        else:
            assert not made.repeated
            self.entered[number] = (earner, seconds)

    def _spender(self, number: Number) -> str:
        return next(iter(self.bank.transfer_by_id(number.id).spenders))

    def _why(self, number: Number, earner: str) -> type[Exception] | None:
        """Why a cheque that was not entered cannot be, in the order of the errors."""
        not_there = self.why_not(number, "void")
        if not_there is not None:
            return not_there
        if earner == self.now(self.booklets[number.booklet][0]):
            return InvalidRequest
        if number in self.voided:
            return ChequeVoided
        is_open = earner not in self.became and earner not in self.frozen
        return self.why_not(number, "enter") if is_open else AccountNotOpen

    @rule(number=numbers, code=CODES)
    def void(self, number: Number, code: str) -> None:
        """What is out is voided once; what was entered is not."""
        made = self.told(lambda: cheques.void(self.bank, number, code=code))
        if number in self.entered:
            assert made is ChequeEntered
        elif number in self.voided:
            assert made is ChequeVoided or (code == self.voided[number] and made.repeated)
        elif (why := self.why_not(number, "void")) is not None:
            assert made is why
        else:
            assert code == made.code
            self.voided[number] = code

    @rule(number=numbers)
    def reverse(self, number: Number) -> None:
        """A cheque that is reversed is not out again."""
        if number in self.entered and number not in self.reversed:
            parties = {self.now(self.entered[number][0]), self.now(self._spender(number))}
            if parties & self.frozen or len(parties) < 2:  # one moves nothing
                return
            self.bank.reverse(number.id, reason="so")
            self.reversed.add(number)

    @rule(account=accounts)
    def freeze(self, account: str) -> None:
        """Freeze an account, or thaw it."""
        if account in self.became:
            return
        if account in self.frozen:
            self.bank.thaw(account)
            self.frozen.remove(account)
        else:
            self.bank.freeze(account)
            self.frozen.add(account)

    @rule(account=accounts, into=accounts)
    def merge(self, account: str, into: str) -> None:
        """Let an account become another, seldom: two are left."""
        if len(self.became) == 2 or account == into:  # of four
            return
        if isinstance(
            self.told(lambda: self.bank.merge(account, into=into, reason="twice")),
            timebank.Account,
        ):
            self.became[account] = into
            self.frozen.discard(account)

    @invariant()
    def booklets_are_as_the_clerk_says(self) -> None:
        """Each one, those of each account, and what hours came of it all."""
        found = {one.number: one for one in cheques.booklets(self.bank)}
        assert self.booklets.keys() == found.keys()
        for number, (account, count) in self.booklets.items():
            booklet = found[number]
            assert booklet == cheques.booklet(self.bank, number)
            assert (self.now(account), count) == (booklet.account, booklet.cheques)
            numbers = {*booklet.numbers}
            assert sorted(self.entered.keys() & numbers) == [*booklet.entered]
            assert sorted(self.voided.keys() & numbers) == [*booklet.voided]
            assert sorted(numbers - self.entered.keys() - self.voided.keys()) == [*booklet.out]
        for id in ACCOUNTS:
            own = {number for number, one in found.items() if one.account == id}
            assert own == {one.number for one in cheques.booklets(self.bank, id)} or (
                id in self.became
            )
        left = [seconds for n, (_, seconds) in self.entered.items() if n not in self.reversed]
        assert sum(left) == self.moved("exchange") - self.moved("reversal")

    def moved(self, kind: str) -> int:
        """The seconds that all transfers of a kind moved."""
        made = [one.hours.seconds for one in self.bank.transfers() if one.kind == kind]
        return sum(made)

    def teardown(self) -> None:
        """An audit finds nothing."""
        assert () == self.bank.audit().findings


TestCheques = Cheques.TestCase
TestCheques.settings = examples(60, steps=40)
