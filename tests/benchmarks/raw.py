"""The yardsticks: what an engineer would write by hand on `sqlite3`.

`Raw` has the same guarantees as ours: the same tables, indexes and triggers, the same rows, a
chain of digests, an id looked up, a floor held under an immediate transaction, the same PRAGMAs.
`Lean` is as durable, and keeps what a ledger cannot do without: a record with its digest, two
postings with balances, two account rows that are updated, in tables of its own.
"""

from __future__ import annotations

import json
import sqlite3
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

from timebank.journal import genesis
from timebank.storage import open_store

BANK = "main"
RECORD = (
    "INSERT INTO timebank_records (bank, sequence, digest, body, kind, id)"
    " VALUES (?, ?, ?, ?, ?, ?)"
)
POSTING = (
    "INSERT INTO timebank_postings (bank, account, version, sequence, seconds, balance, day)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)
LAST = (
    "SELECT version, balance FROM timebank_postings WHERE bank = ? AND account = ?"
    " ORDER BY version DESC LIMIT 1"
)
HEAD = "SELECT sequence, digest FROM timebank_records WHERE bank = ? ORDER BY sequence DESC LIMIT 1"
FIND = "SELECT sequence FROM timebank_records WHERE bank = ? AND id = ?"
encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


class Raw:
    """One bank, by hand."""

    def __init__(self, path: Path, *, synchronous: str, accounts: list[str]) -> None:
        with_tables = open_store(f"sqlite:///{path}", create=True)
        with_tables.make_bank(BANK, journal="raw")
        with_tables.close()
        self.connection = sqlite3.connect(path, isolation_level=None, timeout=30)
        for pragma in (
            f"synchronous = {synchronous}",
            "foreign_keys = ON",
            "secure_delete = ON",
            "recursive_triggers = ON",
        ):
            self.connection.execute(f"PRAGMA {pragma}")
        self.sequence, self.digest = 0, genesis("raw")
        self.connection.execute("BEGIN IMMEDIATE")
        for account in accounts:
            self._record("open_account", {"account": account}, {"account": account}, None)
            self.connection.execute(
                "INSERT INTO timebank_accounts (bank, account, kind, status, opened)"
                " VALUES (?, ?, 'fund', 'open', ?)",
                (BANK, account, self.sequence),
            )
        self.connection.execute("COMMIT")

    def _body(self, kind: str, request: Any, effects: Any) -> bytes:
        record = {
            "effects": effects,
            "format": "timebank/1",
            "journal": "raw",
            "kind": kind,
            "recorded_at": time.time_ns() // 1000,
            "request": request,
            "sequence": self.sequence,
        }
        return encode(record).encode()

    def _record(self, kind: str, request: Any, effects: Any, id: str | None) -> None:
        self.connection.execute(RECORD, self._row(kind, request, effects, id))

    def _row(self, kind: str, request: Any, effects: Any, id: str | None) -> tuple[Any, ...]:
        self.sequence += 1
        body = self._body(kind, request, effects)
        self.digest = sha256(self.digest + body).digest()
        return (BANK, self.sequence, self.digest, body, kind, id)

    def transfer(self, earner: str, spender: str, seconds: int, id: str, day: str) -> None:
        """One durable transfer."""
        execute = self.connection.execute
        execute("BEGIN IMMEDIATE")
        self.sequence, self.digest = execute(HEAD, (BANK,)).fetchone()
        if execute(FIND, (BANK, id)).fetchone() is not None:
            raise ValueError(id)
        rows = []
        for account, change in ((earner, seconds), (spender, -seconds)):
            version, balance = execute(LAST, (BANK, account)).fetchone() or (0, 0)
            if change < 0 and balance + change < -(2**53):
                raise ValueError(account)
            rows.append(
                (BANK, account, version + 1, self.sequence + 1, change, balance + change, day)
            )
        self._record("transfer", _request(id, earner, spender, seconds), _effects(rows, day), id)
        for row in rows:
            execute(POSTING, row)
        execute("COMMIT")

    def post(self, transfers: list[tuple[str, str, int, str, str]]) -> None:
        """One durable transfer after the other."""
        for one in transfers:
            self.transfer(*one)

    def batch(self, transfers: list[tuple[str, str, int, str, str]]) -> None:
        """Many transfers in one commit, by `executemany`."""
        execute, many = self.connection.execute, self.connection.executemany
        execute("BEGIN IMMEDIATE")
        last: dict[str, tuple[int, int]] = {}
        records, postings = [], []
        for earner, spender, seconds, id, day in transfers:
            rows = []
            for account, change in ((earner, seconds), (spender, -seconds)):
                version, balance = last.get(account, (0, 0))
                last[account] = (version + 1, balance + change)
                rows.append(
                    (BANK, account, version + 1, self.sequence + 1, change, balance + change, day)
                )
            request = _request(id, earner, spender, seconds)
            records.append(self._row("transfer", request, _effects(rows, day), id))
            postings += rows
        many(RECORD, records)
        many(POSTING, postings)
        execute("COMMIT")

    def scan(self) -> int:
        """Read every record and posting back, and check the chain: what any audit must do."""
        before, records = genesis("raw"), 0
        for digest, body in self.connection.execute(
            "SELECT digest, body FROM timebank_records WHERE bank = ? ORDER BY sequence", (BANK,)
        ):
            before = sha256(before + body).digest()
            if before != digest:
                raise ValueError(records)
            records += 1
        for _ in self.connection.execute("SELECT * FROM timebank_postings WHERE bank = ?", (BANK,)):
            pass
        return records


#: The tables of the leaner yardstick: no triggers, no index but the keys, nothing to look up.
LEAN = """
CREATE TABLE accounts (id TEXT PRIMARY KEY, balance INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE records (sequence INTEGER PRIMARY KEY, digest BLOB NOT NULL, body BLOB NOT NULL);
CREATE TABLE postings (
    sequence INTEGER, account TEXT, seconds INTEGER NOT NULL, balance INTEGER NOT NULL,
    PRIMARY KEY (sequence, account)
) WITHOUT ROWID;
"""
LAST_RECORD = "SELECT sequence, digest FROM records ORDER BY sequence DESC LIMIT 1"
MOVE = "UPDATE accounts SET balance = balance + ? WHERE id = ? RETURNING balance"


class Lean:
    """A ledger that keeps little, and commits it as durably."""

    def __init__(self, path: Path, *, synchronous: str, accounts: list[str]) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None, timeout=30)
        self.connection.execute("PRAGMA journal_mode = WAL").fetchone()
        self.connection.execute(f"PRAGMA synchronous = {synchronous}")
        self.connection.executescript(LEAN)
        rows = ((account,) for account in accounts)
        self.connection.executemany("INSERT INTO accounts VALUES (?, 0)", rows)

    def transfer(self, earner: str, spender: str, seconds: int, id: str, day: str) -> None:
        """One durable transfer."""
        execute = self.connection.execute
        execute("BEGIN IMMEDIATE")
        before, digest = execute(LAST_RECORD).fetchone() or (0, b"")
        sequence, sides = before + 1, ((earner, seconds), (spender, -seconds))
        postings = [
            (sequence, account, change, *execute(MOVE, (change, account)).fetchone())
            for account, change in sides
        ]
        body = encode({"day": day, "id": id, "sequence": sequence, "sides": sides}).encode()
        digest = sha256(digest + body).digest()
        execute("INSERT INTO records VALUES (?, ?, ?)", (sequence, digest, body))
        self.connection.executemany("INSERT INTO postings VALUES (?, ?, ?, ?)", postings)
        execute("COMMIT")

    def post(self, transfers: list[tuple[str, str, int, str, str]]) -> None:
        """One durable transfer after the other."""
        for one in transfers:
            self.transfer(*one)


def _request(id: str, earner: str, spender: str, seconds: int) -> dict[str, Any]:
    return {
        "earners": [[earner, seconds]],
        "id": id,
        "kind": "exchange",
        "occurred_on": "2026-03-02",
        "spenders": [[spender, seconds]],
    }


def _effects(rows: list[tuple[Any, ...]], day: str) -> dict[str, Any]:
    postings = [[row[1], row[4]] for row in rows]
    return {"occurred_on": day, "postings": postings, "statute": "default/1"}
