"""Judge recorded exchanges by another statute, and report what it would have changed.

One pass over the journal. Each exchange is judged again by the rules for new ones, against the
balances, holds, kinds and days of joining that were known at its time. Exchanges that would have
been refused keep their effect on later balances. Differences are counted by account and rule, so
memory grows with the accounts and not with the exchanges.

What was imported with unchecked limits is judged where that is asked for, as if it had been
recorded on its own day: then nothing was recorded late, and months of membership are those of
that day.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Literal

import attrs

from timebank.errors import InvalidRequest, LimitExceeded, Rejected, WrongType, shown
from timebank.hours import Hours
from timebank.journal import parse
from timebank.journal.fold import Fold
from timebank.journal.kinds import sides_of
from timebank.model import AccountRow
from timebank.model.agreements import AGREED
from timebank.rules import Draft, State, holds, transfers
from timebank.rules.offers import paid_by
from timebank.rules.transfers import Exchange
from timebank.statute import Statute
from timebank.storage.protocol import Reader

PAGE: Final = 500
AnyExchange = Exchange[Any]
#: Called with the number of records done and the number of all.
Progress = Callable[[int, int], None]
Outcome = Literal["refused", "flagged", "charged", "rounded"]
OUTCOMES: Final[tuple[Outcome, ...]] = ("refused", "flagged", "charged", "rounded")
#: What is not judged.
Exemption = Literal["imports", "reversals", "settlements", "dues"]
EXEMPTIONS: Final[tuple[Exemption, ...]] = ("imports", "reversals", "settlements", "dues")
#: By the kind of the record; of exchanges, those whose limits were not checked.
_EXEMPT: Final[dict[str, Exemption]] = {
    "transfer": "imports",
    "hold": "imports",
    "reverse": "reversals",
    "settle": "settlements",
    "due": "dues",
}


@attrs.frozen
class ReplayLine:
    """The exchanges of one account that one rule would have changed.

    `exchanges` is their number. `hours` is the sum of what the account would not have moved
    ("refused"), moved ("flagged"), or would have paid ("charged") or moved ("rounded") in
    addition, negative if it is less. `first` and `last` are ids of exchanges.
    """

    account: str
    outcome: Outcome
    rule: str
    exchanges: int
    hours: Hours
    first: str
    last: str

    @property
    def id(self) -> str:
        """The account."""
        return self.account


@attrs.frozen
class Replay:
    """The result of judging the exchanges of a bank by another statute.

    `judged` is the number of exchanges, holds among them; `judged_imports` of them had been
    imported with unchecked limits. What is not judged is counted by what it is: `imports` with
    unchecked limits (where they were asked for, only opening balances, which are no exchanges),
    `reversals`, `settlements` and what a statute made due, `dues`; `exempt` is their sum. Of
    exchanges with other banks what was offered is judged, and not what an answer or a board ended.
    `refused`, `flagged`, `charged` and `rounded` count each exchange once, whatever the number of
    its accounts. `lines` are in the order of account, outcome and rule.

    >>> import timebank
    >>> from timebank import Band, Statute
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1"), bank.open_account("m2")
    >>> _ = bank.transfer(earner="m1", spender="m2", hours=5, id="visit")
    >>> strict = Statute(version="strict/1", limits={"member": Band(floor=-4)})
    >>> tried = bank.replay(strict)
    >>> tried.refused, [(line.account, line.rule, line.hours) for line in tried.lines]
    (1, [('m2', 'floor', Hours('5:00'))])
    """

    statute: str
    judged: int
    judged_imports: int
    imports: int
    reversals: int
    settlements: int
    dues: int
    refused: int
    flagged: int
    charged: int
    rounded: int
    lines: tuple[ReplayLine, ...]

    @property
    def id(self) -> str:
        """The version of the statute."""
        return self.statute

    @property
    def exempt(self) -> int:
        """The number of what was not judged."""
        return self.imports + self.reversals + self.settlements + self.dues

    @property
    def differs(self) -> bool:
        """True if the statute would have changed anything."""
        return bool(self.lines)


def replay(
    reader: Reader,
    statute: object,
    *,
    include_imports: bool = False,
    progress: Progress | None = None,
) -> Replay:
    """Judge the recorded exchanges by a statute, which need not be adopted.

    With `include_imports` also those that were imported with unchecked limits.

    If the account of its fee's fund did not exist or was not open, it is taken as open and
    without limits, so that a statute can be tried before its fund is opened.

    :raises WrongType: not a `Statute`.
    :raises Corrupt: the journal cannot be read, or executed.
    """
    if not isinstance(statute, Statute):
        msg = f"replay takes a Statute (of a file: Statute.from_json), not {shown(statute)}"
        raise WrongType(msg)
    history = _History(statute, include_imports=include_imports)
    after, total = 0, reader.head().sequence
    while page := reader.records(after=after, limit=PAGE):
        for row in page:
            history.add_record(row.sequence, parse(row.body))
        after = page[-1].sequence
        if progress is not None:
            progress(after, total)
    return history.replay()


@attrs.define
class _Tally:
    """The counts of one account, outcome and rule."""

    first: str
    last: str
    exchanges: int = 0
    seconds: int = 0


class _History:
    """The state of the bank at each record, and the counts so far."""

    def __init__(self, statute: Statute, *, include_imports: bool) -> None:
        self._statute = statute
        self._include_imports = include_imports
        self._fold = Fold()
        self._tallies: dict[tuple[str, Outcome, str], _Tally] = {}
        self._counts: dict[Outcome, int] = dict.fromkeys(OUTCOMES, 0)
        self._judged = self._judged_imports = 0
        self._exempt: dict[Exemption, int] = dict.fromkeys(EXEMPTIONS, 0)

    def add_record(self, sequence: int, record: dict[str, Any]) -> None:
        """Judge a record if it is an exchange, then apply it as it was recorded."""
        kind, effects = record["kind"], record["effects"]
        if kind in {"transfer", "hold"} and (exempt := _ends_or_reverses(record["request"])):
            self._exempt[exempt] += 1
        elif kind in {"transfer", "hold"} and "limits" not in record["request"]:
            self._judged += 1
            self._judge(record, record["recorded_on"])
        elif kind in {"transfer", "hold"} and self._include_imports and not self._opens(record):
            self._judged += 1
            self._judged_imports += 1
            self._judge(record, effects.get("occurred_on", record["recorded_on"]))
        elif kind in _EXEMPT:
            self._exempt[_EXEMPT[kind]] += 1
        self._fold.apply(sequence, kind, effects)

    def replay(self) -> Replay:
        """Return the counts."""
        lines = [
            ReplayLine(
                account=account,
                outcome=outcome,
                rule=rule,
                exchanges=tally.exchanges,
                hours=Hours.from_seconds(tally.seconds),
                first=tally.first,
                last=tally.last,
            )
            for (account, outcome, rule), tally in self._tallies.items()
        ]
        lines.sort(key=lambda line: (line.account, OUTCOMES.index(line.outcome), line.rule))
        return Replay(
            statute=self._statute.version,
            judged=self._judged,
            judged_imports=self._judged_imports,
            lines=tuple(lines),
            **self._exempt,
            **self._counts,
        )

    def _opens(self, record: dict[str, Any]) -> bool:
        """Return whether hours are issued: opening balances are no exchange between members."""
        request = record["request"]
        ids = [id for id, _ in request["earners"] + request["spenders"]]
        rows = map(self._fold.accounts.get, ids)
        return any(row is not None and row.kind == "issuance" for row in rows)

    def _judge(self, record: dict[str, Any], today: str) -> None:
        now = record["recorded_at"]
        request: Any = {key: value for key, value in record["request"].items() if key != "limits"}
        ids = [id for id, _ in request["earners"] + request["spenders"]]
        ids += [request["via"]] if "via" in request else []
        command: AnyExchange = Exchange(request, {}, tuple(ids), request["id"])
        judge = transfers.judge_sides if record["kind"] == "transfer" else holds.judge_sides
        state = self._state(today)
        if "offer" in request:
            _let_cross(state, command, record["kind"])
        try:
            draft = judge(state, command, command.earners, command.spenders, now)
        except (Rejected, InvalidRequest) as refusal:
            self._refused(command, refusal)
        else:
            self._compare(command, record["effects"], draft)

    def _state(self, today: str) -> State:
        """Return the current state, with the fund that the statute's fee needs."""
        fold = self._fold
        accounts: Mapping[str, AccountRow | None] = fold.accounts
        balances: Mapping[str, tuple[int, int]] = fold.balances
        if self._statute.fee is not None:
            fund = self._statute.fee.fund
            row = accounts.get(fund)
            if row is None or row.status != "open":
                there = AccountRow(fund, "fund", "open", None, None, None, 0, None)
                accounts = ChainMap({fund: there}, fold.accounts)
                balances = ChainMap({fund: balances.get(fund, (0, 0))}, fold.balances)
        return State(
            self._statute,
            accounts,
            balances,
            fold.holds,
            today=today,
            closed_through=fold.closed_through,
        )

    # -- differences -------------------------------------------------------------------

    def _refused(self, command: AnyExchange, refusal: Rejected | InvalidRequest) -> None:
        if isinstance(refusal, LimitExceeded):
            moved = {refusal.account: refusal.needed.seconds}
        else:
            moved = _moved(command)
        rule = refusal.rule if isinstance(refusal, Rejected) else "day of service"
        self._count("refused", rule, moved, command)

    def _compare(self, command: AnyExchange, was: Mapping[str, Any], draft: Draft) -> None:
        """Count the differences between a draft and the recorded effects."""
        now: Mapping[str, Any] = draft.effects
        self._flagged(command, was.get("flags", ()), now.get("flags", ()))
        (own_was, fee_was), (own, fee) = sides_of(was), sides_of(now)
        if fee != fee_was:
            self._count("charged", "fee", _differences(_paid(fee), _paid(fee_was)), command)
        if own != own_was:
            more = _differences(_sides(own), _sides(own_was))
            self._count("rounded", "granularity", more, command)

    def _flagged(
        self,
        command: AnyExchange,
        was: Iterable[Mapping[str, Any]],
        now: Iterable[Mapping[str, Any]],
    ) -> None:
        known = {(flag["rule"], flag.get("account")) for flag in was}
        moved: dict[str, dict[str, int]] = {}
        for flag in now:
            rule, account = flag["rule"], flag.get("account")
            if (rule, account) not in known:
                of_rule = moved.setdefault(rule, {})
                of_rule |= _moved(command) if account is None else {account: flag["needed"]}
        for number, (rule, seconds) in enumerate(moved.items()):
            self._count("flagged", rule, seconds, command, again=number > 0)

    def _count(
        self,
        outcome: Outcome,
        rule: str,
        moved: Mapping[str, int],
        command: AnyExchange,
        *,
        again: bool = False,
    ) -> None:
        self._counts[outcome] += not again
        id = str(command.id)
        for account, seconds in moved.items():
            tally = self._tallies.setdefault((account, outcome, rule), _Tally(id, id))
            tally.exchanges += 1
            tally.seconds += seconds
            tally.last = id


def _ends_or_reverses(request: Mapping[str, Any]) -> Exemption | None:
    """Return what a transfer or hold with another bank is, where nothing is judged anew by it."""
    if "answer" in request or "written_off" in request:
        return "settlements"
    return "reversals" if "reverses" in request.get("offer", ()) else None


def _let_cross(state: State, command: AnyExchange, kind: str) -> None:
    """Let an exchange with another bank move the account of its agreement, on the bank's terms.

    Each bank's fee is its own member's; what the other bank has offered is not rounded.
    """
    crossing: dict[str, AccountRow | None] = {
        id: row._replace(status="open")
        for id in command.accounts
        if (row := state.accounts[id]) is not None and row.status == AGREED
    }
    state.accounts = ChainMap(crossing, dict(state.accounts))
    if kind == "hold":
        state.statute = paid_by(state.statute, "spender")
    else:
        state.statute = attrs.evolve(paid_by(state.statute, "earner"), granularity=None)


def _moved(command: AnyExchange) -> dict[str, int]:
    """Return the seconds that each account moves by an exchange, on either side."""
    return _sides(command.earners + command.spenders)


def _sides(lines: Iterable[list[Any]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for id, seconds in lines:
        found[id] = found.get(id, 0) + abs(seconds)
    return found


def _paid(fee: Iterable[list[Any]]) -> dict[str, int]:
    """Return the seconds that each payer of a fee pays."""
    return _sides(line for line in fee if line[1] < 0)


def _differences(now: Mapping[str, int], was: Mapping[str, int]) -> dict[str, int]:
    """Return the difference of each account, without those of zero."""
    ids = sorted(now.keys() | was.keys())
    return {id: now.get(id, 0) - was.get(id, 0) for id in ids if now.get(id, 0) != was.get(id, 0)}
