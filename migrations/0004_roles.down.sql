-- Takes the privileges in this database back, and drops a role only when nothing else uses it:
-- no privilege or object in another database, no member, no membership.

-- Citus: role statements need one connection a node. Elsewhere it does nothing.
SET LOCAL citus.multi_shard_modify_mode TO 'sequential';

DROP FUNCTION adminex.grant_roles();

DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY '{adminex_reader,adminex_operator,adminex_admin}'::text[] LOOP
        BEGIN
            -- Changes nothing, but locks the role until the end of this transaction. So of two
            -- databases that go down at the same time the last one drops it, not neither.
            EXECUTE format('COMMENT ON ROLE %I IS %L', role,
                           shobj_description(to_regrole(role), 'pg_authid'));
        EXCEPTION
            WHEN undefined_object THEN
                CONTINUE; -- it never was here, or another database just dropped it
            WHEN insufficient_privilege THEN
                NULL; -- not ours to drop; the privileges are
        END;
        EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA adminex FROM %I', role);
        EXECUTE format('REVOKE ALL ON SCHEMA adminex FROM %I', role);
        -- DROP ROLE would take memberships away without a word. From PostgreSQL 16 on, who made
        -- a role is its administrator: that alone is no use of it.
        CONTINUE WHEN EXISTS (SELECT FROM pg_catalog.pg_auth_members AS m
                               WHERE to_regrole(role) IN (m.roleid, m.member)
                                 AND NOT (m.member = quote_ident(current_user)::regrole
                                          AND m.admin_option));
        BEGIN
            EXECUTE format('DROP ROLE %I', role);
        EXCEPTION WHEN dependent_objects_still_exist OR insufficient_privilege THEN
            NULL; -- in use elsewhere, or not ours to drop
        END;
    END LOOP;
END
$$;
