-- The registry of personal data, holds, erasures that are due and tombstones: columns, keys, what is
-- refused, and that the registry classes all there is. Its functions are in 0008_privacy_functions
-- and 0008_privacy_erasure.
BEGIN;
\ir helpers.psql
SELECT plan(107);

SELECT results_eq($$SELECT * FROM pg_temp.columns('personal_sections')$$, $$VALUES
    ('section',         'text COLLATE "C" NOT NULL'),
    ('place',           'integer NOT NULL'),
    ('backend',         'text COLLATE "C" NOT NULL DEFAULT ''native''::text'),
    ('table_schema',    'name NOT NULL'),
    ('table_name',      'name NOT NULL'),
    ('relation',        'text COLLATE "C" NOT NULL DEFAULT ''owned''::text'),
    ('matches',         'text COLLATE "C" NOT NULL DEFAULT ''account''::text'),
    ('host_column',     'name'),
    ('username_column', 'name'),
    ('jid_column',      'name'),
    ('host',            'text COLLATE "C"'),
    ('fields',          'name[] NOT NULL DEFAULT ''{}''::name[]'),
    ('counted_as',      'text COLLATE "C"'),
    ('csv_view',        'name'),
    ('file_name',       'text COLLATE "C" NOT NULL'),
    ('erasure',         'text COLLATE "C" NOT NULL DEFAULT ''delete''::text'),
    ('reason',          'text NOT NULL DEFAULT ''''::text'),
    ('with_account',    'boolean NOT NULL DEFAULT false'),
    ('stays_column',    'name'),
    ('stays_value',     'text COLLATE "C"')$$,
    'columns of personal_sections');
SELECT results_eq($$SELECT * FROM pg_temp.columns('personal_data')$$, $$VALUES
    ('table_schema', 'name NOT NULL'),
    ('table_name',   'name NOT NULL'),
    ('column_name',  'name NOT NULL'),
    ('personal',     'boolean NOT NULL'),
    ('category',     'text COLLATE "C" NOT NULL'),
    ('whose',        'text COLLATE "C" NOT NULL'),
    ('legal_basis',  'text NOT NULL'),
    ('retention',    'text NOT NULL'),
    ('access',       'text COLLATE "C" NOT NULL'),
    ('portability',  'text COLLATE "C" NOT NULL'),
    ('erasure',      'text COLLATE "C" NOT NULL'),
    ('reason',       'text NOT NULL DEFAULT ''''::text'),
    ('field',        'text COLLATE "C"'),
    ('words',        'jsonb')$$,
    'columns of personal_data');
SELECT results_eq($$SELECT * FROM pg_temp.columns('personal_registry')$$, $$VALUES
    ('only_one',   'boolean NOT NULL DEFAULT true'),
    ('version',    'bigint NOT NULL DEFAULT 0'),
    ('changed_at', 'timestamp with time zone NOT NULL DEFAULT now()')$$,
    'columns of personal_registry');
SELECT results_eq($$SELECT * FROM pg_temp.columns('legal_holds')$$, $$VALUES
    ('host',     'text COLLATE "C" NOT NULL'),
    ('username', 'text COLLATE "C" NOT NULL'),
    ('reason',   'text NOT NULL'),
    ('held_by',  'text NOT NULL'),
    ('held_at',  'timestamp with time zone NOT NULL DEFAULT now()')$$,
    'columns of legal_holds');
SELECT results_eq($$SELECT * FROM pg_temp.columns('pending_erasures')$$, $$VALUES
    ('host',     'text COLLATE "C" NOT NULL'),
    ('username', 'text COLLATE "C" NOT NULL'),
    ('due_at',   'timestamp with time zone NOT NULL'),
    ('asked_by', 'text NOT NULL'),
    ('asked_at', 'timestamp with time zone NOT NULL DEFAULT now()'),
    ('tried_at', 'timestamp with time zone'),
    ('failure',  'text NOT NULL DEFAULT ''''::text')$$,
    'columns of pending_erasures');
SELECT results_eq($$SELECT * FROM pg_temp.columns('tombstones')$$, $$VALUES
    ('subject',   'bytea NOT NULL'),
    ('erased_at', 'timestamp with time zone NOT NULL DEFAULT now()'),
    ('until',     'timestamp with time zone NOT NULL')$$,
    'columns of tombstones');
SELECT col_is_pk('adminex', 'personal_sections', 'section', 'key of personal_sections');
SELECT col_is_unique('adminex', 'personal_sections', 'place', 'two sections have no one place');
SELECT col_is_pk('adminex', 'personal_data', ARRAY['table_schema', 'table_name', 'column_name'],
                 'key of personal_data');
SELECT col_is_pk('adminex', 'personal_registry', 'only_one', 'key of personal_registry');
SELECT col_is_pk('adminex', 'legal_holds', ARRAY['host', 'username'], 'key of legal_holds');
SELECT col_is_pk('adminex', 'pending_erasures', ARRAY['host', 'username'],
                 'key of pending_erasures');
SELECT col_is_pk('adminex', 'tombstones', 'subject', 'key of tombstones');
SELECT has_index('adminex', 'pending_erasures', 'pending_erasures_due_at', ARRAY['due_at'],
                 'which erasures are due');
SELECT has_index('adminex', 'tombstones', 'tombstones_until', ARRAY['until'],
                 'which tombstones are over');
SELECT index_is_type('adminex', 'audit_log', 'audit_log_subjects', 'gin');
SELECT index_is_type('adminex', 'offline_messages', 'offline_messages_sender', 'hash');
SELECT is_empty(
    $$SELECT conname FROM pg_constraint
       WHERE contype = 'f' AND conrelid IN ('adminex.legal_holds'::regclass,
                                            'adminex.pending_erasures'::regclass)$$,
    'what is left of an account can be held, and erased later');
SELECT isnt(obj_description(format('adminex.%I', tab)::regclass, 'pg_class'), NULL,
            format('%s says what it is', tab))
  FROM unnest('{personal_sections,personal_data,personal_registry,personal_live,legal_holds,
                pending_erasures,tombstones}'::text[]) AS tab;
SELECT is_empty(
    $$SELECT oid::regprocedure FROM pg_proc
       WHERE pronamespace = 'adminex'::regnamespace AND proname ~ '^(personal|audit|presence)_'
         AND obj_description(oid, 'pg_proc') IS NULL$$,
    'its functions say what they are');
SELECT is_empty(
    $$SELECT oid::regprocedure FROM pg_proc
       WHERE pronamespace = 'adminex'::regnamespace AND proname ~ '^personal_'
         AND proconfig::text NOT LIKE '%search\_path=pg\_catalog%'$$,
    'and look nothing up elsewhere');
SELECT is_empty(
    $$SELECT oid::regprocedure FROM pg_proc
       WHERE pronamespace = 'adminex'::regnamespace AND prosecdef
         AND proname <> 'personal_registry_changed'$$,
    'nothing is erased with rights that the caller has not');

-- ---- what is classed --------------------------------------------------------------------------

SELECT set_eq(
    $$SELECT c.relname, a.attname
        FROM pg_class AS c
        JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
       WHERE c.relnamespace = 'adminex'::regnamespace AND c.relkind IN ('r', 'p', 'f')$$,
    $$SELECT table_name, column_name FROM adminex.personal_data WHERE table_schema = 'adminex'$$,
    'every column of every table of this schema is classed');
SELECT is_empty(
    $$SELECT table_name, column_name FROM adminex.personal_data AS d
       WHERE d.personal AND d.whose = 'subject'
         AND NOT EXISTS (SELECT FROM adminex.personal_sections AS s
                          WHERE s.table_schema = d.table_schema AND s.table_name = d.table_name)$$,
    'what is a subject''s is in a section');
SELECT is_empty(
    $$SELECT section FROM adminex.personal_live WHERE condition IS NULL OR erased IS NULL$$,
    'every section finds its table and columns');
SELECT is_empty(
    $$SELECT l.section, d.column_name
        FROM adminex.personal_live AS l
        JOIN adminex.personal_data AS d USING (table_schema, table_name)
       WHERE l.erasure = 'delete' AND d.erasure <> 'delete'$$,
    'a section that deletes its rows keeps no column of them');
SELECT is_empty(
    $$SELECT s.table_name, f
        FROM adminex.personal_sections AS s, unnest(s.fields) AS f
       WHERE NOT EXISTS (SELECT FROM adminex.personal_data AS d
                          WHERE d.table_schema = s.table_schema AND d.table_name = s.table_name
                            AND d.column_name = f AND d.access = 'give')$$,
    'what is told of rows that mention the subject may be told');
SELECT is_empty(
    $$SELECT s.section, a.attname
        FROM adminex.personal_sections AS s
        JOIN pg_class AS v ON v.relname = s.csv_view AND v.relnamespace = 'adminex'::regnamespace
        JOIN pg_attribute AS a ON a.attrelid = v.oid AND a.attnum > 0
        JOIN adminex.personal_data AS d
          ON d.table_schema = s.table_schema AND d.table_name = s.table_name
             AND d.column_name = a.attname
       WHERE d.access <> 'give'$$,
    'no view of the CSV archive has a column that is withheld');

-- ---- what is refused --------------------------------------------------------------------------

-- A row of a table with one column changed.
CREATE FUNCTION pg_temp.row_with(tab text, usual jsonb, changed jsonb) RETURNS text
    LANGUAGE sql
AS $$
SELECT pg_temp.outcome(format(
    'INSERT INTO adminex.%I (%s) VALUES (%s)', tab, string_agg(quote_ident(key), ', '),
    string_agg(quote_nullable(value), ', ')))
  FROM jsonb_each_text(usual || changed)
$$;

CREATE FUNCTION pg_temp.section(changed jsonb) RETURNS text
    LANGUAGE sql
AS $$
SELECT pg_temp.row_with('personal_sections',
    '{"section": "orders", "place": 1000, "table_schema": "shop", "table_name": "orders",
      "host_column": "host", "username_column": "owner", "file_name": "orders.csv"}', changed)
$$;
SELECT is(pg_temp.section(changed::jsonb), state, why)
  FROM (VALUES
        ('{}',                             '00000', 'a section of one''s own'),
        ('{"section": "account"}',         '23505', 'a section that is there already is refused'),
        ('{"section": "Orders"}',          '23514', 'a section is a word'),
        ('{"section": "1st"}',             '23514', 'which begins with a letter'),
        ('{"section": ""}',                '23514', 'an empty word is none'),
        ('{"section": "a\"; DROP"}',       '23514', 'nor is what would be SQL'),
        ('{"section": null}',              '23502', 'a section without a name is refused'),
        ('{"place": 10}',                  '23505', 'a place that is taken is refused'),
        ('{"relation": "owned"}',          '00000', 'rows are owned'),
        ('{"relation": "mentions"}',       '23514', 'rows that mention need a word for their count'),
        ('{"counted_as": "orders"}',       '23514', 'and only they'),
        ('{"relation": "mentions", "counted_as": "orders"}', '00000', 'mentions with such a word'),
        ('{"relation": "shared", "counted_as": "orders"}', '23514', 'another relation is refused'),
        ('{"matches": "account", "username_column": null}', '23514',
         'an account is two columns'),
        ('{"matches": "account", "jid_column": "jid"}', '23514', 'and not a third'),
        ('{"matches": "username"}',        '23514', 'a username needs a host that is said'),
        ('{"matches": "username", "host_column": null, "host": "h.example"}', '00000',
         'a username of one host'),
        ('{"matches": "jid"}',             '23514', 'a JID is one column'),
        ('{"matches": "jid", "jid_column": "jid"}', '23514', 'and no other'),
        ('{"matches": "jid", "jid_column": "jid", "host_column": null, "username_column": null}',
         '00000', 'a JID'),
        ('{"matches": "full_jid", "jid_column": "jid", "host_column": null,
           "username_column": null}', '00000', 'a JID with a resource'),
        ('{"matches": "audit", "jid_column": "arguments", "host_column": null,
           "username_column": null}', '00000', 'arguments of commands'),
        ('{"matches": "like", "jid_column": "jid", "host_column": null, "username_column": null}',
         '23514', 'another way to match is refused'),
        ('{"erasure": "keep"}',            '23514', 'what is kept is kept for a reason'),
        ('{"erasure": "keep", "reason": "the law"}', '00000', 'with one it is'),
        ('{"erasure": "anonymise"}',       '23514', 'so it is with what is anonymised'),
        ('{"erasure": "shred", "reason": "x"}', '23514', 'another way to erase is refused'),
        ('{"stays_column": "kind"}',       '23514', 'what stays has a column and a value'),
        ('{"stays_column": "kind", "stays_value": "x"}', '23514', 'and a reason'),
        ('{"stays_column": "kind", "stays_value": "x", "reason": "y"}', '00000', 'rows that stay'),
        ('{"file_name": "../etc/passwd"}', '23514', 'a file name is no path'),
        ('{"file_name": ".profile"}',      '23514', 'nor is it hidden'),
        ('{"file_name": ""}',              '23514', 'nor empty'),
        ('{"file_name": "logs-{node}.txt"}', '00000', 'a file name may have the node in it')
       ) AS v (changed, state, why);

CREATE FUNCTION pg_temp.classed(changed jsonb) RETURNS text
    LANGUAGE sql
AS $$
SELECT pg_temp.row_with('personal_data',
    '{"table_schema": "shop", "table_name": "orders", "column_name": "owner", "personal": true,
      "category": "identity", "whose": "subject", "legal_basis": "Art. 6(1)(b)",
      "retention": "a year", "access": "give", "portability": "give", "erasure": "delete"}',
    changed)
$$;
SELECT is(pg_temp.classed(changed::jsonb), state, why)
  FROM (VALUES
        ('{}',                           '00000', 'a column is classed'),
        ('{"table_schema": "adminex", "table_name": "users", "column_name": "host"}', '23505',
         'but not twice'),
        ('{"category": "secret"}',       '23514', 'a category is one of some'),
        ('{"whose": "nobody"}',          '23514', 'so is whose it is'),
        ('{"access": "perhaps"}',        '23514', 'access gives or withholds'),
        ('{"portability": "perhaps"}',   '23514', 'so does portability'),
        ('{"erasure": "shred"}',         '23514', 'erasure is one of three'),
        ('{"erasure": "keep"}',          '23514', 'what is kept is kept for a reason'),
        ('{"erasure": "keep", "reason": "the law"}', '00000', 'with one it is'),
        ('{"access": "withhold"}',       '23514', 'what is withheld is withheld for a reason'),
        ('{"access": "withhold", "erasure": "keep", "personal": false}', '00000',
         'what says nothing about anybody needs none'),
        ('{"words": "[1]"}',             '23514', 'words are an object'),
        ('{"words": "{\"N\": \"none\"}"}', '00000', 'of codes and what they mean'),
        ('{"personal": null}',           '23502', 'a column is personal or not')
       ) AS v (changed, state, why);

SELECT is(pg_temp.row_with('legal_holds', '{"host": "h.example", "username": "romeo",
                                            "reason": "claim", "held_by": "a"}', changed::jsonb),
          state, why)
  FROM (VALUES
        ('{}',               '00000', 'somebody who is no account is held'),
        ('{"reason": ""}',   '23514', 'a hold has a reason'),
        ('{"reason": null}', '23502', 'NULL is none'),
        ('{"host": ""}',     '23514', 'and a host'),
        ('{"username": ""}', '23514', 'and a username'),
        ('{"held_by": null}', '23502', 'and somebody who set it')
       ) AS v (changed, state, why);
SELECT is(pg_temp.row_with('legal_holds',
                           jsonb_build_object('host', repeat('h', 1023), 'reason', 'x',
                                              'held_by', 'a', 'username', repeat('u', len)), '{}'),
          state, format('a hold of a username of %s bytes', len))
  FROM (VALUES (1023, '00000'), (1024, '23514')) AS v (len, state);

SELECT is(pg_temp.row_with('pending_erasures', '{"host": "h.example", "username": "romeo",
                                                 "due_at": "2030-01-01", "asked_by": "a"}',
                           changed::jsonb), state, why)
  FROM (VALUES
        ('{}',                '00000', 'somebody who is no account is erased later'),
        ('{"due_at": null}',  '23502', 'an erasure is due some time'),
        ('{"host": ""}',      '23514', 'on a host'),
        ('{"username": ""}',  '23514', 'under a username'),
        ('{"failure": null}', '23502', 'no failure is an empty one')
       ) AS v (changed, state, why);

SELECT is(pg_temp.row_with('tombstones', jsonb_build_object('subject', '\x' || repeat('ab', 32),
                                                            'until', '2100-01-01'),
                           changed::jsonb), state, why)
  FROM (VALUES
        ('{}',                          '00000', 'a tombstone'),
        ('{"subject": "\\xab"}',        '23514', 'a hash has 32 bytes'),
        ('{"until": "2001-01-01"}',     '23514', 'one that was over before it began is refused'),
        ('{"until": null}',             '23502', 'it has an end')
       ) AS v (changed, state, why);
SELECT is(pg_temp.outcome($$INSERT INTO adminex.personal_registry (only_one) VALUES (false)$$),
          '23514', 'there is one registry');
SELECT is(pg_temp.outcome($$INSERT INTO adminex.personal_registry DEFAULT VALUES$$),
          '23505', 'and not a second one');
SELECT is(pg_temp.outcome($$INSERT INTO adminex.outbox (host, username, kind, payload)
                            VALUES ('h.example', '', 'unsubscribe', '{"stanzas": []}')$$),
          '00000', 'a farewell to a domain');
SELECT is(pg_temp.outcome($$INSERT INTO adminex.outbox (host, username, kind)
                            VALUES ('h.example', 'romeo', 'farewell')$$),
          '23514', 'other kinds are refused as before');

-- ---- the version ------------------------------------------------------------------------------

CREATE FUNCTION pg_temp.raises(statement text) RETURNS bigint
    LANGUAGE plpgsql
AS $$
DECLARE
    before CONSTANT bigint := (SELECT version FROM adminex.personal_registry);
BEGIN
    EXECUTE statement;
    RETURN (SELECT version FROM adminex.personal_registry) - before;
END
$$;
SELECT cmp_ok(pg_temp.raises(statement), '>', 0::bigint, why)
  FROM (VALUES
        ($$UPDATE adminex.personal_data SET retention = 'x' WHERE table_name = 'users'$$,
         'a column that is classed otherwise makes another version'),
        ($$UPDATE adminex.personal_sections SET place = 5 WHERE section = 'account'$$,
         'so does a section'),
        ($$DELETE FROM adminex.personal_data WHERE table_name = 'users'$$,
         'and what is classed no more'),
        ($$TRUNCATE adminex.personal_sections$$, 'or nothing at all')
       ) AS v (statement, why);

SELECT * FROM finish();
ROLLBACK;
