-- The three roles: what each may, table by table, and the function that grants it. That it is so
-- when statements run is in 0004_roles_refusals.sql.
BEGIN;
\ir helpers.psql
SELECT plan(118);

SELECT has_role('adminex_reader');
SELECT has_role('adminex_operator');
SELECT has_role('adminex_admin');
SELECT is_empty(
    $$SELECT rolname FROM pg_roles
       WHERE rolname IN ('adminex_reader', 'adminex_operator', 'adminex_admin')
         AND (rolcanlogin OR rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication
              OR rolbypassrls)$$,
    'the roles are to be granted, and have no power over the cluster');
SELECT is_empty(
    $$SELECT member::regrole, roleid::regrole FROM pg_auth_members
       WHERE member IN (SELECT oid FROM pg_roles WHERE rolname LIKE 'adminex\_%')$$,
    'the roles have no privileges of others');

-- Letters as in \dp: r SELECT, a INSERT, w UPDATE, d DELETE, D TRUNCATE, x REFERENCES, t TRIGGER,
-- and a star after what the role may hand on
CREATE FUNCTION pg_temp.letters(role text, tab text) RETURNS text
    LANGUAGE sql
AS $$
SELECT coalesce(string_agg(letter || CASE WHEN has_table_privilege(
                                                role, rel, privilege || ' WITH GRANT OPTION')
                                          THEN '*' ELSE '' END, '' ORDER BY n), '')
  FROM format('adminex.%I', tab) AS rel,
       (VALUES (1, 'r', 'SELECT'), (2, 'a', 'INSERT'), (3, 'w', 'UPDATE'), (4, 'd', 'DELETE'),
               (5, 'D', 'TRUNCATE'), (6, 'x', 'REFERENCES'), (7, 't', 'TRIGGER'))
       AS v (n, letter, privilege)
 WHERE has_table_privilege(role, rel, privilege)
$$;
CREATE TEMPORARY TABLE expected (tab text, reader text, operator text, admin text);
INSERT INTO expected VALUES
    ('schema_migrations', 'r', 'r',    'r'),
    ('hosts',             'r', 'r',    'rawd'),
    ('nodes',             'r', 'r',    'rawd'),
    ('users',             'r', 'rawd', 'rawd'),
    ('credentials',       '',  'rawd', 'rawd'),
    ('bans',              'r', 'rawd', 'rawd'),
    ('last_activity',     'r', 'rawd', 'rawd'),
    ('roster_items',      'r', 'rawd', 'rawd'),
    ('roster_versions',   'r', 'rawd', 'rawd'),
    ('vcards',            'r', 'rawd', 'rawd'),
    ('private_storage',   'r', 'rawd', 'rawd'),
    ('offline_messages',  'r', 'rawd', 'rawd'),
    ('sessions',          'r', 'rawd', 'rawd'),
    ('outbox',            '',  'ra',   'rawd'),
    ('audit_log',         'r', 'ra',   'rad'),
    ('batch_runs',        'r', 'raw',  'rawd'),
    ('daemons',           'r', 'rawd', 'rawd'),
    ('tokens',            '',  'r',    'rawd'),
    ('idempotency_keys',  '',  'rawd', 'rawd'),
    ('gdpr_ledger',       'r', 'r',    'r'),
    ('gdpr_subjects',     '',  'ra',   'rawd'),
    ('personal_sections', 'r', 'r',    'rawd'),
    ('personal_data',     'r', 'r',    'rawd'),
    ('personal_registry', 'r', 'r',    'r'),
    ('personal_live',     'r', 'r',    'r'),
    ('csv_vcard',         '',  'r',    'r'),
    ('csv_roster',        '',  'r',    'r'),
    ('csv_private',       '',  'r',    'r'),
    ('csv_offline',       '',  'r',    'r'),
    ('csv_logs',          '',  'r',    'r'),
    ('legal_holds',       '',  'r',    'rawd'),
    ('pending_erasures',  '',  'r',    'rawd'),
    ('tombstones',        '',  'r',    'rawd');
SELECT set_eq(
    $$SELECT relname::text FROM pg_class
       WHERE relnamespace = 'adminex'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')$$,
    'SELECT tab FROM expected', 'what the roles may is said here of every table');
SELECT is(pg_temp.letters('adminex_reader', tab), reader, format('adminex_reader on %s', tab))
  FROM expected;
SELECT is(pg_temp.letters('adminex_operator', tab), operator, format('adminex_operator on %s', tab))
  FROM expected;
SELECT is(pg_temp.letters('adminex_admin', tab), admin, format('adminex_admin on %s', tab))
  FROM expected;

CREATE ROLE adminex_test_nobody;
SELECT is_empty(
    $$SELECT tab FROM expected WHERE pg_temp.letters('adminex_test_nobody', tab) <> ''$$,
    'who has none of the roles may nothing');
SELECT ok(NOT has_schema_privilege('adminex_test_nobody', 'adminex', 'USAGE'),
          'who has none of the roles cannot even look into the schema');
SELECT schema_privs_are('adminex', role, ARRAY['USAGE'])
  FROM unnest('{adminex_reader,adminex_operator,adminex_admin}'::text[]) AS role;
SELECT is_empty(
    $$SELECT attrelid::regclass, attname FROM pg_attribute
       WHERE attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'adminex'::regnamespace)
         AND attrelid NOT IN ('adminex.gdpr_ledger'::regclass, 'adminex.gdpr_subjects'::regclass)
         AND (attrelid, attname) <> ('adminex.audit_log'::regclass, 'arguments')
         AND attacl IS NOT NULL$$,
    'nobody has a privilege on a mere column, but for the ledger and for erasing names in the log');
SELECT is_empty(
    $$SELECT c.relname, r.rolname
        FROM pg_class AS c, pg_roles AS r
       WHERE c.relnamespace = 'adminex'::regnamespace AND c.relkind = 'S'
         AND r.rolname IN ('adminex_reader', 'adminex_operator', 'adminex_admin')
         AND has_sequence_privilege(r.oid, c.oid, 'USAGE, SELECT, UPDATE')$$,
    'nobody sets a sequence');

-- The function
SELECT has_function('adminex', 'grant_roles', '{}'::name[]);
SELECT function_returns('adminex', 'grant_roles', '{}'::name[], 'text[]');
SELECT isnt_definer('adminex', 'grant_roles', '{}'::name[]);
SELECT is((SELECT proconfig FROM pg_proc WHERE oid = 'adminex.grant_roles()'::regprocedure),
          '{search_path=pg_catalog}', 'it looks nothing up elsewhere');
SELECT isnt(obj_description('adminex.grant_roles()'::regprocedure, 'pg_proc'), NULL,
            'it says what it is');
SELECT is_empty(
    $$SELECT rolname FROM pg_roles
       WHERE rolname IN ('adminex_reader', 'adminex_operator', 'adminex_admin',
                         'adminex_test_nobody')
         AND has_function_privilege(oid, 'adminex.grant_roles()', 'EXECUTE')$$,
    'only who owns the schema runs it');

SELECT * FROM finish();
ROLLBACK;
