-- Forgets all tokens, answered requests and daemons: those that run must be stopped before.
-- The optional cache triggers read table daemons.
DROP FUNCTION IF EXISTS adminex.cache_changed() CASCADE;
DROP FUNCTION adminex.grant_roles();
ALTER FUNCTION adminex.grant_roles_0005() RENAME TO grant_roles;
ALTER TABLE adminex.audit_log DROP COLUMN request_id;
DROP TABLE adminex.idempotency_keys;
DROP TABLE adminex.tokens;
DROP TABLE adminex.daemons;
