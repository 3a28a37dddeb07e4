"""What the treasury keeps beside the ledger: answers of audits, and sheets to be imported."""

from __future__ import annotations

from django.db import models

from timebank.interchange.hosting import SentSheet


class Audit(models.Model):
    """What an audit answered: when, of how many records, and how many causes it found."""

    made_at = models.DateTimeField(auto_now_add=True)
    records = models.PositiveBigIntegerField()
    causes = models.PositiveIntegerField()

    def __str__(self) -> str:
        return str(self.made_at)


class Sheet(models.Model):
    """A sheet that is sent: its bytes go when all of it is booked, or when somebody says so."""

    id = models.UUIDField(primary_key=True)
    name = models.CharField(max_length=255)
    data = models.BinaryField()
    sent_at = models.DateTimeField(auto_now_add=True)
    answers = models.JSONField(default=dict)
    #: What was booked of it last, as it was seen, and the name by which its rows are known again.
    booked = models.CharField(max_length=64, blank=True)
    source = models.CharField(max_length=32, blank=True)

    def __str__(self) -> str:
        return self.name

    @classmethod
    def kept(cls) -> models.QuerySet[Sheet]:
        """Return the sheets that are still there, the last one first."""
        return cls.objects.exclude(data=b"").order_by("-sent_at")

    def read(self) -> SentSheet:
        """Return what the library understands of it, in the reader's language."""
        known = Sheet.objects.exclude(source="").values_list("source", flat=True)
        return SentSheet(bytes(self.data), self.name, answers=self.answers, sources=known)
