-- The ledger of data subjects' requests. Its triggers number each row and chain it to the last one.
-- Audit rows have the number of the request and words: whom it is about goes with the open request.

-- name: gdpr_ledger_lock() exec
-- Wait until nobody else appends: what a statement behind this one reads stays true.
SELECT pg_advisory_xact_lock(hashtextextended('adminex.gdpr_ledger', 0));

-- name: gdpr_request_open(audit, type, subject, host, username, received, note, note_hmac, identity, identity_hmac) one
-- Note a request, and how the identity was checked where that is known already. Hashes are
-- hexadecimal digits; received is a date, today (UTC) where it is NULL. Somewhere it is tomorrow
-- already, but no later than that. The deadline is that day of the next month, or its last day
-- where it has none such.
-- drops: none()
WITH day AS (
    SELECT coalesce($6::date, today) AS received, today
      FROM (SELECT (now() AT TIME ZONE 'UTC')::date AS today) AS t
),
opened AS (
    INSERT INTO adminex.gdpr_ledger (event, type, subject, received, deadline, note_hmac, actor)
    SELECT 'opened', $2, decode($3, 'hex'), d.received, d.received + interval '1 month',
           decode($8, 'hex'), a.actor
      FROM day AS d, jsonb_to_record($1::jsonb) AS a(actor text)
     WHERE d.received <= d.today + 1
    RETURNING request, deadline, actor
),
subject AS (
    INSERT INTO adminex.gdpr_subjects (request, host, username, note, identity)
    SELECT request, $4, $5, $7, $9 FROM opened
),
checked AS (
    INSERT INTO adminex.gdpr_ledger (request, event, note_hmac, actor)
    SELECT request, 'identity', decode($10, 'hex'), actor FROM opened WHERE $10 IS NOT NULL
),
done AS (
    SELECT CASE WHEN o.request IS NULL THEN 'not_yet' ELSE 'ok' END AS outcome,
           CASE WHEN o.request IS NULL THEN 0 ELSE 1 END AS rows, o.request, o.deadline
      FROM day LEFT JOIN opened AS o ON true
),
audited AS (
    INSERT INTO adminex.audit_log (actor, face, command, arguments, rows, outcome, request_id)
    SELECT a.actor, a.face, a.command,
           jsonb_strip_nulls(jsonb_build_object('request', d.request, 'type', $2)), d.rows,
           d.outcome, coalesce(a.request, '')
      FROM done AS d,
           jsonb_to_record($1::jsonb) AS a(actor text, face text, command text, request text)
)
SELECT outcome, rows, request, to_char(deadline, 'YYYY-MM-DD') AS deadline FROM done;

-- name: gdpr_request_identity(audit, request, identity, hmac) one
-- Note how the identity was checked; the text before it is forgotten, that there was one is not.
-- drops: none()
WITH request AS (
    SELECT o.request,
           EXISTS (SELECT FROM adminex.gdpr_ledger AS c
                    WHERE c.request = o.request AND c.event = 'closed') AS closed
      FROM adminex.gdpr_ledger AS o
     WHERE o.request = $2::bigint AND o.event = 'opened'
),
checked AS (
    INSERT INTO adminex.gdpr_ledger (request, event, note_hmac, actor)
    SELECT r.request, 'identity', decode($4, 'hex'), a.actor
      FROM request AS r, jsonb_to_record($1::jsonb) AS a(actor text)
     WHERE NOT r.closed
    RETURNING request
),
subject AS (
    UPDATE adminex.gdpr_subjects AS s
       SET identity = $3
      FROM checked AS c
     WHERE s.request = c.request
),
done AS (
    SELECT CASE WHEN EXISTS (SELECT FROM checked) THEN 'ok'
                WHEN EXISTS (SELECT FROM request) THEN 'closed_before'
                ELSE 'request_does_not_exist' END AS outcome,
           (SELECT count(*) FROM checked) AS rows
),
audited AS (
    INSERT INTO adminex.audit_log (actor, face, command, arguments, rows, outcome, request_id)
    SELECT a.actor, a.face, a.command, jsonb_build_object('request', $2::bigint), d.rows,
           d.outcome, coalesce(a.request, '')
      FROM done AS d,
           jsonb_to_record($1::jsonb) AS a(actor text, face text, command text, request text)
)
SELECT outcome, rows, $2::bigint AS request FROM done;

-- name: gdpr_request_extend(audit, request, extension, hmac) one
-- Two months more, so three in all, once, and only as long as the first deadline has not passed:
-- by then the subject must know.
-- drops: none()
WITH request AS (
    SELECT o.request, o.received, o.deadline,
           EXISTS (SELECT FROM adminex.gdpr_ledger AS c
                    WHERE c.request = o.request AND c.event = 'closed') AS closed,
           EXISTS (SELECT FROM adminex.gdpr_ledger AS e
                    WHERE e.request = o.request AND e.event = 'extended') AS extended
      FROM adminex.gdpr_ledger AS o
     WHERE o.request = $2::bigint AND o.event = 'opened'
),
extended AS (
    INSERT INTO adminex.gdpr_ledger (request, event, deadline, note_hmac, actor)
    SELECT r.request, 'extended', r.received + interval '3 months', decode($4, 'hex'), a.actor
      FROM request AS r, jsonb_to_record($1::jsonb) AS a(actor text)
     WHERE NOT r.closed AND NOT r.extended AND (now() AT TIME ZONE 'UTC')::date <= r.deadline
    RETURNING request, deadline
),
subject AS (
    UPDATE adminex.gdpr_subjects AS s
       SET extension = $3
      FROM extended AS e
     WHERE s.request = e.request
),
done AS (
    SELECT CASE WHEN e.request IS NOT NULL THEN 'ok'
                WHEN r.closed THEN 'closed_before'
                WHEN r.extended THEN 'extended_before'
                WHEN r.request IS NOT NULL THEN 'too_late'
                ELSE 'request_does_not_exist' END AS outcome,
           CASE WHEN e.request IS NULL THEN 0 ELSE 1 END AS rows,
           coalesce(e.deadline, r.deadline) AS deadline
      FROM (SELECT $2::bigint AS request) AS asked
      LEFT JOIN request AS r USING (request)
      LEFT JOIN extended AS e USING (request)
),
audited AS (
    INSERT INTO adminex.audit_log (actor, face, command, arguments, rows, outcome, request_id)
    SELECT a.actor, a.face, a.command, jsonb_build_object('request', $2::bigint), d.rows,
           d.outcome, coalesce(a.request, '')
      FROM done AS d,
           jsonb_to_record($1::jsonb) AS a(actor text, face text, command text, request text)
)
SELECT outcome, rows, $2::bigint AS request, to_char(deadline, 'YYYY-MM-DD') AS deadline
  FROM done;

-- name: gdpr_request_close(audit, request, outcome, handed_over, hmac) one
-- Note how it ended, and forget whom it was about and what was noted in the clear. Hashes are
-- hexadecimal digits.
-- drops: none()
WITH request AS (
    SELECT o.request,
           EXISTS (SELECT FROM adminex.gdpr_ledger AS c
                    WHERE c.request = o.request AND c.event = 'closed') AS closed
      FROM adminex.gdpr_ledger AS o
     WHERE o.request = $2::bigint AND o.event = 'opened'
),
closed AS (
    INSERT INTO adminex.gdpr_ledger (request, event, outcome, handed_over, note_hmac, actor)
    SELECT r.request, 'closed', $3, decode($4, 'hex'), decode($5, 'hex'), a.actor
      FROM request AS r, jsonb_to_record($1::jsonb) AS a(actor text)
     WHERE NOT r.closed
    RETURNING request
),
subject AS (
    DELETE FROM adminex.gdpr_subjects AS s
     USING closed AS c
     WHERE s.request = c.request
),
done AS (
    SELECT CASE WHEN EXISTS (SELECT FROM closed) THEN 'ok'
                WHEN EXISTS (SELECT FROM request) THEN 'closed_before'
                ELSE 'request_does_not_exist' END AS outcome,
           (SELECT count(*) FROM closed) AS rows
),
audited AS (
    INSERT INTO adminex.audit_log (actor, face, command, arguments, rows, outcome, request_id)
    SELECT a.actor, a.face, a.command,
           jsonb_build_object('request', $2::bigint, 'outcome', $3), d.rows, d.outcome,
           coalesce(a.request, '')
      FROM done AS d,
           jsonb_to_record($1::jsonb) AS a(actor text, face text, command text, request text)
)
SELECT outcome, rows, $2::bigint AS request FROM done;

-- name: gdpr_request_list(closed_too, type) many
-- Requests, open ones or all, of one type where it is not NULL. Open is what the ledger says, not
-- whether there still is a name.
SELECT o.request, o.type, s.username AS "user", s.host,
       to_char(o.received, 'YYYY-MM-DD') AS received,
       to_char(coalesce(e.deadline, o.deadline), 'YYYY-MM-DD') AS deadline,
       coalesce(c.outcome, 'open') AS state,
       to_char(c.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS closed_at
  FROM adminex.gdpr_ledger AS o
  LEFT JOIN adminex.gdpr_ledger AS e ON e.request = o.request AND e.event = 'extended'
  LEFT JOIN adminex.gdpr_ledger AS c ON c.request = o.request AND c.event = 'closed'
  LEFT JOIN adminex.gdpr_subjects AS s ON s.request = o.request
 WHERE o.event = 'opened'
   AND (c.request IS NULL OR $1::boolean)
   AND ($2::text IS NULL OR o.type = $2)
 ORDER BY o.request;

-- name: gdpr_request_due(days) many
-- Open requests whose last day is at most so many days away, or over: then days_left is negative.
SELECT o.request, o.type, s.username AS "user", s.host,
       to_char(o.received, 'YYYY-MM-DD') AS received,
       to_char(d.deadline, 'YYYY-MM-DD') AS deadline, d.days_left
  FROM adminex.gdpr_ledger AS o
  LEFT JOIN adminex.gdpr_ledger AS e ON e.request = o.request AND e.event = 'extended'
  LEFT JOIN adminex.gdpr_subjects AS s ON s.request = o.request
 CROSS JOIN LATERAL (
    SELECT coalesce(e.deadline, o.deadline) AS deadline,
           coalesce(e.deadline, o.deadline) - (now() AT TIME ZONE 'UTC')::date AS days_left) AS d
 WHERE o.event = 'opened'
   AND d.days_left <= $1::integer
   AND NOT EXISTS (SELECT FROM adminex.gdpr_ledger AS c
                    WHERE c.request = o.request AND c.event = 'closed')
 ORDER BY d.deadline, o.request;

-- name: gdpr_request_show(request) many
-- What happened to a request. The texts are there until it is closed; of several checks of the
-- identity the last one's.
SELECT l.seq AS row, to_char(l.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS at, l.event,
       l.type, CASE l.event WHEN 'opened' THEN s.username END AS "user",
       CASE l.event WHEN 'opened' THEN s.host END AS host,
       to_char(l.received, 'YYYY-MM-DD') AS received,
       to_char(l.deadline, 'YYYY-MM-DD') AS deadline, l.outcome,
       'sha256:' || encode(l.handed_over, 'hex') AS handed_over,
       CASE l.event WHEN 'opened' THEN s.note
                    WHEN 'extended' THEN s.extension
                    WHEN 'identity' THEN
                        CASE l.seq WHEN max(l.seq) FILTER (WHERE l.event = 'identity') OVER ()
                                   THEN s.identity END END AS note,
       encode(l.note_hmac, 'hex') AS note_hmac, encode(l.subject, 'hex') AS subject, l.actor
  FROM adminex.gdpr_ledger AS l
  LEFT JOIN adminex.gdpr_subjects AS s ON s.request = l.request
 WHERE l.request = $1::bigint
 ORDER BY l.seq;

-- name: gdpr_ledger_head() one
-- The hash of the last row; of an empty ledger what its first row will be chained to.
SELECT 'sha256:' || encode(coalesce((SELECT hash FROM adminex.gdpr_ledger
                                      ORDER BY seq DESC LIMIT 1),
                                    decode(repeat('00', 32), 'hex')), 'hex') AS head;

-- name: gdpr_ledger_verify(head) one
-- Compute the chain anew. Of each kind of damage the first row that shows it, and how many do: a
-- number that is left out, a row that is not what its hash says, one that is not chained to the
-- row before. head is hexadecimal digits, the hash of a row that must be there, or NULL.
WITH chained AS (
    SELECT l.seq, l.hash, l.prev, adminex.gdpr_ledger_hash(l) AS computed,
           lag(l.seq, 1, 0::bigint) OVER by_number AS seq_before,
           lag(l.hash, 1, decode(repeat('00', 32), 'hex')) OVER by_number AS hash_before
      FROM adminex.gdpr_ledger AS l
    WINDOW by_number AS (ORDER BY l.seq)
),
judged AS (
    SELECT seq, hash, seq_before, seq <> seq_before + 1 AS missing, computed <> hash AS changed,
           prev <> hash_before AS unchained
      FROM chained
)
SELECT count(*) AS rows,
       min(seq_before + 1) FILTER (WHERE missing) AS missing,
       min(seq) FILTER (WHERE changed) AS changed,
       min(seq) FILTER (WHERE unchained) AS unchained,
       count(*) FILTER (WHERE missing OR changed OR unchained) AS broken,
       'sha256:' || encode(coalesce((SELECT hash FROM adminex.gdpr_ledger
                                      ORDER BY seq DESC LIMIT 1),
                                    decode(repeat('00', 32), 'hex')), 'hex') AS head,
       $1::text IS NULL OR $1 = repeat('00', 32)
       OR coalesce(bool_or(hash = decode($1, 'hex')), false) AS head_is_there
  FROM judged;
