"""Exchanges that wait for an answer: who proposes, who confirms or declines, who takes back.

Whose hours are spent reserves them by proposing: a hold of the ledger, with the form's id. Who
earns reserves nothing: a `Proposal`, whose id the exchange has once it is confirmed.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from exchange.access import accounts_of
from exchange.answers import Booking, pressed
from exchange.members.forms import ProposeForm
from exchange.models import Proposal
from timebank.errors import (
    AccountNotFound,
    BooksClosed,
    GranularityRefused,
    LimitExceeded,
    NotPermitted,
    RecordedTooLate,
)

#: How long hours stay reserved: longer than an exchange may be planned ahead.
RESERVED_FOR: Final = "60d"
State: Final = Proposal.State
#: An answer: what becomes of a proposal, and what is said.
ANSWERS: Final = {
    "confirm": (State.CONFIRMED, gettext_lazy("Confirmed: the hours are counted.")),
    "decline": (State.DECLINED, gettext_lazy("Declined: no hours are counted.")),
    "withdraw": (State.WITHDRAWN, gettext_lazy("Taken back: no hours are counted.")),
}


class Propose(Booking):
    """Propose an exchange: who earns asks, who spends reserves."""

    template_name = "members/propose.html"
    form_class = ProposeForm
    title = gettext_lazy("Propose an exchange")
    button = gettext_lazy("Send the proposal")
    beside = {  # noqa: RUF012 - as the base has it
        AccountNotFound: "number",
        BooksClosed: "day",
        RecordedTooLate: "day",
        GranularityRefused: "hours",
        LimitExceeded: "hours",
    }

    def get_form_kwargs(self) -> dict[str, Any]:
        """Give the form the accounts that one acts for."""
        return {
            **super().get_form_kwargs(),
            "own": accounts_of(self.request),
            "names": self.names(),
        }

    def get_initial(self) -> dict[str, Any]:
        """Begin with today, and with whom the link was about."""
        asked = self.request.GET
        chosen = {name: asked[name] for name in ("mine", "other") if name in asked}
        return {"day": timezone.localdate(), **chosen}

    def book(self, data: dict[str, Any]) -> str:
        """Reserve the hours that I spend; propose those that I earn; count them between my own."""
        bank, id, gave = self.request.bank, data["operation"], data["side"] == "gave"
        values = {name: data[name] for name in ("started_at", "ended_at", "category", "note")} | {
            "earner": data["mine" if gave else "other"],
            "spender": data["other" if gave else "mine"],
            "seconds": data["hours"].seconds,
            "occurred_on": data["day"],
            "asked_by": self.request.person.actor,
        }
        terms = Proposal(**values).terms()
        said = {"hours": data["hours"], "name": self.names()[data["other"]]}
        if data["other"] in accounts_of(self.request):  # who else would answer?
            bank.transfer(id=str(id), **terms)
            return _("%(hours)s with %(name)s: counted, as you act for both.") % said
        if not gave:
            bank.hold(id=str(id), expires_in=RESERVED_FOR, **terms)
            return _("%(hours)s are reserved for %(name)s, who may now confirm.") % said
        # Whether there is such an account, and such an exchange, is tried the other way round:
        # what the other's hours allow is not for who earns to ask, and one's own do not count.
        with bank.preview() as trial, suppress(LimitExceeded):
            trial.hold(**{**terms, "earner": terms["spender"], "spender": terms["earner"]})
        Proposal.keep(id, **values)
        return _("%(hours)s are proposed to %(name)s, who may now confirm.") % said


def check_day(day: date | None) -> None:
    """Refuse to count what is to be done on a day to come: it is confirmed when it was done."""
    if day is not None and day > timezone.localdate():
        said = date_format(day)
        raise ValidationError(_("It is planned for %s: confirm it when it was done.") % said)


@require_POST
def answer_proposal(request: Any, id: str, verb: str) -> HttpResponse:
    """Answer what an earner proposed: who spends confirms or declines, who earns takes it back.

    The first answer counts. The same one again changes nothing, whoever sends it.
    """

    def work() -> None:
        row = get_object_or_404(Proposal.objects.select_for_update(), pk=id)
        account = row.earner if verb == "withdraw" else row.spender
        waits = row.state in {State.OPEN, becomes}
        if verb == "confirm" and waits:
            check_day(row.occurred_on)
            # The bank refuses who may not spend these hours, and books them once.
            request.bank.transfer(id=str(row.id), **row.terms())
        elif account not in accounts_of(request):
            raise NotPermitted(request.person.actor, action="transfer", accounts=(account,))
        if not waits:
            raise ValidationError(_("It was answered already: %s.") % row.get_state_display())
        row.state = becomes
        row.save(update_fields=["state"])

    becomes, done = ANSWERS[verb]
    return pressed(request, work, done, "home")


@require_POST
def answer_hold(request: Any, id: str, verb: str, to: str = "home") -> HttpResponse:
    """Answer what a spender proposed: the bank says who may, and keeps the first answer."""

    def work() -> None:
        if verb == "confirm":
            check_day(request.bank.hold_by_id(id).occurred_on)
            request.bank.settle(id, id=f"{id}-settled")
        else:
            request.bank.void(id, id=f"{id}-void")

    return pressed(request, work, ANSWERS[verb][1], to)
