"""The example of two services by HTTP: whatever the line loses, hours cross once."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("httpx", reason="the example needs the extra timebank[dev]")
pytest.importorskip("starlette", reason="the example needs the extra timebank[dev]")

import httpx

from federation.forging import put, signed_anew
from federation.sides import Side, two_sides
from timebank import federation
from timebank.federation import Message
from timebank.federation.messages import MOST_BYTES
from web import EXAMPLES, example

HTTP = example("federation_http")
URL = "http://bank.example/peers"


def test_it_runs() -> None:
    """Run as a program, it lets hours cross in both directions."""
    path = EXAMPLES / "federation_http.py"
    done = subprocess.run([sys.executable, path], check=True, capture_output=True, text=True)
    assert "The two mirror each other: True" in done.stdout
    assert "Bruno has 1:15" in done.stdout


async def _no_sleep(_: float) -> None:
    pass


def app_of(side: Side, folder: Path) -> Any:
    """The application of a bank."""
    return HTTP.service(side.bank, side.key, folder)


def post(app: Any, data: bytes) -> httpx.Response:
    """What an application answers to some bytes."""

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
            return await client.post(URL, content=data)

    return asyncio.run(ask())


def deliver(side: Side, other: Side, transport: httpx.AsyncBaseTransport) -> list[Any]:
    """Let a bank deliver what waits, over a transport."""

    async def send() -> list[Any]:
        async with httpx.AsyncClient(transport=transport) as client:
            found: list[Any] = await HTTP.deliver(
                side.bank, other.journal, side.key, client=client, url=URL, sleep=_no_sleep
            )
            return found

    return asyncio.run(send())


def test_every_loss_is_made_good(tmp_path: Path) -> None:
    """Requests and answers that are lost are sent again, and nothing is booked twice."""
    one, other = two_sides()
    for number in range(7):
        one.offers(other, id=f"x{number}")
    line = HTTP.LosingTransport(app_of(other, tmp_path))
    assert 7 == len(deliver(one, other, line))
    assert line.sent > 7
    assert ("7:00", "-7:00") == (one.owed(other), other.owed(one))
    assert [] == deliver(one, other, line)


def test_what_is_refused_is_told_and_the_rest_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A refusal has a status, a code and a sentence; the next message is sent all the same."""
    one, other = two_sides()
    sent = one.offers(other, id="x1")
    app = app_of(other, tmp_path)
    twice = signed_anew(Message.of(sent), one.key, put(("message", "body", "seconds"), 60))
    assert 200 == post(app, twice.encode()).status_code
    one.offers(other, id="x2")
    with caplog.at_level(logging.WARNING):
        assert ["x2"] == [each.id for each in deliver(one, other, httpx.ASGITransport(app))]
    assert "refused a message" in caplog.text
    (file,) = tmp_path.iterdir()
    federation.OfferEvidence.of(file.read_text("utf-8")).checked([one.key.public])


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"", 400, "message_unlike"),
        (b"x" * (MOST_BYTES + 1), 413, "message_too_long"),
        (b'{"envelope":{"format":"timebank-peers/2"},"signature":""}', 400, "message_version"),
    ],
)
def test_what_is_no_message_has_a_status(
    data: bytes, status: int, code: str, tmp_path: Path
) -> None:
    """Anything else is refused before the bank is asked."""
    _, other = two_sides()
    answered = post(app_of(other, tmp_path), data)
    assert (status, code) == (answered.status_code, answered.json()["code"])


def test_a_server_that_is_away_is_asked_again_and_then_told(tmp_path: Path) -> None:
    """After some waits the error is the client's to see; the offer waits for the next time."""
    one, other = two_sides()
    one.offers(other)

    class Away(httpx.AsyncBaseTransport):
        asked = 0

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            Away.asked += 1
            return httpx.Response(503, request=request)

    with pytest.raises(httpx.HTTPError):
        deliver(one, other, Away())
    assert len(HTTP.WAITS_SECONDS) + 1 == Away.asked
    assert 1 == len(deliver(one, other, httpx.ASGITransport(app_of(other, tmp_path))))


def test_an_answer_needs_no_answer(tmp_path: Path) -> None:
    """What is concluded is answered with nothing; what is for a board is refused."""
    one, other = two_sides()
    answered = other.answers(one.offers(other))
    app = app_of(one, tmp_path)
    assert (204, b"") == ((found := post(app, answered)).status_code, found.content)
    asked = federation.request(other.bank, one.journal, key=other.key, hours=1, earner="m1")
    assert "message_for_board" == post(app, asked).json()["code"]
