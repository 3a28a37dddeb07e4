"""What the rest of the house does with exchanges between banks: erasing, carrying, reading."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import attrs
import pytest

import timebank
from support import Clock, sources
from timebank import Band, Fee, Hours, Statute, TimeBank, federation
from timebank.bank.carrying import copy_bank
from timebank.federation import booking
from timebank.federation.one_store import offer_record
from timebank.interchange.jsonl import export_jsonl, import_jsonl
from timebank.journal.offers import answer_body, offer_body
from timebank.model.agreements import account_of

TERMS: dict[str, Any] = {"they_may_owe": 20, "we_may_owe": 20}


@attrs.frozen
class Two:
    """Two banks of one store that have exchanged all there is."""

    a: TimeBank
    b: TimeBank
    clock: Clock

    @property
    def all(self) -> tuple[TimeBank, TimeBank]:
        """Both."""
        return self.a, self.b


@pytest.fixture
def two() -> Two:
    """An exchange, one back, a refusal, one that came late, an offer under way, a write-off."""
    clock = Clock()
    given = sources(clock)
    a = timebank.open("memory:", bank="a", **given)
    b = TimeBank(a.store, bank="b", **given)
    for bank in (a, b):
        for id in ("anna", "bruno"):
            bank.open_account(id, name=id.title())
        bank.open_account("fund", kind="fund")
    federation.agree(a, b, name="Bovisa", reason="we met", **TERMS)
    federation.agree(b, a, name="Isola", **TERMS)
    two = Two(a, b, clock)
    made = cross(two, "x", note="to the clinic")
    assert made.earned is not None
    federation.reverse(b, a, made.earned.id, hours="0:30", reason="it was less", id="r")
    cross(two, "refused", earner="nobody", note="in vain")
    late = offered(two, "late", note="late")
    answer = {"body": answer_body(booking.book(b, {"body": late}))}
    federation.abandon(a, "late", reason="no answer")
    booking.conclude(a, answer)
    federation.write_off(a, b, account="fund", hours="-0:30", reason="a gift", id="w")
    offered(two, "open", note="waits")
    federation.suspend(a, b, reason="so")
    return two


def cross(two: Two, id: str, **more: Any) -> federation.Crossing:
    """Have two hours go from anna to bruno."""
    asked: dict[str, Any] = {"spender": "anna", "earner": "bruno", "hours": 2, "id": id} | more
    return federation.transfer(two.a, two.b, **asked)


def offered(two: Two, id: str, **more: Any) -> dict[str, Any]:
    """Offer two hours of anna to bruno; the body of the offer."""
    asked: dict[str, Any] = {"spender": "anna", "earner": "bruno", "hours": 2, "id": id} | more
    federation.make_offer(two.a, two.b, **asked)
    with two.a.store.reader("a") as reader:
        return offer_body(offer_record(reader, id))


def bodies(two: Two) -> list[Any]:
    """Every message that the two journals are."""
    found = []
    with two.a.store.reader("a") as reader:
        found = [offer_body(offer_record(reader, id)) for id in ("x", "refused", "late", "open")]
    return [*found, *(answer_body(booking.book(two.b, {"body": body})) for body in found[:3])]


def test_what_is_erased_changes_no_message(two: Two) -> None:
    """Texts go in each bank by itself; commitments stay, and so do the bodies, to the byte."""
    before = bodies(two)
    mirrors = [bank.trial_balance() for bank in two.all]
    data = two.a.personal_data("anna")
    assert "to the clinic" in str(data)
    erased = two.a.erase("anna", reason="asked")
    left = str(two.a.personal_data("anna"))
    assert not [text for text in ("to the clinic", "in vain", "waits") if text in left]
    assert erased.texts >= 5
    assert before == bodies(two)
    assert "to the clinic" in str(two.b.personal_data("bruno")), "is the other bank's to erase"
    two.b.erase("bruno", reason="asked")
    two.a.erase(account_of(two.b.head().journal), reason="asked")
    assert federation.agreement(two.a, two.b).name is None
    for bank, lines in zip(two.all, mirrors, strict=True):
        assert bank.audit().ok
        assert [line.balance for line in lines.lines] == [
            line.balance for line in bank.trial_balance().lines
        ]
    federation.agree(two.a, two.b, **TERMS)
    assert "booked" == federation.resume(*two.all)[0].status
    assert before == bodies(two)


@pytest.mark.parametrize("kind", ["copy", "journal"])
def test_a_journal_that_moves_takes_it_along(two: Two, kind: str, tmp_path: Path) -> None:
    """Agreements, offers and answers are in the records: elsewhere they go on as they were."""
    before = bodies(two)
    moved = []
    store = timebank.open(f"sqlite:///{tmp_path / 'other.db'}").store
    for bank in two.all:
        if kind == "copy":
            copy_bank(bank.store, store, bank=bank.name)
        else:
            import_jsonl(store, BytesIO(b"".join(export_jsonl(bank))), bank=bank.name)
        moved.append(TimeBank(store, bank=bank.name, clock=two.clock))
    there = Two(moved[0], moved[1], two.clock)
    assert [bank.head() for bank in two.all] == [bank.head() for bank in there.all]
    assert before == bodies(there)
    assert federation.agreement(two.a, two.b) == federation.agreement(there.a, there.b)
    federation.agree(there.a, there.b, **TERMS)
    assert "booked" == federation.resume(*there.all)[0].status
    assert [(), ()] == [bank.audit().findings for bank in there.all]


def test_books_that_are_closed_stay_closed(two: Two) -> None:
    """What is concluded later takes today, on both sides; the mirrors are the same on each day."""
    two.clock.now += timedelta(days=40)
    last = two.clock.now.date() - timedelta(days=1)
    before = [bank.trial_balance(on=last).lines for bank in two.all]
    for bank in two.all:
        bank.close_books(through=last, reason="the meeting")
    federation.agree(two.a, two.b, **TERMS)
    (made,) = federation.resume(*two.all)
    assert ("refused", "answered_too_late") == (made.status, made.code)
    back = next(one for one in two.b.transfers() if one.hours == Hours(2))
    made = federation.reverse(two.b, two.a, back.id, hours="0:10", reason="so", id="later")
    assert "booked" == made.status
    assert made.earned is not None
    assert made.spent is not None
    assert {made.earned.occurred_on, made.spent.occurred_on} == {two.clock.now.date()}
    assert before == [bank.trial_balance(on=last).lines for bank in two.all]


def test_statements_and_lists_know_them(two: Two) -> None:
    """What was exchanged with the other bank is in all lists, and sums to what is owed."""
    for bank, other in (two.all, two.all[::-1]):
        account = account_of(other.head().journal)
        lines = bank.statement(account).lines
        assert bank.balance(account).posted == lines[-1].balance
        assert {line.id for line in lines} == {one.id for one in bank.transfers(account=account)}
        assert Hours(0) == sum(
            (line.balance for line in bank.trial_balance().lines), start=Hours(0)
        )
    assert ["open"] == [hold.id for hold in two.a.holds()]
    assert [] == list(two.b.holds())


def test_a_replay_judges_them_on_the_banks_own_terms(two: Two) -> None:
    """Offers, and what was booked for the other bank without rounding; nothing that ended one."""
    tried = [bank.replay(Statute(version="try")) for bank in two.all]
    assert [(4, 3, 1), (2, 1, 1)] == [(one.judged, one.settlements, one.reversals) for one in tried]
    assert [False, False] == [one.differs for one in tried]
    fee = Fee(fund="fund", fixed="0:10", payer="earner")
    tried = [bank.replay(Statute(version="try", fee=fee)) for bank in two.all]
    assert [{"anna"}, {"bruno"}] == [{line.account for line in one.lines} for one in tried]
    strict = Statute(version="try", limits={"member": Band(floor=-1, ceiling=1)})
    tried = [bank.replay(strict) for bank in two.all]
    assert [{"anna"}, {"bruno"}] == [{line.account for line in one.lines} for one in tried]


def test_a_member_who_leaves_ends_what_is_under_way_first(two: Two) -> None:
    """Until the answer nothing is known; then they leave as any other."""
    disposal = timebank.WriteOff("fund")
    with pytest.raises(timebank.OfferUnanswered):
        two.a.leave("anna", disposal=disposal)
    federation.agree(two.a, two.b, **TERMS)
    federation.resume(*two.all)
    assert "closed" == two.a.leave("anna", disposal=disposal).account.status
    made = federation.transfer(two.b, two.a, spender="bruno", earner="anna", hours=1, id="home")
    assert ("refused", "account_not_open") == (made.status, made.code)


def test_a_clock_that_was_wrong(two: Two) -> None:
    """It ends no offer; what was offered ahead of time is answered by the other's clock."""
    federation.agree(two.a, two.b, **TERMS)
    two.clock.now += timedelta(days=400)
    offered(two, "ahead", answer_in="1d")
    two.clock.now -= timedelta(days=400)
    two.a.restart_clock(today=two.clock.now.date(), reason="it ran ahead")
    assert {"ahead", "open"} == {hold.id for hold in two.a.holds()}
    assert ["booked", "refused"] == [one.status for one in federation.resume(*two.all)]
    assert [(), ()] == [bank.audit().findings for bank in two.all]


def test_a_host_offers_in_its_own_transaction(tmp_path: Path) -> None:
    """What is one bank's is one savepoint of it; what would hold two banks' locks is refused."""
    path = tmp_path / "host.db"
    a = timebank.open(f"sqlite:///{path}", bank="a")
    b = TimeBank(a.store, bank="b")
    for bank, other in ((a, b), (b, a)):
        bank.open_account("anna")
        federation.agree(bank, other, **TERMS)
    asked: dict[str, Any] = {"spender": "anna", "earner": "anna", "hours": 1, "id": "x"}
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for kept in (False, True):
            connection.execute("BEGIN IMMEDIATE")
            joined = timebank.join(connection, bank="a")
            federation.make_offer(joined, b.head().journal, **asked)
            assert Hours(1) == joined.balance("anna").held
            with pytest.raises(timebank.OfferUnanswered):
                joined.void("x")
            with pytest.raises(timebank.WrongType, match="transactions of its own"):
                federation.transfer(joined, b, **asked)
            connection.execute("COMMIT" if kept else "ROLLBACK")
            assert Hours(int(kept)) == a.balance("anna").held
    assert "booked" == federation.resume(a, b)[0].status
    assert [(), ()] == [bank.audit().findings for bank in (a, b)]
    a.close()
