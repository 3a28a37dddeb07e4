"""Show an exchange that was recorded, or would be, as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from timebank.model import Transfer
from timebank.model.agreements import account_of
from timebank.reports.holds import across_text
from timebank.reports.text import flag_text, harmless, times_text, together
from timebank.reports.words import Words


def transfer_text(
    made: Transfer, *, dry_run: bool = False, names: Mapping[str, str] | None = None
) -> list[str]:
    """Return what was recorded, with a line for its fee and for each flag.

    `names` are those of accounts: of agreements they are what other banks are called.

    >>> from datetime import date
    >>> import timebank
    >>> from timebank.reports.transfers import transfer_text
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1"), bank.open_account("f1")
    >>> day = date(2026, 3, 2)
    >>> visit = bank.transfer(earner="m1", spender="f1", hours=1, occurred_on=day, id="visit")
    >>> transfer_text(visit)
    ['visit: 1:00 from f1 to m1 on 2026-03-02 is record 3']
    """
    words = Words("transfers")
    when = f"{made.occurred_on} {times_text(made.started_at, made.ended_at)}".rstrip()
    sides = {
        "earners": together(_shown(made, made.earners, names or {})),
        "spenders": together(_shown(made, made.spenders, names or {})),
    }
    what = words("what", hours=made.hours, when=when, **sides)
    key = "was" if made.repeated else "would" if dry_run else "is"
    lines = [words(key, id=made.id, what=what, sequence=made.sequence)]
    if made.asked is not None:
        lines.append(words("asked", hours=made.asked))
    if made.fee:
        fees = [posting for posting in made.postings if posting.fee]
        payers = together(one.account for one in fees if one.hours.seconds < 0)
        payees = together(one.account for one in fees if one.hours.seconds > 0)
        lines.append(words("fee", hours=made.fee, payers=payers, payees=payees))
    lines += [words("note", flag=flag_text(flag)) for flag in made.flags]
    return list(map(harmless, lines))


def _shown(made: Transfer, accounts: Iterable[str], names: Mapping[str, str]) -> list[str]:
    """Return accounts by their ids, and another bank by its name."""
    across = made.across
    if across is None:
        return list(accounts)
    own = account_of(across.bank)
    return [across_text(across, names) if one == own else one for one in accounts]
