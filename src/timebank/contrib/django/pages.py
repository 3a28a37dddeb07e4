"""What the pages of the admin show, read from one snapshot each. Nothing here writes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

import attrs

from timebank.bank import TimeBank
from timebank.contrib.django import words
from timebank.hours import Hours
from timebank.journal import parse
from timebank.model import (
    ACCOUNT_KINDS,
    TEXT_FIELDS,
    AccountRow,
    Hold,
    Record,
    instant,
    microseconds,
)
from timebank.model.agreements import account_of
from timebank.queries.holds import open_page, page_of_all, reserved
from timebank.queries.proofs import PROVABLE
from timebank.queries.records import all_accounts, find_record, last_balance, name_of, texts_of
from timebank.queries.views import record_view
from timebank.reports.text import harmless, titled
from timebank.storage.protocol import Reader

#: How many rows a page has.
ROWS: Final = 50
#: How many pages of records are read to fill a page of holds that are rare.
_MOST_READ: Final = 20


@attrs.frozen
class AccountLine:
    """An account in the list: hours are `Hours`."""

    id: str
    name: str | None
    kind: str
    status: str
    joined_on: date | None
    balance: Hours
    held: Hours
    merged_into: str | None


@attrs.frozen
class Accounts:
    """A page of the accounts, and how many there are in all."""

    lines: list[AccountLine]
    count: int
    #: Its number, from 1, and that of the last one.
    page: int
    pages: int


def accounts(
    bank: TimeBank, *, search: str, kind: str, status: str, page: int, now: datetime
) -> Accounts:
    """Return a page of the accounts by id, of a kind and a status, that a search finds.

    It finds what is in an id or a name; names are read for it alone.
    """
    with bank.store.reader(bank.name) as reader:
        rows = [row for row in all_accounts(reader) if _is_of(row, kind, status)]
        if search:
            rows = [row for row in rows if _is_found(reader, row, search.casefold())]
        pages = max(1, -(-len(rows) // ROWS))
        page = min(max(page, 1), pages)
        shown = rows[(page - 1) * ROWS : page * ROWS]
        lines = [_account_line(reader, row, microseconds(now)) for row in shown]
    return Accounts(lines, len(rows), page, pages)


def _is_of(row: AccountRow, kind: str, status: str) -> bool:
    return kind in ("", row.kind) and status in ("", row.status)


def _is_found(reader: Reader, row: AccountRow, folded: str) -> bool:
    return folded in row.account.casefold() or folded in (name_of(reader, row) or "").casefold()


def _account_line(reader: Reader, row: AccountRow, now: int) -> AccountLine:
    held, _ = reserved(reader, row.account, now=now)
    return AccountLine(
        row.account,
        name_of(reader, row),
        row.kind,
        row.status,
        None if row.joined_on is None else date.fromisoformat(row.joined_on),
        Hours.from_seconds(last_balance(reader, row.account)),
        Hours.from_seconds(held),
        row.merged_into,
    )


# -- holds ---------------------------------------------------------------------------


@attrs.frozen
class Holds:
    """A page of holds, and the sequence behind which the next one begins, if there may be one.

    `names` are what the banks of its offers are called, by the accounts of their agreements.
    """

    lines: list[Hold]
    after: int | None
    names: Mapping[str, str]


def holds(bank: TimeBank, *, status: str, after: int, now: datetime) -> Holds:
    """Return a page of holds in the order of the journal, those of a status, or all for `""`."""
    found: list[Hold] = []
    last: int | None = after
    with bank.store.reader(bank.name) as reader:
        for _ in range(_MOST_READ):
            if status == "open":
                some, last = open_page(reader, None, after=last or 0, now=microseconds(now))
            else:
                some, last = page_of_all(reader, None, after=last or 0, now=microseconds(now))
            found += [hold for hold in some if status in ("", hold.status)]
            if last is None or len(found) >= ROWS:
                break
        if len(found) > ROWS:
            found, last = found[:ROWS], found[ROWS - 1].sequence
        return Holds(found, last, _bank_names(reader, found))


def _bank_names(reader: Reader, holds: Iterable[Hold]) -> dict[str, str]:
    """Return what the banks of offers are called, by the accounts of their agreements."""
    accounts = {account_of(hold.across.bank) for hold in holds if hold.across is not None}
    rows = [row for row in map(reader.account, sorted(accounts)) if row is not None]
    return {row.account: name for row in rows if (name := name_of(reader, row)) is not None}


# -- the journal ---------------------------------------------------------------------


@attrs.frozen
class RecordLine:
    """A record in the list."""

    sequence: int
    recorded_at: datetime
    kind: str
    about: str
    actor: str | None
    digest: str


@attrs.frozen
class Journal:
    """A page of the journal, newest first; the sequences below which its neighbours begin."""

    lines: list[RecordLine]
    count: int
    newer: int | None
    older: int | None


def journal(bank: TimeBank, *, before: int | None) -> Journal:
    """Return a page of the records below a sequence, or the newest ones, the newest first."""
    with bank.store.reader(bank.name) as reader:
        count = reader.head().sequence
        end = count + 1 if before is None else min(max(before, 1), count + 1)
        start = max(end - ROWS, 1)
        rows = reader.records(after=start - 1, limit=end - start) if end > start else []
    lines = [_record_line(record_view(row)) for row in reversed(rows)]
    newer = end + ROWS if end <= count else None
    return Journal(lines, count, newer, start if start > 1 else None)


def _record_line(record: Record) -> RecordLine:
    request = _part(parse(record.bytes), "request")
    about = request.get("id", request.get("account", request.get("operation", "")))
    return RecordLine(
        record.sequence,
        record.recorded_at,
        record.kind,
        str(about),
        record.actor,
        record.digest.hex(),
    )


@attrs.frozen
class Field:
    """A field of a record: its name, and what it says."""

    name: str
    value: str


@attrs.frozen
class RecordPage:
    """One record: its line, what was asked for, what came of it, and the texts beside it."""

    line: RecordLine
    request: list[Field]
    effects: list[Field]
    texts: list[Field]
    previous: int | None
    next: int | None
    #: The id by which there is a receipt of it, if there is one of its kind.
    receipt: str | None


def record(bank: TimeBank, sequence: int) -> RecordPage | None:
    """Return one record with its fields in words; `None` where there is none."""
    with bank.store.reader(bank.name) as reader:
        row = find_record(reader, sequence)
        if row is None:
            return None
        texts = texts_of(reader, sequence)
        last = reader.head().sequence
    found = record_view(row)
    body = parse(found.bytes)
    return RecordPage(
        _record_line(found),
        list(_fields(_part(body, "request"))),
        list(_fields(_part(body, "effects"))),
        [Field(words.of("field", name), harmless(text)) for name, text in texts.items()],
        sequence - 1 if sequence > 1 else None,
        sequence + 1 if sequence < last else None,
        _part(body, "request").get("id") if found.kind in PROVABLE else None,
    )


def _part(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = body.get(name)
    return part if isinstance(part, dict) else {}


def _fields(part: Mapping[str, Any]) -> Iterator[Field]:
    for name, value in part.items():
        # A text lies beside the record, which has its commitment alone.
        label = f"commitment to the {name}" if name in TEXT_FIELDS else name
        yield Field(words.of("field", label), harmless(_shown(name, value)))


def _shown(name: str, value: Any) -> str:
    show = _SHOWN.get(name)
    try:
        return _plain(value) if show is None else show(value)
    except (TypeError, ValueError):  # a record that is not well is shown as it is
        return _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return "-"
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value)
    if isinstance(value, dict):
        return "; ".join(
            f"{words.of('field', _label(key, value))}: {_shown(key, one)}"
            for key, one in value.items()
        )
    return json.dumps(value, ensure_ascii=False)


def _label(key: str, value: Mapping[str, Any]) -> str:
    """Return what a field is called: in an offer `from` and `to` are banks, not times of day."""
    is_between_banks = "answer_in" in value or "terms" in value
    return f"{key} bank" if is_between_banks and key in {"from", "to"} else key


def _hours(value: Any) -> str:
    return str(Hours.from_seconds(value)) if type(value) is int else _plain(value)


def _instant(value: Any) -> str:
    return f"{instant(value):%Y-%m-%d %H:%M} UTC" if type(value) is int else _plain(value)


def _duration(value: Any) -> str:
    return str(timedelta(microseconds=value))


def _reserves(value: Any) -> str:
    return ", ".join(f"{account} {_signed(-held or incoming)}" for account, held, incoming in value)


def _lines(value: Any) -> str:
    return ", ".join(f"{account} {_signed(seconds)}" for account, seconds in value)


def _signed(seconds: int) -> str:
    return f"{'+' if seconds > 0 else ''}{Hours.from_seconds(seconds)}"


def _limits(value: Any) -> str:
    """Return how much each of two banks may owe; `-` is unlimited."""
    return ", ".join(map(_hours, value))


def _kind(value: Any) -> str:
    return words.of("account" if value in ACCOUNT_KINDS else "movement", value)


def _status(value: Any) -> str:
    return words.of("status", value)


#: The fields that are hours, in seconds, or lines of accounts with hours.
_SHOWN: Final[dict[str, Callable[[Any], str]]] = {
    "hours": _hours,
    "floor": _hours,
    "ceiling": _hours,
    "limit": _hours,
    "available": _hours,
    "needed": _hours,
    "asked": _hours,
    "earners": _lines,
    "spenders": _lines,
    "postings": _lines,
    "lines": _lines,
    "fee": _lines,
    "reserves": _reserves,
    "expires_at": _instant,
    "expires_in": _duration,
    "answer_by": _instant,
    "answer_in": _duration,
    "seconds": _hours,
    "they_may_owe": _hours,
    "we_may_owe": _hours,
    "terms": _limits,
    "theirs": _limits,
    "kind": _kind,
    "status": _status,
}


def named(ids: Iterable[str], names: Mapping[str, str], *, most: int = 3) -> str:
    """Return ids with the names that are known, the first few of them."""
    known = list(ids)
    some = ", ".join(titled(id, names.get(id)) for id in known[:most])
    return some if len(known) <= most else f"{some}, … ({len(known)})"
