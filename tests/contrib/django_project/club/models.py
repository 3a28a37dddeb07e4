"""A row of the club's own, beside the hours."""

from __future__ import annotations

from django.db import models


class Booking(models.Model):
    """A service that was done; `operation` is the id of its hours."""

    operation = models.UUIDField(unique=True)
    carer = models.CharField(max_length=20)
    family = models.CharField(max_length=20)

    def __str__(self) -> str:
        return f"{self.carer} for {self.family}"
