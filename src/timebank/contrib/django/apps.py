"""The app, as Django knows it."""

from __future__ import annotations

from typing import ClassVar

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import pgettext_lazy


class TimeBankConfig(AppConfig):
    """The app `timebank`."""

    name = "timebank.contrib.django"
    label = "timebank"
    verbose_name = pgettext_lazy("timebank", "Time bank")
    default_auto_field = "django.db.models.BigAutoField"
    #: The name of each database as the settings have it, before a test runner gives it another.
    configured: ClassVar[dict[str, object]] = {}

    def ready(self) -> None:
        """Take note of the databases, and register the checks."""
        from django.db import connections

        from timebank.contrib.django import checks, ledger

        for alias in connections.settings:
            self.configured[alias] = connections.settings[alias]["NAME"]
        checks.register_all()
        post_migrate.connect(ledger.make_after_migrate, sender=self)
