"""The figures of the impact report, against a computation of its own over what a bank exports."""

from __future__ import annotations

import calendar
import csv
import io
import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import timebank
from support import Clock, fill, fill_with_members, fill_with_rules, sources
from timebank import Corrupt, Dues, Fee, Hours, InvalidRequest, Statute, TimeBank, Transfer, reports
from timebank.cli import main
from timebank.interchange.timeoverflow import import_timeoverflow
from timebank.model import RecordRow
from timebank.queries.impact import Group, Impact, gini
from timebank.queries.impact.counted import count
from timebank.reports import impact
from timebank.reports.impact_text import impact_csv, impact_text
from timebank.storage.protocol import Batch
from timebank.testing import simulate

# -- another computation -----------------------------------------------------------------


class Plain:
    """The same figures from `transfers()`, `accounts()` and `balance(on=…)`, without hiding."""

    def __init__(self, bank: TimeBank, since: date, until: date) -> None:
        self.accounts = {account.id: account for account in bank.accounts()}
        self.members = {
            id for id, account in self.accounts.items() if account.kind in {"member", "group"}
        }
        left = self._left(bank)
        self.all = [pair for pair in left if pair[0].kind == "exchange"]
        self.exchanges = [
            (made, hours) for made, hours in self.all if since <= made.occurred_on <= until
        ]
        now = bank._sources.clock().date()
        self.bank, self.since, self.until = bank, since, min(until, now)

    def _left(self, bank: TimeBank) -> list[tuple[Transfer, int]]:
        """Each transfer with the seconds that were not reversed, those of nothing left out."""
        back: Counter[str] = Counter()
        for made in bank.transfers():
            if made.reverses is not None:
                back[made.reverses] += made.hours.seconds
        every = [made for made in bank.transfers() if made.reverses is None]
        pairs = [(made, made.hours.seconds - back[made.id]) for made in every]
        return [(made, seconds) for made, seconds in pairs if seconds > 0]

    def parties(self, made: Transfer) -> set[str]:
        """Who took part."""
        return set(made.earners) | set(made.spenders)

    def total(self) -> tuple[int, int]:
        """Exchanges and seconds."""
        return len(self.exchanges), sum(seconds for _, seconds in self.exchanges)

    def by(self, word: Callable[[Transfer], str]) -> dict[str, tuple[int, int, int]]:
        """Exchanges, seconds and accounts by a word."""
        keys = {word(made) for made, _ in self.exchanges}
        found = {}
        for key in keys:
            of_key = [(made, seconds) for made, seconds in self.exchanges if word(made) == key]
            people = set().union(*(self.parties(made) for made, _ in of_key))
            found[key] = (len(of_key), sum(seconds for _, seconds in of_key), len(people))
        return found

    def active(self) -> set[str]:
        """Members who took part."""
        people = set().union(*(self.parties(made) for made, _ in self.exchanges), set())
        return people & self.members

    def balances(self, on: date) -> list[int]:
        """Of the members who have not left, at the end of a day."""
        return [
            self.bank.balance(id, on=on).posted.seconds
            for id in sorted(self.members)
            if self.accounts[id].status != "closed" and (self.accounts[id].joined_on or on) <= on
        ]

    def stock(self) -> float:
        """The mean of the sums of positive balances at the ends of the months."""
        months = {
            date(year, month, calendar.monthrange(year, month)[1])
            for year, month in product(range(2015, 2031), range(1, 13))
            if (self.since.year, self.since.month)
            <= (year, month)
            <= (self.until.year, self.until.month)
        }
        sums = []
        for day in sorted(months):
            ids = self.members
            posted = [self.bank.balance(id, on=min(day, self.until)).posted.seconds for id in ids]
            sums.append(sum(max(one, 0) for one in posted))
        return sum(sums) / len(sums)


def groups(found: tuple[Group, ...]) -> dict[str, tuple[int, int, int]]:
    """Exchanges, seconds and accounts by key."""
    return {
        one.key: (one.exchanges or 0, (one.hours or Hours(0)).seconds, one.accounts or 0)
        for one in found
    }


def agrees(bank: TimeBank, since: date, until: date) -> Impact:
    """Every figure of the report is that of the other computation."""
    found, plain = bank.impact(since=since, until=until, at_least=1), Plain(bank, since, until)
    assert plain.total() == (found.exchanges.exchanges, found.exchanges.hours.seconds)
    assert plain.by(lambda made: str(made.occurred_on)[:7]) == groups(found.by_month)
    assert plain.by(lambda made: made.area or "") == groups(found.by_area)
    assert plain.by(lambda made: made.category or "") == groups(found.by_category)
    assert plain.by(lambda made: made.resource or "") == groups(found.by_resource)
    inner = [pair for pair in plain.exchanges if plain.parties(pair[0]) <= plain.members]
    assert len(inner) == found.among_members.exchanges
    assert len(plain.exchanges) - len(inner) == found.with_organisations.exchanges
    arranged = [seconds for made, seconds in plain.exchanges if made.via is not None]
    assert (len(arranged), sum(arranged)) == (
        found.arranged.exchanges,
        found.arranged.hours.seconds,
    )
    assert len(plain.active()) == found.active
    last = min(until, found.through)
    balances = plain.balances(last)
    assert len(balances) == sum(band.accounts or 0 for band in found.balances)
    assert gini(balances) == found.gini
    if found.stock is not None:
        assert abs(plain.stock() - found.stock.seconds) < 1
    flows = sum(hours.seconds for _, _, hours in found.flows if hours is not None)
    assert abs(flows - plain.total()[1]) <= 10 * len(plain.exchanges)
    return found


# -- the sample community, and others ------------------------------------------------------


def test_the_sample_community() -> None:
    """Imported as the demo imports it: the whole, and a period in the middle."""
    folder = files("timebank").joinpath("data", "timeoverflow")
    with timebank.open("memory:") as bank:
        with (
            folder.joinpath("users.csv").open("rb") as users,
            folder.joinpath("transfers.csv").open("rb") as transfers,
        ):
            import_timeoverflow(bank, users, transfers)
        agrees(bank, date(2018, 1, 1), date(2030, 12, 31))
        agrees(bank, date(2019, 2, 10), date(2020, 3, 15))


def test_a_simulated_community() -> None:
    """Of the size of one bank in ten, with some of its exchanges reversed."""
    with timebank.open("memory:") as bank:
        simulate(bank, size="large", exchanges=1_500, seed=11)
        for number in range(0, 1_500, 50):
            hours = None if number % 100 else "0:15"
            bank.reverse(f"x{number:06}", reason="a mistake", hours=hours)
        found = agrees(bank, date(2022, 3, 1), date(2024, 8, 31))
        assert found.both is not None
        assert found.both > 0


def test_every_kind_of_record_is_counted_or_left_out(clock: Clock) -> None:
    """Holds, settlements, partial reversals, fees, dues, leaving: as the other computation."""
    bank = timebank.open("memory:", **sources(clock))
    fill(bank)
    fill_with_rules(bank)
    fill_with_members(bank, clock)
    found = agrees(bank, date(2026, 1, 1), clock.now.date())
    assert {"donation", "dues", "demurrage", "welcome", "write-off"} <= set(found.others)


names = st.sampled_from(["a", "b", "c", "g", "org"])
words = st.sampled_from([None, "care", "mobility", 'a "word"'])
exchanges = st.tuples(
    st.lists(names, min_size=1, max_size=3, unique=True),
    st.lists(names, min_size=1, max_size=3, unique=True),
    st.integers(1, 40_000),
    st.integers(0, 500),
    words,
    st.sampled_from([None, "org"]),
    st.sampled_from(["exchange", "exchange", "gift"]),
    st.integers(0, 3),
)


@given(st.lists(exchanges, max_size=15), st.integers(0, 500), st.integers(0, 500), st.booleans())
def test_random_histories(history: list[Any], one: int, other: int, has_fee: bool) -> None:
    """Many-sided exchanges, reversals, days in any order, any period."""
    first = date(2024, 11, 20)
    now = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
    bank = timebank.open("memory:", clock=lambda: now)
    for id, kind in (("a", "member"), ("b", "member"), ("c", "member"), ("g", "group")):
        bank.open_account(id, kind=kind, floor=None, joined_on=first)
    bank.open_account("org", kind="organisation")
    bank.open_account("fund", kind="fund")
    bank.adopt(Statute(version="v1", fee=Fee(share="1/30", fund="fund") if has_fee else None))
    for up, down, seconds, days, word, via, kind, back in history:
        if up == down and len(up) == 1:
            continue
        total = Hours.from_seconds(seconds + 60)
        made = bank.transfer(
            earner=timebank.split(total, up),
            spender=timebank.split(total, down),
            occurred_on=first + timedelta(days=days),
            area=word,
            category=word,
            via=via,
            kind=kind,
        )
        if back:
            part = None if back == 1 else max(total.seconds // back, 1)
            hours = None if part is None else Hours.from_seconds(part)
            bank.reverse(made.id, reason="why", hours=hours)
            if back == 3:
                bank.reverse(made.id, reason="the rest")
    since, until = sorted((first + timedelta(days=one), first + timedelta(days=other)))
    agrees(bank, since, until)


# -- one figure each ---------------------------------------------------------------------


@pytest.fixture
def street() -> TimeBank:
    """Six members, a family, a fund; their exchanges are those of the test."""
    bank = timebank.open("memory:", clock=lambda: datetime(2026, 12, 31, 9, 0, tzinfo=UTC))
    for id in "abcdef":
        bank.open_account(id, floor=None, joined_on=date(2026, 1, 1))
    bank.open_account("family", kind="group")
    bank.open_account("fund", kind="fund")
    return bank


def exchange(
    bank: TimeBank, earner: str, spender: str, hours: object, day: date, **more: Any
) -> str:
    """One, on a day."""
    return bank.transfer(earner=earner, spender=spender, hours=hours, occurred_on=day, **more).id


def test_who_gives_and_who_receives(street: TimeBank) -> None:
    """Of the active; who only gives is one-way, and who only receives too."""
    day = date(2026, 3, 2)
    for earner, spender in (("a", "b"), ("b", "a"), ("c", "d"), ("c", "e"), ("fund", "f")):
        exchange(street, earner, spender, 1, day)
    found = street.impact(at_least=1)
    assert (2, 1, 3, 6) == (found.both, found.give_only, found.receive_only, found.active)
    assert 2 / 6 == found.reciprocity
    assert (Hours(4), Hours(5)) == (found.given, found.received)


def test_velocity(street: TimeBank) -> None:
    """Four hours moved over a mean stock of two and a half: 2 h at the end of January, 3 h then."""
    exchange(street, "a", "b", 2, date(2026, 1, 10))
    exchange(street, "c", "d", 2, date(2026, 2, 10))
    exchange(street, "d", "a", 1, date(2026, 2, 20), kind="gift")
    found = street.impact(since=date(2026, 1, 1), until=date(2026, 2, 28), at_least=1)
    assert (Hours("2:30"), 4 / 2.5) == (found.stock, found.velocity)


def test_days_to_the_first_exchange(street: TimeBank) -> None:
    """Of who joined within the period: 1, 3, 5 and 31 days."""
    for id, other, day in (("a", "fund", 2), ("b", "fund", 4), ("c", "fund", 6)):
        exchange(street, id, other, 1, date(2026, 1, day))
    exchange(street, "d", "fund", 1, date(2026, 2, 1))
    found = street.impact(at_least=1)
    assert ((2.0, 4.0, 18.0), 4) == (found.first_exchange_days, found.first_exchange_members)
    assert 4.0 == median([1, 3, 5, 31])
    late = street.impact(since=date(2026, 1, 2), at_least=1)
    assert (None, 0) == (late.first_exchange_days, late.first_exchange_members)


def test_dormancy(street: TimeBank) -> None:
    """A year without an exchange, of who was a member all that time."""
    exchange(street, "a", "b", 1, date(2026, 1, 5))
    street.open_account("old", joined_on=date(2020, 1, 1))
    street.open_account("gone", joined_on=date(2020, 1, 1))
    street.leave("gone")
    assert 1 == street.impact(at_least=1).dormant


def imported() -> TimeBank:
    """A bank right after an import in 2026, without days of joining, of exchanges from 2023 on."""
    bank = timebank.open("memory:", **sources())
    for id in ("a", "b", "c", "d", "e", "f", "new"):
        bank.open_account(id, floor=None)
    for number, (earner, spender) in enumerate([("a", "b"), ("b", "c"), ("d", "e"), ("e", "f")]):
        for year in (2023, 2024):
            exchange(bank, earner, spender, 1 + number, date(year, 3, 1 + number))
    return bank


def test_members_right_after_an_import_count_from_their_first_exchange() -> None:
    """The account was opened on the day of the import; the person was there before."""
    bank = imported()
    then = bank.impact(until=date(2023, 3, 2), at_least=1)
    assert (3, 3, {"member": 3}) == (then.members, then.active, dict(then.accounts))
    assert 3 == sum(band.accounts or 0 for band in then.balances)
    year = bank.impact(since=date(2024, 1, 1), until=date(2024, 12, 31), at_least=1)
    assert (6, 6, Hours(10), Hours(10)) == (year.members, year.active, year.given, year.received)
    assert 6 == bank.impact(until=date(2025, 12, 31), at_least=1).dormant
    assert 7 == bank.impact(at_least=1).members, "who never exchanged counts from the import"


def test_days_to_the_first_exchange_leave_out_who_came_nobody_knows_when() -> None:
    """Not as zero days: of who exchanged before joining the day of joining is not known."""
    found = imported().impact(at_least=1)
    assert (None, 0) == (found.first_exchange_days, found.first_exchange_members)


def test_who_is_inactive_right_after_an_import() -> None:
    """Who has exchanged nothing since, and was there before by an exchange."""
    bank = imported()
    found = {
        one.id: (one.since, one.last_exchange) for one in bank.inactive(since=date(2025, 1, 1))
    }
    assert (date(2023, 3, 1), date(2024, 3, 1)) == found["a"]
    assert set("abcdef") == set(found), "the new one may have come with the import"
    assert [] == list(bank.inactive(since=date(2023, 1, 1)))
    exchange(bank, "a", "new", 1, date(2025, 6, 1))
    assert set("bcdef") == {one.id for one in bank.inactive(since=date(2025, 1, 1))}


def test_dues_do_not_look_at_the_first_exchange() -> None:
    """They are owed from the day of joining, or of being opened."""
    bank = imported()
    bank.open_account("fund", kind="fund")
    bank.adopt(Statute(version="v2", dues=Dues(hours=1, fund="fund")))
    years = [one.since.year for one in bank.dues("a", through=date(2027, 12, 31))]
    assert [2026, 2027] == years


def test_flows(street: TimeBank) -> None:
    """From who received to who gave; a shared one in proportion."""
    day = date(2026, 3, 2)
    exchange(street, "a", "family", 3, day)
    street.transfer(earner={"a": 1, "fund": 2}, spender={"b": 2, "family": 1}, occurred_on=day)
    assert {
        ("group", "member"): Hours("3:20"),
        ("member", "member"): Hours("0:40"),
        ("member", "fund"): Hours("1:20"),
        ("group", "fund"): Hours("0:40"),
    } == {(spender, earner): hours for spender, earner, hours in street.impact(at_least=1).flows}


def test_a_period_without_anything(street: TimeBank) -> None:
    """What cannot be worked out is told as such, in every form."""
    found = street.impact()
    assert (0, None, None, None) == (
        found.exchanges.exchanges,
        found.reciprocity,
        found.velocity,
        found.gini,
    )
    assert "cannot be told" in "\n".join(impact_text(found))
    assert "non calcolabile" in "\n".join(impact_text(found, "it"))
    assert reports.json.impact(found)["velocity"] is None


@pytest.mark.parametrize(
    ("balances", "expected"),
    [([], None), ([0, 0], None), ([5, 5, 5], 0.0), ([0, 0, 0, 4], 0.75), ([-3, 3], 0.5)],
)
def test_gini(balances: list[int], expected: float | None) -> None:
    """By hand; of values that are all positive it is the usual one."""
    assert expected == gini(balances)


@given(st.lists(st.integers(-9999, 9999), min_size=1, max_size=30))
def test_gini_is_the_mean_difference_of_all_pairs(balances: list[int]) -> None:
    """By its definition, over all pairs; from 0 to less than 1."""
    total = sum(map(abs, balances))
    found = gini(balances)
    if not total:
        assert found is None
        return
    pairs = sum(abs(one - other) for one in balances for other in balances)
    assert found == pytest.approx(pairs / (2 * len(balances) * total))
    assert found is not None
    assert 0 <= found < 1


# -- what is not shown -------------------------------------------------------------------


def test_small_groups_are_hidden_and_never_one_alone(street: TimeBank) -> None:
    """The rare area is hidden, and the next one with it: else it were the difference."""
    day = date(2026, 3, 2)
    for earner, spender in (("a", "b"), ("c", "d"), ("e", "f")):
        exchange(street, earner, spender, 1, day, area="many")
        exchange(street, spender, earner, 1, day, area="some")
    exchange(street, "a", "family", 9, day, area="some")
    exchange(street, "a", "b", 7, day, area="rare")
    found = street.impact()
    shown = {group.key: group.hours for group in found.by_area}
    assert {"many": None, "some": Hours(12), "rare": None} == shown
    assert "7:00" not in "\n".join([*impact_text(found), impact_csv(found)])
    assert {None} == {group.hours for group in found.by_month_and_area["rare"]}
    assert 3 == len(street.impact(at_least=1).by_area)
    text = "\n".join(impact_text(found))
    assert 1 == text.count("are not shown")
    assert "2 groups of few accounts" in text
    assert "are not shown" not in "\n".join(impact_text(street.impact(at_least=1)))


def test_who_may_ask_and_what_for(street: TimeBank) -> None:
    """Wrong arguments say what they are."""
    with pytest.raises(InvalidRequest, match="since 2026-02-01 is after until 2026-01-01"):
        street.impact(since=date(2026, 2, 1), until=date(2026, 1, 1))
    for wrong in (0, True, "5"):
        with pytest.raises(InvalidRequest, match="at_least is a number of accounts from 1"):
            street.impact(at_least=wrong)  # type: ignore[arg-type]
    with pytest.raises(InvalidRequest, match="one bank at least"):
        impact([])


def test_a_journal_that_cannot_be_read() -> None:
    """It is corrupt, and says where."""
    for body in (b'{"effects":{},"kind":"transfer","recorded_at":1,"sequence":1}', b"{"):
        with timebank.open("memory:") as bank:
            with bank.store.writer("main") as writer:
                writer.append(
                    Batch(records=[RecordRow(1, bytes(32), body, "transfer", None, None)])
                )
            with pytest.raises(Corrupt), bank.store.reader("main") as reader:
                count(reader)


# -- many banks --------------------------------------------------------------------------


def test_many_banks_are_one_report(street: TimeBank) -> None:
    """Accounts of the same id in two banks are two accounts."""
    other = TimeBank(street.store, bank="other", clock=street._sources.clock)
    for id in "ab":
        other.open_account(id)
    for bank in (street, other):
        exchange(bank, "a", "b", 2, date(2026, 3, 2), area="mobility")
    found = impact([street, other], at_least=1)
    assert (2, 2, Hours(4), 4) == (
        found.banks,
        found.exchanges.exchanges,
        found.exchanges.hours,
        found.active,
    )
    (group,) = found.by_area
    assert ("mobility", 2, 4) == (group.key, group.exchanges, group.accounts)
    assert found.members == street.impact().members + 2


def test_the_hold_that_a_settlement_is_described_by(
    street: TimeBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Remembered, or read again where there are too many."""
    monkeypatch.setattr("timebank.queries.impact.counted.CACHED_HOLDS", 1)
    for number in range(3):
        street.hold(earner="a", spender="b", hours=1, id=f"h{number}", area=f"area {number}")
    street.void("h1")
    for number in (0, 2):
        street.settle(f"h{number}")
    found = {group.key for group in street.impact(at_least=1).by_area}
    assert {"area 0", "area 2"} == found


# -- its forms ---------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two banks in a file, with words that no form may trip over."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIMEBANK_DB", "bank.db")
    words = ["mobility", "=cmd()", "<b>bold</b>", "$x$", "a,b"]
    with timebank.open("sqlite:///bank.db") as bank:
        for name in ("main", "other"):
            one = TimeBank(bank.store, bank=name)
            one.open_account("fund", kind="fund")
            for id in "abcdef":
                one.open_account(id)
            one.adopt(Statute(version="v1", dues=Dues(hours="0:10", fund="fund", every="once")))
            for word in words:
                for earner, spender in ("ab", "cd", "ef"):
                    exchange(one, earner, spender, 1, date(2026, 3, 2), area=word, resource="skill")
    return tmp_path


def run(*words: str) -> str:
    """What `timebank report impact` prints."""
    result = CliRunner().invoke(main, ["report", "impact", *words], prog_name="timebank")
    assert (0, "") == (result.exit_code, result.stderr)
    return result.stdout


@pytest.mark.usefixtures("folder")
def test_text_and_json_and_csv() -> None:
    """The same figures in each, in two languages; a word of people is no formula."""
    text, italian = run(), run("--lang", "it")
    assert text.startswith("What we exchanged\nPeriod: from the beginning\n")
    assert "mobility" in text
    assert italian.startswith("Che cosa ci siamo scambiati\nPeriodo: dall'inizio\n")
    assert "mobilità" in italian
    assert "competenze" in italian
    shape = json.loads(run("--format", "json", "--since", "2026-01-01", "--until", "2026-12-31"))
    assert ("2026-01-01", 15, "15:00", 6) == (
        shape["since"],
        shape["exchanges"]["exchanges"],
        shape["exchanges"]["hours"],
        shape["active"],
    )
    rows = list(csv.reader(io.StringIO(run("--format", "csv"))))
    assert ["Hours by area", "'=cmd()", "3", "3:00", "6"] in rows
    assert ["Hours by area", "a,b", "3", "3:00", "6"] in rows
    assert not any(cell[:1] in {"=", "+", "@"} for row in rows for cell in row)


@pytest.mark.usefixtures("folder")
def test_all_banks() -> None:
    """Together, over one storage."""
    assert 15 == json.loads(run("--format", "json"))["exchanges"]["exchanges"]
    both = json.loads(run("--all", "--format", "json"))
    assert (2, 30, 12) == (both["banks"], both["exchanges"]["exchanges"], both["active"])
    assert "Time banks" in run("--all")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("language", ["en", "it"])
def test_html_needs_nothing_else(language: str) -> None:
    """One file: no script, no link, no image of elsewhere; words of people are only words."""
    pytest.importorskip("jinja2", reason="HTML is of the extra timebank[report]")
    html = run("--format", "html", "--lang", language)
    assert html.startswith(f'<!doctype html>\n<html lang="{language}">')
    for outside in ("<script", "http://", "https://", "<link", "<img", "@import", "<b>bold"):
        assert outside not in html.replace("http://www.w3.org/", "")
    assert "&lt;b&gt;bold&lt;/b&gt;" in html
    assert "$x$" in html
    assert 0 == html.count("<svg"), "each chart would have a single bar: it is a sentence"
    assert html == run("--format", "html", "--lang", language)


def test_the_period_in_words(street: TimeBank) -> None:
    """From, up to, both."""
    one, other = date(2026, 1, 1), date(2026, 12, 31)
    assert "Period: from 1 January 2026 on" in impact_text(street.impact(since=one))
    assert "Period: from the beginning to 31 December 2026" in impact_text(
        street.impact(until=other)
    )
    both = street.impact(since=one, until=other)
    assert "Periodo: dal 1 gennaio 2026 al 31 dicembre 2026" in impact_text(both, "it")
    assert "2026-01-01/2026-12-31" == both.id
