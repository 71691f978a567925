-- 0004_roles down and up again, for a superuser and for migrators with less power, with roles that
-- are in use and roles that are not. What takes two databases is an end-to-end test.
BEGIN;
\ir ../../migrations/0008_privacy.down.sql
\ir ../../migrations/0007_ledger.down.sql
\ir ../../migrations/0006_service.down.sql
\ir ../../migrations/0005_batch.down.sql
SELECT plan(24);

CREATE TEMPORARY VIEW roles AS
SELECT rolname::text AS role FROM pg_roles
 WHERE rolname IN ('adminex_reader', 'adminex_operator', 'adminex_admin');
CREATE TEMPORARY VIEW grants AS
SELECT c.relname, a.grantee::regrole::text, a.privilege_type
  FROM pg_class AS c, aclexplode(c.relacl) AS a
 WHERE c.relnamespace = 'adminex'::regnamespace AND c.relkind = 'r' AND a.grantee <> c.relowner
 UNION ALL
SELECT n.nspname, a.grantee::regrole::text, a.privilege_type
  FROM pg_namespace AS n, aclexplode(n.nspacl) AS a
 WHERE n.nspname = 'adminex' AND a.grantee <> n.nspowner;
CREATE TEMPORARY TABLE privileges AS SELECT * FROM grants;

-- Roles that other databases have too stay when this one goes down. They are out of the way until
-- the end of the test.
\ir ../../migrations/0004_roles.down.sql
DO $$
DECLARE
    role text;
BEGIN
    FOR role IN SELECT r.role FROM roles AS r LOOP
        EXECUTE format('ALTER ROLE %I RENAME TO %I', role, role || '_elsewhere');
    END LOOP;
END
$$;
\ir ../../migrations/0004_roles.up.sql
SELECT bag_eq('SELECT * FROM grants', 'SELECT * FROM privileges', 'missing roles are made');

-- Roles in use
CREATE ROLE adminex_test_member;
CREATE ROLE adminex_test_group;
GRANT adminex_reader TO adminex_test_member;
GRANT adminex_test_group TO adminex_operator;
COMMENT ON ROLE adminex_reader IS 'a comment';
\ir ../../migrations/0004_roles.down.sql
SELECT hasnt_function('adminex', 'grant_roles', '{}'::name[]);
SELECT has_role('adminex_reader', 'a role with a member stays');
SELECT has_role('adminex_operator', 'a role that is a member stays');
SELECT ok(pg_has_role('adminex_test_member', 'adminex_reader', 'MEMBER'), 'so does its member');
SELECT is(shobj_description('adminex_reader'::regrole, 'pg_authid'), 'a comment',
          'and what is said of it');
SELECT is_empty('SELECT * FROM grants', 'but nobody has a privilege left');
\ir ../../migrations/0004_roles.up.sql
SELECT bag_eq('SELECT * FROM grants', 'SELECT * FROM privileges', 'up again: the same privileges');
REVOKE adminex_reader FROM adminex_test_member;
REVOKE adminex_test_group FROM adminex_operator;

-- Roles that nothing else uses
\ir ../../migrations/0004_roles.down.sql
SELECT is_empty('SELECT * FROM roles', 'roles that nothing uses are dropped');
\ir ../../migrations/0004_roles.up.sql
GRANT SELECT ON SEQUENCE adminex.outbox_id_seq TO adminex_operator;
\ir ../../migrations/0004_roles.down.sql
SELECT set_eq('SELECT role FROM roles', ARRAY['adminex_operator'],
              'roles are dropped, but for one with a privilege that is not of the migration');
SELECT is_empty('SELECT * FROM grants', 'no privilege of the migration is left');
REVOKE SELECT ON SEQUENCE adminex.outbox_id_seq FROM adminex_operator;
\ir ../../migrations/0004_roles.up.sql
SELECT bag_eq('SELECT * FROM grants', 'SELECT * FROM privileges', 'what is there stays');
ALTER ROLE adminex_reader RENAME TO adminex_test_reader;
SELECT is(adminex.grant_roles(), '{adminex_reader}', 'grant_roles names a role that is missing');
ALTER ROLE adminex_test_reader RENAME TO adminex_reader;
SELECT is(adminex.grant_roles(), '{}', 'or none');
DROP OWNED BY adminex_reader;
DROP ROLE adminex_reader;
\ir ../../migrations/0004_roles.down.sql
SELECT is_empty('SELECT * FROM roles', 'a role that is not there is in nobody''s way');

-- A migrator who may not create roles. The warning is not for the output of a test.
CREATE ROLE adminex_test_migrator;
DO $$
DECLARE
    tab regclass;
BEGIN
    ALTER SCHEMA adminex OWNER TO adminex_test_migrator;
    FOR tab IN SELECT oid FROM pg_class
                WHERE relnamespace = 'adminex'::regnamespace AND relkind = 'r' LOOP
        EXECUTE format('ALTER TABLE %s OWNER TO adminex_test_migrator', tab);
    END LOOP;
END
$$;
SET LOCAL client_min_messages = error;
SET LOCAL ROLE adminex_test_migrator;
\ir ../../migrations/0004_roles.up.sql
RESET ROLE;
SET LOCAL client_min_messages = warning;
SELECT has_function('adminex', 'grant_roles', '{}'::name[], 'without CREATEROLE it goes on');
SELECT is_empty('SELECT * FROM roles', 'and makes no role');
CREATE ROLE adminex_reader;
CREATE ROLE adminex_operator;
CREATE ROLE adminex_admin;
SET LOCAL ROLE adminex_test_migrator;
SELECT adminex.grant_roles() AS missing \gset
RESET ROLE;
SELECT is(:'missing'::text, '{}', 'once a superuser made them, the migrator grants to all');
SELECT bag_eq('SELECT * FROM grants', 'SELECT * FROM privileges', 'the same privileges');
SET LOCAL ROLE adminex_test_migrator;
\ir ../../migrations/0004_roles.down.sql
RESET ROLE;
SELECT is_empty('SELECT * FROM grants', 'it takes them back');
SELECT is((SELECT count(*) FROM roles)::integer, 3, 'but drops no role that is not its own');
SET LOCAL ROLE adminex_test_migrator;
\ir ../../migrations/0004_roles.up.sql
RESET ROLE;
SELECT bag_eq('SELECT * FROM grants', 'SELECT * FROM privileges',
              'where the roles exist it needs nothing but the schema');
SET LOCAL ROLE adminex_test_migrator;
\ir ../../migrations/0004_roles.down.sql
RESET ROLE;

-- A migrator who may create roles and is no superuser
DROP ROLE adminex_reader, adminex_operator, adminex_admin;
ALTER ROLE adminex_test_migrator CREATEROLE;
SET LOCAL ROLE adminex_test_migrator;
\ir ../../migrations/0004_roles.up.sql
RESET ROLE;
SELECT bag_eq('SELECT * FROM grants', 'SELECT * FROM privileges', 'with CREATEROLE it makes them');
GRANT adminex_reader TO adminex_test_migrator WITH ADMIN OPTION;
SET LOCAL ROLE adminex_test_migrator;
\ir ../../migrations/0004_roles.down.sql
RESET ROLE;
SELECT is_empty('SELECT * FROM roles', 'and drops them, though it administers one');

SELECT * FROM finish();
ROLLBACK;
