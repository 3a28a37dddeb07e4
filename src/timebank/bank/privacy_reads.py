"""All that is held of a person, for that person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from timebank import checks
from timebank.bank.permitting import Asking
from timebank.errors import AccountNotFound
from timebank.hours import Hours
from timebank.model import INHERIT, TEXT_FIELDS, Account, Hold, Transfer, instant
from timebank.queries.about import About, Mention
from timebank.queries.records import reserved
from timebank.queries.views import TRANSFERS, read_account, read_hold, read_transfer, texts_of
from timebank.storage.protocol import Reader

#: The form of what is given, should it ever be another.
FORM: Final = "timebank/personal-data/1"
_TOLD: Final = ("category", "area", "resource", "via", "note", "reason", "actor", "statute", "hold")


class PrivacyReads(Asking):
    """One consistent snapshot, read once."""

    def personal_data(self, account: str) -> dict[str, Any]:
        """All that is held of a person: a tree of strings, numbers, lists and dicts, as JSON has.

        The account and its balance; `events` of the account itself; `exchanges` and `holds`
        in which it is a side; `mentions`, the other records that name it: as who entered
        them, arranged them, or acts for somebody. Hours are strings, instants and days as
        ISO 8601. What was erased is named under `erased`. It reads the whole journal.

        :raises InvalidRequest: an id that cannot be.
        :raises AccountNotFound: no such account.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1", name="Maria R."), bank.open_account("f1")
        >>> _ = bank.transfer(earner="m1", spender="f1", hours=1, note="to the clinic")
        >>> found = bank.personal_data("m1")
        >>> found["account"]["name"], [line["note"] for line in found["exchanges"]]
        ('Maria R.', ['to the clinic'])
        """
        id = checks.identifier(account, "account id")
        self._may("personal_data", id)
        with self._reader() as reader:
            row = reader.account(id)
            if row is None:
                raise AccountNotFound(id)
            now = self._doors.now()
            last = reader.last_posting(id)
            held, incoming = reserved(reader, id, now=now)
            found: dict[str, Any] = {
                "form": FORM,
                "head": str(reader.head()),
                "account": _account(read_account(reader, row)),
                "balance": {
                    "posted": _hours(0 if last is None else last.balance),
                    "held": _hours(held),
                    "incoming": _hours(incoming),
                },
                "events": [],
                "exchanges": [],
                "holds": [],
                "mentions": [],
            }
            for mention in About(id).read(reader):
                where, what = _told(reader, mention, id, now)
                found[where].append(what)
        return found


def _told(reader: Reader, mention: Mention, id: str, now: int) -> tuple[str, dict[str, Any]]:
    """A record that names somebody, in the list where it belongs."""
    row, record = mention.row, mention.record
    kind, texts = record["kind"], texts_of(reader, row.sequence)
    erased = [f for f in TEXT_FIELDS if f in record["request"] and f not in texts]
    more = {"erased": erased} if erased else {}
    if "side" in mention.parts and kind in TRANSFERS:
        return "exchanges", _exchange(read_transfer(reader, row), id) | more
    if "side" in mention.parts and kind == "hold":
        return "holds", _hold(read_hold(reader, row, now=now), id) | more
    told: dict[str, Any] = {"record": row.sequence, "kind": kind}
    told["recorded_at"] = instant(record["recorded_at"]).isoformat()
    told["actor"] = record.get("actor")
    if "account" in mention.parts:
        told["event"] = told.pop("kind")
        return "events", told | _asked(record["request"], texts) | more
    told["id"] = row.id
    told["as"] = sorted(mention.parts)
    return "mentions", told | ({"reason": texts.get("reason")} if kind == "void" else {}) | more


def _asked(request: dict[str, Any], texts: dict[str, str]) -> dict[str, Any]:
    """What was asked for: limits as hours, texts as they are where they still are."""
    told = {field: value for field, value in request.items() if field not in TEXT_FIELDS}
    for field in ("floor", "ceiling"):
        if type(told.get(field)) is int:
            told[field] = _hours(told[field])
    return told | texts


def _account(account: Account) -> dict[str, Any]:
    told = {
        "id": account.id,
        "kind": account.kind,
        "name": account.name,
        "status": account.status,
        "joined_on": None if account.joined_on is None else account.joined_on.isoformat(),
    }
    for field, limit in (("floor", account.floor), ("ceiling", account.ceiling)):
        told[field] = "inherit" if limit is INHERIT else None if limit is None else str(limit)
    return told


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


def _operation(found: Transfer | Hold, id: str) -> dict[str, Any]:
    own = [posting.hours.seconds for posting in found.postings if posting.account == id]
    others = dict.fromkeys(p.account for p in found.postings if p.account != id)
    source = found.source
    return {
        "record": found.sequence,
        "id": found.id,
        "kind": found.kind,
        "recorded_at": found.recorded_at.isoformat(),
        "earned": _hours(sum(seconds for seconds in own if seconds > 0)),
        "spent": _hours(-sum(seconds for seconds in own if seconds < 0)),
        "with": list(others),
        **{field: getattr(found, field, None) for field in _TOLD},
        "tags": list(found.tags),
        "source": dict(source) if isinstance(source, Mapping) else source,
        "flags": [str(flag) for flag in found.flags],
    }


def _hours(seconds: int) -> str:
    return str(Hours.from_seconds(seconds))
