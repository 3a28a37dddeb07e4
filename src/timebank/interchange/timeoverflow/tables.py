"""The tables that TimeOverflow's database dumps: CSV with a header, read row by row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from timebank.errors import InvalidRequest, NotFound, shown
from timebank.interchange.engine.csv_rows import Rows, TableReader

Reference = tuple[str, tuple[str, str] | None, str]
#: Table → its columns that refer to other tables: of which rows, and to which table.
REFERENCES: Final[dict[str, tuple[Reference, ...]]] = {
    "accounts": (
        ("accountable_id", ("accountable_type", "Member"), "members"),
        ("accountable_id", ("accountable_type", "Organization"), "organizations"),
        ("organization_id", None, "organizations"),
    ),
    "transfers": (("post_id", None, "posts"), ("operator_id", None, "users")),
    "movements": (("account_id", None, "accounts"), ("transfer_id", None, "transfers")),
    "members": (("user_id", None, "users"), ("organization_id", None, "organizations")),
    "posts": (("user_id", None, "users"), ("organization_id", None, "organizations")),
    "organizations": (),
    "users": (),
}
_MOST_NAMES_SHOWN: Final = 20


def tables_in(folder: Path, needed: Sequence[str]) -> dict[str, Path]:
    """Return the files of the tables that were dumped into a folder, by the tables' names.

    :raises NotFound: no such folder, or a table that is needed is missing.
    """
    if not folder.is_dir():
        msg = f"no folder {folder}"
        raise NotFound(msg).about(key="no_folder", folder=str(folder))
    found = {name: path for name in REFERENCES if (path := folder / f"{name}.csv").is_file()}
    for name in needed:
        if name not in found:
            msg = f"no file {name}.csv in {folder}: the tables needed are {', '.join(needed)}"
            raise NotFound(msg).about(
                key="no_table", file=f"{name}.csv", folder=str(folder), needed=", ".join(needed)
            )
    return found


def table_rows(
    table: str, file: str, rows: Rows, needed: Sequence[str], optional: Sequence[str] = ()
) -> TableReader:
    r"""Return the rows of a table, with the cells of the columns that are needed or optional.

    :raises InvalidRequest: the first line has not all that are needed, or one of them twice.

    >>> from io import BytesIO
    >>> from timebank.interchange.engine.csv_rows import Rows
    >>> from timebank.interchange.timeoverflow.tables import table_rows
    >>> rows = Rows("users.csv", BytesIO(b"username,id\nvera,7\n"))
    >>> [cells for row, cells in table_rows("users", "users.csv", rows, ["id"], ["username"])]
    [('7', 'vera')]
    """
    found = TableReader(rows, file, (), (*needed, *optional))
    for column in needed:
        if column not in found.names:
            has = ", ".join(map(shown, found.names[:_MOST_NAMES_SHOWN])) or "nothing"
            msg = (
                f"{file}: the first line has no column {column}: it is no header of TimeOverflow's "
                f"table {table}; it has {has}"
            )
            raise InvalidRequest(msg)
    return found
