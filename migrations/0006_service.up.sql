-- What a daemon needs: who is running, which tokens are valid, which requests were answered
-- already, and which request an audit row belongs to.
--
-- On Citus all three tables stay local tables of the coordinator: daemons ask there, and none of
-- them is joined with an account's rows.

CREATE TABLE adminex.daemons (
    id              text COLLATE "C" NOT NULL,
    version         text             NOT NULL,
    started_at      timestamptz      NOT NULL DEFAULT now(),
    beat_at         timestamptz      NOT NULL DEFAULT now(),
    registered_txid xid8             NOT NULL DEFAULT pg_current_xact_id(),
    CONSTRAINT daemons_pkey PRIMARY KEY (id),
    CONSTRAINT daemons_id_length CHECK (octet_length(id) BETWEEN 1 AND 255)
);
COMMENT ON TABLE adminex.daemons IS
    'daemons that hear what changes: nobody is notified while there is none';
COMMENT ON COLUMN adminex.daemons.beat_at IS
    'when it last said that it is alive; one that was killed leaves its row behind';
COMMENT ON COLUMN adminex.daemons.registered_txid IS
    'transactions older than this one may not have seen that the daemon is there';

CREATE TABLE adminex.tokens (
    id         bigint      GENERATED ALWAYS AS IDENTITY,
    label      text        NOT NULL DEFAULT '',
    digest     bytea       NOT NULL,
    role       text        NOT NULL,
    hosts      text[]      COLLATE "C" NOT NULL DEFAULT '{}',
    created_by text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    CONSTRAINT tokens_pkey PRIMARY KEY (id),
    CONSTRAINT tokens_digest_once UNIQUE (digest),
    CONSTRAINT tokens_digest_length CHECK (octet_length(digest) = 32),
    CONSTRAINT tokens_label_length CHECK (octet_length(label) <= 255),
    CONSTRAINT tokens_role_known CHECK (role IN ('reader', 'operator', 'admin')),
    CONSTRAINT tokens_hosts_list
        CHECK (coalesce(array_ndims(hosts), 1) = 1 AND array_position(hosts, NULL) IS NULL
               AND array_position(hosts, '') IS NULL),
    CONSTRAINT tokens_expires_later CHECK (expires_at > created_at)
);
COMMENT ON TABLE adminex.tokens IS
    'bearer tokens of the daemon; revoked ones are kept, as the audit log names them';
COMMENT ON COLUMN adminex.tokens.digest IS 'SHA-256 of the token, which itself is nowhere';
COMMENT ON COLUMN adminex.tokens.hosts IS 'the only hosts it is good for; empty: all';
COMMENT ON COLUMN adminex.tokens.expires_at IS 'NULL: never';

CREATE TABLE adminex.idempotency_keys (
    caller      text COLLATE "C" NOT NULL,
    key         text COLLATE "C" NOT NULL,
    hmac        bytea            NOT NULL,
    http_status smallint,
    reply       text,
    created_at  timestamptz      NOT NULL DEFAULT now(),
    expires_at  timestamptz      NOT NULL,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (caller, key),
    CONSTRAINT idempotency_keys_caller_length CHECK (octet_length(caller) BETWEEN 1 AND 1023),
    CONSTRAINT idempotency_keys_key_length CHECK (octet_length(key) BETWEEN 1 AND 255),
    CONSTRAINT idempotency_keys_hmac_length CHECK (octet_length(hmac) = 32),
    CONSTRAINT idempotency_keys_http_status_range CHECK (http_status BETWEEN 200 AND 599),
    CONSTRAINT idempotency_keys_expires_later CHECK (expires_at > created_at)
);
CREATE INDEX idempotency_keys_expires_at ON adminex.idempotency_keys (expires_at);
COMMENT ON TABLE adminex.idempotency_keys IS
    'writes that were asked for with an Idempotency-Key, kept in the transaction of the change';
COMMENT ON COLUMN adminex.idempotency_keys.hmac IS
    'HMAC-SHA-256 of the request by the daemon''s key: a password in it cannot be guessed from here';
COMMENT ON COLUMN adminex.idempotency_keys.reply IS
    'what was replied; NULL: nothing is given again, as for a reply with a secret in it';

ALTER TABLE adminex.audit_log ADD COLUMN request_id text NOT NULL DEFAULT '';
COMMENT ON COLUMN adminex.audit_log.request_id IS
    'the daemon''s number of the request, as in its log and its reply; empty without a daemon';

-- The privileges of the tables before these are granted as they were.
ALTER FUNCTION adminex.grant_roles() RENAME TO grant_roles_0005;

CREATE FUNCTION adminex.grant_roles() RETURNS text[]
    LANGUAGE plpgsql
    SET search_path = pg_catalog
AS $$
DECLARE
    missing CONSTANT text[] := adminex.grant_roles_0005();
BEGIN
    IF 'adminex_reader' <> ALL (missing) THEN
        GRANT SELECT ON adminex.daemons TO adminex_reader;
    END IF;
    IF 'adminex_operator' <> ALL (missing) THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON adminex.daemons, adminex.idempotency_keys
            TO adminex_operator;
        -- Enough to recognise a token, not to make one.
        GRANT SELECT ON adminex.tokens TO adminex_operator;
    END IF;
    IF 'adminex_admin' <> ALL (missing) THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON adminex.daemons, adminex.idempotency_keys,
            adminex.tokens
            TO adminex_admin;
    END IF;
    RETURN missing;
END
$$;
COMMENT ON FUNCTION adminex.grant_roles() IS
    'grants the privileges of this schema to those adminex roles that exist; returns the others';
REVOKE ALL ON FUNCTION adminex.grant_roles() FROM PUBLIC;

-- Roles that have privileges here cannot be dropped meanwhile, and one that is missing is left out.
DO $$
BEGIN
    PERFORM adminex.grant_roles();
END
$$;
