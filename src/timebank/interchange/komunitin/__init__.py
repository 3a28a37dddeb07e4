"""Import the CSV files and JSON:API documents of Komunitin and IntegralCES."""

from __future__ import annotations

from timebank.interchange.komunitin.importer import Komunitin

__all__ = ["Komunitin"]
