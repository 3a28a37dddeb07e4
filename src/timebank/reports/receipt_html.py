"""Show a receipt that holds as one HTML file that needs nothing else, made to be printed on A4.

A person reads it from the top; the proof stands at its end, and `Receipt.in_page` finds it there.
What the page says besides proves nothing: a program that checks it says what is proved.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from importlib.resources import files
from math import inf
from typing import Any, Final

from timebank.errors import StoreError
from timebank.hours import Hours
from timebank.proof.receipts import CheckedReceipt
from timebank.reports.receipt import Page
from timebank.reports.text import harmless
from timebank.reports.words import Words

#: How large the proof is printed, in points, by its length: nobody reads it, and it is to fit.
_SIZES: Final = ((3_200, 5.6), (4_200, 4.4), (inf, 3.8))


def receipt_html(
    checked: CheckedReceipt,
    *,
    printed_on: date,
    language: str = "en",
    words: Mapping[str, Any] | None = None,
    title: str | None = None,
) -> str:
    """Return a receipt that holds as the text of an HTML file.

    `title` is the name of the association, which stands first. `words` is a catalogue of one's own,
    for a `language` that Babel knows.

    :raises InvalidRequest: a language of which there is no catalogue.
    :raises StoreError: the extra `timebank[proof]` is not installed.

    >>> from datetime import date
    >>> import timebank
    >>> from timebank.proof import Receipt, SigningKey, origin_of, receipt
    >>> from timebank.reports.receipt_html import receipt_html
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1", name="Maria R."), bank.open_account("f1", kind="group")
    >>> _ = bank.transfer(earner="m1", spender="f1", hours="1:30", id="visit")
    >>> key = SigningKey.make(origin_of(bank.head().journal))
    >>> made = receipt(bank, "visit", key=key)
    >>> page = receipt_html(made.checked(key), printed_on=date(2026, 3, 31), language="it")
    >>> "Ricevuta di uno scambio" in page, "Maria R." in page, Receipt.in_page(page) == made
    (True, True, True)
    """
    try:
        from babel import Locale
        from babel.dates import format_date
        from jinja2 import Environment, StrictUndefined
    except ImportError as error:  # pragma: no cover - it is installed for the tests
        msg = "a receipt as HTML needs timebank[proof]: pip install 'timebank[proof]'"
        raise StoreError(msg) from error
    known = Words("receipt", language, words=words)
    locale = Locale.parse(language)
    page = Page(checked, known, day=lambda day: format_date(day, "long", locale=locale))
    source = files("timebank").joinpath("data/receipt.html.j2").read_text("utf-8")
    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(source)
    text = str(checked.receipt)
    return template.render(
        language=language,
        bank=harmless(title or ""),
        words=known,
        title=page.title(),
        sides=_sides(page),
        hours=str(checked.exchange.hours),
        when=page.when(),
        details=page.details(),
        place=known("fits", sequence=known.number(page.sequence), journal=harmless(page.journal)),
        said=page.said_up_to(),
        is_whole=page.is_whole(),
        status=page.status(),
        later=page.later(),
        signed=page.signed(),
        printed=known("printed", day=page.day(printed_on)),
        receipt=text,
        size=next(size for longest, size in _SIZES if len(text) <= longest),
    )


def _sides(page: Page) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """Return both sides: what they do, and of each account the name, the id and the hours.

    The id is empty where it stands for a name, and the hours where an account is alone.
    """
    return [(label, _accounts(page, side)) for label, side in page.sides()]


def _accounts(page: Page, side: Mapping[str, Hours]) -> list[tuple[str, str, str]]:
    is_alone = len(side) == 1
    return [
        (
            harmless(page.name(account) or account),
            "" if page.name(account) is None else f"({harmless(account)})",
            "" if is_alone else str(hours),
        )
        for account, hours in side.items()
    ]
