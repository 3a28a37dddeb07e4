"""PostgreSQL's protocol, version 3: its messages, one by one, and answers of our own."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import Final

from wire.acts import Answer, Message, Tag, Warn

_SSL, _GSS, _CANCEL = 80877103, 80877104, 80877102
#: What a client ends what it asks with: then it waits.
_ENDS: Final = ("Q", "S", "startup", "p")
_COMMIT: Final = re.compile(rb"COMMIT(\0|$)")
#: What fails, so that the server's transaction fails as the answer says.
_FAILING: Final = b"SELECT no_such_column_of_a_wire\0"


def message(kind: str, text: bytes, *, is_request: bool) -> Message:
    """Make a message."""
    raw = kind.encode() + struct.pack("!I", len(text) + 4) + text
    return Message(is_request, kind, text, raw)


class PostgresProtocol:
    """What one connection says; one for each."""

    def __init__(self) -> None:
        self._is_started = False

    def requests(self, data: bytearray) -> Iterator[Message]:
        """Take whole messages of a client from the front of what has come."""
        while True:
            if not self._is_started:
                found = self._first(data)
                if found is None:
                    return
                yield found
                continue
            if (one := _whole(data, is_request=True)) is None:
                return
            yield one

    def _first(self, data: bytearray) -> Message | None:
        if len(data) < 8:
            return None
        size, code = struct.unpack("!II", data[:8])
        if len(data) < size:
            return None
        raw = bytes(data[:size])
        del data[:size]
        kind = {_SSL: "ssl", _GSS: "ssl", _CANCEL: "cancel"}.get(code, "startup")
        self._is_started = kind == "startup"
        return Message(True, kind, raw[8:], raw)

    def answers(self, data: bytearray) -> Iterator[Message]:
        """Take whole messages of a server from the front of what has come."""
        while (one := _whole(data, is_request=False)) is not None:
            yield one

    def is_end(self, request: Message) -> bool:
        """Return whether the client now waits for an answer."""
        return request.kind in _ENDS

    def ends_answer(self, answer: Message) -> bool:
        """Return whether the server now waits for the client."""
        # Of the start, each question for a password ends one.
        is_question = answer.kind == "R" and answer.text[:4] not in (b"\0\0\0\0", b"\0\0\0\x0c")
        return answer.kind == "Z" or is_question

    def refusal(self, request: Message) -> bytes | None:
        """Return what a wire answers by itself, to what it does not pass on."""
        return b"N" if request.kind == "ssl" else None

    def instead(self, unit: list[Message], answer: Answer) -> list[Message]:
        """Return what the server is told in place of a request that it is not to hear."""
        if any(_COMMIT.search(one.text) for one in unit):
            return [message("Q", b"ROLLBACK\0", is_request=True)]
        return [message("Q", _FAILING, is_request=True)]

    def replaced(self, answers: list[Message], act: Answer | Warn | Tag) -> list[bytes]:
        """Return what the client is told in place of an answer."""
        if isinstance(act, Warn):
            return [_notice(act), *(one.raw for one in answers)]
        if isinstance(act, Tag):
            retagged = message("C", act.tag + b"\0", is_request=False).raw
            return [retagged if one.kind == "C" else one.raw for one in answers]
        severity = "FATAL" if act.is_fatal else "ERROR"
        error = _told("E", (severity, severity), str(act.code), "a fault of the wire")
        if act.is_fatal:
            return [error]
        state = answers[-1].text if answers and answers[-1].kind == "Z" else b"I"
        ready = message("Z", b"I" if state == b"I" else b"E", is_request=False)
        return [error, ready.raw]


def _whole(data: bytearray, *, is_request: bool) -> Message | None:
    if len(data) < 5:
        return None
    size = 1 + struct.unpack("!I", data[1:5])[0]
    if len(data) < size:
        return None
    raw = bytes(data[:size])
    del data[:size]
    return Message(is_request, chr(raw[0]), raw[5:], raw)


def _told(kind: str, severity: tuple[str, str | None], code: str, words: str) -> bytes:
    fields = [("S", severity[0]), ("V", severity[1]), ("C", code), ("M", words)]
    text = b"".join(f"{key}{value}".encode() + b"\0" for key, value in fields if value is not None)
    return message(kind, text + b"\0", is_request=False).raw


def _notice(act: Warn) -> bytes:
    severity = (act.severity, act.severity_in_no_language)
    return _told("N", severity, act.code, act.words)
