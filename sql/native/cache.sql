-- What keeps the caches of daemons coherent: notifications, and the rows of who wants them.

-- name: cache_notify(payload, daemon) exec
-- Tell all daemons but one what this transaction changes. Nobody is told while there are none: a
-- NOTIFY makes transactions queue at their COMMIT. A daemon gives its cache up long before its last
-- beat is that old (src/db/listen.h).
SELECT pg_notify('adminex_cache', $1)
 WHERE EXISTS (SELECT FROM adminex.daemons
                WHERE id <> $2 AND beat_at > now() - interval '5 minutes');

-- name: cache_listen() exec
-- Hear what others change.
LISTEN adminex_cache;

-- name: cache_server() value
-- Whether notifications can be had here: not from a standby, and not where a pooler stands between,
-- which makes up the process ids that its clients know. "4711 false": the id, and is it a standby.
SELECT pg_backend_pid() || ' ' || pg_is_in_recovery();

-- name: daemon_register(id, version) exec
-- From now on that daemon is told; those that were killed long ago are forgotten.
-- drops: none()
WITH dead AS (
    DELETE FROM adminex.daemons WHERE id <> $1 AND beat_at < now() - interval '1 hour'
)
INSERT INTO adminex.daemons (id, version) VALUES ($1, $2)
    ON CONFLICT (id) DO UPDATE
   SET version = excluded.version, started_at = excluded.started_at, beat_at = excluded.beat_at,
       registered_txid = excluded.registered_txid;

-- name: daemon_horizon() value
-- The transaction id that comes next. Asked for after the registration was committed: a transaction
-- that did not see it when it was about to COMMIT has an older one.
SELECT pg_snapshot_xmax(pg_current_snapshot());

-- name: daemon_settled(horizon) value
-- Whether all transactions that are older than that have ended.
SELECT pg_snapshot_xmin(pg_current_snapshot()) >= $1::xid8;

-- name: daemon_beat(id) one
-- That daemon is alive; no row when somebody removed it, or it was silent for so long that it may
-- not have been told something.
-- drops: none()
UPDATE adminex.daemons SET beat_at = now()
 WHERE id = $1 AND beat_at > now() - interval '1 minute'
RETURNING 1 AS beaten;

-- name: daemon_gone(id) exec
-- That daemon needs to be told nothing any more.
-- drops: none()
DELETE FROM adminex.daemons WHERE id = $1;
