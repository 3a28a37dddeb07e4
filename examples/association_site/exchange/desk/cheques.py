"""Time cheques: who has which booklet, a pile of signed ones, and those that were lost."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as say
from django.utils.translation import gettext_lazy as _

from exchange.answers import Booking, pressed
from exchange.desk.shared import AccountField, page
from timebank.contrib import cheques
from timebank.contrib.django.forms import OnceForm

#: What a line of a pile has, and how many lines the form has at least.
COLUMNS: Final = ("number", "earner", "hours", "day", "activity")
LINES: Final = 12
CODES: Final = ("lost", "stolen", "spoiled")


def booklets(request: Any) -> HttpResponse:
    """Show who has which booklet, and which cheques are out."""
    found = [(one, cheques.ranges(one.out)) for one in cheques.booklets(request.bank)]
    return page(request, "cheques", booklets=found)


class NewBooklet(OnceForm):
    """A booklet; its number makes it safe to send the form twice."""

    account = AccountField(label=_("For whom"))
    booklet = forms.IntegerField(label=_("Number of the booklet"), min_value=1)
    cheques = forms.IntegerField(label=_("How many cheques"), min_value=1, initial=24)


class Issue(Booking):
    """Give an account a booklet, then print it."""

    template_name = "desk/form.html"
    form_class = NewBooklet
    title = _("A new booklet of cheques")
    button = _("Issue it")

    def get_initial(self) -> dict[str, Any]:
        """Begin with the next number."""
        return {"booklet": cheques.next_booklet(self.request.bank)}

    def book(self, data: dict[str, Any]) -> str:
        """Issue it; the page of the booklet comes next."""
        what = {name: data[name] for name in ("booklet", "cheques")}
        made = cheques.issue(self.request.bank, data["account"], **what)
        self.success_url = reverse("desk_booklet", args=[made.number])
        return say("Booklet %s is issued: print it.") % made.number


def booklet(request: Any, number: int) -> HttpResponse:
    """Show what became of its cheques; void one, or all that are out. What is void stays void."""
    found, post = cheques.booklet(request.bank, number), request.POST
    if which := post.get("which"):

        def work() -> None:
            some = cheques.Wanted.of_booklet(number) if which == "all" else cheques.Wanted.of(which)
            why = {"code": post.get("code", "lost"), "reason": post.get("reason") or None}
            cheques.void_all(request.bank, [some], **why)

        return pressed(request, work, say("They are void now."), "desk_booklet", str(number))
    voids = [(one, cheques.code_text(one.code)) for one in found.voids]
    codes = [(code, cheques.code_text(code)) for code in CODES]
    return page(request, "booklet", booklet=found, voids=voids, codes=codes)


def printed(request: Any, number: int) -> HttpResponse:
    """Show the cheques of a booklet that are out, as sheets to print.

    The code on each is an address of this site: a phone that scans it opens the form for cheques.
    """
    found = cheques.booklet(request.bank, number)
    link = request.build_absolute_uri(reverse("desk_pile")) + "?number="
    words = {"language": get_language() or "it", "title": settings.ASSOCIATION}
    holder = request.bank.account(found.account)
    return HttpResponse(cheques.booklet_html(found, holder, link=link, **words))


def pile(request: Any) -> HttpResponse:
    """Show what a pile of cheques would come to, line by line; then book it, in one commit.

    Each number counts once, at however many desks: the form may be sent as often as one likes.
    What was changed since it was shown is shown again first.
    """
    bank, post = request.bank, request.POST
    typed = zip(*(post.getlist(name) for name in COLUMNS), strict=False)
    rows = [dict(zip(COLUMNS, one, strict=True)) for one in typed if any(map(str.strip, one))]
    made = cheques.pile_of(rows)
    shown: dict[str, Any] = {"seen": made.digest, "empty": request.method == "POST" and not rows}
    if rows:
        if post.get("do") in {"book", "others"}:
            leave_out, seen = post["do"] == "others", post.get("seen")
            with transaction.atomic():
                report = cheques.book(bank, made, leave_out=leave_out, seen=seen)
        else:
            report = cheques.preview(bank, made)
        if report.done:
            booked = {"n": report.count("booked"), "hours": report.hours}
            messages.success(request, say("%(n)s cheques booked: %(hours)s hours.") % booked)
            if report.ok:
                return redirect("desk_pile")
        lines = [(one, cheques.outcome_text(one, report)) for one in report.lines]
        shown |= {"report": report, "lines": lines}
        why = (cheques.reason_text(one, report) for one in report.lines)
        both = [{**row, "why": reason} for row, reason in zip(rows, why, strict=True)]
        rows = [row for row in both if row["why"] or not report.done]
    rows = rows or [{"number": request.GET.get("number", "")}]
    rows += [{}] * (LINES - len(rows))
    return page(request, "pile", rows=rows, **shown)
