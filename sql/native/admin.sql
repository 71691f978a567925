-- Hosts, and accounts beyond what service_admin_extra offered.

-- name: host_add(audit, host) one
-- Serve a host.
-- drops: host(host)
WITH added AS (
    INSERT INTO adminex.hosts (host) VALUES ($2)
        ON CONFLICT (host) DO NOTHING
    RETURNING 1
),
done AS (
    SELECT CASE WHEN count(*) = 0 THEN 'exists' ELSE 'ok' END AS outcome, count(*) AS rows
      FROM added
),
audited AS (
    INSERT INTO adminex.audit_log (actor, face, command, arguments, rows, outcome, request_id)
    SELECT a.actor, a.face, a.command, a.arguments, d.rows, d.outcome, coalesce(a.request, '')
      FROM done AS d,
           jsonb_to_record($1::jsonb)
               AS a(actor text, face text, command text, arguments jsonb, request text)
)
SELECT outcome, rows FROM done;

-- name: host_remove(audit, host) one
-- Stop serving a host that has no accounts.
-- drops: host(host)
WITH accounts AS (
    SELECT count(*) AS rows FROM adminex.users WHERE host = $2
),
removed AS (
    DELETE FROM adminex.hosts AS h
     USING accounts AS a
     WHERE h.host = $2 AND a.rows = 0
    RETURNING 1
),
done AS (
    SELECT CASE WHEN EXISTS (SELECT FROM removed) THEN 'ok'
                WHEN a.rows > 0 THEN 'host_has_accounts'
                ELSE 'host_does_not_exist' END AS outcome,
           (SELECT count(*) FROM removed) AS rows
      FROM accounts AS a
),
audited AS (
    INSERT INTO adminex.audit_log (actor, face, command, arguments, rows, outcome, request_id)
    SELECT a.actor, a.face, a.command, a.arguments, d.rows, d.outcome, coalesce(a.request, '')
      FROM done AS d,
           jsonb_to_record($1::jsonb)
               AS a(actor text, face text, command text, arguments jsonb, request text)
)
SELECT outcome, rows FROM done;

-- name: hosts_list() many
-- The hosts that are served.
-- cached: all()
SELECT host AS vhost FROM adminex.hosts ORDER BY host;

-- name: hosts_page(after, limit) many
-- A page of the hosts that are served, behind a name; see sessions.sql.
SELECT host AS vhost, host AS cursor
  FROM adminex.hosts
 WHERE host > $1
 ORDER BY host
 LIMIT $2::bigint;

-- name: account_lock_name(host, username) exec
-- Wait for whoever erases an account of this name: what it leaves to keep the name from coming back
-- is to be seen by the statement that follows.
SELECT pg_advisory_xact_lock(hashtextextended('adminex.subject ' || $2 || '@' || $1, 0));

-- name: account_register(audit, host, username, mechanism, iterations, salt, stored_key, server_key, subject) one
-- Make an account on a served host, with its password; not one whose name was erased, which the log
-- does not name anew. The hash of the name is hexadecimal digits, NULL where no key is configured.
-- drops: account(host, username)
WITH served AS (
    SELECT host FROM adminex.hosts WHERE host = $2
),
erased AS (
    SELECT until
      FROM adminex.tombstones
     WHERE subject = decode($9, 'hex') AND until > now()
       AND NOT EXISTS (SELECT FROM adminex.users WHERE host = $2 AND username = $3)
),
account AS (
    INSERT INTO adminex.users (host, username)
    SELECT host, $3 FROM served WHERE NOT EXISTS (SELECT FROM erased)
        ON CONFLICT (host, username) DO NOTHING
    RETURNING host, username
),
credential AS (
    INSERT INTO adminex.credentials
           (host, username, mechanism, iterations, salt, stored_key, server_key)
    SELECT host, username, $4, $5::integer, $6::bytea, $7::bytea, $8::bytea FROM account
),
done AS (
    SELECT CASE WHEN EXISTS (SELECT FROM account) THEN 'ok'
                WHEN NOT EXISTS (SELECT FROM served) THEN 'host_does_not_exist'
                WHEN EXISTS (SELECT FROM erased) THEN 'name_erased'
                ELSE 'exists' END AS outcome,
           (SELECT count(*) FROM account) AS rows
),
audited AS (
    INSERT INTO adminex.audit_log (actor, face, command, arguments, rows, outcome, request_id)
    SELECT a.actor, a.face, a.command,
           CASE d.outcome WHEN 'name_erased'
                THEN adminex.audit_without(a.arguments, $3 || '@' || $2, 'erased-' || left($9, 24))
                ELSE a.arguments END,
           d.rows, d.outcome, coalesce(a.request, '')
      FROM done AS d,
           jsonb_to_record($1::jsonb)
               AS a(actor text, face text, command text, arguments jsonb, request text)
)
SELECT outcome, rows,
       (SELECT to_char(until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') FROM erased) AS until
  FROM done;

-- name: account_lock_whole(host, username) one
-- Hold off whoever works on an account, or holds it, before the snapshot of the statement that
-- removes it is taken.
SELECT 1 AS found
  FROM adminex.users
 WHERE host = $1 AND username = $2
   FOR UPDATE;

-- name: account_unregister(audit, host, username) one
-- Delete an account and all that belongs to it, also in the tables of others that are registered so,
-- and tell the XMPP server which contacts it had. One that is held stays. It is locked before.
-- drops: account(host, username)
WITH held AS (
    SELECT held_at FROM adminex.legal_holds WHERE host = $2 AND username = $3
),
gone AS (
    DELETE FROM adminex.users
     WHERE host = $2 AND username = $3 AND NOT EXISTS (SELECT FROM held)
    RETURNING host, username
),
registered AS MATERIALIZED (
    SELECT e.rows
      FROM gone AS g,
           LATERAL adminex.personal_erase(
               ARRAY[g.host], ARRAY[g.username],
               ARRAY['erased-' || left(replace(gen_random_uuid()::text, '-', ''), 24)], true) AS e
     WHERE EXISTS (SELECT FROM adminex.personal_sections WHERE with_account)
),
told AS (
    INSERT INTO adminex.outbox (host, username, kind, payload)
    SELECT g.host, g.username, 'account_removed',
           jsonb_build_object('contacts',
               coalesce((SELECT jsonb_agg(r.jid ORDER BY r.jid)
                           FROM adminex.roster_items AS r
                          WHERE r.host = g.host AND r.username = g.username
                            AND (r.subscription <> 'N' OR r.ask <> 'N')), '[]'))
      FROM gone AS g
),
done AS (
    SELECT CASE WHEN EXISTS (SELECT FROM gone) THEN 'ok'
                WHEN EXISTS (SELECT FROM held)
                     AND EXISTS (SELECT FROM adminex.users WHERE host = $2 AND username = $3)
                THEN 'legal_hold'
                ELSE 'user_does_not_exist' END AS outcome,
           (SELECT count(*) FROM gone) AS rows
),
audited AS (
    INSERT INTO adminex.audit_log (actor, face, command, arguments, rows, outcome, request_id)
    SELECT a.actor, a.face, a.command, a.arguments, d.rows, d.outcome, coalesce(a.request, '')
      FROM done AS d,
           jsonb_to_record($1::jsonb)
               AS a(actor text, face text, command text, arguments jsonb, request text)
)
SELECT outcome, rows, (SELECT count(*) FROM registered) AS registered,
       (SELECT to_char(held_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') FROM held) AS held_at
  FROM done;

-- name: accounts_list(host) many
-- The accounts of a host; one row of NULL when it has none, no row when it is not served.
SELECT u.username AS user
  FROM adminex.hosts AS h
  LEFT JOIN adminex.users AS u USING (host)
 WHERE h.host = $1
 ORDER BY u.username;

-- name: accounts_page(host, after, limit) many
-- A page of the accounts of a host; one row of NULL when it has no more, no row when it is not
-- served. See sessions.sql.
SELECT u.username AS user, u.username AS cursor
  FROM adminex.hosts AS h
  LEFT JOIN (SELECT host, username
               FROM adminex.users
              WHERE host = $1 AND username > $2
              ORDER BY username
              LIMIT $3::bigint) AS u USING (host)
 WHERE h.host = $1
 ORDER BY u.username;

-- name: account_unban(audit, host, username) one
-- Lift a ban: the password that was there all along checks again.
-- drops: account(host, username)
WITH account AS (
    SELECT host, username
      FROM adminex.users
     WHERE host = $2 AND username = $3
       FOR KEY SHARE
),
lifted AS (
    DELETE FROM adminex.bans AS b
     USING account AS a
     WHERE b.host = a.host AND b.username = a.username
    RETURNING 1
),
done AS (
    SELECT CASE WHEN EXISTS (SELECT FROM lifted) THEN 'ok'
                WHEN EXISTS (SELECT FROM account) THEN 'not_banned'
                ELSE 'user_does_not_exist' END AS outcome,
           (SELECT count(*) FROM lifted) AS rows
),
audited AS (
    INSERT INTO adminex.audit_log (actor, face, command, arguments, rows, outcome, request_id)
    SELECT a.actor, a.face, a.command, a.arguments, d.rows, d.outcome, coalesce(a.request, '')
      FROM done AS d,
           jsonb_to_record($1::jsonb)
               AS a(actor text, face text, command text, arguments jsonb, request text)
)
SELECT outcome, rows FROM done;

-- name: ban_details(host, username) many
-- The ban of an account; one row of NULLs when there is none, no row without the account.
-- cached: account(host, username)
SELECT b.reason,
       to_char(b.banned_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS banned_at,
       b.banned_by
  FROM adminex.users AS u
  LEFT JOIN adminex.bans AS b USING (host, username)
 WHERE u.host = $1 AND u.username = $2;

-- name: bans_list(host) many
-- The bans of a host; one row of NULLs when there are none, no row when it is not served.
SELECT b.username AS user, b.reason,
       to_char(b.banned_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS banned_at,
       b.banned_by
  FROM adminex.hosts AS h
  LEFT JOIN adminex.bans AS b USING (host)
 WHERE h.host = $1
 ORDER BY b.username;

-- name: bans_page(host, after, limit) many
-- A page of the bans of a host; one row of NULLs when there are no more, no row when it is not
-- served. See sessions.sql.
SELECT b.username AS user, b.reason,
       to_char(b.banned_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS banned_at,
       b.banned_by, b.username || '@' || b.host AS cursor
  FROM adminex.hosts AS h
  LEFT JOIN (SELECT host, username, reason, banned_at, banned_by
               FROM adminex.bans
              WHERE host = $1 AND username > $2
              ORDER BY username
              LIMIT $3::bigint) AS b ON b.host = h.host
 WHERE h.host = $1
 ORDER BY b.username;
