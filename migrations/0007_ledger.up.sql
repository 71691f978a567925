-- The ledger of data subjects' requests (GDPR, Art. 12 and 15 to 22): what was asked, by when it
-- had to be answered, and how it ended.
--
-- The ledger itself names nobody: a subject is there as a keyed hash whose key is not in the
-- database. Names and free text are in gdpr_subjects, for as long as the request is open. On Citus
-- both stay local tables of the coordinator: a chain has one end, and its triggers must work.

CREATE TABLE adminex.gdpr_ledger (
    seq         bigint           NOT NULL,
    at          timestamptz      NOT NULL,
    request     bigint           NOT NULL,
    event       text COLLATE "C" NOT NULL,
    type        text COLLATE "C",
    subject     bytea,
    received    date,
    deadline    date,
    outcome     text COLLATE "C",
    handed_over bytea,
    note_hmac   bytea,
    actor       text             NOT NULL,
    db_role     text             NOT NULL DEFAULT session_user,
    prev        bytea            NOT NULL,
    hash        bytea            NOT NULL,
    CONSTRAINT gdpr_ledger_pkey PRIMARY KEY (seq),
    CONSTRAINT gdpr_ledger_seq_counted CHECK (seq > 0 AND request > 0),
    CONSTRAINT gdpr_ledger_at_finite CHECK (isfinite(at)),
    CONSTRAINT gdpr_ledger_event_known
        CHECK (event IN ('opened', 'identity', 'extended', 'closed')),
    CONSTRAINT gdpr_ledger_type_known
        CHECK (type IN ('access', 'rectification', 'erasure', 'restriction', 'portability',
                        'objection')),
    CONSTRAINT gdpr_ledger_outcome_known CHECK (outcome IN ('fulfilled', 'refused', 'withdrawn')),
    CONSTRAINT gdpr_ledger_digest_lengths
        CHECK (octet_length(subject) = 32 AND octet_length(handed_over) = 32
               AND octet_length(note_hmac) = 32 AND octet_length(prev) = 32
               AND octet_length(hash) = 32),
    CONSTRAINT gdpr_ledger_dates_ordered
        CHECK (isfinite(received) AND isfinite(deadline) AND deadline > received),
    -- Each event has what belongs to it and nothing else.
    CONSTRAINT gdpr_ledger_event_whole
        CHECK (CASE event
               WHEN 'opened'
               THEN num_nonnulls(type, subject, received, deadline) = 4
                    AND num_nonnulls(outcome, handed_over) = 0
               WHEN 'identity'
               THEN note_hmac IS NOT NULL
                    AND num_nonnulls(type, subject, received, deadline, outcome, handed_over) = 0
               WHEN 'extended'
               THEN deadline IS NOT NULL AND note_hmac IS NOT NULL
                    AND num_nonnulls(type, subject, received, outcome, handed_over) = 0
               WHEN 'closed'
               THEN outcome IS NOT NULL AND (handed_over IS NULL OR outcome = 'fulfilled')
                    AND num_nonnulls(type, subject, received, deadline) = 0
               END)
);
CREATE INDEX gdpr_ledger_request ON adminex.gdpr_ledger (request, seq);
-- An identity may take several checks.
CREATE UNIQUE INDEX gdpr_ledger_event_once ON adminex.gdpr_ledger (request, event)
    WHERE event <> 'identity';
COMMENT ON TABLE adminex.gdpr_ledger IS
    'requests of data subjects, one row an event: only ever added to, each row chained to the one '
    'before it';
COMMENT ON COLUMN adminex.gdpr_ledger.seq IS 'number of the row, without a gap';
COMMENT ON COLUMN adminex.gdpr_ledger.request IS 'number of the request, counted from 1';
COMMENT ON COLUMN adminex.gdpr_ledger.type IS
    'access (Art. 15), rectification (16), erasure (17), restriction (18), portability (20), '
    'objection (21)';
COMMENT ON COLUMN adminex.gdpr_ledger.subject IS
    'HMAC-SHA-256 of the bare JID by the key of privacy.key_file';
COMMENT ON COLUMN adminex.gdpr_ledger.deadline IS 'last day, in UTC (Art. 12(3))';
COMMENT ON COLUMN adminex.gdpr_ledger.handed_over IS
    'digest of the manifest of what the subject was given';
COMMENT ON COLUMN adminex.gdpr_ledger.note_hmac IS
    'HMAC-SHA-256 of the text that was noted, by the same key: shows that a copy of it is the one';
COMMENT ON COLUMN adminex.gdpr_ledger.actor IS 'who noted it, by name of login or token';
COMMENT ON COLUMN adminex.gdpr_ledger.prev IS 'hash of the row before; of the first one 32 zeros';
COMMENT ON COLUMN adminex.gdpr_ledger.hash IS 'adminex.gdpr_ledger_hash() of all other columns';

CREATE TABLE adminex.gdpr_subjects (
    request   bigint           NOT NULL,
    host      text COLLATE "C" NOT NULL,
    username  text COLLATE "C" NOT NULL,
    note      text,
    identity  text,
    extension text,
    CONSTRAINT gdpr_subjects_pkey PRIMARY KEY (request),
    -- No foreign key: who is not, or no longer, an account may ask, too.
    CONSTRAINT gdpr_subjects_host_length CHECK (octet_length(host) BETWEEN 1 AND 1023),
    CONSTRAINT gdpr_subjects_username_length CHECK (octet_length(username) BETWEEN 1 AND 1023)
);
COMMENT ON TABLE adminex.gdpr_subjects IS
    'who asked, and what was noted about it, in the clear; a row goes when its request is closed';
COMMENT ON COLUMN adminex.gdpr_subjects.note IS 'noted when the request was opened';
COMMENT ON COLUMN adminex.gdpr_subjects.identity IS 'how the identity was checked (Art. 12(6))';
COMMENT ON COLUMN adminex.gdpr_subjects.extension IS 'why it takes longer (Art. 12(3))';

-- ---- the chain ------------------------------------------------------------------------------

-- A field of the canonical form is a netstring, LENGTH:BYTES, with the length in bytes; NULL is a
-- tilde, which no length begins with. Whoever reads such fields knows after each where it ends, so
-- two different lists of as many values cannot have the same form.
CREATE FUNCTION adminex.gdpr_ledger_field(value text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN coalesce(octet_length(value)::text || ':' || value || ',', '~');
COMMENT ON FUNCTION adminex.gdpr_ledger_field(text) IS 'a netstring, or ~ for NULL';

-- SHA-256 of the fields in the order of the columns, in UTF-8. A value has one text: numbers in
-- decimal, the time in microseconds and dates in days since 1970-01-01 (UTC), bytes in hexadecimal
-- digits. That is all that is immutable, whatever a session has set; the last step gives the bytes
-- of a text as they are. The function stays as it is: a column that is added needs a successor.
CREATE FUNCTION adminex.gdpr_ledger_hash(r adminex.gdpr_ledger) RETURNS bytea
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN sha256(decode(replace(
        adminex.gdpr_ledger_field(r.seq::text)
        || adminex.gdpr_ledger_field(
               (extract(epoch FROM r.at AT TIME ZONE 'UTC') * 1000000)::bigint::text)
        || adminex.gdpr_ledger_field(r.request::text)
        || adminex.gdpr_ledger_field(r.event)
        || adminex.gdpr_ledger_field(r.type)
        || adminex.gdpr_ledger_field(encode(r.subject, 'hex'))
        || adminex.gdpr_ledger_field((r.received - date '1970-01-01')::text)
        || adminex.gdpr_ledger_field((r.deadline - date '1970-01-01')::text)
        || adminex.gdpr_ledger_field(r.outcome)
        || adminex.gdpr_ledger_field(encode(r.handed_over, 'hex'))
        || adminex.gdpr_ledger_field(encode(r.note_hmac, 'hex'))
        || adminex.gdpr_ledger_field(r.actor)
        || adminex.gdpr_ledger_field(r.db_role)
        || adminex.gdpr_ledger_field(encode(r.prev, 'hex')),
        '\', '\\'), 'escape'));
COMMENT ON FUNCTION adminex.gdpr_ledger_hash(adminex.gdpr_ledger) IS
    'SHA-256 of a row of the ledger but for its own hash';

-- A row is chained to the last one; whoever appends waits until those before are committed or gone,
-- and sees them then. What was inserted with its hash, as a restored dump is, stays as it was.
CREATE FUNCTION adminex.gdpr_ledger_append() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog
AS $$
DECLARE
    last record;
BEGIN
    IF NEW.hash IS NOT NULL THEN
        RETURN NEW;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('adminex.gdpr_ledger', 0));
    SELECT seq, hash INTO last FROM adminex.gdpr_ledger ORDER BY seq DESC LIMIT 1;
    NEW.seq := coalesce(last.seq, 0) + 1;
    NEW.at := clock_timestamp();
    IF NEW.event = 'opened' THEN
        NEW.request := (SELECT coalesce(max(request), 0) + 1 FROM adminex.gdpr_ledger);
    END IF;
    NEW.prev := coalesce(last.hash, decode(repeat('00', 32), 'hex'));
    NEW.hash := adminex.gdpr_ledger_hash(NEW);
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION adminex.gdpr_ledger_append() IS
    'numbers a new row of the ledger and chains it to the last one';

CREATE FUNCTION adminex.gdpr_ledger_refuse() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog
AS $$
BEGIN
    RAISE EXCEPTION '% of adminex.gdpr_ledger is refused: rows are only added', TG_OP
        USING ERRCODE = 'object_not_in_prerequisite_state';
END
$$;
COMMENT ON FUNCTION adminex.gdpr_ledger_refuse() IS
    'refuses to change or delete what is in the ledger, to its owner and superusers too';

CREATE TRIGGER gdpr_ledger_append BEFORE INSERT ON adminex.gdpr_ledger
    FOR EACH ROW EXECUTE FUNCTION adminex.gdpr_ledger_append();
CREATE TRIGGER gdpr_ledger_refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON adminex.gdpr_ledger
    FOR EACH STATEMENT EXECUTE FUNCTION adminex.gdpr_ledger_refuse();
-- Not even where a session says that it only replays what was done elsewhere.
ALTER TABLE adminex.gdpr_ledger ENABLE ALWAYS TRIGGER gdpr_ledger_refuse;

-- ---- privileges -----------------------------------------------------------------------------

REVOKE ALL ON adminex.gdpr_ledger, adminex.gdpr_subjects FROM PUBLIC;
-- Owners have UPDATE and TRUNCATE by themselves: one slip less.
DO $$
BEGIN
    EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON adminex.gdpr_ledger FROM %I', current_user);
END
$$;

-- The privileges of the tables before these are granted as they were.
ALTER FUNCTION adminex.grant_roles() RENAME TO grant_roles_0006;

CREATE FUNCTION adminex.grant_roles() RETURNS text[]
    LANGUAGE plpgsql
    SET search_path = pg_catalog
AS $$
DECLARE
    missing CONSTANT text[] := adminex.grant_roles_0006();
BEGIN
    -- Who only looks may see that the ledger is whole, and not whom it is about.
    IF 'adminex_reader' <> ALL (missing) THEN
        GRANT SELECT ON adminex.gdpr_ledger TO adminex_reader;
    END IF;
    -- What chains a row is nobody's to give.
    IF 'adminex_operator' <> ALL (missing) THEN
        GRANT SELECT, INSERT (request, event, type, subject, received, deadline, outcome,
                              handed_over, note_hmac, actor)
            ON adminex.gdpr_ledger TO adminex_operator;
        GRANT SELECT, INSERT, UPDATE (identity) ON adminex.gdpr_subjects TO adminex_operator;
    END IF;
    IF 'adminex_admin' <> ALL (missing) THEN
        GRANT SELECT, INSERT (request, event, type, subject, received, deadline, outcome,
                              handed_over, note_hmac, actor)
            ON adminex.gdpr_ledger TO adminex_admin;
        GRANT SELECT, INSERT, UPDATE, DELETE ON adminex.gdpr_subjects TO adminex_admin;
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
