"""The command that adopts a statute."""

from __future__ import annotations

import attrs

from timebank.commands.base import Command
from timebank.errors import WrongType, shown
from timebank.statute import Statute
from timebank.statute.codec import as_record


@attrs.frozen
class Adopt(Command):
    """Put a statute in force."""

    kind = "adopt"
    statute: Statute = attrs.field(kw_only=True)

    @classmethod
    def of(cls, statute: object) -> Adopt:
        """From the argument of the call."""
        if not isinstance(statute, Statute):
            msg = f"adopt takes a Statute (of a file: Statute.from_json), not {shown(statute)}"
            raise WrongType(msg)
        return cls({"statute": as_record(statute)}, {}, statute.funds, statute=statute)
