-- Foreign keys: no orphan anywhere; what belongs to an account goes with it, and nothing else.
BEGIN;
\ir helpers.psql
SELECT plan(54);

-- A row of each child table, as a statement with host and username to fill in.
CREATE TEMPORARY TABLE children (tab text, statement text);
INSERT INTO children VALUES
    ('credentials',      '(host, username, mechanism, plain) VALUES (%L, %L, ''PLAIN'', ''p'')'),
    ('bans',             '(host, username) VALUES (%L, %L)'),
    ('last_activity',    '(host, username, last_at) VALUES (%L, %L, now())'),
    ('roster_items',     '(host, username, jid) VALUES (%L, %L, ''romeo@h.example'')'),
    ('roster_versions',  '(host, username) VALUES (%L, %L)'),
    ('vcards',           '(host, username, vcard) VALUES (%L, %L, ''<vCard/>'')'),
    ('private_storage',  '(host, username, xmlns, data) VALUES (%L, %L, ''x'', ''<x/>'')'),
    ('offline_messages', '(host, username, packet) VALUES (%L, %L, ''<message/>'')'),
    ('sessions',         '(host, username, resource) VALUES (%L, %L, ''orchard'')');
UPDATE children SET statement = format('INSERT INTO adminex.%s ', tab) || statement;

SELECT fk_ok('adminex', 'users', 'host', 'adminex', 'hosts', 'host');
SELECT fk_ok('adminex', tab, ARRAY['host', 'username'],
             'adminex', 'users', ARRAY['host', 'username'])
  FROM children;
SELECT set_eq(
    $$SELECT conname::text, confdeltype::text, confupdtype::text, confmatchtype::text
        FROM pg_constraint
       WHERE connamespace = 'adminex'::regnamespace AND contype = 'f'$$,
    $$VALUES ('bans_account_fkey',             'c', 'a', 's'),
             ('credentials_account_fkey',      'c', 'a', 's'),
             ('last_activity_account_fkey',    'c', 'a', 's'),
             ('offline_messages_account_fkey', 'c', 'a', 's'),
             ('private_storage_account_fkey',  'c', 'a', 's'),
             ('roster_items_account_fkey',     'c', 'a', 's'),
             ('roster_versions_account_fkey',  'c', 'a', 's'),
             ('sessions_account_fkey',         'c', 'a', 's'),
             ('users_host_fkey',               'a', 'a', 's'),
             ('vcards_account_fkey',           'c', 'a', 's')$$,
    'children are deleted with their account, accounts are not deleted with their host');

-- Two accounts whose names differ in one half each from that of the account that goes
INSERT INTO adminex.hosts (host) VALUES ('h.example'), ('other.example'), ('empty.example');
INSERT INTO adminex.users (host, username) VALUES
    ('h.example', 'romeo'), ('h.example', 'juliet'), ('other.example', 'romeo');
SELECT lives_ok(
    (SELECT string_agg(format(statement, host, username), ';') FROM children),
    format('a row in each table for %s@%s', username, host))
  FROM adminex.users WHERE host IN ('h.example', 'other.example');
INSERT INTO adminex.outbox (host, username, kind) VALUES ('h.example', 'romeo', 'kick');
INSERT INTO adminex.audit_log (actor, face, command, arguments, rows, outcome)
VALUES ('a', 'cli', 'unregister', '{"user": "romeo", "host": "h.example"}', 1, 'ok');

-- Orphans
SELECT is(pg_temp.outcome($$INSERT INTO adminex.users (host, username) VALUES ('x', 'romeo')$$),
          '23503', 'an account on a host that is not served is refused');
SELECT is(pg_temp.outcome(format(statement, 'h.example', 'nobody')), '23503',
          format('an orphan in %s is refused', tab))
  FROM children;
SELECT is(pg_temp.outcome(format(statement, 'other.example', 'juliet')), '23503',
          format('an orphan in %s is refused: the account is on another host', tab))
  FROM children;

-- What cannot change
SELECT is(pg_temp.outcome($$DELETE FROM adminex.hosts WHERE host = 'h.example'$$),
          '23503', 'a host with accounts cannot be deleted');
SELECT is(pg_temp.outcome($$UPDATE adminex.hosts SET host = 'x' WHERE host = 'h.example'$$),
          '23503', 'a host with accounts cannot be renamed');
SELECT is(pg_temp.outcome(
              $$UPDATE adminex.users SET username = 'r'
                 WHERE (host, username) = ('h.example', 'romeo')$$),
          '23503', 'an account with rows of its own cannot be renamed');
SELECT is(pg_temp.outcome($$DELETE FROM adminex.hosts WHERE host = 'empty.example'$$),
          '00000', 'a host without accounts can be deleted');

-- What goes with an account
DELETE FROM adminex.users WHERE host = 'h.example' AND username = 'romeo';
CREATE FUNCTION pg_temp.owners(tab text) RETURNS text[]
    LANGUAGE plpgsql
AS $$
DECLARE
    owners text[];
BEGIN
    EXECUTE format('SELECT array_agg(username || ''@'' || host ORDER BY host, username)
                      FROM adminex.%I WHERE host IN (''h.example'', ''other.example'')', tab)
       INTO owners;
    RETURN owners;
END
$$;
SELECT is(pg_temp.owners(tab), '{juliet@h.example,romeo@other.example}',
          format('%s go with their account, those of its neighbours stay', tab))
  FROM children;
SELECT is(pg_temp.owners('users'), '{juliet@h.example,romeo@other.example}',
          'other accounts stay');
SELECT is((SELECT count(*) FROM adminex.roster_items WHERE jid = 'romeo@h.example'), 2::bigint,
          'others keep the deleted account in their rosters');
SELECT is((SELECT count(*) FROM adminex.outbox WHERE (host, username) = ('h.example', 'romeo')),
          1::bigint, 'what servers must still do for it stays');
SELECT is((SELECT count(*) FROM adminex.audit_log WHERE arguments->>'user' = 'romeo'),
          1::bigint, 'what was done to it stays');

-- Many at once, and a host after its accounts
DELETE FROM adminex.users WHERE host IN ('h.example', 'other.example');
SELECT is((SELECT string_agg(tab, ' ') FROM children WHERE pg_temp.owners(tab) IS NOT NULL), NULL,
          'accounts deleted by one statement leave nothing behind');
SELECT is(pg_temp.outcome($$DELETE FROM adminex.hosts WHERE host = 'h.example'$$),
          '00000', 'a host whose accounts are gone can be deleted');
SELECT is((SELECT count(*) FROM adminex.outbox WHERE host = 'h.example'), 1::bigint,
          'an event outlives even the host');

-- Every foreign key has an index to delete by
SELECT is_empty(
    $$SELECT f.conname
        FROM pg_constraint AS f
       WHERE f.connamespace = 'adminex'::regnamespace
         AND f.contype = 'f'
         AND NOT EXISTS (SELECT FROM pg_index AS i
                          WHERE i.indrelid = f.conrelid
                            AND (i.indkey::int2[])[0:cardinality(f.conkey) - 1] = f.conkey)$$,
    'every foreign key is the beginning of an index');

SELECT * FROM finish();
ROLLBACK;
