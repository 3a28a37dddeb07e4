"""A small web application on asyncio: members sign in, and the ledger works in threads.

Every route but the sign-in needs a session, and acts on the bank as who has signed in. So what
somebody may do is asked for in one place, by the bank itself: see `Roles`.

Besides timebank it needs `pip install starlette httpx`; run, it shows some requests and
their answers.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import json
import secrets
import sqlite3
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar

import httpx
from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

import timebank
from timebank import Roles, TimeBank, reports

Result = TypeVar("Result")
Handler = Callable[["App", Request], Awaitable[Response]]

MOST_OF_A_PAGE = 100

#: The first that fits. What is not here is ours to mend: 500.
STATUS: tuple[tuple[type[timebank.TimebankError], int], ...] = (
    (timebank.InvalidRequest, 400),
    (timebank.NotPermitted, 403),
    (timebank.NotFound, 404),
    (timebank.Rejected, 409),
    (timebank.IdempotencyMismatch, 422),
    (timebank.Retryable, 503),
    (timebank.OutcomeUnknown, 503),
    (timebank.HistoryLost, 503),
)


# -- who is who -------------------------------------------------------------------------

#: What one guess of a password costs: 16 MB for a part of a second.
SCRYPT = {"n": 2**14, "r": 8, "p": 5}
SESSION_SECONDS = 12 * 3600
#: A browser sends such a cookie only to this host, and only by HTTPS.
COOKIE = "__Host-session"

TABLES = """
CREATE TABLE person (name TEXT PRIMARY KEY, salt BLOB NOT NULL, hash BLOB NOT NULL);
CREATE TABLE session (token BLOB PRIMARY KEY, name TEXT NOT NULL, expires INTEGER NOT NULL);
"""


class People:
    """Who may sign in, and who has: two tables of the application's own. Threads may share it."""

    def __init__(self, path: str, *, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock
        Path(path).touch(mode=0o600)  # a hash of a password is nobody else's to guess at
        # Who is not known costs as much as who is: their password is compared with this one.
        self._nobody = hashed(secrets.token_urlsafe(), salt=bytes(16))
        with closing(self._connect()) as db:
            db.executescript(TABLES)

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, isolation_level=None)

    def add(self, name: str, password: str) -> None:
        """Let somebody sign in. The password is nowhere: its hash is, with a salt of its own."""
        salt = secrets.token_bytes(16)
        with closing(self._connect()) as db:
            db.execute("INSERT INTO person VALUES (?, ?, ?)", [name, salt, hashed(password, salt)])

    def sign_in(self, name: str, password: str) -> str | None:
        """Return the token of a new session, or `None`: for a wrong name as for a wrong password.

        The token is nowhere either, so that who reads the table cannot act for anybody.
        """
        with closing(self._connect()) as db:
            row = db.execute("SELECT salt, hash FROM person WHERE name = ?", [name]).fetchone()
            salt, expected = row or (bytes(16), self._nobody)
            if not hmac.compare_digest(hashed(password, salt), expected) or row is None:
                return None
            token, now = secrets.token_urlsafe(32), int(self._clock())
            db.execute("DELETE FROM session WHERE expires <= ?", [now])
            session = [digest(token), name, now + SESSION_SECONDS]
            db.execute("INSERT INTO session VALUES (?, ?, ?)", session)
        return token

    def signed_in(self, token: str) -> str | None:
        """Return who has a session, `None` where it is none or is over."""
        find = "SELECT name FROM session WHERE token = ? AND expires > ?"
        with closing(self._connect()) as db:
            row = db.execute(find, [digest(token), int(self._clock())]).fetchone()
        return None if row is None else str(row[0])

    def sign_out(self, token: str) -> None:
        """End a session."""
        with closing(self._connect()) as db:
            db.execute("DELETE FROM session WHERE token = ?", [digest(token)])


def hashed(password: str, salt: bytes) -> bytes:
    """The hash of a password, which takes long on purpose."""
    return hashlib.scrypt(password.encode(), salt=salt, maxmem=2**26, **SCRYPT)


def digest(token: str) -> bytes:
    """The digest of a token: it is random and long, so that a quick one will do."""
    return hashlib.sha256(token.encode()).digest()


class SignedIn:
    """Lets nobody through who has not signed in, whatever they ask for, but to the sign-in.

    It stands before the routes, so that one that is added later is behind it too.
    """

    def __init__(self, app: ASGIApp, *, people: People) -> None:
        self._app = app
        self._people = people

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on with who has signed in."""
        if scope["type"] != "lifespan":
            request = Request(scope)
            refusal = foreign(request)
            if refusal is None and scope["path"] != "/sign-in":
                token = request.cookies.get(COOKIE, "")
                actor = await to_thread.run_sync(self._people.signed_in, token)
                if actor is None:
                    refusal = answer(401, "not_signed_in", "sign in first")
                scope.setdefault("state", {}).update(actor=actor, token=token)
            if refusal is not None:
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)


def foreign(request: Request) -> Response | None:
    """Refuse what another site could make a browser send: see "Requests of other sites"."""
    if request.method in {"GET", "HEAD"}:
        return None
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"{request.url.scheme}://{request.url.netloc}":
        return answer(403, "foreign_origin", "this was sent by another site")
    if request.headers.get("Content-Type", "").partition(";")[0] != "application/json":
        return answer(415, "no_json", "send application/json")
    return None


# -- the application --------------------------------------------------------------------


class App:
    """One bank for the whole application, who may use it, and the threads that may be busy."""

    def __init__(
        self, bank: TimeBank, people: People, *, readers: int = 8, writers: int = 4
    ) -> None:
        self.bank = bank
        self.people = people
        self._readers = CapacityLimiter(readers)
        self._writers = CapacityLimiter(writers)
        #: Passwords are hashed by two threads at most: each needs memory and time.
        self.hashers = CapacityLimiter(2)

    async def read(self, request: Request, call: Callable[[TimeBank], Result]) -> Result:
        """Ask the bank, in a thread, as who has signed in."""
        return await self._call(request, call, self._readers)

    async def write(self, request: Request, call: Callable[[TimeBank], Result]) -> Result:
        """Change the bank, in a thread; writers wait for each other, so few are enough."""
        return await self._call(request, call, self._writers)

    async def _call(
        self, request: Request, call: Callable[[TimeBank], Result], limiter: CapacityLimiter
    ) -> Result:
        bank = self.bank.acting_as(request.state.actor)
        return await to_thread.run_sync(call, bank, limiter=limiter)


def make_app(app: App) -> Starlette:
    """The application on a bank that the caller opens, with permissions, and closes."""
    handlers: list[tuple[str, str, Handler]] = [
        ("POST", "/sign-in", sign_in),
        ("POST", "/sign-out", sign_out),
        ("POST", "/transfers", post_transfer),
        ("GET", "/transfers", get_transfers),
        ("POST", "/holds", post_hold),
        ("POST", "/holds/{id}/settle", settle_hold),
        ("GET", "/accounts/{id}", get_account),
        ("GET", "/accounts/{id}/statement", get_statement),
    ]
    return Starlette(
        routes=[Route(path, partial(run, app), methods=[method]) for method, path, run in handlers],
        middleware=[Middleware(SignedIn, people=app.people)],
        exception_handlers={timebank.TimebankError: refused, HTTPException: framework_refusal},
    )


async def sign_in(app: App, request: Request) -> Response:
    """Give a session to who knows a password. No answer tells whether there is such a person."""
    name, password = map(text, await fields_of(request, "name", "password"))
    token = await to_thread.run_sync(app.people.sign_in, name, password, limiter=app.hashers)
    if token is None:
        return answer(401, "not_signed_in", "the name or the password is another")
    response = JSONResponse({"actor": name})
    response.set_cookie(
        COOKIE, token, max_age=SESSION_SECONDS, secure=True, httponly=True, samesite="strict"
    )
    return response


async def sign_out(app: App, request: Request) -> Response:
    """End the session."""
    await to_thread.run_sync(app.people.sign_out, request.state.token)
    response = JSONResponse({"actor": None})
    response.delete_cookie(COOKIE, secure=True, httponly=True, samesite="strict")
    return response


async def post_transfer(app: App, request: Request) -> Response:
    """Record an exchange. The key in the header is its id, so that it may be sent twice."""
    key = key_of(request)
    earner, spender, hours, note = await fields_of(request, "earner", "spender", "hours", "note")
    transfer = await app.write(
        request,
        lambda bank: bank.transfer(earner=earner, spender=spender, hours=hours, note=note, id=key),
    )
    return JSONResponse(reports.json.of(transfer), status_code=200 if transfer.repeated else 201)


async def get_transfers(app: App, request: Request) -> Response:
    """A page of transfers, oldest first; `next` is the `after` of the page that follows."""
    account = request.query_params.get("account")
    after = whole(request, "after", 0)
    count = min(whole(request, "limit", MOST_OF_A_PAGE), MOST_OF_A_PAGE)
    # The list is lazy: each step may read. So all of the steps are taken in the thread.
    page = await app.read(
        request,
        lambda bank: list(itertools.islice(bank.transfers(account=account, after=after), count)),
    )
    following = page[-1].sequence if len(page) == count and page else None
    return JSONResponse({"transfers": list(map(reports.json.of, page)), "next": following})


async def post_hold(app: App, request: Request) -> Response:
    """Propose an exchange: the hours are reserved until it is settled, or for a month."""
    key = key_of(request)
    earner, spender, hours, note = await fields_of(request, "earner", "spender", "hours", "note")
    month = timedelta(days=30)
    hold = await app.write(
        request,
        lambda bank: bank.hold(
            earner=earner, spender=spender, hours=hours, note=note, id=key, expires_in=month
        ),
    )
    return JSONResponse(reports.json.of(hold), status_code=200 if hold.repeated else 201)


async def settle_hold(app: App, request: Request) -> Response:
    """Confirm an exchange that was proposed."""
    key = key_of(request)
    [hours] = await fields_of(request, "hours")
    hold = request.path_params["id"]
    transfer = await app.write(request, lambda bank: bank.settle(hold, hours=hours, id=key))
    return JSONResponse(reports.json.of(transfer), status_code=200 if transfer.repeated else 201)


async def get_account(app: App, request: Request) -> Response:
    """What an account has, and what it may still spend."""
    account = request.path_params["id"]
    balance = await app.read(request, lambda bank: bank.balance(account))
    return JSONResponse(reports.json.of(balance))


async def get_statement(app: App, request: Request) -> Response:
    """What an account earned and spent."""
    account = request.path_params["id"]
    statement = await app.read(request, lambda bank: bank.statement(account))
    return JSONResponse(reports.json.of(statement))


# -- requests and answers ---------------------------------------------------------------


async def refused(request: Request, error: Exception) -> Response:
    """An error of the library as an answer. What went wrong inside is for the log alone."""
    assert isinstance(error, timebank.TimebankError)
    status = next((status for kind, status in STATUS if isinstance(error, kind)), 500)
    headers = {"Retry-After": "1"} if status == 503 else None
    return JSONResponse(reports.json.error(error), status_code=status, headers=headers)


async def framework_refusal(request: Request, error: Exception) -> Response:
    """What the framework refuses, in the same shape: a path or a method that there is not."""
    assert isinstance(error, HTTPException)
    code = HTTPStatus(error.status_code).name.lower()
    refusal = answer(error.status_code, code, error.detail)
    refusal.headers.update(error.headers or {})
    return refusal


def answer(status: int, code: str, message: str) -> Response:
    """A refusal of the application itself, in the same shape."""
    shape = {"code": code, "message": message, "facts": {}}
    return JSONResponse(shape, status_code=status)


def key_of(request: Request) -> str:
    """The id of what is to be recorded: a client makes one for each exchange, and keeps it.

    :raises InvalidRequest: there is none, or it is no UUID.
    """
    try:
        return str(uuid.UUID(request.headers["Idempotency-Key"]))
    except (KeyError, ValueError):
        msg = "the header Idempotency-Key is a UUID, new for each exchange"
        raise timebank.InvalidRequest(msg) from None


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


def text(value: object) -> str:
    """Some text of the body, of a length that can be.

    :raises InvalidRequest: it is none, or none that can be written.
    """
    if isinstance(value, str) and len(value) <= 1_000 and not any(map(is_half, value)):
        return value
    msg = "a name and a password are text"
    raise timebank.InvalidRequest(msg)


def is_half(character: str) -> bool:
    """Whether it is half a character, which JSON can say and nothing can store."""
    return "\ud800" <= character <= "\udfff"


def whole(request: Request, name: str, default: int) -> int:
    """A whole number of the query.

    :raises InvalidRequest: it is none.
    """
    found = request.query_params.get(name, str(default))
    if not (found.isascii() and found.isdecimal() and len(found) < 16):
        msg = f"{name} is a whole number, not {found!r}"
        raise timebank.InvalidRequest(msg)
    return int(found)


# -- a demonstration --------------------------------------------------------------------


async def demonstrate(app: App) -> None:
    """A stranger, a sign-in, five exchanges at once, one sent twice, and what is refused."""
    transport = httpx.ASGITransport(make_app(app))
    async with httpx.AsyncClient(transport=transport, base_url="https://bank") as client:

        async def post(key: str, hours: str, earner: str = "m1") -> httpx.Response:
            asked = {"earner": earner, "spender": "f1", "hours": hours}
            return await client.post("/transfers", json=asked, headers={"Idempotency-Key": key})

        keys = [str(uuid.uuid4()) for _ in range(6)]
        print((await post(keys[0], "1:30")).status_code)
        await client.post("/sign-in", json={"name": "f1", "password": "a long sentence"})
        answers = await asyncio.gather(*(post(key, "1:30") for key in [*keys[:5], keys[0]]))
        print(sorted(answer.status_code for answer in answers))
        print((await client.get("/accounts/f1")).json()["spendable"])
        print((await client.get("/accounts/m1")).status_code)
        refusal = await post(keys[5], "20")
        print(refusal.status_code, json.dumps(refusal.json()))


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
        asyncio.run(demonstrate(App(bank, people)))


if __name__ == "__main__":
    main()
