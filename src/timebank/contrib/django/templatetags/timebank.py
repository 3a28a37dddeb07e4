"""Tags and filters: `{% load timebank %}`."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import template
from django.utils.translation import get_language

from timebank.bank import TimeBank
from timebank.contrib.django import bank as joined_bank
from timebank.contrib.django import pages
from timebank.contrib.django import words as catalogue
from timebank.hours import Hours
from timebank.reports.marks import amended_words
from timebank.reports.text import harmless as harmless_text
from timebank.reports.words import Words, languages

register = template.Library()


@register.filter
def hours(value: Hours | int | str | None) -> str:
    """Show hours as hours:minutes, as all reports do; an int is of seconds, nothing is nothing.

    As in `{{ transfer.hours|hours }}`. A variable that is missing is text to Django, and stays so.
    """
    if value is None or isinstance(value, str):
        return value or ""
    return str(value if isinstance(value, Hours) else Hours.from_seconds(value))


@register.filter
def harmless(value: object) -> str:
    """Show text on one line, without characters that turn it round; nothing for `None`."""
    return "" if value is None else harmless_text(str(value))


@register.filter
def word(value: str, context: str) -> str:
    """Show what a kind or a status is called: `{{ account.kind|word:"account" }}`."""
    return catalogue.of(context, value)


@register.simple_tag
def balance(account: str, *, on: date | None = None, bank: TimeBank | None = None) -> Hours:
    """Return the hours of an account: `{% balance "m1" %}`, `{% balance "m1" as hours %}`.

    `bank` is one that the view gives, as that of a member who acts; `bank()` if left out.
    """
    return (bank or joined_bank()).balance(_plain(account), on=on).posted


@register.inclusion_tag("timebank/statement.html")
def statement(
    account: str,
    *,
    since: date | None = None,
    until: date | None = None,
    bank: TimeBank | None = None,
) -> dict[str, Any]:
    """Show a statement as a table, in the words of the reports: `{% statement "m1" %}`."""
    made = (bank or joined_bank()).statement(_plain(account), since=since, until=until)
    language = (get_language() or "en").partition("-")[0]
    words = Words("statement", language if language in languages() else "en")
    names = (
        "day", "with", "what", "earned", "spent", "balance", "opening", "closing", "totals", "none",
    )  # fmt: skip
    return {
        "made": made,
        "words": {name: words(name) for name in names},
        "period": words.period(since, until),
        "lines": [
            {
                "line": line,
                "others": pages.named(line.others, made.names),
                "text": _text(line, words),
                "amended": amended_words(line, words),
            }
            for line in made.lines
        ],
    }


def _plain(id: str) -> str:
    """Return an id as the bank takes it: what is written in a template is a kind of its own."""
    return str.__str__(id)


def _text(line: Any, words: Words) -> str:
    text = line.note or ""
    if line.reverses or line.kind == "merge":
        text = words.reason(line.reason or "")
    if line.reverses:
        label = words("reversal")
    elif line.fee:
        label = words("fee")
    elif line.kind != "exchange":
        label = words.kind(line.kind)
    else:
        label = ""
    return harmless_text(": ".join(filter(None, (label, text or line.category or ""))))
