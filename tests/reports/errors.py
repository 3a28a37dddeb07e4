"""Every error there is, once in each of its forms; run as a program, it writes the docs' table.

`cd tests && python -m reports.errors` writes the table of docs/errors.md from the catalogue.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, TypeVar

import attrs

import timebank
from timebank import errors
from timebank.federation.booking import OfferForgotten, OtherOffer
from timebank.hours import Hours
from timebank.reports import words
from timebank.reports.explaining import sentence_key, word

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "errors.md"
SOURCE = ROOT / "src" / "timebank"
BEGIN, END = "<!-- made by tests/reports/errors.py -->", "<!-- end -->"

R = TypeVar("R", bound=errors.Rejected)

H = Hours
DAY = date(2026, 3, 2)
NAMES = {"m1": "Maria Rossi", "m2": "Luca Bianchi", "f1": "Banco dei semi"}


def _hidden(error: R, **facts: object) -> R:
    vars(error).update(facts)
    error.remedy = ""
    return error


def _limit(rule: str, **facts: Any) -> errors.LimitExceeded:
    given = {"limit": H(-2), "available": H(2), "reserved": H(0), "shortfall": H(1), **facts}
    return errors.LimitExceeded("m1", rule=rule, needed=H(3), **given)


def _not_open(**facts: Any) -> errors.AccountNotOpen:
    return errors.AccountNotOpen("m1", doing="do this", **{"status": "frozen", **facts})


def _originals() -> Iterator[object]:
    bank = timebank.open("memory:")
    for account in ("m1", "m2"):
        yield bank.open_account(account, name=NAMES[account])
    yield bank.transfer(earner="m1", spender="m2", hours=1, occurred_on=DAY)
    yield bank.hold(earner="m1", spender="m2", hours=1)
    yield bank.statute()
    yield None


def samples() -> Iterator[timebank.TimebankError]:
    """Yield errors of every class, in the forms that each may have."""
    yield from _of_hours()
    yield from _of_accounts()
    yield from _of_operations()
    yield from _of_the_call()


def _of_hours() -> Iterator[timebank.TimebankError]:
    for rule in ("floor", "ceiling"):
        yield _limit(rule)
        advised = _limit(rule)
        advised.add_remedy("2:00 would pass", passes=H(2))
        yield advised
        refused = _limit(rule)
        refused.add_remedy("it would pass later")
        yield refused
        yield _limit(rule, reserved=H(1))
        yield _limit(rule).redacted()
    yield errors.ExchangeTooLarge(limit=H(4), needed=H(5))
    for days in (1, 30):
        yield errors.RecordedTooLate(occurred_on="2026-01-01", earliest="2026-03-01", days=days)
    yield errors.BooksClosed(through=DAY, occurred_on=DAY)
    for count in (0, 1, 2, 4, 9):
        yield errors.DuesNotCharged(through=DAY, accounts=[*NAMES, *"abcdefgh"][:count])
    both = errors.GranularityRefused(
        needed=H("0:20"), unit=H("0:15"), lower=H("0:15"), upper=H("0:30")
    )
    yield both
    advised_units = errors.GranularityRefused(
        needed=H("0:20"), unit=H("0:15"), lower=H("0:15"), upper=H("0:30")
    )
    advised_units.add_remedy("0:15 or 0:30 would pass", passes=H("0:15"))
    yield advised_units


def _of_accounts() -> Iterator[timebank.TimebankError]:
    for status in ("frozen", "closed", "agreed", "not open"):
        for role in ("account", "earner", "spender", "via", "fund of the fee", "fund of dues"):
            yield _not_open(status=status, role=role)
    for role in ("account", "spender"):
        yield _not_open(status="closed", merged_into="m2", role=role)
    yield errors.AccountNotEmpty("m1", balance=H(2))
    yield errors.AccountNotEmpty("m1", balance=H(-2))
    yield errors.AccountNotEmpty("m1", balance=H(0), held=H(1))
    yield _hidden(
        errors.AccountNotEmpty("m1", balance=H(2)), balance=None, held=None, incoming=None
    )
    yield errors.AccountNotEmpty("peer:j2", balance=H(-2))
    yield errors.AccountNotEmpty("peer:j2", balance=H(2), held=H(0), incoming=H(1))
    yield errors.HoldsOpen("m1", held=H(1), incoming=H(0))
    yield _hidden(errors.HoldsOpen("m1", held=H(1), incoming=H(0)), held=None, incoming=None)
    yield errors.NothingDue("m1", of="fund", statute="2026")
    for actor in (None, "m1"):
        for accounts in ((), ("m2", "f1")):
            yield errors.NotPermitted(actor, action="transfer", accounts=accounts)
    yield errors.NotPermitted("m1", action="sing")
    yield errors.FundInUse("f1", statute="2026")


def _of_operations() -> Iterator[timebank.TimebankError]:
    yield errors.OverReversed("visit", remaining=H(1), needed=H(2))
    yield errors.OverReversed("visit", remaining=H(0), needed=H(2))
    yield _hidden(errors.OverReversed("visit", remaining=H(0), needed=H(2)), remaining=None)
    for status in ("settled", "voided", "expired", "resolved"):
        yield errors.AlreadyResolved("promise", status=status, by=None)
    for status, by in (("settled", "visit"), ("voided", "rain"), ("expired", None)):
        yield errors.AlreadyResolved("promise", status=status, by=by, doing="void")
    for status in ("none", "suspended", "ended"):
        yield errors.NotAgreed("0198ab", status=status)
    yield errors.OfferUnanswered("x1", account="peer:0198ab", doing="settled")
    then = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    yield errors.AnsweredTooLate(answer_by=then, now=then.replace(month=4))
    yield OtherOffer("x1", {"seconds": 3600}, {"seconds": 7200})
    yield OfferForgotten("x1")
    yield errors.Rejected("a rule of a host says no")
    yield errors.AccountNotFound("m9")
    near = errors.AccountNotFound("Mara Rossi")
    near.near = ("m1 Maria Rossi", "m2 Luca Bianchi")
    yield near
    yield errors.TransferNotFound("visit")
    yield errors.HoldNotFound("promise")
    yield errors.StatuteNotFound("2026")
    yield errors.BankNotFound("main", "sqlite:///bank.db")
    yield errors.NotFound("nothing like it")
    yield from _of_cheques()
    for original in _originals():
        yield errors.IdempotencyMismatch("visit", original=original, differs="it was another")


def _of_cheques() -> Iterator[timebank.TimebankError]:
    for reason in ("form", "check"):
        yield errors.ChequeMistyped("17-03-34", reason=reason)
    yield errors.BookletNotFound(17)
    yield errors.ChequeNotFound("17-30-49", booklet=17, cheques=24)
    for why in ("lost", "stolen", "spoiled", "eaten"):
        yield errors.ChequeVoided("17-03-33", voided_on=DAY, why=why)
    original = next(one for one in _originals() if isinstance(one, timebank.Transfer))
    for doing, is_reversed in product(("enter", "void"), (False, True)):
        yield errors.ChequeEntered(
            "17-03-33",
            original=original,
            entered_on=DAY,
            differs="hours",
            doing=doing,
            is_reversed=is_reversed,
        )
    yield errors.BookletTaken(
        "cheque:17", original=None, booklet=17, account="m1", cheques=24, free=18
    )


def _of_the_call() -> Iterator[timebank.TimebankError]:
    yield errors.UnbalancedTransfer(earned=H(1), spent=H(2))
    for kind in (
        errors.InvalidRequest,
        errors.InvalidHours,
        errors.WrongType,
        errors.WrongHoursType,
        errors.InvalidStatute,
        errors.StoreBusy,
        errors.Unavailable,
        errors.Conflict,
        errors.Retryable,
        errors.StoreError,
        errors.OtherVersion,
        errors.Corrupt,
        errors.TimebankError,
    ):
        yield kind("this is what it says")
    yield errors.OutcomeUnknown("visit")
    told, found = (timebank.Head("j1", last, bytes(32)) for last in (12, 10))
    yield errors.HistoryLost(head=told, found=found)
    then = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    yield errors.ClockBehind(clock=then, last=then.replace(year=2027))
    for key, gaps in dict(abouts()).items():
        known: dict[str, object] = {"account": "m1", "into": "m2", "earner": "m1"}
        known["reason"] = errors.InvalidRequest("so it is")
        yield errors.InvalidRequest("this is what it says").about(
            key=key, **{gap: known.get(gap, f"<{gap}>") for gap in gaps}
        )


@cache
def abouts() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the keys that the source gives to errors, with what it puts into their sentences."""
    found = []
    for _, call in calls(word=".about("):
        if isinstance(call.func, ast.Attribute) and call.func.attr == "about":
            given = {one.arg: one.value for one in call.keywords}
            key = given.pop("key")
            assert isinstance(key, ast.Constant)
            found.append((str(key.value), tuple(str(name) for name in given)))
    return tuple(found)


def calls(folder: Path = SOURCE, word: str = "") -> Iterator[tuple[Path, ast.Call]]:
    """Yield all calls of the source's files in a folder that have a word: to parse is slow."""
    for path in sorted(folder.rglob("*.py")):
        source = path.read_text("utf-8")
        for node in ast.walk(ast.parse(source)) if word in source else ():
            if isinstance(node, ast.Call):
                yield path, node


# -- the page --------------------------------------------------------------------------


#: What is no fact of its own, or one of every refusal by a rule.
_SHARED = {"key", "gaps", "code", "rule", "headroom", "passes", "remedy"}


@attrs.frozen
class Form:
    """A form of an error: its code, where it has one of its own its key, its facts."""

    code: str
    key: str
    facts: tuple[str, ...]


def forms() -> list[Form]:
    """Return the forms of all errors in the order of the catalogue."""
    found: dict[str, Form] = {}
    for error in samples():
        key = sentence_key(error)
        code = getattr(error, "code", "") or word(type(error).__name__)
        facts = [name for name in vars(error) if name not in _SHARED]
        found.setdefault(key, Form(code, key, (*facts, *error.gaps)))
    order = list(words.table("errors", words.DEFAULT))
    return sorted(found.values(), key=lambda form: order.index(form.key))


def table() -> str:
    """Return the table of the docs: the code, the facts and the sentence in each language."""
    codes = words.languages()
    rows = [["`.code`", "facts", *(f"`{code}`" for code in codes)], ["---"] * (2 + len(codes))]
    for form in forms():
        variant = form.key.removeprefix(form.code).strip("_").replace("_", " ")
        variant = form.key if form.key == variant.replace(" ", "_") else variant
        code = f"`{form.code}`{', ' * bool(variant)}{variant}"
        facts = " ".join(f"`.{fact}`" for fact in form.facts)
        texts = [str(words.table("errors", one)[form.key]) for one in codes]
        rows.append([code, facts, *texts])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def page() -> str:
    """Return the page with the table as it is to be."""
    text = PAGE.read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
