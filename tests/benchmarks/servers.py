"""PostgreSQL with its defaults: one client, eight processes on eight banks, eight threads."""

from __future__ import annotations

import multiprocessing
import sys
import threading
import time
from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from typing import Any

import psycopg

import servers
import timebank
from benchmarks.raw_postgres import Load, RawPostgres, WithoutChain
from timebank import TimeBank

DAY = date(2026, 3, 2)
PROCESSES = 8


def durable_database() -> str:
    """A new database on a server whose commits reach the disk, as the tests' do not."""
    folder = str(servers.postgresql())
    with psycopg.connect(host=folder, user="postgres", autocommit=True) as connection:
        for setting in ("fsync = on", "full_page_writes = on"):
            connection.execute(f"ALTER SYSTEM SET {setting}")
        connection.execute("SELECT pg_reload_conf()")
    return servers.new_database("postgresql")


def opened(url: str, bank: str, accounts: list[str]) -> TimeBank:
    """A bank with these accounts."""
    made = timebank.open(url, bank=bank)
    with made.batch() as batch:
        for account in accounts:
            batch.open_account(account, kind="fund")
    return made


def post(bank: TimeBank, load: Load) -> None:
    """One durable transfer after the other."""
    for earner, spender, seconds, id, _ in load:
        hours = timebank.Hours.from_seconds(seconds)
        bank.transfer(earner=earner, spender=spender, hours=hours, id=id, occurred_on=DAY)


def one_client(
    accounts: list[str], loads: Callable[[int, int], Load], *, rounds: int = 9, each: int = 200
) -> tuple[list[float], list[float]]:
    """Seconds for a transfer, ours and by hand, round by round."""
    url, other = durable_database(), durable_database()
    bank, raw = opened(url, "main", accounts), RawPostgres(other, "main", accounts)
    mine: list[float] = []
    yards: list[float] = []
    for number in range(rounds):
        load = loads(each, 9000 + number)
        for times, work in ((mine, partial(post, bank, load)), (yards, partial(raw.post, load))):
            begin = time.perf_counter()
            work()
            times.append((time.perf_counter() - begin) / each)
    bank.close()
    raw.close()
    for made in (url, other):
        servers.drop_database(made)
    return mine[1:], yards[1:]


def _ours(url: str, number: int, accounts: list[str], load: Load, *, told: Any, go: Any) -> None:
    bank = opened(url, f"bank-{number}", accounts)
    post(bank, load[:20])
    told.put(number)
    go.wait()
    post(bank, load[20:])
    told.put(number)
    bank.close()


def _by_hand(url: str, number: int, accounts: list[str], load: Load, *, told: Any, go: Any) -> None:
    raw = RawPostgres(url, f"bank-{number}", accounts)
    raw.post(load[:20])
    told.put(number)
    go.wait()
    raw.post(load[20:])
    told.put(number)
    raw.close()


def eight_processes(
    accounts: list[str], loads: Callable[[int, int], Load], *, rounds: int = 5, each: int = 120
) -> tuple[list[float], list[float]]:
    """Seconds for a transfer when eight processes post to a bank each, ours and by hand."""
    mine: list[float] = []
    yards: list[float] = []
    for _ in range(rounds):
        for times, work in ((mine, _ours), (yards, _by_hand)):
            url = durable_database()
            times.append(_timed(work, url, accounts[:20], loads, each))
            servers.drop_database(url)
    return mine[1:], yards[1:]


def _timed(
    work: Any, url: str, accounts: list[str], loads: Callable[[int, int], Load], each: int
) -> float:
    context = multiprocessing.get_context("fork")
    told, go = context.Queue(), context.Event()
    if work is _ours:
        timebank.open(url).close()
    processes = []
    for number in range(PROCESSES):
        load = [row for row in loads(20_000, number) if {row[0], row[1]} <= set(accounts)]
        arguments = (url, number, accounts, load[: each + 20])
        signals = {"told": told, "go": go}
        processes.append(context.Process(target=work, args=arguments, kwargs=signals))
    for process in processes:
        process.start()
    for _ in processes:
        told.get()
    begin = time.perf_counter()
    go.set()
    for _ in processes:
        told.get()
    taken = time.perf_counter() - begin
    for process in processes:
        process.join()
        if process.exitcode:
            sys.exit("a process of the benchmark failed")
    return taken / (PROCESSES * each)


def eight_threads(
    accounts: list[str], loads: Callable[[int, int], Load], *, rounds: int = 5, each: int = 60
) -> tuple[list[float], list[float]]:
    """Seconds for a transfer when eight threads post to one bank, ours and by hand.

    By hand there are eight clients, the rows of both accounts are locked and a commit is made
    for each transfer; there is no chain of digests, which would make them wait for each other.
    """
    url, other = durable_database(), durable_database()
    bank = opened(url, "main", accounts)
    clients = [WithoutChain(other, accounts) for _ in range(PROCESSES)]
    mine: list[float] = []
    yards: list[float] = []
    for number in range(rounds):
        shares = [loads(each, 40_000 + 100 * number + n) for n in range(PROCESSES)]
        posts = [partial(post, bank, share) for share in shares]
        mine.append(_together(posts) / each / PROCESSES)
        posts = [partial(client.post, share) for client, share in zip(clients, shares, strict=True)]
        yards.append(_together(posts) / each / PROCESSES)
    bank.close()
    for client in clients:
        client.close()
    for made in (url, other):
        servers.drop_database(made)
    return mine[1:], yards[1:]


def _together(posts: Sequence[Callable[[], None]]) -> float:
    """Seconds until the last of several threads is done."""
    threads = [threading.Thread(target=one) for one in posts]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - begin
