-- The chain of gdpr_ledger: how a row is numbered and hashed, that no two rows have the same form,
-- what is refused to everybody, and who may what.
BEGIN;
\ir helpers.psql
SELECT plan(63);

CREATE FUNCTION pg_temp.opened(who text) RETURNS bigint
    LANGUAGE sql
AS $$
INSERT INTO adminex.gdpr_ledger (event, type, subject, received, deadline, actor)
VALUES ('opened', 'access', sha256(convert_to(who, 'UTF8')), '2026-01-31', '2026-02-28', who)
RETURNING request
$$;

-- ---- appending

SELECT is(pg_temp.opened('a'), 1::bigint, 'requests are counted from 1');
SELECT is(pg_temp.opened('b'), 2::bigint, 'and on');
INSERT INTO adminex.gdpr_ledger (request, event, outcome, actor)
VALUES (1, 'closed', 'withdrawn', 'a'), (2, 'closed', 'refused', 'b');
SELECT is(pg_temp.opened('c'), 3::bigint, 'whatever happened in between');
-- One statement may open and go on.
WITH opened AS (
    INSERT INTO adminex.gdpr_ledger (event, type, subject, received, deadline, actor)
    VALUES ('opened', 'erasure', sha256('d'), '2026-01-31', '2026-02-28', 'd')
    RETURNING request
)
INSERT INTO adminex.gdpr_ledger (request, event, note_hmac, actor)
SELECT request, 'identity', sha256('n'), 'd' FROM opened;
SELECT results_eq(
    $$SELECT seq, request, event FROM adminex.gdpr_ledger ORDER BY seq$$,
    $$VALUES (1::bigint, 1::bigint, 'opened' COLLATE "C"), (2, 2, 'opened'), (3, 1, 'closed'),
             (4, 2, 'closed'), (5, 3, 'opened'), (6, 4, 'opened'), (7, 4, 'identity')$$,
    'rows are numbered without a gap');
SELECT is_empty(
    $$SELECT seq FROM adminex.gdpr_ledger AS l WHERE hash <> adminex.gdpr_ledger_hash(l)$$,
    'each row has its hash');
SELECT is_empty(
    $$SELECT seq FROM adminex.gdpr_ledger AS l
       WHERE prev <> coalesce((SELECT hash FROM adminex.gdpr_ledger WHERE seq = l.seq - 1),
                              decode(repeat('00', 32), 'hex'))$$,
    'and that of the row before');
SELECT is_empty($$SELECT FROM adminex.gdpr_ledger WHERE abs(extract(epoch FROM
                      clock_timestamp() - at)) > 600$$, 'and the time when it was written');
SELECT is((SELECT count(DISTINCT at) FROM adminex.gdpr_ledger), 7::bigint,
          'which is not that of the transaction');
SELECT is((SELECT db_role FROM adminex.gdpr_ledger WHERE seq = 1), session_user::text,
          'and who was connected');
SELECT is(pg_temp.outcome($$SELECT pg_temp.opened(repeat('x', 100000))$$), '00000',
          'whatever the name of who noted it is');
SELECT is(pg_temp.outcome(format($$INSERT INTO adminex.gdpr_ledger (request, event, outcome, actor,
                                                                    note_hmac)
                                   VALUES (%s, %L, %L, 'x', sha256('n'))$$, request, event,
                                 outcome)), state, why)
  FROM (VALUES (1, 'closed', 'withdrawn', '23505', 'a request is closed once'),
               (3, 'closed', 'withdrawn', '00000', 'another one is'),
               (4, 'identity', NULL, '00000', 'an identity may be checked again')
       ) AS v (request, event, outcome, state, why);
SELECT throws_ok(
    $$INSERT INTO adminex.gdpr_ledger
      SELECT seq, at, 9, event, type, subject, received, deadline, outcome, handed_over, note_hmac,
             actor, db_role, prev, hash
        FROM adminex.gdpr_ledger WHERE seq = 1$$,
    '23505', NULL, 'two rows have not the same number');
-- As a dump is restored
CREATE TEMPORARY TABLE kept AS SELECT * FROM adminex.gdpr_ledger;
ALTER TABLE adminex.gdpr_ledger DISABLE TRIGGER gdpr_ledger_refuse;
DELETE FROM adminex.gdpr_ledger;
ALTER TABLE adminex.gdpr_ledger ENABLE ALWAYS TRIGGER gdpr_ledger_refuse;
INSERT INTO adminex.gdpr_ledger SELECT * FROM kept;
SELECT set_eq('SELECT * FROM adminex.gdpr_ledger', 'SELECT * FROM kept',
              'rows that come with their hashes stay as they were');

-- ---- the canonical form

SELECT is(adminex.gdpr_ledger_field(value), field, format('the form of %s', coalesce(value, '-')))
  FROM (VALUES (NULL, '~'), ('', '0:,'), ('~', '1:~,'), ('a', '1:a,'), (',', '1:,,'),
               ('1:a,', '4:1:a,,'), ('Zoë', '4:Zoë,'), ('\', '1:\,')) AS v (value, field);
-- Any two different lists of two values have different forms, of all there are of a few characters
-- that could be taken for each other.
SELECT is(count(DISTINCT adminex.gdpr_ledger_field(a) || adminex.gdpr_ledger_field(b)), count(*),
          format('%s pairs have as many forms', count(*)))
  FROM (WITH RECURSIVE word (w) AS (
            VALUES ('') UNION ALL
            SELECT w || c FROM word, unnest('{0,1,:,",",~}'::text[]) AS c WHERE length(w) < 3)
        SELECT w FROM word UNION ALL SELECT NULL) AS one (a),
       (WITH RECURSIVE word (w) AS (
            VALUES ('') UNION ALL
            SELECT w || c FROM word, unnest('{0,1,:,",",~}'::text[]) AS c WHERE length(w) < 3)
        SELECT w FROM word UNION ALL SELECT NULL) AS two (b);

-- This value must never change: old ledgers depend on it. Python: see the end-to-end test.
CREATE FUNCTION pg_temp.usual() RETURNS adminex.gdpr_ledger
    LANGUAGE sql
AS $$
SELECT ROW(7, '2026-01-31 12:34:56.000789+00', 3, 'opened', 'access', sha256('s'), '2026-01-31',
           '2026-02-28', NULL, NULL, NULL, 'Zoë \101 "x"', 'admin', sha256('p'),
           NULL)::adminex.gdpr_ledger
$$;
SELECT is(adminex.gdpr_ledger_hash(pg_temp.usual()),
          sha256(convert_to('1:7,16:1769862896000789,1:3,6:opened,6:access,64:'
                            || '043a718774c572bd8a25adbeb1bfcd5c0256ae11cecf9f9c3f925d0e52beaf89'
                            || ',5:20484,5:20512,~~~13:Zoë \101 "x",5:admin,64:'
                            || '148de9c5a7a44d19e56cd9ae1a554bf67847afb0c58f6e12fa29ac7ddfca9940'
                            || ',', 'UTF8')),
          'the hash of a row is that of its fields');
SELECT is((SELECT count(DISTINCT adminex.gdpr_ledger_hash(r)) FROM (
    SELECT pg_temp.usual() AS r
    UNION ALL
    SELECT jsonb_populate_record(pg_temp.usual(), change)
      FROM unnest(ARRAY['{"seq": 8}', '{"at": "2026-01-31 12:34:56.00079+00"}', '{"request": 4}',
                        '{"event": "closed"}', '{"type": "erasure"}', '{"type": null}',
                        '{"subject": "\\x00"}', '{"subject": null}', '{"received": "2026-01-30"}',
                        '{"received": null}', '{"deadline": "2026-03-01"}', '{"outcome": "refused"}',
                        '{"outcome": ""}', '{"handed_over": "\\x"}', '{"note_hmac": "\\x"}',
                        '{"actor": "Zoe"}', '{"actor": "ZoëA"}', '{"db_role": "adm"}',
                        '{"prev": "\\x00"}']::jsonb[]) AS change) AS v), 20::bigint,
    'whatever changes in a row changes its hash');
SELECT is((SELECT count(DISTINCT adminex.gdpr_ledger_hash(
               jsonb_populate_record(pg_temp.usual(), change)))
             FROM unnest(ARRAY['{}', '{"hash": "\\x00"}', '{"at": "2026-01-31 07:34:56.000789-05"}']
                         ::jsonb[]) AS change), 1::bigint,
          'but for the hash itself, and how a time was written');
SET LOCAL TimeZone = 'Asia/Tokyo';
SET LOCAL DateStyle = 'German';
SET LOCAL extra_float_digits = 0;
SET LOCAL bytea_output = 'escape';
SET LOCAL standard_conforming_strings = off;
SELECT is_empty(
    $$SELECT seq FROM adminex.gdpr_ledger AS l WHERE hash <> adminex.gdpr_ledger_hash(l)$$,
    'whatever the session has set');
RESET TimeZone;
RESET DateStyle;
RESET bytea_output;
RESET standard_conforming_strings;
SELECT volatility_is('adminex', 'gdpr_ledger_hash', ARRAY['adminex.gdpr_ledger'], 'immutable');
SELECT volatility_is('adminex', 'gdpr_ledger_field', ARRAY['text'], 'immutable');
SELECT is_empty(
    $$SELECT p.oid::regprocedure FROM pg_proc AS p
       WHERE p.pronamespace = 'adminex'::regnamespace AND p.proname ^@ 'gdpr_ledger'
         AND p.proconfig IS DISTINCT FROM '{search_path=pg_catalog}' AND p.prosqlbody IS NULL$$,
    'no function of the ledger looks anything up elsewhere');

-- ---- what is refused to the owner and to superusers

SELECT is(pg_temp.outcome(statement), '55000', left(statement, 54) || ' is refused')
  FROM unnest(ARRAY[
      'UPDATE adminex.gdpr_ledger SET actor = ''x'' WHERE seq = 1',
      'UPDATE adminex.gdpr_ledger SET actor = actor WHERE false',
      'DELETE FROM adminex.gdpr_ledger WHERE seq = 7',
      'DELETE FROM adminex.gdpr_ledger WHERE false',
      'TRUNCATE adminex.gdpr_ledger',
      'TRUNCATE adminex.gdpr_ledger, adminex.gdpr_subjects CASCADE',
      'INSERT INTO adminex.gdpr_ledger SELECT * FROM adminex.gdpr_ledger
           ON CONFLICT (seq) DO UPDATE SET actor = ''x'''
  ]) AS statement;
SELECT ok((SELECT rolsuper FROM pg_roles WHERE rolname = current_user), 'this is a superuser');
SET LOCAL session_replication_role = replica;
SELECT is(pg_temp.outcome('DELETE FROM adminex.gdpr_ledger'), '55000',
          'also to whoever only replays');
RESET session_replication_role;
CREATE ROLE adminex_test_owner;
GRANT USAGE ON SCHEMA adminex TO adminex_test_owner;
ALTER TABLE adminex.gdpr_ledger OWNER TO adminex_test_owner;
SELECT is(pg_temp.outcome(pg_temp.as_role('adminex_test_owner', statement)), '42501',
          'the owner: ' || statement)
  FROM unnest('{UPDATE adminex.gdpr_ledger SET actor = 0,DELETE FROM adminex.gdpr_ledger,
                TRUNCATE adminex.gdpr_ledger}'::text[]) AS statement;
GRANT ALL ON adminex.gdpr_ledger TO adminex_test_owner;
SELECT is(pg_temp.outcome(pg_temp.as_role('adminex_test_owner', 'DELETE FROM adminex.gdpr_ledger')),
          '55000', 'the owner who gives it back to himself');

-- ---- who may what

SELECT set_eq(
    $$SELECT grantee, table_name, privilege_type, string_agg(column_name, ' ' ORDER BY column_name)
        FROM information_schema.column_privileges AS c
       WHERE table_schema = 'adminex' AND table_name ^@ 'gdpr_' AND grantee ^@ 'adminex_'
         AND grantee <> 'adminex_test_owner'
         AND NOT has_table_privilege(grantee::text, format('adminex.%I', table_name),
                                     privilege_type)
       GROUP BY 1, 2, 3$$,
    $$SELECT role::name COLLATE "C", 'gdpr_ledger'::name COLLATE "C", 'INSERT'::varchar COLLATE "C",
             'actor deadline event handed_over note_hmac outcome received request subject type'
        FROM unnest('{adminex_operator,adminex_admin}'::text[]) AS role
      UNION ALL
      SELECT 'adminex_operator', 'gdpr_subjects', 'UPDATE', 'identity'$$,
    'privileges on mere columns: nobody gives what chains a row, an operator changes little');

SELECT is(pg_temp.outcome(pg_temp.as_role('adminex_' || role, statement)), state,
          format('the %s: %s', role, left(statement, 60)))
  FROM (VALUES
        ('reader',   'SELECT * FROM adminex.gdpr_ledger', '00000'),
        ('reader',   'SELECT adminex.gdpr_ledger_hash(l) FROM adminex.gdpr_ledger AS l', '00000'),
        ('reader',   'SELECT request FROM adminex.gdpr_subjects', '42501'),
        ('reader',   'INSERT INTO adminex.gdpr_ledger (request, event, outcome, actor)
                      VALUES (3, ''closed'', ''refused'', ''x'')', '42501'),
        ('operator', 'INSERT INTO adminex.gdpr_ledger (request, event, note_hmac, actor)
                      VALUES (3, ''identity'', sha256(''x''), ''x'')', '00000'),
        ('operator', 'INSERT INTO adminex.gdpr_ledger (request, event, outcome, actor, db_role)
                      VALUES (3, ''closed'', ''refused'', ''x'', ''y'')', '42501'),
        ('operator', 'INSERT INTO adminex.gdpr_ledger (seq, at, request, event, outcome, actor,
                                                      prev, hash)
                      VALUES (9, now(), 3, ''closed'', ''refused'', ''x'', sha256(''x''),
                              sha256(''x''))', '42501'),
        ('operator', 'UPDATE adminex.gdpr_subjects SET identity = ''x''', '00000'),
        ('operator', 'UPDATE adminex.gdpr_subjects SET extension = ''x''', '42501'),
        ('operator', 'UPDATE adminex.gdpr_subjects SET host = ''x''', '42501'),
        ('operator', 'DELETE FROM adminex.gdpr_subjects', '42501'),
        ('admin',    'INSERT INTO adminex.gdpr_ledger (request, event, outcome, actor)
                      VALUES (3, ''closed'', ''refused'', ''x'')', '00000'),
        ('admin',    'INSERT INTO adminex.gdpr_ledger (seq, at, request, event, outcome, actor,
                                                      prev, hash)
                      VALUES (9, now(), 3, ''closed'', ''refused'', ''x'', sha256(''x''),
                              sha256(''x''))', '42501'),
        ('admin',    'UPDATE adminex.gdpr_ledger SET actor = ''x''', '42501'),
        ('admin',    'DELETE FROM adminex.gdpr_ledger', '42501'),
        ('admin',    'TRUNCATE adminex.gdpr_ledger', '42501'),
        ('admin',    'UPDATE adminex.gdpr_subjects SET extension = ''x''', '00000'),
        ('admin',    'DELETE FROM adminex.gdpr_subjects', '00000')
       ) AS v (role, statement, state);

SELECT * FROM finish();
ROLLBACK;
