"""A store whose tables an administrator has made, in partitions by the hash of the bank."""

# ruff: noqa: ISC004 - a change is one text, on however many lines it stands

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pymysql
import pytest

import timebank
from servers import drop_database, mariadb, new_database
from support import fill
from timebank import TimeBank
from timebank.errors import InvalidRequest
from timebank.model import Fault
from timebank.storage import migrate_store
from timebank.storage.server.meaning import schema_faults
from timebank.storage.server.postgres import PostgreSql
from timebank.storage.server.rows import Transaction
from timebank.storage.server.script import script, script_text

PARTITIONS = 3
WHERE = ("beside", "elsewhere")
#: The tables that have partitions.
TABLES = ("banks", "records", "texts", "accounts", "postings", "holds", "statutes", "tiles")
BANKS = tuple(f"bank {number}" for number in range(4))

#: Changes of partitions that alter something, and what a finding says of it.
ALTERS = {
    "a guard of TRUNCATE is gone": (
        "DROP TRIGGER timebank_records_p1_no_truncate ON {p}timebank_records_p1",
        "timebank_records_p1_no_truncate",
    ),
    "a guard of TRUNCATE names another table": (
        "DROP TRIGGER timebank_records_p1_no_truncate ON {p}timebank_records_p1; CREATE TRIGGER "
        "timebank_records_p1_no_truncate BEFORE TRUNCATE ON {p}timebank_records_p1 "
        "EXECUTE FUNCTION timebank_refuse('x')",
        "timebank_refuse('x')",
    ),
    "a guard of rows is disabled": (
        "ALTER TABLE {p}timebank_postings_p2 DISABLE TRIGGER timebank_postings_no_change",
        "timebank_postings_no_change",
    ),
    "a foreign trigger": (
        "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql "
        "AS $$ BEGIN RETURN NULL; END $$; CREATE TRIGGER evil BEFORE INSERT "
        "ON {p}timebank_texts_p0 FOR EACH ROW EXECUTE FUNCTION nothing()",
        "trigger evil",
    ),
    "a foreign key is not looked after": (
        "ALTER TABLE {p}timebank_texts_p0 DISABLE TRIGGER ALL",
        "DISABLED",
    ),
    "a check more": ("ALTER TABLE {p}timebank_holds_p0 ADD CHECK (held < 9)", "held < 9"),
    "a unique key more": (
        "CREATE UNIQUE INDEX one ON {p}timebank_postings_p0 (bank, account, version, day)",
        "UNIQUE (bank, account, version, day)",
    ),
    "texts in statistics": (
        "ALTER TABLE {p}timebank_texts_p0 ALTER text SET STATISTICS 100",
        "timebank_texts_p0.text",
    ),
    "a column that is no longer than a page": (
        "ALTER TABLE {p}timebank_records_p2 ALTER body SET STORAGE PLAIN",
        "timebank_records_p2.body",
    ),
    "a partition is gone": (
        "ALTER TABLE timebank_tiles DETACH PARTITION {p}timebank_tiles_p1",
        "WITHOUT A PARTITION FOR EACH BANK",
    ),
    "a partition without a guard of TRUNCATE": (
        "ALTER TABLE timebank_postings DETACH PARTITION {p}timebank_postings_p1; "
        "CREATE TABLE anew PARTITION OF timebank_postings "
        "FOR VALUES WITH (MODULUS 3, REMAINDER 1)",
        "anew_no_truncate",
    ),
    "a table that a crash empties": ("ALTER TABLE {p}timebank_tiles_p0 SET UNLOGGED", "UNLOGGED"),
}
#: Those that alter nothing.
KEEPS = {
    "an index more": "CREATE INDEX more ON {p}timebank_records_p0 (kind)",
    "another name": "ALTER TABLE {p}timebank_records_p0 RENAME TO records_of_some",
    "another schema": "CREATE SCHEMA there; ALTER TABLE {p}timebank_texts_p1 SET SCHEMA there",
    "a comment": "COMMENT ON TABLE {p}timebank_records_p0 IS 'of some banks'",
    "room in pages": "ALTER TABLE {p}timebank_accounts_p2 SET (fillfactor = 70)",
    "rows of a partition hidden from who asks it alone": (
        "ALTER TABLE {p}timebank_texts_p1 ENABLE ROW LEVEL SECURITY"
    ),
    "a partition in two": (
        "ALTER TABLE timebank_tiles DETACH PARTITION {p}timebank_tiles_p1;"
        "CREATE TABLE one PARTITION OF timebank_tiles FOR VALUES WITH (MODULUS 6, REMAINDER 1);"
        "CREATE TABLE two PARTITION OF timebank_tiles FOR VALUES WITH (MODULUS 6, REMAINDER 4)"
    ),
}


def make(where: str) -> str:
    """The URL of a database in which an administrator has made partitioned tables."""
    url = new_database("postgresql")
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as admin:
        admin.execute(script_text("postgresql", partitions=PARTITIONS))
        if where == "elsewhere":
            admin.execute("CREATE SCHEMA parts")
            for table in TABLES:
                for part in range(PARTITIONS):
                    admin.execute(f"ALTER TABLE timebank_{table}_p{part} SET SCHEMA parts")
    return url


@pytest.fixture(scope="module", params=WHERE)
def place(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """A store with partitions in the same schema, or in another, and what their names begin with.

    Some banks have lived in it.
    """
    from servers import allow

    allow(allowed=True)
    url = make(request.param)
    for name in BANKS:
        with timebank.open(url, bank=name) as bank:
            live(bank)
    yield url, "parts." if request.param == "elsewhere" else ""
    drop_database(url)


def live(bank: TimeBank) -> None:
    """All that a bank does, with a hold that is open, and an erasure."""
    fill(bank)
    with bank.batch() as batch:
        for number in range(5):
            batch.transfer(earner="m1", spender="f1", hours="0:01", id=f"many-{number}")
    bank.rename("m1", "Maria")
    bank.erase("m1", reason="asked")


def found(connection: psycopg.Connection) -> str:
    """What the check of the schema says in the transaction that is open."""
    dialect = PostgreSql()
    ledger = Transaction(dialect.cursor(connection), dialect, "here")
    faults: list[Fault] = schema_faults(ledger)
    return "\n".join(" | ".join(map(str, fault)) for fault in faults)


@pytest.mark.servers
def test_banks_live_in_partitions(place: tuple[str, str]) -> None:
    """They are in several, and opened, rebuilt and audited as anywhere; nothing is asked for."""
    url, prefix = place
    assert [] == migrate_store(url)
    with psycopg.connect(url.replace("+psycopg", "")) as admin:
        counts = [
            admin.execute(f"SELECT count(*) FROM {prefix}timebank_records_p{part}").fetchone()
            for part in range(PARTITIONS)
        ]
        assert 1 < sum(bool(count and count[0]) for count in counts)
    for name in BANKS[:2]:
        with timebank.open(url, bank=name, create=False) as bank:
            before = bank.head(), [str(line) for line in bank.trial_balance().lines]
            assert () == bank.audit().findings
            bank.rebuild()
            assert before == (bank.head(), [str(line) for line in bank.trial_balance().lines])
            assert () == bank.audit().findings


@pytest.mark.servers
def test_a_host_joins_a_bank_in_partitions(place: tuple[str, str]) -> None:
    """Its savepoints are found, though a partitioned table gives no column of the system."""
    url, _ = place
    with psycopg.connect(url.replace("+psycopg", "")) as host:
        bank = timebank.join(host, bank=BANKS[0])
        bank.open_account("of-host")
        with bank.batch() as batch:
            batch.open_account("of-host-2")
        assert () == bank.audit().findings
        host.rollback()


@pytest.mark.servers
@pytest.mark.parametrize("table", ["banks", "records", "postings"])
def test_guards_hold_on_each_partition(place: tuple[str, str], table: str) -> None:
    """By way of the table and of the partition, for rows and for all at once."""
    url, prefix = place
    column = {"banks": "journal", "records": "body", "postings": "seconds"}[table]
    partitions = [f"{prefix}timebank_{table}_p{part}" for part in range(PARTITIONS)]
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as admin:
        for name in (f"timebank_{table}", *partitions):
            tampering = [f"TRUNCATE {name} CASCADE"]
            if admin.execute(f"SELECT 1 FROM {name} LIMIT 1").fetchone():
                tampering += [f"UPDATE {name} SET {column} = {column}", f"DELETE FROM {name}"]
            for sql in tampering:
                with pytest.raises(psycopg.errors.RestrictViolation, match=f"timebank_{table} is"):
                    admin.execute(sql)


@pytest.mark.servers
@pytest.mark.parametrize("place", WHERE[1:], indirect=True)
@pytest.mark.parametrize("name", ALTERS)
def test_what_alters_a_partition_is_named(place: tuple[str, str], name: str) -> None:
    """A partition has to keep what its table promises."""
    url, prefix = place
    sql, words = ALTERS[name]
    with psycopg.connect(url.replace("+psycopg", "")) as admin:
        admin.execute(sql.replace("{p}", prefix))
        assert words in found(admin)
        admin.rollback()


@pytest.mark.servers
@pytest.mark.parametrize("place", WHERE[1:], indirect=True)
@pytest.mark.parametrize("name", KEEPS)
def test_what_alters_no_partition_passes(place: tuple[str, str], name: str) -> None:
    """Partitions are an administrator's to name, to place and to split."""
    url, prefix = place
    with psycopg.connect(url.replace("+psycopg", "")) as admin:
        admin.execute(KEEPS[name].replace("{p}", prefix))
        assert "" == found(admin)
        admin.rollback()


@pytest.mark.servers
def test_a_partition_that_came_later_gets_its_guard() -> None:
    """The audit names what it lacks, and `timebank migrate` makes it, whatever it is called."""
    url = make("beside")
    odd = '"Of 24"."1 ""o\'clock"".x %s"'
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as admin:
        admin.execute('CREATE SCHEMA "Of 24"')
        later = ALTERS["a partition without a guard of TRUNCATE"][0].replace("{p}", "")
        admin.execute(later)
        admin.execute(
            "ALTER TABLE timebank_records DETACH PARTITION timebank_records_p0; "
            f"CREATE TABLE {odd} PARTITION OF timebank_records "
            "FOR VALUES WITH (MODULUS 3, REMAINDER 0)"
        )
        assert "anew_no_truncate" in found(admin)
        assert "x__s_no_truncate" in found(admin)
        assert ["guards"] == migrate_store(url)
        assert "" == found(admin)
        for name in ("anew", odd):
            with pytest.raises(psycopg.errors.RestrictViolation):
                admin.execute(f"TRUNCATE {name} CASCADE")
    drop_database(url)


@pytest.mark.servers
def test_the_printed_statements_are_a_store_of_each_server(tmp_path: Path) -> None:
    """As the server's own client runs them; the store opens, and the audit finds it well."""
    for server in ("postgresql", "mariadb"):
        url, text = new_database(server), script_text(server)
        name = url.partition("?")[0].rpartition("/")[2]
        if server == "mariadb":
            program = shutil.which("mariadb")
            assert program is not None
            command = [program, f"--socket={mariadb()}", "--user=root", name]
            subprocess.run(command, input=text.encode(), check=True, capture_output=True)
        else:
            with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as admin:
                admin.execute(text)
        assert [] == migrate_store(url)
        with timebank.open(url, create=True) as bank:
            fill(bank)
            assert () == bank.audit().findings
        with pytest.raises((psycopg.Error, pymysql.Error, subprocess.CalledProcessError)):
            if server == "mariadb":
                subprocess.run(command, input=text.encode(), check=True, capture_output=True)
            else:
                with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as admin:
                    admin.execute(text)  # over tables that are there
        drop_database(url)


@pytest.mark.parametrize(
    ("server", "partitions"),
    [("sqlite", 0), ("mariadb", 4), ("postgresql", -1), ("postgresql", 1025), ("postgresql", 1.5)],
)
def test_what_there_are_no_statements_for(server: str, partitions: int) -> None:
    """It is said why, before anything is printed."""
    with pytest.raises(InvalidRequest):
        script(server, partitions=partitions)
