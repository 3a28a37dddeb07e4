"""The audit on welcome credit, dues, demurrage and delegates: one lie in each journal."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import timebank
from audit.forgeries import JSON, Forgery, found
from support import Clock, fill, fill_with_members, fill_with_rules, sources
from timebank import Dues, Statute


def forged() -> Forgery:
    """The neighbourhood with all that happened to its members."""
    clock = Clock()
    bank = timebank.open("memory:", **sources(clock))
    fill(bank)
    fill_with_rules(bank)
    fill_with_members(bank, clock)
    with bank.store.reader("main") as reader:
        records = [json.loads(row.body) for row in reader.records(after=0, limit=200)]
        return Forgery(records, reader.texts(after=0, through=200))


@pytest.fixture(scope="module")
def sound() -> Forgery:
    """A journal in which nothing is wrong."""
    return forged()


@pytest.fixture
def forgery(sound: Forgery) -> Forgery:
    """A copy to lie in."""
    return copy.deepcopy(sound)


def named(forgery: Forgery, id: str) -> JSON:
    """The record of an operation."""
    return next(record for record in forgery.records if record["request"].get("id") == id)


def of_kind(forgery: Forgery, kind: str) -> JSON:
    """The first record of a kind."""
    return next(record for record in forgery.records if record["kind"] == kind)


DEMURRAGE = "due:demurrage:2026-04:m1"
DUES = "due:dues:2026-03:m3"
WELCOME = "due:welcome:1:m3"
JOINING = "due:joining:2026-03-02:m4"


def test_the_sound_journal_is_clean(sound: Forgery) -> None:
    """It has each of the rules, a charge beyond a floor, and nothing is found."""
    assert () == sound.audited().findings
    rules = {record["request"]["rule"] for record in sound.records if record["kind"] == "due"}
    assert {"welcome", "dues", "joining", "demurrage"} == rules
    assert any(
        record["effects"].get("flags") for record in sound.records if record["kind"] == "due"
    )
    assert named(sound, DEMURRAGE)["effects"]["basis"] > 3600


# -- one lie each ------------------------------------------------------------------------


def moves(record: JSON, seconds: int) -> None:
    """So much more is moved than was."""
    for posting in record["effects"]["postings"]:
        posting[1] += seconds if posting[1] > 0 else -seconds


def more_dues(forgery: Forgery) -> None:
    moves(named(forgery, DUES), 1)


def less_demurrage(forgery: Forgery) -> None:
    moves(named(forgery, DEMURRAGE), -1)


def more_welcome(forgery: Forgery) -> None:
    moves(named(forgery, WELCOME), 60)


def another_basis(forgery: Forgery) -> None:
    named(forgery, DEMURRAGE)["effects"]["basis"] += 7 * 3600


def no_basis(forgery: Forgery) -> None:
    del named(forgery, DEMURRAGE)["effects"]["basis"]


def a_basis_of_dues(forgery: Forgery) -> None:
    named(forgery, DUES)["effects"]["basis"] = 0


def another_account_pays(forgery: Forgery) -> None:
    for posting in named(forgery, DUES)["effects"]["postings"]:
        if posting[0] == "m3":
            posting[0] = "m1"


def to_another_fund(forgery: Forgery) -> None:
    for posting in named(forgery, DUES)["effects"]["postings"]:
        if posting[0] == "solidarity":
            posting[0] = "m1"


def a_group_pays(forgery: Forgery) -> None:
    record = named(forgery, DUES)
    record["request"] |= {"account": "f1", "id": "due:dues:2026-03:f1"}
    for posting in record["effects"]["postings"]:
        if posting[0] == "m3":
            posting[0] = "f1"


def another_day(forgery: Forgery) -> None:
    record = named(forgery, DUES)
    record["effects"]["occurred_on"] = "2026-03-04"


def fallen_due_earlier(forgery: Forgery) -> None:
    """Before the statute was: on the first day of the month, so that all of it is due."""
    record = named(forgery, DUES)
    record["request"]["since"] = record["effects"]["occurred_on"] = "2026-03-01"


def fallen_due_before_joining(forgery: Forgery) -> None:
    record = named(forgery, "due:dues:2026-04:m3")
    opening = next(
        record
        for record in forgery.records
        if record["kind"] == "open_account" and record["request"]["account"] == "m3"
    )
    opening["request"]["joined_on"] = opening["effects"]["sets"]["joined_on"] = "2026-04-02"
    assert record["request"]["since"] == "2026-04-01"


def no_period_of_the_calendar(forgery: Forgery) -> None:
    record = named(forgery, DUES)
    record["request"]["period"] = ["2026-03-02", "2026-04-01"]
    record["request"]["id"] = "due:dues:2026-03-02:m3"


def a_period_without_the_day(forgery: Forgery) -> None:
    record = named(forgery, DUES)
    record["request"]["period"] = ["2026-02-01", "2026-02-28"]
    record["request"]["id"] = "due:dues:2026-02:m3"


def no_period(forgery: Forgery) -> None:
    del named(forgery, DUES)["request"]["period"]


def a_period_of_what_is_due_once(forgery: Forgery) -> None:
    named(forgery, JOINING)["request"]["period"] = ["2026-03-01", "2026-03-31"]


def an_id_of_ones_own(forgery: Forgery) -> None:
    """Under another id the same dues could be charged twice."""
    named(forgery, DUES)["request"]["id"] = "due:dues:2026-03-01:m3"


def a_welcome_without_a_number(forgery: Forgery) -> None:
    record = named(forgery, "due:welcome:1:m4")
    record["request"]["id"] = "due:welcome:x:m4"
    for reversal in forgery.records:
        if reversal["request"].get("transfer") == "due:welcome:1:m4":
            reversal["request"]["transfer"] = "due:welcome:x:m4"


def by_a_statute_of_another_time(forgery: Forgery) -> None:
    named(forgery, DUES)["request"]["by"] = "via-roma/1"


def by_nobodys_statute(forgery: Forgery) -> None:
    named(forgery, DUES)["request"]["by"] = "nobody's"


def by_no_rule(forgery: Forgery) -> None:
    record = named(forgery, DUES)
    record["request"] |= {"rule": "levy", "id": "due:levy:2026-03:m3"}


def demurrage_within_the_month(forgery: Forgery) -> None:
    record = named(forgery, DEMURRAGE)
    record["request"]["since"] = record["effects"]["occurred_on"] = "2026-04-29"


def flag_taken_away(forgery: Forgery) -> None:
    """The one that nobody passes again in the same way."""
    record = next(
        record
        for record in forgery.records
        if record["kind"] == "due" and "flags" in record["effects"]
    )
    del record["effects"]["flags"]


def a_flag_of_size(forgery: Forgery) -> None:
    flag = {"rule": "largest exchange", "limit": 1, "needed": 2}
    named(forgery, DUES)["effects"]["flags"] = [flag]


def a_delegate_who_was_not_named(forgery: Forgery) -> None:
    of_kind(forgery, "name_delegate")["effects"]["delegate"] = "mallory"


def a_delegate_for_longer(forgery: Forgery) -> None:
    of_kind(forgery, "name_delegate")["effects"]["until"] = "2027-01-01"


def a_delegate_of_another(forgery: Forgery) -> None:
    of_kind(forgery, "name_delegate")["effects"]["of"] = 2


def ended_for_another(forgery: Forgery) -> None:
    of_kind(forgery, "end_delegate")["effects"]["delegate"] = "anna"


def dues_of_a_part(forgery: Forgery) -> None:
    """A later day, and so a smaller share, which is right by itself."""
    record = named(forgery, "due:dues:2026-04:m3")
    record["request"]["since"] = record["effects"]["occurred_on"] = "2026-04-16"
    moves(record, -2700)


def joining_twice(forgery: Forgery) -> None:
    record = copy.deepcopy(named(forgery, JOINING))
    day = "2026-05-05"
    record["request"] |= {"since": day, "id": f"due:joining:{day}:m3", "account": "m3"}
    record["effects"]["occurred_on"] = day
    record["effects"].pop("flags", None)
    record["effects"]["postings"] = [["solidarity", 3600], ["m3", -3600]]
    forgery.add("due", record["request"], record["effects"])


def joining_of_who_joined_before(forgery: Forgery) -> None:
    opening = forgery.records[0]
    opening["request"]["joined_on"] = opening["effects"]["sets"]["joined_on"] = "2026-03-01"


def welcomed_twice(forgery: Forgery) -> None:
    """While the first one is still there."""
    day = "2026-05-05"
    request = {
        "account": "m3",
        "by": "via-roma/2",
        "id": "due:welcome:2:m3",
        "rule": "welcome",
        "since": day,
    }
    postings = [["m3", 7200], ["solidarity", -7200]]
    effects = {"occurred_on": day, "postings": postings, "statute": "via-roma/2"}
    forgery.add("due", request, effects)


def welcomed_on_another_day(forgery: Forgery) -> None:
    record = named(forgery, "due:welcome:1:m4")
    record["request"]["since"] = record["effects"]["occurred_on"] = "2026-03-03"


def a_welcome_written_otherwise(forgery: Forgery) -> None:
    named(forgery, WELCOME)["request"]["id"] = "due:welcome:01:m3"


def demurrage_of_a_period_that_began_without_it(forgery: Forgery) -> None:
    record = named(forgery, DEMURRAGE)
    record["request"] |= {
        "id": "due:demurrage:2026-03:m1",
        "period": ["2026-03-01", "2026-03-31"],
        "since": "2026-03-31",
    }
    record["effects"]["occurred_on"] = "2026-03-31"


def frozen_when_it_fell_due(forgery: Forgery) -> None:
    """Frozen and thawed before anything else of that day: not open at its end."""
    first = named(forgery, DUES)["sequence"]
    frozen = {"account": "m3", "sets": {"status": "frozen"}}
    thawed = {"account": "m3", "sets": {"status": "open"}}
    for number, (kind, effects) in enumerate((("freeze", frozen), ("thaw", thawed))):
        last = forgery.records[first - 2 + number]
        record = {
            **copy.deepcopy(last),
            "kind": kind,
            "request": {"account": "m3"},
            "effects": effects,
        }
        record.pop("actor", None)
        forgery.records.insert(first - 1 + number, record)
    days = 24 * 3600 * 1_000_000
    started = forgery.records[0]["recorded_at"]
    forgery.records[first - 1]["recorded_at"] = started + days // 8
    forgery.records[first - 1]["recorded_on"] = "2026-03-02"
    forgery.records[first]["recorded_at"] = started + 20 * days
    forgery.records[first]["recorded_on"] = "2026-03-22"
    for number, record in enumerate(forgery.records, start=1):
        record["sequence"] = number


def another_number_in_a_flag(forgery: Forgery) -> None:
    record = next(
        record
        for record in forgery.records
        if record["kind"] == "due" and "flags" in record["effects"]
    )
    record["effects"]["flags"][0]["available"] += 1


def delegate_until_no_day(forgery: Forgery) -> None:
    record = of_kind(forgery, "name_delegate")
    record["request"]["until"] = record["effects"]["until"] = "zz"


def delegate_until_a_day_that_is_over(forgery: Forgery) -> None:
    record = of_kind(forgery, "name_delegate")
    record["request"]["until"] = record["effects"]["until"] = "1999-12-31"


def delegate_named_twice(forgery: Forgery) -> None:
    named_ = [r for r in forgery.records if r["kind"] == "name_delegate"][-1]
    forgery.add("name_delegate", named_["request"], named_["effects"])


def delegate_of_oneself(forgery: Forgery) -> None:
    record = of_kind(forgery, "name_delegate")
    record["request"]["delegate"] = record["effects"]["delegate"] = "m1"


def delegate_of_who_left(forgery: Forgery) -> None:
    opened = next(
        record["sequence"]
        for record in forgery.records
        if record["kind"] == "open_account" and record["request"]["account"] == "m4"
    )
    request = {"account": "m4", "delegate": "luca"}
    forgery.add("name_delegate", request, {**request, "of": opened, "until": None})


def end_of_nobody(forgery: Forgery) -> None:
    record = of_kind(forgery, "end_delegate")
    record["request"]["delegate"] = record["effects"]["delegate"] = "nobody"


Lie = Callable[[Forgery], None]
LIES: list[tuple[Lie, set[str]]] = [
    (more_dues, {"effects"}),
    (less_demurrage, {"effects"}),
    (more_welcome, {"effects"}),
    (another_basis, {"effects"}),
    (no_basis, {"effects"}),
    (a_basis_of_dues, {"effects"}),
    (another_account_pays, {"effects"}),
    (to_another_fund, {"effects"}),
    (a_group_pays, {"effects"}),
    (another_day, {"effects"}),
    (fallen_due_earlier, {"effects"}),
    (fallen_due_before_joining, {"effects"}),
    (no_period_of_the_calendar, {"effects"}),
    (a_period_without_the_day, {"effects"}),
    (no_period, {"effects"}),
    (a_period_of_what_is_due_once, {"effects"}),
    (an_id_of_ones_own, {"effects"}),
    (a_welcome_without_a_number, {"effects"}),
    (by_a_statute_of_another_time, {"effects"}),
    (by_nobodys_statute, {"effects"}),
    (by_no_rule, {"effects"}),
    (demurrage_within_the_month, {"effects"}),
    (flag_taken_away, {"limits"}),
    (a_flag_of_size, {"effects"}),
    (a_delegate_who_was_not_named, {"effects"}),
    (a_delegate_for_longer, {"effects"}),
    (a_delegate_of_another, {"effects"}),
    (ended_for_another, {"effects"}),
    (dues_of_a_part, {"effects"}),
    (joining_twice, {"effects"}),
    (joining_of_who_joined_before, {"effects"}),
    (welcomed_twice, {"effects"}),
    (welcomed_on_another_day, {"effects"}),
    (a_welcome_written_otherwise, {"effects"}),
    (demurrage_of_a_period_that_began_without_it, {"effects"}),
    (frozen_when_it_fell_due, {"effects"}),
    (another_number_in_a_flag, {"limits"}),
    (delegate_until_no_day, {"canonical"}),
    (delegate_until_a_day_that_is_over, {"effects"}),
    (delegate_named_twice, {"effects"}),
    (delegate_of_oneself, {"effects"}),
    (delegate_of_who_left, {"effects"}),
    (end_of_nobody, {"effects"}),
]


@pytest.mark.parametrize(("lie", "check"), LIES, ids=lambda case: getattr(case, "__name__", ""))
def test_each_lie_is_found(forgery: Forgery, lie: Lie, check: set[str]) -> None:
    """By the check whose promise it breaks; what follows from it may be found too."""
    lie(forgery)
    assert check <= found(forgery.audited())


@given(st.data())
def test_no_value_makes_the_audit_raise(sound: Forgery, data: Any) -> None:
    """Any field of what is due, or of a delegate, of any type: it is found, and nothing raises."""
    forgery = copy.deepcopy(sound)
    kinds = {"due", "name_delegate", "end_delegate"}
    records = [record for record in forgery.records if record["kind"] in kinds]
    record = data.draw(st.sampled_from(records))
    part = data.draw(st.sampled_from(["request", "effects"]))
    field = data.draw(st.sampled_from([*record[part], "period", "basis", "flags", "of"]))
    value = data.draw(
        st.none()
        | st.integers(-(2**53), 2**53)
        | st.sampled_from(["", "m1", "due:dues:2026-03-09:m9", "2026-02-30", "9999-12-31"])
        | st.lists(st.sampled_from(["2026-03-01", 1, None]), max_size=3)
    )
    was = record[part].get(field)
    record[part][field] = value
    report = forgery.audited()
    if type(value) is not type(was) or value != was:
        assert report.findings


def test_dues_of_a_rule_with_parts(clock: Clock) -> None:
    """By months and by days, rounded up and down: the audit's arithmetic comes to the same."""
    bank = timebank.open("memory:", **sources(clock))
    bank.open_account("fund", kind="fund")
    bank.open_account("m1")
    rules = [
        Dues(
            name=f"{first} {every} {to}",
            hours="3:20:07",
            every=every,
            fund="fund",
            first_period=first,
            remainder_to=to,
            unit="11s",
        )
        for first in ("whole", "months", "days", "free")
        for every in ("quarter", "year")
        for to in ("fund", "payer")
    ]
    for number, part in enumerate((rules[:8], rules[8:])):
        bank.adopt(Statute(version=f"v{number}", dues=part))
        bank.run_due()
    assert 6 + 6 == len(bank.run_due().charges) + sum(1 for _ in bank.transfers())
    assert () == bank.audit().findings


def test_an_account_with_a_long_id(clock: Clock) -> None:
    """The id of what is due has the digest of the account's in its place, and is found again."""
    bank = timebank.open("memory:", **sources(clock))
    bank.open_account("fund", kind="fund")
    bank.open_account("ä" * 128)
    bank.adopt(Statute(version="v1", dues=Dues(hours=1, fund="fund")))
    (charge,) = bank.run_due().charges
    assert 64 + len("due:dues:2026:sha256=") == len(charge.id)
    assert () == bank.run_due().charges
    assert () == bank.audit().findings
