"""Restarting the clock: the one record whose instant may lie before that of the one before it."""

from __future__ import annotations

import attrs

from timebank import checks
from timebank.errors import InvalidRequest
from timebank.journal.kinds import RestartClockEffects, RestartClockRequest
from timebank.model import ClockRestart
from timebank.rules.state import Command, Draft, State, reason_of
from timebank.statute import days_later


@attrs.frozen
class RestartClock(Command[RestartClockRequest, ClockRestart]):
    """Go on with the clock of today, though an earlier record lies ahead of it."""

    kind = "restart_clock"

    @classmethod
    def of(cls, *, today: object, reason: object) -> RestartClock:
        """Make it from the arguments of the call.

        :raises InvalidRequest: not a day, no reason, or one that cannot be.
        """
        day = checks.day(today, "today")
        if day is None:
            msg = "today is missing: the day of today, as a calendar says it"
            raise InvalidRequest(msg)
        texts = reason_of(reason, "a restart of the clock needs a reason: what was wrong with it")
        return cls(RestartClockRequest(today=day), texts, ())


def restart(state: State, command: RestartClock, now: int) -> Draft:
    """Date the statute that is in force anew, and end the holds that would expire some day.

    :raises InvalidRequest: `today` is not the day of this machine's clock, or no record lies
        ahead of it.
    """
    asked = command.request["today"]
    if asked != state.today:
        msg = (
            f"today is {asked}, but {state.today} by the clock of this machine: "
            "whichever is wrong is to be put right first"
        )
        raise InvalidRequest(msg).about(key="clock_other_day", asked=asked, today=state.today)
    if state.last_at <= now and state.last_on <= state.today:
        msg = "nothing to restart: no record lies ahead of the clock of this machine"
        raise InvalidRequest(msg).about(key="clock_not_ahead")
    effects: RestartClockEffects = {"statute": state.statute.version}
    if state.ends:
        effects["ends"] = sorted(state.ends)
    if state.closed_through is not None and state.closed_through >= state.today:
        effects["through"] = days_later(state.today, -1)
    return Draft(effects)
