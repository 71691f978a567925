-- Every key and index takes the longest values that the CHECKs let through. A B-tree entry holds
-- at most 2,704 bytes after compression, so the values are such that they cannot be compressed,
-- and enough of them that pages are split.
BEGIN;
\ir helpers.psql
SELECT plan(19);

CREATE TEMPORARY TABLE names AS
SELECT pg_temp.noise('host' || n, 1023) AS host,
       pg_temp.noise('user' || n, 1023) AS username,
       n
  FROM generate_series(1, 40) AS n;
SELECT is(min(octet_length(host) + octet_length(username)), 2046, 'names are as long as can be')
  FROM names;
SELECT cmp_ok(min(pg_column_size(host) + pg_column_size(username)), '>', 2046,
              'names are not compressed') FROM names;

CREATE FUNCTION pg_temp.fits(tab text, cols text, list text, why text) RETURNS text
    LANGUAGE sql
AS $$
SELECT lives_ok(format('INSERT INTO adminex.%s (%s) SELECT %s FROM names', tab, cols, list),
                format('%s: %s', tab, why))
$$;

SELECT pg_temp.fits(tab, cols, list, why)
  FROM (VALUES
        ('hosts', 'host', 'host', 'hosts_pkey'),
        ('users', 'host, username', 'host, username', 'users_pkey'),
        ('nodes', 'node', 'host', 'nodes_pkey'),
        ('credentials', 'host, username, mechanism, iterations, salt, stored_key, server_key',
         $$host, username, 'SCRAM-SHA-256', 4096, '\x00', sha256(''), sha256('')$$,
         'credentials_pkey'),
        ('bans', 'host, username', 'host, username', 'bans_pkey'),
        ('last_activity', 'host, username, last_at', 'host, username, now()',
         'last_activity_pkey and last_activity_host_last_at'),
        ('roster_items', 'host, username, jid',
         $$host, username, pg_temp.noise('jid' || n, 2600 - 2046)$$,
         'roster_items_pkey and roster_items_jid'),
        ('roster_versions', 'host, username', 'host, username', 'roster_versions_pkey'),
        ('vcards', 'host, username, vcard', $$host, username, ''$$, 'vcards_pkey'),
        ('private_storage', 'host, username, xmlns, data',
         $$host, username, pg_temp.noise('xmlns' || n, 2600 - 2046), ''$$, 'private_storage_pkey'),
        ('offline_messages', 'host, username, packet', $$host, username, ''$$,
         'offline_messages_pkey'),
        ('sessions', 'host, username, resource',
         $$host, username, pg_temp.noise('resource' || n, 2600 - 2046)$$, 'sessions_pkey'),
        ('outbox', 'host, username, kind', $$host, username, 'kick'$$, 'outbox_pkey'),
        ('daemons', 'id, version', $$left(host, 255), '1'$$, 'daemons_pkey'),
        ('idempotency_keys', 'caller, key, hmac, expires_at',
         $$host, left(username, 255), sha256(''), 'tomorrow'$$, 'idempotency_keys_pkey')
       ) AS v (tab, cols, list, why);

-- The other way round: short names, and the third part as long as it may be.
INSERT INTO adminex.hosts (host) VALUES ('h');
INSERT INTO adminex.users (host, username) VALUES ('h', 'u');
SELECT pg_temp.fits(tab, cols, list, why)
  FROM (VALUES
        ('roster_items', 'host, username, jid', $$'h', 'u', pg_temp.noise('jid' || n, 2047)$$,
         'the longest JIDs'),
        ('roster_items', 'host, username, jid',
         $$host, username, pg_temp.noise('another' || n, 2600 - 2046)$$, 'a second contact each')
       ) AS v (tab, cols, list, why);

SELECT * FROM finish();
ROLLBACK;
