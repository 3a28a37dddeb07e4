"""Which records are about somebody, told in the order of the journal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import attrs

from timebank.journal import parse
from timebank.model import RecordRow
from timebank.queries.records import PAGE
from timebank.storage.protocol import Reader

#: What is on an account itself, by the field of its request that names the account.
_ON_ACCOUNTS: Final = frozenset(
    {
        "open_account",
        "set_limits",
        "rename",
        "freeze",
        "thaw",
        "close_account",
        "reopen",
        "name_delegate",
        "end_delegate",
    }
)
#: The parts in which a record is a person's own, with its texts.
OWN: Final = frozenset({"account", "side"})


@attrs.frozen
class Mention:
    """A record that is about somebody, and their parts in it.

    `account`: it is on the account itself. `side`: hours are given to it or by it, or what
    did so is settled, voided or reversed. `via`, `actor`, `delegate`: as the field is called.
    """

    row: RecordRow
    record: dict[str, Any]
    parts: frozenset[str]


@attrs.define
class About:
    """Reads what is about one account, and goes on where it stopped."""

    account: str
    after: int = 0
    #: The exchanges and holds in which it takes part: what refers to them is about it too.
    _taken: set[int] = attrs.field(factory=set)

    def read(self, reader: Reader) -> Iterator[Mention]:
        """What is about it, behind what was read before."""
        told = json.dumps(self.account, ensure_ascii=False).encode()
        while rows := reader.records(after=self.after, limit=PAGE):
            for row in rows:
                if told in row.body or row.refers_to in self._taken:
                    record = parse(row.body)
                    if parts := self._parts(row, record):
                        yield Mention(row, record, parts)
            self.after = rows[-1].sequence

    def _parts(self, row: RecordRow, record: dict[str, Any]) -> frozenset[str]:
        request, parts = record["request"], set[str]()
        kind = record["kind"]
        if kind in _ON_ACCOUNTS:
            if request["account"] == self.account:
                parts.add("account")
        elif row.refers_to in self._taken or self._takes_part(kind, request):
            parts.add("side")
            self._taken.add(row.sequence)
        for part in ("via", "delegate"):
            if request.get(part) == self.account:
                parts.add(part)
        if record.get("actor") == self.account:
            parts.add("actor")
        return frozenset(parts)

    def _takes_part(self, kind: str, request: dict[str, Any]) -> bool:
        if kind == "due":
            return bool(request["account"] == self.account)
        sides = (*request.get("earners", ()), *request.get("spenders", ()))
        return any(id == self.account for id, _ in sides)
