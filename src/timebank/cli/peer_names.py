"""Find the other bank that somebody means: by its name, in this storage or among agreements."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import attrs

from timebank.cli.address import BankAddress
from timebank.cli.banks import MOST
from timebank.cli.program import usage

if TYPE_CHECKING:
    from timebank.bank import TimeBank
    from timebank.hours import Hours
    from timebank.model.agreements import Agreement
    from timebank.reports.words import Words


@attrs.frozen
class Peer:
    """Another bank, as somebody named it; `bank` is itself, where it is in the same storage."""

    journal: str
    agreement: Agreement | None
    bank: TimeBank | None

    @property
    def name(self) -> str:
        """What it is called here, else its name in the storage, else its journal."""
        if self.agreement is not None and self.agreement.name is not None:
            return self.agreement.name
        return self.journal if self.bank is None else self.bank.name


def words() -> Words:
    """Return the words of other banks, in the language that is spoken."""
    from timebank.reports.words import Words

    return Words("peers")


def find_peer(bank: TimeBank, text: str) -> Peer:
    """Return the bank that a text means: its name here, in the storage, or its journal's id.

    :raises click.UsageError: none is meant, or several are.
    """
    found = peer_of(bank, text)
    if found is None:
        known = [one.name or one.peer for one in _agreements(bank)]
        known += [name for name in bank.store.banks() if name != bank.name and name not in known]
        more = ", …" if known[MOST:] else ""
        named = ", ".join(known[:MOST]) + more if known else words()("nobody")
        usage(words()("unknown_bank", text=text, known=named))
    return found


def peer_of(bank: TimeBank, text: str) -> Peer | None:
    """Return the bank that a text means, `None` where no bank that is known here is meant.

    :raises click.UsageError: several are meant.
    """
    from timebank.model.alike import folded_name

    agreements = _agreements(bank)
    for one in agreements:
        if text in {one.peer, one.account}:
            return Peer(one.peer, one, neighbour(bank, one.peer))
    named = [one for one in agreements if folded_name(one.name or "") == folded_name(text)]
    if len(named) > 1:
        banks = ", ".join(f"{one.name} ({one.peer})" for one in named)
        usage(words()("several", text=text, n=len(named), banks=banks))
    if named:
        return Peer(named[0].peer, named[0], neighbour(bank, named[0].peer))
    if text == bank.name or text not in set(bank.store.banks()):
        return None
    other = _opened(bank, text)
    journal = other.head().journal
    agreed = next((one for one in agreements if one.peer == journal), None)
    return Peer(journal, agreed, other)


def _agreements(bank: TimeBank) -> tuple[Agreement, ...]:
    from timebank import federation

    return federation.agreements(bank)


def bank_names(bank: TimeBank) -> dict[str, str]:
    """Return what other banks are called here, by the accounts of their agreements."""
    return {one.account: one.name for one in _agreements(bank) if one.name is not None}


def neighbour(bank: TimeBank, journal: str) -> TimeBank | None:
    """Return the bank of a journal, where it is in the same storage."""
    for name in bank.store.banks():
        if name != bank.name:
            with bank.store.reader(name) as reader:
                if reader.head().journal != journal:
                    continue
            return _opened(bank, name)
    return None


def _opened(bank: TimeBank, name: str) -> TimeBank:
    from timebank.bank import TimeBank

    return TimeBank(bank.store, bank=name, create=False).acting_as(bank._actor)  # noqa: SLF001 - of the same house


def told(peer: Peer, bank: TimeBank) -> Agreement | None:
    """Return the agreement with a bank, with what that bank says of it where that can be read."""
    agreement = peer.agreement
    if agreement is None or peer.bank is None:
        return agreement
    theirs = _terms_of(peer.bank, bank.head().journal)
    return agreement if theirs is None else attrs.evolve(agreement, theirs=theirs)


def _terms_of(bank: TimeBank, journal: str) -> tuple[Hours | None, Hours | None] | None:
    """Return what a bank of this storage says of an agreement with the bank of a journal."""
    from timebank.queries.agreements import agreement_with

    with bank.store.reader(bank.name) as reader:
        found = agreement_with(reader, journal)
    return None if found is None else (found.they_may_owe, found.we_may_owe)


def terms_there(peer: Peer, bank: TimeBank) -> tuple[Hours | None, Hours | None] | None:
    """Return what a bank of this storage has agreed on with this one already, if anything."""
    return None if peer.bank is None else _terms_of(peer.bank, bank.head().journal)


@contextmanager
def with_peer(
    address: BankAddress, text: str, *, read_only: bool = False
) -> Iterator[tuple[TimeBank, Peer]]:
    """Open the bank, and find the other one that a text means.

    :raises click.UsageError: none is meant, or several are.
    """
    with address.open(read_only=read_only) as bank:
        yield bank, find_peer(bank, text)
