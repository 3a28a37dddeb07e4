"""The kinds of record: one line for each, and the shapes of their requests and effects.

`KINDS` is the table that the writing side and the queries look things up in. A kind's command
and judge are named, and found in that module of `timebank.rules`, so that this module imports
nothing from above. The fold has its own table of steps, and the audit does not import
this module: it is the second witness.

>>> from timebank.journal.kinds import KINDS, MOVES_HOURS
>>> KINDS["settle"].command, KINDS["settle"].judge, KINDS["settle"].view
('holds.SettleHold', 'settle', 'transfer')
>>> sorted(MOVES_HOURS)
['due', 'reverse', 'settle', 'transfer']
"""

from __future__ import annotations

from typing import Any, Final, Literal, NotRequired, TypedDict

import attrs

from timebank.model import StoredLimit

#: `[account, seconds]`, as JSON has it.
Line = list[Any]
Lines = list[Line]

# -- what is asked for -----------------------------------------------------------


class OnAccount(TypedDict):
    """The request of a change of status or of a name."""

    account: str


class OpenAccountRequest(OnAccount):
    """The request that opens an account; limits that are left out are inherited."""

    kind: str
    joined_on: NotRequired[str]
    floor: NotRequired[StoredLimit]
    ceiling: NotRequired[StoredLimit]


class SetLimitsRequest(OnAccount):
    """The request that changes an account's own limits; what is left out stays."""

    floor: NotRequired[StoredLimit]
    ceiling: NotRequired[StoredLimit]


#: The request of a transfer, or of a hold that proposes one. `from` and `to`, which are words of
#: Python, are times of day; `expires_in` is in microseconds.
ExchangeRequest = TypedDict(
    "ExchangeRequest",
    {
        "id": str,
        "kind": str,
        "earners": Lines,
        "spenders": Lines,
        "occurred_on": NotRequired[str],
        "from": NotRequired[str],
        "to": NotRequired[str],
        "category": NotRequired[str],
        "area": NotRequired[str],
        "resource": NotRequired[str],
        "via": NotRequired[str],
        "tags": NotRequired[list[str]],
        "source": NotRequired[str | list[list[str]]],
        "limits": NotRequired[str],
        "expires_in": NotRequired[int],
        "offer": NotRequired[Any],
        "answer": NotRequired[Any],
        "written_off": NotRequired[bool],
    },
)


class Offered(TypedDict):
    """What the request of a hold has that is an offer to another bank.

    `answer_in` is in microseconds; an offer has an `earner`, or what it `reverses`.
    """

    to: str
    earner: NotRequired[str]
    answer_in: int
    reverses: NotRequired[str]


class ReverseRequest(TypedDict):
    """The request that moves hours of a transfer back; all that is left, without `hours`."""

    id: str
    transfer: str
    hours: NotRequired[int]
    occurred_on: NotRequired[str]
    offer: NotRequired[Any]


class SettleRequest(TypedDict):
    """The request that makes a hold a transfer; all of it, without `hours`."""

    id: str
    hold: str
    hours: NotRequired[int]
    occurred_on: NotRequired[str]
    answer: NotRequired[Any]


class VoidRequest(TypedDict):
    """The request that releases a hold."""

    id: str
    hold: str
    answer: NotRequired[Any]
    abandoned: NotRequired[bool]


class AdoptRequest(TypedDict):
    """The request that puts a statute in force: the statute as `statute.codec` writes it."""

    statute: dict[str, Any]


class DueRequest(TypedDict):
    """The request for what the rule of a statute makes due of an account."""

    account: str
    by: str
    id: str
    rule: str
    since: str
    period: NotRequired[list[str]]


class DelegateRequest(TypedDict):
    """The request that names somebody to act for an account, or ends it."""

    account: str
    delegate: str
    until: NotRequired[str]


class EraseRequest(TypedDict, total=False):
    """The request that destroys the texts of an account, or of one record."""

    account: str
    record: int


class RestartClockRequest(TypedDict):
    """The request that restarts the clock: the day of today, as people know it."""

    today: str


#: What an exchange was for, as it is corrected; what there is none of any more is in `takes_away`.
AmendRequest = TypedDict(
    "AmendRequest",
    {
        "operation": str,
        "category": NotRequired[str],
        "area": NotRequired[str],
        "resource": NotRequired[str],
        "tags": NotRequired[list[str]],
        "from": NotRequired[str],
        "to": NotRequired[str],
        "takes_away": NotRequired[list[str]],
    },
)


class AmendAccountRequest(OnAccount):
    """The request that corrects an account's day of joining, or its kind."""

    joined_on: NotRequired[str]
    kind: NotRequired[str]
    takes_away: NotRequired[list[str]]


class CloseBooksRequest(TypedDict, total=False):
    """The request that closes books through a day, or opens them again, without one."""

    through: str


class MergeRequest(OnAccount):
    """The request that makes a duplicate the account that stays."""

    into: str


class HistoryLostRequest(TypedDict, total=False):
    """The request that accepts a loss: the sequence and digest of the head, where it is named."""

    lost: list[Any]


# -- what it comes to --------------------------------------------------------------


class AccountChanges(TypedDict, total=False):
    """The columns of an account that a record sets."""

    kind: str
    status: str
    joined_on: str | None
    floor: StoredLimit
    ceiling: StoredLimit
    named: bool


class AccountEffects(TypedDict):
    """The effects of a record on an account itself."""

    account: str
    sets: AccountChanges


class RecordedFlag(TypedDict):
    """A rule that was broken and that the statute lets be recorded, with its figures."""

    rule: str
    account: NotRequired[str]
    limit: NotRequired[int]
    available: NotRequired[int]
    needed: NotRequired[int]
    days: NotRequired[int]
    occurred_on: NotRequired[str]


class MoveEffects(TypedDict):
    """The effects of a record that moves hours; the lines of its fee are the last postings."""

    occurred_on: str
    postings: Lines
    statute: str
    fee: NotRequired[Lines]
    flags: NotRequired[list[RecordedFlag]]
    reverses: NotRequired[int]
    resolves: NotRequired[int]
    basis: NotRequired[int]
    terms: NotRequired[list[int | None]]
    seen: NotRequired[list[Any]]


class HoldEffects(TypedDict):
    """The effects of a hold: the lines of settling all of it, and `[account, held, incoming]`."""

    lines: Lines
    reserves: list[list[Any]]
    statute: str
    expires_at: NotRequired[int]
    fee: NotRequired[Lines]
    flags: NotRequired[list[RecordedFlag]]
    answer_by: NotRequired[int]
    reverses: NotRequired[int]
    terms: NotRequired[list[int | None]]
    seen: NotRequired[list[Any]]


class VoidEffects(TypedDict):
    """The effects of releasing a hold: the sequence of its record."""

    resolves: int
    flags: NotRequired[list[RecordedFlag]]


class AdoptEffects(TypedDict):
    """The effects of adopting a statute: its version."""

    adopts: str


class DelegateEffects(TypedDict):
    """The effects of naming or ending a delegate; `of` is the record that opened the account."""

    account: str
    delegate: str
    of: int
    until: NotRequired[str | None]


class EraseEffects(TypedDict):
    """The effects of an erasure: commitments, and the `[sequence, field]` of each text."""

    erased: list[str]
    texts: list[list[Any]]


class RestartClockEffects(TypedDict):
    """The effects of it: the statute in force, dated anew, and the holds that it ends."""

    statute: str
    ends: NotRequired[list[int]]
    through: NotRequired[str]


class AmendEffects(TypedDict):
    """The effects of an amendment: each field, as it is and as it was; of a note its record."""

    amends: int
    sets: dict[str, Any]
    was: dict[str, Any]


class AmendAccountEffects(AccountEffects):
    """The effects of a correction of an account: the columns as they are, and as they were."""

    was: AccountChanges


class CloseBooksEffects(TypedDict):
    """The effects of closing books: the statute in force, and the last day that is closed."""

    statute: str
    through: str | None


class MergeEffects(TypedDict):
    """The effects of a merge: a balance that moves; `of` is the record that opened `into`."""

    account: str
    into: str
    of: int
    occurred_on: str
    postings: Lines
    statute: str
    joined_on: NotRequired[str]
    flags: NotRequired[list[RecordedFlag]]


class HistoryLostEffects(TypedDict):
    """The effects of it: the sequence and digest of the head that the journal has no more."""

    lost: list[Any]


class AgreeRequest(OnAccount):
    """The request that agrees with another bank: its journal and key, and what each may owe."""

    peer: str
    they_may_owe: int | None
    we_may_owe: int | None
    key: NotRequired[str]
    theirs: NotRequired[list[int | None]]


class ReadmitRequest(OnAccount):
    """The request that takes the other bank's journal as it stands now: its size and root."""

    head: list[Any]


class RefuseRequest(TypedDict):
    """The request that uses up an id and moves nothing; `offer` is the offer that is refused."""

    id: str
    code: str
    offer: NotRequired[Any]


class IssueChequesRequest(OnAccount):
    """The request that gives an account a booklet: its number is in the id, as `cheque:17`."""

    id: str
    cheques: int


class VoidChequeRequest(TypedDict):
    """The request that uses up the number of a cheque; `code` says why, as "lost"."""

    id: str
    code: str


class AgreementEffects(AccountEffects):
    """The effects of agreeing, or of ending it; `of` is the record that opened the account."""

    of: int


class PeerEffects(TypedDict):
    """The effects on an agreement that set nothing of its account."""

    account: str
    of: int


class RefuseEffects(TypedDict, total=False):
    """The effects of a refusal: of an offer, the terms and the head that its answer tells."""

    terms: list[int | None]
    seen: list[Any]


class IssueChequesEffects(TypedDict):
    """The effects of issuing cheques; `of` is the record that opened the account."""

    account: str
    of: int


class VoidChequeEffects(TypedDict):
    """The effects of voiding a cheque: the record that issued its booklet."""

    of: int


Request = (
    OnAccount
    | OpenAccountRequest
    | SetLimitsRequest
    | ExchangeRequest
    | ReverseRequest
    | SettleRequest
    | VoidRequest
    | AdoptRequest
    | DueRequest
    | DelegateRequest
    | EraseRequest
    | RestartClockRequest
    | AmendRequest
    | AmendAccountRequest
    | CloseBooksRequest
    | MergeRequest
    | HistoryLostRequest
    | AgreeRequest
    | ReadmitRequest
    | RefuseRequest
    | IssueChequesRequest
    | VoidChequeRequest
)
Effects = (
    AccountEffects
    | MoveEffects
    | HoldEffects
    | VoidEffects
    | AdoptEffects
    | DelegateEffects
    | EraseEffects
    | RestartClockEffects
    | AmendEffects
    | AmendAccountEffects
    | CloseBooksEffects
    | MergeEffects
    | HistoryLostEffects
    | AgreementEffects
    | PeerEffects
    | RefuseEffects
    | IssueChequesEffects
    | VoidChequeEffects
)


class RecordBody(TypedDict):
    """A record as its bytes say it."""

    actor: NotRequired[str]
    effects: Any
    format: str
    journal: str
    kind: str
    recorded_at: int
    recorded_on: str
    request: Any
    sequence: int


# -- the table ---------------------------------------------------------------------

#: What the caller of a command gets.
View = Literal[
    "account",
    "transfer",
    "hold",
    "operation",
    "statute",
    "delegate",
    "erasure",
    "restart",
    "closing",
    "loss",
    "agreement",
    "refusal",
    "booklet",
    "voided_cheque",
]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


@attrs.frozen
class Kind:
    """One kind of record.

    `command` is a module and a class under `timebank.rules`, as `holds.SettleHold`; `judge` is a
    function of the same module; `view` says what the caller gets, as an `Account`.
    """

    name: str
    command: str
    judge: str
    view: View
    groups: frozenset[str] = attrs.field(converter=_words)


#: Groups. `account`: it changes an account itself. `move`: it is a transfer of hours, with an id.
#: `plan`: it is read when dues are planned.
KINDS: Final[dict[str, Kind]] = {
    kind.name: kind
    for kind in (
        Kind("open_account", "accounts.OpenAccount", "open_account", "account", "account plan"),
        Kind("set_limits", "accounts.SetLimits", "set_limits", "account", "account"),
        Kind("rename", "accounts.Rename", "rename", "account", "account"),
        Kind("freeze", "accounts.Freeze", "change_status", "account", "account plan"),
        Kind("thaw", "accounts.Thaw", "change_status", "account", "account plan"),
        Kind("close_account", "accounts.CloseAccount", "change_status", "account", "account plan"),
        Kind("reopen", "accounts.Reopen", "change_status", "account", "account plan"),
        Kind("transfer", "transfers.MakeTransfer", "transfer", "transfer", "move"),
        Kind("reverse", "transfers.ReverseTransfer", "reverse", "transfer", "move"),
        Kind("hold", "holds.MakeHold", "hold", "hold", ""),
        Kind("settle", "holds.SettleHold", "settle", "transfer", "move"),
        Kind("void", "holds.VoidHold", "void", "hold", ""),
        Kind("adopt", "statutes.Adopt", "adopt", "statute", "plan"),
        Kind("due", "dues.MakeDue", "due", "transfer", "move plan"),
        Kind("name_delegate", "delegates.NameDelegate", "name", "delegate", "account"),
        Kind("end_delegate", "delegates.EndDelegate", "end", "account", "account"),
        Kind("erase", "erasures.Erase", "erase", "erasure", ""),
        Kind("restart_clock", "clock.RestartClock", "restart", "restart", "plan"),
        Kind("amend", "amendments.Amend", "amend", "operation", ""),
        Kind("amend_account", "accounts.AmendAccount", "amend", "account", "account plan"),
        Kind("close_books", "closing.CloseBooks", "close", "closing", ""),
        Kind("merge", "merging.Merge", "merge", "account", "account plan"),
        Kind("history_lost", "history.AcceptHistory", "accept", "loss", ""),
        Kind("agree", "agreements.Agree", "agree", "agreement", "account plan"),
        Kind("suspend_agreement", "agreements.Suspend", "suspend", "agreement", "account"),
        Kind("end_agreement", "agreements.End", "end", "agreement", "account plan"),
        Kind("readmit", "agreements.Readmit", "readmit", "agreement", "account"),
        Kind("refuse", "refusals.Refuse", "refuse", "refusal", ""),
        Kind("issue_cheques", "cheques.IssueCheques", "issue", "booklet", "account"),
        Kind("void_cheque", "cheques.VoidCheque", "void", "voided_cheque", ""),
    )
}  # fmt: skip


#: Kinds of record that are on an agreement with another bank.
ON_AGREEMENT: Final = frozenset({"agree", "suspend_agreement", "end_agreement", "readmit"})


def _of_group(group: str) -> frozenset[str]:
    return frozenset(kind.name for kind in KINDS.values() if group in kind.groups)


#: The kinds of record that are transfers of hours: their callers get a `Transfer`.
MOVES_HOURS: Final = _of_group("move")
#: Those that are on an account itself.
ON_ACCOUNT: Final = _of_group("account")
#: Those that say what dues are planned from.
PLANS_DUES: Final = _of_group("plan")


def sides_of(effects: Any) -> tuple[Lines, Lines]:
    """Return the lines of an exchange, and those of its fee, from a record's effects.

    The lines are the postings of a transfer, or what a hold proposes; a record that moves
    nothing has none.

    >>> from timebank.journal.kinds import sides_of
    >>> sides_of({"postings": [["m1", 60], ["f1", -60], ["fund", 6], ["f1", -6]],
    ...           "fee": [["fund", 6], ["f1", -6]]})
    ([['m1', 60], ['f1', -60]], [['fund', 6], ['f1', -6]])
    """
    lines = effects.get("postings", effects.get("lines", []))
    fee = effects.get("fee", [])
    return lines[: len(lines) - len(fee)], fee
