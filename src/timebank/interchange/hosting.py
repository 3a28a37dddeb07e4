"""Import a sheet that somebody sends to a page of a host: asked about, shown, and booked as shown.

`import propose` and `import csv` do this for a terminal. A page does it in several requests, and
between them a host keeps three things: the bytes of the sheet, its name, and the answers so far.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from io import BytesIO, StringIO
from pathlib import PurePath
from typing import Any, Final

import attrs

from timebank.bank import BankBatch, TimeBank
from timebank.errors import (
    InvalidRequest,
    NotFound,
    NotPermitted,
    Rejected,
    Retryable,
    TimebankError,
)
from timebank.interchange.csv.importer import MappingImporter
from timebank.interchange.csv.toml import parsed
from timebank.interchange.engine.booking import CHANGED, ELSEWHERE, GONE, run
from timebank.interchange.engine.quarantine import QuarantineFile
from timebank.interchange.engine.report import ImportReport, Quarantined
from timebank.interchange.propose.proposal import Shown, propose
from timebank.interchange.propose.showing import Question, understood
from timebank.queries import json_shapes
from timebank.reports.explaining import explain
from timebank.reports.imports import page_text
from timebank.reports.told import in_words
from timebank.reports.words import Words, speaking

#: The bytes of the largest sheet: of one that a page takes, and looks at while somebody waits.
MOST_BYTES: Final = 5_000_000
#: Keys of answers that are none of a mapping: which source it is, what is done about rows that
#: changed or are gone, and about rows that came from another file.
SOURCE: Final = "source"
FOLLOWED: Final = "changed"
FILES: Final = "files"
_SAME: Final = "same"
#: The longest name of a source to which a number can be added.
_LONGEST: Final = 28


class _File(BytesIO):
    """The bytes of a sheet, with the name that its rows are reported by."""

    def __init__(self, data: bytes, name: str) -> None:
        super().__init__(data)
        self.name = name


@attrs.frozen(kw_only=True)
class Preview:
    """What booking a sheet would come to.

    While `questions` are open, or there is a `refusal` in words, or nothing new, `seen` is empty;
    else it stands for all of it, and is what `SentSheet.book` has to be given. `rows` are those
    that cannot be taken, with their reasons in words, at most a thousand; `besides` are lines about
    what changed or is gone, and names to be looked at. Where who acts may not open accounts, rows
    of people who have none cannot be taken: `opens` is false.
    """

    questions: tuple[Question, ...] = ()
    refusal: str | None = None
    report: ImportReport | None = None
    rows: tuple[Quarantined, ...] = ()
    besides: tuple[str, ...] = ()
    opens: bool = True
    seen: str = ""


class SentSheet:
    r"""A sheet that was sent, `.csv`, `.xlsx` or `.ods`, and what was answered about it so far.

    It reads the sheet, and keeps nothing. `answers` has those of the `questions` by their keys.
    `sources` are the names of what was imported before, as `source` had them: where this sheet
    would be another source, it is asked whether it is one of them. `told` says in a language, that
    of `reports.words.language()` unless one is named, what was understood, and `first` has the
    first exchanges.

    :raises InvalidRequest: it has more than five million bytes; it is no sheet, or one of a system
        that is imported by a command; it has to be changed before it can be understood; or an
        answer is none.

    >>> import timebank
    >>> from timebank.interchange.hosting import SentSheet
    >>> data = b"Date,Giver,Receiver,Hours\n03/04/2026,Lou,Meg,1.5\n"
    >>> bank = timebank.open("memory:")
    >>> (asked,) = SentSheet(data, "fair.csv").preview(bank).questions
    >>> asked.key, list(asked.choices)
    ('days.format', ['dmy', 'mdy'])
    >>> sheet = SentSheet(data, "fair.csv", answers={"days.format": "dmy"})
    >>> preview = sheet.preview(bank)
    >>> preview.report.transfers_booked, preview.report.moved
    (1, Hours('1:30'))
    >>> sheet.book(bank, preview.seen).moved
    Hours('1:30')
    >>> sheet.preview(bank).report.transfers_there  # and now there is nothing new in it
    1
    """

    def __init__(
        self,
        data: bytes,
        name: str,
        *,
        answers: Mapping[str, str] | None = None,
        sources: Iterable[str] = (),
        language: str | None = None,
    ) -> None:
        if len(data) > MOST_BYTES:
            msg = f"{name} has more than {MOST_BYTES} bytes: divide it, or leave pictures out"
            raise InvalidRequest(msg).about(key="sheet_too_large", most=MOST_BYTES // 1_000_000)
        self._words = Words("imports", language)
        self._data, self._name = data, PurePath(name.replace("\\", "/")).name
        said = dict(answers or {})
        #: What is read, and how: what is seen is seen of this.
        self._read = [sha256(data).hexdigest(), name, sorted(said.items())]
        self._follows, self._files = said.pop(FOLLOWED, ""), said.pop(FILES, "")
        named = said.pop(SOURCE, "")
        if self._files != _SAME:
            named = self._files or named
        self._found = found = propose(
            [self._file()], answers=said, name=named or None, language=self.language
        )
        if found.known is not None:
            msg = f"{name} is a file of {found.known.title}, which is imported by a command"
            raise InvalidRequest(msg).about(key="sheet_known", title=found.known.title)
        self._sources = set(sources)
        self.source = found.name
        self.told = understood(found, self.language)
        self.first: tuple[Shown, ...] = () if found.trial is None else found.trial.first
        if no_answer := [one.text for one in self.told.questions if one.key is None]:
            why = " ".join(no_answer)
            msg = f"{name} has to be changed first: {why}"
            raise InvalidRequest(msg).about(key="sheet_to_change", why=why)
        self.questions = self.told.questions
        if not named and self._sources and self.source not in self._sources:
            self.questions += (self._which_source(),)

    @property
    def language(self) -> str:
        """The code of the language in which it is told about."""
        return self._words.language

    def preview(self, bank: TimeBank) -> Preview:
        """Return what booking the sheet would come to; nothing is booked.

        :raises NotPermitted: who acts may not import.
        :raises Retryable: another writer holds the bank.
        """
        ask_to_import(bank)
        if self.questions:
            return Preview(questions=self.questions)
        try:
            return self._run(bank, dry_run=True)
        except Retryable:
            raise
        except TimebankError as error:
            return Preview(refusal=explain(error, lang=self.language, names=bank))

    def book(self, bank: TimeBank, seen: str) -> ImportReport:
        """Book the sheet, if it still comes to what was `seen` in a preview.

        On a bank that is joined it is all in the transaction of the host, which has to take it
        back where this raises. On another one, rows are booked five thousand at a time.

        :raises InvalidRequest: it comes to something else by now, or it was booked.
        :raises NotPermitted: who acts may not import.
        :raises Retryable: another writer holds the bank.
        """
        preview = self.preview(bank)
        if preview.seen and preview.seen == seen:
            preview = self._run(bank, dry_run=False)
        if preview.report is None or not preview.seen or preview.seen != seen:
            msg = "it comes to something else than what was looked at: look again"
            raise InvalidRequest(msg).about(key="sheet_not_as_seen")
        return preview.report

    def quarantine(self, bank: TimeBank) -> str:
        """Return the rows that cannot be taken as a CSV file, each with the reason; none is booked.

        :raises InvalidRequest: a question is open.
        :raises NotPermitted: who acts may not import.
        :raises Retryable: another writer holds the bank.
        """
        ask_to_import(bank)
        importer, rows = self._importer(bank), list[Quarantined]()
        self._imported(bank, importer, dry_run=True, on_quarantine=rows.append)
        file = StringIO()
        with speaking(self.language):
            made = QuarantineFile(file, delimiter=importer.dialect, bom=True)
            for row in rows:
                made.write(row, importer.headers.get(row.file, ()))
        return file.getvalue()

    # -- an import ---------------------------------------------------------------------

    def _run(self, bank: TimeBank, *, dry_run: bool) -> Preview:
        people = [[one.id, one.name, one.status, one.merged_into] for one in bank.accounts()]
        importer = self._importer(bank)
        report = self._imported(bank, importer, dry_run=dry_run)
        refusal = None
        if report.not_followed:
            refusal = in_words(report.not_followed[0][1], self.language, bank)
        with speaking(self.language):
            besides = tuple(page_text(report))
        questions = tuple(self._questions(report))
        came_to = {**json_shapes.of(report), "booked": None}
        digest = sha256(json.dumps([self._read, came_to, people]).encode()).hexdigest()
        return Preview(
            questions=questions,
            refusal=refusal,
            report=report,
            rows=tuple(
                attrs.evolve(row, reason=in_words(row.reason, self.language, report.names))
                for row in report.rows
            ),
            besides=besides,
            opens=importer.opens_accounts,
            seen="" if questions or refusal or not _is_new(report) else digest,
        )

    def _importer(self, bank: TimeBank) -> MappingImporter:
        mapping = parsed(self._found.text.encode())
        transfers = [self._file()] if self._found.transfers else None
        return MappingImporter(mapping, transfers, open_accounts=_may_open(bank))

    def _imported(self, bank: TimeBank, importer: MappingImporter, **how: Any) -> ImportReport:
        if self._found.opening is not None:
            opens = importer.opens_accounts
            how["opening"] = importer.opening(self._file(), open_accounts=opens)
        return run(
            bank,
            importer,
            follow=self._follows == "follow",
            keep=self._follows == "keep",
            same_rows=self._files == _SAME,
            **how,
        )

    def _file(self) -> _File:
        return _File(self._data, self._name)

    # -- what it asks ------------------------------------------------------------------

    def _which_source(self) -> Question:
        words = self._words
        choices = {self.source: words("source_new")}
        choices |= {name: words("source_is", name=name) for name in sorted(self._sources)}
        return Question(SOURCE, words("ask_source"), choices)

    def _questions(self, report: ImportReport) -> Iterable[Question]:
        """Yield what the bank asks, which has other rows of this source."""
        words = self._words
        if {CHANGED, GONE} & set(report.questions):
            choices = {"follow": words("do_follow"), "keep": words("do_keep")}
            yield Question(FOLLOWED, words("ask_changed"), choices)
        if ELSEWHERE in report.questions:
            choices = {_SAME: words("files_same")}
            if not self._files:
                choices[self._other_source()] = words("files_other")
            yield Question(FILES, words("ask_files"), choices)

    def _other_source(self) -> str:
        """Return a name that no source has."""
        begin, number = self.source[:_LONGEST].rstrip("-"), 2
        while f"{begin}-{number}" in self._sources:
            number += 1
        return f"{begin}-{number}"


def _is_new(report: ImportReport) -> bool:
    return bool(
        report.accounts_opened
        or report.transfers_booked
        or report.reversals_booked
        or report.taken_back
        or report.amended
    )


# -- who may ---------------------------------------------------------------------------


def ask_to_import(bank: TimeBank) -> None:
    """Ask whether who acts may import, which is to book what no limit stops; nothing is written.

    :raises NotPermitted: they may not.

    >>> import timebank
    >>> from timebank.interchange.hosting import ask_to_import
    >>> roles = timebank.Roles({"carla": "coordinator"})
    >>> bank = timebank.open("memory:", permissions=roles).acting_as("carla")
    >>> try:
    ...     ask_to_import(bank)
    ... except timebank.NotPermitted as error:
    ...     print(error)
    actor 'carla' may not do this: transfer
    """
    _ask(bank, lambda would: would.transfer(earner="?", spender="!", hours=1, limits="unchecked"))


def _may_open(bank: TimeBank) -> bool:
    try:
        _ask(bank, lambda would: would.open_account("?"))
    except NotPermitted:
        return False
    return True


def _ask(bank: TimeBank, call: Callable[[BankBatch], object]) -> None:
    """Try a call on a preview, of which nothing comes. What it is about was made up.

    :raises NotPermitted: who acts may not make it.
    """
    try:
        with bank.preview() as would:
            call(would)
    except NotPermitted as error:
        raise NotPermitted(error.actor, action=error.action) from error
    except (InvalidRequest, NotFound, Rejected):
        pass
