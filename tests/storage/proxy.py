"""A wire to a server that can be cut, slow or silent at a word: between sockets of a machine."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

_CHUNK = 65536


class Proxy:
    """Passes on what is said, until the client says `word`, a pattern: the connection is cut.

    With `after` the server still hears it, and its answer is what gets lost. `mute_at` has it say
    nothing more, and stay; `slow_at` passes it on later.
    """

    def __init__(self, path: Path, target: Path) -> None:
        self.word: bytes | None = None
        self.after = False
        self.cuts = 0
        #: How many messages a client may still say before nothing more is passed on.
        self.messages: int | None = None
        self.connections = 0
        self._slow: tuple[bytes, float] | None = None
        self._is_muting = False
        self._closed = threading.Event()
        #: Clients that hear nothing more.
        self._deaf: set[socket.socket] = set()
        self._target = str(target)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_at(self, word: bytes, *, after: bool) -> None:
        """Cut the next connection that says `word`, once."""
        self.word, self.after = word, after

    def mute_at(self, word: bytes, *, after: bool = False) -> None:
        """Pass nothing on any more on the next connection that says `word`, which stays open."""
        self.word, self.after, self._is_muting = word, after, True

    def mute_after(self, messages: int) -> None:
        """Pass nothing on any more, on any connection, after so many messages of the client."""
        self.messages = messages

    def slow_at(self, word: bytes, seconds: float) -> None:
        """Pass on so much later, each time, what matches a word."""
        self._slow = word, seconds

    def cut_all(self) -> None:
        """Cut every connection there is."""
        while self._open:
            _close(self._open.pop())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closed.set()
        _close(self._listener)
        self.cut_all()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._target)
            self.connections += 1
            self._open += [client, server]
            for work in (self._speak, self._listen):
                threading.Thread(target=work, args=(client, server), daemon=True).start()

    def _speak(self, client: socket.socket, server: socket.socket) -> None:
        """What the client says."""
        with contextlib.suppress(OSError):
            while said := client.recv(_CHUNK):
                if self._slow is not None and re.search(self._slow[0], said):
                    self._closed.wait(self._slow[1])
                if self.messages is not None:
                    self.messages -= 1
                    if self.messages < 0:
                        self._closed.wait()
                if self.word is not None and re.search(self.word, said):
                    self.word = None
                    self.cuts += 1
                    if self._is_muting:
                        self._mute(client, server, said if self.after else b"")
                        break
                    _close(client)
                    if self.after:
                        server.sendall(said)
                        return  # the answer goes to nobody; the server ends when it was given
                    break
                server.sendall(said)
        _close(server)

    def _mute(self, client: socket.socket, server: socket.socket, said: bytes) -> None:
        """Say no more to the client; the server may hear this, and what it answers is lost."""
        if said:
            self._deaf.add(client)
            server.sendall(said)
        self._closed.wait()

    def _listen(self, client: socket.socket, server: socket.socket) -> None:
        """What the server answers; where nobody hears it the server is left too."""
        with contextlib.suppress(OSError):
            while said := server.recv(_CHUNK):
                if client in self._deaf:
                    self._closed.wait()
                client.sendall(said)
        _close(client)
        _close(server)


def _close(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
