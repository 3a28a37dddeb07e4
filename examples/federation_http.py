"""Two time banks that exchange by HTTP: a service receives messages, a client delivers them.

A message is signed, so whoever carries it can neither read more than it says nor change it: the
route needs no password, only a limit of its size. What was answered before is answered alike, so a
client sends again whatever it has no answer to. Run `deliver` from a timer, and after each offer.

Besides timebank[proof] it needs `pip install starlette httpx`; run, it shows two banks on a line
that loses every third request and every fourth answer.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from hashlib import sha256
from pathlib import Path

import httpx
from anyio import to_thread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import timebank
from timebank import TimeBank, federation
from timebank.federation.messages import MOST_BYTES
from timebank.proof import Forked, NotProved, SigningKey, origin_of

MEDIA_TYPE = "application/vnd.timebank.peers+json"
#: The first that fits. What is not here is ours to mend: 500.
STATUS: tuple[tuple[type[timebank.TimebankError], int], ...] = (
    (timebank.HistoryLost, 503),  # until the board has declared the loss
    (timebank.Retryable, 503),
    (timebank.OutcomeUnknown, 503),
    (Forked, 409),
    (federation.OtherOffer, 409),
    (federation.OfferForgotten, 409),
    (NotProved, 400),
    (timebank.Rejected, 403),
    (timebank.InvalidRequest, 400),
)
LOG = logging.getLogger(__name__)
WAITS_SECONDS = (0.1, 0.5, 2.0, 10.0)


# -- who receives ------------------------------------------------------------------------------


def service(bank: TimeBank, key: SigningKey, evidence: Path) -> Starlette:
    """Return an application with one route, to which other banks send their messages."""

    async def peers(request: Request) -> Response:
        data = await body_of(request)
        if data is None:
            return JSONResponse({"code": "message_too_long"}, 413)
        try:
            answered = await to_thread.run_sync(lambda: federation.receive(bank, data, key=key))
        except timebank.TimebankError as error:
            status = next((code for kind, code in STATUS if isinstance(error, kind)), 500)
            if status == 500:
                raise
            keep(evidence, getattr(error, "evidence", None))
            code = error.key or type(error).__name__
            return JSONResponse({"code": code, "message": timebank.explain(error)}, status)
        if answered is None:
            return Response(status_code=204)
        return Response(answered, media_type=MEDIA_TYPE)

    return Starlette(routes=[Route("/peers", peers, methods=["POST"])])


async def body_of(request: Request) -> bytes | None:
    """Return what was sent; `None` where it is longer than any message."""
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > MOST_BYTES:
            return None
    return bytes(data)


def keep(folder: Path, evidence: str | None) -> None:
    """Keep what proves that another bank signed two things that exclude each other."""
    if evidence is not None:
        folder.mkdir(parents=True, exist_ok=True)
        name = sha256(evidence.encode()).hexdigest()[:16]
        (folder / f"{name}.evidence").write_text(evidence, "utf-8")


# -- who sends -----------------------------------------------------------------------------------


async def post(
    client: httpx.AsyncClient,
    url: str,
    data: bytes,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> bytes | None:
    """Send a message until there is an answer; return it, `None` where there is none to give.

    What is lost on the way, either way, is sent again; a refusal is not.

    :raises httpx.HTTPStatusError: the other bank has refused it.
    :raises httpx.HTTPError: it cannot be reached now.
    """
    for wait in (*WAITS_SECONDS, None):
        try:
            response = await client.post(url, content=data, headers={"Content-Type": MEDIA_TYPE})
            if response.status_code < 500:
                response.raise_for_status()
                return response.content or None
            failure: httpx.HTTPError = httpx.HTTPStatusError(
                f"{response.status_code}", request=response.request, response=response
            )
        except httpx.TransportError as error:
            failure = error
        if wait is None:
            raise failure
        await sleep(wait)
    raise AssertionError


async def deliver(
    bank: TimeBank,
    peer: str,
    key: SigningKey,
    *,
    client: httpx.AsyncClient,
    url: str,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> list[federation.Crossing]:
    """Send another bank what may not have reached it; return what its answers concluded.

    What it refuses is logged, and sent again the next time: boards look into it.

    :raises httpx.HTTPError: it cannot be reached now.
    """
    concluded = []
    for data in await to_thread.run_sync(lambda: federation.outbox(bank, peer, key=key)):
        try:
            answered = await post(client, url, data, sleep)
        except httpx.HTTPStatusError as refusal:
            if refusal.response.status_code >= 500:
                raise
            LOG.warning("%s refused a message: %s", url, refusal.response.text)
            continue
        if answered is not None:
            conclude = partial(federation.conclude, bank, answered, keys=[key])
            concluded.append(await to_thread.run_sync(conclude))
    return concluded


# -- shown --------------------------------------------------------------------------------------


class LosingTransport(httpx.AsyncBaseTransport):
    """A line to an application that loses every third request, and every fourth answer."""

    def __init__(self, app: Starlette) -> None:
        self.inner, self.sent = httpx.ASGITransport(app), 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Carry a request, or lose it, or what is answered."""
        self.sent += 1
        if self.sent % 3 == 0:
            msg = "the request was lost"
            raise httpx.ConnectError(msg)
        response = await self.inner.handle_async_request(request)
        if self.sent % 4 == 0:
            msg = "the answer was lost"
            raise httpx.ReadError(msg)
        return response


@asynccontextmanager
async def two_banks(folder: str) -> AsyncIterator[tuple[TimeBank, TimeBank, list[SigningKey]]]:
    """Two banks with a member each, which have agreed with each other."""
    with (
        timebank.open(f"sqlite:///{folder}/isola.db") as isola,
        timebank.open(f"sqlite:///{folder}/bovisa.db") as bovisa,
    ):
        isola.open_account("anna", name="Anna B.")
        bovisa.open_account("bruno", name="Bruno C.")
        keys = [SigningKey.make(origin_of(bank.head().journal)) for bank in (isola, bovisa)]
        for bank, other, name, key in (
            (isola, bovisa, "Bovisa", keys[1]),
            (bovisa, isola, "Isola", keys[0]),
        ):
            federation.agree(
                bank,
                other.head().journal,
                name=name,
                key=key.public,
                they_may_owe=20,
                we_may_owe=20,
            )
        yield isola, bovisa, keys


async def main() -> None:
    """Let hours cross in both directions, on a line that loses much."""
    with tempfile.TemporaryDirectory() as folder:
        async with two_banks(folder) as (isola, bovisa, (ours, theirs)):
            here, there = isola.head().journal, bovisa.head().journal
            evidence = Path(folder, "evidence")
            lines = [
                LosingTransport(service(bank, key, evidence))
                for bank, key in ((isola, ours), (bovisa, theirs))
            ]
            for hours in (1, "1:30", "0:45"):
                federation.make_offer(isola, there, spender="anna", earner="bruno", hours=hours)
            federation.make_offer(bovisa, here, spender="bruno", earner="anna", hours=2)
            url = "http://bank.example/peers"
            async with (
                httpx.AsyncClient(transport=lines[1]) as to_bovisa,
                httpx.AsyncClient(transport=lines[0]) as to_isola,
            ):
                for crossing in await deliver(isola, there, ours, client=to_bovisa, url=url):
                    print(f"Isola to Bovisa: {crossing.offer.hours} {crossing.status}")
                for crossing in await deliver(bovisa, here, theirs, client=to_isola, url=url):
                    print(f"Bovisa to Isola: {crossing.offer.hours} {crossing.status}")
            print(f"requests that were sent: {lines[0].sent + lines[1].sent}")
            print(f"Anna has {isola.balance('anna').posted}")
            print(f"Bruno has {bovisa.balance('bruno').posted}")
            found = federation.reconcile(isola, federation.position(bovisa, here, key=theirs))
            print(f"The two mirror each other: {not found.items and found.ok}")


if __name__ == "__main__":
    asyncio.run(main())
