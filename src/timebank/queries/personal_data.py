"""Find the records about somebody, and gather all that is held of a person, for that person."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import attrs

from timebank.hours import Hours
from timebank.journal.kinds import MOVES_HOURS, ON_ACCOUNT, RecordBody
from timebank.model import TEXT_FIELDS, Hold, RecordRow, Transfer, instant
from timebank.queries import json_shapes
from timebank.queries.corrections import family
from timebank.queries.holds import reserved
from timebank.queries.records import account_row, body_of, last_balance, records, texts_of
from timebank.queries.views import read_account, read_hold, read_transfer
from timebank.storage.protocol import Reader

#: What is told of an exchange or a hold.
Operation = Any
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
    did so is settled, voided, reversed or amended, or a cheque of its booklets is voided. `via`,
    `actor`, `delegate`: as the field is called.
    """

    row: RecordRow
    record: RecordBody
    parts: frozenset[str]


@attrs.define
class RecordsAbout:
    """Reads the records about an account and what was merged into it, and goes on where it stopped.

    Where more was merged into it since, it begins again, and yields records a second time.
    """

    account: str
    after: int = 0
    #: The account, and those that were merged into it.
    accounts: tuple[str, ...] = ()
    #: Exchanges and holds in which they take part, and their booklets of cheques: what refers to
    #: these is about them too.
    _taken: set[int] = attrs.field(factory=set)

    def read(self, reader: Reader) -> Iterator[Mention]:
        """Yield the records about it that were not read before."""
        row = reader.account(self.account)
        accounts = (self.account,) if row is None else family(reader, row)
        if accounts != self.accounts:
            self.accounts, self.after, self._taken = accounts, 0, set()
        named = [json.dumps(account, ensure_ascii=False).encode() for account in accounts]
        for record_row in records(reader, after=self.after):
            body = record_row.body
            if record_row.refers_to in self._taken or any(name in body for name in named):
                record = body_of(record_row)
                if parts := self._parts(record_row, record):
                    yield Mention(record_row, record, parts)
            self.after = record_row.sequence

    def _parts(self, row: RecordRow, record: RecordBody) -> frozenset[str]:
        request, parts = record["request"], set[str]()
        if row.kind in ON_ACCOUNT:
            if not {request["account"], request.get("into")}.isdisjoint(self.accounts):
                parts.add("account")
                if row.kind == "issue_cheques":  # which its voided cheques refer to
                    self._taken.add(row.sequence)
        elif row.refers_to in self._taken or self._takes_part(row.kind, request):
            parts.add("side")
            self._taken.add(row.sequence)
        for part in ("via", "delegate"):
            if request.get(part) in self.accounts:
                parts.add(part)
        if record.get("actor") in self.accounts:
            parts.add("actor")
        return frozenset(parts)

    def _takes_part(self, kind: str, request: Mapping[str, Any]) -> bool:
        if kind == "due":
            return request["account"] in self.accounts
        sides = (*request.get("earners", ()), *request.get("spenders", ()))
        return any(id in self.accounts for id, _ in sides)


# -- gathered for the person ---------------------------------------------------------


def _all_of_it(operation: Operation) -> Operation:
    return operation


def personal_data(
    reader: Reader,
    account: str,
    seen: Callable[[Operation], Operation] = _all_of_it,
    *,
    now: int,
) -> dict[str, Any]:
    """Return all that is held of a person, as JSON has it: see `TimeBank.personal_data`.

    `seen` leaves out of an exchange or a hold what is not for who asks.

    :raises AccountNotFound: no such account.
    """
    row = account_row(reader, account)
    about = RecordsAbout(account)
    mentions = list(about.read(reader))
    held, incoming = reserved(reader, account, now=now)
    gathered: dict[str, Any] = {
        "form": FORM,
        "head": str(reader.head()),
        "account": json_shapes.account(read_account(reader, row)),
        "merged": [
            json_shapes.account(read_account(reader, account_row(reader, one)))
            for one in about.accounts[1:]
        ],
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
    for mention in mentions:
        where, what = _listed(reader, mention, about.accounts, now, seen)
        gathered[where].append(what)
    return gathered


def _listed(
    reader: Reader,
    mention: Mention,
    ids: tuple[str, ...],
    now: int,
    seen: Callable[[Operation], Operation],
) -> tuple[str, dict[str, Any]]:
    """Return a record that names somebody, and the list where it belongs."""
    row, record = mention.row, mention.record
    kind, texts = row.kind, texts_of(reader, row.sequence)
    erased = [f for f in TEXT_FIELDS if f in record["request"] and f not in texts]
    more = {"erased": erased} if erased else {}
    if "side" in mention.parts and kind in MOVES_HOURS:
        return "exchanges", _exchange(seen(read_transfer(reader, row)), ids) | more
    if "side" in mention.parts and kind == "hold":
        return "holds", _hold(seen(read_hold(reader, row, now=now)), ids) | more
    found: dict[str, Any] = {"record": row.sequence, "kind": kind}
    found["recorded_at"] = instant(record["recorded_at"]).isoformat()
    found["actor"] = record.get("actor")
    if "account" in mention.parts:
        found["event"] = found.pop("kind")
        return "events", found | _asked(record["request"], texts) | more
    found["id"] = record["request"].get("operation", row.id)
    found["as"] = sorted(mention.parts)
    has_reason = kind in {"void", "amend", "void_cheque"} and "side" in mention.parts
    return "mentions", found | ({"reason": texts.get("reason")} if has_reason else {}) | more


def _asked(request: dict[str, Any], texts: dict[str, str]) -> dict[str, Any]:
    """Return what was asked for: limits as hours, and the texts that are still there."""
    found = {field: value for field, value in request.items() if field not in TEXT_FIELDS}
    for field in ("floor", "ceiling"):
        if type(found.get(field)) is int:
            found[field] = _hours(found[field])
    return found | texts


def _exchange(transfer: Transfer, ids: tuple[str, ...]) -> dict[str, Any]:
    return {
        **_operation(transfer, ids),
        "occurred_on": transfer.occurred_on.isoformat(),
        "reverses": transfer.reverses,
        "period": json_shapes.period(transfer.period),
    }


def _hold(hold: Hold, ids: tuple[str, ...]) -> dict[str, Any]:
    return {
        **_operation(hold, ids),
        "status": hold.status,
        "occurred_on": json_shapes.day(hold.occurred_on),
        "expires_at": json_shapes.moment(hold.expires_at),
        "resolved_by": hold.resolved_by,
    }


def _operation(operation: Transfer | Hold, ids: tuple[str, ...]) -> dict[str, Any]:
    own = [posting.hours.seconds for posting in operation.postings if posting.account in ids]
    others = dict.fromkeys(p.account for p in operation.postings if p.account not in ids)
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
        "started_at": json_shapes.clock(operation.started_at),
        "ended_at": json_shapes.clock(operation.ended_at),
        "amendments": list(map(json_shapes.amendment, operation.amendments)),
        "source": json_shapes.source(operation.source),
        "flags": json_shapes.flags(operation.flags),
    }


def _hours(seconds: int) -> str:
    return str(Hours.from_seconds(seconds))
