"""How what a bank says becomes bytes, and what is done with bytes that come.

`Signed` are the messages of two servers. `Sealed` carries bodies under a digest: it is quick, and
shows what the three steps come to alone.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any, Protocol

from federation.simulation.reading import Place, records
from timebank import TimeBank, federation
from timebank.federation.booking import book, conclude
from timebank.journal.form import canonical
from timebank.journal.offers import answer_body, cancel_body, offer_body
from timebank.model.agreements import account_of
from timebank.proof import Forked, NotProved, SigningKey
from timebank.queries.agreements import agreement_with, offers_under_way
from timebank.queries.records import body_of

#: Errors by which a journal does not continue what was seen, beside one with evidence.
_OF_ANOTHER_PAST = ("proof_elsewhere", "message_unproved")


class Server(Place, Protocol):
    """A bank that is open."""

    @property
    def bank(self) -> TimeBank:
        """Return it."""

    @property
    def key(self) -> SigningKey:
        """Return the key with which it signs now."""


class Unreadable(Exception):
    """What came is nothing that the other bank said."""


class AnotherPast(Exception):
    """The sender's journal does not continue what was seen of it."""


class Wire(Protocol):
    """What the simulation asks of messages. A `peer` is the journal of the other bank."""

    @property
    def is_signed(self) -> bool:
        """Return whether banks need each other's keys."""

    def offers(self, host: Server, peer: str) -> list[bytes]:
        """Return the offers that wait for an answer."""

    def cancel(self, host: Server, id: str) -> bytes:
        """Return what takes an offer back."""

    def answers(self, host: Server, peer: str, *, new: bool = False) -> list[bytes]:
        """Return every answer that was ever given; those that may be `new` to the other bank."""

    def receive(self, host: Server, data: bytes) -> tuple[str, bytes] | None:
        """Do what a message asks for; return the journal of who gets an answer, and that.

        :raises Unreadable: it is nothing that another bank said.
        """


class Signed:
    """Messages as two servers send them: signed, with heads and proofs."""

    is_signed = True

    def offers(self, host: Server, peer: str) -> list[bytes]:
        """Implement `Wire.offers`."""
        with host.store.reader(host.name) as reader:
            ids = [one["request"]["id"] for one in offers_under_way(reader, account_of(peer))]
        return [federation.message(host.bank, id, key=host.key) for id in ids]

    def cancel(self, host: Server, id: str) -> bytes:
        """Implement `Wire.cancel`."""
        return federation.cancel(host.bank, id, key=host.key)

    def answers(self, host: Server, peer: str, *, new: bool = False) -> list[bytes]:
        """Implement `Wire.answers`."""
        with host.store.reader(host.name) as reader:
            if agreement_with(reader, peer) is None:
                return []
        found = federation.outbox(host.bank, peer, key=host.key, since=None if new else 0)
        return [data for data in found if federation.Message.of(data).kind == "answer"]

    def receive(self, host: Server, data: bytes) -> tuple[str, bytes] | None:
        """Implement `Wire.receive`."""
        try:
            reply = federation.receive(host.bank, data, key=host.key)
        except NotProved as error:
            if isinstance(error, Forked) or error.key in _OF_ANOTHER_PAST:
                raise AnotherPast from error
            raise Unreadable(error) from error
        return None if reply is None else (federation.Message.of(reply).receiver, reply)


def sender_of(data: bytes) -> str:
    """Return the journal of who sent a message that was not changed."""
    return federation.Message.of(data).sender


class Sealed:
    """Bodies under a digest."""

    is_signed = False

    def offers(self, host: Server, peer: str) -> list[bytes]:
        """Implement `Wire.offers`."""
        with host.store.reader(host.name) as reader:
            found = list(offers_under_way(reader, account_of(peer)))
        return [_sealed(offer_body(record)) for record in found]

    def cancel(self, host: Server, id: str) -> bytes:
        """Implement `Wire.cancel`."""
        with host.store.reader(host.name) as reader:
            row = reader.find(id)
            assert row is not None
            return _sealed(cancel_body(body_of(row)))

    def answers(self, host: Server, peer: str, *, new: bool = False) -> list[bytes]:
        """Implement `Wire.answers`."""
        return [
            _sealed(answer_body(record))
            for record in records(host)
            if "offer" in record["request"]
            and record["kind"] in {"transfer", "reverse", "refuse"}
            and _from(record) == peer
        ]

    def receive(self, host: Server, data: bytes) -> tuple[str, bytes] | None:
        """Implement `Wire.receive`."""
        body = _unsealed(data)
        if body["to"] != host.journal:
            raise Unreadable
        if body["kind"] == "answer":
            conclude(host.bank, {"body": body})
            return None
        return body["from"], _sealed(answer_body(book(host.bank, {"body": body})))


def _from(record: dict[str, Any]) -> str:
    body = record["request"]["offer"]["body"]
    journal: str = body["from"]
    return journal


def _sealed(body: dict[str, Any]) -> bytes:
    said = canonical(body)
    return sha256(b"secret" + said).hexdigest().encode() + said


def _unsealed(data: bytes) -> dict[str, Any]:
    seal, said = data[:64], data[64:]
    if seal != sha256(b"secret" + said).hexdigest().encode():
        raise Unreadable
    body: dict[str, Any] = json.loads(said)
    return body
