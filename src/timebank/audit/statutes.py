"""Check that each record names the statute in force, and a version means the same rules."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from timebank.audit.base import AuditCheck, AuditedRecord, State
from timebank.audit.findings import ASK, Check
from timebank.audit.plain_runs import PlainRun
from timebank.errors import TimebankError, shown
from timebank.journal import canonical
from timebank.model.said import said, who
from timebank.statute import DEFAULT, RESERVED, Statute
from timebank.statute.codec import as_record, from_record

#: The kinds of account that are somebody's own, and no fund of a statute's.
_OWN: Final = frozenset({"member", "group"})
#: The statuses of an account that can be no fund: it takes no part, or offers alone move it.
_NO_FUND: Final = frozenset({"closed", "agreed"})


class Statutes(AuditCheck):
    """Compares the statute that a record names with the current one, and follows adoptions."""

    key: ClassVar = "statutes"
    promises: ClassVar = (
        Check(
            "statutes",
            "Every record that a statute judged names the one that was in force, and a version "
            "means the same rules for ever.",
            ASK,
        ),
    )
    kinds: ClassVar = frozenset(
        {
            *("transfer", "reverse", "hold", "settle", "due", "merge"),
            *("adopt", "restart_clock", "close_books"),
        }
    )

    def record(self, record: AuditedRecord) -> None:
        """Check one record, and take note of what it adopts."""
        current = self.context.statutes.current.version
        if record.kind == "adopt":
            self._adopt(record.sequence, record.request["statute"], record.effects["adopts"])
            self.context.statutes.date_adoption(record.content["recorded_on"])
            return
        if record.kind == "restart_clock":
            self.context.statutes.restart(record.content["recorded_on"])
        if record.effects["statute"] != current:
            self._tell(record.sequence, current, shown(record.effects["statute"]))

    def is_sure(self, run: PlainRun) -> bool:
        """Return whether all records of a run name the current statute."""
        return {*run.said.statute} == {self.context.statutes.current.version}

    def _adopt(self, sequence: int, data: dict[str, Any], version: str) -> None:
        try:
            statute = from_record(data)
        except TimebankError as error:
            self._tell(sequence, said("a_statute_that_can_be_read"), str(error))
            return
        if canonical(as_record(statute)) != canonical(data):
            self._tell(
                sequence, said("the_statute_as", statute=shown(as_record(statute))), shown(data)
            )
        self._funds(sequence, statute)
        if statute.version != version:
            self._tell(
                sequence, said("the_adoption_of", version=shown(statute.version)), shown(version)
            )
        first = self.context.statutes.adopt(statute)
        if first != statute:
            self._tell(
                sequence,
                said("the_rules_that_had_before", version=shown(version)),
                said("other_rules"),
            )
        elif statute.version.startswith(RESERVED) and statute is first and statute != DEFAULT:
            expected = said("no_other_version_that_begins_with", prefix=RESERVED)
            self._tell(sequence, expected, shown(version))

    def _funds(self, sequence: int, statute: Statute) -> None:
        """Check that each fund is an account of nobody's own, and not closed."""
        accounts = self.context.fold.accounts
        for fund in statute.funds:
            row = accounts.get(fund)
            if row is None or row.kind in _OWN or row.status in _NO_FUND:
                found = (
                    said("missing")
                    if row is None
                    else said("kind_and_status", kind=row.kind, status=row.status)
                )
                self._tell(sequence, said("fund_that_is_there_and_open", fund=who(fund)), found)

    def _tell(self, sequence: int, expected: str, found: str) -> None:
        self.tell("statutes", said("record", sequence=sequence), expected=expected, found=found)

    def state(self) -> State:
        """Return the statutes that were adopted, and when."""
        history = self.context.statutes
        return {
            "statutes": [as_record(statute) for statute in history.all_adopted()],
            "adopted": [list(adoption) for adoption in history.adopted],
        }

    def restore(self, state: State) -> None:
        """Restore what was adopted before."""
        self.context.statutes.restore(
            [from_record(data) for data in state["statutes"]],
            [(day, version) for day, version in state["adopted"]],
        )

    def assume(self, record: AuditedRecord) -> None:
        """Take note of an adoption, or of what dates one anew."""
        if record.kind in {"adopt", "restart_clock"}:
            self.record(record)
