"""Agreeing with another bank: its account here, how much each may owe, suspending, ending."""

from __future__ import annotations

from typing import Any

from timebank import checks
from timebank.bank.permitting import Handle
from timebank.bank.session import Session
from timebank.bank.writes import HoursLike
from timebank.errors import InvalidRequest, NotAgreed, shown
from timebank.hours import Hours
from timebank.model import INHERIT, Transfer
from timebank.model.agreements import Agreement, account_of
from timebank.permissions import Ask
from timebank.proof.heads import origin_of
from timebank.proof.keys import ED25519, PublicKey, check_kind, keys_of
from timebank.queries import agreements as queries
from timebank.rules.accounts import OpenAccount, Rename
from timebank.rules.agreements import Agree, End, Suspend
from timebank.rules.conclusions import WriteOff
from timebank.rules.state import AnyCommand

#: The other bank: itself, where both share a store, or its journal's id.
Peer = Handle | str


def journal_of(bank: Peer) -> str:
    """Return the id of a bank's journal.

    :raises InvalidRequest: no id, or one that cannot be.
    """
    if isinstance(bank, Handle):
        with bank._reader() as reader:  # noqa: SLF001 - of the same house
            return reader.head().journal
    return checks.identifier(bank, "peer")


def ask_for(bank: Handle, command: AnyCommand) -> Ask:
    """Return the question that asks for a call which is one command, or more of them."""
    return Ask(
        actor=bank._actor,  # noqa: SLF001 - of the same house
        action=command.action,
        accounts=command.accounts,
        request=command.request,
    )


def public_key(key: object, journal: str) -> PublicKey:
    """Return the public key of a bank: given as such, as its line, or as a file that has it.

    :raises InvalidRequest: it is none, that of another bank, or a witness's.
    :raises OSError: the file cannot be read.
    """
    found = keys_of(key)  # type: ignore[arg-type]  # what it is not, it refuses
    check_kind(found[-1], ED25519)
    if len(found) != 1 or found[0].name != origin_of(journal):
        msg = f"the key is that of {found[0].name}, not of {origin_of(journal)}"
        raise InvalidRequest(msg).about(key="card_key", name=found[0].name, bank=journal)
    return found[0]


def agree(
    bank: Handle,
    peer: Peer,
    *,
    they_may_owe: HoursLike,
    we_may_owe: HoursLike,
    name: str | None = None,
    key: Any = None,
    theirs: tuple[HoursLike, HoursLike] | None = None,
    reason: str | None = None,
) -> Agreement:
    """Agree with another bank, or change what was agreed; it ends a suspension.

    `they_may_owe` and `we_may_owe` are hours of 0:00 or more, or `None` for unlimited; in each
    direction the smaller of what the two banks say holds. `theirs` is what the other says of the
    same two, seen from its side. `name` is what the other bank is called here. `key` is its public
    key, its line, or a file that has it; without one the two exchange within one store only. The
    account of the agreement is opened with it: from then on the protocol alone moves it. Repeated
    alike, nothing is appended.

    :raises InvalidRequest: hours, a journal or a key that cannot be, or the bank itself.
    :raises NotPermitted: the permissions say no.
    :raises FundInUse: the account is a fund of the statute in force.
    :raises AccountNotOpen: the account was opened before, and is frozen.
    :raises AccountNotEmpty: it was opened before, and has hours.

    >>> import timebank
    >>> from timebank import federation
    >>> bank, other = timebank.open("memory:"), timebank.open("memory:")
    >>> federation.agree(bank, other, name="Bovisa", they_may_owe=20, we_may_owe="10").status
    'agreed'
    """
    journal = journal_of(peer)
    if journal == journal_of(bank):
        msg = f"{shown(journal)} is the bank itself: it agrees with another one"
        raise InvalidRequest(msg).about(key="agreed_with_itself")
    command = Agree.of(
        journal,
        they_may_owe=they_may_owe,
        we_may_owe=we_may_owe,
        key=None if key is None else str(public_key(key, journal)),
        theirs=theirs,
        reason=reason,
    )
    account = command.accounts[0]
    opening = OpenAccount.of(
        account,
        kind="clearing",
        name=name,
        joined_on=None,
        floor=INHERIT,
        ceiling=INHERIT,
        welcome=False,
    )

    def work(session: Session, actor: str | None) -> Agreement:
        session.load((account,))
        if session.known.fold.accounts[account] is None:
            session.execute(opening, actor)
        elif name is not None:
            session.execute(Rename.of(account, name=name), actor)
        return session.execute(command, actor)

    return bank._execute_all(ask_for(bank, command), work)  # noqa: SLF001 - of the same house


def suspend(bank: Handle, peer: Peer, *, reason: str) -> Agreement:
    """Make and take no new offers; what is under way goes on. `agree` goes on with it.

    :raises InvalidRequest: no reason.
    :raises NotPermitted: the permissions say no.
    :raises NotAgreed: there is no agreement, or it is ended.

    >>> import timebank
    >>> from timebank import federation
    >>> bank, other = timebank.open("memory:"), timebank.open("memory:")
    >>> _ = federation.agree(bank, other, they_may_owe=20, we_may_owe=20)
    >>> federation.suspend(bank, other, reason="their server is being moved").status
    'suspended'
    """
    return bank._execute(Suspend.of(journal_of(peer), reason=reason))  # noqa: SLF001 - of the same house


def end(bank: Handle, peer: Peer, *, reason: str) -> Agreement:
    """End an agreement, at zero. `agree` begins it anew.

    :raises InvalidRequest: no reason.
    :raises NotPermitted: the permissions say no.
    :raises NotAgreed: there never was one.
    :raises AccountNotEmpty: one of the two owes hours, or offers wait for an answer.

    >>> import timebank
    >>> from timebank import federation
    >>> bank, other = timebank.open("memory:"), timebank.open("memory:")
    >>> _ = federation.agree(bank, other, they_may_owe=20, we_may_owe=20)
    >>> federation.end(bank, other, reason="the two banks become one").status
    'ended'
    """
    return bank._execute(End.of(journal_of(peer), reason=reason))  # noqa: SLF001 - of the same house


def write_off(
    bank: Handle, peer: Peer, *, account: str, hours: HoursLike, reason: str, id: str | None = None
) -> Transfer:
    """Move what is owed to an account of this bank's own, flagged: the other will never answer.

    `hours` are what the other bank owes, and below zero what is owed to it. What the other bank's
    books say is not changed by that: an audit of both tells the difference.

    :raises InvalidRequest: hours of nothing, or no reason.
    :raises NotPermitted: the permissions say no.
    :raises NotAgreed: there is no agreement.
    :raises AccountNotFound: there is no such account.
    :raises AccountNotOpen: it is frozen or closed.

    >>> import timebank
    >>> from timebank import federation
    >>> bank = timebank.open("memory:", bank="isola")
    >>> other = timebank.TimeBank(bank.store, bank="bovisa")
    >>> _ = bank.open_account("m1"), other.open_account("m2"), bank.open_account("f", kind="fund")
    >>> _ = federation.agree(bank, other, they_may_owe=20, we_may_owe=20)
    >>> _ = federation.agree(other, bank, they_may_owe=20, we_may_owe=20)
    >>> _ = federation.transfer(other, bank, spender="m2", earner="m1", hours=1)
    >>> written = federation.write_off(bank, other, account="f", hours=1, reason="they closed")
    >>> written.flags[0].rule, bank.balance("f").posted
    ('written off', Hours('-1:00'))
    """
    command = WriteOff.to_account(
        journal_of(peer),
        account=account,
        hours=hours,
        id=bank._new_id() if id is None else id,  # noqa: SLF001 - of the same house
        reason=reason,
    )
    return bank._execute(command)  # noqa: SLF001 - as above


def agreement(bank: Handle, peer: Peer) -> Agreement:
    """Return what was agreed with another bank.

    :raises NotPermitted: the permissions say no.
    :raises NotAgreed: nothing ever was.

    >>> import timebank
    >>> from timebank import federation
    >>> bank, other = timebank.open("memory:"), timebank.open("memory:")
    >>> _ = federation.agree(bank, other, they_may_owe=20, we_may_owe=None)
    >>> federation.agreement(bank, other).we_may_owe is None
    True
    """
    journal = journal_of(peer)
    bank._may("account", account_of(journal))  # noqa: SLF001 - of the same house
    with bank._reader() as reader:  # noqa: SLF001 - as above
        found = queries.agreement_with(reader, journal)
    if found is None:
        raise NotAgreed(journal, status="none")
    return found


def agreements(bank: Handle) -> tuple[Agreement, ...]:
    """Return what was agreed with every other bank, ended ones too, by account.

    :raises NotPermitted: the permissions say no.

    >>> import timebank
    >>> from timebank import federation
    >>> federation.agreements(timebank.open("memory:"))
    ()
    """
    bank._may("accounts")  # noqa: SLF001 - of the same house
    with bank._reader() as reader:  # noqa: SLF001 - as above
        return tuple(queries.agreements(reader))


def owed(bank: Handle, peer: Peer) -> Hours:
    """Return what the other bank owes this one; below zero what this one owes."""
    return -bank.balance(account_of(journal_of(peer))).posted  # type: ignore[attr-defined,no-any-return]  # of reads
