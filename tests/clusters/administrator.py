"""An administrator of banks whose cluster may lose history: logs heads, and accepts what is lost.

Heads are logged as `timebank head --log` does from cron. What is gone is accepted once it has been
named: by the log, or by a writer's `HistoryLost`, which is looked for in the logs of the run.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from timebank import Head, HistoryLost, InvalidRequest, TimeBank, TimebankError
from timebank.bank.head_log import HeadLog
from timebank.model import microseconds
from timebank.testing.history import Place, Plan, Recorder
from timebank.testing.history.recording import outcome_of

REASON: Final = "the cluster failed over to a standby that lagged"
_REST_SECONDS: Final = 0.5


class Administrator:
    """Who looks after the banks of a plan, at places of which the first that answers is used."""

    def __init__(self, places: Sequence[Place], plan: Plan, log: Recorder, folder: Path) -> None:
        self._places = places
        self._banks = plan.banks
        self._log = log
        self._folder = folder
        self._read: dict[Path, int] = {}
        self._bank_of: dict[tuple[Path, int], str] = {}
        self._at = 0

    def look(self) -> None:
        """Log the head of each bank, and accept what was named as lost since."""
        for name in self._banks:
            self._try(name, self._log_head)
        for name, sequence, digest in self._complaints():
            self._try(name, partial(self._accept, sequence=sequence, digest=digest))

    def _try(self, name: str, act: Callable[[TimeBank], None]) -> None:
        """Act, and go to the next place where this one fails; what is missed comes again."""
        try:
            act(self._places[self._at].open(name))
        except TimebankError as error:
            self._log.note("administrator", bank=name, error=type(error).__name__)
            self._at = (self._at + 1) % len(self._places)

    def _log_head(self, bank: TimeBank) -> None:
        log = HeadLog(self._folder / f"{bank.name}.heads")
        try:
            head = log.append(
                lambda: bank.store.reader(bank.name), clock=microseconds(datetime.now(UTC))
            )
        except HistoryLost as error:
            self._named(bank, error)
            self._accept(bank, error.head.sequence, error.head.digest)
        else:
            self._log.note("logged", bank=bank.name, sequence=head.sequence)

    def _named(self, bank: TimeBank, error: HistoryLost) -> None:
        """Write into the history that the log of heads has named a loss."""
        call = self._log.invoke("accept_history", bank=bank.name, ask={})
        what, facts = outcome_of(error)
        self._log.note(what, call=call, **facts)

    def _accept(self, bank: TimeBank, sequence: int, digest: bytes) -> None:
        head = Head(bank.head().journal, sequence, digest)
        try:
            found = bank.accept_history(head=head, reason=REASON)
        except InvalidRequest:  # the journal has it: the node that was asked before had not
            return
        self._log.note("accepted", bank=bank.name, sequence=found.sequence, lost=sequence)

    def _complaints(self) -> Iterator[tuple[str, int, bytes]]:
        """Give bank and head of what writers were told to be lost, since it was asked last."""
        for path in sorted(self._folder.glob("w*.jsonl")):
            for line in self._new_lines(path):
                if line["what"] == "invoke":
                    self._bank_of[path, line["call"]] = line["bank"]
                elif "call" in line and line["what"] != "page":
                    name = self._bank_of.pop((path, line["call"]))
                    if lost := line.get("lost"):
                        yield name, lost[0], bytes.fromhex(lost[1])

    def _new_lines(self, path: Path) -> Iterator[dict[str, Any]]:
        with path.open("rb") as file:
            file.seek(self._read.get(path, 0))
            while (line := file.readline()).endswith(b"\n"):
                self._read[path] = file.tell()
                yield json.loads(line)


def administer(
    places: Sequence[Place], plan: Plan, log: Recorder, folder: Path, stop: Callable[[], bool]
) -> None:
    """Look after the banks until told to stop."""
    administrator = Administrator(places, plan, log, folder)
    while not stop():
        administrator.look()
        time.sleep(_REST_SECONDS)
