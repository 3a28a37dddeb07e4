"""A storage that goes away in an audit is an error of the call, and no finding."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import timebank
from timebank.audit import audit, audit_banks, quick_audit
from timebank.errors import Retryable, StoreBusy, Unavailable
from timebank.storage.protocol import Reader

AUDITS: dict[str, Callable[[Reader], object]] = {"whole": audit, "quick": quick_audit}


class Leaving:
    """A reader that goes away at one of its calls, and does not come back."""

    def __init__(self, reader: Reader, at: int, error: Retryable) -> None:
        self._reader, self._left, self._error = reader, at, error

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._reader, name)
        if not callable(value):
            return value

        def call(*args: Any, **given: Any) -> Any:
            self._left -= 1
            if self._left < 0:
                raise self._error
            return value(*args, **given)

        return call

    def has_left(self) -> bool:
        """Whether it is away."""
        return self._left < 0


@pytest.fixture(scope="module", params=["memory:", "sqlite://"])
def bank(request: pytest.FixtureRequest) -> Iterator[timebank.TimeBank]:
    """A bank with a little of everything."""
    with timebank.open(request.param) as made:
        for id in ("m1", "m2", "m3"):
            made.open_account(id, name=f"Name of {id}", floor=None)
        for n in range(6):
            made.transfer(earner="m1", spender="m2", hours="0:30", id=f"t{n}", note="a note")
        made.hold(earner="m2", spender="m3", hours=1, id="h1")
        made.reverse("t1", reason="twice", id="r1")
        yield made


@pytest.mark.parametrize("kind", AUDITS)
@pytest.mark.parametrize("error", [Unavailable("gone"), StoreBusy("busy")])
def test_who_goes_away_accuses_nobody(bank: timebank.TimeBank, kind: str, error: Retryable) -> None:
    """At whatever call the storage goes away, the audit ends with that error."""
    at = 0
    while True:
        with bank.store.reader(bank.name) as reader:
            leaving: Any = Leaving(reader, at, error)
            try:
                report: Any = AUDITS[kind](leaving)
            except type(error):
                assert leaving.has_left()
            else:
                assert report.ok
                assert not leaving.has_left()
                break
        at += 1
    assert at > 5


def test_who_goes_away_while_a_finding_is_explained_accuses_nobody() -> None:
    """What is looked up to explain a finding goes by the same reader."""
    with timebank.open("sqlite://") as bank:
        bank.open_account("m1")
        with bank.store.reader(bank.name) as reader:
            head = timebank.Head("another", 1, bytes(32))
            calls = 0
            while True:
                leaving: Any = Leaving(reader, calls, Unavailable("gone"))
                try:
                    report = audit(leaving, expect=[head])
                except Unavailable:
                    calls += 1
                else:
                    break
            assert not report.ok


def test_all_banks_of_a_storage_that_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """`audit --all` ends too."""
    with timebank.open("sqlite://") as bank:
        bank.open_account("m1")
        store, real = bank.store, bank.store.reader

        @contextmanager
        def reader(name: str) -> Iterator[Any]:
            with real(name) as found:
                yield Leaving(found, 3 if name else 100, Unavailable("gone"))

        monkeypatch.setattr(store, "reader", reader)
        with pytest.raises(Unavailable):
            list(audit_banks(store))
