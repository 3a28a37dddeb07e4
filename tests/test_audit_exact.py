"""What an audit says, word for word: where it is, what was expected there, and what was found."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest

import timebank
from findings import GROUPS, kept, told
from forgeries import DAY
from support import doors
from test_audit import Altered
from timebank import StoreError, WrongType
from timebank.audit import Finding, compare_balances, quick_audit, unreadable
from timebank.journal import parse
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


def test_balances_of_a_host_are_compared_one_by_one() -> None:
    """What differs, what only one of the two has, and what to do; zero is as good as nothing."""
    bank = timebank.open("memory:", **doors())
    for id in ("m1", "m2", "m3", "m4"):
        bank.open_account(id)
    bank.transfer(earner="m1", spender="m2", hours="1:30")
    kept = {"m1": "1:31", "gone": 0, "m4": "0:00"}
    mend = "Set the host's balance to the bank's: it follows from the journal."
    unknown = "Find out whose it is: the bank has no account of this id."
    assert (
        Finding("balances", "account gone", "no account", "0:00", unknown),
        Finding("balances", "account m1", "1:30", "1:31", mend),
        Finding("balances", "account m2", "-1:30", "no balance", mend),
    ) == compare_balances(bank, kept)
    assert () == compare_balances(bank, {"m1": "1:30", "m2": "-1:30"})
    odd: Any = {7: 1, "m1": "1:30", "m2": "-1:30"}
    assert ["account 7"] == [finding.place for finding in compare_balances(bank, odd)]
    refused: Any = [("m1", 1)]
    with pytest.raises(WrongType) as caught:
        compare_balances(bank, refused)
    told = "balances are a mapping of account ids to hours, not [('m1', 1)]"
    assert told == str(caught.value)


def test_what_cannot_be_opened_has_one_finding() -> None:
    """The storage, in the words of its error, and what to do; nothing was counted."""
    report = unreadable(StoreError("no such disk"))
    (finding,) = report.findings
    assert ("file", "storage", "a bank that can be read", "no such disk") == (
        (finding.check, finding.place, finding.expected, finding.found)
    )
    assert finding.advice.startswith("Keep this copy, restore the last backup")
    assert (None, 0, 0, None) == (report.head, report.records, report.accounts, report.since)


def test_a_quick_audit_counts_and_names_its_checks() -> None:
    """As many records as the head says, each account, and the checks that it made in part."""
    bank = timebank.open("memory:", **doors())
    for number in range(3):
        bank.open_account(f"m{number}")
    with bank.store.reader("main") as reader:
        for expect, more in (((), ()), ((bank.head(),), ("published",))):
            with patch("timebank.audit.quick.PAGE", 2):
                report = quick_audit(reader, expect=expect)
            assert (bank.head(), 3, 3) == (report.head, report.records, report.accounts)
            names = ("file", "sequence", "chain", "zero-sum", "derived", "head", *more)
            assert (names, True, True) == (report.checks, report.ok, report.is_quick)
        broken: Any = Altered(reader, head=lambda: parse(b"no JSON"))
        report = quick_audit(broken)
        assert (None, 0, 0) == (report.head, report.records, report.accounts)
    assert not bank.audit().is_quick
