"""Which statute was in force when a record was made, and whether the record names it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from timebank.audit.report import Findings
from timebank.errors import TimebankError, shown
from timebank.statute import DEFAULT, RESERVED, Statute
from timebank.statute.codec import from_record


class Statutes:
    """The statutes of a journal as it goes by: the one in force, and each by its version."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self.current = DEFAULT
        self._known: dict[str, Statute] = {DEFAULT.version: DEFAULT}
        #: The day of each adoption, with the version.
        self.adopted: list[tuple[str, str]] = [("", DEFAULT.version)]

    def of(self, version: str) -> Statute | None:
        """A statute that was adopted so far, or is the library's own."""
        return self._known.get(version)

    def known(self) -> Iterator[Statute]:
        """Those that were adopted so far."""
        return (found for found in self._known.values() if found is not DEFAULT)

    def know(self, statutes: Iterable[Statute], adopted: list[tuple[str, str]]) -> None:
        """Go on from what was adopted before, by day."""
        self._known |= {statute.version: statute for statute in statutes}
        self.adopted = adopted
        self.current = self._known[adopted[-1][1]]

    def was_in_force(self, version: str, day: str) -> bool:
        """Whether a statute was in force at any time of a day."""
        ends = [first for first, _ in self.adopted[1:]] + ["~"]
        return any(
            first <= day <= end and version == other
            for (first, other), end in zip(self.adopted, ends, strict=True)
        )

    def days(self) -> Iterator[str]:
        """The days on which statutes were adopted."""
        return (day for day, _ in self.adopted[1:])

    def on(self, day: str) -> Statute:
        """The statute that was in force at the end of a day, by what was adopted so far."""
        found = DEFAULT.version
        for first, version in self.adopted:
            if first <= day:
                found = version
        return self._known[found]

    def record(self, sequence: int, record: dict[str, Any]) -> None:
        """Check one record, and take note of what it adopts."""
        effects = record["effects"]
        if record["kind"] == "adopt":
            self._adopt(sequence, record["request"]["statute"], effects["adopts"])
            day = max(self.current.day(record["recorded_at"]), self.adopted[-1][0])
            self.adopted.append((day, self.current.version))
        elif effects.get("statute", self.current.version) != self.current.version:
            self._add(sequence, self.current.version, shown(effects["statute"]))

    def _adopt(self, sequence: int, data: dict[str, Any], version: str) -> None:
        try:
            statute = from_record(data)
        except TimebankError as error:
            self._add(sequence, "a statute that can be read", str(error))
            return
        if statute.version != version:
            self._add(sequence, f"the adoption of {shown(statute.version)}", shown(version))
        known = self._known.setdefault(statute.version, statute)
        if known != statute:
            self._add(sequence, f"the rules that {shown(version)} had before", "other rules")
        elif statute.version.startswith(RESERVED) and statute is known and statute != DEFAULT:
            self._add(sequence, f"no other version that begins with {RESERVED}", shown(version))
        self.current = statute

    def _add(self, sequence: int, expected: str, found: str) -> None:
        self._findings.add("statutes", f"record {sequence}", expected=expected, found=found)
