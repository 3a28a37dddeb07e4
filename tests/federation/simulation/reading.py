"""What a bank's store has, read past the bank."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Protocol

from timebank.storage.protocol import Store

PAGE = 500


class Place(Protocol):
    """Where a bank is."""

    @property
    def name(self) -> str:
        """Return what the store calls it."""

    @property
    def journal(self) -> str:
        """Return the id of its journal."""

    @property
    def store(self) -> Store:
        """Return the store that it is in."""


@lru_cache(maxsize=10_000)
def _said(body: bytes) -> dict[str, Any]:
    """Return what a record says, which is asked for again and again; nobody may change it."""
    said: dict[str, Any] = json.loads(body)
    return said


def records(place: Place) -> Iterator[dict[str, Any]]:
    """Yield what the records of a journal say."""
    after = 0
    with place.store.reader(place.name) as reader:
        while page := reader.records(after=after, limit=PAGE):
            for row in page:
                yield _said(row.body)
            after = page[-1].sequence


def balance(place: Place, account: str) -> int:
    """Return an account's balance as it is stored."""
    with place.store.reader(place.name) as reader:
        last = reader.last_posting(account)
    return 0 if last is None else last.balance


def accounts(place: Place) -> list[str]:
    """Return the ids of all accounts."""
    found: list[str] = []
    with place.store.reader(place.name) as reader:
        while page := reader.accounts(after=found[-1] if found else None, limit=PAGE):
            found += [row.account for row in page]
    return found
