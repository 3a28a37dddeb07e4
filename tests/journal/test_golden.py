"""Journals that were written once: still written so, read, audited and verified as they are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

import servers
from golden import make
from support import url_of
from timebank import TimeBank
from timebank.audit.record_fields import _EFFECTS, _RECORD, _REQUESTS, _SET, _SETS, _SOMETIMES
from timebank.interchange.jsonl import export_jsonl
from timebank.interchange.jsonl.importing import import_jsonl
from timebank.journal.fold import Derived, Fold
from timebank.journal.kinds import KINDS, RecordedFlag
from timebank.statute.rules import RULES
from timebank.storage import open_store
from verifiers import VERIFIERS, Point, expected_of_many, expected_of_pairs, run

NAMES = sorted(make.JOURNALS)
SCHEMA = Path(make.FOLDER).parents[1] / "src" / "timebank" / "data" / "statute.schema.json"


def imported(name: str, url: str) -> TimeBank:
    """The bank of a golden journal, in a store of its own."""
    store, data = open_store(url, create=True), make.path_of(name).read_bytes()
    bank: str = json.loads(data.splitlines()[0])["bank"]
    import_jsonl(store, BytesIO(data), bank=bank)
    return TimeBank(store, bank=bank, create=False)


def records() -> Iterator[dict[str, Any]]:
    """All records of all golden journals."""
    for name in NAMES:
        for line in make.path_of(name).read_bytes().splitlines()[1:]:
            yield json.loads(line)["record"]


def statutes() -> Iterator[dict[str, Any]]:
    """All statutes that they adopt."""
    for record in records():
        if record["kind"] == "adopt":
            yield record["request"]["statute"]


@pytest.mark.parametrize("name", NAMES)
def test_the_fold_says_which_records_only_move_hours(name: str) -> None:
    """They come to postings and nothing else; where the accounts stand is what the postings say."""
    fold, nothing = Fold(), Derived()
    for line in make.path_of(name).read_bytes().splitlines()[1:]:
        record = json.loads(line)["record"]
        derived = fold.apply(record["sequence"], record["kind"], record["effects"])
        rest = derived._replace(postings=(), stands={}, only_moves=False)
        assert derived.only_moves == (record["kind"] in _MOVES and rest == nothing)
        last = {row.account: (row.version, row.balance) for row in derived.postings}
        assert last == derived.stands
        assert last == {account: fold.balances[account] for account in last}


#: Kinds that do nothing but move hours.
_MOVES = {"transfer", "reverse", "due"}


@pytest.mark.parametrize("name", NAMES)
def test_the_same_calls_give_the_same_bytes(name: str) -> None:
    """Fixed sources of time, ids and salts give the golden journal, byte for byte."""
    if name.startswith("server-"):  # its messages are signed
        pytest.importorskip("cryptography")
    assert make.path_of(name).read_bytes() == make.made(name)


def test_each_golden_journal_is_made() -> None:
    """None is there that nothing is compared with, and together they are small."""
    files = sorted(make.FOLDER.glob("*.jsonl"))
    assert [make.path_of(name) for name in NAMES] == files
    assert sum(1 for _ in records()) < 600


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("store", ["memory", "sqlite", *servers.ON_SERVERS])
def test_every_store_reads_it(store: str, name: str, tmp_path: Path) -> None:
    """Imported, it is well, and is exported as it was."""
    on_server = store in servers.SERVERS
    url = servers.new_database(store) if on_server else url_of(store, tmp_path)
    with imported(name, url) as bank:
        assert () == bank.audit().findings
        assert make.path_of(name).read_bytes() == b"".join(export_jsonl(bank))
    if on_server:
        servers.drop_database(url)


@pytest.mark.parametrize("verifier", VERIFIERS)
def test_both_verifiers_find_the_same_balances(verifier: str) -> None:
    """At the end, on days of service and at sequences, as the library does; also of two banks."""
    if verifier == "python":  # without it the program says that it has not checked signatures
        pytest.importorskip("cryptography")
    points: list[Point] = [date(2026, 3, 2), date(2026, 4, 12), 9, date(2027, 7, 31), 25]
    banks = {make.path_of(name): imported(name, "memory:") for name in NAMES}
    for some in (points, points[:0]):
        told = run(VERIFIERS[verifier](), list(banks), points=some)
        assert (0, expected_of_many(banks, some) + expected_of_pairs(banks), "") == told


# -- what is in them -------------------------------------------------------------------------


def test_every_kind_of_record_is_there() -> None:
    """And no other."""
    assert KINDS.keys() == {record["kind"] for record in records()}


#: Fields that no call writes yet: the words of a board that refuses an offer.
UNWRITTEN = {"refuse": {"reason"}}


def test_every_field_is_there() -> None:
    """Of records, of requests and effects of each kind, and of accounts: those left out too."""
    found = {name for record in records() for name in record}
    assert _RECORD.keys() == found
    for kind in KINDS:
        of_kind = [record for record in records() if record["kind"] == kind]
        known = (_REQUESTS[kind][0], _EFFECTS[kind] | _SOMETIMES.get(kind, {}))
        for part, fields in zip(("request", "effects"), known, strict=True):
            written = fields.keys() - UNWRITTEN.get(kind, set())
            assert written == {name for one in of_kind for name in one[part]}, kind
            for name in written - _always(kind, part):
                assert any(name not in one[part] for one in of_kind), (kind, name)
    for kind, fields in _SET.items():
        for part in ("sets", "was"):
            of_kind = [one["effects"][part] for one in records() if one["kind"] == kind]
            assert fields.keys() == {name for one in of_kind for name in one}, kind
            for name in fields:
                assert any(name not in one for one in of_kind), (kind, part, name)
    others = [one["effects"] for one in records() if one["kind"] not in _SET]
    assert _SETS.keys() == {name for one in others for name in one.get("sets", ())}


def _always(kind: str, part: str) -> set[str]:
    if part == "request":
        return set(_REQUESTS[kind][1])
    return {*_EFFECTS[kind], *(["terms"] if kind == "refuse" else [])}


def test_every_rule_and_every_word_of_a_statute_is_there() -> None:
    """Each field of each rule, and each word that a field may have, but what is left out."""
    found = {name for statute in statutes() for name in statute}
    assert {"version", "time_zone", "limits", "dues", *RULES} == found
    rules: dict[str, list[dict[str, Any]]] = {name: [] for name in ("band", "dues", *RULES)}
    for statute in statutes():
        rules["band"] += [band for bands in statute.get("limits", {}).values() for band in bands]
        rules["dues"] += statute.get("dues", [])
        for name in RULES:
            rules[name] += [statute[name]] if name in statute else []
    for name, fields in _fields_of_rules().items():
        assert fields.keys() == {field for rule in rules[name] for field in rule}, name
        for field, described in fields.items():
            words = [one for one in described.get("enum", ()) if one != described.get("default")]
            for word in words:
                assert any(rule.get(field) == word for rule in rules[name]), (name, field, word)


def _fields_of_rules() -> dict[str, dict[str, Any]]:
    """The fields of each rule, as the schema of statutes in files describes them."""
    schema = json.loads(SCHEMA.read_text("utf-8"))
    rules = {}
    for name in RULES:
        described = schema["properties"][name]
        either = [described, *described.get("anyOf", ())]
        rules[name] = next(one["properties"] for one in either if "properties" in one)
    dues = schema["properties"]["dues"]["items"]["properties"]
    return rules | {"band": schema["$defs"]["band"]["properties"], "dues": dues}


def test_every_flag_is_there() -> None:
    """Each rule that may be passed, and each field of a flag."""
    flags = [flag for record in records() for flag in record["effects"].get("flags", ())]
    rules = {"floor", "ceiling", "largest exchange", "days to record"}
    rules |= {"abandoned", "forgotten", "late answer", "written off"}
    assert rules == {flag["rule"] for flag in flags}
    assert RecordedFlag.__annotations__.keys() == {name for flag in flags for name in flag}


def test_every_value_is_amended() -> None:
    """What describes an exchange is given anew and taken away, whether there was one or none."""
    for kind, fields in _SET.items():
        found = {
            (name, effects["was"][name] is None, effects["sets"][name] is None)
            for effects in (one["effects"] for one in records() if one["kind"] == kind)
            for name in effects["sets"]
        }
        given = {(name, True, False) for name in fields if name != "kind"}
        taken = {(name, False, True) for name in fields if name != "kind"}
        assert given | taken <= found, kind


def test_what_is_merged_is_there() -> None:
    """With hours to its credit, with a debt, with none; also what others were merged into."""
    merges = [one["effects"] for one in records() if one["kind"] == "merge"]
    credits = {dict(one["postings"]).get(one["into"], 0) > 0 for one in merges if one["postings"]}
    assert {True, False} == credits
    assert any(not one["postings"] for one in merges)
    assert {one["into"] for one in merges} & {one["account"] for one in merges}


def test_every_kind_of_due_is_there() -> None:
    """Welcome credit, demurrage, dues; of a month, a quarter, a half-year, a year, and of none."""
    ids = [record["request"]["id"] for record in records() if record["kind"] == "due"]
    for part in (
        ":welcome:1:",
        ":demurrage:2026-04:",
        "-Q2:",
        "-H1:",
        ":2027:",
        ":sha256=",
        "~2",
        "~3",
    ):
        assert any(part in id for id in ids), part
