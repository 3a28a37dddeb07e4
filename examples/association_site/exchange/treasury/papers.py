"""Papers and exports: the impact report, the register of presences, the value of hours, files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any, Final

from django import forms
from django.conf import settings
from django.core.files.base import ContentFile
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.timezone import localdate
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from exchange.members.forms import PeriodForm
from exchange.treasury.shared import (
    download,
    explained,
    language,
    papers_year,
)
from timebank import Counted, TimeBank, reports
from timebank.errors import TimebankError
from timebank.interchange.jsonl import export_jsonl
from timebank.interchange.plaintext import export_beancount, export_hledger
from timebank.interchange.rates import read_rates
from timebank.interchange.spreadsheet import MARK, balances_sheet, transfers_sheet
from timebank.reports.impact_html import impact_html
from timebank.reports.impact_text import impact_csv
from timebank.reports.presences_html import presences_html
from timebank.reports.presences_text import presences_csv
from timebank.reports.value_html import value_html
from timebank.reports.value_text import value_csv

MOST_RATES_BYTES: Final = 1_000_000


def impact(request: Any) -> HttpResponse:
    """Ask for a period; show what was exchanged as a page of its own, or as figures."""
    form = PeriodForm(request.GET or None, initial=papers_year())
    if not form.is_valid():
        request.bank.trial_balance()  # refused to who may not
        return render(request, "treasury/impact.html", {"form": form})
    head, found = request.bank.head(), request.bank.impact(**form.cleaned_data)
    if "csv" in request.GET:
        return download("impact", "csv", [MARK, impact_csv(found, language())])
    closing = next(request.bank.closings(), None)
    page = impact_html(
        found,
        language(),
        closed_through=closing and closing.through,
        title=settings.ASSOCIATION,
        made_on=localdate(),
        heads=[head],
    )
    return HttpResponse(page)


# -- the yearly papers ---------------------------------------------------------------------


class PapersForm(PeriodForm):
    """What is counted as volunteering, of which days, and at which rates.

    There are fields for the categories, funds and tags of the exchanges that the bank has.
    """

    kinds = forms.CharField(
        label=_("Kinds of exchange"),
        required=False,
        max_length=500,
        help_text=_("With commas between them. Empty: ordinary exchanges."),
    )
    by_name = forms.BooleanField(label=_("A sheet for each person, to be signed"), required=False)
    with_notes = forms.BooleanField(label=_("With the notes: they are personal"), required=False)
    rates_file = forms.FileField(
        label=_("Table of rates"),
        required=False,
        help_text=_("A sheet with the columns category and rate. Or write them below."),
        widget=forms.FileInput({"accept": ".csv,.xlsx,.ods"}),
    )
    rates = forms.CharField(
        label=_("Rates, in euros an hour"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea({"class": "code"}),
        help_text=_("A line for each category; the star stands for all others."),
    )

    def __init__(self, *given: Any, bank: TimeBank, **more: Any) -> None:
        super().__init__(*given, **more)
        lines = bank.presences().lines
        categories = sorted({one.category for one in lines if one.category})
        funds = [(one.id, one.name or one.id) for one in bank.accounts() if one.kind == "fund"]
        for name, label, choices in (
            ("categories", _("Categories"), [(one, one) for one in categories]),
            ("funds", _("Paid by the funds"), funds),
            ("tags", _("Tags"), [(t, t) for t in sorted({t for one in lines for t in one.tags})]),
        ):
            if choices:
                self.fields[name] = forms.MultipleChoiceField(
                    label=label,
                    choices=choices,
                    required=False,
                    widget=forms.CheckboxSelectMultiple,
                    help_text=_("None chosen: it does not matter."),
                )
        empty = "".join(f"{one};\n" for one in categories)
        self.fields["rates"].initial = f"{_('category;rate')}\n{empty}*;\n"
        self.order_fields(["since", "until", "kinds", "categories", "funds", "tags"])

    def clean_rates_file(self) -> Any:
        """Return the table; one that is too large for a table of rates is refused."""
        file = self.cleaned_data["rates_file"]
        if file and file.size > MOST_RATES_BYTES:
            raise forms.ValidationError(_("This file is too large for a table of rates."))
        return file


def papers(request: Any) -> HttpResponse:
    """Ask what is counted; show the register of presences, or the value of its hours."""
    form = PapersForm(
        request.POST or None, request.FILES or None, initial=papers_year(), bank=request.bank
    )
    if form.is_valid():
        try:
            return paper(request, form.cleaned_data)
        except TimebankError as error:
            form.add_error(None, explained(error))
    return render(request, "treasury/papers.html", {"form": form})


def paper(request: Any, data: dict[str, Any]) -> HttpResponse:
    """Return one of the papers, as the button that was pressed says.

    :raises InvalidRequest: what is counted cannot be, or the rates are none.
    """
    sorts: dict[str, Any] = {
        name: data[name] for name in ("categories", "funds", "tags") if name in data
    }
    if kinds := [one.strip() for one in data["kinds"].split(",") if one.strip()]:
        sorts["kinds"] = kinds
    found = request.bank.presences(
        since=data["since"], until=data["until"], counted=Counted(**sorts)
    )
    spoken, comma, notes = language(), language() == "it", data["with_notes"]
    about: Any = {"title": settings.ASSOCIATION, "made_on": localdate()}
    if "register_csv" in request.POST:
        text = presences_csv(found, spoken, with_notes=notes, semicolons=comma)
        return download("presences", "csv", [MARK, text])
    if "value" in request.POST or "value_csv" in request.POST:
        table = data["rates_file"] or ContentFile(data["rates"].encode(), gettext("rates"))
        worth = reports.value(found, read_rates(table))
        if "value_csv" in request.POST:
            text = value_csv(worth, spoken, decimal_comma=comma)
            return download("value", "csv", [MARK, text])
        return HttpResponse(value_html(worth, spoken, **about))
    by_name = data["by_name"]
    return HttpResponse(presences_html(found, spoken, by_name=by_name, with_notes=notes, **about))


# -- exports -------------------------------------------------------------------------------


def _sheet(rows: Iterable[str]) -> Iterable[str]:
    return chain([MARK], (f"{row}\r\n" for row in rows))


def _plain(rows: Iterable[str]) -> Iterable[str]:
    return (f"{row}\n" for row in rows)


#: The name in the address → what it is, the end of its file's name, and its lines.
EXPORTS: Final[dict[str, tuple[Any, str, Callable[[TimeBank], Iterable[str | bytes]]]]] = {
    "bank": (
        _("The whole bank, with names and notes: a copy from which it can be made again"),
        "jsonl",
        export_jsonl,
    ),
    "journal": (
        _("The whole journal without names and notes: whoever has it checks the published head"),
        "jsonl",
        lambda bank: export_jsonl(bank, texts=False),
    ),
    "transfers": (
        _("All exchanges, for a spreadsheet, with notes"),
        "csv",
        lambda bank: _sheet(transfers_sheet(bank, decimal_comma=language() == "it")),
    ),
    "balances": (
        _("All balances, for a spreadsheet, with names"),
        "csv",
        lambda bank: _sheet(balances_sheet(bank.trial_balance(), decimal_comma=language() == "it")),
    ),
    "hledger": (
        _("Plain-text accounting for hledger"),
        "journal",
        lambda bank: _plain(export_hledger(bank)),
    ),
    "beancount": (
        _("Plain-text accounting for Beancount"),
        "beancount",
        lambda bank: _plain(export_beancount(bank)),
    ),
}


def exports(request: Any) -> HttpResponse:
    """Show what can be taken out."""
    request.bank.trial_balance()  # refused to who may not
    files = [(name, title, ending) for name, (title, ending, _lines) in EXPORTS.items()]
    return render(request, "treasury/exports.html", {"files": files})


def export(request: Any, name: str) -> HttpResponse:
    """Send one file."""
    if name not in EXPORTS:
        raise Http404
    _title, ending, lines = EXPORTS[name]
    return download(f"{request.bank.name}-{name}", ending, lines(request.bank))
