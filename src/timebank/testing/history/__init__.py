"""Check what clients of a bank were told against its journal, after Jepsen's *bank* and *set-full*.

Processes write what they ask and what they are told to a log (`RecordedBank`, `Recorder`), while
somebody kills, stops or cuts off what is below them; in the end each bank is read once more
(`RecordedBank.journal`), and `check(read_log(folder))` is a `Report`. It needs no pytest.
"""

from __future__ import annotations

from timebank.testing.history.checking import check
from timebank.testing.history.log import (
    Beginning,
    Call,
    Fault,
    History,
    Recorder,
    history_of,
    read_log,
)
from timebank.testing.history.recording import RecordedBank
from timebank.testing.history.report import KINDS, Anomaly, Loss, Report
from timebank.testing.history.running import Crew, run, run_in_threads, working
from timebank.testing.history.workload import Place, Plan, finish, prepare, read, write

__all__ = [
    "KINDS",
    "Anomaly",
    "Beginning",
    "Call",
    "Crew",
    "Fault",
    "History",
    "Loss",
    "Place",
    "Plan",
    "RecordedBank",
    "Recorder",
    "Report",
    "check",
    "finish",
    "history_of",
    "prepare",
    "read",
    "read_log",
    "run",
    "run_in_threads",
    "working",
    "write",
]
