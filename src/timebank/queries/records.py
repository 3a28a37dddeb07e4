"""Read records: one, all of them a page at a time, those of an account, the last balance."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from timebank import checks
from timebank.errors import AccountNotFound, Corrupt, NotFound, shown
from timebank.journal import parse, recorded
from timebank.journal.kinds import RecordBody
from timebank.model import AccountRow, PostingRow, RecordRow
from timebank.storage.protocol import Reader

#: Rows of a page.
PAGE: Final = 500


def record_at(reader: Reader, sequence: int) -> RecordRow:
    """Return the record with a sequence.

    :raises Corrupt: it is missing, though something names it.
    """
    found = find_record(reader, sequence)
    if found is None:
        msg = f"record {sequence} is missing, though rows name it"
        raise Corrupt(msg)
    return found


def find_record(reader: Reader, sequence: int) -> RecordRow | None:
    """Return the record with a sequence, `None` where there is none."""
    rows = reader.records(after=sequence - 1, limit=1)
    return rows[0] if rows and rows[0].sequence == sequence else None


def named_record(reader: Reader, record: int | str) -> RecordRow:
    """Return the record that its sequence, or the id of its operation, names.

    :raises NotFound: there is none.
    """
    found = reader.find(record) if isinstance(record, str) else find_record(reader, record)
    if found is None:
        msg = f"no record {shown(record)}"
        raise NotFound(msg).about(key="record_not_found", record=record)
    return found


def body_of(row: RecordRow) -> RecordBody:
    """Return the object that a record's bytes say.

    :raises Corrupt: they say none.
    """
    body: Any = parse(row.body)
    return body  # type: ignore[no-any-return]  # which fields it has is for the audit to tell


def records(reader: Reader, *, after: int = 0, limit: int = PAGE) -> Iterator[RecordRow]:
    """Yield the records above a sequence, in order, reading `limit` at a time."""
    while page := reader.records(after=after, limit=limit):
        yield from page
        after = page[-1].sequence


def newest_records(reader: Reader, *, before: int | None) -> list[RecordRow]:
    """Return a page of the records below a sequence, the newest first; of all, without one."""
    end = reader.head().sequence + 1 if before is None else before
    start = max(end - PAGE, 1)
    return reader.records(after=start - 1, limit=end - start)[::-1] if end > start else []


def records_of(
    reader: Reader, accounts: Sequence[str], *, newest_first: bool, after: int | None
) -> list[RecordRow]:
    """Return the next page of the records that posted to any of some accounts, each once.

    `after` is left out; it goes on in the direction of travel.
    """
    pages = [
        _sequences_of(reader, account, newest_first=newest_first, after=after)
        for account in accounts
    ]
    found = sorted({sequence for page in pages for sequence in page}, reverse=newest_first)
    # Where one has more to come, no other is read further.
    ends = [page[-1] for page in pages if len(page) == PAGE]
    if ends:
        end = max(ends) if newest_first else min(ends)
        found = [one for one in found if (one >= end if newest_first else one <= end)]
    return [record_at(reader, sequence) for sequence in found]


def _sequences_of(
    reader: Reader, account: str, *, newest_first: bool, after: int | None
) -> list[int]:
    """Return the sequences of an account's next postings; a whole page, where more may follow."""
    if newest_first:
        last = last_posting(reader, account, through=None if after is None else after - 1)
        end = 0 if last is None else last.version
        postings = reader.postings(account, after=max(end - PAGE, 0), limit=min(end, PAGE))[::-1]
    else:
        last = last_posting(reader, account, through=after) if after else None
        postings = reader.postings(account, after=0 if last is None else last.version, limit=PAGE)
    return [posting.sequence for posting in postings]


def last_recorded(reader: Reader) -> tuple[int, str]:
    """Return the instant of the last record, in microseconds since 1970, and its day.

    They are 0 and `""` where there is none.

    :raises Corrupt: the last record is missing, or has none.
    """
    sequence = reader.head().sequence
    if not sequence:
        return 0, ""
    row = find_record(reader, sequence)
    if row is None:
        msg = f"record {sequence}, the last one, is missing"
        raise Corrupt(msg)
    return recorded(row.body)


def last_instant(reader: Reader) -> int:
    """Return the instant of the last record, in microseconds since 1970; 0 where there is none.

    :raises Corrupt: as `last_recorded`.
    """
    return last_recorded(reader)[0]


# -- accounts ------------------------------------------------------------------------


def account_row(reader: Reader, account: object) -> AccountRow:
    """Return the row of an account.

    :raises InvalidRequest: an id that cannot be.
    :raises AccountNotFound: no such account.
    """
    id = checks.identifier(account, "account id")
    row = reader.account(id)
    if row is None:
        raise AccountNotFound(id)
    return row


def all_accounts(reader: Reader) -> Iterator[AccountRow]:
    """Yield all accounts by id, reading a page at a time."""
    after: str | None = None
    while page := reader.accounts(after=after, limit=PAGE):
        yield from page
        after = page[-1].account


def last_posting(reader: Reader, account: str, *, through: int | None) -> PostingRow | None:
    """Return the last posting of an account, or that of the records up to `through`.

    Among many it is found by binary search: a store would walk to it from the newest.
    """
    last = reader.last_posting(account)
    if last is None or through is None or last.sequence <= through:
        return last
    if last.version <= PAGE:
        return reader.last_posting(account, through=through)

    def sequence_of(version: int) -> int:
        return reader.postings(account, after=version - 1, limit=1)[0].sequence

    version = bisect_right(range(1, last.version), through, key=sequence_of)
    return reader.postings(account, after=version - 1, limit=1)[0] if version else None


def last_balance(reader: Reader, account: str, *, through: int | None = None) -> int:
    """Return the seconds that an account has posted, as of the record `through`, included."""
    last = last_posting(reader, account, through=through)
    return 0 if last is None else last.balance


def hours_left(reader: Reader, row: RecordRow) -> int:
    """Return the seconds of a transfer that were not moved back."""
    first, *reversals = (
        sum(seconds for _, seconds in body_of(one)["effects"]["postings"] if seconds > 0)
        for one in (row, *reversals_of(reader, row.sequence))
    )
    left: int = first - sum(reversals)
    return left


def reversals_of(reader: Reader, sequence: int) -> list[RecordRow]:
    """Return the records that moved hours of a transfer back, in order.

    What was booked for another bank is moved back by an offer to it, once that is settled.
    """
    found = []
    for row in reader.referring(sequence):
        if row.kind == "reverse":
            found.append(row)
        elif row.kind == "hold":
            resolved = resolution_of(reader, row.sequence)
            if resolved is not None and resolved.kind == "settle":
                found.append(resolved)
    return found


def taken_back_by(reader: Reader, record: RecordBody) -> int | None:
    """Return the sequence of what a record takes back; `None`, where it takes nothing back.

    A settlement takes back what its hold offered to another bank to take back.
    """
    effects: Mapping[str, Any] = record["effects"]
    if record["kind"] == "settle" and "answer" in record["request"]:
        effects = body_of(record_at(reader, effects["resolves"]))["effects"]
    elif record["kind"] != "reverse":
        return None
    return effects.get("reverses")


def resolution_of(reader: Reader, sequence: int) -> RecordRow | None:
    """Return the record that settled or voided a hold, `None` where none did."""
    rows = (row for row in reader.referring(sequence) if row.kind in {"settle", "void"})
    return next(rows, None)


def texts_of(reader: Reader, sequence: int) -> dict[str, str]:
    """Return the texts beside a record that are still there, by field."""
    return {row.field: row.text for row in reader.texts(after=sequence - 1, through=sequence)}


def name_of(reader: Reader, row: AccountRow) -> str | None:
    """Return the current name of an account; `None` where it has none or it was erased."""
    return None if row.named is None else texts_of(reader, row.named).get("name")
