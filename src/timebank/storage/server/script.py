"""The statements with which an administrator makes the tables of a store by hand.

Whoever runs them owns the tables and the guards; the user of the bank needs no right to make any.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from timebank.errors import InvalidRequest
from timebank.storage.server.guards import (
    GUARDED_TABLES,
    make_refuse,
    mariadb_guards,
    postgres_guards,
)
from timebank.storage.server.migrations import partition_name, statements
from timebank.storage.server.schema import GUARDED, MIGRATIONS

#: The servers that there are statements for.
SERVERS: Final = ("postgresql", "mariadb")
#: The most partitions of a table: each costs each plan something.
MOST_PARTITIONS: Final = 1024


def script(server: str, *, partitions: int = 0) -> list[str]:
    """Return the statements that make an empty store, in their order, without an end mark.

    With `partitions`, on PostgreSQL, each table that has rows of banks is of so many, by the hash
    of the bank.

    :raises InvalidRequest: no such server; partitions on another one; a number out of bounds.

    >>> from timebank.storage.server.script import script
    >>> script("postgresql", partitions=4)[0].split()[:3]
    ['CREATE', 'TABLE', 'timebank_banks']
    """
    if server not in SERVERS:
        msg = f"there are statements for {' and '.join(SERVERS)}, not for {server!r}"
        raise InvalidRequest(msg)
    if partitions and server != "postgresql":
        msg = (
            "MariaDB has no foreign keys of partitioned tables: there are partitions on PostgreSQL"
        )
        raise InvalidRequest(msg)
    if type(partitions) is not int or not 0 <= partitions <= MOST_PARTITIONS:
        msg = f"a table has 1 to {MOST_PARTITIONS} partitions, or none with 0; not {partitions!r}"
        raise InvalidRequest(msg)
    return [
        *statements(server, partitions=partitions, if_missing=False),
        *_guards(server, partitions),
        *(
            f"INSERT INTO timebank_migrations (name) VALUES ('{name}')"  # noqa: S608 - our names
            for name in (GUARDED, *MIGRATIONS)
        ),
    ]


def _guards(server: str, partitions: int) -> Iterator[str]:
    if server == "mariadb":
        yield from (guard.mariadb for guard in mariadb_guards())
        return
    yield make_refuse()
    there = [
        (table, partition_name(table, part))
        for table in GUARDED_TABLES
        for part in range(partitions)
    ]
    for guard in postgres_guards(there):
        yield guard.postgres[-1]


def script_text(server: str, *, partitions: int = 0) -> str:
    """Return the statements as the server's own client runs them from a file.

    On PostgreSQL they are one transaction. `script` says what is raised.
    """
    made = script(server, partitions=partitions)
    if server == "postgresql":
        return "".join(f"{statement};\n" for statement in ("BEGIN", *made, "COMMIT"))
    # The bodies of triggers have semicolons.
    return "DELIMITER //\n" + "".join(f"{statement} //\n" for statement in made) + "DELIMITER ;\n"
