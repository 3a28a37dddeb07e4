"""The list of checks. A new one is a file beside this one, and a line here."""

from __future__ import annotations

from typing import Final

from timebank.audit.agreements import Agreements
from timebank.audit.base import AuditCheck
from timebank.audit.canonical import Canonical
from timebank.audit.chain import Chain
from timebank.audit.cheques import Cheques
from timebank.audit.clocks import Clocks
from timebank.audit.derived import DerivedRows
from timebank.audit.effects import Effects
from timebank.audit.findings import Check
from timebank.audit.heads import Heads
from timebank.audit.holds import Holds
from timebank.audit.ids import Ids
from timebank.audit.limits import Limits
from timebank.audit.reversals import Reversals
from timebank.audit.statutes import Statutes
from timebank.audit.storage import Storage
from timebank.audit.texts import Texts
from timebank.audit.tree import TreeRows

#: In this order each record goes by the checks, and findings are reported. `Effects` executes
#: the record: those behind it see the accounts as they are afterwards.
CHECKS: Final[tuple[type[AuditCheck], ...]] = (
    Storage,  # file, schema, orphans, references
    Chain,  # sequence, chain
    Canonical,  # canonical
    Effects,  # zero-sum, effects
    DerivedRows,  # derived
    TreeRows,  # tree
    Limits,  # limits
    Statutes,  # statutes
    Holds,  # holds
    Reversals,  # reversals
    Agreements,  # agreements
    Cheques,  # cheques
    Ids,  # ids
    Clocks,  # clocks
    Texts,  # texts
    Heads,  # head, published
)

#: Every invariant that an audit checks, in the order of its report.
AUDIT_CHECKS: Final[tuple[Check, ...]] = tuple(
    promise for check in CHECKS for promise in check.promises
)
