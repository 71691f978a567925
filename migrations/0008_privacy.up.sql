-- The registry of personal data: every column of every table is classed here, and how the rows of a
-- subject are found. Export, erasure and the record of processing are made from it; nothing else
-- knows which tables there are. A DBA adds tables of their own (adminex gdpr_register).
--
-- On Citus all of these stay local tables of the coordinator.

CREATE TABLE adminex.personal_sections (
    section         text COLLATE "C" NOT NULL,
    place           integer          NOT NULL,
    backend         text COLLATE "C" NOT NULL DEFAULT 'native',
    table_schema    name             NOT NULL,
    table_name      name             NOT NULL,
    relation        text COLLATE "C" NOT NULL DEFAULT 'owned',
    matches         text COLLATE "C" NOT NULL DEFAULT 'account',
    host_column     name,
    username_column name,
    jid_column      name,
    host            text COLLATE "C",
    fields          name[]           NOT NULL DEFAULT '{}',
    counted_as      text COLLATE "C",
    csv_view        name,
    file_name       text COLLATE "C" NOT NULL,
    erasure         text COLLATE "C" NOT NULL DEFAULT 'delete',
    reason          text             NOT NULL DEFAULT '',
    with_account    boolean          NOT NULL DEFAULT false,
    stays_column    name,
    stays_value     text COLLATE "C",
    CONSTRAINT personal_sections_pkey PRIMARY KEY (section),
    CONSTRAINT personal_sections_place_once UNIQUE (place),
    CONSTRAINT personal_sections_section_word CHECK (section ~ '^[a-z][a-z0-9_]{0,62}$'),
    CONSTRAINT personal_sections_file_name_plain
        CHECK (file_name ~ '^[A-Za-z0-9_{}.-]{1,100}$' AND file_name !~ '^\.'),
    CONSTRAINT personal_sections_relation_known CHECK (relation IN ('owned', 'mentions')),
    CONSTRAINT personal_sections_matches_known CHECK (
        CASE matches WHEN 'account'  THEN num_nonnulls(host_column, username_column) = 2
                                          AND jid_column IS NULL AND host IS NULL
                     WHEN 'username' THEN num_nonnulls(username_column, host) = 2
                                          AND num_nonnulls(host_column, jid_column) = 0
                     WHEN 'jid'      THEN jid_column IS NOT NULL
                                          AND num_nonnulls(host_column, username_column, host) = 0
                     WHEN 'full_jid' THEN jid_column IS NOT NULL
                                          AND num_nonnulls(host_column, username_column, host) = 0
                     WHEN 'audit'    THEN jid_column IS NOT NULL
                                          AND num_nonnulls(host_column, username_column, host) = 0
                     ELSE false END),
    CONSTRAINT personal_sections_mentions_counted
        CHECK ((relation = 'mentions') = (counted_as IS NOT NULL)),
    CONSTRAINT personal_sections_erasure_known
        CHECK (erasure IN ('delete', 'anonymise', 'keep')),
    CONSTRAINT personal_sections_keeps_with_reason
        CHECK ((erasure = 'delete' AND stays_value IS NULL) OR reason <> ''),
    CONSTRAINT personal_sections_stays_whole
        CHECK (num_nonnulls(stays_column, stays_value) IN (0, 2))
);
COMMENT ON TABLE adminex.personal_sections IS
    'kinds of personal data: in which table, and how the rows of a subject are found there';
COMMENT ON COLUMN adminex.personal_sections.place IS
    'order in documents; rows are erased in the opposite order, so the account goes last';
COMMENT ON COLUMN adminex.personal_sections.backend IS
    'native: a table of this schema; own: one that was registered';
COMMENT ON COLUMN adminex.personal_sections.relation IS
    'owned: the rows are the subject''s; mentions: somebody else''s rows that name the subject';
COMMENT ON COLUMN adminex.personal_sections.matches IS
    'account: host_column and username_column; username: username_column, all on host; jid: '
    'jid_column is the bare JID; full_jid: it may have a resource; audit: jid_column holds the '
    'arguments of a command';
COMMENT ON COLUMN adminex.personal_sections.fields IS
    'of rows that only mention the subject: what is told of them beside their number';
COMMENT ON COLUMN adminex.personal_sections.counted_as IS
    'of rows that only mention the subject: what their number is called';
COMMENT ON COLUMN adminex.personal_sections.csv_view IS
    'view of schema adminex with the columns that the CSV archive has for it; NULL: the fields';
COMMENT ON COLUMN adminex.personal_sections.with_account IS
    'also erased by unregister and delete_old_users, where no foreign key does it';
COMMENT ON COLUMN adminex.personal_sections.stays_column IS
    'rows that have stays_value there stay at an erasure: somebody has yet to act on them';

CREATE TABLE adminex.personal_data (
    table_schema name             NOT NULL,
    table_name   name             NOT NULL,
    column_name  name             NOT NULL,
    personal     boolean          NOT NULL,
    category     text COLLATE "C" NOT NULL,
    whose        text COLLATE "C" NOT NULL,
    legal_basis  text             NOT NULL,
    retention    text             NOT NULL,
    access       text COLLATE "C" NOT NULL,
    portability  text COLLATE "C" NOT NULL,
    erasure      text COLLATE "C" NOT NULL,
    reason       text             NOT NULL DEFAULT '',
    field        text COLLATE "C",
    words        jsonb,
    CONSTRAINT personal_data_pkey PRIMARY KEY (table_schema, table_name, column_name),
    CONSTRAINT personal_data_category_known CHECK (
        category IN ('identity', 'credential', 'contact', 'content', 'activity', 'measure',
                     'request', 'log', 'system')),
    CONSTRAINT personal_data_whose_known CHECK (whose IN ('subject', 'third_party', 'system')),
    CONSTRAINT personal_data_access_known CHECK (access IN ('give', 'withhold')),
    CONSTRAINT personal_data_portability_known CHECK (portability IN ('give', 'withhold')),
    CONSTRAINT personal_data_erasure_known CHECK (erasure IN ('delete', 'anonymise', 'keep')),
    CONSTRAINT personal_data_keeps_with_reason
        CHECK (NOT personal OR reason <> '' OR (access = 'give' AND erasure <> 'keep')),
    CONSTRAINT personal_data_words_object CHECK (jsonb_typeof(words) = 'object')
);
COMMENT ON TABLE adminex.personal_data IS
    'what every column holds, whose it is, and what access (GDPR Art. 15), portability (Art. 20) and '
    'erasure (Art. 17) do with it';
COMMENT ON COLUMN adminex.personal_data.reason IS
    'why it is kept at erasure, or not given at access';
COMMENT ON COLUMN adminex.personal_data.field IS 'its name in documents; NULL: the column''s';
COMMENT ON COLUMN adminex.personal_data.words IS 'what its codes mean';

CREATE TABLE adminex.personal_registry (
    only_one   boolean     NOT NULL DEFAULT true,
    version    bigint      NOT NULL DEFAULT 0,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT personal_registry_pkey PRIMARY KEY (only_one),
    CONSTRAINT personal_registry_only_one CHECK (only_one)
);
COMMENT ON TABLE adminex.personal_registry IS
    'the version of the registry: raised by every change of it, named in every document';
INSERT INTO adminex.personal_registry DEFAULT VALUES;

-- With its owner's rights: who may change the registry need not be able to set its version.
CREATE FUNCTION adminex.personal_registry_changed() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE adminex.personal_registry SET version = version + 1, changed_at = now();
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION adminex.personal_registry_changed() IS 'raises the version of the registry';
REVOKE ALL ON FUNCTION adminex.personal_registry_changed() FROM PUBLIC;
CREATE TRIGGER personal_sections_changed AFTER INSERT OR UPDATE OR DELETE ON adminex.personal_sections
    FOR EACH ROW EXECUTE FUNCTION adminex.personal_registry_changed();
CREATE TRIGGER personal_sections_emptied AFTER TRUNCATE ON adminex.personal_sections
    FOR EACH STATEMENT EXECUTE FUNCTION adminex.personal_registry_changed();
CREATE TRIGGER personal_data_changed AFTER INSERT OR UPDATE OR DELETE ON adminex.personal_data
    FOR EACH ROW EXECUTE FUNCTION adminex.personal_registry_changed();
CREATE TRIGGER personal_data_emptied AFTER TRUNCATE ON adminex.personal_data
    FOR EACH STATEMENT EXECUTE FUNCTION adminex.personal_registry_changed();

-- ---- holds, erasures that are due, names that may not come back -------------------------------

CREATE TABLE adminex.legal_holds (
    host     text COLLATE "C" NOT NULL,
    username text COLLATE "C" NOT NULL,
    reason   text             NOT NULL,
    held_by  text             NOT NULL,
    held_at  timestamptz      NOT NULL DEFAULT now(),
    CONSTRAINT legal_holds_pkey PRIMARY KEY (host, username),
    -- No foreign key: what is left of an account can be held, too.
    CONSTRAINT legal_holds_host_length CHECK (octet_length(host) BETWEEN 1 AND 1023),
    CONSTRAINT legal_holds_username_length CHECK (octet_length(username) BETWEEN 1 AND 1023),
    CONSTRAINT legal_holds_reason_given CHECK (reason <> '')
);
COMMENT ON TABLE adminex.legal_holds IS
    'whose data must be kept (GDPR Art. 17(3)(e), 18): meanwhile nothing erases it or removes the '
    'account';

CREATE TABLE adminex.pending_erasures (
    host     text COLLATE "C" NOT NULL,
    username text COLLATE "C" NOT NULL,
    due_at   timestamptz      NOT NULL,
    asked_by text             NOT NULL,
    asked_at timestamptz      NOT NULL DEFAULT now(),
    tried_at timestamptz,
    failure  text             NOT NULL DEFAULT '',
    CONSTRAINT pending_erasures_pkey PRIMARY KEY (host, username),
    CONSTRAINT pending_erasures_host_length CHECK (octet_length(host) BETWEEN 1 AND 1023),
    CONSTRAINT pending_erasures_username_length CHECK (octet_length(username) BETWEEN 1 AND 1023)
);
CREATE INDEX pending_erasures_due_at ON adminex.pending_erasures (due_at);
COMMENT ON TABLE adminex.pending_erasures IS
    'erasures within their time of grace: the daemon carries them out when they are due. They stay '
    'when the account is removed before: what is left of it is still to be erased';
COMMENT ON COLUMN adminex.pending_erasures.asked_at IS
    'an account that was made later is somebody else''s, and not erased';
COMMENT ON COLUMN adminex.pending_erasures.failure IS
    'why the last try failed; it is tried again';

CREATE TABLE adminex.tombstones (
    subject   bytea       NOT NULL,
    erased_at timestamptz NOT NULL DEFAULT now(),
    until     timestamptz NOT NULL,
    CONSTRAINT tombstones_pkey PRIMARY KEY (subject),
    CONSTRAINT tombstones_subject_length CHECK (octet_length(subject) = 32),
    CONSTRAINT tombstones_until_later CHECK (until > erased_at)
);
CREATE INDEX tombstones_until ON adminex.tombstones (until);
COMMENT ON TABLE adminex.tombstones IS
    'erased accounts whose name may not be registered again for a time, by keyed hash';

ALTER TABLE adminex.outbox
    DROP CONSTRAINT outbox_kind_known,
    ADD CONSTRAINT outbox_kind_known
        CHECK (kind IN ('kick', 'presence', 'message', 'stanza', 'roster', 'account_removed',
                        'unsubscribe'));
COMMENT ON COLUMN adminex.outbox.payload IS
    'kick: resource (absent: all), reason; presence and stanza: resource, stanza (XML); '
    'message: stanza; roster: jids that changed (absent: read it anew); '
    'account_removed: contacts that had a subscription; '
    'unsubscribe: stanzas (XML) to route to this contact of an account that was erased';

-- ---- whom a row of the audit log is about -----------------------------------------------------

-- The bare JIDs that the arguments of a command name.
CREATE FUNCTION adminex.audit_subjects(arguments jsonb) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT array_remove(ARRAY[
        (arguments ->> 'user') || '@' || coalesce(arguments ->> 'host', arguments ->> 'server'),
        (arguments ->> 'localuser') || '@' || (arguments ->> 'localserver'),
        (arguments ->> 'username') || '@' || (arguments ->> 'domain'),
        split_part(arguments ->> 'from', '/', 1),
        split_part(arguments ->> 'to', '/', 1)], NULL)
$$;
COMMENT ON FUNCTION adminex.audit_subjects(jsonb) IS 'the bare JIDs that an audit row names';

-- The arguments with another name in the place of that JID, and without its resource.
CREATE FUNCTION adminex.audit_without(arguments jsonb, jid text, pseudonym text) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT coalesce(jsonb_object_agg(a.key, CASE
               WHEN a.key IN ('user', 'resource')
                    AND (arguments ->> 'user') || '@'
                        || coalesce(arguments ->> 'host', arguments ->> 'server') = jid
               THEN to_jsonb(CASE a.key WHEN 'user' THEN pseudonym ELSE '' END)
               WHEN a.key = 'localuser'
                    AND (arguments ->> 'localuser') || '@' || (arguments ->> 'localserver') = jid
               THEN to_jsonb(pseudonym)
               WHEN a.key = 'username'
                    AND (arguments ->> 'username') || '@' || (arguments ->> 'domain') = jid
               THEN to_jsonb(pseudonym)
               WHEN a.key IN ('from', 'to') AND split_part(arguments ->> a.key, '/', 1) = jid
               THEN to_jsonb(pseudonym || '@' || split_part(jid, '@', -1))
               ELSE a.value END), '{}')
      FROM jsonb_each(arguments) AS a
$$;
COMMENT ON FUNCTION adminex.audit_without(jsonb, text, text) IS
    'the arguments of an audit row with a pseudonym in the place of a JID';

CREATE INDEX audit_log_subjects ON adminex.audit_log USING gin (adminex.audit_subjects(arguments));
-- A sender is text of any length, of which a hash index keeps four bytes.
CREATE INDEX offline_messages_sender ON adminex.offline_messages
    USING hash (split_part(sender, '/', 1));

-- ---- what the CSV archive of mongooseimctl had ------------------------------------------------

CREATE VIEW adminex.csv_vcard AS
SELECT host, username, username || '@' || host AS jid, vcard
  FROM adminex.vcards;
CREATE VIEW adminex.csv_roster AS
SELECT host, username, jid, nick AS name,
       CASE subscription WHEN 'T' THEN 'to' WHEN 'F' THEN 'from' WHEN 'B' THEN 'both'
                         ELSE 'none' END AS subscription,
       CASE ask WHEN 'O' THEN 'out' WHEN 'I' THEN 'in' WHEN 'B' THEN 'both'
                WHEN 'S' THEN 'subscribe' WHEN 'U' THEN 'unsubscribe' ELSE 'none' END AS ask,
       array_to_string(groups, ', ') AS groups, ask_message AS askmessage, '' AS xs
  FROM adminex.roster_items
 ORDER BY host, username, roster_items.jid;
CREATE VIEW adminex.csv_private AS
SELECT host, username, xmlns AS ns, data AS xml
  FROM adminex.private_storage
 ORDER BY host, username, xmlns;
CREATE VIEW adminex.csv_logs AS
SELECT arguments,
       to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') || ' ' || command || ' '
       || arguments::text || ' ' || outcome AS line
  FROM adminex.audit_log
 ORDER BY id;
CREATE VIEW adminex.csv_offline AS
SELECT host, username,
       to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS timestamp,
       sender AS "from", username || '@' || host AS "to", packet
  FROM adminex.offline_messages
 ORDER BY host, username, id;

-- ---- the registry and the live catalogue ------------------------------------------------------

-- Each section with its table as it is now: names come from pg_catalog, never from the registry.
-- In `condition`, t is the table and s a row (host, username, jid); `erased` is the same of what an
-- erasure concerns, `stays` of what it leaves for a while. What is the subject's own does not count as
-- a mention: who has a message from himself has it once.
CREATE VIEW adminex.personal_live WITH (security_invoker = true) AS
WITH live AS (
SELECT s.section, s.place, s.backend, s.relation, s.matches, s.fields, s.counted_as, s.csv_view,
       s.file_name, s.erasure, s.reason, s.with_account, c.oid AS relid,
       n.nspname AS table_schema, c.relname AS table_name,
       CASE WHEN c.oid IS NOT NULL THEN format('%I.%I', n.nspname, c.relname) END AS relname,
       h.attname AS host_column, u.attname AS username_column, j.attname AS jid_column,
       CASE WHEN s.stays_column IS NULL THEN ''
            WHEN y.attname IS NOT NULL THEN format('t.%I = %L', y.attname, s.stays_value)
       END AS stays,
       CASE WHEN s.matches = 'account' AND num_nonnulls(h.attname, u.attname) = 2
            THEN format('t.%I = s.host AND t.%I = s.username', h.attname, u.attname)
            WHEN s.matches = 'username' AND u.attname IS NOT NULL
            THEN format('t.%I = s.username AND s.host = %L', u.attname, s.host)
            WHEN j.attname IS NULL THEN NULL
            WHEN s.matches = 'jid' THEN format('t.%I = s.jid', j.attname)
            WHEN s.matches = 'full_jid' THEN format('split_part(t.%I, ''/'', 1) = s.jid', j.attname)
            WHEN s.matches = 'audit'
            THEN format('adminex.audit_subjects(t.%I) @> ARRAY[s.jid]', j.attname)
       END AS condition
  FROM adminex.personal_sections AS s
  LEFT JOIN pg_catalog.pg_namespace AS n ON n.nspname = s.table_schema
  LEFT JOIN pg_catalog.pg_class AS c
    ON c.relnamespace = n.oid AND c.relname = s.table_name AND c.relkind IN ('r', 'p', 'f')
  LEFT JOIN pg_catalog.pg_attribute AS h
    ON h.attrelid = c.oid AND h.attname = s.host_column AND h.attnum > 0 AND NOT h.attisdropped
  LEFT JOIN pg_catalog.pg_attribute AS u
    ON u.attrelid = c.oid AND u.attname = s.username_column AND u.attnum > 0 AND NOT u.attisdropped
  LEFT JOIN pg_catalog.pg_attribute AS j
    ON j.attrelid = c.oid AND j.attname = s.jid_column AND j.attnum > 0 AND NOT j.attisdropped
  LEFT JOIN pg_catalog.pg_attribute AS y
    ON y.attrelid = c.oid AND y.attname = s.stays_column AND y.attnum > 0 AND NOT y.attisdropped
),
whole AS (
SELECT l.section,
       l.condition
       || coalesce((SELECT string_agg(format(' AND (%s) IS NOT TRUE', o.condition), ''
                                      ORDER BY o.place)
                      FROM live AS o
                     WHERE l.relation = 'mentions' AND o.relation = 'owned'
                       AND o.relid = l.relid), '') AS condition
  FROM live AS l
)
SELECT l.section, l.place, l.backend, l.relation, l.matches, l.fields, l.counted_as, l.csv_view,
       l.file_name, l.erasure, l.reason, l.with_account, l.relid, l.table_schema, l.table_name,
       l.relname, l.host_column, l.username_column, l.jid_column, w.condition,
       CASE l.stays WHEN '' THEN w.condition
                    ELSE w.condition || ' AND (' || l.stays || ') IS NOT TRUE' END AS erased,
       CASE WHEN l.stays <> '' THEN w.condition || ' AND ' || l.stays END AS stays
  FROM live AS l
  JOIN whole AS w USING (section);
COMMENT ON VIEW adminex.personal_live IS 'the sections of the registry with their tables as they are';

-- What a document has of each section: its columns as SQL, text each, with their names and what they
-- are in JSON. form: json or csv. Rows that only mention the subject are counted.
CREATE FUNCTION adminex.personal_fields(scope text, form text)
    RETURNS TABLE (section text, fields text[], kinds text[], expressions text[])
    LANGUAGE sql STABLE
    SET search_path = pg_catalog
AS $$
    WITH columns AS (
        SELECT l.section, a.attnum, l.relation,
               coalesce(CASE WHEN v.oid IS NULL THEN d.field END, a.attname) AS field,
               a.attname, a.atttypid, t.typcategory,
               CASE WHEN v.oid IS NULL THEN d.words END AS words
          FROM adminex.personal_live AS l
          LEFT JOIN pg_class AS v
            ON form = 'csv' AND v.relname = l.csv_view AND v.relkind = 'v'
               AND v.relnamespace = 'adminex'::regnamespace
          JOIN pg_attribute AS a
            ON a.attrelid = coalesce(v.oid, l.relid) AND a.attnum > 0 AND NOT a.attisdropped
          JOIN pg_type AS t ON t.oid = a.atttypid
          LEFT JOIN adminex.personal_data AS d
            ON d.table_schema = l.table_schema AND d.table_name = l.table_name
               AND d.column_name = a.attname
         WHERE a.attname NOT IN (coalesce(l.host_column, ''), coalesce(l.username_column, ''),
                                 CASE WHEN l.matches = 'jid' OR v.oid IS NOT NULL
                                      THEN coalesce(l.jid_column, '') ELSE '' END)
           AND (l.relation = 'owned'
                OR (scope <> 'portability' AND a.attname = ANY (l.fields)))
           AND (v.oid IS NOT NULL
                OR (d.access = 'give' AND (scope <> 'portability' OR d.portability = 'give')))
    ),
    written AS (
        SELECT section, attnum, field,
               CASE WHEN words IS NOT NULL OR form = 'csv' THEN 'text'
                    WHEN atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
                    THEN 'number'
                    WHEN atttypid = 'bool'::regtype THEN 'boolean'
                    WHEN atttypid IN ('json'::regtype, 'jsonb'::regtype) OR typcategory = 'A'
                    THEN 'json'
                    ELSE 'text' END AS kind,
               CASE WHEN words IS NOT NULL
                    THEN format('coalesce(%L::jsonb ->> t.%I::text, t.%I::text)', words, attname,
                                attname)
                    WHEN atttypid = 'timestamptz'::regtype
                    THEN format($f$to_char(t.%I AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')$f$,
                                attname)
                    WHEN atttypid = 'timestamp'::regtype
                    THEN format($f$to_char(t.%I, 'YYYY-MM-DD"T"HH24:MI:SS')$f$, attname)
                    WHEN atttypid = 'bytea'::regtype THEN format($f$encode(t.%I, 'base64')$f$, attname)
                    WHEN atttypid = 'inet'::regtype THEN format('abbrev(t.%I)', attname)
                    WHEN typcategory = 'A' THEN format('array_to_json(t.%I)::text', attname)
                    ELSE format('t.%I::text', attname) END AS expression
          FROM columns
    ),
    counted AS (
        SELECT section, attnum, field, kind, expression FROM written
         UNION ALL
        SELECT s.section, 32767, s.counted_as, 'number', 'count(*)::text'
          FROM adminex.personal_sections AS s
         WHERE s.relation = 'mentions' AND scope <> 'portability'
    )
    SELECT section, array_agg(field ORDER BY attnum), array_agg(kind ORDER BY attnum),
           array_agg(expression ORDER BY attnum)
      FROM counted
     GROUP BY section
$$;
COMMENT ON FUNCTION adminex.personal_fields(text, text) IS
    'what a document has of each section, as SQL made from the live catalogue';

-- The sections as a document has them, with what keeps one from being there, and whether that may
-- pass without a change of the registry. scope: access or portability; form: json or csv.
CREATE FUNCTION adminex.personal_contents(scope text, form text)
    RETURNS TABLE (place integer, section text, unavailable text, passing boolean,
                   legal_basis text, retention text, file_name text, fields text[], kinds text[],
                   relname text, condition text, relation text, expressions text[], keys text)
    LANGUAGE sql STABLE
    SET search_path = pg_catalog
AS $$
    SELECT l.place, l.section,
           CASE WHEN l.relid IS NULL THEN 'the table is not there'
                WHEN l.condition IS NULL THEN 'the columns that name the subject are not there'
                -- Of adminex's own tables that is for the statement to say: nobody gets half of them.
                WHEN l.backend = 'own' AND (NOT has_schema_privilege(l.table_schema, 'USAGE')
                                            OR NOT has_table_privilege(l.relid, 'SELECT'))
                THEN format('role %s may not read it', current_user)
                WHEN f.section IS NULL AND scope = 'portability'
                THEN 'not part of portability (Art. 20): the subject did not provide it'
                WHEN f.section IS NULL THEN coalesce(nullif(d.reason, ''), 'nothing of it is given')
           END,
           l.condition IS NULL
               OR (l.backend = 'own' AND (NOT has_schema_privilege(l.table_schema, 'USAGE')
                                          OR NOT has_table_privilege(l.relid, 'SELECT'))),
           coalesce(d.legal_basis, ''), coalesce(d.retention, ''), l.file_name,
           coalesce(f.fields, '{}'), coalesce(f.kinds, '{}'),
           CASE WHEN v.oid IS NULL THEN l.relname ELSE format('adminex.%I', v.relname) END,
           l.condition, l.relation, f.expressions,
           CASE WHEN v.oid IS NULL
                THEN (SELECT string_agg(format('t.%I', a.attname), ', '
                                        ORDER BY array_position(i.indkey::int2[], a.attnum))
                        FROM pg_index AS i
                        JOIN pg_attribute AS a
                          ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
                       WHERE i.indrelid = l.relid AND i.indisprimary)
           END
      FROM adminex.personal_live AS l
      LEFT JOIN adminex.personal_fields(scope, form) AS f ON f.section = l.section
      LEFT JOIN pg_class AS v
        ON form = 'csv' AND v.relname = l.csv_view AND v.relkind = 'v'
           AND v.relnamespace = 'adminex'::regnamespace
      LEFT JOIN LATERAL (
               SELECT string_agg(DISTINCT p.legal_basis, '; ') AS legal_basis,
                      string_agg(DISTINCT p.retention, '; ') AS retention,
                      string_agg(DISTINCT p.reason, '; ') AS reason
                 FROM adminex.personal_data AS p
                WHERE p.table_schema = l.table_schema AND p.table_name = l.table_name
                  AND p.personal
           ) AS d ON true
     ORDER BY l.place
$$;
COMMENT ON FUNCTION adminex.personal_contents(text, text) IS
    'the sections that a document has, and why others are not in it';

-- The statement that reads all of a subject, in the order of the document: which section, and the
-- record as an array of texts. Its parameters are host, username and bare JID.
CREATE FUNCTION adminex.personal_query(scope text, form text) RETURNS text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog
AS $$
    SELECT coalesce(string_agg(
               format(E'(SELECT %s AS section, ARRAY[%s]::text[] AS record\n'
                      '   FROM (SELECT $1::text AS host, $2::text AS username, $3::text AS jid) AS s\n'
                      '   JOIN %s AS t ON %s%s)',
                      c.place, array_to_string(c.expressions, ', '), c.relname, c.condition,
                      CASE WHEN c.relation = 'mentions' AND cardinality(c.expressions) > 1
                           THEN format(E'\n  GROUP BY %s ORDER BY %1$s', array_to_string(
                                    c.expressions[:cardinality(c.expressions) - 1], ', '))
                           WHEN c.relation = 'mentions' THEN E'\n HAVING count(*) > 0'
                           WHEN c.keys IS NOT NULL THEN E'\n  ORDER BY ' || c.keys
                           ELSE '' END),
               E'\nUNION ALL\n' ORDER BY c.place),
           'SELECT 0, NULL::text[] WHERE num_nonnulls($1::text, $2::text, $3::text) < 0')
      FROM adminex.personal_contents(scope, form) AS c
     WHERE c.unavailable IS NULL
$$;
COMMENT ON FUNCTION adminex.personal_query(text, text) IS
    'the statement that reads all data of a subject, made from the registry and the live catalogue';

-- ---- erasure ----------------------------------------------------------------------------------

-- A presence stanza without content, to be routed (RFC 6121, section 3). JIDs may hold what XML does
-- not.
CREATE FUNCTION adminex.presence_stanza(type text, sender text, receiver text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT format('<presence xmlns=''jabber:client'' type=''%s'' from=''%s'' to=''%s''/>', type,
                  replace(replace(replace(sender, '&', '&amp;'), '<', '&lt;'), '''', '&apos;'),
                  replace(replace(replace(receiver, '&', '&amp;'), '<', '&lt;'), '''', '&apos;'))
$$;
COMMENT ON FUNCTION adminex.presence_stanza(text, text, text) IS 'a presence stanza to be routed';

-- What the XMPP server is to be told of subjects that are erased, to be asked before: a row of the
-- outbox for each contact whose subscriptions end, and for each owner of a roster they are in, which
-- is to be read anew. What somebody has with himself needs no farewell.
CREATE FUNCTION adminex.personal_farewells(hosts text[], usernames text[])
    RETURNS TABLE (host text, username text, kind text, payload jsonb)
    LANGUAGE sql STABLE
    SET search_path = pg_catalog
AS $$
    WITH subjects AS (
        SELECT s.host, s.username, s.username || '@' || s.host AS jid
          FROM unnest(hosts, usernames) AS s(host, username)
    ),
    contacts AS (
        SELECT s.jid AS subject, r.jid AS contact,
               r.subscription IN ('T', 'B') OR r.ask IN ('O', 'B', 'S') AS subscribed,
               r.subscription IN ('F', 'B') OR r.ask IN ('I', 'B') AS approved
          FROM subjects AS s
          JOIN adminex.roster_items AS r USING (host, username)
         WHERE r.jid <> s.jid
    )
    SELECT split_part(c.contact, '@', -1), split_part('@' || c.contact, '@', -2), 'unsubscribe',
           jsonb_build_object('stanzas', array_remove(ARRAY[
               CASE WHEN c.subscribed
                    THEN adminex.presence_stanza('unsubscribe', c.subject, c.contact) END,
               CASE WHEN c.approved
                    THEN adminex.presence_stanza('unsubscribed', c.subject, c.contact) END],
               NULL))
      FROM contacts AS c
     WHERE c.subscribed OR c.approved
     UNION ALL
    SELECT r.host, r.username, 'roster', jsonb_build_object('jids', jsonb_build_array(r.jid))
      FROM subjects AS s
      JOIN adminex.roster_items AS r ON r.jid = s.jid
     WHERE (r.host, r.username) <> (s.host, s.username)
$$;
COMMENT ON FUNCTION adminex.personal_farewells(text[], text[]) IS
    'what the XMPP server is told of subjects that are erased';

-- What takes the place of the values that are to be anonymised, as the SET of an UPDATE; NULL when
-- there are none. A column that cannot be emptied is named by gdpr_audit.
CREATE FUNCTION adminex.personal_masks(section text) RETURNS text
    LANGUAGE sql STABLE
    SET search_path = pg_catalog
AS $$
    SELECT string_agg(format(CASE
               WHEN l.matches = 'audit' AND a.attname = l.jid_column
               THEN '%1$I = adminex.audit_without(t.%1$I, s.jid, s.pseudonym)'
               WHEN a.attname = l.jid_column THEN '%1$I = s.pseudonym || ''@erased.invalid'''
               WHEN a.attname = l.username_column THEN '%1$I = s.pseudonym'
               WHEN NOT a.attnotnull THEN '%1$I = NULL'
               ELSE '%1$I = ''''' END, a.attname), ', ' ORDER BY a.attnum)
      FROM adminex.personal_live AS l
      JOIN pg_attribute AS a ON a.attrelid = l.relid AND a.attnum > 0 AND NOT a.attisdropped
      JOIN adminex.personal_data AS d
        ON d.table_schema = l.table_schema AND d.table_name = l.table_name
           AND d.column_name = a.attname
     WHERE l.section = personal_masks.section AND d.erasure = 'anonymise'
$$;
COMMENT ON FUNCTION adminex.personal_masks(text) IS 'how an UPDATE anonymises the rows of a section';

-- Refuses a section that cannot be erased whole: a plan is not to promise what will not be done.
CREATE FUNCTION adminex.personal_check(l adminex.personal_live) RETURNS void
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog
AS $$
DECLARE
    fault text;
BEGIN
    IF l.erased IS NULL THEN
        fault := 'names columns that are not there';
    ELSIF l.erasure = 'anonymise' AND adminex.personal_masks(l.section) IS NULL THEN
        fault := 'anonymises, but no column is classed so';
    ELSIF l.erasure = 'anonymise' THEN
        SELECT format('has column %I, which is not classed', a.attname)
          INTO fault
          FROM pg_attribute AS a
         WHERE a.attrelid = l.relid AND a.attnum > 0 AND NOT a.attisdropped
           AND NOT EXISTS (SELECT FROM adminex.personal_data AS d
                            WHERE d.table_schema = l.table_schema
                              AND d.table_name = l.table_name AND d.column_name = a.attname)
         ORDER BY a.attnum
         LIMIT 1;
    END IF;
    IF fault IS NOT NULL THEN
        RAISE EXCEPTION 'section % of the privacy registry (table %) %', l.section, l.relname, fault
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'see adminex gdpr_audit';
    END IF;
END
$$;
COMMENT ON FUNCTION adminex.personal_check(adminex.personal_live) IS
    'refuses a section that cannot be erased whole';

-- What erasing a subject would do, section by section. A table that is gone holds nothing.
CREATE FUNCTION adminex.personal_plan(host text, username text)
    RETURNS TABLE (section text, table_name text, action text, rows bigint, reason text)
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog
AS $$
DECLARE
    counting CONSTANT text := 'SELECT count(*)'
        '  FROM (SELECT $1 AS host, $2 AS username, $3 AS jid) AS s JOIN %s AS t ON %s';
    l        adminex.personal_live;
BEGIN
    FOR l IN SELECT * FROM adminex.personal_live AS v WHERE v.relid IS NOT NULL ORDER BY v.place
    LOOP
        PERFORM adminex.personal_check(l);
        section := l.section;
        table_name := l.relname;
        action := l.erasure;
        reason := CASE WHEN l.stays IS NULL THEN l.reason ELSE '' END;
        EXECUTE format(counting, l.relname, l.erased)
           INTO rows USING host, username, username || '@' || host;
        RETURN NEXT;
        CONTINUE WHEN l.stays IS NULL;
        action := 'keep';
        reason := l.reason;
        EXECUTE format(counting, l.relname, l.stays)
           INTO rows USING host, username, username || '@' || host;
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION adminex.personal_plan(text, text) IS
    'what erasing a subject would do, section by section';

-- Erase the subjects, by the rules of the registry and with the rights of the caller: of all
-- sections, or of those that go with an account. Gives the rows of each section; one of the audit
-- log that names two of the subjects counts twice.
CREATE FUNCTION adminex.personal_erase(hosts text[], usernames text[], pseudonyms text[],
                                       only_with_account boolean)
    RETURNS TABLE (section text, rows bigint)
    LANGUAGE plpgsql
    SET search_path = pg_catalog
AS $$
DECLARE
    -- A row of the audit log names at most so many, and an UPDATE changes it for one of them.
    rounds CONSTANT integer := 5;
    subjects CONSTANT text :=
        '(SELECT u.host, u.username, u.username || ''@'' || u.host AS jid, u.pseudonym'
        '   FROM unnest($1, $2, $3) AS u(host, username, pseudonym)) AS s';
    l       adminex.personal_live;
    command text;
    changed bigint;
BEGIN
    FOR l IN SELECT * FROM adminex.personal_live AS v
              WHERE v.erasure <> 'keep' AND (v.with_account OR NOT only_with_account)
                AND v.relid IS NOT NULL
              ORDER BY v.place DESC
    LOOP
        PERFORM adminex.personal_check(l);
        section := l.section;
        rows := 0;
        command := CASE l.erasure
            WHEN 'delete'
            THEN format('DELETE FROM %s AS t USING %s WHERE %s', l.relname, subjects, l.erased)
            ELSE format('UPDATE %s AS t SET %s FROM %s WHERE %s', l.relname,
                        adminex.personal_masks(l.section), subjects, l.erased) END;
        FOR round IN 1 .. rounds LOOP
            EXECUTE command USING hosts, usernames, pseudonyms;
            GET DIAGNOSTICS changed = ROW_COUNT;
            rows := rows + changed;
            EXIT WHEN changed = 0 OR l.matches <> 'audit' OR cardinality(hosts) = 1;
        END LOOP;
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION adminex.personal_erase(text[], text[], text[], boolean) IS
    'erases subjects by the rules of the registry, with the rights of the caller';

-- ---- what this schema holds -------------------------------------------------------------------

INSERT INTO adminex.personal_sections
       (place, section, table_schema, table_name, relation, matches, host_column,
        username_column, jid_column, fields, counted_as, csv_view, file_name, erasure, reason,
        with_account)
VALUES (10, 'account', 'adminex', 'users', 'owned', 'account', 'host', 'username', NULL, '{}',
        NULL, NULL, 'account.csv', 'delete', '', false),
       (20, 'credentials', 'adminex', 'credentials', 'owned', 'account', 'host', 'username', NULL,
        '{}', NULL, NULL, 'credentials.csv', 'delete', '', false),
       (30, 'ban', 'adminex', 'bans', 'owned', 'account', 'host', 'username', NULL, '{}', NULL,
        NULL, 'ban.csv', 'delete', '', false),
       (40, 'last_activity', 'adminex', 'last_activity', 'owned', 'account', 'host', 'username',
        NULL, '{}', NULL, NULL, 'last_activity.csv', 'delete', '', false),
       (50, 'vcard', 'adminex', 'vcards', 'owned', 'account', 'host', 'username', NULL, '{}', NULL,
        'csv_vcard', 'vcard.csv', 'delete', '', false),
       (60, 'roster', 'adminex', 'roster_items', 'owned', 'account', 'host', 'username', NULL, '{}',
        NULL, 'csv_roster', 'roster.csv', 'delete', '', false),
       (70, 'roster_version', 'adminex', 'roster_versions', 'owned', 'account', 'host', 'username',
        NULL, '{}', NULL, NULL, 'roster_version.csv', 'delete', '', false),
       (80, 'other_rosters', 'adminex', 'roster_items', 'mentions', 'jid', NULL, NULL, 'jid',
        '{subscription,ask}', 'rosters', NULL, 'other_rosters.csv', 'delete', '', false),
       (90, 'private', 'adminex', 'private_storage', 'owned', 'account', 'host', 'username', NULL,
        '{}', NULL, 'csv_private', 'private.csv', 'delete', '', false),
       (100, 'offline', 'adminex', 'offline_messages', 'owned', 'account', 'host', 'username', NULL,
        '{}', NULL, 'csv_offline', 'offline.csv', 'delete', '', false),
       (110, 'sent_offline', 'adminex', 'offline_messages', 'mentions', 'full_jid', NULL, NULL,
        'sender', '{}', 'messages', NULL, 'sent_offline.csv', 'delete', '', false),
       (120, 'sessions', 'adminex', 'sessions', 'owned', 'account', 'host', 'username', NULL, '{}',
        NULL, NULL, 'sessions.csv', 'delete', '', false),
       (130, 'outbox', 'adminex', 'outbox', 'owned', 'account', 'host', 'username', NULL, '{}',
        NULL, NULL, 'outbox.csv', 'delete', '', false),
       (140, 'audit_log', 'adminex', 'audit_log', 'owned', 'audit', NULL, NULL, 'arguments', '{}',
        NULL, 'csv_logs', 'logs-{node}.txt', 'anonymise',
        'that something was done stays (Art. 5(2)), to whom does not', false),
       (150, 'requests', 'adminex', 'gdpr_subjects', 'owned', 'account', 'host', 'username', NULL,
        '{}', NULL, NULL, 'requests.csv', 'keep',
        'an open request of the subject (Art. 12(3)); goes when it is closed', false),
       (160, 'pending_erasure', 'adminex', 'pending_erasures', 'owned', 'account', 'host',
        'username', NULL, '{}', NULL, NULL, 'pending_erasure.csv', 'delete', '', false),
       (170, 'legal_hold', 'adminex', 'legal_holds', 'owned', 'account', 'host', 'username', NULL,
        '{}', NULL, NULL, 'legal_hold.csv', 'delete', '', false);

-- An XMPP server learns from such a row that it has to end the sessions of an account that is gone.
UPDATE adminex.personal_sections
   SET stays_column = 'kind', stays_value = 'account_removed',
       reason = 'ends the sessions of the account; goes when the XMPP server has done so'
 WHERE section = 'outbox';

-- Columns that are alike in all are classed together.
INSERT INTO adminex.personal_data
       (table_schema, table_name, column_name, personal, category, whose, legal_basis, retention,
        access, portability, erasure, reason)
SELECT 'adminex', c.table_name, unnest(c.names), c.personal, c.category, c.whose, c.legal_basis,
       c.retention, c.access, c.portability, c.erasure, c.reason
  FROM (VALUES
    ('users', '{host,username,created_at}'::name[], true, 'identity', 'subject',
     'Art. 6(1)(b): the account', 'as long as the account', 'give', 'give', 'delete', ''),
    ('credentials', '{host,username}', true, 'identity', 'subject', 'Art. 6(1)(b): the account',
     'as long as the account', 'give', 'withhold', 'delete', ''),
    ('credentials', '{mechanism,iterations,set_at}', true, 'credential', 'subject',
     'Art. 6(1)(b): the account', 'until the password is changed', 'give', 'withhold', 'delete', ''),
    ('credentials', '{plain,salt,stored_key,server_key}', true, 'credential', 'subject',
     'Art. 6(1)(b): the account', 'until the password is changed', 'withhold', 'withhold', 'delete',
     'a secret: that it is set is told, not what it is (Art. 32)'),
    ('bans', '{host,username,reason,banned_at}', true, 'measure', 'subject',
     'Art. 6(1)(f): protection of the service', 'until it is lifted', 'give', 'withhold', 'delete',
     ''),
    ('bans', '{banned_by}', true, 'measure', 'third_party',
     'Art. 6(1)(f): protection of the service', 'until it is lifted', 'withhold', 'withhold',
     'delete', 'an operator, who is not the subject (Art. 15(4))'),
    ('last_activity', '{host,username,last_at,status}', true, 'activity', 'subject',
     'Art. 6(1)(b): the account', 'until the next connection', 'give', 'give', 'delete', ''),
    ('roster_items', '{host,username,nick,subscription,ask,groups}', true, 'contact', 'subject',
     'Art. 6(1)(b): the account', 'until the subject removes it', 'give', 'give', 'delete', ''),
    ('roster_items', '{jid,ask_message}', true, 'contact', 'third_party',
     'Art. 6(1)(b): the account', 'until the subject removes it', 'give', 'give', 'delete', ''),
    ('roster_versions', '{host,username,version}', true, 'contact', 'subject',
     'Art. 6(1)(b): the account', 'as long as the account', 'give', 'withhold', 'delete', ''),
    ('vcards', '{host,username,vcard,updated_at}', true, 'content', 'subject',
     'Art. 6(1)(b): the account', 'until the subject changes it', 'give', 'give', 'delete', ''),
    ('vcards',
     '{fn,family,given,middle,nickname,bday,ctry,locality,email,orgname,orgunit}', true, 'content',
     'subject', 'Art. 6(1)(b): the account', 'until the subject changes it', 'withhold', 'withhold',
     'delete', 'a copy of what is in the card, for searching'),
    ('private_storage', '{host,username,xmlns,data}', true, 'content', 'subject',
     'Art. 6(1)(b): the account', 'until the subject changes it', 'give', 'give', 'delete', ''),
    ('offline_messages', '{host,username,created_at,packet}', true, 'content', 'subject',
     'Art. 6(1)(b): the account', 'until it is delivered', 'give', 'withhold', 'delete', ''),
    ('offline_messages', '{sender}', true, 'content', 'third_party', 'Art. 6(1)(b): the account',
     'until it is delivered', 'give', 'withhold', 'delete', ''),
    ('sessions', '{host,username,resource,priority,show,status,connection,ip,port,connected_at}',
     true, 'activity', 'subject', 'Art. 6(1)(b): the account', 'as long as it is connected', 'give',
     'withhold', 'delete', ''),
    ('sessions', '{node}', false, 'system', 'system', '', '', 'give', 'withhold', 'delete', ''),
    ('outbox', '{host,username,kind,payload,created_at}', true, 'log', 'subject',
     'Art. 6(1)(b): the account', 'until the XMPP server has acted on it', 'give', 'withhold',
     'delete', ''),
    ('audit_log', '{at,command,rows,outcome}', true, 'log', 'subject',
     'Art. 6(1)(f) and 5(2): accountability', 'until the audit log is pruned', 'give', 'withhold',
     'keep', 'says nothing about anybody once the name is gone'),
    ('audit_log', '{arguments}', true, 'log', 'subject', 'Art. 6(1)(f) and 5(2): accountability',
     'until the audit log is pruned', 'give', 'withhold', 'anonymise', ''),
    ('audit_log', '{actor,db_role,face,request_id}', true, 'log', 'third_party',
     'Art. 6(1)(f) and 5(2): accountability', 'until the audit log is pruned', 'withhold',
     'withhold', 'keep', 'an operator, who is not the subject (Art. 15(4))'),
    ('gdpr_subjects',
     (SELECT array_agg(a.attname) FROM pg_catalog.pg_attribute AS a
       WHERE a.attrelid = 'adminex.gdpr_subjects'::regclass AND a.attnum > 0
         AND NOT a.attisdropped), true, 'request', 'subject',
     'Art. 6(1)(c) and 12: answering the request', 'until the request is closed', 'give',
     'withhold', 'keep', 'an open request of the subject (Art. 12(3)); goes when it is closed'),
    ('gdpr_ledger',
     (SELECT array_agg(a.attname) FROM pg_catalog.pg_attribute AS a
       WHERE a.attrelid = 'adminex.gdpr_ledger'::regclass AND a.attnum > 0
         AND NOT a.attisdropped), true, 'request', 'system',
     'Art. 6(1)(c) and 5(2): accountability', 'as long as claims are possible', 'withhold',
     'withhold', 'keep', 'no name is in it: a keyed hash, words, dates and digests (Art. 5(2))'),
    ('pending_erasures', '{host,username,due_at,asked_at}', true, 'request', 'subject',
     'Art. 6(1)(c) and 17: erasing it', 'until it is carried out or cancelled', 'give', 'withhold',
     'delete', ''),
    ('pending_erasures', '{asked_by,tried_at,failure}', true, 'request', 'third_party',
     'Art. 6(1)(c) and 17: erasing it', 'until it is carried out or cancelled', 'withhold',
     'withhold', 'delete', 'an operator, who is not the subject (Art. 15(4))'),
    ('legal_holds', '{host,username,held_at}', true, 'measure', 'subject',
     'Art. 6(1)(c) and 17(3)(e): legal claims', 'until it is released', 'give', 'withhold', 'delete',
     ''),
    ('legal_holds', '{reason,held_by}', true, 'measure', 'third_party',
     'Art. 6(1)(c) and 17(3)(e): legal claims', 'until it is released', 'withhold', 'withhold',
     'delete', 'legal claims of others (Art. 15(4), 23)'),
    ('tombstones', '{subject,erased_at,until}', true, 'identity', 'system',
     'Art. 6(1)(f): nobody takes over the name', 'until the time in it has come', 'withhold',
     'withhold', 'keep', 'a keyed hash: who has no key cannot tell whose it is'),
    ('idempotency_keys', '{caller,key,http_status,created_at,expires_at}', true, 'log',
     'third_party', 'Art. 6(1)(f): no request is done twice', 'http.keep_replies, a day by default',
     'withhold', 'withhold', 'keep', 'an operator''s, and forgotten within a day by default'),
    ('idempotency_keys', '{reply,hmac}', true, 'log', 'third_party',
     'Art. 6(1)(f): no request is done twice', 'http.keep_replies, a day by default', 'withhold',
     'withhold', 'keep', 'what an operator was answered; forgotten within a day by default'),
    ('tokens', '{id,label,digest,role,hosts,created_by,created_at,expires_at,revoked_at}', true,
     'system', 'third_party', 'Art. 6(1)(f): who may administer', 'as long as the audit log names it',
     'withhold', 'withhold', 'keep', 'an operator''s, who is not the subject'),
    ('batch_runs',
     '{run_id,input_sha256,actor,last_line,failed,started_at,updated_at,finished_at}', false,
     'system', 'system', '', '', 'withhold', 'withhold', 'keep', ''),
    ('offline_messages', '{id}', false, 'system', 'system', '', '', 'withhold', 'withhold', 'delete',
     ''),
    ('outbox', '{id}', false, 'system', 'system', '', '', 'withhold', 'withhold', 'delete', ''),
    ('audit_log', '{id}', false, 'system', 'system', '', '', 'withhold', 'withhold', 'keep', ''),
    ('hosts', '{host,created_at}', false, 'system', 'system', '', '', 'withhold', 'withhold', 'keep',
     ''),
    ('nodes', '{node,created_at}', false, 'system', 'system', '', '', 'withhold', 'withhold', 'keep',
     ''),
    ('daemons', '{id,version,started_at,beat_at,registered_txid}', false, 'system', 'system', '', '',
     'withhold', 'withhold', 'keep', ''),
    ('schema_migrations',
     (SELECT array_agg(a.attname) FROM pg_catalog.pg_attribute AS a
       WHERE a.attrelid = 'adminex.schema_migrations'::regclass AND a.attnum > 0
         AND NOT a.attisdropped), false, 'system', 'system', '', '', 'withhold', 'withhold', 'keep',
     ''),
    ('personal_sections',
     (SELECT array_agg(a.attname) FROM pg_catalog.pg_attribute AS a
       WHERE a.attrelid = 'adminex.personal_sections'::regclass AND a.attnum > 0), false, 'system',
     'system', '', '', 'withhold', 'withhold', 'keep', ''),
    ('personal_data',
     (SELECT array_agg(a.attname) FROM pg_catalog.pg_attribute AS a
       WHERE a.attrelid = 'adminex.personal_data'::regclass AND a.attnum > 0), false, 'system',
     'system', '', '', 'withhold', 'withhold', 'keep', ''),
    ('personal_registry', '{only_one,version,changed_at}', false, 'system', 'system', '', '',
     'withhold', 'withhold', 'keep', '')
  ) AS c(table_name, names, personal, category, whose, legal_basis, retention, access, portability,
         erasure, reason);

-- Names and words as documents have had them.
UPDATE adminex.personal_data AS d
   SET field = w.field, words = w.words::jsonb
  FROM (VALUES
    ('roster_items', 'nick', 'name', NULL),
    ('roster_items', 'ask_message', 'askmessage', NULL),
    ('roster_items', 'subscription', NULL, '{"N": "none", "T": "to", "F": "from", "B": "both"}'),
    ('roster_items', 'ask', NULL, '{"N": "none", "O": "out", "I": "in", "B": "both",
                                    "S": "subscribe", "U": "unsubscribe"}'),
    ('private_storage', 'xmlns', 'ns', NULL),
    ('private_storage', 'data', 'xml', NULL),
    ('offline_messages', 'created_at', 'timestamp', NULL),
    ('offline_messages', 'sender', 'from', NULL)
  ) AS w(table_name, column_name, field, words)
 WHERE d.table_schema = 'adminex' AND d.table_name = w.table_name
   AND d.column_name = w.column_name;

-- ---- privileges -------------------------------------------------------------------------------

-- The privileges of the tables before these are granted as they were.
ALTER FUNCTION adminex.grant_roles() RENAME TO grant_roles_0007;

CREATE FUNCTION adminex.grant_roles() RETURNS text[]
    LANGUAGE plpgsql
    SET search_path = pg_catalog
AS $$
DECLARE
    missing CONSTANT text[] := adminex.grant_roles_0007();
BEGIN
    IF 'adminex_reader' <> ALL (missing) THEN
        GRANT SELECT ON adminex.personal_sections, adminex.personal_data,
            adminex.personal_registry, adminex.personal_live
            TO adminex_reader;
    END IF;
    IF 'adminex_operator' <> ALL (missing) THEN
        GRANT SELECT ON adminex.personal_sections, adminex.personal_data,
            adminex.personal_registry, adminex.personal_live, adminex.csv_vcard,
            adminex.csv_roster, adminex.csv_private, adminex.csv_offline, adminex.csv_logs, adminex.legal_holds,
            adminex.tombstones
            TO adminex_operator;
        GRANT SELECT ON adminex.pending_erasures TO adminex_operator;
    END IF;
    IF 'adminex_admin' <> ALL (missing) THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON adminex.personal_sections, adminex.personal_data,
            adminex.legal_holds, adminex.pending_erasures, adminex.tombstones
            TO adminex_admin;
        GRANT SELECT ON adminex.personal_registry, adminex.personal_live, adminex.csv_vcard,
            adminex.csv_roster, adminex.csv_private, adminex.csv_offline, adminex.csv_logs
            TO adminex_admin;
        -- The audit log is never rewritten, but for names that are to be forgotten.
        GRANT UPDATE (arguments) ON adminex.audit_log TO adminex_admin;
    END IF;
    RETURN missing;
END
$$;
COMMENT ON FUNCTION adminex.grant_roles() IS
    'grants the privileges of this schema to those adminex roles that exist; returns the others';
REVOKE ALL ON FUNCTION adminex.grant_roles() FROM PUBLIC;

-- Roles that have privileges here cannot be dropped meanwhile, and one that is missing is left out.
DO $$
BEGIN
    PERFORM adminex.grant_roles();
END
$$;
