"""The rules of real time banks on limits, units and fees, each written down, adopted and met.

The banks, and what their statutes say, are those of the project's field notes.
"""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest

from support import BEGINNING, Clock
from timebank import (
    AccountNotFound,
    GranularityRefused,
    Hours,
    InvalidRequest,
    LimitExceeded,
    RecordedTooLate,
    Rejected,
    Statute,
    TimeBank,
)

TODAY = BEGINNING.date()


def adopt(bank: TimeBank, **rules: Any) -> Statute:
    """Put a statute in force, as its file says it."""
    return bank.adopt(Statute.from_json(json.dumps({"version": "bank/1", **rules})))


def members(*bands: dict[str, Any]) -> dict[str, Any]:
    """Limits of members."""
    return {"member": list(bands)}


@pytest.fixture
def town(bank: TimeBank) -> TimeBank:
    """Two members who joined today, an older one, two rings, a fund."""
    bank.open_account("anna", joined_on=TODAY)
    bank.open_account("bruno", joined_on=TODAY)
    bank.open_account("old", joined_on=date(2020, 1, 31))
    for id in ("ring-a", "ring-b"):
        bank.open_account(id, kind="clearing")
    bank.open_account("fund", kind="fund")
    return bank


def spends(bank: TimeBank, who: str, hours: object, earner: str = "fund", **more: Any) -> Hours:
    """The account spends, and what is exchanged."""
    return bank.transfer(earner=earner, spender=who, hours=hours, **more).hours


# -- limits ------------------------------------------------------------------------------


def test_vilassar_de_mar(town: TimeBank) -> None:
    """From -10 to +20 hours, for every member."""
    adopt(town, limits=members({"floor": -10, "ceiling": 20}))
    spends(town, "anna", 10)
    with pytest.raises(LimitExceeded, match="its floor is -10:00"):
        spends(town, "anna", "0:01")
    spends(town, "fund", 20, earner="bruno")
    with pytest.raises(LimitExceeded, match="its ceiling is 20:00"):
        spends(town, "fund", "0:01", earner="bruno")


@pytest.mark.parametrize("place", ["norcal", "ferndale"])
def test_ten_hours_then_earn_first(town: TimeBank, place: str) -> None:
    """NorCal, Ferndale: down to -10 hours; who stands there must earn before spending."""
    adopt(town, version=f"{place}/1", limits=members({"floor": "-10"}))
    spends(town, "anna", 10)
    with pytest.raises(LimitExceeded) as caught:
        spends(town, "anna", 2)
    assert Hours(2) == caught.value.shortfall
    assert "it would pass if anna first earns 2:00" in str(caught.value)
    spends(town, "fund", 2, earner="anna")
    spends(town, "anna", 2)


def test_schlicht_um_schlicht(town: TimeBank, clock: Clock) -> None:
    """±25 hours, -10 in the first year; beyond a limit only what brings the balance back."""
    adopt(
        town,
        limits=members(
            {"floor": -10, "ceiling": 25}, {"from_month": 12, "floor": -25, "ceiling": 25}
        ),
    )
    spends(town, "anna", 10)
    with pytest.raises(LimitExceeded):
        spends(town, "anna", 1)
    spends(town, "old", 25)
    with pytest.raises(LimitExceeded):
        spends(town, "old", "0:01")
    clock.now += timedelta(days=365)
    spends(town, "anna", 15)
    # beyond, by an import: back is allowed, by however little, and further is not
    spends(town, "bruno", 40, limits="unchecked")
    with pytest.raises(LimitExceeded):
        spends(town, "bruno", "1s")
    spends(town, "fund", "1s", earner="bruno")


def test_tauschring_bs(town: TimeBank, clock: Clock) -> None:
    """600 units of a minute, then 3,000 after twelve months: to the day."""
    adopt(
        town,
        limits=members(
            {"floor": "-600m", "ceiling": "600m"},
            {"from_month": 12, "floor": "-3000m", "ceiling": "3000m"},
        ),
        granularity={"unit": "1m"},
    )
    spends(town, "anna", "600m")
    clock.now += timedelta(days=364)
    with pytest.raises(LimitExceeded):
        spends(town, "anna", "1m")
    clock.now += timedelta(days=1)
    assert Hours(-50) == town.balance("anna").floor
    spends(town, "anna", "2400m")
    with pytest.raises(LimitExceeded):
        spends(town, "anna", "1m")


def test_rtr_between_rings(town: TimeBank) -> None:
    """Between rings +150 and -100 hours: limits of another kind of account."""
    adopt(
        town,
        limits={"clearing": [{"floor": -100, "ceiling": 150}], **members({"floor": -10})},
    )
    spends(town, "ring-a", 100, earner="ring-b")
    with pytest.raises(LimitExceeded):
        spends(town, "ring-a", 1, earner="ring-b")
    spends(town, "fund", 50, earner="ring-b")
    with pytest.raises(LimitExceeded):
        spends(town, "fund", 1, earner="ring-b")
    spends(town, "fund", 500, earner="anna")  # members have no ceiling here


def test_an_accounts_own_limit_comes_before_the_statutes(town: TimeBank) -> None:
    """Of the two limits each for itself; the other is inherited."""
    adopt(town, limits=members({"floor": -10, "ceiling": 20}))
    town.set_limits("anna", floor=-2)
    town.set_limits("bruno", floor=None)
    assert (Hours(-2), Hours(20)) == (town.balance("anna").floor, town.balance("anna").ceiling)
    spends(town, "bruno", 100)
    with pytest.raises(LimitExceeded):
        spends(town, "anna", 3)


def test_timeoverflow_flags_and_does_not_refuse(town: TimeBank) -> None:
    """A soft limit: the exchange is recorded with its flag, and the audit lists it as a note."""
    adopt(town, limits=members({"floor": -10, "ceiling": 20, "beyond": "flag"}))
    made = town.transfer(earner="bruno", spender="anna", hours=21, id="big")
    floor, ceiling = made.flags
    assert ("floor", "anna", Hours(-10), Hours(10), Hours(21)) == (
        floor.rule,
        floor.account,
        floor.limit,
        floor.available,
        floor.needed,
    )
    assert ("ceiling", "bruno", Hours(20)) == (ceiling.rule, ceiling.account, ceiling.limit)
    assert made == town.transfer_by_id("big")
    held = town.hold(earner="bruno", spender="anna", hours=1, id="h1")
    assert 2 == len(held.flags)
    assert () == town.settle("h1", id="s1").flags
    report = town.audit()
    assert report.ok
    assert [f"record {made.sequence}"] * 2 + [f"record {held.sequence}"] * 2 == [
        note.place for note in report.notes
    ]
    assert "account 'anna' moves 21:00, though its floor -10:00 left 10:00" == report.notes[0].text


# -- units -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "exchanged"),
    [("0:52", "1:00"), ("1:10", "1:15"), ("1:15", "1:15"), ("0:00:01", "0:15")],
)
def test_norcal_rounds_up_to_the_next_quarter(town: TimeBank, asked: str, exchanged: str) -> None:
    """52 minutes are an hour, 1:10 is 1:15."""
    adopt(town, granularity={"unit": "0:15", "rounding": "up"})
    made = town.transfer(earner="anna", spender="bruno", hours=asked, id="t1")
    assert Hours(exchanged) == made.hours == town.balance("anna").posted
    assert (None if asked == exchanged else Hours(asked)) == made.asked
    assert made == town.transfer(earner="anna", spender="bruno", hours=asked, id="t1")


def test_the_smallest_unit_is_a_quarter(town: TimeBank) -> None:
    """What is none is refused, with the quarters on both sides of it."""
    adopt(town, granularity={"unit": "0:15"})
    with pytest.raises(GranularityRefused, match="0:45 or 1:00 would pass") as caught:
        spends(town, "anna", "0:52")
    assert (Hours("0:45"), Hours("1:00"), Hours("0:45")) == (
        caught.value.lower,
        caught.value.upper,
        caught.value.passes,
    )
    spends(town, "anna", "0:45")
    with pytest.raises(GranularityRefused, match="; 0:15 would pass"):
        spends(town, "anna", "0:05")


@pytest.mark.parametrize("place", ["zanica", "ora per ora, verona"])
def test_hours_and_half_hours(town: TimeBank, place: str) -> None:
    """Zanica; Ora per Ora in Verona: whole hours and halves, nothing between."""
    adopt(town, version=place, granularity={"unit": "0:30"})
    for hours in ("0:30", "1:00", "2:30"):
        spends(town, "anna", hours)
    for hours in ("0:15", "0:29:59", "1:01"):
        with pytest.raises(GranularityRefused, match="in multiples of 0:30 here"):
            spends(town, "anna", hours)


def test_the_french_sels_count_minutes(town: TimeBank) -> None:
    """A minute is the unit: seconds are refused."""
    adopt(town, time_zone="Europe/Paris", granularity={"unit": "0:01"})
    spends(town, "anna", "0:01")
    with pytest.raises(GranularityRefused, match="0:01 or 0:02 would pass"):
        spends(town, "anna", "0:01:30")


def test_to_the_nearest_quarter(town: TimeBank) -> None:
    """Half a unit is taken up; less than half of the first one is nothing, and refused."""
    adopt(town, granularity={"unit": "0:15", "rounding": "nearest"})
    for asked, exchanged in (("0:52", "0:45"), ("0:52:30", "1:00"), ("0:07:30", "0:15")):
        assert Hours(exchanged) == spends(town, "anna", asked)
    with pytest.raises(GranularityRefused, match="0:15 would pass"):
        spends(town, "anna", "0:07:29")


def test_the_whole_exchange_is_rounded_not_its_parts(town: TimeBank) -> None:
    """Ten minutes from each of three are half an hour: there is nothing to round."""
    adopt(town, granularity={"unit": "0:30", "rounding": "up"})
    made = town.transfer(
        earner="fund", spender={"anna": "0:10", "bruno": "0:10", "old": "0:10"}, id="t1"
    )
    assert (Hours("0:30"), None) == (made.hours, made.asked)
    made = town.transfer(earner="fund", spender={"anna": "0:10", "bruno": "0:25"})
    assert {"anna": Hours("0:17:09"), "bruno": Hours("0:42:51")} == made.spenders


# -- the day of record -------------------------------------------------------------------


def test_italian_time_cheques_are_handed_in_within_thirty_days(town: TimeBank) -> None:
    """The day of service is not that of record, and may lie thirty days back."""
    adopt(town, time_zone="Europe/Rome", record_within={"days": 30})
    spends(town, "anna", 1, occurred_on=TODAY - timedelta(days=30))
    with pytest.raises(RecordedTooLate) as caught:
        spends(town, "anna", 1, occurred_on=TODAY - timedelta(days=31))
    assert "2026-01-31" == caught.value.earliest
    adopt(town, version="soft/1", record_within={"days": 30, "beyond": "flag"})
    made = town.transfer(
        earner="fund", spender="anna", hours=1, occurred_on=TODAY - timedelta(days=31)
    )
    (flag,) = made.flags
    assert ("days to record", 30, TODAY - timedelta(days=31)) == (
        flag.rule,
        flag.days,
        flag.occurred_on,
    )


# -- fees --------------------------------------------------------------------------------


def test_bielefeld_takes_a_share_of_income(town: TimeBank) -> None:
    """The earner pays a tenth to the fund: it comes out of what is earned."""
    adopt(town, fee={"share": "10%", "payer": "earner", "fund": "fund"})
    made = town.transfer(earner="anna", spender="bruno", hours="1:30", id="t1")
    assert (Hours("1:30"), Hours("0:09")) == (made.hours, made.fee)
    assert [Hours("1:21"), Hours("-1:30"), Hours("0:09")] == [
        town.balance(id).posted for id in ("anna", "bruno", "fund")
    ]
    assert ["1:30", "-0:09"] == [str(line.hours) for line in town.statement("anna").lines]
    assert [False, True] == [line.fee for line in town.statement("anna").lines]


@pytest.mark.parametrize(
    ("remainder_to", "unit", "fee"),
    [
        ("fund", "1s", "0:05:13"),
        ("payer", "1s", "0:05:12"),
        ("fund", "1m", "0:06"),
        ("payer", "1m", "0:05"),
        ("fund", "15m", "0:15"),
        ("payer", "15m", "0:00"),
    ],
)
def test_a_fee_on_each_exchange_with_a_fair_remainder(
    town: TimeBank, remainder_to: str, unit: str, fee: str
) -> None:
    """A twentieth of 1:44:10 is 5:12.5: the half second goes to the fund, or stays."""
    rule = {"share": "1/20", "fund": "fund", "remainder_to": remainder_to, "unit": unit}
    adopt(town, fee=rule)
    made = town.transfer(earner="anna", spender="bruno", hours="1:44:10")
    assert Hours(fee) == made.fee
    assert Hours("-1:44:10") - Hours(fee) == town.balance("bruno").posted


def test_a_fixed_fee_is_never_more_than_the_exchange(town: TimeBank) -> None:
    """Five minutes of each, from its spenders in proportion; of a shorter exchange all of it."""
    adopt(town, fee={"fixed": "0:05", "fund": "fund"})
    made = town.transfer(earner="anna", spender={"bruno": 1, "old": 2})
    assert Hours("0:05") == made.fee
    fees = {p.account: str(p.hours) for p in made.postings if p.fee}
    assert {"fund": "0:05", "bruno": "-0:01:40", "old": "-0:03:20"} == fees
    assert Hours("0:02") == town.transfer(earner="anna", spender="bruno", hours="0:02").fee


def test_a_fund_pays_nothing_to_itself(town: TimeBank) -> None:
    """What the fund spends is free of the fee; beside others it pays none of theirs."""
    adopt(town, fee={"share": "1/10", "fund": "fund"})
    assert Hours(0) == town.transfer(earner="anna", spender="fund", hours=1).fee
    made = town.transfer(earner="anna", spender={"bruno": 1, "fund": 1})
    assert Hours("0:06") == made.fee


def test_what_is_no_exchange_has_no_fee_and_no_unit(town: TimeBank) -> None:
    """Dues, gifts and imports are not exchanges; their limits are checked but of imports."""
    adopt(
        town,
        limits=members({"floor": -1}),
        granularity={"unit": 1},
        largest_exchange={"hours": 2},
        record_within={"days": 1},
        fee={"share": "1/10", "fund": "fund"},
    )
    old = TODAY - timedelta(days=9)
    made = town.transfer(earner="fund", spender="anna", hours="0:01", kind="gift", occurred_on=old)
    assert Hours(0) == made.fee
    with pytest.raises(LimitExceeded):
        spends(town, "anna", 1, kind="gift")
    made = town.transfer(
        earner="fund", spender="anna", hours="9:01", occurred_on=old, limits="unchecked"
    )
    assert (Hours("9:01"), Hours(0), "unchecked") == (made.hours, made.fee, made.limits)


def test_the_fund_of_a_fee_must_be_there(town: TimeBank) -> None:
    """When it is adopted, and at each exchange."""
    with pytest.raises(InvalidRequest, match="'anna' is a member, and no fund"):
        adopt(town, fee={"share": "1/10", "fund": "anna"})
    with pytest.raises(AccountNotFound, match="the statute names it: open it first, as a fund"):
        adopt(town, fee={"share": "1/10", "fund": "nowhere"})
    adopt(town, fee={"share": "1/10", "fund": "fund"})
    town.freeze("fund")
    with pytest.raises(Rejected, match="'fund' is frozen"):
        spends(town, "anna", 1, earner="bruno")
    town.thaw("fund")
    with pytest.raises(Rejected, match="'fund' is a fund of statute 'bank/1'; first adopt"):
        town.close_account("fund")
    adopt(town, version="none")
    town.close_account("fund")
    with pytest.raises(Rejected, match="'fund' is closed"):
        adopt(town, version="bank/2", fee={"share": "1/10", "fund": "fund"})
