"""The same service with FastAPI: what a bank returns is what a route answers with.

Members sign in as in `async_app.py`, whose `People` and `SignedIn` are used here. A route is a
plain `def`, which FastAPI runs in a thread, and acts as who has signed in.

Besides timebank it needs `pip install fastapi httpx`; run, it shows some requests and their
answers.
"""

import asyncio
import itertools
import tempfile
import uuid
from datetime import date, timedelta
from typing import Annotated, Any

import httpx
from anyio import CapacityLimiter, to_thread
from async_app import (  # type: ignore[import-not-found]  # it lies beside this file
    COOKIE,
    SESSION_SECONDS,
    STATUS,
    People,
    SignedIn,
    answer,
    framework_refusal,
)
from fastapi import Depends, FastAPI, Header, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

import timebank
from timebank import Roles, TimeBank, reports
from timebank.reports import json_types


class Asked(BaseModel):
    """What a request may have, and nothing else."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Credentials(Asked):
    """Who signs in."""

    name: Annotated[str, Field(max_length=128)]
    password: Annotated[str, Field(max_length=1_000)]


class Exchange(Asked):
    """Hours are text, so that nothing is rounded on the way: "1:30". A day is "2026-03-02"."""

    earner: str
    spender: str
    hours: str
    occurred_on: Annotated[date | None, Field(strict=False)] = None
    category: str | None = None
    note: str | None = None


#: The id of what is recorded: the client makes one for each exchange, and keeps it.
Key = Annotated[uuid.UUID, Header(alias="Idempotency-Key")]
#: What a refusal looks like, for the description of the service.
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": json_types.Error}
    for status in sorted({401, 405, 415, *(code for _, code in STATUS)})
}


def answers(result: type) -> dict[int | str, dict[str, Any]]:
    """What a route answers that records something: the same, where it was recorded before."""
    return {200: {"model": result}, 201: {"model": result}}


def make_app(bank: TimeBank, people: People) -> FastAPI:
    """The application on a bank that the caller opens, with permissions, and closes."""
    app = FastAPI(title="A bank of hours", responses=REFUSALS)
    # Before the routes, and so before the pages that describe them too.
    app.add_middleware(SignedIn, people=people)
    app.add_exception_handler(timebank.TimebankError, refused)
    app.add_exception_handler(RequestValidationError, unreadable)
    app.add_exception_handler(HTTPException, framework_refusal)
    sign_ins(app, people)

    def acting(request: Request) -> TimeBank:
        return bank.acting_as(request.state.actor)

    Acting = Annotated[TimeBank, Depends(acting)]  # noqa: N806 - it is a type

    @app.post("/transfers", status_code=201, responses=answers(json_types.Transfer))
    def post_transfer(bank: Acting, key: Key, asked: Exchange, response: Response) -> Any:
        """Record an exchange; the same key again is the same exchange."""
        transfer = bank.transfer(**asked.model_dump(), id=str(key))
        response.status_code = 200 if transfer.repeated else 201
        return reports.json.of(transfer)

    @app.get("/transfers", response_model=list[json_types.Transfer])
    def get_transfers(
        bank: Acting,
        account: str | None = None,
        after: Annotated[int, Query(ge=0, lt=2**53)] = 0,
        limit: Annotated[int, Query(ge=0, le=100)] = 100,
    ) -> Any:
        """A page of transfers, oldest first; the next one is `after` the last of them."""
        page = itertools.islice(bank.transfers(account=account, after=after), limit)
        return list(map(reports.json.of, page))

    @app.post("/holds", status_code=201, responses=answers(json_types.Hold))
    def post_hold(bank: Acting, key: Key, asked: Exchange, response: Response) -> Any:
        """Propose an exchange: its hours are reserved for a month."""
        month = timedelta(days=30)
        hold = bank.hold(**asked.model_dump(), id=str(key), expires_in=month)
        response.status_code = 200 if hold.repeated else 201
        return reports.json.of(hold)

    @app.get("/accounts/{account}", response_model=json_types.Balance)
    def get_account(bank: Acting, account: str) -> Any:
        """What an account has, and what it may still spend."""
        return reports.json.of(bank.balance(account))

    @app.get("/accounts/{account}/statement", response_model=json_types.Statement)
    def get_statement(
        bank: Acting, account: str, since: date | None = None, until: date | None = None
    ) -> Any:
        """What an account earned and spent."""
        return reports.json.of(bank.statement(account, since=since, until=until))

    return app


def sign_ins(app: FastAPI, people: People) -> None:
    """Add the two routes that begin and end a session."""
    hashers = CapacityLimiter(2)  # each guess needs memory and time

    @app.post("/sign-in")
    async def sign_in(asked: Credentials) -> Any:
        """Give a session to who knows a password. No answer tells whether there is such a one."""
        token = await to_thread.run_sync(
            people.sign_in, asked.name, asked.password, limiter=hashers
        )
        if token is None:
            return answer(401, "not_signed_in", "the name or the password is another")
        response = JSONResponse({"actor": asked.name})
        response.set_cookie(
            COOKIE, token, max_age=SESSION_SECONDS, secure=True, httponly=True, samesite="strict"
        )
        return response

    @app.post("/sign-out")
    def sign_out(request: Request) -> Response:
        """End the session."""
        people.sign_out(request.state.token)
        response = JSONResponse({"actor": None})
        response.delete_cookie(COOKIE, secure=True, httponly=True, samesite="strict")
        return response


def unreadable(request: Request, error: Exception) -> Any:
    """What FastAPI itself refuses, in the shape of the others, and without what was sent."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"]))
    return answer(400, "invalid_request", f"{where}: {first['msg']}")


def refused(request: Request, error: Exception) -> Response:
    """An error of the library as an answer. What went wrong inside is for the log alone."""
    status = next((status for kind, status in STATUS if isinstance(error, kind)), 500)
    headers = {"Retry-After": "1"} if status == 503 else None
    return JSONResponse(reports.json.error(error), status_code=status, headers=headers)


async def demonstrate(app: FastAPI) -> None:
    """A stranger, a sign-in, an exchange that is sent twice, and what is refused."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="https://bank") as client:

        async def post(key: str, hours: str) -> httpx.Response:
            asked = {"earner": "m1", "spender": "f1", "hours": hours, "note": "to the clinic"}
            return await client.post("/transfers", json=asked, headers={"Idempotency-Key": key})

        key, other = str(uuid.uuid4()), str(uuid.uuid4())
        print((await post(key, "1:30")).status_code)
        await client.post("/sign-in", json={"name": "f1", "password": "a long sentence"})
        print([(await post(key, "1:30")).status_code for _ in range(2)])
        print((await client.get("/accounts/f1/statement")).json()["closing"])
        print((await post(other, "20")).json()["code"])


def main() -> None:
    """Run it on a bank that is thrown away."""
    roles = Roles({"carla": "coordinator"})
    with (
        tempfile.TemporaryDirectory() as folder,
        timebank.open(f"sqlite:///{folder}/bank.db", permissions=roles) as bank,
    ):
        carla = bank.acting_as("carla")
        carla.open_account("m1", name="Maria R.")
        carla.open_account("f1", kind="group", name="Famiglia Rossi")
        people = People(f"{folder}/people.db")
        people.add("f1", "a long sentence")
        asyncio.run(demonstrate(make_app(bank, people)))


if __name__ == "__main__":
    main()
