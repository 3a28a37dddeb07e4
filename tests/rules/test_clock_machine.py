"""Clocks that jump both ways, restarts, zones that change: an honest journal is well for ever.

A machine on two stores at once, memory and another. Whatever it does, the audit finds nothing, in
one pass, in stretches and from checkpoints, whatever data on time zones the auditor has.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import timebank
from audit.test_audit_stretches import Here, assumed, same
from servers import drop_database, new_database
from support import examples, sources
from timebank import (
    Band,
    ClockBehind,
    Corrupt,
    Demurrage,
    Dues,
    RecordWithin,
    Statute,
    StoreError,
    TimeBank,
    TimebankError,
    Transfer,
    Welcome,
)
from timebank.audit import audit
from timebank.errors import InvalidStatute
from timebank.journal import parse
from timebank.statute import rules as statute_rules
from timebank.statute.days import zone

ACCOUNTS = ("a", "b", "c", "d")
accounts = st.sampled_from(ACCOUNTS)
ZONES = ("UTC", "Europe/Rome", "Pacific/Kiritimati", "America/Los_Angeles")
PERIODS: Any = ("month", "quarter", "half-year", "year", "once")
FIRST: Any = ("whole", "months", "days", "free")
BANDS = [Band(floor=-30), Band(from_month=3, floor=-5), Band(from_month=12, floor=-60)]
BEGINNING = datetime(2026, 1, 28, 9, tzinfo=UTC)
jumps = st.sampled_from([1, 60, 3600, 7 * 3600, 86400, 10 * 86400, 40 * 86400, 400 * 86400])

statutes = st.builds(
    lambda zone, every, first, free, demurrage, welcome, within: {
        "time_zone": zone,
        "limits": {"member": BANDS},
        "dues": Dues(hours=2, fund="fund", every=every, first_period=first, from_month=free),
        "demurrage": Demurrage(share="1/10", above=1, fund="fund") if demurrage else None,
        "welcome": Welcome(hours=1, fund="fund", given=welcome) if welcome else None,
        "record_within": RecordWithin(days=within, beyond="flag"),
    },
    st.sampled_from(ZONES),
    st.sampled_from(PERIODS),
    st.sampled_from(FIRST),
    st.sampled_from([0, 2]),
    st.booleans(),
    st.sampled_from([None, "on joining", "when asked"]),
    st.sampled_from([0, 40]),
)


class Zones:
    """What a machine knows of time zones: offsets that change, or nothing."""

    def __init__(self) -> None:
        self.hours: dict[str, int] = {"UTC": 0, **dict.fromkeys(ZONES[1:], 1)}

    def __call__(self, name: str) -> Any:
        """The zone of a name."""
        hours = self.hours.get(name)
        if hours is None:
            msg = f"the time zone {name!r} is not known here"
            raise InvalidStatute(msg)
        return timezone(timedelta(hours=hours))


class Clocks(RuleBasedStateMachine):
    """The same calls on two stores, each with the same outcome."""

    other: ClassVar[str] = "sqlite"

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.now, self.count = BEGINNING, 0
        self.url = (
            f"sqlite:///{self.folder / 'bank.db'}"
            if self.other == "sqlite"
            else new_database(self.other)
        )
        self.zones, self.real = Zones(), zone
        self.patch(self.zones)
        self.banks = [
            timebank.open(url, **sources(lambda: self.now)) for url in ("memory:", self.url)
        ]
        self.transfers: list[str] = []
        self.dues: list[str] = []
        self.holds: list[str] = []

    def patch(self, zone: Any) -> None:
        """Take the zones from elsewhere from now on."""
        statute_rules._day.cache_clear()
        statute_rules.zone = zone  # type: ignore[attr-defined]  # its own import

    def teardown(self) -> None:
        """Audit it in every way, by whatever data on zones; then make its rows anew."""
        try:
            self.zones.hours = {"UTC": 0}
            self.audited()
            self.zones.hours = {"Europe/Rome": -11, "Pacific/Kiritimati": 3, "UTC": 0}
            self.audited()
        finally:
            self.patch(self.real)
            for bank in self.banks:
                bank.close()
            shutil.rmtree(self.folder)
            if self.other != "sqlite":
                drop_database(self.url)

    def audited(self) -> None:
        """Each way of an audit says that all is well."""
        statute_rules._day.cache_clear()
        bank = self.banks[1]
        whole, head = bank.audit(), bank.head()
        assert () == whole.findings
        assert () == self.banks[0].audit().findings
        cuts = sorted({head.sequence // 3, head.sequence * 2 // 3} - {0})
        with bank.store.reader("main") as reader:
            stretches = Here(cuts)
            same(whole, audit(reader, workers=stretches, now=int(self.now.timestamp() * 1e6)))
            assert stretches.taken or not cuts
            for cut in cuts:
                assert () == audit(reader, since=assumed(reader, cut)).findings
        bank.rebuild()
        assert () == bank.audit().findings

    def both(self, call: Callable[[TimeBank], Any]) -> Any:
        """The same result, or the same refusal; a failure is none."""
        told: list[Any] = []
        for bank in self.banks:
            try:
                told.append(call(bank))
            except (Corrupt, StoreError):
                raise
            except TimebankError as error:
                told.append((type(error), str(error)))
        assert told[0] == told[1]
        return told[0]

    def fresh(self) -> str:
        """A new id."""
        self.count += 1
        return f"id-{self.count}"

    # -- time ----------------------------------------------------------------------------

    @rule(seconds=jumps, back=st.booleans())
    def jump(self, seconds: int, back: bool) -> None:
        """The clock goes on, or is put back."""
        moved = self.now + timedelta(seconds=-seconds if back else seconds)
        if datetime(2000, 1, 1, tzinfo=UTC) < moved < datetime(2060, 1, 1, tzinfo=UTC):
            self.now = moved

    @rule(name=st.sampled_from(ZONES[1:]), hours=st.sampled_from([-12, -8, 0, 2, 14]))
    def move_a_zone(self, name: str, hours: int) -> None:
        """Other data on a time zone."""
        self.zones.hours[name] = hours
        statute_rules._day.cache_clear()

    @precondition(lambda self: self.is_behind())
    @rule()
    def restart(self) -> None:
        """Nothing is recorded before; then all goes on, and holds that were to expire have."""
        head = self.banks[0].head()
        assert ClockBehind is self.both(lambda bank: bank.reopen("a"))[0]
        assert head == self.banks[0].head()
        today = date.fromisoformat(self.banks[0].statute().day(int(self.now.timestamp() * 1e6)))
        restart = self.both(lambda bank: bank.restart_clock(today=today, reason="it was wrong"))
        assert today == restart.today
        for bank in self.banks:
            assert all("expired" == bank.hold_by_id(id).status for id in restart.ended)
            assert all(hold.expires_at is None for hold in bank.holds())
        assert not self.is_behind()

    def is_behind(self) -> bool:
        """Whether the last record lies more than ten minutes ahead of the clock."""
        bank = self.banks[0]
        (last,) = bank.records(after=bank.head().sequence - 1)
        return last.recorded_at - self.now > timedelta(minutes=10)

    # -- what is done --------------------------------------------------------------------

    @initialize()
    def begin(self) -> None:
        """A fund, and two members."""
        self.both(lambda bank: bank.open_account("fund", kind="fund"))
        self.both(lambda bank: bank.open_account("a", joined_on=date(2025, 11, 30)))
        self.both(lambda bank: bank.open_account("b"))

    @rule(rules=statutes)
    def adopt(self, rules: dict[str, Any]) -> None:
        """Other rules."""
        statute = Statute(version=self.fresh(), **rules)
        self.both(lambda bank: bank.adopt(statute))

    @rule(id=accounts, months=st.sampled_from([None, 0, 1, 8]))
    def open(self, id: str, months: int | None) -> None:
        """An account, which may be of a member of long ago."""
        day = None if months is None else (self.now - timedelta(days=31 * months)).date()
        self.both(lambda bank: bank.open_account(id, joined_on=day))

    @rule(id=accounts, call=st.sampled_from(["freeze", "thaw", "reopen", "welcome"]))
    def change(self, id: str, call: str) -> None:
        """A status, or a welcome."""
        self.both(lambda bank: getattr(bank, call)(id))

    @rule(id=accounts)
    def leave(self, id: str) -> None:
        """Dues are charged through today, and the account is closed."""
        disposal: Any = [timebank.Donate("fund"), timebank.WriteOff("fund")]
        self.both(lambda bank: bank.leave(id, disposal=disposal))

    @rule(up=accounts, down=accounts, back=st.sampled_from([None, 0, 1, 30, -1]))
    def transfer(self, up: str, down: str, back: int | None) -> None:
        """An exchange of some day."""
        day = None if back is None else (self.now - timedelta(days=back)).date()
        id = self.fresh()
        made = self.both(
            lambda bank: bank.transfer(earner=up, spender=down, hours=2, id=id, occurred_on=day)
        )
        if isinstance(made, Transfer):
            self.transfers.append(id)

    @rule(up=accounts, down=accounts, minutes=st.sampled_from([None, 30, 10_000, 600_000]))
    def hold(self, up: str, down: str, minutes: int | None) -> None:
        """Hours reserved, until some instant."""
        id, within = self.fresh(), None if minutes is None else timedelta(minutes=minutes)
        self.both(
            lambda bank: bank.hold(earner=up, spender=down, hours=1, id=id, expires_in=within)
        )
        self.holds.append(id)

    @precondition(lambda self: self.holds)
    @rule(data=st.data(), call=st.sampled_from(["settle", "void"]))
    def resolve(self, data: st.DataObject, call: str) -> None:
        """A hold, if it is open."""
        hold, id = data.draw(st.sampled_from(self.holds)), self.fresh()
        self.both(lambda bank: getattr(bank, call)(hold, id=id))

    @rule()
    def run_due(self) -> None:
        """All that is due through today; twice charges nothing more."""
        today = self.now.date() - timedelta(days=1)
        report = self.both(lambda bank: bank.run_due(through=today))
        if not isinstance(report, tuple):
            self.dues += [charge.id for charge in report.charges]
            assert all(charge.since <= today for charge in report.charges)
            assert () == self.both(lambda bank: bank.run_due(through=today)).charges

    @precondition(lambda self: self.dues or self.transfers)
    @rule(data=st.data(), whole=st.booleans(), now=st.booleans())
    def reverse(self, data: st.DataObject, whole: bool, now: bool) -> None:
        """What was charged, or exchanged: all of it, or an hour."""
        original, id = (
            data.draw(st.sampled_from([*self.dues[-9:], *self.transfers[-3:]])),
            self.fresh(),
        )
        hours, day = None if whole else "0:10", self.now.date() if now else None
        self.both(
            lambda bank: bank.reverse(original, reason="r", id=id, hours=hours, occurred_on=day)
        )

    @invariant()
    def the_journals_are_one(self) -> None:
        """Both have the same head, and days that fall at a restart only."""
        assert self.banks[0].head() == self.banks[1].head()
        before = ""
        for record in self.banks[0].records():
            day = parse(record.bytes)["recorded_on"]
            assert day >= before or record.kind == "restart_clock"
            before = day


class PostgresClocks(Clocks):
    """Beside PostgreSQL."""

    other = "postgresql"


class MariaDbClocks(Clocks):
    """Beside MariaDB."""

    other = "mariadb"


Clocks.TestCase.settings = examples(60, steps=40)
TestClocks = Clocks.TestCase

PostgresClocks.TestCase.settings = examples(6, steps=30)
# By day the machine of corrections, which does all of this too, is run there.
TestClocksPostgres = pytest.mark.nightly(pytest.mark.servers(PostgresClocks.TestCase))

MariaDbClocks.TestCase.settings = examples(6, steps=30)
TestClocksMariaDb = pytest.mark.nightly(pytest.mark.servers(MariaDbClocks.TestCase))
