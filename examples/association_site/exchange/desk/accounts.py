"""The accounts: opened, looked at, suspended; who signs in, and who acts for whom."""

from __future__ import annotations

import uuid
from typing import Any, Final

from django import forms
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.db import IntegrityError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as say
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from exchange.answers import Refused, SentBefore
from exchange.desk.shared import AtDesk, DeskForm, language, names_of, shown, tried
from exchange.fields import DayField
from exchange.models import Person
from exchange.people import person_made, welcome_path
from timebank.contrib import cheques
from timebank.errors import IdempotencyMismatch
from timebank.reports.members import events_text
from timebank.reports.words import speaking

KINDS: Final = [
    ("member", _("A member")),
    ("group", _("A family or a group")),
    ("organisation", _("An association or a firm")),
]


def listed(request: Any) -> HttpResponse:
    """Show the accounts that a search finds, with their balances and last exchanges."""
    search, bank, today = request.GET.get("q", "").strip(), request.bank, timezone.localdate()
    kinds = [kind for kind, _name in KINDS]
    idle = {one.id: one.last_exchange for one in bank.inactive(since=today, kinds=kinds)}
    lines = [
        (
            one,
            idle.get(one.account, today) if one.kind in kinds and one.status != "closed" else None,
        )
        for one in bank.trial_balance().lines
        if search.casefold() in f"{one.name or ''} {one.account}".casefold()
    ]
    lines.sort(key=lambda line: (line[0].name or line[0].account).casefold())
    page = Paginator(lines, 50).get_page(request.GET.get("page"))
    return render(request, "desk/accounts.html", {"page": page, "search": search})


def account(request: Any, id: str) -> HttpResponse:
    """Show an account: what it has, who acts for it, what is reserved, and its history."""
    bank, names = request.bank, names_of(request.bank)
    people = {**names, **dict(Person.objects.values_list("actor", "name"))}
    with speaking(language()):
        events = events_text(bank.events(id), names=people)
    found = {
        "account": bank.account(id),
        "balance": bank.balance(id),
        "delegates": [(one, people.get(one.id, one.id)) for one in bank.delegates(id)],
        "holds": [shown(one, names) for one in bank.holds(account=id)],
        "events": events,
        "booklets": cheques.booklets(bank, id),
        "login": Person.objects.filter(actor=id).select_related("user").first(),
    }
    return render(request, "desk/account.html", found)


@require_POST
def state(request: Any, id: str) -> HttpResponse:
    """Suspend an account, or let it go on; done twice, it is done once."""
    reason, do = request.POST.get("reason", "").strip() or None, request.POST.get("do")
    act, done = {
        "freeze": (request.bank.freeze, say("The account is suspended.")),
        "thaw": (request.bank.thaw, say("The account is open again.")),
        "reopen": (request.bank.reopen, say("The account is open again.")),
    }.get(do, (None, ""))
    if act is not None:

        def work() -> None:
            if do == "reopen":  # the row before the bank, as where somebody leaves
                User.objects.filter(person__actor=id).update(is_active=True)
            act(id, reason=reason)

        tried(request, work, done)
    return redirect("desk_account", id)


# -- who signs in -----------------------------------------------------------------------


def new_id(operation: uuid.UUID) -> str:
    """Return an id that tells nothing, and is the same when a form is sent twice."""
    return f"p-{operation.hex[:12]}"


class SignsIn(DeskForm):
    """A form with a name to sign in with, of somebody new or of who has an account."""

    username = forms.CharField(
        label=_("Name to sign in with"), max_length=150, validators=[User.username_validator]
    )

    def clean(self) -> dict[str, Any]:
        """Refuse a name with which somebody else signs in."""
        data = self.cleaned_data
        if not self.account and "operation" not in data:
            return data
        others = User.objects.filter(username__iexact=data.get("username", ""))
        me = self.account or new_id(data["operation"])
        if others.exclude(person__actor=me).exists():
            self.add_error("username", _("Somebody else signs in with this name."))
        return data


class LettingIn(AtDesk):
    """A page that lets somebody sign in; the page after it shows them a link, once."""

    def let_in(self, actor: str, name: str = "", username: str = "") -> None:
        """Give somebody a link to choose a password. Who has a role at the desk gets none here."""
        person = Person.objects.filter(actor=actor).first()
        person = person or person_made(username, name, actor=actor)
        if person.user.is_staff or person.user.groups.exists():
            raise Refused(say("Who has a role here gets no link at the desk."))
        self.request.session["welcome"] = [actor, welcome_path(person.user)]
        self.success_url = reverse("desk_login", args=[actor])

    def form_valid(self, form: Any) -> HttpResponse:
        """Say it, where another desk gave the name away at the same moment."""
        try:
            return super().form_valid(form)
        except IntegrityError:
            form.add_error("username", _("Somebody else signs in with this name."))
            return self.form_invalid(form)


class Opening(SignsIn):
    """What is known of who joins."""

    name = forms.CharField(label=_("Name"), max_length=200)
    kind = forms.ChoiceField(label=_("Whose account"), choices=KINDS)
    joined_on = DayField(label=_("Joined on"))
    another = forms.BooleanField(
        label=_("It is somebody else of the same name"), required=False, label_suffix=""
    )

    field_order = ("name", "kind", "joined_on", "username", "another")

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.fields["username"].required = False
        self.fields["username"].help_text = _("Leave it empty for who does not use this site.")
        if not self.is_bound:  # it is asked where there is one
            self.fields["another"].widget = forms.HiddenInput()

    def clean(self) -> dict[str, Any]:
        """Refuse who has an account already, unless it is another of the same name."""
        data = super().clean()
        name = data.get("name", "").casefold()
        same = [one.id for one in self.bank.accounts() if (one.name or "").casefold() == name]
        if name and not data["another"] and set(same) - {new_id(data["operation"])}:
            self.add_error("name", _("There is an account of this name: %s") % ", ".join(same))
        return data


class Open(LettingIn):
    """Open an account, under an id that tells nothing: the journal keeps it for ever."""

    form_class = Opening
    title = _("Open an account")
    button = _("Open the account")

    def get_initial(self) -> dict[str, Any]:
        """Begin with today."""
        return {"joined_on": timezone.localdate()}

    def book(self, data: dict[str, Any]) -> str:
        """Open it; with a name to sign in, let its holder in."""
        id = new_id(data["operation"])
        try:
            self.request.bank.open_account(
                id, kind=data["kind"], name=data["name"], joined_on=data["joined_on"]
            )
        except IdempotencyMismatch as mismatch:
            raise SentBefore from mismatch
        self.success_url = reverse("desk_account", args=[id])
        if data["username"]:
            self.let_in(id, data["name"], data["username"])
        return say("The account of %s is open.") % data["name"]


class LoginOf(LettingIn):
    """How somebody signs in: a name, for who has an account, and links to choose a password."""

    template_name = "desk/login.html"
    title = _("Signing in to the site")
    button = _("Make a link to choose a password")

    def dispatch(self, request: Any, *given: Any, **named: Any) -> HttpResponse:
        """Find who it is."""
        self.login = Person.objects.filter(actor=named["id"]).select_related("user").first()
        self.name = self.login.name if self.login else request.bank.account(named["id"]).name
        return super().dispatch(request, *given, **named)

    def get_form_class(self) -> type[forms.Form]:
        """Ask for a name to sign in with, where there is none."""
        return DeskForm if self.login else SignsIn

    def get_context_data(self, **more: Any) -> dict[str, Any]:
        """Show a link that was made just now: once."""
        whose, link = self.request.session.pop("welcome", (None, None))
        if whose == self.kwargs["id"]:
            more["link"] = self.request.build_absolute_uri(link)
        return super().get_context_data(login=self.login, name=self.name, **more)

    def book(self, data: dict[str, Any]) -> str:
        """Make a link; with it an older one is worth nothing once it is used."""
        self.let_in(self.kwargs["id"], self.name or "", data.get("username", ""))
        return say("Here is the link.")


# -- who acts for whom ------------------------------------------------------------------


class Naming(SignsIn):
    """Who is to act for an account: one of those who sign in, or somebody new."""

    person = forms.ChoiceField(label=_("Who may act for it"), required=False)
    name = forms.CharField(label=_("Or somebody new: name"), max_length=200, required=False)
    until = DayField(label=_("Until"), required=False, help_text=_("Empty: until it is ended."))

    field_order = ("person", "name", "username", "until")

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        people = Person.objects.filter(user__is_active=True).exclude(actor=self.account)
        self.fields["person"].choices = [
            ("", _("Choose")),
            *people.order_by("name").values_list("actor", "name"),
        ]
        self.fields["username"].required = False
        self.account = None  # a new name is not of who has the account

    def clean(self) -> dict[str, Any]:
        """Ask for one of the two."""
        data = super().clean()
        if bool(data.get("person")) == bool(data.get("name") and data.get("username")):
            self.add_error("person", _("Choose somebody, or give a name, and one to sign in with."))
        return data


class NameDelegate(LettingIn):
    """Let somebody act for who cannot, until a day."""

    form_class = Naming

    def setup(self, request: Any, *given: Any, **named: Any) -> None:
        """Say for whom."""
        super().setup(request, *given, **named)
        name = request.bank.account(named["id"]).name or named["id"]
        self.title = say("Let somebody act for %s") % name

    def book(self, data: dict[str, Any]) -> str:
        """Name them."""
        id, delegate = self.kwargs["id"], data["person"] or new_id(data["operation"])
        self.success_url = reverse("desk_account", args=[id])
        self.request.bank.name_delegate(id, delegate, until=data["until"])
        if not data["person"]:
            self.let_in(delegate, data["name"], data["username"])
        return say("They may act for this account now.")


@require_POST
def end_delegate(request: Any, id: str) -> HttpResponse:
    """Let somebody act no more; done twice, it is done once."""
    delegate = request.POST.get("delegate", "")
    tried(request, lambda: request.bank.end_delegate(id, delegate), say("They act for it no more."))
    return redirect("desk_account", id)
