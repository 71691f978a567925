-- Three roles to give to login roles: GRANT adminex_operator TO somebody.
--
--   adminex_reader    reads everything but secrets and the outbox
--   adminex_operator  manages accounts, their secrets and their data
--   adminex_admin     also hosts, nodes and the clean-up of outbox and audit log
--
-- Roles belong to the cluster, not to the database: each is made only when it is missing, also
-- when two databases are migrated at the same time.

-- Grants this schema's privileges to those of the three roles that exist, and returns the names of
-- those that do not. Run it again after making a role by hand.
CREATE FUNCTION adminex.grant_roles() RETURNS text[]
    LANGUAGE plpgsql
    SET search_path = pg_catalog
AS $$
DECLARE
    missing text[] := '{}';
BEGIN
    IF to_regrole('adminex_reader') IS NULL THEN
        missing := missing || 'adminex_reader'::text;
    ELSE
        GRANT USAGE ON SCHEMA adminex TO adminex_reader;
        GRANT SELECT ON adminex.schema_migrations, adminex.hosts, adminex.users, adminex.bans,
            adminex.last_activity, adminex.roster_items, adminex.roster_versions, adminex.vcards,
            adminex.private_storage, adminex.offline_messages, adminex.sessions, adminex.nodes,
            adminex.audit_log
            TO adminex_reader;
    END IF;
    IF to_regrole('adminex_operator') IS NULL THEN
        missing := missing || 'adminex_operator'::text;
    ELSE
        GRANT USAGE ON SCHEMA adminex TO adminex_operator;
        GRANT SELECT ON adminex.schema_migrations, adminex.hosts, adminex.nodes
            TO adminex_operator;
        GRANT SELECT, INSERT, UPDATE, DELETE ON adminex.users, adminex.credentials, adminex.bans,
            adminex.last_activity, adminex.roster_items, adminex.roster_versions, adminex.vcards,
            adminex.private_storage, adminex.offline_messages, adminex.sessions
            TO adminex_operator;
        GRANT SELECT, INSERT ON adminex.outbox, adminex.audit_log TO adminex_operator;
    END IF;
    IF to_regrole('adminex_admin') IS NULL THEN
        missing := missing || 'adminex_admin'::text;
    ELSE
        GRANT USAGE ON SCHEMA adminex TO adminex_admin;
        GRANT SELECT ON adminex.schema_migrations TO adminex_admin;
        GRANT SELECT, INSERT, UPDATE, DELETE ON adminex.hosts, adminex.nodes, adminex.users,
            adminex.credentials, adminex.bans, adminex.last_activity, adminex.roster_items,
            adminex.roster_versions, adminex.vcards, adminex.private_storage,
            adminex.offline_messages, adminex.sessions, adminex.outbox
            TO adminex_admin;
        -- The audit log is written and cleaned up, never rewritten.
        GRANT SELECT, INSERT, DELETE ON adminex.audit_log TO adminex_admin;
    END IF;
    RETURN missing;
END
$$;
COMMENT ON FUNCTION adminex.grant_roles() IS
    'grants the privileges of this schema to those adminex roles that exist; returns the others';
REVOKE ALL ON FUNCTION adminex.grant_roles() FROM PUBLIC;

-- Another database may make or drop a role at any moment before it is locked by a GRANT. Then the
-- attempt is undone as a whole and made again, so that it never waits with a lock in hand.
DO $$
DECLARE
    may_create CONSTANT boolean := (SELECT rolsuper OR rolcreaterole
                                      FROM pg_catalog.pg_roles WHERE rolname = current_user);
    missing text[];
    role    text;
BEGIN
    FOR attempt IN 1 .. 20 LOOP
        BEGIN
            FOREACH role IN ARRAY '{adminex_reader,adminex_operator,adminex_admin}'::text[] LOOP
                IF may_create AND to_regrole(role) IS NULL THEN
                    EXECUTE format('CREATE ROLE %I NOLOGIN', role);
                END IF;
            END LOOP;
            missing := adminex.grant_roles();
            EXIT WHEN missing = '{}' OR NOT may_create;
        EXCEPTION WHEN duplicate_object OR unique_violation OR undefined_object THEN
            IF attempt = 20 THEN
                RAISE;
            END IF;
        END;
    END LOOP;
    IF missing <> '{}' THEN
        RAISE WARNING '''%'' may not create roles; the schema works without them. '
            'A superuser can run: %; and then ''%'': SELECT adminex.grant_roles()',
            current_user,
            (SELECT string_agg(format('CREATE ROLE %I NOLOGIN', name), '; ')
               FROM unnest(missing) AS name),
            current_user;
    END IF;
END
$$;
