"""The statutes of a journal: the one in force, and each by its version and its days."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from timebank.statute import DEFAULT, Statute


class StatuteHistory:
    """The statutes that were adopted so far, in order."""

    def __init__(self) -> None:
        self.current = DEFAULT
        self._by_version: dict[str, Statute] = {DEFAULT.version: DEFAULT}
        #: The day of each adoption, with the version.
        self.adopted: list[tuple[str, str]] = [("", DEFAULT.version)]

    def adopt(self, statute: Statute) -> Statute:
        """Put a statute in force; return the one that first had its version."""
        first = self._by_version.setdefault(statute.version, statute)
        self.current = statute
        return first

    def date_adoption(self, recorded_on: str) -> None:
        """Take note of the day from which the current statute is in force."""
        self.adopted.append((recorded_on, self.current.version))

    def restart(self, recorded_on: str) -> None:
        """Date anew what was adopted on a day that a restart of the clock undid."""
        self.adopted = [(min(day, recorded_on), version) for day, version in self.adopted]

    def by_version(self, version: str) -> Statute | None:
        """Return a statute that was adopted so far, or is the library's own."""
        return self._by_version.get(version)

    def all_known(self) -> Iterator[Statute]:
        """Yield the statutes that were adopted so far, and the library's own."""
        return iter(self._by_version.values())

    def all_adopted(self) -> Iterator[Statute]:
        """Yield the statutes that were adopted so far."""
        return (found for found in self._by_version.values() if found is not DEFAULT)

    def restore(self, statutes: Iterable[Statute], adopted: list[tuple[str, str]]) -> None:
        """Restore what was adopted before, by day."""
        self._by_version |= {statute.version: statute for statute in statutes}
        self.adopted = adopted
        self.current = self._by_version[adopted[-1][1]]

    def was_in_force(self, version: str, day: str) -> bool:
        """Return whether a statute was in force at any time of a day."""
        ends = [first for first, _ in self.adopted[1:]] + ["~"]
        return any(
            first <= day <= end and version == other
            for (first, other), end in zip(self.adopted, ends, strict=True)
        )

    def days(self) -> Iterator[str]:
        """Yield the days on which statutes were adopted."""
        return (day for day, _ in self.adopted[1:])

    def on(self, day: str) -> Statute:
        """Return the statute in force at the end of a day, by what was adopted so far."""
        found = DEFAULT.version
        for first, version in self.adopted:
            if first <= day:
                found = version
        return self._by_version[found]
