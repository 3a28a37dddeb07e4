"""The examples that are web services: their modules, who may sign in, and a client of them."""

from __future__ import annotations

import asyncio
import importlib
import sys
import tempfile
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx

from timebank import TimeBank

EXAMPLES = Path(__file__).parents[1] / "examples"
PASSWORD = "a long sentence"  # noqa: S105 - of people who are none
Work = Callable[[httpx.AsyncClient], Awaitable[None]]


def example(name: str) -> ModuleType:
    """An example as a module, which may import another."""
    if str(EXAMPLES) not in sys.path:
        sys.path.append(str(EXAMPLES))
    return importlib.import_module(name)


def key_of(name: str) -> str:
    """The same UUID for the same name."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


async def sign_in(client: httpx.AsyncClient, name: str, password: str = PASSWORD) -> httpx.Response:
    """Send the credentials of somebody; the client keeps the cookie."""
    return await client.post("/sign-in", json={"name": name, "password": password})


async def post(
    client: httpx.AsyncClient, key: str, asked: Any, path: str = "/transfers"
) -> httpx.Response:
    """Send what is to be recorded."""
    return await client.post(path, json=asked, headers={"Idempotency-Key": key_of(key)})


def application(name: str, bank: TimeBank, people: Any) -> Any:
    """The application of an example."""
    module = example(name)
    if name == "async_app":
        return module.make_app(module.App(bank, people))
    return module.make_app(bank, people)


def drive(
    bank: TimeBank, work: Work, *, name: str = "async_app", actor: str | None = "carla", **more: Any
) -> None:
    """Run an application on a loop, and a client of it, signed in unless nobody acts."""
    module = example("async_app")
    module.SCRYPT.update(n=2, p=1)  # a guess may be cheap here

    async def run(folder: str) -> None:
        people = module.People(f"{folder}/people.db", **more)
        for known in ("carla", "m1", "f1", "x1"):
            people.add(known, PASSWORD)
        transport = httpx.ASGITransport(application(name, bank, people))
        async with httpx.AsyncClient(transport=transport, base_url="https://bank") as client:
            if actor is not None:
                assert 200 == (await sign_in(client, actor)).status_code
            await work(client)

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(folder))
