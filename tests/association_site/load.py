"""Fifty members at once on the site as it is served: `cd tests && python -m association_site.load`.

Each has a session of their own, reads, proposals, confirmations, declines, and sends forms twice:
one after the other, and at the same moment; some confirm and decline at the same moment.
Afterwards what the site has acknowledged is compared with the ledger, exchange by exchange, and
the ledger is audited. Figures are of this machine, with those who ask on it too.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final, NamedTuple

import attrs
import httpx

from association_site.books import Books, Entry, ledger_says
from association_site.projects import asked, deployed, ledger, postgresql, seeded
from association_site.visitors import Page, Visitor

_TOKEN: Final = re.compile('name="csrfmiddlewaretoken" value="([^"]+)"')
_OPERATION: Final = re.compile('name="operation" value="([^"]+)"')
#: What can be confirmed from the first page.
_WAITING: Final = re.compile('"/(proposals|holds)/([0-9a-f-]{36})/confirm/"')


class Event(NamedTuple):
    """What the site has acknowledged to somebody: `what` was done with a proposal or a hold."""

    what: str
    kind: str
    id: str
    entry: Entry | None = None


@attrs.define
class Told:
    """What members were told, and how long it took, in seconds by the kind of request."""

    events: list[Event] = attrs.field(factory=list)
    seconds: dict[str, list[float]] = attrs.field(factory=dict)
    refusals: Counter[str] = attrs.field(factory=Counter)
    errors: list[str] = attrs.field(factory=list)
    elapsed: float = 0.0

    def add(self, other: Told) -> None:
        """Take over what another was told."""
        self.events += other.events
        self.refusals += other.refusals
        self.errors += other.errors
        for kind, times in other.seconds.items():
            self.seconds.setdefault(kind, []).extend(times)

    def books(self) -> Books:
        """The books that follow from it."""
        books, at_last = Books(), self.states()
        proposed = {one.id: one.entry for one in self.events if one.entry is not None}
        for id, state in at_last.items():
            if state == "confirmed":
                books.book(proposed[id])
        held = {one.id for one in self.events if (one.what, one.kind) == ("proposed", "holds")}
        for id in held:
            books.reserve(proposed[id])
        for what, kind, id, _ in self.events:
            if kind == "holds" and what == "confirm":
                books.settle(id, f"{id}-settled")
            elif kind == "holds" and what == "decline":
                books.release(id)
        return books

    def states(self) -> dict[str, str]:
        """What became of each proposal that reserved nothing."""
        became = {"proposed": "open", "confirm": "confirmed", "decline": "declined"}
        order = sorted(self.events, key=lambda one: one.what != "proposed")
        return {one.id: became[one.what] for one in order if one.kind == "proposals"}

    def lines(self) -> Iterator[str]:
        """A line for each kind of request, for all, and for what was booked."""
        for kind, times in sorted(self.seconds.items()):
            last = quantiles(times, n=100)[98] if len(times) > 1 else times[0]
            yield (
                f"{kind:20} {len(times):6}  {len(times) / self.elapsed:6.1f}/s"
                f"  median {median(times) * 1000:5.0f} ms  99 % {last * 1000:5.0f} ms"
            )
        count = sum(map(len, self.seconds.values()))
        yield f"{'all':20} {count:6}  {count / self.elapsed:6.1f}/s"
        booked, reserved = len(self.books().booked), len(self.books().reserved)
        yield f"booked {booked} exchanges, {booked / self.elapsed:.1f}/s; {reserved} are reserved"
        for words, number in self.refusals.most_common(5):
            yield f"refused {number} times: {words}"


class Member:
    """One of those who use the site, in a thread of their own."""

    def __init__(self, address: str, name: str, others: list[str]) -> None:
        self.visitor, self.twin = Visitor(address, secure=True), Visitor(address, secure=True)
        self.name, self.account = name, f"m-{name[5:]}"
        self.others = [f"m-{one[5:]}" for one in others if one != name]
        self.choose = random.Random(name)
        self.told = Told()
        self.pool = ThreadPoolExecutor(1)  # for what is sent at the same moment

    def sign_in(self) -> None:
        """Sign in, before the minute begins; the twin is another tab of the same browser."""
        assert 200 == self.visitor.sign_in(self.name).status
        self.twin.client.cookies.update(dict(self.visitor.client.cookies))

    def live(self, until: float, pause: float) -> Told:
        """Do one thing after the other until an instant."""
        steps: list[Callable[[], None]] = [self.look, self.look, self.read, self.propose]
        while time.monotonic() < until:
            try:
                self.choose.choice(steps)()
            except (httpx.HTTPError, IndexError) as error:
                self.told.errors.append(f"{self.name}: {error!r}")
            if pause:
                time.sleep(self.choose.expovariate(1 / pause))
        self.pool.shutdown()
        self.visitor.client.close()
        self.twin.client.close()
        return self.told

    # -- what they do ----------------------------------------------------------------------

    def look(self) -> None:
        """Look at the first page, and answer most of what waits there."""
        page = self.read_page("first page", "/")
        for kind, id in sorted(set(_WAITING.findall(page))):
            if self.choose.random() < 0.7:
                self.answer(kind, id, page)

    def read(self) -> None:
        """Read the statement, or the directory."""
        if self.choose.random() < 0.7:
            self.read_page("statement", f"/accounts/{self.account}/statement/")
        else:
            self.read_page("directory", "/people/")

    def propose(self) -> None:
        """Propose an exchange to somebody, who earns by it or spends."""
        page = self.read_page("page to propose", "/propose/")
        other, quarters = self.choose.choice(self.others), self.choose.randint(1, 8)
        side = self.choose.choice(["gave", "received"])
        earner, spender = (self.account, other) if side == "gave" else (other, self.account)
        [id] = _OPERATION.findall(page)
        fields = {
            "csrfmiddlewaretoken": _TOKEN.findall(page)[0],
            "operation": id,
            "mine": self.account,
            "side": side,
            "other": other,
            "day": date.today().isoformat(),  # noqa: DTZ011 - that of the site, on this machine
            "hours": f"{15 * quarters} min",
        }
        if self.done(f"propose, {side}", self.sent("/propose/", fields)):
            kind = "proposals" if side == "gave" else "holds"
            entry = Entry(id, earner, spender, 900 * quarters)
            self.told.events.append(Event("proposed", kind, id, entry))

    def answer(self, kind: str, id: str, page: str) -> None:
        """Confirm or decline; now and then both, in two tabs: the first that comes counts."""
        fields = {"csrfmiddlewaretoken": _TOKEN.findall(page)[0]}
        confirm, decline = (f"/{kind}/{id}/{how}/" for how in ("confirm", "decline"))
        if self.choose.random() < 0.1:
            other = self.pool.submit(self.timed, self.twin, decline, fields)
            confirmed = self.done("confirm", [self.timed(self.visitor, confirm, fields)])
            declined = self.done("decline", [other.result()])
            if confirmed and declined:
                self.told.errors.append(f"{kind} {id} is confirmed and declined")
        else:
            how = "confirm" if self.choose.random() < 0.8 else "decline"
            done = self.done(how, self.sent(f"/{kind}/{id}/{how}/", fields))
            confirmed, declined = done and how == "confirm", done and how == "decline"
        self.told.events += [Event("confirm", kind, id)] * confirmed
        self.told.events += [Event("decline", kind, id)] * declined

    # -- how they ask ----------------------------------------------------------------------

    def read_page(self, kind: str, path: str) -> str:
        """Read a page, which must be there."""
        begun = time.monotonic()
        page = self.visitor.get(path)
        self.told.seconds.setdefault(kind, []).append(time.monotonic() - begun)
        if page.status != 200:
            self.told.errors.append(f"{self.name}: {path} is {page.status}: {page.text[:500]}")
        return page.content.decode("utf-8")

    def sent(self, path: str, fields: dict[str, Any]) -> list[tuple[Page, float]]:
        """Send a form; now and then twice, one after the other or at the same moment."""
        how = self.choose.random()
        if how < 0.7:
            return [self.timed(self.visitor, path, fields)]
        if how < 0.85:
            return [self.timed(self.visitor, path, fields) for _ in range(2)]
        other = self.pool.submit(self.timed, self.twin, path, fields)
        return [self.timed(self.visitor, path, fields), other.result()]

    def timed(self, visitor: Visitor, path: str, fields: dict[str, Any]) -> tuple[Page, float]:
        """Send a form in one of the tabs; what was answered, and the seconds that it took."""
        begun = time.monotonic()
        page = visitor.post(path, fields)
        return page, time.monotonic() - begun

    def done(self, kind: str, answers: list[tuple[Page, float]]) -> bool:
        """Whether it was done; the same form sent twice has the same answer."""
        for page, seconds in answers:
            self.told.seconds.setdefault(kind, []).append(seconds)
            if page.status not in {200, 302}:
                self.told.errors.append(f"{self.name}: {page.url}: {page.status} {page.text[:900]}")
            elif page.status == 200:
                self.told.refusals[" ".join(page.said())[:80]] += 1
        if len({page.status for page, _ in answers}) > 1:
            self.told.errors.append(f"{self.name}: sent twice, answered differently: {answers}")
        return answers[0][0].status == 302


def run(
    files: Path,
    database: dict[str, str],
    *,
    members: int = 50,
    seconds: float = 60,
    pause: float = 0,
    processes: int = 2,
) -> Told:
    """Let so many members use the site at once, on a database; what they were told."""
    names = seeded(files, "crowd", str(members), **database)
    told = Told()
    with deployed(files, processes=processes, threads=8, **database) as address:
        crowd = [Member(address, name, names) for name in names]
        with ThreadPoolExecutor(members) as pool:
            list(pool.map(Member.sign_in, crowd))
            begun = time.monotonic()
            for one in pool.map(lambda member: member.live(begun + seconds, pause), crowd):
                told.add(one)
            told.elapsed = time.monotonic() - begun
    return told


def differences(files: Path, database: dict[str, str], told: Told) -> list[str]:
    """What does not agree between what members were told and what is there."""
    found = list(told.errors)
    with ledger(files, **database) as bank:
        books, there = told.books(), ledger_says(bank)
        found += [f"the ledger has {one}" for one in _unlike(there.booked, books.booked)]
        found += [f"reserved is {one}" for one in _unlike(there.reserved, books.reserved)]
        for account in bank.accounts():
            balance = bank.balance(account.id)
            posted, held = books.posted().get(account.id, 0), books.held().get(account.id, 0)
            if (balance.posted.seconds, balance.held.seconds) != (posted, held):
                found.append(f"{account.id} has {balance}, and not {posted} and {held} seconds")
        audit = bank.audit()
        found += map(str, audit.findings)
    rows = asked(files, "proposals", **database)
    return found + [f"the site has {one}" for one in _unlike(rows, told.states())]


def _unlike(there: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    return [
        f"{id}: {there.get(id)} and not {expected.get(id)}"
        for id in sorted({*there, *expected})
        if there.get(id) != expected.get(id)
    ]


def main() -> None:
    """Run it, tell its figures, and fail where anything is lost."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("--database", choices=["postgresql", "sqlite"], default="postgresql")
    parser.add_argument("--members", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--pause", type=float, default=0, help="seconds, between two things")
    parser.add_argument("--processes", type=int, default=2, help="of the server, 8 threads each")
    words = vars(parser.parse_args())
    database = postgresql() if words.pop("database") == "postgresql" else {}
    with tempfile.TemporaryDirectory() as name:
        told = run(Path(name), database, **words)
        sys.stdout.write("\n".join(told.lines()) + "\n")
        found = differences(Path(name), database, told)
    sys.stdout.write("\n".join(found or ["nothing is lost, and the audit is well"]) + "\n")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
