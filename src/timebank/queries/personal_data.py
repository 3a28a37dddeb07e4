"""Find the records about somebody, and gather all that is held of a person, for that person."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs

from timebank.hours import Hours
from timebank.journal.kinds import MOVES_HOURS, ON_ACCOUNT, RecordBody
from timebank.model import INHERIT, TEXT_FIELDS, Account, Hold, RecordRow, Transfer, instant
from timebank.queries.holds import reserved
from timebank.queries.records import account_row, body_of, last_balance, records, texts_of
from timebank.queries.views import read_account, read_hold, read_transfer
from timebank.storage.protocol import Reader

#: The name of the form of what is gathered.
FORM: Final = "timebank/personal-data/1"
_FIELDS: Final = (
    "category",
    "area",
    "resource",
    "via",
    "note",
    "reason",
    "actor",
    "statute",
    "hold",
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
    record: RecordBody
    parts: frozenset[str]


@attrs.define
class RecordsAbout:
    """Reads the records about one account, and goes on where it stopped."""

    account: str
    after: int = 0
    #: The exchanges and holds in which it takes part: what refers to them is about it too.
    _taken: set[int] = attrs.field(factory=set)

    def read(self, reader: Reader) -> Iterator[Mention]:
        """Yield the records about it that were not read before."""
        named = json.dumps(self.account, ensure_ascii=False).encode()
        for row in records(reader, after=self.after):
            if named in row.body or row.refers_to in self._taken:
                record = body_of(row)
                if parts := self._parts(row, record):
                    yield Mention(row, record, parts)
            self.after = row.sequence

    def _parts(self, row: RecordRow, record: RecordBody) -> frozenset[str]:
        request, parts = record["request"], set[str]()
        if row.kind in ON_ACCOUNT:
            if request["account"] == self.account:
                parts.add("account")
        elif row.refers_to in self._taken or self._takes_part(row.kind, request):
            parts.add("side")
            self._taken.add(row.sequence)
        for part in ("via", "delegate"):
            if request.get(part) == self.account:
                parts.add(part)
        if record.get("actor") == self.account:
            parts.add("actor")
        return frozenset(parts)

    def _takes_part(self, kind: str, request: Mapping[str, Any]) -> bool:
        if kind == "due":
            return bool(request["account"] == self.account)
        sides = (*request.get("earners", ()), *request.get("spenders", ()))
        return any(id == self.account for id, _ in sides)


# -- gathered for the person ---------------------------------------------------------


def personal_data(reader: Reader, account: str, *, now: int) -> dict[str, Any]:
    """Return all that is held of a person, as JSON has it: see `TimeBank.personal_data`.

    :raises AccountNotFound: no such account.
    """
    row = account_row(reader, account)
    held, incoming = reserved(reader, account, now=now)
    gathered: dict[str, Any] = {
        "form": FORM,
        "head": str(reader.head()),
        "account": _account(read_account(reader, row)),
        "balance": {
            "posted": _hours(last_balance(reader, account)),
            "held": _hours(held),
            "incoming": _hours(incoming),
        },
        "events": [],
        "exchanges": [],
        "holds": [],
        "mentions": [],
    }
    for mention in RecordsAbout(account).read(reader):
        where, what = _listed(reader, mention, account, now)
        gathered[where].append(what)
    return gathered


def _listed(reader: Reader, mention: Mention, id: str, now: int) -> tuple[str, dict[str, Any]]:
    """Return a record that names somebody, and the list where it belongs."""
    row, record = mention.row, mention.record
    kind, texts = row.kind, texts_of(reader, row.sequence)
    erased = [f for f in TEXT_FIELDS if f in record["request"] and f not in texts]
    more = {"erased": erased} if erased else {}
    if "side" in mention.parts and kind in MOVES_HOURS:
        return "exchanges", _exchange(read_transfer(reader, row), id) | more
    if "side" in mention.parts and kind == "hold":
        return "holds", _hold(read_hold(reader, row, now=now), id) | more
    found: dict[str, Any] = {"record": row.sequence, "kind": kind}
    found["recorded_at"] = instant(record["recorded_at"]).isoformat()
    found["actor"] = record.get("actor")
    if "account" in mention.parts:
        found["event"] = found.pop("kind")
        return "events", found | _asked(record["request"], texts) | more
    found["id"] = row.id
    found["as"] = sorted(mention.parts)
    return "mentions", found | ({"reason": texts.get("reason")} if kind == "void" else {}) | more


def _asked(request: dict[str, Any], texts: dict[str, str]) -> dict[str, Any]:
    """Return what was asked for: limits as hours, and the texts that are still there."""
    found = {field: value for field, value in request.items() if field not in TEXT_FIELDS}
    for field in ("floor", "ceiling"):
        if type(found.get(field)) is int:
            found[field] = _hours(found[field])
    return found | texts


def _account(account: Account) -> dict[str, Any]:
    found = {
        "id": account.id,
        "kind": account.kind,
        "name": account.name,
        "status": account.status,
        "joined_on": None if account.joined_on is None else account.joined_on.isoformat(),
    }
    for field, limit in (("floor", account.floor), ("ceiling", account.ceiling)):
        found[field] = "inherit" if limit is INHERIT else None if limit is None else str(limit)
    return found


def _exchange(transfer: Transfer, id: str) -> dict[str, Any]:
    return {
        **_operation(transfer, id),
        "occurred_on": transfer.occurred_on.isoformat(),
        "reverses": transfer.reverses,
        "period": None if transfer.period is None else [day.isoformat() for day in transfer.period],
    }


def _hold(hold: Hold, id: str) -> dict[str, Any]:
    return {
        **_operation(hold, id),
        "status": hold.status,
        "occurred_on": None if hold.occurred_on is None else hold.occurred_on.isoformat(),
        "expires_at": None if hold.expires_at is None else hold.expires_at.isoformat(),
        "resolved_by": hold.resolved_by,
    }


def _operation(operation: Transfer | Hold, id: str) -> dict[str, Any]:
    own = [posting.hours.seconds for posting in operation.postings if posting.account == id]
    others = dict.fromkeys(p.account for p in operation.postings if p.account != id)
    source = operation.source
    return {
        "record": operation.sequence,
        "id": operation.id,
        "kind": operation.kind,
        "recorded_at": operation.recorded_at.isoformat(),
        "earned": _hours(sum(seconds for seconds in own if seconds > 0)),
        "spent": _hours(-sum(seconds for seconds in own if seconds < 0)),
        "with": list(others),
        **{field: getattr(operation, field, None) for field in _FIELDS},
        "tags": list(operation.tags),
        "source": dict(source) if isinstance(source, Mapping) else source,
        "flags": [str(flag) for flag in operation.flags],
    }


def _hours(seconds: int) -> str:
    return str(Hours.from_seconds(seconds))
