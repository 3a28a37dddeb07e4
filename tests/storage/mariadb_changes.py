"""Changes of the ledger's tables on MariaDB: some alter what they mean, and some do not.

Each is a list of statements under the words that say what it does. One that alters something has,
too, what a finding says of it, in its place or in what it found.
"""

# ruff: noqa: ISC004 - a change is one text, on however many lines it stands

from __future__ import annotations

from typing import Final

Statements = tuple[str, ...]

_RECORDS: Final = "CREATE OR REPLACE TRIGGER timebank_records_no_update "
_REFUSE: Final = (
    "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'a row of timebank_records is never changed'"
)
_NO_BALANCE: Final = "ALTER TABLE timebank_postings DROP CONSTRAINT timebank_postings_balance"
_BALANCE: Final = f"{_NO_BALANCE}, ADD CONSTRAINT timebank_postings_balance CHECK "
_NO_KEY: Final = "ALTER TABLE timebank_texts DROP FOREIGN KEY timebank_texts_record"
_KEY: Final = (
    "ALTER TABLE timebank_texts ADD CONSTRAINT timebank_texts_record FOREIGN KEY (bank, sequence) "
    "REFERENCES timebank_records (bank, sequence)"
)
_DAY: Final = "ALTER TABLE timebank_postings DROP INDEX timebank_postings_day, ADD "
_BARE: Final = "ALTER TABLE timebank_tiles DROP FOREIGN KEY timebank_tiles_bank"

MARIADB_ALTERS: Final[dict[str, tuple[Statements, str]]] = {
    # Guards.
    "a guard does nothing": (
        (f"{_RECORDS}BEFORE UPDATE ON timebank_records FOR EACH ROW SET @x = 1",),
        "SET @x = 1",
    ),
    "a guard of one row": (
        (
            f"{_RECORDS}BEFORE UPDATE ON timebank_records FOR EACH ROW "
            f"BEGIN IF OLD.sequence = 1 THEN {_REFUSE}; END IF; END",
        ),
        "OLD.sequence = 1",
    ),
    "a guard that only warns": (
        (
            f"{_RECORDS}BEFORE UPDATE ON timebank_records FOR EACH ROW "
            f"{_REFUSE.replace('45000', '01000')}",
        ),
        "01000",
    ),
    "a guard that comes afterwards": (
        (f"{_RECORDS}AFTER UPDATE ON timebank_records FOR EACH ROW {_REFUSE}",),
        "AFTER UPDATE",
    ),
    "a guard of another event": (
        (f"{_RECORDS}BEFORE INSERT ON timebank_records FOR EACH ROW {_REFUSE}",),
        "BEFORE INSERT",
    ),
    "a guard on another table": (
        (
            "DROP TRIGGER timebank_records_no_update",
            "CREATE TABLE x (a int)",
            f"{_RECORDS}BEFORE UPDATE ON x FOR EACH ROW {_REFUSE}",
        ),
        "timebank_records_no_update",
    ),
    "a guard that a session switches off": (
        (
            f"{_RECORDS}BEFORE UPDATE ON timebank_records FOR EACH ROW "
            f"BEGIN IF @timebank_rebuild IS NULL THEN {_REFUSE}; END IF; END",
        ),
        "timebank_records_no_update",
    ),
    "a guard is gone": (("DROP TRIGGER timebank_postings_no_delete",), "postings_no_delete"),
    "guards are gone, and the note of them": (
        (
            "DELETE FROM timebank_migrations WHERE name = 'guards'",
            "DROP TRIGGER timebank_records_no_update",
            "DROP TRIGGER timebank_records_no_delete",
        ),
        "timebank_migrations",
    ),
    "guards are gone, and noted as never made": (
        (
            "UPDATE timebank_migrations SET name = 'unguarded' WHERE name = 'guards'",
            *(
                f"DROP TRIGGER timebank_{table}_no_{event}"
                for table in ("banks", "records", "postings")
                for event in ("update", "delete")
            ),
        ),
        "timebank_records_no_update",
    ),
    # Triggers of others.
    "a foreign trigger": (
        (
            "CREATE TRIGGER evil BEFORE INSERT ON timebank_postings FOR EACH ROW "
            "SET NEW.seconds = NEW.seconds + 3600",
        ),
        "trigger evil",
    ),
    "a foreign trigger before a guard": (
        (
            "CREATE TRIGGER evil BEFORE UPDATE ON timebank_records FOR EACH ROW "
            "PRECEDES timebank_records_no_update SET NEW.kind = OLD.kind",
        ),
        "trigger evil",
    ),
    "a foreign trigger under our name": (
        (
            "DROP TRIGGER timebank_records_no_update",
            f"{_RECORDS}AFTER INSERT ON timebank_texts FOR EACH ROW SET @x = 1",
        ),
        "timebank_records_no_update",
    ),
    # Checks.
    "a check is made true": ((f"{_BALANCE}(1)",), "CHECK (1)"),
    "a check is of another column": (
        (f"{_BALANCE}(seconds BETWEEN -9007199254740992 AND 9007199254740992)",),
        "timebank_postings_balance",
    ),
    "a check has another bound": (
        (f"{_BALANCE}(balance BETWEEN -9007199254740992 AND 9007199254740993)",),
        "9007199254740993",
    ),
    "a check is gone": ((_NO_BALANCE,), "timebank_postings_balance"),
    "a check counts letters": (
        (
            "ALTER TABLE timebank_postings DROP CONSTRAINT timebank_postings_day, "
            "ADD CONSTRAINT timebank_postings_day CHECK (char_length(day) = 10)",
        ),
        "char_length",
    ),
    "a check more": (("ALTER TABLE timebank_postings ADD CHECK (seconds < 360000)",), "360000"),
    "a check in a column": (
        ("ALTER TABLE timebank_tiles MODIFY tile BIGINT NOT NULL CHECK (tile <> 7)",),
        "7",
    ),
    # Foreign keys.
    "a foreign key is gone": ((_NO_KEY,), "timebank_texts_record"),
    "a foreign key is a check": (
        (
            _NO_KEY,
            "ALTER TABLE timebank_texts ADD CONSTRAINT timebank_texts_record CHECK (1)",
        ),
        "timebank_texts_record",
    ),
    "a foreign key that deletes": ((_NO_KEY, f"{_KEY} ON DELETE CASCADE"), "ON DELETE CASCADE"),
    "a foreign key that follows": ((_NO_KEY, f"{_KEY} ON UPDATE CASCADE"), "ON UPDATE CASCADE"),
    "a foreign key to another table": (
        (
            _NO_KEY,
            _KEY.replace("timebank_records (bank, sequence)", "timebank_statutes (bank, sequence)"),
        ),
        "timebank_statutes",
    ),
    "a foreign key more": (
        (
            "CREATE TABLE x (n BIGINT PRIMARY KEY) ENGINE=InnoDB",
            "ALTER TABLE timebank_postings ADD FOREIGN KEY (seconds) REFERENCES x (n)",
        ),
        "FOREIGN KEY (seconds)",
    ),
    # Keys.
    "a unique key of more columns": (
        (
            "ALTER TABLE timebank_records DROP INDEX timebank_records_id, "
            "ADD UNIQUE timebank_records_id (bank, sequence, id)",
        ),
        "UNIQUE (bank, sequence, id)",
    ),
    "a unique key of beginnings": (
        (
            "ALTER TABLE timebank_records DROP INDEX timebank_records_id, "
            "ADD UNIQUE timebank_records_id (bank, id(20))",
        ),
        "id(20)",
    ),
    "a unique key that is none": (
        (
            "ALTER TABLE timebank_records DROP INDEX timebank_records_id, "
            "ADD INDEX timebank_records_id (bank, id)",
        ),
        "timebank_records_id",
    ),
    "a unique key more": (
        ("ALTER TABLE timebank_postings ADD UNIQUE one (bank, account, day)",),
        "UNIQUE (bank, account, day)",
    ),
    "a primary key is another": (
        (_BARE, "ALTER TABLE timebank_tiles DROP PRIMARY KEY, ADD PRIMARY KEY (bank, tile, level)"),
        "PRIMARY KEY (bank, tile, level)",
    ),
    "a primary key is gone": ((_BARE, "ALTER TABLE timebank_tiles DROP PRIMARY KEY"), "_pkey"),
    "an index is of other columns": (
        (f"{_DAY}INDEX timebank_postings_day (bank, account, version)",),
        "timebank_postings_day",
    ),
    "an index that is not used": (
        ("ALTER TABLE timebank_postings ALTER INDEX timebank_postings_day IGNORED",),
        "IGNORED",
    ),
    # Columns.
    "a column of another type": (
        ("ALTER TABLE timebank_postings MODIFY seconds DECIMAL(30, 2) NOT NULL",),
        "DECIMAL(30,2)",
    ),
    "a column without a sign": (
        ("ALTER TABLE timebank_holds MODIFY held BIGINT UNSIGNED NOT NULL",),
        "UNSIGNED",
    ),
    "a column of another collation": (
        (
            "ALTER TABLE timebank_accounts MODIFY status VARCHAR(16) CHARACTER SET utf8mb4 "
            "COLLATE utf8mb4_general_ci NOT NULL",
        ),
        "utf8mb4_general_ci",
    ),
    "a column that is padded": (
        (
            "ALTER TABLE timebank_accounts MODIFY status VARCHAR(16) CHARACTER SET utf8mb4 "
            "COLLATE utf8mb4_bin NOT NULL",
        ),
        "utf8mb4_bin",
    ),
    "a column that is cut": (
        ("ALTER TABLE timebank_records MODIFY body BLOB NOT NULL",),
        "BLOB NOT NULL",
    ),
    "a column that may be empty": (
        ("ALTER TABLE timebank_postings MODIFY balance BIGINT",),
        "timebank_postings.balance",
    ),
    "a column with a default": (
        ("ALTER TABLE timebank_postings ALTER seconds SET DEFAULT 5",),
        "DEFAULT 5",
    ),
    "a column that hides": (
        ("ALTER TABLE timebank_holds MODIFY held BIGINT NOT NULL DEFAULT 0 INVISIBLE",),
        "INVISIBLE",
    ),
    "a column more": (("ALTER TABLE timebank_holds ADD note TEXT",), "timebank_holds.note"),
    "a column more that hides": (
        ("ALTER TABLE timebank_holds ADD note TEXT INVISIBLE",),
        "timebank_holds.note",
    ),
    "a column that is made": (
        ("ALTER TABLE timebank_holds ADD g BIGINT AS (held + 1) STORED",),
        "held",
    ),
    "a column that is missing": (
        (
            "ALTER TABLE timebank_statutes DROP COLUMN closed_through, DROP CONSTRAINT "
            "timebank_statutes_closed",
        ),
        "closed_through",
    ),
    # Tables.
    "an engine without transactions": (
        (_BARE, "ALTER TABLE timebank_tiles ENGINE=MyISAM"),
        "MyISAM",
    ),
    "an engine that survives crashes alone": (
        (_BARE, "ALTER TABLE timebank_tiles ENGINE=Aria TRANSACTIONAL=1"),
        "Aria",
    ),
    "a table that is a view": (
        (
            "RENAME TABLE timebank_tiles TO tiles",
            "CREATE VIEW timebank_tiles AS SELECT * FROM tiles",
        ),
        "VIEW",
    ),
    "a table hidden by a temporary one": (
        ("CREATE TEMPORARY TABLE timebank_holds (bank TEXT)",),
        "TEMPORARY TABLE",
    ),
    "a table that keeps what was erased": (
        ("ALTER TABLE timebank_texts ADD SYSTEM VERSIONING",),
        "SYSTEM VERSIONED",
    ),
    "a table that is partitioned": (
        (_BARE, "ALTER TABLE timebank_tiles PARTITION BY KEY (bank) PARTITIONS 2"),
        "timebank_tiles_bank",
    ),
    # Settings.
    "foreign keys off in a session": (("SET foreign_key_checks = 0",), "foreign_key_checks"),
    "checks off in a session": (("SET check_constraint_checks = 0",), "check_constraint_checks"),
    "unique keys off in a session": (("SET unique_checks = 0",), "unique_checks"),
    "postings unguarded in a session": (("SET @timebank_rebuild = 1",), "timebank_rebuild"),
}

MARIADB_KEEPS: Final[dict[str, Statements]] = {
    "a comment": ("ALTER TABLE timebank_records COMMENT 'CHECK (1), ENGINE=MyISAM'",),
    "a comment on a column": (
        "ALTER TABLE timebank_postings MODIFY seconds BIGINT NOT NULL COMMENT 'it''s, CHECK (1)'",
    ),
    "a compressed column": (
        "ALTER TABLE timebank_records MODIFY body LONGBLOB COMPRESSED NOT NULL",
    ),
    "statistics": ("ANALYZE TABLE timebank_records PERSISTENT FOR ALL",),
    "statistics that stay": ("ALTER TABLE timebank_records STATS_PERSISTENT=1",),
    "another format of rows": ("ALTER TABLE timebank_records ROW_FORMAT=COMPRESSED",),
    "another collation of the table": (
        "ALTER TABLE timebank_holds DEFAULT CHARACTER SET latin1 COLLATE latin1_swedish_ci",
    ),
    "written anew": ("OPTIMIZE TABLE timebank_texts",),
    "an index more": ("CREATE INDEX more ON timebank_records (kind)",),
    "an index more, of beginnings": ("CREATE INDEX more ON timebank_records (body(20))",),
    "an index of words": ("CREATE FULLTEXT INDEX more ON timebank_records (kind)",),
    "an index of another name": (
        "ALTER TABLE timebank_postings RENAME INDEX timebank_postings_day TO another",
    ),
    "an index with a comment": (
        f"{_DAY}INDEX timebank_postings_day (bank, account, day, version) COMMENT 'IGNORED'",
    ),
    "a constraint of another name": (
        "ALTER TABLE timebank_tiles DROP CONSTRAINT timebank_tiles_level, "
        "ADD CONSTRAINT levels CHECK ((`level` >= 0) AND (`level` <= 6))",
    ),
    "a foreign key anew": (_NO_KEY, f"{_KEY} ON DELETE NO ACTION ON UPDATE RESTRICT"),
    "a guard of another name": (
        "DROP TRIGGER timebank_records_no_update",
        f"CREATE TRIGGER refuse BEFORE UPDATE ON timebank_records FOR EACH ROW {_REFUSE}",
    ),
    "a guard of another definer and mode": (
        "SET sql_mode = 'ANSI'",
        "CREATE OR REPLACE DEFINER = CURRENT_USER TRIGGER timebank_records_no_update "
        f"BEFORE UPDATE ON timebank_records FOR EACH ROW {_REFUSE}",
    ),
    "a session in another mode": ("SET sql_mode = 'ANSI,ORACLE'",),
    "a session that quotes nothing": ("SET sql_quote_show_create = 0",),
    "privileges": (
        "CREATE USER IF NOT EXISTS somebody",
        "GRANT SELECT ON timebank_records TO somebody",
    ),
    "what refers to ours": (
        "CREATE TABLE booking (bank VARCHAR(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin, "
        "FOREIGN KEY (bank) REFERENCES timebank_banks (bank) ON DELETE CASCADE)",
    ),
    "a table beside ours": ("CREATE TABLE timebank_notes (note TEXT)",),
    "a view of ours": ("CREATE VIEW balances AS SELECT * FROM timebank_postings",),
}

#: One or two of each kind, for every day.
MARIADB_OFTEN: Final = {
    "a guard does nothing",
    "a guard that comes afterwards",
    "guards are gone, and the note of them",
    "guards are gone, and noted as never made",
    "a foreign trigger",
    "a check is made true",
    "a foreign key that deletes",
    "a unique key of beginnings",
    "an index that is not used",
    "a column of another collation",
    "a column that hides",
    "an engine without transactions",
    "a table hidden by a temporary one",
    "foreign keys off in a session",
    "a comment on a column",
    "a constraint of another name",
    "a guard of another definer and mode",
    "a session in another mode",
}
