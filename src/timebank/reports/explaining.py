"""Say an error in a sentence for a member: in a language, with names where they are known.

The sentences are the table `errors` of the catalogue. Which one is found by the class of an error,
its attributes and its `key`; its message is read only where there is nothing else, as `{detail}`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from timebank.errors import (
    AccountNotEmpty,
    AccountNotFound,
    AccountNotOpen,
    AlreadyResolved,
    BookletTaken,
    ChequeEntered,
    ChequeMistyped,
    ChequeVoided,
    DuesNotCharged,
    GranularityRefused,
    HoldsOpen,
    IdempotencyMismatch,
    LimitExceeded,
    NotAgreed,
    NotPermitted,
    OverReversed,
    RecordedTooLate,
    Rejected,
    TimebankError,
    WrongType,
    shown,
)
from timebank.hours import Hours
from timebank.model import Account, Hold, Transfer
from timebank.model.agreements import PEER_PREFIX, account_of
from timebank.model.said import Said
from timebank.reports.text import harmless
from timebank.reports.words import DEFAULT, Words, code_of
from timebank.statute import Statute

if TYPE_CHECKING:
    from timebank.bank import BankBatch, TimeBank

#: Facts that are ids of accounts: a name stands in their place.
_ACCOUNTS: Final = frozenset({"account", "actor", "into", "merged_into"})
#: Facts that are kinds of accounts, or what belongs into a file: their word stands in their place.
_WORDS: Final = frozenset({"kind", "other", "of", "expected"})
#: So many accounts are named in a sentence.
_MOST_NAMED: Final = 3
#: The longest text of who asked that is shown.
_LONGEST: Final = 120

_Facts = dict[str, object]


def explain(
    error: BaseException,
    *,
    lang: str | None = None,
    names: TimeBank | BankBatch | Mapping[str, str] | None = None,
) -> str:
    """Return an error as a sentence for people, on one line.

    `lang` is the code of a language that there are words of; left out, it is the one that is
    spoken (`reports.words.language()`, English unless a program set another). `names` gives the
    names of accounts: a bank, a batch or preview of one, or a mapping of ids to names. Nothing is
    opened, and nothing is asked of a bank but its accounts, as who acts in it: where that gives no
    name, the id stands. Without `names`, ids stand.

    :raises WrongType: an exception that is no error of this library, or `names` of another type.
    :raises InvalidRequest: a language that there are no words of.

    >>> import timebank
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1"), bank.open_account("m2", name="Maria R.", floor=-2)
    >>> try:
    ...     bank.transfer(earner="m1", spender="m2", hours=3)
    ... except timebank.TimebankError as error:
    ...     print(timebank.explain(error, lang="it", names=bank))
    Maria R. non può spendere 3:00: il saldo può scendere fino a -2:00, quindi può spendere ancora \
2:00. Con 2:00 si può fare; tutto, dopo che Maria R. avrà guadagnato 1:00.
    """
    if not isinstance(error, TimebankError):
        msg = f"explain takes a TimebankError, not {shown(error)}"
        raise WrongType(msg)
    if not (names is None or isinstance(names, Mapping) or hasattr(names, "account")):
        msg = f"names must be a bank, a batch or a mapping of ids to names, not {shown(names)}"
        raise WrongType(msg)
    words = Words("errors", None if lang is None else code_of(lang))
    return harmless(_Explanation(error, words, names).text())


def word(name: str) -> str:
    """Return the name of a class as a word: `AccountNotFound` is `account_not_found`.

    >>> from timebank.reports.explaining import word
    >>> word("AccountNotFound")
    'account_not_found'
    """
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def sentence_key(error: TimebankError) -> str:
    """Return the key of the sentence of an error in the table `errors` of the catalogue.

    >>> from timebank import AccountNotFound
    >>> from timebank.reports.explaining import sentence_key
    >>> sentence_key(AccountNotFound("m9"))
    'account_not_found'
    """
    return _sentence_of(_Explanation(error, Words("errors", DEFAULT), None))[0]


def accounts_of(error: TimebankError) -> list[str]:
    """Return the ids of the accounts that the sentence of an error names, in no order.

    >>> from timebank import LimitExceeded, Hours
    >>> from timebank.reports.explaining import accounts_of
    >>> accounts_of(LimitExceeded("m1", rule="floor", needed=Hours(1)))
    ['m1']
    """
    facts = {**vars(error), **error.gaps}
    found = {value for name, value in facts.items() if name in _ACCOUNTS}
    found.update(facts.get("accounts") or ())
    if isinstance(error, NotAgreed):
        found.add(account_of(error.peer))
    return sorted(one for one in found if isinstance(one, str))


class _Explanation:
    """The sentences of one error in one language."""

    def __init__(
        self,
        error: TimebankError,
        words: Words,
        names: TimeBank | BankBatch | Mapping[str, str] | None,
    ) -> None:
        self.error = error
        self.words = words
        self._names = names

    def text(self) -> str:
        try:
            return " ".join([self._sentence(*_sentence_of(self)), *self._remedy()])
        except (AttributeError, KeyError):  # a host's own: a rule, a key, or facts that it left out
            return self._by_class()

    def _by_class(self) -> str:
        """Return the sentence of the nearest class whose facts the error has."""
        for key in _keys_of_classes(self):
            with suppress(KeyError):
                return self._sentence(key, {})
        raise AssertionError  # that of `TimebankError` has no facts but the message

    def _sentence(self, key: str, more: _Facts) -> str:
        facts = {**vars(self.error), **self.error.gaps, "detail": self._detail(), **more}
        said = {name: self._said(name, one) for name, one in facts.items() if name != "key"}
        return self.words(key, **said)

    def _detail(self) -> str:
        """Return the message in English, as the sentence that it is; of none, the error's name."""
        text = str(self.error).strip() or type(self.error).__name__
        return f"{text}." if text[-1:].isalnum() or text[-1:] in {")", "'", '"'} else text

    # -- facts -------------------------------------------------------------------------

    def _said(self, name: str, value: object) -> str:
        """Return a fact as it stands in a sentence."""
        match value:
            case Said():
                return _found(value, self.words.language)
            case str() if name in _ACCOUNTS:
                return self.name(value)
            case str() if name in _WORDS and self.words.has(value):
                return self.words(value)
            case str():
                is_short = len(value) <= _LONGEST or name == "detail"
                return value if is_short else f"{value[:_LONGEST]}…"
        return self._said_otherwise(value)

    def _said_otherwise(self, value: object) -> str:
        match value:
            case TimebankError():  # what is wrong, where the error says in which place
                return _Explanation(value, self.words, self._names).text()
            case datetime():
                return f"{value:%Y-%m-%d %H:%M}"
            case date() | Hours():
                return str(value)
            case timedelta():
                return self._span(value)
        return shown(value)

    def _span(self, span: timedelta) -> str:
        """Return a duration: whole days as such, else hours and minutes."""
        minutes = span // timedelta(minutes=1)
        if span.days and span == timedelta(days=span.days):
            return self.words.counted("days", span.days)
        return f"{'-' * (minutes < 0)}{abs(minutes) // 60}:{abs(minutes) % 60:02}"

    def name(self, account: str) -> str:
        """Return the name of an account; its id, where no name of it is known."""
        if isinstance(self._names, Mapping):
            return self._names.get(account) or account
        if self._names is None:
            return account
        try:
            return self._names.account(account).name or account
        except TimebankError:
            return account

    def listed(self, accounts: Iterable[str]) -> str:
        """Return the names of accounts: a few of them, and how many more there are."""
        named = list(map(self.name, accounts))
        if len(named) > _MOST_NAMED + 1:
            left = self.words.number(len(named) - _MOST_NAMED)
            named = [*named[:_MOST_NAMED], self.words("more", n=left)]
        *some, last = named or [""]
        return self.words("and", some=", ".join(some), last=last) if some else last

    # -- what would pass ---------------------------------------------------------------

    def _remedy(self) -> list[str]:
        """Return what would pass, where the error knows it and its sentence does not say it."""
        error = self.error
        if isinstance(error, LimitExceeded) and error.remedy and error.shortfall is not None:
            verb = "earned" if error.rule == "floor" else "spent"
            key = f"once_{verb}" if error.passes is None else f"passes_or_{verb}"
            facts = {"account": self.name(error.account), "shortfall": error.shortfall}
            more = {} if error.passes is None else {"passes": error.passes}
            return [self.words(key, **facts, **more)]
        if isinstance(error, GranularityRefused) and error.passes is not None:
            both = [one for one in (error.lower, error.upper) if one is not None]
            fitting = [one for one in both if str(one) in error.remedy.split()] or [error.passes]
            return [self.words("passes", passes=self.listed(map(str, fitting)))]
        if isinstance(error, AccountNotEmpty) and error.account.startswith(PEER_PREFIX):
            return []  # the sentence says it
        if isinstance(error, AccountNotEmpty) and error.remedy and error.balance:
            key = "spend_first" if error.balance.seconds > 0 else "earn_first"
            return [self.words(key, left=abs(error.balance))]
        if isinstance(error, Rejected) and error.passes is not None:
            return [self.words("passes", passes=error.passes)]
        return []


def _found(text: Said, language: str) -> str:
    """Return what an audit found, in a language."""
    from timebank.model.said import TABLE
    from timebank.reports.findings import spoken

    return spoken(text, Words(TABLE, language))


# -- which sentence --------------------------------------------------------------------


def _sentence_of(told: _Explanation) -> tuple[str, _Facts]:
    """Return the key of the sentence of an error, and what stands in it beside its facts."""
    error = told.error
    if error.key:
        return error.key, {}
    for kind, sentence in _SENTENCES.items():
        if isinstance(error, kind):
            return sentence(told, error)
    code = getattr(error, "code", "")
    return (code if told.words.has(code) else _keys_of_classes(told)[0]), {}


def _keys_of_classes(told: _Explanation) -> list[str]:
    """Return the keys of the sentences of an error's classes, the nearest first."""
    words = [word(kind.__name__) for kind in type(told.error).__mro__]
    return list(filter(told.words.has, words))


def _is_hidden(error: TimebankError, fact: str) -> bool:
    """Return whether a fact is not for who acts to see: it is `None` then, whatever its type."""
    return vars(error)[fact] is None


def _limit(_: _Explanation, error: LimitExceeded) -> tuple[str, _Facts]:
    form = "_hidden" if error.limit is None else "_held" if error.reserved else ""
    return f"{error.code}{form}", {}


def _not_open(told: _Explanation, error: AccountNotOpen) -> tuple[str, _Facts]:
    known = {"frozen", "closed", "agreed"}
    form = error.status if error.status in known else "hidden"
    form = form if error.merged_into is None else "merged"
    if error.role == "account":
        return f"{error.code}_{form}_itself", {}
    role = {"fund of the fee": "fee"}.get(error.role, error.role)
    role = role if role in {"earner", "spender", "via", "fee"} else "fund"
    return f"{error.code}_{form}", {"role": told.words(f"role_{role}")}


def _not_agreed(told: _Explanation, error: NotAgreed) -> tuple[str, _Facts]:
    account = account_of(error.peer)
    name = told.name(account)
    return f"{error.code}_{error.status}", {"bank": error.peer if name == account else name}


def _not_empty(_: _Explanation, error: AccountNotEmpty) -> tuple[str, _Facts]:
    if _is_hidden(error, "balance"):
        return f"{error.code}_hidden", {}
    held, incoming = error.held or Hours(0), error.incoming or Hours(0)
    form = "_held" if held or incoming else ""
    if error.account.startswith(PEER_PREFIX) and error.balance is not None:
        owed = abs(error.balance)
        return f"{error.code}_agreed{form}", {"owed": owed, "offered": held or incoming}
    return f"{error.code}{form}", {"held": held, "incoming": incoming}


def _holds_open(_: _Explanation, error: HoldsOpen) -> tuple[str, _Facts]:
    return f"{error.code}{'_hidden' if _is_hidden(error, 'held') else ''}", {}


def _over_reversed(_: _Explanation, error: OverReversed) -> tuple[str, _Facts]:
    form = "_hidden" if _is_hidden(error, "remaining") else "" if error.remaining else "_whole"
    return f"{error.code}{form}", {}


def _resolved(_: _Explanation, error: AlreadyResolved) -> tuple[str, _Facts]:
    if error.status not in {"settled", "voided", "expired"}:
        return f"{error.code}_hidden", {}
    form = "_void" if error.doing == "void" else ""
    return f"{error.code}_{error.status}{form}", {}


def _too_late(told: _Explanation, error: RecordedTooLate) -> tuple[str, _Facts]:
    return error.code, {"within": told.words.counted("days", error.days)}


def _dues(told: _Explanation, error: DuesNotCharged) -> tuple[str, _Facts]:
    if not error.accounts:
        return f"{error.code}_hidden", {}
    return error.code, {"people": told.listed(error.accounts)}


def _forbidden(told: _Explanation, error: NotPermitted) -> tuple[str, _Facts]:
    key = f"do_{error.action}"
    action = told.words(key if told.words.has(key) else "do_other", action=error.action)
    form = "_nobody" if error.actor is None else ""
    form += "_of" if error.accounts else ""
    return f"{error.code}{form}", {"action": action, "people": told.listed(error.accounts)}


def _no_account(told: _Explanation, error: AccountNotFound) -> tuple[str, _Facts]:
    if not error.near:
        return "account_not_found", {}
    *some, last = error.near
    near = told.words("or", some=", ".join(some), last=last) if some else last
    return "account_not_found_near", {"near": near}


def _mismatch(told: _Explanation, error: IdempotencyMismatch) -> tuple[str, _Facts]:
    match error.original:
        case Transfer() | Hold() as made:
            sides = {"earners": told.listed(made.earners), "spenders": told.listed(made.spenders)}
            facts: _Facts = {**sides, "hours": made.hours, "day": made.occurred_on}
            form = "transfer" if isinstance(made, Transfer) else "hold"
            return f"idempotency_mismatch_{form}", facts
        case Account() as account:
            return "idempotency_mismatch_account", {"account": account.id}
        case Statute():
            return "idempotency_mismatch_statute", {}
    return "idempotency_mismatch", {}


def _booklet_taken(_: _Explanation, error: BookletTaken) -> tuple[str, _Facts]:
    return "booklet_taken", {}


def _mistyped(_: _Explanation, error: ChequeMistyped) -> tuple[str, _Facts]:
    return f"cheque_mistyped_{error.reason}", {}


def _cheque_entered(told: _Explanation, error: ChequeEntered) -> tuple[str, _Facts]:
    earners = told.listed([error.earner])
    doing = f"{error.doing}_reversed" if error.is_reversed else error.doing
    return f"cheque_entered_{doing}", {"earners": earners, "day": error.occurred_on}


def _cheque_voided(told: _Explanation, error: ChequeVoided) -> tuple[str, _Facts]:
    key = f"cheque_{error.why}"
    return error.code, {"why": told.words(key) if told.words.has(key) else error.why}


_SENTENCES: Final[dict[type[TimebankError], Callable[[_Explanation, Any], tuple[str, _Facts]]]] = {
    AccountNotEmpty: _not_empty,
    AccountNotFound: _no_account,
    AccountNotOpen: _not_open,
    AlreadyResolved: _resolved,
    BookletTaken: _booklet_taken,
    ChequeEntered: _cheque_entered,
    ChequeMistyped: _mistyped,
    ChequeVoided: _cheque_voided,
    DuesNotCharged: _dues,
    HoldsOpen: _holds_open,
    IdempotencyMismatch: _mismatch,
    LimitExceeded: _limit,
    NotAgreed: _not_agreed,
    NotPermitted: _forbidden,
    OverReversed: _over_reversed,
    RecordedTooLate: _too_late,
}
