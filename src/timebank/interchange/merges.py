"""Show a merge among the transfers of an export: its hours count in every sum, though it has no id.

>>> import timebank
>>> from timebank.interchange.merges import POSTS_HOURS, read_movement
>>> bank = timebank.open("memory:")
>>> for id in ["m1", "m1-again", "f1"]:
...     _ = bank.open_account(id)
>>> _ = bank.transfer(earner="m1-again", spender="f1", hours=2)
>>> _ = bank.merge("m1-again", into="m1", reason="she registered twice")
>>> with bank.store.reader("main") as reader:
...     rows = [row for row in reader.records(after=0, limit=9) if row.kind in POSTS_HOURS]
...     [read_movement(reader, row).kind for row in rows]
['exchange', 'merge']
"""

from __future__ import annotations

from typing import Final

from timebank.journal.kinds import MOVES_HOURS
from timebank.model import RecordRow, Transfer
from timebank.queries.records import body_of, texts_of
from timebank.queries.views import read_transfer, transfer_view
from timebank.storage.protocol import Reader

#: The kinds of record that have postings.
POSTS_HOURS: Final = MOVES_HOURS | {"merge"}


def read_movement(reader: Reader, row: RecordRow) -> Transfer:
    """Return a record that has postings as a transfer; a merge has an empty id."""
    if row.kind != "merge":
        return read_transfer(reader, row)
    record = body_of(row)
    record["request"] |= {"id": "", "kind": "merge"}
    return transfer_view(record, texts_of(reader, row.sequence))
