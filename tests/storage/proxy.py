"""A wire to a server that can be cut at a word: between two sockets of one machine."""

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

    With `after` the server still hears it, and its answer is what gets lost.
    """

    def __init__(self, path: Path, target: Path) -> None:
        self.word: bytes | None = None
        self.after = False
        self.cuts = 0
        self._target = str(target)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_at(self, word: bytes, *, after: bool) -> None:
        """Cut the next connection that says `word`, once."""
        self.word, self.after = word, after

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
            self._open += [client, server]
            for work in (self._speak, self._listen):
                threading.Thread(target=work, args=(client, server), daemon=True).start()

    def _speak(self, client: socket.socket, server: socket.socket) -> None:
        """What the client says."""
        with contextlib.suppress(OSError):
            while said := client.recv(_CHUNK):
                if self.word is not None and re.search(self.word, said):
                    self.word = None
                    self.cuts += 1
                    _close(client)
                    if self.after:
                        server.sendall(said)
                        return  # the answer goes to nobody; the server ends when it was given
                    break
                server.sendall(said)
        _close(server)

    def _listen(self, client: socket.socket, server: socket.socket) -> None:
        """What the server answers; where nobody hears it the server is left too."""
        with contextlib.suppress(OSError):
            while said := server.recv(_CHUNK):
                client.sendall(said)
        _close(client)
        _close(server)


def _close(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
