"""PostgreSQL with several schemas: the ledger's tables are where `search_path` finds them."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import psycopg
import pytest

import timebank
from servers import drop_database, new_database
from timebank import BankNotFound, NotFound, StoreError, TimeBank

pytestmark = pytest.mark.servers


@pytest.fixture
def url() -> Iterator[str]:
    """An empty database."""
    made = new_database("postgresql")
    yield made
    drop_database(made)


@pytest.fixture
def admin(url: str) -> Iterator[psycopg.Connection]:
    """Another hand in it, outside of transactions."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        yield connection


def along(url: str, path: str) -> str:
    """The same database, with another `search_path`."""
    return f"{url}&options={quote(f'-csearch_path={path}')}"


def accounts(bank: TimeBank) -> list[str]:
    """The ids of all accounts."""
    return [account.id for account in bank.accounts()]


def schemas(admin: psycopg.Connection) -> list[str]:
    """The schemas with tables of ours, each as often as it has one."""
    query = "SELECT schemaname FROM pg_tables WHERE tablename LIKE 'timebank%' ORDER BY 1"
    return [name for (name,) in admin.execute(query)]


def test_a_schema_for_each_tenant(url: str, admin: psycopg.Connection) -> None:
    """Joined and opened: each has tables and guards of its own, and the audit sees only those."""
    admin.execute("CREATE SCHEMA t1; CREATE SCHEMA t2")
    with psycopg.connect(url.replace("+psycopg", "")) as host:
        bank = timebank.join(host)
        for tenant in ("t1", "t2"):
            host.execute(f"SET search_path = {tenant}, public")
            bank.open_account(f"of-{tenant}")
            host.commit()
        for tenant in ("t1", "t2"):
            host.execute(f"SET search_path = {tenant}, public")
            assert [f"of-{tenant}"] == accounts(bank)
            assert () == bank.audit().findings
            host.commit()
        host.execute("SET search_path = public")
        with pytest.raises(BankNotFound):
            bank.head()
        host.rollback()
    for tenant in ("t1", "t2"):
        with timebank.open(along(url, f"{tenant},public"), create=False) as opened:
            assert ([f"of-{tenant}"], ()) == (accounts(opened), opened.audit().findings)
            opened.open_account("later")
    assert {"t1", "t2"} == set(schemas(admin))
    functions = (
        "SELECT pronamespace::regnamespace::text FROM pg_proc WHERE proname LIKE 'timebank%'"
    )
    assert {"t1", "t2"} == {name for (name,) in admin.execute(functions)}
    with pytest.raises(psycopg.errors.RestrictViolation):  # found, though `search_path` is another
        admin.execute("SET search_path = pg_catalog; UPDATE t1.timebank_records SET kind = 'x'")


def test_tables_in_a_later_schema_are_the_ones(url: str, admin: psycopg.Connection) -> None:
    """The first schema of the path has none: nothing is made there, and nothing is amiss."""
    timebank.open(url).close()
    admin.execute("CREATE SCHEMA t1")
    with timebank.open(along(url, "t1,public")) as bank:
        bank.open_account("a")
        assert (["a"], ()) == (accounts(bank), bank.audit().findings)
        bank.rebuild()
        assert bank.audit().ok
    with psycopg.connect(url.replace("+psycopg", "")) as host:
        host.execute("SET search_path = t1, public")
        bank = timebank.join(host)
        bank.open_account("b")
        assert (["a", "b"], ()) == (accounts(bank), bank.audit().findings)
        host.commit()
    assert {"public"} == set(schemas(admin))


def test_a_role_with_a_schema_of_its_own(url: str, admin: psycopg.Connection) -> None:
    """`search_path` begins with it by default; what is missing in `public` is still found."""
    timebank.open(url).close()
    role = f"app_{admin.info.dbname}"
    admin.execute(f"CREATE ROLE {role} LOGIN")
    admin.execute(f"CREATE SCHEMA {role} AUTHORIZATION {role}")
    admin.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}")
    with timebank.open(url.replace("postgres@", f"{role}@"), create=False) as bank:
        bank.open_account("a")
        assert () == bank.audit().findings
        admin.execute("DROP TRIGGER timebank_records_no_change ON timebank_records")
        admin.execute("ALTER TABLE timebank_banks DROP CONSTRAINT timebank_banks_digest")
        admin.execute("ALTER TABLE timebank_holds ADD COLUMN note text")
        assert {
            ("constraint timebank_banks_digest of timebank_banks", "nothing"),
            ("trigger timebank_records_no_change", "nothing"),
            ("column timebank_holds.note", "TEXT"),
        } == {(finding.place, finding.found) for finding in bank.audit().findings}
    admin.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_a_ledger_half_here_and_half_there_is_found(url: str, admin: psycopg.Connection) -> None:
    """Queries would take one table of each: the audit names the schemas."""
    timebank.open(url).close()
    admin.execute("CREATE SCHEMA t1; ALTER TABLE timebank_holds SET SCHEMA t1")
    with timebank.open(along(url, "public,t1"), create=False) as bank:
        (finding,) = bank.audit().findings
        assert ("schema", "tables of the ledger", "in one schema", "in public, t1") == (
            finding.check,
            finding.place,
            finding.expected,
            finding.found,
        )
    # A ledger that begins in a tenant's schema is whole there, whatever lies behind it.
    admin.execute("CREATE SCHEMA t2; DROP TABLE timebank_migrations")
    with timebank.open(along(url, "t2,public,t1")) as bank:
        assert () == bank.audit().findings
    assert 9 == schemas(admin).count("t2")


def test_no_schema_to_make_tables_in(url: str, admin: psycopg.Connection) -> None:
    """It is the server who says so, in its words."""
    with pytest.raises(StoreError, match="no schema has been selected to create in"):
        timebank.open(along(url, "nowhere"))
    with pytest.raises(NotFound, match="has no ledger in it"):
        timebank.open(along(url, "nowhere"), create=False)
    with pytest.raises(StoreError, match="unrecognized configuration parameter"):
        timebank.open(f"{url}&options=-csearch_pth%3Dpublic")
    assert [] == schemas(admin)
