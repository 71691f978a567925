-- Accounts and what belongs to them. Foreign keys come in a later migration, so that the tables
-- can be distributed in between.
--
-- Names are natural keys in the "C" collation: prepared JID parts, compared as bytes. A B-tree
-- entry holds at most 2,704 bytes, so every key has a CHECK that it fits, or a foreign key to one
-- that has.

CREATE TABLE adminex.hosts (
    host       text COLLATE "C" NOT NULL,
    created_at timestamptz      NOT NULL DEFAULT now(),
    CONSTRAINT hosts_pkey PRIMARY KEY (host),
    CONSTRAINT hosts_host_length CHECK (octet_length(host) BETWEEN 1 AND 1023)
);
COMMENT ON TABLE adminex.hosts IS 'virtual hosts (XMPP domains) that are served';

CREATE TABLE adminex.users (
    host       text COLLATE "C" NOT NULL,
    username   text COLLATE "C" NOT NULL,
    created_at timestamptz      NOT NULL DEFAULT now(),
    CONSTRAINT users_pkey PRIMARY KEY (host, username),
    CONSTRAINT users_host_length CHECK (octet_length(host) BETWEEN 1 AND 1023),
    CONSTRAINT users_username_length CHECK (octet_length(username) BETWEEN 1 AND 1023)
);
COMMENT ON TABLE adminex.users IS 'accounts; holds no secret';

CREATE TABLE adminex.credentials (
    host       text COLLATE "C" NOT NULL,
    username   text COLLATE "C" NOT NULL,
    mechanism  text COLLATE "C" NOT NULL,
    plain      text,
    iterations integer,
    salt       bytea,
    stored_key bytea,
    server_key bytea,
    set_at     timestamptz      NOT NULL DEFAULT now(),
    CONSTRAINT credentials_pkey PRIMARY KEY (host, username, mechanism),
    CONSTRAINT credentials_mechanism_known
        CHECK (mechanism IN ('PLAIN', 'SCRAM-SHA-1', 'SCRAM-SHA-256', 'SCRAM-SHA-512')),
    -- Either a plain password or the four values of RFC 5802, never a mixture.
    CONSTRAINT credentials_whole CHECK (
        CASE WHEN mechanism = 'PLAIN'
             THEN plain IS NOT NULL AND plain <> ''
                  AND num_nonnulls(iterations, salt, stored_key, server_key) = 0
             ELSE plain IS NULL
                  AND num_nonnulls(iterations, salt, stored_key, server_key) = 4
        END),
    CONSTRAINT credentials_iterations_range CHECK (iterations BETWEEN 1 AND 10000000),
    CONSTRAINT credentials_salt_length CHECK (octet_length(salt) BETWEEN 1 AND 1024),
    CONSTRAINT credentials_key_length CHECK (
        mechanism = 'PLAIN'
        OR (octet_length(stored_key) = octet_length(server_key)
            AND octet_length(stored_key) = CASE mechanism WHEN 'SCRAM-SHA-1' THEN 20
                                                          WHEN 'SCRAM-SHA-256' THEN 32
                                                          ELSE 64 END))
);
COMMENT ON TABLE adminex.credentials IS 'secrets of accounts, one row a mechanism';

CREATE TABLE adminex.bans (
    host      text COLLATE "C" NOT NULL,
    username  text COLLATE "C" NOT NULL,
    reason    text             NOT NULL DEFAULT '',
    banned_at timestamptz      NOT NULL DEFAULT now(),
    banned_by text             NOT NULL DEFAULT session_user,
    CONSTRAINT bans_pkey PRIMARY KEY (host, username)
);
COMMENT ON TABLE adminex.bans IS 'accounts whose password checks all fail';

CREATE TABLE adminex.last_activity (
    host     text COLLATE "C" NOT NULL,
    username text COLLATE "C" NOT NULL,
    last_at  timestamptz      NOT NULL,
    status   text             NOT NULL DEFAULT '',
    CONSTRAINT last_activity_pkey PRIMARY KEY (host, username)
);
CREATE INDEX last_activity_host_last_at ON adminex.last_activity (host, last_at);
COMMENT ON TABLE adminex.last_activity IS 'when an account was last connected (XEP-0012)';

CREATE TABLE adminex.roster_items (
    host         text COLLATE "C" NOT NULL,
    username     text COLLATE "C" NOT NULL,
    jid          text COLLATE "C" NOT NULL,
    nick         text             NOT NULL DEFAULT '',
    subscription text COLLATE "C" NOT NULL DEFAULT 'N',
    ask          text COLLATE "C" NOT NULL DEFAULT 'N',
    ask_message  text             NOT NULL DEFAULT '',
    groups       text[]           NOT NULL DEFAULT '{}',
    CONSTRAINT roster_items_pkey PRIMARY KEY (host, username, jid),
    CONSTRAINT roster_items_jid_bare
        CHECK (octet_length(jid) BETWEEN 1 AND 2047 AND position('/' IN jid) = 0),
    CONSTRAINT roster_items_key_fits
        CHECK (octet_length(host) + octet_length(username) + octet_length(jid) <= 2600),
    CONSTRAINT roster_items_subscription_known CHECK (subscription IN ('N', 'T', 'F', 'B')),
    CONSTRAINT roster_items_ask_known CHECK (ask IN ('N', 'O', 'I', 'B', 'S', 'U')),
    CONSTRAINT roster_items_groups_list CHECK (
        CASE WHEN cardinality(groups) = 0 THEN true
             ELSE array_ndims(groups) = 1 AND array_lower(groups, 1) = 1
        END),
    CONSTRAINT roster_items_groups_not_null CHECK (array_position(groups, NULL) IS NULL)
);
CREATE INDEX roster_items_jid ON adminex.roster_items (jid, host, username);
COMMENT ON TABLE adminex.roster_items IS 'contacts (RFC 6121 section 2), one row a contact';
COMMENT ON COLUMN adminex.roster_items.subscription IS 'N none, T to, F from, B both';
COMMENT ON COLUMN adminex.roster_items.ask IS
    'pending request: N none, O out, I in, B both, S subscribe, U unsubscribe';

CREATE TABLE adminex.roster_versions (
    host     text COLLATE "C" NOT NULL,
    username text COLLATE "C" NOT NULL,
    version  bigint           NOT NULL DEFAULT 1,
    CONSTRAINT roster_versions_pkey PRIMARY KEY (host, username)
);
COMMENT ON TABLE adminex.roster_versions IS
    'roster versions (RFC 6121 section 2.6) of the accounts that use them';

CREATE TABLE adminex.vcards (
    host       text COLLATE "C" NOT NULL,
    username   text COLLATE "C" NOT NULL,
    vcard      text             NOT NULL,
    fn         text             NOT NULL DEFAULT '',
    family     text             NOT NULL DEFAULT '',
    given      text             NOT NULL DEFAULT '',
    middle     text             NOT NULL DEFAULT '',
    nickname   text             NOT NULL DEFAULT '',
    bday       text             NOT NULL DEFAULT '',
    ctry       text             NOT NULL DEFAULT '',
    locality   text             NOT NULL DEFAULT '',
    email      text             NOT NULL DEFAULT '',
    orgname    text             NOT NULL DEFAULT '',
    orgunit    text             NOT NULL DEFAULT '',
    updated_at timestamptz      NOT NULL DEFAULT now(),
    CONSTRAINT vcards_pkey PRIMARY KEY (host, username)
);
COMMENT ON TABLE adminex.vcards IS 'vcard-temp cards (XEP-0054) and their searchable fields';

CREATE TABLE adminex.private_storage (
    host     text COLLATE "C" NOT NULL,
    username text COLLATE "C" NOT NULL,
    xmlns    text COLLATE "C" NOT NULL,
    data     text             NOT NULL,
    CONSTRAINT private_storage_pkey PRIMARY KEY (host, username, xmlns),
    CONSTRAINT private_storage_xmlns_length CHECK (octet_length(xmlns) BETWEEN 1 AND 1023),
    CONSTRAINT private_storage_key_fits
        CHECK (octet_length(host) + octet_length(username) + octet_length(xmlns) <= 2600)
);
COMMENT ON TABLE adminex.private_storage IS
    'private XML storage (XEP-0049), one element a namespace';

CREATE TABLE adminex.offline_messages (
    host       text COLLATE "C" NOT NULL,
    username   text COLLATE "C" NOT NULL,
    id         bigint           GENERATED ALWAYS AS IDENTITY,
    created_at timestamptz      NOT NULL DEFAULT now(),
    sender     text             NOT NULL DEFAULT '',
    packet     text             NOT NULL,
    CONSTRAINT offline_messages_pkey PRIMARY KEY (host, username, id)
);
COMMENT ON TABLE adminex.offline_messages IS 'messages that wait for an account (XEP-0160)';

CREATE TABLE adminex.sessions (
    host         text COLLATE "C" NOT NULL,
    username     text COLLATE "C" NOT NULL,
    resource     text COLLATE "C" NOT NULL,
    priority     integer          NOT NULL DEFAULT 0,
    show         text COLLATE "C" NOT NULL DEFAULT 'available',
    status       text             NOT NULL DEFAULT '',
    connection   text             NOT NULL DEFAULT 'c2s',
    ip           inet,
    port         integer,
    node         text             NOT NULL DEFAULT '',
    connected_at timestamptz      NOT NULL DEFAULT now(),
    CONSTRAINT sessions_pkey PRIMARY KEY (host, username, resource),
    CONSTRAINT sessions_resource_length CHECK (octet_length(resource) BETWEEN 1 AND 1023),
    CONSTRAINT sessions_key_fits
        CHECK (octet_length(host) + octet_length(username) + octet_length(resource) <= 2600),
    CONSTRAINT sessions_priority_range CHECK (priority BETWEEN -128 AND 127),
    CONSTRAINT sessions_show_known
        CHECK (show IN ('available', 'chat', 'away', 'xa', 'dnd', 'unavailable')),
    CONSTRAINT sessions_port_range CHECK (port BETWEEN 0 AND 65535)
);
COMMENT ON TABLE adminex.sessions IS
    'connected resources; an XMPP server or a bridge writes these rows';
