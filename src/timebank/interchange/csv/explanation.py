"""Say in sentences what a mapping does, for who knows the files, before anything is booked."""

from __future__ import annotations

from collections.abc import Iterator

from timebank.interchange.csv.cells import CLOCK
from timebank.interchange.csv.days import EPOCH
from timebank.interchange.csv.keys import Column
from timebank.interchange.csv.mapping import Condition, Mapping, Transfers


def explained(mapping: Mapping) -> Iterator[str]:
    """Yield what a mapping does, a sentence a line.

    >>> from timebank.interchange.csv.toml import mapping_of
    >>> from timebank.interchange.csv.explanation import explained
    >>> for line in list(explained(mapping_of("timebank_cc")))[2:6]:
    ...     print(line)
    Amounts are in minutes, written like 1.50.
    Days are written like 2026-03-02.
    The id of a row is timebank_cc: and what id says.
    to_account_id earned, from_account_id spent, by amount, on created_at.
    """
    yield f"{mapping.title}. Ids begin with {mapping.name}:."
    yield _files(mapping)
    yield _amounts(mapping)
    yield _days(mapping)
    yield from _transfers(mapping)
    yield from _reversals(mapping)
    yield from _accounts(mapping)


def _files(mapping: Mapping) -> str:
    csv = mapping.csv
    names = {",": "commas", ";": "semicolons", "\t": "tabs"}
    between = names.get(csv.delimiter, f"{csv.delimiter!r}")
    first = "Their first line names the columns" if csv.header else "Columns are numbered from 1"
    nothing = f" {_list(csv.nothing)} stands for nothing." if csv.nothing else ""
    return f"Files are in {csv.encoding}, with {between} between columns. {first}.{nothing}"


def _amounts(mapping: Mapping) -> str:
    amounts = mapping.amounts
    if amounts.unit == CLOCK:
        unit = "in hours and minutes"
    elif amounts.unit == "hundredths":
        unit = "in hundredths of an hour"
    elif isinstance(amounts.unit, str):
        unit = f"in {amounts.unit}"
    else:
        unit = f"in units of {amounts.unit:,} seconds"
    return f"Amounts are {unit}, written like {amounts.form}."


def _days(mapping: Mapping) -> str:
    zone = (
        f" (the day is that of {mapping.days.time_zone})" if EPOCH in mapping.days.formats else ""
    )
    return f"Days are written {mapping.days.form}{zone}."


def _transfers(mapping: Mapping) -> Iterator[str]:
    part = mapping.transfers
    if part.id is None:
        yield "Rows have no id: one is made from who, how much, when, and the ordinal among equals."
    else:
        yield f"The id of a row is {mapping.name}: and what {part.id} says."
    yield from _sides(part)
    yield f"An amount of zero is {'passed over' if part.zero == 'pass' else 'quarantined'}."
    for one, other in part.equal:
        yield f"Rows whose {one} and {other} differ are quarantined."
    fields = {"note": part.note, "category": part.category, "area": part.area, "tags": part.tags}
    if said := [f"{field} from {column}" for field, column in fields.items() if column is not None]:
        yield f"Taken besides: {', '.join(said)}."
    if part.html:
        yield f"HTML is taken out of {_list(part.html, 'and')}."
    if part.keep:
        yield f"Kept as the source of a transfer: {_list(part.keep, 'and')}."
    yield from _states(part)
    for levy in part.levies:
        yield f"{levy.payer} pays {levy.amount} besides, to the account {levy.to}."


def _sides(part: Transfers) -> Iterator[str]:
    if part.account is None:
        yield f"{part.earner} earned, {part.spender} spent, by {part.amount}, on {part.day}."
        reversal = " that is no reversal" if part.reversal else ""
        what = "goes the other way" if part.negative == "swap" else "is quarantined"
        yield f"A negative amount{reversal} {what}."
    else:
        partner = part.other if part.against is None else f"the account {part.against}"
        link = "from" if part.positive == "earned" else "to"
        yield (
            f"{part.account} {part.positive}, {link} {partner}, by {part.amount}, on {part.day}; "
            "where it is negative, the other way round."
        )


def _states(part: Transfers) -> Iterator[str]:
    if (states := part.state) is not None:
        yield f"Hours move where {states.column} is {_list(states.moves)}."
        if states.passed:
            passed = (f"{value} ({name})" for value, name in states.passed.items())
            yield f"Counted, and not booked: {', '.join(passed)}."
        yield "Rows of any other state are quarantined."


def _reversals(mapping: Mapping) -> Iterator[str]:
    reversal, taken = mapping.transfers.reversal, mapping.transfers.reversed
    if reversal is not None:
        by = "says" if reversal.pattern is None else f"says by {reversal.pattern.pattern}"
        yield (
            f"A row {_where(reversal)} takes back the one whose id {reversal.original} {by}; "
            f"its amount is {reversal.amount}."
        )
    if taken is not None:
        yield f"A row {_where(taken)} is booked, and reversed."


def _accounts(mapping: Mapping) -> Iterator[str]:
    part = mapping.accounts
    if part is not None:
        fields = {"name": _list(part.name, "and"), "joined": part.joined, "balance": part.balance}
        said = [f"{field} from {column}" for field, column in fields.items() if column]
        yield f"Accounts: id from {', '.join([str(part.id), *said])}."
        for value, kind in part.kinds.items():
            yield f"One whose {part.kind} is {value} is of the kind {kind}."
        if part.closed is not None:
            yield f"One {_where(part.closed)} is closed."
    if (balances := mapping.balances) is not None:
        yield f"Balances to compare with: {balances.balance} of {balances.account}."
    for one in mapping.open:
        yield f"The account {one.id} ({one.kind}) is opened besides."


def _where(condition: Condition) -> str:
    says = f"is {_list(condition.values)}" if condition.values else "is not empty"
    return f"whose {condition.column} {says}"


def _list(values: tuple[Column, ...], link: str = "or") -> str:
    """Return `a, b or c`."""
    *before, last = map(str, values or ("",))
    return f"{', '.join(before)} {link} {last}" if before else last
