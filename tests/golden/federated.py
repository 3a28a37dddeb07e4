"""Two banks for the golden journals: of one store, and on two servers that send signed messages.

Each function tells all that happens between the two, and `make` keeps a journal of either.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import date, time, timedelta
from hashlib import sha256
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import timebank
from timebank import (
    Band,
    Fee,
    Granularity,
    LargestExchange,
    RecordWithin,
    Statute,
    TimeBank,
    federation,
)
from timebank.interchange.jsonl import export_jsonl
from timebank.interchange.jsonl.importing import import_jsonl
from timebank.proof import SigningKey, origin_of, sign_head
from timebank.storage import open_store

if TYPE_CHECKING:
    from golden.make import Sources

#: The journal of a bank that nobody ever hears of: a hundred characters, and one more.
SILENT: Final = "n" * 101
#: A note with what JSON escapes.
NOTE: Final = 'the "garden",\nboth\\sides \U0001f331'
#: Both banks, by name.
Banks = dict[str, TimeBank]


def doors(sources: Sources, name: str) -> dict[str, Any]:
    """What a bank takes its time, ids and salts from: its ids begin with its name."""
    ids = itertools.count(1)
    return sources.given() | {"new_id": lambda: f"{name}-{next(ids)}"}


def statutes(isola: TimeBank, bovisa: TimeBank) -> None:
    """Give each bank rules that the other one has not: fees of who would not pay them here."""
    for bank in (isola, bovisa):
        bank.open_account("fund", kind="fund")
    isola.open_account("anna", name="Anna")
    isola.open_account("ada", joined_on=date(2026, 1, 7))
    isola.open_account("coop", kind="organisation")
    bovisa.open_account("bruno", name="Bruno")
    bovisa.open_account("bice", ceiling="0:30")
    isola.adopt(
        Statute(
            version="isola/1",
            time_zone="Europe/Rome",
            limits={"member": [Band(floor=-2, beyond="flag"), Band(floor=-40)]},
            granularity=Granularity(unit="0:15", rounding="up"),
            largest_exchange=LargestExchange(hours=4, beyond="flag"),
            record_within=RecordWithin(days=10, beyond="flag"),
            fee=Fee(share="1/10", payer="earner", fund="fund"),
        )
    )
    bovisa.adopt(
        Statute(
            version="bovisa/1",
            limits={"member": [Band(ceiling=3, beyond="flag"), Band(ceiling=60)]},
            granularity=Granularity(unit="1:00"),
            largest_exchange=LargestExchange(hours=6, beyond="flag"),
            record_within=RecordWithin(days=20, beyond="flag"),
            fee=Fee(share="1/20", fund="fund", unit="0:01"),
        )
    )


# -- of one store ----------------------------------------------------------------------------


def one_store(sources: Sources) -> Banks:
    """Two banks of one store, and a third one of which nothing is ever heard."""
    isola = timebank.open("memory:", bank="isola", **doors(sources, "isola"))
    bovisa = TimeBank(isola.store, bank="bovisa", **doors(sources, "bovisa"))
    statutes(isola, bovisa)
    board = isola.acting_as("board")
    federation.agree(
        board, bovisa, name="Bovisa", they_may_owe=20, we_may_owe="30:00", reason="a year's trial"
    )
    federation.agree(bovisa, isola, they_may_owe=None, we_may_owe=25, theirs=(20, 30))
    exchanged(isola, bovisa, sources)
    moved_back(isola, bovisa, sources)
    suspended(isola, bovisa, sources)
    closed(isola, bovisa, sources)
    silent(isola, sources)
    federation.make_offer(isola, bovisa, spender="anna now", earner="bice", hours=1, id="waits")
    return {"isola": isola, "bovisa": bovisa}


def exchanged(isola: TimeBank, bovisa: TimeBank, sources: Sources) -> None:
    """Exchanges with all that is said of one, of several who spend, with each flag, and refused."""
    sources.go(days=30)
    federation.transfer(
        isola,
        bovisa,
        spender="anna",
        earner="bruno",
        hours="1:50",
        id="garden",
        occurred_on=date(2026, 3, 30),
        started_at=time(9),
        ended_at=time(10, 50),
        category="care",
        area="north",
        resource="van",
        via="coop",
        note=NOTE,
        tags=["a", "b"],
    )
    sides: dict[str, Any] = {
        "spender": {"anna": "1:00", "ada": "0:30"},
        "earner": "bruno",
        "hours": None,
    }
    federation.transfer(isola, bovisa, id="gift", kind="gift", **sides)
    federation.transfer(
        isola,
        bovisa,
        spender="ada",
        earner="bruno",
        hours=7,
        id="large",
        occurred_on=date(2026, 3, 3),
        answer_in="2d",
    )
    federation.transfer(bovisa, isola, spender="bruno", earner="ada", hours=1, id="back")
    for id, earner in (("nobody", "nobody"), ("limited", "bice"), ("no id", "x" * 129)):
        federation.transfer(isola, bovisa, spender="anna", earner=earner, hours=1, id=id)
    isola.amend("garden", category="shopping", reason="misspelt")
    bovisa.erase(record=shared(isola, "garden"), reason="asked for")


def shared(bank: TimeBank, id: str) -> str:
    """The id that both banks have of an offer."""
    named = f"{bank.head().journal}\0{id}".encode()
    return f"peer:{sha256(named).hexdigest()[:40]}"


def moved_back(isola: TimeBank, bovisa: TimeBank, sources: Sources) -> None:
    """Reversals across, of accounts that were frozen or merged since; never more than there was."""
    garden = shared(isola, "garden")
    sources.go(hours=1)
    isola.freeze("anna")
    federation.reverse(bovisa, isola, garden, hours="0:40", reason="too long", id="less")
    isola.thaw("anna")
    bovisa.open_account("bruno again")
    bovisa.merge("bruno", into="bruno again", reason="registered twice")
    isola.open_account("anna again", joined_on=date(2026, 2, 1))
    isola.merge("anna", into="anna again", reason="registered twice")
    isola.merge("anna again", into=renamed(isola), reason="and a third time")
    bovisa.freeze("bruno again")
    federation.reverse(bovisa, isola, garden, reason="never", id="rest")
    bovisa.thaw("bruno again")
    for bank, id in ((isola, "anna"), (bovisa, "bruno")):
        bank.rename("anna now" if id == "anna" else "bruno again", id.title())


def renamed(bank: TimeBank) -> str:
    """An account that another one is merged into."""
    bank.open_account("anna now", joined_on=date(2026, 2, 1))
    return "anna now"


def suspended(isola: TimeBank, bovisa: TimeBank, sources: Sources) -> None:
    """What an agreement that is suspended refuses, and what it lets pass; other terms."""
    gift = shared(isola, "gift")
    federation.suspend(bovisa, isola, reason="their server is moved")
    federation.transfer(isola, bovisa, spender="ada", earner="bruno again", hours=1, id="refused")
    federation.reverse(bovisa, isola, gift, hours="0:10", reason="less", id="less of a gift")
    federation.agree(bovisa, isola, they_may_owe=50, we_may_owe=None)
    federation.agree(isola, bovisa, they_may_owe=None, we_may_owe="40:00", theirs=(50, None))
    sides: dict[str, Any] = {"spender": "ada", "earner": "bruno again", "hours": 1}
    federation.make_offer(isola, bovisa, id="given up", **sides)
    federation.abandon(isola, "given up", reason="a mistake")
    back = federation.make_reversal(bovisa, gift, hours="0:05", reason="no", id="no reversal")
    federation.abandon(bovisa, back.id, reason="it was right")


def closed(isola: TimeBank, bovisa: TimeBank, sources: Sources) -> None:
    """Books that one of the two has closed: what is settled in them takes today."""
    day = sources.now.date()
    federation.make_offer(
        isola, bovisa, spender="ada", earner="bruno again", hours=2, id="over", occurred_on=day
    )
    sources.go(days=2)
    isola.close_books(through=day, reason="approved")
    federation.resume(isola, bovisa)
    bovisa.close_books(through=day + timedelta(days=1), reason="approved")
    federation.transfer(
        isola,
        bovisa,
        spender="ada",
        earner="bruno again",
        hours=1,
        id="too late",
        occurred_on=day + timedelta(days=1),
    )
    federation.reverse(bovisa, isola, shared(isola, "over"), hours=1, reason="less", id="of today")


def silent(isola: TimeBank, sources: Sources) -> None:
    """A bank that never answers: agreed on, ended, agreed on again; an offer that waits."""
    federation.agree(isola, SILENT, they_may_owe=0, we_may_owe=None, name="Nowhere")
    federation.end(isola, SILENT, reason="too far away")
    sources.go(days=1)
    federation.agree(isola, SILENT, they_may_owe="0:30", we_may_owe=1, name=None)
    federation.make_offer(isola, SILENT, spender="ada", earner="anyone", hours=1, id="unheard")
    federation.suspend(isola, SILENT, reason="nobody answers")
    federation.abandon(isola, "unheard", reason="nobody answers")


# -- on two servers --------------------------------------------------------------------------


class Servers:
    """Two banks that send each other messages, each in a storage of its own, with its keys."""

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.doors = {name: doors(sources, name) for name in ("affori", "greco")}
        self.banks = {
            name: timebank.open("memory:", bank=name, **self.doors[name]) for name in self.doors
        }
        self.keys = {name: [self.key(name, 1)] for name in self.banks}

    def key(self, name: str, seed: int) -> SigningKey:
        """A key of a bank, which is no secret."""
        journal = self.banks[name].head().journal
        return SigningKey(origin_of(journal), "ed25519", bytes([seed]) * 32)

    @property
    def affori(self) -> TimeBank:
        """The one, as it stands now."""
        return self.banks["affori"]

    @property
    def greco(self) -> TimeBank:
        """The other one."""
        return self.banks["greco"]

    def agree(self, name: str, **terms: Any) -> None:
        """Agree with the other bank, by the key that it has now."""
        (other,) = self.banks.keys() - {name}
        peer, key = self.banks[other].head().journal, self.keys[other][-1].public
        federation.agree(self.banks[name], peer, key=key, name=other.title(), **terms)

    def offer(self, id: str, *, hours: Any = 1, **described: Any) -> bytes:
        """What Affori sends for an earner of Greco."""
        described = {"spender": "anna", "earner": "bruno", **described}
        key, peer = self.keys["affori"][-1], self.greco.head().journal
        return federation.offer(self.affori, peer, key=key, hours=hours, id=id, **described)

    def answer(self, message: bytes, **more: Any) -> bytes:
        """What Greco answers."""
        return federation.answer(self.greco, message, key=self.keys["greco"][-1], **more)

    def conclude(self, message: bytes) -> None:
        """Affori books, or releases, what is answered."""
        federation.conclude(self.affori, message, keys=self.keys["affori"])

    def copy(self, name: str) -> bytes:
        """A copy of a bank, as for a backup."""
        return b"".join(export_jsonl(self.banks[name]))

    def restore(self, name: str, copy: bytes) -> None:
        """Put a copy in the place of a bank."""
        store = open_store("memory:", create=True)
        import_jsonl(store, BytesIO(copy), bank=name)
        self.banks[name] = TimeBank(store, bank=name, create=False, **self.doors[name])

    def declare(self, name: str, work: Callable[[], object], reason: str) -> None:
        """Do what finds a loss, which is declared then."""
        try:
            work()
        except timebank.HistoryLost as lost:
            self.banks[name].accept_history(head=lost.head, reason=reason)

    def head(self, name: str) -> str:
        """A bank's signed head."""
        return str(sign_head(self.banks[name], self.keys[name][-1]))


def two_servers(sources: Sources) -> Banks:
    """Two banks on two servers: messages signed with keys that change, and copies put back."""
    both = Servers(sources)
    statutes(both.affori, both.greco)
    both.agree("affori", they_may_owe=20, we_may_owe=20, theirs=(10, 30))
    both.agree("greco", they_may_owe=10, we_may_owe=30)
    sent(both)
    taken_back(both)
    back_again(both)
    greco_forgets(both)
    affori_forgets(both)
    federation.write_off(
        both.affori,
        both.greco.head().journal,
        account="fund",
        hours="-0:30",
        reason="they closed",
        id="half an hour",
    )
    return both.banks


def sent(both: Servers) -> None:
    """Offers that are accepted or refused, each message sent more than once; a key that changes."""
    first = both.offer("first", hours="1:10", category="care", note=NOTE, with_note=True)
    answered = both.answer(first)
    assert both.answer(first) == answered
    both.conclude(answered)
    both.conclude(answered)
    both.conclude(both.answer(both.offer("nobody", earner="nobody")))
    both.keys["affori"].append(both.key("affori", 2))
    both.sources.go(days=1)
    both.agree("greco", they_may_owe=10, we_may_owe=30, theirs=(20, None))
    second = both.offer("second", hours=2, started_at=time(22), tags=["night"])
    both.conclude(both.answer(second, note="a note of their own"))


def taken_back(both: Servers) -> None:
    """Offers that are taken back, before and after they came; one that was given up too early."""
    early, late = both.offer("taken back"), both.offer("taken back late")
    booked = both.answer(late)
    for id in ("taken back", "taken back late"):
        cancelled = federation.cancel(both.affori, id, key=both.keys["affori"][-1])
        both.conclude(both.answer(cancelled))
    assert both.answer(early) != booked
    given_up = both.offer("given up", hours="0:30")
    booked = both.answer(given_up)
    federation.abandon(both.affori, "given up", reason="no word for a month")
    both.sources.go(hours=3)
    both.conclude(booked)


def back_again(both: Servers) -> None:
    """A reversal, whose reason is kept to the bank that asks for it."""
    second = shared(both.affori, "second")
    key, peer = both.keys["greco"][-1], both.affori.head().journal
    back = federation.reversal(
        both.greco, second, key=key, reason="one was enough", hours=1, id="one back"
    )
    answered = federation.answer(both.affori, back, key=both.keys["affori"][-1])
    federation.conclude(both.greco, answered, keys=both.keys["greco"])
    hours: dict[str, Any] = {"spender": "bruno", "earner": "ada", "hours": 3, "id": "the other way"}
    offered = federation.offer(both.greco, peer, key=key, **hours)
    answered = federation.answer(both.affori, offered, key=both.keys["affori"][-1])
    federation.conclude(both.greco, answered, keys=both.keys["greco"])


def greco_forgets(both: Servers) -> None:
    """Greco is restored from a copy: it has forgotten two bookings, and refused one since."""
    copy, peer = both.copy("greco"), both.affori.head().journal
    messages = {id: both.offer(id, answer_in="3d") for id in ("forgotten", "refused since")}
    for message in messages.values():
        both.conclude(both.answer(message))
    both.restore("greco", copy)
    both.sources.go(days=4)
    new = both.offer("after the loss")
    both.declare("greco", lambda: both.answer(new), "the disk broke")
    both.answer(messages["refused since"])
    federation.readmit(
        both.affori, both.greco.head().journal, head=both.head("greco"), reason="the disk broke"
    )
    for id in messages:
        id_of_both = shared(both.affori, id)
        kept = federation.message(both.affori, id_of_both, key=both.keys["affori"][-1])
        federation.bring_in(both.greco, kept, keys=both.keys["greco"])
    both.conclude(both.answer(new))
    assert federation.agreement(both.greco, peer).status == "agreed"


def affori_forgets(both: Servers) -> None:
    """Affori is restored from a copy: it has forgotten an offer that Greco has booked."""
    copy = both.copy("affori")
    answered = both.answer(both.offer("forgotten offer", hours="0:45", category="care"))
    both.conclude(answered)
    both.restore("affori", copy)
    both.sources.go(days=1)
    both.declare("affori", lambda: both.conclude(answered), "the other disk")
    federation.bring_in(both.affori, answered, keys=both.keys["affori"], spender={"ada": "0:45"})
    federation.readmit(
        both.greco, both.affori.head().journal, head=both.head("affori"), reason="the other disk"
    )
    both.conclude(both.answer(both.offer("all is well")))
