"""The ledger's tables in a real database of Django's: made, adopted, kept, and taken away."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy

import timebank
from contrib.projects import Project, database
from servers import ON_SERVERS, new_database

LIFE = """
import io
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test.utils import setup_test_environment
from timebank.contrib.django import bank, ledger

def refused(*words, **options):
    try:
        call_command(*words, **options)
    except CommandError as error:
        return str(error)
    raise AssertionError(words)

assert "no bank 'main'" in refused("timebank", "balance")
if connection.vendor == "mysql":
    assert "run `manage.py migrate`" in refused("timebank", "init")
call_command("migrate", verbosity=0)
call_command("makemigrations", check=True, dry_run=True, verbosity=0)
out = io.StringIO()
call_command("sqlmigrate", "timebank", "0001", stdout=out)
call_command("showmigrations", stdout=out)
assert "Make the ledger's tables" in out.getvalue()
assert "[X] 0001_ledger" in out.getvalue()
made = len(ledger.tables(connection))
assert made == 9, made
call_command("migrate", "timebank", "zero", verbosity=0)
assert [] == ledger.tables(connection)
if connection.vendor == "postgresql":
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_proc WHERE proname = 'timebank_refuse'")
        assert (0,) == cursor.fetchone()
call_command("migrate", verbosity=0)
with transaction.atomic():
    bank().open_account("m1")
assert "timebank export jsonl" in refused("migrate", "timebank", "zero", verbosity=0)
assert 9 == len(ledger.tables(connection))
assert "records" in refused("flush", interactive=False)
call_command("dumpdata", stdout=out)
call_command("dumpdata", "timebank", use_base_manager=True, stdout=out)
setup_test_environment()
assert "records" in refused("flush", interactive=False)
with transaction.atomic():
    assert 1 == bank().head().sequence
call_command("migrate", "timebank", "zero", fake=True, verbosity=0)
with connection.cursor() as cursor:
    if connection.vendor == "sqlite":
        cursor.execute("UPDATE timebank_migrations SET name = '0099_later'")
    else:
        cursor.execute("INSERT INTO timebank_migrations (name) VALUES ('0099_later')")
assert "newer timebank" in refused("migrate", verbosity=0)
print("all well")
"""

ADOPT = """
from django.core.management import call_command
from django.db import transaction
from timebank.contrib.django import bank
call_command("migrate", verbosity=0)
with transaction.atomic():
    assert ["m1"] == [account.id for account in bank().accounts()]
    assert bank().audit().ok
    bank().open_account("m2")
"""

ELSEWHERE = """
from django.core.management import call_command
from django.db import connections, transaction
from timebank.contrib.django import bank, ledger
from timebank.contrib.django.test import TimeBankMixin
call_command("migrate", verbosity=0)
assert [] == ledger.tables(connections["default"])
call_command("migrate", database="books", verbosity=0)
assert 9 == len(ledger.tables(connections["books"]))
with transaction.atomic(using="books"):
    bank().open_account("m1")
assert [] == ledger.tables(connections["default"])
assert {"default", "books"} == TimeBankMixin.databases
call_command("timebank", "account", "list")
call_command("flush", interactive=False, verbosity=0)
"""


#: A ledger is said to be elsewhere after `migrate` has been there.
MOVED = """
from django.core.management import call_command
from django.db import connections
from django.test import override_settings
from timebank.contrib.django import ledger
call_command("migrate", database="books", verbosity=0)
assert [] == ledger.tables(connections["books"])
with override_settings(TIMEBANK={"DATABASE": "books"}):
    call_command("migrate", database="books", verbosity=0)
    assert 9 == len(ledger.tables(connections["books"]))
    call_command("migrate", "timebank", "zero", database="books", verbosity=0)
    assert [] == ledger.tables(connections["books"])
"""


@pytest.mark.parametrize("server", [None, *ON_SERVERS])
def test_the_life_of_the_tables(tmp_path: Path, server: str | None) -> None:
    """`migrate` makes them and is quiet; `zero` and `flush` take no record away, whoever asks."""
    assert "all well\n" == Project(tmp_path, server).script(LIFE)


@pytest.mark.parametrize("server", [None, *ON_SERVERS])
def test_a_ledger_that_is_there_is_adopted(tmp_path: Path, server: str | None) -> None:
    """What `timebank.open` made is not made twice, and both go on with it."""
    project = Project(tmp_path)
    if server is None:
        url = f"sqlite:///{project.settings['DATABASES']['default']['NAME']}"
    else:
        url = new_database(server)
        project.settings["DATABASES"]["default"] = database(tmp_path, server) | {
            "NAME": sqlalchemy.make_url(url).database
        }
    with timebank.open(url) as bank:
        bank.open_account("m1")
    project.script(ADOPT)
    with timebank.open(url) as bank:
        assert ["m1", "m2"] == [account.id for account in bank.accounts()]
        assert bank.audit().ok


def test_a_ledger_in_another_database(tmp_path: Path) -> None:
    """It is in the database of the settings, and in no other."""
    other = database(tmp_path) | {"NAME": str(tmp_path / "books.db")}
    project = Project(tmp_path, TIMEBANK={"DATABASE": "books"})
    project.settings["DATABASES"]["books"] = other
    told = project.script(ELSEWHERE)
    assert "m1" in told


def test_a_ledger_that_is_to_be_in_another_database(tmp_path: Path) -> None:
    """`migrate` makes its tables where it has been before, and left them out."""
    project = Project(tmp_path)
    project.settings["DATABASES"]["books"] = database(tmp_path) | {"NAME": str(tmp_path / "b.db")}
    project.script(MOVED)


def test_a_shell_tells_what_is_wrong(tmp_path: Path) -> None:
    """`manage.py` ends with the exit codes of `timebank`."""
    project = Project(tmp_path)
    assert "no bank 'main'" in project.manage("timebank_audit", code=2)
    project.settings["TIMEBANK"] = {"PERMISSIONS": "club.permissions.later"}
    assert "timebank.E004" in project.manage("check", code=1)
    project.settings["TIMEBANK"] = {"BANC": "main"}  # a module of the club's makes its bank at once
    assert "no key 'BANC'. Do you mean 'BANK'?" in project.manage("check", code=1)


def test_a_shell_speaks_the_language_of_the_site(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of `LANGUAGE_CODE`, unless `TIMEBANK_LANG` names one."""
    monkeypatch.delenv("TIMEBANK_LANG", raising=False)
    project = Project(tmp_path, LANGUAGE_CODE="it-it")
    assert "non c'è una banca main" in project.manage("timebank_audit", code=2)
    assert "Manca" in project.manage("timebank", "transfer", code=2)
    assert "Uso: " in project.manage("timebank", "balance", "--help")
    assert "pronta" in project.manage("timebank", "init")
    monkeypatch.setenv("TIMEBANK_LANG", "en")
    assert "Missing option" in project.manage("timebank", "transfer", code=2)
