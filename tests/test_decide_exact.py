"""What each call comes to, word for word: the effects that are recorded, or why it was refused."""

from __future__ import annotations

import pytest

from decisions import retold, stories


@pytest.mark.parametrize("title", stories())
def test_each_call_comes_to_what_was_written_down(title: str) -> None:
    """`data/decisions.txt` has calls on a new bank, and below each its records or its error."""
    written = stories()[title]
    assert written == retold(written)
