-- Erasure: what is done is what was planned, in every section; neighbours are as they were; two at
-- once lose both their names; what contacts are told.
BEGIN;
\ir helpers.psql
SELECT plan(32);

INSERT INTO adminex.hosts (host) VALUES ('h.example'), ('i.example');
INSERT INTO adminex.users (host, username)
VALUES ('h.example', 'romeo'), ('h.example', 'juliet'), ('h.example', 'romeos'),
       ('h.example', 'Romeo'), ('i.example', 'romeo');
CREATE SCHEMA shop;
CREATE TABLE shop.orders (jid text, item text);
INSERT INTO adminex.personal_sections (section, place, backend, table_schema, table_name, matches,
                                       jid_column, file_name, with_account)
VALUES ('orders', 1000, 'own', 'shop', 'orders', 'full_jid', 'jid', 'orders.csv', true);
INSERT INTO adminex.personal_data
       (table_schema, table_name, column_name, personal, category, whose, legal_basis, retention,
        access, portability, erasure)
SELECT 'shop', 'orders', col, true, 'content', 'subject', 'x', 'x', 'give', 'give', 'delete'
  FROM unnest('{jid,item}'::text[]) AS col;

-- The same for everybody: a row in every table that has some of theirs.
CREATE FUNCTION pg_temp.furnish(h text, u text, friend text) RETURNS void
    LANGUAGE sql
AS $$
INSERT INTO adminex.credentials (host, username, mechanism, plain) VALUES (h, u, 'PLAIN', 'x');
INSERT INTO adminex.bans (host, username) VALUES (h, u);
INSERT INTO adminex.last_activity (host, username, last_at) VALUES (h, u, now());
INSERT INTO adminex.vcards (host, username, vcard) VALUES (h, u, '<vCard/>');
INSERT INTO adminex.roster_items (host, username, jid, subscription, ask)
VALUES (h, u, friend, 'B', 'N'), (h, u, 'icq.example', 'T', 'I'), (h, u, 'old@i.example', 'N', 'N'),
       (h, u, u || '@' || h, 'B', 'N');
INSERT INTO adminex.roster_versions (host, username, version) VALUES (h, u, 7);
INSERT INTO adminex.private_storage (host, username, xmlns, data) VALUES (h, u, 'a', '<a/>');
INSERT INTO adminex.offline_messages (host, username, sender, packet)
VALUES (h, u, friend || '/home', '<message/>'), (h, u, u || '@' || h, '<message/>');
INSERT INTO adminex.sessions (host, username, resource) VALUES (h, u, 'home');
INSERT INTO adminex.outbox (host, username, kind) VALUES (h, u, 'kick'), (h, u, 'account_removed');
INSERT INTO adminex.audit_log (actor, face, command, arguments, rows, outcome)
VALUES ('a', 'cli', 'ban_account', jsonb_build_object('user', u, 'host', h), 1, 'ok'),
       ('a', 'cli', 'add_rosteritem',
        jsonb_build_object('localuser', u, 'localserver', h, 'user', split_part(friend, '@', 1),
                           'server', split_part(friend, '@', 2)), 1, 'ok');
INSERT INTO adminex.gdpr_subjects (request, host, username)
SELECT coalesce(max(request), 0) + 1, h, u FROM adminex.gdpr_subjects;
INSERT INTO adminex.pending_erasures (host, username, due_at, asked_by) VALUES (h, u, now(), 'a');
INSERT INTO adminex.legal_holds (host, username, reason, held_by) VALUES (h, u, 'x', 'a');
INSERT INTO shop.orders VALUES (u || '@' || h || '/home', 'x');
$$;
DO $$
BEGIN
    PERFORM pg_temp.furnish('h.example', 'romeo', 'juliet@h.example');
    PERFORM pg_temp.furnish('h.example', 'juliet', 'romeo@h.example');
    PERFORM pg_temp.furnish('h.example', 'romeos', 'juliet@h.example');
    PERFORM pg_temp.furnish('h.example', 'Romeo', 'juliet@h.example');
    PERFORM pg_temp.furnish('i.example', 'romeo', 'romeo@h.example');
END
$$;

-- Everything, but what is about the mere number of a row.
CREATE FUNCTION pg_temp.everything() RETURNS TABLE (tab text, r jsonb)
    LANGUAGE plpgsql
AS $$
BEGIN
    FOR tab IN SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
                WHERE schemaname IN ('adminex', 'shop') LOOP
        RETURN QUERY EXECUTE format('SELECT %L::text, to_jsonb(t) FROM %s AS t', tab, tab);
    END LOOP;
END
$$;

-- ---- the plan ---------------------------------------------------------------------------------

SELECT results_eq(
    $$SELECT section, action, rows FROM adminex.personal_plan('h.example', 'romeo')$$,
    $$VALUES ('account', 'delete', 1::bigint), ('credentials', 'delete', 1), ('ban', 'delete', 1),
             ('last_activity', 'delete', 1), ('vcard', 'delete', 1), ('roster', 'delete', 4),
             ('roster_version', 'delete', 1), ('other_rosters', 'delete', 2),
             ('private', 'delete', 1), ('offline', 'delete', 2), ('sent_offline', 'delete', 2),
             ('sessions', 'delete', 1), ('outbox', 'delete', 1), ('outbox', 'keep', 1),
             ('audit_log', 'anonymise', 4), ('requests', 'keep', 1),
             ('pending_erasure', 'delete', 1), ('legal_hold', 'delete', 1),
             ('orders', 'delete', 1)$$,
    'the plan has every section, each row once');
SELECT is_empty(
    $$SELECT section FROM adminex.personal_plan('h.example', 'romeo')
       WHERE action = 'keep' AND reason = ''$$,
    'and reasons for what is kept');
SELECT is((SELECT sum(rows) FROM adminex.personal_plan('h.example', 'nobody')), 0::numeric,
          'of nobody there is nothing');
SELECT is((SELECT sum(rows) FROM adminex.personal_plan('h.example', 'old')), 0::numeric,
          'a contact on another host is nobody here');
SELECT is((SELECT rows FROM adminex.personal_plan('i.example', 'old')
            WHERE section = 'other_rosters'), 5::bigint, 'an account is not needed');

-- ---- farewells --------------------------------------------------------------------------------

CREATE FUNCTION pg_temp.types(payload jsonb) RETURNS text
    LANGUAGE sql
AS $$
SELECT string_agg(substring(s FROM 'type=''([a-z]+)'''), ' ' ORDER BY n)
  FROM jsonb_array_elements_text(payload -> 'stanzas') WITH ORDINALITY AS e (s, n)
$$;
SELECT bag_eq(
    $$SELECT host, username, kind, coalesce(pg_temp.types(payload), payload ->> 'jids')
        FROM adminex.personal_farewells('{h.example}', '{romeo}')$$,
    $$VALUES ('h.example', 'juliet', 'unsubscribe', 'unsubscribe unsubscribed'),
             ('icq.example', '', 'unsubscribe', 'unsubscribe unsubscribed'),
             ('h.example', 'juliet', 'roster', '["romeo@h.example"]'),
             ('i.example', 'romeo', 'roster', '["romeo@h.example"]')$$,
    'contacts are told, and the owners of rosters; not the subject');
CREATE FUNCTION pg_temp.farewell(subscription text, ask text) RETURNS text
    LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE adminex.roster_items AS r
       SET subscription = farewell.subscription, ask = farewell.ask
     WHERE host = 'h.example' AND username = 'Romeo' AND jid = 'old@i.example';
    RETURN (SELECT pg_temp.types(payload)
              FROM adminex.personal_farewells('{h.example}', '{Romeo}')
             WHERE host = 'i.example' AND kind = 'unsubscribe');
END
$$;
SELECT is(pg_temp.farewell(subscription, ask), types,
          format('subscription %s, ask %s', subscription, ask))
  FROM (VALUES ('T', 'N', 'unsubscribe'), ('F', 'N', 'unsubscribed'),
               ('B', 'N', 'unsubscribe unsubscribed'), ('N', 'N', NULL),
               ('N', 'O', 'unsubscribe'), ('N', 'S', 'unsubscribe'), ('N', 'I', 'unsubscribed'),
               ('N', 'B', 'unsubscribe unsubscribed'), ('F', 'O', 'unsubscribe unsubscribed'),
               ('T', 'I', 'unsubscribe unsubscribed'), ('N', 'U', NULL))
       AS v (subscription, ask, types);
UPDATE adminex.roster_items SET subscription = 'N', ask = 'N'
 WHERE username = 'Romeo' AND jid = 'old@i.example';

-- ---- the deed ---------------------------------------------------------------------------------

CREATE TEMPORARY TABLE before AS SELECT * FROM pg_temp.everything();
CREATE TEMPORARY TABLE plan AS SELECT * FROM adminex.personal_plan('h.example', 'romeo');
CREATE TEMPORARY TABLE done AS
SELECT * FROM adminex.personal_erase('{h.example}', '{romeo}', '{erased-1}', false);
CREATE TEMPORARY TABLE afterwards AS SELECT * FROM pg_temp.everything();
SELECT bag_eq('SELECT section, rows FROM done',
              $$SELECT section, rows FROM plan WHERE action <> 'keep'$$,
              'what is done is what was planned');
SELECT is((SELECT sum(rows) FROM adminex.personal_plan('h.example', 'romeo')
            WHERE action <> 'keep'), 0::numeric, 'a second time there is nothing');
SELECT set_eq(
    $$SELECT tab FROM afterwards
       WHERE r::text ~ '(^|[^a-z])romeo@h\.example([^.]|$)'
          OR (r ->> 'host', r ->> 'username') = ('h.example', 'romeo')$$,
    ARRAY['adminex.outbox', 'adminex.gdpr_subjects'], 'nothing is left but what the plan keeps');
SELECT bag_eq(
    $$SELECT r FROM before WHERE tab = 'adminex.outbox' AND r ->> 'kind' = 'account_removed'$$,
    $$SELECT r FROM afterwards WHERE tab = 'adminex.outbox' AND r ->> 'kind' = 'account_removed'$$,
    'what ends the sessions of an account stays, whosever it is');
SELECT is_empty(
    $$SELECT tab, r FROM before AS b
       WHERE tab NOT IN ('adminex.audit_log', 'adminex.personal_registry')
         AND (r ->> 'host', r ->> 'username') <> ('h.example', 'romeo')
         AND coalesce(r ->> 'jid', '') !~ '^romeo@h\.example(/|$)'
         AND coalesce(r ->> 'sender', '') !~ '^romeo@h\.example(/|$)'
         AND NOT EXISTS (SELECT FROM afterwards AS a WHERE a.tab = b.tab AND a.r = b.r)$$,
    'no row of anybody else was touched, but those that name the subject');
SELECT is_empty(
    $$SELECT r FROM before WHERE tab = 'adminex.audit_log'
         AND NOT adminex.audit_subjects(r -> 'arguments') @> ARRAY['romeo@h.example']
      EXCEPT SELECT r FROM afterwards WHERE tab = 'adminex.audit_log'$$,
    'nor a row of the log that does not name it');
SELECT bag_eq(
    $$SELECT r - 'arguments' AS r FROM before WHERE tab = 'adminex.audit_log'$$,
    $$SELECT r - 'arguments' AS r FROM afterwards WHERE tab = 'adminex.audit_log'$$,
    'the log still has what was done, when and by whom');
SELECT set_has(
    $$SELECT (r -> 'arguments')::text FROM afterwards WHERE tab = 'adminex.audit_log'$$,
    $$VALUES ('{"host": "h.example", "user": "erased-1"}'),
             ('{"user": "erased-1", "server": "h.example", "localuser": "juliet", "localserver": "h.example"}')$$,
    'with a pseudonym');

-- ---- with an account, and several at once -----------------------------------------------------

SELECT results_eq(
    $$SELECT section, rows
        FROM adminex.personal_erase('{h.example,i.example}', '{juliet,romeo}', '{e-1,e-2}', true)$$,
    $$VALUES ('orders', 2::bigint)$$, 'with an account go the sections that are marked so');
SELECT is((SELECT count(*) FROM shop.orders), 2::bigint, 'and no others');
UPDATE adminex.personal_sections SET erasure = 'keep', reason = 'x', with_account = true
 WHERE section = 'orders';
SELECT is_empty(
    $$SELECT FROM adminex.personal_erase('{h.example}', '{Romeo}', '{e-1}', true)$$,
    'but what is kept stays');

CREATE TEMPORARY TABLE together AS
SELECT section, sum(rows) AS rows
  FROM (SELECT * FROM adminex.personal_plan('h.example', 'juliet')
        UNION ALL SELECT * FROM adminex.personal_plan('i.example', 'romeo')) AS p
 WHERE action <> 'keep' AND section NOT IN ('roster', 'other_rosters', 'offline', 'sent_offline')
 GROUP BY section;
SELECT bag_eq(
    $$SELECT section, rows::numeric
        FROM adminex.personal_erase('{h.example,i.example}', '{juliet,romeo}', '{e-1,e-2}', false)
       WHERE section NOT IN ('roster', 'other_rosters', 'offline', 'sent_offline')$$,
    'SELECT * FROM together', 'two at once are as one and the other');
INSERT INTO adminex.audit_log (actor, face, command, arguments, rows, outcome)
VALUES ('a', 'cli', 'x', '{"localuser": "a", "localserver": "h.example", "user": "b",
                           "server": "h.example", "from": "c@h.example", "to": "d@h.example/x"}',
        1, 'both');
SELECT is((SELECT rows FROM adminex.personal_erase(
               '{h.example,h.example,h.example,h.example}', '{a,b,c,d}', '{e-1,e-2,e-3,e-4}', false)
            WHERE section = 'audit_log'), 4::bigint, 'a row that names four');
SELECT is((SELECT arguments FROM adminex.audit_log WHERE outcome = 'both'),
          '{"localuser": "e-1", "localserver": "h.example", "user": "e-2", "server": "h.example",
            "from": "e-3@h.example", "to": "e-4@h.example"}'::jsonb, 'loses all four names');
SELECT is((SELECT sum(rows)::bigint FROM adminex.personal_erase('{}', '{}', '{}', false)), 0::bigint,
          'nobody is erased without a name');

SELECT * FROM finish();
ROLLBACK;
