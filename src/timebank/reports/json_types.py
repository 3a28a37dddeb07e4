"""The types of the results as JSON, for OpenAPI and for type checkers: see `timebank.reports.json`.

FastAPI takes each as a response model, Pydantic as a type to read. Nothing of the library imports
this module: below Python 3.12 Pydantic reads `TypedDict` from `typing_extensions` only, which it
brings along.
"""

from __future__ import annotations

import sys
from typing import Any

if sys.version_info >= (3, 12):
    from typing import TypedDict
else:
    from typing_extensions import TypedDict


class Error(TypedDict):
    """A refusal."""

    code: str
    message: str
    facts: dict[str, Any]


class Account(TypedDict):
    """An account, with its own limits."""

    id: str
    kind: str
    name: str | None
    status: str
    joined_on: str | None
    floor: str | None
    ceiling: str | None
    merged_into: str | None


class Balance(TypedDict):
    """A balance, with the limits that apply."""

    account: str
    posted: str
    held: str
    incoming: str
    floor: str | None
    ceiling: str | None
    spendable: str | None
    receivable: str | None


class Delegate(TypedDict):
    """Who may act for an account, and until when."""

    account: str
    delegate: str
    until: str | None


class Event(TypedDict):
    """One event in the history of an account."""

    account: str
    sequence: int
    kind: str
    recorded_at: str
    actor: str | None
    text: str | None
    changes: dict[str, list[Any]]


class Due(TypedDict):
    """What is due of an account, or will be."""

    account: str
    rule: str
    hours: str
    fund: str
    since: str
    period: list[str] | None
    statute: str
    basis: str | None


class Closing(TypedDict):
    """A closing of the books, or an opening."""

    sequence: int
    recorded_at: str
    through: str | None
    actor: str | None
    reason: str | None


class Amendment(TypedDict):
    """A correction of what an exchange was for."""

    sequence: int
    recorded_at: str
    actor: str | None
    reason: str | None
    changes: dict[str, list[Any]]


class FeePosting(TypedDict):
    """One posting of a fee."""

    account: str
    hours: str


class Across(TypedDict):
    """What an exchange with another bank says of that bank."""

    bank: str
    offer: str
    is_ours: bool
    address: str | None
    answer_by: str


class _Exchange(TypedDict):
    """What a transfer and a hold have in common."""

    id: str
    sequence: int
    kind: str
    hours: str
    earners: dict[str, str]
    spenders: dict[str, str]
    recorded_at: str
    category: str | None
    area: str | None
    resource: str | None
    via: str | None
    note: str | None
    reason: str | None
    tags: list[str]
    source: str | dict[str, str] | None
    limits: str
    started_at: str | None
    ended_at: str | None
    amendments: list[Amendment]
    actor: str | None
    statute: str
    asked: str | None
    fee: list[FeePosting]
    across: Across | None
    flags: list[str]
    repeated: bool


class Transfer(_Exchange):
    """A transfer, a settlement or a reversal."""

    occurred_on: str
    reverses: str | None
    hold: str | None
    period: list[str] | None


class Hold(_Exchange):
    """A hold, and what became of it."""

    status: str
    expires_at: str | None
    occurred_on: str | None
    resolved_by: str | None


class VoidedCheque(TypedDict):
    """A time cheque that was voided."""

    number: str
    code: str
    reason: str | None
    voided_on: str
    sequence: int
    actor: str | None
    repeated: bool


class Booklet(TypedDict):
    """A booklet of time cheques, and what became of them."""

    number: int
    account: str
    cheques: int
    issued_on: str
    sequence: int
    out: list[str]
    entered: list[str]
    voided: list[VoidedCheque]
    repeated: bool


class Crossing(TypedDict):
    """An exchange between two banks, as far as it has come."""

    id: str
    status: str
    code: str | None
    offer: Hold
    spent: Transfer | None
    earned: Transfer | None


class OwedLimits(TypedDict):
    """How much each of two banks may owe the other."""

    they_may_owe: str | None
    we_may_owe: str | None


class SeenHead(TypedDict):
    """A head of another bank that was seen."""

    size: int
    root: str


class Agreement(TypedDict):
    """What was agreed with another bank."""

    bank: str
    account: str
    name: str | None
    status: str
    ours: OwedLimits
    theirs: OwedLimits | None
    limits: OwedLimits
    key: str | None
    keys: list[str]
    seen: SeenHead | None
    sequence: int
    repeated: bool


class TakenBack(TypedDict):
    """What a line of a statement takes back."""

    id: str | None
    sequence: int
    occurred_on: str
    kind: str
    note: str | None
    hours: str


class Total(TypedDict):
    """How many lines of one sort there are, and the sum of their hours."""

    number: int
    hours: str


class StatementLine(TypedDict):
    """One line of a statement."""

    id: str | None
    sequence: int
    occurred_on: str
    others: list[str]
    kind: str
    category: str | None
    area: str | None
    note: str | None
    reason: str | None
    reverses: bool
    takes_back: TakenBack | None
    taken_back_on: str | None
    taken_back_whole: bool
    counts_as: str
    fee: bool
    across: Across | None
    period: list[str] | None
    account: str | None
    started_at: str | None
    ended_at: str | None
    amendments: list[Amendment]
    hours: str
    earned: str | None
    spent: str | None
    balance: str


class Statement(TypedDict):
    """A statement with its lines in order."""

    account: Account
    since: str | None
    until: str | None
    opening: str
    lines: list[StatementLine]
    names: dict[str, str]
    earned: str
    spent: str
    totals: dict[str, Total]
    closing: str
    held: str
    incoming: str
    holds: list[Hold]
    merged: list[str]
    closed_through: str | None
    at: int | None


class TrialLine(TypedDict):
    """One account of a trial balance."""

    account: str
    kind: str
    status: str
    name: str | None
    earned: str
    spent: str
    balance: str
    merged_into: str | None


class TrialBalance(TypedDict):
    """A trial balance."""

    on: str | None
    lines: list[TrialLine]
    earned: str
    spent: str
    total: str
    closed_through: str | None
    at: int | None


class Head(TypedDict):
    """Where a journal stands."""

    journal: str
    sequence: int
    digest: str
    line: str
