"""The command that adopts a statute."""

from __future__ import annotations

import attrs

from timebank.commands.base import Command
from timebank.errors import InvalidStatute, WrongType, shown
from timebank.statute import Statute
from timebank.statute.codec import as_record, from_record


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
        record = as_record(statute)
        if from_record(record) != statute:  # it could not be undone: so look before
            msg = f"statute {shown(statute.version)} would not be read back as it is written"
            raise InvalidStatute(msg)
        return cls({"statute": record}, {}, statute.funds, statute=statute)
