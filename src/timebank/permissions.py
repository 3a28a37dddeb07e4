"""Ask who may do what, before a bank looks at anything.

`TimeBank(…, permissions=callable)` hands every call to the callable as an `Ask`. What it does not
answer with `True` is `NotPermitted`, and nothing of the bank is told. `Roles` is a callable for
the usual ones. Without permissions a bank trusts its caller.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, Final, cast

import attrs

from timebank.errors import InvalidRequest, NotPermitted, WrongType, shown
from timebank.model.callables import function

#: What only reads a bank.
READS: Final = frozenset(
    {
        "account",
        "accounts",
        "acts_for",
        "audit",
        "balance",
        "booklets",
        "closings",
        "delegates",
        "dues",
        "events",
        "head",
        "hold_by_id",
        "holds",
        "impact",
        "inactive",
        "personal_data",
        "presences",
        "receipt",
        "records",
        "replay",
        "statement",
        "statute",
        "statutes",
        "transfer_by_id",
        "transfers",
        "trial_balance",
    }
)


def _nobody(_: str) -> frozenset[str]:
    return frozenset()


def _nothing(_: str) -> str | None:
    return None


def _itself(account: str) -> str:
    return account


@attrs.frozen(kw_only=True)
class Ask:
    """One call, before it is judged: who asks for what, on which accounts.

    `action` is the name of the call on a bank. `accounts` are those that the call names;
    `earners` and `spenders` those on the sides of a transfer or hold, or of the one that it
    settles, voids, reverses or reads: nobody, where that is not there; `spenders` of a cheque that
    is voided is whose the booklet is. `request` is what it
    would record. `exceeds` says that it settles more than is held, that nothing is to be
    checked, or that an account gets limits of its own; `writes_off` that somebody's debt
    falls on the bank.

    >>> from timebank.permissions import Ask
    >>> Ask(actor="m1", action="balance", accounts=("m1",)).reads
    True
    """

    actor: str | None
    action: str
    accounts: tuple[str, ...] = ()
    earners: tuple[str, ...] = ()
    spenders: tuple[str, ...] = ()
    request: Mapping[str, Any] = attrs.field(factory=dict)
    exceeds: bool = False
    writes_off: bool = False
    _delegates: Callable[[str], frozenset[str]] = attrs.field(
        default=_nobody, alias="delegates", eq=False, repr=False
    )
    _kind: Callable[[str], str | None] = attrs.field(
        default=_nothing, alias="kind", eq=False, repr=False
    )
    _heir: Callable[[str], str] = attrs.field(default=_itself, alias="heir", eq=False, repr=False)

    @property
    def reads(self) -> bool:
        """Return true where the call changes nothing."""
        return self.action in READS

    def delegates(self, account: str) -> frozenset[str]:
        """Return who may act for an account today; nobody where there is no such account."""
        return self._delegates(account)

    def kind(self, account: str) -> str | None:
        """Return the kind of an account, `None` where there is no such account."""
        return self._kind(account)

    def heir(self, account: str) -> str:
        """Return the account that one became by a merge; itself, where it was not merged."""
        return self._heir(account)


#: Says whether a call may go on: by `True`, and by nothing else. It may look at the `Ask` only.
Permissions = Callable[[Ask], bool]


def checked(permissions: object) -> Permissions | None:
    """Return permissions that are a callable, or `None`.

    :raises WrongType: neither; or what gives a coroutine, or another thing that is no answer.
    """
    if permissions is None:
        return None
    if isinstance(permissions, type):
        msg = f"permissions are an object that was made, as Roles(…), not {shown(permissions)}"
        raise WrongType(msg)
    what = "permissions are a callable that is given an Ask"
    return function(permissions, what, gives="returns True")


def permits(permissions: Permissions, ask: Ask) -> bool:
    """Return true where permissions answer `True`: anything else, true as it may be, is a no.

    A coroutine is never awaited here: it is closed.

    >>> from timebank.permissions import Ask, permits
    >>> ask = Ask(actor="m1", action="balance", accounts=("m1",))
    >>> permits(lambda ask: True, ask), permits(lambda ask: "yes", ask)
    (True, False)
    """
    answer = cast("object", permissions(ask))  # whatever it was said to be
    if isinstance(answer, Coroutine):
        answer.close()
    return answer is True


def permit(permissions: Permissions, ask: Ask) -> None:
    """Ask for a call.

    :raises NotPermitted: the answer is not `True`.
    """
    if not permits(permissions, ask):
        what = None
        if ask.writes_off:
            what = "leave with a write-off"
        elif ask.action == "settle":  # how much is held is for who may settle it
            if ask.exceeds and permits(permissions, attrs.evolve(ask, exceeds=False)):
                what = "settle beyond what is held"
        elif ask.exceeds:
            opens = ask.action == "open_account"
            what = f"{ask.action} {'with limits of its own' if opens else 'unchecked'}"
        raise NotPermitted(ask.actor, action=ask.action, accounts=ask.accounts, what=what)


# -- the usual roles ---------------------------------------------------------------

ROLES: Final = ("member", "coordinator", "treasurer", "auditor")

#: What anybody who is named may read.
_OPEN: Final = frozenset({"closings", "statute", "statutes"})
#: What members may do on accounts of their own, whichever these are.
_OWN: Final = frozenset(
    {
        "account",
        "balance",
        "booklets",
        "delegates",
        "dues",
        "events",
        "holds",
        "personal_data",
        "statement",
        "transfers",
    }
)
_COORDINATOR_ACTIONS: Final = frozenset(
    {
        "open_account",
        "rename",
        "freeze",
        "thaw",
        "close_account",
        "reopen",
        "transfer",
        "reverse",
        "hold",
        "settle",
        "void",
        "welcome",
        "leave",
        "name_delegate",
        "end_delegate",
        "amend",
        "amend_account",
        "offer",
        "answer",
        "conclude",
        "issue_cheques",
        "enter_cheque",
        "void_cheque",
    }
)
_TREASURER_ACTIONS: Final = frozenset(
    {
        "abandon",
        "accept_history",
        "adopt",
        "agree",
        "amend",
        "amend_account",
        "answer",
        "close_books",
        "conclude",
        "end_agreement",
        "enter_cheque",
        "erase",
        "issue_cheques",
        "merge",
        "readmit",
        "rebuild",
        "restart_clock",
        "run_due",
        "set_limits",
        "suspend_agreement",
        "void_cheque",
        "write_off",
    }
)


#: The bank's own kinds of account: nobody's because somebody took their id as a name.
_OF_THE_BANK: Final = frozenset({"fund", "clearing", "issuance"})


class Roles:
    """The usual roles, by actor. One actor may have several.

    - *member*: spends, holds and offers to other banks hours of accounts of their own, settles or
      voids what these proposed or what was proposed to them, concludes what they offered, voids
      cheques of their booklets, reads what concerns them, names delegates;
    - *delegate*, by a record and no other way: the same for accounts that named them;
    - *coordinator*: reads all, records for others, reverses, amends, freezes, opens and closes,
      offers to other banks for others, answers them and concludes, issues, enters and voids
      cheques;
    - *treasurer*: reads all, adopts, sets limits, runs dues, writes off, leaves limits unchecked,
      opens accounts with limits of their own, amends, merges accounts, closes books, erases,
      restarts the clock, accepts a lost history, agrees with other banks, suspends and ends that,
      readmits them, abandons offers, answers and concludes, issues, enters and voids cheques;
    - *auditor*: reads all.

    Who is not named is a member. An account of one's own is the one whose id is the actor's,
    unless it is a fund, a clearing or an issuance account; or those that `accounts` gives for
    the actor. What was merged into it is one's own too. A call without an actor may do nothing.

    :raises WrongType: roles that are no mapping, or `accounts` that is no plain function; when
        asked: what it gives is no id, and no ids that can be iterated over.
    :raises InvalidRequest: a role that is none of these.

    >>> import timebank
    >>> from timebank import NotPermitted, Roles
    >>> bank = timebank.open("memory:", permissions=Roles({"carla": "coordinator"}))
    >>> carla, anna = bank.acting_as("carla"), bank.acting_as("anna")
    >>> for id in ["anna", "bruno"]:
    ...     _ = carla.open_account(id)
    >>> anna.transfer(earner="bruno", spender="anna", hours=1).actor
    'anna'
    >>> try:
    ...     anna.transfer(earner="anna", spender="bruno", hours=1)
    ... except NotPermitted as refusal:
    ...     print(refusal)
    actor 'anna' may not do this: transfer
    """

    def __init__(
        self,
        roles: Mapping[str, str | Iterable[str]] | None = None,
        *,
        accounts: Callable[[str], Iterable[str]] | None = None,
    ) -> None:
        self._roles = _checked({} if roles is None else roles)
        self._accounts = accounts
        if accounts is not None:
            what = "accounts is a callable that is given an actor"
            function(accounts, what, gives="returns ids of accounts")

    def __repr__(self) -> str:
        return f"<Roles of {len(self._roles)} actors>"

    def __call__(self, ask: Ask) -> bool:
        """Return true where one of the roles of who asks permits it."""
        if ask.actor is None:
            return False
        if ask.action in _OPEN:
            return True
        roles = self._roles.get(ask.actor, frozenset({"member"}))
        return (
            (ask.reads and not roles.isdisjoint({"auditor", "coordinator", "treasurer"}))
            or ("treasurer" in roles and _treasurer(ask))
            or ("coordinator" in roles and _coordinator(ask))
            or ({"coordinator", "treasurer"} <= roles and ask.action == "leave")
            or self._member(ask, is_member="member" in roles)
        )

    def _member(self, ask: Ask, *, is_member: bool) -> bool:
        actor = ask.actor or ""
        own = self._own(ask, actor) if is_member else frozenset[str]()

        def acts_for(ids: tuple[str, ...]) -> bool:
            return bool(ids) and all(is_own(id) for id in ids)

        def is_own(id: str) -> bool:
            # Who was merged has no say, and nobody acts for it, but the account that it became.
            heir = ask.heir(id)
            return heir in own or actor in ask.delegates(heir)

        match ask.action:
            case "transfer" | "hold" | "offer" | "conclude":
                return not ask.exceeds and acts_for(ask.spenders)
            case "settle" | "void" | "void_cheque":
                return acts_for(ask.spenders) or (not ask.exceeds and acts_for(ask.earners))
            case "name_delegate" | "end_delegate":
                resigns = ask.action == "end_delegate" and ask.request.get("delegate") == actor
                return own.issuperset(map(ask.heir, ask.accounts)) or (
                    resigns and all(actor in ask.delegates(id) for id in ask.accounts)
                )
            case "acts_for":
                return ask.request.get("delegate") == actor
            case "transfer_by_id" | "hold_by_id" | "receipt":
                return any(acts_for((id,)) for id in ask.earners + ask.spenders)
        return ask.action in _OWN and acts_for(ask.accounts)

    def _own(self, ask: Ask, actor: str) -> frozenset[str]:
        if self._accounts is not None:
            return _ids(self._accounts(actor))
        kind = ask.kind(actor)
        return frozenset() if kind is None or kind in _OF_THE_BANK else frozenset({actor})


def _ids(given: object) -> frozenset[str]:
    """Return the ids that a callable gave for an actor.

    :raises WrongType: it gave something else.
    """
    if isinstance(given, str):
        return frozenset({given})
    if isinstance(given, Coroutine):
        given.close()
    elif isinstance(given, Iterable):
        ids = list(given)
        if all(isinstance(id, str) for id in ids):
            return frozenset(ids)
    msg = f"accounts returns the ids of an actor's accounts, each a str, not {shown(given)}"
    raise WrongType(msg)


def _coordinator(ask: Ask) -> bool:
    beyond = ask.action in {"transfer", "hold", "open_account"} and ask.exceeds
    return ask.action in _COORDINATOR_ACTIONS and not beyond and not ask.writes_off


def _treasurer(ask: Ask) -> bool:
    if ask.action == "leave":  # whose credit goes to whom is not theirs to say
        return "assign_to" not in ask.request
    return ask.action in _TREASURER_ACTIONS or (
        ask.action in {"transfer", "hold", "open_account"} and ask.exceeds
    )


def _checked(given: object) -> dict[str, frozenset[str]]:
    if not isinstance(given, Mapping):
        msg = f"roles are a mapping of actors to roles, not {shown(given)}"
        raise WrongType(msg)
    found = {}
    for actor, named in given.items():
        found[actor] = frozenset([named] if isinstance(named, str) else named)
        for role in found[actor]:
            if role not in ROLES:
                msg = f"{shown(actor)}: a role is one of {', '.join(ROLES)}, not {shown(role)}"
                raise InvalidRequest(msg)
    return found
