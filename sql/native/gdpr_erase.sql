-- Erasure (GDPR, Art. 17): what is in the way, the plan, the deed, holds, what is due later, names
-- that stay taken. What is erased how, only the registry knows (migrations/0008_privacy.up.sql).
-- The subject is a host and a username; an account is not needed, leftovers count. Subjects come as
-- arrays that go together where several can be erased at once.

-- name: gdpr_lock(host, username) exec
-- Hold off whoever else erases this subject, holds it or changes its account, before the snapshots
-- of the statements that follow are taken.
WITH subject AS MATERIALIZED (
    SELECT pg_advisory_xact_lock(hashtextextended('adminex.subject ' || $2 || '@' || $1, 0))
)
SELECT 1
  FROM subject, adminex.users AS u
 WHERE u.host = $1 AND u.username = $2
   FOR UPDATE OF u;

-- name: gdpr_standing(host, username) one
-- Whether it is an account, why it may not be erased, and by which registry it would be.
SELECT EXISTS (SELECT FROM adminex.users WHERE host = $1 AND username = $2) AS account,
       (SELECT reason FROM adminex.legal_holds WHERE host = $1 AND username = $2) AS held,
       (SELECT version FROM adminex.personal_registry) AS registry;

-- name: gdpr_plan(host, username) many
-- What erasing a subject would do, section by section; what the XMPP server has yet to do for
-- others that names the subject, as a JID in a list or an address of a stanza; and what it would be
-- told: a row for each contact and each roster, and one that ends the sessions of an account.
SELECT p.section, p.table_name AS "table", p.action, p.rows, p.reason
  FROM adminex.personal_plan($1, $2) AS p
 UNION ALL
SELECT 'others_outbox', 'adminex.outbox', 'keep', count(*),
       'stanzas and roster changes for others; a row goes when the XMPP server has acted on it'
  FROM adminex.outbox AS o
 WHERE (o.host <> $1 OR o.username <> $2)
   AND o.payload::text ~ ('["'']' || regexp_replace($2 || '@' || $1, '([][(){}.*+?^$|\\])',
                                                    '\\\1', 'g') || '["''\\/]')
 UNION ALL
SELECT 'told', 'adminex.outbox', 'tell',
       (SELECT count(*) FROM adminex.personal_farewells(ARRAY[$1::text], ARRAY[$2::text]))
       + (SELECT count(*) FROM adminex.users WHERE host = $1 AND username = $2),
       'contacts learn of it; a row goes when the XMPP server has acted on it';

-- name: gdpr_tell(hosts, usernames) value
-- Before the subjects are erased: have their contacts told. Gives the number of rows.
-- drops: none()
WITH versioned AS (
    UPDATE adminex.roster_versions AS v
       SET version = v.version + 1
      FROM unnest($1::text[], $2::text[]) AS s(host, username)
      JOIN adminex.roster_items AS r ON r.jid = s.username || '@' || s.host
     WHERE v.host = r.host AND v.username = r.username
),
told AS (
    INSERT INTO adminex.outbox (host, username, kind, payload)
    SELECT f.host, f.username, f.kind, f.payload
      FROM adminex.personal_farewells($1::text[], $2::text[]) AS f
    RETURNING 1
)
SELECT count(*) FROM told;

-- name: gdpr_erase(hosts, usernames, pseudonyms) many
-- Erase the subjects by the rules of the registry; the rows of each section.
-- drops: all()
SELECT section, rows
  FROM adminex.personal_erase($1::text[], $2::text[], $3::text[], false);

-- name: gdpr_erased(audit, hosts, usernames, pseudonyms, accounts, subjects, tombstone_days, rows) one
-- After the subjects were erased: the XMPP server ends the sessions of those that were accounts,
-- their names are kept from coming back where there are hashes of them (hexadecimal digits), and the
-- log says that it was done, but not to whom. Gives the time, later than anything that was erased.
-- drops: none()
WITH told AS (
    INSERT INTO adminex.outbox (host, username, kind, payload)
    SELECT s.host, s.username, 'account_removed', '{"contacts": []}'
      FROM unnest($2::text[], $3::text[], $5::boolean[]) AS s(host, username, account)
     WHERE s.account
    RETURNING 1
),
tombstones AS (
    INSERT INTO adminex.tombstones AS t (subject, until)
    SELECT decode(s.subject, 'hex'), now() + make_interval(days => $7::integer)
      FROM unnest($6::text[]) AS s(subject)
     WHERE $7::integer > 0
        ON CONFLICT (subject) DO UPDATE SET erased_at = now(), until = excluded.until
),
audited AS (
    INSERT INTO adminex.audit_log (actor, face, command, arguments, rows, outcome, request_id)
    SELECT a.actor, a.face, a.command,
           adminex.audit_without(a.arguments, ($3::text[])[1] || '@' || ($2::text[])[1],
                                 ($4::text[])[1]),
           $8::bigint, 'ok', coalesce(a.request, '')
      FROM jsonb_to_record($1::jsonb)
               AS a(actor text, face text, command text, arguments jsonb, request text)
)
SELECT (SELECT count(*) FROM told) AS told,
       to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at;

-- name: gdpr_not_erased(audit, host, username, pseudonym, outcome) exec
-- That a subject was not erased, and why. Of one of whom there is nothing the log has no name
-- either; with NULL as pseudonym it has.
INSERT INTO adminex.audit_log (actor, face, command, arguments, rows, outcome, request_id)
SELECT a.actor, a.face, a.command,
       CASE WHEN $4::text IS NULL THEN a.arguments
            ELSE adminex.audit_without(a.arguments, $3::text || '@' || $2::text, $4) END,
       0, $5, coalesce(a.request, '')
  FROM jsonb_to_record($1::jsonb)
           AS a(actor text, face text, command text, arguments jsonb, request text);

-- ---- holds ------------------------------------------------------------------------------------

-- name: gdpr_hold(audit, host, username, reason) one
-- Keep a subject from being erased; again, it gets another reason. It is locked before.
-- drops: none()
WITH held AS (
    INSERT INTO adminex.legal_holds AS h (host, username, reason, held_by)
    VALUES ($2, $3, $4, $1::jsonb ->> 'actor')
        ON CONFLICT (host, username) DO UPDATE
       SET reason = excluded.reason, held_by = excluded.held_by
    RETURNING 1
),
done AS (
    SELECT 'ok' AS outcome, count(*) AS rows FROM held
),
audited AS (
    INSERT INTO adminex.audit_log (actor, face, command, arguments, rows, outcome, request_id)
    SELECT a.actor, a.face, a.command, a.arguments, d.rows, d.outcome, coalesce(a.request, '')
      FROM done AS d,
           jsonb_to_record($1::jsonb)
               AS a(actor text, face text, command text, arguments jsonb, request text)
)
SELECT outcome, rows,
       EXISTS (SELECT FROM adminex.users WHERE host = $2 AND username = $3) AS account
  FROM done;

-- name: gdpr_release(audit, host, username) one
-- Let a subject be erased again.
-- drops: none()
WITH released AS (
    DELETE FROM adminex.legal_holds WHERE host = $2 AND username = $3
    RETURNING 1
),
done AS (
    SELECT CASE WHEN count(*) = 0 THEN 'not_held' ELSE 'ok' END AS outcome, count(*) AS rows
      FROM released
),
audited AS (
    INSERT INTO adminex.audit_log (actor, face, command, arguments, rows, outcome, request_id)
    SELECT a.actor, a.face, a.command, a.arguments, d.rows, d.outcome, coalesce(a.request, '')
      FROM done AS d,
           jsonb_to_record($1::jsonb)
               AS a(actor text, face text, command text, arguments jsonb, request text)
)
SELECT outcome, rows FROM done;

-- name: gdpr_holds(host) many
-- Who is held, on one host or with NULL on all.
SELECT username AS user, host, reason,
       to_char(held_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS held_at, held_by
  FROM adminex.legal_holds
 WHERE $1::text IS NULL OR host = $1
 ORDER BY legal_holds.host, username;

-- ---- what is due later ------------------------------------------------------------------------

-- name: gdpr_erase_later(audit, host, username, seconds) one
-- Have a subject erased after so many seconds; asked again, at the new time. It is locked before.
-- drops: none()
WITH pending AS (
    INSERT INTO adminex.pending_erasures AS p (host, username, due_at, asked_by, asked_at)
    SELECT $2, $3, t.asked_at + make_interval(secs => $4::double precision),
           $1::jsonb ->> 'actor', t.asked_at
      FROM (SELECT clock_timestamp() AS asked_at) AS t
        ON CONFLICT (host, username) DO UPDATE
       SET due_at = excluded.due_at, asked_by = excluded.asked_by, asked_at = excluded.asked_at,
           tried_at = NULL, failure = ''
    RETURNING due_at
),
audited AS (
    INSERT INTO adminex.audit_log (actor, face, command, arguments, rows, outcome, request_id)
    SELECT a.actor, a.face, a.command, a.arguments, 1, 'ok', coalesce(a.request, '')
      FROM jsonb_to_record($1::jsonb)
               AS a(actor text, face text, command text, arguments jsonb, request text)
)
SELECT to_char(due_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS due_at FROM pending;

-- name: gdpr_cancel(audit, host, username) one
-- A subject is not erased after all.
-- drops: none()
WITH cancelled AS (
    DELETE FROM adminex.pending_erasures WHERE host = $2 AND username = $3
    RETURNING 1
),
done AS (
    SELECT CASE WHEN count(*) = 0 THEN 'not_pending' ELSE 'ok' END AS outcome, count(*) AS rows
      FROM cancelled
),
audited AS (
    INSERT INTO adminex.audit_log (actor, face, command, arguments, rows, outcome, request_id)
    SELECT a.actor, a.face, a.command, a.arguments, d.rows, d.outcome, coalesce(a.request, '')
      FROM done AS d,
           jsonb_to_record($1::jsonb)
               AS a(actor text, face text, command text, arguments jsonb, request text)
)
SELECT outcome, rows FROM done;

-- name: gdpr_pending(host) many
-- What is to be erased later, on one host or with NULL on all, the first due first.
SELECT username AS user, host,
       to_char(due_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS due_at,
       CASE WHEN due_at > now() THEN 'waiting'
            WHEN failure <> '' THEN 'failed'
            ELSE 'overdue' END AS state,
       CASE WHEN failure = '' AND due_at <= now()
                 AND NOT EXISTS (SELECT FROM adminex.daemons
                                  WHERE beat_at > now() - interval '1 minute')
            THEN 'no daemon is running'
            ELSE failure END AS failure,
       to_char(asked_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS asked_at, asked_by
  FROM adminex.pending_erasures
 WHERE $1::text IS NULL OR host = $1
 ORDER BY pending_erasures.due_at, pending_erasures.host, username;

-- name: gdpr_due() many
-- Some whose time has come, with why they failed before. One that failed waits for ten minutes.
SELECT host, username, failure
  FROM adminex.pending_erasures
 WHERE due_at <= now()
   AND (tried_at IS NULL OR tried_at <= now() - interval '10 minutes')
 ORDER BY due_at
 LIMIT 10;

-- name: gdpr_due_claim(host, username) one
-- Is it still to be erased, and nobody else at it? Then what stands in the way: that the account is
-- somebody else's by now, or why it is held. It is locked before.
SELECT EXISTS (SELECT FROM adminex.users AS u
                WHERE u.host = p.host AND u.username = p.username
                  AND u.created_at > p.asked_at) AS newer,
       (SELECT reason FROM adminex.legal_holds AS h
         WHERE h.host = p.host AND h.username = p.username) AS held
  FROM adminex.pending_erasures AS p
 WHERE p.host = $1 AND p.username = $2 AND p.due_at <= now()
   FOR UPDATE SKIP LOCKED;

-- name: gdpr_due_failed(host, username, failure) exec
-- Why it was not erased when it was due.
-- drops: none()
UPDATE adminex.pending_erasures
   SET tried_at = now(), failure = $3
 WHERE host = $1 AND username = $2 AND due_at <= now();

-- ---- erased once more, after a backup was restored --------------------------------------------

-- name: gdpr_accounts() many
-- All accounts there are.
SELECT host, username FROM adminex.users;

-- name: gdpr_replay_lock(hosts, usernames) value
-- Hold off other changes of these accounts, before the snapshots of the statements that follow are
-- taken. In order, so that two of these cannot deadlock.
SELECT count(*)
  FROM (SELECT 1
          FROM adminex.users AS u
          JOIN unnest($1::text[], $2::text[]) AS s(host, username) USING (host, username)
         ORDER BY u.host, u.username
           FOR UPDATE OF u) AS locked;

-- name: gdpr_replay_find(hosts, usernames, times, doubts) many
-- Which of these accounts are those that were erased at these times, and not somebody else's with
-- the same name that was made later; and which of them are held.
SELECT u.username AS user, u.host, s.erased_at, s.doubtful,
       CASE WHEN u.created_at > s.erased_at::timestamptz THEN 'newer'
            WHEN EXISTS (SELECT FROM adminex.legal_holds AS h
                          WHERE h.host = u.host AND h.username = u.username) THEN 'held'
            ELSE 'erased' END AS state
  FROM unnest($1::text[], $2::text[], $3::text[], $4::boolean[])
           AS s(host, username, erased_at, doubtful)
  JOIN adminex.users AS u USING (host, username)
 ORDER BY u.host, u.username;

-- ---- names that stay taken --------------------------------------------------------------------

-- name: tombstones_live() many
-- Hashes of the names that may not be registered, and until when.
SELECT encode(subject, 'hex') AS subject,
       to_char(until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS until
  FROM adminex.tombstones
 WHERE until > now();

-- name: tombstones_expire() exec
-- Forget those whose time is over.
-- drops: none()
DELETE FROM adminex.tombstones WHERE until <= now();
