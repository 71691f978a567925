-- name: node_remove(audit, node) one
-- Remove a node and all its sessions, whatever of the two exists.
-- drops: none()
WITH node AS (
    DELETE FROM adminex.nodes WHERE node = $2 RETURNING 1
),
ended AS (
    DELETE FROM adminex.sessions WHERE node = $2 RETURNING 1
),
done AS (
    SELECT CASE WHEN n.rows + e.rows = 0 THEN 'no_node' ELSE 'ok' END AS outcome,
           n.rows + e.rows AS rows
      FROM (SELECT count(*) AS rows FROM node) AS n,
           (SELECT count(*) AS rows FROM ended) AS e
),
audited AS (
    INSERT INTO adminex.audit_log (actor, face, command, arguments, rows, outcome, request_id)
    SELECT a.actor, a.face, a.command, a.arguments, d.rows, d.outcome, coalesce(a.request, '')
      FROM done AS d,
           jsonb_to_record($1::jsonb)
               AS a(actor text, face text, command text, arguments jsonb, request text)
)
SELECT outcome, rows FROM done;
