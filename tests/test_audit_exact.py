"""What an audit says, word for word: where it is, what was expected there, and what was found."""

from __future__ import annotations

import pytest

from findings import GROUPS, kept, told


@pytest.mark.parametrize("group", GROUPS)
def test_each_finding_is_as_it_was_written_down(group: str) -> None:
    """`data/findings.txt` has every forged journal, and each line that is told of it."""
    written = kept()
    for name, audited in GROUPS[group]():
        assert written[f"{group}: {name}"] == told(audited()), name


def test_nothing_else_was_written_down() -> None:
    """What is in the file is audited."""
    assert list(kept()) == [f"{group}: {name}" for group in GROUPS for name, _ in GROUPS[group]()]
