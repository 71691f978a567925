-- outbox, audit_log, nodes: columns, keys, and what is refused.
BEGIN;
\ir helpers.psql
SELECT plan(51);

SELECT results_eq($$SELECT * FROM pg_temp.columns('outbox')$$, $$VALUES
    ('host',       'text COLLATE "C" NOT NULL'),
    ('username',   'text COLLATE "C" NOT NULL'),
    ('id',         'bigint NOT NULL GENERATED ALWAYS AS IDENTITY'),
    ('kind',       'text COLLATE "C" NOT NULL'),
    ('payload',    'jsonb NOT NULL DEFAULT ''{}''::jsonb'),
    ('created_at', 'timestamp with time zone NOT NULL DEFAULT now()')$$,
    'columns of outbox');
SELECT results_eq($$SELECT * FROM pg_temp.columns('audit_log')$$, $$VALUES
    ('id',        'bigint NOT NULL GENERATED ALWAYS AS IDENTITY'),
    ('at',        'timestamp with time zone NOT NULL DEFAULT now()'),
    ('actor',     'text NOT NULL'),
    ('db_role',   'text NOT NULL DEFAULT SESSION_USER'),
    ('face',      'text NOT NULL'),
    ('command',   'text NOT NULL'),
    ('arguments', 'jsonb NOT NULL DEFAULT ''{}''::jsonb'),
    ('rows',      'bigint NOT NULL'),
    ('outcome',   'text NOT NULL'),
    ('request_id', 'text NOT NULL DEFAULT ''''::text')$$,
    'columns of audit_log');
SELECT results_eq($$SELECT * FROM pg_temp.columns('nodes')$$, $$VALUES
    ('node',       'text COLLATE "C" NOT NULL'),
    ('created_at', 'timestamp with time zone NOT NULL DEFAULT now()')$$,
    'columns of nodes');

SELECT has_table('adminex', tab, format('%s is there', tab))
  FROM unnest('{outbox,audit_log,nodes}'::text[]) AS tab;
SELECT isnt(obj_description(format('adminex.%I', tab)::regclass, 'pg_class'), NULL,
            format('%s says what it is', tab))
  FROM unnest('{outbox,audit_log,nodes}'::text[]) AS tab;
SELECT col_is_pk('adminex', 'outbox', ARRAY['host', 'username', 'id'], 'key of outbox');
SELECT col_is_pk('adminex', 'audit_log', 'id', 'key of audit_log');
SELECT col_is_pk('adminex', 'nodes', 'node', 'key of nodes');
SELECT has_index('adminex', 'audit_log', 'audit_log_at', ARRAY['at'], 'what was done when');
SELECT index_is_type('adminex', 'audit_log', 'audit_log_at', 'brin');
SELECT is_empty(
    $$SELECT conname FROM pg_constraint
       WHERE contype = 'f' AND conrelid IN ('adminex.outbox'::regclass,
                                            'adminex.audit_log'::regclass,
                                            'adminex.nodes'::regclass)$$,
    'what was done to an account outlives it');

-- outbox
CREATE FUNCTION pg_temp.event(host text, username text, kind text, payload text) RETURNS text
    LANGUAGE sql
AS $$
SELECT pg_temp.outcome(format(
    'INSERT INTO adminex.outbox (host, username, kind, payload) VALUES (%L, %L, %L, %L)',
    host, username, kind, payload))
$$;
SELECT is(pg_temp.event(host, username, kind, payload), state, why)
  FROM (VALUES
        ('h.example', 'romeo', 'kick', '{}',  '00000', 'an event for an account that is not here'),
        ('h.example', '',      'stanza', '{}', '00000', 'an event for a bare domain'),
        ('h.example', 'romeo', 'kick', '{"reason": "spam"}', '00000', 'an event with values'),
        (NULL,        'romeo', 'kick', '{}',  '23502', 'an event without a host is refused'),
        ('h.example', NULL,    'kick', '{}',  '23502', 'an event without an account is refused'),
        ('h.example', 'romeo', NULL,   '{}',  '23502', 'an event without a kind is refused'),
        ('h.example', 'romeo', 'kick', NULL,  '23502', 'an event without values is refused'),
        ('h.example', 'romeo', 'kick', '[]',  '23514', 'values are an object, not an array'),
        ('h.example', 'romeo', 'kick', 'null', '23514', 'values are an object, not null'),
        ('h.example', 'romeo', 'kick', '"x"', '23514', 'values are an object, not a string'),
        ('',          'romeo', 'kick', '{}',  '23514', 'an empty host is refused'),
        (repeat('h', 1023), repeat('u', 1023), 'kick', '{}', '00000', 'names of 1023 bytes'),
        (repeat('h', 1024), 'romeo', 'kick', '{}', '23514', 'a host of 1024 bytes is refused'),
        ('h.example', repeat('u', 1024), 'kick', '{}', '23514', 'an account of 1024 bytes'),
        ('h.example', repeat('ä', 512), 'kick', '{}', '23514', 'bytes are counted')
       ) AS v (host, username, kind, payload, state, why);
SELECT set_eq(
    $$SELECT kind
        FROM unnest('{kick,presence,message,stanza,roster,account_removed,"",Kick,iq,rosters,
                      "kick ",ban}'::text[]) AS kind
       WHERE pg_temp.event('h.example', 'romeo', kind, '{}') = '00000'$$,
    ARRAY['kick', 'presence', 'message', 'stanza', 'roster', 'account_removed'],
    'an event is one of six kinds');
SELECT is(pg_temp.outcome(
              $$INSERT INTO adminex.outbox (host, username, id, kind)
                VALUES ('h.example', 'romeo', 1, 'kick')$$),
          '428C9', 'the number of an event is given by the database');

-- audit_log
CREATE FUNCTION pg_temp.audited(col text, val text) RETURNS text
    LANGUAGE sql
AS $$
SELECT pg_temp.outcome(format(
    'INSERT INTO adminex.audit_log (%s) VALUES (%s)', string_agg(quote_ident(key), ', '),
    string_agg(quote_nullable(value), ', ')))
  FROM jsonb_each_text('{"actor": "a", "face": "f", "command": "c", "rows": 1, "outcome": "ok"}'
                       || jsonb_build_object(col, val))
$$;
SELECT is(pg_temp.audited('rows', '0'), '00000', 'a write that changed nothing is audited too');
SELECT is(pg_temp.audited(col, NULL), '23502', format('%s of an audit row is never NULL', col))
  FROM unnest('{actor,face,command,rows,outcome,arguments,db_role,at,request_id}'::text[]) AS col;
SELECT is(pg_temp.audited('arguments', arguments), '23514', why)
  FROM (VALUES
        ('[]',    'arguments are an object, not an array'),
        ('null',  'arguments are an object, not null'),
        ('"pw"',  'arguments are an object, not a string')
       ) AS v (arguments, why);

-- nodes
SELECT is(pg_temp.outcome(format('INSERT INTO adminex.nodes (node) VALUES (%L)', node)), state, why)
  FROM (VALUES
        ('xmpp@one',        '00000', 'a node needs its name only'),
        (NULL,              '23502', 'a node without a name is refused'),
        ('',                '23514', 'a node with an empty name is refused'),
        (repeat('n', 1023), '00000', 'a node of 1023 bytes is accepted'),
        (repeat('n', 1024), '23514', 'a node of 1024 bytes is refused')
       ) AS v (node, state, why);
SELECT is(pg_temp.outcome($$INSERT INTO adminex.nodes (node) VALUES ('n'), ('n')$$),
          '23505', 'the same node twice is refused');

SELECT * FROM finish();
ROLLBACK;
