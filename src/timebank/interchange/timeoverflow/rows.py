"""Read the rows of TimeOverflow's CSV files. Pure.

Users are `member_uid, entry_date, name, surname1, surname2, gender, date_of_birth,
phone, alt_phone, email`; transfers are `source_member_uid, member|organization,
destination_member_uid, member|organization, amount_seconds, created_at, reason,
post_id`. The source spends, the destination earns. There is no header.
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import Final
from unicodedata import is_normalized

from timebank.interchange.engine.cells import CellFault, instant_of, unreadable
from timebank.interchange.engine.csv_rows import Row, quarantined
from timebank.interchange.engine.protocol import NONE, ImportedAccount, ImportedTransfer
from timebank.interchange.engine.report import Quarantined
from timebank.interchange.engine.row_ids import RowIds
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

_OWN: Final = ImportedAccount(0, ORGANIZATION, kind="organisation")
_OF_USER: Final = {"id": "member_uid", "joined_on": "entry_date"}
_OF_TRANSFER: Final = {
    "earner": "destination_member_uid",
    "spender": "source_member_uid",
    "seconds": "amount_seconds",
    "occurred_on": "created_at",
    "note": "reason",
    "source": "post_id",
}
_AMOUNT: Final = re.compile(r"[0-9]{1,17}")
#: Cells that are read once for all rows that repeat them. Notes, which are personal, are none.
_CELLS_REMEMBERED: Final = 4_096


def user_of(file: str, row: Row) -> ImportedAccount | Quarantined:
    """Return what a row of the users' file says.

    >>> from timebank.interchange.engine.csv_rows import Row
    >>> from timebank.interchange.timeoverflow.rows import user_of
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
            raise CellFault(
                name, f"has more than {MAX_TEXT_CHARACTERS:,} characters", column="name"
            )
        joined_on = _entry_date(columns["entry_date"])
    except CellFault as fault:
        return quarantined(file, row, fault)
    return ImportedAccount(
        row.line, uid, name=name or None, joined_on=joined_on, columns=_OF_USER, cells=row.columns
    )


def exchange_of(file: str, row: Row, ids: RowIds) -> ImportedTransfer | Quarantined:
    """Return what a row of the transfers' file says.

    A row whose reason is at fault counts among its equals, so that mending the reason changes no
    other row's id.

    >>> from timebank.interchange.engine.csv_rows import Row
    >>> from timebank.interchange.engine.row_ids import RowIds
    >>> from timebank.interchange.timeoverflow.rows import exchange_of
    >>> columns = ("7", "member", "", "organization", "5400", "2018-01-17 11:35:48", "", "")
    >>> exchange = exchange_of("transfers.csv", Row(1, columns), RowIds("timeoverflow"))
    >>> exchange.spender, exchange.earner, exchange.seconds
    ('7', 'organization', 5400)
    """
    try:
        _check_columns(row, TRANSFER_COLUMNS)
        source_uid, source, target_uid, target, amount, created_at, reason, post = row.columns
        spender = _party("source", source, source_uid)
        earner = _party("destination", target, target_uid)
        if spender == earner:
            text = "is the source as well: nobody exchanges with themselves"
            raise CellFault(target_uid, text, column="destination_member_uid")
        seconds = _seconds(amount)
        day = _day_of_instant(created_at)
        _check_post(post)
    except CellFault as fault:
        return quarantined(file, row, fault)
    id = ids.of_meaning(earner=earner, spender=spender, seconds=seconds, day=day)
    if (why := _fault_of_reason(reason)) is not None:
        moves = ((earner, seconds), (spender, -seconds))
        return quarantined(file, row, CellFault(reason, why, column="reason"), moves)
    return ImportedTransfer(
        row.line,
        id,
        earner=earner,
        spender=spender,
        seconds=seconds,
        occurred_on=day,
        created_at=created_at,
        note=reason or None,
        source={"post_id": post} if post else NONE,
        columns=_OF_TRANSFER,
        cells=row.columns,
        opens=_OWN if ORGANIZATION in (spender, earner) else None,
    )


def _check_columns(row: Row, expected: tuple[str, ...]) -> None:
    if len(row.columns) != len(expected):
        text = f"is how it begins: it has {len(row.columns)} columns, not {len(expected)}"
        raise CellFault(row.columns[0], text, column="row")


def _check_readable(column: str, text: str) -> None:
    if (why := unreadable(text)) is not None:
        raise CellFault(text, why, column=column)


@lru_cache(_CELLS_REMEMBERED)
def _party(side: str, kind: str, uid: str) -> str:
    """Return the account of a side: a member's uid, or the organization's own."""
    if kind == ORGANIZATION:
        return ORGANIZATION
    if kind != "member":
        column = f"{side}_type"
        _check_readable(column, kind)
        raise CellFault(kind, "is neither member nor organization", column=column)
    column = f"{side}_member_uid"
    _check_readable(column, uid)
    _check_uid(column, uid)
    return uid


def _check_uid(column: str, uid: str) -> None:
    if not uid:
        raise CellFault(uid, "is empty: a member has a uid", column=column)
    if not _is_label(uid, MAX_ID_CHARACTERS):
        text = f"is no id: 1 to {MAX_ID_CHARACTERS} characters in NFC, no blank at either end"
        raise CellFault(uid, text, column=column)
    if uid == ORGANIZATION:
        raise CellFault(uid, "is the organization's own account, not a member's", column=column)


@lru_cache(_CELLS_REMEMBERED)
def _seconds(text: str) -> int:
    _check_readable("amount_seconds", text)
    if not _AMOUNT.fullmatch(text) or not 0 < int(text) <= MAX_INTEGER:
        raise CellFault(text, "is not a positive whole number of seconds", column="amount_seconds")
    return int(text)


def _entry_date(text: str) -> date | None:
    if not text.strip():
        return None
    if len(text) != len("2018-01-31") or (found := instant_of(text)) is None:
        raise CellFault(text, "is not a day like 2018-01-31", column="entry_date")
    return found.date()


def _day_of_instant(text: str) -> date:
    if (found := instant_of(text)) is None:
        _check_readable("created_at", text)
        raise CellFault(text, "is not an instant like 2018-01-31 09:30:00", column="created_at")
    return found.date()


@lru_cache(_CELLS_REMEMBERED)
def _check_post(text: str) -> None:
    _check_readable("post_id", text)
    if not _is_label(text, MAX_LABEL_CHARACTERS):
        why = f"is no label: up to {MAX_LABEL_CHARACTERS} characters in NFC, on one line"
        raise CellFault(text, why, column="post_id")


def _is_label(text: str, longest: int) -> bool:
    """Return true where a bank takes the text as an id or a label."""
    return (
        len(text) <= longest
        and text.isprintable()
        and text == text.strip()
        and is_normalized("NFC", text)
    )


def _fault_of_reason(reason: str) -> str | None:
    why = unreadable(reason)
    if why is None and len(reason) > MAX_TEXT_CHARACTERS:
        why = f"has {len(reason):,} characters, more than {MAX_TEXT_CHARACTERS:,}"
    return why
