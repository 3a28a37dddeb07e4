"""Return an error as plain data, for a web service to answer with."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from timebank.errors import (
    FAILURES,
    BankNotFound,
    OutcomeUnknown,
    Rejected,
    Retryable,
    TimebankError,
    WrongType,
    shown,
)
from timebank.queries.json_shapes import Shape, of
from timebank.reports.explaining import word

#: What is said in place of a message that names files, servers or statements.
_BUSY: Final = "the ledger is busy: try again"
_UNKNOWN: Final = "it may have been recorded: repeat the call with the same id to learn it"
_BROKEN: Final = "the ledger cannot answer now"
#: Attributes that are told elsewhere, or for sentences alone.
_NO_FACTS: Final = frozenset({"code", "__notes__", "key", "gaps"})
#: The facts of every refusal by a rule, which its class may have.
_OF_A_RULE: Final = ("rule", "headroom", "passes", "remedy")


def error(error: BaseException) -> Shape:
    """Return an error of a bank, with a word for programs, its message and its facts.

    `code` is that of a rule, and the name of the class in lower case of any other error. The facts
    are the attributes of the error, which its class documents: a bank with permissions has left
    out what is not for who acts. What failed inside is for a log: it is told without details.

    :raises WrongType: an exception that is no error of this library.

    >>> import timebank
    >>> from timebank import reports
    >>> bank = timebank.open("memory:")
    >>> try:
    ...     bank.balance("m9")
    ... except timebank.TimebankError as error:
    ...     reports.json.error(error)["code"], reports.json.error(error)["facts"]
    ('account_not_found', {'account': 'm9'})
    """
    if not isinstance(error, TimebankError):
        msg = f"error takes a TimebankError, not {shown(error)}"
        raise WrongType(msg)
    code = getattr(error, "code", None) or word(type(error).__name__)
    facts = {name: value for name, value in vars(error).items() if name not in _NO_FACTS}
    if isinstance(error, Rejected):
        facts |= {name: getattr(error, name) for name in _OF_A_RULE}
    elif isinstance(error, (*FAILURES, BankNotFound)):
        facts = {name: facts[name] for name in ("id", "ids") if name in facts}
    return {
        "code": code,
        "message": _message(error),
        "facts": {name: _plain(value) for name, value in sorted(facts.items())},
    }


def _message(error: TimebankError) -> str:
    if isinstance(error, Retryable):
        return _BUSY
    if isinstance(error, OutcomeUnknown):
        return _UNKNOWN
    return _BROKEN if isinstance(error, (*FAILURES, BankNotFound)) else str(error)


def _plain(value: Any) -> Any:
    """Return a fact as JSON has it."""
    if value is None or type(value) in {bool, int, str}:
        return value
    if isinstance(value, date):  # or an instant
        return value.isoformat()
    if isinstance(value, tuple | list):
        return list(map(_plain, value))
    if isinstance(value, Mapping):  # what came from another bank
        return {str(name): _plain(one) for name, one in value.items()}
    try:
        return of(value)
    except WrongType:  # hours are text, and what is no value of the library is shown so
        return str(value)
