-- One statement for each kind of personal data. The subject is a host, a username, and for what is
-- kept by JID the bare JID; an account is not needed, leftovers count.

-- name: gdpr_header(host, username, jid) one
-- When and from which schema, and whether there is anything of the subject anywhere.
SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS generated_at,
       (SELECT max(version) FROM adminex.schema_migrations) AS schema_version,
       EXISTS (SELECT FROM adminex.users WHERE host = $1 AND username = $2)
       OR EXISTS (SELECT FROM adminex.roster_items WHERE jid = $3)
       OR EXISTS (SELECT FROM adminex.outbox WHERE host = $1 AND username = $2)
       OR EXISTS (SELECT FROM adminex.bans WHERE host = $1 AND username = $2)
       OR EXISTS (SELECT FROM adminex.credentials WHERE host = $1 AND username = $2)
       OR EXISTS (SELECT FROM adminex.last_activity WHERE host = $1 AND username = $2)
       OR EXISTS (SELECT FROM adminex.vcards WHERE host = $1 AND username = $2)
       OR EXISTS (SELECT FROM adminex.roster_items WHERE host = $1 AND username = $2)
       OR EXISTS (SELECT FROM adminex.private_storage WHERE host = $1 AND username = $2)
       OR EXISTS (SELECT FROM adminex.offline_messages WHERE host = $1 AND username = $2)
       OR EXISTS (SELECT FROM adminex.sessions WHERE host = $1 AND username = $2)
       OR EXISTS (SELECT FROM adminex.offline_messages WHERE split_part(sender, '/', 1) = $3)
       OR EXISTS (SELECT FROM adminex.audit_log
                   WHERE (arguments ->> 'user', arguments ->> 'host') = ($2, $1)
                     AND outcome <> 'user_does_not_exist') AS known;

-- name: gdpr_account(host, username) many
-- The account.
SELECT to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS created_at
  FROM adminex.users
 WHERE host = $1 AND username = $2;

-- name: gdpr_credentials(host, username) many
-- That there is a password, never what it is.
SELECT mechanism, iterations,
       to_char(set_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS set_at
  FROM adminex.credentials
 WHERE host = $1 AND username = $2
 ORDER BY mechanism;

-- name: gdpr_ban(host, username) many
-- A ban.
SELECT reason, to_char(banned_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS banned_at
  FROM adminex.bans
 WHERE host = $1 AND username = $2;

-- name: gdpr_last_activity(host, username) many
-- When the account was last connected.
SELECT to_char(last_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS last_at, status
  FROM adminex.last_activity
 WHERE host = $1 AND username = $2;

-- name: gdpr_vcard(host, username) many
-- The card.
SELECT username || '@' || host AS jid, vcard,
       to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS updated_at
  FROM adminex.vcards
 WHERE host = $1 AND username = $2;

-- name: gdpr_roster(host, username) many
-- The contacts, pending requests too; groups as JSON and as one text.
SELECT jid, nick AS name,
       CASE subscription WHEN 'T' THEN 'to' WHEN 'F' THEN 'from' WHEN 'B' THEN 'both'
                         ELSE 'none' END AS subscription,
       CASE ask WHEN 'O' THEN 'out' WHEN 'I' THEN 'in' WHEN 'B' THEN 'both'
                WHEN 'S' THEN 'subscribe' WHEN 'U' THEN 'unsubscribe' ELSE 'none' END AS ask,
       array_to_json(groups) AS groups_json, array_to_string(groups, ', ') AS groups,
       ask_message AS askmessage, '' AS xs
  FROM adminex.roster_items
 WHERE host = $1 AND username = $2
 ORDER BY jid;

-- name: gdpr_other_rosters(jid) many
-- The subject as a contact of others, who are not named.
SELECT CASE subscription WHEN 'T' THEN 'to' WHEN 'F' THEN 'from' WHEN 'B' THEN 'both'
                         ELSE 'none' END AS subscription,
       CASE ask WHEN 'O' THEN 'out' WHEN 'I' THEN 'in' WHEN 'B' THEN 'both'
                WHEN 'S' THEN 'subscribe' WHEN 'U' THEN 'unsubscribe' ELSE 'none' END AS ask,
       count(*) AS rosters
  FROM adminex.roster_items
 WHERE jid = $1
 GROUP BY 1, 2
 ORDER BY 1, 2;

-- name: gdpr_private(host, username) many
-- Private XML storage.
SELECT xmlns AS ns, data AS xml
  FROM adminex.private_storage
 WHERE host = $1 AND username = $2
 ORDER BY xmlns;

-- name: gdpr_offline(host, username) many
-- Messages that wait.
SELECT to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS timestamp,
       sender AS "from", username || '@' || host AS "to", packet
  FROM adminex.offline_messages
 WHERE host = $1 AND username = $2
 ORDER BY id;

-- name: gdpr_sessions(host, username) many
-- Connected resources.
SELECT resource, priority, show, status, connection, host(ip) AS ip, port, node,
       to_char(connected_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS connected_at
  FROM adminex.sessions
 WHERE host = $1 AND username = $2
 ORDER BY resource;

-- name: gdpr_outbox(host, username) many
-- What an XMPP server was not yet told.
SELECT to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS created_at, kind,
       payload
  FROM adminex.outbox
 WHERE host = $1 AND username = $2
 ORDER BY id;

-- name: gdpr_audit_log(host, username, jid) many
-- What was done to the account, whichever arguments named it.
SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS at, command, arguments,
       rows, outcome
  FROM adminex.audit_log
 WHERE (arguments ->> 'user', arguments ->> 'host') = ($2, $1)
    OR (arguments ->> 'localuser', arguments ->> 'localserver') = ($2, $1)
    OR (arguments ->> 'user', arguments ->> 'server') = ($2, $1)
    OR split_part(arguments ->> 'from', '/', 1) = $3
    OR split_part(arguments ->> 'to', '/', 1) = $3
 ORDER BY id;
