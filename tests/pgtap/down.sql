-- Every migration goes back, one after the other, and up again. All of it is rolled back.
BEGIN;
SELECT plan(25);

CREATE FUNCTION pg_temp.foreign_keys() RETURNS bigint
    LANGUAGE sql
AS $$
SELECT count(*) FROM pg_constraint
 WHERE connamespace = 'adminex'::regnamespace AND contype = 'f'
$$;
CREATE FUNCTION pg_temp.may_rewrite_the_log() RETURNS boolean
    LANGUAGE sql
AS $$
SELECT has_any_column_privilege('adminex_admin', 'adminex.audit_log', 'UPDATE')
$$;
CREATE TEMPORARY TABLE before AS
SELECT relname, relkind FROM pg_class WHERE relnamespace = 'adminex'::regnamespace;
INSERT INTO adminex.hosts (host) VALUES ('h.example');
INSERT INTO adminex.users (host, username) VALUES ('h.example', 'romeo');
INSERT INTO adminex.outbox (host, username, kind) VALUES ('h.example', 'romeo', 'unsubscribe');

\ir ../../migrations/0009_old_accounts.down.sql
SELECT hasnt_function('adminex', 'old_accounts_still_are', 'down to 8: nobody looks afterwards');
SELECT hasnt_index('adminex', 'roster_items', 'roster_items_no_contact', 'down to 8: no index for it');

\ir ../../migrations/0008_privacy.down.sql
SELECT is_empty($$SELECT relname FROM pg_class WHERE relnamespace = 'adminex'::regnamespace
                     AND relname ~ '^(personal|csv|legal|pending|tombstones|audit_log_s|offline_messages_s)'$$,
                'down to 7: no registry, nothing of erasures');
SELECT functions_are('adminex', ARRAY[
    'grant_roles', 'grant_roles_0004', 'grant_roles_0005', 'grant_roles_0006', 'gdpr_ledger_append',
    'gdpr_ledger_field', 'gdpr_ledger_hash', 'gdpr_ledger_refuse'],
    'down to 7: the functions of 7');
SELECT is(pg_temp.may_rewrite_the_log(), false, 'down to 7: nobody rewrites the log');
SELECT throws_ok($$INSERT INTO adminex.outbox (host, username, kind)
                   VALUES ('h.example', 'romeo', 'unsubscribe')$$,
                 '23514', NULL, 'down to 7: no farewells');

\ir ../../migrations/0007_ledger.down.sql
SELECT is_empty($$SELECT relname FROM pg_class WHERE relnamespace = 'adminex'::regnamespace
                     AND relname ~ '^gdpr_'$$,
                'down to 6: no ledger');
SELECT functions_are('adminex', ARRAY['grant_roles', 'grant_roles_0004', 'grant_roles_0005'],
                     'down to 6: the functions of 6');

\ir ../../migrations/0006_service.down.sql
SELECT is_empty($$SELECT relname FROM pg_class WHERE relnamespace = 'adminex'::regnamespace
                     AND relname ~ '^(daemons|tokens|idempotency_keys)'$$,
                'down to 5: nothing for daemons');
SELECT hasnt_column('adminex', 'audit_log', 'request_id', 'down to 5: no request');
SELECT functions_are('adminex', ARRAY['grant_roles', 'grant_roles_0004'],
                     'down to 5: the functions of 5');

\ir ../../migrations/0005_batch.down.sql
SELECT hasnt_table('adminex', 'batch_runs', 'down to 4: no runs of batches');
SELECT functions_are('adminex', ARRAY['grant_roles'], 'down to 4: the function of 4');
SELECT lives_ok('SELECT adminex.grant_roles()', 'down to 4: it works');

\ir ../../migrations/0004_roles.down.sql
SELECT functions_are('adminex', '{}'::name[], 'down to 3: no function');
SELECT is(pg_temp.foreign_keys(), 10::bigint, 'down to 3: the foreign keys are there');

\ir ../../migrations/0003_foreign_keys.down.sql
SELECT is(pg_temp.foreign_keys(), 0::bigint, 'down to 2: no foreign key');
SELECT lives_ok($$INSERT INTO adminex.bans (host, username) VALUES ('h.example', 'nobody')$$,
                'down to 2: orphans are possible');
SELECT isnt_empty('SELECT FROM adminex.users', 'down to 2: rows are there');
DELETE FROM adminex.bans;
\ir ../../migrations/0003_foreign_keys.up.sql
SELECT is(pg_temp.foreign_keys(), 10::bigint, 'up to 3, with rows: the foreign keys are there');
\ir ../../migrations/0003_foreign_keys.down.sql

\ir ../../migrations/0002_operations.down.sql
SELECT tables_are('adminex', ARRAY[
    'bans', 'credentials', 'hosts', 'last_activity', 'offline_messages', 'private_storage',
    'roster_items', 'roster_versions', 'schema_migrations', 'sessions', 'users', 'vcards'],
    'down to 1: accounts and what belongs to them');

\ir ../../migrations/0001_tables.down.sql
SELECT bag_eq(
    $$SELECT relname::text FROM pg_class WHERE relnamespace = 'adminex'::regnamespace$$,
    ARRAY['schema_migrations', 'schema_migrations_pkey'],
    'down to 0: only what the migrator made');

\ir ../../migrations/0001_tables.up.sql
\ir ../../migrations/0002_operations.up.sql
\ir ../../migrations/0003_foreign_keys.up.sql
\ir ../../migrations/0004_roles.up.sql
\ir ../../migrations/0005_batch.up.sql
\ir ../../migrations/0006_service.up.sql
\ir ../../migrations/0007_ledger.up.sql
\ir ../../migrations/0008_privacy.up.sql
\ir ../../migrations/0009_old_accounts.up.sql
SELECT bag_eq($$SELECT relname, relkind FROM pg_class
                 WHERE relnamespace = 'adminex'::regnamespace$$,
              'SELECT * FROM before', 'up again: the same tables, indexes and sequences');
SELECT is(pg_temp.foreign_keys(), 10::bigint, 'up again: the foreign keys');
SELECT functions_are('adminex', ARRAY[
    'audit_subjects', 'audit_without', 'gdpr_ledger_append', 'gdpr_ledger_field',
    'gdpr_ledger_hash', 'gdpr_ledger_refuse', 'old_accounts_still_are', 'grant_roles',
    'grant_roles_0004',
    'grant_roles_0005', 'grant_roles_0006', 'grant_roles_0007', 'personal_check',
    'personal_contents', 'personal_erase', 'personal_farewells', 'personal_fields',
    'personal_masks', 'personal_plan', 'personal_query', 'personal_registry_changed',
    'presence_stanza'],
    'up again: the functions');

SELECT * FROM finish();
ROLLBACK;
