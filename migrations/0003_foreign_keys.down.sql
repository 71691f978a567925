-- Citus: one connection a node, as users_host_fkey refers to a reference table. Elsewhere it does
-- nothing.
SET LOCAL citus.multi_shard_modify_mode TO 'sequential';

ALTER TABLE adminex.sessions DROP CONSTRAINT sessions_account_fkey;
ALTER TABLE adminex.offline_messages DROP CONSTRAINT offline_messages_account_fkey;
ALTER TABLE adminex.private_storage DROP CONSTRAINT private_storage_account_fkey;
ALTER TABLE adminex.vcards DROP CONSTRAINT vcards_account_fkey;
ALTER TABLE adminex.roster_versions DROP CONSTRAINT roster_versions_account_fkey;
ALTER TABLE adminex.roster_items DROP CONSTRAINT roster_items_account_fkey;
ALTER TABLE adminex.last_activity DROP CONSTRAINT last_activity_account_fkey;
ALTER TABLE adminex.bans DROP CONSTRAINT bans_account_fkey;
ALTER TABLE adminex.credentials DROP CONSTRAINT credentials_account_fkey;
ALTER TABLE adminex.users DROP CONSTRAINT users_host_fkey;
