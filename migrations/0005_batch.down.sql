-- Forgets how far batches have come: a killed one can no longer be resumed.
DROP FUNCTION adminex.grant_roles();
ALTER FUNCTION adminex.grant_roles_0004() RENAME TO grant_roles;
DROP TABLE adminex.batch_runs;
