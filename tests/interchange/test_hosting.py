"""A sheet that is sent to a page of a host: asked about, shown, and booked as it was shown."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import timebank
from interchange.sheets.cases import Case, cases, exchanges_of
from support import Clock, sources
from timebank import InvalidRequest, NotPermitted, Roles, TimeBank, explain
from timebank.cli import main
from timebank.interchange.engine.quarantine import Mended
from timebank.interchange.hosting import MOST_BYTES, Preview, SentSheet, ask_to_import
from timebank.interchange.propose.drafts import answers_of

HEADING = "Data;Chi ha dato;Chi ha ricevuto;Ore;Note\n"
MARCH = "2/3/26;Anna;Bruno;1,5;spesa\n14/3/26;Bruno;Rosa;2h;freni\n"
BAD = "31/2/26;Anna;Rosa;1;\n17/3/26;Anna;Rosa;tre;\n"
AMERICAN = "Date,From,To,Hours\n03/04/2026,Anna,Bruno,1.5\n05/04/2026,Bruno,Rosa,2\n"
SHEETS = [
    one for one in cases() if len(one.files) == 1 and not (one.cannot or one.command or one.opening)
]


@pytest.fixture
def memory() -> Iterator[TimeBank]:
    """An empty bank in memory, after the days of all sheets."""
    clock = Clock(datetime(2026, 12, 1, 9, tzinfo=UTC))
    with timebank.open("memory:", **sources(clock)) as bank:
        yield bank


def seen_by(bank: TimeBank, actor: str, **roles: Any) -> TimeBank:
    """The bank as somebody sees it, of whom the roles are given by their names."""
    clock: Any = bank._sources.clock
    return TimeBank(bank.store, permissions=Roles(roles), clock=clock).acting_as(actor)


def sent(text: str, name: str = "scambi.csv", **more: Any) -> SentSheet:
    """A sheet that was sent."""
    return SentSheet(text.encode(), name, **more)


def booked(bank: TimeBank, sheet: SentSheet) -> Preview:
    """What booking a sheet came to: it is booked as it was seen."""
    preview = sheet.preview(bank)
    sheet.book(bank, preview.seen)
    return preview


def asked(sheet: SentSheet | Preview) -> dict[str | None, list[str]]:
    """The questions by their keys, with the answers that may be given."""
    return {one.key: list(one.choices) for one in sheet.questions}


@pytest.mark.parametrize("case", SHEETS, ids=lambda case: case.name)
def test_it_books_what_the_command_books(memory: TimeBank, case: Case) -> None:
    """Of each kind of sheet: the same exchanges, and the same rows in quarantine."""
    (path,) = case.files
    sheet = SentSheet(path.read_bytes(), path.name, answers=answers_of(case.answers))
    preview = booked(memory, sheet)
    assert case.booked == exchanges_of(memory)
    assert [(row.line, row.column) for row in preview.rows] == list(case.quarantined)
    assert memory.audit().ok


def test_nothing_is_written_by_looking(memory: TimeBank) -> None:
    """However often; the same is seen, until somebody books something else."""
    memory.open_account("m1", name="Anna")
    head, sheet = memory.head(), sent(HEADING + MARCH + BAD)
    seen = {sheet.preview(memory).seen for _ in range(2)}
    sheet.quarantine(memory)
    assert head == memory.head()
    memory.rename("m1", "Anna Prima")
    assert len(seen | {sheet.preview(memory).seen}) == 2


def test_it_is_booked_as_it_was_seen_and_once(memory: TimeBank) -> None:
    """A second time, or after a name came to mean somebody else, nothing is."""
    sheet = sent(HEADING + MARCH)
    memory.open_account("m1", name="Anna")
    memory.open_account("m2", name="Bruno")
    before = sheet.preview(memory).seen
    memory.rename("m1", "Carla")
    memory.rename("m2", "Anna")
    head = memory.head()
    for seen in ("", "0", before):
        with pytest.raises(InvalidRequest, match="look again"):
            sheet.book(memory, seen)
    assert head == memory.head()
    seen = sheet.preview(memory).seen
    assert 2 == sheet.book(memory, seen).transfers_booked
    with pytest.raises(InvalidRequest, match="look again"):
        sheet.book(memory, seen)
    assert 2 == len(list(memory.transfers()))


def test_its_questions_are_those_of_the_proposal(memory: TimeBank) -> None:
    """Until all are answered nothing can be seen or booked; an answer that is none is refused."""
    sheet = sent(AMERICAN, "fair.csv")
    assert {"days.format", "transfers.earner"} == set(asked(sheet))
    assert asked(sheet) == asked(sheet.preview(memory))
    assert "" == sheet.preview(memory).seen
    answers = {"days.format": "dmy", "transfers.earner": "To"}
    preview = booked(memory, sent(AMERICAN, "fair.csv", answers=answers))
    assert () == preview.questions
    assert ["2026-04-03", "2026-04-05"] == [str(one.occurred_on) for one in memory.transfers()]
    with pytest.raises(InvalidRequest):
        sent(AMERICAN, "fair.csv", answers={**answers, "transfers.earner": "Nobody"})
    with pytest.raises(InvalidRequest):
        sent(AMERICAN, "fair.csv", answers={**answers, "nothing": "1"})


def test_what_was_seen_of_other_answers_or_bytes_is_not_booked(memory: TimeBank) -> None:
    """Even where it comes to as many exchanges and hours."""
    answers = {"days.format": "dmy", "transfers.earner": "To"}
    seen = sent(AMERICAN, "fair.csv", answers=answers).preview(memory).seen
    for other in (
        sent(AMERICAN, "fair.csv", answers={**answers, "days.format": "mdy"}),
        sent(AMERICAN.replace("03/04", "02/04"), "fair.csv", answers=answers),
    ):
        assert other.preview(memory).seen
        with pytest.raises(InvalidRequest, match="look again"):
            other.book(memory, seen)
    assert [] == list(memory.transfers())


def test_a_sheet_of_another_name_is_asked_whether_it_is_one_of_before(memory: TimeBank) -> None:
    """And is not, where it has a name that is known."""
    booked(memory, sent(HEADING + MARCH))
    assert {} == asked(sent(HEADING + MARCH, "Scambi 2026.csv", sources=["scambi"]))
    other = sent(HEADING + MARCH, "foglio.csv", sources=["scambi"])
    assert {"source": ["foglio", "scambi"]} == asked(other)
    told = sent(HEADING + MARCH, "foglio.csv", sources=["scambi"], answers={"source": "scambi"})
    report = told.preview(memory).report
    assert report is not None
    assert (0, 2) == (report.transfers_booked, report.transfers_there)


@pytest.mark.parametrize(("same", "count"), [(True, 3), (False, 5)])
def test_rows_of_another_file_are_asked_about(memory: TimeBank, *, same: bool, count: int) -> None:
    """Each counts once where they are the same exchanges, and again where they are others."""
    booked(memory, sent(HEADING + MARCH))
    more = f"{HEADING}{MARCH}20/3/26;Anna;Rosa;1;\n"
    first = sent(more, "scambi (2).csv", sources=["scambi", "scambi-2"]).preview(memory)
    assert {"files": ["same", "scambi-3"]} == asked(first)
    answers = {"files": asked(first)["files"][not same]}
    told = sent(more, "scambi (2).csv", sources=["scambi", "scambi-2"], answers=answers)
    booked(memory, told)
    assert count == len(list(memory.transfers()))
    assert ("scambi" if same else "scambi-3") == told.source


@pytest.mark.parametrize(("answer", "hours"), [("follow", "3:00"), ("keep", "4:30")])
def test_what_changed_is_asked_and_followed_or_kept(
    memory: TimeBank, answer: str, hours: str
) -> None:
    """It is told what was and what is; with `keep` a row that has other hours is one more."""
    booked(memory, sent(HEADING + MARCH))
    other = MARCH.replace("Bruno;1,5", "Bruno;3").replace("freni", "freni e catena")
    first = sent(HEADING + other, language="it").preview(memory)
    assert {"changed": ["follow", "keep"]} == asked(first)
    assert "" == first.seen
    told = "\n".join(first.besides)
    assert "nota: era freni, ora è freni e catena" in told
    assert "Anna (scambi-1) ha dato 1:30 a Bruno (scambi-2)" in told
    assert "--" not in told
    sheet = sent(HEADING + other, answers={"changed": answer})
    booked(memory, sheet)
    assert hours == str(memory.balance("scambi-1").posted)


def test_the_quarantine_can_be_mended(memory: TimeBank) -> None:
    """It is the file that `import csv --mended` takes, in the language of who reads."""
    text = sent(HEADING + MARCH + BAD, language="it").quarantine(memory)
    assert text.startswith("\ufeff")
    assert "non è" in text
    assert 4 == len(text.splitlines())
    mended = Mended("bad.csv", BytesIO(text.encode().replace(b";tre;", b";3;")))
    mended.fit(["scambi.csv"])
    mended.finish()


def test_who_may_not_import_is_told_nothing(memory: TimeBank) -> None:
    """Not what is in the sheet, nor what is in the bank; an auditor and a coordinator neither."""
    sheet = sent(HEADING + MARCH)
    for actor in ("ada", "carla", "m1", "stranger"):
        who = seen_by(memory, actor, ada="auditor", carla="coordinator", m1="member")
        for call in (
            ask_to_import,
            sheet.preview,
            sheet.quarantine,
            lambda bank: sheet.book(bank, "0"),
        ):
            with pytest.raises(NotPermitted) as refused:
                call(who)
            assert () == refused.value.accounts


def test_who_may_not_open_accounts_leaves_rows_of_new_people(memory: TimeBank) -> None:
    """A treasurer alone is told so; one who coordinates, too, opens them."""
    sheet = sent(HEADING + MARCH)
    alone = sheet.preview(seen_by(memory, "teresa", teresa="treasurer"))
    assert (False, 2, "") == (alone.opens, len(alone.rows), alone.seen)
    both = sheet.preview(seen_by(memory, "dora", dora=["treasurer", "coordinator"]))
    assert (True, 0) == (both.opens, len(both.rows))


def test_what_the_bank_refuses_is_said_in_words(memory: TimeBank) -> None:
    """Who may import and not reverse does not follow what changed."""
    booked(memory, sent(HEADING + MARCH))
    memory.open_account("teresa", name="Teresa Galli")
    other = sent(
        HEADING + MARCH.replace("2h", "3h"), answers={"changed": "follow"}, language="it"
    ).preview(seen_by(memory, "teresa", teresa="treasurer"))
    assert other.refusal is not None
    assert "Teresa Galli" in other.refusal
    assert "" == other.seen


@pytest.mark.parametrize(
    ("name", "data", "key"),
    [
        ("foto.png", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20, None),
        ("scambi.xlsx", b"PK\x03\x04 broken", None),
        ("scambi.csv", b"", "sheet_to_change"),
        ("../../soci\0.csv", b"Nome;Cognome\nAnna;Rossi\nBruno;Neri\n", "sheet_to_change"),
        ("grande.csv", HEADING.encode() + b" " * MOST_BYTES, "sheet_too_large"),
        (
            "komunitin.csv",
            b"payer,payee,quantity,created,state,type,description\n1,2,1,2026-03-02,1,x,y\n",
            "sheet_known",
        ),
    ],
)
@pytest.mark.parametrize("language", ["en", "it"])
def test_what_is_no_sheet_is_refused_in_a_sentence(
    name: str, data: bytes, key: str | None, language: str
) -> None:
    """Which names no option of a command line."""
    with pytest.raises(InvalidRequest) as refused:
        SentSheet(data, name, language=language)
    assert key is None or key == refused.value.key
    assert "--" not in explain(refused.value, lang=language)


def test_opening_balances_are_booked_too(memory: TimeBank) -> None:
    """A list of balances is a sheet as any other."""
    preview = booked(memory, sent("Socio;Saldo\nAnna Rossi;3,5\nBruno Neri;-2\n", "saldi.csv"))
    assert preview.report is not None
    assert "1:30" == str(-memory.balance("opening").posted)


def test_the_command_takes_back_what_was_sent(tmp_path: Path) -> None:
    """By the name of its source, for which the page has no button."""
    with timebank.open(f"sqlite:///{tmp_path}/bank.db", **sources(Clock())) as bank:
        booked(bank, sent(f"{HEADING}1/3/26;Anna;Bruno;1,5;\n28/2/26;Bruno;Rosa;2h;\n"))
    done = CliRunner().invoke(
        main, ["--db", str(tmp_path / "bank.db"), "import", "undo", "scambi", "--dry-run"]
    )
    assert "2 transfers of scambi would be taken back: 3:30 hours" in done.output
