"""Say in sentences what a mapping does, for who knows the files, before anything is booked."""

from __future__ import annotations

from collections.abc import Iterator

from timebank.interchange.csv.cells import AUTO, CLOCK, Amounts
from timebank.interchange.csv.days import EPOCH, EPOCH_MS, FIRST_DAY, LAST_DAY
from timebank.interchange.csv.keys import Column
from timebank.interchange.csv.mapping import PASS, Condition, Filter, Mapping, Transfers
from timebank.reports.told import in_words
from timebank.reports.words import Words

_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}


def explained(mapping: Mapping, language: str | None = None) -> Iterator[str]:
    """Yield what a mapping does, a sentence a line; in a language, or the one that is spoken.

    >>> from timebank.interchange.csv.toml import mapping_of
    >>> from timebank.interchange.csv.explanation import explained
    >>> for line in list(explained(mapping_of("timebank_cc")))[4:7]:
    ...     print(line)
    Days are written like 2026-03-02.
    The id of a row is timebank_cc: and what id says.
    to_account_id earned, from_account_id spent, by amount, on created_at.
    >>> list(explained(mapping_of("timebank_cc"), "it"))[3]
    'Le ore sono in minuti, scritte come 1.50.'
    """
    return _Explanation(mapping, Words("mapping", language)).lines()


class _Explanation:
    """The sentences about one mapping, in one language."""

    def __init__(self, mapping: Mapping, words: Words) -> None:
        self._mapping, self._says = mapping, words

    def lines(self) -> Iterator[str]:
        mapping, says = self._mapping, self._says
        yield says("title", title=mapping.title, name=mapping.name)
        yield " ".join(self._files())
        yield " ".join(self._people())
        yield " ".join(self._amounts(mapping.amounts))
        yield " ".join(self._days())
        if mapping.transfers is not None:
            yield from self._transfers(mapping.transfers)
            yield from self._reversals(mapping.transfers)
        yield from self._accounts()
        yield from (says("question", question=question) for question in mapping.questions)

    # -- files, people, amounts, days -------------------------------------------------

    def _files(self) -> Iterator[str]:
        csv, says = self._mapping.csv, self._says
        known = _DELIMITERS.get(csv.delimiter)
        delimiter = repr(csv.delimiter) if known is None else says(known)
        named = (csv.encoding != AUTO, csv.delimiter != AUTO)
        key = {(False, False): "auto", (True, False): "encoding", (False, True): "delimiter"}
        gaps = {"encoding": csv.encoding, "delimiter": delimiter}
        yield says(f"files_{key.get(named, 'both')}", **gaps)
        if csv.first_lines:
            yield says("first_lines", count=csv.first_lines)
        yield says("header" if csv.header else "numbered")
        if csv.sheet is not None:
            yield says("sheet", sheet=csv.sheet)
        if csv.nothing:
            yield says("nothing", values=self._list(csv.nothing))
        if not csv.quotes:
            yield says("no_quotes")
        if csv.escape is not None:
            yield says("escape", mark=csv.escape)

    def _people(self) -> Iterator[str]:
        part, says = self._mapping.people, self._says
        yield says(f"people_by_{part.by}")
        if part.pattern is not None:
            yield says("people_pattern", pattern=part.pattern.pattern)
        if part.same:
            yield says("people_same", count=len(part.same))

    def _amounts(self, amounts: Amounts) -> Iterator[str]:
        says = self._says
        if amounts.unit == AUTO:
            yield says("amounts_auto", form=amounts.form)
            yield says(f"two_figures_{amounts.two_figures or 'asked'}", mark=amounts.decimal)
            if amounts.one_figure:
                yield says("one_figure_tenths", mark=amounts.decimal)
            if amounts.minutes_after:
                yield says("minutes_after", mark=amounts.minutes_after)
        elif isinstance(amounts.unit, str):
            unit = says("in_clock" if amounts.unit == CLOCK else f"in_{amounts.unit}")
            yield says("amounts", unit=unit, form=amounts.form)
        else:
            unit = says("in_units", seconds=says.number(amounts.unit))
            yield says("amounts", unit=unit, form=amounts.form)
        if amounts.round:
            yield says("round")

    def _days(self) -> Iterator[str]:
        days, says = self._mapping.days, self._says
        part = self._mapping.transfers
        if part is not None and (day := part.day_is) is not None:
            yield says("day_is", day=day)
            return
        form = in_words(days.form, says.language)
        if {EPOCH, EPOCH_MS} & {*days.formats}:
            yield says("days_zone", form=form, zone=days.time_zone)
        else:
            yield says("days", form=form)
        if (days.since, days.until) != (FIRST_DAY, LAST_DAY):
            yield says("band", since=days.since, until=days.until)

    # -- transfers --------------------------------------------------------------------

    def _transfers(self, part: Transfers) -> Iterator[str]:
        says = self._says
        if part.id is None:
            yield says("no_id")
        else:
            yield says("id", name=self._mapping.name, column=part.id)
        yield from self._sides(part)
        yield says("zero_pass" if part.zero == PASS else "zero_refuse")
        if part.empty == PASS:
            yield says("empty_pass")
        if part.with_oneself == PASS:
            yield says("self_pass")
        for one, other in part.equal:
            yield says("differ", one=one, other=other)
        yield from self._taken(part)
        yield from self._passed(part)
        for levy in part.levies:
            yield says("levy", payer=levy.payer, amount=levy.amount, account=levy.to)

    def _taken(self, part: Transfers) -> Iterator[str]:
        says = self._says
        fields = {"note": part.note, "category": part.category, "area": part.area}
        if said := list(self._fields({**fields, "tags": part.tags})):
            yield says("taken", fields=", ".join(said))
        if part.strip is None:
            yield says("no_strip")
        elif part.strip:
            yield says("strip", texts=self._list(part.strip, "and"))
        if part.html:
            yield says("html", columns=self._list(part.html, "and"))
        if part.keep:
            yield says("keep", columns=self._list(part.keep, "and"))

    def _sides(self, part: Transfers) -> Iterator[str]:
        says = self._says
        gaps = {
            "amount": part.amount,
            "day": part.day if part.day is not None else says("this_day"),
        }
        if part.account is None:
            earner, spender = (
                column if column is not None else says("the_account", account=fixed)
                for column, fixed in (
                    (part.earner, part.earner_is),
                    (part.spender, part.spender_is),
                )
            )
            yield says("sides", earner=earner, spender=spender, **gaps)
            yield says(f"negative_{part.negative}{'_reversal' if part.reversal else ''}")
            return
        partner = part.other
        gaps["account"] = part.account
        gaps["partner"] = says("the_account", account=part.against) if partner is None else partner
        if part.incoming is not None:
            yield says("in_out", incoming=part.incoming, outgoing=part.outgoing, **gaps)
        elif (told := part.direction) is not None:
            by = {"earned": self._list(told.earned), "spent": self._list(told.spent)}
            yield says("direction", column=told.column, **by, **gaps)
        else:
            yield says(f"account_{part.positive}", **gaps)

    def _passed(self, part: Transfers) -> Iterator[str]:
        says = self._says
        for one in part.skip:
            yield self._filter("skip", one)
        if part.only is not None:
            yield self._filter("only", part.only)
        if (states := part.state) is not None:
            yield says("moves", column=states.column, values=self._list(states.moves))
            if states.passed:
                passed = (f"{value} ({name})" for value, name in states.passed.items())
                yield says("passed", states=", ".join(passed))
            yield says(f"other_{states.other}")

    def _filter(self, key: str, part: Filter) -> str:
        if part.pattern is not None:
            return self._says(f"{key}_pattern", column=part.column, pattern=part.pattern.pattern)
        return self._says(f"{key}_values", column=part.column, values=self._list(part.values))

    # -- reversals and accounts -------------------------------------------------------

    def _reversals(self, part: Transfers) -> Iterator[str]:
        says = self._says
        reversal, taken = part.reversal, part.reversed
        if reversal is not None:
            gaps = {"column": reversal.column, "is": self._is(reversal)}
            key = f"reversal_{reversal.amount}"
            if reversal.pattern is None:
                yield says(key, original=reversal.original, **gaps)
            else:
                by = reversal.pattern.pattern
                yield says(f"{key}_by", original=reversal.original, pattern=by, **gaps)
        if taken is not None:
            yield says("reversed", **{"column": taken.column, "is": self._is(taken)})

    def _accounts(self) -> Iterator[str]:
        says, mapping = self._says, self._mapping
        if (part := mapping.accounts) is not None:
            told = (
                says("accounts_no_id") if part.id is None else says("accounts_id", column=part.id)
            )
            name = self._list(part.name, "and") if part.name else None
            fields = {"name": name, "joined": part.joined, "balance": part.balance}
            yield says("accounts", fields=", ".join([told, *self._fields(fields)]))
            if part.also:
                yield says("also", columns=self._list(part.also, "and"))
            for value, kind in part.kinds.items():
                yield says("kind", column=part.kind, value=value, kind=kind)
            if part.closed is not None:
                yield says("closed", **{"column": part.closed.column, "is": self._is(part.closed)})
        for key, one in (("balances", mapping.balances), ("opening", mapping.opening)):
            if one is not None:
                yield says(key, balance=one.balance, account=one.account)
        for account in mapping.open:
            yield says("open", account=account.id, kind=account.kind)

    def _fields(self, fields: dict[str, Column | None]) -> Iterator[str]:
        for field, column in fields.items():
            if column is not None:
                yield self._says("from_column", field=self._says(f"field_{field}"), column=column)

    def _is(self, condition: Condition) -> str:
        if not condition.values:
            return self._says("is_filled")
        return self._says("is_one", values=self._list(condition.values))

    def _list(self, values: tuple[Column, ...], link: str = "or") -> str:
        """Return `a, b or c`."""
        *before, last = map(str, values or ("",))
        return self._says(link, first=", ".join(before), last=last) if before else last
