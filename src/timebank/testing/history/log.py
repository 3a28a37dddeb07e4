"""The log of a run: a file of JSON lines for each process, which says what was asked and told.

A call is two lines, one written before it begins and one after it has ended, each in one step, so
that a process that is killed leaves what it was about. Every line has `what` and `at`, the
nanoseconds of the machine's monotonic clock, which all of its processes share:

| `what` | says |
| --- | --- |
| `start` | a process begins, or begins again: `process`; calls left open before it never ended |
| `begin` | a bank is ready: `bank`, `head`, `floors` by account in seconds; earlier records count |
| `invoke` | a call begins: `call`, `bank`, `do`, `ask`; `node`, and `replica` where it may be old |
| `page` | some records that the call `call` reads: `records` |
| `ok` | the call `call` has ended well: `result` |
| `refused` | it was said no to: `error`, `says`, `judged` if the bank looked for its id first |
| `fail` | it failed, and was told that nothing was written: `error`, `says`, `cause` |
| `unknown` | it may have been written: the same, and `ids` |
| `broken` | what came out is no error of the library: the same |
| `fault` | somebody did harm, or mended it: `says` |

What is asked and told by each `do` is in `timebank.testing.history.recording`. Hours are seconds,
heads are lists of a sequence and a digest in hexadecimal digits.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import attrs

from timebank.errors import Corrupt, shown

#: The endings of a call; `open` is that of one that never ended.
OUTCOMES: Final = ("ok", "refused", "fail", "unknown", "broken", "open")
#: After these the call may have been written or not.
UNCERTAIN: Final = ("unknown", "broken", "open")


class Recorder:
    """Writes the log of one process, a line at a time; who appends to a file starts anew.

    A process does one thing after the other: each thread has a recorder of its own.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from timebank.testing.history import Recorder, read_log
    >>> path = Path(tempfile.mkdtemp()) / "w1.jsonl"
    >>> with Recorder(path) as log:
    ...     log.note("fault", says="the server was killed")
    >>> read_log([path]).faults[0].says
    'the server was killed'
    """

    def __init__(self, path: Path, *, process: str | None = None) -> None:
        self.process = path.stem if process is None else process
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._calls = 0
        self.note("start", process=self.process)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; safe to call twice."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def note(self, what: str, **facts: object) -> None:
        """Write a line. What the operating system has is there, though the process be killed."""
        line = {"what": what, "at": time.monotonic_ns(), **facts}
        os.write(self._file, (json.dumps(line, separators=(",", ":")) + "\n").encode())

    def invoke(
        self,
        do: str,
        *,
        bank: str,
        ask: Mapping[str, object],
        node: str | None = None,
        replica: bool = False,
    ) -> int:
        """Write that a call begins, and return its number, by which `note` tells how it ended."""
        self._calls += 1
        more: dict[str, object] = {} if node is None else {"node": node}
        if replica:
            more["replica"] = True
        self.note("invoke", call=self._calls, bank=bank, do=do, ask=ask, **more)
        return self._calls


@attrs.define(eq=False)
class Call:
    """A call as a process was told of it.

    `began` and `ended` are nanoseconds of the machine's clock; `ended` is `None` for one that never
    ended, whose `outcome` is `open`. `answer` is the rest of the line that ended it.
    """

    process: str
    number: int
    bank: str
    do: str
    ask: dict[str, Any]
    began: int
    node: str | None = None
    replica: bool = False
    ended: int | None = None
    outcome: str = "open"
    answer: dict[str, Any] = attrs.field(factory=dict)
    records: list[Any] = attrs.field(factory=list)

    @property
    def result(self) -> dict[str, Any]:
        """What it returned, if it ended well."""
        found: dict[str, Any] = self.answer.get("result") or {}
        return found if self.outcome == "ok" else {}

    @property
    def is_uncertain(self) -> bool:
        """Whether it may have been written or not, as far as its caller was told."""
        return self.outcome in UNCERTAIN


@attrs.frozen
class Fault:
    """What somebody did to the storage, and when."""

    at: int
    says: str


@attrs.frozen
class Beginning:
    """A bank when the run began: its head, and the floors of its accounts in seconds."""

    at: int
    head: tuple[int, str]
    floors: dict[str, int]


@attrs.define
class History:
    """All that the logs of a run say, the calls in the order in which they began."""

    calls: list[Call] = attrs.field(factory=list)
    faults: list[Fault] = attrs.field(factory=list)
    banks: dict[str, Beginning] = attrs.field(factory=dict)

    @property
    def start(self) -> int:
        """The instant of the first line that matters, from which reports count."""
        instants = [call.began for call in self.calls[:1]]
        instants += [begun.at for begun in self.banks.values()]
        instants += [fault.at for fault in self.faults[:1]]
        return min(instants, default=0)


def lines_of(path: Path) -> Iterator[dict[str, Any]]:
    """Read the lines of a log; the last one may be cut short by a kill.

    :raises Corrupt: another line is no JSON object.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                return
            try:
                found = json.loads(line)
            except ValueError:
                found = None
            if not isinstance(found, dict):
                msg = f"line {number} of {path.name} is no line of a log: {shown(line)}"
                raise Corrupt(msg)
            yield found


def read_log(paths: Iterable[Path] | Path) -> History:
    """Read the logs of a run: files, or a folder of `*.jsonl`.

    :raises Corrupt: a line that is none of a log.
    """
    if isinstance(paths, Path):
        paths = sorted(paths.glob("*.jsonl")) if paths.is_dir() else [paths]
    history = History()
    for path in paths:
        _read(history, path.stem, lines_of(path))
    history.calls.sort(key=lambda call: call.began)
    history.faults.sort(key=lambda fault: fault.at)
    return history


def history_of(lines: Iterable[Mapping[str, Any]]) -> History:
    """Return the history of lines that are at hand, of one process after the other."""
    history = History()
    _read(history, "", lines)
    history.calls.sort(key=lambda call: call.began)
    history.faults.sort(key=lambda fault: fault.at)
    return history


def _read(history: History, process: str, lines: Iterable[Mapping[str, Any]]) -> None:
    """Add the lines of one process."""
    calls: dict[int, Call] = {}
    for line in lines:
        try:
            what, at = line["what"], line["at"]
            if what == "invoke":
                call = Call(
                    process,
                    line["call"],
                    line["bank"],
                    line["do"],
                    line["ask"],
                    at,
                    line.get("node"),
                    line.get("replica", False),
                )
                calls[call.number] = call
                history.calls.append(call)
            elif what in OUTCOMES:
                call = calls.pop(line["call"])
                call.ended, call.outcome = at, what
                call.answer = dict(line)
            elif what == "page":
                calls[line["call"]].records += line["records"]
            elif what == "start":
                process = line["process"]
                calls = {}
            elif what == "begin":
                sequence, digest = line["head"]
                history.banks[line["bank"]] = Beginning(at, (sequence, digest), line["floors"])
            elif what == "fault":
                history.faults.append(Fault(at, line["says"]))
        except (KeyError, TypeError, ValueError) as error:
            msg = f"no line of a log: {shown(dict(line))}"
            raise Corrupt(msg) from error
