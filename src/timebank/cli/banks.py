"""`timebank banks`, and which banks there are where one is not.

An error of the library names no other bank: a host may show it to somebody who is not to know
of the others. Who uses the command line has the whole storage in hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Final

import click

from timebank.cli.address import BankAddress, pass_address
from timebank.cli.options import formatted
from timebank.cli.output import show_as
from timebank.cli.program import TOLD, said

if TYPE_CHECKING:
    from timebank.storage import Store

#: So many banks are named in an error.
MOST: Final = 5


@click.command(
    help="""List the banks of a storage: their journals, how many records, and of when the last is.

    The option --bank plays no part.
    """
)
@formatted
@pass_address
def banks(address: BankAddress, /, *, format: str) -> None:
    """List the banks."""
    with closing(address.open_store()) as store:
        found = [_shape(store, name) for name in store.banks()]
    show_as(format, lambda: found, lambda: _text(found))


def _shape(store: Store, name: str) -> dict[str, Any]:
    from timebank.journal import parse
    from timebank.model import instant

    with store.reader(name) as reader:
        head = reader.head()
        last = reader.records(after=head.sequence - 1, limit=1)
    return {
        "bank": name,
        "journal": head.journal,
        "records": head.sequence,
        "last": instant(parse(last[0].body)["recorded_at"]).isoformat() if last else None,
    }


def _text(found: list[dict[str, Any]]) -> list[str]:
    from timebank.reports.text import column, table

    if not found:
        return [said("no_bank")]
    first = (column("bank"), column("journal"))
    columns = (*first, column("records", right=True), column("last_record"))
    rows = [[one["bank"], one["journal"], str(one["records"]), _last(one["last"])] for one in found]
    return table(columns, rows)


def _last(moment: str | None) -> str:
    return said("no_record") if moment is None else f"{moment[:10]} {moment[11:16]} UTC"


@contextmanager
def naming_banks(opener: Callable[[], Store]) -> Iterator[None]:
    """Say which banks there are, where the one that is asked for in the block is not.

    :raises BankNotFound: the same error, whose message has their names.
    """
    from timebank.errors import BankNotFound, TimebankError

    try:
        yield
    except BankNotFound as error:
        try:
            with closing(opener()) as store:
                told = _named(list(store.banks()))
        except TimebankError:
            raise error from None
        error.add_context(after=f"; {told}")
        setattr(error, TOLD, told)
        raise


def _named(names: Sequence[str]) -> str:
    from timebank.errors import shown

    if not names:
        return said("no_bank_there")
    more = [said("more", n=len(names) - MOST)] if names[MOST:] else []
    *some, last = [*map(shown, names[:MOST]), *more]
    listed = said("and", some=", ".join(some), last=last) if some else last
    return said("some_there" if names[1:] else "one_there", names=listed)
