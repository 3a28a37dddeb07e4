"""Python ledgers that a user could install instead, each as durable as it is by default.

They keep less: no chain of digests, no clock of their own, no limits, no second sum of a
record; a-ledger has ids of commands, django-hordak triggers on PostgreSQL.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.loads import ACCOUNTS, Load, ours, pairs, post, timed
from benchmarks.table import Line, line

SOME = ACCOUNTS[:50]


def a_ledger(folder: Path, *, quick: bool) -> list[Line]:
    """A durable transfer of each, on SQLite: ours in WAL at FULL, theirs in its default journal."""
    name = "a-ledger, a commit each"
    rounds, each = (2, 10) if quick else (5, 100)
    bank = ours(folder / "beside-a-ledger.db", accounts=SOME)
    mine, yards = [], []
    theirs = _a_ledger(folder) if importlib.util.find_spec("a_ledger") else None
    for number in range(rounds):
        load = pairs(each, 900_000 + number, SOME)
        mine.append(timed(partial(post, bank, load)) / each)
        if theirs is not None:
            yards.append(timed(partial(theirs, load)) / each)
    bank.close()
    work = "one durable transfer, beside a-ledger"
    return [line(work, mine[1:], name, yards[1:] if yards else None)]


def _a_ledger(folder: Path) -> Any:
    from a_ledger import Ledger
    from a_ledger.domain import journal as facts
    from a_ledger.schema import install
    from a_ledger.sqlite import create_sqlite_engine

    engine = create_sqlite_engine(folder / "a-ledger.db")
    with engine.begin() as connection:
        install(connection)
        ledger = Ledger(connection)
        ledger.accounts.create_portfolio("main", code="main", currency="CNY")
        for account in SOME:
            ledger.accounts.create_account(
                account, portfolio_id="main", code=account, category="ASSET"
            )

    def transfer(earner: str, spender: str, seconds: int, id: str, day: str) -> None:
        postings = (
            facts.PostingInput("earn", earner, seconds),
            facts.PostingInput("spend", spender, -seconds),
        )
        moved = facts.TransactionInput("EXCHANGE", day, f"{day}T10:00:00+00:00", postings)
        action = facts.Post("one", facts.SourceIdentity("bench", id), moved)
        with engine.begin() as connection:
            Ledger(connection).journal.execute(
                facts.JournalBatch("main", facts.CommandKey("bench", id), (action,))
            )

    def work(load: Load) -> None:
        for one in load:
            transfer(*one)

    return work


HORDAK = """
import json, sys, time, uuid
from datetime import date
import django
from django.conf import settings
settings.configure(
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "mptt", "hordak"],
    DATABASES={"default": json.loads(sys.argv[1])}, SECRET_KEY="x", USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField", CURRENCIES=["EUR"],
)
django.setup()
from django.core.management import call_command
from django.db import transaction
from djmoney.money import Money
from hordak.models import Account
call_command("migrate", verbosity=0)
load = json.loads(sys.stdin.read())
names = sorted({row[0] for row in load} | {row[1] for row in load})
accounts = {
    name: Account.objects.create(name=name, code=str(n), type="AS", currencies=["EUR"])
    for n, name in enumerate(names, 1000)
}
def post(rows):
    for earner, spender, seconds, id, day in rows:
        with transaction.atomic():
            on = date.fromisoformat(day)
            amount = Money(seconds, "EUR")
            accounts[spender].transfer_to(accounts[earner], amount, description=id, date=on)
post(load[:10])
begin = time.perf_counter()
post(load[10:])
print((time.perf_counter() - begin) / (len(load) - 10))
"""


def hordak(folder: Path, *, quick: bool) -> list[Line]:
    """A durable transfer of each, on the same PostgreSQL."""
    import json
    from urllib.parse import parse_qs, urlsplit

    import servers
    from benchmarks.servers import durable_database, opened

    each = 20 if quick else 200
    url, other = durable_database(), durable_database()
    bank = opened(url, "main", SOME)
    post(bank, pairs(10, 910_000, SOME))
    mine = timed(partial(post, bank, pairs(each, 910_001, SOME))) / each
    bank.close()
    its = None
    if importlib.util.find_spec("hordak"):
        parts = urlsplit(other)
        place = {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": parts.path.lstrip("/"),
            "USER": parts.username or "postgres",
            "HOST": parse_qs(parts.query).get("host", [parts.hostname or ""])[0],
        }
        done = subprocess.run(
            [sys.executable, "-c", HORDAK, json.dumps(place)],
            input=json.dumps(pairs(each + 10, 910_002, SOME)),
            capture_output=True,
            text=True,
            check=True,
            cwd=folder,
        )
        its = [float(done.stdout.split()[-1])]
    for made in (url, other):
        servers.drop_database(made)
    return [line("one durable transfer, PostgreSQL", [mine], "django-hordak", its)]
