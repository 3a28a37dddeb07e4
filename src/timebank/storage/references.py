"""Find rows of one bank that refer to what is not there, in SQL that all databases share.

Each question compares two sets of keys of the one bank. So no row of another bank is read, and
whatever a planner believes of the number of rows, it can only sort or hash them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from timebank.errors import shown
from timebank.model import Fault
from timebank.model.said import said
from timebank.storage.sums import MOST, Fetch
from timebank.storage.tables import LAST_LEVEL, TABLES, odd_tile

#: The keys that rows have to find: a parent and its key, a child and the column that refers to it.
REFERENCES: Final = (
    ("timebank_records", "sequence", "timebank_records", "refers_to"),
    ("timebank_records", "sequence", "timebank_texts", "sequence"),
    ("timebank_records", "sequence", "timebank_accounts", "opened"),
    ("timebank_records", "sequence", "timebank_accounts", "named"),
    ("timebank_records", "sequence", "timebank_postings", "sequence"),
    ("timebank_accounts", "account", "timebank_postings", "account"),
    ("timebank_records", "sequence", "timebank_holds", "sequence"),
    ("timebank_accounts", "account", "timebank_holds", "account"),
    ("timebank_records", "sequence", "timebank_statutes", "sequence"),
)
_MISSING: Final = """SELECT {column} FROM {table}{by_key}
    WHERE bank = {mark} AND {column} IS NOT NULL
    EXCEPT SELECT {key} FROM {parent}{by_key} WHERE bank = {mark} LIMIT 1"""
_BOUNDS: Final = "SELECT MIN({column}), MAX({column}) FROM {table}{by_key} WHERE bank = {mark}"
_NUMBERED: Final = """SELECT COUNT(*), MIN(sequence), MAX(sequence) FROM timebank_records{by_key}
    WHERE bank = {mark}"""
_ODD_TILES: Final = """SELECT bank, level, tile FROM timebank_tiles{by_key}
    WHERE bank = {mark} AND level NOT BETWEEN 0 AND {last} LIMIT {most}"""
_HAS_BANK: Final = "SELECT 1 FROM timebank_banks WHERE bank = {mark}"
_HAS_ROWS: Final = "SELECT 1 FROM {table}{by_key} WHERE bank = {mark} LIMIT 1"


def own_orphans(fetch: Fetch, bank: str, *, mark: str, by_key: str = "") -> Iterator[Fault]:
    """Find the tables that have rows of a bank whose own row is missing."""
    if fetch(_HAS_BANK.format(mark=mark), (bank,)):
        return
    for table in TABLES:
        question = _HAS_ROWS.format(table=table, by_key=by_key, mark=mark)
        if fetch(question, (bank,)):
            expected = said("rows_with_a_row_of", table="timebank_banks")
            yield Fault("orphans", table, expected, said("rows_of_bank", bank=shown(bank)))


def own_references(fetch: Fetch, bank: str, *, mark: str, by_key: str = "") -> Iterator[Fault]:
    """Find the tables in which rows of a bank refer to a row that is not there, once each."""
    told = set()
    words = {"by_key": by_key, "mark": mark}
    last = _last(fetch(_NUMBERED.format(**words), (bank,)))
    for parent, key, table, column in REFERENCES:
        if (table, parent) in told:
            continue
        names = {"parent": parent, "key": key, "table": table, "column": column, **words}
        if key == "sequence" and last is not None:
            ((low, high),) = fetch(_BOUNDS.format(**names), (bank,))
            if low is None or (type(low) is type(high) is int and low >= 1 and high <= last):
                continue
        if fetch(_MISSING.format(**names), (bank, bank)):
            told.add((table, parent))
            expected = said("rows_with_a_row_of", table=parent)
            yield Fault("references", table, expected, said("rows_of_bank", bank=shown(bank)))


def _last(rows: list[tuple[Any, ...]]) -> int | None:
    """Return the sequence through which records are numbered without a gap, or `None`."""
    ((count, first, last),) = rows
    return last if count == 0 or (first, last) == (1, count) else None


def own_levels(fetch: Fetch, bank: str, *, mark: str, by_key: str = "") -> Iterator[Fault]:
    """Find tiles of levels that no tree has."""
    question = _ODD_TILES.format(mark=mark, by_key=by_key, last=LAST_LEVEL, most=MOST)
    yield from map(odd_tile, fetch(question, (bank,)))
