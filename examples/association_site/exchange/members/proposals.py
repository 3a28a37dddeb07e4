"""Exchanges that wait for an answer: who proposes, who confirms or declines, who takes back.

Whose hours are spent reserves them by proposing: a hold of the ledger, with the form's id. Who
earns reserves nothing: a `Proposal`, whose id the exchange has once it is confirmed.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import date
from typing import Any, Final

import attrs
from django import forms
from django.shortcuts import get_object_or_404
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


#: What became of a hold.
BECAME: Final = {
    "open": "",
    "settled": gettext_lazy("confirmed"),
    "voided": gettext_lazy("declined or taken back"),
    "expired": gettext_lazy("expired"),
}


# -- how they are shown ------------------------------------------------------------------


@attrs.frozen
class Waiting:
    """A proposal or a hold as pages show it: `earner`, `spender` and `by` are names.

    `became` says what became of it; it is empty while it waits for an answer. `of` has its times,
    its activity and its note.
    """

    what: str
    id: str
    earner: str
    spender: str
    by: str
    hours: Hours
    day: date | None
    became: Any
    of: Proposal | Hold

    @property
    def is_early(self) -> bool:
        """Whether it is planned for a day to come: it is confirmed once it was done."""
        return self.day is not None and self.day > timezone.localdate()

    @classmethod
    def made(cls, of: Proposal | Hold, names: Names) -> Waiting:
        """Return how one is shown."""
        if isinstance(of, Proposal):
            earners, spenders, actor = [of.earner], [of.spender], of.proposed_by
            became = "" if of.state == Proposal.State.OPEN else of.get_state_display()
            what, hours, day = "proposal", Hours.from_seconds(of.seconds), of.day
        else:
            earners, spenders, actor = list(of.earners), list(of.spenders), of.actor or ""
            what, hours, day, became = "hold", of.hours, of.occurred_on, BECAME[of.status]
        by = "" if actor in {*earners, *spenders, ""} else names[actor]
        earner, spender = (", ".join(names[id] for id in side) for side in (earners, spenders))
        return cls(what, str(of.id), earner, spender, by, hours, day, became, of)


def shown(of: Iterable[Proposal | Hold], bank: Any) -> list[Waiting]:
    """Return how proposals and holds are shown: who proposes one says who they are."""
    of = list(of)
    told: set[str] = set()
    for one in of:
        if isinstance(one, Proposal):
            told |= {one.earner, one.proposed_by}
        else:
            told |= {*one.spenders, one.actor or ""}
    names = Names(bank, told=told)
    return [Waiting.made(one, names) for one in of]


def waiting(account: str, bank: Any, holds: Iterable[Hold]) -> tuple[list[Waiting], list[Waiting]]:
    """Return what waits for an answer for an account, and what was proposed for it to others."""
    rows = Proposal.objects.filter(state=Proposal.State.OPEN)
    asked: list[Proposal | Hold] = list(rows.filter(spender=account))
    proposed: list[Proposal | Hold] = list(rows.filter(earner=account))
    for hold in holds:
        (asked if account in hold.earners else proposed).append(hold)
    return shown(asked, bank), shown(proposed, bank)


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
        chosen = {
            name: self.request.GET[name] for name in ("mine", "other") if name in self.request.GET
        }
        return {"day": timezone.localdate(), **chosen}

    def book(self, data: dict[str, Any]) -> str:
        """Reserve the hours that I spend; propose those that I earn; count them between my own."""
        bank, id = self.request.bank, str(data["operation"])
        earner, spender = data["mine"], data["other"]
        if data["side"] == "received":
            earner, spender = spender, earner
        terms = {
            "hours": data["hours"],
            "occurred_on": data["day"],
            "started_at": data["started_at"],
            "ended_at": data["ended_at"],
            "note": data["note"] or None,
            **labels(data["category"]),
        }
        said = {"hours": data["hours"], "name": Names(bank)[data["other"]]}
        if data["other"] in accounts_of(self.request):  # who else would answer?
            bank.transfer(earner=earner, spender=spender, id=id, **terms)
            return _("%(hours)s with %(name)s: counted, as you act for both.") % said
        if data["side"] == "received":
            bank.hold(earner=earner, spender=spender, id=id, expires_in=RESERVED_FOR, **terms)
            return _("%(hours)s are reserved for %(name)s, who may now confirm.") % said
        self._try(earner, spender, terms)
        self._keep(data, earner=earner, spender=spender)
        return _("%(hours)s are proposed to %(name)s, who may now confirm.") % said

    def _try(self, earner: str, spender: str, terms: dict[str, Any]) -> None:
        """Find out whether there is such an account, and such an exchange.

        What another's hours allow is not for who earns to ask. So it is tried the other way round,
        and what one's own hours say of that does not count.
        """
        with self.request.bank.preview() as trial, suppress(LimitExceeded):
            trial.hold(earner=spender, spender=earner, **terms)

    def _keep(self, data: dict[str, Any], *, earner: str, spender: str) -> None:
        names = ("day", "started_at", "ended_at", "category", "note")
        values = {name: data[name] for name in names} | {"earner": earner, "spender": spender}
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

    def found(self) -> Waiting:
        """Return what is to be answered, as it stands now."""
        raise NotImplementedError

    def get_context_data(self, **more: Any) -> dict[str, Any]:
        """Give the template what is to be answered."""
        return super().get_context_data(one=self.found(), **more)


class AnswerProposal(Answer):
    """Answer what an earner proposed."""

    state = Proposal.State.OPEN
    #: The side that answers.
    side = "spender"
    done: Any = ""

    def found(self) -> Waiting:
        """Return it to who acts for the side that answers, or may read of it."""
        row = get_object_or_404(Proposal, pk=self.kwargs["id"])
        self.request.bank.account(getattr(row, self.side))
        return shown([row], self.request.bank)[0]

    def book(self, data: dict[str, Any]) -> str:
        """Answer it, where it is open."""
        rows = Proposal.objects.select_for_update()
        row = get_object_or_404(rows, pk=self.kwargs["id"])
        self.permit(row)
        if row.state not in {Proposal.State.OPEN, self.state}:
            raise Refused(_("It was answered already: %s.") % row.get_state_display())
        if row.state == Proposal.State.OPEN:
            self.answer(row)
            row.state = self.state
            row.save(update_fields=["state"])
        return str(self.done)

    def permit(self, row: Proposal) -> None:
        """Refuse it to who does not act for the side that answers."""
        account = getattr(row, self.side)
        if account not in accounts_of(self.request):
            actor = self.request.person.actor
            raise NotPermitted(actor, action="transfer", accounts=(account,))

    def answer(self, row: Proposal) -> None:
        """Do what the answer does to hours: nothing, unless it is confirmed."""


class ConfirmProposal(AnswerProposal):
    """Who spends confirms: the exchange is booked. The bank says who may, and whether it can be."""

    title = gettext_lazy("Confirm this exchange?")
    button = gettext_lazy("Confirm")
    done = gettext_lazy("Confirmed: the hours are counted.")
    state = Proposal.State.CONFIRMED

    def permit(self, row: Proposal) -> None:
        """Leave it to the bank, where there is something to book."""
        if row.state != Proposal.State.OPEN:
            super().permit(row)

    def answer(self, row: Proposal) -> None:
        """Book it, with the id of the row: once."""
        _not_yet(row.day)
        self.request.bank.transfer(
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


class DeclineProposal(AnswerProposal):
    """Who spends declines."""

    title = gettext_lazy("Decline this proposal?")
    button = gettext_lazy("Decline")
    done = gettext_lazy("Declined: no hours are counted.")
    state = Proposal.State.DECLINED


class WithdrawProposal(AnswerProposal):
    """Who earns takes it back."""

    title = gettext_lazy("Take this proposal back?")
    button = gettext_lazy("Take it back")
    done = gettext_lazy("Taken back: no hours are counted.")
    state = Proposal.State.WITHDRAWN
    side = "earner"


class AnswerHold(Answer):
    """Answer what a spender proposed: the bank says who may, and keeps the first answer."""

    done: Any = ""

    def found(self) -> Waiting:
        """Return it to whom the bank shows it."""
        bank = self.request.bank
        return shown([bank.hold_by_id(self.kwargs["id"])], bank)[0]

    def book(self, data: dict[str, Any]) -> str:
        """Answer it, with an id of its own: the same answer again changes nothing."""
        try:
            self.answer(self.kwargs["id"])
        except AlreadyResolved as error:
            raise Refused(_("It was answered already: %s.") % BECAME[error.status]) from error
        return str(self.done)

    def answer(self, id: str) -> None:
        """Release the hours."""
        self.request.bank.void(id, id=f"{id}-void")


class ConfirmHold(AnswerHold):
    """Who earns confirms: the reserved hours are theirs."""

    title = gettext_lazy("Confirm this exchange?")
    button = gettext_lazy("Confirm")
    done = gettext_lazy("Confirmed: the hours are counted.")

    def answer(self, id: str) -> None:
        """Settle it."""
        _not_yet(self.request.bank.hold_by_id(id).occurred_on)
        self.request.bank.settle(id, id=f"{id}-settled")


class DeclineHold(AnswerHold):
    """Who earns declines."""

    title = gettext_lazy("Decline this proposal?")
    button = gettext_lazy("Decline")
    done = gettext_lazy("Declined: the hours are free again.")


class WithdrawHold(AnswerHold):
    """Who spends takes it back."""

    title = gettext_lazy("Take this proposal back?")
    button = gettext_lazy("Take it back")
    done = gettext_lazy("Taken back: the hours are free again.")


def _not_yet(day: date | None) -> None:
    """Refuse to count what is to be done on a day to come."""
    if day is not None and day > timezone.localdate():
        said = date_format(day)
        raise Refused(_("It is planned for %s: confirm it when it was done.") % said)
