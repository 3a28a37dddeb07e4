"""What a caller is told is what the server has, whatever happens to any message.

A wire between timebank and a real server harms one message of a call, each in its turn. Whoever
is told that it was done finds it, whoever is told that it was not does not, and whoever is told
that it is unknown learns it by the same call again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Final

import attrs
import pytest

import timebank
from servers import ON_SERVERS, drop_database, mariadb, new_database, postgresql
from timebank import (
    Conflict,
    Corrupt,
    OutcomeUnknown,
    Retryable,
    StoreError,
    TimeBank,
    TimebankError,
)
from timebank.storage import migrate_store, open_store
from timebank.storage.server.schema import tables
from timebank.storage.server.store import SqlStore
from wire.acts import Act, Answer, Cut, Delay, Swallow, Tag, Warn
from wire.codes import (
    FEW_NUMBERS,
    FEW_SQLSTATES,
    NUMBERS,
    ROLLED_BACK,
    ROLLED_BACK_NUMBERS,
    SQLSTATES,
)
from wire.mysql import MySqlProtocol
from wire.postgres import PostgresProtocol
from wire.proxy import Wire

#: A commit, which may come with the statement that writes before it.
COMMIT: Final = r"(^|; )COMMIT(\0|$)"
_NUMBERS: Final = count(1)


@attrs.frozen
class Place:
    """A database, the wire to it, and the URLs of both ways."""

    server: str
    wire: Wire
    through: str
    direct: str

    @property
    def codes(self) -> tuple[str | int, ...]:
        """The codes of the server."""
        return SQLSTATES if self.server == "postgresql" else NUMBERS

    @property
    def few(self) -> tuple[str | int, ...]:
        """One of each meaning."""
        return FEW_SQLSTATES if self.server == "postgresql" else FEW_NUMBERS


@pytest.fixture(params=ON_SERVERS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A new database, and a wire to it."""
    direct = new_database(request.param)
    base, folder = direct.partition("?")[0], Path(os.path.realpath(tmp_path))
    protocol: Callable[[], object] = PostgresProtocol
    if request.param == "postgresql":
        path, target = folder / ".s.PGSQL.5432", postgresql() / ".s.PGSQL.5432"
        through = f"{base}?host={folder}"
    else:
        path, target, protocol = folder / "s", mariadb(), MySqlProtocol
        through = f"{base}?unix_socket={path}"
    with Wire(path, target, protocol) as wire:
        yield Place(request.param, wire, through, direct)
    drop_database(direct)


@pytest.fixture
def bank(place: Place) -> Iterator[TimeBank]:
    """A bank through the wire, with two accounts."""
    with timebank.open(place.through) as opened:
        opened.open_account("m1", floor=None)
        opened.open_account("f1", kind="group", floor=None)
        yield opened


@pytest.fixture
def truth(place: Place, bank: TimeBank) -> Iterator[TimeBank]:
    """The same bank by another way, on which nothing happens."""
    with timebank.open(place.direct) as opened:
        yield opened


def transfer(bank: TimeBank, number: int) -> tuple[str, ...]:
    """One transfer."""
    bank.transfer(earner="m1", spender="f1", hours="0:01", id=f"t{number}")
    return (f"t{number}",)


def batch(bank: TimeBank, number: int) -> tuple[str, ...]:
    """Three records in a batch."""
    with bank.batch() as together:
        together.transfer(earner="m1", spender="f1", hours="0:01", id=f"t{number}")
        together.hold(earner="m1", spender="f1", hours="0:01", id=f"h{number}")
        together.transfer(earner="m1", spender="f1", hours="0:02", id=f"u{number}")
    return ids_of(batch, number)


def hold(bank: TimeBank, number: int) -> tuple[str, ...]:
    """One hold."""
    bank.hold(earner="m1", spender="f1", hours="0:01", id=f"t{number}")
    return ids_of(hold, number)


Call = Callable[[TimeBank, int], object]
CALLS: Final = (transfer, batch, hold)


def ids_of(call: Call, number: int) -> tuple[str, ...]:
    """The ids of what a call records."""
    return tuple(f"{letter}{number}" for letter in ("thu" if call is batch else "t"))


def told(work: Callable[[], object]) -> TimebankError | None:
    """What a call says: nothing where it returned."""
    try:
        work()
    except TimebankError as error:
        return error
    return None


def is_there(bank: TimeBank, ids: tuple[str, ...]) -> bool:
    """Whether all of it is in the journal, or none; who looks has the lock, so that all is over."""
    with bank.store.writer("main") as writer:
        found = [writer.find(id) is not None for id in ids]
    assert found in ([True] * len(ids), [False] * len(ids))
    return found[0]


def check(error: TimebankError | None, *, is_done: bool) -> None:
    """Compare what was told with what the server has."""
    if error is None:
        assert is_done
    elif not isinstance(error, OutcomeUnknown):
        assert isinstance(error, Retryable | StoreError | Corrupt), repr(error)
        assert not is_done, repr(error)


def harmed(place: Place, bank: TimeBank, truth: TimeBank, call: Call) -> TimebankError | None:
    """Do a call of which a message is harmed; check what it says, and what its repeat does."""
    number = next(_NUMBERS)
    ids = ids_of(call, number)
    error = told(lambda: call(bank, number))
    place.wire.disarm()
    check(error, is_done=is_there(truth, ids))
    if isinstance(error, OutcomeUnknown):
        assert (ids[-1], ids) == (error.id, error.ids)
    call(bank, number)
    head = truth.head().sequence
    assert is_there(truth, ids)
    call(bank, number)
    assert head == truth.head().sequence
    return error


def sweep(
    place: Place, bank: TimeBank, truth: TimeBank, call: Call, act: Act, *, answers: bool = False
) -> list[TimebankError | None]:
    """Do a call again and again: the first message is harmed, then the second and so on."""
    found: list[TimebankError | None] = []
    for skip in count():
        place.wire.arm(act, skip=skip, answers=answers)
        error = harmed(place, bank, truth, call)
        if not place.wire.fired:
            return found
        found.append(error)
    raise AssertionError


# -- a connection that ends at any message -----------------------------------------------------


def kinds_of(errors: list[TimebankError | None]) -> set[type[object]]:
    """The classes of what was told."""
    return {type(error) for error in errors}


@pytest.mark.parametrize(
    "call", [transfer, *(pytest.param(one, marks=pytest.mark.nightly) for one in (batch, hold))]
)
def test_a_connection_that_ends_at_any_message(
    place: Place, bank: TimeBank, truth: TimeBank, call: Call
) -> None:
    """Before the commit was sent it is `Unavailable`, from then on unknown, and never false."""
    for act, answers in ((Cut(), False), (Cut(heard=True), False), (Cut(), True)):
        errors = sweep(place, bank, truth, call, act, answers=answers)
        told = kinds_of(errors) - {type(None)}
        assert OutcomeUnknown in told  # a connection that ends at its first trip is replaced
        assert told <= {timebank.Unavailable, OutcomeUnknown}
        first = next(n for n, error in enumerate(errors) if isinstance(error, OutcomeUnknown))
        assert not any(isinstance(error, OutcomeUnknown) for error in errors[:first])
    assert () == truth.audit().findings


def test_a_server_that_is_gone_is_no_doubt(place: Place, bank: TimeBank, truth: TimeBank) -> None:
    """Nothing was sent to be written: not by the first try, and not by the one after it."""
    transfer(bank, number := next(_NUMBERS))
    head = truth.head()
    place.wire.is_down = True
    place.wire.arm(Cut(heard=True))
    for call in CALLS:
        assert type(told(lambda call=call: call(bank, number + 1))) is timebank.Unavailable  # type: ignore[misc]  # bound at once
    assert 1 == place.wire.fired
    place.wire.is_down = False
    assert head == truth.head()
    transfer(bank, next(_NUMBERS))


def test_a_commit_that_is_lost_or_late(place: Place, bank: TimeBank, truth: TimeBank) -> None:
    """What is lost is unknown, as soon as the URL says; what is late is not."""
    with timebank.open(f"{place.through}&read_timeout=1") as hasty:
        for act, answers in (
            (Swallow(), False),
            (Swallow(heard=True), False),
            (Swallow(), True),
        ):
            transfer(hasty, number := next(_NUMBERS))
            place.wire.arm(act, at=COMMIT if not answers else "COMMIT", answers=answers)
            if answers and place.server == "mariadb":
                continue  # its answer has no word
            assert isinstance(told(lambda: transfer(hasty, number + 1000)), OutcomeUnknown)
            assert 1 == place.wire.fired
            place.wire.cut_all()  # the server notices that nobody is there
            is_there(truth, (f"t{number + 1000}",))
            transfer(hasty, number + 1000)
        place.wire.arm(Delay(0.2), at=COMMIT)
        transfer(hasty, next(_NUMBERS))
        assert 1 == place.wire.fired
    assert () == truth.audit().findings


@pytest.mark.nightly
@pytest.mark.parametrize("call", CALLS)
def test_any_code_at_any_message(place: Place, bank: TimeBank, truth: TimeBank, call: Call) -> None:
    """Nobody is told that nothing was written of what was, nor that it was of what was not."""
    for code in place.few:
        # A statement that the server has done, and failed all the same, is no server's.
        sweep(place, bank, truth, call, Answer(code))
    assert () == truth.audit().findings


# -- codes at a commit ----------------------------------------------------------------------------


def is_rollback(code: str | int) -> bool:
    """Whether a code at a commit is known to be one."""
    return code in ROLLED_BACK or code in ROLLED_BACK_NUMBERS


@pytest.mark.parametrize("codes", ["few", pytest.param("codes", marks=pytest.mark.nightly)])
@pytest.mark.parametrize("heard", [False, True], ids=["rolled back", "kept"])
def test_every_code_at_a_commit(
    place: Place, bank: TimeBank, truth: TimeBank, codes: str, *, heard: bool
) -> None:
    """What is not known to be a rollback is unknown, whether the server has kept it or not."""
    for code in getattr(place, codes):
        if heard and is_rollback(code):
            continue  # no server says so of what it has kept
        call = CALLS[next(_NUMBERS) % len(CALLS)]
        place.wire.arm(Answer(code, heard=heard), at=COMMIT)
        error = harmed(place, bank, truth, call)
        assert 1 == place.wire.fired
        if not is_rollback(code):
            assert isinstance(error, OutcomeUnknown), (code, error)
        elif code in {"40001", "40P01", 1213, "23505", 1062}:
            # The bank tries its own call again, and a batch is not one.
            assert error is None or (call is batch and isinstance(error, Conflict)), (code, error)
        else:
            assert isinstance(error, StoreError | Conflict), (code, error)
    assert () == truth.audit().findings


def test_a_commit_with_a_warning_is_unknown(place: Place, bank: TimeBank, truth: TimeBank) -> None:
    """In whatever language it is said; the next commit, without one, is done."""
    for call in CALLS:
        place.wire.arm(Warn(), at=COMMIT)
        assert isinstance(harmed(place, bank, truth, call), OutcomeUnknown)
    place.wire.arm(Warn(severity="AVVERTIMENTO", severity_in_no_language=None), at=COMMIT)
    assert isinstance(harmed(place, bank, truth, transfer), OutcomeUnknown)


def test_a_commit_with_a_notice_is_done(place: Place, bank: TimeBank, truth: TimeBank) -> None:
    """What PostgreSQL only remarks is no doubt."""
    if place.server == "postgresql":
        notice = Warn(code="00000", severity="HINWEIS", severity_in_no_language="NOTICE")
        place.wire.arm(notice, at=COMMIT)
        assert harmed(place, bank, truth, transfer) is None
        assert 1 == place.wire.fired


def test_a_commit_that_is_answered_by_something_else(
    place: Place, bank: TimeBank, truth: TimeBank
) -> None:
    """`ROLLBACK` is one; any other tag is unknown."""
    if place.server == "postgresql":
        place.wire.arm(Tag(b"RELEASE"), at=COMMIT)
        assert isinstance(harmed(place, bank, truth, transfer), OutcomeUnknown)
        place.wire.arm(Tag(b"ROLLBACK"), at=COMMIT)
        with pytest.raises(StoreError, match="rolled back instead"):
            transfer(bank, next(_NUMBERS))


# -- what is repeated ------------------------------------------------------------------------------


def test_a_repeat_is_acknowledged_by_a_commit_under_the_lock(place: Place, bank: TimeBank) -> None:
    """And by no reader: what a reader sees a standby may not have yet."""
    transfer(bank, 0)
    place.wire.disarm()
    assert bank.transfer(earner="m1", spender="f1", hours="0:01", id="t0").repeated
    said = [one.text for one in place.wire.disarm() if one.is_request]
    (lock,) = (n for n, text in enumerate(said) if b"FOR UPDATE" in text)
    (commit,) = (n for n, text in enumerate(said) if text.startswith(b"COMMIT"))
    assert lock < commit


@pytest.mark.parametrize("ask", ["repeated", "refused"])
def test_what_appends_nothing_waits_as_what_does(place: Place, bank: TimeBank, ask: str) -> None:
    """On MariaDB the head goes up and down, for a lock alone is in no log; nothing is changed."""
    transfer(bank, number := next(_NUMBERS))
    head = bank.head()
    place.wire.disarm()
    if ask == "repeated":
        transfer(bank, number)
    else:
        with pytest.raises(timebank.AccountNotFound):
            bank.transfer(earner="nobody", spender="f1", hours="0:01", id="x")
    said = [one.text for one in place.wire.disarm() if one.is_request]
    moves = [text[:54] for text in said if text.startswith(b"UPDATE timebank_banks")]
    up, down = (f"UPDATE timebank_banks SET sequence = sequence {by} 1".encode() for by in "+-")
    if place.server == "mariadb":
        assert 2 == len(moves)
        assert moves[0].startswith(up)
        assert moves[1].startswith(down)
        assert said[-2].startswith(b"COMMIT")  # the roll-back of every block is behind it
    assert head == bank.head()


def test_a_repeat_whose_commit_is_unknown_names_its_id(
    place: Place, bank: TimeBank, truth: TimeBank
) -> None:
    """It appends nothing, and is unknown all the same; a batch of repeats is too."""
    for call in CALLS:
        number = next(_NUMBERS)
        call(bank, number)
        place.wire.arm(Cut(heard=True), at=COMMIT)
        error = told(lambda call=call, number=number: call(bank, number))  # type: ignore[misc]  # bound at once
        assert isinstance(error, OutcomeUnknown)
        assert ids_of(call, number) == error.ids
        assert 1 == place.wire.fired
    assert () == truth.audit().findings


# -- banks and tables -----------------------------------------------------------------------------


@pytest.mark.parametrize("act", [Cut(), Cut(heard=True)], ids=["unheard", "heard"])
def test_a_bank_that_is_made(place: Place, bank: TimeBank, truth: TimeBank, act: Act) -> None:
    """A message of it is lost, each in its turn: what is told is what is there."""
    for skip in count():
        name = f"bank-{skip}"
        place.wire.arm(act, skip=skip)
        error = told(lambda name=name: bank.store.make_bank(name, journal="j"))  # type: ignore[misc]  # bound at once
        with truth.store.writer(name):
            pass  # whoever made it is done
        check(error, is_done=name in truth.store.banks())
        if not place.wire.fired:
            break
        bank.store.make_bank(name, journal="j")
    assert skip > 2


def drop_tables(place: Place) -> None:
    """Make the database an empty one."""
    import sqlalchemy

    engine = sqlalchemy.create_engine(place.direct)
    with engine.begin() as connection:
        for table in reversed(tables().sorted_tables):
            connection.exec_driver_sql(f"DROP TABLE IF EXISTS {table.name}")
    engine.dispose()


@pytest.mark.nightly
@pytest.mark.parametrize("act", [Cut(), Cut(heard=True)], ids=["unheard", "heard"])
def test_tables_that_are_made(place: Place, act: Act) -> None:
    """A message of it is lost, each in its turn: the next try makes whole what is there."""
    for skip in count():
        place.wire.arm(act, skip=skip)
        error = told(lambda: migrate_store(place.through))
        place.wire.disarm()
        fired = place.wire.fired
        if place.server == "postgresql":
            store = SqlStore(place.direct)
            with store.transaction() as (_, transaction):
                made = store.dialect.has_tables(transaction.cursor)
            store.close()
            check(error, is_done=made)
        elif error is not None:
            assert isinstance(error, OutcomeUnknown | Retryable | StoreError)
        migrate_store(place.direct)
        open_store(place.direct, create=False).close()
        drop_tables(place)
        if not fired:
            break
    assert skip > 10
