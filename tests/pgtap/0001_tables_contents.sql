-- vcards, private_storage, offline_messages: columns, and what is refused.
BEGIN;
\ir helpers.psql
SELECT plan(34);

SELECT results_eq($$SELECT * FROM pg_temp.columns('vcards')$$, $$VALUES
    ('host',       'text COLLATE "C" NOT NULL'),
    ('username',   'text COLLATE "C" NOT NULL'),
    ('vcard',      'text NOT NULL'),
    ('fn',         'text NOT NULL DEFAULT ''''::text'),
    ('family',     'text NOT NULL DEFAULT ''''::text'),
    ('given',      'text NOT NULL DEFAULT ''''::text'),
    ('middle',     'text NOT NULL DEFAULT ''''::text'),
    ('nickname',   'text NOT NULL DEFAULT ''''::text'),
    ('bday',       'text NOT NULL DEFAULT ''''::text'),
    ('ctry',       'text NOT NULL DEFAULT ''''::text'),
    ('locality',   'text NOT NULL DEFAULT ''''::text'),
    ('email',      'text NOT NULL DEFAULT ''''::text'),
    ('orgname',    'text NOT NULL DEFAULT ''''::text'),
    ('orgunit',    'text NOT NULL DEFAULT ''''::text'),
    ('updated_at', 'timestamp with time zone NOT NULL DEFAULT now()')$$,
    'columns of vcards');
SELECT results_eq($$SELECT * FROM pg_temp.columns('private_storage')$$, $$VALUES
    ('host',     'text COLLATE "C" NOT NULL'),
    ('username', 'text COLLATE "C" NOT NULL'),
    ('xmlns',    'text COLLATE "C" NOT NULL'),
    ('data',     'text NOT NULL')$$,
    'columns of private_storage');
SELECT results_eq($$SELECT * FROM pg_temp.columns('offline_messages')$$, $$VALUES
    ('host',       'text COLLATE "C" NOT NULL'),
    ('username',   'text COLLATE "C" NOT NULL'),
    ('id',         'bigint NOT NULL GENERATED ALWAYS AS IDENTITY'),
    ('created_at', 'timestamp with time zone NOT NULL DEFAULT now()'),
    ('sender',     'text NOT NULL DEFAULT ''''::text'),
    ('packet',     'text NOT NULL')$$,
    'columns of offline_messages');

INSERT INTO adminex.hosts (host) VALUES ('h.example'), (repeat('h', 1000));
INSERT INTO adminex.users (host, username) VALUES
    ('h.example', 'romeo'),
    (repeat('h', 1000), repeat('u', 1000));

-- vCards
SELECT is(pg_temp.outcome('INSERT INTO adminex.vcards ' || row), state, why)
  FROM (VALUES
        ($$(host, username, vcard) VALUES ('h.example', 'romeo', '<vCard/>')$$,
         '00000', 'a card needs an account and a text'),
        ($$(host, username) VALUES ('h.example', 'romeo')$$,
         '23502', 'a card without a text is refused'),
        ($$(username, vcard) VALUES ('romeo', '<vCard/>')$$,
         '23502', 'a card without a host is refused'),
        ($$(host, vcard) VALUES ('h.example', '<vCard/>')$$,
         '23502', 'a card without an account is refused'),
        ($$(host, username, vcard)
           VALUES ('h.example', 'romeo', '1'), ('h.example', 'romeo', '2')$$,
         '23505', 'two cards of an account are refused')
       ) AS v (row, state, why);
SELECT is(pg_temp.outcome(format(
              $$INSERT INTO adminex.vcards (host, username, vcard, %I)
                VALUES ('h.example', 'romeo', '<vCard/>', NULL)$$, col)),
          '23502', format('%s of a card is never NULL', col))
  FROM unnest('{fn,family,given,middle,nickname,bday,ctry,locality,email,orgname,orgunit,
                updated_at}'::text[]) AS col;

-- Private storage
SELECT is(pg_temp.outcome(format(
              'INSERT INTO adminex.private_storage (host, username, xmlns, data)
               VALUES (%L, %L, %L, %L)', host, username, xmlns, data)), state, why)
  FROM (VALUES
        ('h.example', 'romeo', 'a:b', '<x/>', '00000', 'an element under a namespace'),
        ('h.example', 'romeo', NULL, '<x/>', '23502', 'an element without a namespace is refused'),
        ('h.example', 'romeo', '', '<x/>', '23514', 'an empty namespace is refused'),
        ('h.example', 'romeo', 'a:b', NULL, '23502', 'a namespace without an element is refused'),
        ('h.example', 'romeo', repeat('x', 1023), '<x/>', '00000', 'a namespace of 1023 bytes'),
        ('h.example', 'romeo', repeat('x', 1024), '<x/>', '23514', 'one of 1024 is refused'),
        ('h.example', 'romeo', repeat('ä', 512), '<x/>', '23514', 'its bytes are counted'),
        (repeat('h', 1000), repeat('u', 1000), repeat('x', 600), '<x/>',
         '00000', 'a key of 2600 bytes is accepted'),
        (repeat('h', 1000), repeat('u', 1000), repeat('x', 601), '<x/>',
         '23514', 'a key of 2601 bytes is refused before the index refuses it')
       ) AS v (host, username, xmlns, data, state, why);
SELECT is(pg_temp.outcome(
              $$INSERT INTO adminex.private_storage (host, username, xmlns, data)
                VALUES ('h.example', 'romeo', 'a:b', '1'), ('h.example', 'romeo', 'a:b', '2')$$),
          '23505', 'two elements under a namespace are refused');

-- Offline messages
SELECT is(pg_temp.outcome('INSERT INTO adminex.offline_messages ' || row), state, why)
  FROM (VALUES
        ($$(host, username, packet)
           VALUES ('h.example', 'romeo', '1'), ('h.example', 'romeo', '1')$$,
         '00000', 'the same message may wait twice'),
        ($$(host, username) VALUES ('h.example', 'romeo')$$,
         '23502', 'a message without a packet is refused'),
        ($$(host, username, packet, sender) VALUES ('h.example', 'romeo', '1', NULL)$$,
         '23502', 'a message always has a sender, if an empty one'),
        ($$(host, username, id, packet) VALUES ('h.example', 'romeo', 1, '1')$$,
         '428C9', 'the number of a message is given by the database')
       ) AS v (row, state, why);

SELECT * FROM finish();
ROLLBACK;
