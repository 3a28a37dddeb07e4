"""What an audit knows at its end, kept in a file, so that a later one goes on from there.

It holds the head, and of each account what it is, where it stands and how it lived; the open
holds, the statutes, and what is left to reverse of the transfers that were last reversed. No
personal text is in it. It grows with the accounts and not with the records.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Final

import attrs

from timebank.audit.lives import Life
from timebank.errors import InvalidRequest, TimebankError, shown
from timebank.journal import canonical, parse
from timebank.model import AccountRow, Head, HoldRow, StatuteRow
from timebank.statute.codec import as_record, from_record

if TYPE_CHECKING:
    from timebank.audit.stream import Audit

FORMAT: Final = "timebank-checkpoint/1"
#: How the file of a checkpoint begins, of any version.
_BEGINNING: Final = re.compile(rb'\{"digest":"[0-9a-f]{64}","format":"timebank-checkpoint/')
_BEGINNING_BYTES: Final = 128
#: What a file of any content may make of reading it.
_UNREADABLE: Final = (
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


@attrs.frozen
class Checkpoint:
    """Where an audit ended well. `head` is what it stood at; the rest is for the next audit.

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
        """What the checks knew."""
        return self._state()

    def to_bytes(self) -> bytes:
        """As canonical JSON, with a digest over itself."""
        content = {"format": FORMAT, "head": str(self.head), "state": self.state()}
        digest = sha256(canonical(content)).hexdigest()
        return canonical(content | {"digest": digest}) + b"\n"

    @classmethod
    def from_bytes(cls, content: bytes) -> Checkpoint:
        """Read it again.

        :raises InvalidRequest: it is none, of another version, or not as it was written.
        """
        try:
            found = parse(content.removesuffix(b"\n"))
            form = found.get("format")
        except _UNREADABLE as error:
            msg = "this is no checkpoint of an audit: it cannot be read"
            raise InvalidRequest(msg) from error
        if form != FORMAT:
            msg = f"this is no checkpoint that can be read here: its format is {shown(form)}"
            raise InvalidRequest(msg)
        digest = found.pop("digest", None)
        if digest != sha256(canonical(found)).hexdigest():
            msg = "this checkpoint is not as it was written: audit from the beginning"
            raise InvalidRequest(msg)
        try:
            state = found["state"]
            return cls(Head.of(found["head"]), lambda: state)
        except _UNREADABLE as error:
            msg = "this is no checkpoint of an audit: it cannot be read"
            raise InvalidRequest(msg) from error

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


def place_to_save(path: str | os.PathLike[str]) -> Path:
    """The file where a checkpoint may be saved: a new or empty one, or that of a checkpoint.

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
            raise InvalidRequest(msg)
        return target
    if not target.is_file():
        msg = f"a checkpoint cannot be saved in {name}: that is no file"
        raise InvalidRequest(msg)
    with target.open("rb") as file:
        beginning = file.read(_BEGINNING_BYTES)
    if beginning and not _BEGINNING.match(beginning):
        msg = f"{name} is no checkpoint, and is not overwritten: choose another file"
        raise InvalidRequest(msg)
    return target


def state_of(audit: Audit) -> State:
    """What the checks of an audit know at its end, as JSON has it."""
    fold, statutes = audit.fold, audit.statutes
    accounts = {}
    for id, row in fold.accounts.items():
        if row is None:
            continue
        life = audit.lives.of(id)
        accounts[id] = {
            "row": list(row),
            "balance": list(fold.balances.get(id, (0, 0))),
            "totals": list(audit.derived.totals.get(id, (0, 0))),
            "holds": [list(hold) for hold in fold.holds.get(id, {}).values()],
            "life": None if life is None else attrs.asdict(life) | {"once": sorted(life.once)},
            "months": audit.dues.months.get(id),
        }
    return {
        "accounts": accounts,
        "statutes": [as_record(statute) for statute in statutes.known()],
        "adopted": [list(one) for one in statutes.adopted],
        "rows": [list(row) for row in audit.derived.statutes],
        "instant": audit.clocks.last,
        "left": [
            [original, id, [[*line, seconds] for line, seconds in lines.items()]]
            for original, (id, lines) in audit.reversals.remaining.items()
        ],
    }


def restore(audit: Audit, checkpoint: Checkpoint) -> None:
    """Let the checks of an audit know what they knew.

    :raises InvalidRequest: what was written cannot be.
    """
    try:
        _restore(audit, checkpoint.state())
    except _UNREADABLE as error:
        msg = "this checkpoint cannot be used: audit from the beginning"
        raise InvalidRequest(msg) from error


def _restore(audit: Audit, state: State) -> None:
    fold = audit.fold
    for id, known in state["accounts"].items():
        fold.accounts[id] = AccountRow(*known["row"])
        version, balance = known["balance"]
        fold.balances[id] = (version, balance)
        for hold in known["holds"]:
            fold.keep(HoldRow(*hold))
        earned, spent = known["totals"]
        audit.derived.totals[id] = (earned, spent)
        if known["life"] is not None:
            life = Life(**known["life"])
            life.changes = [(day, status) for day, status in life.changes]
            # Of other things than names no order can be written down again.
            life.once = {_name(rule) for rule in life.once}
            audit.lives.know(id, life)
        if known["months"] is not None:
            audit.dues.months[id] = dict(known["months"])
    audit.statutes.know(
        [from_record(data) for data in state["statutes"]],
        [(day, version) for day, version in state["adopted"]],
    )
    audit.derived.statutes += [StatuteRow(*row) for row in state["rows"]]
    audit.clocks.last = state["instant"]
    for original, id, lines in state["left"]:
        left = {(account, earned): seconds for account, earned, seconds in lines}
        audit.reversals.remaining[original] = (id, left)


def _name(given: object) -> str:
    if not isinstance(given, str):
        msg = f"a name is a string, not {shown(given)}"
        raise TypeError(msg)
    return given
