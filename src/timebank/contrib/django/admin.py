"""The pages of the ledger in Django's admin: to look at, with Django's permissions."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import wraps
from typing import Any, ClassVar, Final

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.dateparse import parse_date
from django.utils.text import capfirst
from django.utils.timezone import localdate
from django.utils.translation import get_language, npgettext, pgettext

from timebank.audit import AuditReport
from timebank.bank import TimeBank
from timebank.contrib.django import conf, models, pages, words
from timebank.contrib.django.joining import joined
from timebank.errors import BankNotFound, InvalidRequest, NotFound, StoreError, TimebankError
from timebank.model import ACCOUNT_KINDS
from timebank.model.ids import identifier
from timebank.queries.holds import STATUSES
from timebank.reports.findings import cause_words, spoken
from timebank.reports.marks import amended_words, taken_back_words, takes_back_words
from timebank.reports.statement import (
    across_of_line,
    line_figures,
    shown_columns,
    total_figures,
)
from timebank.reports.text import harmless, title_of
from timebank.reports.words import DEFAULT, Words, languages

#: What a page shows: the values of its template.
Context = dict[str, Any]
View = Callable[..., Context | HttpResponse]
_LOOK: Final = ("GET", "HEAD", "OPTIONS")
_ACCOUNT_STATUSES: Final = ("open", "frozen", "closed", "agreed")
_A_YEAR: Final = timedelta(days=365)
#: What a line of a statement says besides.
_MARKS: Final = (takes_back_words, taken_back_words, amended_words)


class LookAdmin(admin.ModelAdmin):
    """A part of the ledger that the admin shows. There is nothing to add, change or delete."""

    #: The views: the end of their name, their address, the method, and its template.
    views: ClassVar[tuple[tuple[str, str, str], ...]] = ()
    #: The methods that each is asked by; `POST` changes nothing here either.
    methods: ClassVar[tuple[str, ...]] = _LOOK

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Refuse."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Refuse."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Refuse."""
        return False

    def get_urls(self) -> list[Any]:
        """Return the addresses of the views; of those of a `ModelAdmin` there is none."""
        label = f"{self.opts.app_label}_{self.opts.model_name}"
        return [
            path(
                address,
                self.admin_site.admin_view(self._page(getattr(self, view), view)),
                name=f"{label}_{name}",
            )
            for name, address, view in self.views
        ]

    @property
    def bank(self) -> TimeBank:
        """The bank of the settings. Who may look at it, Django's permissions say."""
        config = conf.config()
        return joined(config.bank, alias=config.database, create=False)

    def _page(self, view: View, name: str) -> Callable[..., HttpResponse]:
        template = f"admin/timebank/{name}.html"

        @wraps(view)
        def page(request: HttpRequest, **which: Any) -> HttpResponse:
            if request.method not in self.methods:
                return HttpResponseNotAllowed(self.methods)
            if not self.has_view_permission(request):
                raise PermissionDenied
            context: Context = {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "title": capfirst(self.opts.verbose_name_plural),
                "config": conf.config(),
            }
            status = 200
            try:
                found = view(request, **which)
                if isinstance(found, HttpResponse):
                    return found
                context |= found
            except BankNotFound:
                context["missing"] = True
            except NotFound as error:
                raise Http404(str(error)) from error
            except TimebankError as error:
                context["failure"], status = harmless(str(error)), 500
            request.current_app = self.admin_site.name
            return TemplateResponse(request, template, context, status=status)

        return page


@admin.register(models.Account)
class AccountAdmin(LookAdmin):
    """Accounts with their balances, and the statement of each."""

    views = (("changelist", "", "accounts"), ("statement", "<path:id>/", "statement"))

    def accounts(self, request: HttpRequest) -> Context:
        """List the accounts."""
        asked = {
            "q": request.GET.get("q", "").strip(),
            "kind": _one_of(request, "kind", ACCOUNT_KINDS),
            "status": _one_of(request, "status", _ACCOUNT_STATUSES),
        }
        found = pages.accounts(
            self.bank,
            search=asked["q"],
            kind=asked["kind"],
            status=asked["status"],
            page=_number(request, "p") or 1,
            now=datetime.now(UTC),
        )
        return {
            "found": found,
            "asked": asked,
            "kinds": [(kind, words.of("account", kind)) for kind in ACCOUNT_KINDS],
            "statuses": [(one, words.of("status", one)) for one in _ACCOUNT_STATUSES],
        }

    def statement(self, request: HttpRequest, id: str) -> Context:
        """Show the statement of one account: the last year, unless days are asked for."""
        bank, account = self.bank, _id(id)
        since, until = _days(request)
        made = bank.statement(account, since=since, until=until)
        said, counted = Words("statement", _language()), shown_columns(made)
        lines = [
            {
                "line": line,
                "others": across_of_line(made, line.across) or pages.named(line.others, made.names),
                "marks": [*filter(None, (mark(line, said) for mark in _MARKS))],
                "figures": list(zip(map(said, counted), line_figures(line, counted), strict=True)),
            }
            for line in made.lines
        ]
        sums = list(zip(map(said, counted), total_figures(made, counted), strict=True))
        whose = harmless(f"{account} {made.account.name or ''}")
        return {
            "title": pgettext("timebank", "Statement of %(account)s") % {"account": whose},
            "made": made,
            "lines": lines,
            "sums": sums,
            "balance": bank.balance(account),
            "since": since,
            "until": until,
        }


@admin.register(models.Hold)
class HoldAdmin(LookAdmin):
    """Holds: the open ones, or those of another status."""

    views = (("changelist", "", "holds"),)

    def holds(self, request: HttpRequest) -> Context:
        """List the holds."""
        status = request.GET.get("status", "open")
        if status not in ("", *STATUSES):
            status = "open"
        after = _number(request, "after") or 0
        found = pages.holds(self.bank, status=status, after=after, now=datetime.now(UTC))
        return {
            "found": found,
            "status": status,
            "after": after,
            "statuses": [(one, words.of("status", one)) for one in STATUSES],
        }


@admin.register(models.Record)
class RecordAdmin(LookAdmin):
    """The journal, newest first, each record, and a receipt of what moves hours or holds them."""

    views = (
        ("changelist", "", "journal"),
        ("record", "<int:sequence>/", "record"),
        ("receipt", "<int:sequence>/receipt/", "receipt"),
    )

    def journal(self, request: HttpRequest) -> Context:
        """List the records."""
        return {"found": pages.journal(self.bank, before=_number(request, "before"))}

    def record(self, request: HttpRequest, sequence: int) -> Context:
        """Show one record."""
        found = pages.record(self.bank, sequence)
        if found is None:
            raise Http404
        return {
            "title": pgettext("timebank", "Record %(number)s") % {"number": sequence},
            "found": found,
        }

    def receipt(self, request: HttpRequest, sequence: int) -> HttpResponse:
        """Return the receipt of one record: a page to print, or with `?as=file` its text alone."""
        found, key = pages.record(self.bank, sequence), conf.config().key
        if found is None or found.receipt is None or key is None:
            raise Http404
        from timebank.proof import receipt
        from timebank.reports.receipt_html import receipt_html

        bank = self.bank
        try:
            made = receipt(bank, found.receipt, key=key)
            checked = made.checked(key)
        except OSError as error:
            msg = f"the file of the bank's key cannot be read: {error}"
            raise StoreError(msg) from error
        if request.GET.get("as") == "file":
            headers = {"Content-Disposition": f"attachment; filename=record-{sequence}.tlog-proof"}
            return HttpResponse(
                str(made), content_type="text/plain; charset=utf-8", headers=headers
            )
        title = title_of(os.environ.get("TIMEBANK_TITLE"), [bank.name])
        return HttpResponse(
            receipt_html(checked, printed_on=localdate(), language=_language(), title=title)
        )


@admin.register(models.Audit)
class AuditAdmin(LookAdmin):
    """A quick audit, when the button is pressed."""

    views = (("changelist", "", "audit"),)
    methods = (*_LOOK, "POST")

    def audit(self, request: HttpRequest) -> Context:
        """Show the button and, when it was pressed, what was found."""
        bank = self.bank
        if request.method != "POST":
            return {"head": bank.head()}
        report = bank.audit(quick=True)
        return {
            "head": report.head,
            "report": report,
            "verdict": _verdict(report),
            "causes": _causes(report),
        }


def _verdict(report: AuditReport) -> str:
    if report.ok:
        records = npgettext("timebank", "%(count)d record", "%(count)d records", report.records)
        accounts = npgettext("timebank", "%(count)d account", "%(count)d accounts", report.accounts)
        well: str = pgettext("timebank", "All well: %(records)s and %(accounts)s agree.")
        return well % {
            "records": records % {"count": report.records},
            "accounts": accounts % {"count": report.accounts},
        }
    found = len(report.findings)
    text: str = npgettext(
        "timebank", "Not well: %(count)d finding.", "Not well: %(count)d findings.", found
    )
    return str(text % {"count": found})


def _language() -> str:
    """Return the language of the reader, where the reports know it."""
    code = (get_language() or DEFAULT).partition("-")[0]
    return code if code in languages() else DEFAULT


def _causes(report: AuditReport) -> list[dict[str, Any]]:
    """Return the causes in the language of the site, each with what is found of it."""
    said = Words("findings", _language())
    causes = []
    for cause in report.causes:
        what, *details = cause_words(cause, report, said)
        found = [
            {
                "number": number,
                "check": report.findings[number - 1].check,
                **{
                    side: spoken(getattr(report.findings[number - 1], side), said, report.names)
                    for side in ("place", "expected", "found")
                },
            }
            for number in cause.findings
        ]
        advice = spoken(cause.advice, said)
        causes.append({"what": what, "details": details, "advice": advice, "findings": found})
    return causes


def _id(quoted: str) -> str:
    """Return the id of an account that an address has.

    :raises Http404: it is none.
    """
    try:
        return identifier(unquote(quoted), "account id")
    except InvalidRequest as error:
        raise Http404(str(error)) from error


def _one_of(request: HttpRequest, name: str, allowed: tuple[str, ...]) -> str:
    given: str = request.GET.get(name, "")
    return given if given in allowed else ""


def _number(request: HttpRequest, name: str) -> int | None:
    """Return the number of a page; `None` where none is given, or what is given is none."""
    given = request.GET.get(name, "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 17 else None  # noqa: PLR2004 - the digits of a sequence


def _days(request: HttpRequest) -> tuple[date | None, date | None]:
    """Return the days that are asked for; what is none is told, and left out."""
    since, until = _day(request, "since"), _day(request, "until")
    if since is not None and until is not None and since > until:
        messages.error(
            request, pgettext("timebank", "The first day is after the last one: both are left out.")
        )
        return None, None
    if "since" not in request.GET and "until" not in request.GET:
        since = datetime.now(UTC).date() - _A_YEAR
    return since, until


def _day(request: HttpRequest, name: str) -> date | None:
    given = request.GET.get(name, "").strip()
    try:
        found: date | None = parse_date(given)
    except ValueError:
        found = None
    if given and found is None:
        text = pgettext(
            "timebank", "“%(given)s” is no day: write it as 2026-03-31. It is left out."
        )
        messages.error(request, text % {"given": given[:40]})
    return found
