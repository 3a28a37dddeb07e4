"""A numbered rule of the format's page: its words, its checks, and journals that break it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache

import attrs

from audit.forgeries import Forgery, audit_of
from timebank import AuditReport
from timebank.storage.protocol import Batch

Change = Callable[[Forgery], object]


def _names(words: str | frozenset[str]) -> frozenset[str]:
    return frozenset(words.split()) if isinstance(words, str) else words


@attrs.frozen
class FormatRule:
    """A rule of the page in few words, the checks that tell what breaks it, and such a journal.

    There may be `more` ways to break it. `besides` are checks that tell what follows from it, where
    nothing can be done about that.
    """

    number: str
    words: str
    checks: frozenset[str] = attrs.field(converter=_names)
    forged: Callable[[], AuditReport]
    more: tuple[Callable[[], AuditReport], ...] = ()
    besides: frozenset[str] = attrs.field(default="", converter=_names)


@cache
def honest(made: Callable[[], Forgery]) -> Forgery:
    """A journal in which nothing is wrong, made once."""
    return made()


def of(made: Callable[[], Forgery], *changes: Change) -> Callable[[], AuditReport]:
    """The audit of a journal that was changed, its chain and its rows made anew."""

    def report() -> AuditReport:
        forgery = copy.deepcopy(honest(made))
        for change in changes:
            change(forgery)
        return report_of(forgery.batch(readable_only=True))

    return report


def report_of(batch: Batch) -> AuditReport:
    """The audit of rows; notes are of no interest."""
    return attrs.evolve(audit_of(batch), notes=())
