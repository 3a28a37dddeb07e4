"""Importers and exporters, a file per format."""

from __future__ import annotations
