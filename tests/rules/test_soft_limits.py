"""A soft limit within a hard one: made, judged, shown, audited."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import timebank
from audit.forgeries import Forgery, found
from support import Clock, sources
from timebank import Band, Dues, Hours, InvalidStatute, LimitExceeded, Statute, TimeBank
from timebank.model import AccountRow
from timebank.statute.codec import as_record, from_record

SOFT = Band(floor=-2, ceiling=3, beyond="flag")
HARD = Band(floor=-5, ceiling=7)
PAIR = Statute(version="pair", limits={"member": [HARD, SOFT]})


@pytest.fixture
def street() -> Iterator[TimeBank]:
    """Two members, and a fund without limits."""
    with timebank.open("memory:", **sources()) as bank:
        for id in ("a", "b"):
            bank.open_account(id)
        bank.open_account("fund", kind="fund")
        bank.adopt(PAIR)
        yield bank


def spends(bank: TimeBank, hours: object, id: str = "a") -> list[tuple[str, str, str]]:
    """The flags of what an account spends: rule, limit, what was left of it."""
    made = bank.transfer(earner="fund", spender=id, hours=hours)
    return [(flag.rule, str(flag.limit), str(flag.available)) for flag in made.flags]


# -- as data -----------------------------------------------------------------------------------


def test_their_order_is_of_no_account() -> None:
    """By months, and of one month the soft one first: so one statute has one record."""
    bands = [
        SOFT,
        HARD,
        Band(from_month=6, floor=-9),
        Band(from_month=12, floor=-8, beyond="flag"),
        Band(from_month=12, floor=-20),
    ]
    records = {
        json.dumps(as_record(Statute(version="v", limits={"member": list(order)})))
        for order in permutations(bands)
    }
    assert [
        {
            "version": "v",
            "limits": {
                "member": [
                    {"floor": -7200, "ceiling": 10800, "beyond": "flag"},
                    {"floor": -18000, "ceiling": 25200},
                    {"floor": -32400, "from_month": 6},
                    {"floor": -28800, "from_month": 12, "beyond": "flag"},
                    {"floor": -72000, "from_month": 12},
                ]
            },
        }
    ] == [json.loads(record) for record in records]
    statute = Statute(version="v", limits={"member": bands})
    assert statute == from_record(as_record(statute)) == Statute.from_json(statute.to_json())


@pytest.mark.parametrize(
    ("bands", "message"),
    [
        ([SOFT, SOFT], r"month 0 has 2 bands \(flag, flag\)"),
        ([HARD, Band(floor=-6)], r"month 0 has 2 bands \(refuse, refuse\)"),
        ([SOFT, HARD, Band(floor=-9)], r"month 0 has 3 bands \(flag, refuse, refuse\)"),
        ([HARD, Band(floor=-5, ceiling=7, beyond="flag")], "month 0 has the same limits twice"),
        ([HARD, Band(floor=-6, ceiling=7, beyond="flag")], "a soft floor -6:00, beyond the hard"),
        ([HARD, Band(floor=-1, ceiling=8, beyond="flag")], "a soft ceiling 8:00, beyond the hard"),
        ([HARD, Band(floor=-1, beyond="flag")], "a soft ceiling unlimited, beyond the hard one 7"),
        ([HARD, Band(beyond="flag")], "a soft floor unlimited, beyond the hard one -5:00"),
        (
            [SOFT, HARD, *(Band(from_month=9, floor=-1, beyond=one) for one in ("flag", "refuse"))],
            "month 9 has the same limits twice",
        ),
        ([Band(from_month=1), Band(from_month=1, floor=0, beyond="flag")], "begin in month 0, not"),
    ],
)
def test_what_is_no_limit_within_a_limit_is_refused(bands: Any, message: str) -> None:
    """Before it is adopted; as data of a file, too."""
    with pytest.raises(InvalidStatute, match=f"limits of member: .*{message}"):
        Statute(version="v", limits={"member": bands})


def test_a_limit_may_be_in_one_of_the_two_only() -> None:
    """Or the same in both, where the other one differs."""
    for soft, hard in (
        (Band(floor=-1, beyond="flag"), Band(floor=-2)),
        (Band(ceiling=1, beyond="flag"), Band()),
        (Band(floor=-1, ceiling=1, beyond="flag"), Band(floor=-1)),
        (Band(floor=-1, ceiling=1, beyond="flag"), Band(floor=-1, ceiling=2)),
    ):
        statute = Statute(version="v", limits={"group": [hard, soft]})
        assert (soft, hard) == statute.limits["group"]


# -- judged ------------------------------------------------------------------------------------


def test_the_soft_limit_flags_and_the_hard_one_refuses(street: TimeBank) -> None:
    """To the second, on both sides; an account that is beyond may move back."""
    assert [] == spends(street, 2)
    assert [("floor", "-2:00", "0:00")] == spends(street, "0:00:01")
    assert [("floor", "-2:00", "0:00")] == spends(street, "2:59:59")
    with pytest.raises(LimitExceeded, match="its floor is -5:00, so 0:00 may still move"):
        spends(street, "0:00:01")
    assert () == street.transfer(earner="a", spender="fund", hours=8).flags
    made = street.transfer(earner="a", spender="fund", hours=4)
    assert [("ceiling", Hours(3), Hours(0))] == [
        (flag.rule, flag.limit, flag.available) for flag in made.flags
    ]
    with pytest.raises(LimitExceeded, match="its ceiling is 7:00") as caught:
        street.transfer(earner="a", spender="fund", hours=1)
    assert (Hours(7), Hours(0)) == (caught.value.limit, caught.value.available)
    assert () == street.audit().findings


def test_a_refusal_says_what_passes_up_to_the_hard_limit(street: TimeBank) -> None:
    """Though it would have a flag."""
    with pytest.raises(LimitExceeded) as caught:
        spends(street, 6)
    assert (Hours(5), Hours(5)) == (caught.value.passes, caught.value.available)
    assert [("floor", "-2:00", "2:00")] == spends(street, 5)


def test_a_soft_limit_may_lie_within_none(street: TimeBank) -> None:
    """Then nothing is refused, on that side."""
    soft = Band(floor=-2, ceiling=1, beyond="flag")
    street.adopt(Statute(version="v", limits={"member": [soft, Band(floor=-3)]}))
    made = street.transfer(earner="a", spender="fund", hours=99)
    assert [("ceiling", Hours(1))] == [(flag.rule, flag.limit) for flag in made.flags]
    assert street.balance("a").ceiling is street.balance("a").receivable is None
    assert () == street.transfer(earner="fund", spender="a", hours=100).flags
    assert () == street.audit().findings


def test_who_has_one_band_or_none_has_no_soft_limit() -> None:
    """Of a kind without limits, or with one band."""
    soft_limits_of: Any = PAIR.soft_limits_of
    row = AccountRow("a", "fund", "open", None, "inherit", "inherit", 1, None)
    assert (None, None) == soft_limits_of(row, "2026-03-02")
    assert (-7200, 10800) == soft_limits_of(row._replace(kind="member"), "2026-03-02")
    own = row._replace(kind="member", floor=-3600)
    assert (None, 10800) == soft_limits_of(own, "2026-03-02")
    one: Any = Statute(version="v", limits={"member": SOFT}).soft_limits_of
    assert (None, None) == one(own, "2026-03-02")


LIMITS = st.sampled_from(["inherit", None, -7200, 0, 7200])


@given(
    st.sampled_from(
        [PAIR, Statute(version="v", limits={"member": SOFT}), timebank.statute.DEFAULT]
    ),
    st.lists(
        st.builds(
            AccountRow,
            account=st.just("a"),
            kind=st.sampled_from(["member", "group", "fund"]),
            status=st.just("open"),
            joined_on=st.sampled_from([None, "2025-01-31", "2026-03-02"]),
            floor=LIMITS,
            ceiling=LIMITS,
            opened=st.just(1),
            named=st.none(),
        )
    ),
)
def test_how_far_an_account_may_move_is_what_its_limits_say(
    statute: Statute, rows: list[AccountRow]
) -> None:
    """Whoever was asked for before: those of the same limits are remembered."""
    for row in rows:
        floor, ceiling, beyond = statute.limits_of(row, "2026-03-02")
        soft = statute.soft_limits_of(row, "2026-03-02")
        expected = [
            None if limit is within is None else (limit, beyond, within)
            for limit, within in zip((floor, ceiling), soft, strict=True)
        ]
        assert expected == [*statute.bounds_of(row, "2026-03-02")]


def test_who_gives_as_much_as_they_get_is_moved_towards_no_limit(street: TimeBank) -> None:
    """Though they are beyond one already, below or above: they stay where they are."""
    street.transfer(earner="b", spender="a", hours=3)
    street.set_limits("a", floor=0)
    street.set_limits("b", ceiling=0)
    both = {"a": Hours(1), "b": Hours(1)}
    made = street.transfer(earner=both, spender=both)
    assert () == made.flags


def test_what_is_shown_is_the_hard_limit(street: TimeBank) -> None:
    """What may still move is bounded by it."""
    spends(street, 3)
    balance = street.balance("a")
    assert (Hours(-5), Hours(7)) == (balance.floor, balance.ceiling)
    assert (Hours(2), Hours(10)) == (balance.spendable, balance.receivable)


def test_an_own_limit_takes_the_place_of_both(street: TimeBank) -> None:
    """Of that side alone."""
    street.set_limits("a", floor=-4)
    assert [] == spends(street, 4)
    with pytest.raises(LimitExceeded, match="its floor is -4:00"):
        spends(street, "0:01")
    street.set_limits("a", floor=None)
    assert [] == spends(street, 40)
    made = street.transfer(earner="a", spender="fund", hours=48)
    assert ["ceiling"] == [flag.rule for flag in made.flags]
    assert () == street.audit().findings


def test_the_pair_is_that_of_the_months_of_membership() -> None:
    """Of a later month, with one band or two; without a day of joining, of month 0."""
    clock = Clock()
    bank = timebank.open("memory:", **sources(clock))
    today = clock.now.date()
    bank.open_account("fund", kind="fund")
    bank.open_account("new", joined_on=today)
    bank.open_account("undated")
    bank.open_account("half", joined_on=today - timedelta(days=200))
    bank.open_account("old", joined_on=today - timedelta(days=400))
    bands = [
        Band(floor=-1, beyond="flag"),
        Band(floor=-2),
        Band(from_month=6, floor=-3),
        Band(from_month=12, floor=-4, beyond="flag"),
        Band(from_month=12, floor=-6),
    ]
    bank.adopt(Statute(version="v", limits={"member": bands}))
    told = {
        id: [[limit for _, limit, _ in spends(bank, 1, id)] for _ in range(hours)]
        for id, hours in (("new", 2), ("undated", 2), ("half", 3), ("old", 6))
    }
    assert {
        "new": [[], ["-1:00"]],
        "undated": [[], ["-1:00"]],
        "half": [[], [], []],
        "old": [[], [], [], [], ["-4:00"], ["-4:00"]],
    } == told
    for id in told:
        with pytest.raises(LimitExceeded):
            spends(bank, "0:00:01", id)
    assert () == bank.audit().findings


def test_holds_count_and_what_goes_beyond_them_is_judged(street: TimeBank) -> None:
    """A hold is judged as its transfer, a settlement by what it moves beyond the hold."""
    flags = [street.hold(earner="fund", spender="a", hours=2, id=id).flags for id in ("h1", "h2")]
    assert [0, 1] == [len(found) for found in flags]
    assert () == street.settle("h1").flags
    (flag,) = street.settle("h2", hours="2:30").flags
    assert ("floor", Hours(-2), Hours("0:30")) == (flag.rule, flag.limit, flag.needed)
    assert () == street.audit().findings


def test_dues_have_one_flag_of_the_furthest_limit_they_pass() -> None:
    """The soft one, and later the hard one."""
    clock = Clock()
    bank = timebank.open("memory:", **sources(clock))
    bank.open_account("fund", kind="fund")
    bank.open_account("a", joined_on=clock.now.date())
    dues = Dues(hours=3, fund="fund", every="month")
    bank.adopt(Statute(version="v", limits=PAIR.limits, dues=dues))
    flags = []
    for _ in range(3):
        charges = bank.run_due().charges
        flags += [[str(flag.limit) for flag in charge.transfer.flags] for charge in charges]
        clock.now += timedelta(days=31)
    assert [["-2:00"], ["-5:00"], ["-5:00"]] == flags
    assert () == bank.audit().findings


def test_a_replay_tells_who_would_have_a_flag_and_who_be_refused() -> None:
    """Each exchange by the limit that it passes."""
    bank = timebank.open("memory:", **sources())
    bank.open_account("a")
    bank.open_account("fund", kind="fund")
    for hours in (2, 1, 2, 1):
        spends(bank, hours)
    tried = bank.replay(PAIR)
    assert (4, 2, 1) == (tried.judged, tried.flagged, tried.refused)
    told = [(line.outcome, line.rule, line.exchanges, line.hours) for line in tried.lines]
    assert [("refused", "floor", 1, Hours(1)), ("flagged", "floor", 2, Hours(3))] == told


half_hours = st.integers(-8, 8).map(lambda halves: Hours.from_seconds(1800 * halves))
moves = st.lists(st.tuples(st.booleans(), st.integers(1, 12)), max_size=8)


@given(limits=st.lists(half_hours, min_size=4, max_size=4), moved=moves)
def test_it_is_judged_as_a_plain_model_says(
    limits: list[Hours], moved: list[tuple[bool, int]]
) -> None:
    """Whatever the limits: beyond the hard one refused, else beyond the soft one a flag."""
    low, soft_low, soft_high, high = sorted(limits)
    if (low, high) == (soft_low, soft_high):
        return
    soft = Band(floor=soft_low, ceiling=soft_high, beyond="flag")
    statute = Statute(version="v", limits={"member": [Band(floor=low, ceiling=high), soft]})
    bank = timebank.open("memory:", **sources())
    bank.open_account("a")
    bank.open_account("fund", kind="fund")
    bank.adopt(statute)
    stands = 0
    for earns, halves in moved:
        step = halves * 1800
        after = stands + (step if earns else -step)
        sides: Any = (
            {"earner": "a", "spender": "fund"} if earns else {"earner": "fund", "spender": "a"}
        )
        beyond = [
            after > limit.seconds if earns else after < limit.seconds
            for limit in ((high, soft_high) if earns else (low, soft_low))
        ]
        expected = "refused" if beyond[0] else "flagged" if beyond[1] else "plain"
        try:
            made = bank.transfer(**sides, hours=Hours.from_seconds(step))
        except LimitExceeded:
            told = "refused"
        else:
            told, stands = "flagged" if made.flags else "plain", after
        assert expected == told
    assert Hours.from_seconds(stands) == bank.balance("a").posted
    assert () == bank.audit().findings


# -- audited -----------------------------------------------------------------------------------


def sound() -> Forgery:
    """A journal whose record 5 passes the soft floor, with its flag, and 6 comes back."""
    bank = timebank.open("memory:", **sources())
    bank.open_account("a")
    bank.open_account("fund", kind="fund")
    bank.adopt(PAIR)
    spends(bank, 1)
    spends(bank, 3)
    bank.transfer(earner="a", spender="fund", hours=1)
    with bank.store.reader("main") as reader:
        records = [json.loads(row.body) for row in reader.records(after=0, limit=100)]
        return Forgery(records, reader.texts(after=0, through=100))


def without_its_flag(forgery: Forgery) -> None:
    del forgery.records[4]["effects"]["flags"]


def with_the_hard_limit(forgery: Forgery) -> None:
    forgery.records[4]["effects"]["flags"][0] |= {"limit": -18000, "available": 14400}


def with_both_flags(forgery: Forgery) -> None:
    flags = forgery.records[4]["effects"]["flags"]
    flags.append(flags[0] | {"limit": -18000, "available": 14400})


def with_its_flag_twice(forgery: Forgery) -> None:
    flags = forgery.records[4]["effects"]["flags"]
    flags.insert(0, flags[0] | {"limit": -18000, "available": 14400})


def with_a_flag_that_is_not_due(forgery: Forgery) -> None:
    flag = copy.deepcopy(forgery.records[4]["effects"]["flags"][0])
    forgery.records[3]["effects"]["flags"] = [flag | {"available": 7200, "needed": 3600}]


def beyond_the_hard_one(forgery: Forgery) -> None:
    flag = forgery.records[4]["effects"]["flags"][0]
    made = forgery.transfer("fund", "a", 14400)
    made["effects"] |= {"statute": "pair"}
    made["effects"]["flags"] = [flag | {"limit": -18000, "available": 7200, "needed": 14400}]


def beyond_the_hard_one_with_the_soft_flag(forgery: Forgery) -> None:
    flag = forgery.records[4]["effects"]["flags"][0]
    made = forgery.transfer("fund", "a", 14400)
    made["effects"] |= {"statute": "pair"}
    made["effects"]["flags"] = [flag | {"available": 0, "needed": 14400}]


@pytest.mark.parametrize(
    "lie",
    [
        without_its_flag,
        with_the_hard_limit,
        with_both_flags,
        with_its_flag_twice,
        with_a_flag_that_is_not_due,
        beyond_the_hard_one,
        beyond_the_hard_one_with_the_soft_flag,
    ],
)
def test_the_audit_finds_a_flag_that_is_not_that_of_the_limit_passed(
    lie: Callable[[Forgery], None],
) -> None:
    """Each by the check of limits; flags that stand twice are told as such too."""
    forgery = sound()
    assert set() == found(forgery.audited())
    lie(forgery)
    assert {"limits"} == found(forgery.audited()) - {"effects"}


@pytest.mark.parametrize(
    "bands",
    [
        [{"floor": -7200, "beyond": "flag"}, {"floor": -3600}],
        [{"floor": -7200}, {"floor": -7200, "beyond": "flag"}],
        [{"floor": -7200}, {"floor": -9200}],
    ],
)
def test_the_audit_finds_a_statute_whose_bands_cannot_be(bands: list[dict[str, Any]]) -> None:
    """It would mean two things."""
    forgery = sound()
    request = {"statute": {"version": "other", "limits": {"member": bands}}}
    forgery.add("adopt", request, {"adopts": "other"})
    assert {"statutes"} == found(forgery.audited())


def test_a_day_of_joining_ahead_counts_as_month_0(street: TimeBank) -> None:
    """The soft limit does too."""
    street.open_account("later", joined_on=date(2026, 9, 1))
    assert [] == spends(street, 2, "later")
    assert [("floor", "-2:00", "0:00")] == spends(street, 1, "later")
    assert () == street.audit().findings
