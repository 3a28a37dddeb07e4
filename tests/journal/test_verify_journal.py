"""The verifiers among the examples, which share no code with the library, as programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from datetime import date, time
from pathlib import Path

import pytest
from click.testing import CliRunner

import timebank
from random_banks import random_bank
from support import Clock, fill, fill_with_members, fill_with_rules, sources
from timebank import TimeBank
from timebank.cli import main
from timebank.interchange.jsonl import export_jsonl
from verifiers import (
    NODE_SOURCE,
    PYTHON_SOURCE,
    VERIFIERS,
    Told,
    expected,
    expected_of_many,
    run,
)

Tampering = Callable[[list[bytes]], list[bytes]]
#: Four days of service, on which random banks are compared, and two sequences.
POINTS = (date(2026, 1, 31), date(2026, 4, 15), date(2026, 12, 31), date(2027, 6, 30), 9, 30)


@pytest.fixture(scope="module")
def bank() -> TimeBank:
    """A small bank with every kind of record but one."""
    clock = Clock()
    opened = timebank.open("memory:", **sources(clock))
    fill(opened)
    fill_with_rules(opened)
    fill_with_members(opened, clock)
    fill_with_corrections(opened)
    opened.erase("m1", reason="asked for")
    return opened


def fill_with_corrections(bank: TimeBank) -> None:
    """What was entered wrongly is put right; two accounts become one; a month is closed."""
    bank.amend("flagged", category="garden", note="the hedge", reason="left out")
    bank.amend("settlement", started_at=time(9), tags=None, reason="told later")
    bank.amend_account("m2", joined_on=date(2026, 3, 1), reason="by the card")
    bank.open_account("m2 again", welcome=False)
    bank.transfer(earner="m2 again", spender="f2", hours=1, id="twice entered")
    bank.merge("m2 again", into="m2", reason="registered twice")
    bank.reverse("twice entered", reason="less", hours="0:15", id="less")
    bank.close_books(through=date(2026, 3, 31), reason="approved")
    bank.reverse("flagged", reason="less", hours="0:15", id="of today")


@pytest.fixture(params=VERIFIERS)
def verifier(request: pytest.FixtureRequest) -> list[str]:
    """The command of each verifier."""
    command: list[str] = VERIFIERS[request.param]()
    return command


def export(bank: TimeBank) -> list[bytes]:
    """The journal as JSON Lines, as `timebank journal` writes it."""
    return [
        b'{"sequence":%d,"digest":"%s","record":%s}\n'
        % (record.sequence, record.digest.hex().encode(), record.bytes)
        for record in bank.records()
    ]


def whole(bank: TimeBank) -> list[bytes]:
    """The export with its first line and its texts."""
    return list(export_jsonl(bank))


def verify(verifier: list[str], lines: list[bytes]) -> Told:
    """What a verifier says of an export on its standard input."""
    return run(verifier, lines=b"".join(lines))


# -- what they are ---------------------------------------------------------------------------


def test_they_import_nothing_of_ours() -> None:
    """A stranger can run them: the standard library, and what Node itself has.

    Signatures are checked where the package `cryptography` is there, and not where it is not.
    """
    words = [line.split() for line in PYTHON_SOURCE.read_text("utf-8").splitlines()]
    modules = {line[1] for line in words if line[:1] in (["import"], ["from"])}
    assert {name.split(".")[0] for name in modules} - sys.stdlib_module_names == {"cryptography"}
    imports = [
        line.rpartition(" from ")[2]
        for line in NODE_SOURCE.read_text("utf-8").splitlines()
        if line.startswith("import ")
    ]
    assert ['"node:crypto";', '"node:fs";'] == imports


# -- what is sound ---------------------------------------------------------------------------


def test_it_finds_the_same_head_and_balances(bank: TimeBank, verifier: list[str]) -> None:
    """From the export alone, in either form and with texts or without, it comes to the same."""
    for lines in (export(bank), list(export_jsonl(bank, texts=False))):
        assert (0, expected(bank), "") == verify(verifier, lines)


def test_it_reads_files(bank: TimeBank, verifier: list[str], tmp_path: Path) -> None:
    """A path does as well as standard input; of several it tells which is which."""
    path, other = tmp_path / "export.jsonl", tmp_path / "other.jsonl"
    path.write_bytes(b"".join(export(bank)))
    other.write_bytes(b"".join(whole(bank)))
    assert (0, expected(bank), "") == run(verifier, [path])
    points = (date(2026, 3, 2), 7, date(2026, 3, 31))
    assert (0, expected(bank, points), "") == run(verifier, [path], points=points)
    told = run(verifier, [path, other], points=points)
    assert (0, expected_of_many({path: bank, other: bank}, points), "") == told


def test_it_verifies_what_the_command_line_exports(verifier: list[str], tmp_path: Path) -> None:
    """`timebank journal` prints what it takes, and it comes to the head that we print."""
    db = str(tmp_path / "bank.db")
    with timebank.open(f"sqlite:///{db}", **sources()) as bank:
        fill(bank)
        head = bank.head().with_root()
    exported = CliRunner().invoke(main, ["--db", db, "journal"]).output
    code, printed, errors = verify(verifier, exported.encode().splitlines(keepends=True))
    assert (0, "") == (code, errors)
    assert head == printed.splitlines()[0]


def test_an_empty_bank_has_a_head(verifier: list[str]) -> None:
    """Its whole export says so; a file without a line says nothing."""
    empty = timebank.open("memory:", **sources())
    assert (0, expected(empty), "") == verify(verifier, whole(empty))
    assert 1 == verify(verifier, [])[0]


def test_the_worked_example_of_the_page_is_well(verifier: list[str]) -> None:
    """Its three lines keep the rules of their page, and its head is theirs."""
    page = (Path(__file__).parents[2] / "docs" / "journal-format.md").read_text("utf-8")
    example = page.partition('export = rb"""\n')[2].partition('"""')[0]
    code, printed, errors = verify(verifier, example.encode().splitlines(keepends=True))
    assert (0, "") == (code, errors)
    head, _, root = printed.splitlines()[0].rpartition(" ")
    assert f'head == "{head}"' in page
    assert f'root.hex() == "{root}"' in page


def compare_random_banks(command: list[str], seeds: range, folder: Path) -> None:
    """Banks of a seeded walk, all of which one process verifies."""
    banks = {folder / f"{seed}.jsonl": random_bank(seed) for seed in seeds}
    for number, (path, bank) in enumerate(banks.items()):
        assert () == bank.audit().findings, path
        path.write_bytes(b"".join(export(bank) if number % 2 else whole(bank)))
    assert (0, expected_of_many(banks, POINTS), "") == run(command, list(banks), points=POINTS)


def test_it_agrees_with_random_banks(verifier: list[str], tmp_path: Path) -> None:
    """A few at each run: on days of service and at sequences the balances are the library's."""
    compare_random_banks(verifier, range(4), tmp_path)


@pytest.mark.parametrize(
    "seeds",
    [
        pytest.param(range(1_000, 1_100), marks=pytest.mark.slow, id="a hundred"),
        pytest.param(range(1_100, 1_300), marks=pytest.mark.nightly, id="two hundred more"),
    ],
)
def test_it_agrees_with_many_random_banks(
    verifier: list[str], seeds: range, tmp_path: Path
) -> None:
    """With dues, holds, reversals, fees, erasures, zones, restarts, closings and corrections."""
    compare_random_banks(verifier, seeds, tmp_path)


# -- what is not -----------------------------------------------------------------------------


def rehashed(lines: list[bytes]) -> list[bytes]:
    """The lines with digests that fit, as whoever forges a whole journal would make them."""
    from timebank.journal import canonical, digest, genesis

    result: list[bytes] = []
    before = b""
    for line in lines:
        record = json.loads(line)["record"]
        body = canonical(record)
        before = digest(before or genesis(record["journal"]), body)
        result.append(
            b'{"sequence":%d,"digest":"%s","record":%s}\n'
            % (record["sequence"], before.hex().encode(), body)
        )
    return result


def swapped(lines: list[bytes]) -> list[bytes]:
    return [*lines[:3], lines[4], lines[3], *lines[5:]]


def left_out(lines: list[bytes]) -> list[bytes]:
    return [*lines[:4], *lines[5:]]


def beheaded(lines: list[bytes]) -> list[bytes]:
    return lines[1:]


def doubled(lines: list[bytes]) -> list[bytes]:
    return [*lines[:5], *lines[4:]]


def one_hour_more(lines: list[bytes]) -> list[bytes]:
    return [line.replace(b"5400", b"9000") for line in lines]


def blank_put_in(lines: list[bytes]) -> list[bytes]:
    return [line.replace(b'"effects":', b'"effects": ') for line in lines]


def blank_between(lines: list[bytes]) -> list[bytes]:
    return [line.replace(b',"record":', b', "record":') for line in lines]


def blank_at_the_end(lines: list[bytes]) -> list[bytes]:
    return [line.replace(b"}\n", b"} \n") for line in lines]


def carriage_return(lines: list[bytes]) -> list[bytes]:
    return [line.replace(b"\n", b"\r\n") for line in lines]


def cut_off(lines: list[bytes]) -> list[bytes]:
    return [*lines[:-1], lines[-1][:-1]]


def empty_line(lines: list[bytes]) -> list[bytes]:
    return [*lines[:3], b"\n", *lines[3:]]


def byte_order_mark(lines: list[bytes]) -> list[bytes]:
    return [b"\xef\xbb\xbf" + lines[0], *lines[1:]]


def member_more(lines: list[bytes]) -> list[bytes]:
    return [line.replace(b',"record":', b',"more":1,"record":') for line in lines]


def members_turned(lines: list[bytes]) -> list[bytes]:
    return [b'{"digest":"%s","sequence":1%s' % (lines[0][24:88], lines[0][89:]), *lines[1:]]


def upper_case(lines: list[bytes]) -> list[bytes]:
    return [line[:30] + line[30:90].upper() + line[90:] for line in lines]


def escaped(lines: list[bytes]) -> list[bytes]:
    return [line.replace(b'"m1"', b'"\\u006d1"') for line in lines]


def lone_surrogate(lines: list[bytes]) -> list[bytes]:
    return [line.replace(b'"care"', b'"\\ud83c"') for line in lines]


def surrogates(lines: list[bytes]) -> list[bytes]:
    return [line.replace(b'"care"', b'"\\ud83c\\udf31"') for line in lines]


def not_utf_8(lines: list[bytes]) -> list[bytes]:
    return [line.replace(b'"care"', b'"\xed\xa0\xbc"') for line in lines]


def fraction(lines: list[bytes]) -> list[bytes]:
    return [line.replace(b"5400", b"5400.0") for line in lines]


def exponent(lines: list[bytes]) -> list[bytes]:
    return [line.replace(b"5400", b"54e2") for line in lines]


def minus_zero(lines: list[bytes]) -> list[bytes]:
    return [line.replace(b"5400", b"-0") for line in lines]


def too_large(lines: list[bytes]) -> list[bytes]:
    return [line.replace(b"5400", b"9007199254740993") for line in lines]


def much_too_large(lines: list[bytes]) -> list[bytes]:
    return [line.replace(b"5400", b"1" + b"0" * 400) for line in lines]


def no_number(lines: list[bytes]) -> list[bytes]:
    return [line.replace(b"5400", b"NaN") for line in lines]


def deep(lines: list[bytes]) -> list[bytes]:
    return [lines[0].replace(b'"m1"', b"[" * 9_999 + b"]" * 9_999), *lines[1:]]


def key_twice(lines: list[bytes]) -> list[bytes]:
    return [line.replace(b'"kind":', b'"kind":"x","kind":', 1) for line in lines]


def keys_turned(lines: list[bytes]) -> list[bytes]:
    return [
        line.replace(b'"kind":"member","named":true', b'"named":true,"kind":"member"')
        for line in lines
    ]


def key_of_a_prototype(lines: list[bytes]) -> list[bytes]:
    return [line.replace(b'"format"', b'"__proto__":1,"format"') for line in lines]


def no_json(lines: list[bytes]) -> list[bytes]:
    return [*lines[:2], b"\xff\xfe\n", *lines[3:]]


def no_object(lines: list[bytes]) -> list[bytes]:
    return [line.partition(b'"record":')[0] + b'"record":[]}\n' for line in lines]


def forged_sum(lines: list[bytes]) -> list[bytes]:
    return rehashed([line.replace(b'["m1",5400]', b'["m1",5401]') for line in lines])


def forged_id(lines: list[bytes]) -> list[bytes]:
    return rehashed([line.replace(b'"id":"shared"', b'"id":"visit-81"') for line in lines])


def forged_account(lines: list[bytes]) -> list[bytes]:
    return rehashed([line.replace(b'["m1",', b'["nobody",') for line in lines])


TAMPERINGS = [
    *(swapped, left_out, beheaded, doubled, one_hour_more, blank_put_in, blank_between),
    *(blank_at_the_end, carriage_return, cut_off, empty_line, byte_order_mark, member_more),
    *(members_turned, upper_case, escaped, lone_surrogate, surrogates, not_utf_8, fraction),
    *(exponent, minus_zero, too_large, much_too_large, no_number, deep, key_twice, keys_turned),
    *(key_of_a_prototype, no_json, no_object, forged_sum, forged_id, forged_account),
]


def refuse_all(
    verifier: list[str], sound: list[bytes], tamperings: Sequence[Tampering], folder: Path
) -> None:
    """Each exits 1, prints nothing, and says in one line where; one process looks at all."""
    paths = []
    for tamper in tamperings:
        lines = tamper(sound)
        assert lines != sound, tamper.__name__
        paths.append(folder / tamper.__name__)
        paths[-1].write_bytes(b"".join(lines))
    code, printed, errors = run(verifier, paths)
    assert (1, "") == (code, printed)
    assert [f"{path}: line" for path in paths] == [
        " ".join(line.split(" ")[:2]) for line in errors.splitlines()
    ]


def test_it_finds_tampering(bank: TimeBank, verifier: list[str], tmp_path: Path) -> None:
    """In what `timebank journal` writes."""
    refuse_all(verifier, export(bank), TAMPERINGS, tmp_path)


def test_the_rehashed_journal_is_sound_in_itself(bank: TimeBank) -> None:
    """What the forgeries above fail on is not the digest: only a published head shows those."""
    assert rehashed(export(bank)) == export(bank)


def line_of(lines: list[bytes], words: bytes) -> int:
    """The place of the first line with some words."""
    return next(place for place, line in enumerate(lines) if words in line)


def without_texts(lines: list[bytes]) -> list[bytes]:
    place = line_of(lines, b'"texts":{')
    head, _, rest = lines[place].partition(b',"texts":{')
    body = b',"record":' + rest.partition(b',"record":')[2]
    return [*lines[:place], head + body, *lines[place + 1 :]]


def another_text(lines: list[bytes]) -> list[bytes]:
    return [line.replace(b"Famiglia Bianchi", b"Famiglia Neri") for line in lines]


def another_salt(lines: list[bytes]) -> list[bytes]:
    return [line.replace(b'"salt":"0', b'"salt":"1') for line in lines]


def text_taken_away(lines: list[bytes]) -> list[bytes]:
    place = line_of(lines, b"Famiglia Bianchi")
    head, mark, body = lines[place].partition(b',"record":')
    head = head.partition(b',"texts":')[0] + b',"texts":{"name":null}'
    return [*lines[:place], head + mark + body, *lines[place + 1 :]]


def said_to_have_none(lines: list[bytes]) -> list[bytes]:
    return [lines[0].replace(b'"texts":true', b'"texts":false'), *lines[1:]]


def first_line_more(lines: list[bytes]) -> list[bytes]:
    return [lines[0].replace(b'"texts":true', b'"texts":true,"more":1'), *lines[1:]]


def first_line_twice(lines: list[bytes]) -> list[bytes]:
    return [lines[0], *lines]


def last_line_away(lines: list[bytes]) -> list[bytes]:
    return lines[:-1]


def only_first_line(lines: list[bytes]) -> list[bytes]:
    return lines[:1]


def test_it_finds_tampering_with_texts(bank: TimeBank, verifier: list[str], tmp_path: Path) -> None:
    """The first line is held against the records, texts against commitments and erasures."""
    tamperings = [
        *(without_texts, another_text, another_salt, text_taken_away, said_to_have_none),
        *(first_line_more, first_line_twice, last_line_away, only_first_line),
    ]
    refuse_all(verifier, whole(bank), tamperings, tmp_path)
