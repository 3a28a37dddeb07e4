"""A small web application on asyncio: the ledger works in threads, and the loop never waits."""

from __future__ import annotations

import asyncio
import itertools
import json
import tempfile
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import httpx
from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

import timebank
from timebank import TimeBank, Transfer

Result = TypeVar("Result")

MOST_OF_A_PAGE = 100

#: The first that fits. What is not here is ours to mend: 500.
STATUS: tuple[tuple[type[timebank.TimebankError], int], ...] = (
    (timebank.InvalidRequest, 400),
    (timebank.NotFound, 404),
    (timebank.Rejected, 409),
    (timebank.IdempotencyMismatch, 422),
    (timebank.Retryable, 503),
    (timebank.OutcomeUnknown, 503),
)


class Ledger:
    """One bank for the whole application, and the threads that may be busy with it."""

    def __init__(self, bank: TimeBank, *, readers: int = 8, writers: int = 4) -> None:
        self.bank = bank
        self._readers = CapacityLimiter(readers)
        self._writers = CapacityLimiter(writers)

    async def read(self, call: Callable[[TimeBank], Result]) -> Result:
        """Ask the bank, in a thread."""
        return await to_thread.run_sync(call, self.bank, limiter=self._readers)

    async def write(self, call: Callable[[TimeBank], Result]) -> Result:
        """Change the bank, in a thread; writers wait for each other, so few are enough."""
        return await to_thread.run_sync(call, self.bank, limiter=self._writers)


def make_app(ledger: Ledger) -> Starlette:
    """The application on a ledger that the caller opens and closes."""
    routes = [
        Route("/transfers", partial(post_transfer, ledger), methods=["POST"]),
        Route("/transfers", partial(get_transfers, ledger), methods=["GET"]),
        Route("/accounts/{id}", partial(get_account, ledger), methods=["GET"]),
    ]
    return Starlette(routes=routes, exception_handlers={timebank.TimebankError: refused})


async def post_transfer(ledger: Ledger, request: Request) -> JSONResponse:
    """Record an exchange. The key in the header is its id, so that it may be sent twice."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        msg = "a transfer needs the header Idempotency-Key, new for each exchange"
        raise timebank.InvalidRequest(msg)
    earner, spender, hours, note = await fields_of(request, "earner", "spender", "hours", "note")
    transfer = await ledger.write(
        lambda bank: bank.transfer(earner=earner, spender=spender, hours=hours, note=note, id=key)
    )
    return JSONResponse(shape(transfer), status_code=201)


async def get_transfers(ledger: Ledger, request: Request) -> JSONResponse:
    """A page of transfers, oldest first; `next` is the `after` of the page that follows."""
    after = whole(request, "after", 0)
    count = min(whole(request, "limit", MOST_OF_A_PAGE), MOST_OF_A_PAGE)
    # The list is lazy: each step may read. So all of the steps are taken in the thread.
    page = await ledger.read(
        lambda bank: list(itertools.islice(bank.transfers(after=after), count))
    )
    following = page[-1].sequence if len(page) == count and page else None
    return JSONResponse({"transfers": [shape(found) for found in page], "next": following})


async def get_account(ledger: Ledger, request: Request) -> JSONResponse:
    """What an account has, and what it may still spend."""
    balance = await ledger.read(lambda bank: bank.balance(request.path_params["id"]))
    spendable = None if balance.spendable is None else str(balance.spendable)
    return JSONResponse({"posted": str(balance.posted), "spendable": spendable})


async def refused(request: Request, error: Exception) -> JSONResponse:
    """An error of the library as an answer. What went wrong inside is for the log alone."""
    status = next((status for kind, status in STATUS if isinstance(error, kind)), 500)
    message = str(error) if status < 500 else "the ledger cannot answer now"
    code = getattr(error, "code", type(error).__name__)
    headers = {"Retry-After": "1"} if status == 503 else None
    return JSONResponse({"code": code, "message": message}, status_code=status, headers=headers)


async def fields_of(request: Request, *names: str) -> list[Any]:
    """The fields of the object in the body, `None` where one is missing.

    :raises InvalidRequest: there is no object, or it has other fields.
    """
    try:
        body = await request.json()
    except (ValueError, RecursionError) as error:
        msg = "the body is not JSON"
        raise timebank.InvalidRequest(msg) from error
    if not isinstance(body, dict) or not body.keys() <= set(names):
        msg = f"the body is a JSON object with the fields {', '.join(names)}"
        raise timebank.InvalidRequest(msg)
    return [body.get(name) for name in names]


def whole(request: Request, name: str, default: int) -> int:
    """A whole number of the query.

    :raises InvalidRequest: it is none.
    """
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        msg = f"{name} is a whole number, not {text!r}"
        raise timebank.InvalidRequest(msg)
    return int(text)


def shape(transfer: Transfer) -> dict[str, Any]:
    """A transfer as JSON has it."""
    return {"id": transfer.id, "sequence": transfer.sequence, "hours": str(transfer.hours)}


async def demonstrate(ledger: Ledger) -> None:
    """Five exchanges at once, one of them sent twice, and one that a rule refuses."""
    transport = httpx.ASGITransport(make_app(ledger))
    async with httpx.AsyncClient(transport=transport, base_url="http://bank") as client:

        async def post(key: str, hours: str) -> httpx.Response:
            asked = {"earner": "m1", "spender": "f1", "hours": hours}
            return await client.post("/transfers", json=asked, headers={"Idempotency-Key": key})

        keys = ["v-1", "v-2", "v-3", "v-4", "v-5", "v-1"]
        answers = await asyncio.gather(*(post(key, "1:30") for key in keys))
        print([answer.status_code for answer in answers])
        print((await client.get("/accounts/m1")).json())
        refusal = await post("v-6", "20")
        print(refusal.status_code, json.dumps(refusal.json()))


def main() -> None:
    """Run it on a bank that is thrown away."""
    with (
        tempfile.TemporaryDirectory() as folder,
        timebank.open(f"sqlite:///{folder}/bank.db") as bank,
    ):
        bank.open_account("m1", name="Maria R.")
        bank.open_account("f1", kind="group", name="Famiglia Rossi")
        asyncio.run(demonstrate(Ledger(bank)))


if __name__ == "__main__":
    main()
