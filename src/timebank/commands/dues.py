"""The command by which hours move because a statute says so: welcome credit, dues, demurrage."""

from __future__ import annotations

from datetime import date
from hashlib import sha256
from typing import Any, Final

import attrs

from timebank import checks
from timebank.checks import OWN_IDS
from timebank.commands.base import Command
from timebank.model import MAX_ID_CHARACTERS
from timebank.statute import DueRule, Statute
from timebank.statute.periods import period_name

Period = tuple[date, date]
#: Stands before the digest of an account's id.
HASHED: Final = "sha256="


def due_id(rule: str, which: str, account: str) -> str:
    """The id of what is due of an account by a rule: once for each period, whoever asks.

    Where the account's id is too long for it, or looks as if it were one, the SHA-256 of that
    id stands in its place: two accounts never share one.

    >>> from timebank.commands.dues import due_id
    >>> due_id("dues", "2026", "m1")
    'due:dues:2026:m1'
    """
    id = f"{OWN_IDS}{rule}:{which}:{account}"
    if len(id) <= MAX_ID_CHARACTERS and not account.startswith(HASHED):
        return id
    return f"{OWN_IDS}{rule}:{which}:{HASHED}{sha256(account.encode()).hexdigest()}"


@attrs.frozen
class MakeDue(Command):
    """Move what a rule makes due, between an account and the rule's fund."""

    kind = "due"
    rule: DueRule = attrs.field(kw_only=True)

    @classmethod
    def of(
        cls,
        account: object,
        *,
        rule: DueRule,
        by: Statute,
        since: date,
        period: Period | None = None,
        which: str | None = None,
    ) -> MakeDue:
        """Of an account, by a rule of the statute that makes it due.

        `since` is the day on which it fell due, or the end of what it is counted on;
        `which` tells several of one rule apart, where they have no period.
        """
        checked = checks.identifier(account, "account id")
        request: dict[str, Any] = {
            "account": checked,
            "by": by.version,
            "id": due_id(rule.name, which or _which(since, period), checked),
            "rule": rule.name,
            "since": since.isoformat(),
        }
        if period is not None:
            request["period"] = [day.isoformat() for day in period]
        return cls(request, {}, (checked, rule.fund), request["id"], rule=rule)

    @property
    def account(self) -> str:
        """Whose it is."""
        return self.accounts[0]

    @property
    def period(self) -> Period | None:
        """The first and the last day of what it is due for."""
        found = self.request.get("period")
        return None if found is None else (_day(found[0]), _day(found[1]))

    @property
    def since(self) -> date:
        """The day on which it falls due."""
        return _day(self.request["since"])


def _which(since: date, period: Period | None) -> str:
    return since.isoformat() if period is None else period_name(*period)


def _day(text: str) -> date:
    return date.fromisoformat(text)
