-- name: private_get(host, username, xmlns) one
-- The element stored under a namespace; NULL when there is none, no row without the account.
-- cached: account(host, username)
SELECT p.data
  FROM adminex.users AS u
  LEFT JOIN adminex.private_storage AS p
    ON p.host = u.host AND p.username = u.username AND p.xmlns = $3
 WHERE u.host = $1 AND u.username = $2;

-- name: private_set(audit, host, username, xmlns, data) one
-- Store an element under its namespace, in place of what was there.
-- drops: account(host, username)
WITH account AS (
    SELECT host, username
      FROM adminex.users
     WHERE host = $2 AND username = $3
       FOR KEY SHARE
),
written AS (
    INSERT INTO adminex.private_storage (host, username, xmlns, data)
    SELECT host, username, $4, $5
      FROM account
        ON CONFLICT (host, username, xmlns) DO UPDATE SET data = excluded.data
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
