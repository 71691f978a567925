-- Writes that are asked for with an Idempotency-Key: done once, answered the same again.

-- name: request_claim(caller, key, hmac, keep_seconds) one
-- Make a key this transaction's; no row comes back when another request has it.
-- drops: none()
INSERT INTO adminex.idempotency_keys AS k (caller, key, hmac, expires_at)
VALUES ($1, $2, $3::bytea, now() + make_interval(secs => $4::double precision))
    ON CONFLICT (caller, key) DO UPDATE
   SET hmac = excluded.hmac, http_status = NULL, reply = NULL,
       created_at = excluded.created_at, expires_at = excluded.expires_at
 WHERE k.expires_at <= now()
RETURNING true AS claimed;

-- name: request_find(caller, key, hmac) one
-- What was replied to the first request with a key, and whether it was the same request.
SELECT hmac = $3::bytea AS same, http_status, reply
  FROM adminex.idempotency_keys
 WHERE caller = $1 AND key = $2;

-- name: request_keep(caller, key, reply, http_status) exec
-- Keep the reply with the key that this transaction claimed; NULL is not given again.
-- drops: none()
UPDATE adminex.idempotency_keys
   SET reply = $3, http_status = $4::smallint
 WHERE caller = $1 AND key = $2;

-- name: requests_expire() exec
-- Forget the keys whose time is over.
-- drops: none()
DELETE FROM adminex.idempotency_keys WHERE expires_at <= now();
