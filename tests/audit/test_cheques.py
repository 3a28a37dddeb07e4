"""The audit of cheques: its own arithmetic, from a checkpoint on, in stretches, and in words."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.cheque_rules import booklets, entered, issued, voided
from audit.forgeries import audit_of
from audit.format_rule import Change
from audit.test_audit_stretches import Here, assumed, same
from golden.cheques import booklets as a_year
from golden.make import Sources
from timebank import Corrupt, TimeBank
from timebank.audit import audit
from timebank.audit.cheques import ChequeId, booklet_of, cheque_of
from timebank.contrib import cheques
from timebank.model.cheques import Number, booklet_id
from timebank.reports.findings import audit_text
from timebank.reports.words import speaking
from timebank.storage import open_store

IDS = st.from_regex(r"cheque:[0-9]{1,10}(-[0-9]{1,3}){0,3}", fullmatch=True)


@given(st.integers(1, 999_999_999), st.integers(1, 99))
def test_each_number_that_is_given_out_is_one_to_the_audit(booklet: int, cheque: int) -> None:
    """Two pieces of code work out the check digits, each in a way of its own."""
    number = Number(booklet, cheque)
    assert ChequeId(booklet, cheque) == cheque_of(number.id)
    assert booklet == booklet_of(booklet_id(booklet))
    assert cheque_of(booklet_id(booklet)) is None is booklet_of(number.id)


@given(IDS | st.text(max_size=20).map("cheque:{}".format))
def test_what_is_no_number_is_none_to_the_audit(id: str) -> None:
    """Both accept the same ids, and no other."""
    found, number = cheque_of(id), Number.of_id(id)
    assert (found is None) == (number is None)
    assert number is None or (number.booklet, number.cheque) == found


@given(st.integers(1, 999_999_999), st.integers(1, 99), st.integers(0, 99))
def test_there_is_one_check_for_each_number(booklet: int, cheque: int, check: int) -> None:
    """Not two that leave the same remainder, as 00 and 97 do."""
    found = cheque_of(f"cheque:{booklet}-{cheque:02}-{check:02}")
    assert (found is not None) == (f"{check:02}" == Number(booklet, cheque).check)


def test_wherever_an_audit_of_cheques_is_cut_the_report_is_the_same() -> None:
    """In stretches, and from a checkpoint at each record."""
    sources = Sources()
    bank = a_year(sources.open(), sources.go)
    whole = bank.audit()
    assert whole.ok
    for cut in range(1, bank.head().sequence):
        with bank.store.reader("main") as reader:
            here = Here([cut])
            same(audit(reader), audit(reader, workers=here))
            assert here.taken
            since = audit(reader, since=assumed(reader, cut))
            assert () == since.findings
            assert since.checkpoint == audit(reader).checkpoint


@pytest.mark.parametrize("change", [issued("x"), voided("17-03-34")])
def test_what_is_no_number_is_damage_to_who_reads(change: Change) -> None:
    """And to nobody a number that was mistyped."""
    forgery = copy.deepcopy(booklets())
    change(forgery)
    store = open_store("memory:", create=True)
    store.make_bank("main", journal=forgery.records[0]["journal"])
    with store.writer("main") as writer:
        writer.append(forgery.batch())
    with pytest.raises(Corrupt):
        cheques.booklets(TimeBank(store))


def test_a_finding_on_cheques_is_told_in_words() -> None:
    """What was expected and what was found, in either language."""
    forgery = copy.deepcopy(booklets())
    for change in (entered(str(Number(19, 1))), voided(str(Number(17, 9)))):
        change(forgery)
    report = audit_of(forgery.batch())
    assert [
        ("cheques", "booklet 19, issued by an earlier record", "missing"),
        ("cheques", "a cheque from 1 to 8", "9"),
    ] == [(one.check, one.expected, one.found) for one in report.findings]
    with speaking("it"):
        text = "\n".join(audit_text(report, everything=True))
    assert "il libretto 19, emesso da una registrazione precedente" in text
    assert "un assegno da 1 a 8" in text
