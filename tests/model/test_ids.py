"""What is an id: as it is written, as the audit looks at it, and as the page of the format says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from unicodedata import category, normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

import timebank
from audit.forgeries import Forgery, found, small
from support import sources
from timebank import Dues, Fee, InvalidRequest, Statute, TimeBank, checks
from timebank.audit import id_rules
from timebank.audit.id_rules import id_problem
from timebank.journal import canonical
from timebank.model import ids

PAGE = Path(__file__).parents[2] / "docs" / "journal-format.md"


def is_written(text: str, *, longest: int = 128) -> bool:
    """Whether the library writes it as an id."""
    try:
        checks.identifier(text, "id", longest=longest)
    except InvalidRequest:
        return False
    return True


def of_page(title: str) -> Iterator[list[str]]:
    """The rows of the table of the page whose first column has this title."""
    table = re.search(
        rf"^\| {title} \|.*\n\|[ -|]+\|\n((?:\|.*\n)+)", PAGE.read_text("utf-8"), re.MULTILINE
    )
    assert table is not None
    for line in table[1].splitlines():
        yield [cell.strip() for cell in line.strip("|").split("|")]


def points(text: str) -> set[int]:
    """The code points, and ranges of them, that a cell lists."""
    named = set()
    for first, last in re.findall(r"U\+([0-9A-F]{4,6})(?:\u2013U\+([0-9A-F]{4,6}))?", text):
        named |= set(range(int(first, 16), int(last or first, 16) + 1))
    return named


def covered(ranges: Any) -> set[int]:
    """The code points of ranges."""
    return {point for first, last in ranges for point in range(first, last + 1)}


# -- one set of rules, three times -----------------------------------------------------------------


def near_an_edge() -> set[int]:
    """The first blocks, and what lies at the ends of each range."""
    edges = [point for pair in (*id_rules.NOWHERE, *id_rules.BLANK) for point in pair]
    near = {point + step for point in edges for step in (-1, 0, 1)}
    return {*range(0x250), *range(0x2000, 0x2100), *near, 0x10FFFF} - {-1}


def agree(code_points: Iterable[int]) -> None:
    """Writer and audit do as the page says: within an id, and alone, which is at both ends."""
    rows = {row[0]: points(row[1]) for row in of_page("where")}
    nowhere, blank = rows["nowhere"], rows["at neither end"]
    joiners = rows["only between two of one script that joins"]
    assert (nowhere, blank) == (covered(id_rules.NOWHERE), covered(id_rules.BLANK))
    assert joiners == set(id_rules.JOINERS) == set(map(ord, ids.JOINERS))
    for point in code_points:
        character = chr(point)
        may_stand = point not in nowhere | joiners
        for text, stands in (
            (f"a{character}b", may_stand),
            (character, may_stand and point not in blank),
        ):
            expected = stands and normalize("NFC", text) == text
            found = (is_written(text), id_problem.__wrapped__(text) is None)
            assert (expected, expected) == found, hex(point)


def test_writer_audit_and_page_agree() -> None:
    """On each code point at the ends of a range of the page."""
    agree(near_an_edge())


@pytest.mark.slow
def test_writer_audit_and_page_agree_on_every_code_point() -> None:
    """Of the planes that Unicode gives characters to, and of the tags."""
    agree((*range(0x1FFFF), *range(0xE0000, 0xE0200)))


def test_scripts_that_join_are_those_of_the_page() -> None:
    """Each with the same ranges, for the writer and for the audit."""
    page = {row[0]: points(row[1]) for row in of_page("script")}
    assert page == {script: covered(ranges) for script, ranges in id_rules.SCRIPTS.items()}
    assert len(page) == len(ids.JOINING)
    for script, ranges in zip(page.values(), ids.JOINING, strict=True):
        assert script == covered(map(ord, pair) for pair in ranges.split(" "))


def test_what_cannot_be_seen_may_stand_nowhere() -> None:
    """Controls, format characters, surrogates, ends of lines, as Python's Unicode has them."""
    by_category: dict[str, set[int]] = {}
    for point in range(0x110000):
        by_category.setdefault(category(chr(point)), set()).add(point)
    unseen = set().union(*(by_category[one] for one in ("Cc", "Cf", "Cs", "Zl", "Zp")))
    assert unseen - set(id_rules.JOINERS) <= covered(id_rules.NOWHERE)
    assert by_category["Zs"] == covered(id_rules.BLANK)
    letters = set().union(*(covered(ranges) for ranges in id_rules.SCRIPTS.values()))
    assert not {point for point in letters if category(chr(point)) in {"Nd", "Zs", "Cf"}}


pieces = st.characters(exclude_categories=["Cs"]) | st.sampled_from(
    [
        *("a", "\u00e9", "e\u0301", " ", "\u00a0", "\u200c", "\u200d", "\u200b", "\ufe0f"),
        *("\u0645", "\u06cc", "\u0915", "\u094d", "\u0d9a", "\u0dca", "\u0661", "\U0001f600"),
        *("\u2028", "\0", "\ud800", "due:", "x" * 60),
    ]
)


@given(st.lists(pieces, max_size=5).map("".join), st.sampled_from([128, 200]))
def test_writer_and_audit_agree(text: str, most: int) -> None:
    """On whatever text, of an id and of a label."""
    assert is_written(text, longest=most) == (id_problem(text, most) is None)


@pytest.mark.parametrize(
    "text",
    [
        "\u0645\u06cc\u200c\u062e\u0648\u0631\u0645",
        "\u0915\u094d\u200d\u0937",
        "\u09b0\u200d\u09cd\u09af",
        "\u0d9a\u0dca\u200d\u0dbb",
        "\u0d15\u0d4d\u200d\u0d37",
        "\u1780\u200c\u1781",
        "\u0710\u200c\u0712",
    ],
)
def test_a_joiner_stands_within_a_word(text: str) -> None:
    """Persian, Hindi, Bengali, Sinhala, Malayalam, Khmer, Syriac: who so writes, may."""
    assert is_written(text)
    assert id_problem(text) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a\u200cb", r"must not contain '\\u200c' but between two letters of a script"),
        ("\u200dक", r"'\\u200d' but between"),
        ("क\u200d", r"'\\u200d' but between"),
        ("क\u200d\u200cक", r"'\\u200d' but between"),
        ("م\u200dक", r"'\\u200d' but between"),
        ("१\u200d२", r"'\\u200d' but between"),
        ("👩\u200d🌾", r"'\\u200d' but between"),
        ("می\u200cخ\u200b", r"'\\u200b', which cannot be seen"),
        ("m1\u200b", r"'\\u200b', which cannot be seen"),
        ("m\u00ad1", r"'\\xad', which cannot be seen"),
        ("\u202em1", r"'\\u202e', which cannot be seen"),
        ("m\u20281", r"'\\u2028', which cannot be seen"),
        ("m1\u3000", "must not begin or end with a blank"),
        ("\u00a0m1", "must not begin or end with a blank"),
        ("e\u0301", "must be in Unicode normal form NFC"),
        ("x" * 129, "must have 1 to 128 characters"),
        ("", "must have 1 to 128 characters"),
    ],
)
def test_what_is_no_id_says_why(text: str, reason: str) -> None:
    """With the character that is to blame, as an escape that can be seen."""
    with pytest.raises(InvalidRequest, match=reason):
        ids.identifier(text, "id")


# -- ids of operations -----------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["due:", "peer:", "cheque:"])
def test_the_librarys_prefixes_are_its_own(prefix: str) -> None:
    """Of operations; an account may be called so, where it may be one of another bank."""
    bank = timebank.open("memory:", **sources())
    id = f"{prefix}x"
    bank.open_account(id, kind="clearing" if prefix == "peer:" else "member")
    bank.open_account("b")
    calls: list[Callable[[], object]] = [
        lambda: bank.transfer(earner="b", spender=id, hours=1, id=id),
        lambda: bank.hold(earner="b", spender=id, hours=1, id=id),
        lambda: bank.reverse("t", reason="why", id=id),
        lambda: bank.settle("h", id=id),
        lambda: bank.void("h", id=id),
    ]
    for call in calls:
        with pytest.raises(InvalidRequest, match=f"begin with {prefix} are the library's own"):
            call()
    bank.transfer(earner="b", spender=id, hours=1, id=prefix.title() + "x")
    assert () == bank.audit().findings


# -- everywhere in a record ---------------------------------------------------------------

BAD = [
    "",
    "x" * 201,
    "e\u0301",
    "a\u200b",
    " a",
    "a\u3000",
    "a\nb",
    "a\u2028b",
    "a\u200cb",
    "\ufeffa",
]


def everything() -> Forgery:
    """A bank with every place in which an id or a label may stand."""
    bank = timebank.open("memory:", **sources())
    for id in ("a", "b"):
        bank.open_account(id)
    bank.open_account("pot", kind="fund")
    bank.adopt(
        Statute(
            version="v1",
            time_zone="Europe/Rome",
            limits={"member": timebank.Band(floor=0, beyond="flag")},
            fee=Fee(fund="pot", fixed="0:01"),
            welcome=timebank.Welcome(hours=1, fund="pot", given="when asked"),
            dues=Dues(hours=1, fund="pot"),
            demurrage=timebank.Demurrage(share="1/2", above=9, fund="pot"),
        )
    )
    asked: dict[str, Any] = {"earner": "a", "spender": "b", "hours": 1, "via": "pot"}
    asked |= {"category": "care", "area": "north", "resource": "car", "tags": ["t"]}
    acting = bank.acting_as("who")
    acting.transfer(**asked, id="t1", source="paper")
    acting.hold(**asked, id="h1", source={"system": "paper"})
    acting.hold(**asked, id="h2")
    acting.settle("h1", id="s1")
    acting.void("h2", id="v1")
    acting.reverse("t1", reason="why", id="r1")
    acting.name_delegate("a", "d")
    acting.run_due()
    return forged(bank)


def forged(bank: TimeBank) -> Forgery:
    """The records of a bank, to lie in."""
    with bank.store.reader("main") as reader:
        records = [json.loads(row.body) for row in reader.records(after=0, limit=100)]
        return Forgery(records, reader.texts(after=0, through=100))


BODIES = [canonical(record) for record in everything().records]
#: Where texts stand that are neither ids nor labels: fixed words, days, numbers, commitments.
OTHERS = re.compile(
    r"kind|format|recorded_on|.*\.(rule|since|today|occurred_on|period|reason|limits|status|joined_on|named|ceiling"
    r"|floor|beyond|share|given|fixed)(\.\d+)?|.*\.sets\..*|.*\.(kind)|.*limits\..*"
)


def places(value: Any, path: str = "") -> Iterator[tuple[Any, Any, str]]:
    """Each text of a record: its holder, its key, and its path."""
    items = enumerate(value) if type(value) is list else value.items()
    for key, inner in items:
        here = f"{path}.{key}" if path else str(key)
        if type(inner) is str:
            yield value, key, here
        elif type(inner) in {list, dict}:
            yield from places(inner, here)


def test_an_id_that_is_none_is_found_wherever_it_stands() -> None:
    """In whatever field of whatever kind of record: nothing of it is overlooked."""
    looked, sound = set(), everything()
    assert set() == found(sound.audited())
    for record in sound.records:
        for holder, key, path in places(record):
            is_kind = path == "request.kind" and record["kind"] in {"transfer", "hold"}
            if OTHERS.fullmatch(path) and not is_kind:
                continue
            looked.add((record["kind"], path))
            before = holder[key]
            for text in BAD:
                holder[key] = text
                assert [*id_rules.id_differences(record)], (path, text)
                assert id_rules.has_odd_ids(canonical(record))
            holder[key] = before
        assert record["kind"] == "due" or not id_rules.has_odd_ids(canonical(record))
        assert [] == [*id_rules.id_differences(record)]
    assert {path for kind, path in looked if kind == "transfer"} >= {
        *("actor", "journal", "request.id", "request.kind", "request.via", "request.category"),
        *("request.area", "request.resource", "request.tags.0", "request.source"),
        *("request.earners.0.0", "request.spenders.0.0", "effects.postings.0.0"),
        *("effects.fee.0.0", "effects.flags.0.account", "effects.statute"),
    }
    assert ("hold", "request.source.0.1") in looked
    assert ("hold", "effects.reserves.0.0") in looked
    assert ("adopt", "request.statute.dues.0.fund") in looked
    assert ("name_delegate", "request.delegate") in looked
    assert ("due", "request.by") in looked


@given(st.data(), st.lists(pieces, max_size=4).map("".join))
def test_what_is_plain_at_a_glance_has_ids_that_are_some(data: st.DataObject, text: str) -> None:
    """Whatever text stands somewhere in a record: its bytes alone pass none that is no id."""
    record = json.loads(data.draw(st.sampled_from(BODIES)))
    holder, key, _ = data.draw(st.sampled_from([*places(record)]))
    holder[key] = text
    if "\ud800" not in text and not id_rules.has_odd_ids(canonical(record)):
        assert [] == [*id_rules.id_differences(record)]


@pytest.mark.parametrize(
    "text", ["x" * 129, "e\u0301", "m\u200b1", "due:dues:2026:m1", "peer:1", "cheque:1", "m1\u00a0"]
)
@pytest.mark.parametrize("plainly", [True, False])
def test_the_audit_tells_an_operation_whose_id_is_none(text: str, *, plainly: bool) -> None:
    """Of the commonest form, too; and what else it says is looked at all the same."""
    forgery = small()
    made = forgery.transfer("m1", "m2", 60, id=text, **({} if plainly else {"tags": ["t"]}))
    report = forgery.audited()
    assert {"canonical"} == found(report)
    made["effects"]["postings"] = [["m1", 61], ["m2", -61]]
    assert {"canonical", "effects"} == found(forgery.audited())


def test_the_audit_tells_accounts_and_actors_that_are_none() -> None:
    """Opened under such an id, and named by such an actor."""
    forgery = small()
    first = forgery.records[2]
    sets = {"account": "m\u200b3", "sets": first["effects"]["sets"]}
    forgery.add("open_account", {"account": "m\u200b3", "kind": "member"}, sets)
    forgery.transfer("m1", "m2", 60)["actor"] = ""
    report = forgery.audited()
    assert {"canonical"} == found(report)
    assert ["record 6", "record 6", "record 7"] == [one.place for one in report.findings]
    assert "actor that has 1 to 128 characters" == report.findings[2].expected
