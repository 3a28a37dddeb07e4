"""Trial balance, lists of accounts and single balances as text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from timebank.hours import Hours
from timebank.model import INHERIT, Account, Balance, Limit
from timebank.queries.statements import TrialBalance, TrialLine
from timebank.reports.statement import known_text
from timebank.reports.text import (
    Column,
    Row,
    counted,
    facts,
    limit_text,
    status_text,
    table,
    titled,
)

_ACCOUNT: Final = (Column("Account", least=12), Column("Name", least=20), Column("Kind"))
#: The width of the longest label of an account, which not every account has.
_LABEL: Final = len("Incoming:")
_FIGURES: Final = (
    Column("Earned", right=True),
    Column("Spent", right=True),
    Column("Balance", right=True),
)


def trial_balance_text(trial: TrialBalance) -> list[str]:
    """Return every account with what it earned and spent; the balances sum to 0:00.

    >>> import timebank
    >>> from timebank.reports.balances import trial_balance_text
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1", name="Maria R."), bank.open_account("f1", kind="group")
    >>> _ = bank.transfer(earner="m1", spender="f1", hours="1:30")
    >>> for line in trial_balance_text(bank.trial_balance()):
    ...     print(line)
    Trial balance, all days
    <BLANKLINE>
    Account     Name      Kind    Status  Earned  Spent  Balance
    ----------  --------  ------  ------  ------  -----  -------
    f1                    group   open      0:00   1:30    -1:30
    m1          Maria R.  member  open      1:30   0:00     1:30
    ----------  --------  ------  ------  ------  -----  -------
    2 accounts                              1:30   1:30     0:00
    """
    rows: list[Row] = [
        [line.account, line.name or "", line.kind, _status(line), *_figures(line)]
        for line in trial.lines
    ]
    count = counted(len(trial.lines), "account")
    rows += [None, [count, "", "", "", str(trial.earned), str(trial.spent), str(trial.total)]]
    columns = (*_ACCOUNT, Column("Status"), *_FIGURES)
    days = "all days" if trial.on is None else f"up to {trial.on}"
    known = known_text(trial.closed_through, trial.at)
    return [f"Trial balance, {days}", *known, "", *table(columns, rows)]


def _status(line: TrialLine) -> str:
    return line.status if line.merged_into is None else f"merged into {line.merged_into}"


def trial_balance_in_short(trial: TrialBalance, *, most: int = 5) -> list[str]:
    """Return the sums of each kind of account, and the `most` highest and lowest balances."""
    kinds: dict[str, list[TrialLine]] = {}
    for line in trial.lines:
        kinds.setdefault(line.kind, []).append(line)
    rows: list[Row] = [[kind, str(len(lines)), *_sums(lines)] for kind, lines in kinds.items()]
    rows += [None, ["all", str(len(trial.lines)), *_sums(trial.lines)]]
    columns = (Column("Kind"), Column("Accounts", right=True), *_FIGURES)
    ranked = sorted(trial.lines, key=lambda line: (-line.balance.seconds, line.account))
    extremes: list[Row] = [_ranked(line) for line in ranked[:most]]
    if len(ranked) > 2 * most:
        extremes.append(["…", "", "", ""])
    extremes += [_ranked(line) for line in ranked[max(most, len(ranked) - most) :]]
    balances = table((*_ACCOUNT, Column("Balance", right=True)), extremes)
    return ["Trial balance, in short", "", *table(columns, rows), "", *balances]


def _ranked(line: TrialLine) -> list[str]:
    return [line.account, line.name or "", line.kind, str(line.balance)]


def _figures(line: TrialLine) -> tuple[str, str, str]:
    return str(line.earned), str(line.spent), str(line.balance)


def _sums(lines: Iterable[TrialLine]) -> tuple[str, str, str]:
    earned = spent = Hours(0)
    for line in lines:
        earned, spent = earned + line.earned, spent + line.spent
    return str(earned), str(spent), str(earned - spent)


def balances_text(trial: TrialBalance) -> list[str]:
    """Return the balance of every account."""
    rows: list[Row] = [_ranked(line) for line in trial.lines]
    return table((*_ACCOUNT, Column("Balance", right=True)), rows)


def accounts_text(accounts: Iterable[Account]) -> list[str]:
    """Return accounts with their own limits; `statute` marks an inherited one."""
    rows: list[Row] = [
        [
            account.id,
            account.name or "",
            account.kind,
            status_text(account),
            "" if account.joined_on is None else account.joined_on.isoformat(),
            limit_text(account.floor),
            limit_text(account.ceiling),
        ]
        for account in accounts
    ]
    limits = (Column("Floor", right=True), Column("Ceiling", right=True))
    return table((*_ACCOUNT, Column("Status"), Column("Joined"), *limits), rows)


def account_text(account: Account, balance: Balance) -> list[str]:
    """Return one account, with a line for each fact."""
    known = {
        "Kind": account.kind,
        "Status": status_text(account),
        "Joined": "" if account.joined_on is None else account.joined_on.isoformat(),
        "Floor": _limit_and_source(account.floor, balance.floor),
        "Ceiling": _limit_and_source(account.ceiling, balance.ceiling),
        "Balance": str(balance.posted),
        **_reserved(balance),
    }
    return [titled(account.id, account.name), *facts(known, label=_LABEL)]


def balance_text(balance: Balance, status: str = "open") -> list[str]:
    """Return a balance and how far it may move: not at all, where the account is not open."""
    moves = status == "open"
    known = {
        **({} if moves else {"Status": status}),
        "Balance": str(balance.posted),
        **_reserved(balance),
        "Floor": limit_text(balance.floor),
        "Ceiling": limit_text(balance.ceiling),
        "May spend": limit_text(balance.spendable) if moves else "nothing",
        "May earn": limit_text(balance.receivable) if moves else "nothing",
    }
    return facts(known, right=True)


def _reserved(balance: Balance) -> dict[str, str]:
    """Return the hours that open holds reserve, where there are any."""
    found = {"Held": balance.held, "Incoming": balance.incoming}
    return {label: str(hours) for label, hours in found.items() if hours}


def _limit_and_source(own: Limit, effective: Hours | None) -> str:
    text = limit_text(effective)
    return f"{text} (statute)" if own is INHERIT else text
