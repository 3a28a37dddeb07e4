"""What is asked of PostgreSQL's catalogue about the ledger's tables, and what belongs to them.

Each name is that of the catalogue's own schema, whatever `search_path` says; the ledger's tables
are those that queries find. What newer servers have beside the older ones is asked for as JSON, in
which it is there or is not.
"""

from __future__ import annotations

from typing import Final

from timebank.storage.server.schema import TABLE_NAMES

OURS: Final = f"""WITH RECURSIVE ours AS (
        SELECT given.name AS root, pg_catalog.to_regclass(given.name)::oid AS oid
        FROM unnest(ARRAY{list(TABLE_NAMES)!r}) AS given (name)),
    tree AS (
        SELECT root, oid, 0 AS depth FROM ours WHERE oid IS NOT NULL
        UNION ALL
        SELECT tree.root, i.inhrelid, tree.depth + 1
        FROM tree JOIN pg_catalog.pg_inherits i ON i.inhparent = tree.oid),
    named AS (
        SELECT tree.*, CASE depth WHEN 0 THEN root ELSE tree.oid::pg_catalog.regclass::text END
            AS name
        FROM tree)"""  # noqa: S608 - our names
#: Columns of a table by their numbers, in the order of an array of these.
_COLUMN_NAMES: Final = """(SELECT pg_catalog.jsonb_agg(a.attname ORDER BY k.place)
    FROM unnest({numbers}) WITH ORDINALITY AS k (number, place)
    LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = {table} AND a.attnum = k.number)"""
_TABLES: Final = """SELECT named.*,
        c.relkind, c.relpersistence, c.relrowsecurity, c.relispartition,
        pg_catalog.pg_get_expr(c.relpartbound, c.oid) AS bound,
        (SELECT pg_catalog.jsonb_agg(i.inhparent::pg_catalog.regclass::text)
            FROM pg_catalog.pg_inherits i WHERE i.inhrelid = c.oid) AS parents,
        EXISTS (SELECT 1 FROM pg_catalog.pg_inherits i WHERE i.inhrelid = c.oid
            AND pg_catalog.to_jsonb(i) ->> 'inhdetachpending' = 'true') AS detached
    FROM named JOIN pg_catalog.pg_class c ON c.oid = named.oid"""
_COLUMNS: Final = """SELECT named.*, a.attname, NOT a.attnotnull AS nullable,
        CASE WHEN t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace
            THEN pg_catalog.format_type(t.oid, a.atttypmod)
            ELSE t.typnamespace::pg_catalog.regnamespace::text || '.' || t.typname END AS type,
        CASE WHEN o.collname <> 'default' THEN
            CASE WHEN o.collnamespace = 'pg_catalog'::pg_catalog.regnamespace THEN ''
                ELSE o.collnamespace::pg_catalog.regnamespace::text || '.' END
            || '"' || o.collname || '"' END AS collation,
        pg_catalog.pg_get_expr(d.adbin, d.adrelid) AS default, a.attidentity, a.attgenerated,
        coalesce(a.attstattarget, -1) AS statistics,
        a.attstorage = 'p' AND a.atttypid = 'pg_catalog.bytea'::pg_catalog.regtype
            AND a.attname IN ('body', 'text') AS plain
    FROM named JOIN pg_catalog.pg_attribute a ON a.attrelid = named.oid
    JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_catalog.pg_collation o ON o.oid = a.attcollation
    LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attnum > 0 AND NOT a.attisdropped
        AND (named.depth = 0 OR (named.root, a.attname::text)
            IN (('timebank_texts', 'text'), ('timebank_records', 'body')))"""
_CONSTRAINTS: Final = f"""SELECT named.*, c.conname, c.contype,
        {_COLUMN_NAMES.format(numbers="c.conkey", table="c.conrelid")} AS columns,
        {_COLUMN_NAMES.format(numbers="c.confkey", table="c.confrelid")} AS others,
        coalesce(target.root, c.confrelid::pg_catalog.regclass::text) AS target,
        c.confupdtype, c.confdeltype, c.confmatchtype, c.condeferrable, c.convalidated,
        c.connoinherit, coalesce(pg_catalog.to_jsonb(c) ->> 'conenforced', 'true') AS enforced,
        pg_catalog.pg_get_expr(c.conbin, c.conrelid) AS condition,
        (SELECT pg_catalog.jsonb_agg(DISTINCT
                pg_catalog.pg_describe_object(d.refclassid, d.refobjid, 0))
            FROM pg_catalog.pg_depend d
            WHERE d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND d.objid = c.oid
                AND d.refclassid <> 'pg_catalog.pg_class'::pg_catalog.regclass
                AND d.refclassid <> 'pg_catalog.pg_constraint'::pg_catalog.regclass) AS uses
    FROM named JOIN pg_catalog.pg_constraint c ON c.conrelid = named.oid
    LEFT JOIN tree target ON target.oid = c.confrelid
    WHERE c.contype NOT IN ('p', 'u', 'x', 't') AND c.coninhcount = 0 AND c.conparentid = 0"""  # noqa: S608 - our words
#: Foreign keys are looked after by triggers of the server's own, on either table.
_UNCHECKED: Final = """SELECT DISTINCT named.*, c.conname
    FROM named JOIN pg_catalog.pg_constraint c ON c.conrelid = named.oid
    JOIN pg_catalog.pg_trigger t ON t.tgconstraint = c.oid
    WHERE t.tgisinternal AND t.tgenabled NOT IN ('O', 'A')"""
#: Uniqueness is the index's, whether a constraint is named for it or not.
_INDEXES: Final = f"""SELECT named.*, i.indexrelid::pg_catalog.regclass::text AS index,
        k.relname, x.conname, x.contype,
        {_COLUMN_NAMES.format(numbers="i.indkey::int2[]", table="i.indrelid")} AS columns,
        i.indnkeyatts AS keys, i.indisunique, i.indisprimary, i.indisexclusion,
        i.indisvalid AND i.indisready AND i.indislive AS valid, i.indimmediate,
        coalesce(pg_catalog.to_jsonb(i) ->> 'indnullsnotdistinct', 'false') AS one_null,
        pg_catalog.pg_get_expr(i.indpred, i.indrelid) AS predicate, m.amname,
        pg_catalog.pg_get_expr(i.indexprs, i.indrelid) AS expressions,
        (SELECT coalesce(pg_catalog.bool_or(o.opcname NOT IN ('text_ops', 'int8_ops')
                OR o.opcnamespace <> 'pg_catalog'::pg_catalog.regnamespace), false)
            FROM unnest(i.indclass::oid[]) AS u (oid)
            JOIN pg_catalog.pg_opclass o ON o.oid = u.oid) AS other_order,
        (SELECT coalesce(pg_catalog.bool_or(o.oid <> 'pg_catalog."C"'::pg_catalog.regcollation),
                false)
            FROM unnest(i.indcollation::oid[]) AS u (oid)
            JOIN pg_catalog.pg_collation o ON o.oid = u.oid) AS other_collation,
        (SELECT coalesce(pg_catalog.bool_or(u.flag <> 0), false)
            FROM unnest(i.indoption::int2[]) AS u (flag)) AS downwards,
        m.amname <> 'hash' AND (SELECT pg_catalog.bool_or(a.attname IN ('body', 'text'))
            FROM pg_catalog.pg_attribute a
            WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey::int2[])) AS long,
        EXISTS (SELECT 1 FROM pg_catalog.pg_inherits h WHERE h.inhrelid = i.indexrelid) AS attached
    FROM named JOIN pg_catalog.pg_index i ON i.indrelid = named.oid
    JOIN pg_catalog.pg_class k ON k.oid = i.indexrelid
    JOIN pg_catalog.pg_am m ON m.oid = k.relam
    LEFT JOIN pg_catalog.pg_constraint x
        ON x.conindid = i.indexrelid AND x.contype IN ('p', 'u', 'x')"""  # noqa: S608 - our words
_TRIGGERS: Final = """SELECT named.*, t.tgname, t.tgtype, t.tgenabled,
        t.tgqual IS NOT NULL AS conditional,
        (SELECT pg_catalog.jsonb_agg(a.attname ORDER BY a.attname)
            FROM pg_catalog.pg_attribute a
            WHERE a.attrelid = t.tgrelid AND a.attnum = ANY (t.tgattr::int2[])) AS columns,
        pg_catalog.encode(t.tgargs, 'hex') AS arguments,
        p.proname, p.prosrc, p.prosecdef, p.proconfig IS NOT NULL AS configured, l.lanname,
        pg_catalog.pg_get_triggerdef(t.oid) AS definition
    FROM named JOIN pg_catalog.pg_trigger t ON t.tgrelid = named.oid
    JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
    JOIN pg_catalog.pg_language l ON l.oid = p.prolang
    WHERE NOT (t.tgisinternal AND t.tgconstraint <> 0)"""
_RULES: Final = """SELECT named.*, r.rulename, pg_catalog.pg_get_ruledef(r.oid) AS definition
    FROM named JOIN pg_catalog.pg_rewrite r ON r.ev_class = named.oid
    WHERE named.depth = 0 AND r.rulename <> '_RETURN' AND r.ev_enabled <> 'D'"""
_STATISTICS: Final = """SELECT named.*, s.stxname
    FROM named JOIN pg_catalog.pg_statistic_ext s ON s.stxrelid = named.oid
    WHERE named.root = 'timebank_texts' AND (EXISTS (SELECT 1 FROM pg_catalog.pg_attribute a
            WHERE a.attrelid = s.stxrelid AND a.attname = 'text'
                AND a.attnum = ANY (s.stxkeys::int2[]))
        OR pg_catalog.to_jsonb(s) ->> 'stxexprs' IS NOT NULL)"""
#: Settings that switch guards, or keys, off.
_SETTINGS: Final = """SELECT given.name, given.value, given.place
    FROM (SELECT name, pg_catalog.current_setting(name, true) AS value, NULL::text AS place
            FROM (VALUES ('session_replication_role'), ('timebank.rebuild')) AS known (name)
        UNION ALL
        SELECT pg_catalog.split_part(one, '=', 1), substr(one, pg_catalog.strpos(one, '=') + 1),
            pg_catalog.concat_ws(' ',
                CASE WHEN s.setdatabase <> 0 THEN 'DATABASE ' || pg_catalog.current_database() END,
                CASE WHEN s.setrole <> 0 THEN 'ROLE ' || pg_catalog.pg_get_userbyid(s.setrole) END)
        FROM pg_catalog.pg_db_role_setting s, unnest(s.setconfig) AS one
        WHERE s.setdatabase IN (0, (SELECT d.oid FROM pg_catalog.pg_database d
                WHERE d.datname = pg_catalog.current_database()))) AS given"""
_QUESTIONS: Final = {
    "table": _TABLES,
    "column": _COLUMNS,
    "constraint": _CONSTRAINTS,
    "unchecked": _UNCHECKED,
    "index": _INDEXES,
    "trigger": _TRIGGERS,
    "rule": _RULES,
    "statistics": _STATISTICS,
    "setting": _SETTINGS,
}

#: One question whose rows are a kind, and what was found of it as JSON.
CATALOGUE: Final = OURS + " UNION ALL ".join(
    f" SELECT '{kind}', pg_catalog.to_jsonb(one)::text FROM ({question}) AS one"  # noqa: S608 - ours
    for kind, question in _QUESTIONS.items()
)
#: The partitions, each by its table and its own name as SQL has it.
PARTITIONS: Final = (
    f"{OURS} SELECT named.root::text, named.oid::pg_catalog.regclass::text "  # noqa: S608 - our names
    "FROM named JOIN pg_catalog.pg_class c ON c.oid = named.oid "
    "WHERE named.depth > 0 AND c.relispartition ORDER BY 1, 2"
)
