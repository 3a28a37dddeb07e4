"""What an audit says, word for word: where it is, what was expected there, and what was found."""

from __future__ import annotations

from datetime import date
from hashlib import sha256
from itertools import count
from typing import Any
from unittest.mock import patch

import attrs
import pytest

import timebank
from audit.findings import GROUPS, kept, told
from audit.forgeries import DAY, FORGERIES, Forgery, small
from audit.lifetimes import lifetimes
from audit.test_audit import Altered
from support import sources
from timebank import AUDIT_CHECKS, Dues, Hours, InvalidRequest, StoreError, WrongType
from timebank.audit import (
    Checkpoint,
    Finding,
    Note,
    audit,
    compare_balances,
    quick_audit,
    unreadable,
)
from timebank.audit.dues import _due, _id, _is_period, _name
from timebank.audit.findings import Findings, quantity
from timebank.audit.record_fields import field_differences
from timebank.journal import canonical, parse
from timebank.model import MAX_INTEGER, PostingRow, TextRow
from timebank.rules.dues import amount, due_id
from timebank.storage import open_store
from timebank.storage.protocol import Batch


@pytest.mark.parametrize("group", GROUPS)
def test_each_finding_is_as_it_was_written_down(group: str) -> None:
    """`data/findings.txt` has every forged journal, and each line that is told of it."""
    written = kept()
    for name, audited in GROUPS[group]():
        assert written[f"{group}: {name}"] == told(audited()), name


def test_nothing_else_was_written_down() -> None:
    """What is in the file is audited."""
    assert list(kept()) == [f"{group}: {name}" for group in GROUPS for name, _ in GROUPS[group]()]


@pytest.mark.parametrize("url", ["memory:", "sqlite://"])
def test_a_quick_audit_tells_a_version_from_a_balance(url: str) -> None:
    """Both are wrong sums of an account's postings, and each is said as what it is."""
    with timebank.open(url, **sources()) as bank:
        bank.open_account("m1")
        bank.open_account("m2")
        bank.transfer(earner="m1", spender="m2", hours=1)
        rows = [PostingRow("m1", 3, 3, 3600, 3600, DAY), PostingRow("m2", 1, 3, -3600, 0, DAY)]
        with bank.store.reader("main") as reader:
            accounts = {row.account: row for row in reader.accounts(after=None, limit=9)}
        with bank.store.writer("main") as writer:
            writer.append(Batch(anew=True, accounts=accounts, postings=rows))
        assert [
            ("posting 3 of account 'm1'", "version 1", "version 3"),
            ("posting 1 of account 'm2'", "balance -1:00", "balance 0:00"),
        ] == [(one.place, one.expected, one.found) for one in bank.audit(quick=True).findings]


def test_balances_of_a_host_are_compared_one_by_one() -> None:
    """What differs, what only one of the two has, and what to do; zero is as good as nothing."""
    bank = timebank.open("memory:", **sources())
    for id in ("m1", "m2", "m3", "m4"):
        bank.open_account(id)
    bank.transfer(earner="m1", spender="m2", hours="1:30")
    kept = {"m1": "1:31", "gone": 0, "m4": "0:00"}
    mend = "Set the host's balance to the bank's: it follows from the journal."
    unknown = "Find out whose it is: the bank has no account of this id."
    assert (
        Finding("balances", "account gone", "no account", "0:00", unknown),
        Finding("balances", "account m1", "1:30", "1:31", mend),
        Finding("balances", "account m2", "-1:30", "no balance", mend),
    ) == compare_balances(bank, kept)
    assert () == compare_balances(bank, {"m1": "1:30", "m2": "-1:30"})
    odd: Any = {7: 1, "m1": "1:30", "m2": "-1:30"}
    assert ["account 7"] == [finding.place for finding in compare_balances(bank, odd)]
    refused: Any = [("m1", 1)]
    with pytest.raises(WrongType) as caught:
        compare_balances(bank, refused)
    told = "balances are a mapping of account ids to hours, not [('m1', 1)]"
    assert told == str(caught.value)


def test_what_cannot_be_opened_has_one_finding() -> None:
    """The storage, in the words of its error, and what to do; nothing was counted."""
    report = unreadable(StoreError("no such disk"))
    (finding,) = report.findings
    assert ("file", "storage", "a bank that can be read", "no such disk") == (
        (finding.check, finding.place, finding.expected, finding.found)
    )
    assert finding.advice.startswith("Change nothing in this file, and keep a copy of it.")
    assert ["The file cannot be read, or is damaged."] == [cause.what for cause in report.causes]
    assert (None, 0, 0, None) == (report.head, report.records, report.accounts, report.since)


def test_a_quick_audit_counts_and_names_its_checks() -> None:
    """As many records as the head says, each account, and the checks that it made in part."""
    bank = timebank.open("memory:", **sources())
    for number in range(3):
        bank.open_account(f"m{number}")
    with bank.store.reader("main") as reader:
        for expect, more in (((), ()), ((bank.head(),), ("published",))):
            with patch("timebank.audit.quick.PAGE", 2):
                report = quick_audit(reader, expect=expect)
            assert (bank.head(), 3, 3) == (report.head, report.records, report.accounts)
            names = ("file", "sequence", "chain", "zero-sum", "derived", "tree", "head", *more)
            assert (names, True, True) == (report.checks, report.ok, report.is_quick)
        broken: Any = Altered(reader, head=lambda: parse(b"no JSON"))
        report = quick_audit(broken)
        assert (None, 0, 0) == (report.head, report.records, report.accounts)
    assert not bank.audit().is_quick


def cut(forgery: Forgery, number: int) -> Forgery:
    """The beginning of a journal, with the texts of it."""
    texts = [row for row in forgery.texts if row.sequence <= number]
    return Forgery(forgery.records[:number], texts)


def test_from_any_month_of_a_life_the_same_is_known() -> None:
    """A later audit knows what a full one does, and writes the same checkpoint."""
    whole = lifetimes()
    full = whole.audited()
    assert full.checkpoint is not None
    store = open_store("memory:", create=True)
    store.make_bank("main", journal="id-1")
    with store.writer("main") as writer:
        writer.append(whole.batch())
    with store.reader("main") as reader:
        for number in range(2, len(whole.records), 4):
            checkpoint = cut(whole, number).audited().checkpoint
            assert checkpoint is not None
            since = audit(reader, since=Checkpoint.from_bytes(checkpoint.to_bytes()))
            assert ((), number) == (since.findings, since.since)
            assert since.checkpoint is not None
            assert full.checkpoint.to_bytes() == since.checkpoint.to_bytes()


def signed(content: str) -> bytes:
    """A checkpoint's content with the digest that it should have."""
    found = parse(content.encode())
    return canonical(found | {"digest": sha256(canonical(found)).hexdigest()})


CONTENT = '{"format":"timebank-checkpoint/5","head":"timebank/1 j 0 %s","state":{}}' % ("0" * 64)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "this is no checkpoint of an audit: it cannot be read"),
        (b"[]", "this is no checkpoint of an audit: it cannot be read"),
        (b"{}", "this is no checkpoint of an audit: it cannot be read"),
        (
            b'{"format":"timebank-checkpoint/2"}',
            (
                "this checkpoint is of another version, 'timebank-checkpoint/2': "
                "audit from the beginning"
            ),
        ),
        (CONTENT.encode(), "this checkpoint is not as it was written: audit from the beginning"),
        (
            signed('{"format":"timebank-checkpoint/5","head":"x","state":{}}'),
            "this is no checkpoint of an audit: it cannot be read",
        ),
        (
            signed('{"format":"timebank-checkpoint/5","state":{}}'),
            "this is no checkpoint of an audit: it cannot be read",
        ),
    ],
    ids=count(),
)
def test_what_is_no_checkpoint_is_said(content: bytes, expected: str) -> None:
    """What is wrong with it, and what to do."""
    with pytest.raises(InvalidRequest) as caught:
        Checkpoint.from_bytes(content)
    assert expected == str(caught.value)


def test_a_checkpoint_is_read_with_and_without_the_end_of_its_line() -> None:
    """An editor may have taken it away; and one whose state is not known cannot be used."""
    content = signed(CONTENT)
    found = Checkpoint.from_bytes(content)
    assert {} == found.state() == Checkpoint.from_bytes(content + b"\n").state()
    assert ("j", 0) == (found.head.journal, found.head.sequence)
    with pytest.raises(InvalidRequest) as caught:
        timebank.open("memory:").audit(since=found)
    assert "this checkpoint cannot be used: audit from the beginning" == str(caught.value)


MONTH = ["2026-12-01", "2026-12-31"]


@pytest.mark.parametrize(
    ("period", "every", "is_one"),
    [
        (MONTH, "month", True),
        (["2026-01-01", "2026-12-31"], "year", True),
        (["2026-10-01", "2026-12-31"], "quarter", True),
        (["2026-04-01", "2026-06-30"], "quarter", True),
        (["2026-07-01", "2026-12-31"], "half-year", True),
        (["2026-02-01", "2026-04-30"], "quarter", False),
        (["2026-03-01", "2026-05-31"], "quarter", False),
        (["2026-04-01", "2026-09-30"], "half-year", False),
        (["2026-02-01", "2027-01-31"], "year", False),
        (["2026-12-02", "2026-12-31"], "month", False),
        (["2026-12-01", "2026-12-30"], "month", False),
        (["2026-12-01", "2027-01-31"], "month", False),
        (["2025-01-01", "2026-12-31"], "year", False),
    ],
)
def test_a_period_is_one_of_the_calendar(period: list[str], every: str, is_one: bool) -> None:
    """From the first day of its first month to the last of its last, the day of it within."""
    assert is_one == _is_period(period, every, period[0])
    assert is_one == _is_period(period, every, period[1])
    assert not _is_period(period, every, "2024-12-31")
    assert not _is_period(period, every, "2027-02-01")


@pytest.mark.parametrize(
    ("first", "every", "name"),
    [
        ("2026-01-01", "year", "2026"),
        ("2026-01-01", "half-year", "2026-H1"),
        ("2026-07-01", "half-year", "2026-H2"),
        ("2026-01-01", "quarter", "2026-Q1"),
        ("2026-10-01", "quarter", "2026-Q4"),
        ("2026-11-01", "month", "2026-11"),
    ],
)
def test_a_period_has_a_name(first: str, every: str, name: str) -> None:
    """That of the ids of what is due, as the bank itself makes it."""
    assert name == _name(first, every)


@pytest.mark.parametrize("account", ["m1", "a" * 111, "a" * 112, "sha256=x", "sha256=" + "0" * 64])
def test_the_id_of_what_is_due_is_worked_out_alike(account: str) -> None:
    """By the audit as by the bank: short ids are in it, long and odd ones by their digest."""
    assert due_id("dues", "2026-01", account) == _id("dues", "2026-01", account)


YEAR = (date(2026, 1, 1), date(2026, 12, 31))
QUARTER = (date(2026, 4, 1), date(2026, 6, 30))


@pytest.mark.parametrize("first_period", ["whole", "months", "days", "free"])
@pytest.mark.parametrize("to", ["fund", "payer"])
@pytest.mark.parametrize(
    ("period", "since"),
    [
        (YEAR, date(2026, 1, 1)),
        (YEAR, date(2026, 1, 2)),
        (YEAR, date(2026, 8, 15)),
        (YEAR, date(2026, 12, 31)),
        (QUARTER, date(2026, 5, 1)),
        (QUARTER, date(2026, 6, 30)),
        (None, date(2026, 6, 30)),
    ],
)
def test_what_is_due_is_worked_out_alike(
    first_period: Any, to: Any, period: tuple[date, date] | None, since: date
) -> None:
    """By the audit as by the bank, by other arithmetic: each checks the other."""
    every: Any = {YEAR: "year", QUARTER: "quarter", None: "once"}[period]
    rule = Dues(
        hours="3:20:07",
        fund="pot",
        every=every,
        first_period=first_period,
        remainder_to=to,
        unit="11s",
    )
    request: dict[str, Any] = {"since": since.isoformat()}
    if period is not None:
        request["period"] = [day.isoformat() for day in period]
    assert amount(rule, period, since, basis=0) == _due(rule, request, 0)


def test_a_record_without_its_parts_is_named() -> None:
    """What is missing of a record, and parts that are no objects."""
    record = small().records[3]
    for part, value in (("request", []), ("effects", None)):
        assert [(f"record.{part} of its type", f"record.{part!r} is {value!r}")] == list(
            field_differences(record | {part: value})
        )
    names = "effects, format, journal, kind, recorded_at, recorded_on, request, sequence"
    found = ", ".join(map(repr, record.keys() - {"kind"}))
    kept = {name: value for name, value in record.items() if name != "kind"}
    ((expected, told),) = field_differences(kept)
    assert (f"the fields {names}", set(found.split(", "))) == (expected, set(told.split(", ")))


def test_a_hundred_findings_of_a_check_are_kept_and_the_others_counted() -> None:
    """Of each check by itself, in the order of the checks, and so are notes."""
    findings = Findings(AUDIT_CHECKS)
    for number in range(102):
        findings.add("texts", f"text {number}", expected="a", found="b")
        findings.note(f"record {number}", "flagged")
        assert number + 1 == findings.count("texts")
    findings.add("a store's own", "its place", expected="a", found="b")
    findings.add("file", "storage", expected="a", found="b")
    assert (0, 1) == (findings.count("chain"), findings.count("file"))
    found = findings.all()
    assert ["file", *["texts"] * 101, "a store's own"] == [finding.check for finding in found]
    rest = found[101]
    assert ("elsewhere", "no finding", "2 more") == (rest.place, rest.expected, rest.found)
    assert rest.advice == found[1].advice != found[0].advice == found[-1].advice
    notes = findings.notes()
    assert (101, Note("record 99", "flagged"), Note("elsewhere", "2 more")) == (
        (len(notes), *notes[99:])
    )


def test_what_a_checkpoint_knows_is_all_in_it() -> None:
    """Of each account its row, balance, sums and life; and what is left of what was reversed.

    What is empty in a life is left out.
    """
    report = small().audited()
    assert report.checkpoint is not None
    state = report.checkpoint.state()
    life = {"kind": "member", "joined": DAY, "opened": DAY, "changes": [(DAY, "open")]}
    about: dict[str, Any] = {"history": life}
    assert {
        "effects": {
            "accounts": {
                "m1": about
                | {"row": ["m1", "member", "open", None, "inherit", "inherit", 1, 1, None]}
                | {"balance": [2, 2400]},
                "m2": about
                | {"row": ["m2", "member", "open", None, -36000, 108000, 2, None, None]}
                | {"balance": [2, -2400]},
                "m3": about
                | {"row": ["m3", "member", "open", None, "inherit", "inherit", 3, None, None]}
                | {"balance": [0, 0]},
            },
            "closed_through": None,
        },
        "derived": {"totals": {"m1": [3600, 1200], "m2": [1200, 3600]}, "statutes": []},
        "tree": {
            "size": 5,
            "peaks": [
                "ae38f65a027a14a8dd2e9fe4192c4a9dc6c3c11815085ba3dab089fd3351f4b1",
                "17bb5bf2c24457e9e2e84f4ee622710c660d56eb04f6cf109a3386fd69f9965c",
            ],
        },
        "statutes": {"statutes": [], "adopted": [["", "default/1"]]},
        "reversals": {
            "remaining": [[4, "first", DAY, [["m1", True, 2400], ["m2", False, 2400]], []]]
        },
        "agreements": {"known": {}},
        "clocks": {"last": 1772442300000000, "on": DAY},
    } == state


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (5400, "1:30"),
        (-1, "-0:00:01"),
        (MAX_INTEGER, str(Hours.from_seconds(MAX_INTEGER))),
        (MAX_INTEGER + 1, "9007199254740993"),
        (-MAX_INTEGER - 1, "-9007199254740993"),
        (True, "True"),
        (None, "None"),
        ("60", "'60'"),
    ],
    ids=count(),
)
def test_a_quantity_is_told_as_hours_where_it_is_one(seconds: object, expected: str) -> None:
    """And as it is where it is none."""
    assert expected == quantity(seconds)


def test_what_is_left_of_many_originals_is_read_again() -> None:
    """Only of the last few is it remembered; what each has left is the same."""
    bank = timebank.open("memory:", **sources())
    for id in ("m1", "m2"):
        bank.open_account(id, kind="fund")
    with bank.batch() as batch:
        for number in range(70):
            batch.transfer(earner="m1", spender="m2", hours=1, id=f"t{number}")
        for _ in range(3):
            for number in range(70):
                batch.reverse(f"t{number}", reason="r", hours="0:20")
    assert () == bank.audit().findings
    checkpoint = bank.audit().checkpoint
    assert checkpoint is not None
    left = checkpoint.state()["reversals"]["remaining"]
    assert [f"t{number}" for number in range(6, 70)] == [id for _, id, *_ in left]
    assert {0} == {seconds for *_, lines, _ in left for *_, seconds in lines}


def test_each_audit_names_the_checks_that_it_made() -> None:
    """From a checkpoint on the storage is not asked; heads are looked up where some are given."""
    bank = timebank.open("memory:", **sources())
    bank.open_account("m1")
    names = tuple(check.name for check in AUDIT_CHECKS)
    storage = ("file", "schema", "orphans", "references")
    full = bank.audit()
    assert names[:-1] == full.checks
    assert names == bank.audit(expect=[bank.head()]).checks
    assert names[4:] == bank.audit(since=full.checkpoint).checks
    assert (storage, "published") == (names[:4], names[-1])


def test_what_was_forged_behind_a_checkpoint_is_told_in_the_same_words() -> None:
    """Each forgery that leaves what came before as it was: by both audits alike."""
    sound = small()
    checkpoint = sound.audited().checkpoint
    assert checkpoint is not None
    count = 0
    for forge, _ in FORGERIES:
        forged = small()
        forge(forged)
        kept = forged.records[: len(sound.records)], cut(forged, len(sound.records)).texts
        if kept != (sound.records, sound.texts):
            continue
        store = open_store("memory:", create=True)
        store.make_bank("main", journal="id-1")
        with store.writer("main") as writer:
            writer.append(forged.batch())
        with store.reader("main") as reader:
            assert audit(reader).findings == audit(reader, since=checkpoint).findings, forge
        count += 1
    assert 40 < count


def test_who_pays_a_fee_from_what_is_earned_stands_nearer_to_a_ceiling_by_the_rest() -> None:
    """What is earned and what is paid of it are one movement, as the flag has it."""
    bank = timebank.open("memory:", **sources())
    for id, kind in (("m1", "member"), ("m2", "member"), ("pot", "fund")):
        bank.open_account(id, kind=kind)
    bank.adopt(
        timebank.Statute(
            version="v",
            limits={"member": timebank.Band(ceiling=1, beyond="flag")},
            fee=timebank.Fee(share="1/4", fund="pot", payer="earner"),
        )
    )
    bank.transfer(earner="m1", spender="m2", hours=2, id="t1")
    report = bank.audit()
    assert ((), 1) == (report.findings, len(report.notes))
    assert "moves 1:30" in report.notes[0].text


def test_the_progress_of_what_came_since_counts_only_that() -> None:
    """So many of so many new records."""
    bank = timebank.open("memory:", **sources())
    for number in range(5):
        bank.open_account(f"m{number}")
    checkpoint = bank.audit().checkpoint
    for number in range(5, 8):
        bank.open_account(f"m{number}")
    told: list[tuple[int, int]] = []
    bank.audit(lambda *how: told.append(how), since=checkpoint)
    assert {(3, 3)} == set(told)


def test_a_text_that_cannot_be_read_spoils_no_other() -> None:
    """Those of the other records are compared all the same."""
    forgery = small()
    kept = {row.sequence: row for row in forgery.texts}
    kept[1] = kept[1]._replace(text="Another")
    store = open_store("memory:", create=True)
    store.make_bank("main", journal="id-1")
    with store.writer("main") as writer:
        writer.append(attrs.evolve(forgery.batch(), texts=list(kept.values())))
    with store.reader("main") as reader:

        def texts(*, after: int, through: int) -> list[TextRow]:
            if after < 4 <= through:
                msg = "unreadable"
                raise StoreError(msg)
            return reader.texts(after=after, through=through)

        lying: Any = Altered(reader, texts=texts)
        places = [(one.check, one.place) for one in audit(lying).findings]
    assert [("texts", "texts of record 4"), ("texts", "text 'name' of record 1")] == places
