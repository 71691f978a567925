-- What belongs to an account goes with the account; a host with accounts stays.

-- Citus: one connection a node, as users_host_fkey refers to a reference table. Elsewhere it does
-- nothing.
SET LOCAL citus.multi_shard_modify_mode TO 'sequential';

ALTER TABLE adminex.users
    ADD CONSTRAINT users_host_fkey FOREIGN KEY (host) REFERENCES adminex.hosts (host);
ALTER TABLE adminex.credentials
    ADD CONSTRAINT credentials_account_fkey FOREIGN KEY (host, username)
        REFERENCES adminex.users (host, username) ON DELETE CASCADE;
ALTER TABLE adminex.bans
    ADD CONSTRAINT bans_account_fkey FOREIGN KEY (host, username)
        REFERENCES adminex.users (host, username) ON DELETE CASCADE;
ALTER TABLE adminex.last_activity
    ADD CONSTRAINT last_activity_account_fkey FOREIGN KEY (host, username)
        REFERENCES adminex.users (host, username) ON DELETE CASCADE;
ALTER TABLE adminex.roster_items
    ADD CONSTRAINT roster_items_account_fkey FOREIGN KEY (host, username)
        REFERENCES adminex.users (host, username) ON DELETE CASCADE;
ALTER TABLE adminex.roster_versions
    ADD CONSTRAINT roster_versions_account_fkey FOREIGN KEY (host, username)
        REFERENCES adminex.users (host, username) ON DELETE CASCADE;
ALTER TABLE adminex.vcards
    ADD CONSTRAINT vcards_account_fkey FOREIGN KEY (host, username)
        REFERENCES adminex.users (host, username) ON DELETE CASCADE;
ALTER TABLE adminex.private_storage
    ADD CONSTRAINT private_storage_account_fkey FOREIGN KEY (host, username)
        REFERENCES adminex.users (host, username) ON DELETE CASCADE;
ALTER TABLE adminex.offline_messages
    ADD CONSTRAINT offline_messages_account_fkey FOREIGN KEY (host, username)
        REFERENCES adminex.users (host, username) ON DELETE CASCADE;
ALTER TABLE adminex.sessions
    ADD CONSTRAINT sessions_account_fkey FOREIGN KEY (host, username)
        REFERENCES adminex.users (host, username) ON DELETE CASCADE;
