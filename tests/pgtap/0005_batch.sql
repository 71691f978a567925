-- batch_runs: columns, keys, what is refused, and the function that grants.
BEGIN;
\ir helpers.psql
SELECT plan(28);

SELECT results_eq($$SELECT * FROM pg_temp.columns('batch_runs')$$, $$VALUES
    ('run_id',       'uuid NOT NULL DEFAULT gen_random_uuid()'),
    ('input_sha256', 'bytea NOT NULL'),
    ('actor',        'text NOT NULL'),
    ('last_line',    'bigint NOT NULL DEFAULT 0'),
    ('failed',       'bigint NOT NULL DEFAULT 0'),
    ('started_at',   'timestamp with time zone NOT NULL DEFAULT now()'),
    ('updated_at',   'timestamp with time zone NOT NULL DEFAULT now()'),
    ('finished_at',  'timestamp with time zone')$$,
    'columns of batch_runs');
SELECT col_is_pk('adminex', 'batch_runs', 'run_id', 'key of batch_runs');
SELECT isnt(obj_description('adminex.batch_runs'::regclass, 'pg_class'), NULL,
            'batch_runs says what it is');
SELECT isnt(col_description('adminex.batch_runs'::regclass, n), NULL,
            format('column %s says what it is', n))
  FROM unnest('{4,5}'::int[]) AS n;

CREATE FUNCTION pg_temp.run(col text, val text) RETURNS text
    LANGUAGE sql
AS $$
SELECT pg_temp.outcome(format(
    'INSERT INTO adminex.batch_runs (%s) VALUES (%s)', string_agg(quote_ident(key), ', '),
    string_agg(quote_nullable(value), ', ')))
  FROM jsonb_each_text(jsonb_build_object('input_sha256', '\x' || repeat('ab', 32), 'actor', 'a',
                                          'last_line', 5)
                       || jsonb_build_object(col, val))
$$;
SELECT is(pg_temp.run(col, val), state, why)
  FROM (VALUES
        ('actor',        'a',   '00000', 'a run begins with its input and its actor'),
        ('actor',        NULL,  '23502', 'a run without an actor is refused'),
        ('input_sha256', NULL,  '23502', 'a run without an input is refused'),
        ('input_sha256', '\x' || repeat('ab', 31), '23514', 'a digest of 31 bytes is refused'),
        ('input_sha256', '\x' || repeat('ab', 33), '23514', 'a digest of 33 bytes is refused'),
        ('input_sha256', '\x', '23514', 'an empty digest is refused'),
        ('last_line',    '-1',  '23514', 'a line before the first is refused'),
        ('last_line',    NULL,  '23502', 'a run is always somewhere'),
        ('failed',       '5',   '00000', 'every line may have failed'),
        ('failed',       '6',   '23514', 'but not more than there were'),
        ('failed',       '-1',  '23514', 'nor less than none'),
        ('failed',       NULL,  '23502', 'failures are always counted'),
        ('run_id',       NULL,  '23502', 'a run has an id'),
        ('finished_at',  '2020-01-01T00:00:00Z', '00000', 'a run may have ended')
       ) AS v (col, val, state, why);
SELECT is(pg_temp.outcome(
              $$INSERT INTO adminex.batch_runs (run_id, input_sha256, actor)
                SELECT '00000000-0000-4000-8000-000000000000', decode(repeat('ab', 32), 'hex'), 'a'
                  FROM generate_series(1, 2)$$),
          '23505', 'the same run twice is refused');

SELECT is(proconfig, '{search_path=pg_catalog}', format('%s looks nothing up elsewhere', proname))
  FROM pg_proc
 WHERE pronamespace = 'adminex'::regnamespace
   AND proname IN ('grant_roles', 'grant_roles_0004', 'grant_roles_0005')
 ORDER BY proname;
SELECT is_empty(
    $$SELECT rolname, p.proname FROM pg_roles, pg_proc AS p
       WHERE rolname IN ('adminex_reader', 'adminex_operator', 'adminex_admin')
         AND p.pronamespace = 'adminex'::regnamespace AND p.proname ^@ 'grant_roles'
         AND has_function_privilege(pg_roles.oid, p.oid, 'EXECUTE')$$,
    'only who owns the schema grants');
-- Roles that are missing are named, and those that are there get what is theirs.
REVOKE ALL ON adminex.batch_runs FROM adminex_operator;
ALTER ROLE adminex_admin RENAME TO adminex_test_admin;
SELECT is(adminex.grant_roles(), '{adminex_admin}', 'grant_roles names a role that is missing');
ALTER ROLE adminex_test_admin RENAME TO adminex_admin;
SELECT ok(has_table_privilege('adminex_operator', 'adminex.batch_runs', 'INSERT, UPDATE'),
          'and grants to the others');
SELECT is(adminex.grant_roles(), '{}', 'or none');
SELECT function_returns('adminex', 'grant_roles', '{}'::name[], 'text[]');

SELECT * FROM finish();
ROLLBACK;
