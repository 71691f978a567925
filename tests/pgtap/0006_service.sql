-- daemons, tokens, idempotency_keys and the request of an audit row: columns, keys, what is
-- refused, and the function that grants.
BEGIN;
\ir helpers.psql
SELECT plan(81);

SELECT results_eq($$SELECT * FROM pg_temp.columns('daemons')$$, $$VALUES
    ('id',              'text COLLATE "C" NOT NULL'),
    ('version',         'text NOT NULL'),
    ('started_at',      'timestamp with time zone NOT NULL DEFAULT now()'),
    ('beat_at',         'timestamp with time zone NOT NULL DEFAULT now()'),
    ('registered_txid', 'xid8 NOT NULL DEFAULT pg_current_xact_id()')$$,
    'columns of daemons');
SELECT results_eq($$SELECT * FROM pg_temp.columns('tokens')$$, $$VALUES
    ('id',         'bigint NOT NULL GENERATED ALWAYS AS IDENTITY'),
    ('label',      'text NOT NULL DEFAULT ''''::text'),
    ('digest',     'bytea NOT NULL'),
    ('role',       'text NOT NULL'),
    ('hosts',      'text[] COLLATE "C" NOT NULL DEFAULT ''{}''::text[]'),
    ('created_by', 'text NOT NULL'),
    ('created_at', 'timestamp with time zone NOT NULL DEFAULT now()'),
    ('expires_at', 'timestamp with time zone'),
    ('revoked_at', 'timestamp with time zone')$$,
    'columns of tokens');
SELECT results_eq($$SELECT * FROM pg_temp.columns('idempotency_keys')$$, $$VALUES
    ('caller',      'text COLLATE "C" NOT NULL'),
    ('key',         'text COLLATE "C" NOT NULL'),
    ('hmac',        'bytea NOT NULL'),
    ('http_status', 'smallint'),
    ('reply',       'text'),
    ('created_at',  'timestamp with time zone NOT NULL DEFAULT now()'),
    ('expires_at',  'timestamp with time zone NOT NULL')$$,
    'columns of idempotency_keys');
SELECT col_is_pk('adminex', 'daemons', 'id', 'key of daemons');
SELECT col_is_pk('adminex', 'tokens', 'id', 'key of tokens');
SELECT col_is_pk('adminex', 'idempotency_keys', ARRAY['caller', 'key'], 'key of idempotency_keys');
SELECT has_index('adminex', 'idempotency_keys', 'idempotency_keys_expires_at',
                 ARRAY['expires_at'], 'which keys have expired');
SELECT isnt(obj_description(format('adminex.%I', tab)::regclass, 'pg_class'), NULL,
            format('%s says what it is', tab))
  FROM unnest('{daemons,tokens,idempotency_keys}'::text[]) AS tab;
SELECT isnt((SELECT col_description(attrelid, attnum) FROM pg_attribute
              WHERE attrelid = format('adminex.%I', tab)::regclass AND attname = col), NULL,
            format('column %s of %s says what it is', col, tab))
  FROM (VALUES ('daemons', 'beat_at'), ('daemons', 'registered_txid'), ('tokens', 'digest'),
               ('tokens', 'hosts'), ('tokens', 'expires_at'), ('idempotency_keys', 'hmac'),
               ('idempotency_keys', 'reply'), ('audit_log', 'request_id')) AS v (tab, col);
SELECT is_empty(
    $$SELECT conname FROM pg_constraint
       WHERE contype = 'f' AND conrelid IN ('adminex.daemons'::regclass,
                                            'adminex.tokens'::regclass,
                                            'adminex.idempotency_keys'::regclass)$$,
    'a token for a host outlives the host');

-- A row of a table with one column changed.
CREATE FUNCTION pg_temp.row_with(tab text, usual jsonb, col text, val text) RETURNS text
    LANGUAGE sql
AS $$
SELECT pg_temp.outcome(format(
    'INSERT INTO adminex.%I (%s) VALUES (%s)', tab, string_agg(quote_ident(key), ', '),
    string_agg(quote_nullable(value), ', ')))
  FROM jsonb_each_text(usual || jsonb_build_object(col, val))
$$;

-- daemons
SELECT is(pg_temp.row_with('daemons', '{"id": "d", "version": "1"}', col, val), state, why)
  FROM (VALUES
        ('id',              'd',              '00000', 'a daemon has an id and a version'),
        ('id',              '',               '23514', 'an empty id is refused'),
        ('id',              NULL,             '23502', 'a daemon without an id is refused'),
        ('id',              repeat('d', 255), '00000', 'an id of 255 bytes'),
        ('id',              repeat('d', 256), '23514', 'an id of 256 bytes is refused'),
        ('version',         NULL,             '23502', 'a daemon without a version is refused'),
        ('beat_at',         NULL,             '23502', 'a daemon has been alive once'),
        ('registered_txid', NULL,             '23502', 'a daemon knows since when it is here')
       ) AS v (col, val, state, why);
INSERT INTO adminex.daemons (id, version) VALUES ('d', '1');
SELECT is((SELECT registered_txid FROM adminex.daemons), pg_current_xact_id(),
          'a daemon is registered by this transaction');

-- tokens
CREATE FUNCTION pg_temp.token(col text, val text) RETURNS text
    LANGUAGE sql
AS $$
SELECT pg_temp.row_with('tokens', jsonb_build_object('digest', '\x' || repeat('ab', 32),
                                                     'role', 'reader', 'created_by', 'a'), col, val)
$$;
SELECT is(pg_temp.token(col, val), state, why)
  FROM (VALUES
        ('role',       'reader',       '00000', 'a token of a reader'),
        ('role',       'operator',     '00000', 'a token of an operator'),
        ('role',       'admin',        '00000', 'a token of an admin'),
        ('role',       'none',         '23514', 'a token without power is refused'),
        ('role',       'Admin',        '23514', 'a role is written small'),
        ('role',       NULL,           '23502', 'a token without a role is refused'),
        ('digest',     NULL,           '23502', 'a token without a digest is refused'),
        ('digest',     '\x',           '23514', 'an empty digest is refused'),
        ('digest',     '\x' || repeat('ab', 31), '23514', 'a digest of 31 bytes is refused'),
        ('digest',     '\x' || repeat('ab', 33), '23514', 'a digest of 33 bytes is refused'),
        ('created_by', NULL,           '23502', 'somebody made it'),
        ('label',      NULL,           '23502', 'no label is an empty one'),
        ('label',      repeat('x', 255), '00000', 'a label of 255 bytes'),
        ('label',      repeat('x', 256), '23514', 'a label of 256 bytes is refused'),
        ('hosts',      '{}',           '00000', 'a token for all hosts'),
        ('hosts',      '{a,b}',        '00000', 'a token for two hosts'),
        ('hosts',      NULL,           '23502', 'all hosts is an empty list, not NULL'),
        ('hosts',      '{a,NULL}',     '23514', 'NULL is no host'),
        ('hosts',      '{a,""}',       '23514', 'an empty name is no host'),
        ('hosts',      '{{a},{b}}',    '23514', 'hosts are a list, not a matrix'),
        ('expires_at', NULL,           '00000', 'a token may be for ever'),
        ('expires_at', 'infinity',     '00000', 'which can be said so, too'),
        ('expires_at', 'yesterday',    '23514', 'a token that expired before it was made'),
        ('revoked_at', 'now',          '00000', 'a token may be revoked'),
        ('id',         '1',            '428C9', 'its number is given by the database')
       ) AS v (col, val, state, why);
SELECT is(pg_temp.outcome(
              $$INSERT INTO adminex.tokens (digest, role, created_by)
                SELECT sha256(''), 'reader', 'a' FROM generate_series(1, 2)$$),
          '23505', 'the same token twice is refused');

-- idempotency_keys
CREATE FUNCTION pg_temp.asked(col text, val text) RETURNS text
    LANGUAGE sql
AS $$
SELECT pg_temp.row_with('idempotency_keys',
                        jsonb_build_object('caller', 'c', 'key', 'k', 'hmac',
                                           '\x' || repeat('ab', 32), 'expires_at', 'tomorrow'),
                        col, val)
$$;
SELECT is(pg_temp.asked(col, val), state, why)
  FROM (VALUES
        ('reply',       NULL,              '00000', 'a reply that is not kept'),
        ('reply',       '{"status":"ok"}', '00000', 'a reply that is'),
        ('caller',      NULL,              '23502', 'keys are a caller''s'),
        ('caller',      '',                '23514', 'nobody has no keys'),
        ('caller',      repeat('c', 1023), '00000', 'a caller of 1023 bytes'),
        ('caller',      repeat('c', 1024), '23514', 'a caller of 1024 bytes is refused'),
        ('key',         NULL,              '23502', 'a request without a key is not kept'),
        ('key',         '',                '23514', 'nor one with an empty key'),
        ('key',         repeat('k', 255),  '00000', 'a key of 255 bytes'),
        ('key',         repeat('k', 256),  '23514', 'a key of 256 bytes is refused'),
        ('hmac',        NULL,              '23502', 'a request without an HMAC is refused'),
        ('hmac',        '\xab',            '23514', 'an HMAC of one byte is refused'),
        ('http_status', '200',             '00000', 'a status'),
        ('http_status', '199',             '23514', 'a status that ends nothing is refused'),
        ('http_status', '600',             '23514', 'a status beyond all is refused'),
        ('expires_at',  NULL,              '23502', 'every key expires'),
        ('expires_at',  'yesterday',       '23514', 'a key that expired before it was used')
       ) AS v (col, val, state, why);
SELECT is(pg_temp.outcome(
              $$INSERT INTO adminex.idempotency_keys (caller, key, hmac, expires_at)
                SELECT 'c', 'k', sha256(''), 'tomorrow' FROM generate_series(1, 2)$$),
          '23505', 'the same key twice is refused');
SELECT lives_ok(
    $$INSERT INTO adminex.idempotency_keys (caller, key, hmac, expires_at)
      SELECT c, 'k', sha256(''), 'tomorrow' FROM unnest('{a,b}'::text[]) AS c$$,
    'but two callers may use the same key');

-- audit_log
INSERT INTO adminex.audit_log (actor, face, command, rows, outcome) VALUES ('a', 'f', 'c', 0, 'ok');
SELECT is((SELECT request_id FROM adminex.audit_log), '', 'a row without a request says so');

SELECT is(proconfig, '{search_path=pg_catalog}', format('%s looks nothing up elsewhere', proname))
  FROM pg_proc
 WHERE pronamespace = 'adminex'::regnamespace
   AND proname IN ('grant_roles', 'grant_roles_0004', 'grant_roles_0005')
 ORDER BY proname;
-- Roles that are missing are named, and those that are there get what is theirs.
REVOKE ALL ON adminex.daemons FROM adminex_operator;
ALTER ROLE adminex_admin RENAME TO adminex_test_admin;
SELECT is(adminex.grant_roles(), '{adminex_admin}', 'grant_roles names a role that is missing');
ALTER ROLE adminex_test_admin RENAME TO adminex_admin;
SELECT ok(has_table_privilege('adminex_operator', 'adminex.daemons', 'INSERT, UPDATE'),
          'and grants to the others');
SELECT is(adminex.grant_roles(), '{}', 'or none');
SELECT is_empty(
    $$SELECT rolname, p.proname FROM pg_roles, pg_proc AS p
       WHERE rolname IN ('adminex_reader', 'adminex_operator', 'adminex_admin')
         AND p.pronamespace = 'adminex'::regnamespace AND p.proname ^@ 'grant_roles'
         AND has_function_privilege(pg_roles.oid, p.oid, 'EXECUTE')$$,
    'only who owns the schema grants');

SELECT * FROM finish();
ROLLBACK;
