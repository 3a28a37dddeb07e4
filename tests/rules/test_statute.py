"""The statute as data: made, read, written, adopted."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import timebank
from support import Clock, sources
from timebank import (
    Band,
    Fee,
    Granularity,
    Hours,
    IdempotencyMismatch,
    InvalidRequest,
    InvalidStatute,
    LargestExchange,
    RecordWithin,
    Statute,
    StatuteNotFound,
    TimeBank,
    WrongType,
)
from timebank.model import ACCOUNT_KINDS, StatuteRow
from timebank.statute import DEFAULT, months_between, months_later
from timebank.statute.codec import as_record, from_record
from timebank.statute.rules import RULES
from timebank.storage.protocol import Batch

quantities = st.integers(1, 10**7).map(Hours.from_seconds)
limits = st.none() | st.integers(-(10**7), 10**7).map(Hours.from_seconds)
beyond: st.SearchStrategy[Any] = st.sampled_from(["refuse", "flag"])


@pytest.fixture(scope="module")
def schema() -> Any:
    """The validator of the schema that is shipped."""
    jsonschema = pytest.importorskip("jsonschema", reason="it is of timebank[dev]")
    text = files("timebank").joinpath("data/statute.schema.json").read_text("utf-8")
    return jsonschema.Draft202012Validator(json.loads(text))


@st.composite
def bands(draw: st.DrawFn) -> list[Band]:
    """Bands of one kind, one from month 0, some with a soft one within; in any order."""
    months = draw(st.sets(st.integers(1, 1200), max_size=3))
    made = []
    for month in (0, *months):
        floor, ceiling = draw(limits), draw(limits)
        if floor is not None and ceiling is not None and floor > ceiling:
            floor, ceiling = ceiling, floor
        outer = Band(floor=floor, ceiling=ceiling, from_month=month, beyond=draw(beyond))
        made.append(outer)
        inner = [limit for limit in draw(st.lists(quantities)) if _is_within(limit, outer)]
        if outer.beyond == "refuse" and inner:
            soft = Band(floor=min(inner), ceiling=max(inner), from_month=month, beyond="flag")
            if (soft.floor, soft.ceiling) != (floor, ceiling):
                made.append(soft)
    return draw(st.permutations(made))


def _is_within(limit: Hours, band: Band) -> bool:
    return (band.floor is None or band.floor <= limit) and (
        band.ceiling is None or limit <= band.ceiling
    )


fees = st.builds(
    Fee,
    fund=st.just("fund"),
    payer=st.sampled_from(["spender", "earner"]),
    remainder_to=st.sampled_from(["fund", "payer"]),
    unit=quantities,
    share=st.fractions(Fraction(1, 1000), 1, max_denominator=1000),
) | st.builds(Fee, fund=st.just("fund"), fixed=quantities)
statutes = st.builds(
    Statute,
    version=st.sampled_from(["v1", "è/2", "a b"]),
    time_zone=st.sampled_from(["UTC", "Europe/Rome", "America/Los_Angeles"]),
    limits=st.dictionaries(st.sampled_from(ACCOUNT_KINDS), bands()),
    granularity=st.none()
    | st.builds(
        Granularity, unit=quantities, rounding=st.sampled_from(["refuse", "up", "nearest"])
    ),
    largest_exchange=st.none() | st.builds(LargestExchange, hours=quantities, beyond=beyond),
    record_within=st.none() | st.builds(RecordWithin, days=st.integers(0, 99), beyond=beyond),
    fee=st.none() | fees,
)


@given(statutes)
def test_what_is_written_is_read_again(schema: Any, statute: Statute) -> None:
    """As JSON for people, which the schema knows, and as a record keeps it."""
    text = statute.to_json()
    assert statute == Statute.from_json(text) == Statute.from_json(text.encode())
    schema.validate(json.loads(text))
    assert statute == from_record(json.loads(json.dumps(as_record(statute))))


BAD: list[tuple[dict[str, Any], str]] = [
    ({"flor": 1}, "the key 'flor' is not known; there are version, time_zone, limits"),
    ({"limits": {"member": [{"flor": 1}]}}, r"limits.member\[0\]: the key 'flor' is not known"),
    ({"limits": {"members": [{}]}}, "limits of 'members': a kind is one of member, group"),
    ({"limits": {"member": []}}, "limits of member: 1 to 24 bands"),
    ({"limits": {"member": {}}}, "limits.member: an array of bands"),
    ({"limits": []}, "limits: an object of kinds"),
    ({"limits": {"member": [{"from_month": 1}]}}, "begin in month 0"),
    ({"limits": {"member": [{}, {}]}}, r"month 0 has 2 bands \(refuse, refuse\): bands begin in"),
    ({"limits": {"member": [{"from_month": -1}]}}, "from_month must be a whole number"),
    ({"limits": {"member": [{"floor": 1, "ceiling": 0}]}}, "the floor 1:00 is above"),
    ({"limits": {"member": [{"floor": "1:75"}]}}, r"limits.member\[0\].floor: not a quantity"),
    ({"limits": {"member": [{"floor": True}]}}, "a bool"),
    ({"limits": {"member": [{"beyond": "warn"}]}}, "beyond must be one of refuse, flag"),
    ({"granularity": {}}, "granularity: the key 'unit' is missing"),
    ({"granularity": {"unit": 0}}, "unit must be more than 0:00"),
    ({"granularity": {"unit": "0:15", "rounding": "down"}}, "rounding must be one of"),
    ({"granularity": "0:15"}, "granularity: an object"),
    ({"largest_exchange": {"hours": "-1"}}, "hours must be more than 0:00"),
    ({"record_within": {"days": 1.5}}, "days must be a whole number from 0"),
    ({"record_within": {"days": "30"}}, "days must be a whole number from 0"),
    ({"fee": {"fund": "f"}}, "a share of the exchange or a fixed quantity"),
    ({"fee": {"fund": "f", "share": "1/10", "fixed": 1}}, "one of the two"),
    ({"fee": {"share": "1/10"}}, "the key 'fund' is missing"),
    ({"fee": {"fund": " f", "share": "1/10"}}, "must not begin or end with a blank"),
    ({"fee": {"fund": "f", "share": "1/0"}}, "share must be a fraction"),
    ({"fee": {"fund": "f", "share": "a tenth"}}, "share must be a fraction"),
    ({"fee": {"fund": "f", "share": "0"}}, "share must be above 0"),
    ({"fee": {"fund": "f", "share": 1.5}}, "share must be above 0 and at most 1"),
    ({"fee": {"fund": "f", "share": True}}, "share must be a fraction"),
    ({"fee": {"fund": "f", "share": "1e-9"}}, "share must be a fraction"),
    ({"fee": {"fund": "f", "share": 1e-300}}, "share must be a fraction"),
    ({"fee": {"fund": "f", "share": "1/10", "payer": "both"}}, "payer must be one of"),
    ({"time_zone": "Europe/Roma"}, "the time zone 'Europe/Roma' is not known here"),
    ({"time_zone": "../etc/passwd"}, "is not known here"),
    ({"time_zone": 1}, "time_zone must be a str"),
    ({"version": ""}, "version must have 1 to 128 characters"),
    ({"version": 1}, "version must be a str"),
]


@pytest.mark.parametrize(("rules", "message"), BAD, ids=[message for _, message in BAD])
def test_what_cannot_be_is_told_with_its_place(rules: dict[str, Any], message: str) -> None:
    """A key that is misspelt would be a rule that is not there."""
    with pytest.raises(InvalidStatute, match=message):
        Statute.from_json(json.dumps({"version": "v1", **rules}))


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"version": NaN}', '{"version": "a", "version": "b"}', "\ud800", b"\xff", "9"],
)
def test_what_is_no_json_object_is_told(text: Any) -> None:
    """Not a traceback of another library."""
    with pytest.raises(InvalidStatute):
        Statute.from_json(text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text() | st.integers(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(
                    ["version", "limits", "member", "floor", "fee", "share", "fund", "unit"]
                )
                | st.text(),
                inner,
            )
        ),
    )
)
def test_whatever_is_read_is_a_statute_or_refused(schema: Any, data: Any) -> None:
    """And where the schema knows it, the loader does, unless a value is one that it cannot say."""
    text = json.dumps(data)
    try:
        statute = Statute.from_json(text)
    except InvalidStatute:
        return
    schema.validate(json.loads(text))
    assert statute == Statute.from_json(statute.to_json())


def test_the_schema_refuses_what_the_loader_refuses(schema: Any) -> None:
    """Keys, kinds and words; the values of hours it leaves to the loader."""
    known = [rules for rules, _ in BAD if set(rules) != {"time_zone"} or rules["time_zone"] == 1]
    refused = [rules for rules in known if not schema.is_valid({"version": "v1", **rules})]
    assert len(refused) >= 22
    schema.check_schema(schema.schema)


def test_a_file_may_name_its_schema() -> None:
    """For editors; it is no rule."""
    assert "v1" == Statute.from_json('{"$schema": "x.json", "version": "v1"}').version


def test_hours_may_be_numbers() -> None:
    """Of hours, with a dot: exact."""
    text = '{"version": "v1", "limits": {"member": [{"floor": -10, "ceiling": 2.5}]}}'
    (band,) = Statute.from_json(text).limits["member"]
    assert (Hours(-10), Hours("2:30")) == (band.floor, band.ceiling)


def test_rules_made_in_python_are_checked() -> None:
    """As those of a file."""
    makes: tuple[Callable[[], object], ...] = (
        lambda: Statute(version="v1", granularity="0:15"),  # type: ignore[arg-type]
        lambda: Statute(version="v1", limits=[]),
        lambda: Statute(version="v1", limits={"member": Hours(1)}),
        lambda: Band(floor=2, ceiling=1),
        lambda: Granularity(unit=-1),
    )
    for make in makes:
        with pytest.raises(InvalidStatute):
            make()
    with pytest.raises(InvalidStatute, match="share cannot be a float"):
        Fee(fund="f", share=0.05)
    assert Fraction(1, 8) == Fee(fund="f", share=Fraction(1, 8)).share
    assert (Band(floor=None),) == Statute(version="v", limits={"fund": Band()}).limits["fund"]


@pytest.mark.parametrize(
    ("first", "last", "months"),
    [
        ("2025-01-31", "2025-02-27", 0),
        ("2025-01-31", "2025-02-28", 1),
        ("2024-01-31", "2024-02-28", 0),
        ("2025-01-31", "2025-04-30", 3),
        ("2025-03-02", "2026-03-01", 11),
        ("2025-03-02", "2026-03-02", 12),
        ("2026-03-02", "2025-03-02", 0),
        ("2024-02-29", "2025-02-28", 12),
    ],
)
def test_months_of_membership(first: str, last: str, months: int) -> None:
    """Whole months of the calendar; the last day of a shorter month fills it."""
    assert months == months_between(date.fromisoformat(first), date.fromisoformat(last))


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.integers(0, 2000), st.integers(0, 2000))
def test_months_only_grow(first: date, one: int, more: int) -> None:
    """With the days, and never by more than they allow."""
    early = months_between(first, first + timedelta(days=one))
    late = months_between(first, first + timedelta(days=one + more))
    assert early <= late <= early + more // 28 + 1


# -- adopting ------------------------------------------------------------------------------


def test_adopting_is_a_record(bank: TimeBank) -> None:
    """In force from it on; what is in force already appends nothing."""
    first = Statute(version="v1", limits={"member": Band(floor=-1)})
    assert DEFAULT == bank.statute()
    assert first == bank.adopt(first) == bank.adopt(first) == bank.statute() == bank.statute("v1")
    (record,) = bank.records()
    assert ("adopt", "v1") == (record.kind, first.id)
    bank.open_account("m1")
    bank.open_account("f1")
    made = bank.transfer(earner="m1", spender="f1", hours=1)
    bank.adopt(DEFAULT)
    after = bank.transfer(earner="m1", spender="f1", hours=1)
    assert ("v1", "default/1") == (made.statute, after.statute)
    assert Hours(-20) == bank.balance("m1").floor
    assert [(5, DEFAULT), (1, first)] == list(bank.statutes())
    bank.adopt(first)
    assert first == bank.statute()
    bank.rebuild()
    assert [7, 5, 1] == [sequence for sequence, _ in bank.statutes()]


def test_a_version_means_the_same_rules_for_ever(bank: TimeBank) -> None:
    """The library's own ones too."""
    first = Statute(version="v1")
    bank.adopt(first)
    bank.adopt(Statute(version="v2"))
    with pytest.raises(IdempotencyMismatch, match="differs in limits, record_within") as caught:
        bank.adopt(
            Statute(version="v1", limits={"fund": Band()}, record_within=RecordWithin(days=1))
        )
    assert first == caught.value.original
    with pytest.raises(IdempotencyMismatch):
        bank.adopt(Statute(version="default/1"))
    with pytest.raises(InvalidStatute, match="the library's own"):
        bank.adopt(Statute(version="default/2"))
    assert 2 == bank.head().sequence


def test_what_is_no_statute_is_not_adopted(bank: TimeBank) -> None:
    """JSON must be read first."""
    with pytest.raises(WrongType, match=r"Statute\.from_json"):
        bank.adopt('{"version": "v1"}')  # type: ignore[arg-type]
    with pytest.raises(StatuteNotFound, match="'v9'"):
        bank.statute("v9")


def test_in_a_batch_it_is_in_force_at_once(bank: TimeBank) -> None:
    """And gone with it where the batch is; a preview sees it and leaves it."""
    statute = Statute(version="v1", limits={"member": Band(floor=-1)})
    with bank.preview() as preview:
        preview.adopt(statute)
        preview.open_account("m1")
        assert Hours(-1) == preview.balance("m1").floor
    with pytest.raises(ZeroDivisionError), bank.batch() as batch:
        batch.adopt(statute)
        raise ZeroDivisionError
    assert DEFAULT == bank.statute()
    with bank.batch() as batch:
        batch.adopt(statute)
        batch.open_account("m1")
        batch.open_account("m2")
        with pytest.raises(timebank.LimitExceeded):
            batch.transfer(earner="m1", spender="m2", hours=2)
    assert statute == bank.statute()


def test_the_day_is_the_time_zones(bank: TimeBank, clock: Clock) -> None:
    """Half past midnight in Rome is yesterday in UTC: day of service, and month of membership."""
    bank.open_account("m1", joined_on=date(2025, 7, 1))
    bank.open_account("f1")
    limits = {"member": [Band(floor=-1), Band(from_month=12, floor=-5)]}
    bank.adopt(Statute(version="utc", limits=limits))
    clock.now = clock.now.replace(month=6, day=30, hour=22, minute=29)
    assert date(2026, 6, 30) == bank.transfer(earner="f1", spender="m1", hours=1).occurred_on
    assert Hours(-1) == bank.balance("m1").floor
    bank.adopt(Statute(version="rome", time_zone="Europe/Rome", limits=limits))
    assert Hours(-5) == bank.balance("m1").floor
    assert date(2026, 7, 1) == bank.transfer(earner="f1", spender="m1", hours=1).occurred_on
    bank.transfer(earner="f1", spender="m1", hours=1, occurred_on=date(2026, 7, 2))
    with pytest.raises(InvalidRequest, match="the latest day accepted is 2026-07-02"):
        bank.transfer(earner="f1", spender="m1", hours=1, occurred_on=date(2026, 7, 3))


def test_who_has_no_day_of_joining_is_in_month_0(bank: TimeBank, clock: Clock) -> None:
    """However long ago the account was opened."""
    bank.open_account("m1")
    limits = {"member": [Band(floor=-1), Band(from_month=12, floor=-5)]}
    bank.adopt(Statute(version="v1", limits=limits))
    clock.now += timedelta(days=4000)
    assert Hours(-1) == bank.balance("m1").floor


def test_another_program_adopts_and_this_one_knows(tmp_path: Path) -> None:
    """What is kept between two calls is of no use once the head has moved."""
    url = f"sqlite:///{tmp_path / 'bank.db'}"
    clock = Clock()
    with timebank.open(url, clock=clock) as one, timebank.open(url, clock=clock) as other:
        one.open_account("m1")
        one.open_account("f1")
        one.transfer(earner="m1", spender="f1", hours=1)
        other.adopt(Statute(version="v1", limits={"member": Band(floor=-1)}))
        with pytest.raises(timebank.LimitExceeded):
            one.transfer(earner="m1", spender="f1", hours=1)
        other.hold(earner="f1", spender="m1", hours=1, id="h1")
        assert Hours(1) == one.balance("m1").held
        one.settle("h1", id="s1")
        assert "settled" == other.hold_by_id("h1").status


@pytest.mark.parametrize("sequence", [1, 2])
def test_a_row_that_names_no_adoption_is_corrupt(sequence: int) -> None:
    """Another record, or none: the audit finds it, and a rebuild mends it."""
    bank = timebank.open("memory:", **sources())
    bank.open_account("m1")
    with bank.store.writer("main") as writer:
        writer.append(Batch(statutes=[StatuteRow(sequence, "v1")]))
    with pytest.raises(timebank.Corrupt):
        bank.statute()
    assert ["derived"] == [finding.check for finding in bank.audit().findings]
    bank.rebuild()
    assert DEFAULT == bank.statute()


def test_a_statute_that_was_adopted_and_cannot_be_read() -> None:
    """A newer version's, say: what is not understood is no rule."""
    with pytest.raises(timebank.Corrupt, match="cannot be read: statute: the key 'levy'"):
        from_record({"version": "v1", "levy": 1})


def test_the_end_of_the_calendar() -> None:
    """Months of membership that reach beyond it end with it."""
    assert date.max == months_later(date(9999, 6, 1), 7)
    assert date(9999, 12, 1) == months_later(date(9999, 6, 1), 6)


def test_each_rule_on_exchanges_makes_the_statute_judge_them() -> None:
    """A rule that was forgotten in `judges_exchanges` would never be applied."""
    given = {
        "granularity": Granularity(unit="0:15"),
        "largest_exchange": LargestExchange(hours=8),
        "record_within": RecordWithin(days=30),
        "fee": Fee(share="1/10", fund="fund"),
    }
    assert given.keys() == RULES.keys() - {"welcome", "demurrage"}  # these move hours by themselves
    for name, value in given.items():
        one_rule: dict[str, Any] = {name: value}
        assert Statute(version="v1", **one_rule).judges_exchanges
    assert not Statute(version="v1").judges_exchanges


@pytest.mark.parametrize("text", [7, None, "[" * 200_000])
def test_what_is_no_text_of_json_is_refused(text: Any) -> None:
    """Something else than a text, or one that is nested without end."""
    with pytest.raises(InvalidStatute, match="a statute is a JSON object"):
        Statute.from_json(text)
