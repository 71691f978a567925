-- Accounts, their passwords and bans. In every file here, a statement that writes has the audit
-- record as its first parameter and says what happened in the columns outcome and rows.

-- name: account_exists(host, username) one
-- One row when the account exists.
-- cached: account(host, username)
SELECT 1 AS found
  FROM adminex.users
 WHERE host = $1 AND username = $2;

-- name: account_credentials(host, username) one
-- One of the credentials a password is checked against; NULL when the account has none, no row
-- without the account. Nothing matches while a ban stands.
SELECT EXISTS (SELECT FROM adminex.bans AS b
                WHERE b.host = u.host AND b.username = u.username) AS banned,
       c.mechanism, c.plain, c.iterations, c.salt, c.stored_key
  FROM adminex.users AS u
  LEFT JOIN adminex.credentials AS c USING (host, username)
 WHERE u.host = $1 AND u.username = $2
 ORDER BY c.mechanism = 'SCRAM-SHA-1', c.mechanism
 LIMIT 1;

-- name: account_plain(host, username) one
-- The plain password of an account, NULL when it has none; no row without the account.
SELECT EXISTS (SELECT FROM adminex.bans AS b
                WHERE b.host = u.host AND b.username = u.username) AS banned,
       c.mechanism, c.plain
  FROM adminex.users AS u
  LEFT JOIN adminex.credentials AS c
    ON c.host = u.host AND c.username = u.username AND c.mechanism = 'PLAIN'
 WHERE u.host = $1 AND u.username = $2;

-- name: account_lock(host, username) one
-- Hold off other changes of an account until the transaction ends, before the snapshot of the
-- statement that follows is taken.
SELECT 1 AS found
  FROM adminex.users
 WHERE host = $1 AND username = $2
   FOR NO KEY UPDATE;

-- name: account_set_password(audit, host, username, mechanism, iterations, salt, stored_key, server_key) one
-- Replace every credential of an account by one SCRAM credential; nothing without the account.
-- drops: none()
WITH account AS (
    SELECT host, username
      FROM adminex.users
     WHERE host = $2 AND username = $3
       FOR KEY SHARE
),
old AS (
    DELETE FROM adminex.credentials AS c
     USING account AS a
     WHERE c.host = a.host AND c.username = a.username AND c.mechanism <> $4
),
new AS (
    INSERT INTO adminex.credentials AS c
           (host, username, mechanism, iterations, salt, stored_key, server_key)
    SELECT host, username, $4, $5::integer, $6::bytea, $7::bytea, $8::bytea
      FROM account
        ON CONFLICT (host, username, mechanism) DO UPDATE
       SET iterations = excluded.iterations, salt = excluded.salt,
           stored_key = excluded.stored_key, server_key = excluded.server_key, set_at = now()
    RETURNING 1
),
done AS (
    SELECT CASE WHEN count(*) = 0 THEN 'user_does_not_exist' ELSE 'ok' END AS outcome,
           count(*) AS rows
      FROM new
),
audited AS (
    INSERT INTO adminex.audit_log (actor, face, command, arguments, rows, outcome, request_id)
    SELECT a.actor, a.face, a.command, a.arguments, d.rows, d.outcome, coalesce(a.request, '')
      FROM done AS d,
           jsonb_to_record($1::jsonb)
               AS a(actor text, face text, command text, arguments jsonb, request text)
)
SELECT outcome, rows FROM done;

-- name: account_ban(audit, host, username, reason, message) one
-- Ban an account, end its sessions and tell the XMPP server to close them. A second ban keeps the
-- first date and takes the new reason.
-- drops: account(host, username)
WITH account AS (
    SELECT host, username
      FROM adminex.users
     WHERE host = $2 AND username = $3
       FOR KEY SHARE
),
banned AS (
    INSERT INTO adminex.bans AS b (host, username, reason, banned_by)
    SELECT host, username, $4, $1::jsonb ->> 'actor'
      FROM account
        ON CONFLICT (host, username) DO UPDATE
       SET reason = excluded.reason, banned_by = excluded.banned_by
    RETURNING 1
),
kicked AS (
    DELETE FROM adminex.sessions AS s
     USING account AS a
     WHERE s.host = a.host AND s.username = a.username
),
told AS (
    INSERT INTO adminex.outbox (host, username, kind, payload)
    SELECT host, username, 'kick', jsonb_build_object('reason', $5::text)
      FROM account
),
done AS (
    SELECT CASE WHEN count(*) = 0 THEN 'user_does_not_exist' ELSE 'ok' END AS outcome,
           count(*) AS rows
      FROM banned
),
audited AS (
    INSERT INTO adminex.audit_log (actor, face, command, arguments, rows, outcome, request_id)
    SELECT a.actor, a.face, a.command, a.arguments, d.rows, d.outcome, coalesce(a.request, '')
      FROM done AS d,
           jsonb_to_record($1::jsonb)
               AS a(actor text, face text, command text, arguments jsonb, request text)
)
SELECT outcome, rows FROM done;

-- name: accounts_lock_old(host, days, include_never_seen) value
-- Lock what accounts_delete_old may delete, before its snapshot is taken, where it cannot trust that
-- nobody comes back: who is logging in just now is waited for here, and has a session by then. In
-- order, so that two of these cannot deadlock.
SELECT count(*)
  FROM (SELECT 1
          FROM adminex.users AS u
         WHERE ($1::text IS NULL OR u.host = $1)
           AND (u.created_at <= now() - make_interval(days => $2::integer) OR $3::boolean
                OR EXISTS (SELECT FROM adminex.last_activity AS l
                            WHERE l.host = u.host AND l.username = u.username))
           AND NOT EXISTS (SELECT FROM adminex.last_activity AS l
                            WHERE l.host = u.host AND l.username = u.username
                              AND l.last_at > now() - make_interval(days => $2::integer))
           AND NOT EXISTS (SELECT FROM adminex.sessions AS s
                            WHERE s.host = u.host AND s.username = u.username)
           AND NOT EXISTS (SELECT FROM adminex.legal_holds AS h
                            WHERE h.host = u.host AND h.username = u.username)
         ORDER BY u.host, u.username
           FOR UPDATE) AS locked;

-- name: accounts_delete_old(audit, host, days, include_never_seen, trusting) many
-- Delete the accounts, of one host or with NULL of all, that are offline and were last seen at
-- least that many days ago. One that was never seen is judged by its creation, or always goes.
-- Their contacts are read for the outbox in the order in which the accounts go; the cascade comes at
-- the end of the statement. What the tables of others that are registered so have of them goes, too.
-- Those that would go but are held come last, with why they stay. When trusting, nothing was locked
-- before: then an account that came back meanwhile is an error (serialization_failure), and after
-- accounts_lock_old the statement is to be run once more, not trusting.
-- drops: host(host)
WITH gone AS (
    DELETE FROM adminex.users AS u
     WHERE ($2::text IS NULL OR u.host = $2)
       AND (u.created_at <= now() - make_interval(days => $3::integer) OR $4::boolean
            OR EXISTS (SELECT FROM adminex.last_activity AS l
                        WHERE l.host = u.host AND l.username = u.username))
       AND NOT EXISTS (SELECT FROM adminex.last_activity AS l
                        WHERE l.host = u.host AND l.username = u.username
                          AND l.last_at > now() - make_interval(days => $3::integer))
       AND NOT EXISTS (SELECT FROM adminex.sessions AS s
                        WHERE s.host = u.host AND s.username = u.username)
       AND NOT EXISTS (SELECT FROM adminex.legal_holds AS h
                        WHERE h.host = u.host AND h.username = u.username)
    RETURNING u.host, u.username
),
sure AS MATERIALIZED (
    SELECT NOT $5::boolean
           OR adminex.old_accounts_still_are(array_agg(host), array_agg(username), $3::integer)
               AS sure
      FROM gone
),
held AS (
    SELECT u.host, u.username
      FROM adminex.legal_holds AS h
      JOIN adminex.users AS u USING (host, username)
     WHERE ($2::text IS NULL OR u.host = $2)
       AND (u.created_at <= now() - make_interval(days => $3::integer) OR $4::boolean
            OR EXISTS (SELECT FROM adminex.last_activity AS l
                        WHERE l.host = u.host AND l.username = u.username))
       AND NOT EXISTS (SELECT FROM adminex.last_activity AS l
                        WHERE l.host = u.host AND l.username = u.username
                          AND l.last_at > now() - make_interval(days => $3::integer))
       AND NOT EXISTS (SELECT FROM adminex.sessions AS s
                        WHERE s.host = u.host AND s.username = u.username)
),
registered AS MATERIALIZED (
    SELECT count(e.rows) AS sections
      FROM (SELECT array_agg(g.host) AS hosts, array_agg(g.username) AS usernames,
                   array_agg('erased-' || left(replace(gen_random_uuid()::text, '-', ''), 24))
                       AS pseudonyms
              FROM gone AS g
             WHERE EXISTS (SELECT FROM adminex.personal_sections WHERE backend = 'own')
                OR EXISTS (SELECT FROM adminex.pending_erasures)) AS all_gone,
           LATERAL adminex.personal_erase(hosts, usernames, pseudonyms, true) AS e
     WHERE hosts IS NOT NULL
),
told AS (
    INSERT INTO adminex.outbox (host, username, kind, payload)
    SELECT g.host, g.username, 'account_removed',
           jsonb_build_object('contacts', CASE WHEN EXISTS (
               SELECT FROM adminex.roster_items AS i
                WHERE i.host = g.host AND i.username = g.username
                  AND i.subscription = 'N' AND i.ask = 'N')
           THEN ARRAY(
               SELECT i.jid
                 FROM adminex.roster_items AS i
                WHERE i.host = g.host AND i.username = g.username
                  AND (i.subscription <> 'N' OR i.ask <> 'N'))
           ELSE ARRAY(
               SELECT i.jid
                 FROM adminex.roster_items AS i
                WHERE i.host = g.host AND i.username = g.username)
           END)
      FROM gone AS g
     WHERE (SELECT sure FROM sure)
),
done AS (
    SELECT 'ok' AS outcome, count(*) AS rows FROM gone WHERE (SELECT sections >= 0 FROM registered)
),
audited AS (
    INSERT INTO adminex.audit_log (actor, face, command, arguments, rows, outcome, request_id)
    SELECT a.actor, a.face, a.command, a.arguments, d.rows, d.outcome, coalesce(a.request, '')
      FROM done AS d,
           jsonb_to_record($1::jsonb)
               AS a(actor text, face text, command text, arguments jsonb, request text)
)
SELECT username AS user, host, false AS held FROM gone WHERE (SELECT sure FROM sure)
 UNION ALL
SELECT username, host, true FROM held
 ORDER BY held, host, "user";

-- name: accounts_active(host, days) one
-- How many accounts of a host were seen within that many days; no row for a host not served.
SELECT (SELECT count(*)
          FROM adminex.last_activity AS l
         WHERE l.host = h.host
           AND l.last_at > now() - make_interval(days => $2::integer)) AS users
  FROM adminex.hosts AS h
 WHERE h.host = $1;
