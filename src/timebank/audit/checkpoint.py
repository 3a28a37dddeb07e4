"""A file of what an audit knew at its end, from which a later one goes on.

It holds the head, and what each check knew: of each account what it is, where it stands and its
history; the open holds, the statutes, the peaks of the tree, and what is left to reverse of the
transfers that were last reversed. No personal text is in it. It grows with the accounts and not
with the records.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from typing import Any, Final

import attrs

from timebank.errors import InvalidRequest, TimebankError, shown
from timebank.journal import canonical, parse
from timebank.model import Head

FORMAT: Final = "timebank-checkpoint/5"
#: How the file of a checkpoint begins, of any version.
_BEGINNING: Final = re.compile(rb'\{"digest":"[0-9a-f]{64}","format":"timebank-checkpoint/')
_BEGINNING_BYTES: Final = 128
_DIGEST: Final = re.compile(rb'\{"digest":"([0-9a-f]{64})",')
#: What a file of any content may make of reading it.
UNUSABLE: Final = (
    AttributeError,
    IndexError,
    KeyError,
    OverflowError,
    RecursionError,
    TimebankError,
    TypeError,
    ValueError,
)

State = dict[str, Any]


class Unusable(Exception):
    """A part of a checkpoint cannot be, which is seen where it is asked for.

    No check takes it for something that cannot be read in the storage: the audit ends.
    """


def _refuse(number: str) -> Any:
    msg = f"a checkpoint holds no such number: {shown(number)}"
    raise ValueError(msg)


#: Read what has the digest of what was written; a forger's may still be anything.
_read: Final[Callable[[bytes], Any]] = partial(
    json.loads, parse_float=_refuse, parse_constant=_refuse
)


@attrs.frozen
class Checkpoint:
    """The state of an audit that ended well. `head` is where it stood; the rest is for the next.

    >>> import timebank
    >>> from timebank.audit import Checkpoint
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1"), bank.open_account("m2")
    >>> checkpoint = bank.audit().checkpoint
    >>> _ = bank.transfer(earner="m1", spender="m2", hours=1)
    >>> report = bank.audit(since=Checkpoint.from_bytes(checkpoint.to_bytes()))
    >>> report.ok, report.records
    (True, 1)
    """

    head: Head
    _state: Callable[[], State] = attrs.field(alias="state", eq=False, repr=False)

    def state(self) -> State:
        """Return what each check knew, by its key."""
        return self._state()

    def to_bytes(self) -> bytes:
        """Return it as canonical JSON, with a digest over itself."""
        content = {"format": FORMAT, "head": str(self.head), "state": self.state()}
        rest = canonical(content)
        return b'{"digest":"%s",' % sha256(rest).hexdigest().encode() + rest[1:] + b"\n"

    @classmethod
    def from_bytes(cls, content: bytes) -> Checkpoint:
        """Read it again.

        :raises InvalidRequest: it is none, of another version, or not as it was written.
        """
        content = content.removesuffix(b"\n")
        is_whole = _is_as_written(content)
        try:
            found = _read(content) if is_whole else parse(content)
            form = found.get("format")
        except UNUSABLE as error:
            raise _none() from error
        if not isinstance(form, str) or form.partition("/")[0] != FORMAT.partition("/")[0]:
            raise _none()
        if form != FORMAT:
            msg = f"this checkpoint is of another version, {shown(form)}: audit from the beginning"
            raise InvalidRequest(msg).about(key="checkpoint_of_other_version", form=shown(form))
        if not is_whole:
            msg = "this checkpoint is not as it was written: audit from the beginning"
            raise InvalidRequest(msg).about(key="checkpoint_changed")
        try:
            state = found["state"]
            return cls(Head.of(found["head"]), lambda: state)
        except UNUSABLE as error:
            raise _none() from error

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it to a file: whole, or not at all. Of what is there, only a checkpoint is lost.

        :raises InvalidRequest: something else is there, or no folder for it.
        :raises OSError: it cannot be written.
        """
        target = place_to_save(path)
        beside = target.with_name(f".checkpoint-{token_hex(8)}")
        try:
            with beside.open("xb") as file:
                file.write(self.to_bytes())
                file.flush()
                os.fsync(file.fileno())
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Checkpoint:
        """Read it from a file.

        :raises InvalidRequest: as `from_bytes`.
        :raises OSError: it cannot be read.
        """
        return cls.from_bytes(Path(path).read_bytes())


def _is_as_written(content: bytes) -> bool:
    """Return whether the digest, which stands first, is that of what follows it."""
    begins = _DIGEST.match(content)
    if begins is None:
        return False
    rest = sha256(b"{")
    rest.update(memoryview(content)[begins.end() :])
    return rest.hexdigest().encode() == begins[1]


def place_to_save(path: str | os.PathLike[str]) -> Path:
    """Return the file where a checkpoint may be saved: a new or empty one, or that of a checkpoint.

    Nothing is written: so it can be asked before a long audit.

    :raises InvalidRequest: something else is there, a bank for instance; or no folder for it.
    :raises OSError: what is there cannot be read.

    >>> from timebank.audit.checkpoint import place_to_save
    >>> place_to_save("audit.checkpoint").name
    'audit.checkpoint'
    """
    target = Path(os.path.realpath(path))
    name = repr(os.fspath(path))  # the whole of it, as in an error of the system
    if not target.exists():
        if not target.parent.is_dir():
            msg = f"a checkpoint cannot be saved in {name}: there is no such folder"
            raise InvalidRequest(msg).about(key="checkpoint_no_folder", file=str(name))
        return target
    if not target.is_file():
        msg = f"a checkpoint cannot be saved in {name}: that is no file"
        raise InvalidRequest(msg).about(key="checkpoint_no_file", file=str(name))
    with target.open("rb") as file:
        beginning = file.read(_BEGINNING_BYTES)
    if beginning and not _BEGINNING.match(beginning):
        msg = f"{name} is no checkpoint, and is not overwritten: choose another file"
        raise InvalidRequest(msg).about(key="checkpoint_other", file=str(name))
    return target


def _none() -> InvalidRequest:
    msg = "this is no checkpoint of an audit: it cannot be read"
    return InvalidRequest(msg).about(key="checkpoint_unreadable")
