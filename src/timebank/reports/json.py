"""Return every result of a bank as plain dictionaries that `json.dumps` takes.

`of` chooses the shape by the type of the result; each shape is a function of its own as well, and
`error` is that of a refusal. A web service answers with them.
`docs/json.md` documents their keys.

>>> import json
>>> import timebank
>>> from timebank import reports
>>> bank = timebank.open("memory:")
>>> _ = bank.open_account("m1", name="Maria R."), bank.open_account("f1", kind="group")
>>> _ = bank.transfer(earner="m1", spender="f1", hours="1:30")
>>> json.dumps(reports.json.of(bank.balance("m1")))[:36]
'{"account": "m1", "posted": "1:30", '
"""

from __future__ import annotations

from timebank.queries.json_cheque_shapes import booklet, voided_cheque
from timebank.queries.json_peer_shapes import agreement, crossing, refusal
from timebank.queries.json_report_shapes import (
    audit_report,
    bank_report,
    books_report,
    cause,
    counted,
    finding,
    impact,
    presence,
    presences,
    replay,
    replay_line,
)
from timebank.queries.json_shapes import (
    account,
    amendment,
    balance,
    balances,
    charge,
    clock_restart,
    closing,
    declared_loss,
    delegate,
    due,
    due_report,
    erasure,
    event,
    head,
    hold,
    inactive,
    leaving,
    of,
    record,
    statement,
    statement_line,
    statute,
    taken_back,
    total,
    transfer,
    trial_balance,
    trial_line,
)
from timebank.reports.json_errors import error
from timebank.reports.json_value import value

__all__ = [
    "account",
    "agreement",
    "amendment",
    "audit_report",
    "balance",
    "balances",
    "bank_report",
    "booklet",
    "books_report",
    "cause",
    "charge",
    "clock_restart",
    "closing",
    "counted",
    "crossing",
    "declared_loss",
    "delegate",
    "due",
    "due_report",
    "erasure",
    "error",
    "event",
    "finding",
    "head",
    "hold",
    "impact",
    "inactive",
    "leaving",
    "of",
    "presence",
    "presences",
    "record",
    "refusal",
    "replay",
    "replay_line",
    "statement",
    "statement_line",
    "statute",
    "taken_back",
    "total",
    "transfer",
    "trial_balance",
    "trial_line",
    "value",
    "voided_cheque",
]
