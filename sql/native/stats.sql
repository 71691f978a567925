-- name: stats_registered(host) value
-- Accounts of one host, or with NULL of all.
SELECT count(*) FROM adminex.users WHERE $1::text IS NULL OR host = $1;

-- name: stats_online(host) value
-- Sessions of one host, or with NULL of all.
SELECT count(*) FROM adminex.sessions WHERE $1::text IS NULL OR host = $1;

-- name: stats_online_node(node) value
-- Sessions of one node.
SELECT count(*) FROM adminex.sessions WHERE node = $1;

-- name: stats_uptime() value
-- Seconds since PostgreSQL was started.
SELECT extract(epoch FROM now() - pg_postmaster_start_time())::bigint;
