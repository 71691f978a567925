-- The functions of the registry: whom a row of the audit log names and how it forgets one of them,
-- what a section finds, what takes the place of what is anonymised, the stanzas of a farewell.
BEGIN;
\ir helpers.psql
SELECT plan(52);

-- ---- the audit log ----------------------------------------------------------------------------

SELECT set_eq(format('SELECT unnest(adminex.audit_subjects(%L))', arguments),
              names::text[], format('whom %s names', regexp_replace(arguments, '\s+', ' ', 'g')))
  FROM (VALUES
        ('{}', '{}'),
        ('{"user": "romeo", "host": "h.example"}', '{romeo@h.example}'),
        ('{"user": "romeo", "server": "h.example"}', '{romeo@h.example}'),
        ('{"username": "romeo", "domain": "h.example"}', '{romeo@h.example}'),
        ('{"localuser": "romeo", "localserver": "h.example", "user": "juliet",
           "server": "i.example"}', '{romeo@h.example,juliet@i.example}'),
        ('{"from": "romeo@h.example/a/b", "to": "juliet@i.example"}',
         '{romeo@h.example,juliet@i.example}'),
        ('{"user": "romeo", "host": "h.example", "server": "i.example"}', '{romeo@h.example}'),
        ('{"user": "romeo"}', '{}'),
        ('{"host": "h.example"}', '{}'),
        ('{"localuser": "romeo", "host": "h.example"}', '{}'),
        ('{"days": 365, "command": "x"}', '{}')
       ) AS v (arguments, names);
SELECT is((SELECT provolatile FROM pg_proc WHERE proname = 'audit_subjects'), 'i',
          'an index can have them');

SELECT is(adminex.audit_without(before::jsonb, 'romeo@h.example', 'erased-1'), after::jsonb,
          format('%s without romeo', regexp_replace(before, '\s+', ' ', 'g')))
  FROM (VALUES
        ('{}', '{}'),
        ('{"user": "romeo", "host": "h.example"}', '{"user": "erased-1", "host": "h.example"}'),
        ('{"user": "romeo", "host": "h.example", "resource": "home", "priority": 3}',
         '{"user": "erased-1", "host": "h.example", "resource": "", "priority": 3}'),
        ('{"username": "romeo", "domain": "h.example"}',
         '{"username": "erased-1", "domain": "h.example"}'),
        ('{"localuser": "juliet", "localserver": "h.example", "user": "romeo",
           "server": "h.example"}',
         '{"localuser": "juliet", "localserver": "h.example", "user": "erased-1",
           "server": "h.example"}'),
        ('{"localuser": "romeo", "localserver": "h.example", "user": "juliet",
           "server": "h.example"}',
         '{"localuser": "erased-1", "localserver": "h.example", "user": "juliet",
           "server": "h.example"}'),
        ('{"localuser": "romeo", "localserver": "h.example", "user": "romeo",
           "server": "h.example"}',
         '{"localuser": "erased-1", "localserver": "h.example", "user": "erased-1",
           "server": "h.example"}'),
        ('{"from": "romeo@h.example/home", "to": "juliet@h.example/work"}',
         '{"from": "erased-1@h.example", "to": "juliet@h.example/work"}'),
        ('{"from": "juliet@h.example", "to": "romeo@h.example"}',
         '{"from": "juliet@h.example", "to": "erased-1@h.example"}'),
        -- Neighbours
        ('{"user": "romeo", "host": "i.example"}', '{"user": "romeo", "host": "i.example"}'),
        ('{"user": "Romeo", "host": "h.example"}', '{"user": "Romeo", "host": "h.example"}'),
        ('{"user": "romeos", "host": "h.example"}', '{"user": "romeos", "host": "h.example"}'),
        ('{"user": "romeo", "host": "x.h.example", "resource": "home"}',
         '{"user": "romeo", "host": "x.h.example", "resource": "home"}'),
        ('{"from": "romeo@h.example.net/home"}', '{"from": "romeo@h.example.net/home"}'),
        ('{"from": "xromeo@h.example"}', '{"from": "xromeo@h.example"}'),
        ('{"action": "romeo@h.example"}', '{"action": "romeo@h.example"}')
       ) AS v (before, after);
SELECT is_empty(
    $$SELECT arguments
        FROM (VALUES ('{"user": "romeo", "host": "h.example"}'::jsonb),
                     ('{"user": "romeo", "server": "h.example"}'),
                     ('{"localuser": "romeo", "localserver": "h.example"}'),
                     ('{"username": "romeo", "domain": "h.example"}'),
                     ('{"from": "romeo@h.example/x"}'), ('{"to": "romeo@h.example"}')) AS v (arguments)
       WHERE adminex.audit_subjects(adminex.audit_without(arguments, 'romeo@h.example', 'e'))
             @> ARRAY['romeo@h.example']$$,
    'who was taken out of a row is not found in it again');

-- ---- sections ---------------------------------------------------------------------------------

CREATE SCHEMA shop;
CREATE TABLE shop.by_account (realm text, owner text, item text);
CREATE TABLE shop."by Name" (owner text NOT NULL, note text NOT NULL, price integer, at date);
CREATE TABLE shop.by_jid (jid text, ip inet NOT NULL DEFAULT '::1', item text);
CREATE TABLE shop.by_full (jid text, item text);
INSERT INTO adminex.personal_sections
       (section, place, backend, table_schema, table_name, matches, host_column, username_column,
        jid_column, host, file_name, erasure, reason)
VALUES ('by_account', 1010, 'own', 'shop', 'by_account', 'account', 'realm', 'owner', NULL, NULL,
        'a.csv', 'delete', ''),
       ('by_name', 1020, 'own', 'shop', 'by Name', 'username', NULL, 'owner', NULL, 'h.example',
        'b.csv', 'anonymise', 'sums'),
       ('by_jid', 1030, 'own', 'shop', 'by_jid', 'jid', NULL, NULL, 'jid', NULL, 'c.csv',
        'anonymise', 'sums'),
       ('by_full', 1040, 'own', 'shop', 'by_full', 'full_jid', NULL, NULL, 'jid', NULL, 'd.csv',
        'delete', '');
INSERT INTO adminex.personal_data
       (table_schema, table_name, column_name, personal, category, whose, legal_basis, retention,
        access, portability, erasure, reason)
SELECT 'shop', tab, col, true, 'content', 'subject', 'x', 'x', 'give', 'give', erasure, 'x'
  FROM (VALUES ('by_account', 'realm', 'delete'), ('by_account', 'owner', 'delete'),
               ('by_account', 'item', 'delete'), ('by Name', 'owner', 'anonymise'),
               ('by Name', 'note', 'anonymise'), ('by Name', 'price', 'anonymise'),
               ('by Name', 'at', 'keep'), ('by_jid', 'jid', 'anonymise'),
               ('by_jid', 'ip', 'keep'), ('by_jid', 'item', 'anonymise'),
               ('by_full', 'jid', 'delete'), ('by_full', 'item', 'delete'))
       AS v (tab, col, erasure);

SELECT is((SELECT l.relname FROM adminex.personal_live AS l WHERE section = 'by_name'),
          'shop."by Name"', 'a name that needs quotes has them');
SELECT set_eq(
    $$SELECT section FROM adminex.personal_live WHERE table_schema = 'shop' AND condition <> erased$$,
    '{}'::text[], 'what is found is what is erased');
SELECT ok((SELECT erased LIKE condition || '%' AND stays LIKE condition || '%' AND erased <> stays
             FROM adminex.personal_live WHERE section = 'outbox'),
          'but for what somebody has yet to act on');

-- Who is found where.
INSERT INTO shop.by_account VALUES ('h.example', 'romeo', 'mine'), ('i.example', 'romeo', 'other'),
                                   ('h.example', 'Romeo', 'other'), (NULL, 'romeo', 'other');
INSERT INTO shop."by Name" VALUES ('romeo', 'mine', 3, 'today'), ('romeos', 'other', 4, 'today');
INSERT INTO shop.by_jid (jid, item) VALUES ('romeo@h.example', 'mine'), ('romeo@i.example', 'other'),
                                           ('xromeo@h.example', 'other'), (NULL, 'other');
INSERT INTO shop.by_full VALUES ('romeo@h.example/a/b', 'mine'), ('romeo@h.example', 'mine'),
                                ('romeo@h.example.net/a', 'other'), ('juliet@h.example', 'other');
SELECT results_eq(
    $$SELECT section, rows FROM adminex.personal_plan('h.example', 'romeo')
       WHERE table_name LIKE 'shop.%'$$,
    $$VALUES ('by_account', 1::bigint), ('by_name', 1), ('by_jid', 1), ('by_full', 2)$$,
    'a subject is found by account, name, JID or full JID');
SELECT results_eq(
    $$SELECT section, rows FROM adminex.personal_plan('i.example', 'romeo')
       WHERE table_name LIKE 'shop.%'$$,
    $$VALUES ('by_account', 1::bigint), ('by_name', 0), ('by_jid', 1), ('by_full', 0)$$,
    'a name of one host is not that of another');

SELECT is(adminex.personal_masks('by_name'), 'owner = s.pseudonym, note = '''', price = NULL',
          'a pseudonym, an empty text, or nothing takes the place of what is anonymised');
SELECT is(adminex.personal_masks('by_jid'),
          'jid = s.pseudonym || ''@erased.invalid'', item = NULL', 'a JID becomes one of nobody');
SELECT is(adminex.personal_masks('audit_log'),
          'arguments = adminex.audit_without(t.arguments, s.jid, s.pseudonym)',
          'arguments lose one name');
SELECT is(adminex.personal_masks('account'), NULL, 'what is deleted is not masked');
SELECT is(adminex.personal_masks('nothing'), NULL, 'nor is what is not there');

-- ---- registries that are broken ---------------------------------------------------------------

CREATE FUNCTION pg_temp.both(change text) RETURNS text
    LANGUAGE plpgsql
AS $$
DECLARE
    plan  text;
    erase text;
BEGIN
    plan := pg_temp.outcome(change || '; SELECT adminex.personal_plan(''h.example'', ''romeo'')');
    erase := pg_temp.outcome(change || $q$;
        SELECT adminex.personal_erase('{h.example}', '{romeo}', '{erased-1}', false)$q$);
    RETURN format('%s %s', plan, erase);
END
$$;
SELECT is(pg_temp.both(change), states, why)
  FROM (VALUES
        ('SELECT', '00000 00000', 'it is whole'),
        ('DROP TABLE shop.by_jid', '00000 00000', 'a table that is gone holds nothing'),
        ('ALTER TABLE shop.by_jid DROP COLUMN jid', '55000 55000',
         'a table without the column that names the subject'),
        ('ALTER TABLE shop.by_account RENAME COLUMN realm TO domain', '55000 55000',
         'a column that was renamed'),
        ('ALTER TABLE adminex.outbox RENAME COLUMN kind TO sort', '55000 55000',
         'what stays cannot be told any more'),
        ('ALTER TABLE shop.by_jid ADD COLUMN phone text', '55000 55000',
         'an anonymised table with a column that is not classed'),
        ('ALTER TABLE shop.by_full ADD COLUMN phone text', '00000 00000',
         'a row that is deleted takes such a column along'),
        ($$UPDATE adminex.personal_data SET erasure = 'keep' WHERE table_name = 'by_jid'$$,
         '55000 55000', 'a section that anonymises nothing')
       ) AS v (change, states, why);

-- ---- farewells --------------------------------------------------------------------------------

SELECT is(adminex.presence_stanza('unsubscribe', 'a@h.example', 'b@i.example'),
          '<presence xmlns=''jabber:client'' type=''unsubscribe'' from=''a@h.example'' '
          'to=''b@i.example''/>', 'a stanza');
SELECT ok(xml_is_well_formed_document(adminex.presence_stanza('unsubscribed', sender, receiver))
          AND (xpath('string(/*/@from)', adminex.presence_stanza('x', sender, receiver)::xml))[1]::text
              = replace(replace(replace(sender, '&', '&amp;'), '<', '&lt;'), '>', '&gt;'),
          format('names that XML has its own meaning for: %s', sender))
  FROM (VALUES ('a&b@h.example', 'c@h.example'), ('a''b@h.example', '<c>@h.example'),
               ('a"b@h.example', 'c@h.example'), ('<a/>@h.example', 'c@h.example'))
       AS v (sender, receiver);

SELECT * FROM finish();
ROLLBACK;
