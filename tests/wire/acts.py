"""What can be done to a message, and what a message is."""

from __future__ import annotations

from typing import Final

import attrs


@attrs.frozen
class Message:
    """One message of a client or a server, whole, as it goes over the wire.

    `kind` is a word: the letter of PostgreSQL's protocol, or the command's or packet's name of
    MySQL's. `text` is what is in it.
    """

    is_request: bool
    kind: str
    text: bytes
    raw: bytes

    def __str__(self) -> str:
        """Return it shortly, for what a test says."""
        who = "client" if self.is_request else "server"
        return f"{who} {self.kind} {self.text[:60]!r}"


@attrs.frozen
class Cut:
    """The connection ends at the message: the one it is for does not get it.

    With `heard` a request still reaches the server, which does what it says.
    """

    heard: bool = False


@attrs.frozen
class Swallow:
    """The message gets lost, and all that would follow in its direction; nothing is closed.

    With `heard` a request still reaches the server, whose answer gets lost.
    """

    heard: bool = False


@attrs.frozen
class Delay:
    """The message comes so many seconds later."""

    seconds: float


@attrs.frozen
class Answer:
    """The server answers a request by an error of this code: a SQLSTATE, or MariaDB's number.

    Without `heard` it does not do what the request says; of a commit it does a rollback instead.
    With it it has done so. `is_fatal` ends the connection behind the answer.
    """

    code: str | int
    heard: bool = False
    is_fatal: bool = False


@attrs.frozen
class Warn:
    """The server does what a request says, and warns; the severity is in its own language."""

    code: str = "01000"
    severity: str = "WARNUNG"
    severity_in_no_language: str | None = "WARNING"
    words: str = "warten auf synchrone Replikation wird abgebrochen"


@attrs.frozen
class Tag:
    """PostgreSQL says that it did something else: the tag of its answer."""

    tag: bytes


Act = Cut | Swallow | Delay | Answer | Warn | Tag
#: For the answer to a message that is left alone.
PASS: Final = None
