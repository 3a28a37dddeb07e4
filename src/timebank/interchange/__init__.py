"""Importers and exporters, a folder for each format.

- `engine`: what every import goes through; another importer begins with its `protocol`.
- `csv`: any CSV, by a mapping in TOML that says what its columns mean.
- `timeoverflow`: the CSV files of TimeOverflow, the tables of its database, and an audit of these.
- `komunitin`: the CSV files and JSON:API documents of Komunitin and IntegralCES.
- `jsonl`: the journal whole, out of one bank and into another.
- `plaintext`: files for hledger, Ledger and Beancount.
- `spreadsheet`: tables for spreadsheets.
"""

from __future__ import annotations
