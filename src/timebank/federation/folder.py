"""A folder of files that carries messages: on a stick, in a shared folder, by any script.

Two banks use the same folder, or copies of it. Each file is one message, named after who it is
for: `TO-DIGEST.timebank`, of 16 hexadecimal digits each. Files appear whole or not at all; a file
that is not a message for the bank that looks is left alone. What was done with is taken away, and
what is refused is kept beside it under the same name with `.refused` behind it, and what is for a
board to read with `.board`.

>>> import tempfile
>>> import timebank
>>> from timebank import federation
>>> from timebank.federation.folder import Folder
>>> from timebank.proof import SigningKey, origin_of
>>> isola, bovisa = timebank.open("memory:"), timebank.open("memory:")
>>> ours, theirs = (SigningKey.make(origin_of(b.head().journal)) for b in (isola, bovisa))
>>> _ = isola.open_account("anna"), bovisa.open_account("bruno")
>>> terms = {"they_may_owe": 20, "we_may_owe": 20}
>>> _ = federation.agree(isola, bovisa, key=theirs.public, **terms)
>>> _ = federation.agree(bovisa, isola, key=ours.public, **terms)
>>> _ = federation.make_offer(isola, bovisa, spender="anna", earner="bruno", hours=2, id="x1")
>>> place = tempfile.TemporaryDirectory()
>>> stick = Folder(place.name)
>>> len(stick.put(isola, bovisa, key=ours))
1
>>> [one.kind for one in stick.take(bovisa, key=theirs)]  # the answer is put into the folder
['offer']
>>> [one.kind for one in stick.take(isola, key=ours)], isola.balance("anna").posted
(['answer'], Hours('-2:00'))
>>> place.cleanup()
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

import attrs

from timebank.bank import TimeBank
from timebank.errors import FAILURES, HistoryLost, TimebankError
from timebank.federation.agreements import Peer, journal_of
from timebank.federation.booking import OtherOffer
from timebank.federation.envelopes import Key
from timebank.federation.messages import MOST_BYTES, Message
from timebank.federation.servers import FOR_BOARD, outbox, receive
from timebank.proof.errors import Forked
from timebank.proof.folders import keep_new, make_folder, sync_folder

_NAME: Final = re.compile("([0-9a-f]{16})-([0-9a-f]{16})[.]timebank")
_DIGITS: Final = 16
REFUSED: Final = ".refused"
BOARD: Final = ".board"
EVIDENCE: Final = ".evidence"


@attrs.frozen
class Taken:
    """A file that was looked at: its message, where it is one, and why it was refused, if it was.

    `answer` is the file of the answer, `evidence` that of what proves a fork, where there is one.
    """

    file: Path
    message: Message | None
    error: TimebankError | None = None
    answer: Path | None = None
    evidence: Path | None = None

    @property
    def kind(self) -> str | None:
        """What the message is, `None` where it is none."""
        return None if self.message is None else self.message.kind


@attrs.frozen
class Folder:
    """A folder with messages between banks."""

    path: Path = attrs.field(converter=Path)

    def keep(self, data: bytes) -> Path:
        """Put a message into the folder, whole; return its file. Twice it is there once.

        :raises MessageRefused: it is no message.
        :raises OSError: it cannot be written.
        """
        message = Message.of(data)
        make_folder(self.path)
        name = f"{_mark(message.receiver)}-{sha256(message.data).hexdigest()[:_DIGITS]}.timebank"
        return keep_new(self.path / name, f"{message}\n")

    def put(self, bank: TimeBank, peer: Peer, *, key: Key, since: int | None = None) -> list[Path]:
        """Put what may not have reached another bank into the folder; return the files.

        :raises OSError: one cannot be written.
        :raises TimebankError: as `outbox`.
        """
        return [self.keep(one) for one in outbox(bank, peer, key=key, since=since)]

    def waiting(self, bank: TimeBank) -> Iterator[Path]:
        """Yield the files that are for a bank, in the order of their names.

        :raises OSError: the folder cannot be read.
        """
        mark = _mark(journal_of(bank))
        for file in sorted(self.path.iterdir()) if self.path.is_dir() else []:
            name = _NAME.fullmatch(file.name)
            if name is not None and name[1] == mark and file.is_file():
                yield file

    def take(
        self,
        bank: TimeBank,
        *,
        key: Key,
        do: Callable[[TimeBank, Message, Key], bytes | None] | None = None,
    ) -> list[Taken]:
        """Do what the messages for a bank ask for, put the answers beside them, take them away.

        `do` does it, and returns the answer; `receive` does without it. What is refused is kept
        under another name, with the evidence, if there is any; so is what is for a board. Where
        this bank has lost what the other saw of it, the file stays as it is.

        :raises Retryable: the storage is busy or away. What was not done with stays.
        :raises StoreError: as reading and writing the bank does.
        :raises OSError: the folder cannot be read or written.
        """
        done = _received if do is None else do
        return [self._taken(bank, file, key, done) for file in list(self.waiting(bank))]

    def _taken(
        self,
        bank: TimeBank,
        file: Path,
        key: Key,
        do: Callable[[TimeBank, Message, Key], bytes | None],
    ) -> Taken:
        with file.open("rb") as stream:
            data = stream.read(MOST_BYTES + 2)
        message = answer = None
        try:
            message = Message.of(data)
            sent = do(bank, message, key)
            answer = None if sent is None else self.keep(sent)
        except HistoryLost as error:  # it comes right once the loss is declared: the file stays
            return Taken(file, message, error)
        except FAILURES:
            raise
        except TimebankError as error:
            return Taken(file, message, error, evidence=self._refuse(file, error))
        with suppress(FileNotFoundError):
            file.unlink()
        sync_folder(self.path)
        return Taken(file, message, answer=answer)

    def _refuse(self, file: Path, error: TimebankError) -> Path | None:
        """Keep a file under another name, with the evidence that an error has."""
        found = error.evidence if isinstance(error, (Forked, OtherOffer)) else None
        kept = None
        if found is not None:
            kept = keep_new(file.with_name(file.name + EVIDENCE), found)
        with suppress(FileNotFoundError):
            end = BOARD if error.key == FOR_BOARD else REFUSED
            file.replace(file.with_name(file.name + end))
        sync_folder(self.path)
        return kept


def _received(bank: TimeBank, message: Message, key: Key) -> bytes | None:
    return receive(bank, message, key=key)


def _mark(journal: str) -> str:
    return sha256(journal.encode()).hexdigest()[:_DIGITS]
