-- name: stanza_send(audit, host, username, stanza) one
-- Hand a message to the XMPP server that routes it to host and username.
WITH told AS (
    INSERT INTO adminex.outbox (host, username, kind, payload)
    SELECT $2, $3, 'message', jsonb_build_object('stanza', $4::text)
    RETURNING 1
),
done AS (
    SELECT 'ok' AS outcome, count(*) AS rows FROM told
),
audited AS (
    INSERT INTO adminex.audit_log (actor, face, command, arguments, rows, outcome, request_id)
    SELECT a.actor, a.face, a.command, a.arguments, d.rows, d.outcome, coalesce(a.request, '')
      FROM done AS d,
           jsonb_to_record($1::jsonb)
               AS a(actor text, face text, command text, arguments jsonb, request text)
)
SELECT outcome, rows FROM done;

-- name: stanza_inject(audit, host, username, resource, stanza) one
-- Hand a stanza to the XMPP server as if a session had sent it.
WITH told AS (
    INSERT INTO adminex.outbox (host, username, kind, payload)
    SELECT host, username, 'stanza',
           jsonb_build_object('resource', resource, 'stanza', $5::text)
      FROM adminex.sessions
     WHERE host = $2 AND username = $3 AND resource = $4
    RETURNING 1
),
done AS (
    SELECT CASE WHEN count(*) = 0 THEN 'user_does_not_exist' ELSE 'ok' END AS outcome,
           count(*) AS rows
      FROM told
),
audited AS (
    INSERT INTO adminex.audit_log (actor, face, command, arguments, rows, outcome, request_id)
    SELECT a.actor, a.face, a.command, a.arguments, d.rows, d.outcome, coalesce(a.request, '')
      FROM done AS d,
           jsonb_to_record($1::jsonb)
               AS a(actor text, face text, command text, arguments jsonb, request text)
)
SELECT outcome, rows FROM done;

-- name: session_exists(host, username, resource) one
-- One row when the session exists.
SELECT 1 AS found
  FROM adminex.sessions
 WHERE host = $1 AND username = $2 AND resource = $3;
