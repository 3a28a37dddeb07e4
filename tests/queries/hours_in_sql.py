"""Who gave how many hours, by the tables of SQLite alone: a computation that shares no code."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from timebank import TimeBank
from timebank.bank.carrying import carry_bank
from timebank.storage.registry import open_store

#: Seconds by (day, account, category), of days between two; the bank is :bank.
_SQL = """
WITH RECURSIVE
became(account, heir) AS (
    SELECT account, account FROM timebank_accounts WHERE bank = :bank
    UNION
    SELECT became.account, above.merged_into
    FROM became JOIN timebank_accounts AS above
        ON above.bank = :bank AND above.account = became.heir
    WHERE above.merged_into IS NOT NULL
),
people(account, heir) AS (
    SELECT became.account, became.heir
    FROM became JOIN timebank_accounts AS last
        ON last.bank = :bank AND last.account = became.heir
    WHERE last.merged_into IS NULL AND last.kind IN ('member', 'group')
),
records AS (
    SELECT sequence, kind, CAST(body AS TEXT) AS body FROM timebank_records WHERE bank = :bank
),
-- Each record that moved hours, with the hold that it settled, if any.
moved AS (
    SELECT
        one.sequence, one.kind, one.body,
        CASE one.kind WHEN 'settle' THEN json_extract(one.body, '$.effects.resolves') END AS held
    FROM records AS one WHERE one.kind IN ('transfer', 'settle', 'reverse')
),
-- What each takes back: a reversal its original, a settlement what its hold offered to take back.
made AS (
    SELECT
        moved.sequence, moved.body, moved.held,
        COALESCE(
            CASE moved.kind WHEN 'reverse' THEN json_extract(moved.body, '$.effects.reverses') END,
            json_extract(hold.body, '$.effects.reverses')
        ) AS takes_back
    FROM moved LEFT JOIN records AS hold ON hold.sequence = moved.held
),
-- The exchange itself of each: its own, or that of which it takes hours back.
about AS (
    SELECT
        made.sequence, made.body, made.takes_back,
        COALESCE(original.sequence, made.sequence) AS exchange,
        json_extract(COALESCE(original.body, made.body), '$.effects.occurred_on') AS first_day,
        COALESCE(
            CASE WHEN original.sequence IS NULL THEN made.held ELSE original.held END,
            original.sequence,
            made.sequence
        ) AS described
    FROM made LEFT JOIN made AS original ON original.sequence = made.takes_back
),
-- On which day each counts: hours that are taken back on the day of the exchange, unless it was
-- in closed books by then.
dated AS (
    SELECT
        about.*,
        CASE
            WHEN takes_back IS NULL THEN first_day
            WHEN first_day <= (
                SELECT COALESCE(closed_through, '') FROM timebank_statutes
                WHERE bank = :bank AND timebank_statutes.sequence < about.sequence
                ORDER BY sequence DESC LIMIT 1
            ) THEN json_extract(body, '$.effects.occurred_on')
            ELSE first_day
        END AS day
    FROM about
),
labelled AS (
    SELECT
        dated.*,
        json_extract(told.body, '$.request.kind') AS sort,
        CASE
            WHEN last.body IS NULL THEN json_extract(told.body, '$.request.category')
            ELSE json_extract(last.body, '$.effects.sets.category')
        END AS category
    FROM dated
    JOIN records AS told ON told.sequence = dated.described
    LEFT JOIN records AS last ON last.sequence = (
        SELECT MAX(amend.sequence) FROM records AS amend
        WHERE amend.kind = 'amend'
            AND json_extract(amend.body, '$.effects.amends') = dated.described
            AND json_type(amend.body, '$.effects.sets.category') IS NOT NULL
    )
),
lines AS (
    SELECT
        labelled.day, labelled.category,
        json_extract(line.value, '$[0]') AS account,
        json_extract(line.value, '$[1]') AS seconds,
        CASE WHEN labelled.takes_back IS NULL THEN 1 ELSE -1 END AS sign
    FROM labelled, json_each(labelled.body, '$.effects.postings') AS line
    WHERE labelled.sort = 'exchange'
        AND line.key < json_array_length(labelled.body, '$.effects.postings')
            - COALESCE(json_array_length(labelled.body, '$.effects.fee'), 0)
)
SELECT lines.day, people.heir, COALESCE(lines.category, ''), SUM(lines.seconds)
FROM lines JOIN people ON people.account = lines.account
WHERE lines.seconds * lines.sign > 0 AND lines.day BETWEEN :since AND :until
GROUP BY 1, 2, 3 HAVING SUM(lines.seconds) <> 0
"""


def hours_in_sql(
    bank: TimeBank, since: str = "0000", until: str = "9999"
) -> Counter[tuple[str, str, str]]:
    """Seconds by day, account and category, of a bank that is copied into a file of SQLite."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "bank.db"
        with closing(open_store(f"sqlite:///{path}", create=True)) as store:
            carry_bank(bank.store, store, bank=bank.name)
        with closing(sqlite3.connect(path)) as connection:
            values = {"bank": bank.name, "since": since, "until": until}
            rows = connection.execute(_SQL, values).fetchall()
    return Counter({(day, account, category): s for day, account, category, s in rows})
