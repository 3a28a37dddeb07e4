"""Destroying the texts of a person, or of one record: found, then erased in one commit."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Final

import attrs

from timebank import checks
from timebank.bank.session import Session
from timebank.errors import AccountNotOpen, InvalidRequest, StoreBusy, StoreError, shown
from timebank.model import TEXT_FIELDS, Erasure
from timebank.queries.corrections import amendments_of
from timebank.queries.personal_data import OWN, RecordsAbout
from timebank.queries.records import account_row, body_of, named_record, record_at
from timebank.rules.erasures import Erase, Written
from timebank.storage.protocol import Reader, Store, wipes

#: Texts that one record says were erased; where there are more, there are more records.
MOST: Final = 1_000
#: What is to be told of an erasure whose commit is somebody else's.
NOT_YET: Final = (
    "nothing is destroyed before the batch is kept; asked for once more behind it, the erasure "
    "says what remains"
)
_ERASED_BY_ITSELF: Final = "have its texts erased by itself"
_UNTOLD: Final = "this storage does not say what it keeps of deleted rows"


@attrs.define
class Search:
    """The texts about an account that are written in records, found as far as was read."""

    about: RecordsAbout
    _found: dict[tuple[int, str], Written] = attrs.field(factory=dict)

    @property
    def written(self) -> list[Written]:
        """The texts that were found, in the order of their records."""
        return sorted(self._found.values())

    def read(self, reader: Reader) -> None:
        """Go on reading, to the end of the journal."""
        for mention in self.about.read(reader):
            if mention.parts & OWN:
                for text in _written(mention.row.sequence, mention.record["request"]):
                    self._found[text.sequence, text.field] = text


def _written(sequence: int, request: Mapping[str, object]) -> list[Written]:
    return [Written(sequence, f, str(request[f])) for f in TEXT_FIELDS if f in request]


def erase_account(session: Session, search: Search, reason: object, actor: str | None) -> Erasure:
    """Erase what is about an account; others may have written since it was searched."""
    session.flush()
    account = search.about.account
    row = account_row(session.writer, account)
    if row.merged_into is not None:
        raise AccountNotOpen(
            account, status=row.status, doing=_ERASED_BY_ITSELF, merged_into=row.merged_into
        )
    search.read(session.writer)
    return _erased(session, search.written, account=account, reason=reason, actor=actor)


def erase_record(session: Session, record: int | str, reason: object, actor: str | None) -> Erasure:
    """Erase what is beside one record, named by its sequence or by the id of its operation.

    What amended it is erased too. The texts of a settlement are those of its hold.
    """
    session.flush()
    row = named_record(session.writer, record)
    if row.kind == "settle":
        row = record_at(session.writer, body_of(row)["effects"]["resolves"])
    written = [
        text
        for one in (row, *amendments_of(session.writer, row.sequence))
        for text in _written(one.sequence, body_of(one)["request"])
    ]
    return _erased(session, written, record=row.sequence, reason=reason, actor=actor)


def checked_record(value: object) -> int | str:
    """Return a sequence, or the id of an operation, checked.

    :raises InvalidRequest: neither.
    """
    if type(value) is int and value > 0:
        return value
    if type(value) is str:
        return checks.identifier(value, "record")
    msg = f"record is a sequence from 1, or the id of an operation, not {shown(value)}"
    raise InvalidRequest(msg)


def _erased(
    session: Session,
    written: list[Written],
    *,
    account: str | None = None,
    record: int | None = None,
    reason: object,
    actor: str | None,
) -> Erasure:
    """Erase what is still there, some in each record."""
    there = iter(_existing(session.writer, written))
    records, texts = [], 0
    while some := tuple(islice(there, MOST)):
        command = Erase.of(account=account, record=record, reason=reason, written=some)
        records.append(session.execute(command, actor))
        texts += len(some)
    return Erasure(account, record, texts, tuple(records))


def _existing(reader: Reader, written: list[Written]) -> list[Written]:
    """Return the texts that still exist; one deleted by hand is not recorded as erased."""
    found: list[Written] = []
    fields: dict[int, set[str]] = {}
    for text in written:
        if text.sequence not in fields:
            rows = reader.texts(after=text.sequence - 1, through=text.sequence)
            fields = {text.sequence: {row.field for row in rows}}
        if text.field in fields[text.sequence]:
            found.append(text)
    return found


def wiped(store: Store) -> tuple[str, ...]:
    """Ask a store to overwrite deleted rows; return where copies of them may remain.

    It is after the commit: what fails here is told, and raised nowhere.
    """
    if not wipes(store):
        return (_UNTOLD,)
    try:
        return tuple(store.wipe())
    except (StoreBusy, StoreError) as error:
        told = f"{error}: what was erased may remain until the erasure is asked for once more"
        return (told,)
