"""Exchanges that wait for an answer: who proposes, who confirms or declines, who takes back.

Whose hours are spent reserves them by proposing: a hold of the ledger, with the form's id. Who
earns reserves nothing: a `Proposal`, whose id the exchange has once it is confirmed.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import date
from typing import Any, Final, NamedTuple

from django import forms
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from exchange.access import accounts_of
from exchange.answers import Booking, Refused, SentBefore
from exchange.fields import labels
from exchange.members.forms import ProposeForm
from exchange.models import Proposal
from exchange.people import Names
from timebank import Hold, Hours
from timebank.errors import (
    AccountNotFound,
    AlreadyResolved,
    BooksClosed,
    GranularityRefused,
    LimitExceeded,
    NotPermitted,
    RecordedTooLate,
)

#: How long hours stay reserved: longer than an exchange may be planned ahead.
RESERVED_FOR: Final = "60d"
State: Final = Proposal.State


class Verb(NamedTuple):
    """An answer: what the page asks, its button, what it says afterwards, what the row becomes."""

    title: Any
    button: Any
    done: Any
    state: Any


VERBS: Final = {
    "confirm": Verb(
        gettext_lazy("Confirm this exchange?"),
        gettext_lazy("Confirm"),
        gettext_lazy("Confirmed: the hours are counted."),
        State.CONFIRMED,
    ),
    "decline": Verb(
        gettext_lazy("Decline this proposal?"),
        gettext_lazy("Decline"),
        gettext_lazy("Declined: no hours are counted."),
        State.DECLINED,
    ),
    "withdraw": Verb(
        gettext_lazy("Take this proposal back?"),
        gettext_lazy("Take it back"),
        gettext_lazy("Taken back: no hours are counted."),
        State.WITHDRAWN,
    ),
}
#: What became of a hold.
BECAME: Final = {
    "open": "",
    "settled": gettext_lazy("confirmed"),
    "voided": gettext_lazy("declined or taken back"),
    "expired": gettext_lazy("expired"),
}


# -- how they are shown ------------------------------------------------------------------


def shown(of: Iterable[Proposal | Hold], bank: Any) -> list[dict[str, Any]]:
    """Return how proposals and holds are shown: who proposes one says who they are."""
    found = [_proposal(one) if isinstance(one, Proposal) else _hold(one) for one in of]
    told = {id for one in found for id in (*one["told"], one["by"])}
    names = Names(bank, told=told)
    for one in found:
        both = {*one["earner"], *one["spender"], ""}
        one["by"] = "" if one["by"] in both else names[one["by"]]
        for side in ("earner", "spender"):
            one[side] = ", ".join(names[id] for id in one[side])
        one["is_early"] = _is_early(one["day"])
        args = [one["of"].id]
        one["answers"] = {verb: reverse(f"{one['what']}_{verb}", args=args) for verb in VERBS}
    return found


def _proposal(row: Proposal) -> dict[str, Any]:
    became = "" if row.state == State.OPEN else row.get_state_display()
    sides = {"earner": [row.earner], "spender": [row.spender], "told": [row.earner]}
    hours = Hours.from_seconds(row.seconds)
    more = {"by": row.proposed_by, "hours": hours, "day": row.day, "became": became}
    return {"what": "proposal", "of": row, **sides, **more}


def _hold(hold: Hold) -> dict[str, Any]:
    sides = {"earner": list(hold.earners), "spender": list(hold.spenders), "told": hold.spenders}
    more = {"by": hold.actor or "", "hours": hold.hours, "day": hold.occurred_on}
    return {"what": "hold", "of": hold, **sides, **more, "became": BECAME[hold.status]}


def _is_early(day: date | None) -> bool:
    """Return whether it is planned for a day to come: it is confirmed once it was done."""
    return day is not None and day > timezone.localdate()


# -- to propose --------------------------------------------------------------------------


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
        own = accounts_of(self.request)
        return {**super().get_form_kwargs(), "own": own, "names": Names(self.request.bank)}

    def get_initial(self) -> dict[str, Any]:
        """Begin with today, and with whom the link was about."""
        asked = self.request.GET
        chosen = {name: asked[name] for name in ("mine", "other") if name in asked}
        return {"day": timezone.localdate(), **chosen}

    def book(self, data: dict[str, Any]) -> str:
        """Reserve the hours that I spend; propose those that I earn; count them between my own."""
        bank, id = self.request.bank, str(data["operation"])
        earner, spender = data["mine"], data["other"]
        if data["side"] == "received":
            earner, spender = spender, earner
        terms = {
            "earner": earner,
            "spender": spender,
            "hours": data["hours"],
            "occurred_on": data["day"],
            "started_at": data["started_at"],
            "ended_at": data["ended_at"],
            "note": data["note"] or None,
            **labels(data["category"]),
        }
        said = {"hours": data["hours"], "name": Names(bank)[data["other"]]}
        if data["other"] in accounts_of(self.request):  # who else would answer?
            bank.transfer(id=id, **terms)
            return _("%(hours)s with %(name)s: counted, as you act for both.") % said
        if data["side"] == "received":
            bank.hold(id=id, expires_in=RESERVED_FOR, **terms)
            return _("%(hours)s are reserved for %(name)s, who may now confirm.") % said
        # Whether there is such an account, and such an exchange, is tried the other way round:
        # what the other's hours allow is not for who earns to ask, and one's own do not count.
        with bank.preview() as trial, suppress(LimitExceeded):
            trial.hold(**{**terms, "earner": spender, "spender": earner})
        self._keep(data, earner=earner, spender=spender)
        return _("%(hours)s are proposed to %(name)s, who may now confirm.") % said

    def _keep(self, data: dict[str, Any], **sides: str) -> None:
        names = ("day", "started_at", "ended_at", "category", "note")
        values = {**sides, **{name: data[name] for name in names}}
        values |= {"seconds": data["hours"].seconds, "proposed_by": self.request.person.actor}
        row, made = Proposal.objects.get_or_create(id=data["operation"], defaults=values)
        if not made and any(getattr(row, name) != value for name, value in values.items()):
            raise SentBefore


# -- to answer ---------------------------------------------------------------------------


class Answer(Booking):
    """A page that asks once more, and a button that answers.

    What was answered so already is answered: to send it twice, or two people at once, is safe.
    """

    template_name = "members/answer.html"
    form_class = forms.Form
    verb = ""

    def get_context_data(self, **more: Any) -> dict[str, Any]:
        """Give the template the words of the answer, and what is answered, as it stands now."""
        self.title, self.button, *_rest = VERBS[self.verb]
        [one] = shown([self.found()], self.request.bank)
        return super().get_context_data(one=one, **more)

    def found(self) -> Proposal | Hold:
        """Return what is answered to who may see it."""
        raise NotImplementedError

    def check_day(self, day: date | None) -> None:
        """Refuse to count what is to be done on a day to come."""
        if self.verb == "confirm" and day is not None and _is_early(day):
            said = date_format(day)
            raise Refused(_("It is planned for %s: confirm it when it was done.") % said)


class AnswerProposal(Answer):
    """Answer what an earner proposed: who spends confirms or declines, who earns takes it back."""

    def found(self) -> Proposal:
        """Return it to who may see the account that answers."""
        row = get_object_or_404(Proposal, pk=self.kwargs["id"])
        self.request.bank.account(self._answers(row))
        return row

    def _answers(self, row: Proposal) -> str:
        return row.earner if self.verb == "withdraw" else row.spender

    def book(self, data: dict[str, Any]) -> str:
        """Answer it, where it is open; confirmed, the exchange has the id of the row."""
        row = get_object_or_404(Proposal.objects.select_for_update(), pk=self.kwargs["id"])
        becomes = VERBS[self.verb].state
        if self.verb == "confirm" and row.state in {State.OPEN, becomes}:
            self.check_day(row.day)
            self.request.bank.transfer(  # refuses who may not spend these hours; books once
                earner=row.earner,
                spender=row.spender,
                hours=Hours.from_seconds(row.seconds),
                occurred_on=row.day,
                started_at=row.started_at,
                ended_at=row.ended_at,
                note=row.note or None,
                id=str(row.id),
                **labels(row.category),
            )
        elif (account := self._answers(row)) not in accounts_of(self.request):
            actor = self.request.person.actor
            raise NotPermitted(actor, action="transfer", accounts=(account,))
        if row.state not in {State.OPEN, becomes}:
            raise Refused(_("It was answered already: %s.") % row.get_state_display())
        row.state = becomes
        row.save(update_fields=["state"])
        return str(VERBS[self.verb].done)


class AnswerHold(Answer):
    """Answer what a spender proposed: the bank says who may, and keeps the first answer."""

    def found(self) -> Hold:
        """Return it to whom the bank shows it."""
        hold: Hold = self.request.bank.hold_by_id(self.kwargs["id"])
        return hold

    def book(self, data: dict[str, Any]) -> str:
        """Answer it, with an id of its own: the same answer again changes nothing."""
        bank, id = self.request.bank, self.kwargs["id"]
        try:
            if self.verb == "confirm":
                self.check_day(self.found().occurred_on)
                bank.settle(id, id=f"{id}-settled")
            else:
                bank.void(id, id=f"{id}-void")
        except AlreadyResolved as error:
            raise Refused(_("It was answered already: %s.") % BECAME[error.status]) from error
        return str(VERBS[self.verb].done)
