-- What delete_old_users stands on: it deletes without locking first, and looks afterwards.

-- With a snapshot of its own, later than that of the statement which calls it: is one of these
-- accounts, whose rows that statement has locked or deleted, connected by now, or held, or was seen
-- within that many days? That is an error (serialization_failure): nothing may go by what was true
-- before.
CREATE FUNCTION adminex.old_accounts_still_are(hosts text[], usernames text[], days integer)
    RETURNS boolean
    LANGUAGE plpgsql VOLATILE
    SET search_path = pg_catalog
AS $$
BEGIN
    PERFORM FROM unnest(hosts, usernames) AS u(host, username)
      WHERE EXISTS (SELECT FROM adminex.sessions AS s
                     WHERE s.host = u.host AND s.username = u.username)
         OR EXISTS (SELECT FROM adminex.legal_holds AS h
                     WHERE h.host = u.host AND h.username = u.username)
         OR EXISTS (SELECT FROM adminex.last_activity AS l
                     WHERE l.host = u.host AND l.username = u.username
                       AND l.last_at > now() - make_interval(days => days));
    IF FOUND THEN
        RAISE EXCEPTION 'an account came back at the same moment'
            USING ERRCODE = 'serialization_failure';
    END IF;
    RETURN true;
END
$$;
COMMENT ON FUNCTION adminex.old_accounts_still_are(text[], text[], integer) IS
    'fails when one of these accounts has come back since the snapshot of the calling statement';

-- Nearly every roster item is a contact. Where an account has none that is not, its contacts are read
-- from the key alone.
CREATE INDEX roster_items_no_contact ON adminex.roster_items (host, username)
    WHERE subscription = 'N' AND ask = 'N';
