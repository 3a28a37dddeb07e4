"""Each numbered rule of the format's page: a journal that breaks it is found, by its check."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from audit.forgeries import Forgery, found, small
from audit.format_rule import FormatRule, honest, report_of
from audit.format_rules import BASES, PATH, RULES, page
from timebank import AUDIT_CHECKS

FORMAT = (Path(__file__).parents[2] / "docs" / "journal-format.md").read_text("utf-8")


def test_every_number_has_a_forgery_and_every_forgery_a_number() -> None:
    """The numbers of the page, in its order, are those of the table, from 1 without a gap."""
    numbers = re.findall(r"\*\*(F[1-9][0-9]*)\*\*", FORMAT)
    assert [f"F{number}" for number in range(1, len(numbers) + 1)] == numbers
    assert numbers == [rule.number for rule in RULES]


def test_each_check_is_one_of_the_audit() -> None:
    """By its name."""
    names = {check.name for check in AUDIT_CHECKS}
    assert set() == {name for rule in RULES for name in rule.checks | rule.besides} - names


@pytest.mark.parametrize("made", BASES)
def test_the_honest_journals_are_well(made: Callable[[], Forgery]) -> None:
    """What is forged was right before."""
    assert () == report_of(honest(made).batch()).findings


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.number} {rule.words}")
def test_each_forgery_is_found(rule: FormatRule) -> None:
    """By the check that is named, and by no other but for what follows from it."""
    for place, forged in enumerate((rule.forged, *rule.more)):
        assert rule.checks | rule.besides == found(forged()), place


def test_the_table_is_up_to_date() -> None:
    """`python -m audit.format_rules`, in `tests`, writes it anew."""
    assert page() == PATH.read_text("utf-8")


@pytest.mark.parametrize("field", ["recorded_at", "recorded_on"])
@pytest.mark.parametrize("value", [None, "", "yesterday", 0.5, [], -(2**60)])
@pytest.mark.parametrize("which", [-1, -2])
def test_a_record_ahead_of_every_clock_that_has_no_time_is_a_finding(
    field: str, value: object, which: int
) -> None:
    """The note of what lies ahead passes it by, and the audit goes on to its end."""
    forgery = small()
    for record in forgery.records[-3:]:
        record["recorded_at"] += 2**52  # in the year 2168
    forgery.records[which][field] = value
    assert "canonical" in found(report_of(forgery.batch(readable_only=True)))
