"""Trial balance, lists of accounts and single balances as text."""

from __future__ import annotations

from collections.abc import Iterable

from timebank.hours import Hours
from timebank.model import INHERIT, Account, Balance, Limit
from timebank.queries.statements import TrialBalance, TrialLine
from timebank.reports.statement import known_text
from timebank.reports.text import (
    Column,
    Row,
    column,
    facts,
    kind_text,
    limit_text,
    state_text,
    status_text,
    table,
    titled,
)
from timebank.reports.words import Words


def _account() -> tuple[Column, ...]:
    return column("account", least=12), column("name", least=20), column("kind")


def _figures_of() -> tuple[Column, ...]:
    return tuple(column(title, right=True) for title in ("earned", "spent", "balance"))


def trial_balance_text(trial: TrialBalance) -> list[str]:
    """Return every account with what it earned and spent; the balances sum to 0:00.

    >>> import timebank
    >>> from timebank.reports.balances import trial_balance_text
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1", name="Maria R."), bank.open_account("f1", kind="group")
    >>> _ = bank.transfer(earner="m1", spender="f1", hours="1:30")
    >>> for line in trial_balance_text(bank.trial_balance()):
    ...     print(line)
    Trial balance, from the beginning
    <BLANKLINE>
    Account     Name      Kind    Status  Earned  Spent  Balance
    ----------  --------  ------  ------  ------  -----  -------
    f1                    group   open      0:00   1:30    -1:30
    m1          Maria R.  member  open      1:30   0:00     1:30
    ----------  --------  ------  ------  ------  -----  -------
    2 accounts                              1:30   1:30     0:00
    """
    rows: list[Row] = [
        [
            line.account,
            line.name or "",
            kind_text(line.kind),
            state_text(line.status, line.merged_into),
            *_figures(line),
        ]
        for line in trial.lines
    ]
    words = Words("balances")
    count = words.counted("accounts", len(trial.lines))
    rows += [None, [count, "", "", "", str(trial.earned), str(trial.spent), str(trial.total)]]
    columns = (*_account(), column("status"), *_figures_of())
    days = words("all_days") if trial.on is None else words("up_to", day=trial.on)
    known = known_text(trial.closed_through, trial.at)
    return [words("trial", days=days), *known, "", *table(columns, rows)]


def trial_balance_in_short(trial: TrialBalance, *, most: int = 5) -> list[str]:
    """Return the sums of each kind of account, and the `most` highest and lowest balances."""
    words = Words("balances")
    kinds: dict[str, list[TrialLine]] = {}
    for line in trial.lines:
        kinds.setdefault(line.kind, []).append(line)
    rows: list[Row] = [
        [kind_text(kind), str(len(lines)), *_sums(lines)] for kind, lines in kinds.items()
    ]
    rows += [None, [words("all"), str(len(trial.lines)), *_sums(trial.lines)]]
    columns = (column("kind"), column("accounts", right=True), *_figures_of())
    ranked = sorted(trial.lines, key=lambda line: (-line.balance.seconds, line.account))
    extremes: list[Row] = [_ranked(line) for line in ranked[:most]]
    if len(ranked) > 2 * most:
        extremes.append(["…", "", "", ""])
    extremes += [_ranked(line) for line in ranked[max(most, len(ranked) - most) :]]
    balances = table((*_account(), column("balance", right=True)), extremes)
    return [words("in_short"), "", *table(columns, rows), "", *balances]


def _ranked(line: TrialLine) -> list[str]:
    return [line.account, line.name or "", kind_text(line.kind), str(line.balance)]


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
    return table((*_account(), column("balance", right=True)), rows)


def accounts_text(accounts: Iterable[Account]) -> list[str]:
    """Return accounts with their own limits; `statute` marks an inherited one."""
    rows: list[Row] = [
        [
            account.id,
            account.name or "",
            kind_text(account.kind),
            status_text(account),
            "" if account.joined_on is None else account.joined_on.isoformat(),
            limit_text(account.floor),
            limit_text(account.ceiling),
        ]
        for account in accounts
    ]
    limits = (column("floor", right=True), column("ceiling", right=True))
    return table((*_account(), column("status"), column("joined"), *limits), rows)


def account_text(account: Account, balance: Balance) -> list[str]:
    """Return one account, with a line for each fact."""
    words = Words("balances")
    known = {
        words("kind"): kind_text(account.kind),
        words("status"): status_text(account),
        words("joined"): "" if account.joined_on is None else account.joined_on.isoformat(),
        words("floor"): _limit_and_source(account.floor, balance.floor),
        words("ceiling"): _limit_and_source(account.ceiling, balance.ceiling),
        words("balance"): str(balance.posted),
        **_reserved(balance),
    }
    # As wide as the longest label of an account, which not every account has.
    label = max(len(words(key)) for key in ("status", "joined", "ceiling", "incoming")) + 1
    return [titled(account.id, account.name), *facts(known, label=label)]


def balance_text(balance: Balance, account: Account | None = None) -> list[str]:
    """Return a balance and how far it may move: not at all, where its account is not open."""
    words = Words("balances")
    moves = account is None or account.status == "open"
    known = {
        **({} if account is None or moves else {words("status"): status_text(account)}),
        words("balance"): str(balance.posted),
        **_reserved(balance),
        words("floor"): limit_text(balance.floor),
        words("ceiling"): limit_text(balance.ceiling),
        words("may_spend"): limit_text(balance.spendable) if moves else words("nothing"),
        words("may_earn"): limit_text(balance.receivable) if moves else words("nothing"),
    }
    return facts(known, right=True)


def _reserved(balance: Balance) -> dict[str, str]:
    """Return the hours that open holds reserve, where there are any."""
    words = Words("balances")
    found = {"held": balance.held, "incoming": balance.incoming}
    return {words(label): str(hours) for label, hours in found.items() if hours}


def _limit_and_source(own: Limit, effective: Hours | None) -> str:
    text = limit_text(effective)
    return Words("text")("of_statute", limit=text) if own is INHERIT else text
