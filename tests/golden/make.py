"""Make the golden journals: the same calls, clock, ids and salts give the same bytes.

`python -m golden.make`, in `tests/`, writes those that are not there, and never one that is. See
README.md.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Final

import timebank
from golden import cheques, federated
from timebank import (
    Assign,
    Band,
    Demurrage,
    Donate,
    Dues,
    Fee,
    Granularity,
    Head,
    LargestExchange,
    RecordWithin,
    Statute,
    TimeBank,
    Welcome,
    WriteOff,
    split,
)
from timebank.interchange.jsonl import export_jsonl

FOLDER: Final = Path(__file__).parent
#: What JSON escapes, and some of what it does not.
ODD: Final = 'a "quoted" \\ back\\slash, a\ttab, two\r\nlines, \b\f\x01\x1f\x7f \u2028 \U0001f331'
#: By code point the first is less than the second; by UTF-16 unit it is not.
LESS, MORE = "\uff61", "\U0001f331"


class Sources:
    """A clock that stands until it is set, and ids and salts that count."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 9, tzinfo=UTC)
        self._salts, self._ids = itertools.count(1), itertools.count(1)

    def open(self) -> TimeBank:
        """An empty bank."""
        return timebank.open("memory:", **self.given())

    def given(self) -> dict[str, Any]:
        """What a bank takes its time, ids and salts from."""
        return {
            "clock": lambda: self.now,
            "new_id": lambda: f"id-{next(self._ids)}",
            "new_salt": lambda: next(self._salts).to_bytes(16, "big"),
        }

    def go(self, **later: float) -> None:
        """Set the clock so much later."""
        self.now += timedelta(**later)


# -- accounts --------------------------------------------------------------------------------


def accounts(sources: Sources) -> TimeBank:
    """Accounts of all kinds: their limits, names, status and delegates; erasures; odd ids."""
    bank = sources.open()
    treasurer = bank.acting_as("treasurer")
    treasurer.open_account("m1", name=ODD, joined_on=date(2026, 2, 28), floor="-10", ceiling=50)
    treasurer.open_account(f"Łucja è {MORE}", kind="group", floor=None, ceiling=None)
    bank.open_account('"\\', kind="organisation", name="Comune")
    bank.open_account("fund", kind="fund", joined_on=date(2026, 3, 10))
    bank.open_account("elsewhere", kind="clearing")
    bank.open_account("mint", kind="issuance")
    bank.open_account("x" * 128)
    sources.go(seconds=1, microseconds=1)
    treasurer.set_limits("m1", floor="-0:00:01")
    treasurer.set_limits("m1", ceiling=None)
    treasurer.set_limits("m1", floor=timebank.INHERIT, ceiling="0:30")
    bank.rename("m1", "Maria Rossi")
    bank.rename("m1", None)
    bank.rename("x" * 128, "Nobody")
    for change in (bank.freeze, bank.thaw, bank.close_account, bank.reopen):
        sources.go(days=1)
        change("x" * 128, reason=f"because {change.__name__}")
    for change in (bank.freeze, bank.close_account, bank.reopen, bank.freeze, bank.thaw):
        sources.go(hours=5)
        change("elsewhere")
    bank.name_delegate("m1", "luca")
    bank.name_delegate("m1", "Žofia", until=date(2026, 12, 31))
    treasurer.name_delegate("m1", "luca", until=date(2026, 3, 31))
    bank.end_delegate("m1", "Žofia")
    bank.erase(record=3, reason="it named somebody else")
    treasurer.erase("m1", reason="asked for on paper")
    bank.open_account("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645")  # with a joiner
    return bank


# -- transfers and reversals -----------------------------------------------------------------


def transfers(sources: Sources) -> TimeBank:
    """Transfers with every field, and of several sides; their reversals; all under default/1."""
    bank = sources.open()
    for id, kind in {"m1": "member", "m2": "member", "f1": "group", MORE: "group"}.items():
        bank.open_account(id, kind=kind)
    bank.open_account(LESS)
    bank.open_account("coop", kind="organisation")
    sources.go(days=20)
    bank.acting_as("coordinator").transfer(
        earner="m1",
        spender="f1",
        hours="1:30",
        id="visit-81",
        occurred_on=date(2026, 3, 3),
        category="care",
        area="family-help",
        resource="car",
        via="coop",
        note=ODD,
        tags=[MORE, LESS, "clinic", '"'],
        source={"system": "paper", "page": "12", "Ärger": "\\"},
    )
    bank.transfer(earner="m1", spender=split("8:00:01", [MORE, LESS, "f1"]), id="shared")
    bank.transfer(
        earner=split("0:00:07", ["m1", "m2"], weights=[1, 5]),
        spender={LESS: "0:00:03", MORE: "0:00:04"},
        id=f"{LESS}{MORE}",
        kind="gift",
        source="notebook",
        occurred_on=date(2026, 3, 23),
    )
    bank.transfer(earner="m2", spender="f1", hours=100, limits="unchecked", id="imported")
    sources.go(hours=15)
    bank.freeze("f1")
    bank.reverse("visit-81", reason="entered twice", id="undo")
    bank.reverse("shared", reason="less", hours="0:00:07", id="undo-1")
    bank.reverse("shared", reason="less", hours="4:00", id="undo-2", occurred_on=date(2026, 3, 24))
    bank.reverse("shared", reason="nothing", id="undo-3")
    bank.erase(record="undo-2", reason="it said too much")
    bank.erase("m1", reason="she asked")
    return bank


# -- the rules on exchanges ------------------------------------------------------------------


def exchanges(sources: Sources) -> TimeBank:
    """Statutes with units, sizes, days, fees and bands of limits, and all flags of transfers."""
    bank = sources.open()
    bank.open_account("fund", kind="fund")
    bank.open_account("coop", kind="organisation")
    bank.open_account("m1", joined_on=date(2025, 1, 31))
    bank.open_account("m2", joined_on=date(2026, 2, 28))
    bank.open_account("m3")
    bank.open_account("f1", kind="group", ceiling=3)
    bank.adopt(
        Statute(
            version="via-roma/1",
            time_zone="Europe/Rome",
            limits={
                "member": [
                    Band(floor=-2, ceiling=6, beyond="flag"),
                    Band(from_month=12, floor=-5),
                ],
                "group": Band(floor=-30),
            },
            granularity=Granularity(unit="0:15"),
            largest_exchange=LargestExchange(hours=8, beyond="flag"),
            record_within=RecordWithin(days=30, beyond="flag"),
            fee=Fee(share="1/7", fund="fund"),
        )
    )
    sources.go(days=40, hours=14)  # in Rome it is the next day
    bank.transfer(earner="m2", spender="f1", hours="2:15", id="fee")
    bank.transfer(earner="m2", spender="m3", hours=9, id="large")
    bank.transfer(earner="m1", spender="f1", hours=1, id="late", occurred_on=date(2026, 3, 1))
    bank.transfer(earner="f1", spender="fund", hours="0:30", id="of the fund")
    bank.transfer(earner="m1", spender=split("2:30", ["f1", "m3", "fund"]), id="shared")
    bank.transfer(earner="m1", spender="m2", hours="0:01", kind="gift", id="no exchange")
    sources.go(minutes=1)
    bank.adopt(
        Statute(
            version="via-roma/2",
            limits={"group": Band(ceiling="0:10", beyond="flag")},
            granularity=Granularity(unit="0:30", rounding="up"),
            largest_exchange=LargestExchange(hours=20),
            record_within=RecordWithin(days=400),
            fee=Fee(fixed="0:05", payer="earner", fund="fund"),
        )
    )
    bank.transfer(earner=split("1:10", ["f1", "m3", "m2"]), spender="m1", id="rounded up")
    bank.transfer(earner="fund", spender="m1", hours="0:10", id="to the fund")
    bank.reverse("rounded up", reason="less", hours="0:29", id="undo-1")
    sources.go(minutes=1)
    bank.adopt(
        Statute(
            version="via-roma/3",
            time_zone="America/Los_Angeles",
            granularity=Granularity(unit="0:10", rounding="nearest"),
            fee=Fee(share=1, payer="earner", remainder_to="payer", unit="0:07", fund="fund"),
        )
    )
    bank.transfer(earner=split(1, ["m1", "m2", "m3"], weights=[1, 2, 4]), spender="f1", id="n1")
    bank.transfer(earner="m1", spender="m2", hours="0:15", id="n2")
    bank.transfer(earner="m1", spender="m2", hours="0:14:59", id="n3")
    bank.reverse("n1", reason="less", hours="0:00:59", id="undo-2")
    bank.reverse("n1", reason="the rest", id="undo-3")
    sources.go(minutes=1)
    bank.adopt(
        Statute(version="default/1", limits={k: Band(floor=-20) for k in ("member", "group")})
    )
    bank.reverse("rounded up", reason="the rest", id="undo-4")
    bank.transfer(earner="m1", spender="m2", hours="0:01", id="no unit")
    return bank


# -- soft limits within hard ones ------------------------------------------------------------


def limits(sources: Sources) -> TimeBank:
    """Limits that flag within limits that refuse, by months of membership, and own limits."""
    bank = sources.open()
    bank.open_account("fund", kind="fund")
    bank.open_account("m1", joined_on=date(2025, 2, 10))
    bank.open_account("m2")
    bank.open_account("m3", floor="-0:10", ceiling=None)
    bank.open_account("f1", kind="group")
    bank.adopt(
        Statute(
            version="limits/1",
            limits={
                "member": [
                    Band(floor=-2, ceiling=3, beyond="flag"),
                    Band(floor=-4, ceiling=6),
                    Band(from_month=12, floor=-5, ceiling=20, beyond="flag"),
                    Band(from_month=12, floor=-10, ceiling=20),
                ],
                "group": [Band(ceiling=0, beyond="flag"), Band()],
            },
            dues=Dues(name="card", hours=2, fund="fund", every="once", kinds=["member", "group"]),
        )
    )
    bank.transfer(earner="m1", spender="m2", hours=2, id="within both")
    bank.transfer(earner="m1", spender="m2", hours=1, id="below the soft floor")
    bank.transfer(earner="f1", spender="m1", hours=9, id="below it after a year")
    bank.transfer(earner="m3", spender="f1", hours=7, id="an own ceiling")
    bank.hold(earner="m2", spender="f1", hours=6, id="kept")
    bank.hold(earner="m2", spender="f1", hours="2:30", id="kept beyond")
    try:
        bank.transfer(earner="f1", spender="m2", hours="1:01", id="refused")
    except timebank.LimitExceeded:
        bank.transfer(earner="f1", spender="m2", hours=1, id="to the hard floor")
    bank.run_due()
    return bank


# -- holds -----------------------------------------------------------------------------------


def holds(sources: Sources) -> TimeBank:
    """Holds in every state, and settlements of less, of all and of more, with all flags."""
    bank = sources.open()
    bank.open_account("fund", kind="fund")
    bank.open_account("m1")
    bank.open_account("m2", ceiling=9)
    bank.open_account("f1", kind="group")
    bank.open_account("f2", kind="group")
    bank.hold(
        earner="m1",
        spender="f1",
        hours="1:30",
        id="plan",
        kind="gift",
        occurred_on=date(2026, 3, 3),
        category="care",
        area="family-help",
        resource="car",
        via="fund",
        note="to the clinic",
        tags=["clinic"],
        source="calendar",
        limits="unchecked",
        expires_in=timedelta(days=400),
    )
    first = Statute(
        version="holds/1",
        limits={"member": Band(ceiling=4, beyond="flag"), "group": Band(floor=-6, beyond="flag")},
        granularity=Granularity(unit="0:15", rounding="up"),
        largest_exchange=LargestExchange(hours=4, beyond="flag"),
        record_within=RecordWithin(days=10, beyond="flag"),
        fee=Fee(share="1/10", fund="fund", unit="0:01"),
    )
    bank.adopt(first)
    sources.go(hours=1)
    for id in ("all", "less", "more", "early"):
        bank.hold(
            earner="m1",
            spender=split("2:40", ["f1", "f2"], weights=[1, 2]),
            id=id,
            expires_in=timedelta(days=30),
            source={"sheet": "4"},
        )
    bank.hold(earner="m2", spender="f1", hours=5, id="large", occurred_on=date(2026, 3, 3))
    bank.hold(earner="m2", spender="f2", hours="0:10", id="gone", expires_in=timedelta(hours=1))
    bank.hold(earner="m2", spender="f2", hours="0:10", id="left", occurred_on=date(2026, 2, 1))
    sources.go(days=12)
    bank.settle("all", id="settled")
    bank.settle("less", hours="0:50", id="settled less", occurred_on=date(2026, 3, 2))
    second = Statute(
        version="holds/2",
        time_zone="Europe/Rome",
        largest_exchange=LargestExchange(hours=3, beyond="flag"),
        limits={"group": Band(floor=-9, beyond="flag"), "member": Band(floor=-20)},
        fee=Fee(fixed=1, payer="earner", fund="fund"),
    )
    bank.adopt(second)
    sources.go(hours=12)
    bank.settle("more", hours="3:10", id="settled more")
    bank.settle("early", hours="0:05", id="settled early")
    bank.hold(earner={"m1": 1, "fund": 1}, spender="f2", hours=2, id="fund earns")
    bank.hold(earner="m1", spender="f2", hours="0:20", id="fee of all")
    bank.settle("fund earns", hours="0:50", id="settled of two")
    bank.settle("fee of all", hours="2:20", id="settled longer")
    bank.settle("plan", id="settled gift")
    bank.void("large", reason="it rained", id="voided")
    bank.reverse("settled", reason="less", hours="1:00", id="undo")
    bank.reverse("settled more", reason="never", id="undo more")
    bank.hold(earner="m2", spender="f2", hours=1, id="last", note="to be erased")
    bank.void("last", id="voided last")
    bank.erase(record="last", reason="a note")
    return bank


# -- dues ------------------------------------------------------------------------------------


def dues(sources: Sources) -> TimeBank:
    """Welcome credit, dues of every kind, demurrage; joining, freezing and leaving."""
    bank = sources.open()
    for fund in ("fund", "pot"):
        bank.open_account(fund, kind="fund")
    bank.open_account("rich", kind="organisation")
    bank.open_account("m1", joined_on=date(2025, 12, 31))
    sources.go(days=1, hours=14, minutes=30)
    every = Statute(
        version="dues/1",
        time_zone="Europe/Rome",
        limits={
            "member": Band(floor=-3, beyond="flag"),
            "fund": Band(ceiling=4, floor=-1, beyond="flag"),
        },
        welcome=Welcome(hours=2, fund="fund", due_back=True, kinds=["member", "group"]),
        dues=[
            Dues(
                hours=1, fund="pot", every="month", first_period="days", kinds=["group", "member"]
            ),
            Dues(name="card", hours="0:10", fund="pot", every="once"),
            Dues(
                name="club",
                hours="2:55:01",
                fund="pot",
                every="half-year",
                first_period="months",
                unit="0:05",
                remainder_to="payer",
            ),
            Dues(name="hall", hours=2, fund="fund", every="quarter", from_month=1),
            Dues(name="bond", hours=5, fund="pot", first_period="free"),
        ],
        demurrage=Demurrage(share="1/7", above=1, fund="pot", every="month"),
    )
    bank.adopt(every)
    bank.open_account("g", kind="group")
    bank.open_account("m2")
    bank.open_account("m3", joined_on=date(2026, 3, 31))
    bank.open_account("sha256=m4", joined_on=date(2026, 2, 20))
    bank.open_account("y" * 120)
    bank.open_account("m5", welcome=False)
    bank.transfer(earner="m1", spender="rich", hours="20:20", id="work")
    bank.transfer(earner="g", spender="rich", hours=9, id="more")
    bank.reverse("due:welcome:1:m2", reason="r", hours="0:30", id="part")
    bank.reverse("due:welcome:1:m2", reason="r", id="rest")
    bank.welcome("m2")
    bank.welcome("m5")
    for days in (20, 25, 25, 30):
        sources.go(days=days)
        if days == 25:
            (bank.freeze if bank.account("m2").status == "open" else bank.thaw)("m2")
        bank.run_due()
    bank.reverse("due:dues:2026-04:g", reason="forgiven", id="forgiven")
    bank.leave("m2", disposal=WriteOff("pot"), reason="moved away")
    bank.leave("g", disposal=Donate("pot"))
    bank.name_delegate("m1", "luca")
    bank.leave("m1", disposal=[Assign("sha256=m4", consented=True), WriteOff("pot")])
    later = {
        "dues/2": Demurrage(share=1, above=0, fund="pot", every="quarter", unit="0:30"),
        "dues/3": Demurrage(
            share="1/3", above="0:20", fund="pot", every="year", remainder_to="fund", kinds=["fund"]
        ),
    }
    for version, demurrage in later.items():
        welcome = Welcome(hours="0:01", fund="fund", given="when asked")
        bank.adopt(
            Statute(
                version=version,
                welcome=welcome,
                dues=Dues(name="year", hours="0:05", fund="pot"),
                demurrage=demurrage,
            )
        )
        bank.open_account(f"m{version[-1]}x")
        bank.welcome(f"m{version[-1]}x")
        bank.transfer(earner=f"m{version[-1]}x", spender="rich", hours=2, id=f"work {version}")
        sources.go(days=200)
        bank.run_due(through=sources.now.date())
    bank.adopt(every)
    sources.go(days=40)
    bank.run_due(through=date(2027, 8, 1))
    return bank


# -- clocks ----------------------------------------------------------------------------------


def clocks(sources: Sources) -> TimeBank:
    """Clocks that ran ahead and were restarted, and days in zones that are far apart."""
    bank = sources.open()
    bank.open_account("fund", kind="fund")
    bank.open_account("m1", joined_on=date(2026, 1, 15))
    bank.open_account("f1", kind="group")
    first = Statute(
        version="clocks/1",
        time_zone="Europe/Rome",
        limits={"member": [Band(floor=-20), Band(floor=-40, from_month=6)]},
        welcome=Welcome(hours=1, fund="fund"),
        dues=[
            Dues(hours="0:10", fund="fund", every="quarter"),
            Dues(name="card", hours="0:05", fund="fund", every="once"),
        ],
        demurrage=Demurrage(share="1/10", above=0, fund="fund", every="quarter"),
    )
    bank.adopt(first)
    bank.run_due()
    bank.transfer(earner="m1", spender="f1", hours=9, id="work")
    bank.hold(earner="m1", spender="f1", hours=1, id="never", occurred_on=sources.now.date())
    bank.hold(earner="m1", spender="f1", hours=1, id="soon", expires_in=timedelta(hours=2))
    bank.hold(earner="m1", spender="f1", hours=1, id="later", expires_in=timedelta(days=30))
    # A clock that is wrong by half a year: what it does is dated so.
    sources.go(days=180)
    bank.open_account("m2")
    bank.hold(earner="m2", spender="f1", hours=1, id="false", expires_in=timedelta(days=1))
    bank.transfer(earner="m2", spender="f1", hours=2, id="ahead")
    bank.freeze("f1", reason="by mistake")
    bank.adopt(Statute(version="clocks/2", dues=first.dues, demurrage=first.demurrage))
    bank.run_due(through=sources.now.date())
    sources.go(days=-180, hours=3)
    bank.acting_as("treasurer").restart_clock(today=sources.now.date(), reason="a dead battery")
    bank.thaw("f1")
    today = sources.now.date()
    for charge in ("dues:2026-Q3:m1", "demurrage:2026-Q2:m1", "card:2026-08-29:m2"):
        bank.reverse(f"due:{charge}", reason="a false clock", id=f"no {charge}", occurred_on=today)
    bank.reverse("ahead", reason="another day", id="not ahead")  # of the same day
    bank.settle("never", id="settled")
    sources.go(days=10)
    bank.open_account("m3")
    bank.run_due()
    # Half a year later it is true, and what was taken back is charged once more.
    sources.go(days=200)
    bank.run_due(through=sources.now.date())
    # The same again, by a minute and across midnight.
    sources.now = datetime(2026, 10, 1, 0, 0, 30, tzinfo=UTC)
    bank.rename("m1", "Maria")
    sources.go(minutes=-1)
    bank.rename("m2", "Mario")  # within ten minutes the last instant is taken
    sources.go(minutes=-30)
    bank.restart_clock(today=date(2026, 9, 30), reason="the time server was wrong")
    # Where it is tomorrow, then where it is still yesterday: days never fall.
    sources.go(hours=12)
    for version, zone in (("east", "Pacific/Kiritimati"), ("west", "Pacific/Pago_Pago")):
        bank.adopt(Statute(version=version, time_zone=zone))
        bank.open_account(version)
        bank.transfer(earner=version, spender="f1", hours="0:01", id=f"in the {version}")
        sources.go(hours=1)
    return bank


# -- corrections -----------------------------------------------------------------------------


def corrections(sources: Sources) -> TimeBank:
    """Times of day, holds planned ahead, amendments, merged accounts, closed books."""
    bank = sources.open()
    bank.open_account("fund", kind="fund")
    bank.open_account("old", kind="fund")
    bank.open_account("coop", kind="organisation")
    bank.adopt(
        Statute(
            version="mend/1",
            time_zone="Europe/Rome",
            limits={"member": [Band(floor=-2, ceiling=6, beyond="flag"), Band(floor=-20)]},
            welcome=Welcome(hours="0:20", fund="fund"),
            dues=[
                Dues(hours="0:10", fund="fund", every="quarter"),
                Dues(name="card", hours="0:05", fund="fund", every="once"),
            ],
            demurrage=Demurrage(share="1/10", above=0, fund="fund", every="quarter"),
            fee=Fee(share="1/10", fund="old"),
        )
    )
    bank.open_account("m1", name="Maria", joined_on=date(2026, 2, 1))
    bank.open_account("m2", joined_on=date(2026, 2, 20))
    bank.open_account("f1", kind="group")
    for id in ("twin", "twin of twin", "early", "new", "never"):
        bank.open_account(id, welcome=id == "twin")
    bank.name_delegate("twin", "luca")
    amended(bank, sources)
    planned(bank, sources)
    joined(bank, sources)
    closed(bank, sources)
    moved_back(bank, sources)
    return bank


def amended(bank: TimeBank, sources: Sources) -> None:
    """What exchanges were for, put right once and again; notes that are erased."""
    coordinator = bank.acting_as("coordinator")
    bank.transfer(
        earner={"twin": "0:40", "m2": 1, "m1": "0:20"},
        spender={"f1": "1:30", "twin of twin": "0:30"},
        id="visit",
        category="shoping",
        note="Anna was ill",
        started_at=time(9),
        ended_at=time(11),
    )
    bank.transfer(earner="m2", spender="f1", hours=8, id="night", started_at=time(22))
    bank.transfer(earner="m2", spender="f1", hours=1, id="plain", ended_at=time(0), kind="gift")
    coordinator.amend("visit", category="shopping", reason="misspelt")
    bank.amend("visit", note="Anna was away", tags=[MORE, LESS], area="north", reason=ODD)
    bank.amend("visit", note=None, ended_at=time(11, 30), reason="nobody's business")
    bank.amend("visit", note="by car", resource="car", category=None, reason="once more")
    bank.amend("night", ended_at=time(6), started_at=time(22, 15), reason="told later")
    bank.amend("night", ended_at=None, tags=["t"], area=None, category="care", reason="less")
    bank.amend("plain", tags=(), resource="van", started_at=time(23), reason="there were no tags")
    sources.go(minutes=5)
    bank.erase(record="visit", reason="asked for")
    bank.amend("visit", note=None, started_at=None, reason="what was erased is gone")
    bank.amend("visit", note="by bus", area=None, resource=None, tags=(), reason="what is left")
    bank.reverse("visit", reason="less", hours="0:07", id="visit less")


def planned(bank: TimeBank, sources: Sources) -> None:
    """Holds for days that are to come, settled before, on and after them."""
    today = sources.now.date()
    for id, days in (("soon", 1), ("in May", 80), ("kept", 20), ("in a closed month", 2)):
        bank.hold(
            earner="m1",
            spender="f1",
            hours="0:30",
            id=id,
            occurred_on=today + timedelta(days=days),
            started_at=time(8, 30),
            ended_at=time(9),
            note=f"plan {id}",
        )
    bank.hold(earner="new", spender="f1", hours="0:30", id="any time", via="coop")
    bank.amend("kept", started_at=time(23, 59), ended_at=time(0), note=None, reason="later")
    bank.settle("in May", id="settled early")
    bank.amend("settled early", category="care", note="it went well", reason="of the hold")
    bank.amend("in May", category="school", reason="by its own id")
    sources.go(days=2)
    bank.settle("soon", id="settled after")
    bank.settle("any time", hours="0:20", id="settled less")


def joined(bank: TimeBank, sources: Sources) -> None:
    """Days of joining and kinds put right; duplicates merged, one into another."""
    treasurer = bank.acting_as("treasurer")
    bank.amend_account("early", joined_on=date(2025, 12, 31), reason="on paper")
    treasurer.amend_account("new", joined_on=date(2026, 2, 3), kind="group", reason="a family")
    bank.amend_account("new", kind="member", joined_on=None, reason="no family")
    bank.amend_account("coop", kind="group", reason="a school")
    bank.transfer(earner="early", spender="twin of twin", hours="0:45", id="work")
    bank.reverse("work", reason="less", hours="0:15", id="less work")
    bank.freeze("twin of twin")
    bank.merge("twin of twin", into="twin", reason="entered twice")  # it owes hours
    bank.reverse("visit", reason="less", hours="0:03", id="visit less again")
    treasurer.merge("twin", into="m1", reason=ODD)
    bank.merge("early", into="m1", reason="the same")  # who joined before
    bank.merge("never", into="m2", reason="nothing was there")
    bank.transfer(earner="m1", spender="f1", hours=7, id="beyond")
    bank.reverse("due:welcome:1:twin", reason="never welcome", id="no welcome")
    bank.welcome("m1")  # for the second time
    bank.open_account("rich", floor=None)
    bank.transfer(earner="rich", spender="f1", hours=2, id="riches")
    bank.merge("rich", into="m1", reason="beyond a ceiling")
    bank.reverse("visit", reason="never", id="no visit")
    bank.reverse("due:welcome:1:rich", reason="twice welcome", id="one welcome")
    bank.rename("m1", "Maria Rossi")
    bank.erase("m1", reason="asked for")


def closed(bank: TimeBank, sources: Sources) -> None:
    """A month that is charged and closed: what changes it later is of today."""
    bank.transfer(earner="new", spender="f1", hours=1, id="in March")
    bank.transfer(earner="new", spender="f1", hours=1, id="in March too")
    bank.hold(earner="new", spender="f1", hours=1, id="of March", occurred_on=sources.now.date())
    sources.go(days=40)
    bank.run_due()
    treasurer = bank.acting_as("treasurer")
    treasurer.close_books(through=date(2026, 3, 31), reason="the year's meeting")
    bank.close_books(through=date(2026, 4, 5), reason="a few days more")
    bank.open_account("later", joined_on=date(2026, 3, 15))
    bank.run_due()
    bank.reverse("in March", reason="of today", id="not in March")
    bank.settle("of March", id="settled today")
    bank.settle("in a closed month", id="settled today too")
    try:
        bank.amend("in March too", category="care", reason="too late")
    except timebank.BooksClosed:
        bank.close_books(through=None, reason="a label was forgotten")
    bank.amend("in March too", category="care", reason="not too late")
    bank.reverse("in March too", reason="of its day", id="not in March too")
    bank.close_books(through=date(2026, 3, 31), reason="once more")


def moved_back(bank: TimeBank, sources: Sources) -> None:
    """Books that a clock half a year ahead closed, and that its restart opens again."""
    sources.go(days=180)
    bank.run_due(through=sources.now.date())
    bank.close_books(through=sources.now.date() - timedelta(days=1), reason="by a false clock")
    sources.go(days=-180, hours=1)
    today = sources.now.date()
    bank.restart_clock(today=today, reason="a dead battery")
    bank.transfer(earner="new", spender="f1", hours=1, id="today")
    bank.close_books(through=None, reason="before it is mended")
    bank.settle("kept", id="settled at last")
    bank.merge("later", into="new", reason="what both were charged counts")
    for charge in ("dues:2026-Q3:later", "dues:2026-Q3:new"):
        bank.reverse(f"due:{charge}", reason="a false clock", id=f"no {charge}")
    sources.go(days=85)
    bank.run_due(through=sources.now.date())
    bank.open_account("shed", kind="fund")
    bank.open_account("garden", kind="fund")
    bank.adopt(Statute(version="mend/2"))
    bank.merge("shed", into="garden", reason="one pot for both")
    bank.reverse("beyond", reason="with its fee", hours=2, id="less beyond")
    bank.close_books(through=today, reason="as ever")


# -- what the storage lost -------------------------------------------------------------------


def history(sources: Sources) -> TimeBank:
    """Losses that were declared: as a log of heads has it, as somebody wrote it down, and again."""
    bank = sources.open()
    treasurer = bank.acting_as("treasurer")
    for id in ("m1", "m2"):
        bank.open_account(id)
    bank.transfer(earner="m1", spender="m2", hours=1, id="visit")
    ahead = Head(
        bank.head().journal, 7, bytes(range(32)), recorded_at=sources.now, find_root=bytes(32)
    )
    with NamedTemporaryFile() as log:
        log.write(f"{ahead.for_log()}\n".encode())
        log.flush()
        with_log = TimeBank(bank.store, heads=log.name, **sources.given())
        sources.go(minutes=5)
        with_log.accept_history(reason=ODD)
    treasurer.accept_history(head=Head(bank.head().journal, 2, bytes(32)), reason="an older copy")
    treasurer.accept_history(head=Head(bank.head().journal, 7, bytes(32)), reason="another night")
    bank.transfer(earner="m2", spender="m1", hours=1, id="visit back")
    bank.erase(record=4, reason="it named somebody")
    return bank


def of_two(
    make: Callable[[Sources], dict[str, TimeBank]], name: str
) -> Callable[[Sources], TimeBank]:
    """What makes one of two banks: both, each time."""
    return lambda sources: make(sources)[name]


#: Name of the file → what makes its bank.
JOURNALS: Final[dict[str, Callable[[Sources], TimeBank]]] = {
    "accounts": accounts,
    "transfers": transfers,
    "exchanges": exchanges,
    "limits": limits,
    "holds": holds,
    "dues": dues,
    "clocks": clocks,
    "corrections": corrections,
    "history": history,
    "cheques": lambda sources: cheques.booklets(sources.open(), sources.go),
    "store-bovisa": of_two(federated.one_store, "bovisa"),
    "store-isola": of_two(federated.one_store, "isola"),
    "server-affori": of_two(federated.two_servers, "affori"),
    "server-greco": of_two(federated.two_servers, "greco"),
}


def made(name: str) -> bytes:
    """The whole export of a golden journal, made anew."""
    return b"".join(export_jsonl(JOURNALS[name](Sources())))


def path_of(name: str) -> Path:
    """Where a golden journal lies."""
    return FOLDER / f"{name}.jsonl"


if __name__ == "__main__":
    for journal in JOURNALS:
        if not path_of(journal).exists():
            path_of(journal).write_bytes(made(journal))
            print(path_of(journal))  # noqa: T201 - a program
