"""Read the tables of accounts, members and users as the accounts that they are to us."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import attrs

from timebank.errors import InvalidRequest, shown
from timebank.interchange.engine.cells import CellFault, instant_of, whole_number
from timebank.interchange.engine.csv_rows import Row, TableReader, quarantined
from timebank.interchange.engine.protocol import ImportedAccount
from timebank.interchange.engine.report import Quarantined
from timebank.interchange.timeoverflow.rows import ORGANIZATION
from timebank.model.ids import identifier

ACCOUNT_COLUMNS: Final = (
    ("id", "accountable_id", "accountable_type", "balance"),
    ("organization_id",),
)
MEMBER_COLUMNS: Final = (("id", "member_uid"), ("user_id", "entry_date", "active"))
USER_COLUMNS: Final = (("id",), ("username",))
#: How a database writes that something is not so.
_NO: Final = frozenset({"f", "false", "0", "FALSE"})
_COLUMNS: Final = {"stated": "balance", "id": "accountable_id"}


@attrs.frozen
class _Member:
    uid: str
    name: str
    entry_date: str
    active: bool


class Accounts:
    """The accounts of the tables, and the id that each has with us. Memory grows with them."""

    def __init__(self, organization: str | None) -> None:
        self._organization = organization
        self._members: dict[str, _Member] = {}
        self._names: dict[str, str] = {}
        self._uids: dict[str, str] = {}
        #: Ids of the table → ours; `None` where an account is of another organization.
        self.ids: dict[int, str | None] = {}

    def read_users(self, rows: TableReader) -> Iterator[Quarantined]:
        """Read the names; yield what cannot be read."""
        for found in rows:
            if isinstance(found, Quarantined):
                yield attrs.evolve(found, moves=())
            else:
                _, (id, name) = found
                self._names[id] = name.strip()

    def read_members(self, rows: TableReader) -> Iterator[Quarantined]:
        """Read the uids and the days of entry; yield what cannot be read."""
        for found in rows:
            if isinstance(found, Quarantined):
                yield attrs.evolve(found, moves=())
            else:
                _, (id, uid, user, entry_date, active) = found
                name = self._names.get(user, "")
                self._members[id] = _Member(uid, name, entry_date, active not in _NO)

    def read_accounts(
        self, file: str, rows: TableReader
    ) -> Iterator[ImportedAccount | Quarantined]:
        """Yield the accounts of one organization.

        :raises InvalidRequest: there are several organizations and none was chosen.
        """
        several: set[str] = set()
        kept: list[tuple[Row, tuple[str, ...]]] = []
        for found in rows:
            if isinstance(found, Quarantined):
                yield attrs.evolve(found, moves=())
                continue
            row, (*cells, organization) = found
            several.add(organization)
            if self._organization in {None, organization}:
                kept.append((row, tuple(cells)))
            elif (number := whole_number(cells[0])) is not None:
                self.ids[number] = None
        self._check(file, several)
        for row, texts in kept:
            try:
                yield self._account(row, *texts)
            except CellFault as fault:
                yield quarantined(file, row, fault, ())

    def _check(self, file: str, several: set[str]) -> None:
        if self._organization is None and len(several) > 1:
            named = ", ".join(shown(one) for one in sorted(several)[:20])
            msg = f"{file} has accounts of {len(several)} organizations: choose one of {named}"
            raise InvalidRequest(msg)
        if self._organization is not None and self._organization not in several:
            msg = f"{file} has no accounts of the organization {shown(self._organization)}"
            raise InvalidRequest(msg)

    def _account(
        self, row: Row, id: str, accountable: str, kind: str, balance: str
    ) -> ImportedAccount:
        number, stated = whole_number(id), whole_number(balance)
        if number is None or number in self.ids:
            raise CellFault(id, "is no number of an account of its own", column="id")
        if balance and stated is None:
            raise CellFault(balance, "is not a whole number of seconds", column="balance")
        row_of = self._organization_of if kind == "Organization" else self._member_of
        found = row_of(row, kind, accountable)
        if (before := self._uids.get(found.id)) is not None:
            why = f"is the uid of account {before} as well"
            raise CellFault(found.id, why, column="accountable_id")
        self._uids[found.id] = id
        self.ids[number] = found.id
        return attrs.evolve(found, stated=stated)

    def _organization_of(self, row: Row, kind: str, accountable: str) -> ImportedAccount:
        del kind, accountable  # there is but one
        return ImportedAccount(
            row.line, ORGANIZATION, kind="organisation", columns=_COLUMNS, cells=row.columns
        )

    def _member_of(self, row: Row, kind: str, accountable: str) -> ImportedAccount:
        if kind != "Member":
            why = "is neither Member nor Organization"
            raise CellFault(kind, why, column="accountable_type")
        if (member := self._members.get(accountable)) is None:
            why = "is no member in members.csv"
            raise CellFault(accountable, why, column="accountable_id")
        if (fault := _fault_of(member.uid)) is not None:
            why = f"is no uid for an account: {fault}"
            raise CellFault(member.uid, why, column="accountable_id")
        joined = instant_of(member.entry_date.strip()) if member.entry_date else None
        if member.entry_date and joined is None:
            why = "is no day of entry"
            raise CellFault(member.entry_date, why, column="accountable_id")
        return ImportedAccount(
            row.line,
            member.uid,
            name=member.name or None,
            joined_on=None if joined is None else joined.date(),
            closed=not member.active,
            columns=_COLUMNS,
            cells=row.columns,
        )


def _fault_of(uid: str) -> str | None:
    if uid == ORGANIZATION:
        return "it is that of the organization"
    try:
        identifier(uid, "it")
    except InvalidRequest as error:
        return str(error)
    return None
