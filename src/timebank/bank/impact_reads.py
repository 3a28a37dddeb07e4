"""The call that counts what a community exchanged."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from timebank import checks
from timebank.bank.permitting import Asking
from timebank.errors import InvalidRequest, shown

if TYPE_CHECKING:
    from timebank.queries.impact import Counted, Impact
    from timebank.queries.impact.counted import Progress


class ImpactReads(Asking):
    """One consistent snapshot, read once."""

    def impact(
        self,
        *,
        since: date | None = None,
        until: date | None = None,
        at_least: int = 5,
        progress: Progress | None = None,
    ) -> Impact:
        """What was exchanged on days of service from `since` to `until`, in figures.

        Groups of fewer than `at_least` accounts are not shown. The journal is read once; memory
        grows with the accounts. `timebank.reports.impact` is the same for several banks.

        :raises InvalidRequest: not a date, `since` after `until`, a bound that is no number.
        :raises Corrupt: the journal cannot be read: run an audit.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1"), bank.open_account("m2")
        >>> _ = bank.transfer(earner="m1", spender="m2", hours="1:30")
        >>> figures = bank.impact()
        >>> figures.exchanges.exchanges, figures.exchanges.hours, figures.active
        (1, Hours('1:30'), 2)
        """
        from timebank.queries.impact import figures  # loaded on first use

        counted = self._counted(since, until, at_least, progress)
        return figures(counted, at_least=at_least)

    def _counted(
        self,
        since: date | None,
        until: date | None,
        at_least: object,
        progress: Progress | None = None,
    ) -> Counted:
        from timebank.queries.impact import count
        from timebank.queries.impact.counted import LAST

        first, last = checks.day(since, "since"), checks.day(until, "until")
        if first is not None and last is not None and first > last:
            msg = f"since {first} is after until {last}"
            raise InvalidRequest(msg)
        if type(at_least) is not int or at_least < 1:
            msg = f"at_least is a number of accounts from 1, not {shown(at_least)}"
            raise InvalidRequest(msg)
        self._may("impact")
        with self._reader() as reader:
            return count(reader, since=first or "", until=last or LAST, progress=progress)
