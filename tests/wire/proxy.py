"""A wire between a client and a server that knows their messages, and harms one of them.

    with Wire(path, target, PostgresProtocol) as wire:
        wire.arm(Answer("40003", heard=True), at="COMMIT")

What is armed happens once, at a message that is found by a word in it, or by how many came before
it. `log` has what was said since, in order.
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Self

import attrs

from wire.acts import Act, Answer, Cut, Delay, Message, Swallow, Tag, Warn

_CHUNK = 65536


@attrs.define
class _Armed:
    """What is to happen, and at which message."""

    act: Act
    word: re.Pattern[bytes] | None
    is_request: bool
    #: How many messages that fit are let pass before.
    skip: int

    def is_at(self, message: Message) -> bool:
        if message.is_request is not self.is_request:
            return False
        if self.word is not None and not self.word.search(message.text):
            return False
        self.skip -= 1
        return self.skip < 0


class Wire:
    """Listens where a client thinks the server is; `path` and `target` are sockets of files."""

    def __init__(self, path: Path, target: Path, protocol: Callable[[], Any]) -> None:
        self.log: list[Message] = []
        #: How often what was armed has happened.
        self.fired = 0
        #: Whether a client that connects is refused, as by a server that is not there.
        self.is_down = False
        self._protocol = protocol
        self._target = str(target)
        self._armed: _Armed | None = None
        self._lock = threading.Lock()
        self._lines: list[_Line] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(self, act: Act, *, at: str | None = None, answers: bool = False, skip: int = 0) -> None:
        """Harm one request, or one of the `answers`: the first after `skip` that has a word.

        The word is a pattern; without one any message has it.
        """
        word = None if at is None else re.compile(at.encode())
        with self._lock:
            self.log = []
            self.fired = 0
            self._armed = _Armed(act, word, not answers, skip)

    def disarm(self) -> list[Message]:
        """Harm nothing from now on; return what was said since the last time."""
        with self._lock:
            said, self.log, self._armed = self.log, [], None
        return said

    def cut_all(self) -> None:
        """Cut every connection there is."""
        while self._lines:
            self._lines.pop().close()

    def act_on(self, message: Message) -> Act | None:
        """Note a message, and return what is to happen to it."""
        with self._lock:
            self.log.append(message)
            armed = self._armed
            if armed is None or not armed.is_at(message):
                return None
            self._armed = None
            self.fired += 1
            return armed.act

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        close(self._listener)
        self.cut_all()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.is_down:
                close(client)
                continue
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(self._target)
            except OSError:
                close(client)
                continue
            line = _Line(self, client, server, self._protocol())
            self._lines.append(line)
            line.start()


@attrs.define
class _Unit:
    """What a client says before it waits, and what is to become of the answer."""

    act: Answer | Warn | Tag | None = None
    #: The connection ends when the server has answered; or nothing more is passed on.
    then: Cut | Swallow | None = None
    answers: list[Message] = attrs.field(factory=list)


class _Line:
    """One connection: a thread for what the client says, and one for what the server answers."""

    def __init__(
        self, wire: Wire, client: socket.socket, server: socket.socket, protocol: Any
    ) -> None:
        self._wire, self._client, self._server, self._protocol = wire, client, server, protocol
        self._waiting: deque[_Unit] = deque()

    def start(self) -> None:
        """Pass on from now on."""
        for work in (self._speak, self._listen):
            threading.Thread(target=work, daemon=True).start()

    def close(self) -> None:
        """Cut it."""
        close(self._client)
        close(self._server)

    # -- what the client says -------------------------------------------------------

    def _speak(self) -> None:
        data, unit = bytearray(), list[Message]()
        with contextlib.suppress(OSError):
            while said := self._client.recv(_CHUNK):
                data += said
                for message in self._protocol.requests(data):
                    refusal = self._protocol.refusal(message)
                    if refusal is not None:
                        self._client.sendall(refusal)
                        continue
                    unit.append(message)
                    if self._protocol.is_end(message):
                        if not self._ask(unit):
                            return
                        unit = []
                    elif message.kind in ("X", "quit", "H", "cancel"):
                        self._send(unit)
                        unit = []
        close(self._server)

    def _ask(self, unit: list[Message]) -> bool:
        """Ask the server what the client asks; return whether the client is listened to still."""
        waiting = _Unit()
        passed: list[Message] = []
        for message in unit:
            act = self._wire.act_on(message)
            if isinstance(act, Delay):
                time.sleep(act.seconds)
            elif isinstance(act, Answer | Warn | Tag):
                waiting.act = act
            elif isinstance(act, Cut | Swallow):
                if not act.heard:
                    self._send(passed)  # what was said before it is heard
                    if isinstance(act, Cut):
                        self.close()
                    return False
                waiting.then = act
            passed.append(message)
        self._waiting.append(waiting)
        if isinstance(waiting.then, Cut):
            close(self._client)
        if isinstance(waiting.act, Answer) and not waiting.act.heard:
            passed = self._protocol.instead(unit, waiting.act)
        self._send(passed)
        return waiting.then is None

    def _send(self, messages: Iterable[Message]) -> None:
        self._server.sendall(b"".join(message.raw for message in messages))

    # -- what the server answers --------------------------------------------------------

    def _listen(self) -> None:
        data = bytearray()
        with contextlib.suppress(OSError):
            while said := self._server.recv(_CHUNK):
                data += said
                for message in self._protocol.answers(data):
                    if not self._tell(message):
                        self.close()
                        return
        close(self._client)

    def _tell(self, message: Message) -> bool:
        """Tell the client what the server answers; return whether the connection lasts."""
        unit = self._waiting[0] if self._waiting else _Unit()
        is_end = self._protocol.ends_answer(message)
        if unit.then is None and unit.act is None:
            act = self._wire.act_on(message)
            if isinstance(act, Cut):
                return False
            if isinstance(act, Swallow):
                unit.then = act
            elif isinstance(act, Delay):
                time.sleep(act.seconds)
        if unit.then is None and unit.act is None:
            self._client.sendall(message.raw)
        else:
            unit.answers.append(message)
        if is_end and self._waiting:
            self._waiting.popleft()
            return self._answered(unit)
        return True

    def _answered(self, unit: _Unit) -> bool:
        if isinstance(unit.then, Cut):
            return False
        if unit.act is not None and unit.then is None:
            self._client.sendall(b"".join(self._protocol.replaced(unit.answers, unit.act)))
            return not (isinstance(unit.act, Answer) and unit.act.is_fatal)
        return True


def close(end: socket.socket) -> None:
    """Close a socket, on which another thread may wait."""
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
