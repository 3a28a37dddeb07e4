"""Read what a receipt says of one exchange: its record, its texts, and the bank's word on it.

The record is proved. What came of it up to a head, that it was taken back, say, is in other
records, and the receipt does not have these: it is the bank's word, which the bank signs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from timebank.errors import TransferNotFound
from timebank.journal import recorded
from timebank.journal.kinds import MOVES_HOURS, RecordBody, sides_of
from timebank.model import RecordRow
from timebank.queries.clock import Restarts
from timebank.queries.corrections import amendments_of, heir, note_of
from timebank.queries.records import body_of, name_of, record_at, resolution_of, reversals_of
from timebank.storage.protocol import Reader

#: The kinds of record of which there are receipts: what moves hours, and what holds them.
PROVABLE: Final = MOVES_HOURS | {"hold"}


def provable(reader: Reader, id: str) -> RecordRow:
    """Return the record of a transfer, a reversal, a due or a hold, by its id.

    :raises TransferNotFound: there is none.
    """
    row = reader.find(id)
    if row is None or row.kind not in PROVABLE:
        raise TransferNotFound(id)
    return row


def accounts_in(record: Mapping[str, Any]) -> tuple[str, ...]:
    """Return every account that the record of an exchange names, each once, sorted.

    >>> from timebank.queries.proofs import accounts_in
    >>> accounts_in({"request": {"via": "carla"}, "effects": {"postings": [["m1", 60], ["f1", -60]]}})
    ('carla', 'f1', 'm1')
    """  # noqa: E501  # an example is read by line
    request, effects = record["request"], record["effects"]
    found = {line[0] for side in ("earners", "spenders") for line in request.get(side, ())}
    found.update(request[field] for field in ("account", "via") if field in request)
    for lines in ("postings", "lines", "fee", "reserves"):
        found.update(line[0] for line in effects.get(lines, ()))
    return tuple(sorted(found.union(flagged_in(record))))


def flagged_in(record: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the accounts whose limits the flags of a record tell of, each once, sorted."""
    flags = record["effects"].get("flags", ())
    return tuple(sorted({flag["account"] for flag in flags if "account" in flag}))


# -- the bank's word -----------------------------------------------------------------------


def word_on(reader: Reader, row: RecordRow, *, size: int, texts: bool) -> dict[str, Any]:
    """Return what a bank knows of an exchange at the record `size`, in plain JSON.

    `texts` is whether names and notes are told. The shape is that of `timebank.proof.receipts`.
    Names are those of now.
    """
    record = body_of(row)
    moved = _moved(reader, row)
    reversals = [] if moved is None else _until(size, reversals_of(reader, moved.sequence))
    described = row.sequence if row.kind != "settle" else record["effects"]["resolves"]
    amendments = amendments_of(reader, described, through=size)
    accounts = accounts_in(record)
    merged = dict(_merged(reader, accounts, size))
    named = sorted({*accounts, *merged.values()}) if texts else []
    if row.kind == "hold":
        status = _status_of_hold(reader, record, size)
    else:
        status = _status(row, reversals)
    return {
        "amendments": [_amendment(reader, body_of(one), texts=texts) for one in amendments],
        "merged": merged,
        "names": dict(_names(reader, named)),
        "reversals": [_reversal(body_of(one)) for one in reversals],
        "status": status,
    }


def _until(size: int, rows: Iterable[RecordRow]) -> list[RecordRow]:
    return [row for row in rows if row.sequence <= size]


def _moved(reader: Reader, row: RecordRow) -> RecordRow | None:
    """Return the record that moved the hours: of a hold its settlement, `None` without one."""
    if row.kind != "hold":
        return row
    resolved = resolution_of(reader, row.sequence)
    return resolved if resolved is not None and resolved.kind == "settle" else None


def _status(row: RecordRow, reversals: Iterable[RecordRow]) -> str:
    back = sum(map(_seconds, reversals))
    if not back:
        return "stands"
    return "reversed" if back == _seconds(row) else "reversed in part"


def _seconds(row: RecordRow) -> int:
    """Return the seconds that a record moves, those of its fee among them."""
    postings = body_of(row)["effects"]["postings"]
    return sum(seconds for _, seconds in postings if seconds > 0)


def _status_of_hold(reader: Reader, record: RecordBody, size: int) -> str:
    sequence, expires_at = record["sequence"], record["effects"].get("expires_at")
    resolved = resolution_of(reader, sequence)
    if resolved is not None and resolved.sequence <= size:
        return "settled" if resolved.kind == "settle" else "voided"
    if expires_at is None:
        return "open"
    last_at, _ = recorded(record_at(reader, size).body)
    restarts = Restarts.read(reader, after=sequence)
    is_over = expires_at <= last_at or any(one.sequence <= size for one in restarts)
    return "expired" if is_over else "open"


def _reversal(record: RecordBody) -> dict[str, Any]:
    lines, _ = sides_of(record["effects"])
    return {
        "hours": sum(seconds for _, seconds in lines if seconds > 0),
        "id": record["request"]["id"],
        "record": record["sequence"],
        "recorded_on": record["recorded_on"],
    }


def _amendment(reader: Reader, record: RecordBody, *, texts: bool) -> dict[str, Any]:
    sets = record["effects"]["sets"]
    note = note_of(reader, sets.get("note")) if texts else None
    return {
        **({} if note is None else {"note": note}),
        "record": record["sequence"],
        "recorded_on": record["recorded_on"],
        "sets": sets,
    }


def _merged(reader: Reader, accounts: Iterable[str], size: int) -> Iterator[tuple[str, str]]:
    """Yield each account that was merged by a record, with what it had become by then."""
    for account in accounts:
        heir(reader, account)  # who became one another in a circle would go round for ever here
        became = account
        while (into := _merged_into(reader, became, size)) is not None:
            became = into
        if became != account:
            yield account, became


def _merged_into(reader: Reader, account: str, size: int) -> str | None:
    """Return the account that one was merged into by a record, `None` if it was not by then."""
    row = reader.account(account)
    into = None if row is None or row.merged_into is None else reader.account(row.merged_into)
    if into is None:
        return None
    for merge in _until(size, reader.referring(into.opened)):
        if merge.kind == "merge" and body_of(merge)["effects"]["account"] == account:
            return into.account
    return None


def _names(reader: Reader, accounts: Iterable[str]) -> Iterator[tuple[str, str]]:
    for account in accounts:
        row = reader.account(account)
        name = None if row is None else name_of(reader, row)
        if name is not None:
            yield account, name
