"""Komunitin and IntegralCES: CSV files, and JSON:API documents."""

from __future__ import annotations

from timebank.interchange.komunitin.importer import Komunitin

__all__ = ["Komunitin"]
