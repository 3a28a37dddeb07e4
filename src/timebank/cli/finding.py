"""Find the account that somebody means: by its id, else by its name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from timebank.cli.program import usage
from timebank.errors import AccountNotFound, InvalidRequest

if TYPE_CHECKING:
    from timebank.bank import BankBatch, TimeBank
    from timebank.model import Account

#: As many accounts are named where several have the name, or where one was perhaps meant.
_MOST_NAMED: Final = 10
_MOST_NEAR: Final = 3
#: From 0 to 1, as `difflib` counts it: a letter or two are wrong.
_NEAR: Final = 0.75


def account_id(bank: TimeBank | BankBatch, text: str, *, part: bool = False) -> str:
    """Return the id of the account that a text means: the account of that id, else of that name.

    Names are compared without case, accents, blanks too many and marks that cannot be seen. An
    account that was merged stands for the one that it became. With `part`, for commands that only
    look, whole words of the name are enough where one account alone has them.

    :raises click.UsageError: several accounts have the name. They are listed.
    :raises AccountNotFound: no account has it. Those that are near are named.

    >>> import timebank
    >>> from timebank.cli.finding import account_id
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1", name="Nicolò Rossi"), bank.open_account("m2")
    >>> account_id(bank, "m2"), account_id(bank, "nicolo  ROSSI")
    ('m2', 'm1')
    >>> account_id(bank, "rossi", part=True)
    'm1'
    >>> account_id(bank, "Nicola Rossi")
    Traceback (most recent call last):
        ...
    timebank.errors.AccountNotFound: no account 'Nicola Rossi' in this bank; did you mean m1 \
Nicolò Rossi?
    """
    try:
        return bank.account(text).id
    except (AccountNotFound, InvalidRequest):  # an id has rules that a name has not
        accounts = {account.id: account for account in bank.accounts()}
    found = named(accounts.values(), text)
    if len(found) == 1:
        return found[0].id
    if part and not found:
        of_words = _of_words(accounts.values(), text)
        if len(of_words) == 1:
            return of_words[0].id
    if found:
        usage(_several(text, found))
    raise _not_found(text, accounts.values())


def named(accounts: Iterable[Account], text: str, *, part: bool = False) -> list[Account]:
    """Return the accounts of a name, in their order; with `part`, those that have it in their name.

    Of an account that was merged, the one that it became is returned, and each one once.

    >>> import timebank
    >>> from timebank.cli.finding import named
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1", name="Carla Bianchi"), bank.open_account("m2", name="Carla")
    >>> [account.id for account in named(bank.accounts(), "carla")]
    ['m2']
    >>> [account.id for account in named(bank.accounts(), "carla", part=True)]
    ['m1', 'm2']
    """
    from timebank.model.alike import folded_name

    known = {account.id: account for account in accounts}
    wanted = folded_name(text)
    found: dict[str, Account] = {}
    for account in known.values():
        name = folded_name(account.name or "")
        if name and wanted and (wanted in name if part else wanted == name):
            heir = _heir(account, known)
            found[heir.id] = heir
    return list(found.values())


def _of_words(accounts: Iterable[Account], text: str) -> list[Account]:
    """Return the accounts that have all words of a text in their name, whole."""
    from timebank.model.alike import folded_name

    known = {account.id: account for account in accounts}
    wanted = set(folded_name(text).split())
    found = {
        heir.id: heir
        for account in known.values()
        if wanted and wanted <= set(folded_name(account.name or "").split())
        for heir in [_heir(account, known)]
    }
    return list(found.values())


def _heir(account: Account, known: dict[str, Account]) -> Account:
    while account.merged_into is not None and account.merged_into in known:
        account = known[account.merged_into]
    return account


def _several(text: str, found: list[Account]) -> str:
    from timebank.reports.words import Words

    words = Words("finding")
    listed = _listed(found[:_MOST_NAMED])
    more = f", {words('more', n=len(found) - _MOST_NAMED)}" if len(found) > _MOST_NAMED else ""
    return words("several", text=text, n=len(found), accounts=f"{listed}{more}")


def _not_found(text: str, accounts: Iterable[Account]) -> AccountNotFound:
    from timebank.reports.text import titled

    error = AccountNotFound(text)
    near = tuple(titled(one.id, one.name) for one in nearest(accounts, text))
    if near:
        error.near = near
        error.add_context(after=f"; did you mean {' or '.join(near)}?")
    return error


def nearest(accounts: Iterable[Account], text: str) -> list[Account]:
    """Return the few accounts whose id or name is near a text, the nearest first.

    >>> import timebank
    >>> from timebank.cli.finding import nearest
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1", name="Maria Rossi"), bank.open_account("m2", name="Luca B.")
    >>> [account.id for account in nearest(bank.accounts(), "Mria Rosi")]
    ['m1']
    """
    from difflib import get_close_matches

    from timebank.model.alike import folded_name

    known = {account.id: account for account in accounts}
    wanted = folded_name(text)
    if not wanted:
        return []
    spelt: dict[str, list[Account]] = {}
    for account in known.values():
        for spelling in {folded_name(account.id), folded_name(account.name or "")} - {""}:
            spelt.setdefault(spelling, []).append(_heir(account, known))
    close = get_close_matches(wanted, spelt, n=_MOST_NEAR, cutoff=_NEAR)
    within = sorted(one for one in spelt if wanted in one.split())
    found = {account.id: account for spelling in (*close, *within) for account in spelt[spelling]}
    return list(found.values())[:_MOST_NEAR]


def _listed(accounts: Iterable[Account]) -> str:
    from timebank.reports.text import titled

    return ", ".join(titled(account.id, account.name) for account in accounts)
