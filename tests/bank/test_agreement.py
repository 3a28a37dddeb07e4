"""Both stores and a plain-dictionary model, driven side by side and compared after every step."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

import timebank
from support import Clock, examples, sources, url_of
from timebank import Hours, TimebankError
from timebank.hours import apportion

ACCOUNTS = ["a", "b", "c", "fund"]
STORES = ["memory", "sqlite"]
accounts = st.sampled_from(ACCOUNTS)
#: Round figures meet each other and the limits; the odd ones go past them.
seconds = st.sampled_from([1, 3600, 36000, 71999, 72000, 72001]) | st.integers(1, 30 * 3600)
sides = st.dictionaries(accounts, st.integers(1, 5 * 3600), min_size=1, max_size=3)


class Model:
    """A time bank as one would write it on a napkin: balances, and what was moved."""

    def __init__(self) -> None:
        self.status: dict[str, str] = {}
        self.floor: dict[str, int | None] = {}
        self.ceiling: dict[str, int | None] = {}
        self.balance: dict[str, int] = {}
        self.transfers: dict[str, list[tuple[str, int]]] = {}
        self.left: dict[str, list[tuple[str, int]]] = {}
        self.own: dict[str, tuple[int | None, int | None]] = {}
        self.records = 0

    def copy(self) -> Model:
        """The same, for a batch that may be undone."""
        other = Model()
        for name, value in vars(self).items():
            setattr(other, name, dict(value) if isinstance(value, dict) else value)
        return other

    def open(self, id: str) -> str | None:
        """Open an account, once."""
        if id not in self.status:
            self.status[id], self.balance[id], self.ceiling[id] = "open", 0, None
            self.floor[id] = None if id == "fund" else -72000
            self.records += 1
        return None

    def move(  # noqa: PLR0911  # an error each
        self, id: str, up: dict[str, int], down: dict[str, int]
    ) -> str | None:
        """A transfer, or the name of the error."""
        if sum(up.values()) != sum(down.values()):
            return "UnbalancedTransfer"
        if len(up) == len(down) == 1 and up.keys() == down.keys():
            return "InvalidRequest"
        postings = sorted(up.items()) + [(a, -s) for a, s in sorted(down.items())]
        if id in self.transfers:
            return None if self.transfers[id] == postings else "IdempotencyMismatch"
        if any(a not in self.status for a in (*up, *down)):
            return "AccountNotFound"
        if any(self.status[a] != "open" for a in (*up, *down)):
            return "AccountNotOpen"
        for a in {*up, *down}:
            net = up.get(a, 0) - down.get(a, 0)
            floor, ceiling, after = self.floor[a], self.ceiling[a], self.balance[a] + net
            if (net < 0 and floor is not None and after < floor) or (
                net > 0 and ceiling is not None and after > ceiling
            ):
                return "LimitExceeded"
        self.transfers[id] = self.left[id] = postings
        self._post(postings)
        return None

    def reverse(self, id: str, amount: int | None) -> str | None:
        """Move back what is left of a transfer, or part of it."""
        left = self.left.get(id)
        if left is None:
            return "TransferNotFound"
        whole = sum(s for _, s in left if s > 0)
        amount = whole if amount is None else amount
        if not 0 < amount <= whole:
            return "OverReversed"
        back: list[tuple[str, int]] = []
        for sign in (1, -1):
            side = [(a, s) for a, s in left if s * sign > 0]
            shares = apportion(amount, [abs(s) for _, s in side])
            back += [(a, -sign * share) for (a, _), share in zip(side, shares, strict=True)]
        if any(self.status[a] == "closed" for a, s in back if s):
            return "AccountNotOpen"
        self.left[id] = [(a, s + b) for (a, s), (_, b) in zip(left, back, strict=True)]
        self._post(back)
        return None

    def _post(self, postings: list[tuple[str, int]]) -> None:
        for account, change in postings:
            self.balance[account] += change
        self.records += 1

    def change(self, id: str, call: str) -> str | None:
        """Freeze, thaw, close or reopen."""
        if id not in self.status:
            return "AccountNotFound"
        leaves, to = {
            "freeze": (["open"], "frozen"),
            "thaw": (["frozen"], "open"),
            "close_account": (["open", "frozen"], "closed"),
            "reopen": (["closed"], "open"),
        }[call]
        if self.status[id] == to:
            return None
        if self.status[id] not in leaves:
            return "AccountNotOpen"
        if to == "closed" and self.balance[id]:
            return "AccountNotEmpty"
        self.status[id] = to
        self.records += 1
        return None

    def limit(self, id: str, floor: int | None, ceiling: int | None) -> str | None:
        """Set both limits; equal figures are a change while the account inherits its own."""
        if id not in self.status:
            return "AccountNotFound"
        if self.status[id] == "closed":
            return "AccountNotOpen"
        if (floor, ceiling) != self.own.get(id):
            self.own[id] = (floor, ceiling)
            self.floor[id], self.ceiling[id] = floor, ceiling
            self.records += 1
        return None


def hours(side: dict[str, int]) -> dict[str, Hours]:
    """A side of the model as the bank takes it."""
    return {account: Hours.from_seconds(amount) for account, amount in side.items()}


class Agreement(RuleBasedStateMachine):
    """Every call goes to both stores and the model; all three must answer alike."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.banks = [timebank.open(url_of(s, self.folder), **sources(Clock())) for s in STORES]
        self.targets: list[Any] = list(self.banks)
        self.stack = contextlib.ExitStack()
        self.model = Model()
        self.before: Model | None = None
        self.ids = 0

    def teardown(self) -> None:
        """Undo an open batch, then audit."""
        self.stack.close()
        if self.before is None:
            for bank in self.banks:
                assert bank.audit().findings == ()
                head, books = bank.head(), bank.trial_balance()
                bank.rebuild()
                assert (head, books) == (bank.head(), bank.trial_balance())
        for bank in self.banks:
            bank.close()
        shutil.rmtree(self.folder)

    def agree(self, expected: str | None, call: str, *args: Any, **kwargs: Any) -> None:
        """Make the call everywhere; the outcome must be the model's, and the results equal."""
        results = []
        for target in self.targets:
            try:
                results.append(getattr(target, call)(*args, **kwargs))
            except TimebankError as error:
                results.append((type(error).__name__, str(error)))
        assert results[0] == results[1]
        outcome = results[0][0] if type(results[0]) is tuple else None
        assert expected == outcome

    @rule(id=accounts)
    def open_account(self, id: str) -> None:
        """Open an account, perhaps again."""
        kind = "fund" if id == "fund" else "member"
        self.agree(self.model.open(id), "open_account", id, kind=kind, name=f"N {id}")

    @rule(earner=accounts, spender=accounts, amount=seconds, n=st.integers(0, 30))
    def transfer(self, earner: str, spender: str, amount: int, n: int) -> None:
        """Move hours between two accounts, perhaps under an id that was used."""
        expected = self.model.move(f"t{n}", {earner: amount}, {spender: amount})
        self.agree(
            expected,
            "transfer",
            earner=earner,
            spender=spender,
            hours=Hours.from_seconds(amount),
            id=f"t{n}",
            note="n",
        )

    @rule(up=sides, down=sides, n=st.integers(0, 30))
    def many(self, up: dict[str, int], down: dict[str, int], n: int) -> None:
        """Move hours between many, with sides that may not match."""
        last = max(down)
        down = down | {last: max(1, sum(up.values()) - sum(down.values()) + down[last])}
        expected = self.model.move(f"t{n}", up, down)
        self.agree(
            expected, "transfer", earner=hours(up), spender=hours(down), id=f"t{n}", note="n"
        )

    @rule(n=st.integers(0, 30), amount=st.none() | seconds)
    def reverse(self, n: int, amount: int | None) -> None:
        """Reverse all that is left, or part of it."""
        self.ids += 1
        part = None if amount is None else Hours.from_seconds(amount)
        expected = self.model.reverse(f"t{n}", amount)
        self.agree(expected, "reverse", f"t{n}", reason="r", hours=part, id=f"r{self.ids}")

    @rule(id=accounts, call=st.sampled_from(["freeze", "thaw", "close_account", "reopen"]))
    def change(self, id: str, call: str) -> None:
        """Change the status of an account."""
        self.agree(self.model.change(id, call), call, id)

    @rule(
        id=accounts,
        floor=st.sampled_from([None, 0, -3600, -72000]),
        ceiling=st.sampled_from([None, 0, 3600, 36000]),
    )
    def limit(self, id: str, floor: int | None, ceiling: int | None) -> None:
        """Give an account limits of its own, stricter or looser than its balance."""
        values = [None if v is None else Hours.from_seconds(v) for v in (floor, ceiling)]
        expected = self.model.limit(id, floor, ceiling)
        self.agree(expected, "set_limits", id, floor=values[0], ceiling=values[1])

    @precondition(lambda self: self.before is None)
    @rule()
    def begin(self) -> None:
        """Begin a batch on both."""
        self.before = self.model.copy()
        self.targets = [self.stack.enter_context(bank.batch()) for bank in self.banks]

    @precondition(lambda self: self.before is not None)
    @rule(keep=st.booleans())
    def end(self, keep: bool) -> None:  # drawn by Hypothesis
        """End the batch, or undo it."""
        if keep:
            self.stack.close()
        else:
            with pytest.raises(RuntimeError), self.stack.pop_all():
                raise RuntimeError
            assert self.before is not None
            self.model = self.before
        self.before, self.targets = None, list(self.banks)

    @invariant()
    def same(self) -> None:
        """Balances, statuses and the journal's length are the model's; heads are equal."""
        heads = {str(target.head()) for target in self.targets}
        assert 1 == len(heads)
        assert self.model.records == self.targets[0].head().sequence
        for target in self.targets:
            for id, balance in self.model.balance.items():
                assert balance == target.balance(id).posted.seconds
                assert self.model.status[id] == target.account(id).status
                lines = target.statement(id).lines
                assert balance == (lines[-1].balance.seconds if lines else 0)


Agreement.TestCase.settings = examples(100, steps=40)
TestAgreement = Agreement.TestCase
