"""Show a statement as one HTML file that needs nothing else, made to be printed on A4.

Its words are those of `reports/words`; days and numbers are written as Babel knows the
language. So another language is another file of words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from importlib.resources import files
from typing import Any, Final

import attrs

from timebank.errors import StoreError
from timebank.hours import Hours
from timebank.model import Head, Hold
from timebank.model.agreements import PEER_PREFIX
from timebank.queries.statements import Statement, StatementLine
from timebank.reports.holds import calendar
from timebank.reports.marks import amended_words, taken_back_words, takes_back_words
from timebank.reports.statement import (
    across_of_line,
    kind_words,
    line_figures,
    numbers,
    said_of,
    shown_columns,
    total_figures,
)
from timebank.reports.text import harmless
from timebank.reports.words import Words

_MOST_NAMED: Final = 3


def statement_html(
    statement: Statement,
    *,
    head: Head,
    printed_on: date,
    language: str = "en",
    words: Mapping[str, Any] | None = None,
    title: str | None = None,
) -> str:
    """Return the statement as the text of an HTML file.

    `title` is the name of the association, which stands first. `head` is where the journal stood
    when the statement was made: its line stands at the end.
    `words` is a catalogue of one's own, for a `language` that Babel knows.

    :raises InvalidRequest: a language of which there is no catalogue.
    :raises StoreError: the extra `timebank[report]` is not installed.

    >>> from datetime import date
    >>> import timebank
    >>> from timebank.reports.statement_html import statement_html
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1", name="Maria R."), bank.open_account("f1", kind="group")
    >>> _ = bank.transfer(earner="m1", spender="f1", hours="1:30")
    >>> page = statement_html(
    ...     bank.statement("m1"), head=bank.head(), printed_on=date(2026, 3, 31), language="it"
    ... )
    >>> "Estratto conto" in page, "31 marzo 2026" in page, str(bank.head()) in page
    (True, True, True)
    """
    try:
        from babel import Locale
        from babel.dates import format_date
        from babel.numbers import format_decimal
        from jinja2 import Environment, StrictUndefined
    except ImportError as error:  # pragma: no cover - it is installed for the tests
        msg = "a statement as HTML needs timebank[report]: pip install 'timebank[report]'"
        raise StoreError(msg) from error
    known = Words("statement", language, words=words)
    locale = Locale.parse(language)
    page = _Page(
        statement,
        known,
        day=lambda day: format_date(day, "long", locale=locale),
        short=lambda day: format_date(day, "medium", locale=locale),
        number=lambda number: format_decimal(number, locale=locale),
    )
    source = files("timebank").joinpath("data/statement.html.j2").read_text("utf-8")
    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(source)
    content = page.content(head, printed_on)
    return template.render(language=language, bank=harmless(title or ""), **content)


@attrs.frozen
class _Page:
    """The content of the page, in the words of a language."""

    statement: Statement
    words: Words
    day: Any
    short: Any
    number: Any

    def content(self, head: Head, printed_on: date) -> dict[str, Any]:
        """Return everything that the template names."""
        statement, words = self.statement, self.words
        account = statement.account
        counted = shown_columns(statement)
        return {
            "words": words,
            "titled": _titled(account.id, account.name),
            "kind": kind_words(account, words),
            "history": self._history(),
            "period": words.period(statement.since, statement.until, day=self.day),
            "closed": self._closed(),
            "known": self._known(),
            "opening": str(statement.opening),
            "columns": [words(name) for name in counted],
            "lines": [self._line(line, counted) for line in statement.lines],
            "sums": total_figures(statement, counted),
            "numbers": numbers(statement, counted, words),
            "explained": list(self._explained(counted)),
            "closing": str(statement.closing),
            "held": str(statement.held),
            "incoming": str(statement.incoming),
            "holds": list(self._holds()),
            "printed": words("printed", day=self.day(printed_on)),
            "proof": words("head", sequence=self.number(head.sequence)),
            "head": str(head),
        }

    def _history(self) -> str:
        """Return whose history is shown with that of the account; nothing, where it is nobody's."""
        if not self.statement.merged:
            return ""
        names = self.statement.names
        merged = ", ".join(_titled(id, names.get(id)) for id in self.statement.merged)
        return self.words("history", accounts=merged)

    def _closed(self) -> str:
        through = self.statement.closed_through
        return "" if through is None else self.words("closed_through", day=self.day(through))

    def _known(self) -> str:
        at = self.statement.at
        return "" if at is None else self.words("at_record", sequence=self.number(at))

    def _explained(self, counted: tuple[str, ...]) -> Iterator[str]:
        """Yield a sentence for each column that not every statement has."""
        if "taken_back" in counted:
            yield self.words("explained")
        if "other" in counted:
            yield self.words("explained_other")

    def _line(self, line: StatementLine, counted: tuple[str, ...]) -> dict[str, Any]:
        others = across_of_line(self.statement, line.across) or self._others(line.others)
        labels = [] if line.category is None else [line.category]
        if line.area is not None:
            labels.append(self.words.of(line.area))
        return {
            "day": self.short(line.occurred_on),
            "times": self.words.times(line.started_at, line.ended_at),
            "others": others,
            "of": "" if line.account is None else self.words("line_of", account=line.account),
            "text": harmless(said_of(line, self.words)),
            "labels": harmless(", ".join(labels)),
            "taken": takes_back_words(line, self.words, day=self.short)
            or taken_back_words(line, self.words, day=self.short),
            "amended": amended_words(line, self.words, day=self.short),
            "figures": line_figures(line, counted),
            "balance": str(line.balance),
        }

    def _holds(self) -> Iterator[dict[str, str]]:
        own = self.statement.account.id
        for hold in calendar(self.statement.holds):
            moves = [p.hours for p in hold.postings if p.account == own]  # a fee among them
            earned = sum(hours.seconds for hours in moves if hours.seconds > 0)
            spent = -sum(hours.seconds for hours in moves if hours.seconds < 0)
            others = {p.account for p in hold.postings} - {own}
            across = across_of_line(self.statement, hold.across)
            yield {
                "until": self._until(hold),
                "others": across or self._others(tuple(sorted(others))),
                "text": harmless(hold.note or hold.category or ""),
                "planned": self._planned(hold),
                "earned": str(Hours.from_seconds(earned)) if earned else "",
                "spent": str(Hours.from_seconds(spent)) if spent else "",
            }

    def _planned(self, hold: Hold) -> str:
        """Return the day for which a hold is planned, and its times; those that there are."""
        when = [self.words.times(hold.started_at, hold.ended_at)]
        if hold.occurred_on is not None:
            when.insert(0, self.words("planned", day=self.short(hold.occurred_on)))
        return ", ".join(filter(None, when))

    def _until(self, hold: Hold) -> str:
        if hold.across is not None:
            by = hold.across.answer_by
            moment = f"{self.short(by.date())} {by:%H:%M} UTC"
            return self.words("answer_by", moment=moment)
        if hold.expires_at is None:
            return self.words("no_end")
        return f"{self.short(hold.expires_at.date())} {hold.expires_at:%H:%M} UTC"

    def _others(self, others: tuple[str, ...]) -> str:
        named = ", ".join(_titled(id, self.statement.names.get(id)) for id in others[:_MOST_NAMED])
        if len(others) <= _MOST_NAMED:
            return named
        return f"{self.words('accounts', count=self.number(len(others)))}: {named}, …"


def _titled(id: str, name: str | None) -> str:
    if name is not None and id.startswith(PEER_PREFIX):
        return harmless(name)
    return harmless(id if name is None else f"{name} ({id})")
