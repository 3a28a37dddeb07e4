"""What an audit says, word for word: where it is, what was expected there, and what was found."""

from __future__ import annotations

import pytest

import timebank
from findings import GROUPS, kept, told
from forgeries import DAY
from support import doors
from timebank.model import PostingRow
from timebank.storage.protocol import Batch


@pytest.mark.parametrize("group", GROUPS)
def test_each_finding_is_as_it_was_written_down(group: str) -> None:
    """`data/findings.txt` has every forged journal, and each line that is told of it."""
    written = kept()
    for name, audited in GROUPS[group]():
        assert written[f"{group}: {name}"] == told(audited()), name


def test_nothing_else_was_written_down() -> None:
    """What is in the file is audited."""
    assert list(kept()) == [f"{group}: {name}" for group in GROUPS for name, _ in GROUPS[group]()]


@pytest.mark.parametrize("url", ["memory:", "sqlite://"])
def test_a_quick_audit_tells_a_version_from_a_balance(url: str) -> None:
    """Both are wrong sums of an account's postings, and each is said as what it is."""
    with timebank.open(url, **doors()) as bank:
        bank.open_account("m1")
        bank.open_account("m2")
        bank.transfer(earner="m1", spender="m2", hours=1)
        rows = [PostingRow("m1", 3, 3, 3600, 3600, DAY), PostingRow("m2", 1, 3, -3600, 0, DAY)]
        with bank.store.reader("main") as reader:
            accounts = {row.account: row for row in reader.accounts(after=None, limit=9)}
        with bank.store.writer("main") as writer:
            writer.append(Batch(anew=True, accounts=accounts, postings=rows))
        assert [
            ("posting 3 of account 'm1'", "version 1", "version 3"),
            ("posting 1 of account 'm2'", "balance -1:00", "balance 0:00"),
        ] == [(one.place, one.expected, one.found) for one in bank.audit(quick=True).findings]
