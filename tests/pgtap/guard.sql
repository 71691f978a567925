-- Nothing untested: this list of everything in the schema is compared with the catalogue. Who adds
-- something is sent here, and from here to the test of the migration that adds it.
BEGIN;
SELECT plan(30);

SELECT tables_are('adminex', ARRAY[
    'audit_log', 'bans', 'batch_runs', 'credentials', 'daemons', 'hosts', 'idempotency_keys',
    'last_activity', 'nodes', 'offline_messages', 'outbox', 'private_storage', 'roster_items',
    'roster_versions', 'schema_migrations', 'sessions', 'tokens', 'users', 'vcards']);
SELECT views_are('adminex', '{}'::name[]);
SELECT materialized_views_are('adminex', '{}'::name[]);
SELECT foreign_tables_are('adminex', '{}'::name[]);
SELECT sequences_are('adminex', ARRAY[
    'audit_log_id_seq', 'offline_messages_id_seq', 'outbox_id_seq', 'tokens_id_seq'],
    'sequences are those of identity columns');
SELECT functions_are('adminex', ARRAY['grant_roles', 'grant_roles_0004', 'grant_roles_0005']);
SELECT is_empty(
    $$SELECT typname FROM pg_type
       WHERE typnamespace = 'adminex'::regnamespace AND typtype IN ('d', 'e', 'r', 'm')$$,
    'the schema has no domain, enum or range');
SELECT is_empty(
    $$SELECT c.oid::regclass FROM pg_class AS c
       WHERE c.relnamespace = 'adminex'::regnamespace
         AND (EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal)
              OR EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid)
              OR EXISTS (SELECT FROM pg_rewrite WHERE ev_class = c.oid)
              OR EXISTS (SELECT FROM pg_statistic_ext WHERE stxrelid = c.oid)
              OR EXISTS (SELECT FROM pg_inherits WHERE c.oid IN (inhrelid, inhparent))
              OR c.relrowsecurity OR c.reloptions IS NOT NULL)$$,
    'no table has a trigger, policy, rule, statistics, partition or option');
SELECT is_empty(
    $$SELECT FROM pg_default_acl WHERE defaclnamespace = 'adminex'::regnamespace$$,
    'the schema has no default privileges');

SELECT columns_are('adminex', tab, columns)
  FROM (VALUES
        ('schema_migrations', '{version,name,applied_at}'::name[]),
        ('hosts',             '{host,created_at}'),
        ('users',             '{host,username,created_at}'),
        ('credentials',       '{host,username,mechanism,plain,iterations,salt,stored_key,
                                server_key,set_at}'),
        ('bans',              '{host,username,reason,banned_at,banned_by}'),
        ('last_activity',     '{host,username,last_at,status}'),
        ('roster_items',      '{host,username,jid,nick,subscription,ask,ask_message,groups}'),
        ('roster_versions',   '{host,username,version}'),
        ('vcards',            '{host,username,vcard,fn,family,given,middle,nickname,bday,ctry,
                                locality,email,orgname,orgunit,updated_at}'),
        ('private_storage',   '{host,username,xmlns,data}'),
        ('offline_messages',  '{host,username,id,created_at,sender,packet}'),
        ('sessions',          '{host,username,resource,priority,show,status,connection,ip,port,
                                node,connected_at}'),
        ('outbox',            '{host,username,id,kind,payload,created_at}'),
        ('audit_log',         '{id,at,actor,db_role,face,command,arguments,rows,outcome,
                                request_id}'),
        ('nodes',             '{node,created_at}'),
        ('batch_runs',        '{run_id,input_sha256,actor,last_line,failed,started_at,
                                updated_at,finished_at}'),
        ('daemons',           '{id,version,started_at,beat_at,registered_txid}'),
        ('tokens',            '{id,label,digest,role,hosts,created_by,created_at,expires_at,
                                revoked_at}'),
        ('idempotency_keys',  '{caller,key,hmac,http_status,reply,created_at,expires_at}')
       ) AS v (tab, columns);

SELECT set_eq(
    $$SELECT format('%s.%s', conrelid::regclass, conname) FROM pg_constraint
       WHERE connamespace = 'adminex'::regnamespace$$,
    ARRAY['adminex.audit_log.audit_log_arguments_object',
          'adminex.audit_log.audit_log_pkey',
          'adminex.bans.bans_account_fkey',
          'adminex.bans.bans_pkey',
          'adminex.batch_runs.batch_runs_input_sha256_length',
          'adminex.batch_runs.batch_runs_lines_counted',
          'adminex.batch_runs.batch_runs_pkey',
          'adminex.credentials.credentials_account_fkey',
          'adminex.credentials.credentials_iterations_range',
          'adminex.credentials.credentials_key_length',
          'adminex.credentials.credentials_mechanism_known',
          'adminex.credentials.credentials_pkey',
          'adminex.credentials.credentials_salt_length',
          'adminex.credentials.credentials_whole',
          'adminex.daemons.daemons_id_length',
          'adminex.daemons.daemons_pkey',
          'adminex.hosts.hosts_host_length',
          'adminex.hosts.hosts_pkey',
          'adminex.idempotency_keys.idempotency_keys_caller_length',
          'adminex.idempotency_keys.idempotency_keys_expires_later',
          'adminex.idempotency_keys.idempotency_keys_hmac_length',
          'adminex.idempotency_keys.idempotency_keys_http_status_range',
          'adminex.idempotency_keys.idempotency_keys_key_length',
          'adminex.idempotency_keys.idempotency_keys_pkey',
          'adminex.last_activity.last_activity_account_fkey',
          'adminex.last_activity.last_activity_pkey',
          'adminex.nodes.nodes_node_length',
          'adminex.nodes.nodes_pkey',
          'adminex.offline_messages.offline_messages_account_fkey',
          'adminex.offline_messages.offline_messages_pkey',
          'adminex.outbox.outbox_host_length',
          'adminex.outbox.outbox_kind_known',
          'adminex.outbox.outbox_payload_object',
          'adminex.outbox.outbox_pkey',
          'adminex.outbox.outbox_username_length',
          'adminex.private_storage.private_storage_account_fkey',
          'adminex.private_storage.private_storage_key_fits',
          'adminex.private_storage.private_storage_pkey',
          'adminex.private_storage.private_storage_xmlns_length',
          'adminex.roster_items.roster_items_account_fkey',
          'adminex.roster_items.roster_items_ask_known',
          'adminex.roster_items.roster_items_groups_list',
          'adminex.roster_items.roster_items_groups_not_null',
          'adminex.roster_items.roster_items_jid_bare',
          'adminex.roster_items.roster_items_key_fits',
          'adminex.roster_items.roster_items_pkey',
          'adminex.roster_items.roster_items_subscription_known',
          'adminex.roster_versions.roster_versions_account_fkey',
          'adminex.roster_versions.roster_versions_pkey',
          'adminex.schema_migrations.schema_migrations_pkey',
          'adminex.sessions.sessions_account_fkey',
          'adminex.sessions.sessions_key_fits',
          'adminex.sessions.sessions_pkey',
          'adminex.sessions.sessions_port_range',
          'adminex.sessions.sessions_priority_range',
          'adminex.sessions.sessions_resource_length',
          'adminex.sessions.sessions_show_known',
          'adminex.tokens.tokens_digest_length',
          'adminex.tokens.tokens_digest_once',
          'adminex.tokens.tokens_expires_later',
          'adminex.tokens.tokens_hosts_list',
          'adminex.tokens.tokens_label_length',
          'adminex.tokens.tokens_pkey',
          'adminex.tokens.tokens_role_known',
          'adminex.users.users_host_fkey',
          'adminex.users.users_host_length',
          'adminex.users.users_pkey',
          'adminex.users.users_username_length',
          'adminex.vcards.vcards_account_fkey',
          'adminex.vcards.vcards_pkey'],
    'every constraint is known');
SELECT set_eq(
    $$SELECT indexrelid::regclass::text FROM pg_index
        JOIN pg_class ON pg_class.oid = indrelid
       WHERE relnamespace = 'adminex'::regnamespace$$,
    ARRAY['adminex.audit_log_at',
          'adminex.audit_log_pkey',
          'adminex.bans_pkey',
          'adminex.batch_runs_pkey',
          'adminex.credentials_pkey',
          'adminex.daemons_pkey',
          'adminex.hosts_pkey',
          'adminex.idempotency_keys_expires_at',
          'adminex.idempotency_keys_pkey',
          'adminex.last_activity_host_last_at',
          'adminex.last_activity_pkey',
          'adminex.nodes_pkey',
          'adminex.offline_messages_pkey',
          'adminex.outbox_pkey',
          'adminex.private_storage_pkey',
          'adminex.roster_items_jid',
          'adminex.roster_items_pkey',
          'adminex.roster_versions_pkey',
          'adminex.schema_migrations_pkey',
          'adminex.sessions_pkey',
          'adminex.tokens_digest_once',
          'adminex.tokens_pkey',
          'adminex.users_pkey',
          'adminex.vcards_pkey'],
    'every index is known');

SELECT * FROM finish();
ROLLBACK;
