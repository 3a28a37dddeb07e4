r"""Receipts: a page that proves one exchange to who has the bank's public key, and no bank.

A receipt is text in C2SP *tlog-proof*: a line of `extra`, the index of the record in the tree
(its sequence less 1), the hashes of the proof of inclusion, and a signed head. `extra` is base64
of a JSON object in the canonical form of a journal, with these keys and no other:

- `format`: `"timebank-receipt/1"`.
- `record`: the bytes of the record, as text. They are proved: the hash of the leaf is made of them.
- `texts`: `{field: [salt, text]}`, for `note` and `reason` of the record where they are shown; the
  salt is 32 lower-case hex digits. They are proved: the record has their commitments.
- `word`: a note that is signed by the same keys as the head, with what the bank says besides. It is
  the bank's word, and no proof: what came of the exchange later is in other records.

The text of the word has three lines: the origin; `word on record SEQUENCE up to head SIZE ROOT`,
with size and root as the head has them; and a JSON object in canonical form, with these keys and no
other:

- `status`: of what moves hours `"stands"`, `"reversed in part"` or `"reversed"`; of a hold
  `"open"`, `"settled"`, `"voided"` or `"expired"`, at the instant of the last record of the head.
- `reversals`: an array of what was moved back, in order: objects with `hours`, whole seconds
  without the fee; `id`; `record`, the sequence; `recorded_on`, the day of record. Those of a hold
  are those of the transfer that settled it.
- `amendments`: an array of what was put right later, in order: objects with `record`, its sequence;
  `recorded_on`; `sets`, the fields as they became, as the record of the amendment says it (of
  `note` the sequence of the record that has it, `null` where there is none); and, where it is shown
  and was not erased, `note`, its text. Those of a settlement are those of its hold.
- `merged`: `{id: id}`, for each account of the record that was merged into another by then: the
  one that it became.
- `names`: `{id: name}`, for accounts of the record, and those that they became, where names are
  shown and were not erased: as they are called when the receipt is made.

Nothing stands before or behind a receipt, and there is one text of it: what is read is written
again, and compared. A page in HTML, as `timebank.reports.receipt_html` makes it, has the text in
its one element `<pre id="receipt">`.

>>> import timebank
>>> from timebank.proof import NotProved, SigningKey, origin_of, receipt, verify_receipt
>>> bank = timebank.open("memory:")
>>> _ = bank.open_account("m1", name="Maria R."), bank.open_account("f1", kind="group")
>>> _ = bank.transfer(earner="m1", spender="f1", hours="1:30", id="visit", note="to the clinic")
>>> key = SigningKey.make(origin_of(bank.head().journal))
>>> text = str(receipt(bank, "visit", key=key))
>>> found = verify_receipt(text, key.public)
>>> found.exchange.hours, found.exchange.note, found.word.status, found.word.names
(Hours('1:30'), 'to the clinic', 'stands', {'m1': 'Maria R.'})
>>> try:
...     verify_receipt(text.replace("index 2", "index 1"), key.public)
... except NotProved as error:
...     print(error)
the record is of another journal, or has another number, than the receipt says
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from html import unescape
from os import PathLike
from typing import Any, Final, TypeGuard

import attrs

from timebank.audit.field_types import is_day
from timebank.audit.record_fields import field_differences
from timebank.errors import Corrupt, TimebankError
from timebank.journal import FORMAT, canonical, commitment, parse
from timebank.journal.kinds import sides_of
from timebank.journal.tree import leaf_hash, root_by_inclusion
from timebank.model import AMENDABLE, TEXT_FIELDS, Hold, Transfer
from timebank.proof.errors import NotProved
from timebank.proof.heads import (
    Checked,
    Checkpoint,
    SignedHead,
)
from timebank.proof.keys import PublicKey, SigningKey, keys_of
from timebank.proof.notes import Note, base64_of, bytes_of, hashes_of, text_of
from timebank.proof.policy import Policy
from timebank.queries.proofs import PROVABLE
from timebank.queries.views import hold_view, transfer_view

#: A public key: as such, its line, or the path of a file with lines of keys.
AnyKey = str | PathLike[str] | PublicKey | SigningKey

_FIRST_LINE: Final = "c2sp.org/tlog-proof@v1"
_PDF: Final = b"%PDF"
_FORM: Final = "timebank-receipt/1"
_EXTRA: Final = frozenset({"format", "record", "texts", "word"})
_WORD: Final = frozenset({"amendments", "merged", "names", "reversals", "status"})
_SALT: Final = re.compile("[0-9a-f]{32}", re.ASCII)
_INDEX: Final = re.compile("0|[1-9][0-9]{0,15}", re.ASCII)
_ON_PAGE: Final = re.compile('<pre id="receipt"[^<>]*>([^<]*)</pre>')
#: What stands before the first three of the lines of a receipt.
_EXTRA_LINE, _INDEX_LINE = "extra ", "index "
#: Lines of the text of a word, and of a receipt before its hashes.
_LINES: Final = 3

_STATUSES: Final = frozenset({"stands", "reversed in part", "reversed"})
_STATUSES_OF_HOLDS: Final = frozenset({"open", "settled", "voided", "expired"})


@attrs.frozen(kw_only=True)
class Word:
    """What a bank says of an exchange up to a head, beside what is proved.

    The fields are those of the JSON that this module documents.
    """

    status: str
    reversals: tuple[Mapping[str, Any], ...]
    amendments: tuple[Mapping[str, Any], ...]
    merged: Mapping[str, str]
    names: Mapping[str, str]


@attrs.frozen(kw_only=True)
class CheckedReceipt:
    """A receipt that holds: what it proves, what the bank says besides, and who signed.

    `exchange` is the transfer or hold as its record has it, with the texts that are shown: it is
    proved. Of a settlement it has no description, which is in the record of its hold; the `status`
    of a hold is not proved. `word` is the bank's word, up to the head. `head` says which keys
    signed the head, which witnesses cosigned it, and whose signatures were not checked.
    """

    receipt: Receipt
    record: Mapping[str, Any]
    exchange: Transfer | Hold
    word: Word
    head: Checked


@attrs.frozen(kw_only=True)
class Receipt:
    """A receipt as it stands in a file, which nobody has checked. `str()` is its text."""

    head: SignedHead
    index: int
    hashes: tuple[bytes, ...]
    record: str
    texts: Mapping[str, tuple[bytes, str]]
    word: Note

    @classmethod
    def of(cls, data: str | bytes) -> Receipt:
        """Return the receipt of a text.

        :raises NotProved: it is none, or not as receipts are written.
        """
        text = text_of(data)
        before, _, head = text.partition("\n\n")
        lines = before.split("\n")
        if len(lines) < _LINES or lines[0] != _FIRST_LINE:
            raise _none(f"one begins with the line {_FIRST_LINE}").about(
                key="receipt_unreadable_form"
            )
        if not text.endswith("\n") or text.endswith("\n\n"):
            raise _none("its end was cut off, or something stands behind it").about(
                key="receipt_unreadable_form"
            )
        extra, index = lines[1].removeprefix(_EXTRA_LINE), lines[2].removeprefix(_INDEX_LINE)
        if not _INDEX.fullmatch(index):
            raise _none("there is no index of a record").about(key="receipt_unreadable_index")
        hashes = hashes_of(lines[_LINES:])
        if hashes is None:
            raise _none("a hash of the proof is none").about(key="receipt_unreadable_hashes")
        found = cls(head=SignedHead.of(head), index=int(index), hashes=hashes, **_parts(extra))
        if str(found) != text:
            raise _none("it is written in another way than receipts are").about(
                key="receipt_unreadable_form"
            )
        return found

    @classmethod
    def in_page(cls, data: str | bytes) -> Receipt:
        """Return the receipt of a text, or that in a page which `receipt_html` made.

        What else a page says is not looked at: it proves nothing.

        :raises NotProved: there is none, or more than one.
        """
        if isinstance(data, bytes) and data.startswith(_PDF):
            msg = "a PDF is like paper: what is checked is the file, or the page as HTML"
            raise _none(msg).about(key="receipt_pdf")
        try:
            text = data.decode() if isinstance(data, bytes) else data
        except UnicodeDecodeError:
            return cls.of(data)
        if text.startswith(_FIRST_LINE) or "<" not in text:
            return cls.of(data)
        found = _ON_PAGE.findall(text)
        if len(found) != 1:
            raise _none("it has no receipt in it, or more than one").about(
                key="receipt_unreadable_page"
            )
        # As it is read in HTML: ends of lines, and one at the beginning of the element.
        own = found[0].replace("\r\n", "\n").replace("\r", "\n").removeprefix("\n")
        return cls.of(unescape(own))

    @property
    def sequence(self) -> int:
        """The number of the record in its journal."""
        return self.index + 1

    def checked(
        self, *keys: AnyKey, witnesses: Iterable[AnyKey] = (), policy: Policy | None = None
    ) -> CheckedReceipt:
        """Return what the receipt proves.

        `keys` are public keys of the bank, perhaps of several banks, or those that it had earlier;
        where there are none, they are those of the policy. Each of the `witnesses` must have
        cosigned the head, or, with a `policy`, as many as it asks for.

        :raises InvalidRequest: no key, or one that cannot be read.
        :raises NotProved: the receipt does not hold; the message says why.
        :raises OSError: the file of a key cannot be read.
        :raises StoreError: the package `cryptography` is missing.
        """
        public = keys_of(*keys) or (() if policy is None else policy.logs)
        head = self.head.checked(public, keys_of(*witnesses), policy)
        checkpoint = self.head.checkpoint
        record = _record(self.record)
        if record["journal"] != self.head.journal or record["sequence"] != self.sequence:
            msg = "the record is of another journal, or has another number, than the receipt says"
            raise NotProved(msg).about(key="receipt_record_other")
        led_to = root_by_inclusion(
            leaf_hash(self.record.encode()),
            index=self.index,
            size=checkpoint.size,
            proof=self.hashes,
        )
        if led_to != checkpoint.root:
            msg = "the record is not in the head: the hashes of the receipt do not lead to its root"
            raise NotProved(msg).about(key="receipt_not_in_head")
        self._check_texts(record)
        word = self._checked_word(public, head.signers, record)
        made = _exchange(record, {field: text for field, (_, text) in self.texts.items()})
        if isinstance(made, Hold):
            made = attrs.evolve(made, status=word.status)
        return CheckedReceipt(receipt=self, record=record, exchange=made, word=word, head=head)

    def _check_texts(self, record: Mapping[str, Any]) -> None:
        for field, (salt, text) in self.texts.items():
            if record["request"].get(field) != commitment(salt, text):
                msg = f"the {field} is not the text that the record was made with"
                raise NotProved(msg).about(key="receipt_text_other", field=field)

    def _checked_word(
        self, keys: Iterable[PublicKey], signers: Iterable[PublicKey], record: Mapping[str, Any]
    ) -> Word:
        checkpoint = self.head.checkpoint
        *about, said = self.word.text[:-1].split("\n")
        if about != word_begins(checkpoint, self.sequence).split("\n"):
            msg = "the bank's word is on another record, or up to another head"
            raise NotProved(msg).about(key="receipt_word_other")
        own = (key for key in keys if key.name == checkpoint.origin)
        if {key for key in own if key.check(self.word)} != set(signers):
            msg = "the bank's word is not signed by the keys that signed the head"
            raise NotProved(msg).about(key="receipt_word_unsigned")
        return _word(said, record["kind"])

    def __str__(self) -> str:
        shown_texts = {field: [salt.hex(), text] for field, (salt, text) in self.texts.items()}
        extra = {
            "format": _FORM,
            "record": self.record,
            "texts": shown_texts,
            "word": str(self.word),
        }
        lines = [
            _FIRST_LINE,
            f"{_EXTRA_LINE}{base64_of(canonical(extra))}",
            f"{_INDEX_LINE}{self.index}",
            *map(base64_of, self.hashes),
        ]
        return "\n".join(lines) + f"\n\n{self.head}"


def verify_receipt(
    data: str | bytes | Receipt,
    *keys: AnyKey,
    witnesses: Iterable[AnyKey] = (),
    policy: Policy | None = None,
) -> CheckedReceipt:
    """Return what a receipt proves; its text may also stand in a page that `receipt_html` made.

    See `Receipt.checked`.

    :raises InvalidRequest: no key, or none that can be read.
    :raises NotProved: it is no receipt, or does not hold; the message says why.
    :raises OSError: the file of a key cannot be read.
    :raises StoreError: the package `cryptography` is missing.
    """
    found = data if isinstance(data, Receipt) else Receipt.in_page(data)
    return found.checked(*keys, witnesses=witnesses, policy=policy)


# -- reading ---------------------------------------------------------------------------------


def _none(why: str) -> NotProved:
    return NotProved(f"this is no receipt: {why}")


def _parts(extra: str) -> dict[str, Any]:
    """Return the fields of a receipt that its line of `extra` has."""
    found = _object(bytes_of(extra) or b"")
    if found.keys() != _EXTRA or found["format"] != _FORM:
        raise _none("its line of extra is that of none").about(key="receipt_unreadable_extra")
    record, word, texts = found["record"], found["word"], found["texts"]
    if type(record) is not str or type(word) is not str or type(texts) is not dict:
        raise _none("its line of extra is that of none").about(key="receipt_unreadable_extra")
    for field, pair in texts.items():
        match pair:
            case [str(salt), str()] if field in TEXT_FIELDS and _SALT.fullmatch(salt):
                continue
        raise _none("a text is none, or has no salt").about(key="receipt_unreadable_extra")
    return {
        "record": record,
        "texts": {field: (bytes.fromhex(salt), text) for field, (salt, text) in texts.items()},
        "word": Note.of(word),
    }


def _object(said: str | bytes) -> dict[str, Any]:
    """Return the object that is said in canonical form; an empty one where that is not so.

    Whatever a text may have that has no such form, half a character or too many levels, ends here.
    """
    try:
        data = said.encode() if isinstance(said, str) else said
        found = parse(data)
        return found if canonical(found) == data else {}
    except (Corrupt, RecursionError, ValueError):
        return {}


def _record(text: str) -> dict[str, Any]:
    """Return the object that the bytes of a record say.

    :raises NotProved: they are not those of a record of an exchange.
    """
    record = _object(text)
    try:
        is_one = (
            record["format"] == FORMAT
            and record["kind"] in PROVABLE
            and not any(field_differences(record))
            and _is_balanced(record["effects"])
            and all(map(is_day, _days(record["effects"])))
        )
    except (KeyError, RecursionError, TypeError, ValueError):
        is_one = False
    if not is_one:
        msg = "the record is not that of an exchange of a time bank"
        raise NotProved(msg).about(key="receipt_record_unreadable")
    return record


def _days(effects: Mapping[str, Any]) -> list[Any]:
    """Return the days of effects: that of the exchange, and those of its flags."""
    return [
        one["occurred_on"] for one in (effects, *effects.get("flags", ())) if "occurred_on" in one
    ]


def _is_balanced(effects: Mapping[str, Any]) -> bool:
    """Return whether hours go from some accounts to others, and the last lines are the fee's."""
    lines, fee = sides_of(effects)
    moved = [seconds for _, seconds in lines]
    at_end = effects.get("postings", effects.get("lines"))[len(lines) :]
    return any(moved) and sum(moved) == 0 == sum(seconds for _, seconds in fee) and at_end == fee


def _exchange(record: Mapping[str, Any], texts: Mapping[str, str]) -> Transfer | Hold:
    """Return the transfer or hold of a record.

    :raises NotProved: the record lacks a field.
    """
    body: Any = record
    try:
        if record["kind"] == "hold":
            made: Transfer | Hold = hold_view(body, texts, now=0)
        elif record["kind"] == "settle":  # what describes it is in the record of its hold
            made = transfer_view(body, texts, described={"kind": "exchange"})
        else:
            made = transfer_view(body, texts)
        _ = made.hours, made.fee, made.earners, made.spenders
    except (KeyError, TypeError, ValueError, TimebankError) as error:
        msg = f"the record cannot be read as an exchange: {error!r}"
        raise NotProved(msg).about(key="receipt_record_unreadable") from error
    return made


def _word(said: str, kind: str) -> Word:
    """Return what a word says.

    :raises NotProved: it is none.
    """
    found = _object(said)
    statuses = _STATUSES_OF_HOLDS if kind == "hold" else _STATUSES
    if not (
        found.keys() == _WORD
        and isinstance(found["status"], str)
        and found["status"] in statuses
        and all(map(_is_reversal, _listed(found["reversals"])))
        and all(map(_is_amendment, _listed(found["amendments"])))
        and _are_texts(found["merged"])
        and _are_texts(found["names"])
    ):
        msg = "the bank's word is not as banks write it"
        raise NotProved(msg).about(key="receipt_word_unreadable")
    return Word(
        status=found["status"],
        reversals=tuple(found["reversals"]),
        amendments=tuple(found["amendments"]),
        merged=found["merged"],
        names=found["names"],
    )


def _listed(found: object) -> list[object]:
    """Return a list; of anything else one with what is no object."""
    return found if isinstance(found, list) else [None]


def _are_texts(found: object) -> bool:
    return isinstance(found, dict) and all(isinstance(one, str) for one in found.values())


_REVERSAL: Final = {"hours": int, "id": str, "record": int, "recorded_on": str}
_AMENDMENT: Final = {"note": str, "record": int, "recorded_on": str, "sets": dict}


def _is_reversal(found: object) -> bool:
    return _has(found, _REVERSAL) and is_day(found["recorded_on"])


def _is_amendment(found: object) -> TypeGuard[dict[str, Any]]:
    told = {"note": ""} | found if isinstance(found, dict) else None
    return _has(told, _AMENDMENT) and is_day(told["recorded_on"]) and _are_sets(told["sets"])


def _has(found: object, types: Mapping[str, type]) -> TypeGuard[dict[str, Any]]:
    """Return whether it is an object with these fields, and no other, of these types."""
    return isinstance(found, dict) and types == {name: type(one) for name, one in found.items()}


def _are_sets(sets: Mapping[str, object]) -> bool:
    """Return whether an amendment sets what can be amended, each to what it can be, or to none."""
    return all(
        field in AMENDABLE and (value is None or _fits(field, value))
        for field, value in sets.items()
    )


def _fits(field: str, value: object) -> bool:
    if field == "tags":
        return isinstance(value, list) and all(isinstance(one, str) for one in value)
    return type(value) is (int if field == "note" else str)


def word_begins(checkpoint: Checkpoint, sequence: int) -> str:
    """Return the first two lines of a word on a record, up to a head."""
    up_to = f"up to head {checkpoint.size} {base64_of(checkpoint.root)}"
    return f"{checkpoint.origin}\nword on record {sequence} {up_to}"
