"""Make the ledger's tables, and tell Django of what permissions are given for."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models

from timebank.contrib.django.operations import MigrateLedger


def _shown(name: str, one: str, many: str) -> migrations.CreateModel:
    """Return the operation for a model that has no table."""
    id = models.BigAutoField(
        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
    )
    options = {
        "verbose_name": one,
        "verbose_name_plural": many,
        "managed": False,
        "default_permissions": ("view",),
        "base_manager_name": "objects",
    }
    return migrations.CreateModel(name, [("id", id)], options)


class Migration(migrations.Migration):
    """The first version of the tables."""

    initial = True
    dependencies: ClassVar[list[tuple[str, str]]] = []
    operations: ClassVar[list[object]] = [
        MigrateLedger(first=True),
        _shown("Account", "account", "accounts"),
        _shown("Hold", "hold", "holds"),
        _shown("Record", "record of the journal", "journal"),
        _shown("Audit", "audit", "audit"),
    ]
