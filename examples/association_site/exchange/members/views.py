"""What members see: their hours, their statement, the directory, what they ask to put right."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.views import PasswordChangeView
from django.contrib.messages.views import SuccessMessageMixin
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from exchange.access import accounts_of
from exchange.answers import Booking, SentBefore
from exchange.members.forms import CorrectForm, DelegateForm, PeriodForm
from exchange.members.proposals import State, shown
from exchange.models import Correction, Proposal
from exchange.people import Names, directory
from timebank.interchange.spreadsheet import MARK, statement_sheet

#: How far back the first page looks for the last exchanges, and how many it shows.
RECENT: Final = timedelta(days=90)
FEW: Final = 5


def home(request: Any) -> HttpResponse:
    """Show the accounts for which somebody acts: what they have, and what waits."""
    bank, accounts = request.bank, []
    rows = Proposal.objects.filter(state=State.OPEN)
    for id in accounts_of(request):
        recent = bank.statement(id, since=timezone.localdate() - RECENT)
        asked = [hold for hold in recent.holds if id in hold.earners]
        proposed = [hold for hold in recent.holds if id not in hold.earners]
        one = {
            "account": recent.account,
            "balance": bank.balance(id),
            "asked": shown([*rows.filter(spender=id), *asked], bank),
            "proposed": shown([*rows.filter(earner=id), *proposed], bank),
            "lines": lines_of(recent)[:FEW],
        }
        accounts.append(one)
    return render(request, "members/home.html", {"accounts": accounts})


def lines_of(statement: Any) -> list[dict[str, Any]]:
    """Return the lines of a statement, the newest first, with the names of the other side."""
    names = statement.names
    return [
        {"line": line, "others": ", ".join(names.get(id, id) for id in line.others)}
        for line in reversed(statement.lines)
    ]


# -- the statement -----------------------------------------------------------------------


def statement(request: Any, id: str) -> HttpResponse:
    """Show the statement of an account in a period: this year, unless it is said otherwise."""
    today = timezone.localdate()
    form = PeriodForm(request.GET or {"since": date(today.year, 1, 1)})
    period = form.cleaned_data if form.is_valid() else {}
    made = request.bank.statement(id, since=period.get("since"), until=period.get("until"))
    if "sheet" in request.GET:
        return _sheet(made)
    years = [(year, date(year, 1, 1), date(year, 12, 31)) for year in (today.year, today.year - 1)]
    exchanges = [one for one in lines_of(made) if one["line"].id and not one["line"].reverses]
    content = {"made": made, "form": form, "years": years, "exchanges": exchanges, "today": today}
    return render(request, "members/statement.html", content)


def _sheet(made: Any) -> HttpResponse:
    """Return a statement as a table that a spreadsheet of the reader's language opens."""
    lines = statement_sheet(made, decimal_comma=(get_language() or "it")[:2] == "it")
    name = f"statement-{made.account.id}.csv"
    answer = HttpResponse(MARK + "\r\n".join([*lines, ""]), content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = content_disposition_header(True, name)
    return answer


# -- corrections -------------------------------------------------------------------------


class Correct(Booking):
    """Ask the coordinator to put an exchange right."""

    template_name = "members/correct.html"
    form_class = CorrectForm
    title = gettext_lazy("Ask for a correction")
    button = gettext_lazy("Send it to the coordinator")
    success_url = reverse_lazy("corrections")

    def get_context_data(self, **more: Any) -> dict[str, Any]:
        """Show the exchange, to whom the bank shows it."""
        bank = self.request.bank
        made, names = bank.transfer_by_id(self.kwargs["id"]), Names(bank)
        for account in accounts_of(self.request):
            if account in made.earners | made.spenders:
                day = bank.statement(account, since=made.occurred_on, until=made.occurred_on)
                names.add(day.names)
        sides = [", ".join(names[id] for id in side) for side in (made.earners, made.spenders)]
        shown = {"made": made, "earner": sides[0], "spender": sides[1]}
        return super().get_context_data(**shown, **more)

    def book(self, data: dict[str, Any]) -> str:
        """Keep what is asked, once for each form that was opened."""
        made = self.request.bank.transfer_by_id(self.kwargs["id"])
        both = [*made.earners, *made.spenders]
        own = [id for id in accounts_of(self.request) if id in both]
        values = {
            "transfer": made.id,
            "account": (own or both)[0],
            "asked_by": self.request.person.actor,
            "text": data["text"],
        }
        row, made_now = Correction.objects.get_or_create(id=data["operation"], defaults=values)
        if not made_now and any(getattr(row, name) != value for name, value in values.items()):
            raise SentBefore
        return _("The coordinator will look at it, and answer here.")


def corrections(request: Any) -> HttpResponse:
    """Show what was asked to be put right for the accounts for which one acts."""
    asked = Correction.objects.filter(account__in=accounts_of(request)).order_by("-asked_at")
    rows = [{"row": row, "made": request.bank.transfer_by_id(row.transfer)} for row in asked]
    return render(request, "members/corrections.html", {"rows": rows})


# -- people ------------------------------------------------------------------------------


def people(request: Any) -> HttpResponse:
    """Show who wants to be found, by name: nothing else of anybody."""
    sought = request.GET.get("q", "").strip()
    found = {
        id: name
        for id, name in directory(but=[request.person.actor]).items()
        if sought.casefold() in name.casefold()
    }
    return render(request, "members/people.html", {"found": found, "sought": sought})


def profile(request: Any) -> HttpResponse:
    """Show what one may choose: whether to be found, who may act for one, the password."""
    bank, actor = request.bank, request.person.actor
    own = actor in accounts_of(request)
    named = bank.delegates(actor) if own else ()
    names = Names(bank, told=[one.delegate for one in named])
    content = {
        "own": own,
        "acts_for": [(one, names[one.account]) for one in bank.acts_for(actor)],
        "delegates": [(one, names[one.delegate]) for one in named],
    }
    return render(request, "members/profile.html", content)


@require_POST
def listed(request: Any) -> HttpResponse:
    """Put somebody into the directory, or take them out: the same twice is the same."""
    request.person.listed = "listed" in request.POST
    request.person.save(update_fields=["listed"])
    said = _("Others find you now.") if request.person.listed else _("Nobody finds you now.")
    messages.success(request, said)
    return redirect("profile")


class NameDelegate(Booking):
    """Let somebody act for one's own account, until a day."""

    form_class = DelegateForm
    title = gettext_lazy("Let somebody act for you")
    button = gettext_lazy("Let them act for me")
    success_url = reverse_lazy("profile")

    def get_form_kwargs(self) -> dict[str, Any]:
        """Give the form who it is about."""
        return {**super().get_form_kwargs(), "but": self.request.person.actor}

    def get_initial(self) -> dict[str, Any]:
        """Begin with a year from now."""
        return {"until": timezone.localdate() + timedelta(days=365)}

    def book(self, data: dict[str, Any]) -> str:
        """Name them, in the ledger."""
        bank, actor = self.request.bank, self.request.person.actor
        bank.name_delegate(actor, data["delegate"], until=data["until"])
        return _("%s may act for you now.") % directory()[data["delegate"]]


@require_POST
def end_delegate(request: Any) -> HttpResponse:
    """End it, for one's own account or as the delegate: who is none any more stays none."""
    with transaction.atomic():
        request.bank.end_delegate(request.POST.get("account", ""), request.POST.get("delegate", ""))
    messages.success(request, _("This has ended."))
    return redirect("profile")


class Password(SuccessMessageMixin, PasswordChangeView):
    """Change the password."""

    success_url = reverse_lazy("profile")
    success_message = gettext_lazy("The password is changed.")
