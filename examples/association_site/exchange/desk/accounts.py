"""The accounts: opened, looked at, suspended, left; who signs in, and who acts for whom."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as say
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from exchange.answers import Booking, pressed
from exchange.desk.shared import AccountField, names_of, page
from exchange.fields import DayField
from exchange.models import Person, Proposal
from exchange.people import person_made, welcome_path
from timebank import Donate, WriteOff
from timebank.contrib.django.forms import OnceForm
from timebank.reports.members import events_text, leaving_text


def listed(request: Any) -> HttpResponse:
    """Show the accounts that a search finds, with their balances."""
    search, lines = request.GET.get("q", "").strip(), request.bank.trial_balance().lines
    names = [((one.name or one.account).casefold(), one) for one in lines]
    names.sort(key=lambda pair: pair[0])
    found = [one for name, one in names if search.casefold() in f"{name} {one.account}"]
    return page(request, "accounts", found=found, search=search)


def account(request: Any, id: str) -> HttpResponse:
    """Show an account: what it has, who acts for it, what is reserved, and its history."""
    bank = request.bank
    shown = {
        "account": bank.account(id),
        "balance": bank.balance(id),
        "delegates": bank.delegates(id),
        "holds": bank.holds(account=id),
        "events": events_text(bank.events(id), names=names_of(bank)),
        "login": User.objects.filter(person__actor=id).first(),
    }
    whose, link = request.session.get("welcome", ("", ""))
    if whose == id:  # a link to choose a password is shown once
        del request.session["welcome"]
        shown["link"] = request.build_absolute_uri(link)
    return page(request, "account", **shown)


@require_POST
def state(request: Any, id: str) -> HttpResponse:
    """Suspend an account, or let it go on; done twice, it is done once."""
    act, done = request.bank.thaw, say("The account is open again.")
    if request.POST.get("do") == "freeze":
        act, done = request.bank.freeze, say("The account is suspended.")
    reason = request.POST.get("reason", "").strip() or None
    return pressed(request, lambda: act(id, reason=reason), done, "desk_account", id)


def let_in(request: Any, id: str, username: str) -> None:
    """Let the holder of an account sign in: its page shows a link to choose a password, once.

    Who has a role here gets none at the desk.
    """
    name, person = request.bank.account(id).name, Person.objects.filter(actor=id).first()
    if person is None:
        User(username=username).clean_fields(exclude=["password"])
        if User.objects.filter(username__iexact=username).exists():
            raise ValidationError(say("Somebody else signs in with this name."))
        person = person_made(username, name or id, actor=id)
    if person.user.is_staff or person.user.groups.exists():
        raise ValidationError(say("Who has a role here gets no link at the desk."))
    request.session["welcome"] = [id, welcome_path(person.user)]


@require_POST
def login(request: Any, id: str) -> HttpResponse:
    """Make a link for who has an account; with it an older one is worth nothing once it is used."""
    username, done = request.POST.get("username", ""), say("Here is the link.")
    return pressed(request, lambda: let_in(request, id, username), done, "desk_account", id)


class Opening(OnceForm):
    """What is known of who joins."""

    name = forms.CharField(label=_("Name"), max_length=200)
    kind = forms.ChoiceField(label=_("Whose account"), choices=[
        ("member", _("A member")), ("group", _("A family or a group")),
        ("organisation", _("An association or a firm")),
    ])  # fmt: skip
    joined_on = DayField(label=_("Joined on"), initial=timezone.localdate)
    username = forms.CharField(
        label=_("Name to sign in with"), required=False,
        help_text=_("Leave it empty for who does not use this site."),
    )  # fmt: skip


class Open(Booking):
    """Open an account, under an id that tells nothing: the journal keeps it for ever."""

    template_name = "desk/form.html"
    form_class = Opening
    title = _("Open an account")
    button = _("Open the account")

    def book(self, data: dict[str, Any]) -> str:
        """Open it, once for each form; with a name to sign in, let its holder in."""
        id = f"p-{data['operation'].hex[:12]}"
        what = {name: data[name] for name in ("kind", "name", "joined_on")}
        self.request.bank.open_account(id, **what)
        if data["username"]:
            let_in(self.request, id, data["username"])
        self.success_url = reverse("desk_account", args=[id])
        return say("The account of %s is open.") % data["name"]


class Naming(forms.Form):
    """Who is to act for an account. Named twice alike, it is one record."""

    person = forms.ModelChoiceField(
        Person.objects.order_by("name"), to_field_name="actor", label=_("Who may act for it")
    )
    until = DayField(label=_("Until"), required=False, help_text=_("Empty: until it is ended."))


class NameDelegate(Booking):
    """Let somebody act for who cannot, until a day."""

    template_name = "desk/form.html"
    form_class = Naming
    title = _("Let somebody act for it")
    button = _("Let them act for it")

    def book(self, data: dict[str, Any]) -> str:
        """Name them."""
        id = self.kwargs["id"]
        self.request.bank.name_delegate(id, data["person"].actor, until=data["until"])
        self.success_url = reverse("desk_account", args=[id])
        return say("They may act for this account now.")


class Disposal(OnceForm):
    """Where the hours go that are left, or the debt."""

    reason = forms.CharField(label=_("Reason"), required=False)
    donate = AccountField("fund", label=_("Hours that are left go to the fund"), required=False)
    write_off = AccountField(
        "fund", label=_("A debt that is left falls on"), required=False,
        help_text=_("Only who is treasurer, too, may let a debt fall on another account."),
    )  # fmt: skip


class Leave(Booking):
    """Show the steps by which a member would leave; confirmed, do them: all of it, or nothing."""

    template_name = "desk/leave.html"
    form_class = Disposal
    title = _("Leaving")
    button = _("Show what will happen")
    steps: tuple[str, ...] = ()

    def get_context_data(self, **more: Any) -> dict[str, Any]:
        """Show who leaves, with which balance, and the steps once they are asked for."""
        bank, id = self.request.bank, self.kwargs["id"]
        shown = {"account": bank.account(id), "balance": bank.balance(id), "steps": self.steps}
        return super().get_context_data(closed=bool(self.steps), **shown, **more)

    def form_valid(self, form: Any) -> HttpResponse:
        """Do the steps, or show them and ask."""
        answer = super().form_valid(form)
        return self.form_invalid(form) if self.steps else answer

    def book(self, data: dict[str, Any]) -> str | None:
        """End the login too, and what was proposed. Who has left already has left: sent twice."""
        bank, id = self.request.bank, self.kwargs["id"]
        if "confirm" not in self.request.POST:
            with bank.preview() as would:
                self.steps = tuple(self.leave(would, data, dry_run=True))
            return None
        User.objects.filter(person__actor=id).update(is_active=False)
        waiting = Proposal.objects.filter(Q(earner=id) | Q(spender=id), state=Proposal.State.OPEN)
        waiting.update(state=Proposal.State.WITHDRAWN)
        self.success_url = reverse("desk_account", args=[id])
        return " ".join(self.leave(bank, data))

    def leave(self, bank: Any, data: dict[str, Any], *, dry_run: bool = False) -> list[str]:
        """Let them leave, on the bank or on a preview; return the steps in words."""
        id, names = self.kwargs["id"], names_of(bank)
        for hold in bank.holds(account=id):  # its day says more than its id
            names[hold.id] = date_format(hold.occurred_on or hold.recorded_at)
        choices = ((Donate, data["donate"]), (WriteOff, data["write_off"]))
        disposal = [kind(to) for kind, to in choices if to]
        left = bank.leave(id, disposal=disposal, reason=data["reason"] or None)
        return leaving_text(left, dry_run=dry_run, names=names)
