-- Personal data: what the registry says, export, erasure. Which tables there are, only the registry
-- knows (migrations/0008_privacy.up.sql). The subject is a host and a username; an account is not
-- needed, leftovers count.

-- name: gdpr_facts() one
-- What is true of a whole document: when it was made, of which state, by which registry.
SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS generated_at,
       pg_current_snapshot()::text AS snapshot_id,
       to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS snapshot_at,
       (SELECT max(version) FROM adminex.schema_migrations) AS schema_version,
       (SELECT version FROM adminex.personal_registry) AS registry_version;

-- name: personal_contents(scope, form) many
-- The sections a document has, in their order, and why others are not in it.
SELECT place, section, unavailable, passing, legal_basis, retention, file_name, fields, kinds
  FROM adminex.personal_contents($1, $2);

-- name: personal_query(scope, form) value
-- The statement that reads all of a subject: it takes host, username and bare JID, and gives the
-- place of the section and the record, in the order of the document.
SELECT adminex.personal_query($1, $2);

-- ---- the registry -----------------------------------------------------------------------------

-- name: gdpr_audit() many
-- What the registry and the live catalogue do not agree on. A fault makes an export or an erasure
-- incomplete; a note is for a human to look at: a table elsewhere that may hold a name.
WITH live AS MATERIALIZED (
    SELECT section, relation, matches, fields, erasure, relid, relname, table_schema, table_name,
           jid_column, username_column, condition, csv_view
      FROM adminex.personal_live
),
columns AS MATERIALIZED (
    SELECT c.oid AS relid, n.nspname AS table_schema, c.relname AS table_name,
           a.attname AS column_name, a.attnotnull, t.typcategory,
           format('%I.%I', n.nspname, c.relname) AS relname
      FROM pg_catalog.pg_class AS c
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
      JOIN pg_catalog.pg_attribute AS a
        ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
     WHERE c.relkind IN ('r', 'p', 'f') AND NOT c.relispartition
       AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
),
findings AS (
    SELECT 'fault' AS severity, c.relname AS "table", c.column_name AS "column",
           'is not classed' AS finding
      FROM columns AS c
     WHERE (c.table_schema = 'adminex' OR c.relid IN (SELECT relid FROM live))
       AND NOT EXISTS (SELECT FROM adminex.personal_data AS d
                        WHERE d.table_schema = c.table_schema AND d.table_name = c.table_name
                          AND d.column_name = c.column_name)
     UNION ALL
    SELECT 'fault', format('%I.%I', d.table_schema, d.table_name), d.column_name,
           'is classed, but is not there'
      FROM adminex.personal_data AS d
     WHERE NOT EXISTS (SELECT FROM columns AS c
                        WHERE c.table_schema = d.table_schema AND c.table_name = d.table_name
                          AND c.column_name = d.column_name)
     UNION ALL
    SELECT 'fault', format('%I.%I', s.table_schema, s.table_name), '',
           format('section %s: the table is not there', s.section)
      FROM adminex.personal_sections AS s
      JOIN live AS l USING (section)
     WHERE l.relid IS NULL
     UNION ALL
    SELECT 'fault', l.relname, '',
           format('section %s: the columns that name the subject are not there', l.section)
      FROM live AS l
     WHERE l.relid IS NOT NULL AND l.condition IS NULL
     UNION ALL
    SELECT 'fault', l.relname, c.column_name,
           format('section %s anonymises, but this is NOT NULL and no text: it cannot be emptied',
                  l.section)
      FROM live AS l
      JOIN columns AS c ON c.relid = l.relid
      JOIN adminex.personal_data AS d
        ON d.table_schema = c.table_schema AND d.table_name = c.table_name
           AND d.column_name = c.column_name
     WHERE l.erasure = 'anonymise' AND d.erasure = 'anonymise' AND c.attnotnull
       AND c.typcategory <> 'S' AND NOT (l.matches = 'audit' AND c.column_name = l.jid_column)
     UNION ALL
    SELECT 'fault', l.relname, '',
           format('section %s anonymises, but no column of it is classed so', l.section)
      FROM live AS l
     WHERE l.erasure = 'anonymise' AND l.relid IS NOT NULL
       AND NOT EXISTS (SELECT FROM adminex.personal_data AS d
                        WHERE d.table_schema = l.table_schema AND d.table_name = l.table_name
                          AND d.erasure = 'anonymise')
     UNION ALL
    SELECT 'fault', l.relname, d.column_name,
           format('section %s deletes its rows, but this is to be kept: %s', l.section, d.reason)
      FROM live AS l
      JOIN adminex.personal_data AS d USING (table_schema, table_name)
     WHERE l.erasure = 'delete' AND d.personal AND d.erasure = 'keep'
     UNION ALL
    SELECT 'fault', c.relname, c.column_name,
           'names a subject''s rows, but no section of the registry has the table'
      FROM columns AS c
      JOIN adminex.personal_data AS d USING (table_schema, table_name, column_name)
     WHERE d.personal AND d.whose = 'subject'
       AND NOT EXISTS (SELECT FROM live AS l WHERE l.relid = c.relid)
     UNION ALL
    SELECT 'note', c.relname, c.column_name, 'may hold a JID or a username, and is not registered'
      FROM columns AS c
     WHERE c.table_schema <> 'adminex' AND c.relid NOT IN (SELECT relid FROM live
                                                            WHERE relid IS NOT NULL)
       AND c.column_name ~* '^(.*_)?(b?jid|bare_?jid|user_?name|local_?part|node_?id|luser)s?$'
)
SELECT severity, "table", "column", finding
  FROM findings
 ORDER BY severity, "table", "column", finding;

-- name: gdpr_register(audit, table, section, subject_column, host_column, host, full_jid, erasure, reason, category, legal_basis, retention, keep, withhold, system) one
-- Class a table of one's own. Without a host column and a host, the subject column is a JID. Whose
-- columns are not named otherwise, they are the subject's and go as the section says.
-- drops: none()
WITH given AS MATERIALIZED (
    SELECT c.oid AS relid, n.nspname AS table_schema, c.relname AS table_name
      FROM pg_catalog.pg_class AS c
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
     WHERE c.oid = to_regclass($2) AND c.relkind IN ('r', 'p', 'f')
),
columns AS MATERIALIZED (
    SELECT g.relid, g.table_schema, g.table_name, a.attname, a.attnotnull, t.typcategory
      FROM given AS g
      JOIN pg_catalog.pg_attribute AS a
        ON a.attrelid = g.relid AND a.attnum > 0 AND NOT a.attisdropped
      JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
),
named AS MATERIALIZED (
    SELECT x.name
      FROM (SELECT $4::text AS name UNION ALL SELECT $5::text WHERE $5::text IS NOT NULL
             UNION ALL SELECT unnest($13::text[] || $14::text[] || $15::text[])) AS x
),
verdict AS MATERIALIZED (
    SELECT CASE
        WHEN NOT EXISTS (SELECT FROM given) THEN 'no_such_table'
        WHEN EXISTS (SELECT FROM given WHERE table_schema = 'adminex') THEN 'not_your_table'
        WHEN EXISTS (SELECT FROM named AS n
                      WHERE NOT EXISTS (SELECT FROM columns AS c WHERE c.attname = n.name))
        THEN 'no_such_column'
        WHEN EXISTS (SELECT FROM columns AS c
                      WHERE c.attname IN ($4::text, $5::text) AND c.typcategory <> 'S')
        THEN 'not_a_text'
        WHEN EXISTS (SELECT FROM adminex.personal_sections AS s WHERE s.section = $3::text)
             OR EXISTS (SELECT FROM adminex.personal_data AS d
                          JOIN given AS g USING (table_schema, table_name))
        THEN 'exists'
        WHEN $8::text = 'anonymise'
             AND EXISTS (SELECT FROM columns AS c
                          WHERE c.attnotnull AND c.typcategory <> 'S'
                            AND c.attname <> ALL ($13::text[] || $15::text[])
                            AND c.attname IS DISTINCT FROM $5::text)
        THEN 'not_empty'
        ELSE 'ok' END AS outcome
),
section AS (
    INSERT INTO adminex.personal_sections
           (section, place, backend, table_schema, table_name, matches, host_column,
            username_column, jid_column, host, file_name, erasure, reason, with_account)
    SELECT $3::text, (SELECT max(place) + 10 FROM adminex.personal_sections), 'own', g.table_schema,
           g.table_name,
           CASE WHEN $5::text IS NOT NULL THEN 'account' WHEN $6::text IS NOT NULL THEN 'username'
                WHEN $7::boolean THEN 'full_jid' ELSE 'jid' END,
           $5::name, CASE WHEN num_nonnulls($5::text, $6::text) > 0 THEN $4::name END,
           CASE WHEN num_nonnulls($5::text, $6::text) = 0 THEN $4::name END, $6::text, $3::text || '.csv', $8::text, $9::text,
           $8::text <> 'keep'
      FROM given AS g, verdict AS v
     WHERE v.outcome = 'ok'
    RETURNING section
),
classed AS (
    INSERT INTO adminex.personal_data
           (table_schema, table_name, column_name, personal, category, whose, legal_basis,
            retention, access, portability, erasure, reason)
    SELECT c.table_schema, c.table_name, c.attname, NOT s.system,
           CASE WHEN s.system THEN 'system' ELSE $10::text END,
           CASE WHEN s.system THEN 'system' ELSE 'subject' END, $11::text, $12::text,
           CASE WHEN c.attname = ANY ($14::text[]) THEN 'withhold' ELSE 'give' END,
           CASE WHEN s.system OR c.attname = ANY ($14::text[]) THEN 'withhold' ELSE 'give' END,
           CASE WHEN $8::text = 'delete' THEN 'delete'
                WHEN $8::text = 'keep' OR c.attname = ANY ($13::text[]) OR c.attname = $5::text OR s.system
                THEN 'keep'
                ELSE 'anonymise' END,
           coalesce(nullif($9::text, ''), 'as registered')
      FROM verdict AS v, columns AS c, LATERAL (SELECT c.attname = ANY ($15::text[])) AS s(system)
     WHERE v.outcome = 'ok'
    RETURNING 1
),
done AS (
    SELECT v.outcome, (SELECT count(*) FROM classed) AS rows FROM verdict AS v
),
audited AS (
    INSERT INTO adminex.audit_log (actor, face, command, arguments, rows, outcome, request_id)
    SELECT a.actor, a.face, a.command, a.arguments, d.rows, d.outcome, coalesce(a.request, '')
      FROM done AS d,
           jsonb_to_record($1::jsonb)
               AS a(actor text, face text, command text, arguments jsonb, request text)
)
SELECT outcome, rows FROM done;

-- name: gdpr_unregister(audit, section) one
-- Forget a table that was registered; what it holds is left as it is.
-- drops: none()
WITH gone AS (
    DELETE FROM adminex.personal_sections
     WHERE section = $2 AND backend = 'own'
    RETURNING table_schema, table_name
),
unclassed AS (
    DELETE FROM adminex.personal_data AS d
     USING gone AS g
     WHERE d.table_schema = g.table_schema AND d.table_name = g.table_name
    RETURNING 1
),
done AS (
    SELECT CASE WHEN EXISTS (SELECT FROM gone) THEN 'ok' ELSE 'not_registered' END AS outcome,
           (SELECT count(*) FROM unclassed) AS rows
),
audited AS (
    INSERT INTO adminex.audit_log (actor, face, command, arguments, rows, outcome, request_id)
    SELECT a.actor, a.face, a.command, a.arguments, d.rows, d.outcome, coalesce(a.request, '')
      FROM done AS d,
           jsonb_to_record($1::jsonb)
               AS a(actor text, face text, command text, arguments jsonb, request text)
)
SELECT outcome, rows FROM done;

-- name: gdpr_ropa() many
-- The record of processing (Art. 30): kinds of data with their purpose, how long they are kept, and
-- what access and erasure do with them.
SELECT d.category, coalesce(s.section, '') AS section,
       format('%I.%I', d.table_schema, d.table_name) AS "table",
       string_agg(d.column_name, ', ' ORDER BY d.column_name) AS columns,
       d.whose, d.legal_basis, d.retention,
       format('access: %s; portability: %s; erasure: %s', d.access, d.portability, d.erasure)
       || CASE WHEN d.reason = '' THEN '' ELSE ' (' || d.reason || ')' END AS rules
  FROM adminex.personal_data AS d
  LEFT JOIN adminex.personal_sections AS s
    ON s.table_schema = d.table_schema AND s.table_name = d.table_name AND s.relation = 'owned'
 WHERE d.personal
 GROUP BY d.category, s.section, s.place, d.table_schema, d.table_name, d.whose, d.legal_basis,
          d.retention, d.access, d.portability, d.erasure, d.reason
 ORDER BY d.category, s.place, d.table_schema, d.table_name, columns;
