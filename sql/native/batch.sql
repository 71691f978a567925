-- Batches that can be resumed: how far each run has come.

-- name: batch_start(input_sha256, actor) one
-- Begin a run on an input of that SHA-256 (64 hex digits); returns its id.
-- drops: none()
INSERT INTO adminex.batch_runs (input_sha256, actor)
VALUES (decode($1, 'hex'), $2)
RETURNING run_id;

-- name: batch_lock(run_id) one
-- Wait until no transaction of this run is going on, also not one of a client that was killed.
SELECT pg_advisory_xact_lock(hashtextextended('adminex.batch_runs ' || $1, 0));

-- name: batch_try_lock(run_id) value
-- The same without waiting: 1 when the lock was free, else 0.
SELECT pg_try_advisory_xact_lock(hashtextextended('adminex.batch_runs ' || $1, 0))::integer;

-- name: batch_patience() exec
-- Let this transaction wait for locks without a limit.
SELECT set_config('lock_timeout', '0', true);

-- name: batch_find(run_id) one
-- How far a run has come; no row when this database does not know it.
SELECT encode(input_sha256, 'hex') AS input_sha256, last_line, failed,
       finished_at IS NOT NULL AS ended
  FROM adminex.batch_runs
 WHERE run_id = $1::uuid;

-- name: batch_advance(run_id, from_line, to_line, failed) one
-- Record that the lines behind from_line, up to to_line, are done by this transaction. No row when
-- somebody else has done them.
-- drops: none()
UPDATE adminex.batch_runs
   SET last_line = $3::bigint, failed = failed + $4::bigint, updated_at = now()
 WHERE run_id = $1::uuid AND last_line = $2::bigint
RETURNING last_line;

-- name: batch_finish(run_id) exec
-- The end of the input was reached.
-- drops: none()
UPDATE adminex.batch_runs
   SET finished_at = now()
 WHERE run_id = $1::uuid AND finished_at IS NULL;
