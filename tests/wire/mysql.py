"""MySQL's protocol, as MariaDB speaks it: its packets, one by one, and answers of our own."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import Enum
from typing import Final

from wire.acts import Answer, Message, Tag, Warn

_COMMANDS: Final = {1: "quit", 2: "init_db", 3: "query", 14: "ping", 27: "set_option"}
_MORE: Final = 8
#: A deadlock takes the whole transaction back.
_DEADLOCK: Final = 1213
_LONGEST: Final = 0xFFFFFF


class _Part(Enum):
    """Where in an answer the server is."""

    GREETING = "before the client is let in"
    FIRST = "before the first packet"
    COLUMNS = "among the columns"
    ROWS = "among the rows"


class MySqlProtocol:
    """What one connection says; one for each. No client of ours asks for `DEPRECATE_EOF`."""

    def __init__(self) -> None:
        self._part = _Part.GREETING
        self._is_in = False

    def requests(self, data: bytearray) -> Iterator[Message]:
        """Take whole packets of a client from the front of what has come."""
        while (raw := _packet(data)) is not None:
            kind = _COMMANDS.get(raw[4], "command") if self._is_in and raw[3] == 0 else "login"
            yield Message(True, kind, raw[5:] if kind != "login" else raw[4:], raw)

    def answers(self, data: bytearray) -> Iterator[Message]:
        """Take whole packets of a server from the front of what has come."""
        while (raw := _packet(data)) is not None:
            first = raw[4] if len(raw) > 4 else 0
            kind = {0: "ok", 0xFF: "error", 0xFE: "end"}.get(first, "data")
            if self._part is _Part.ROWS and kind == "ok":
                kind = "data"  # the first value of a row is empty
            yield Message(False, kind, raw[4:], raw)

    def is_end(self, request: Message) -> bool:
        """Return whether the client now waits for an answer."""
        return request.kind != "quit"

    def ends_answer(self, answer: Message) -> bool:
        """Return whether the server now waits for the client."""
        if self._part is _Part.GREETING:
            return self._greeted(answer)
        ended, self._part = self._next(answer)
        return ended

    def _greeted(self, answer: Message) -> bool:
        if answer.kind == "ok":
            self._is_in, self._part = True, _Part.FIRST
        return True  # of a login each packet is answered by one

    def _next(self, answer: Message) -> tuple[bool, _Part]:
        if answer.kind == "error":
            return True, _Part.FIRST
        if self._part is _Part.FIRST:
            if answer.kind == "ok":
                return not _status(answer) & _MORE, _Part.FIRST
            return False, _Part.COLUMNS
        if answer.kind == "end" and len(answer.text) < 9:
            if self._part is _Part.COLUMNS:
                return False, _Part.ROWS
            return not struct.unpack("<H", answer.text[3:5])[0] & _MORE, _Part.FIRST
        return False, self._part

    def refusal(self, request: Message) -> bytes | None:
        """Return what a wire answers by itself: nothing."""
        return None

    def instead(self, unit: list[Message], answer: Answer) -> list[Message]:
        """Return what the server is told in place of a request that it is not to hear."""
        is_end = any(one.text == b"COMMIT" for one in unit) or answer.code == _DEADLOCK
        return [_query(b"ROLLBACK" if is_end else b"DO 0")]

    def replaced(self, answers: list[Message], act: Answer | Warn | Tag) -> list[bytes]:
        """Return what the client is told in place of an answer."""
        if isinstance(act, Answer):
            text = b"\xff" + struct.pack("<H", act.code) + b"#HY000a fault of the wire"
            return [_framed(text, 1)]
        if isinstance(act, Warn) and answers and answers[0].kind == "ok":
            return [_warned(answers[0]), *(one.raw for one in answers[1:])]
        return [one.raw for one in answers]


def _packet(data: bytearray) -> bytes | None:
    if len(data) < 4:
        return None
    size = int.from_bytes(data[:3], "little")
    assert size < _LONGEST, "no call of a test says so much at once"
    if len(data) < 4 + size:
        return None
    raw = bytes(data[: 4 + size])
    del data[: 4 + size]
    return raw


def _framed(text: bytes, number: int) -> bytes:
    return len(text).to_bytes(3, "little") + bytes([number]) + text


def _query(sql: bytes) -> Message:
    return Message(True, "query", sql, _framed(b"\x03" + sql, 0))


def _after_numbers(ok: Message) -> int:
    """Return where the status of an OK begins: behind two numbers of their own lengths."""
    at = 1
    for _ in range(2):
        at += {0xFC: 3, 0xFD: 4, 0xFE: 9}.get(ok.text[at], 1)
    return at


def _status(ok: Message) -> int:
    at = _after_numbers(ok)
    return int(struct.unpack("<H", ok.text[at : at + 2])[0])


def _warned(ok: Message) -> bytes:
    at = _after_numbers(ok) + 2
    (count,) = struct.unpack("<H", ok.text[at : at + 2])
    text = ok.text[:at] + struct.pack("<H", count + 1) + ok.text[at + 2 :]
    return _framed(text, ok.raw[3])
