"""Check that the effects of each record can be executed, and are those of its request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Any, ClassVar, Final

from timebank.audit.accounts import (
    ACCOUNT_RECORDS,
    DELEGATE_RECORDS,
    HISTORY_RECORDS,
    AccountHistories,
    account_differences,
    delegate_differences,
)
from timebank.audit.base import AuditCheck, AuditContext, AuditedRecord, Difference, State
from timebank.audit.corrections import (
    amend_account_differences,
    amend_differences,
    close_differences,
    closed_day_differences,
    heir,
    is_amendment_of,
    merge_differences,
)
from timebank.audit.crossings import (
    AGREEMENT_RECORDS,
    FLAGS,
    agreement_differences,
    answered_differences,
    settled_day,
)
from timebank.audit.derived import last_by_account
from timebank.audit.dues import DueRecords
from timebank.audit.exchanges import (
    Lines,
    day_differences,
    exchange_differences,
    is_as_asked,
    settlement_differences,
    without_fee,
)
from timebank.audit.findings import ASK, Check, quantity
from timebank.audit.holds import find_hold
from timebank.audit.limits import limit_named
from timebank.audit.losses import loss_differences
from timebank.audit.order import flag_differences, order_differences
from timebank.audit.plain_runs import PlainRun
from timebank.errors import Corrupt, shown
from timebank.journal.fold import imbalance
from timebank.model import MAX_INTEGER, NEVER, AccountRow, Flag, HoldRow, RecordRow
from timebank.model.said import Said, said, who
from timebank.statute import DEFAULT

#: Kind → the statuses from which it leads elsewhere.
_BEFORE: Final = {
    "set_limits": ("open", "frozen"),
    "freeze": ("open",),
    "thaw": ("frozen",),
    "close_account": ("open", "frozen"),
    "reopen": ("closed",),
    "rename": ("open", "frozen", "closed", "agreed"),
}


#: Accounts whose proof is written at once.
_PROVED_AT_ONCE: Final = 200


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
        self._histories = AccountHistories(context.statutes, context.reader)
        self._dues = DueRecords(context, self._histories)
        #: Kind → where its effects are not what was asked.
        self._differences: dict[str, Callable[[AuditedRecord], Iterator[Difference]]] = {
            **dict.fromkeys(ACCOUNT_RECORDS, account_differences),
            **dict.fromkeys(_BEFORE, self._account),
            **dict.fromkeys(DELEGATE_RECORDS, delegate_differences),
            "transfer": self._exchange,
            "hold": self._exchange,
            "settle": self._settlement,
            "void": self._void,
            "reverse": self._reversal,
            "due": self._dues.differences,
            "erase": self._erasure,
            "restart_clock": self._restart,
            "amend": partial(amend_differences, context),
            "amend_account": partial(amend_account_differences, context),
            "close_books": partial(close_differences, context),
            "merge": partial(merge_differences, context, self._histories),
            "history_lost": partial(loss_differences, context),
            **dict.fromkeys(AGREEMENT_RECORDS, partial(agreement_differences, context)),
        }

    def record(self, record: AuditedRecord) -> None:
        """Check one record, and execute it."""
        kind, effects = record.kind, record.effects
        if total := imbalance(effects):
            self._tell(record, said("postings_that_sum_to_0_00"), quantity(total), name="zero-sum")
        if kind in self._differences:
            for expected, found in self._differences[kind](record):
                self._tell(record, expected, found)
        try:
            derived = record.derived = self._fold.apply(record.sequence, kind, effects)
        except Corrupt as error:
            self._tell(record, said("effects_that_can_be_executed"), str(error))
            return
        if self._dues.months and derived.postings:
            self._dues.count(derived.postings)
        if kind in HISTORY_RECORDS:
            self._tell_all(record, self._histories.refusals(record))
            self._histories.record(record)
        if derived.holds:
            now = record.content["recorded_at"]
            self._tell_all(record, self._reserved(derived.holds, now))
        if "flags" in effects:
            checked = "limits" not in record.request
            self._tell_all(record, flag_differences(effects["flags"], checked=checked))
            for flag in effects["flags"]:
                self.context.findings.note(said("record", sequence=record.sequence), _flag(flag))

    def is_sure(self, run: PlainRun) -> bool:
        """Look at each day, kind and quantity of a run once; it posts what was asked, and can be.

        Two lines, in the order asked, are what they must be under every statute that neither
        rounds, nor takes a fee, nor flags them.
        """
        return all(day == (asked or on) for day, asked, on in run.days) and is_as_asked(
            self._statutes.current, run
        )

    def take(self, run: PlainRun) -> None:
        """Stand where the accounts stand behind a run."""
        balances, months = self._fold.balances, self._dues.months
        for account, posted in run.moved.items():
            balances[account] = (posted.version[-1], posted.balance[-1])
            if account in months:
                self._dues.count(posted.rows(account))

    def tell_erasure(self, sequence: int, expected: str, found: str) -> None:
        """Tell that an erasure is of other texts: `Texts` finds so at the end of a page."""
        self.tell("effects", said("record", sequence=sequence), expected=expected, found=found)

    def _tell_all(self, record: AuditedRecord, differences: Iterator[Difference]) -> None:
        for expected, found in differences:
            self._tell(record, expected, found)

    def _tell(
        self, record: AuditedRecord, expected: str, found: str, name: str = "effects"
    ) -> None:
        self.tell(name, said("record", sequence=record.sequence), expected=expected, found=found)

    # -- what was asked, by kind -----------------------------------------------------------

    def _account(self, record: AuditedRecord) -> Iterator[Difference]:
        """Compare a record on an account with what was asked, and with where the account is."""
        yield from account_differences(record)
        before = self._fold.accounts.get(record.effects["account"])
        allowed = _BEFORE[record.kind]
        if before is not None and before.status not in allowed:
            yield (
                said("an_account_that_is", allowed=" or ".join(allowed)),
                said("it_was", status=before.status),
            )
        if before is not None and before.merged_into is not None:
            yield (
                said("an_account_that_was_not_merged"),
                said("it_was_into", merged_into=who(before.merged_into)),
            )
        if before is not None and record.kind == "set_limits":
            kept = {"floor": before.floor, "ceiling": before.ceiling}
            for field in sorted(kept.keys() - record.request.keys()):
                if record.effects["sets"].get(field) != kept[field]:
                    found = shown(record.effects["sets"].get(field))
                    yield said("as_it_was", field=field, value=shown(kept[field])), found
        if record.kind == "close_account":
            current = self._statutes.current
            if record.effects["account"] in current.funds:
                yield (
                    said("no_fund_of_statute", version=shown(current.version)),
                    said("one_of_them"),
                )

    def _erasure(self, record: AuditedRecord) -> Iterator[Difference]:
        """Yield what an erasure may not be of: an account, a record, or texts of another one."""
        request, sequence = record.request, record.sequence
        if len(request.keys() & {"account", "record"}) != 1:
            yield said("request_with_an_account_or_a_record"), ", ".join(map(shown, request))
        if "account" in request:
            row = self._fold.accounts.get(request["account"])
            if row is None or row.merged_into is not None:
                yield said("an_account_that_was_opened_and_not_merged"), shown(request["account"])
        if (of := request.get("record")) is None:
            return
        for text, _ in record.effects["texts"]:
            if text != of and not is_amendment_of(self.context, text, of, before=sequence):
                yield (
                    said("texts_of_record_or_amendment", sequence=of),
                    said("one_of_record", sequence=text),
                )

    def _reserved(self, rows: Sequence[HoldRow], now: int) -> Iterator[Difference]:
        """Yield where the open holds of an account are more than can be summed."""
        for account in [row.account for row in rows]:
            held = [row for row in self._fold.holds[account].values() if row.expires_at > now]
            most = max(sum(row.held for row in held), sum(row.incoming for row in held))
            if most > MAX_INTEGER:
                yield (
                    said("at_most_that_holds_reserve", account=who(account)),
                    shown(most),
                )

    def _exchange(self, record: AuditedRecord) -> Iterator[Difference]:
        record.via = record.request.get("via")
        found = exchange_differences(self._statutes.current, record)
        if self._statutes.current is not DEFAULT:  # else they are as asked, one by one
            found = chain(found, self._sides(record))
        if record.kind == "hold":
            return chain(_expiry(record), found)
        of = record.effects["occurred_on"]
        expected = record.request.get("occurred_on", record.content["recorded_on"])
        if "answer" in record.request:
            on, closed = record.content["recorded_on"], self._fold.closed_through
            expected = settled_day(expected, on, closed)
        if of != expected:
            found = chain([(said("occurred_on", day=shown(expected)), shown(of))], found)
        return found

    def _sides(self, record: AuditedRecord) -> Iterator[Difference]:
        """Yield lines in another order than was asked, and who was left out and is not open."""
        request, effects = record.request, record.effects
        lines: Lines = effects["postings" if record.kind == "transfer" else "lines"]
        fee: Lines = effects.get("fee", [])
        own = without_fee(lines, fee)
        asked = request["earners"] + [
            [account, -seconds] for account, seconds in request["spenders"]
        ]
        yield from order_differences(asked, own, fee)
        if len(own) < len(asked):
            for account, _ in asked:
                row = self._fold.accounts.get(account)
                if row is None or row.status not in ("open", "agreed"):
                    found = said("missing") if row is None else row.status
                    yield said("that_is_open", account=who(account)), found

    def _settlement(self, record: AuditedRecord) -> Iterator[Difference]:
        record.hold = find_hold(self.context, record)
        if not record.hold.problem:
            via = record.hold.content["request"].get("via")
            record.via = None if via is None else heir(self._fold, via)
            if "answer" in record.request:
                closed = self._fold.closed_through
                yield from answered_differences(record, record.hold.content, closed)
                return
            yield from settlement_differences(
                self._statutes, record, record.hold.content, self._fold.closed_through
            )
            held, fee = record.hold.content["effects"], record.effects.get("fee", [])
            asked = without_fee(held["lines"], held.get("fee", []))
            yield from order_differences(asked, without_fee(record.effects["postings"], fee), fee)

    def _void(self, record: AuditedRecord) -> Iterator[Difference]:
        record.hold = find_hold(self.context, record)
        return iter(())

    def _reversal(self, record: AuditedRecord) -> Iterator[Difference]:
        request, effects = record.request, record.effects
        own = without_fee(effects["postings"], effects.get("fee", []))
        moved = sum(seconds for _, seconds in own if seconds > 0)
        if request.get("hours", moved) != moved:
            yield said("seconds_reversed", seconds=request["hours"]), said("seconds", seconds=moved)
        yield from day_differences(record)

    def _restart(self, record: AuditedRecord) -> Iterator[Difference]:
        """Yield where it leaves holds that an earlier instant would open again, or books closed."""
        yield from closed_day_differences(self._fold, record)
        now, found = record.content["recorded_at"], record.effects.get("ends", [])
        expected = sorted(
            {
                hold
                for rows in self._fold.holds.values()
                for hold, row in rows.items()
                if now < row.expires_at < NEVER
            }
        )
        if found != expected:
            yield said("the_holds_ended", holds=shown(expected)), shown(found)

    # -- checkpoints and stretches -----------------------------------------------------------

    def state(self) -> State:
        """Return of each account what it is and where it stands; and of closed books.

        Open holds and sums by month are there only where there are some.
        """
        accounts: dict[str, dict[str, Any]] = {}
        for id, row in self._fold.accounts.items():
            if row is None:
                continue
            known = accounts[id] = {
                "row": list(row),
                "balance": list(self._fold.balances.get(id, (0, 0))),
                "history": self._histories.to_json(id),
            }
            if holds := self._fold.holds.get(id):
                known["holds"] = [list(hold) for hold in holds.values()]
            if id in self._dues.months:
                known["months"] = self._dues.months[id]
        return {"accounts": accounts, "closed_through": self._fold.closed_through}

    def restore(self, state: State) -> None:
        """Restore where accounts stood."""
        fold = self._fold
        fold.closed_through = state["closed_through"]
        for id, known in state["accounts"].items():
            fold.accounts[id] = AccountRow(*known["row"])
            version, balance = known["balance"]
            fold.balances[id] = (version, balance)
            for hold in known.get("holds", ()):
                fold.keep(HoldRow(*hold))
            if known["history"] is not None:
                self._histories.restore(id, known["history"])
            if "months" in known:
                self._dues.months[id] = dict(known["months"])

    def assume(self, record: AuditedRecord) -> None:
        """Execute a record and note it, unchecked."""
        record.derived = self._fold.apply(record.sequence, record.kind, record.effects)
        self._histories.record(record)

    def assume_balances(self, last: RecordRow) -> None:
        """Take the balances from the stored postings, and read sums by month anew."""
        self._dues.months.clear()
        reader, balances = self.context.reader, self._fold.balances
        known = last_by_account(reader, through=last.sequence)
        for account in self._fold.accounts:
            if known is not None:
                balances[account] = known.get(account, (0, 0))
            else:
                posting = reader.last_posting(account, through=last.sequence)
                balances[account] = (posting.version, posting.balance) if posting else (0, 0)

    def proof(self) -> Iterable[Any]:
        """Yield where accounts stand, some at a time, without the sums by month.

        Those are kept so that less is read.
        """
        fold = self._fold
        yield fold.closed_through
        rows = sorted((id, row) for id, row in fold.accounts.items() if row is not None)
        for first in range(0, len(rows), _PROVED_AT_ONCE):
            yield [
                (
                    row,
                    fold.balances.get(id, (0, 0)),
                    list(fold.holds.get(id, {}).values()),
                    self._histories.to_json(id),
                )
                for id, row in rows[first : first + _PROVED_AT_ONCE]
            ]


def _flag(flag: dict[str, Any]) -> Said:
    """Return a flag in words."""
    if flag["rule"] in FLAGS:
        return said(FLAGS[flag["rule"]])
    told = Flag.of(flag)
    if told.rule == "largest exchange":
        return said("flag_size", needed=told.needed, limit=told.limit)
    if told.rule == "days to record":
        return said("flag_days", days=told.days, day=told.occurred_on)
    rule = limit_named(told.rule)
    account, left = repr(told.account), told.available
    return said(
        "flag_limit", account=account, needed=told.needed, rule=rule, limit=told.limit, left=left
    )


def _expiry(record: AuditedRecord) -> Iterator[Difference]:
    """Yield where a hold ends at another instant than was asked."""
    asked, ends = record.request.get("expires_in"), record.effects.get("expires_at")
    due = None if asked is None else record.content["recorded_at"] + asked
    if ends != due:
        yield said("expires_at", instant=shown(due)), shown(ends)
