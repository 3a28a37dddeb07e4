"""Clocks: the day of each record, a clock that is behind, restarts, and dues of a false clock."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import timebank
from servers import ON_SERVERS, SERVERS, drop_database, new_database
from support import run_due
from timebank import (
    AlreadyResolved,
    Band,
    ClockBehind,
    Dues,
    InvalidRequest,
    InvalidStatute,
    OtherVersion,
    RecordWithin,
    Statute,
    TimeBank,
    Welcome,
)
from timebank.cli import main
from timebank.errors import InvalidStatute as _InvalidStatute
from timebank.interchange.jsonl import import_jsonl
from timebank.journal import OF_NOVEMBER, canonical, digest, genesis, parse
from timebank.model import RecordRow
from timebank.statute import rules as statute_rules
from timebank.storage import Batch, open_store

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
FALSE = datetime(2036, 1, 15, 12, tzinfo=UTC)
DAY = timedelta(days=1)


class Hand:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        """The time."""
        return self.now


@pytest.fixture
def clock() -> Hand:
    """One that the bank of a test has."""
    return Hand()


@pytest.fixture(params=["memory", "sqlite", *ON_SERVERS])
def town(request: pytest.FixtureRequest, clock: Hand, tmp_path: Path) -> Iterator[TimeBank]:
    """On each store: two members, and a fund; audited at the end."""
    kind = request.param
    url = {"memory": "memory:", "sqlite": f"sqlite:///{tmp_path / 'bank.db'}"}.get(kind, "")
    url = url or new_database(kind)
    with timebank.open(url, clock=clock) as bank:
        bank.open_account("fund", kind="fund")
        bank.open_account("anna", name="Anna", joined_on=date(2025, 6, 1))
        bank.open_account("bruno")
        yield bank
        assert () == bank.audit().findings
        bank.rebuild()
        assert () == bank.audit().findings
    if kind in SERVERS:
        drop_database(url)


def pay(bank: Any, **given: Any) -> Any:
    """An hour of Anna for Bruno."""
    return bank.transfer(**({"earner": "anna", "spender": "bruno", "hours": 1} | given))


def days(bank: TimeBank) -> list[str]:
    """The days of all records."""
    return [parse(record.bytes)["recorded_on"] for record in bank.records()]


# -- the day of a record ---------------------------------------------------------------


def test_the_day_is_that_of_the_zone_and_never_falls(town: TimeBank, clock: Hand) -> None:
    """A zone further west does not take the bank back; `adopt` has that of the new statute."""
    clock.now = datetime(2026, 3, 3, 2, tzinfo=UTC)  # still the 2nd in California
    pay(town)
    town.adopt(Statute(version="v1", time_zone="America/Los_Angeles"))
    assert date(2026, 3, 3) == pay(town).occurred_on
    clock.now = datetime(2026, 3, 4, 9, tzinfo=UTC)
    town.adopt(Statute(version="v2", time_zone="Pacific/Kiritimati"))
    clock.now = datetime(2026, 3, 4, 11, tzinfo=UTC)
    pay(town)
    found = ["2026-03-02"] * 3 + ["2026-03-03"] * 3 + ["2026-03-04", "2026-03-05"]
    assert found == days(town)


def test_a_welcome_and_its_account_are_of_one_day(town: TimeBank, clock: Hand) -> None:
    """However late it is."""
    rule = Welcome(hours=1, fund="fund")
    town.adopt(Statute(version="v1", time_zone="Europe/Rome", welcome=rule))
    clock.now = datetime(2026, 3, 31, 21, 59, 59, 999_999, tzinfo=UTC)
    town.open_account("late")
    assert ["2026-03-31"] * 2 == days(town)[-2:]


def test_tomorrow_is_the_latest_day_of_service(town: TimeBank, clock: Hand) -> None:
    """In the bank's time zone, from the day of the record."""
    clock.now = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
    town.adopt(Statute(version="v1", time_zone="Europe/Rome"))
    pay(town, occurred_on=date(2026, 3, 4))
    with pytest.raises(InvalidRequest, match="the latest day accepted is 2026-03-04"):
        pay(town, occurred_on=date(2026, 3, 5))


# -- zones that are not known here, or have other data ------------------------------------


@pytest.fixture
def zones(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[str], Any]], None]:
    """Says what this machine knows of time zones from now on."""

    def know(zone: Callable[[str], Any]) -> None:
        statute_rules._day.cache_clear()
        monkeypatch.setattr(statute_rules, "zone", zone)

    return know


def nothing(name: str) -> Any:
    """A machine without data on time zones."""
    if name == "UTC":
        return UTC
    msg = f"the time zone {name!r} is not known here: it needs the package tzdata"
    raise _InvalidStatute(msg)


def test_without_the_zone_a_bank_is_read_audited_and_given_another(
    town: TimeBank, clock: Hand, zones: Callable[[Callable[[str], Any]], None]
) -> None:
    """And no more is recorded until then; the refusal names the zone and the package."""
    bands = {"member": [Band(floor=-1), Band(from_month=6, floor=-9)]}
    dues = Dues(hours=1, fund="fund", every="month")
    town.adopt(Statute(version="v1", time_zone="Europe/Rome", limits=bands, dues=dues))
    town.hold(earner="bruno", spender="anna", hours=1, id="h", expires_in=DAY)
    run_due(town)
    zones(nothing)
    head = town.head()
    assert "-9:00" == str(town.balance("anna").floor)
    assert "open" == town.hold_by_id("h").status
    assert [] == [due.since for due in town.dues("anna", through=date(2026, 3, 31))]
    assert town.audit().ok
    assert not town.replay(town.statute()).differs
    assert "Europe/Rome" == town.statute().time_zone
    calls: tuple[Callable[[Any], object], ...] = (
        pay,
        lambda bank: bank.settle("h"),
        lambda bank: bank.run_due(),
        lambda bank: bank.open_account("new"),
        lambda bank: bank.restart_clock(today=date(2026, 3, 2), reason="r"),
    )
    for call in calls:
        with pytest.raises(InvalidStatute, match=r"'Europe/Rome'.*tzdata"):
            call(town)
    assert head == town.head()
    town.adopt(Statute(version="v2"))
    pay(town)


def test_other_data_on_zones_is_a_note(
    town: TimeBank, clock: Hand, zones: Callable[[Callable[[str], Any]], None]
) -> None:
    """A government moves its clocks: what was recorded stays as it was."""
    clock.now = datetime(2026, 7, 14, 21, 30, tzinfo=UTC)
    within, dues = RecordWithin(days=0), Dues(hours=1, fund="fund", every="month")
    statute = Statute(version="v1", time_zone="Africa/Cairo", record_within=within, dues=dues)
    town.adopt(statute)
    pay(town)
    run_due(town)
    told = days(town)
    zones(lambda _: UTC)
    before = town.audit()
    assert before.ok
    assert told == days(town)
    assert any("data on time zones" in note.text for note in before.notes) or "15" not in told[-1]


# -- a clock that is behind ------------------------------------------------------------------


def test_a_clock_that_is_behind_stops_the_bank(town: TimeBank, clock: Hand) -> None:
    """More than ten minutes: each call that writes is refused, and nothing is changed."""
    clock.now = FALSE
    pay(town, id="t1")
    head = town.head()
    clock.now = NOW
    calls: tuple[Callable[[Any], object], ...] = (
        pay,
        lambda bank: pay(bank, id="t1"),  # one that repeats
        lambda bank: bank.open_account("new"),
        lambda bank: bank.run_due(),
        lambda bank: bank.freeze("anna"),
        lambda bank: bank.erase("anna", reason="asked"),
        lambda bank: bank.adopt(Statute(version="v1")),
    )
    for call in calls:
        with pytest.raises(ClockBehind) as caught:
            call(town)
        assert (NOW, FALSE) == (caught.value.clock, caught.value.last)
        with town.preview() as preview, pytest.raises(ClockBehind):
            call(preview)
        with town.batch() as batch, pytest.raises(ClockBehind):
            call(batch)
    assert head == town.head()
    assert "1:00" == str(town.balance("anna").posted)
    report = town.audit()
    assert report.ok
    assert [f"record {head.sequence}"] == [note.place for note in report.notes]
    assert "recorded ahead of this machine's clock" in report.notes[0].text
    clock.now = FALSE - timedelta(minutes=10)
    assert FALSE == pay(town).recorded_at


def test_a_little_behind_is_the_last_instant(town: TimeBank, clock: Hand) -> None:
    """Ten minutes are, and a microsecond more is not."""
    clock.now = NOW - timedelta(minutes=10)
    assert NOW == pay(town).recorded_at
    clock.now -= timedelta(microseconds=1)
    with pytest.raises(ClockBehind):
        pay(town)


# -- a restart --------------------------------------------------------------------------------


def test_after_a_restart_all_goes_on(town: TimeBank, clock: Hand) -> None:
    """What was false counts as the restart's: statutes, opening days, `at`; nothing is charged."""
    strict = Statute(version="v0", limits={"member": Band(floor=-20)})
    town.adopt(strict)
    town.hold(earner="anna", spender="bruno", hours=1, id="kept")
    town.hold(earner="anna", spender="bruno", hours=1, id="gone", expires_in=2 * DAY)
    clock.now = FALSE
    dues = Dues(hours=1, fund="fund", every="month")
    town.adopt(Statute(version="v1", limits={"member": Band(floor=-20)}, dues=dues))
    town.open_account("luca")
    pay(town, id="false")
    clock.now = NOW + DAY
    restart = town.restart_clock(today=date(2026, 3, 3), reason="no battery")
    assert (("gone",), date(2026, 3, 3)) == (restart.ended, restart.today)
    assert restart.id == town.head().sequence
    assert "expired" == town.hold_by_id("gone").status
    assert ["kept"] == [hold.id for hold in town.holds()]
    for call in (town.settle, town.void):
        with pytest.raises(AlreadyResolved, match="has expired"):
            call("gone")
    assert "1:00" == str(town.balance("bruno").held)
    assert date(2026, 3, 3) == pay(town).occurred_on
    assert "1:00" == str(town.balance("anna", at=NOW + DAY / 2).posted + timebank.Hours(1))
    assert "2:00" == str(town.balance("anna", at=NOW + DAY).posted)
    assert [] == [one.account for one in run_due(town).charges if one.since > date(2026, 3, 3)]
    clock.now = datetime(2026, 4, 1, 9, tzinfo=UTC)
    charged = [(one.account, str(one.since)) for one in run_due(town).charges]
    assert ("luca", "2026-04-01") in charged
    assert {"2026-04-01"} == {since for _, since in charged}
    notes = [note.text for note in town.audit().notes]
    assert any("the clock was restarted" in text for text in notes)


def test_a_restart_is_refused_where_there_is_none_to_make(town: TimeBank, clock: Hand) -> None:
    """And where the day is not that of the clock: a dead battery rewinds no bank."""
    with pytest.raises(InvalidRequest, match="nothing to restart"):
        town.restart_clock(today=NOW.date(), reason="r")
    clock.now = datetime(1970, 1, 1, tzinfo=UTC)
    head = town.head()
    with pytest.raises(InvalidRequest, match=r"today is 2026-03-02, but 1970-01-01 by the clock"):
        town.restart_clock(today=NOW.date(), reason="r")
    for given in ({"today": NOW.date()}, {"today": None}, {"today": "2026-03-02"}):
        with pytest.raises(InvalidRequest):
            town.restart_clock(**({"reason": None} | given))
    assert head == town.head()


def test_a_batch_and_a_preview_may_restart(town: TimeBank, clock: Hand) -> None:
    """The preview changes nothing; in the batch it goes on at once."""
    clock.now = FALSE
    town.hold(earner="anna", spender="bruno", hours=1, id="h", expires_in=DAY)
    clock.now = NOW
    with town.preview() as preview:
        preview.restart_clock(today=NOW.date(), reason="r")
        assert NOW == pay(preview).recorded_at
        assert "0:00" == str(preview.balance("bruno").held)
    with pytest.raises(ClockBehind):
        pay(town)
    with town.batch() as batch:
        batch.restart_clock(today=NOW.date(), reason="r")
        pay(batch)
    assert "expired" == town.hold_by_id("h").status


# -- dues of a false clock -----------------------------------------------------------------


def test_what_a_false_clock_charged_is_charged_again_once_it_is_reversed(
    town: TimeBank, clock: Hand
) -> None:
    """Wholly, and under an id that says so; in part, it counts as charged."""
    dues = Dues(hours=4, fund="fund", every="year")
    town.adopt(Statute(version="v1", dues=dues))
    town.run_due()
    clock.now = datetime(2029, 6, 1, tzinfo=UTC)
    pay(town)
    assert 6 == len(town.run_due().charges)  # two members, three years
    clock.now = NOW + DAY
    town.restart_clock(today=date(2026, 3, 3), reason="r")
    assert () == town.run_due().charges
    town.reverse("due:dues:2027:anna", reason="r", occurred_on=date(2026, 3, 3))
    town.reverse("due:dues:2027:bruno", reason="r", hours=3, occurred_on=date(2026, 3, 3))
    assert () == town.run_due().charges
    clock.now = datetime(2027, 1, 10, tzinfo=UTC)
    assert ["2027-01-01"] == [str(due.since) for due in town.dues("anna")]
    assert ["due:dues:2027:anna~2"] == [one.id for one in run_due(town).charges]
    assert () == run_due(town).charges
    clock.now = datetime(2030, 1, 10, tzinfo=UTC)
    found = sorted(one.id for one in run_due(town).charges)
    assert ["due:dues:2030:anna", "due:dues:2030:bruno"] == found


def test_two_accounts_never_share_an_id_of_dues(town: TimeBank, clock: Hand) -> None:
    """One whose id looks as if it were charged again has it hashed."""
    town.open_account("anna~2")
    dues = Dues(hours=1, fund="fund", every="month")
    town.adopt(Statute(version="v1", dues=dues))
    ids = [one.id for one in town.run_due().charges]
    assert 3 == len(set(ids))
    assert not [id for id in ids if id.endswith("~2")]


def test_dues_wait_for_who_says_the_day(town: TimeBank, clock: Hand) -> None:
    """More than 92 days after the last record; and never beyond the clock's own."""
    town.adopt(Statute(version="v1", dues=Dues(hours=1, fund="fund", every="year")))
    clock.now = NOW + 92 * DAY
    with town.preview() as preview:
        assert 2 == len(preview.run_due().charges)
    clock.now += DAY
    with pytest.raises(InvalidRequest, match=r"93 days later: .*through=2026-06-03"):
        town.run_due()
    with pytest.raises(InvalidRequest, match="through 2026-06-04 is in the future"):
        town.run_due(through=date(2026, 6, 4))
    assert 2 == len(town.run_due(through=date(2026, 6, 3)).charges)


# -- what came before ---------------------------------------------------------------------


def of_before(journal: str) -> bytes:
    """A record of then: it has no day."""
    sets = {"kind": "member", "status": "open", "joined_on": None, "named": False}
    return canonical(
        {
            "effects": {"account": "m1", "sets": sets | {"floor": None, "ceiling": None}},
            "format": "timebank/1",
            "journal": journal,
            "kind": "open_account",
            "recorded_at": 1772442060000000,
            "request": {"account": "m1", "kind": "member", "floor": None, "ceiling": None},
            "sequence": 1,
        }
    )


def test_an_export_of_before_is_refused_too(tmp_path: Path) -> None:
    """With the same sentence, and nothing is imported; nor is such a bank copied."""
    body = of_before("j")
    link = digest(genesis("j"), body).hex()
    head = {"export": "timebank/1", "bank": "main", "head": f"timebank/1 j 1 {link}", "texts": True}
    record = b'{"sequence":1,"digest":"%s","record":%s}' % (link.encode(), body)
    lines = json.dumps(head, separators=(",", ":")).encode() + b"\n" + record + b"\n"
    store = open_store("memory:", create=True)
    with pytest.raises(OtherVersion, match="nothing had been released then"):
        import_jsonl(store, BytesIO(lines))
    assert [] == list(store.banks())
    path = tmp_path / "old.jsonl"
    path.write_bytes(lines)
    done = CliRunner().invoke(
        main, ["--db", str(tmp_path / "new.db"), "import", "jsonl", str(path)]
    )
    assert 2 == done.exit_code
    assert "nothing had been released then" in done.stderr
    assert not (tmp_path / "new.db").exists()


def test_a_bank_of_before_is_refused_with_a_sentence(tmp_path: Path) -> None:
    """Reading, writing and auditing: nothing was released then."""
    url = f"sqlite:///{tmp_path / 'bank.db'}"
    with timebank.open(url) as bank:
        journal = bank.head().journal
        body = of_before(journal)
        row = RecordRow(1, digest(genesis(journal), body), body, "open_account", None, None)
        with bank.store.writer("main") as writer:
            writer.append(Batch(records=[row]))
    with pytest.raises(OtherVersion) as caught:
        timebank.open(url, create=False)
    assert OF_NOVEMBER == str(caught.value)
    for words in ("head", "audit", "journal"):
        done = CliRunner().invoke(main, ["--db", url, words])
        assert (2, f"timebank: {OF_NOVEMBER}\n") == (done.exit_code, done.stderr)
    assert "nothing had been released" in OF_NOVEMBER


# -- on the command line -----------------------------------------------------------------


def test_the_command_asks_for_the_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is not given; it says what to look at, and what has expired."""
    monkeypatch.chdir(tmp_path)
    ahead = datetime.now(UTC) + timedelta(days=900)
    with timebank.open("sqlite:///bank.db", clock=lambda: ahead) as bank:
        bank.open_account("m1")
        bank.open_account("m2")
        bank.hold(earner="m1", spender="m2", hours=1, id="h1", expires_in=DAY)
    base = ["--db", "bank.db"]
    refused = CliRunner().invoke(
        main, [*base, "transfer", "--earner", "m1", "--spender", "m2", "--hours", "1"]
    )
    assert 2 == refused.exit_code
    assert "timebank clock restart" in refused.stderr
    words = [*base, "clock", "restart", "--reason", "no battery"]
    missing = CliRunner().invoke(main, words)
    assert 2 == missing.exit_code
    assert "--today is missing" in missing.stderr
    today = datetime.now(UTC).date()
    wrong = CliRunner().invoke(main, [*words, "--today", str(today + 2 * DAY)])
    assert 2 == wrong.exit_code
    assert "by the clock of this machine" in wrong.stderr
    done = CliRunner().invoke(main, words, input=f"{today}\n")
    assert 0 == done.exit_code, done.stderr
    assert f"The clock goes on from {today}, by record 4." in done.stdout
    assert "expired by it: h1" in done.stdout
    with closing(sqlite3.connect("bank.db")) as connection:
        found = connection.execute("SELECT count(*) FROM timebank_holds").fetchone()
    assert (0,) == found


def test_what_would_append_nothing_is_refused_too(clock: Hand, tmp_path: Path) -> None:
    """A clock that is behind has one answer, of a bank, a batch, a preview and a joined bank."""
    path = tmp_path / "bank.db"
    with timebank.open(f"sqlite:///{path}", clock=clock) as bank:
        for id in ("m1", "left"):
            bank.open_account(id)
        bank.open_account("fund", kind="fund")
        bank.close_account("left")
        bank.adopt(Statute(version="v", welcome=Welcome(hours=1, fund="fund")))
        bank.open_account("new")
        clock.now = FALSE
        bank.rename("m1", "Anna")
        clock.now = NOW + DAY
        head = bank.head()

        def refused(on: Any) -> None:
            calls: list[Callable[[], Any]] = [
                lambda: on.erase("left", reason="she asked"),
                lambda: on.erase(record=1, reason="she asked"),
                lambda: on.welcome("new"),
                lambda: on.leave("left"),
                lambda: on.run_due(through=NOW.date()),
            ]
            for call in calls:
                with pytest.raises(ClockBehind):
                    call()

        refused(bank)
        with bank.batch() as batch:
            refused(batch)
        with bank.preview() as preview:
            refused(preview)
        assert head == bank.head()
    with closing(sqlite3.connect(path, isolation_level=None)) as host:
        host.execute("BEGIN")
        refused(timebank.join(host, clock=clock))
        host.execute("ROLLBACK")
