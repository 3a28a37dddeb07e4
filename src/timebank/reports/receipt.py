"""Show a receipt that holds as text: what it proves, what the bank says besides, who signed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any, Final

import attrs

from timebank.hours import Hours
from timebank.model import AMENDABLE, Hold, Transfer
from timebank.proof.receipts import CheckedReceipt
from timebank.reports.heads import head_json
from timebank.reports.text import facts, harmless
from timebank.reports.words import Words

#: Who gives and who receives a service is said of these kinds of movement alone.
_EXCHANGE: Final = "exchange"
_INDENT: Final = "  "
#: In round brackets stands what is proved: a name that has such ones is shown with others.
_OPENING: Final = "(\uff08\ufe59\u2768\u276a\u27ee\u2e28"
_CLOSING: Final = ")\uff09\ufe5a\u2769\u276b\u27ef\u2e29"
_BRACKETS: Final = str.maketrans(_OPENING + _CLOSING, "[" * len(_OPENING) + "]" * len(_CLOSING))
#: Writes a day.
WriteDay = Callable[[date], str]


def receipt_text(checked: CheckedReceipt, *, language: str | None = None) -> list[str]:
    """Return the lines of a receipt that holds.

    :raises InvalidRequest: a language of which there is no catalogue.

    >>> from datetime import UTC, date, datetime
    >>> import timebank
    >>> from timebank.proof import SigningKey, receipt
    >>> from timebank.reports.receipt import receipt_text
    >>> bank = timebank.open(
    ...     "memory:", clock=lambda: datetime(2026, 3, 2, tzinfo=UTC), new_id=lambda: "8a1e"
    ... )
    >>> _ = bank.open_account("m1", name="Maria R."), bank.open_account("f1", kind="group")
    >>> _ = bank.transfer(earner="m1", spender="f1", hours="1:30", id="visit", note="to the clinic")
    >>> key = SigningKey("timebank/8a1e", "ed25519", bytes(32))
    >>> for line in receipt_text(receipt(bank, "visit", key=key).checked(key)):
    ...     print(line)
    The receipt holds. This is proved by record 3 of the journal 8a1e:
      Gave:     Maria R. (m1)
      Received: f1
      Hours:    1:30
      Day:      2026-03-02
      What for: to the clinic
      Exchange: visit
      Entered:  2026-03-02
    The bank says of it, up to record 3:
      It stands: nothing of it was taken back.
      The names are those that the bank gives; what is proved are the accounts in brackets.
    Signed by: the key 5c920f63 of timebank/8a1e
    """
    page = Page(checked, Words("receipt", language))
    words, proved = page.words, page.proved()
    return [
        words("holds", sequence=words.number(page.sequence), journal=harmless(page.journal)),
        *(f"{_INDENT}{line}" for line in facts(proved)),
        f"{page.said_up_to()}:",
        *(f"{_INDENT}{line}" for line in page.said()),
        *facts({label: "; ".join(texts) for label, texts in page.signed().items()}),
    ]


def receipt_json(checked: CheckedReceipt) -> dict[str, Any]:
    """Return a receipt that holds as a dictionary that `json.dumps` takes.

    `exchange` is the shape of a transfer or a hold, which is proved; `word` is the bank's word, as
    the receipt has it. Keys are lines of public keys.
    """
    from timebank.queries.json_shapes import of

    return {
        "journal": checked.record["journal"],
        "record": checked.receipt.sequence,
        "exchange": of(checked.exchange),
        "word": attrs.asdict(checked.word),
        **head_json(checked.receipt.head, checked.head),
    }


@attrs.frozen
class Page:
    """What a receipt says, in the words of a language; `day` writes a day.

    What others wrote is harmless to a terminal, and on one line.
    """

    checked: CheckedReceipt
    words: Words
    day: WriteDay = date.isoformat

    @property
    def exchange(self) -> Transfer | Hold:
        """What is proved."""
        return self.checked.exchange

    @property
    def sequence(self) -> int:
        """The number of the record."""
        return self.checked.receipt.sequence

    @property
    def journal(self) -> str:
        """The id of the journal."""
        journal: str = self.checked.record["journal"]
        return journal

    def title(self) -> str:
        """Return what sort of receipt it is."""
        if isinstance(self.exchange, Hold):
            return self.words("title_hold")
        if self.exchange.reverses is not None:
            return self.words("title_reversal")
        return self.words("title_exchange" if self._is_service() else "title_movement")

    def _is_service(self) -> bool:
        """Return whether the record says that a service was given.

        That of a settlement does not: what the hours are for stands in the record of its hold.
        """
        made = self.exchange
        return made.kind == _EXCHANGE and (isinstance(made, Hold) or made.hold is None)

    def sides(self) -> list[tuple[str, Mapping[str, Hours]]]:
        """Return what each side does, and its accounts; who gives service or hours comes first."""
        made, words = self.exchange, self.words
        if not self._is_service():
            return [(words("spent"), made.spenders), (words("earned"), made.earners)]
        if isinstance(made, Hold):
            return [(words("to_give"), made.earners), (words("to_receive"), made.spenders)]
        return [(words("gave"), made.earners), (words("received"), made.spenders)]

    def named(self, account: str) -> str:
        """Return an account by its name, with its id in brackets.

        The brackets tell an id from a name that looks like another account with its own.
        """
        name = self.name(account)
        if name is None and account.translate(_BRACKETS) == account:
            return harmless(account)
        return harmless(f"({account})" if name is None else f"{name} ({account})")

    def name(self, account: str) -> str | None:
        """Return the name of an account, as the bank gives it; `None`, where it gives none.

        Round brackets in it become square ones: in round ones stands what is proved.
        """
        name = self.checked.word.names.get(account)
        return None if name is None else name.translate(_BRACKETS)

    def when(self) -> str:
        """Return the day of service and its times, those that there are."""
        made = self.exchange
        times = self.words.times(made.started_at, made.ended_at)
        on = self.words("no_day") if made.occurred_on is None else self.day(made.occurred_on)
        return ", ".join(filter(None, (on, times)))

    # -- what is proved ----------------------------------------------------------------------

    def proved(self) -> dict[str, str]:
        """Return each fact that is proved, by its label."""
        is_hold = isinstance(self.exchange, Hold)
        return {
            **{label: self._side(side) for label, side in self.sides()},
            self.words("hours_were"): str(self.exchange.hours),
            self.words("planned" if is_hold else "day"): self.when(),
            **self.details(),
        }

    def _side(self, side: Mapping[str, Hours]) -> str:
        """Return the accounts of a side; where they are several, each with its hours."""
        if len(side) == 1:
            return self.named(*side)
        return ", ".join(f"{self.named(one)} {hours}" for one, hours in side.items())

    def details(self) -> dict[str, str]:
        """Return each fact that is proved beside the sides, the hours and the day."""
        made, words = self.exchange, self.words
        found = {
            "note": made.note or self._not_shown("note"),
            "reason": made.reason or self._not_shown("reason"),
            "kind": None if made.kind == _EXCHANGE else self._kind(made.kind),
            "category": made.category,
            "area": made.area and words.of(made.area),
            "resource": made.resource and words.of(made.resource),
            "tags": ", ".join(made.tags),
            "fee_back" if made.kind == "reversal" else "fee": self._fee(),
            "via": made.via and self.named(made.via),
        }
        if isinstance(made, Hold):
            if made.expires_at is not None:
                found["until"] = self._moment(made.expires_at)
        else:
            found["of_transfer"], found["of_hold"] = made.reverses, made.hold
            if made.period is not None:
                found["period"] = " – ".join(map(self.day, made.period))  # noqa: RUF001 - a span has an en dash
        recorded_on = self.day(date.fromisoformat(self.checked.record["recorded_on"]))
        entered = recorded_on
        if made.actor is not None:
            entered = words("entered_by", day=recorded_on, actor=made.actor)
        found |= {"id": made.id, "entered": entered}
        return {words(key): harmless(text) for key, text in found.items() if text}

    def _not_shown(self, field: str) -> str | None:
        """Return that a text was recorded, which the receipt leaves out, or was erased."""
        return self.words("not_shown") if self.checked.record["request"].get(field) else None

    def _kind(self, kind: str) -> str | None:
        return None if kind == "reversal" else self.words.kind(kind)

    def _fee(self) -> str | None:
        if not self.exchange.fee:
            return None
        fees = [one for one in self.exchange.postings if one.fee]
        payers, payees = (
            ", ".join(self.named(one.account) for one in fees if one.hours.seconds * sign > 0)
            for sign in (-1, 1)
        )
        return self.words("fee_of", hours=self.exchange.fee, payers=payers, payees=payees)

    # -- what the bank says ------------------------------------------------------------------

    def said_up_to(self) -> str:
        """Return up to which record the bank speaks."""
        size = self.checked.receipt.head.checkpoint.size
        return self.words("said", size=self.words.number(size))

    def status(self) -> str:
        """Return what came of the exchange, as a sentence."""
        word, made = self.checked.word, self.exchange
        if word.status == "settled" and word.reversals:
            return self.words("settled_reversed")
        if word.status == "stands" and isinstance(made, Transfer) and made.reverses is not None:
            return self.words("stands_reversal")  # for hours were taken back: by it
        return self.words(word.status.replace(" ", "_"))

    def is_whole(self) -> bool:
        """Return whether what is proved is still as it was: nothing was taken back or amended."""
        word = self.checked.word
        is_moved = word.status in {"stands", "settled", "open"}
        return is_moved and not word.reversals and not word.amendments

    def later(self) -> list[str]:
        """Return a line for each thing that the bank says came later, and on names."""
        word, words = self.checked.word, self.words
        lines = [
            words(
                "reversal",
                hours=Hours.from_seconds(one["hours"]),
                sequence=words.number(one["record"]),
                day=self._day(one["recorded_on"]),
            )
            for one in word.reversals
        ]
        lines += [
            words(
                "amendment",
                sequence=words.number(one["record"]),
                day=self._day(one["recorded_on"]),
                changes="; ".join(self._changes(one)),
            )
            for one in word.amendments
        ]
        lines += [
            words("merged", account=self.named(account), into=self.named(into))
            for account, into in word.merged.items()
        ]
        if word.names:
            lines.append(words("names"))
        return list(map(harmless, lines))

    def said(self) -> list[str]:
        """Return all that the bank says, a sentence a line."""
        return [self.status(), *self.later()]

    def _moment(self, moment: datetime) -> str:
        return f"{self.day(moment.date())} {moment:%H:%M} UTC"

    def _day(self, day: str) -> str:
        try:
            return self.day(date.fromisoformat(day))
        except ValueError:  # nothing holds a bank to words that can be read
            return day

    def _changes(self, amendment: Mapping[str, Any]) -> Iterator[str]:
        sets = amendment["sets"]
        for field in AMENDABLE:
            if field in sets:
                yield self._change(field, sets[field], amendment.get("note"))

    def _change(self, field: str, value: Any, note: str | None) -> str:
        name = self.words(f"field_{field}")
        if value is None:
            return self.words("change_none", field=name)
        if field == "note":
            if note is None:
                return self.words("change_note")
            return self.words("change", field=name, value=note)
        if isinstance(value, list):
            value = ", ".join(map(str, value))
        elif field in {"area", "resource"}:
            value = self.words.of(str(value))
        return self.words("change", field=name, value=value)

    # -- who signed --------------------------------------------------------------------------

    def signed(self) -> dict[str, list[str]]:
        """Return who signed and cosigned the head, and whose signatures were not checked."""
        head, words = self.checked.head, self.words
        found: dict[str, Iterable[str]] = {
            "signed": (
                words("signed_by", id=one.key_id.hex(), name=one.name) for one in head.signers
            ),
            "cosigned": (
                words("cosigned_by", name=one.key.name, moment=self._moment(one.at))
                for one in head.cosigners
            ),
            "unchecked": (words("unchecked_of", name=name) for name in head.unchecked),
        }
        return {
            words(key): texts for key, said in found.items() if (texts := list(map(harmless, said)))
        }
