-- sessions: columns, and what is refused.
BEGIN;
\ir helpers.psql
SELECT plan(36);

SELECT results_eq($$SELECT * FROM pg_temp.columns('sessions')$$, $$VALUES
    ('host',         'text COLLATE "C" NOT NULL'),
    ('username',     'text COLLATE "C" NOT NULL'),
    ('resource',     'text COLLATE "C" NOT NULL'),
    ('priority',     'integer NOT NULL DEFAULT 0'),
    ('show',         'text COLLATE "C" NOT NULL DEFAULT ''available''::text'),
    ('status',       'text NOT NULL DEFAULT ''''::text'),
    ('connection',   'text NOT NULL DEFAULT ''c2s''::text'),
    ('ip',           'inet'),
    ('port',         'integer'),
    ('node',         'text NOT NULL DEFAULT ''''::text'),
    ('connected_at', 'timestamp with time zone NOT NULL DEFAULT now()')$$,
    'columns of sessions');

INSERT INTO adminex.hosts (host) VALUES ('h.example'), (repeat('h', 1000));
INSERT INTO adminex.users (host, username) VALUES
    ('h.example', 'romeo'),
    (repeat('h', 1000), repeat('u', 1000));

CREATE FUNCTION pg_temp.session(col text, val text) RETURNS text
    LANGUAGE sql
AS $$
SELECT pg_temp.outcome(format(
    $f$INSERT INTO adminex.sessions (host, username, resource, %I)
       VALUES ('h.example', 'romeo', 'orchard', %L)$f$, col, val))
$$;

SELECT is(pg_temp.outcome(format(
              'INSERT INTO adminex.sessions (host, username, resource) VALUES (%L, %L, %L)',
              host, username, resource)), state, why)
  FROM (VALUES
        ('h.example', 'romeo', 'orchard', '00000', 'a session needs its key only'),
        (NULL, 'romeo', 'orchard', '23502', 'a session without a host is refused'),
        ('h.example', NULL, 'orchard', '23502', 'a session without an account is refused'),
        ('h.example', 'romeo', NULL, '23502', 'a session without a resource is refused'),
        ('h.example', 'romeo', '', '23514', 'an empty resource is refused'),
        ('h.example', 'romeo', 'a/b@c d', '00000', 'a resource may have slashes and spaces'),
        ('h.example', 'romeo', repeat('r', 1023), '00000', 'a resource of 1023 bytes'),
        ('h.example', 'romeo', repeat('r', 1024), '23514', 'one of 1024 bytes is refused'),
        ('h.example', 'romeo', repeat('ä', 512), '23514', 'bytes of a resource are counted'),
        (repeat('h', 1000), repeat('u', 1000), repeat('r', 600),
         '00000', 'a key of 2600 bytes is accepted'),
        (repeat('h', 1000), repeat('u', 1000), repeat('r', 601),
         '23514', 'a key of 2601 bytes is refused before the index refuses it')
       ) AS v (host, username, resource, state, why);

SELECT is(pg_temp.session(col, val), state, why)
  FROM (VALUES
        ('priority', '-129',  '23514', 'a priority below -128 is refused'),
        ('priority', '-128',  '00000', 'the lowest priority'),
        ('priority', '127',   '00000', 'the highest priority'),
        ('priority', '128',   '23514', 'a priority above 127 is refused'),
        ('priority', NULL,    '23502', 'a session has a priority'),
        ('port',     '-1',    '23514', 'a port below 0 is refused'),
        ('port',     '0',     '00000', 'port 0'),
        ('port',     '65535', '00000', 'port 65535'),
        ('port',     '65536', '23514', 'a port above 65535 is refused'),
        ('port',     NULL,    '00000', 'an unknown port'),
        ('ip',       '::1',   '00000', 'an address of either family'),
        ('ip',       'h.example', '22P02', 'a name is no address'),
        ('ip',       NULL,    '00000', 'an unknown address'),
        ('show',     NULL,    '23502', 'a session has a show'),
        ('status',   NULL,    '23502', 'a session has a status, if an empty one'),
        ('connection', NULL,  '23502', 'a session has a kind of connection'),
        ('node',     NULL,    '23502', 'a session has a node, if an empty one'),
        ('node',     'anywhere', '00000', 'a node need not be in nodes'),
        ('connected_at', NULL, '23502', 'a session has a beginning')
       ) AS v (col, val, state, why);

SELECT set_eq(
    $$SELECT word
        FROM unnest('{available,chat,away,xa,dnd,unavailable,"",Available,AWAY,online,offline,
                      "away ",invisible,none}'::text[]) AS word
       WHERE pg_temp.session('show', word) = '00000'$$,
    ARRAY['available', 'chat', 'away', 'xa', 'dnd', 'unavailable'],
    'show is one of six words');
SELECT is(pg_temp.session('show', 'online'), '23514', 'any other is refused as what it is');

INSERT INTO adminex.sessions (host, username, resource) VALUES ('h.example', 'romeo', 'orchard');
SELECT throws_ok(
    $$INSERT INTO adminex.sessions (host, username, resource)
      VALUES ('h.example', 'romeo', 'orchard')$$,
    '23505', NULL, 'a resource that is taken is refused');
SELECT lives_ok(
    $$INSERT INTO adminex.sessions (host, username, resource)
      VALUES ('h.example', 'romeo', 'Orchard')$$, 'resources are compared as bytes');
SELECT lives_ok($$UPDATE adminex.sessions SET priority = 5, show = 'dnd', node = 'n'$$,
                'presence changes in place');

SELECT * FROM finish();
ROLLBACK;
