-- What the migrator makes before the first migration.
BEGIN;
\ir helpers.psql
SELECT plan(9);

SELECT has_schema('adminex');
SELECT is_empty(
    $$SELECT FROM pg_namespace AS n, aclexplode(n.nspacl) AS a
       WHERE n.nspname = 'adminex' AND a.grantee = 0$$,
    'PUBLIC may nothing in the schema');
SELECT is_empty(
    $$SELECT c.relname
        FROM pg_class AS c, aclexplode(c.relacl) AS a
       WHERE c.relnamespace = 'adminex'::regnamespace AND a.grantee = 0$$,
    'PUBLIC may nothing with what is in it');

SELECT has_table('adminex', 'schema_migrations', 'schema_migrations is there');
SELECT results_eq($$SELECT * FROM pg_temp.columns('schema_migrations')$$, $$VALUES
    ('version',    'integer NOT NULL'),
    ('name',       'text NOT NULL'),
    ('applied_at', 'timestamp with time zone NOT NULL DEFAULT now()')$$,
    'columns of schema_migrations');
SELECT col_is_pk('adminex', 'schema_migrations', 'version', 'a version is applied once');
SELECT lives_ok(
    $$INSERT INTO adminex.schema_migrations (version, name) VALUES (2000000000, 'x')$$,
    'a version needs a number and a name');
SELECT throws_ok(
    $$INSERT INTO adminex.schema_migrations (version, name) VALUES (2000000000, 'y')$$,
    '23505', NULL, 'the same version twice is refused');
SELECT throws_ok(
    $$INSERT INTO adminex.schema_migrations (version) VALUES (2000000001)$$,
    '23502', NULL, 'a version without a name is refused');

SELECT * FROM finish();
ROLLBACK;
