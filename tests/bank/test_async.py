"""The web application of `docs/async.md`: nothing blocks its loop, and every answer is right."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

pytest.importorskip("httpx", reason="the application needs the extra timebank[dev]")

import httpx

import timebank
from timebank import Hours, Roles, TimeBank
from web import EXAMPLES, drive, example, key_of
from web import post as post_asked

ROOT = Path(__file__).parents[2]
EXAMPLE = EXAMPLES / "async_app.py"
PAGE = (ROOT / "docs" / "async.md").read_text("utf-8")

VISIT = {"earner": "m1", "spender": "f1", "hours": "1:30"}


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[TimeBank]:
    """A bank on SQLite with a member, a family and a fund."""
    roles = Roles({"carla": "coordinator"})
    with timebank.open(f"sqlite:///{tmp_path}/bank.db", permissions=roles) as opened:
        carla = opened.acting_as("carla")
        carla.open_account("m1")
        carla.open_account("f1", kind="group")
        carla.open_account("pot", kind="fund")
        yield opened


async def post(client: httpx.AsyncClient, key: str, asked: Any = VISIT) -> httpx.Response:
    """Send a transfer."""
    return await post_asked(client, key, asked)


def test_the_page_shows_what_the_example_has() -> None:
    """Each piece on the page is in the file, line for line."""
    source = EXAMPLE.read_text("utf-8")
    blocks = re.findall(r"^```py\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert 4 <= len(blocks)
    assert [] == [block for block in blocks if block not in source]


def test_the_page_names_each_answer() -> None:
    """The table of the page is the table of the example."""
    rows = re.findall(r"^\| `(\w+)` \| (\d+)", PAGE, re.MULTILINE)
    assert [(kind.__name__, str(status)) for kind, status in example("async_app").STATUS] == rows


def test_the_example_ends_by_itself() -> None:
    """Without arguments it is its own client."""
    done = subprocess.run([sys.executable, EXAMPLE], capture_output=True, text=True, check=False)
    assert (0, "") == (done.returncode, done.stderr)
    stranger, statuses, spendable, other, refusal = done.stdout.splitlines()
    assert ("401", "403") == (stranger, other)
    assert "[200, 201, 201, 201, 201, 201]" == statuses
    assert "12:30" == spendable
    assert refusal.startswith('409 {"code": "floor_exceeded", ')


# -- the loop ------------------------------------------------------------------------------


def test_the_loop_turns_while_a_writer_waits_for_the_lock(bank: TimeBank) -> None:
    """Another thread holds the lock: a transfer waits for it, and reads are answered meanwhile."""
    held, release = threading.Event(), threading.Event()
    real = bank.store.writer

    def hold() -> None:
        with real("main"):
            held.set()
            release.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()

    async def work(client: httpx.AsyncClient) -> None:
        loop, asking = asyncio.get_running_loop(), asyncio.Event()

        def writer(name: str) -> Any:
            loop.call_soon_threadsafe(asking.set)
            return real(name)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(bank.store, "writer", writer)
            transfer = asyncio.create_task(post(client, "t1"))
            await asking.wait()
            for _ in range(20):
                answer = await client.get("/accounts/m1")
                assert (200, "0:00") == (answer.status_code, answer.json()["posted"])
            assert not transfer.done()
            release.set()
            assert 201 == (await transfer).status_code
        assert "1:30" == (await client.get("/accounts/m1")).json()["posted"]

    try:
        drive(bank, work)
    finally:
        release.set()
        holder.join()


def test_waiting_writers_leave_threads_for_readers(bank: TimeBank) -> None:
    """More transfers wait than there are threads: a read does not stand in their queue."""
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with bank.store.writer("main"):
            held.set()
            release.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()

    async def work(client: httpx.AsyncClient) -> None:
        asked = {"earner": "pot", "spender": "m1", "hours": "0:10"}
        waiting = [asyncio.create_task(post(client, f"t{n}", asked)) for n in range(40)]
        assert 200 == (await client.get("/accounts/m1")).status_code
        assert [] == [task for task in waiting if task.done()]
        release.set()
        assert {201} == {answer.status_code for answer in await asyncio.gather(*waiting)}

    try:
        drive(bank, work)
    finally:
        release.set()
        holder.join()
    assert Hours("6:40") == bank.acting_as("carla").balance("pot").posted


def test_fifty_transfers_at_once_all_arrive_exactly_once(bank: TimeBank) -> None:
    """Each is sent twice, as a client does that heard no answer."""
    before = bank.acting_as("carla").head().sequence

    async def work(client: httpx.AsyncClient) -> None:
        asked = {"earner": "pot", "spender": "f1", "hours": "0:10"}
        keys = [f"t{n}" for n in range(50)] * 2
        answers = await asyncio.gather(*(post(client, key, asked) for key in keys))
        assert [200, 201] * 50 == [
            status
            for pair in zip(answers[:50], answers[50:], strict=True)
            for status in sorted(answer.status_code for answer in pair)
        ]
        made = [answer.json() for answer in answers]
        assert [key_of(key) for key in keys] == [one["id"] for one in made]
        assert [False, True] * 50 == [
            told
            for pair in zip(made[:50], made[50:], strict=True)
            for told in sorted(one.pop("repeated") for one in pair)
        ]
        assert made[:50] == made[50:]

    drive(bank, work)
    carla = bank.acting_as("carla")
    assert before + 50 == carla.head().sequence
    assert {key_of(f"t{n}") for n in range(50)} == {found.id for found in carla.transfers()}
    assert Hours("8:20") == carla.balance("pot").posted
    assert () == carla.audit().findings


# -- answers -------------------------------------------------------------------------------


def test_what_a_rule_refuses_is_a_conflict(bank: TimeBank) -> None:
    """With the code of the rule, and the facts in the message; the key is not used up."""

    async def work(client: httpx.AsyncClient) -> None:
        answer = await post(client, "t1", VISIT | {"hours": "21"})
        assert 409 == answer.status_code
        assert "floor_exceeded" == answer.json()["code"]
        assert "its floor is -20:00" in answer.json()["message"]
        assert 201 == (await post(client, "t1")).status_code

    drive(bank, work)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (VISIT | {"hours": 1.5}, "float"),
        (VISIT | {"hours": "1:75"}, "1:75"),
        (VISIT | {"earner": None}, "earner"),
        ({"earner": {"m1": 1}, "spender": {"f1": 2}}, "both sides must be equal"),
        (VISIT | {"occured_on": "2026-03-02"}, "with the fields earner, spender, hours, note"),
        ([], "JSON object"),
        ({}, "earner"),
    ],
)
def test_what_cannot_be_is_a_bad_request(bank: TimeBank, asked: Any, message: str) -> None:
    """Whatever the state of the bank."""

    async def work(client: httpx.AsyncClient) -> None:
        answer = await post(client, "t1", asked)
        assert 400 == answer.status_code
        assert message in answer.json()["message"]

    drive(bank, work)


def test_the_header_and_the_body_must_be_there(bank: TimeBank) -> None:
    """A transfer without a key, or one that can be none, is not begun; nor is one without JSON."""

    async def work(client: httpx.AsyncClient) -> None:
        answer = await client.post("/transfers", json=VISIT)
        assert (400, True) == (answer.status_code, "Idempotency-Key" in answer.json()["message"])
        for key in ("booking-1", "1", ""):
            headers = {"Idempotency-Key": key}
            assert 400 == (await client.post("/transfers", json=VISIT, headers=headers)).status_code
        headers = {"Idempotency-Key": key_of("t1"), "Content-Type": "application/json"}
        for content in (b"", b"{", b"\xff", b"[" * 100_000):
            answer = await client.post("/transfers", content=content, headers=headers)
            assert (400, "the body is not JSON") == (answer.status_code, answer.json()["message"])
        for query in ("after=-1", "after=x", "limit=1.5", "after=²", "after=" + "9" * 20):
            assert 400 == (await client.get(f"/transfers?{query}")).status_code

    before = bank.acting_as("carla").head()
    drive(bank, work)
    assert before == bank.acting_as("carla").head()


def test_what_is_not_there_is_not_found(bank: TimeBank) -> None:
    """An account that nobody opened, read from or written to."""

    async def work(client: httpx.AsyncClient) -> None:
        answer = await client.get("/accounts/m9")
        assert (404, "account_not_found") == (answer.status_code, answer.json()["code"])
        assert 404 == (await post(client, "t1", VISIT | {"earner": "m9"})).status_code

    drive(bank, work)


def test_a_key_of_another_request_is_told(bank: TimeBank) -> None:
    """The same key with the same request is the first answer again; with another, none."""

    async def work(client: httpx.AsyncClient) -> None:
        first, again = await post(client, "t1"), await post(client, "t1")
        assert (201, False) == (first.status_code, first.json()["repeated"])
        assert (200, first.json() | {"repeated": True}) == (again.status_code, again.json())
        other = await post(client, "t1", VISIT | {"hours": "2"})
        assert (422, "idempotency_mismatch") == (other.status_code, other.json()["code"])

    drive(bank, work)


@pytest.mark.parametrize(
    ("error", "status", "retry", "message"),
    [
        (timebank.StoreBusy("bank.db was locked"), 503, "1", "the ledger is busy: try again"),
        (timebank.OutcomeUnknown("t1"), 503, "1", "it may have been recorded: "),
        (timebank.StoreError("bank.db: the disk is full"), 500, None, "the ledger cannot answer"),
        (timebank.Corrupt("record 3 is damaged"), 500, None, "the ledger cannot answer now"),
    ],
)
def test_what_fails_inside_is_not_shown(
    bank: TimeBank, error: Exception, status: int, retry: str | None, message: str
) -> None:
    """When to come again is told, where that helps; paths and the like are not."""

    def writer(name: str) -> NoReturn:
        raise error

    async def work(client: httpx.AsyncClient) -> None:
        answer = await post(client, "t1")
        assert (status, retry) == (answer.status_code, answer.headers.get("Retry-After"))
        assert answer.json()["message"].startswith(message)
        assert answer.json()["facts"].keys() <= {"id", "ids"}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bank.store, "writer", writer)
        drive(bank, work)


def test_pages_of_transfers_meet(bank: TimeBank) -> None:
    """A page is read whole in its thread, and the next one begins behind it."""
    with bank.acting_as("carla").batch() as batch:
        for n in range(7):
            batch.transfer(earner="pot", spender="m1", hours="0:10", id=f"t{n}")

    async def work(client: httpx.AsyncClient) -> None:
        found: list[str] = []
        after: int | None = 0
        while after is not None:
            answer = await client.get("/transfers", params={"after": after, "limit": 3})
            assert 200 == answer.status_code
            found += [transfer["id"] for transfer in answer.json()["transfers"]]
            after = answer.json()["next"]
        assert [f"t{n}" for n in range(7)] == found
        everything = (await client.get("/transfers", params={"limit": 10**9})).json()
        assert (7, None) == (len(everything["transfers"]), everything["next"])
        assert [] == (await client.get("/transfers?limit=0")).json()["transfers"]

    drive(bank, work)
