"""The app."""

from __future__ import annotations

from django.apps import AppConfig


class ExchangeConfig(AppConfig):
    """What the site itself keeps: who signs in, what was proposed, what is to be corrected."""

    name = "exchange"
