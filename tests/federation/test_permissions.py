"""Who may do what between two banks: asked once of each call, before anything is read."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import attrs
import pytest

import timebank
from support import sources
from timebank import Ask, LimitExceeded, NotPermitted, Roles, TimeBank, TimebankError, federation
from timebank.federation.booking import book, conclude
from timebank.federation.one_store import offer_record
from timebank.journal.offers import Signed, answer_body, offer_body
from timebank.model.agreements import SeenHead, account_of
from timebank.rules.agreements import Readmit

ROLES = {"carla": "coordinator", "tom": "treasurer", "ada": "auditor"}
TERMS: dict[str, Any] = {"they_may_owe": 20, "we_may_owe": 20}


@attrs.frozen
class Two:
    """Two banks of one store; what is asked of is the first, where something of all is there."""

    given: dict[str, Any]
    isola: TimeBank
    bovisa: TimeBank
    #: An offer of the other bank, and its answer to an offer of this one.
    offered: Signed
    answered: Signed

    def permitted_by(self, permissions: Any) -> TimeBank:
        """The first bank with other permissions."""
        return TimeBank(self.isola.store, bank="isola", permissions=permissions, **self.given)

    def neighbour(self, permissions: Any) -> TimeBank:
        """The second bank with other permissions."""
        return TimeBank(self.isola.store, bank="bovisa", permissions=permissions, **self.given)


@pytest.fixture
def two() -> Two:
    """An offer under way each way, one that was booked, and a balance that is owed."""
    given = sources()
    isola = timebank.open("memory:", bank="isola", **given)
    bovisa = TimeBank(isola.store, bank="bovisa", **given)
    for bank in (isola, bovisa):
        for id in ("anna", "bruno"):
            bank.open_account(id)
        bank.open_account("fund", kind="fund")
    federation.agree(isola, bovisa, **TERMS)
    federation.agree(bovisa, isola, **TERMS)
    federation.transfer(bovisa, isola, spender="anna", earner="bruno", hours=2, id="came")
    federation.make_offer(isola, bovisa, spender="anna", earner="bruno", hours=1, id="open")
    federation.make_offer(bovisa, isola, spender="anna", earner="bruno", hours=1, id="theirs")
    offered = {"body": body_of(bovisa, "theirs")}
    answered = {"body": answer_body(book(bovisa, {"body": body_of(isola, "open")}))}
    return Two(given, isola, bovisa, offered, answered)


def body_of(bank: TimeBank, id: str) -> dict[str, Any]:
    """The body of an offer."""
    with bank.store.reader(bank.name) as reader:
        return offer_body(offer_record(reader, id))


def came(two: Two, bank: TimeBank) -> Any:
    """The id of what was booked for the other bank."""
    (transfer,) = (one for one in two.isola.transfers() if one.hours.seconds == 2 * 3600)
    return federation.make_reversal(bank, transfer.id, reason="why")


def readmitted(two: Two, bank: TimeBank) -> Any:
    """A board takes another head."""
    head = SeenHead(size=9, root="00" * 32)
    command = Readmit.of(two.bovisa.head().journal, head=head, reason="why")
    return bank._execute(command)


#: Every call between banks that is asked for, by its name.
CALLS: dict[str, Callable[[Two, TimeBank], Any]] = {
    "abandon": lambda _, bank: federation.abandon(bank, "open", reason="why"),
    "agree": lambda two, bank: federation.agree(bank, two.bovisa, they_may_owe=9, we_may_owe=9),
    "answer": lambda two, bank: book(bank, two.offered),
    "conclude": lambda two, bank: conclude(bank, two.answered),
    "end_agreement": lambda two, bank: federation.end(bank, two.bovisa, reason="why"),
    "offer": lambda two, bank: federation.make_offer(
        bank, two.bovisa, spender="anna", earner="bruno", hours=1
    ),
    "readmit": readmitted,
    "reverse": came,
    "suspend_agreement": lambda two, bank: federation.suspend(bank, two.bovisa, reason="why"),
    "write_off": lambda two, bank: federation.write_off(
        bank, two.bovisa, account="fund", hours=1, reason="why"
    ),
    "account": lambda two, bank: federation.agreement(bank, two.bovisa),
    "accounts": lambda _, bank: federation.agreements(bank),
}
MAY: dict[str | None, set[str]] = {
    None: set(),
    "stranger": set(),
    "anna": {"conclude", "offer"},
    "bruno": set(),  # though the hours of `came` are theirs: it passes limits
    "ada": {"account", "accounts"},
    "carla": {"account", "accounts", "answer", "conclude", "offer", "reverse"},
    "tom": set(CALLS) - {"offer", "reverse"},
}


@pytest.mark.parametrize("name", CALLS)
def test_each_is_asked_for_once(two: Two, name: str) -> None:
    """By its name and who asks; nothing is written, and nothing told of what is there."""
    asked: list[Ask] = []
    says_nothing: Any = asked.append
    before = two.isola.head()
    with pytest.raises(NotPermitted, match="actor 'carla' may not do this") as caught:
        CALLS[name](two, two.permitted_by(says_nothing).acting_as("carla"))
    assert [("carla", name)] == [(ask.actor, ask.action) for ask in asked]
    assert caught.value.action == name
    assert before == two.isola.head()


@pytest.mark.parametrize("actor", MAY)
@pytest.mark.parametrize("name", CALLS)
def test_what_each_role_may_do(two: Two, actor: str | None, name: str) -> None:
    """Members offer, and conclude what they offered; boards agree and decide."""
    bank = two.permitted_by(Roles(ROLES)).acting_as(actor)
    permitted = True
    try:
        CALLS[name](two, bank)
    except NotPermitted:
        permitted = False
    except TimebankError:
        assert name == "end_agreement", "what is owed is not ended"
    assert (name in MAY[actor]) == permitted


def test_what_is_not_there_is_refused_alike(two: Two) -> None:
    """Who may not do it learns of no offer and of no exchange whether it is there."""
    bank = two.permitted_by(Roles(ROLES)).acting_as("bruno")
    calls: list[Callable[[str], Any]] = [
        lambda named: federation.abandon(bank, named, reason="why"),
        lambda named: federation.make_reversal(bank, named, reason="why"),
    ]
    for call in calls:
        told = set()
        for named in ("open", "nothing"):
            with pytest.raises(NotPermitted) as caught:
                call(named)
            told.add(str(caught.value))
        assert len(told) == 1


def test_a_member_spends_their_own_hours_at_another_bank(two: Two) -> None:
    """Those of nobody else, alone or with others; nor is an offer of others concluded."""
    anna = two.permitted_by(Roles(ROLES)).acting_as("anna")
    desk = two.neighbour(Roles(ROLES)).acting_as("carla")
    made = federation.transfer(anna, desk, spender="anna", earner="bruno", hours=1, id="mine")
    assert ("booked", "anna", "carla") == (
        made.status,
        made.spent and made.spent.actor,
        made.earned and made.earned.actor,
    )
    for spender in ("bruno", {"anna": "0:30", "bruno": "0:30"}):
        with pytest.raises(NotPermitted):
            federation.make_offer(anna, desk, spender=spender, earner="bruno", hours=1)
    with pytest.raises(NotPermitted):
        conclude(anna.acting_as("bruno"), two.answered)


def test_nothing_is_offered_to_who_may_not_answer(two: Two) -> None:
    """Of one call between two banks it is asked of both first: no hours stay reserved."""
    anna = two.permitted_by(Roles(ROLES)).acting_as("anna")
    nobody = two.neighbour(Roles(ROLES)).acting_as("anna")
    before = two.isola.head(), two.bovisa.head()
    with pytest.raises(NotPermitted):
        federation.transfer(anna, nobody, spender="anna", earner="bruno", hours=1)
    assert before == (two.isola.head(), two.bovisa.head())


def test_a_limit_of_the_other_bank_is_told_without_its_figures(two: Two) -> None:
    """What the bank may still owe its neighbour is not a member's to read."""
    federation.agree(two.isola, two.bovisa, they_may_owe=20, we_may_owe=1)
    anna = two.permitted_by(Roles(ROLES)).acting_as("anna")
    with pytest.raises(LimitExceeded) as caught:
        federation.make_offer(anna, two.bovisa, spender="anna", earner="bruno", hours=9)
    assert caught.value.account == account_of(two.bovisa.head().journal)
    assert caught.value.available is None


def test_a_crossing_tells_no_other_balance(two: Two) -> None:
    """A soft limit of the earner's is flagged in their bank, and told to who reads it there."""
    soft = timebank.Band(ceiling=1, beyond="flag")
    two.bovisa.adopt(timebank.Statute(version="soft/1", limits={"member": soft}))
    with suppress(TimebankError):
        federation.resume(two.isola, two.bovisa)

    def answers(ask: Ask) -> bool:
        return ask.action == "answer"

    closed = two.neighbour(answers).acting_as("desk")
    made = federation.transfer(two.isola, closed, spender="anna", earner="bruno", hours=3, id="x")
    assert made.earned is not None
    assert made.earned.flags == ()
    assert two.bovisa.transfer_by_id(made.earned.id).flags != ()
