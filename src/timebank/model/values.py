"""Define the immutable values that callers get."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Self

import attrs

from timebank.errors import InvalidRequest, shown
from timebank.hours import Hours
from timebank.model.across import Across
from timebank.model.corrections import Amendment
from timebank.model.scalars import Limit

_HEAD: Final = re.compile(
    r"timebank/1 (\S(?:.*\S)?) ([0-9]{1,16}) ([0-9a-fA-F]{64})(?: ([0-9a-fA-F]{64}))?"
    r"(?: ([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z))?",
    re.ASCII,
)


@attrs.frozen(slots=False)  # one is made for each call that writes: slots cost more
class Head:
    """The last sequence and digest of a journal; `str()` is a line that can be published.

    Heads are equal by these. What a bank gives has a `root` as well, which is asked for by
    `find_root`, of the head itself, each time; that of a line was given, and is pickled with it.
    `recorded_at` is the instant of its record, aware, in UTC, where a line of a log says it.

    >>> from timebank.model import Head
    >>> str(Head(journal="j1", sequence=2, digest=bytes(32)))[:12]
    'timebank/1 j'
    """

    journal: str
    sequence: int
    digest: bytes
    _find_root: Callable[[Head], bytes] | bytes | None = attrs.field(
        default=None, eq=False, repr=False, kw_only=True
    )
    recorded_at: datetime | None = attrs.field(default=None, eq=False, repr=False, kw_only=True)

    @property
    def root(self) -> bytes:
        """The root of the tree over the first `sequence` records (RFC 6962), 32 bytes.

        :raises InvalidRequest: the head comes neither from a bank nor from a line with a root, or
            the bank has it no more.
        :raises TimebankError: as reading the bank does.
        """
        if self._find_root is None:
            msg = "this head has no root: ask a bank for its head(), or read a line that has one"
            raise InvalidRequest(msg).about(key="head_without_root")
        return self._find_root if isinstance(self._find_root, bytes) else self._find_root(self)

    @property
    def given_root(self) -> bytes | None:
        """The root that came with the head, as with a line; no bank is asked for it."""
        return self._find_root if isinstance(self._find_root, bytes) else None

    @property
    def has_root(self) -> bool:
        """Whether `root` can be asked for."""
        return self._find_root is not None

    def with_root(self) -> str:
        """Return the line of the head with its root behind it.

        :raises TimebankError: as `root`.
        """
        return f"{self} {self.root.hex()}"

    def for_log(self) -> str:
        """Return the line of the head for a log: with its root, and the instant of its record.

        :raises InvalidRequest: it has no instant.
        :raises TimebankError: as `root`.
        """
        if self.recorded_at is None:
            msg = "this head has no instant: read a line of a log"
            raise InvalidRequest(msg)
        moment = self.recorded_at.astimezone(UTC)
        return f"{self.with_root()} {moment:%Y-%m-%dT%H:%M:%S.%f}Z"

    def __reduce__(self) -> tuple[Callable[..., Head], tuple[str, int, bytes]]:
        """Pickle what heads are equal by, and a root that was given."""
        make = partial(Head, find_root=self.given_root, recorded_at=self.recorded_at)
        return make, (self.journal, self.sequence, self.digest)

    def __str__(self) -> str:
        return f"timebank/1 {self.journal} {self.sequence} {self.digest.hex()}"

    @classmethod
    def of(cls, line: object) -> Head:
        """Return the head of a line that was published, with or without its root and instant.

        :raises InvalidRequest: not such a line.

        >>> from timebank.model import Head
        >>> Head.of(f"timebank/1 j1 2 {'00' * 32}").sequence
        2
        """
        found = _HEAD.fullmatch(line.strip()) if isinstance(line, str) else None
        if found is None:
            msg = f"a head is a line like 'timebank/1 JOURNAL 81 DIGEST', not {shown(line)}"
            raise InvalidRequest(msg).about(key="head_unreadable", line=shown(line))
        root = None if found[4] is None else bytes.fromhex(found[4])
        digest, moment = bytes.fromhex(found[3]), None
        if found[5] is not None:
            try:
                moment = datetime.fromisoformat(found[5])
            except ValueError:
                msg = f"no such instant: {shown(found[5])}"
                raise InvalidRequest(msg).about(key="head_unreadable", line=shown(line)) from None
        return cls(found[1], int(found[2]), digest, find_root=root, recorded_at=moment)


@attrs.frozen
class Record:
    """One record of the journal. The digest is computed from `bytes`.

    >>> import timebank
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1", name="Maria R."), bank.open_account("f1", kind="group")
    >>> record = next(bank.records())
    >>> record.sequence, record.kind, record.bytes[:11]
    (1, 'open_account', b'{"effects":')
    """

    sequence: int
    kind: str
    recorded_at: datetime
    digest: bytes
    bytes: bytes
    actor: str | None = None

    @property
    def id(self) -> int:
        """The sequence, which identifies a record within its journal."""
        return self.sequence


@attrs.frozen
class Account:
    """An account, which holds a balance.

    `floor` and `ceiling` are the account's own limits: `INHERIT`, `None` (unlimited) or `Hours`.
    `merged_into` is the id of the account that it became, where it was a duplicate. `repeated` is
    true in the result of a call that recorded nothing, for it was so already; it is not compared.

    >>> import timebank
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1", name="Maria R."), bank.open_account("f1", kind="group")
    >>> account = bank.account("m1")
    >>> account.name, account.status, account.floor
    ('Maria R.', 'open', INHERIT)
    """

    id: str
    kind: str
    name: str | None
    status: str
    joined_on: date | None
    floor: Limit
    ceiling: Limit
    merged_into: str | None = None
    repeated: bool = attrs.field(default=False, eq=False)


@attrs.frozen
class Balance:
    """The balance of an account, and the limits that apply to it today.

    `posted` is what it earned less what it spent. `held` is what open holds reserve to be
    spent, `incoming` what they would let it earn. `floor` and `ceiling` are `None` if unlimited.
    Where a statute has a soft limit within a hard one, they are the hard ones: `spendable` and
    `receivable` are what may still move, some of it with a flag.

    >>> import timebank
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1", name="Maria R."), bank.open_account("f1", kind="group")
    >>> _ = bank.transfer(earner="m1", spender="f1", hours="1:30")
    >>> balance = bank.balance("f1")
    >>> balance.posted, balance.floor, balance.spendable
    (Hours('-1:30'), Hours('-20:00'), Hours('18:30'))
    """

    account: str
    posted: Hours
    floor: Hours | None
    ceiling: Hours | None
    held: Hours = Hours.from_seconds(0)
    incoming: Hours = Hours.from_seconds(0)

    @property
    def id(self) -> str:
        """The account's id."""
        return self.account

    @property
    def spendable(self) -> Hours | None:
        """The hours that may be spent: `posted - held - floor`, never negative; or `None`."""
        if self.floor is None:
            return None
        return max(self.posted - self.held - self.floor, Hours.from_seconds(0))

    @property
    def receivable(self) -> Hours | None:
        """The hours that may be earned: `ceiling - posted - incoming`, not negative; or `None`."""
        if self.ceiling is None:
            return None
        return max(self.ceiling - self.posted - self.incoming, Hours.from_seconds(0))


@attrs.frozen
class Posting:
    """One account's side of a transfer: positive hours are earned, negative are spent.

    `fee` is true if it is part of the fee of the exchange.

    >>> from timebank import Hours, Posting
    >>> Posting("f1", Hours("-1:30")).hours.seconds
    -5400
    """

    account: str
    hours: Hours
    fee: bool = False


#: What flags say that are on exchanges with another bank.
_ACROSS: Final = {
    "abandoned": "the offer was given up before the other bank answered it",
    "forgotten": "brought in again: the other bank's answer is signed, and it was lost here",
    "late answer": "the other bank had booked it, and answered once the offer was released here",
    "written off": "written off: the other bank will not answer for it",
}


@attrs.frozen
class Flag:
    """A rule that a transfer broke and that the statute only flags; `str()` is a sentence.

    `rule` is "floor", "ceiling", "largest exchange" or "days to record". The other attributes
    are set where the rule has them. Of exchanges with another bank it is what a board did, or what
    passes all rules: "abandoned", "late answer", "forgotten" or "written off".

    >>> from timebank import Hours
    >>> from timebank.model import Flag
    >>> str(Flag(rule="largest exchange", limit=Hours(8), needed=Hours(9)))
    'one exchange moves 9:00, more than the 8:00 of the statute'
    """

    rule: str
    account: str | None = None
    limit: Hours | None = None
    available: Hours | None = None
    needed: Hours | None = None
    occurred_on: date | None = None
    days: int | None = None

    @classmethod
    def of(cls, flag: Mapping[str, Any]) -> Flag:
        """Return the flag of a record, where hours are seconds and a day is text."""
        found: dict[str, Any] = dict(flag)
        for name in found.keys() & {"limit", "available", "needed"}:
            found[name] = Hours.from_seconds(found[name])
        if "occurred_on" in found:
            found["occurred_on"] = date.fromisoformat(found["occurred_on"])
        return cls(**found)

    def __str__(self) -> str:
        if self.rule in _ACROSS:
            return _ACROSS[self.rule]
        if self.rule == "largest exchange":
            return f"one exchange moves {self.needed}, more than the {self.limit} of the statute"
        if self.rule == "days to record":
            return (
                f"recorded more than {self.days} days after its day of service {self.occurred_on}"
            )
        return (
            f"account {self.account!r} moves {self.needed}, though its {self.rule} {self.limit} "
            f"left {self.available}"
        )


class _Operation:
    """What a transfer and a hold have in common: how they are made, and what their postings say."""

    __slots__ = ("_make",)
    postings: tuple[Posting, ...]
    amendments: tuple[Amendment, ...]

    @classmethod
    def deferred(cls, make: Callable[[], Self], sequence: int) -> Self:
        """Return one whose fields are made when one of them is first looked at.

        Most callers never look: to make twenty fields would cost them a tenth of the call. Its
        `sequence` is there at once, for an import looks at it in each row.
        """
        operation = object.__new__(cls)
        object.__setattr__(operation, "_make", make)
        object.__setattr__(operation, "sequence", sequence)
        return operation

    if not TYPE_CHECKING:  # a type checker would take every name for a field

        def __getattr__(self, name: str) -> Any:
            """Make the fields of what was deferred: none of them is there yet."""
            fields = attrs.fields_dict(type(self))
            if name not in fields:
                msg = f"{type(self).__name__!r} object has no attribute {name!r}"
                raise AttributeError(msg)
            made = self._make()
            for field in fields:
                object.__setattr__(self, field, getattr(made, field))
            return getattr(made, name)

    @property
    def amended(self) -> bool:
        """True if what it was for was corrected: the fields are as corrected."""
        return bool(self.amendments)

    @property
    def hours(self) -> Hours:
        """The hours exchanged: the sum of one side, without the fee."""
        return Hours.from_seconds(
            sum(p.hours.seconds for p in self.postings if p.hours.seconds > 0 and not p.fee)
        )

    @property
    def fee(self) -> Hours:
        """The fee, which goes to a fund; 0:00 if there is none."""
        fees = [p.hours.seconds for p in self.postings if p.fee]
        return Hours.from_seconds(sum(seconds for seconds in fees if seconds > 0))

    @property
    def earners(self) -> dict[str, Hours]:
        """The hours that each account earns by the exchange, by account id."""
        return {p.account: p.hours for p in self.postings if p.hours.seconds > 0 and not p.fee}

    @property
    def spenders(self) -> dict[str, Hours]:
        """The hours that each account spends by the exchange, positive, by account id."""
        return {p.account: -p.hours for p in self.postings if p.hours.seconds < 0 and not p.fee}


@attrs.frozen
class Transfer(_Operation):
    """An immutable movement of hours; its postings sum to zero.

    `reverses` is the id of the original if this is a reversal, and `reason` is its text.
    `hold` is the id of the hold that it settles. An account on both sides has two postings;
    the postings of a fee come last. `statute` is the version of the statute that it was judged
    by; `flags` are the rules that it broke and that the statute only flags. `asked` are the
    hours that the caller asked for, if the statute's unit changed them. A transfer that a rule
    of the statute made has the name of the rule as its `kind`, and as its `period` the first
    and last day that it is for. `started_at` and `ended_at` are times of the day of service;
    `ended_at` is of the next day where it is not later. `amendments` are what was corrected
    of it, the oldest first: the fields are as they were corrected. `across` is what an exchange
    with another bank says of that one. `repeated` is true in the result of a call that recorded
    nothing, for its id was recorded before by the same request; it is not compared, and false in
    what is read.

    >>> import timebank
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1", name="Maria R."), bank.open_account("f1", kind="group")
    >>> transfer = bank.transfer(earner="m1", spender="f1", hours="1:30")
    >>> transfer.earners, transfer.spenders
    ({'m1': Hours('1:30')}, {'f1': Hours('1:30')})
    """

    id: str
    sequence: int
    kind: str
    postings: tuple[Posting, ...]
    occurred_on: date
    recorded_at: datetime
    category: str | None = None
    area: str | None = None
    resource: str | None = None
    via: str | None = None
    note: str | None = None
    reason: str | None = None
    tags: tuple[str, ...] = ()
    source: str | Mapping[str, str] | None = attrs.field(default=None, hash=False)
    limits: str = "checked"
    reverses: str | None = None
    actor: str | None = None
    statute: str | None = None
    hold: str | None = None
    flags: tuple[Flag, ...] = ()
    asked: Hours | None = None
    period: tuple[date, date] | None = None
    started_at: time | None = None
    ended_at: time | None = None
    amendments: tuple[Amendment, ...] = attrs.field(default=(), hash=False)
    across: Across | None = None
    repeated: bool = attrs.field(default=False, eq=False)


@attrs.frozen
class Hold(_Operation):
    """Hours that are reserved for a proposed exchange.

    `status` is "open", "settled", "voided" or "expired", as of the time of reading;
    `resolved_by` is the id of the settlement or void. `postings` are those of a transfer that
    settles all of it. `occurred_on` is the day of service, or the day that is planned for it, if it
    was given. `expires_at` is the instant from which on it reserves nothing. `reason` is the text
    of its void. `started_at`, `ended_at`, `amendments`, `across` and `repeated` are those of a
    `Transfer`: an offer to another bank is a hold that does not expire.

    >>> import timebank
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1"), bank.open_account("f1", kind="group")
    >>> hold = bank.hold(earner="m1", spender="f1", hours=2)
    >>> hold.status, hold.spenders, bank.balance("f1").held
    ('open', {'f1': Hours('2:00')}, Hours('2:00'))
    """

    id: str
    sequence: int
    kind: str
    status: str
    postings: tuple[Posting, ...]
    recorded_at: datetime
    expires_at: datetime | None = None
    occurred_on: date | None = None
    category: str | None = None
    area: str | None = None
    resource: str | None = None
    via: str | None = None
    note: str | None = None
    reason: str | None = None
    tags: tuple[str, ...] = ()
    source: str | Mapping[str, str] | None = attrs.field(default=None, hash=False)
    limits: str = "checked"
    actor: str | None = None
    statute: str | None = None
    flags: tuple[Flag, ...] = ()
    resolved_by: str | None = None
    asked: Hours | None = None
    started_at: time | None = None
    ended_at: time | None = None
    amendments: tuple[Amendment, ...] = attrs.field(default=(), hash=False)
    across: Across | None = None
    repeated: bool = attrs.field(default=False, eq=False)


@attrs.frozen(kw_only=True)
class ClockRestart:
    """The result of `restart_clock`: the record from which on the clock of today counts.

    `recorded_at` is its instant, aware, in UTC, and `today` its day in the bank's time zone. What
    was recorded before with a later instant or day counts as recorded then. `ended` are the ids
    of the holds that were to expire some day: they have expired.

    >>> from datetime import UTC, date, datetime
    >>> import timebank
    >>> now = [datetime(2099, 1, 1, tzinfo=UTC)]  # a clock without a battery
    >>> bank = timebank.open("memory:", clock=lambda: now[0])
    >>> _ = bank.open_account("m1")
    >>> now[0] = datetime(2026, 3, 2, tzinfo=UTC)
    >>> bank.restart_clock(today=date(2026, 3, 2), reason="its battery was empty").sequence
    2
    """

    sequence: int
    recorded_at: datetime
    today: date
    ended: tuple[str, ...] = ()

    @property
    def id(self) -> int:
        """The sequence of the record."""
        return self.sequence


@attrs.frozen(kw_only=True)
class DeclaredLoss:
    """The result of `accept_history`: the record by which a loss is known to all.

    `lost` is the head that the journal has no more. `recorded_at` is the instant of the record,
    aware, in UTC. `repeated` is true where the call recorded nothing, for this head was named
    before; it is not compared.

    >>> import timebank
    >>> bank = timebank.open("memory:")
    >>> told = timebank.Head(bank.head().journal, 7, bytes(32))  # somebody wrote it down
    >>> loss = bank.accept_history(head=told, reason="the server of before was lost")
    >>> loss.sequence, loss.lost.sequence
    (1, 7)
    """

    sequence: int
    recorded_at: datetime
    lost: Head
    repeated: bool = attrs.field(default=False, eq=False)

    @property
    def id(self) -> int:
        """The sequence of the record."""
        return self.sequence


@attrs.frozen
class Erasure:
    """The result of `erase`, which destroys the texts of an account or of one record.

    `texts` is the number of texts destroyed; `records` are the sequences of the records of the
    erasure, none if there was nothing to destroy. `remains` says in words where copies may
    still be read, as far as the storage knows; it is empty if there are none.

    >>> import timebank
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1", name="Maria R.")
    >>> bank.erase("m1", reason="she left").remains
    ()
    """

    account: str | None
    record: int | None
    texts: int
    records: tuple[int, ...]
    remains: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """True if no copy is known to remain."""
        return not self.remains
