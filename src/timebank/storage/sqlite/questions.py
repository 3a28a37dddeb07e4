"""The questions that one bank in SQLite is asked.

Every statement is a constant, so that SQLite's cache of prepared ones serves.
"""

from __future__ import annotations

from typing import Final

from timebank.storage.tables import FEW, MANY, TABLES, Queries, last_postings, other_records

_RECORD = "SELECT sequence, digest, body, kind, id, refers_to FROM timebank_records "
_ACCOUNT_COLUMNS = "account, kind, status, joined_on, floor, ceiling, opened, named, merged_into"
_ACCOUNT = f"SELECT {_ACCOUNT_COLUMNS} FROM timebank_accounts WHERE bank = ? "  # noqa: S608 - our names
_POSTING = """SELECT account, version, sequence, seconds, balance, day FROM timebank_postings
    WHERE bank = ? AND account = ? AND """
_HOLD = "SELECT account, expires_at, sequence, held, incoming FROM timebank_holds "


def _postings_of(columns: str, condition: str, size: int) -> str:
    """Return the question for some rows of each of so many accounts.

    SQLite takes the tables of a CROSS JOIN in this order; so no row is sorted.
    """
    marks = ", ".join("?" * len(columns.split(", ")))
    return f"""WITH wanted ({columns}) AS (VALUES {", ".join([f"({marks})"] * size)})
        SELECT p.account, p.version, p.sequence, p.seconds, p.balance, p.day
        FROM wanted w CROSS JOIN timebank_postings p
        WHERE p.bank = ? AND p.account = w.account AND p.version > w.after {condition}"""  # noqa: S608 - our words


#: By the number of accounts: the rows of each above a version and up to another.
POSTINGS_BETWEEN: Final = {
    size: _postings_of("account, after, through", "AND p.version <= w.through", size)
    for size in (FEW, MANY)
}
#: All rows of each above a version: also one whose version is no number.
POSTINGS_BEHIND: Final = {size: _postings_of("account, after", "", size) for size in (FEW, MANY)}

_TOTALS: Final = "coalesce(sum(max(seconds, 0)), 0), coalesce(sum(max(-seconds, 0)), 0)"

QUERIES: Final = Queries(
    head="""SELECT b.journal, r.sequence, r.digest FROM timebank_banks b
        LEFT JOIN timebank_records r ON r.bank = b.bank
            AND r.sequence = (SELECT max(sequence) FROM timebank_records WHERE bank = b.bank)
        WHERE b.bank = ?""",
    banks="SELECT bank FROM timebank_banks ORDER BY bank",
    has_rows=" UNION ALL ".join(
        f"SELECT 1 WHERE EXISTS (SELECT 1 FROM {table} WHERE bank = ?)"  # noqa: S608 - our names
        for table in TABLES
    ),
    records=_RECORD + "WHERE bank = ? AND sequence > ? ORDER BY sequence LIMIT ?",
    records_but=other_records(_RECORD, "?"),
    find=_RECORD + "WHERE bank = ? AND id = ?",
    # SQLite, which has no statistics, would walk through the bank.
    sequences={
        size: "SELECT id, sequence FROM timebank_records INDEXED BY timebank_records_id "  # noqa: S608 - our words
        f"WHERE bank = ? AND id IN ({', '.join('?' * size)})"
        for size in (FEW, MANY)
    },
    # It would do so here, to save the sorting.
    referring=_RECORD
    + "INDEXED BY timebank_records_refers_to WHERE bank = ? AND refers_to = ? ORDER BY sequence",
    texts="""SELECT sequence, field, salt, text FROM timebank_texts
        WHERE bank = ? AND sequence > ? AND sequence <= ? ORDER BY sequence, field""",
    account=_ACCOUNT + "AND account = ?",
    accounts=_ACCOUNT + "AND account > ? ORDER BY account LIMIT ?",
    first_accounts=_ACCOUNT + "ORDER BY account LIMIT ?",
    last_posting=_POSTING + "sequence <= ? ORDER BY version DESC LIMIT 1",
    # SQLite takes the tables of a CROSS JOIN in this order.
    last_postings=last_postings("?"),
    last_postings_through=last_postings("?", through=True),
    postings=_POSTING + "version > ? ORDER BY version LIMIT ?",
    by_day=_POSTING + "day <= ? AND (day, version) > (?, ?) ORDER BY day, version LIMIT ?",
    by_day_back=_POSTING
    + "day >= ? AND (day, version) < (?, ?) ORDER BY day DESC, version DESC LIMIT ?",
    totals=f"""SELECT {_TOTALS}
        FROM timebank_postings WHERE bank = ? AND account = ? AND day >= ? AND day <= ?""",  # noqa: S608 - our words
    # The key is to be followed, and not the index by day.
    late="""SELECT coalesce(sum(seconds), 0) FROM timebank_postings
        WHERE bank = ? AND account = ? AND version > ? AND version <= ? AND +day <= ?""",
    # Without statistics SQLite would choose the primary key, and sort.
    holds=_HOLD
    + "INDEXED BY timebank_holds_sequence WHERE bank = ? AND (sequence, account) > (?, ?) "
    + "ORDER BY sequence, account LIMIT ?",
    holds_of=_HOLD
    + "WHERE bank = ? AND account = ? AND (expires_at, sequence) > (?, ?) "
    + "ORDER BY expires_at, sequence LIMIT ?",
    statutes="""SELECT sequence, version, closed_through FROM timebank_statutes
        WHERE bank = ? AND sequence < ? ORDER BY sequence DESC LIMIT ?""",
    tiles="""SELECT level, tile, hash FROM timebank_tiles
        WHERE bank = ? AND level = ? AND tile > ? ORDER BY tile LIMIT ?""",
    others="SELECT 1 FROM timebank_banks WHERE bank <> ? LIMIT 1",
)

#: What is found by the id of each record of some, in order. Where nothing is, that is a row too:
#: else the two that another id finds would stand in its place.
SEQUENCES_BY_ID: Final = """SELECT n.sequence FROM timebank_records r
    LEFT JOIN timebank_records n INDEXED BY timebank_records_id
        ON n.bank = r.bank AND n.id = r.id AND n.id IS NOT NULL
    WHERE r.bank = ? AND r.sequence > ? AND r.sequence <= ? AND r.id IS NOT NULL
    ORDER BY r.sequence"""
#: The totals of each account, by the key.
TOTALS_BY_ACCOUNT: Final = f"""SELECT account, {_TOTALS} FROM timebank_postings
    WHERE bank = ? GROUP BY account"""  # noqa: S608 - our words
#: The id of an operation that is not before another.
FOLLOWING_ID: Final = """SELECT id FROM timebank_records INDEXED BY timebank_records_id
    WHERE bank = ? AND id >= ? ORDER BY id LIMIT 1"""
#: The head, and whether the id of an operation is taken; no row where there are no records.
HEAD_AND_ID: Final = """SELECT (SELECT journal FROM timebank_banks WHERE bank = r.bank),
        r.sequence, r.digest,
        EXISTS (SELECT 1 FROM timebank_records n WHERE n.bank = r.bank AND n.id = ?)
    FROM timebank_records r WHERE r.bank = ? ORDER BY r.sequence DESC LIMIT 1"""
