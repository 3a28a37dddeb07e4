"""Several desks at once: a cheque counts once, the number of a booklet is given out once."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import timebank
from servers import ON_SERVERS, drop_database, new_database
from timebank import Hours, TimeBank
from timebank.contrib import cheques
from timebank.contrib.cheques import ChequeEntered, ChequeVoided, Number

DESKS = 8
ACCOUNTS = ("anna", "bruno", *(f"m{desk}" for desk in range(DESKS)))


def prepared(url: str) -> None:
    """Anna has booklet 17; there is somebody who earns for each desk."""
    with timebank.open(url) as bank, bank.batch() as batch:
        for id in ACCOUNTS:
            batch.open_account(id, floor=None)
        cheques.issue(batch, "anna", booklet=17, cheques=20)


@pytest.fixture(params=["one store", "a store each"])
def desks(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[TimeBank]]:
    """The bank as each of eight desks has it, on SQLite; in one process, or as in eight."""
    url = f"sqlite:///{tmp_path / 'bank.db'}?synchronous=normal"
    prepared(url)
    first = timebank.open(url)
    each = request.param == "a store each"
    made = [first, *(timebank.open(url) if each else first for _ in range(DESKS - 1))]
    yield [bank.acting_as(f"desk-{number}") for number, bank in enumerate(made)]
    for bank in made:
        bank.close()


def at_once(desks: list[TimeBank], work: Callable[[TimeBank, int], object]) -> list[Any]:
    """What each desk is told, by a result or by an error, where all begin at one moment."""
    told: list[Any] = [None] * len(desks)
    begins = threading.Barrier(len(desks))

    def one(number: int) -> None:
        begins.wait()
        try:
            told[number] = work(desks[number], number)
        except timebank.TimebankError as error:
            told[number] = error

    threads = [threading.Thread(target=one, args=[number]) for number in range(len(desks))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return told


def is_well(bank: TimeBank, *, entered: int) -> None:
    """So many cheques of an hour were entered, each once, and the audit finds nothing."""
    booklet = cheques.booklet(bank, 17)
    assert entered == len(booklet.entered)
    assert Hours(-entered) == bank.balance("anna").posted
    assert () == bank.audit().findings


def test_a_cheque_entered_by_eight_desks_at_once_counts_once(desks: list[TimeBank]) -> None:
    """One of them records it, and the others are told that it is recorded."""
    told = at_once(
        desks, lambda bank, _: cheques.enter(bank, Number(17, 1), earner="bruno", hours=1)
    )
    assert Counter({True: DESKS - 1, False: 1}) == Counter(made.repeated for made in told)
    assert 1 == len({made.actor for made in told})
    is_well(desks[0], entered=1)
    assert Hours(1) == desks[0].balance("bruno").posted


def test_eight_desks_that_read_another_name_count_it_once(desks: list[TimeBank]) -> None:
    """One is booked; the others are told what was, by whom they are shown who earned."""
    told = at_once(
        desks,
        lambda bank, number: cheques.enter(bank, Number(17, 1), earner=f"m{number}", hours=1),
    )
    (made,) = (one for one in told if not isinstance(one, Exception))
    refused = [one for one in told if isinstance(one, ChequeEntered)]
    assert DESKS - 1 == len(refused)
    assert {(next(iter(made.earners)), Hours(1))} == {(one.earner, one.hours) for one in refused}
    is_well(desks[0], entered=1)


def test_a_cheque_is_voided_or_entered_and_never_both(desks: list[TimeBank]) -> None:
    """For each of twenty, half of the desks enter it while the others void it."""
    for cheque in range(1, 21):
        number = Number(17, cheque)

        def work(bank: TimeBank, desk: int, number: Number = number) -> object:
            if desk % 2:
                return cheques.void(bank, number)
            return cheques.enter(bank, number, earner="bruno", hours=1)

        told = at_once(desks, work)
        errors = {type(one) for one in told if isinstance(one, Exception)}
        assert errors in ({ChequeVoided}, {ChequeEntered})
        assert DESKS // 2 == sum(not isinstance(one, Exception) for one in told)
    booklet = cheques.booklet(desks[0], 17)
    assert () == booklet.out
    assert 20 == len({*booklet.entered, *booklet.voided})
    is_well(desks[0], entered=len(booklet.entered))


def test_a_pile_that_lies_on_two_desks_counts_once(desks: list[TimeBank]) -> None:
    """Eight desks enter the same twenty cheques, each pile in one commit and in its own order."""

    def work(bank: TimeBank, desk: int) -> int:
        pile = [1 + (7 * number + desk) % 20 for number in range(20)]
        with bank.batch() as batch:
            made = [
                cheques.enter(batch, Number(17, cheque), earner="bruno", hours=1) for cheque in pile
            ]
        return sum(not one.repeated for one in made)

    assert 20 == sum(at_once(desks, work))
    is_well(desks[0], entered=20)


def test_eight_desks_give_out_eight_numbers(desks: list[TimeBank]) -> None:
    """The next free number is taken behind the lock."""
    told = at_once(desks, lambda bank, desk: cheques.issue(bank, f"m{desk}"))
    assert [*range(18, 18 + DESKS)] == sorted(booklet.number for booklet in told)
    assert 1 + DESKS == len(cheques.booklets(desks[0]))
    assert () == desks[0].audit().findings


def test_one_number_is_given_out_once(desks: list[TimeBank]) -> None:
    """Of those who ask for the same, one gets it, and the others are told which is free."""
    told = at_once(desks, lambda bank, desk: cheques.issue(bank, f"m{desk}", booklet=40))
    (booklet,) = (one for one in told if isinstance(one, cheques.Booklet))
    refused = [one for one in told if isinstance(one, cheques.BookletTaken)]
    assert DESKS - 1 == len(refused)
    assert {(booklet.account, 41)} == {(one.account, one.free) for one in refused}


def test_an_account_that_is_merged_while_its_cheques_are_entered(desks: list[TimeBank]) -> None:
    """Each cheque is spent by who it is of at that moment, and none is refused for it."""

    def work(bank: TimeBank, desk: int) -> object:
        if not desk:
            return bank.merge("anna", into="m0", reason="twice")
        return [
            cheques.enter(bank, Number(17, cheque), earner="bruno", hours=1)
            for cheque in range(2 * desk, 2 * desk + 2)
        ]

    told = at_once(desks, work)
    assert [] == [one for one in told if isinstance(one, Exception)]
    assert Hours(2 * (DESKS - 1)) == desks[0].balance("bruno").posted
    assert Hours(0) == desks[0].balance("anna").posted
    assert () == desks[0].audit().findings


# -- processes -----------------------------------------------------------------------------

#: Enters a cheque when it is told to, and says what it was told.
DESK = """
import json, sys, timebank
from timebank.contrib import cheques
bank = timebank.open(sys.argv[1], create=False).acting_as(sys.argv[2])
bank.account("anna")
print("ready", flush=True)
for line in sys.stdin:
    number, earner = json.loads(line)
    try:
        made = cheques.enter(bank, number, earner=earner, hours=1)
    except cheques.ChequeEntered as error:
        print("entered", error.earner, flush=True)
    else:
        print("repeated" if made.repeated else "booked", *made.earners, flush=True)
"""


@pytest.fixture(params=["sqlite", *ON_SERVERS])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty place on each store that processes can share."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'bank.db'}"
        return
    made = new_database(request.param)
    yield made
    drop_database(made)


@pytest.mark.slow
def test_eight_processes_enter_the_same_cheques_at_once(url: str) -> None:
    """Twenty times: who earned is the same to all, and the cheque counts once."""
    prepared(url)
    pipe = subprocess.PIPE
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", DESK, url, f"desk-{desk}"], stdin=pipe, stdout=pipe, text=True
        )
        for desk in range(DESKS)
    ]
    told: list[list[str]] = []
    try:
        for process in processes:
            assert process.stdout is not None
            assert "ready\n" == process.stdout.readline()
        for cheque in range(1, 21):
            for desk, process in enumerate(processes):
                # Of the even ones all read the same name, of the odd ones each another.
                earner = f"m{desk}" if cheque % 2 else "bruno"
                assert process.stdin is not None
                process.stdin.write(json.dumps([str(Number(17, cheque)), earner]) + "\n")
                process.stdin.flush()
            for process in processes:
                assert process.stdout is not None
                told.append([str(cheque), *process.stdout.readline().split()])
    finally:
        for process in processes:
            process.communicate()
    booked = {cheque: earner for cheque, what, earner in told if what == "booked"}
    assert 20 == len(booked) == sum(what == "booked" for _, what, _ in told)
    assert {what for cheque, what, _ in told if int(cheque) % 2} == {"booked", "entered"}
    assert {what for cheque, what, _ in told if not int(cheque) % 2} == {"booked", "repeated"}
    assert {*booked.items()} == {(cheque, earner) for cheque, _, earner in told}
    with timebank.open(url, create=False) as bank:
        is_well(bank, entered=20)
