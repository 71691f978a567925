-- gdpr_ledger and gdpr_subjects: columns, keys, and what is refused. The chain has a file of its
-- own.
BEGIN;
\ir helpers.psql
SELECT plan(77);

SELECT results_eq($$SELECT * FROM pg_temp.columns('gdpr_ledger')$$, $$VALUES
    ('seq',         'bigint NOT NULL'),
    ('at',          'timestamp with time zone NOT NULL'),
    ('request',     'bigint NOT NULL'),
    ('event',       'text COLLATE "C" NOT NULL'),
    ('type',        'text COLLATE "C"'),
    ('subject',     'bytea'),
    ('received',    'date'),
    ('deadline',    'date'),
    ('outcome',     'text COLLATE "C"'),
    ('handed_over', 'bytea'),
    ('note_hmac',   'bytea'),
    ('actor',       'text NOT NULL'),
    ('db_role',     'text NOT NULL DEFAULT SESSION_USER'),
    ('prev',        'bytea NOT NULL'),
    ('hash',        'bytea NOT NULL')$$,
    'columns of gdpr_ledger');
SELECT results_eq($$SELECT * FROM pg_temp.columns('gdpr_subjects')$$, $$VALUES
    ('request',   'bigint NOT NULL'),
    ('host',      'text COLLATE "C" NOT NULL'),
    ('username',  'text COLLATE "C" NOT NULL'),
    ('note',      'text'),
    ('identity',  'text'),
    ('extension', 'text')$$,
    'columns of gdpr_subjects');
SELECT col_is_pk('adminex', 'gdpr_ledger', 'seq', 'key of gdpr_ledger');
SELECT col_is_pk('adminex', 'gdpr_subjects', 'request', 'key of gdpr_subjects');
SELECT has_index('adminex', 'gdpr_ledger', 'gdpr_ledger_request', ARRAY['request', 'seq'],
                 'the events of a request');
SELECT index_is_unique('adminex', 'gdpr_ledger', 'gdpr_ledger_event_once',
                       'what happens to a request once');
SELECT isnt(obj_description(format('adminex.%I', tab)::regclass, 'pg_class'), NULL,
            format('%s says what it is', tab))
  FROM unnest('{gdpr_ledger,gdpr_subjects}'::text[]) AS tab;
SELECT is_empty(
    $$SELECT conname FROM pg_constraint
       WHERE contype = 'f' AND 'adminex.gdpr_subjects'::regclass IN (conrelid, confrelid)
          OR contype = 'f' AND 'adminex.gdpr_ledger'::regclass IN (conrelid, confrelid)$$,
    'who is no account may ask, too');

-- An event with some columns changed; '-' leaves a column out.
CREATE FUNCTION pg_temp.event(kind text, changes jsonb) RETURNS text
    LANGUAGE sql
AS $$
SELECT pg_temp.outcome(format('INSERT INTO adminex.gdpr_ledger (%s) VALUES (%s)',
                              string_agg(quote_ident(key), ', '),
                              string_agg(quote_nullable(value), ', ')))
  FROM jsonb_each_text(
           jsonb_build_object('event', kind, 'actor', 'a', 'request', 1)
           || CASE kind
              WHEN 'opened' THEN
                  jsonb_build_object('type', 'access', 'subject', '\x' || repeat('ab', 32),
                                     'received', '2026-01-31', 'deadline', '2026-02-28')
              WHEN 'identity' THEN jsonb_build_object('note_hmac', '\x' || repeat('ab', 32))
              WHEN 'extended' THEN
                  jsonb_build_object('note_hmac', '\x' || repeat('ab', 32),
                                     'deadline', '2026-04-30')
              WHEN 'closed' THEN jsonb_build_object('outcome', 'fulfilled')
              ELSE '{}' END
           || changes)
 WHERE value IS DISTINCT FROM '-'
$$;

SELECT is(pg_temp.event(kind, '{}'), state, why)
  FROM (VALUES
        ('opened',   '00000', 'a request is opened'),
        ('identity', '00000', 'an identity is checked'),
        ('extended', '00000', 'a deadline is extended'),
        ('closed',   '00000', 'a request is closed'),
        ('erased',   '23514', 'what else there may be is not known'),
        (NULL,       '23502', 'something happened')
       ) AS v (kind, state, why);
SELECT is(pg_temp.event('opened', jsonb_build_object('type', type)), '00000',
          format('a request of type %s', type))
  FROM unnest('{access,rectification,erasure,restriction,portability,objection}'::text[]) AS type;
SELECT is(pg_temp.event('closed', jsonb_build_object('outcome', outcome)), '00000',
          format('a request that was %s', outcome))
  FROM unnest('{fulfilled,refused,withdrawn}'::text[]) AS outcome;

SELECT is(pg_temp.event(kind, jsonb_build_object(col, val)), state, why)
  FROM (VALUES
        ('opened',   'type',        'deletion',   '23514', 'a type is one of a list'),
        ('opened',   'type',        '-',          '23514', 'a request has a type'),
        ('opened',   'subject',     '-',          '23514', 'a request has a subject'),
        ('opened',   'subject',     '\xab',       '23514', 'a subject is a hash'),
        ('opened',   'subject',     '\x' || repeat('ab', 33), '23514', 'of 32 bytes'),
        ('opened',   'received',    '-',          '23514', 'a request was received'),
        ('opened',   'received',    '2026-02-28', '23514', 'there is time to answer'),
        ('opened',   'received',    '-infinity',  '22008', 'a request was received on some day'),
        ('opened',   'deadline',    '-',          '23514', 'a request has a deadline'),
        ('opened',   'deadline',    'infinity',   '22008', 'a deadline is some day'),
        ('opened',   'outcome',     'refused',    '23514', 'what begins has not ended'),
        ('opened',   'handed_over', '\x' || repeat('ab', 32), '23514',
                                                  'nothing was handed over yet'),
        ('opened',   'note_hmac',   '\x' || repeat('ab', 32), '00000', 'a request with a note'),
        ('opened',   'note_hmac',   '\xab',       '23514', 'a note is there as a hash'),
        ('opened',   'actor',       '-',          '23502', 'somebody noted it'),
        ('opened',   'db_role',     NULL,         '23502', 'and has a role'),
        ('identity', 'note_hmac',   '-',          '23514', 'a check is described'),
        ('identity', 'type',        'access',     '23514', 'a check has no type'),
        ('identity', 'deadline',    '2026-04-30', '23514', 'a check moves no deadline'),
        ('identity', 'outcome',     'refused',    '23514', 'a check ends nothing'),
        ('extended', 'deadline',    '-',          '23514', 'an extension has a deadline'),
        ('extended', 'deadline',    'infinity',   '22008', 'an extension ends'),
        ('extended', 'note_hmac',   '-',          '23514', 'an extension has a reason'),
        ('extended', 'subject',     '\x' || repeat('ab', 32), '23514',
                                                  'the subject of an extension is the request''s'),
        ('extended', 'received',    '2026-01-31', '23514', 'and so is the day'),
        ('extended', 'outcome',     'refused',    '23514', 'an extension ends nothing'),
        ('closed',   'outcome',     '-',          '23514', 'what is closed has an outcome'),
        ('closed',   'outcome',     'done',       '23514', 'of a list'),
        ('closed',   'handed_over', '\x' || repeat('ab', 32), '00000', 'what was handed over'),
        ('closed',   'handed_over', '\xab',       '23514', 'is a digest'),
        ('closed',   'note_hmac',   '\x' || repeat('ab', 32), '00000', 'an outcome with a note'),
        ('closed',   'deadline',    '2026-04-30', '23514', 'what is closed has no deadline'),
        ('closed',   'type',        'access',     '23514', 'its type was said before'),
        ('closed',   'request',     '-',          '23502', 'something is closed'),
        ('closed',   'request',     '0',          '23514', 'requests are counted from 1')
       ) AS v (kind, col, val, state, why);
SELECT is(pg_temp.event('closed', jsonb_build_object('outcome', outcome, 'handed_over',
                                                     '\x' || repeat('ab', 32))), '23514',
          format('nothing is handed over when a request is %s', outcome))
  FROM unnest('{refused,withdrawn}'::text[]) AS outcome;

-- What comes with its hash is left as it is, so it must be whole.
SELECT is(pg_temp.event('closed', jsonb_build_object(
              'seq', '1', 'at', '2026-02-01', 'prev', '\x' || repeat('00', 32),
              'hash', '\x' || repeat('ab', 32)) || jsonb_build_object(col, val)), state, why)
  FROM (VALUES
        ('actor', 'b',          '00000', 'a row that comes with its hash'),
        ('seq',   NULL,         '23502', 'a row has a number'),
        ('seq',   '0',          '23514', 'counted from 1'),
        ('at',    NULL,         '23502', 'a row was written some time'),
        ('at',    'infinity',   '23514', 'which has come'),
        ('prev',  NULL,         '23502', 'a row has another before it'),
        ('prev',  '\xab',       '23514', 'by its hash'),
        ('hash',  '\xab',       '23514', 'and has one itself')
       ) AS v (col, val, state, why);
SELECT is(pg_temp.event('extended', jsonb_build_object(
              'seq', '1', 'at', '2026-02-01', 'prev', '\x' || repeat('00', 32),
              'hash', '\x' || repeat('ab', 32), 'deadline', deadline)), state,
          format('an extension until %s that comes with its hash', deadline))
  FROM (VALUES ('2026-04-30', '00000'), ('infinity', '23514')) AS v (deadline, state);

-- gdpr_subjects
CREATE FUNCTION pg_temp.subject(host text, username text) RETURNS text
    LANGUAGE sql
AS $$
SELECT pg_temp.outcome(format('INSERT INTO adminex.gdpr_subjects (request, host, username)
                               VALUES (1, %L, %L)', host, username))
$$;
SELECT is(pg_temp.subject(host, username), state, why)
  FROM (VALUES
        ('h',                 'romeo',             '00000', 'a subject has a name'),
        ('',                  'romeo',             '23514', 'on a host'),
        ('h',                 '',                  '23514', 'which is not empty'),
        (repeat('h', 1024),   'romeo',             '23514', 'a host has 1023 bytes at most'),
        ('h',                 repeat('u', 1024),   '23514', 'and so has a name'),
        (NULL,                'romeo',             '23502', 'without a host there is nobody')
       ) AS v (host, username, state, why);

SELECT * FROM finish();
ROLLBACK;
