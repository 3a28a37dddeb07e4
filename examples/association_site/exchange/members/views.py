"""What members see: their hours, their statement, the directory, what they ask to put right."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.views import PasswordChangeView
from django.contrib.messages.views import SuccessMessageMixin
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from exchange.access import accounts_of
from exchange.answers import Booking, pressed
from exchange.members.forms import CorrectForm, DelegateForm, PeriodForm
from exchange.models import Correction, Proposal
from exchange.people import directory, names_for

#: How far back the first page looks for the last exchanges, and how many it shows.
RECENT: Final = timedelta(days=90)
FEW: Final = 5


def home(request: Any) -> HttpResponse:
    """Show the accounts for which somebody acts: what they have, and what waits."""
    bank, today, accounts, told = request.bank, timezone.localdate(), [], []
    rows = Proposal.objects.filter(state=Proposal.State.OPEN)
    for id in accounts_of(request):
        made = bank.statement(id, since=today - RECENT)
        asked = [*rows.filter(spender=id), *(one for one in made.holds if id in one.earners)]
        own = [*rows.filter(earner=id), *(one for one in made.holds if id not in one.earners)]
        lines = made.lines[: -FEW - 1 : -1]
        accounts.append((made, bank.balance(id), asked, own, lines))
        for one in (*asked, *own):  # who proposes says who they are
            told += [one.actor, *(one.earners if isinstance(one, Proposal) else one.spenders)]
    shown = {"accounts": accounts, "names": names_for(bank, told=told), "today": today}
    return render(request, "members/home.html", shown)


def statement(request: Any, id: str) -> HttpResponse:
    """Show the statement of an account in a period: this year, unless it is said otherwise."""
    today = timezone.localdate()
    form = PeriodForm(request.GET or {"since": date(today.year, 1, 1)})
    period = form.cleaned_data if form.is_valid() else {}
    made = request.bank.statement(id, since=period.get("since"), until=period.get("until"))
    shown = {"made": made, "form": form, "lines": made.lines[::-1], "today": today}
    return render(request, "members/statement.html", shown)


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
        made = self.request.bank.transfer_by_id(self.kwargs["id"])
        return super().get_context_data(one=made, names=self.names(), **more)

    def book(self, data: dict[str, Any]) -> str:
        """Keep what is asked, once for each form that was opened."""
        made = self.request.bank.transfer_by_id(self.kwargs["id"])
        both = [*made.earners, *made.spenders]
        account = next((id for id in accounts_of(self.request) if id in both), both[0])
        asked = {"account": account, "asked_by": self.request.person.actor, "text": data["text"]}
        Correction.keep(data["operation"], transfer=made.id, **asked)
        return _("The coordinator will look at it, and answer here.")


def corrections(request: Any) -> HttpResponse:
    """Show what was asked to be put right for the accounts for which one acts."""
    asked = Correction.objects.filter(account__in=accounts_of(request)).order_by("-asked_at")
    rows = [(row, request.bank.transfer_by_id(row.transfer)) for row in asked]
    return render(request, "members/corrections.html", {"rows": rows})


# -- people ------------------------------------------------------------------------------


def people(request: Any) -> HttpResponse:
    """Show who wants to be found, by name: nothing else of anybody."""
    return render(request, "members/people.html", {"found": directory(but=[request.person.actor])})


def profile(request: Any) -> HttpResponse:
    """Show what one may choose: whether to be found, who may act for one, the password."""
    bank, actor = request.bank, request.person.actor
    own = actor in accounts_of(request)
    named = bank.delegates(actor) if own else ()
    names = names_for(bank, told=[one.delegate for one in named])
    shown = {"own": own, "acts_for": bank.acts_for(actor), "delegates": named, "names": names}
    return render(request, "members/profile.html", shown)


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
        actor, delegate = self.request.person.actor, data["delegate"]
        self.request.bank.name_delegate(actor, delegate, until=data["until"])
        return _("%s may act for you now.") % directory()[delegate]


@require_POST
def end_delegate(request: Any, id: str | None = None) -> HttpResponse:
    """End it, for one's own account, as the delegate, or at the desk; twice, it is ended once."""
    account, delegate = id or request.POST.get("account", ""), request.POST.get("delegate", "")
    end, to = request.bank.end_delegate, ("desk_account", id) if id else ("profile",)
    return pressed(request, lambda: end(account, delegate), _("This has ended."), *to)


class Password(SuccessMessageMixin, PasswordChangeView):
    """Change the password."""

    success_url = reverse_lazy("profile")
    success_message = gettext_lazy("The password is changed.")
