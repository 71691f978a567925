-- What each role is refused when it tries. Privileges are checked before anything else, so a
-- statement that would change no row, or fail for another reason, tells them just as well.
BEGIN;
\ir helpers.psql
SELECT plan(92);

CREATE FUNCTION pg_temp.attempt(role text, verb text, tab text) RETURNS boolean
    LANGUAGE sql
AS $$
SELECT pg_temp.outcome(pg_temp.as_role(role, format(
           CASE verb WHEN 'select'   THEN 'SELECT FROM adminex.%1$I'
                     WHEN 'insert'   THEN 'INSERT INTO adminex.%1$I DEFAULT VALUES'
                     WHEN 'update'   THEN 'UPDATE adminex.%1$I SET %2$I = DEFAULT WHERE false'
                     WHEN 'delete'   THEN 'DELETE FROM adminex.%1$I WHERE false'
                     WHEN 'truncate' THEN 'TRUNCATE adminex.%1$I CASCADE'
                     WHEN 'alter'    THEN 'ALTER TABLE adminex.%1$I DISABLE TRIGGER USER'
                     WHEN 'drop'     THEN 'DROP TABLE adminex.%1$I CASCADE'
           END, tab, (SELECT attname FROM pg_attribute
                       WHERE attrelid = format('adminex.%I', tab)::regclass AND attnum = 2)))
       ) <> '42501'
$$;
CREATE FUNCTION pg_temp.verbs(role text, tab text) RETURNS text
    LANGUAGE sql
AS $$
SELECT coalesce(string_agg(verb, ' ' ORDER BY n), 'nothing')
  FROM unnest('{select,insert,update,delete,truncate,alter,drop}'::text[])
       WITH ORDINALITY AS v (verb, n)
 WHERE pg_temp.attempt(role, verb, tab)
$$;

SELECT is(pg_temp.verbs('adminex_reader', tab), 'select', format('the reader only reads %s', tab))
  FROM unnest('{schema_migrations,hosts,nodes,users,bans,last_activity,roster_items,
                roster_versions,vcards,private_storage,offline_messages,sessions,
                audit_log,batch_runs,daemons}'::text[]) AS tab;
SELECT is(pg_temp.verbs('adminex_reader', tab), 'nothing', format('the reader cannot see %s', tab))
  FROM unnest('{credentials,outbox,tokens,idempotency_keys}'::text[]) AS tab;

SELECT is(pg_temp.verbs('adminex_operator', tab), 'select',
          format('the operator only reads %s', tab))
  FROM unnest('{schema_migrations,hosts,nodes,tokens}'::text[]) AS tab;
SELECT is(pg_temp.verbs('adminex_operator', tab), 'select insert',
          format('the operator adds to %s and changes nothing there', tab))
  FROM unnest('{outbox,audit_log}'::text[]) AS tab;
SELECT is(pg_temp.verbs('adminex_operator', tab), 'select insert update delete',
          format('the operator manages %s', tab))
  FROM unnest('{users,credentials,bans,last_activity,roster_items,roster_versions,vcards,
                private_storage,offline_messages,sessions,daemons,idempotency_keys}'::text[]) AS tab;

SELECT is(pg_temp.verbs('adminex_admin', 'schema_migrations'), 'select',
          'the admin only reads schema_migrations');
SELECT is(pg_temp.verbs('adminex_admin', 'audit_log'), 'select insert delete',
          'the admin cleans audit_log up, but rewrites nothing there');
SELECT is(pg_temp.verbs('adminex_admin', tab), 'select insert update delete',
          format('the admin manages %s', tab))
  FROM unnest('{hosts,nodes,users,credentials,bans,last_activity,roster_items,roster_versions,
                vcards,private_storage,offline_messages,sessions,outbox,batch_runs,daemons,
                tokens,idempotency_keys}'::text[]) AS tab;

CREATE ROLE adminex_test_nobody;
SELECT is_empty(
    $$SELECT c.relname FROM pg_class AS c
       WHERE c.relnamespace = 'adminex'::regnamespace AND c.relkind = 'r'
         AND pg_temp.verbs('adminex_test_nobody', c.relname) <> 'nothing'$$,
    'who has none of the roles may nothing');

-- In their own words
INSERT INTO adminex.hosts (host) VALUES ('h.example');
INSERT INTO adminex.users (host, username) VALUES ('h.example', 'juliet');
INSERT INTO adminex.credentials (host, username, mechanism, plain)
VALUES ('h.example', 'juliet', 'PLAIN', 'secret');
INSERT INTO adminex.audit_log (actor, face, command, rows, outcome)
VALUES ('a', 'cli', 'unregister', 1, 'ok');

SELECT throws_ok(pg_temp.as_role('adminex_reader', statement), '42501', NULL, why)
  FROM (VALUES
        ('SELECT plain FROM adminex.credentials', 'the reader reads no password'),
        ('SELECT count(*) FROM adminex.credentials', 'the reader does not even count them'),
        ('SELECT u.username FROM adminex.users AS u JOIN adminex.credentials AS c
          USING (host, username)', 'the reader does not read them through a join'),
        ('SELECT payload FROM adminex.outbox', 'the reader reads no event'),
        ('SELECT digest FROM adminex.tokens', 'the reader reads no digest'),
        ('SELECT reply FROM adminex.idempotency_keys', 'the reader reads no reply'),
        ($$INSERT INTO adminex.audit_log (actor, face, command, rows, outcome)
           VALUES ('a', 'cli', 'x', 0, 'ok')$$, 'the reader leaves no trace'),
        ($$INSERT INTO adminex.users (host, username) VALUES ('h.example', 'x')$$,
         'the reader makes no account'),
        ('DELETE FROM adminex.users', 'the reader deletes no account'),
        ('CREATE TABLE adminex.x ()', 'the reader makes no table'),
        ('SELECT adminex.grant_roles()', 'the reader grants nothing')
       ) AS v (statement, why);

SELECT throws_ok(pg_temp.as_role('adminex_operator', statement), '42501', NULL, why)
  FROM (VALUES
        ($$INSERT INTO adminex.hosts (host) VALUES ('x.example')$$, 'the operator adds no host'),
        ('DELETE FROM adminex.hosts', 'the operator removes no host'),
        ($$INSERT INTO adminex.nodes (node) VALUES ('x')$$, 'the operator adds no node'),
        ('DELETE FROM adminex.nodes', 'the operator removes no node'),
        ($$UPDATE adminex.audit_log SET actor = 'b'$$, 'the operator rewrites no history'),
        ('DELETE FROM adminex.audit_log', 'the operator deletes no history'),
        ($$INSERT INTO adminex.audit_log (actor, face, command, rows, outcome)
           SELECT 'a', 'cli', 'x', 0, 'ok'
               ON CONFLICT (id) DO UPDATE SET actor = 'b'$$, 'nor by way of an upsert'),
        ('DELETE FROM adminex.outbox', 'the operator takes no event back'),
        ($$INSERT INTO adminex.tokens (digest, role, created_by) VALUES (sha256(''), 'admin', 'a')$$,
         'the operator makes no token'),
        ($$UPDATE adminex.tokens SET revoked_at = NULL$$, 'the operator brings none back'),
        ('CREATE TABLE adminex.x ()', 'the operator makes no table'),
        ('SELECT adminex.grant_roles()', 'the operator grants nothing')
       ) AS v (statement, why);

SELECT throws_ok(pg_temp.as_role('adminex_admin', statement), '42501', NULL, why)
  FROM (VALUES
        ($$UPDATE adminex.audit_log SET actor = 'b'$$, 'the admin rewrites no history'),
        ('DELETE FROM adminex.schema_migrations', 'the admin does not touch migrations'),
        ('CREATE TABLE adminex.x ()', 'the admin makes no table'),
        ('SELECT adminex.grant_roles()', 'the admin grants nothing')
       ) AS v (statement, why);

SELECT lives_ok(pg_temp.as_role(role, statement), why)
  FROM (VALUES
        ('adminex_operator',
         $$WITH u AS (INSERT INTO adminex.users (host, username) VALUES ('h.example', 'romeo')
                      RETURNING host, username),
                c AS (INSERT INTO adminex.credentials (host, username, mechanism, plain)
                      SELECT host, username, 'PLAIN', 'secret' FROM u),
                o AS (INSERT INTO adminex.outbox (host, username, kind)
                      SELECT host, username, 'roster' FROM u RETURNING id)
           INSERT INTO adminex.audit_log (actor, face, command, rows, outcome)
           SELECT 'a', 'cli', 'register', count(*), 'ok' FROM u$$,
         'the operator makes an account, its secret, an event and an audit row at once'),
        ('adminex_operator', $$DELETE FROM adminex.users WHERE username = 'romeo'$$,
         'the operator deletes an account, and what cascades goes'),
        ('adminex_admin', $$INSERT INTO adminex.hosts (host) VALUES ('new.example')$$,
         'the admin adds a host'),
        ('adminex_admin', $$DELETE FROM adminex.hosts WHERE host = 'new.example'$$,
         'the admin removes a host'),
        ('adminex_admin', 'DELETE FROM adminex.outbox', 'the admin drains the outbox'),
        ('adminex_admin', 'DELETE FROM adminex.audit_log', 'the admin cleans the audit log up')
       ) AS v (role, statement, why);
SELECT is_empty('SELECT FROM adminex.audit_log', 'which is empty then');
SELECT is(current_user, session_user, 'every role was given back');

SELECT * FROM finish();
ROLLBACK;
