"""What every cluster can do, whatever runs on it."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Final, Protocol

import attrs

from clusters.machine import Cuts, Member

#: The user of the writers, and their database. Nobody else reaches it: it listens on loopback.
USER: Final = "tb"
PASSWORD: Final = "tb"  # noqa: S105 - of a server that lives for minutes
DATABASE: Final = "tb"


@attrs.frozen
class Place:
    """Where a run is: a folder of its own, and choices that its seed repeats."""

    folder: Path
    cuts: Cuts
    chance: random.Random

    @classmethod
    def make(cls, seed: int) -> Place:
        """Make a new folder, through which other users may pass."""
        folder = Path(tempfile.mkdtemp(prefix="tbc"))
        folder.chmod(0o755)
        return cls(folder, Cuts(folder.name), random.Random(seed))


@attrs.frozen
class Way:
    """A way to the database: its name, its URL, and whether what is read there may be old."""

    name: str
    url: str
    replica: bool = False


class Cluster(Protocol):
    """Servers that keep one database together."""

    #: The faults that it knows, and those of them that are done unless others are asked for.
    faults: ClassVar[Sequence[str]]
    usual: ClassVar[Sequence[str]]
    members: list[Member]

    def start(self) -> None:
        """Make the cluster and wait until it is whole."""

    def primary(self) -> int | None:
        """Return the member who takes writes, if there is one; `None` while they elect."""

    def fault(self, kind: str, member: int) -> None:
        """Do a fault to a member."""

    def hold_seconds(self, kind: str) -> float:
        """Return for how long a fault is left to work before it is healed."""

    def said(self, kind: str) -> str:
        """Return what a fault was, where its kind may be one of several."""

    def heal(self, kind: str, member: int) -> None:
        """Mend what a fault has done."""

    def whole(self) -> bool:
        """Return whether every member takes part."""

    def help(self) -> str:
        """Do what an administrator does where a cluster does not become whole; say what it was."""

    def ways(self) -> Sequence[Way]:
        """Return the ways to the database that writes."""

    def direct(self) -> Sequence[Way]:
        """Return the way to each member, past every proxy; the cluster is whole."""

    def versions(self) -> Sequence[str]:
        """Return what runs, with versions."""

    def stop(self) -> None:
        """End all its processes."""
