"""Show booklets and cheques: who has which, how many are out, what became of one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from timebank.contrib.cheques.looking import Entered
from timebank.model import Transfer
from timebank.model.cheques import Booklet, Number, VoidedCheque
from timebank.queries import json_shapes
from timebank.reports.csv_lines import Trusted, csv_line
from timebank.reports.text import Column, facts, harmless, table, titled
from timebank.reports.words import Words

#: The columns of the CSV: the same in every language, as those of all exports.
_CSV: tuple[str, ...] = (
    *("booklet", "account", "name", "issued_on", "cheques", "entered", "voided", "out"),
    "numbers_out",
)


def ranges(numbers: Sequence[Number]) -> str:
    """Return cheques of a booklet in few figures, without their check digits: `01–03, 07`.

    >>> from timebank.contrib.cheques import Number, ranges
    >>> ranges([Number(17, 1), Number(17, 2), Number(17, 3), Number(17, 7)])
    '01–03, 07'
    """  # noqa: RUF002  # a span has an en dash
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number.cheque == spans[-1][1] + 1:
            spans[-1][1] = number.cheque
        else:
            spans.append([number.cheque, number.cheque])
    return ", ".join(f"{a:02}" if a == b else f"{a:02}–{b:02}" for a, b in spans)  # noqa: RUF001  # as above


def booklets_text(booklets: Iterable[Booklet], names: Mapping[str, str]) -> list[str]:
    """Return a line for each booklet: whose it is, and which of its cheques are out.

    >>> import timebank
    >>> from timebank.contrib import cheques
    >>> from timebank.contrib.cheques.showing import booklets_text
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1"), cheques.issue(bank, "m1", cheques=8)
    >>> *_, last = booklets_text(cheques.booklets(bank), {})
    >>> last
    '1 booklet, 8 cheques: 0 entered, 0 void, 8 out.'
    """
    words = Words("cheques")
    found = list(booklets)
    if not found:
        return [words("no_booklet")]
    columns = [
        Column(words("booklet_column"), right=True),
        Column(words("account"), least=16),
        Column(words("issued_on")),
        Column(words("cheques"), right=True),
        Column(words("entered"), right=True),
        Column(words("void"), right=True),
        Column(words("out"), right=True),
        Column(words("which"), least=12),
    ]
    rows = [
        [
            str(one.number),
            titled(one.account, names.get(one.account)),
            one.issued_on.isoformat(),
            *(str(n) for n in (one.cheques, len(one.entered), len(one.voided), len(one.out))),
            ranges(one.out),
        ]
        for one in found
    ]
    sums = {
        "cheques": sum(one.cheques for one in found),
        "entered": sum(len(one.entered) for one in found),
        "void": sum(len(one.voided) for one in found),
        "out": sum(len(one.out) for one in found),
    }
    told = {name: words.number(n) for name, n in sums.items()}
    return [*table(columns, rows), "", words.counted("booklets", len(found), **told)]


def booklets_csv(booklets: Iterable[Booklet], names: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines of a CSV with a row for each booklet; numbers that are out are whole.

    >>> import timebank
    >>> from timebank.contrib import cheques
    >>> from timebank.contrib.cheques.showing import booklets_csv
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1"), cheques.issue(bank, "m1", booklet=17, cheques=2)
    >>> list(booklets_csv(cheques.booklets(bank), {}))[1].endswith(",2,0,0,2,'17-01-39 17-02-36")
    True
    """
    yield csv_line(_CSV)
    for one in booklets:
        yield csv_line(
            [
                str(one.number),
                one.account,
                names.get(one.account, ""),
                Trusted(one.issued_on.isoformat()),
                *(str(n) for n in (one.cheques, len(one.entered), len(one.voided), len(one.out))),
                " ".join(map(str, one.out)),
            ],
            as_text=True,
        )


# -- one cheque --------------------------------------------------------------------------


def issued_text(booklet: Booklet, name: str | None) -> list[str]:
    """Return what is to be said of a booklet that was issued, and how it is printed."""
    words = Words("cheques")
    first, last = booklet.numbers[0], booklet.numbers[-1]
    said = words.counted(
        "issued",
        booklet.cheques,
        booklet=booklet.number,
        account=titled(booklet.account, name),
        first=first,
        last=last,
    )
    lines = [harmless(said)]
    if booklet.repeated:
        lines.append(words("issued_before", day=booklet.issued_on))
    return [*lines, words("how_to_print", booklet=booklet.number)]


def voided_text(voided: Sequence[VoidedCheque], passed: Sequence[Number] = ()) -> list[str]:
    """Return what is to be said of cheques that were voided; `passed` were used up before."""
    words = Words("cheques")
    lines = [
        words(
            "was_void" if one.repeated else "voided",
            number=one.number,
            day=one.voided_on,
            code=code_text(one.code),
        )
        for one in voided
    ]
    if passed:
        lines.append(words.counted("passed", len(passed), numbers=", ".join(map(str, passed))))
    return [*map(harmless, lines)] or [words("none_to_void")]


def code_text(code: str) -> str:
    """Return why a cheque was voided in the language that is spoken; other words as they are.

    >>> from timebank.contrib.cheques import code_text
    >>> code_text("lost"), code_text("eaten")
    ('lost', 'eaten')
    """
    words = Words("cheques")
    return words(f"code_{code}") if words.has(f"code_{code}") else harmless(code)


def cheque_text(
    number: Number,
    booklet: Booklet,
    exchange: Transfer | None,
    known: Entered | None,
    names: Mapping[str, str],
) -> list[str]:
    """Return what became of a cheque: out, entered as an exchange, of which more is known, or void.

    >>> import timebank
    >>> from timebank.contrib import cheques
    >>> from timebank.contrib.cheques.showing import cheque_text
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1")
    >>> booklet = cheques.issue(bank, "m1", booklet=17)
    >>> cheque_text(booklet.out[2], booklet, None, None, {})[-1]
    'What became of it: it is out'
    """
    words = Words("cheques")

    def titles(account: str) -> str:
        return titled(account, names.get(account))

    told = {
        words("number"): str(number),
        words("spender"): titles(booklet.account),
        words("issued_on"): booklet.issued_on.isoformat(),
    }
    if exchange is not None and known is not None:
        told |= {
            words("what_became"): words("entered_on", day=known.on),
            words("earner"): ", ".join(map(titles, exchange.earners)),
            words("hours"): str(exchange.hours),
            words("reversed"): str(known.reversed or ""),
            words("day"): exchange.occurred_on.isoformat(),
            words("times"): Words("statement").times(exchange.started_at, exchange.ended_at),
            words("activity"): harmless(exchange.category or ""),
            words("note"): harmless(exchange.note or ""),
            words("exchange"): exchange.id,
        }
    elif (void := _void_of(number, booklet)) is not None:
        said = words("void_on", day=void.voided_on, code=code_text(void.code))
        told |= {words("what_became"): said, words("why"): harmless(void.reason or "")}
    else:
        told[words("what_became")] = words("is_out")
    return facts(told)


def cheque_json(
    number: Number, booklet: Booklet, exchange: Transfer | None, known: Entered | None
) -> json_shapes.Shape:
    """Return what became of a cheque as plain dictionaries."""
    void = _void_of(number, booklet)
    return {
        "number": str(number),
        "booklet": booklet.number,
        "account": booklet.account,
        "issued_on": booklet.issued_on.isoformat(),
        "status": "entered" if exchange is not None else "out" if void is None else "voided",
        "entered": None if exchange is None else json_shapes.of(exchange),
        "reversed": None if known is None else str(known.reversed),
        "voided": None if void is None else json_shapes.of(void),
    }


def _void_of(number: Number, booklet: Booklet) -> VoidedCheque | None:
    return next((one for one in booklet.voids if one.number == number), None)
