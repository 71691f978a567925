-- hosts, users, credentials, bans, last_activity: columns, and what is refused.
BEGIN;
\ir helpers.psql
SELECT plan(74);

SELECT results_eq($$SELECT * FROM pg_temp.columns('hosts')$$, $$VALUES
    ('host',       'text COLLATE "C" NOT NULL'),
    ('created_at', 'timestamp with time zone NOT NULL DEFAULT now()')$$,
    'columns of hosts');
SELECT results_eq($$SELECT * FROM pg_temp.columns('users')$$, $$VALUES
    ('host',       'text COLLATE "C" NOT NULL'),
    ('username',   'text COLLATE "C" NOT NULL'),
    ('created_at', 'timestamp with time zone NOT NULL DEFAULT now()')$$,
    'columns of users');
SELECT results_eq($$SELECT * FROM pg_temp.columns('credentials')$$, $$VALUES
    ('host',       'text COLLATE "C" NOT NULL'),
    ('username',   'text COLLATE "C" NOT NULL'),
    ('mechanism',  'text COLLATE "C" NOT NULL'),
    ('plain',      'text'),
    ('iterations', 'integer'),
    ('salt',       'bytea'),
    ('stored_key', 'bytea'),
    ('server_key', 'bytea'),
    ('set_at',     'timestamp with time zone NOT NULL DEFAULT now()')$$,
    'columns of credentials');
SELECT results_eq($$SELECT * FROM pg_temp.columns('bans')$$, $$VALUES
    ('host',      'text COLLATE "C" NOT NULL'),
    ('username',  'text COLLATE "C" NOT NULL'),
    ('reason',    'text NOT NULL DEFAULT ''''::text'),
    ('banned_at', 'timestamp with time zone NOT NULL DEFAULT now()'),
    ('banned_by', 'text NOT NULL DEFAULT SESSION_USER')$$,
    'columns of bans');
SELECT results_eq($$SELECT * FROM pg_temp.columns('last_activity')$$, $$VALUES
    ('host',     'text COLLATE "C" NOT NULL'),
    ('username', 'text COLLATE "C" NOT NULL'),
    ('last_at',  'timestamp with time zone NOT NULL'),
    ('status',   'text NOT NULL DEFAULT ''''::text')$$,
    'columns of last_activity');

-- hosts
SELECT is(pg_temp.outcome(format('INSERT INTO adminex.hosts (host) VALUES (%L)', host)), state, why)
  FROM (VALUES
        ('h.example',           '00000', 'a host needs its name only'),
        (NULL,                  '23502', 'a host without a name is refused'),
        ('',                    '23514', 'a host with an empty name is refused'),
        (repeat('h', 1023),     '00000', 'a host of 1023 bytes is accepted'),
        (repeat('h', 1024),     '23514', 'a host of 1024 bytes is refused'),
        (repeat('ä', 511),      '00000', 'bytes of a host are counted: 511 umlauts are accepted'),
        (repeat('ä', 512),      '23514', 'bytes of a host are counted: 512 umlauts are refused')
       ) AS v (host, state, why);
INSERT INTO adminex.hosts (host) VALUES ('h.example'), ('other.example'), (repeat('h', 1023));
SELECT throws_ok($$INSERT INTO adminex.hosts (host) VALUES ('h.example')$$,
                 '23505', NULL, 'the same host twice is refused');
SELECT lives_ok($$INSERT INTO adminex.hosts (host) VALUES ('H.example')$$,
                'names are compared as bytes');

-- users
SELECT is(pg_temp.outcome(format('INSERT INTO adminex.users (host, username) VALUES (%L, %L)',
                                 host, username)), state, why)
  FROM (VALUES
        ('h.example',       'romeo',            '00000', 'an account needs its names only'),
        (NULL,              'romeo',            '23502', 'an account without a host is refused'),
        ('h.example',       NULL,               '23502', 'an account without a name is refused'),
        ('',                'romeo',            '23514', 'an empty host is refused'),
        ('h.example',       '',                 '23514', 'an empty name is refused'),
        (repeat('h', 1023), repeat('u', 1023),  '00000', 'names of 1023 bytes are accepted'),
        (repeat('h', 1024), 'romeo',            '23514', 'a host name of 1024 bytes is refused'),
        ('h.example',       repeat('u', 1024),  '23514', 'an account of 1024 bytes is refused'),
        ('h.example',       repeat('ä', 512),   '23514', 'bytes of a name are counted')
       ) AS v (host, username, state, why);
INSERT INTO adminex.users (host, username) VALUES ('h.example', 'romeo');
SELECT throws_ok($$INSERT INTO adminex.users (host, username) VALUES ('h.example', 'romeo')$$,
                 '23505', NULL, 'the same account twice on a host is refused');
SELECT lives_ok($$INSERT INTO adminex.users (host, username) VALUES ('other.example', 'romeo')$$,
                'the same name on another host is another account');

-- credentials: bytes are written as so many zeros
CREATE FUNCTION pg_temp.credential(mechanism text, plain text, iterations integer, salt integer,
                                   stored integer, server integer) RETURNS text
    LANGUAGE sql
AS $$
SELECT pg_temp.outcome(format(
    $f$INSERT INTO adminex.credentials (host, username, mechanism, plain, iterations, salt,
                                        stored_key, server_key)
       VALUES ('h.example', 'romeo', %L, %L, %L, %L, %L, %L)$f$,
    mechanism, plain, iterations, '\x' || repeat('00', salt), '\x' || repeat('00', stored),
    '\x' || repeat('00', server)))
$$;
SELECT is(pg_temp.credential(mechanism, plain, iterations, salt, stored, server), state, why)
  FROM (VALUES
        ('PLAIN',         'secret', NULL, NULL, NULL, NULL, '00000', 'a plain password'),
        ('SCRAM-SHA-1',   NULL, 4096, 16, 20, 20, '00000', 'SCRAM-SHA-1'),
        ('SCRAM-SHA-256', NULL, 4096, 16, 32, 32, '00000', 'SCRAM-SHA-256'),
        ('SCRAM-SHA-512', NULL, 4096, 16, 64, 64, '00000', 'SCRAM-SHA-512'),
        (NULL,            'secret', NULL, NULL, NULL, NULL, '23502', 'no mechanism is refused'),
        ('PLAIN',         '',       NULL, NULL, NULL, NULL, '23514', 'an empty password'),
        ('PLAIN',         NULL,     NULL, NULL, NULL, NULL, '23514', 'PLAIN without a password'),
        ('PLAIN',         NULL,     4096, 16, 32, 32, '23514', 'PLAIN with SCRAM values'),
        ('PLAIN',         'secret', 4096, 16, 32, 32, '23514', 'PLAIN and all of SCRAM'),
        ('PLAIN',         'secret', 4096, NULL, NULL, NULL, '23514', 'PLAIN and iterations'),
        ('PLAIN',         'secret', NULL, 16, NULL, NULL, '23514', 'PLAIN and a salt'),
        ('PLAIN',         'secret', NULL, NULL, 32, NULL, '23514', 'PLAIN and a stored key'),
        ('PLAIN',         'secret', NULL, NULL, NULL, 32, '23514', 'PLAIN and a server key'),
        ('SCRAM-SHA-256', 'secret', NULL, NULL, NULL, NULL, '23514', 'SCRAM with a password only'),
        ('SCRAM-SHA-256', 'secret', 4096, 16, 32, 32, '23514', 'SCRAM and a password'),
        ('SCRAM-SHA-256', '',       4096, 16, 32, 32, '23514', 'SCRAM and an empty password'),
        ('SCRAM-SHA-256', NULL, NULL, NULL, NULL, NULL, '23514', 'SCRAM with nothing'),
        ('SCRAM-SHA-256', NULL, NULL, 16, 32, 32, '23514', 'SCRAM without iterations'),
        ('SCRAM-SHA-256', NULL, 4096, NULL, 32, 32, '23514', 'SCRAM without a salt'),
        ('SCRAM-SHA-256', NULL, 4096, 16, NULL, 32, '23514', 'SCRAM without a stored key'),
        ('SCRAM-SHA-256', NULL, 4096, 16, 32, NULL, '23514', 'SCRAM without a server key'),
        ('SCRAM-SHA-256', NULL, 4096, 0, 32, 32, '23514', 'an empty salt'),
        ('SCRAM-SHA-256', NULL, 4096, 1024, 32, 32, '00000', 'a salt of 1024 bytes'),
        ('SCRAM-SHA-256', NULL, 4096, 1025, 32, 32, '23514', 'a salt of 1025 bytes'),
        ('SCRAM-SHA-256', NULL, 1, 16, 32, 32, '00000', 'one iteration'),
        ('SCRAM-SHA-256', NULL, 0, 16, 32, 32, '23514', 'no iteration'),
        ('SCRAM-SHA-256', NULL, -4096, 16, 32, 32, '23514', 'fewer iterations than none'),
        ('SCRAM-SHA-256', NULL, 10000000, 16, 32, 32, '00000', 'ten million iterations'),
        ('SCRAM-SHA-256', NULL, 10000001, 16, 32, 32, '23514', 'more iterations than ten million'),
        ('SCRAM-SHA-1',   NULL, 4096, 16, 32, 32, '23514', 'keys of SHA-256 for SHA-1'),
        ('SCRAM-SHA-256', NULL, 4096, 16, 20, 20, '23514', 'keys of SHA-1 for SHA-256'),
        ('SCRAM-SHA-256', NULL, 4096, 16, 64, 64, '23514', 'keys of SHA-512 for SHA-256'),
        ('SCRAM-SHA-512', NULL, 4096, 16, 32, 32, '23514', 'keys of SHA-256 for SHA-512'),
        ('SCRAM-SHA-256', NULL, 4096, 16, 32, 31, '23514', 'a server key that is too short'),
        ('SCRAM-SHA-256', NULL, 4096, 16, 33, 32, '23514', 'a stored key that is too long'),
        ('SCRAM-SHA-256', NULL, 4096, 16, 0, 0, '23514', 'empty keys')
       ) AS v (mechanism, plain, iterations, salt, stored, server, state, why);
SELECT set_eq(
    $$SELECT m FROM unnest('{PLAIN,SCRAM-SHA-1,SCRAM-SHA-256,SCRAM-SHA-512,SCRAM-SHA-224,
                             SCRAM-SHA-384,SCRAM-SHA-1-PLUS,SCRAM-SHA-256-PLUS,DIGEST-MD5,
                             plain,scram-sha-1,SHA-1,""," PLAIN"}'::text[]) AS m,
                  (VALUES (20), (32), (64)) AS k (n)
       WHERE '00000' IN (pg_temp.credential(m, 'secret', NULL, NULL, NULL, NULL),
                         pg_temp.credential(m, NULL, 4096, 16, n, n))$$,
    ARRAY['PLAIN', 'SCRAM-SHA-1', 'SCRAM-SHA-256', 'SCRAM-SHA-512'],
    'only known mechanisms, written as RFC 7677 does');
INSERT INTO adminex.credentials (host, username, mechanism, plain)
VALUES ('h.example', 'romeo', 'PLAIN', 'secret');
SELECT throws_ok(
    $$INSERT INTO adminex.credentials (host, username, mechanism, plain)
      VALUES ('h.example', 'romeo', 'PLAIN', 'another')$$,
    '23505', NULL, 'a second plain password is refused');
SELECT lives_ok(
    $$INSERT INTO adminex.credentials (host, username, mechanism, iterations, salt, stored_key,
                                       server_key)
      VALUES ('h.example', 'romeo', 'SCRAM-SHA-256', 4096, '\x01', sha256('a'), sha256('b')),
             ('h.example', 'romeo', 'SCRAM-SHA-512', 4096, '\x01', sha512('a'), sha512('b'))$$,
    'an account may have several mechanisms');

-- bans and last activity
SELECT is(pg_temp.outcome(format('INSERT INTO adminex.%s', row)), state, why)
  FROM (VALUES
        ($$bans (host, username) VALUES ('h.example', 'romeo')$$,
         '00000', 'a ban needs an account only'),
        ($$bans (username) VALUES ('romeo')$$,
         '23502', 'a ban without a host is refused'),
        ($$bans (host) VALUES ('h.example')$$,
         '23502', 'a ban without an account is refused'),
        ($$bans (host, username, reason) VALUES ('h.example', 'romeo', NULL)$$,
         '23502', 'a ban always has a reason, if an empty one'),
        ($$bans (host, username, banned_by) VALUES ('h.example', 'romeo', NULL)$$,
         '23502', 'a ban always has an author'),
        ($$bans (host, username) VALUES ('h.example', 'romeo'), ('h.example', 'romeo')$$,
         '23505', 'a second ban of an account is refused'),
        ($$last_activity (host, username, last_at) VALUES ('h.example', 'romeo', now())$$,
         '00000', 'last activity needs an account and a time'),
        ($$last_activity (host, username) VALUES ('h.example', 'romeo')$$,
         '23502', 'last activity without a time is refused'),
        ($$last_activity (host, username, last_at, status)
           VALUES ('h.example', 'romeo', now(), NULL)$$,
         '23502', 'last activity always has a status, if an empty one'),
        ($$last_activity (host, username, last_at)
           VALUES ('h.example', 'romeo', now()), ('h.example', 'romeo', now())$$,
         '23505', 'an account is last active once')
       ) AS v (row, state, why);

SELECT * FROM finish();
ROLLBACK;
