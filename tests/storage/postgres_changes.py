"""Changes of the ledger's tables on PostgreSQL: some alter what they mean, and some do not.

Each is SQL under the words that say what it does. One that alters something has, too, what a
finding says of it, in its place or in what it found. `{database}` is the name of the database.
"""

# ruff: noqa: ISC004 - a change is one text, on however many lines it stands

from __future__ import annotations

from typing import Final

#: By what they do: the statements, and a part of the place or the definition that is found.
Changes = dict[str, tuple[str, str]]

_NOTHING: Final = (
    "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$; "
)
_GUARD: Final = "DROP TRIGGER timebank_records_no_change ON timebank_records; "
_ANEW: Final = "CREATE TRIGGER timebank_records_no_change "
_ON: Final = "ON timebank_records FOR EACH ROW EXECUTE FUNCTION timebank_refuse('timebank_records')"
_FUNCTION: Final = "CREATE OR REPLACE FUNCTION timebank_refuse() RETURNS trigger LANGUAGE plpgsql "
_CHECK: Final = (
    "ALTER TABLE timebank_postings DROP CONSTRAINT timebank_postings_balance, "
    "ADD CONSTRAINT timebank_postings_balance CHECK "
)
_KEY: Final = "ALTER TABLE timebank_postings DROP CONSTRAINT timebank_postings_record; "
_KEY_ANEW: Final = (
    f"{_KEY}ALTER TABLE timebank_postings ADD CONSTRAINT timebank_postings_record "
    "FOREIGN KEY (bank, sequence) REFERENCES timebank_records (bank, sequence)"
)
_ID: Final = "ALTER TABLE timebank_records DROP CONSTRAINT timebank_records_id; "
_DAY: Final = "DROP INDEX timebank_postings_day; "

#: On PostgreSQL, as the owner of the tables or a superuser.
POSTGRES_ALTERS: Final[Changes] = {
    # Guards: their function.
    "a guard's body does nothing": (
        f"{_FUNCTION}AS $$ BEGIN IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END $$",
        "timebank_records_no_change",
    ),
    "a guard's body has one word less": (
        "DO $do$ BEGIN EXECUTE replace(pg_get_functiondef('timebank_refuse'::regproc), "
        "'AND TG_OP = ''DELETE''', ''); END $do$",
        "timebank_postings_no_change",
    ),
    "a guard is of another language": (
        f"{_GUARD}{_ANEW}BEFORE DELETE OR UPDATE ON timebank_records FOR EACH ROW "
        "EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "suppress_redundant_updates_trigger",
    ),
    "a guard has settings": (
        "ALTER FUNCTION timebank_refuse() SET session_replication_role = 'replica'",
        "WITH SETTINGS",
    ),
    "a guard is of its definer": (
        "ALTER FUNCTION timebank_refuse() SECURITY DEFINER",
        "SECURITY DEFINER",
    ),
    "a guard calls its namesake": (
        "CREATE SCHEMA other; CREATE FUNCTION other.timebank_refuse() RETURNS trigger LANGUAGE "
        f"plpgsql AS $$ BEGIN RETURN NEW; END $$; {_GUARD}{_ANEW}BEFORE UPDATE OR DELETE "
        f"{_ON.replace('timebank_refuse', 'other.timebank_refuse')}",
        "timebank_records_no_change",
    ),
    # Guards: when they are called.
    "a guard never applies": (
        f"{_GUARD}{_ANEW}BEFORE UPDATE OR DELETE {_ON.replace('EXECUTE', 'WHEN (false) EXECUTE')}",
        "WHEN (false)",
    ),
    "a guard is for some rows": (
        f"{_GUARD}{_ANEW}BEFORE UPDATE OR DELETE "
        f"{_ON.replace('EXECUTE', 'WHEN (OLD.sequence > 9) EXECUTE')}",
        "sequence > 9",
    ),
    "a guard is for one column": (
        f"{_GUARD}{_ANEW}BEFORE UPDATE OF kind OR DELETE {_ON}",
        "UPDATE OF kind",
    ),
    "the guard of banks is for one column": (
        "DROP TRIGGER timebank_banks_no_change ON timebank_banks; CREATE TRIGGER "
        "timebank_banks_no_change BEFORE UPDATE OF bank OR DELETE ON timebank_banks "
        "FOR EACH ROW EXECUTE FUNCTION timebank_refuse('timebank_banks')",
        "timebank_banks_no_change",
    ),
    "a guard is for UPDATE alone": (f"{_GUARD}{_ANEW}BEFORE UPDATE {_ON}", "BEFORE UPDATE FOR"),
    "a guard is for INSERT": (f"{_GUARD}{_ANEW}BEFORE INSERT {_ON}", "BEFORE INSERT"),
    "a guard comes afterwards": (
        f"{_GUARD}{_ANEW}AFTER UPDATE OR DELETE {_ON}",
        "AFTER DELETE OR UPDATE",
    ),
    "a guard is of statements": (
        f"{_GUARD}{_ANEW}BEFORE UPDATE OR DELETE {_ON.replace('EACH ROW', 'EACH STATEMENT')}",
        "FOR EACH STATEMENT",
    ),
    "a guard has another argument": (
        f"{_GUARD}{_ANEW}BEFORE UPDATE OR DELETE "
        "ON timebank_records FOR EACH ROW EXECUTE FUNCTION timebank_refuse('timebank_postings')",
        "timebank_refuse('timebank_postings')",
    ),
    "a guard has no argument": (
        f"{_GUARD}{_ANEW}BEFORE UPDATE OR DELETE ON timebank_records FOR EACH ROW "
        "EXECUTE FUNCTION timebank_refuse()",
        "timebank_refuse()",
    ),
    "a guard has one argument more": (
        f"{_GUARD}{_ANEW}BEFORE UPDATE OR DELETE {_ON.replace(')', ', 1)')}",
        "'1'",
    ),
    "a guard is on another table": (
        f"{_GUARD}CREATE TABLE x (a int); {_ANEW}BEFORE UPDATE OR DELETE "
        f"{_ON.replace('ON timebank_records', 'ON x')}",
        "timebank_records_no_change",
    ),
    "a guard is disabled": (
        "ALTER TABLE timebank_records DISABLE TRIGGER timebank_records_no_change",
        "DISABLED",
    ),
    "a guard is for replicas": (
        "ALTER TABLE timebank_records ENABLE REPLICA TRIGGER timebank_records_no_change",
        "ON A REPLICA ALONE",
    ),
    "all triggers of a user are disabled": (
        "ALTER TABLE timebank_postings DISABLE TRIGGER USER",
        "timebank_postings_no_truncate",
    ),
    "a guard of TRUNCATE is gone": (
        "DROP TRIGGER timebank_banks_no_truncate ON timebank_banks",
        "timebank_banks_no_truncate",
    ),
    "guards are gone, and the note of them": (
        "DELETE FROM timebank_migrations WHERE name = 'guards'; "
        f"{_GUARD}DROP TRIGGER timebank_postings_no_change ON timebank_postings",
        "timebank_migrations",
    ),
    "guards are gone, and noted as never made": (
        "UPDATE timebank_migrations SET name = 'unguarded' WHERE name = 'guards'; "
        "DROP FUNCTION timebank_refuse CASCADE",
        "timebank_records_no_change",
    ),
    "some guards are gone, and noted as never made": (
        f"UPDATE timebank_migrations SET name = 'unguarded' WHERE name = 'guards'; {_GUARD}",
        "timebank_records_no_change",
    ),
    "the note of guards is gone": (
        "DELETE FROM timebank_migrations WHERE name = 'guards'",
        "timebank_migrations",
    ),
    # Triggers and rules of others.
    "a foreign trigger": (
        f"{_NOTHING}CREATE TRIGGER evil BEFORE INSERT ON timebank_postings FOR EACH ROW "
        "EXECUTE FUNCTION nothing()",
        "trigger evil",
    ),
    "a foreign trigger under our name, on a table without guards": (
        f"{_NOTHING}CREATE TRIGGER timebank_records_no_change BEFORE INSERT ON timebank_texts "
        "FOR EACH ROW EXECUTE FUNCTION nothing()",
        "trigger timebank_records_no_change",
    ),
    "a foreign trigger of a constraint": (
        f"{_NOTHING}CREATE CONSTRAINT TRIGGER evil AFTER INSERT ON timebank_texts DEFERRABLE "
        "INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION nothing()",
        "trigger evil",
    ),
    "a foreign trigger of statements": (
        f"{_NOTHING}CREATE TRIGGER evil AFTER INSERT ON timebank_holds EXECUTE FUNCTION nothing()",
        "trigger evil",
    ),
    "a foreign trigger on replicas": (
        f"{_NOTHING}CREATE TRIGGER evil BEFORE INSERT ON timebank_postings FOR EACH ROW "
        "EXECUTE FUNCTION nothing(); "
        "ALTER TABLE timebank_postings ENABLE REPLICA TRIGGER evil",
        "trigger evil",
    ),
    "a rule instead of an erasure": (
        "CREATE RULE keep AS ON DELETE TO timebank_texts DO INSTEAD NOTHING",
        "rule keep",
    ),
    "a rule beside an insertion": (
        "CREATE TABLE x (a text); CREATE RULE more AS ON INSERT TO timebank_accounts "
        "DO ALSO INSERT INTO x VALUES (NEW.account)",
        "rule more",
    ),
    # Checks.
    "a check is made true": (f"{_CHECK}(true)", "timebank_postings_balance"),
    "a check is of another column": (
        f"{_CHECK}(seconds BETWEEN -9007199254740992 AND 9007199254740992)",
        "timebank_postings_balance",
    ),
    "a check has another bound": (
        f"{_CHECK}(balance BETWEEN -9007199254740992 AND 9007199254740993)",
        "9007199254740993",
    ),
    "a check is open at one end": (
        f"{_CHECK}(balance > -9007199254740992 AND balance <= 9007199254740992)",
        "balance > -9007199254740992",
    ),
    "a check has OR for AND": (
        f"{_CHECK}(balance >= -9007199254740992 OR balance <= 9007199254740992)",
        " OR ",
    ),
    "a check calls another's function": (
        "CREATE SCHEMA other; CREATE FUNCTION other.length(text) RETURNS int IMMUTABLE LANGUAGE "
        "sql AS 'SELECT 10'; SET LOCAL search_path = other, pg_catalog, public; "
        "ALTER TABLE timebank_postings DROP CONSTRAINT timebank_postings_day, "
        "ADD CONSTRAINT timebank_postings_day CHECK (length(day) = 10)",
        "USING function length(text)",
    ),
    "a check has one word more": (
        "ALTER TABLE timebank_accounts DROP CONSTRAINT timebank_accounts_status, ADD CONSTRAINT "
        "timebank_accounts_status CHECK (status IN ('open', 'frozen', 'closed', 'any'))",
        "'any'",
    ),
    "a check is not validated": (
        f"{_CHECK}(balance BETWEEN -9007199254740992 AND 9007199254740992) NOT VALID",
        "NOT VALID",
    ),
    "a check is not inherited": (
        f"{_CHECK}(balance BETWEEN -9007199254740992 AND 9007199254740992) NO INHERIT",
        "NO INHERIT",
    ),
    "a check is gone": (
        "ALTER TABLE timebank_banks DROP CONSTRAINT timebank_banks_digest",
        "timebank_banks_digest",
    ),
    "a check more": (
        "ALTER TABLE timebank_postings ADD CHECK (seconds < 360000)",
        "seconds < 360000",
    ),
    # Foreign keys.
    "a foreign key to nothing": (
        f"{_KEY}ALTER TABLE timebank_postings ADD CONSTRAINT timebank_postings_record CHECK (true)",
        "timebank_postings_record",
    ),
    "a foreign key to another table": (
        f'{_KEY}CREATE TABLE x (bank text COLLATE "C", s bigint, PRIMARY KEY (bank, s)); '
        "ALTER TABLE timebank_postings ADD CONSTRAINT timebank_postings_record FOREIGN KEY "
        "(bank, sequence) REFERENCES x",
        "REFERENCES x",
    ),
    "a foreign key to a namesake": (
        f"{_KEY}CREATE SCHEMA other; CREATE TABLE other.timebank_records (bank text "
        'COLLATE "C", sequence bigint, PRIMARY KEY (bank, sequence)); '
        "ALTER TABLE timebank_postings ADD CONSTRAINT timebank_postings_record FOREIGN KEY "
        "(bank, sequence) REFERENCES other.timebank_records",
        "other.timebank_records",
    ),
    "a foreign key of other columns": (
        f"{_KEY_ANEW.replace('(bank, sequence) REF', '(bank, version) REF')}",
        "(bank, version)",
    ),
    "a foreign key that deletes": (f"{_KEY_ANEW} ON DELETE CASCADE", "ON DELETE CASCADE"),
    "a foreign key that empties": (f"{_KEY_ANEW} ON UPDATE SET NULL", "ON UPDATE SET NULL"),
    "a foreign key in full": (f"{_KEY_ANEW} MATCH FULL", "MATCH FULL"),
    "a foreign key that waits": (f"{_KEY_ANEW} DEFERRABLE INITIALLY DEFERRED", "DEFERRABLE"),
    "a foreign key of new rows": (f"{_KEY_ANEW} NOT VALID", "NOT VALID"),
    "a foreign key whose triggers are off": (
        "ALTER TABLE timebank_texts DISABLE TRIGGER ALL",
        "DISABLED",
    ),
    "a foreign key whose parent's triggers are off": (
        "ALTER TABLE timebank_accounts DISABLE TRIGGER ALL",
        "DISABLED",
    ),
    "a foreign key more": (
        "CREATE TABLE x (day text PRIMARY KEY); "
        "ALTER TABLE timebank_postings ADD FOREIGN KEY (day) REFERENCES x",
        "FOREIGN KEY (day)",
    ),
    # Keys and indexes.
    "a unique key of more columns": (
        f"{_ID}ALTER TABLE timebank_records ADD CONSTRAINT timebank_records_id "
        "UNIQUE (bank, sequence, id)",
        "UNIQUE (bank, sequence, id)",
    ),
    "a unique key that waits": (
        f"{_ID}ALTER TABLE timebank_records ADD CONSTRAINT timebank_records_id UNIQUE (bank, id) "
        "DEFERRABLE",
        "DEFERRABLE",
    ),
    "a unique key with long rows in it": (
        f"{_ID}ALTER TABLE timebank_records ADD CONSTRAINT timebank_records_id UNIQUE (bank, id) "
        "INCLUDE (body)",
        "INCLUDE (body)",
    ),
    "a unique key that is none": (
        f"{_ID}CREATE INDEX timebank_records_id ON timebank_records (bank, id)",
        "timebank_records_id",
    ),
    "a unique key of some rows": (
        f"{_ID}CREATE UNIQUE INDEX timebank_records_id ON timebank_records (bank, id) "
        "WHERE sequence > 3",
        "WHERE",
    ),
    "a unique key of an expression": (
        f"{_ID}CREATE UNIQUE INDEX timebank_records_id ON timebank_records (bank, lower(id))",
        "lower(id)",
    ),
    "a unique key of another collation": (
        f"{_ID}CREATE UNIQUE INDEX timebank_records_id ON timebank_records "
        '(bank, id COLLATE "POSIX")',
        "COLLATION",
    ),
    "a unique key with an order of patterns": (
        f"{_ID}CREATE UNIQUE INDEX timebank_records_id ON timebank_records "
        "(bank, id text_pattern_ops)",
        "ORDER",
    ),
    "a unique key more": (
        "CREATE UNIQUE INDEX one ON timebank_postings (bank, account, day)",
        "UNIQUE (bank, account, day)",
    ),
    "an index that excludes": (
        "ALTER TABLE timebank_postings ADD EXCLUDE USING btree (bank WITH =, day WITH =)",
        "EXCLUDE",
    ),
    "a primary key is gone": (
        "ALTER TABLE timebank_records DROP CONSTRAINT timebank_records_pkey CASCADE",
        "timebank_records_pkey",
    ),
    "a primary key of other columns": (
        "ALTER TABLE timebank_tiles DROP CONSTRAINT timebank_tiles_pkey, "
        "ADD PRIMARY KEY (bank, tile, level)",
        "PRIMARY KEY (bank, tile, level)",
    ),
    "an index is gone": ("DROP INDEX timebank_records_refers_to", "timebank_records_refers_to"),
    "an index is of other columns": (
        f"{_DAY}CREATE INDEX timebank_postings_day ON timebank_postings (bank, day)",
        "timebank_postings_day",
    ),
    "an index is of some rows": (
        f"{_DAY}CREATE INDEX timebank_postings_day ON timebank_postings "
        "(bank, account, day, version) WHERE version > 5",
        "WHERE",
    ),
    "an index goes down": (
        f"{_DAY}CREATE INDEX timebank_postings_day ON timebank_postings "
        "(bank, account, day DESC, version)",
        "ORDER",
    ),
    "an index of another kind": (
        f"{_DAY}CREATE INDEX timebank_postings_day ON timebank_postings USING brin "
        "(bank, account, day, version)",
        "USING brin",
    ),
    "an index is invalid": (
        "UPDATE pg_index SET indisvalid = false "
        "WHERE indexrelid = 'timebank_records_refers_to'::regclass",
        "INVALID",
    ),
    "a unique key is not kept": (
        "UPDATE pg_index SET indisready = false WHERE indexrelid = 'timebank_records_id'::regclass",
        "INVALID",
    ),
    "an index that computes": (
        "CREATE INDEX more ON timebank_postings ((100 / seconds))",
        "100 / seconds",
    ),
    "an index too long for some rows": ("CREATE INDEX more ON timebank_records (body)", "(body)"),
    "an index with texts in it, too long for some rows": (
        "CREATE INDEX more ON timebank_texts (bank, field) INCLUDE (text)",
        "INCLUDE (text)",
    ),
    # Columns.
    "a column that is no longer than a page": (
        "ALTER TABLE timebank_records ALTER body SET STORAGE PLAIN",
        "STORAGE PLAIN",
    ),
    "a column of another type": (
        "ALTER TABLE timebank_postings ALTER seconds TYPE numeric",
        "NUMERIC",
    ),
    "a column of a narrower type": (
        "ALTER TABLE timebank_holds ALTER incoming TYPE int",
        "INTEGER",
    ),
    "a column of a domain": (
        "CREATE DOMAIN short AS bigint; ALTER TABLE timebank_holds ALTER held TYPE short",
        "SHORT",
    ),
    "a column of another collation": (
        'ALTER TABLE timebank_accounts ALTER status TYPE text COLLATE "POSIX"',
        'COLLATE "POSIX"',
    ),
    "a column that is cut": (
        'ALTER TABLE timebank_accounts ALTER status TYPE varchar(9) COLLATE "C"',
        "CHARACTER VARYING(9)",
    ),
    "a column that may be empty": (
        "ALTER TABLE timebank_postings ALTER balance DROP NOT NULL",
        "balance",
    ),
    "a column that may not be empty": (
        "ALTER TABLE timebank_accounts ALTER floor SET NOT NULL",
        "NOT NULL",
    ),
    "a column with a default": (
        "ALTER TABLE timebank_postings ALTER seconds SET DEFAULT 5",
        "DEFAULT 5",
    ),
    "a column more": ("ALTER TABLE timebank_holds ADD COLUMN note text", "timebank_holds.note"),
    "a column that is made": (
        "ALTER TABLE timebank_holds ADD COLUMN g bigint GENERATED ALWAYS AS (held + 1) STORED",
        "GENERATED",
    ),
    "a column by identity": (
        "ALTER TABLE timebank_postings ALTER version ADD GENERATED BY DEFAULT AS IDENTITY",
        "IDENTITY",
    ),
    "a column that is missing": (
        "ALTER TABLE timebank_tiles DROP COLUMN tile CASCADE",
        "timebank_tiles.tile",
    ),
    "texts in statistics": (
        "ALTER TABLE timebank_texts ALTER COLUMN text SET STATISTICS 100",
        "timebank_texts.text",
    ),
    "texts in statistics of several columns": (
        "CREATE STATISTICS of_texts (mcv) ON field, text FROM timebank_texts",
        "of_texts",
    ),
    # Tables.
    "a table that a crash empties": ("ALTER TABLE timebank_tiles SET UNLOGGED", "UNLOGGED"),
    "a table hidden by a temporary one": (
        "CREATE TEMPORARY TABLE timebank_holds (LIKE timebank_holds INCLUDING ALL)",
        "TEMPORARY TABLE",
    ),
    "a table that is a view": (
        "ALTER TABLE timebank_tiles RENAME TO tiles; "
        "CREATE VIEW timebank_tiles AS SELECT * FROM tiles",
        "VIEW",
    ),
    "a table with rows of another": (
        "CREATE TABLE more () INHERITS (timebank_holds)",
        "INHERITS",
    ),
    "a table that is another's": (
        'CREATE TABLE host (bank text COLLATE "C" NOT NULL); '
        "ALTER TABLE timebank_holds INHERIT host",
        "INHERITS",
    ),
    "a table that hides rows": (
        "ALTER TABLE timebank_texts ENABLE ROW LEVEL SECURITY",
        "ROW LEVEL SECURITY",
    ),
    "a table that hides rows from its owner": (
        "ALTER TABLE timebank_texts ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; "
        "CREATE POLICY p ON timebank_texts USING (false)",
        "ROW LEVEL SECURITY",
    ),
    "a table in another schema": (
        "CREATE SCHEMA other; ALTER TABLE timebank_tiles SET SCHEMA other; "
        "SET LOCAL search_path = public, other",
        "tables of the ledger",
    ),
    # Settings.
    "guards off in a database": (
        "ALTER DATABASE {database} SET session_replication_role = 'replica'",
        "session_replication_role",
    ),
    "guards off for a role": (
        "ALTER ROLE postgres SET session_replication_role = replica",
        "ROLE postgres",
    ),
    "guards off for a role in a database": (
        "ALTER ROLE postgres IN DATABASE {database} SET session_replication_role = 'Replica'",
        "ROLE postgres",
    ),
    "guards off in a session": (
        "SET LOCAL session_replication_role = replica",
        "session_replication_role",
    ),
    "postings unguarded in a database": (
        "ALTER DATABASE {database} SET timebank.rebuild = 'on'",
        "timebank.rebuild",
    ),
    "postings unguarded for a role, in other letters": (
        'CREATE ROLE {database}_odd; ALTER ROLE {database}_odd SET "TimeBank"."Rebuild" = \'on\'',
        "timebank.rebuild",
    ),
    "postings unguarded in a session": ("SET LOCAL timebank.rebuild = 'on'", "timebank.rebuild"),
}

#: Nothing here alters what the tables mean.
POSTGRES_KEEPS: Final[dict[str, str]] = {
    "a comment": "COMMENT ON TABLE timebank_records IS 'the journal'",
    "a comment on a trigger": (
        "COMMENT ON TRIGGER timebank_records_no_change ON timebank_records IS 'do not drop'"
    ),
    "statistics": "ANALYZE timebank_records; ANALYZE timebank_texts",
    "more statistics": "ALTER TABLE timebank_records ALTER kind SET STATISTICS 1000",
    "statistics of columns that are no text": (
        "CREATE STATISTICS of_fields ON sequence, field FROM timebank_texts"
    ),
    "room in pages": "ALTER TABLE timebank_accounts SET (fillfactor = 70)",
    "no vacuum by itself": "ALTER TABLE timebank_holds SET (autovacuum_enabled = off)",
    "another storage of a column": "ALTER TABLE timebank_records ALTER body SET STORAGE EXTERNAL",
    "in an order on disk": "CLUSTER timebank_postings USING timebank_postings_pkey",
    "an index anew": "REINDEX INDEX timebank_records_refers_to",
    "an index more": "CREATE INDEX more ON timebank_records (kind)",
    "an index more, downwards": "CREATE INDEX more2 ON timebank_records (bank, sequence DESC)",
    "an index more, by hash": "CREATE INDEX more3 ON timebank_accounts USING hash (account)",
    "an index more, of bodies by hash": (
        "CREATE INDEX more4 ON timebank_records USING hash (body)"
    ),
    "a key with more in it": (
        "ALTER TABLE timebank_tiles DROP CONSTRAINT timebank_tiles_pkey, "
        "ADD PRIMARY KEY (bank, level, tile) INCLUDE (hash)"
    ),
    "a compression of a column": ("ALTER TABLE timebank_records ALTER body SET COMPRESSION pglz"),
    "an index of another name": "ALTER INDEX timebank_records_refers_to RENAME TO another",
    "a constraint of another name": (
        "ALTER TABLE timebank_postings RENAME CONSTRAINT timebank_postings_day TO day10"
    ),
    "a check in other words": (
        "ALTER TABLE timebank_tiles DROP CONSTRAINT timebank_tiles_level, "
        "ADD CONSTRAINT timebank_tiles_level CHECK ((level >= 0) AND (level <= 6::bigint))"
    ),
    "a check of words in another order": (
        "ALTER TABLE timebank_texts DROP CONSTRAINT timebank_texts_field, "
        "ADD CHECK (field = ANY (ARRAY['reason', 'note', 'name']))"
    ),
    "a unique index for a constraint": (
        "ALTER TABLE timebank_holds DROP CONSTRAINT timebank_holds_sequence; "
        "CREATE UNIQUE INDEX timebank_holds_sequence ON timebank_holds (bank, sequence, account)"
    ),
    "a foreign key anew": (
        "ALTER TABLE timebank_texts DROP CONSTRAINT timebank_texts_record; "
        "ALTER TABLE timebank_texts ADD FOREIGN KEY (bank, sequence) REFERENCES timebank_records "
        "MATCH SIMPLE ON DELETE NO ACTION NOT DEFERRABLE"
    ),
    "a guard of another name": (
        "ALTER TRIGGER timebank_records_no_change ON timebank_records RENAME TO refuse"
    ),
    "a guard that applies always": (
        "ALTER TABLE timebank_postings ENABLE ALWAYS TRIGGER timebank_postings_no_change"
    ),
    "a guard of the same function elsewhere": (
        "CREATE SCHEMA elsewhere; ALTER FUNCTION timebank_refuse() SET SCHEMA elsewhere"
    ),
    "a guard's function for nobody": "REVOKE ALL ON FUNCTION timebank_refuse() FROM public",
    "a disabled trigger": (
        f"{_NOTHING}CREATE TRIGGER off BEFORE INSERT ON timebank_postings FOR EACH ROW EXECUTE "
        "FUNCTION nothing(); ALTER TABLE timebank_postings DISABLE TRIGGER off"
    ),
    "a disabled rule": (
        "CREATE RULE off AS ON DELETE TO timebank_texts DO INSTEAD NOTHING; "
        "ALTER TABLE timebank_texts DISABLE RULE off"
    ),
    "a policy that is not in force": "CREATE POLICY p ON timebank_accounts USING (false)",
    "privileges": "GRANT SELECT ON timebank_records TO public",
    "another owner": (
        "CREATE ROLE {database}_owner; ALTER TABLE timebank_tiles OWNER TO {database}_owner"
    ),
    "what refers to ours": (
        'CREATE TABLE booking (bank text COLLATE "C" '
        "REFERENCES timebank_banks ON DELETE CASCADE); ALTER TABLE booking DISABLE TRIGGER ALL"
    ),
    "a table beside ours": "CREATE TABLE timebank_notes (bank text, note text)",
    "a view of ours": "CREATE VIEW balances AS SELECT * FROM timebank_postings",
    "replicated": "CREATE PUBLICATION {database}_all FOR TABLE timebank_records",
    "an identity for replicas": "ALTER TABLE timebank_texts REPLICA IDENTITY FULL",
    "another setting": "ALTER DATABASE {database} SET work_mem = '8MB'",
    "a setting as it is": "ALTER DATABASE {database} SET session_replication_role = 'origin'",
    "a namesake of the guard": (
        "CREATE SCHEMA besides; CREATE FUNCTION besides.timebank_refuse() RETURNS trigger LANGUAGE "
        "plpgsql AS $$ BEGIN RETURN NEW; END $$"
    ),
}
