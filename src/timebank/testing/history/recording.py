"""A bank whose calls are written to the log: what was asked, and what the caller was told.

| `do` | `ask` | `result` |
| --- | --- | --- |
| `transfer` | `id`, `postings` | `id`, `sequence`, `recorded_at`, `postings`, `repeated` |
| `reverse` | `id`, `transfer` | the same |
| `hold` | `id`, `postings`, `expires_in` as text | the same |
| `settle` | `id`, `hold`, `hours` | the same |
| `void` | `id`, `hold` | `hold`, `status`, `resolved_by`, `repeated` |
| `batch` | `calls`, each with `do` and `ask` | `results`, each as above |
| `head` | | `head` |
| `find` | `id` of a transfer | `found`: as of a transfer, or `null` |
| `find_hold` | `id` | `found`: `sequence`, `recorded_at`, `status`, `resolved_by`, or `null` |
| `read` | `after`, a sequence | `head`, `balances`, `reserved`; pages of sequence, digest and id |
| `journal` | `after` | the same; pages of whole records, as objects |

A `read` and a `journal` are each one snapshot: the records that came after a sequence, and where
each account stands, `reserved` being what unresolved holds keep: to be spent, to be earned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from timebank.bank import TimeBank
from timebank.errors import (
    BankNotFound,
    HistoryLost,
    HoldNotFound,
    LimitExceeded,
    NotFound,
    NotPermitted,
    OutcomeUnknown,
    Rejected,
    TimebankError,
    TransferNotFound,
    is_refusal,
)
from timebank.hours import Hours
from timebank.journal import parse
from timebank.model import Head, Hold, HoldRow, RecordRow, Transfer, microseconds
from timebank.storage.protocol import Reader
from timebank.testing.history.log import Recorder

T = TypeVar("T")

#: How many records are read at once, and stand in one line of the log.
PAGE: Final = 500


class RecordedBank:
    """A bank, and the log of one process in which its calls are written. Errors come out as ever.

    `node` is a name for where it is read and written, if there are several; a `replica` may be
    behind: what it does not know yet is not held against it.

    >>> import tempfile
    >>> from pathlib import Path
    >>> import timebank
    >>> from timebank.testing.history import RecordedBank, Recorder, read_log
    >>> path = Path(tempfile.mkdtemp()) / "w1.jsonl"
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1"), bank.open_account("m2")
    >>> with Recorder(path) as log:
    ...     recorded = RecordedBank(bank, log)
    ...     recorded.begin()
    ...     _ = recorded.transfer(id="t1", earner="m1", spender="m2", hours="0:10")
    >>> [(call.do, call.outcome, call.result["sequence"]) for call in read_log(path).calls]
    [('transfer', 'ok', 3)]
    """

    def __init__(
        self, bank: TimeBank, log: Recorder, *, node: str | None = None, replica: bool = False
    ) -> None:
        self.bank = bank
        self.log = log
        self.node = node
        self.replica = replica

    def begin(self) -> None:
        """Write that the bank is ready: what is recorded by now is not asked who wrote it.

        :raises TimebankError: as reading the bank does.
        """
        floors = {}
        for account in self.bank.accounts():
            floor = self.bank.balance(account.id).floor
            if floor is not None:
                floors[account.id] = floor.seconds
        self.log.note("begin", bank=self.bank.name, head=_head(self.bank.head()), floors=floors)

    # -- writing -------------------------------------------------------------------

    def transfer(self, *, id: str, earner: Any, spender: Any, hours: Any = None) -> Transfer:
        """Transfer, as `TimeBank.transfer` does.

        :raises TimebankError: as there.
        """
        ask = {"id": id, "postings": _sides(earner, spender, hours)}
        act = self.bank.transfer
        return self._write(
            "transfer", ask, lambda: act(id=id, earner=earner, spender=spender, hours=hours)
        )

    def reverse(self, transfer_id: str, *, id: str, reason: str = "a test") -> Transfer:
        """Reverse a transfer, as `TimeBank.reverse` does.

        :raises TimebankError: as there.
        """
        ask = {"id": id, "transfer": transfer_id}
        return self._write(
            "reverse", ask, lambda: self.bank.reverse(transfer_id, id=id, reason=reason)
        )

    def hold(
        self,
        *,
        id: str,
        earner: Any,
        spender: Any,
        hours: Any = None,
        expires_in: Any = None,
    ) -> Hold:
        """Reserve hours, as `TimeBank.hold` does.

        :raises TimebankError: as there.
        """
        ask = {
            "id": id,
            "postings": _sides(earner, spender, hours),
            "expires_in": None if expires_in is None else str(expires_in),
        }
        act = self.bank.hold
        return self._write(
            "hold",
            ask,
            lambda: act(id=id, earner=earner, spender=spender, hours=hours, expires_in=expires_in),
        )

    def settle(self, hold_id: str, *, id: str, hours: Any = None) -> Transfer:
        """Settle a hold, as `TimeBank.settle` does.

        :raises TimebankError: as there.
        """
        ask = {"id": id, "hold": hold_id, "hours": None if hours is None else Hours(hours).seconds}
        return self._write("settle", ask, lambda: self.bank.settle(hold_id, id=id, hours=hours))

    def void(self, hold_id: str, *, id: str) -> Hold:
        """Void a hold, as `TimeBank.void` does.

        :raises TimebankError: as there.
        """
        ask = {"id": id, "hold": hold_id}
        return self._write("void", ask, lambda: self.bank.void(hold_id, id=id), _told_void)

    def batch(self, calls: Sequence[Mapping[str, Any]]) -> list[Transfer]:
        """Make several transfers in one batch: all of them, or none, though one is refused.

        :raises TimebankError: as `TimeBank.batch`, and as a transfer in it.
        """
        asks = [
            {
                "do": "transfer",
                "ask": {
                    "id": call["id"],
                    "postings": _sides(call["earner"], call["spender"], call.get("hours")),
                },
            }
            for call in calls
        ]

        def act() -> list[Transfer]:
            with self.bank.batch() as batch:
                return [batch.transfer(**call) for call in calls]

        def told(made: list[Transfer]) -> dict[str, Any]:
            return {"results": [_told(one) for one in made]}

        return self._write("batch", {"calls": asks}, act, told)

    # -- reading -------------------------------------------------------------------

    def head(self) -> Head:
        """Return the head, as `TimeBank.head` does.

        :raises TimebankError: as there.
        """
        return self._write("head", {}, self.bank.head, lambda head: {"head": _head(head)})

    def find(self, id: str) -> Transfer | None:
        """Return a transfer, or `None` where there is none of this id.

        :raises TimebankError: as reading the bank does.
        """

        def act() -> Transfer | None:
            try:
                return self.bank.transfer_by_id(id)
            except TransferNotFound:
                return None

        def told(found: Transfer | None) -> dict[str, Any]:
            return {"found": None if found is None else _told(found)}

        return self._write("find", {"id": id}, act, told)

    def find_hold(self, id: str) -> Hold | None:
        """Return a hold, or `None` where there is none of this id.

        :raises TimebankError: as reading the bank does.
        """

        def act() -> Hold | None:
            try:
                return self.bank.hold_by_id(id)
            except HoldNotFound:
                return None

        return self._write("find_hold", {"id": id}, act, _told_hold)

    def read(self, *, after: int = 0) -> int:
        """Read the records after a sequence and all balances, in one snapshot; return its head.

        :raises TimebankError: as reading the bank does.
        """
        return self._snapshot("read", after, lambda row: [row.sequence, row.digest.hex(), row.id])

    def journal(self, *, after: int = 0) -> int:
        """Read the same, with the whole of each record: what a checker holds for the truth.

        :raises TimebankError: as reading the bank does.
        """
        return self._snapshot("journal", after, _whole)

    def _snapshot(self, do: str, after: int, entry: Callable[[RecordRow], object]) -> int:
        def act() -> dict[str, Any]:
            with self.bank.store.reader(self.bank.name) as reader:
                head = reader.head()
                at = after
                while page := reader.records(after=at, limit=PAGE):
                    self.log.note("page", call=call, records=[entry(row) for row in page])
                    at = page[-1].sequence
                return {
                    "head": _head(head),
                    "balances": _balances(reader),
                    "reserved": _reserved(reader),
                }

        call = self._begin(do, {"after": after})
        sequence: int = self._end(call, act, lambda result: result)["head"][0]
        return sequence

    # -- the log -------------------------------------------------------------------

    def _begin(self, do: str, ask: Mapping[str, object]) -> int:
        return self.log.invoke(
            do, bank=self.bank.name, ask=ask, node=self.node, replica=self.replica
        )

    def _write(
        self,
        do: str,
        ask: Mapping[str, object],
        act: Callable[[], T],
        told: Callable[[Any], dict[str, Any]] | None = None,
    ) -> T:
        return self._end(self._begin(do, ask), act, _told if told is None else told)

    def _end(self, call: int, act: Callable[[], T], told: Callable[[Any], dict[str, Any]]) -> T:
        """Act, write how it ended, and return or raise what came out.

        :raises TimebankError: what the call raises.
        """
        try:
            result = act()
        except Exception as error:
            what, facts = outcome_of(error)
            self.log.note(what, call=call, **facts)
            raise
        self.log.note("ok", call=call, result=told(result))
        return result


def outcome_of(error: Exception) -> tuple[str, dict[str, Any]]:
    """Return how a call ended that raised an error, as `what` and the facts of its line.

    >>> from timebank.errors import StoreBusy
    >>> from timebank.testing.history.recording import outcome_of
    >>> outcome_of(StoreBusy("another one writes"))
    ('fail', {'error': 'StoreBusy', 'says': 'another one writes'})
    """
    facts: dict[str, Any] = {"error": type(error).__name__, "says": str(error)[:300]}
    if error.__cause__ is not None:
        facts["cause"] = f"{type(error.__cause__).__name__}: {error.__cause__}"[:200]
    if isinstance(error, OutcomeUnknown):
        return "unknown", {**facts, "ids": list(error.ids)}
    if not isinstance(error, TimebankError):
        return "broken", facts
    if is_refusal(error):
        return "refused", {**facts, **_refusal(error)}
    if isinstance(error, HistoryLost):
        facts |= {"lost": _head(error.head), "found": _head(error.found)}
    return "fail", facts


def _refusal(error: TimebankError) -> dict[str, Any]:
    """Return what a refusal says; a rule judges after the bank has looked for the call's id."""
    judged = isinstance(error, Rejected | NotFound)
    facts: dict[str, Any] = {
        "judged": judged and not isinstance(error, BankNotFound | NotPermitted)
    }
    if isinstance(error, LimitExceeded) and error.available is not None:
        facts |= {
            "account": error.account,
            "rule": error.rule,
            "available": error.available.seconds,
        }
    return facts


def _head(head: Head) -> list[object]:
    return [head.sequence, head.digest.hex()]


def _sides(earner: Any, spender: Any, hours: Any) -> dict[str, int]:
    """Return what each account is to earn, negative where it is to spend."""
    found: dict[str, int] = {}
    for side, sign in ((earner, 1), (spender, -1)):
        shares = {side: hours} if isinstance(side, str) else side
        for account, share in shares.items():
            found[account] = found.get(account, 0) + sign * Hours(share).seconds
    return found


def _postings(made: Transfer | Hold) -> dict[str, int]:
    found: dict[str, int] = {}
    for posting in made.postings:
        found[posting.account] = found.get(posting.account, 0) + posting.hours.seconds
    return found


def _told(made: Transfer | Hold) -> dict[str, Any]:
    return {
        "id": made.id,
        "sequence": made.sequence,
        "recorded_at": microseconds(made.recorded_at),
        "postings": _postings(made),
        "repeated": made.repeated,
    }


def _told_void(hold: Hold) -> dict[str, Any]:
    return {
        "hold": hold.id,
        "status": hold.status,
        "resolved_by": hold.resolved_by,
        "repeated": hold.repeated,
    }


def _told_hold(hold: Hold | None) -> dict[str, Any]:
    if hold is None:
        return {"found": None}
    found = {
        "sequence": hold.sequence,
        "recorded_at": microseconds(hold.recorded_at),
        "status": hold.status,
        "resolved_by": hold.resolved_by,
    }
    return {"found": found}


def _whole(row: RecordRow) -> dict[str, Any]:
    """Return what a checker asks of a record, from its bytes."""
    body = parse(row.body)
    effects = body["effects"]
    found: dict[str, Any] = {
        "sequence": row.sequence,
        "digest": row.digest.hex(),
        "kind": row.kind,
        "id": body["request"].get("id"),  # that of the column is the store's
        "recorded_at": body["recorded_at"],
    }
    for name in ("postings", "lines", "reserves", "resolves", "ends", "expires_at", "lost"):
        if name in effects:
            found[name] = effects[name]
    return found


def _balances(reader: Reader) -> dict[str, int]:
    found: dict[str, int] = {}
    after: str | None = None
    while page := reader.accounts(after=after, limit=PAGE):
        for row in page:
            posting = reader.last_posting(row.account)
            found[row.account] = 0 if posting is None else posting.balance
        after = page[-1].account
    return found


def _reserved(reader: Reader) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    after: tuple[int, str] = (0, "")
    while page := reader.holds(after=after, limit=PAGE):
        for row in page:
            _reserve(found, row)
        after = (page[-1].sequence, page[-1].account)
    return found


def _reserve(found: dict[str, list[int]], row: HoldRow) -> None:
    both = found.setdefault(row.account, [0, 0])
    both[0] += row.held
    both[1] += row.incoming
