"""Check what is between two banks: that it is as agreed, as offered, and as answered.

Each rule is told for one record, beside the records that it goes back to. Whether the other bank
has booked the same is for an audit of both (`timebank.federation.auditing`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Final

from timebank.audit.base import AuditCheck, AuditContext, AuditedRecord, Difference, State
from timebank.audit.corrections import heir
from timebank.audit.crossings import (
    AGREEMENT_RECORDS,
    BETWEEN,
    account_with,
    described_differences,
    id_shared,
    offer_made_by,
)
from timebank.audit.exchanges import without_fee
from timebank.audit.findings import ASK, Check, quantity
from timebank.audit.message_fields import offer_of
from timebank.audit.plain_runs import PlainRun
from timebank.errors import shown
from timebank.journal import parse
from timebank.model.said import said, who

#: The kinds of record that move hours, reserve them, or release what was reserved.
_MOVES: Final = frozenset({"transfer", "reverse", "hold", "settle", "void", "due", "merge"})


class Agreements(AuditCheck):
    """Follows the agreements, and looks at each offer, at what is booked of it, and at its end."""

    key: ClassVar = "agreements"
    promises: ClassVar = (
        Check(
            "agreements",
            "What is between two banks is as agreed: offers and answers alone move its account, "
            "what is booked is the offer to the second, each offer ends once, by its answer or "
            "with a flag, and reversals stay within what they move back.",
            ASK,
        ),
    )
    kinds: ClassVar = _MOVES | AGREEMENT_RECORDS | {"refuse"}

    def __init__(self, context: AuditContext) -> None:
        super().__init__(context)
        self._fold = context.fold
        #: Account → the terms of its last agreement, and whether that is suspended.
        self._known: dict[str, tuple[list[int | None], bool]] = {}
        self._differences: dict[str, Callable[[AuditedRecord], Iterator[Difference]]] = {
            "hold": self._offer,
            "transfer": self._transfer,
            "reverse": self._reversal,
            "refuse": self._refusal,
            "settle": self._end,
            "void": self._end,
        }

    def record(self, record: AuditedRecord) -> None:
        """Check one record that was executed."""
        if record.derived is None:
            return
        if record.kind in AGREEMENT_RECORDS:
            self.assume(record)
            return
        is_between = not BETWEEN.isdisjoint(record.request)
        if is_between or record.hold is not None:
            self._tell_all(record, self._differences[record.kind](record))
        if self._known and not is_between:
            self._moved_otherwise(record)

    def is_sure(self, run: PlainRun) -> bool:
        """Return whether a run moves no account of an agreement: it is of no offer or answer."""
        return self._known.keys().isdisjoint(run.moved)

    def _tell_all(self, record: AuditedRecord, differences: Iterator[Difference]) -> None:
        for expected, found in differences:
            place = said("record", sequence=record.sequence)
            self.tell("agreements", place, expected=expected, found=found)

    def _moved_otherwise(self, record: AuditedRecord) -> None:
        """Tell the accounts of agreements that something else moves, or reserves of."""
        derived = record.derived
        assert derived is not None  # noqa: S101  # as was looked at
        moved = {row.account for row in derived.postings} | {row.account for row in derived.holds}
        for account in sorted(moved & self._known.keys()):
            place = said("record_account", sequence=record.sequence, account=who(account))
            expected = said("moved_by_offers_alone")
            self.tell("agreements", place, expected=expected, found=shown(record.kind))

    # -- agreements --------------------------------------------------------------------------

    def assume(self, record: AuditedRecord) -> None:
        """Take note of what was agreed."""
        request, account = record.request, record.effects.get("account", "")
        if record.kind == "agree":
            self._known[account] = ([request["they_may_owe"], request["we_may_owe"]], False)
        elif record.kind == "suspend_agreement" and account in self._known:
            self._known[account] = (self._known[account][0], True)

    def _agreed(self, account: str, *, reverses: bool) -> Iterator[Difference]:
        """Yield where an account is under no agreement by which something may be booked now."""
        row = self._fold.accounts.get(account)
        if account not in self._known or row is None or row.status != "agreed":
            status = said("missing") if row is None else said("it_was", status=row.status)
            yield said("an_account_under_an_agreement", account=who(account)), status
        elif self._known[account][1] and not reverses:
            yield said("an_agreement_that_is_not_suspended"), said("it_was", status="suspended")

    def _terms(self, record: AuditedRecord, account: str) -> Iterator[Difference]:
        """Yield terms that are not the bank's own."""
        if account not in self._known:
            return
        terms = self._known[account][0]
        found = record.effects.get("terms", terms)  # where there are none, that is said elsewhere
        if found != terms:
            yield said("terms_of_the_agreement", terms=shown(terms)), shown(found)

    # -- offers ------------------------------------------------------------------------------

    def _offer(self, record: AuditedRecord) -> Iterator[Difference]:
        """Yield where a hold is no offer by an agreement."""
        request, effects, offer = record.request, record.effects, record.request["offer"]
        account, reverses = account_with(offer["to"]), "reverses" in offer
        if [id for id, _ in request["earners"]] != [account]:
            yield said("account", account=who(account)), shown(request["earners"])
        if account in {id for id, _ in request["spenders"]}:
            yield said("no_such_account_on_both_sides"), who(account)
        yield from self._agreed(account, reverses=reverses)
        yield from self._terms(record, account)
        due = record.content["recorded_at"] + offer["answer_in"]
        if effects.get("answer_by", due) != due:
            yield said("answer_by", instant=due), shown(effects["answer_by"])
        if reverses:
            yield from self._moves_back(record, account)
        elif "reverses" in effects:
            yield said("no_such_field"), "reverses"

    def _moves_back(self, record: AuditedRecord, account: str) -> Iterator[Difference]:
        """Yield where an offer moves back what was not booked for the other bank, or more."""
        offer, effects = record.request["offer"], record.effects
        id, sequence = id_shared(offer["to"], offer["reverses"]), effects.get("reverses")
        original = self._record(sequence, before=record.sequence)
        if (
            original is None
            or original["kind"] != "transfer"
            or original["request"]["id"] != id
            or account not in {one for one, _ in original["effects"]["postings"]}
        ):
            yield _booked_under(id, account), shown(sequence)
            return
        lines = without_fee(original["effects"]["postings"], original["effects"].get("fee", []))
        earned = {heir(self._fold, one) for one, seconds in lines if seconds > 0}
        spenders = {one for one, _ in record.request["spenders"]}
        if not spenders <= earned:
            yield said("who_earned_by_it"), shown(sorted(spenders - earned))
        whole = sum(seconds for _, seconds in lines if seconds > 0)
        left = whole - sum(self._moved_back(int(original["sequence"]), before=record.sequence))
        asked = sum(seconds for _, seconds in record.request["earners"])
        if asked > left:
            expected = said(
                "at_most_what_is_left_of_record", left=quantity(left), reverses=sequence
            )
            yield expected, quantity(asked)

    def _moved_back(self, original: int, *, before: int) -> Iterator[int]:
        """Yield what earlier offers move back of a transfer, and were not voided."""
        reader = self.context.reader
        for row in reader.referring(original):
            if row.kind != "hold" or row.sequence >= before:
                continue
            later = reader.referring(row.sequence)
            if not any(one.kind == "void" and one.sequence < before for one in later):
                yield sum(seconds for _, seconds in parse(row.body)["request"]["earners"])

    # -- what is booked, or refused ------------------------------------------------------------

    def _transfer(self, record: AuditedRecord) -> Iterator[Difference]:
        """Yield what is wrong in an exchange that was booked, brought in, or written off."""
        found = sorted(record.request.keys() & BETWEEN)
        if len(found) > 1:
            yield said("one_of_these", fields=", ".join(sorted(BETWEEN))), ", ".join(found)
        elif found == ["offer"]:
            yield from self._booking(record)
        elif found == ["answer"]:
            yield from self._brought_in(record)
        else:
            yield from self._written_off(record)

    def _booking(self, record: AuditedRecord) -> Iterator[Difference]:
        """Yield where an offer of another bank was not booked as it was made."""
        request, offer = record.request, offer_of(record.request["offer"])
        account = account_with(offer["from"])
        yield from self._taken(record, offer, reverses=False)
        yield from self._in_time(record, offer, account, reverses=False)
        yield from _sides(request, account, offer["seconds"], is_ours=False)
        yield from described_differences(request, offer)

    def _reversal(self, record: AuditedRecord) -> Iterator[Difference]:
        """Yield where an offer of another bank moves back something else than it names."""
        request, offer = record.request, offer_of(record.request["offer"])
        account = account_with(offer["from"])
        yield from self._taken(record, offer, reverses=True)
        yield from self._in_time(record, offer, account, reverses=True)
        if request.get("hours") != offer["seconds"]:
            yield said("seconds_reversed", seconds=offer["seconds"]), shown(request.get("hours"))
        if "occurred_on" in request:
            yield said("no_such_field"), "occurred_on"
        id = id_shared(record.content["journal"], offer.get("reverses", ""))
        original = self._record(record.effects["reverses"], before=record.sequence)
        moved = [] if original is None else original["effects"].get("postings", [])
        if request["transfer"] != id or account not in {one for one, _ in moved}:
            yield _booked_under(id, account), shown(request["transfer"])

    def _refusal(self, record: AuditedRecord) -> Iterator[Difference]:
        """Yield where a refusal is not of an offer to this bank."""
        offer = offer_of(record.request["offer"])
        yield from self._taken(record, offer, reverses=None)
        account = account_with(offer["from"])
        if account not in self._known:
            yield said("an_account_under_an_agreement", account=who(account)), said("missing")

    def _taken(
        self, record: AuditedRecord, offer: dict[str, Any], *, reverses: bool | None
    ) -> Iterator[Difference]:
        """Yield where the id is another, or the offer is to another bank, or of the other kind."""
        id = id_shared(offer["from"], offer["id"])
        if record.request["id"] != id:
            yield said("id_shared", id=id), shown(record.request["id"])
        if offer["to"] != record.content["journal"]:
            yield said("an_offer_to_this_bank"), shown(offer["to"])
        if reverses is not None and ("reverses" in offer) is not reverses:
            expected = "an_offer_that_reverses" if reverses else "an_offer_to_an_earner"
            yield said(expected), shown(sorted(offer.keys() & {"earner", "reverses"}))
        yield from self._terms(record, account_with(offer["from"]))

    def _in_time(
        self, record: AuditedRecord, offer: dict[str, Any], account: str, *, reverses: bool
    ) -> Iterator[Difference]:
        yield from self._agreed(account, reverses=reverses)
        now = record.content["recorded_at"]
        if now > offer["answer_by"]:
            yield said("recorded_up_to", instant=offer["answer_by"]), shown(now)

    # -- what ends an offer --------------------------------------------------------------------

    def _end(self, record: AuditedRecord) -> Iterator[Difference]:
        """Yield where an offer ends by something else than its answer, or by that of another."""
        if record.hold is None or record.hold.problem:
            return  # a finding of its own
        held, request = record.hold.content, record.request
        ends = sorted(request.keys() & BETWEEN)
        if record.kind == "void":
            flags = [{"rule": "abandoned"}] if "abandoned" in request else []
            if record.effects.get("flags", []) != flags:
                yield said("flags", flags=shown(flags)), shown(record.effects.get("flags", []))
        if "offer" not in held["request"]:
            if ends:
                yield said("no_such_field"), ", ".join(ends)
            return
        allowed = (["answer"],) if record.kind == "settle" else (["answer"], ["abandoned"])
        if ends not in allowed:
            yield said("an_answer_or_a_board"), ", ".join(ends) or said("neither")
            return
        made = offer_made_by(held)
        word = "void" if record.kind == "void" else None
        if request["id"] != (id := id_shared(made["from"], made["id"], word)):
            yield said("id_shared", id=id), shown(request["id"])
        if "answer" in request:
            yield from self._answer(record, made)

    def _answer(self, record: AuditedRecord, made: dict[str, Any]) -> Iterator[Difference]:
        """Yield where an answer is to another offer, or says the contrary."""
        body = record.request["answer"]["body"]
        offer = offer_of(body["offer"])
        for field in sorted(made.keys() | offer.keys()):
            if made.get(field) != offer.get(field):
                expected = said("as_was_offered", field=field)
                yield expected, shown(offer.get(field))
        if body["accepted"] is not (record.kind == "settle"):
            key = "an_answer_that_accepts" if record.kind == "settle" else "an_answer_that_refuses"
            yield said(key), shown(body["accepted"])

    # -- what is brought in, or written off ------------------------------------------------------

    def _brought_in(self, record: AuditedRecord) -> Iterator[Difference]:
        """Yield where what is brought in is not what was agreed on."""
        request, journal = record.request, record.content["journal"]
        body = request["answer"]["body"]
        offer = offer_of(body["offer"])
        is_ours = offer["from"] == journal
        account = account_with(offer["to"] if is_ours else offer["from"])
        if journal not in (offer["from"], offer["to"]):
            yield said("an_offer_to_this_bank"), shown(offer["to"])
        if body["accepted"] is not True:
            yield said("an_answer_that_accepts"), shown(body["accepted"])
        id = id_shared(offer["from"], offer["id"])
        if not is_ours and self._is_refused(record, id):
            id = id_shared(offer["from"], offer["id"], "again")
        if request["id"] != id:
            yield said("id_shared", id=id), shown(request["id"])
        yield from self._agreed(account, reverses=True)
        yield from self._terms(record, account)
        yield from _sides(request, account, offer["seconds"], is_ours=is_ours)
        yield from described_differences(request, offer)
        held = self._held(record, offer["id"]) if is_ours else None
        if held is not None and held in self._fold.lines:
            yield said("an_offer_that_was_given_up"), said("it_was", status="open")
        yield from _flagged(record, "forgotten" if held is None else "late answer")

    def _is_refused(self, record: AuditedRecord, id: str) -> bool:
        """Return whether an earlier record of this bank refused the offer, and used up its id."""
        row = self.context.reader.find(id)
        return row is not None and row.kind == "refuse" and row.sequence < record.sequence

    def _held(self, record: AuditedRecord, id: str) -> int | None:
        """Return the sequence of an earlier offer of this bank, where it has one of this id."""
        row = self.context.reader.find(id)
        if row is None or row.kind != "hold" or row.sequence >= record.sequence:
            return None
        return row.sequence if "offer" in parse(row.body)["request"] else None

    def _written_off(self, record: AuditedRecord) -> Iterator[Difference]:
        """Yield where what is written off is not owed on an agreement, or not flagged."""
        request = record.request
        sides = [*request["earners"], *request["spenders"]]
        accounts = [id for id, _ in sides if id in self._known]
        if len(sides) != 2 or len(accounts) != 1:  # noqa: PLR2004  # two sides
            yield said("one_account_of_an_agreement_and_another"), shown(sides)
        for account in accounts:
            yield from self._agreed(account, reverses=True)
            yield from self._terms(record, account)
            yield from self._owed(record, account)
        if request["kind"] != "write-off":
            yield said("as_the_offer_says", field="kind", value="write-off"), shown(request["kind"])
        for field in ("occurred_on", "via", "source", "limits"):
            if field in request:
                yield said("no_such_field"), field
        yield from _flagged(record, "written off")

    def _owed(self, record: AuditedRecord, account: str) -> Iterator[Difference]:
        """Yield where a write-off leaves an account further from zero, or beyond it."""
        postings = record.effects["postings"]
        moved = sum(seconds for id, seconds in postings if id == account)
        stands = self._fold.balances.get(account, (0, 0))[1]
        before = stands - moved
        if abs(moved) > abs(before) or before * moved > 0:
            yield said("at_most_what_is_owed", owed=quantity(before)), quantity(moved)

    # -- records ---------------------------------------------------------------------------------

    def _record(self, sequence: Any, *, before: int) -> dict[str, Any] | None:
        """Return an earlier record, where there is one of this sequence."""
        if type(sequence) is not int or not 0 < sequence < before:
            return None
        found: dict[str, Any] = parse(
            self.context.reader.records(after=sequence - 1, limit=1)[0].body
        )
        return found

    # -- checkpoints and stretches -----------------------------------------------------------

    def state(self) -> State:
        """Return the terms of each agreement, and whether it is suspended."""
        return {"known": {account: [*known] for account, known in self._known.items()}}

    def restore(self, state: State) -> None:
        """Restore what was agreed."""
        self._known = {
            account: (terms, suspended) for account, (terms, suspended) in state["known"].items()
        }


def _booked_under(id: str, account: str) -> str:
    return said("the_transfer_booked_under", id=id, account=who(account))


def _sides(
    request: dict[str, Any], account: str, seconds: int, *, is_ours: bool
) -> Iterator[Difference]:
    """Yield sides that are not of an offer's seconds, on the account of the agreement."""
    ours, others = ("earners", "spenders") if is_ours else ("spenders", "earners")
    if request[ours] != [[account, seconds]]:
        yield (
            said("as_the_offer_says", field=ours, value=shown([[account, seconds]])),
            shown(request[ours]),
        )
    alone = is_ours or len(request[others]) == 1
    alone = alone and account not in {id for id, _ in request[others]}
    if not alone or sum(found for _, found in request[others]) != seconds:
        yield (
            said("as_the_offer_says", field=others, value=quantity(seconds)),
            shown(request[others]),
        )


def _flagged(record: AuditedRecord, rule: str) -> Iterator[Difference]:
    """Yield where a record has not the one flag that it must have."""
    flags = [{"rule": rule}]
    if record.effects.get("flags") != flags:
        yield said("flags", flags=shown(flags)), shown(record.effects.get("flags"))
