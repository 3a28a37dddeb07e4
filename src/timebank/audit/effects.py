"""Check that the effects of each record can be executed, and are those of its request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, ClassVar, Final

from timebank.audit.accounts import (
    ACCOUNT_RECORDS,
    DELEGATE_RECORDS,
    HISTORY_RECORDS,
    AccountHistories,
    AccountHistory,
    account_differences,
    delegate_differences,
)
from timebank.audit.base import AuditCheck, AuditContext, AuditedRecord, Difference, State
from timebank.audit.dues import DueRecords
from timebank.audit.exchanges import (
    day_differences,
    exchange_differences,
    settlement_differences,
    without_fee,
)
from timebank.audit.findings import ASK, Check, quantity
from timebank.audit.holds import find_hold
from timebank.audit.record_forms import is_ascending
from timebank.errors import Corrupt, shown
from timebank.journal.fold import imbalance
from timebank.model import AccountRow, Flag, HoldRow, RecordRow


class Effects(AuditCheck):
    """Compares the effects of each record with its request, then executes them."""

    key: ClassVar = "effects"
    promises: ClassVar = (
        Check("zero-sum", "The postings of every transfer sum to zero.", ASK),
        Check(
            "effects",
            "The effects of every record can be executed, and are those of what was asked, under "
            "the statute that judged it.",
            ASK,
        ),
    )

    def __init__(self, context: AuditContext) -> None:
        super().__init__(context)
        self._fold, self._statutes = context.fold, context.statutes
        self._histories = AccountHistories(context.statutes)
        self._dues = DueRecords(context, self._histories)
        #: Kind → where its effects are not what was asked.
        self._differences: dict[str, Callable[[AuditedRecord], Iterator[Difference]]] = {
            **dict.fromkeys(ACCOUNT_RECORDS, account_differences),
            **dict.fromkeys(DELEGATE_RECORDS, delegate_differences),
            "transfer": self._exchange,
            "hold": self._exchange,
            "settle": self._settlement,
            "void": self._void,
            "reverse": self._reversal,
            "due": self._dues.differences,
        }

    def record(self, record: AuditedRecord) -> None:
        """Check one record, and execute it."""
        kind, effects = record.kind, record.effects
        if total := imbalance(effects):
            self._tell(record, "postings that sum to 0:00", quantity(total), name="zero-sum")
        if kind in self._differences:
            for expected, found in self._differences[kind](record):
                self._tell(record, expected, found)
        try:
            derived = record.derived = self._fold.apply(record.sequence, kind, effects)
        except Corrupt as error:
            self._tell(record, "effects that can be executed", str(error))
            return
        if self._dues.months and derived.postings:
            self._dues.count(derived.postings)
        if kind in HISTORY_RECORDS:
            for expected, found in self._histories.refusals(record):
                self._tell(record, expected, found)
            self._histories.record(record)
        if "flags" in effects:
            for expected, found in _flags(record):
                self._tell(record, expected, found)
            for flag in effects["flags"]:
                self.context.findings.note(f"record {record.sequence}", str(Flag.of(flag)))

    def tell_erasure(self, sequence: int, expected: str, found: str) -> None:
        """Tell that an erasure is of other texts: `Texts` finds so at the end of a page."""
        self.tell("effects", f"record {sequence}", expected=expected, found=found)

    def _tell(
        self, record: AuditedRecord, expected: str, found: str, name: str = "effects"
    ) -> None:
        self.tell(name, f"record {record.sequence}", expected=expected, found=found)

    # -- what was asked, by kind -----------------------------------------------------------

    def _exchange(self, record: AuditedRecord) -> Iterator[Difference]:
        record.via = record.request.get("via")
        found = exchange_differences(self._statutes.current, record)
        if record.kind == "hold":
            return chain(_expiry(record), found)
        if "occurred_on" in record.request:
            return chain(day_differences(record), found)
        return found

    def _settlement(self, record: AuditedRecord) -> Iterator[Difference]:
        record.hold = find_hold(self.context, record)
        if not record.hold.problem:
            record.via = record.hold.content["request"].get("via")
            yield from settlement_differences(self._statutes, record, record.hold.content)

    def _void(self, record: AuditedRecord) -> Iterator[Difference]:
        record.hold = find_hold(self.context, record)
        return iter(())

    def _reversal(self, record: AuditedRecord) -> Iterator[Difference]:
        request, effects = record.request, record.effects
        own = without_fee(effects["postings"], effects.get("fee", []))
        moved = sum(seconds for _, seconds in own if seconds > 0)
        if request.get("hours", moved) != moved:
            yield f"{request['hours']} seconds reversed", f"{moved} seconds"
        yield from day_differences(record)

    # -- checkpoints and stretches -----------------------------------------------------------

    def state(self) -> State:
        """Return of each account its row, balance, open holds and history."""
        accounts = {}
        for id, row in self._fold.accounts.items():
            if row is None:
                continue
            history = self._histories.get(id)
            accounts[id] = {
                "row": list(row),
                "balance": list(self._fold.balances.get(id, (0, 0))),
                "holds": [list(hold) for hold in self._fold.holds.get(id, {}).values()],
                "history": None if history is None else history.to_json(),
                "months": self._dues.months.get(id),
            }
        return {"accounts": accounts}

    def restore(self, state: State) -> None:
        """Restore where accounts stood."""
        fold = self._fold
        for id, known in state["accounts"].items():
            fold.accounts[id] = AccountRow(*known["row"])
            version, balance = known["balance"]
            fold.balances[id] = (version, balance)
            for hold in known["holds"]:
                fold.keep(HoldRow(*hold))
            if known["history"] is not None:
                self._histories.by_account[id] = AccountHistory.of_json(known["history"])
            if known["months"] is not None:
                self._dues.months[id] = dict(known["months"])

    def assume(self, record: AuditedRecord) -> None:
        """Execute a record and note it, unchecked."""
        record.derived = self._fold.apply(record.sequence, record.kind, record.effects)
        self._histories.record(record)

    def assume_balances(self, last: RecordRow) -> None:
        """Take the balances from the stored postings."""
        for account in self._fold.accounts:
            posting = self.context.reader.last_posting(account, through=last.sequence)
            stands = (0, 0) if posting is None else (posting.version, posting.balance)
            self._fold.balances[account] = stands

    @classmethod
    def comparable(cls, state: State) -> State:
        """Leave out the sums by month: they are kept so that less is read."""
        accounts: dict[str, dict[str, Any]] = state["accounts"]
        return {
            "accounts": {
                id: {name: value for name, value in known.items() if name != "months"}
                for id, known in accounts.items()
            }
        }


#: The order of a record's flags.
_RULES: Final = {"days to record": 0, "largest exchange": 1, "floor": 2, "ceiling": 3}


def _flags(record: AuditedRecord) -> Iterator[Difference]:
    """Yield flags in another order, twice, or of limits that were not checked."""
    flags = record.effects["flags"]
    places = [(_RULES.get(flag["rule"], 4), flag.get("account", "")) for flag in flags]
    if not is_ascending(places):
        yield "flags by rule and account, each once", shown(flags)
    if "limits" in record.request and flags:
        yield "no flag, for nothing was checked", shown(flags)


def _expiry(record: AuditedRecord) -> Iterator[Difference]:
    """Yield where a hold ends at another instant than was asked."""
    asked, ends = record.request.get("expires_in"), record.effects.get("expires_at")
    due = None if asked is None else record.content["recorded_at"] + asked
    if ends != due:
        yield f"expires_at {shown(due)}", shown(ends)
