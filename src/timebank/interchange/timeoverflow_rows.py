"""The rows of TimeOverflow's CSV files, as calls to a bank. Pure.

Users are `member_uid, entry_date, name, surname1, surname2, gender, date_of_birth,
phone, alt_phone, email`; transfers are `source_member_uid, member|organization,
destination_member_uid, member|organization, amount_seconds, created_at, reason,
post_id`. The source spends, the destination earns. There is no header.
"""

from __future__ import annotations

import re
from datetime import date, time
from hashlib import sha256
from typing import Any, Final
from unicodedata import is_normalized

import attrs

from timebank.errors import shown
from timebank.interchange.csv_rows import Row, unreadable
from timebank.interchange.report import Quarantined
from timebank.model import (
    MAX_ID_CHARACTERS,
    MAX_INTEGER,
    MAX_LABEL_CHARACTERS,
    MAX_TEXT_CHARACTERS,
)

USER_COLUMNS: Final = (
    "member_uid",
    "entry_date",
    "name",
    "surname1",
    "surname2",
    "gender",
    "date_of_birth",
    "phone",
    "alt_phone",
    "email",
)
TRANSFER_COLUMNS: Final = (
    "source_member_uid",
    "source_type",
    "destination_member_uid",
    "destination_type",
    "amount_seconds",
    "created_at",
    "reason",
    "post_id",
)
#: The account of the association itself, which the files know by its type alone.
ORGANIZATION: Final = "organization"
SYSTEM: Final = "timeoverflow"

_AMOUNT: Final = re.compile(r"[0-9]{1,17}")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT: Final = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[ T](?P<time>[0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(?:\.[0-9]+)?"
    r"(?:Z| ?UTC| ?[+-][0-9]{2}:?[0-9]{2})?)?"
)


@attrs.frozen
class User:
    """A call of `open_account`, and the line it comes from."""

    line: int
    id: str
    name: str | None
    joined_on: date | None

    @property
    def arguments(self) -> dict[str, Any]:
        """What `open_account` is called with: who comes from elsewhere was welcomed there."""
        joined = {"joined_on": self.joined_on, "welcome": False}
        return {"id": self.id, "name": self.name, **joined}


@attrs.frozen
class Exchange:
    """A call of `transfer`, and the line it comes from. `key` is equal for equal rows.

    `fault` says why the row cannot be booked although its key is known: it counts
    among its equals all the same, so that mending it changes no other row's id.
    """

    line: int
    key: bytes
    spender: str
    earner: str
    seconds: int
    occurred_on: date
    created_at: str
    note: str | None
    post_id: str | None
    fault: Quarantined | None = None

    @property
    def source(self) -> dict[str, str]:
        """Where the transfer comes from, with the original instant."""
        source = {"system": SYSTEM, "created_at": self.created_at}
        return source if self.post_id is None else {**source, "post_id": self.post_id}


class _Fault(Exception):
    def __init__(self, *, column: str, value: str, reason: str) -> None:
        super().__init__(reason)
        self.column, self.value, self.reason = column, value, reason


def user_of(file: str, row: Row) -> User | Quarantined:
    """A row of the users' file.

    >>> from timebank.interchange.csv_rows import Row
    >>> from timebank.interchange.timeoverflow_rows import user_of
    >>> user_of("users.csv", Row(1, ("7", "2018-01-08", "Vera", "De Luca", "", *[""] * 5))).name
    'Vera De Luca'
    """
    try:
        _check_columns(row, USER_COLUMNS)
        columns = dict(zip(USER_COLUMNS, row.columns, strict=True))
        for column in ("member_uid", "entry_date", "name", "surname1", "surname2"):
            _check_readable(column, columns[column])
        uid = columns["member_uid"]
        _check_uid("member_uid", uid)
        parts = (columns[part].strip() for part in ("name", "surname1", "surname2"))
        name = " ".join(part for part in parts if part)
        if len(name) > MAX_TEXT_CHARACTERS:
            raise _Fault(
                column="name",
                value=name,
                reason=f"has more than {MAX_TEXT_CHARACTERS:,} characters",
            )
        joined_on = _entry_date(columns["entry_date"])
    except _Fault as fault:
        return _quarantined(file, row, fault)
    return User(row.line, uid, name or None, joined_on)


def exchange_of(file: str, row: Row) -> Exchange | Quarantined:
    """A row of the transfers' file.

    >>> from timebank.interchange.csv_rows import Row
    >>> from timebank.interchange.timeoverflow_rows import exchange_of
    >>> columns = ("7", "member", "", "organization", "5400", "2018-01-17 11:35:48", "", "")
    >>> exchange = exchange_of("transfers.csv", Row(1, columns))
    >>> exchange.spender, exchange.earner, exchange.seconds
    ('7', 'organization', 5400)
    """
    try:
        _check_columns(row, TRANSFER_COLUMNS)
        columns = dict(zip(TRANSFER_COLUMNS, row.columns, strict=True))
        reason = columns.pop("reason")
        for column, text in columns.items():
            if not (column.endswith("uid") and columns[_type_of(column)] == ORGANIZATION):
                _check_readable(column, text)
        spender = _party(columns, "source_member_uid")
        earner = _party(columns, "destination_member_uid")
        if spender == earner:
            text = "is the source as well: nobody exchanges with themselves"
            raise _Fault(
                column="destination_member_uid",
                value=columns["destination_member_uid"],
                reason=text,
            )
        seconds = _seconds(columns["amount_seconds"])
        day = _day_of_instant(columns["created_at"])
        _check_post(columns["post_id"])
    except _Fault as fault:
        return _quarantined(file, row, fault)
    return Exchange(
        line=row.line,
        key=_key(columns, spender, earner, seconds),
        spender=spender,
        earner=earner,
        seconds=seconds,
        occurred_on=day,
        created_at=columns["created_at"],
        note=reason or None,
        post_id=columns["post_id"] or None,
        fault=_fault_of_reason(file, row, reason),
    )


def _key(columns: dict[str, str], spender: str, earner: str, seconds: int) -> bytes:
    """The SHA-256 of what tells the row from others, without its reason, which is personal.

    No column has a line break, so that joined by one they can be told apart.
    """
    what = (
        columns["source_type"],
        spender,
        columns["destination_type"],
        earner,
        str(seconds),
        columns["created_at"],
        columns["post_id"],
    )
    return sha256("\n".join(what).encode()).digest()


def _quarantined(file: str, row: Row, fault: _Fault) -> Quarantined:
    value = fault.value if len(fault.value) <= MAX_LABEL_CHARACTERS else shown(fault.value)
    return Quarantined(file, row.line, fault.column, value, f"{shown(fault.value)} {fault.reason}")


def _check_columns(row: Row, expected: tuple[str, ...]) -> None:
    if len(row.columns) != len(expected):
        text = f"is how it begins: it has {len(row.columns)} columns, not {len(expected)}"
        raise _Fault(column="row", value=row.columns[0], reason=text)


def _check_readable(column: str, text: str) -> None:
    if (why := unreadable(text)) is not None:
        raise _Fault(column=column, value=text, reason=why)


def _type_of(uid_column: str) -> str:
    return uid_column.replace("member_uid", "type")


def _party(columns: dict[str, str], uid_column: str) -> str:
    kind = columns[_type_of(uid_column)]
    if kind == ORGANIZATION:
        return ORGANIZATION
    if kind != "member":
        raise _Fault(
            column=_type_of(uid_column), value=kind, reason="is neither member nor organization"
        )
    _check_uid(uid_column, columns[uid_column])
    return columns[uid_column]


def _check_uid(column: str, uid: str) -> None:
    if not uid:
        raise _Fault(column=column, value=uid, reason="is empty: a member has a uid")
    if not _is_label(uid, MAX_ID_CHARACTERS):
        text = f"is no id: 1 to {MAX_ID_CHARACTERS} characters in NFC, no blank at either end"
        raise _Fault(column=column, value=uid, reason=text)
    if uid == ORGANIZATION:
        raise _Fault(
            column=column, value=uid, reason="is the organization's own account, not a member's"
        )


def _seconds(text: str) -> int:
    if not _AMOUNT.fullmatch(text) or not 0 < int(text) <= MAX_INTEGER:
        raise _Fault(
            column="amount_seconds", value=text, reason="is not a positive whole number of seconds"
        )
    return int(text)


def _entry_date(text: str) -> date | None:
    if not text.strip():
        return None
    try:
        if not _DAY.fullmatch(text):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise _Fault(
            column="entry_date", value=text, reason="is not a day like 2018-01-31"
        ) from None


def _day_of_instant(text: str) -> date:
    try:
        if (match := _INSTANT.fullmatch(text)) is None:
            raise ValueError
        if match["time"] is not None:
            time.fromisoformat(match["time"])
        return date.fromisoformat(match["day"])
    except ValueError:
        raise _Fault(
            column="created_at", value=text, reason="is not an instant like 2018-01-31 09:30:00"
        ) from None


def _check_post(text: str) -> None:
    if not _is_label(text, MAX_LABEL_CHARACTERS):
        why = f"is no label: up to {MAX_LABEL_CHARACTERS} characters in NFC, on one line"
        raise _Fault(column="post_id", value=text, reason=why)


def _is_label(text: str, longest: int) -> bool:
    """Whether a bank takes the text as an id or a label."""
    return (
        len(text) <= longest
        and text.isprintable()
        and text == text.strip()
        and is_normalized("NFC", text)
    )


def _fault_of_reason(file: str, row: Row, reason: str) -> Quarantined | None:
    why = unreadable(reason)
    if why is None and len(reason) > MAX_TEXT_CHARACTERS:
        why = f"has {len(reason):,} characters, more than {MAX_TEXT_CHARACTERS:,}"
    return (
        None
        if why is None
        else _quarantined(file, row, _Fault(column="reason", value=reason, reason=why))
    )
