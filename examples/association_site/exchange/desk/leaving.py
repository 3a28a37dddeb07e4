"""Let a member leave: the steps are shown first, and are one commit with the end of the login."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.db.models import Q
from django.http import HttpResponse
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from exchange.answers import said
from exchange.desk.shared import AtDesk, DeskForm, accounts, language, names_of
from exchange.models import Proposal
from timebank import Assign, Donate, WriteOff
from timebank.errors import TimebankError
from timebank.reports.members import leaving_text
from timebank.reports.words import speaking


class Disposal(DeskForm):
    """Where the hours go that are left, or the debt."""

    reason = forms.CharField(label=_("Reason"), required=False)
    donate = forms.ChoiceField(label=_("Hours that are left go to the fund"), required=False)
    assign = forms.ChoiceField(label=_("Or to another account"), required=False)
    consented = forms.BooleanField(
        label=_("Its holder has agreed to take them"), required=False, label_suffix=""
    )
    write_off = forms.ChoiceField(
        label=_("A debt that is left falls on"), required=False,
        help_text=_("Only who is treasurer, too, may let a debt fall on another account."),
    )  # fmt: skip

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        funds = accounts(self.bank, "fund")
        self.fields["donate"].choices = self.fields["write_off"].choices = funds
        self.fields["assign"].choices = accounts(self.bank, "member", "group", "organisation")
        if len(funds) > 1:
            self.fields["donate"].initial = funds[1][0]

    def chosen(self) -> list[Donate | Assign | WriteOff]:
        """Return what was chosen. An account that was named comes before the fund."""
        data = self.cleaned_data
        found: list[Donate | Assign | WriteOff] = []
        if data["assign"]:
            found.append(Assign(data["assign"], consented=data["consented"]))
        elif data["donate"]:
            found.append(Donate(data["donate"]))
        return [*found, WriteOff(data["write_off"])] if data["write_off"] else found


class Leave(AtDesk):
    """Show the steps by which a member would leave; then do them."""

    form_class = Disposal
    template_name = "desk/leave.html"
    title = _("Leaving")
    button = _("Show what will happen")

    def get_context_data(self, **more: Any) -> dict[str, Any]:
        """Show who leaves, and with which balance."""
        bank, id = self.request.bank, self.kwargs["id"]
        return super().get_context_data(account=bank.account(id), balance=bank.balance(id), **more)

    def leave(self, bank: Any, form: Disposal, *, dry_run: bool = False) -> list[str]:
        """Let them leave, on the bank or on a preview; return the steps in words."""
        id = self.kwargs["id"]
        names = names_of(bank)
        for hold in bank.holds(account=id):
            names[hold.id] = date_format(hold.occurred_on or hold.recorded_at)
        left = bank.leave(
            id,
            disposal=form.chosen(),
            reason=form.cleaned_data["reason"] or None,
        )
        with speaking(language()):
            return leaving_text(left, dry_run=dry_run, names=names)

    def form_valid(self, form: Any) -> HttpResponse:
        """Show the steps; do them where they were shown, and confirmed."""
        self.form = form
        if "confirm" in self.request.POST:
            return super().form_valid(form)
        try:
            with self.request.bank.preview() as would:
                steps = self.leave(would, form, dry_run=True)
        except TimebankError as error:
            form.add_error(None, said(error, self.request))
            return self.form_invalid(form)
        return self.render_to_response(self.get_context_data(form=form, steps=steps, closed=True))

    def book(self, data: dict[str, Any]) -> str:
        """End their login and what they proposed, then do the steps: all of it, or nothing.

        Who has left already has left: sent twice, nothing more is done.
        """
        id = self.kwargs["id"]
        User.objects.filter(person__actor=id).update(is_active=False)
        Proposal.objects.filter(Q(earner=id) | Q(spender=id), state=Proposal.State.OPEN).update(
            state=Proposal.State.WITHDRAWN
        )
        self.success_url = reverse("desk_account", args=[id])
        return " ".join(self.leave(self.request.bank, self.form))
