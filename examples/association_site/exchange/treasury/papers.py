"""Papers and exports: the impact report, the register of presences, the value of hours, files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.timezone import localdate
from django.utils.translation import gettext_lazy as _

from exchange.treasury.shared import PeriodForm, download, given, language, last_year, lines_of
from timebank import TimeBank
from timebank.interchange.jsonl import export_jsonl
from timebank.interchange.plaintext import export_beancount, export_hledger, export_ledger
from timebank.interchange.spreadsheet import MARK, balances_sheet, transfers_sheet
from timebank.reports.impact_html import impact_html
from timebank.reports.impact_text import impact_csv

_CSV: Final = "text/csv; charset=utf-8"


def impact(request: Any) -> HttpResponse:
    """Ask for a period; show what was exchanged as a page of its own, or as figures."""
    form = PeriodForm(given(request), initial=last_year())
    if not form.is_valid():
        request.bank.head()  # refused to who may not
        return render(request, "treasury/impact.html", {"form": form})
    found = request.bank.impact(**form.cleaned_data)
    if "csv" in request.GET:
        return download("impact", "csv", [MARK, impact_csv(found, language())], _CSV)
    closing = next(request.bank.closings(), None)
    page = impact_html(
        found,
        language(),
        closed_through=closing and closing.through,
        title=settings.ASSOCIATION,
        made_on=localdate(),
        heads=[request.bank.head()],
    )
    return HttpResponse(page)


# -- exports -------------------------------------------------------------------------------


def _sheet(rows: Iterable[str]) -> Iterable[str]:
    return lines_of(rows, before=MARK)


def _plain(rows: Iterable[str]) -> Iterable[str]:
    return (f"{row}\n" for row in rows)


#: The name in the address → what it is, the end of its file's name, its kind, and its lines.
EXPORTS: Final[dict[str, tuple[Any, str, str, Callable[[TimeBank], Iterable[str | bytes]]]]] = {
    "bank": (
        _("The whole bank, with names and notes: a copy from which it can be made again"),
        "jsonl",
        "application/jsonl",
        export_jsonl,
    ),
    "journal": (
        _("The whole journal without names and notes: whoever has it checks the published head"),
        "jsonl",
        "application/jsonl",
        lambda bank: export_jsonl(bank, texts=False),
    ),
    "transfers": (
        _("All exchanges, for a spreadsheet, with notes"),
        "csv",
        _CSV,
        lambda bank: _sheet(transfers_sheet(bank, decimal_comma=language() == "it")),
    ),
    "balances": (
        _("All balances, for a spreadsheet, with names"),
        "csv",
        _CSV,
        lambda bank: _sheet(balances_sheet(bank.trial_balance(), decimal_comma=language() == "it")),
    ),
    "hledger": (
        _("Plain-text accounting for hledger"),
        "journal",
        "text/plain; charset=utf-8",
        lambda bank: _plain(export_hledger(bank)),
    ),
    "ledger": (
        _("Plain-text accounting for Ledger"),
        "ledger",
        "text/plain; charset=utf-8",
        lambda bank: _plain(export_ledger(bank)),
    ),
    "beancount": (
        _("Plain-text accounting for Beancount"),
        "beancount",
        "text/plain; charset=utf-8",
        lambda bank: _plain(export_beancount(bank)),
    ),
}


def exports(request: Any) -> HttpResponse:
    """Show what can be taken out."""
    request.bank.trial_balance()  # refused to who may not
    files = [(name, title, ending) for name, (title, ending, *_rest) in EXPORTS.items()]
    return render(request, "treasury/exports.html", {"files": files})


def export(request: Any, name: str) -> HttpResponse:
    """Send one file."""
    if name not in EXPORTS:
        raise Http404
    _title, ending, kind, lines = EXPORTS[name]
    return download(f"{request.bank.name}-{name}", ending, lines(request.bank), kind)
