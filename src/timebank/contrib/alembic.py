"""Keep Alembic's autogenerate away from the tables of the ledger.

Alembic compares a host's models with its database. What is in the database alone, as the
tables of the ledger are, it takes for a table to drop.
"""

from __future__ import annotations

from typing import Any, Final

PREFIX: Final = "timebank_"


def include_object(
    object: Any, name: str | None, type_: str, reflected: bool, compare_to: Any
) -> bool:
    """Return false for the ledger's tables, and for what belongs to them; true for the host's.

    For `context.configure(include_object=…)`, which documents the arguments.

    >>> from timebank.contrib.alembic import include_object
    >>> include_object(None, "timebank_records", "table", True, None)
    False
    >>> include_object(None, "booking", "table", True, None)
    True
    """
    table = name if type_ == "table" else getattr(getattr(object, "table", None), "name", None)
    return not (table or "").startswith(PREFIX)
