"""Time cheques: who has which booklet, a pile of signed ones, and those that were lost."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Any, Final

from django import forms
from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as say
from django.utils.translation import gettext_lazy as _

from exchange.answers import Refused, said
from exchange.desk.shared import AtDesk, DeskForm, accounts, language, names_of
from timebank.contrib import cheques
from timebank.contrib.cheques.pile_text import outcome_text
from timebank.contrib.cheques.showing import code_text, ranges, voided_text
from timebank.contrib.cheques.voiding import Wanted, void_all
from timebank.errors import NotPermitted, TimebankError
from timebank.reports.told import in_words
from timebank.reports.words import speaking

#: What a line of the form has, and how many empty ones there are.
COLUMNS: Final = ("number", "earner", "hours", "day", "activity")
ROWS: Final = 12
CODES: Final = ("lost", "stolen", "spoiled")
ALL: Final = "all"
#: So many voided cheques are named one by one.
FEW: Final = 3
#: Bytes of a file: it is kept in the page from the preview to the booking.
LARGEST: Final = 2_000_000


# -- booklets ---------------------------------------------------------------------------


def booklets(request: Any) -> HttpResponse:
    """Show who has which booklet, and which cheques are out."""
    names = names_of(request.bank)
    found = [
        (one, names.get(one.account, one.account), ranges(one.out))
        for one in cheques.booklets(request.bank)
    ]
    return render(request, "desk/cheques.html", {"booklets": found})


class NewBooklet(DeskForm):
    """A booklet; its number makes it safe to send the form twice."""

    account = forms.ChoiceField(label=_("For whom"))
    booklet = forms.IntegerField(label=_("Number of the booklet"), min_value=1)
    cheques = forms.IntegerField(label=_("How many cheques"), min_value=1, initial=24)

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.fields["account"].choices = accounts(self.bank, "member", "group", "organisation")


class Issue(AtDesk):
    """Give an account a booklet, then print it."""

    form_class = NewBooklet
    title = _("A new booklet of cheques")
    button = _("Issue it")

    def get_initial(self) -> dict[str, Any]:
        """Begin with the next number, and the account that the address names."""
        next_one = cheques.next_booklet(self.request.bank)
        return {"booklet": next_one, "account": self.request.GET.get("account")}

    def book(self, data: dict[str, Any]) -> str:
        """Issue it. The same number for the same account is the same booklet."""
        made = cheques.issue(
            self.request.bank, data["account"], booklet=data["booklet"], cheques=data["cheques"]
        )
        self.success_url = reverse("desk_booklet", args=[made.number])
        return say("Booklet %s is issued: print it.") % made.number


class Voiding(DeskForm):
    """Which cheques are gone, and why."""

    which = forms.ChoiceField(label=_("Which cheque"))
    code = forms.ChoiceField(label=_("What happened"))
    reason = forms.CharField(label=_("Note"), required=False)

    def __init__(self, *given: Any, out: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        numbers = [(str(one), str(one)) for one in out]
        self.fields["which"].choices = [("", _("Choose")), *numbers, (ALL, _("All that are out"))]
        with speaking(language()):
            self.fields["code"].choices = [(code, code_text(code)) for code in CODES]


class Booklet(AtDesk):
    """One booklet: what became of its cheques; those that are gone are voided."""

    form_class = Voiding
    template_name = "desk/booklet.html"
    button = _("Void what was chosen")

    def get_form_kwargs(self) -> dict[str, Any]:
        """Offer all its cheques: sent twice, what was voided is void already."""
        self.booklet = cheques.booklet(self.request.bank, self.kwargs["number"])
        gone = self.booklet.out if self.request.method == "GET" else self.booklet.numbers
        return {**super().get_form_kwargs(), "out": gone}

    def get_context_data(self, **more: Any) -> dict[str, Any]:
        """Show the booklet."""
        form = more.pop("form", None) or self.get_form()
        with speaking(language()):
            voids = [(one, code_text(one.code)) for one in self.booklet.voids]
        return super().get_context_data(
            form=form,
            booklet=self.booklet,
            voids=voids,
            closed=not self.booklet.out,
            holder=self.request.bank.account(self.booklet.account),
            **more,
        )

    def get_success_url(self) -> str:
        """Return to the booklet."""
        return reverse("desk_booklet", args=[self.kwargs["number"]])

    def book(self, data: dict[str, Any]) -> str:
        """Void one, or all that are out."""
        number, which = self.kwargs["number"], data["which"]
        wanted = Wanted.of_booklet(number) if which == ALL else Wanted.of(which)
        voided, _passed = void_all(
            self.request.bank, [wanted], code=data["code"], reason=data["reason"] or None
        )
        if len(voided) > FEW:
            return say("%s cheques are void now.") % len(voided)
        with speaking(language()):
            return "; ".join(voided_text(voided))


def printed(request: Any, number: int) -> HttpResponse:
    """Show the cheques of a booklet that are out, as sheets to print.

    The code on each is an address of this site: a phone that scans it opens the form for cheques.
    """
    booklet = cheques.booklet(request.bank, number)
    page = cheques.booklet_html(
        booklet,
        request.bank.account(booklet.account),
        language=language(),
        title=settings.ASSOCIATION,
        link=request.build_absolute_uri(reverse("desk_pile")) + "?number=",
    )
    return HttpResponse(page)


# -- a pile -----------------------------------------------------------------------------


def pile(request: Any) -> HttpResponse:
    """Show what a pile of cheques would come to, line by line; then book it, in one commit.

    Each number counts once, at however many desks: the form may be sent as often as one likes.
    """
    rows, sheet = _typed(request.POST), request.POST.get("sheet", "")
    shown: dict[str, Any] = {}
    if request.method == "POST":
        try:
            sheet, given = _given(request, rows, sheet)
            report = _decided(request, given, seen=_mark(rows, sheet))
        except NotPermitted:
            raise
        except Refused as refusal:
            shown, sheet = {"refusal": str(refusal)}, ""
        except TimebankError as error:
            shown, sheet = {"refusal": said(error, request)}, ""
        else:
            if report.done:
                booked = {"n": report.count("booked"), "hours": report.hours}
                messages.success(request, say("%(n)s cheques booked: %(hours)s hours.") % booked)
                if report.ok:
                    return redirect("desk_pile")
            shown = {"report": report, "lines": _in_words(report), "seen": _mark(rows, sheet)}
            rows = [] if sheet else _still_to_do(rows, shown["lines"], done=report.done)
    people = sorted({*names_of(request.bank).values()}, key=str.casefold)
    rows = rows or [{"number": request.GET.get("number", "")}]
    rows += [{} for _more in range(ROWS - len(rows))]
    return render(
        request, "desk/pile.html", {"rows": rows, "people": people, "sheet": sheet, **shown}
    )


def _typed(post: MultiValueDict) -> list[dict[str, str]]:
    """Return the lines of the form in which something was written."""
    lines = zip(*(post.getlist(name) for name in COLUMNS), strict=False)
    rows = [dict(zip(COLUMNS, line, strict=True)) for line in lines]
    return [row for row in rows if any(map(str.strip, row.values()))]


def _still_to_do(
    rows: list[dict[str, str]], lines: list[dict[str, Any]], *, done: bool
) -> list[dict[str, str]]:
    """Return the lines of the form with why they are refused; without those that are booked."""
    why = {one["line"].line: one["why"] for one in lines}
    both = ({**row, "why": why[n]} for n, row in enumerate(rows, 1))
    return [row for row in both if row["why"] or not done]


def _given(request: Any, rows: list[dict[str, str]], sheet: str) -> tuple[str, cheques.Pile]:
    """Return a pile: of the file that was sent, or was sent before with this form, or the lines.

    :raises Refused: there is neither.
    :raises InvalidRequest: the file is no sheet.
    """
    if "file" in request.FILES:
        if request.FILES["file"].size > LARGEST:
            raise Refused(say("The file is too large for a list of cheques."))
        sheet = base64.b64encode(request.FILES["file"].read()).decode("ascii")
    try:
        made = cheques.read_pile(base64.b64decode(sheet)) if sheet else cheques.pile_of(rows)
    except binascii.Error:
        made = cheques.pile_of([])
    if not made.lines:
        raise Refused(say("Fill in a line, or choose a file with some."))
    return sheet, made


def _mark(rows: list[dict[str, str]], sheet: str) -> str:
    """Return a mark of what is about to be booked."""
    return hashlib.sha256(repr((rows, sheet)).encode()).hexdigest()


def _decided(request: Any, given: cheques.Pile, *, seen: str) -> cheques.PileReport:
    """Book a pile, where that was asked for, or show what would become of it.

    What was changed since it was shown is shown again first.
    """
    do = request.POST.get("do") if request.POST.get("seen", seen) == seen else None
    with speaking(language()):  # an Italian day is 2/3, and an English one may be another
        if do not in {"book", "others"}:
            return cheques.preview(request.bank, given)
        with transaction.atomic():
            return cheques.book(request.bank, given, leave_out=do == "others")


def _in_words(report: cheques.PileReport) -> list[dict[str, Any]]:
    """Return what becomes of each line, with names, in the language of who reads."""
    with speaking(language()):
        return [
            {
                "line": line,
                "spender": report.names.get(line.spender or "", line.spender or ""),
                "earner": report.names.get(line.earner or "", line.earner or ""),
                "outcome": outcome_text(line, report),
                "why": in_words(line.reason or "", names=report.names),
            }
            for line in report.lines
        ]
