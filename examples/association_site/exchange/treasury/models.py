"""What the treasury keeps beside the ledger: answers of audits, and sheets to be imported."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Audit(models.Model):
    """What an audit answered: when, of which head, and how many causes it found."""

    made_at = models.DateTimeField(auto_now_add=True)
    records = models.PositiveBigIntegerField()
    head = models.TextField()
    causes = models.PositiveIntegerField()

    class Meta:
        """The last one first."""

        ordering: ClassVar = ["-made_at", "-id"]

    def __str__(self) -> str:
        return self.head


class Sheet(models.Model):
    """A sheet between its preview and its booking.

    It lies in the database, so that each of several servers has it and nobody reads it but by the
    bank's permission; its bytes go when all of it is booked, or when somebody says so.
    """

    id = models.UUIDField(primary_key=True)
    name = models.CharField(max_length=200)
    data = models.BinaryField()
    sent_at = models.DateTimeField(auto_now_add=True)
    #: What its questions were answered, by the keys of the mapping.
    answers = models.JSONField(default=dict)
    #: The name by which its rows are known again; what is done about rows that changed.
    source = models.CharField(max_length=32, blank=True)
    changed = models.CharField(max_length=6, blank=True)
    booked_at = models.DateTimeField(null=True)

    class Meta:
        """The last one first."""

        ordering: ClassVar = ["-sent_at"]

    def __str__(self) -> str:
        return self.name
