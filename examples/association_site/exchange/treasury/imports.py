"""Bring in a sheet: send it, answer what it does not say, look at what it comes to, book it.

Between these steps it is a row, `Sheet`. What is booked is what was looked at: the form that books
carries a digest of the preview, and where the same sheet comes to something else by then, it is
shown again. Rows are known by their meaning, so that a sheet that is booked twice counts once.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import date
from hashlib import sha256
from io import BytesIO, StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from uuid import UUID, uuid4

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from exchange.answers import Booking, Once, said
from exchange.treasury.models import Sheet
from exchange.treasury.shared import download, explained, language
from timebank import BankBatch, TimeBank, reports
from timebank.errors import NotFound, NotPermitted, Retryable, TimebankError
from timebank.interchange.csv.importer import MappingImporter
from timebank.interchange.csv.toml import parsed
from timebank.interchange.engine.booking import run
from timebank.interchange.engine.quarantine import QuarantineFile
from timebank.interchange.engine.report import Changed, Gone, ImportReport, Quarantined
from timebank.interchange.engine.undoing import undo as undo_import
from timebank.interchange.propose.proposal import Proposal, propose
from timebank.interchange.propose.showing import Question, understood
from timebank.reports.imports import undo_text
from timebank.reports.told import in_words
from timebank.reports.words import speaking

MOST_BYTES: Final = 5_000_000
#: Rows of each kind that a page shows; the file of quarantined rows has all.
MOST_ROWS: Final = 50


def ask(bank: TimeBank, call: Callable[[BankBatch], object]) -> None:
    """Ask the bank whether who acts may make a call, on a preview, of which nothing comes.

    :raises NotPermitted: they may not.
    """
    try:
        with suppress(NotFound), bank.preview() as would:
            call(would)
    except NotPermitted as error:  # the accounts were made up
        raise NotPermitted(error.actor, action=error.action, accounts=()) from error


def ask_to_import(bank: TimeBank) -> None:
    """Ask for what an import does and only a treasurer may: to book what no limit stops.

    :raises NotPermitted: who acts may not.
    """
    ask(bank, lambda would: would.transfer(earner="?", spender="!", hours=1, limits="unchecked"))


def may_open(bank: TimeBank) -> bool:
    """Return whether who acts may open accounts, as for people of a sheet who have none."""
    try:
        ask(bank, lambda would: would.open_account(str(uuid4())))
    except NotPermitted:
        return False
    return True


# -- what a sheet says ---------------------------------------------------------------------


def proposed(sheet: Sheet) -> Proposal:
    """Return what the library understands of a sheet.

    :raises ValidationError: it is no sheet, or an answer is none.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder, Path(sheet.name).name)
        path.write_bytes(sheet.data)
        name = sheet.source or None
        try:
            return propose([path], answers=sheet.answers, name=name, language=language())
        except TimebankError as error:
            raise forms.ValidationError(explained(error).replace(f"{folder}/", "")) from error


class Trial:
    """A sheet that is understood, with what it comes to in a bank: tried, or booked."""

    def __init__(self, bank: TimeBank, sheet: Sheet, found: Proposal) -> None:
        self._bank, self._sheet, self._found = bank, sheet, found
        self._people = [[one.id, one.name, one.status, one.merged_into] for one in bank.accounts()]
        self.opens = may_open(bank)
        self.importer: Any = None

    def run(self, **how: Any) -> ImportReport:
        """Run the import; people without an account are opened only by who may do that."""
        file, mapping = self._file(), parsed(self._found.text.encode())
        transfers = [file] if self._found.transfers else None
        self.importer = MappingImporter(mapping, transfers, open_accounts=self.opens)
        if self._found.opening is not None:
            how["opening"] = self.importer.opening(file, open_accounts=self.opens)
        if self._sheet.changed:
            how[self._sheet.changed] = True
        return run(self._bank, self.importer, **how)

    def _file(self) -> BytesIO:
        file = BytesIO(self._sheet.data)
        file.name = self._sheet.name
        return file

    def digest(self, report: ImportReport) -> str:
        """Return what tells whether the same sheet comes to the same: counts, rows and people."""
        came_to = {**reports.json.of(report), "booked": None}
        return sha256(json.dumps([came_to, self._people]).encode()).hexdigest()


# -- its pages -----------------------------------------------------------------------------


class UploadForm(Once):
    """A sheet; its row has the id of the form, so that it is sent once."""

    file = forms.FileField(
        label=_("Sheet"),
        help_text=_("A spreadsheet, .xlsx or .ods, or a .csv file, of at most 5 MB."),
        widget=forms.FileInput({"accept": ".csv,.xlsx,.ods"}),
    )

    def clean_file(self) -> Sheet:
        """Return the row of a sheet that can be understood, or asked about."""
        file = self.cleaned_data["file"]
        if file.size > MOST_BYTES:
            raise forms.ValidationError(
                _("This file has more than 5 MB. Divide it, or leave pictures out.")
            )
        # Of a name so many letters fit into one of a file, whatever letters they are.
        sheet = Sheet(name=Path(file.name).name[-60:], data=file.read())
        found = proposed(sheet)
        if found.known is not None:
            raise forms.ValidationError(
                _("This is a file of %(title)s: it is imported with the program, on the server."),
                params={"title": found.known.title},
            )
        questions = understood(found, language()).questions
        if unanswerable := [one.text for one in questions if one.key is None]:
            raise forms.ValidationError(unanswerable)
        return sheet


class Upload(Booking):
    """The sheets that wait, the sources that were imported, and a form to send a sheet."""

    form_class = UploadForm
    template_name = "treasury/imports.html"
    title = _("Imports")
    button = _("Look at this sheet")

    def get_context_data(self, **more: Any) -> dict[str, Any]:
        """Give the template what waits and what was imported, for who may read all of the bank."""
        self.request.bank.trial_balance()
        sheets = Sheet.objects.exclude(data=b"").defer("data")
        return super().get_context_data(sheets=sheets, sources=sources(), **more)

    def post(self, request: Any, *given: Any, **named: Any) -> HttpResponse:
        """Take a sheet from who may import it."""
        ask_to_import(request.bank)
        return super().post(request, *given, **named)

    def book(self, data: dict[str, Any]) -> str:
        """Keep the sheet; nothing is booked."""
        sheet, id = data["file"], data["operation"]
        Sheet.objects.get_or_create(id=id, defaults={"name": sheet.name, "data": sheet.data})
        self.success_url = reverse("treasury_sheet", args=[id])
        return gettext("The sheet is here. Nothing is booked yet.")


def sources() -> list[str]:
    """Return the names of what was imported."""
    booked = Sheet.objects.exclude(booked_at=None).values_list("source", flat=True)
    return sorted(set(booked))


class AnswersForm(forms.Form):
    """The questions about a sheet, each under its key."""

    def __init__(
        self, *given: Any, asked: Iterable[Question], names: list[str], changed: bool, **more: Any
    ) -> None:
        super().__init__(*given, **more)
        for one in asked:
            self.fields[str(one.key)] = (
                forms.ChoiceField(
                    label=one.text, choices=list(one.choices.items()), widget=forms.RadioSelect
                )
                if one.choices
                else forms.CharField(label=one.text, max_length=1_000)
            )
        if len(names) > 1:
            self.fields["source"] = forms.ChoiceField(
                label=_("Which sheet is this?"),
                choices=[(name, name) for name in names],
                help_text=_("By this name its rows are known when the sheet is sent once more."),
            )
        if changed:
            self.fields["changed"] = forms.ChoiceField(
                label=_("What was booked before has changed in the sheet, or is gone from it"),
                choices=[
                    ("follow", _("do here what the sheet says now")),
                    ("keep", _("leave what was booked as it is")),
                ],
                widget=forms.RadioSelect,
            )


def sheet(request: Any, id: UUID) -> HttpResponse:
    """Show what a sheet was understood to say, ask what it does not, show what it comes to."""
    ask_to_import(request.bank)
    one = get_object_or_404(Sheet.objects.exclude(data=b""), id=id)
    found = proposed(one)
    name = parsed_name(found)
    told = understood(found, language())
    came_to = {} if told.questions else previewed(request, one, found)
    form = AnswersForm(
        request.POST or None,
        asked=told.questions,
        names=list(dict.fromkeys([name, *sources()])),
        changed="asks" in came_to,
        initial={"source": name},
    )
    if "again" in request.POST:
        one.answers, one.changed, one.source = {}, "", ""
        one.save()
        return redirect("treasury_sheet", id)
    if form.is_valid():
        answers = dict(form.cleaned_data)
        one.source = answers.pop("source", "") or one.source
        one.changed = answers.pop("changed", "") or one.changed
        one.answers |= answers
        try:
            proposed(one)
        except forms.ValidationError as error:
            form.add_error(None, error)
        else:
            one.save()
            return redirect("treasury_sheet", id)
    rows = () if found.trial is None else found.trial.first
    first = [(date.fromisoformat(row.day) if row.day else None, row) for row in rows]
    shown = {"sheet": one, "told": told, "first": first, "form": form, **came_to}
    return render(request, "treasury/sheet.html", shown)


def parsed_name(found: Proposal) -> str:
    """Return the name with which the ids of what is booked begin."""
    return tomllib.loads(found.text)["name"]


def previewed(request: Any, one: Sheet, found: Proposal) -> dict[str, Any]:
    """Return what booking a sheet would come to, or why it is refused."""
    trial = Trial(request.bank, one, found)
    try:
        report = trial.run(dry_run=True)
    except TimebankError as error:
        return {"refusal": said(error, request)}
    if report.not_followed:
        return {"refusal": in_words(report.not_followed[0][1], language(), request.bank)}
    rows = [
        {"row": row, "why": in_words(row.reason, language(), report.names)}
        for row in report.rows[:MOST_ROWS]
    ]
    shown = {"report": report, "rows": rows, "opens": trial.opens, "seen": trial.digest(report)}
    if report.questions:
        shown |= {"asks": True, "changed": named(report, report.changed)}
        shown |= {"gone": named(report, report.gone)}
    return shown


def named(report: ImportReport, rows: Sequence[Changed | Gone]) -> list[dict[str, Any]]:
    """Return what was booked of rows, with the names of who gave and received."""
    return [
        {
            "day": one.day,
            "hours": one.hours,
            "earner": report.names.get(one.earner, one.earner),
            "spender": report.names.get(one.spender, one.spender),
        }
        for one in rows[:MOST_ROWS]
    ]


@require_POST
def book(request: Any, id: UUID) -> HttpResponse:
    """Book a sheet as it was looked at, in one transaction: once, however often it is sent."""
    ask_to_import(request.bank)
    with transaction.atomic():
        one = get_object_or_404(Sheet.objects.select_for_update(), id=id)
        if one.booked_at is not None:
            messages.success(request, gettext("This sheet is booked. Nothing was booked twice."))
            return redirect("treasury_imports")
        found = proposed(one)
        trial = Trial(request.bank, one, found)
        try:
            report = trial.run()
        except Retryable:
            raise
        except TimebankError as error:
            transaction.set_rollback(True)
            messages.error(request, said(error, request))
            return redirect("treasury_sheet", id)
        if trial.digest(report) != request.POST.get("seen") or not report.booked:
            transaction.set_rollback(True)
            messages.error(
                request,
                gettext("Since you looked something has changed. Nothing is booked: look again."),
            )
            return redirect("treasury_sheet", id)
        one.booked_at, one.source = timezone.now(), parsed_name(found)
        if not report.quarantined:
            one.data = b""
        one.save()
    n = report.transfers_booked
    told = ngettext(
        "%(n)d exchange is booked: %(hours)s.", "%(n)d exchanges are booked: %(hours)s.", n
    )
    messages.success(request, told % {"n": n, "hours": report.moved})
    return redirect("treasury_imports")


@require_POST
def forget(request: Any, id: UUID) -> HttpResponse:
    """Throw a sheet away; what was booked of it stays."""
    ask_to_import(request.bank)
    Sheet.objects.filter(id=id, booked_at=None).delete()
    Sheet.objects.filter(id=id).update(data=b"")
    messages.success(request, gettext("The sheet is not kept any more."))
    return redirect("treasury_imports")


def quarantine(request: Any, id: UUID) -> HttpResponse:
    """Send the rows that cannot be taken, with the reason of each."""
    ask_to_import(request.bank)
    one = get_object_or_404(Sheet.objects.exclude(data=b""), id=id)
    trial, rows = Trial(request.bank, one, proposed(one)), list[Quarantined]()
    trial.run(dry_run=True, on_quarantine=rows.append)
    file = StringIO()
    with speaking(language()):
        made = QuarantineFile(file, delimiter=trial.importer.dialect, bom=True)
        for row in rows:
            made.write(row, trial.importer.headers.get(row.file, ()))
    return download(Path(one.name).stem, "csv", [file.getvalue()])


def undo(request: Any, source: str) -> HttpResponse:
    """Show what taking back a source would come to; take it back. A second time nothing is left."""
    ask_to_import(request.bank)
    ask(request.bank, lambda would: would.reverse("?", reason="?"))
    with transaction.atomic(), speaking(language()):
        does = request.method == "POST"
        report = undo_import(request.bank, source, dry_run=not does)
        lines = undo_text(report, dry_run=not does)
    if does and report.ok:
        messages.success(request, " ".join(lines))
        return redirect("treasury_imports")
    shown = {"source": source, "lines": lines, "report": report}
    return render(request, "treasury/undo.html", shown)
