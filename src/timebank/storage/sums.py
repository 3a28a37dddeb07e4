"""Check balances and sums in SQL, so that no row leaves the database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from timebank.errors import shown
from timebank.hours import Hours
from timebank.model import MAX_INTEGER, Fault
from timebank.model.said import said, who

#: Faults of one kind that are named.
MOST: Final = 100

_RUNNING: Final = """SELECT account, version, balance, running, number FROM (
        SELECT account, version, balance,
            SUM(seconds) OVER (PARTITION BY account ORDER BY version) AS running,
            ROW_NUMBER() OVER (PARTITION BY account ORDER BY version) AS number
        FROM timebank_postings{by_key} WHERE bank = {mark}
    ) AS sums WHERE balance <> running OR version <> number
    ORDER BY account, version LIMIT {most}"""
_OF_RECORDS: Final = """SELECT sequence, SUM(seconds) FROM timebank_postings{by_key}
    WHERE bank = {mark} GROUP BY sequence HAVING SUM(seconds) <> 0 ORDER BY sequence LIMIT {most}"""
_RECORDS: Final = """SELECT COUNT(*), MIN(sequence), MAX(sequence) FROM timebank_records{by_key}
    WHERE bank = {mark}"""
_NOBODYS: Final = """SELECT account FROM timebank_postings{by_key}
    WHERE bank = {mark} AND account NOT IN
    (SELECT account FROM timebank_accounts{by_key} WHERE bank = {mark})
    GROUP BY account LIMIT {most}"""

Fetch = Callable[[str, tuple[object, ...]], list[tuple[Any, ...]]]


def faults_of_sums(fetch: Fetch, bank: str, *, mark: str, by_key: str = "") -> Iterator[Fault]:
    """Find balances that are no sum, records that do not sum to zero, and missing records.

    `by_key` is that of `Queries`.
    """

    def asked(question: str, times: int = 1) -> list[tuple[Any, ...]]:
        return fetch(question.format(mark=mark, by_key=by_key, most=MOST), (bank,) * times)

    for account, version, balance, running, number in asked(_RUNNING):
        place = said("posting_of_account", version=shown(version), account=who(account))
        if version == number:
            words = (
                said("balance", balance=_readable(running)),
                said("balance", balance=_readable(balance)),
            )
        else:
            words = said("version", version=number), said("version", version=shown(version))
        yield Fault("derived", place, *words)
    for sequence, total in asked(_OF_RECORDS):
        place = said("record", sequence=shown(sequence))
        yield Fault("zero-sum", place, said("postings_that_sum_to_0_00"), _readable(total))
    for (account,) in asked(_NOBODYS, 2):
        place = said("postings_of_account", account=who(account))
        yield Fault("derived", place, said("an_account"), said("none"))
    for count, first, last in asked(_RECORDS):
        if count and (int(first), int(last)) != (1, int(count)):
            found = said("so_many_from_to", number=count, first=first, last=last)
            yield Fault("sequence", said("records"), said("numbered_without_a_gap"), found)


def _readable(seconds: object) -> str:
    """Return seconds for people, from whatever kind of number a database gives."""
    try:
        whole = int(seconds)  # type: ignore[call-overload]  # a number, or it fails
        return str(Hours.from_seconds(whole)) if abs(whole) <= MAX_INTEGER else shown(whole)
    except (OverflowError, TypeError, ValueError):
        return shown(seconds)
