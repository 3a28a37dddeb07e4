"""What the site keeps beside the ledger: nothing here moves an hour."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


def new_actor() -> str:
    """Return an id that tells nothing: the journal keeps it for ever."""
    return f"p-{uuid.uuid4().hex[:12]}"


class Person(models.Model):
    """Who signs in; `actor` is their id in the journal, and that of their account, if any."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    actor = models.CharField(max_length=128, unique=True, default=new_actor)
    name = models.CharField(_("name"), max_length=200)
    listed = models.BooleanField(
        _("in the directory"), default=False, help_text=_("Other members find you by your name.")
    )

    def __str__(self) -> str:
        return self.name or self.actor

    @classmethod
    def of(cls, user: Any) -> Person:
        """Return the person who signed in as a user; made, where a user was made by hand."""
        found, _made = cls.objects.get_or_create(
            user=user, defaults={"name": user.get_full_name() or user.get_username()}
        )
        return found


class Proposal(models.Model):
    """An exchange that an earner proposes: it reserves nothing until the spender confirms it.

    What is booked then has the row's UUID as its id. (A spender who proposes reserves hours: that
    is a hold of the ledger, and no row of the site.)
    """

    class State(models.TextChoices):
        """What became of it."""

        OPEN = "open", _("waits for an answer")
        CONFIRMED = "confirmed", _("confirmed")
        DECLINED = "declined", _("declined")
        WITHDRAWN = "withdrawn", _("withdrawn")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    earner = models.CharField(max_length=128)
    spender = models.CharField(max_length=128)
    seconds = models.PositiveIntegerField()
    day = models.DateField()
    started_at = models.TimeField(null=True)
    ended_at = models.TimeField(null=True)
    category = models.CharField(max_length=200, blank=True)
    note = models.TextField(blank=True)
    proposed_by = models.CharField(max_length=128)
    proposed_at = models.DateTimeField(auto_now_add=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)

    class Meta:
        """The oldest first."""

        ordering: ClassVar = ["proposed_at"]

    def __str__(self) -> str:
        return str(self.id)


class Correction(models.Model):
    """What a member asks the coordinator to put right, and what was answered."""

    class State(models.TextChoices):
        """What became of it."""

        OPEN = "open", _("waits for the coordinator")
        DONE = "done", _("corrected")
        DECLINED = "declined", _("stays as it is")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    transfer = models.CharField(max_length=128)
    account = models.CharField(max_length=128)
    asked_by = models.CharField(max_length=128)
    asked_at = models.DateTimeField(auto_now_add=True)
    text = models.TextField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    answer = models.TextField(blank=True)

    class Meta:
        """The oldest first."""

        ordering: ClassVar = ["asked_at"]

    def __str__(self) -> str:
        return str(self.id)
