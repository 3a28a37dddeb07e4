"""Import JSON:API documents of Komunitin's accounting service, and of IntegralCES.

A document is read whole, one at a time: they come in pages. Memory grows with the accounts,
and by the size of the largest document.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

import attrs

from timebank.errors import InvalidRequest, shown
from timebank.hours import Hours
from timebank.interchange.engine.cells import CellFault
from timebank.interchange.engine.csv_rows import Row
from timebank.interchange.engine.files import Source, named, opened, size
from timebank.interchange.engine.protocol import ImportedAccount, ImportedRow, Passed
from timebank.interchange.engine.quarantine import Mended
from timebank.interchange.engine.report import Quarantined
from timebank.interchange.komunitin.rows import (
    PASSED,
    SYSTEM,
    Outsiders,
    SourceRow,
    TransferFields,
    account_of,
    transfer_of,
)

#: A document of more bytes than this is not read.
MAX_DOCUMENT_BYTES: Final = 64_000_000
#: The most decimals that amounts can have.
MAX_SCALE: Final = 9
#: Integers from here on are no amounts.
_TOO_LARGE: Final = 10**15

#: A list, for a state that cannot be hashed is looked for in it too.
_PASSED: Final = sorted(PASSED)
_OF_ACCOUNT: Final = {
    "id": "attributes.code",
    "status": "attributes.status",
    "joined_on": "attributes.created",
    "stated": "attributes.balance",
}
_OF_TRANSFER: Final = {
    "id": "id",
    "state": "attributes.state",
    "spender": "relationships.payer",
    "earner": "relationships.payee",
    "seconds": "attributes.amount",
    "occurred_on": "attributes.created",
    "note": "attributes.meta",
}


class KomunitinDocuments:
    r"""Reads JSON:API documents: an importer, to be run by `booking.run`.

    Accounts, transfers and the currency may be in any of them, as `data` or `included`.
    `unit` is what one unit of the currency is. An amount is divided by 10 to the power of
    the currency's `scale`, or of `scale` where no document has the currency. Limits of accounts
    (`creditLimit`, in any of its meanings) are not taken over: those are the statute's.
    `outsiders` is an account that stands for all who are in no document.

    The line of a row is the number of the resource in its document, from 1.

    :raises OSError: a file cannot be read.

    >>> from io import BytesIO
    >>> import json, timebank
    >>> from timebank.interchange.engine.booking import run
    >>> from timebank.interchange.komunitin.documents import KomunitinDocuments
    >>> def account(id, code):
    ...     return {"type": "accounts", "id": id, "attributes": {"code": code}}
    >>> def side(id):
    ...     return {"data": {"type": "accounts", "id": id}}
    >>> transfer = {
    ...     "type": "transfers", "id": "a1",
    ...     "attributes": {"amount": 75, "meta": "garden", "state": "committed",
    ...                    "created": "2026-03-02T10:00:00.000Z"},
    ...     "relationships": {"payer": side("u2"), "payee": side("u1")},
    ... }
    >>> page = {"data": [transfer], "included": [account("u1", "T01"), account("u2", "T02")]}
    >>> bank = timebank.open("memory:")
    >>> file = BytesIO(json.dumps(page).encode())
    >>> report = run(bank, KomunitinDocuments(file, scale=2))
    >>> report.transfers_booked, bank.balance("T01").posted
    (1, Hours('0:45'))
    """

    name = SYSTEM

    def __init__(
        self,
        *documents: Source,
        unit: Hours = Hours(1),  # noqa: B008 - it cannot be changed
        scale: int | None = None,
        outsiders: str | None = None,
        mended: Mended | None = None,
    ) -> None:
        self._outsiders = outsiders
        self._documents = documents
        self._unit = unit.seconds
        self._scale = scale
        self._mended = mended
        self._sizes = [size(document) for document in documents]
        self.bytes = 2 * sum(self._sizes)
        self.bytes_read = 0
        if mended is not None:
            mended.fit(map(named, documents))

    def read(self) -> Iterator[tuple[str, ImportedRow]]:
        """Yield the accounts of all documents, then the transfers; each document is read twice.

        :raises InvalidRequest: a document that is none, or amounts whose scale is not known.
        :raises OSError: a file cannot be read.
        """
        self.bytes_read = 0
        accounts: dict[str, _Account] = {}
        scales: set[int] = set()
        for item in self._items():
            if isinstance(item, Quarantined):
                yield item.file, item
            elif item.type == "currencies":
                scales.add(_scale_of(item))
            elif item.type == "accounts":
                account = _account_of(item)
                if isinstance(account, Quarantined):
                    yield item.file, account
                else:
                    accounts.setdefault(account.id, account)
        scale = self._one(scales)
        for account in accounts.values():
            yield account.source.file, account.row(scale, self._unit)
        codes = {id: account.code for id, account in accounts.items()}
        outsiders = Outsiders(self._outsiders, frozenset(codes.values()))
        for item in self._items():
            if not isinstance(item, Quarantined) and item.type == "transfers":
                yield item.file, _transfer_of(item, codes, scale, self._unit, outsiders)

    def _one(self, scales: set[int]) -> int:
        if self._scale is not None:
            return self._scale
        if len(scales) != 1:
            many = f"currencies of {len(scales)} scales" if scales else "no currency"
            msg = f"the documents have {many}: say how many decimals amounts have (the scale)"
            raise InvalidRequest(msg)
        return scales.pop()

    def _items(self) -> Iterator[_Item | Quarantined]:
        """Yield the resources of all documents, mended ones in place of the originals."""
        for source, bytes_ in zip(self._documents, self._sizes, strict=True):
            name = named(source)
            resources = _resources(name, source)
            rows: Iterator[Row | Quarantined] = (
                Row(line, (json.dumps(one, ensure_ascii=False, separators=(",", ":")),))
                for line, one in enumerate(resources, start=1)
            )
            if self._mended is not None:
                rows = self._mended.replace(name, rows)
            for row in rows:
                yield row if isinstance(row, Quarantined) else _item_of(name, row)
            self.bytes_read += bytes_


@attrs.frozen
class _Item:
    """A resource, and where it stands in the documents."""

    file: str
    row: Row
    type: str
    resource: dict[str, Any]

    @property
    def attributes(self) -> dict[str, Any]:
        """The attributes of the resource."""
        found = self.resource.get("attributes")
        return found if isinstance(found, dict) else {}

    def source(self, columns: dict[str, str]) -> SourceRow:
        """Return it as a row, with what its members are called."""
        return SourceRow(self.file, self.row, columns)

    def text(self, name: str, field: str) -> str:
        """Return an attribute that is text, or nothing.

        :raises CellFault: it is something else.
        """
        found = self.attributes.get(name)
        return "" if found is None else _text(found, field)


@attrs.frozen
class _Account:
    """An account of a document; its balance is not yet divided."""

    source: SourceRow
    id: str
    code: str
    status: str
    created: str
    balance: int | None

    def row(self, scale: int, unit: int) -> ImportedAccount | Quarantined:
        """Return it as the account that it is to us."""
        return account_of(
            self.source,
            self.code,
            status=self.status,
            created=self.created,
            balance="" if self.balance is None else Decimal(self.balance).scaleb(-scale),
            unit=unit,
        )


def _resources(name: str, source: Source) -> list[Any]:
    """Return the resources of one document."""
    with opened(source) as file:
        if not isinstance(source, str | os.PathLike):
            file.seek(0)
        raw = file.read(MAX_DOCUMENT_BYTES + 1)
    if len(raw) > MAX_DOCUMENT_BYTES:
        msg = f"{name} has more than {MAX_DOCUMENT_BYTES:,} bytes: fetch it in pages"
        raise InvalidRequest(msg)
    try:
        document = _parsed(raw.decode("utf-8-sig"))
    except ValueError as error:
        msg = f"{name} is not JSON: {error}"
        raise InvalidRequest(msg) from None
    if not isinstance(document, dict) or "data" not in document:
        msg = f"{name} is no JSON:API document: it has no data"
        raise InvalidRequest(msg)
    data, included = document["data"], document.get("included") or []
    data = data if isinstance(data, list) else [] if data is None else [data]
    return [*data, *included] if isinstance(included, list) else data


def _parsed(text: str) -> Any:
    """Parse JSON. A number with a point or an exponent stays text, for no amount has one.

    :raises ValueError: it is none.
    """
    try:
        return json.loads(text, parse_float=str, parse_constant=_no_number)
    except RecursionError:
        msg = "it is nested too deeply"
        raise ValueError(msg) from None


def _no_number(text: str) -> Any:
    msg = f"{text} is no number"
    raise ValueError(msg)


def _item_of(file: str, row: Row) -> _Item | Quarantined:
    source = SourceRow(file, row, {})
    try:
        resource = _parsed(row.columns[0])
    except ValueError as error:
        return source.quarantined(CellFault(row.columns[0], f"is not JSON: {error}", column="row"))
    kind = resource.get("type") if isinstance(resource, dict) else None
    if not isinstance(kind, str):
        return source.quarantined(CellFault(row.columns[0], "has no type", column="type"))
    return _Item(file, row, kind, resource)


def _scale_of(item: _Item) -> int:
    found = item.attributes.get("scale")
    if type(found) is not int or not 0 <= found <= MAX_SCALE:
        msg = f"{item.file}, resource {item.row.line}: {shown(found)} is no scale of a currency"
        raise InvalidRequest(msg)
    return found


def _account_of(item: _Item) -> _Account | Quarantined:
    source = item.source(_OF_ACCOUNT)
    try:
        return _Account(
            source,
            id=_text(item.resource.get("id"), "resource"),
            code=item.text("code", "id"),
            status=item.text("status", "status"),
            created=item.text("created", "joined_on"),
            balance=_integer(item.attributes.get("balance"), "stated"),
        )
    except CellFault as fault:
        return source.quarantined(fault, moves=())


def _transfer_of(
    item: _Item, codes: dict[str, str], scale: int, unit: int, outsiders: Outsiders
) -> ImportedRow:
    source = item.source(_OF_TRANSFER)
    if (state := item.attributes.get("state")) in _PASSED:
        return Passed(item.row.line, str(state))
    try:
        amount = _integer(item.attributes.get("amount"), "seconds")
        fields = TransferFields(
            id=_text(item.resource.get("id"), "id"),
            state=item.text("state", "state"),
            value="" if amount is None else Decimal(amount).scaleb(-scale),
            created=item.text("created", "occurred_on"),
            description=_description(item.attributes.get("meta")),
            payer=_side(item, "payer", "spender", codes, outsiders),
            payee=_side(item, "payee", "earner", codes, outsiders),
        )
    except CellFault as fault:
        return source.quarantined(fault)
    return transfer_of(source, fields, unit=unit, outsiders=outsiders)


def _side(item: _Item, name: str, field: str, codes: dict[str, str], outsiders: Outsiders) -> str:
    """Return the code of an account that a transfer relates to; of an outsider, its id."""
    found: Any = item.resource
    for key in ("relationships", name, "data", "id"):
        found = found.get(key) if isinstance(found, dict) else None
    id = _text(found, field)
    if id not in codes and outsiders.account is not None:
        return id
    if id not in codes:
        raise CellFault(id, "is none of the accounts in the documents", column=field)
    return codes[id]


def _description(meta: object) -> str:
    """Return the description, which is in an object in newer versions, and text in older ones."""
    if isinstance(meta, dict):
        meta = meta.get("description")
    return "" if meta is None else _text(meta, "note")


def _text(value: object, field: str) -> str:
    if not isinstance(value, str):
        raise CellFault("" if value is None else str(value), "is no text", column=field)
    return value


def _integer(value: object, field: str) -> int | None:
    if value is None:
        return None
    if type(value) is not int or abs(value) >= _TOO_LARGE:
        raise CellFault(shown(value), "is not a whole number", column=field)
    return value
