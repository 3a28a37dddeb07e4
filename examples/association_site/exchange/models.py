"""What the site keeps beside the ledger: nothing here moves an hour."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from exchange.fields import labels
from timebank import Hours
from timebank.errors import IdempotencyMismatch


def new_actor() -> str:
    """Return an id that tells nothing: the journal keeps it for ever."""
    return f"p-{uuid.uuid4().hex[:12]}"


class Person(models.Model):
    """Who signs in; `actor` is their id in the journal, and that of their account, if any."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    actor = models.CharField(max_length=128, unique=True, default=new_actor)
    name = models.CharField(max_length=200)
    listed = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.name or self.actor

    @classmethod
    def of(cls, user: Any) -> Person:
        """Return the person who signed in as a user; made, where a user was made by hand."""
        found, _made = cls.objects.get_or_create(
            user=user, defaults={"name": user.get_full_name() or user.get_username()}
        )
        return found


class Asked(models.Model):
    """What somebody asks another: its id is that of the form, and of what is booked by it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    asked_by = models.CharField(max_length=128)
    asked_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """The oldest first."""

        abstract = True
        ordering: ClassVar = ["asked_at"]

    def __str__(self) -> str:
        return str(self.id)

    @classmethod
    def keep(cls, id: uuid.UUID, **values: Any) -> Self:
        """Keep it, once; what was kept otherwise is refused as the bank refuses it.

        :raises IdempotencyMismatch: so it was.
        """
        row, made = cls.objects.get_or_create(id=id, defaults=values)
        if not made and any(getattr(row, name) != value for name, value in values.items()):
            raise IdempotencyMismatch(str(id), original=row, differs="the values")
        return row


class Proposal(Asked):
    """An exchange that an earner proposes: it reserves nothing until the spender confirms it.

    (A spender who proposes reserves hours: that is a hold of the ledger, and no row of the site.
    Pages show both alike, by the names that a hold has.)
    """

    class State(models.TextChoices):
        """What became of it."""

        OPEN = "open", _("waits for an answer")
        CONFIRMED = "confirmed", _("confirmed")
        DECLINED = "declined", _("declined")
        WITHDRAWN = "withdrawn", _("withdrawn")

    earner = models.CharField(max_length=128)
    spender = models.CharField(max_length=128)
    seconds = models.PositiveIntegerField()
    occurred_on = models.DateField()
    started_at = models.TimeField(null=True)
    ended_at = models.TimeField(null=True)
    category = models.CharField(max_length=200, blank=True)
    note = models.TextField(blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)

    what = "proposal"
    earners = property(lambda self: [self.earner])
    spenders = property(lambda self: [self.spender])
    hours = property(lambda self: Hours.from_seconds(self.seconds))
    actor = property(lambda self: self.asked_by)

    def terms(self) -> dict[str, Any]:
        """Return the exchange as the bank takes it, to book it or to reserve its hours."""
        names = ("earner", "spender", "hours", "occurred_on", "started_at", "ended_at")
        said = {name: getattr(self, name) for name in names}
        return {**said, "note": self.note or None, **labels(self.category)}


class Correction(Asked):
    """What a member asks the coordinator to put right, and what was answered."""

    class State(models.TextChoices):
        """What became of it."""

        OPEN = "open", _("waits for the coordinator")
        DONE = "done", _("corrected")
        DECLINED = "declined", _("stays as it is")

    transfer = models.CharField(max_length=128)
    account = models.CharField(max_length=128)
    text = models.TextField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    answer = models.TextField(blank=True)
