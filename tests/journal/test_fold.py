"""The fold executes what records say, refuses what cannot be, and knows no rule."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timebank.errors import Corrupt
from timebank.journal.fold import Derived, Fold, imbalance
from timebank.model import MAX_INTEGER, NEVER, AccountRow, StatuteRow

SETS: dict[str, Any] = {
    "kind": "member",
    "status": "open",
    "joined_on": None,
    "floor": "inherit",
    "ceiling": None,
    "named": False,
}


def opened(*ids: str) -> Fold:
    """A fold with some accounts."""
    fold = Fold()
    for sequence, id in enumerate(ids, start=1):
        fold.apply(sequence, "open_account", {"account": id, "sets": SETS})
    return fold


#: What a merge of an account without hours moves.
MERGED: dict[str, Any] = {"occurred_on": "2026-03-02", "postings": [], "statute": "default/1"}
CANNOT_BE: list[tuple[str, dict[str, Any]]] = [
    ("dance", {}),
    ("transfer", {}),
    ("transfer", {"occurred_on": "2026-03-02", "postings": [["x", 1], ["a", -1]]}),
    ("transfer", {"occurred_on": "2026-03-02", "postings": [["a", 1.0], ["b", -1]]}),
    ("transfer", {"occurred_on": "2026-03-02", "postings": [["a", 0], ["b", 0]]}),
    ("transfer", {"occurred_on": "2026-03-02", "postings": [["a", 2**53 + 1], ["b", -1]]}),
    ("transfer", {"occurred_on": "20260302", "postings": [["a", 1], ["b", -1]]}),
    ("transfer", {"occurred_on": None, "postings": [["a", 1], ["b", -1]]}),
    ("open_account", {"account": "a", "sets": SETS}),
    ("open_account", {"account": "c", "sets": SETS | {"kind": "bank"}}),
    ("open_account", {"account": "c", "sets": SETS | {"status": "gone"}}),
    ("open_account", {"account": "c", "sets": SETS | {"joined_on": "soon"}}),
    ("open_account", {"account": "c", "sets": SETS | {"floor": "low"}}),
    ("open_account", {"account": "c", "sets": SETS | {"named": "yes"}}),
    ("open_account", {"account": 7, "sets": SETS}),
    ("freeze", {"account": "c", "sets": {"status": "frozen"}}),
    ("freeze", {"account": "a", "sets": {"opened": 7}}),
    ("freeze", {"account": "a"}),
    ("amend_account", {"account": "c", "sets": {"kind": "group"}, "was": {"kind": "member"}}),
    ("amend_account", {"account": "a", "sets": {"status": "closed"}, "was": {"status": "open"}}),
    ("amend_account", {"account": "a", "sets": {"kind": "bank"}, "was": {"kind": "member"}}),
    ("amend_account", {"account": "a", "sets": {"joined_on": "soon"}, "was": {"joined_on": None}}),
    ("amend_account", {"account": "a"}),
    ("merge", {"account": "a", "into": "b", "of": 2}),
    ("merge", {"account": "a", "into": "a", "of": 1, **MERGED}),
    ("merge", {"account": "c", "into": "b", "of": 2, **MERGED}),
    ("merge", {"account": "a", "into": "c", "of": 2, **MERGED}),
    ("merge", {"account": "a", "into": "b", "of": 2, "joined_on": "soon", **MERGED}),
    ("amend", {"amends": 0, "sets": {}, "was": {}}),
    ("amend", {"amends": 3, "sets": {}, "was": {}}),
    ("amend", {"amends": "1", "sets": {}, "was": {}}),
    ("amend", {}),
    ("close_books", {"statute": "default/1"}),
    ("close_books", {"statute": "default/1", "through": "20260302"}),
    ("close_books", {"statute": 1, "through": None}),
    ("restart_clock", {"statute": "default/1", "through": None}),
]


@pytest.mark.parametrize(("kind", "effects"), CANNOT_BE)
def test_effects_that_cannot_be_executed_change_nothing(kind: str, effects: dict[str, Any]) -> None:
    """They are `Corrupt`, and the fold is as it was."""
    fold = opened("a", "b")
    before = repr(fold)
    with pytest.raises(Corrupt):
        fold.apply(3, kind, effects)
    assert before == repr(fold)


def test_an_account_is_what_was_set_last() -> None:
    """Later records change fields of the row; a name is where its text lies."""
    fold = opened("a")
    fold.apply(2, "rename", {"account": "a", "sets": {"named": True}})
    row = fold.apply(3, "set_limits", {"account": "a", "sets": {"floor": -60}}).account
    assert row is not None
    assert ("a", 1, 2, -60, "open") == (row.account, row.opened, row.named, row.floor, row.status)
    row = fold.apply(4, "rename", {"account": "a", "sets": {"named": False}}).account
    assert row is not None
    assert None is row.named


def test_an_erasure_derives_no_row() -> None:
    """Texts are not derived; which of them go is told."""
    derived = opened("a").apply(2, "erase", {"erased": ["00"], "texts": [[1, "name"]]})
    assert (None, 0) == (derived.account, len(derived.postings))
    assert [(1, "name")] == derived.erased


@given(st.lists(st.integers(-(10**9), 10**9).filter(bool), min_size=1, max_size=30))
def test_a_running_balance_is_the_sum_so_far(changes: list[int]) -> None:
    """Each posting carries its version and the sum of all up to it; both sides mirror."""
    fold = opened("a", "b")
    for sequence, seconds in enumerate(changes, start=3):
        effects = {"occurred_on": "2026-03-02", "postings": [["a", seconds], ["b", -seconds]]}
        assert 0 == imbalance(effects)
        one, other = fold.apply(sequence, "transfer", effects).postings
        assert (sequence - 2, sum(changes[: sequence - 2])) == (one.version, one.balance)
        assert -one.balance == other.balance
    assert (len(changes), sum(changes)) == fold.balances["a"]


RESERVES = [["a", 60, 0], ["b", 0, 60]]


def held() -> Fold:
    """A fold with an open hold, record 3, of a for b."""
    fold = opened("a", "b")
    made = fold.apply(3, "hold", {"reserves": RESERVES, "lines": [], "statute": "default/1"})
    assert [("a", 60, 0), ("b", 0, 60)] == [row[:1] + row[3:] for row in made.holds]
    return fold


def test_a_hold_reserves_until_it_is_resolved() -> None:
    """A settlement posts and releases; a void releases."""
    fold = held()
    assert [NEVER] * 2 == [row.expires_at for rows in fold.holds.values() for row in rows.values()]
    effects = {"occurred_on": "2026-03-02", "postings": [["a", -50], ["b", 50]], "resolves": 3}
    made = fold.apply(4, "settle", effects)
    assert (2, {"a", "b"}) == (len(made.postings), {row.account for row in made.resolved})
    assert ({"a": {}, "b": {}}, {}) == (fold.holds, fold.lines)
    other = held()
    made = other.apply(4, "void", {"resolves": 3})
    assert (0, 2) == (len(made.postings), len(made.resolved))


def test_what_has_expired_is_forgotten() -> None:
    """Account by account, and the hold with the last of them."""
    fold = opened("a", "b")
    effects = {"reserves": RESERVES, "lines": [], "statute": "x", "expires_at": 100}
    fold.apply(3, "hold", effects)
    fold.forget_expired(["a"], 99)
    assert {3: ["a", "b"]} == fold.lines
    fold.forget_expired("a", 100)
    assert {3: ["b"]} == fold.lines
    fold.forget_expired("b", 101)
    fold.forget_expired("nobody", 101)
    assert {} == fold.lines
    with pytest.raises(Corrupt):
        fold.apply(4, "void", {"resolves": 3})


@pytest.mark.parametrize(
    ("kind", "effects"),
    [
        ("hold", {"reserves": []}),
        ("hold", {"reserves": [["a", -1, 0]]}),
        ("hold", {"reserves": [["a", 1.0, 0]]}),
        ("hold", {"reserves": [["a", 1, 0], ["a", 0, 1]]}),
        ("hold", {"reserves": [["c", 1, 0]]}),
        ("hold", {"reserves": [["a", 1, 0]], "expires_at": "soon"}),
        ("void", {"resolves": 2}),
        ("void", {}),
        ("settle", {"resolves": 3, "occurred_on": "2026-03-02", "postings": [["a", 0]]}),
        ("settle", {"resolves": 3, "occurred_on": "never", "postings": [["a", 1], ["b", -1]]}),
        ("adopt", {"adopts": 1}),
        ("adopt", {}),
    ],
)
def test_effects_of_holds_that_cannot_be(kind: str, effects: dict[str, Any]) -> None:
    """An error, and the fold is as it was."""
    fold = held()
    before = repr(fold)
    with pytest.raises(Corrupt):
        fold.apply(4, kind, effects)
    assert before == repr(fold)


def test_an_adoption_is_a_row() -> None:
    """Which record adopted which version."""
    assert StatuteRow(3, "v1") == opened("a", "b").apply(3, "adopt", {"adopts": "v1"}).statute


def test_each_row_of_a_statute_says_which_books_are_closed() -> None:
    """Those of closings, of adoptions and of restarts, which may move the day back."""
    fold, rows = Fold(), []
    steps: list[tuple[str, dict[str, Any]]] = [
        ("adopt", {"adopts": "v1"}),
        ("close_books", {"statute": "v1", "through": "2026-12-31"}),
        ("adopt", {"adopts": "v2"}),
        ("restart_clock", {"statute": "v2"}),
        ("restart_clock", {"statute": "v2", "through": "2026-11-30"}),
        ("close_books", {"statute": "v2", "through": None}),
        ("adopt", {"adopts": "v1"}),
    ]
    for sequence, (kind, effects) in enumerate(steps, start=1):
        rows.append(fold.apply(sequence, kind, effects).statute)
        assert rows[-1] is not None
        assert fold.closed_through == rows[-1].closed_through
    assert [
        StatuteRow(1, "v1"),
        StatuteRow(2, "v1", "2026-12-31"),
        StatuteRow(3, "v2", "2026-12-31"),
        StatuteRow(4, "v2", "2026-12-31"),
        StatuteRow(5, "v2", "2026-11-30"),
        StatuteRow(6, "v2"),
        StatuteRow(7, "v1"),
    ] == rows


def test_an_account_is_amended_where_it_was_wrong() -> None:
    """What is not named stays; a day that is taken away is none."""
    fold = opened("a")
    sets: dict[str, Any] = {"kind": "group", "joined_on": "2025-03-02"}
    row = fold.apply(2, "amend_account", {"account": "a", "sets": sets, "was": {}}).account
    assert AccountRow("a", "group", "open", "2025-03-02", "inherit", None, 1, None) == row
    sets = {"joined_on": None}
    row = fold.apply(3, "amend_account", {"account": "a", "sets": sets, "was": {}}).account
    assert AccountRow("a", "group", "open", None, "inherit", None, 1, None) == row
    assert {"a": row} == fold.accounts


def test_a_merge_is_the_end_of_an_account() -> None:
    """Its hours move, it is closed and says who it became; the day of joining may move too."""
    fold = opened("a", "b", "c")
    posted = {"occurred_on": "2026-03-02", "postings": [["a", -60], ["b", 60]]}
    fold.apply(4, "transfer", posted)
    moved = {**MERGED, "postings": [["a", 60], ["c", -60]]}
    joined = {"joined_on": "2025-03-02"}
    made = fold.apply(5, "merge", {"account": "a", "into": "c", "of": 3, **moved, **joined})
    assert [("a", 2, 0), ("c", 1, -60)] == [
        (row.account, row.version, row.balance) for row in made.postings
    ]
    a = AccountRow("a", "member", "closed", None, "inherit", None, 1, None, merged_into="c")
    c = AccountRow("c", "member", "open", "2025-03-02", "inherit", None, 3, None)
    assert (a, c) == (made.account, made.other)
    assert (a, c) == (fold.accounts["a"], fold.accounts["c"])
    made = fold.apply(6, "merge", {"account": "c", "into": "b", "of": 2, **MERGED})
    assert ((), None) == (tuple(made.postings), made.other)
    for account, into in (("a", "b"), ("c", "a")):
        effects = {"account": account, "into": into, "of": 2, **MERGED}
        with pytest.raises(Corrupt):
            fold.apply(7, "merge", effects)


def test_an_amendment_derives_no_row() -> None:
    """What an exchange is for is found by the records that refer to it."""
    fold = opened("a", "b")
    effects = {"amends": 2, "sets": {"category": "care"}, "was": {"category": None}}
    assert Derived() == fold.apply(3, "amend", effects)


@pytest.mark.parametrize(
    ("kind", "effects", "expected"),
    [
        (
            "hold",
            {"reserves": [["a", -1, 0]]},
            "a reserve of -1 and 0 seconds on account 'a'",
        ),
        (
            "hold",
            {"reserves": [["a", 0, -1]]},
            "a reserve of 0 and -1 seconds on account 'a'",
        ),
        ("hold", {"reserves": []}, "a hold reserves once on each of its accounts"),
        ("erase", {"texts": [[0, "name"]]}, "an erasure is of earlier records"),
        ("erase", {"texts": [[4, "name"]]}, "an erasure is of earlier records"),
        ("erase", {"texts": [["1", "name"]]}, "a value is of another type"),
        ("erase", {"texts": [[1, 7]]}, "a value is of another type"),
        (
            "name_delegate",
            {"account": "a", "of": 2},
            "record 2 does not open account 'a'",
        ),
        (
            "end_delegate",
            {"account": "gone", "of": 1},
            "record 1 does not open account 'gone'",
        ),
        ("name_delegate", {"account": "nobody", "of": 1}, "'nobody' is not there"),
        (
            "open_account",
            {"account": "a", "sets": SETS},
            "account 'a' is opened once, before anything else",
        ),
        (
            "open_account",
            {"account": "c", "sets": SETS | {"kind": "bank", "status": "gone"}},
            "kind 'bank' or status 'gone'",
        ),
        (
            "transfer",
            {"occurred_on": "20260302", "postings": []},
            "day '20260302'",
        ),
        (
            "transfer",
            {"occurred_on": "2026-03-02", "postings": [["a", 0]]},
            "posting of 0 seconds, balance of 0",
        ),
        (
            "transfer",
            {"occurred_on": "2026-03-02", "postings": [["a", 5], ["a", MAX_INTEGER]]},
            f"posting of {MAX_INTEGER} seconds, balance of {MAX_INTEGER + 5}",
        ),
        ("name_delegate", {"account": 7, "of": 1}, "a value is of another type"),
        ("name_delegate", {"account": "a"}, "'of' is not there"),
        ("amend", {"amends": 4}, "what is amended is an earlier record"),
        (
            "amend_account",
            {"account": "c", "sets": {"kind": "group"}},
            "account 'c' is opened before it is amended",
        ),
        (
            "amend_account",
            {"account": "a", "sets": {"kind": "bank"}},
            "kind 'bank' or status 'open'",
        ),
        (
            "merge",
            {"account": "a", "into": "a"},
            "account 'a' becomes another account, once",
        ),
        ("merge", {"account": "a", "into": "b"}, "'occurred_on' is not there"),
        ("close_books", {"through": "2026-3-2"}, "Invalid isoformat string: '2026-3-2'"),
        ("close_books", {"through": 7, "statute": "x"}, "a value is of another type"),
    ],
    ids=count(),
)
def test_what_cannot_be_executed_is_named(
    kind: str, effects: dict[str, Any], expected: str
) -> None:
    """The record, and what it says that cannot be."""
    fold = held()
    fold.accounts["gone"] = None
    before = repr(fold)
    with pytest.raises(Corrupt) as caught:
        fold.apply(4, kind, effects)
    assert f"the effects of record 4 cannot be executed: {expected}" == str(caught.value)
    assert before == repr(fold)


def test_a_delegate_derives_no_row() -> None:
    """Who may act for an account is found by the records that refer to its opening."""
    fold = opened("a", "b")
    for sequence, kind in enumerate(["name_delegate", "end_delegate"], start=3):
        assert Derived() == fold.apply(sequence, kind, {"account": "b", "of": 2, "delegate": "x"})
    assert ({"a", "b"}, {}) == (set(fold.accounts), fold.holds)


def test_the_largest_balance_is_posted() -> None:
    """2**53 seconds on either side, and not one more."""
    fold = opened("a", "b")
    effects = {"occurred_on": "2026-03-02", "postings": [["a", MAX_INTEGER], ["b", -MAX_INTEGER]]}
    one, other = fold.apply(3, "transfer", effects).postings
    assert (MAX_INTEGER, -MAX_INTEGER) == (one.balance, other.balance)


def test_a_kind_that_is_not_known_is_named() -> None:
    """The record and its kind, cut short."""
    with pytest.raises(Corrupt) as caught:
        Fold().apply(7, "dance", {})
    assert "record 7 is of unknown kind 'dance'" == str(caught.value)


def test_an_imbalance_is_what_was_earned_too_much() -> None:
    """Negative where too much was spent; of a record without postings there is none."""
    assert 7 == imbalance({"postings": [["a", 60], ["b", -53]]})
    assert -7 == imbalance({"postings": [["a", 53], ["b", -60]]})
    assert 0 == imbalance({})


@pytest.mark.parametrize("ends", [[0], [5], [9], [-1], ["1"]])
def test_a_restart_ends_earlier_holds_only(ends: list[Any]) -> None:
    """What it says else cannot be executed."""
    with pytest.raises(Corrupt):
        Fold().apply(5, "restart_clock", {"statute": "default/1", "ends": ends})


@pytest.mark.parametrize("lost", [[0, "ab"], [-1, "ab"], [3, ""], ["3", "ab"], [3, 5], [3], 3])
def test_what_was_lost_is_a_record_and_its_digest(lost: Any) -> None:
    """What it says else cannot be executed."""
    with pytest.raises(Corrupt):
        Fold().apply(5, "history_lost", {"lost": lost})
    assert Derived() == Fold().apply(5, "history_lost", {"lost": [3, "ab"]})


@pytest.mark.parametrize("of", [0, 5, 9, -1, "1", None])
def test_a_voided_cheque_is_of_an_earlier_booklet(of: Any) -> None:
    """What it says else cannot be executed; it adds no row, as its booklet adds none."""
    with pytest.raises(Corrupt):
        Fold().apply(5, "void_cheque", {"of": of})
    fold = opened("a", "b")
    assert Derived() == fold.apply(3, "issue_cheques", {"account": "b", "of": 2})
    assert Derived() == fold.apply(4, "void_cheque", {"of": 3})
