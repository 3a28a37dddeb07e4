"""What leaves and what happened to an account, with names in the place of ids."""

from __future__ import annotations

from datetime import UTC, datetime

import timebank
from timebank import Donate
from timebank.reports.members import events_text, leaving_text

NAMES = {
    "m1": "Maria R.",
    "m2": "Luca B.",
    "common": "Common fund",
    "carla": "Carla",
    "h1": "of 2 March",
}


def left() -> tuple[timebank.TimeBank, timebank.model.members.Leaving]:
    """Return a bank, and who left it with a credit, a hold and a delegate."""
    bank = timebank.open("memory:", clock=lambda: datetime(2026, 3, 2, tzinfo=UTC))
    bank = bank.acting_as("carla")
    bank.open_account("common", kind="fund")
    for id in ("m1", "m2"):
        bank.open_account(id)
    bank.transfer(earner="m1", spender="m2", hours=3)
    bank.hold(earner="m2", spender="m1", hours=1, id="h1")
    bank.name_delegate("m1", "m2")
    return bank, bank.leave("m1", disposal=Donate("common"), reason="moved")


def test_the_steps_of_leaving_have_names() -> None:
    """Where there are some; an id stands where there is none."""
    _, leaving = left()
    assert leaving_text(leaving, names=NAMES) == [
        "Hold of 2 March: 1:00 of Maria R. for Luca B. released.",
        "Delegate Luca B.: may act no more.",
        "Donation: 3:00 to Common fund.",
        "m1 has left: the account is closed.",
    ]
    assert "Donation: 3:00 to common." in leaving_text(leaving)


def test_the_history_of_an_account_has_names() -> None:
    """Of who acted, and of delegates."""
    bank, _ = left()
    lines = events_text(bank.events("m1"), names=NAMES)
    assert lines[1] == "2026-03-02  delegate named by Carla: Luca B."
    assert events_text(bank.events("m1"))[1] == "2026-03-02  delegate named by carla: m2"
