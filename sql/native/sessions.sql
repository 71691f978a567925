-- name: sessions_count(host, username) value
-- How many resources of an account are connected.
SELECT count(*)
  FROM adminex.sessions
 WHERE host = $1 AND username = $2;

-- name: sessions_nth(host, username, position) one
-- The resource at a position, from 1, in the order of the resources' bytes.
SELECT resource
  FROM adminex.sessions
 WHERE host = $1 AND username = $2
 ORDER BY resource
OFFSET $3::bigint - 1 LIMIT 1;

-- name: session_kick(audit, host, username, resource, message) one
-- End one session and tell the XMPP server to close it.
-- drops: none()
WITH ended AS (
    DELETE FROM adminex.sessions
     WHERE host = $2 AND username = $3 AND resource = $4
    RETURNING host, username, resource
),
told AS (
    INSERT INTO adminex.outbox (host, username, kind, payload)
    SELECT host, username, 'kick', jsonb_build_object('resource', resource, 'reason', $5::text)
      FROM ended
),
done AS (
    SELECT CASE WHEN count(*) = 0 THEN 'no_session' ELSE 'ok' END AS outcome, count(*) AS rows
      FROM ended
),
audited AS (
    INSERT INTO adminex.audit_log (actor, face, command, arguments, rows, outcome, request_id)
    SELECT a.actor, a.face, a.command, a.arguments, d.rows, d.outcome, coalesce(a.request, '')
      FROM done AS d,
           jsonb_to_record($1::jsonb)
               AS a(actor text, face text, command text, arguments jsonb, request text)
)
SELECT outcome, rows FROM done;

-- name: session_set_presence(audit, host, username, resource, show, status, priority, stanza) one
-- Change the presence of a session and tell the XMPP server to send it.
-- drops: none()
WITH changed AS (
    UPDATE adminex.sessions
       SET show = $5, status = $6, priority = $7::integer
     WHERE host = $2 AND username = $3 AND resource = $4
    RETURNING host, username, resource
),
told AS (
    INSERT INTO adminex.outbox (host, username, kind, payload)
    SELECT host, username, 'presence',
           jsonb_build_object('resource', resource, 'stanza', $8::text)
      FROM changed
),
done AS (
    SELECT CASE WHEN count(*) = 0 THEN 'no_session' ELSE 'ok' END AS outcome, count(*) AS rows
      FROM changed
),
audited AS (
    INSERT INTO adminex.audit_log (actor, face, command, arguments, rows, outcome, request_id)
    SELECT a.actor, a.face, a.command, a.arguments, d.rows, d.outcome, coalesce(a.request, '')
      FROM done AS d,
           jsonb_to_record($1::jsonb)
               AS a(actor text, face text, command text, arguments jsonb, request text)
)
SELECT outcome, rows FROM done;

-- name: sessions_count_by_show(host, show) value
-- Sessions with a presence, of one host or with NULL of all; 'all' is every presence.
SELECT count(*)
  FROM adminex.sessions
 WHERE ($1::text IS NULL OR host = $1)
   AND ($2::text = 'all' OR show = $2);

-- name: sessions_by_show(host, show) many
-- The same sessions one by one, with the free text of their presence.
SELECT username AS user, host, resource, priority, status
  FROM adminex.sessions
 WHERE ($1::text IS NULL OR host = $1)
   AND ($2::text = 'all' OR show = $2)
 ORDER BY sessions.host, sessions.username, sessions.resource;

-- name: sessions_by_show_page(show, after_host, after_username, after_resource, limit) many
-- A page of the sessions of all hosts with a presence.
-- Pages are statements of their own: an optional bound in the whole lists would cost those their
-- plan. A page begins behind a key ('' is the start) and is a range of the primary key; its column
-- cursor is what the one after it begins behind. A limit of NULL is none.
SELECT username AS user, host, resource, priority, status,
       username || '@' || host || '/' || resource AS cursor
  FROM adminex.sessions
 WHERE (host, username, resource) > ($2, $3, $4)
   AND ($1::text = 'all' OR show = $1)
 ORDER BY sessions.host, sessions.username, sessions.resource
 LIMIT $5::bigint;

-- name: sessions_by_show_host_page(host, show, after_username, after_resource, limit) many
-- A page of the sessions of one host with a presence.
SELECT username AS user, host, resource, priority, status,
       username || '@' || host || '/' || resource AS cursor
  FROM adminex.sessions
 WHERE host = $1
   AND (username, resource) > ($3, $4)
   AND ($2::text = 'all' OR show = $2)
 ORDER BY sessions.username, sessions.resource
 LIMIT $5::bigint;

-- name: sessions_info(host, username) many
-- Sessions with the details of their connections: of one account, with NULL as username of one
-- host, with NULL for both of all.
SELECT username || '@' || host || '/' || resource AS jid,
       connection, host(ip) AS ip, port, priority, node,
       greatest(0, extract(epoch FROM now() - connected_at))::bigint AS uptime
  FROM adminex.sessions
 WHERE ($1::text IS NULL OR host = $1)
   AND ($2::text IS NULL OR username = $2)
 ORDER BY sessions.host, sessions.username, sessions.resource;

-- name: sessions_info_page(after_host, after_username, after_resource, limit) many
-- A page of the sessions of all hosts with the details of their connections.
SELECT username || '@' || host || '/' || resource AS jid,
       connection, host(ip) AS ip, port, priority, node,
       greatest(0, extract(epoch FROM now() - connected_at))::bigint AS uptime,
       username || '@' || host || '/' || resource AS cursor
  FROM adminex.sessions
 WHERE (host, username, resource) > ($1, $2, $3)
 ORDER BY sessions.host, sessions.username, sessions.resource
 LIMIT $4::bigint;

-- name: sessions_info_host_page(host, after_username, after_resource, limit) many
-- A page of the sessions of one host with the details of their connections.
SELECT username || '@' || host || '/' || resource AS jid,
       connection, host(ip) AS ip, port, priority, node,
       greatest(0, extract(epoch FROM now() - connected_at))::bigint AS uptime,
       username || '@' || host || '/' || resource AS cursor
  FROM adminex.sessions
 WHERE host = $1
   AND (username, resource) > ($2, $3)
 ORDER BY sessions.username, sessions.resource
 LIMIT $4::bigint;
