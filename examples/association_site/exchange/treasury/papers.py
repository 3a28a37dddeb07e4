"""Papers and exports: the impact report, the register of presences, the value of hours, files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, timedelta
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
from exchange.treasury.shared import download
from timebank import Counted, TimeBank, explain, reports
from timebank.errors import TimebankError
from timebank.interchange.jsonl import export_jsonl
from timebank.interchange.rates import read_rates
from timebank.interchange.spreadsheet import MARK, balances_sheet, transfers_sheet
from timebank.reports.impact_html import impact_html
from timebank.reports.impact_text import impact_csv
from timebank.reports.presences_html import presences_html
from timebank.reports.presences_text import presences_csv
from timebank.reports.value_html import value_html
from timebank.reports.value_text import value_csv
from timebank.reports.words import language

#: By what an association may say which exchanges it counts.
SORTS: Final = ("kinds", "categories", "funds", "tags")


def papers_year() -> dict[str, date]:
    """Return the days of the year of which papers are made: until summer that is the last one."""
    year = (localdate() - timedelta(days=182)).year
    return {"since": date(year, 1, 1), "until": date(year, 12, 31)}


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
    through = closing and closing.through
    return HttpResponse(
        impact_html(found, language(), closed_through=through, heads=[head], **about())
    )


def about() -> dict[str, Any]:
    """Return what each paper says of itself."""
    return {"title": settings.ASSOCIATION, "made_on": localdate()}


class PapersForm(PeriodForm):
    """What is counted as volunteering, of what there is in the bank, and at which rates."""

    kinds = forms.CharField(
        label=_("Kinds of exchange"),
        required=False,
        help_text=_("With commas between them. Empty: ordinary exchanges."),
    )
    by_name = forms.BooleanField(label=_("A sheet for each person, to be signed"), required=False)
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
        tags = sorted({tag for one in lines for tag in one.tags})
        funds = [(one.id, one.name or one.id) for one in bank.accounts() if one.kind == "fund"]
        for name, label, choices in (
            ("categories", _("Categories"), [(one, one) for one in categories]),
            ("funds", _("Paid by the funds"), funds),
            ("tags", _("Tags"), [(one, one) for one in tags]),
        ):
            if choices:
                self.fields[name] = forms.MultipleChoiceField(
                    label=label,
                    choices=choices,
                    required=False,
                    widget=forms.CheckboxSelectMultiple,
                )
        empty = "".join(f"{one};\n" for one in categories)
        self.fields["rates"].initial = f"{_('category;rate')}\n{empty}*;\n"
        self.order_fields(["since", "until", *SORTS])

    def clean_kinds(self) -> list[str]:
        """Return the kinds, one by one."""
        return [one.strip() for one in self.cleaned_data["kinds"].split(",") if one.strip()]


def papers(request: Any) -> HttpResponse:
    """Ask what is counted; show the register of presences, or the value of its hours."""
    form = PapersForm(request.POST or None, initial=papers_year(), bank=request.bank)
    if form.is_valid():
        try:
            return paper(request, form.cleaned_data)
        except TimebankError as error:
            form.add_error(None, explain(error))
    return render(request, "treasury/papers.html", {"form": form})


def paper(request: Any, data: dict[str, Any]) -> HttpResponse:
    """Return one of the papers, as the button that was pressed says."""
    counted = Counted(**{sort: data[sort] for sort in SORTS if data.get(sort)})
    found = request.bank.presences(since=data["since"], until=data["until"], counted=counted)
    spoken, comma = language(), language() == "it"
    if "register" in request.POST:
        return HttpResponse(presences_html(found, spoken, by_name=data["by_name"], **about()))
    if "register_csv" in request.POST:
        text = presences_csv(found, spoken, semicolons=comma)
        return download("presences", "csv", [MARK, text])
    table = ContentFile(data["rates"].encode(), gettext("rates"))
    worth = reports.value(found, read_rates(table))
    if "value_csv" in request.POST:
        return download("value", "csv", [MARK, value_csv(worth, spoken, decimal_comma=comma)])
    return HttpResponse(value_html(worth, spoken, **about()))


#: The name in the address → the end of the file's name, and its lines, with decimal commas or not.
EXPORTS: Final[dict[str, tuple[str, Callable[[TimeBank, bool], Iterable[str | bytes]]]]] = {
    "bank": ("jsonl", lambda bank, _: export_jsonl(bank)),
    "journal": ("jsonl", lambda bank, _: export_jsonl(bank, texts=False)),
    "transfers": ("csv", lambda bank, comma: transfers_sheet(bank, decimal_comma=comma).file()),
    "balances": (
        "csv",
        lambda bank, comma: balances_sheet(bank.trial_balance(), decimal_comma=comma).file(),
    ),
}


def exports(request: Any) -> HttpResponse:
    """Show what can be taken out."""
    request.bank.trial_balance()  # refused to who may not
    return render(request, "treasury/exports.html")


def export(request: Any, name: str) -> HttpResponse:
    """Send one file."""
    if name not in EXPORTS:
        raise Http404
    ending, lines = EXPORTS[name]
    return download(f"{request.bank.name}-{name}", ending, lines(request.bank, language() == "it"))
