"""Tags and filters: `{% load timebank %}`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from django import template

from timebank.bank import TimeBank
from timebank.contrib.django import bank as joined_bank
from timebank.contrib.django import pages
from timebank.contrib.django import words as catalogue
from timebank.hours import Hours
from timebank.model import Hold
from timebank.reports.holds import across_text
from timebank.reports.marks import amended_words, taken_back_words, takes_back_words
from timebank.reports.statement import (
    across_of_line,
    described,
    line_figures,
    numbers,
    shown_columns,
    total_figures,
)
from timebank.reports.text import harmless as harmless_text
from timebank.reports.words import Words

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


@register.filter
def named(accounts: Iterable[str] | str | None, names: Mapping[str, str]) -> str:
    """Show accounts by their names, or their ids: `{{ hold.earners|named:names }}`.

    `names` is what the view gives, as `statement.names` or `timebank.reports.KnownNames`.
    """
    ids = [accounts] if isinstance(accounts, str) else accounts or ()
    return harmless_text(", ".join(names.get(id) or id for id in ids))


@register.filter
def earns(hold: Hold, names: Mapping[str, str]) -> str:
    """Show who earns by a hold: accounts, or of an offer who is to earn in another bank.

    `names` are those of accounts, of which those of agreements have the names of banks.
    """
    if hold.across is not None:
        return across_text(hold.across, names)
    return harmless_text(", ".join(hold.earners))


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
    words = Words("statement", catalogue.language())
    names = (
        "day", "with", "what", "balance", "opening", "closing", "totals", "number", "none",
    )  # fmt: skip
    counted = shown_columns(made)
    return {
        "made": made,
        "words": {name: words(name) for name in names},
        "period": words.period(since, until),
        "columns": [words(name) for name in counted],
        "sums": total_figures(made, counted),
        "numbers": numbers(made, counted, words),
        "lines": [
            {
                "line": line,
                "others": across_of_line(made, line.across) or pages.named(line.others, made.names),
                "text": harmless_text(described(line, words)),
                "marks": [
                    said
                    for mark in (takes_back_words, taken_back_words, amended_words)
                    if (said := mark(line, words))
                ],
                "figures": line_figures(line, counted),
            }
            for line in made.lines
        ],
    }


def _plain(id: str) -> str:
    """Return an id as the bank takes it: what is written in a template is a kind of its own."""
    return str.__str__(id)
