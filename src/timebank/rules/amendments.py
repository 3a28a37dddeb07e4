"""Correcting what an exchange was for: its category, its note, its times; never its hours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from timebank import checks
from timebank.errors import InvalidRequest, TransferNotFound, shown
from timebank.journal.kinds import AmendEffects, AmendRequest
from timebank.model import AMENDABLE, Hold, Transfer
from timebank.rules.accounts import KEEP
from timebank.rules.state import Command, Draft, State, check_open, reason_of, texts_of

#: What a refusal calls the kinds of record that are described by another one, or by a rule.
_NOT_DESCRIBED = {
    "reverse": "a reversal: amend the exchange that it reverses",
    "due": "what a rule of the statute made due: nobody described it",
    "void": "the end of a hold: amend the hold",
    "refuse": "a refusal: it moved nothing",
    "issue_cheques": "a booklet of cheques: amend the exchange of one of them",
    "void_cheque": "a voided cheque: it moved nothing",
}


@attrs.frozen
class Described:
    """The operation that is amended: what describes it now, and its days.

    `sequence` is that of the record that describes it, `values` its fields as they are now, as a
    request has them. Its note has a commitment in record `noted`, and a text unless that was
    erased. `days` are those of the exchange and of what was reversed of it. `next_sequence` is
    that of the record to come.
    """

    kind: str
    sequence: int
    values: Mapping[str, Any]
    noted: int | None
    note: str | None
    days: tuple[str, ...]
    next_sequence: int


@attrs.frozen
class Amend(Command[AmendRequest, Transfer | Hold]):
    """Put right what a transfer or a hold was for."""

    kind = "amend"

    @classmethod
    def of(
        cls,
        operation: object,
        *,
        reason: object,
        note: object = KEEP,
        category: object = KEEP,
        area: object = KEEP,
        resource: object = KEEP,
        tags: object = KEEP,
        started_at: object = KEEP,
        ended_at: object = KEEP,
    ) -> Amend:
        """Make it from the arguments of the call; what is `KEEP` stays as it is.

        :raises InvalidRequest: a value that cannot be, no reason, or nothing to amend.
        """
        request: AmendRequest = {"operation": checks.identifier(operation, "id")}
        given: dict[str, Any] = {}
        for field, value in (("category", category), ("area", area), ("resource", resource)):
            if value is not KEEP:
                given[field] = None if value is None else checks.label(value, field)
        if tags is not KEEP:
            given["tags"] = None if tags is None else checks.tags(tags) or None
        for field, name, value in (
            ("from", "started_at", started_at),
            ("to", "ended_at", ended_at),
        ):
            if value is not KEEP:
                given[field] = checks.time_of_day(value, name)
        texts = reason_of(reason, "an amendment needs a reason, for whoever reads it later")
        takes_away = [field for field, value in given.items() if value is None]
        if note is not KEEP:
            noted = texts_of(note=note)
            takes_away += [] if noted else ["note"]
            texts = noted | texts
        if not given and note is KEEP:
            msg = f"nothing to amend: name one of {', '.join(sorted(AMENDABLE.values()))}"
            raise InvalidRequest(msg).about(key="nothing_to_amend")
        request |= {field: value for field, value in given.items() if value is not None}  # type: ignore[typeddict-item]  # as it is described there
        if takes_away:
            request["takes_away"] = sorted(takes_away)
        return cls(request, texts, (), None)

    @property
    def earlier_id(self) -> str:
        """Return the id of the transfer or hold."""
        return self.request["operation"]

    def named(self) -> dict[str, Any]:
        """Return the fields that are named but for the note, `None` for what is taken away."""
        values: dict[str, Any] = {
            field: value for field, value in self.request.items() if field in AMENDABLE
        }
        return values | {
            field: None for field in self.request.get("takes_away", ()) if field != "note"
        }


def amend(state: State, command: Amend, now: int) -> Draft | None:
    """Say what is and what was; nothing, where it is so already.

    :raises TransferNotFound: there is no such operation.
    :raises InvalidRequest: it is described by another, or its note was erased.
    :raises BooksClosed: it lies in a period whose books are closed.
    """
    described = state.described
    if described is None:
        raise TransferNotFound(command.earlier_id)
    if described.kind in _NOT_DESCRIBED:
        msg = f"{shown(command.earlier_id)} is {_NOT_DESCRIBED[described.kind]}"
        raise InvalidRequest(msg).about(key="not_amendable", id=command.earlier_id)
    sets = command.named()
    was = {field: described.values.get(field) for field in sets}
    changes = sets != was
    names_note = "note" in command.texts or "note" in command.request.get("takes_away", ())
    if names_note:
        text = command.texts.get("note")
        is_erased = described.noted is not None and described.note is None and text is not None
        if is_erased and changes:
            msg = f"the note of {shown(command.earlier_id)} was erased: leave the note out"
            raise InvalidRequest(msg).about(key="note_erased", id=command.earlier_id)
        if not is_erased and (text != described.note or (text is None and described.noted)):
            changes = True
        sets["note"] = None if text is None else described.next_sequence
        was["note"] = described.noted
    if not changes:
        return None
    for day in described.days:
        check_open(state, day, doing="amended")
    effects: AmendEffects = {"amends": described.sequence, "sets": sets, "was": was}
    return Draft(effects, refers_to=described.sequence)
