-- name: last_set(audit, host, username, seconds, status) one
-- Set when an account was last connected (seconds since 1970) and with which status.
-- drops: account(host, username)
WITH account AS (
    SELECT host, username
      FROM adminex.users
     WHERE host = $2 AND username = $3
       FOR KEY SHARE
),
written AS (
    INSERT INTO adminex.last_activity AS l (host, username, last_at, status)
    SELECT host, username, to_timestamp($4::bigint), $5
      FROM account
        ON CONFLICT (host, username) DO UPDATE
       SET last_at = excluded.last_at, status = excluded.status
    RETURNING 1
),
done AS (
    SELECT CASE WHEN count(*) = 0 THEN 'user_does_not_exist' ELSE 'ok' END AS outcome,
           count(*) AS rows
      FROM written
),
audited AS (
    INSERT INTO adminex.audit_log (actor, face, command, arguments, rows, outcome, request_id)
    SELECT a.actor, a.face, a.command, a.arguments, d.rows, d.outcome, coalesce(a.request, '')
      FROM done AS d,
           jsonb_to_record($1::jsonb)
               AS a(actor text, face text, command text, arguments jsonb, request text)
)
SELECT outcome, rows FROM done;

-- name: last_get(host, username) many
-- When an account was last connected; one row with NULL when it never was.
-- cached: account(host, username)
SELECT extract(epoch FROM l.last_at)::bigint AS timestamp, l.status
  FROM adminex.users AS u
  LEFT JOIN adminex.last_activity AS l USING (host, username)
 WHERE u.host = $1 AND u.username = $2;
