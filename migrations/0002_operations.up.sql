-- What adminex itself needs to work: what XMPP servers must still do, what was done, and by whom.

CREATE TABLE adminex.outbox (
    host       text COLLATE "C" NOT NULL,
    username   text COLLATE "C" NOT NULL,
    id         bigint           GENERATED ALWAYS AS IDENTITY,
    kind       text COLLATE "C" NOT NULL,
    payload    jsonb            NOT NULL DEFAULT '{}',
    created_at timestamptz      NOT NULL DEFAULT now(),
    CONSTRAINT outbox_pkey PRIMARY KEY (host, username, id),
    -- No foreign key: a row may be about an account that is gone, or about a bare domain.
    CONSTRAINT outbox_host_length CHECK (octet_length(host) BETWEEN 1 AND 1023),
    CONSTRAINT outbox_username_length CHECK (octet_length(username) <= 1023),
    CONSTRAINT outbox_kind_known
        CHECK (kind IN ('kick', 'presence', 'message', 'stanza', 'roster', 'account_removed')),
    CONSTRAINT outbox_payload_object CHECK (jsonb_typeof(payload) = 'object')
);
COMMENT ON TABLE adminex.outbox IS
    'what an XMPP server must do for an account, written in the transaction that made it so';
COMMENT ON COLUMN adminex.outbox.payload IS
    'kick: resource (absent: all), reason; presence and stanza: resource, stanza (XML); '
    'message: stanza; roster: jids that changed (absent: read it anew); '
    'account_removed: contacts that had a subscription';

CREATE TABLE adminex.audit_log (
    id         bigint      GENERATED ALWAYS AS IDENTITY,
    at         timestamptz NOT NULL DEFAULT now(),
    actor      text        NOT NULL,
    db_role    text        NOT NULL DEFAULT session_user,
    face       text        NOT NULL,
    command    text        NOT NULL,
    arguments  jsonb       NOT NULL DEFAULT '{}',
    rows       bigint      NOT NULL,
    outcome    text        NOT NULL,
    CONSTRAINT audit_log_pkey PRIMARY KEY (id),
    CONSTRAINT audit_log_arguments_object CHECK (jsonb_typeof(arguments) = 'object')
);
CREATE INDEX audit_log_at ON adminex.audit_log USING brin (at);
COMMENT ON TABLE adminex.audit_log IS
    'every write: who, what, to whom, how many rows; of the arguments only JIDs, words from fixed '
    'lists and numbers';

CREATE TABLE adminex.nodes (
    node       text COLLATE "C" NOT NULL,
    created_at timestamptz      NOT NULL DEFAULT now(),
    CONSTRAINT nodes_pkey PRIMARY KEY (node),
    CONSTRAINT nodes_node_length CHECK (octet_length(node) BETWEEN 1 AND 1023)
);
COMMENT ON TABLE adminex.nodes IS 'nodes of the XMPP cluster';
