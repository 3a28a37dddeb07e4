"""The app's function, settings, checks, commands, tags and translations."""

from __future__ import annotations

import io
import json
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest import mock

import click
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command, load_command_class
from django.db import connection, connections, transaction
from django.template import Context, Template
from django.test import SimpleTestCase, TestCase, TransactionTestCase, override_settings
from django.utils import translation

import timebank
from timebank import BankNotFound, InvalidRequest, NotPermitted
from timebank.contrib.django import bank, checks, commands, ledger
from timebank.hours import Hours
from timebank.proof import SigningKey
from timebank.storage.sqlite.schema import STEPS


def run(*words: str, **options: Any) -> str:
    """What a command prints."""
    out = io.StringIO()
    call_command(*words, stdout=out, stderr=out, **options)
    return out.getvalue()


class BankTests(TestCase):
    """The function `bank`."""

    def test_the_settings_say_which(self) -> None:
        """A name, an actor, a database can be given; the rest is of the settings."""
        bank().open_account("m1")
        bank("second", actor="carla").open_account("m2")
        assert ["m1"] == [account.id for account in bank().accounts()]
        assert "carla" == next(bank("second").records()).actor
        with self.assertRaisesRegex(InvalidRequest, "no database 'nowhere'.*'default'"):
            bank(using="nowhere")

    @override_settings(TIMEBANK={"BANK": "other", "CREATE": False})
    def test_none_is_made_unless_the_settings_allow_it(self) -> None:
        """With `CREATE` false a bank that is not there is told."""
        with self.assertRaises(BankNotFound):
            bank().open_account("m1")

    @override_settings(TIMEBANK={"PERMISSIONS": "club.permissions.roles"})
    def test_the_permissions_of_the_settings_are_asked(self) -> None:
        """By who acts; nobody may do nothing."""
        bank(actor="carla").open_account("anna")
        assert "0:00" == str(bank(actor="anna").balance("anna").posted)
        for actor in (None, "bruno"):
            with self.assertRaises(NotPermitted):
                bank(actor=actor).balance("anna")

    def test_permissions_that_cannot_be_used_allow_nothing(self) -> None:
        """Each is an error at its first use, and never a yes."""
        for name in ("later", "later_object", "Later", "not_callable", "missing"):
            with override_settings(TIMEBANK={"PERMISSIONS": f"club.permissions.{name}"}):
                refused = (ImproperlyConfigured, timebank.WrongType)
                with self.subTest(name), self.assertRaises(refused):
                    bank(actor="carla").open_account("m1")

    def test_wrong_settings_are_refused(self) -> None:
        """With what is wrong."""
        with (
            override_settings(TIMEBANK={"BANKS": "main"}),
            self.assertRaisesRegex(ImproperlyConfigured, "'BANKS'.*'BANK'"),
        ):
            bank()

    def test_an_app_that_is_not_installed_is_told(self) -> None:
        """Without it there are no migrations, no checks, and no `flush` that knows of a ledger."""
        apps = [app for app in settings.INSTALLED_APPS if not app.startswith("timebank")]
        with (
            self.settings(INSTALLED_APPS=apps),
            self.assertRaisesRegex(ImproperlyConfigured, "'timebank.contrib.django' is not in"),
        ):
            bank()


class CheckTests(SimpleTestCase):
    """The system checks; each has its id."""

    def ids(self, *found: Any) -> list[str]:
        """The ids of what all checks tell, and of nothing else."""
        told = [
            message
            for check in (
                checks.check_settings,
                checks.check_permissions,
                checks.check_key,
                checks.check_database,
            )
            for message in check(None)
        ]
        for message in told:
            assert message.hint, message
        return [message.id.removeprefix("timebank.") for message in told]

    def test_settings(self) -> None:
        """Wrong ones are errors."""
        for given, expected in (
            ({}, []),
            ({"BANK": "main", "DATABASE": "default", "CREATE": True, "PERMISSIONS": None}, []),
            ([], ["E001"]),
            ({"bank": "main"}, ["E001"]),
            ({7: 8}, ["E001"]),
            ({"BANK": " main"}, ["E001"]),
            ({"BANK": 7, "CREATE": 1}, ["E001", "E001"]),
            ({"KEY": None}, []),
            ({"KEY": 7}, ["E001"]),
            ({"KEY": ""}, ["E001"]),
            ({"KEY": "/nowhere/bank.key"}, ["W004"]),
            ({"KEY": "/"}, ["E007"]),
            ({"DATABASE": "nowhere"}, ["E002"]),
            ({"DATABASE": None}, ["E002"]),
            ({"PERMISSIONS": len}, ["E003"]),
            ({"PERMISSIONS": "club.permissions.missing"}, ["E003"]),
            ({"PERMISSIONS": "club.nowhere.may"}, ["E003"]),
            ({"PERMISSIONS": "roles"}, ["E003"]),
            ({"PERMISSIONS": "club.permissions.roles"}, []),
            ({"PERMISSIONS": "club.permissions.not_callable"}, ["E004"]),
            ({"PERMISSIONS": "club.permissions.nothing"}, ["E004"]),
            ({"PERMISSIONS": "club.permissions.Later"}, ["E004"]),
            ({"PERMISSIONS": "club.permissions.later"}, ["E004"]),
            ({"PERMISSIONS": "club.permissions.later_object"}, ["E004"]),
        ):
            with self.subTest(given), override_settings(TIMEBANK=given):
                assert expected == self.ids()

    def test_the_file_of_a_key(self) -> None:
        """One that signs is well; the key of a witness, and a public one, are not."""
        with tempfile.TemporaryDirectory() as folder:
            for name, witness, expected in (("bank", False, []), ("witness", True, ["E007"])):
                path = Path(folder) / name
                key = SigningKey.make(f"timebank/{name}", witness=witness)
                key.write(path)
                with override_settings(TIMEBANK={"KEY": path}):
                    assert expected == self.ids()
            path.write_text(f"{key.public}\n", "utf-8")
            with override_settings(TIMEBANK={"KEY": str(path)}):
                assert ["E007"] == self.ids()

    def test_the_near_name_is_told(self) -> None:
        """Of a key that is misspelt."""
        with override_settings(TIMEBANK={"Permission": None}):
            (message,) = checks.check_settings(None)
        assert "'PERMISSIONS'" in message.hint

    def test_sqlite_without_immediate(self) -> None:
        """A warning."""
        if connection.vendor != "sqlite":
            return
        with mock.patch.dict(connection.settings_dict, {"OPTIONS": {}}):
            assert ["W001"] == self.ids()
        with mock.patch.dict(
            connection.settings_dict, {"OPTIONS": {"transaction_mode": "DEFERRED"}}
        ):
            assert ["W001"] == self.ids()

    def test_requests_without_a_transaction(self) -> None:
        """It is told by `check` and `runserver`, and by no other command."""
        for argv, expected in ((["check"], ["I001"]), (["runserver"], ["I001"]), (["migrate"], [])):
            with mock.patch("sys.argv", ["manage.py", *argv]):
                assert expected == self.ids()
                with mock.patch.dict(connection.settings_dict, {"ATOMIC_REQUESTS": True}):
                    assert [] == self.ids()
                with override_settings(ROOT_URLCONF=None):
                    assert [] == self.ids()

    def test_a_database_that_cannot_hold_a_ledger(self) -> None:
        """By its kind, or for want of a package."""
        with mock.patch.object(
            type(connection._connections[connection._alias]), "vendor", "oracle"
        ):
            assert ["E005"] == self.ids()
        with (
            mock.patch.object(
                type(connection._connections[connection._alias]), "vendor", "postgresql"
            ),
            mock.patch.object(checks, "find_spec", return_value=None),
        ):
            assert ["E005"] == self.ids()


class TableTests(TransactionTestCase):
    """The check of the tables."""

    def ids(self) -> list[str]:
        """What `check --database default` tells."""
        return [message.id for message in checks.check_tables(None, databases=["default"])]

    def tearDown(self) -> None:
        """Make the tables as they are to be."""
        ledger.drop(connection)
        ledger.make(connection)

    def test_a_ledger_of_this_version_is_well(self) -> None:
        """With and without a bank, and where there are no tables yet."""
        assert [] == self.ids()
        with transaction.atomic():
            bank().open_account("m1")
        assert [] == self.ids()
        ledger.drop(connection)
        assert [] == self.ids()

    def test_a_newer_one_is_an_error(self) -> None:
        """For each command that serves, and for `migrate`."""
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute("UPDATE timebank_migrations SET name = '0099_later'")
            else:
                cursor.execute("INSERT INTO timebank_migrations (name) VALUES ('0099_later')")
        assert ["timebank.E006"] == self.ids()
        assert [] == list(checks.check_tables(None))
        assert [] == list(checks.check_tables_at_runserver(None))
        with mock.patch("sys.argv", ["manage.py", "runserver"]):
            (message,) = checks.check_tables_at_runserver(None)
        assert "timebank.E006" == message.id
        assert "newer" in message.msg

    def test_an_older_one_is_a_warning(self) -> None:
        """So that `migrate`, which mends it, is not stopped."""
        if connection.vendor == "sqlite":
            with mock.patch.dict(STEPS, {"0002_later": ()}):
                assert ["timebank.W002"] == self.ids()
            return
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM timebank_migrations WHERE name = '0001_ledger'")
        assert ["timebank.W002"] == self.ids()


class CommandTests(TestCase):
    """The library's command line on Django's database."""

    def setUp(self) -> None:
        """Make the bank, and open accounts, by commands."""
        made = run("timebank", "init")
        assert "Bank main is ready" in made
        assert made == run("timebank", "init")
        run("timebank", "--actor", "carla", "account", "open", "m1", "--name", "Maria R.")
        run("timebank", "account", "open", "f1", "--kind", "group")

    def code(self, *words: str) -> tuple[int, str]:
        """The exit code of a command that does not end well, and its message."""
        with self.assertRaises(CommandError) as caught:
            run(*words)
        return caught.exception.returncode, str(caught.exception)

    def test_what_writes_and_what_reads(self) -> None:
        """On the bank of the settings, and with who acts."""
        run("timebank", "transfer", "--earner", "m1", "--spender", "f1", "--hours", "1:30")
        assert "1:30" in run("timebank", "balance", "m1")
        assert "Maria R." in run("timebank", "statement", "m1")
        assert {"posted": "1:30"}.items() <= json.loads(
            run("timebank", "balance", "m1", "--format", "json")
        ).items()
        assert "carla" == next(bank().records()).actor
        assert 3 == len(run("timebank", "journal").splitlines())
        assert "Maria R." in run("timebank", "export", "jsonl")
        assert "1:30" in run("timebank", "report", "impact", "--all", "--at-least", "1")
        assert "Usage: manage.py timebank transfer" in run("timebank", "transfer", "--help")
        assert "trial-balance" in run("timebank")
        run("timebank", "rebuild")
        bank("second").open_account("m1")
        listed = run("timebank", "banks")
        assert "main" in listed
        assert "second" in listed

    def test_a_refusal_has_the_exit_code_of_the_program(self) -> None:
        """1 for a rule, 2 for wrong use."""
        words = ("timebank", "transfer", "--earner", "m1", "--spender", "f1", "--hours", "99")
        code, message = self.code(*words)
        assert 1 == code
        assert "floor" in message
        assert 2 == self.code("timebank", "balance", "nobody")[0]
        assert 2 == self.code("timebank", "nonsense")[0]
        assert 2 == bank().head().sequence

    def test_what_is_told_can_be_typed(self) -> None:
        """The program's own name would lead to another ledger, or to none."""
        for words in (("balance", "nobody"), ("nonsense",), ("transfer",)):
            assert "timebank" in self.code("timebank", *words)[1]
            assert "manage.py timebank" in self.code("timebank", *words)[1]
        helped = load_command_class("timebank.contrib.django", "timebank")
        helped = " ".join(helped.create_parser("manage.py", "timebank").format_help().split())
        assert "statement, statute, transfer" in helped

    def test_the_keyboard_ends_a_command(self) -> None:
        """With a sentence, and not a traceback."""
        for raised in (KeyboardInterrupt, click.Abort):
            with mock.patch.object(commands, "show", side_effect=raised):
                assert (130, "interrupted") == self.code("timebank", "init")

    def test_a_bank_that_is_not_there_is_not_made(self) -> None:
        """By a command that names a wrong one."""
        for words in (["balance"], ["account", "open", "m1"], ["audit"]):
            told = self.code("timebank", "--bank", "other", *words)[1]
            assert "no bank 'other'" in told
            assert "there is 'main'" in told

    def test_a_dry_run_writes_nothing(self) -> None:
        """And an import makes a bank, or does not."""
        words = ("transfer", "--earner", "m1", "--spender", "f1", "--hours", "1", "--dry-run")
        assert "1:00" in run("timebank", *words)
        with tempfile.TemporaryDirectory() as folder:
            users, transfers = Path(folder) / "users.csv", Path(folder) / "transfers.csv"
            users.touch()
            transfers.touch()
            files = ("--users", str(users), "--transfers", str(transfers))
            run("timebank", "--bank", "new", "import", "timeoverflow", *files, "--dry-run")
            with self.assertRaises(BankNotFound):
                bank("new").head()
            run("timebank", "--bank", "new", "import", "timeoverflow", *files)
        assert 2 == bank().head().sequence

    def test_what_is_of_stores_is_refused(self) -> None:
        """With a sentence that says what does it here."""
        for words, told in (
            (["migrate"], "migrate"),
            (["copy", "a", "b"], "URL"),
            (["backup", "x", "--force"], "database"),
            (["demo"], "file"),
        ):
            code, message = self.code("timebank", *words)
            assert 2 == code
            assert told in message
        with tempfile.NamedTemporaryFile() as file:
            assert 2 == self.code("timebank", "import", "jsonl", file.name)[0]

    def test_an_audit(self) -> None:
        """Its exit code is 0 while all is well."""
        assert "All well" in run("timebank_audit")
        assert "All well" in run("timebank_audit", "--quick")
        assert json.loads(run("timebank_audit", "--format", "json"))["ok"]
        assert "All well" in run("timebank", "audit", "--processes", "2")
        assert 2 == self.code("timebank_audit", "--bank", "other")[0]

    def test_what_is_due(self) -> None:
        """For cron."""
        assert "Nothing is due" in run("timebank_run_due")
        assert "" == run("timebank_run_due", "--quiet", "--dry-run", "--through", "2020-01-01")
        assert 2 == self.code("timebank_run_due", "--through", "nonsense")[0]


class TransactionCommandTests(TransactionTestCase):
    """A command is one transaction."""

    def test_each_command_is_kept_when_it_ends(self) -> None:
        """And its reads need none."""
        run("timebank", "init")
        run("timebank", "import", "timeoverflow", *self.files())
        assert not connection.in_atomic_block
        assert "0:00" in run("timebank", "trial-balance")
        assert "All well" in run("timebank_audit")

    def test_what_was_erased_waits_for_no_host(self) -> None:
        """The command commits itself, unless somebody else has begun a transaction around it."""
        for begin in (nullcontext, transaction.atomic):
            run("timebank", "--bank", begin.__name__, "init")
            words = ("timebank", "--bank", begin.__name__)
            run(*words, "account", "open", "m1", "--name", "Maria R.")
            with begin():
                told = run(*words, "erase", "m1", "--reason", "asked for")
            assert "is erased" in told
            assert ("before the host commits" in told) == (begin is transaction.atomic)

    def files(self) -> tuple[str, ...]:
        """Two empty files."""
        folder = self.enterContext(tempfile.TemporaryDirectory())
        for name in ("users", "transfers"):
            (Path(folder) / name).touch()
        return ("--users", f"{folder}/users", "--transfers", f"{folder}/transfers")


class FlushTests(TransactionTestCase):
    """`flush`, in a database of tests and as if it were none."""

    def test_it_takes_the_ledger_away_here(self) -> None:
        """For a test runner made this database."""
        with transaction.atomic():
            bank().open_account("m1")
        run("flush", interactive=False, inhibit_post_migrate=True)
        with self.assertRaises(BankNotFound):
            bank().head()
        with transaction.atomic():
            bank().open_account("m1")

    def test_it_is_refused_where_the_name_is_that_of_the_settings(self) -> None:
        """However much it looks like tests."""
        with transaction.atomic():
            bank().open_account("m1")
        name = connection.settings_dict["NAME"]
        with (
            mock.patch.dict("timebank.contrib.django.apps.TimeBankConfig.configured", default=name),
            self.assertRaisesRegex(CommandError, "has records"),
        ):
            run("flush", interactive=False)
        assert 1 == bank().head().sequence


class TagTests(TestCase):
    """Tags and filters."""

    def shown(self, source: str, **context: Any) -> str:
        """What a template shows."""
        shown: str = Template("{% load timebank %}" + source).render(Context(context))
        return shown

    def test_hours(self) -> None:
        """As the reports show them."""
        for value, expected in (
            (Hours("1:30"), "1:30"),
            (5400, "1:30"),
            (None, ""),
            ("", ""),
            (-60, "-0:01"),
        ):
            assert expected == self.shown("{{ value|hours }}", value=value)
        assert "[]" == self.shown("[{{ nothing.there|hours }}]")

    def test_accounts_by_their_names(self) -> None:
        """One or several; an id where no name is known."""
        names = {"m1": "Maria\nR.", "m2": ""}
        for ids, expected in (("m1", "Maria R."), (["m2", "m3"], "m2, m3"), ({}, ""), (None, "")):
            assert expected == self.shown("{{ ids|named:names }}", ids=ids, names=names)

    def test_a_balance_and_a_statement(self) -> None:
        """In the language of the reader, escaped."""
        bank().open_account("m1")
        bank().open_account("f1", kind="group", name="<b>")
        made = bank().transfer(earner="m1", spender="f1", hours="1:30", note="<i>")
        bank().reverse(made.id, hours="0:30", reason="<u>")
        assert "1:00" == self.shown('{% balance "m1" %}')
        assert "1:00!" == self.shown('{% balance "m1" as hours %}{{ hours|hours }}!')
        mine = bank(actor="m1")
        assert "1:00" == self.shown('{% balance "m1" bank=mine %}', mine=mine)
        english = self.shown('{% statement "m1" %}')
        assert "Closing balance" in english
        with translation.override("it"):
            italian = self.shown('{% statement "m1" bank=mine %}', mine=mine)
        assert "Saldo finale" in italian
        assert "storno: &lt;u&gt;" in italian
        columns = (
            "Given",
            "Received",
            "Taken back",
            "takes back part",
            "taken back in part",
            "-0:30",
        )
        assert [] == [words for words in columns if words not in english], english
        assert "Stornato" in italian
        for text in (english, italian):
            assert "&lt;b&gt;" in text
            assert not {"<b>", "<i>", "<u>"} & {text[i : i + 3] for i in range(len(text))}
        with translation.override("de"):
            assert "Closing balance" in self.shown('{% statement "m1" %}')
        with self.assertRaises(timebank.AccountNotFound):
            self.shown('{% balance "nobody" %}')


class RouterTests(SimpleTestCase):
    """Where the ledger is."""

    def test_by_the_settings_and_the_routers(self) -> None:
        """Both must allow it."""
        assert ledger.is_for("default")
        assert not ledger.is_for("other")
        with override_settings(DATABASE_ROUTERS=["club.suite_app.Router"]):
            assert not ledger.is_for("default")
            assert "timebank.W003" in [message.id for message in checks.check_database(None)]
        assert "timebank.W003" not in [message.id for message in checks.check_database(None)]

    def test_all_connections_are_known(self) -> None:
        """By the names that the settings gave them."""
        from timebank.contrib.django.apps import TimeBankConfig

        assert set(connections) == set(TimeBankConfig.configured)


class Router:
    """A router that lets this app be nowhere."""

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        """Refuse this app."""
        return False if app_label == "timebank" else None
