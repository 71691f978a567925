-- The tables as a whole: their keys, indexes and comments. Their columns and what they refuse are
-- in the files 0001_tables_*.sql, their foreign keys in 0003_foreign_keys.sql.
BEGIN;
SELECT plan(41);

CREATE TEMPORARY TABLE expected (tab text, key text[]);
INSERT INTO expected VALUES
    ('hosts',            '{host}'),
    ('users',            '{host,username}'),
    ('credentials',      '{host,username,mechanism}'),
    ('bans',             '{host,username}'),
    ('last_activity',    '{host,username}'),
    ('roster_items',     '{host,username,jid}'),
    ('roster_versions',  '{host,username}'),
    ('vcards',           '{host,username}'),
    ('private_storage',  '{host,username,xmlns}'),
    ('offline_messages', '{host,username,id}'),
    ('sessions',         '{host,username,resource}');

SELECT has_table('adminex', tab, format('%s is there', tab)) FROM expected;
SELECT col_is_pk('adminex', tab, key, format('key of %s', tab)) FROM expected;
SELECT isnt(obj_description(format('adminex.%I', tab)::regclass, 'pg_class'), NULL,
            format('%s says what it is', tab))
  FROM expected;

SELECT has_index('adminex', 'last_activity', 'last_activity_host_last_at',
                 ARRAY['host', 'last_at'], 'who was last seen when, on a host');
SELECT has_index('adminex', 'roster_items', 'roster_items_jid',
                 ARRAY['jid', 'host', 'username'], 'in whose rosters a JID is');
SELECT index_is_type('adminex', 'last_activity', 'last_activity_host_last_at', 'btree');
SELECT index_is_type('adminex', 'roster_items', 'roster_items_jid', 'btree');

SELECT is_empty(
    $$SELECT indexrelid::regclass FROM pg_index
       WHERE indrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'adminex'::regnamespace)
         AND indrelid <> 'adminex.gdpr_ledger'::regclass
         -- Those alone are of some rows only.
         AND indexrelid <> 'adminex.roster_items_no_contact'::regclass
         AND (NOT indisvalid OR indpred IS NOT NULL OR indnullsnotdistinct
              OR NOT indimmediate)$$,
    'every index is whole and valid');
SELECT is_empty(
    $$SELECT relname FROM pg_class
       WHERE relnamespace = 'adminex'::regnamespace AND relkind = 'r' AND relpersistence <> 'p'$$,
    'every table survives a crash');
SELECT is_empty(
    $$SELECT tgname FROM pg_trigger
       WHERE tgrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'adminex'::regnamespace)
         AND tgrelid NOT IN ('adminex.gdpr_ledger'::regclass, 'adminex.personal_sections'::regclass,
                             'adminex.personal_data'::regclass)
         AND NOT tgisinternal$$,
    'no triggers but on ledger and registry, which are never distributed: Citus would refuse them');
SELECT is_empty(
    $$SELECT conrelid::regclass, conname FROM pg_constraint
       WHERE connamespace = 'adminex'::regnamespace
         AND (NOT convalidated OR condeferrable)$$,
    'every constraint holds, and at once');

SELECT * FROM finish();
ROLLBACK;
