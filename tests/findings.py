"""What the audit says of each forgery, word for word: `python findings.py` writes it down anew.

`data/findings.txt` is read by people before it is kept: each line is a check, a place, what was
expected there and what was found.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path

import test_audit
import test_audit_members
import test_audit_rules
from forgeries import FORGERIES, Forgery, small
from timebank import AuditReport

PATH = Path(__file__).parent / "data" / "findings.txt"
Case = tuple[str, Callable[[], AuditReport]]


def lies(
    journal: Callable[[], Forgery], cases: list[tuple[Callable[[Forgery], None], set[str]]]
) -> Iterator[Case]:
    """One lie each in such a journal."""
    sound = journal()
    for lie, _ in cases:

        def audited(lie: Callable[[Forgery], None] = lie) -> AuditReport:
            forgery = copy.deepcopy(sound)
            lie(forgery)
            return forgery.audited()

        yield lie.__name__, audited


def readers() -> Iterator[Case]:
    """The small journal, through readers that lie."""
    lying = [
        test_audit.lie_about_head,
        test_audit.lie_about_ids,
        test_audit.hide_ids,
        test_audit.hide_a_record,
        test_audit.numbered_below_one,
        test_audit.a_version_of_zero,
        test_audit.a_posting_too_many,
        test_audit.a_nameless_account,
        test_audit.a_journal_of_bytes,
    ]
    for answers in lying:
        yield answers.__name__, lambda answers=answers: test_audit.altered(small(), answers)  # type: ignore[misc]  # a default binds it
    for method in ("faults", "head", "records", "find", "referring", "texts", "account"):
        yield f"no {method}", _without(method)
    for method in ("accounts", "postings", "totals", "holds", "statutes"):
        yield f"no {method}", _without(method)


def _without(method: str) -> Callable[[], AuditReport]:
    return lambda: test_audit.altered(small(), lambda _: {method: test_audit.broken})


GROUPS: dict[str, Callable[[], Iterator[Case]]] = {
    "forgeries": lambda: lies(small, FORGERIES),
    "rules": lambda: lies(test_audit_rules.forged, test_audit_rules.LIES),
    "strict": lambda: lies(test_audit_rules.strictly, test_audit_rules.STRICT),
    "members": lambda: lies(test_audit_members.forged, test_audit_members.LIES),
    "readers": readers,
}


def told(report: AuditReport) -> list[str]:
    """The findings and the notes of a report, a line each."""
    lines = [f"{f.check} | {f.place} | {f.expected} | {f.found}" for f in report.findings]
    lines += [f"note | {note.place} | {note.text}" for note in report.notes]
    return [line.replace("\n", "\\n").rstrip() for line in lines] or ["nothing"]


def kept() -> dict[str, list[str]]:
    """The file, by the names of its cases."""
    blocks = PATH.read_text("utf-8").split("\n\n")
    return {name: lines for name, *lines in (block.strip().splitlines() for block in blocks)}


if __name__ == "__main__":
    blocks = [
        "\n".join([f"{group}: {name}", *told(audited())])
        for group, cases in GROUPS.items()
        for name, audited in cases()
    ]
    PATH.write_text("\n\n".join(blocks) + "\n", "utf-8")
