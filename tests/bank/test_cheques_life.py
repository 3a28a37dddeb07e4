"""What else a bank does with cheques: the data of a person, erasures, leaving, copies, exports."""

from __future__ import annotations

import json
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

import timebank
from support import Clock, sources
from timebank import (
    Donate,
    Granularity,
    InvalidRequest,
    LargestExchange,
    Roles,
    Statute,
    TimeBank,
)
from timebank.contrib import cheques
from timebank.contrib.cheques import ChequeEntered, Number
from timebank.interchange.jsonl import export_jsonl, import_jsonl
from timebank.reports.journal import record_text
from timebank.reports.members import events_text
from timebank.reports.words import speaking
from timebank.storage import open_store


@pytest.fixture
def bank() -> TimeBank:
    """Anna has booklet 17; of it one cheque was entered, and two voided."""
    made = timebank.open("memory:", **sources()).acting_as("office")
    for id in ("anna", "bruno", "carla"):
        made.open_account(id, name=id.title())
    made.open_account("pot", kind="fund")
    cheques.issue(made, "anna", booklet=17)
    cheques.enter(made, Number(17, 1), earner="bruno", hours=1, note="to the clinic")
    cheques.void(made, Number(17, 2), code="stolen", reason="Anna's bag, on the tram")
    cheques.void(made, Number(17, 3), code="eaten")
    return made


def test_the_data_of_a_person_have_their_booklets_and_what_was_said_of_lost_ones(
    bank: TimeBank,
) -> None:
    """The booklet is in the history of the account, its cheques among exchanges and mentions."""
    found = bank.personal_data("anna")
    (event,) = (one for one in found["events"] if one["event"] == "issue_cheques")
    assert ("cheque:17", 24) == (event["id"], event["cheques"])
    assert ["cheque:17-01-39"] == [one["id"] for one in found["exchanges"]]
    assert ["Anna's bag, on the tram", None] == [one["reason"] for one in found["mentions"]]
    assert ["cheque:17-02-36", "cheque:17-03-33"] == [one["id"] for one in found["mentions"]]
    assert "tram" not in json.dumps(bank.personal_data("bruno"))


def test_what_was_said_of_a_lost_cheque_is_erased_with_the_account(bank: TimeBank) -> None:
    """And with the one that it was merged into; the cheque stays voided, and the audit well."""
    bank.merge("anna", into="carla", reason="twice")
    bank.erase("carla", reason="asked for")
    void = cheques.booklet(bank, 17).voids[0]
    assert ("stolen", None) == (void.code, void.reason)
    assert () == bank.audit().findings
    assert cheques.void(bank, Number(17, 2), code="stolen", reason="any other words").repeated


def test_one_reason_is_erased_by_its_record(bank: TimeBank) -> None:
    """As every other text is."""
    void = cheques.booklet(bank, 17).voids[0]
    bank.erase(record=void.sequence, reason="it named somebody")
    assert cheques.booklet(bank, 17).voids[0].reason is None
    assert () == bank.audit().findings


def test_who_has_left_spends_by_no_cheque(bank: TimeBank) -> None:
    """What is out is refused as any exchange of a closed account, and can be voided."""
    bank.transfer(earner="anna", spender="bruno", hours=2)
    bank.leave("anna", disposal=Donate("pot"))
    with pytest.raises(timebank.AccountNotOpen):
        cheques.enter(bank, Number(17, 4), earner="bruno", hours=1)
    assert 21 == len(cheques.booklet(bank, 17).out)
    assert "lost" == cheques.void(bank, Number(17, 4)).code


def test_another_statute_is_tried_on_cheques_as_on_exchanges() -> None:
    """A replay judges what was entered."""
    clock = Clock()
    bank = timebank.open("memory:", **sources(clock))
    for id in ("anna", "bruno"):
        bank.open_account(id)
    cheques.issue(bank, "anna", booklet=17)
    cheques.enter(bank, Number(17, 1), earner="bruno", hours="1:10")
    cheques.enter(bank, Number(17, 2), earner="bruno", hours=5)
    tried = bank.replay(
        Statute(
            version="tight",
            granularity=Granularity(unit="1:00", rounding="up"),
            largest_exchange=LargestExchange(hours=4),
        )
    )
    assert (2, 1, 1) == (tried.judged, tried.refused, tried.rounded)


def test_an_export_gives_the_same_bank_with_the_same_cheques(
    bank: TimeBank, tmp_path: Path
) -> None:
    """As JSON Lines, into another store: what was entered is entered there, too."""
    exported = BytesIO(b"".join(export_jsonl(bank)))
    store = open_store(f"sqlite:///{tmp_path / 'bank.db'}", create=True)
    import_jsonl(store, exported)
    other = TimeBank(store)
    assert bank.head() == other.head()
    assert cheques.booklets(bank) == cheques.booklets(other)
    with pytest.raises(ChequeEntered):
        cheques.enter(other, Number(17, 1), earner="carla", hours=1)
    assert () == other.audit().findings
    other.close()


def test_derived_rows_are_made_anew(bank: TimeBank) -> None:
    """A rebuild leaves booklets as they were."""
    before = cheques.booklets(bank)
    bank.rebuild()
    assert before == cheques.booklets(bank)
    assert () == bank.audit().findings


def test_cheques_in_closed_books_and_in_corrections(bank: TimeBank) -> None:
    """A cheque is amended as an exchange, and not once its day is closed."""
    bank.amend(Number(17, 1).id, category="care", note="by car", reason="left out")
    assert "care" == bank.transfer_by_id(Number(17, 1).id).category
    last = sources()["clock"]().date() - timedelta(days=1)
    bank.close_books(through=last, reason="the assembly")
    with pytest.raises(timebank.BooksClosed):
        cheques.enter(bank, Number(17, 5), earner="bruno", hours=1, occurred_on=last)
    for id in ("cheque:17", Number(17, 2).id):
        with pytest.raises(InvalidRequest) as refused:
            bank.amend(id, category="care", reason="it moved nothing")
        assert "not_amendable" == refused.value.key


def test_the_journal_and_the_history_say_it_in_words(bank: TimeBank) -> None:
    """Who was given how many cheques, and why one was voided, in either language."""

    def lines() -> list[str]:
        return [record_text(record)[53:] for record in bank.records()][-4:]

    assert lines() == [
        "issue_cheques cheque:17 by office: 24 cheques for anna",
        "transfer cheque:17-01-39 by office",
        "void_cheque cheque:17-02-36 by office: stolen",
        "void_cheque cheque:17-03-33 by office: eaten",
    ]
    history = events_text(bank.events("anna"))
    assert history[-1].endswith("booklet of cheques given out by office: 17")
    with speaking("it"):
        assert "libretto assegni cheque:17 da office: 24 assegni a anna" == lines()[0]
        assert "assegno annullato cheque:17-02-36 da office: rubato" == lines()[2]


def test_flags_of_others_are_not_told_who_enters_a_cheque() -> None:
    """A custom permission sees one question for a cheque, with both sides; results are redacted."""
    asked: list[Any] = []
    roles = Roles({"carla": "coordinator"})

    def asks(ask: timebank.Ask) -> bool:
        asked.append(ask)
        return roles(ask)

    bank = timebank.open("memory:", permissions=asks, **sources()).acting_as("carla")
    for id in ("anna", "bruno"):
        bank.open_account(id)
    cheques.issue(bank, "anna", booklet=17)
    asked.clear()
    cheques.enter(bank, Number(17, 1), earner="bruno", hours=1, occurred_on=date(2026, 3, 1))
    cheques.void(bank, Number(17, 2))
    assert [
        ("enter_cheque", ("bruno",), ("anna",)),
        ("void_cheque", (), ("anna",)),
    ] == [(ask.action, ask.earners, ask.spenders) for ask in asked]
