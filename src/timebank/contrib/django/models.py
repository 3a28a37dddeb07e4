"""What Django gives permissions for. The tables are the ledger's: no model reads or writes them.

`dumpdata` and the like ask every model for its rows, and these give none: a ledger is
exported by `manage.py timebank export jsonl`.
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import pgettext_lazy


class NoRows(models.Manager):
    """A manager that gives nothing, and asks the database nothing."""

    def get_queryset(self) -> Any:
        """Return no rows."""
        return super().get_queryset().none()


class Shown(models.Model):
    """Something that the admin shows."""

    objects = NoRows()

    class Meta:
        """It can be viewed, and nothing else."""

        abstract = True
        managed = False
        default_permissions = ("view",)
        base_manager_name = "objects"


class Account(Shown):  # noqa: DJ008 - there is never one to show
    """Accounts, with their balances and statements."""

    class Meta(Shown.Meta):
        """How it is called."""

        verbose_name = pgettext_lazy("timebank", "account")
        verbose_name_plural = pgettext_lazy("timebank", "accounts")


class Hold(Shown):  # noqa: DJ008 - there is never one to show
    """Holds: hours that are reserved for what was proposed."""

    class Meta(Shown.Meta):
        """How it is called."""

        verbose_name = pgettext_lazy("timebank", "hold")
        verbose_name_plural = pgettext_lazy("timebank", "holds")


class Record(Shown):  # noqa: DJ008 - there is never one to show
    """The records of the journal."""

    class Meta(Shown.Meta):
        """How it is called."""

        verbose_name = pgettext_lazy("timebank", "record of the journal")
        verbose_name_plural = pgettext_lazy("timebank", "journal")


class Audit(Shown):  # noqa: DJ008 - there is never one to show
    """A quick audit, on demand."""

    class Meta(Shown.Meta):
        """How it is called."""

        verbose_name = pgettext_lazy("timebank", "audit")
        verbose_name_plural = pgettext_lazy("timebank", "audit")
