-- Bearer tokens of the daemon.

-- name: token_add(audit, label, digest, role, hosts, seconds) one
-- Keep a new token by its SHA-256 (64 hex digits), for so many seconds, or for ever where that is
-- NULL.
-- drops: none()
WITH added AS (
    INSERT INTO adminex.tokens (label, digest, role, hosts, created_by, expires_at)
    SELECT $2, decode($3, 'hex'), $4, $5::text[], a.actor, now() + $6::bigint * interval '1 second'
      FROM jsonb_to_record($1::jsonb) AS a(actor text)
    RETURNING id, role, hosts, expires_at
),
audited AS (
    INSERT INTO adminex.audit_log (actor, face, command, arguments, rows, outcome, request_id)
    SELECT a.actor, a.face, a.command,
           jsonb_build_object('id', t.id, 'role', t.role, 'hosts', to_jsonb(t.hosts)), 1, 'ok',
           coalesce(a.request, '')
      FROM added AS t,
           jsonb_to_record($1::jsonb) AS a(actor text, face text, command text, request text)
)
SELECT id, array_to_string(hosts, ' ') AS hosts,
       to_char(expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS expires_at
  FROM added;

-- name: token_revoke(audit, id) one
-- Make a token good for nothing, from now on and for ever.
-- drops: none()
WITH token AS (
    SELECT id, revoked_at FROM adminex.tokens WHERE id = $2::bigint FOR UPDATE
),
revoked AS (
    UPDATE adminex.tokens AS t
       SET revoked_at = now()
      FROM token AS f
     WHERE t.id = f.id AND f.revoked_at IS NULL
    RETURNING 1
),
done AS (
    SELECT CASE WHEN EXISTS (SELECT FROM revoked) THEN 'ok'
                WHEN EXISTS (SELECT FROM token) THEN 'revoked_before'
                ELSE 'token_does_not_exist' END AS outcome,
           (SELECT count(*) FROM revoked) AS rows
),
audited AS (
    INSERT INTO adminex.audit_log (actor, face, command, arguments, rows, outcome, request_id)
    SELECT a.actor, a.face, a.command, jsonb_build_object('id', $2::bigint), d.rows, d.outcome,
           coalesce(a.request, '')
      FROM done AS d,
           jsonb_to_record($1::jsonb) AS a(actor text, face text, command text, request text)
)
SELECT outcome, rows FROM done;

-- name: tokens_changed() exec
-- Tell daemons, if there are any, to read the tokens anew.
SELECT pg_notify('adminex_cache', '{"from": "", "tokens": true}')
 WHERE EXISTS (SELECT FROM adminex.daemons);

-- name: tokens_list() many
-- All tokens there ever were, without what would recognise them.
SELECT id, label, role, array_to_string(hosts, ' ') AS hosts, created_by,
       to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS created_at,
       to_char(expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS expires_at,
       to_char(revoked_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS revoked_at
  FROM adminex.tokens
 ORDER BY tokens.id;

-- name: tokens_live() many
-- The tokens that are good now, with the milliseconds they have left; NULL is for ever. The clock
-- is the database's alone.
SELECT id, label, digest, role, hosts,
       floor(extract(epoch FROM nullif(expires_at, 'infinity') - now()) * 1000)::bigint AS left_ms
  FROM adminex.tokens
 WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now());

-- name: token_find(digest) one
-- The token of that SHA-256 (64 hex digits), and why it is good for nothing: revoked, expired or
-- NULL.
SELECT id, label, role, hosts,
       CASE WHEN revoked_at IS NOT NULL THEN 'revoked'
            WHEN expires_at <= now() THEN 'expired' END AS spoilt
  FROM adminex.tokens
 WHERE digest = decode($1, 'hex');
