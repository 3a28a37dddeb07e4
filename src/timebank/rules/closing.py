"""Closing the books: from then on nothing of a day up to another one is recorded."""

from __future__ import annotations

import attrs

from timebank import checks
from timebank.errors import InvalidRequest
from timebank.journal.kinds import CloseBooksEffects, CloseBooksRequest
from timebank.model import Closing
from timebank.rules.state import Command, Draft, State, reason_of


@attrs.frozen
class CloseBooks(Command[CloseBooksRequest, Closing]):
    """Close the books through a day, or open them again."""

    kind = "close_books"

    @classmethod
    def of(cls, *, through: object, reason: object) -> CloseBooks:
        """Make it from the arguments of the call.

        :raises InvalidRequest: not a day, no reason, or one that cannot be.
        """
        day = checks.day(through, "through")
        what = "closing or opening the books needs a reason: who approved it, and when"
        texts = reason_of(reason, what)
        return cls({} if day is None else CloseBooksRequest(through=day), texts, ())


def close(state: State, command: CloseBooks, now: int) -> Draft | None:
    """Close the books; nothing, where they are closed through this day already.

    :raises InvalidRequest: the day is not over, or none was ever closed that could be opened.
    """
    through = command.request.get("through")
    if through is not None and through >= state.today:
        msg = (
            f"through {through} is not over, for today is {state.today}: "
            "books are closed through a day before today"
        )
        raise InvalidRequest(msg).about(key="day_not_over", day=through, today=state.today)
    if through == state.closed_through:
        if through is None and not state.was_closed:
            msg = "no books are closed, so that none can be opened"
            raise InvalidRequest(msg).about(key="no_books_closed")
        return None
    return Draft(CloseBooksEffects(statute=state.statute.version, through=through))
