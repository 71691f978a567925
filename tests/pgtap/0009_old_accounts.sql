-- What delete_old_users looks at after it deleted, and the index that its contacts are read by.
BEGIN;
\ir helpers.psql
SELECT plan(13);

INSERT INTO adminex.hosts (host) VALUES ('a.example'), ('b.example');
INSERT INTO adminex.users (host, username) VALUES ('a.example', 'romeo'), ('b.example', 'romeo');

-- The SQLSTATE of the look after that was done: of Romeo of a.example, for thirty days.
CREATE FUNCTION pg_temp.look(done text) RETURNS text
    LANGUAGE sql
AS $$
SELECT pg_temp.outcome(done || $q$; SELECT adminex.old_accounts_still_are('{a.example}', '{romeo}', 30)$q$)
$$;
SELECT is(pg_temp.look(done), state, why)
  FROM (VALUES
        ('SELECT 1', '00000', 'nobody came back'),
        ($$INSERT INTO adminex.sessions (host, username, resource) VALUES ('a.example', 'romeo', 'x')$$,
         '40001', 'who is connected came back'),
        ($$INSERT INTO adminex.sessions (host, username, resource) VALUES ('b.example', 'romeo', 'x')$$,
         '00000', 'not who has the name on another host'),
        ($$INSERT INTO adminex.legal_holds (host, username, reason, held_by)
           VALUES ('a.example', 'romeo', 'claim', 'a')$$, '40001', 'who is held'),
        ($$INSERT INTO adminex.legal_holds (host, username, reason, held_by)
           VALUES ('b.example', 'romeo', 'claim', 'a')$$, '00000', 'not on another host'),
        ($$INSERT INTO adminex.last_activity (host, username, last_at)
           VALUES ('a.example', 'romeo', now() - interval '29 days')$$, '40001', 'who was seen'),
        ($$INSERT INTO adminex.last_activity (host, username, last_at)
           VALUES ('a.example', 'romeo', now() - interval '30 days')$$, '00000', 'not that long ago'),
        ($$INSERT INTO adminex.last_activity (host, username, last_at)
           VALUES ('b.example', 'romeo', now())$$, '00000', 'not who was seen on another host')
       ) AS t(done, state, why);
SELECT is(adminex.old_accounts_still_are(NULL, NULL, 30), true, 'of nobody it is true');
SELECT is(adminex.old_accounts_still_are('{}', '{}', 30), true, 'or of an empty list');
SELECT volatility_is('adminex', 'old_accounts_still_are', '{text[],text[],integer}'::name[],
                     'volatile', 'it has a snapshot of its own');
SELECT has_index('adminex', 'roster_items', 'roster_items_no_contact', '{host,username}'::name[],
                 'the items that are no contacts have an index');
SELECT matches(pg_get_indexdef('adminex.roster_items_no_contact'::regclass),
               'WHERE .*subscription = ''N''.* AND .*ask = ''N''', 'of those alone');

SELECT * FROM finish();
ROLLBACK;
