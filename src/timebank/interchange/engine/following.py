"""Follow what changed in a source: in one commit, or not at all.

What is gone is reversed; what has other texts is amended; what has other hours under its own id is
reversed, and booked anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

from timebank.bank import BankBatch
from timebank.errors import (
    IdempotencyMismatch,
    InvalidRequest,
    NotFound,
    Rejected,
)
from timebank.interchange.engine.endings import AccountEndings
from timebank.interchange.engine.meaning import TEXTS, plain, taken_back_id
from timebank.interchange.engine.protocol import ImportedTransfer
from timebank.interchange.engine.survey import AMEND, MOVE, Said, Survey
from timebank.model import Transfer
from timebank.reports.told import refused_by

#: Why a reversal or an amendment was made: for whoever reads it later, and about nobody.
GONE_REASON: Final = "no longer in the source that it was imported from"
CHANGED_REASON: Final = "the source that it was imported from says it otherwise now"
#: The errors for which a row cannot be followed; anything else ends the import.
_REFUSALS: Final = (InvalidRequest, NotFound, IdempotencyMismatch, Rejected)
#: Refusals that a report keeps.
MOST_KEPT: Final = 1_000

#: Books a row of a file under an id.
BookRow = Callable[[BankBatch, str, ImportedTransfer, str], object]


class NotFollowed(Exception):
    """Something could not be followed, so that nothing is. `refusals` has ids and reasons."""

    def __init__(self, refusals: Iterable[tuple[str, str]]) -> None:
        super().__init__("not all of it could be followed")
        self.refusals = tuple(refusals)


class Following:
    """The reversals and amendments by which a bank follows its source."""

    def __init__(self, survey: Survey, endings: AccountEndings) -> None:
        self.taken_back = self.amended = 0
        self._survey = survey
        self._endings = endings
        self._refusals: list[tuple[str, str]] = []

    def is_needed(self) -> bool:
        """Return whether anything changed or is gone."""
        survey = self._survey
        return survey.gone > 0 or next(survey.in_state(MOVE, AMEND), None) is not None

    def follow(self, batch: BankBatch, book: BookRow) -> None:
        """Follow all that changed and all that is gone; `book` books what is reversed for it anew.

        What may be a row that could not be read is not gone: then nothing is taken back.

        :raises NotFollowed: the bank refuses a part of it.
        """
        survey = self._survey
        if survey.gone and not survey.perhaps_unread:
            for one in survey.gone_rows():
                self._try(one.id, partial(self._take_back, batch, one.id, GONE_REASON))
        for said, file, row in survey.rows_in(MOVE):
            before = survey.booked.standing(said.id)[0]
            again = partial(book, batch, file, row, said.target or "")
            self._try(before, partial(self._move, batch, before, again))
        for said in survey.in_state(AMEND):
            self._try(said.target or "", partial(self._amend, batch, said))
        if self._refusals:
            raise NotFollowed(self._refusals)

    def _try(self, id: str, call: Callable[[], object]) -> None:
        try:
            call()
        except _REFUSALS as error:
            if len(self._refusals) < MOST_KEPT:
                self._refusals.append((id, refused_by(error)))

    def _take_back(self, batch: BankBatch, id: str, reason: str) -> None:
        self._endings.reopening(
            batch, lambda: batch.reverse(id, reason=reason, id=taken_back_id(id))
        )
        self.taken_back += 1

    def _move(self, batch: BankBatch, before: str, again: Callable[[], object]) -> None:
        self._take_back(batch, before, CHANGED_REASON)
        again()

    def _amend(self, batch: BankBatch, row: Said) -> None:
        id = row.target or ""
        batch.amend(id, reason=CHANGED_REASON, **_differing(row, batch.transfer_by_id(id)))
        self.amended += 1


def _differing(row: Said, transfer: Transfer) -> dict[str, Any]:
    """Return the texts of a row that differ from those of a transfer, as they are recorded."""
    found = {}
    for field, value in row.fields().items():
        now = getattr(transfer, field)
        if _plain(value) != _plain(now):
            found[field] = tuple(value) if field == TEXTS[-1] else value
    return found


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return plain(value)
    return sorted(filter(None, map(plain, value)))
