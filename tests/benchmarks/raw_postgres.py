"""The yardstick on PostgreSQL: the same tables, chain and guarantees, in statements by hand."""

from __future__ import annotations

from typing import Any

import psycopg

from timebank.journal import canonical, digest, genesis
from timebank.storage.server.migrations import statements

Load = list[tuple[str, str, int, str, str]]


class RawPostgres:
    """One bank, written to as a careful programmer would: lock, look, insert, move the head."""

    def __init__(self, url: str, bank: str, accounts: list[str]) -> None:
        self.bank = bank
        self.connection = psycopg.connect(url.replace("+psycopg", ""), autocommit=True)
        cursor = self.connection.cursor()
        with self.connection.transaction():
            cursor.execute("SELECT pg_advisory_xact_lock(1)")
            for statement in statements("postgresql"):
                cursor.execute(statement)
        first = digest(genesis("j"), b"{}")
        cursor.execute("INSERT INTO timebank_banks VALUES (%s, 'j', 1, %s)", (bank, first))
        cursor.execute(
            "INSERT INTO timebank_records VALUES (%s, 1, %s, '{}', 'open_account', NULL, NULL)",
            (bank, first),
        )
        for account in accounts:
            cursor.execute(
                "INSERT INTO timebank_accounts VALUES "
                "(%s, %s, 'fund', 'open', NULL, 'inherit', 'inherit', 1, NULL)",
                (bank, account),
            )

    def post(self, load: Load) -> None:
        """One commit for each transfer."""
        cursor = self.connection.cursor()
        for transfer in load:
            self._transfer(cursor, *transfer)

    def _transfer(  # noqa: PLR0917  # a row of the load
        self, cursor: Any, earner: str, spender: str, seconds: int, id: str, day: str
    ) -> None:
        bank, sides = self.bank, ((earner, seconds), (spender, -seconds))
        cursor.execute("BEGIN")
        cursor.execute(
            "SELECT sequence, digest FROM timebank_banks WHERE bank = %s FOR UPDATE", (bank,)
        )
        sequence, before = cursor.fetchone()
        cursor.execute("SELECT 1 FROM timebank_records WHERE bank = %s AND id = %s", (bank, id))
        if cursor.fetchone() is not None:
            cursor.execute("ROLLBACK")
            return
        postings = []
        for account, change in sides:
            cursor.execute(
                "SELECT version, balance FROM timebank_postings WHERE bank = %s AND account = %s "
                "ORDER BY version DESC LIMIT 1",
                (bank, account),
            )
            version, balance = cursor.fetchone() or (0, 0)
            row = (bank, account, version + 1, sequence + 1, change, balance + change, day)
            postings.append(row)
        body = canonical({"day": day, "id": id, "pad": "x" * 250, "postings": list(sides)})
        after = digest(before, body)
        cursor.execute(
            "INSERT INTO timebank_records VALUES (%s, %s, %s, %s, 'transfer', %s, NULL)",
            (bank, sequence + 1, after, body, id),
        )
        for row in postings:
            cursor.execute("INSERT INTO timebank_postings VALUES (%s, %s, %s, %s, %s, %s, %s)", row)
        cursor.execute(
            "UPDATE timebank_banks SET sequence = %s, digest = %s "
            "WHERE bank = %s AND sequence = %s",
            (sequence + 1, after, bank, sequence),
        )
        cursor.execute("COMMIT")

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()


class WithoutChain:
    """Transfers as most applications write them: balances in rows, which are locked and changed.

    There is no chain and no digest, so that clients with other accounts do not wait.
    """

    def __init__(self, url: str, accounts: list[str]) -> None:
        self.connection = psycopg.connect(url.replace("+psycopg", ""), autocommit=True)
        with self.connection.transaction():
            execute = self.connection.execute
            execute("SELECT pg_advisory_xact_lock(2)")
            execute(
                "CREATE TABLE IF NOT EXISTS held"
                " (account text PRIMARY KEY, balance bigint NOT NULL)"
            )
            execute("CREATE TABLE IF NOT EXISTS moved (id text PRIMARY KEY, body text NOT NULL)")
            execute(
                "CREATE TABLE IF NOT EXISTS posted (id text REFERENCES moved, account text"
                " REFERENCES held, seconds bigint NOT NULL, balance bigint NOT NULL,"
                " day date NOT NULL, PRIMARY KEY (id, account))"
            )
            for account in accounts:
                execute("INSERT INTO held VALUES (%s, 0) ON CONFLICT DO NOTHING", (account,))

    def post(self, transfers: Load) -> None:
        """One durable transfer after the other."""
        execute = self.connection.execute
        for earner, spender, seconds, id, day in transfers:
            with self.connection.transaction():
                found = execute(
                    "SELECT account, balance FROM held WHERE account IN (%s, %s)"
                    " ORDER BY account FOR UPDATE",
                    (earner, spender),
                ).fetchall()
                balances: dict[str, int] = dict(found)
                balances[earner] += seconds
                balances[spender] -= seconds
                body = canonical({"id": id, "earner": earner, "spender": spender, "day": day})
                execute("INSERT INTO moved VALUES (%s, %s)", (id, body.decode()))
                for account, change in ((earner, seconds), (spender, -seconds)):
                    execute(
                        "INSERT INTO posted VALUES (%s, %s, %s, %s, %s)",
                        (id, account, change, balances[account], day),
                    )
                    execute(
                        "UPDATE held SET balance = %s WHERE account = %s",
                        (balances[account], account),
                    )

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()
