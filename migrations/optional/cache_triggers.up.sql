-- Optional, by `adminex migrate cache-triggers on`: whatever changes a table that cached statements
-- read, psql and the XMPP server too, tells the daemons so, at most once a statement. Transactions
-- of adminex itself do not need it; they say adminex.notifies. Not for Citus, which refuses NOTIFY
-- in the triggers of distributed tables.

-- With an argument, or after TRUNCATE, everything is dropped. With its owner's rights: who writes
-- these tables need not be allowed to read adminex.daemons.
CREATE FUNCTION adminex.cache_changed() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    everything CONSTANT jsonb := '[["all"]]';
    accounts   jsonb;
    hosts      jsonb;
BEGIN
    IF NOT EXISTS (SELECT FROM adminex.daemons WHERE beat_at > now() - interval '5 minutes') THEN
        RETURN NULL;
    END IF;
    -- As bounded as in src/db/drops.h; one more shows that there are too many.
    IF TG_NARGS > 0 OR TG_OP = 'TRUNCATE' THEN
        accounts := everything;
    ELSIF TG_OP = 'UPDATE' THEN
        SELECT jsonb_agg(jsonb_build_array('account', host, username)) INTO accounts
          FROM (SELECT host, username FROM changed UNION SELECT host, username FROM former
                LIMIT 17) AS n;
        SELECT jsonb_agg(jsonb_build_array('host', host)) INTO hosts
          FROM (SELECT host FROM changed UNION SELECT host FROM former LIMIT 5) AS n;
    ELSE
        -- With an account goes all that it has, and its own deletion says so.
        SELECT jsonb_agg(jsonb_build_array('account', host, username)) INTO accounts
          FROM (SELECT DISTINCT host, username FROM changed AS c
                 WHERE TG_TABLE_NAME = 'users'
                    OR EXISTS (SELECT FROM adminex.users AS u
                                WHERE u.host = c.host AND u.username = c.username)
                 LIMIT 17) AS n;
        SELECT jsonb_agg(jsonb_build_array('host', host)) INTO hosts
          FROM (SELECT DISTINCT host FROM changed LIMIT 5) AS n;
    END IF;
    IF accounts IS NULL THEN
        RETURN NULL;
    END IF;
    IF jsonb_array_length(accounts) > 16 OR octet_length(accounts::text) > 7800 THEN
        accounts := CASE WHEN jsonb_array_length(hosts) > 4 OR octet_length(hosts::text) > 7800
                         THEN everything ELSE hosts END;
    END IF;
    PERFORM pg_notify('adminex_cache', jsonb_build_object('from', '', 'drops', accounts)::text);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION adminex.cache_changed() IS
    'tells the daemons which accounts a statement changed; see adminex migrate cache-triggers';
REVOKE ALL ON FUNCTION adminex.cache_changed() FROM PUBLIC;

DO $$
DECLARE
    -- Transition tables are for triggers of one kind of statement each.
    kinds CONSTANT text[] := ARRAY[
        ['insert',   'AFTER INSERT',   'REFERENCING NEW TABLE AS changed'],
        ['update',   'AFTER UPDATE',   'REFERENCING OLD TABLE AS former NEW TABLE AS changed'],
        ['delete',   'AFTER DELETE',   'REFERENCING OLD TABLE AS changed'],
        ['truncate', 'AFTER TRUNCATE', '']];
    unless CONSTANT text :=
        'FOR EACH STATEMENT WHEN (current_setting(''adminex.notifies'', true) IS DISTINCT FROM ''on'')';
    name text;
    kind text[];
BEGIN
    FOREACH name IN ARRAY ARRAY['users', 'roster_items', 'vcards', 'private_storage',
                                'last_activity', 'bans']
    LOOP
        FOREACH kind SLICE 1 IN ARRAY kinds
        LOOP
            EXECUTE format('CREATE TRIGGER cache_changed_%s %s ON adminex.%I %s %s '
                           'EXECUTE FUNCTION adminex.cache_changed()',
                           kind[1], kind[2], name, kind[3], unless);
        END LOOP;
    END LOOP;
    -- A host that comes or goes is in lists that belong to no account.
    EXECUTE format('CREATE TRIGGER cache_changed_host AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE '
                   'ON adminex.hosts %s EXECUTE FUNCTION adminex.cache_changed(''all'')', unless);
END
$$;
