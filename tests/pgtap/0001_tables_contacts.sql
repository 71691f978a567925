-- roster_items, roster_versions: columns, and what is refused.
BEGIN;
\ir helpers.psql
SELECT plan(41);

SELECT results_eq($$SELECT * FROM pg_temp.columns('roster_items')$$, $$VALUES
    ('host',         'text COLLATE "C" NOT NULL'),
    ('username',     'text COLLATE "C" NOT NULL'),
    ('jid',          'text COLLATE "C" NOT NULL'),
    ('nick',         'text NOT NULL DEFAULT ''''::text'),
    ('subscription', 'text COLLATE "C" NOT NULL DEFAULT ''N''::text'),
    ('ask',          'text COLLATE "C" NOT NULL DEFAULT ''N''::text'),
    ('ask_message',  'text NOT NULL DEFAULT ''''::text'),
    ('groups',       'text[] NOT NULL DEFAULT ''{}''::text[]')$$,
    'columns of roster_items');
SELECT results_eq($$SELECT * FROM pg_temp.columns('roster_versions')$$, $$VALUES
    ('host',     'text COLLATE "C" NOT NULL'),
    ('username', 'text COLLATE "C" NOT NULL'),
    ('version',  'bigint NOT NULL DEFAULT 1')$$,
    'columns of roster_versions');

INSERT INTO adminex.hosts (host) VALUES ('h.example');
INSERT INTO adminex.users (host, username) VALUES
    ('h.example', 'romeo'),
    ('h.example', repeat('u', 1000));

CREATE FUNCTION pg_temp.item(col text, val text) RETURNS text
    LANGUAGE sql
AS $$
SELECT pg_temp.outcome(format(
    'INSERT INTO adminex.roster_items (host, username, jid%s) VALUES (%L, %L, %L%s)',
    CASE WHEN col <> 'jid' THEN ', ' || col END, 'h.example', 'romeo',
    CASE WHEN col = 'jid' THEN val ELSE 'juliet@h.example' END,
    CASE WHEN col <> 'jid' THEN ', ' || quote_nullable(val) END))
$$;

-- The contact's JID
SELECT is(pg_temp.item('jid', jid), state, why)
  FROM (VALUES
        ('juliet@h.example',         '00000', 'a contact needs a JID only'),
        ('h.example',                '00000', 'a bare domain is a contact'),
        (NULL,                       '23502', 'an item without a JID is refused'),
        ('',                         '23514', 'an empty JID is refused'),
        ('juliet@h.example/balcony', '23514', 'a JID with a resource is refused'),
        ('h.example/',               '23514', 'a JID with an empty resource is refused'),
        ('/juliet@h.example',        '23514', 'a slash anywhere is refused'),
        (repeat('j', 2047),          '00000', 'a JID of 2047 bytes is accepted'),
        (repeat('j', 2048),          '23514', 'a JID of 2048 bytes is refused'),
        (repeat('ä', 1023),          '00000', 'bytes of a JID are counted: 1023 umlauts'),
        (repeat('ä', 1024),          '23514', 'bytes of a JID are counted: 1024 umlauts')
       ) AS v (jid, state, why);
SELECT is(pg_temp.outcome(format(
              'INSERT INTO adminex.roster_items (host, username, jid) VALUES (%L, %L, %L)',
              'h.example', repeat('u', 1000), repeat('j', bytes))), state, why)
  FROM (VALUES
        (2600 - 1000 - 9, '00000', 'a key of 2600 bytes is accepted'),
        (2601 - 1000 - 9, '23514', 'a key of 2601 bytes is refused before the index refuses it')
       ) AS v (bytes, state, why);
INSERT INTO adminex.roster_items (host, username, jid)
VALUES ('h.example', 'romeo', 'juliet@h.example');
SELECT throws_ok(
    $$INSERT INTO adminex.roster_items (host, username, jid)
      VALUES ('h.example', 'romeo', 'juliet@h.example')$$,
    '23505', NULL, 'the same contact twice is refused');
SELECT results_eq(
    $$SELECT nick, subscription, ask, ask_message, groups FROM adminex.roster_items$$,
    $$VALUES ('', 'N' COLLATE "C", 'N' COLLATE "C", '', '{}'::text[])$$,
    'a new contact has no name, no subscription, no request and no group');
DELETE FROM adminex.roster_items;

-- Its letters: each of ASCII is tried, and some longer words
CREATE TEMPORARY VIEW words AS
SELECT chr(c) AS word FROM generate_series(1, 127) AS c
UNION ALL
SELECT unnest('{"",NN,"N ",none,to,from,both,remove,subscribe,TF}'::text[]);
SELECT set_eq($$SELECT word FROM words WHERE pg_temp.item('subscription', word) = '00000'$$,
              ARRAY['N', 'T', 'F', 'B'], 'subscription is one of N, T, F, B');
SELECT set_eq($$SELECT word FROM words WHERE pg_temp.item('ask', word) = '00000'$$,
              ARRAY['N', 'O', 'I', 'B', 'S', 'U'], 'ask is one of N, O, I, B, S, U');
SELECT set_eq(
    $$SELECT pg_temp.item(col, word) FROM words, (VALUES ('subscription'), ('ask')) AS c (col)$$,
    ARRAY['00000', '23514'], 'any other is refused as what it is');
SELECT is(pg_temp.item(col, NULL), '23502', format('%s cannot be NULL', col))
  FROM unnest('{nick,subscription,ask,ask_message,groups}'::text[]) AS col;

-- Its groups
SELECT is(pg_temp.item('groups', groups), state, why)
  FROM (VALUES
        ('{}',                   '00000', 'no group'),
        ('{Friends}',            '00000', 'one group'),
        ('{Friends,"a, b",ä,🙂}', '00000', 'several groups'),
        ('{"NULL"}',             '00000', 'a group of the name NULL'),
        ('{NULL}',               '23514', 'a group that is NULL is refused'),
        ('{Friends,NULL}',       '23514', 'a last group that is NULL is refused'),
        ('{NULL,Friends}',       '23514', 'a first group that is NULL is refused'),
        ('{{a,b},{c,d}}',        '23514', 'a table of groups is refused'),
        ('{{a}}',                '23514', 'a list of a list of groups is refused'),
        ('[0:1]={a,b}',          '23514', 'groups are counted from one')
       ) AS v (groups, state, why);

-- Whose roster it is
SELECT is(pg_temp.outcome('INSERT INTO adminex.' || row), state, why)
  FROM (VALUES
        ($$roster_items (username, jid) VALUES ('romeo', 'x')$$,
         '23502', 'an item without a host is refused'),
        ($$roster_items (host, jid) VALUES ('h.example', 'x')$$,
         '23502', 'an item without an account is refused'),
        ($$roster_versions (host, username) VALUES ('h.example', 'romeo')$$,
         '00000', 'a version starts by itself'),
        ($$roster_versions (host, username, version) VALUES ('h.example', 'romeo', NULL)$$,
         '23502', 'a version that is NULL is refused'),
        ($$roster_versions (host, username)
           VALUES ('h.example', 'romeo'), ('h.example', 'romeo')$$,
         '23505', 'two versions of a roster are refused'),
        ($$roster_versions (host) VALUES ('h.example')$$,
         '23502', 'a version of nobody is refused')
       ) AS v (row, state, why);

SELECT * FROM finish();
ROLLBACK;
