-- Statements of `adminex migrate`. They use nothing of the schema but its table of migrations.

-- name: migrate_lock() exec
-- One migrator at a time in this database; freed with the transaction.
SELECT pg_catalog.pg_advisory_xact_lock(hashtextextended('adminex.migrate', 0));

-- name: migrate_prepared() one
-- Whether the table of migrations is there, and the encoding of the database.
SELECT pg_catalog.to_regclass('adminex.schema_migrations') IS NOT NULL AS prepared,
       pg_catalog.to_regnamespace('adminex') IS NOT NULL AS has_schema,
       pg_catalog.current_setting('server_encoding') AS encoding;

-- name: migrate_create_schema() exec
-- The schema everything lives in; a DBA may have made it for us.
CREATE SCHEMA adminex;

-- name: migrate_create_table() exec
-- The table of applied migrations.
CREATE TABLE adminex.schema_migrations (
    version    integer     NOT NULL,
    name       text        NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT schema_migrations_pkey PRIMARY KEY (version)
);

-- name: migrate_version() value
-- The newest applied migration; 0 when there is none.
SELECT coalesce(max(version), 0) FROM adminex.schema_migrations;

-- name: migrate_applied(version) one
-- When a migration was applied, in UTC.
SELECT to_char(applied_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS applied_at
  FROM adminex.schema_migrations
 WHERE version = $1::integer;

-- name: migrate_record(version, name) exec
-- Remember an applied migration.
-- drops: none()
INSERT INTO adminex.schema_migrations (version, name) VALUES ($1::integer, $2);

-- name: migrate_forget(version) exec
-- Forget a migration that was taken back.
-- drops: none()
DELETE FROM adminex.schema_migrations WHERE version = $1::integer;

-- name: migrate_notify() exec
-- Tell all daemons that nothing they know may be true any more. Whether there are any cannot be
-- asked: their table may not be there.
SELECT pg_catalog.pg_notify('adminex_cache', '{"from":"","drops":[["all"]]}');

-- name: migrate_citus() value
-- Whether Citus is installed.
SELECT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'citus');

-- name: migrate_cache_triggers() one
-- Whether the cache triggers of migrations/optional/ are on: all of them, none, or some.
SELECT CASE count(*) WHEN 0 THEN 'off' WHEN 25 THEN 'on' ELSE 'incomplete' END AS state
  FROM pg_catalog.pg_trigger AS t
  JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
 WHERE c.relnamespace = pg_catalog.to_regnamespace('adminex')
   AND t.tgname LIKE 'cache\_changed\_%' AND t.tgenabled IN ('O', 'A');
