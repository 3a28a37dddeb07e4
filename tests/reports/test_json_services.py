"""What web services answer with: refusals as JSON, and the types of results for OpenAPI."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest

import timebank
from reports.test_json import documented, results, values
from support import fill, sources
from timebank import Hours, Roles, TimeBank, TimebankError, WrongType, errors, reports
from timebank.errors import FAILURES
from timebank.federation.booking import OfferForgotten, OtherOffer

__all__ = ["results"]  # a fixture, which is shared

H = Hours(1)
DAY = date(2026, 3, 2)
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def made() -> Iterator[TimebankError]:
    """An error of each class, with facts of each type."""
    bank = timebank.open("memory:", **sources())
    fill(bank)
    transfer = next(bank.transfers())
    yield errors.InvalidRequest("no")
    yield errors.InvalidHours("no")
    yield errors.WrongType("no")
    yield errors.WrongHoursType("no")
    yield errors.UnbalancedTransfer(earned=H, spent=H)
    yield errors.InvalidStatute("no")
    yield errors.NotFound("no")
    yield errors.AccountNotFound("m9")
    yield errors.TransferNotFound("t9")
    yield errors.HoldNotFound("h9")
    yield errors.StatuteNotFound("v9")
    yield errors.BankNotFound("b9", where="sqlite:////srv/bank.db")
    for original in (transfer, bank.account("m1"), timebank.Statute(version="v1"), None, object()):
        yield errors.IdempotencyMismatch("t1", original=original, differs="hours")
    yield errors.LimitExceeded("m1", rule="floor", needed=H, limit=-H, available=H, shortfall=H)
    yield errors.LimitExceeded("m1", rule="ceiling", needed=H)
    yield errors.ExchangeTooLarge(limit=H, needed=H)
    yield errors.RecordedTooLate(occurred_on="2026-01-01", earliest="2026-02-01", days=28)
    yield errors.BooksClosed(through=DAY, occurred_on=DAY)
    yield errors.DuesNotCharged(through=DAY, accounts=["m1", "m2"])
    yield errors.GranularityRefused(needed=H, unit=H, lower=None, upper=H)
    yield errors.AccountNotOpen("m1", status="frozen", doing="earn")
    yield errors.AccountNotEmpty("m1", balance=H, held=H)
    yield errors.HoldsOpen("m1", held=H, incoming=H)
    yield errors.NothingDue("m1", of="fund", statute="v1")
    yield errors.NotPermitted("m1", action="balance", accounts=("m2",))
    yield errors.FundInUse("m1", statute="v1")
    yield errors.NotAgreed("j2", status="suspended")
    yield errors.OfferUnanswered("x1", account="peer:j2", doing="settled")
    yield errors.AnsweredTooLate(answer_by=NOW, now=NOW)
    yield OtherOffer("x1", {"seconds": 3600}, {"seconds": 7200})
    yield OfferForgotten("x1")
    yield errors.OverReversed("t1", remaining=H, needed=H)
    yield errors.AlreadyResolved("h1", status="settled", by="s1")
    yield errors.StoreBusy("sqlite:////srv/bank.db is locked")
    yield errors.Unavailable("db.example: connection refused")
    yield errors.Conflict("SELECT secret")
    yield errors.OutcomeUnknown("t1")
    yield errors.HistoryLost(
        head=timebank.Head("j1", 2, bytes(32)), found=timebank.Head("j1", 1, bytes(32))
    )
    yield errors.ClockBehind(clock=NOW, last=NOW)
    yield errors.StoreError("/srv/bank.db: the disk is full")
    yield errors.OtherVersion("/srv/bank.db")
    yield errors.Corrupt("record 3")


def of_cheques() -> Iterator[TimebankError]:
    """An error of each class that is on cheques."""
    bank = timebank.open("memory:", **sources())
    fill(bank)
    yield errors.ChequeMistyped("17-03-34", reason="check")
    yield errors.BookletNotFound(17)
    yield errors.ChequeNotFound("17-30-49", booklet=17, cheques=24)
    yield errors.ChequeVoided("17-03-33", voided_on=DAY, why="lost")
    original = next(bank.transfers())
    yield errors.ChequeEntered(
        "17-03-33", original=original, entered_on=DAY, differs="hours", doing="enter"
    )
    yield errors.BookletTaken("b", original=None, booklet=17, account="m1", cheques=24, free=18)


ERRORS = [*made(), *of_cheques()]


def test_each_class_is_tried() -> None:
    """None was forgotten, but those that are never raised themselves."""
    classes = {
        kind
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, TimebankError)
    }
    assert classes - {type(error) for error in ERRORS} == {
        errors.TimebankError,
        errors.Rejected,
        errors.Retryable,
    }


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_refusal_is_plain(error: TimebankError) -> None:
    """A code of one word, a message, and facts that JSON gives back and that are no fractions."""
    shape = reports.json.error(error)
    assert ["code", "message", "facts"] == list(shape)
    assert shape == json.loads(json.dumps(shape))
    assert shape["code"].replace("_", "").isalpha()
    assert shape["code"] == shape["code"].lower()
    assert {type(value) for _, value in values(shape)} <= {str, int, bool, type(None)}


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_what_failed_inside_tells_nothing_of_it(error: TimebankError) -> None:
    """Neither files nor statements; a refusal has its message and its facts."""
    shape = reports.json.error(error)
    if isinstance(error, (*FAILURES, errors.BankNotFound)):
        assert "srv" not in str(shape)
        assert "secret" not in str(shape)
        assert shape["facts"].keys() <= {"id", "ids"}
    else:
        assert str(error) == shape["message"]
        assert vars(error).keys() - {"code"} <= shape["facts"].keys()


def test_the_codes_are_of_one_class_each() -> None:
    """A program may go by them; a limit has two."""
    codes: dict[str, type] = {}
    for error in ERRORS:
        assert type(error) is codes.setdefault(reports.json.error(error)["code"], type(error))
    assert {"account_not_found", "idempotency_mismatch", "store_busy"} < codes.keys()
    assert {"floor_exceeded", "ceiling_exceeded", "not_permitted"} < codes.keys()


def test_the_facts_have_values_of_the_page() -> None:
    """Hours as text, days and instants as ISO 8601, a result as its own shape."""

    def facts_of(kind: type[TimebankError]) -> list[dict[str, Any]]:
        return [reports.json.error(one)["facts"] for one in ERRORS if type(one) is kind]

    assert "1:00" == facts_of(errors.LimitExceeded)[0]["available"]
    assert "2026-03-02" == facts_of(errors.BooksClosed)[0]["through"]
    assert "2026-03-02T09:00:00+00:00" == facts_of(errors.ClockBehind)[0]["last"]
    assert ["m1", "m2"] == facts_of(errors.DuesNotCharged)[0]["accounts"]
    originals = [facts["original"] for facts in facts_of(errors.IdempotencyMismatch)]
    assert ["member", "v1", None] == [
        originals[1]["kind"],
        originals[2]["version"],
        originals[3],
    ]
    assert originals[0]["hours"]
    assert {"t1"} == {facts["id"] for facts in facts_of(errors.OutcomeUnknown)}


def test_an_error_of_a_bank_with_permissions_is_redacted() -> None:
    """The JSON has what the error has, and no more."""
    bank = timebank.open("memory:", **sources())
    for id in ("anna", "bruno"):
        bank.open_account(id, ceiling="7:13")
    anna = TimeBank(bank.store, permissions=Roles()).acting_as("anna")
    with pytest.raises(timebank.LimitExceeded) as caught:
        anna.transfer(earner="bruno", spender="anna", hours=9)
    assert "7:13" not in json.dumps(reports.json.error(caught.value))


@pytest.mark.parametrize("value", [ValueError("no"), KeyboardInterrupt()])
def test_an_error_of_something_else_is_refused(value: BaseException) -> None:
    """What it says may be for nobody."""
    with pytest.raises(WrongType, match="error takes a TimebankError"):
        reports.json.error(value)


# -- types ---------------------------------------------------------------------------------

pydantic = pytest.importorskip("pydantic", reason="types are read by it: timebank[dev]")

from timebank.reports import json_types  # noqa: E402 - it needs what comes with pydantic

TYPES: dict[str, Any] = {
    name: kind
    for name, kind in vars(json_types).items()
    if isinstance(kind, type) and kind.__module__ == json_types.__name__ and name[0] != "_"
}
#: Those that are part of others, or of no result.
PARTS = {"Across", "Error", "FeePosting", "OwedLimits", "SeenHead"}


def exact(kind: Any) -> Any:
    """A reader of a type that takes nothing else: no other keys, and no other types."""
    config = pydantic.ConfigDict(extra="forbid", strict=True)
    for one in TYPES.values():
        one.__pydantic_config__ = config
    return pydantic.TypeAdapter(kind)


@pytest.mark.parametrize("name", sorted(TYPES.keys() - PARTS))
def test_a_type_is_that_of_the_shape(name: str, results: dict[str, list[Any]]) -> None:
    """Every result is read by it, and it has the keys of the page."""
    reader = exact(TYPES[name])
    for one in results[name]:
        shape = reports.json.of(one)
        assert shape == reader.validate_python(shape)
    assert set(documented()[name]) == TYPES[name].__required_keys__


def test_the_type_of_a_refusal() -> None:
    """Every error is read by it."""
    reader = exact(TYPES["Error"])
    for error in ERRORS:
        shape = reports.json.error(error)
        assert shape == reader.validate_python(shape)


def test_what_a_service_answers_with_has_a_type() -> None:
    """Those that a member or a coordinator reads."""
    assert {"Account", "Balance", "Transfer", "Hold", "Statement", "Delegate", "Due"} < TYPES.keys()
