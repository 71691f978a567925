-- Import: what was read is copied into temporary tables and merged in one transaction.

-- name: import_stage_host() exec
-- Hosts that were read.
CREATE TEMPORARY TABLE import_host (host text COLLATE "C") ON COMMIT DROP;

-- name: import_stage_account() exec
-- Accounts that were read.
CREATE TEMPORARY TABLE import_account (host text COLLATE "C", username text COLLATE "C")
    ON COMMIT DROP;

-- name: import_stage_new() exec
-- Of those, the ones that were made: only theirs is merged.
CREATE TEMPORARY TABLE import_new (
    host text COLLATE "C", username text COLLATE "C", PRIMARY KEY (host, username)
) ON COMMIT DROP;

-- name: import_stage_credential() exec
-- Credentials that were read.
CREATE TEMPORARY TABLE import_credential (
    host text COLLATE "C", username text COLLATE "C", mechanism text, plain text,
    iterations integer, salt bytea, stored_key bytea, server_key bytea
) ON COMMIT DROP;

-- name: import_stage_contact() exec
-- Roster items that were read.
CREATE TEMPORARY TABLE import_contact (
    host text COLLATE "C", username text COLLATE "C", jid text COLLATE "C", nick text,
    subscription text, ask text, groups text[]
) ON COMMIT DROP;

-- name: import_stage_request() exec
-- Incoming subscription requests that were read.
CREATE TEMPORARY TABLE import_request (
    host text COLLATE "C", username text COLLATE "C", jid text COLLATE "C", message text
) ON COMMIT DROP;

-- name: import_stage_vcard() exec
-- vCards that were read, with their searchable fields.
CREATE TEMPORARY TABLE import_vcard (
    host text COLLATE "C", username text COLLATE "C", vcard text, fn text, family text,
    given text, middle text, nickname text, bday text, ctry text, locality text, email text,
    orgname text, orgunit text
) ON COMMIT DROP;

-- name: import_stage_private() exec
-- Private elements that were read.
CREATE TEMPORARY TABLE import_private (
    host text COLLATE "C", username text COLLATE "C", xmlns text COLLATE "C", data text
) ON COMMIT DROP;

-- name: import_stage_offline() exec
-- Offline messages that were read, in their order.
CREATE TEMPORARY TABLE import_offline (
    n bigint GENERATED ALWAYS AS IDENTITY, host text COLLATE "C", username text COLLATE "C",
    sender text, created_at timestamptz, packet text
) ON COMMIT DROP;

-- name: import_stage_last() exec
-- Last activity that was read, as seconds ago.
CREATE TEMPORARY TABLE import_last (
    host text COLLATE "C", username text COLLATE "C", seconds_ago bigint, last_at timestamptz,
    status text
) ON COMMIT DROP;

-- name: import_stage_ban() exec
-- Bans that were read.
CREATE TEMPORARY TABLE import_ban (
    host text COLLATE "C", username text COLLATE "C", banned_at timestamptz, banned_by text,
    reason text
) ON COMMIT DROP;

-- name: import_stage_created() exec
-- When accounts were made, as far as that was read.
CREATE TEMPORARY TABLE import_created (
    host text COLLATE "C", username text COLLATE "C", created_at timestamptz
) ON COMMIT DROP;

-- name: import_copy_host() exec
-- Copy hosts.
COPY import_host FROM STDIN;

-- name: import_copy_account() exec
-- Copy accounts.
COPY import_account FROM STDIN;

-- name: import_copy_credential() exec
-- Copy credentials; in binary, of which an error in the server's log quotes nothing.
COPY import_credential FROM STDIN (FORMAT binary);

-- name: import_copy_contact() exec
-- Copy roster items.
COPY import_contact FROM STDIN;

-- name: import_copy_request() exec
-- Copy requests.
COPY import_request FROM STDIN;

-- name: import_copy_vcard() exec
-- Copy vCards.
COPY import_vcard FROM STDIN;

-- name: import_copy_private() exec
-- Copy private elements.
COPY import_private FROM STDIN;

-- name: import_copy_offline() exec
-- Copy offline messages.
COPY import_offline (host, username, sender, created_at, packet) FROM STDIN;

-- name: import_copy_last() exec
-- Copy last activity.
COPY import_last FROM STDIN;

-- name: import_copy_ban() exec
-- Copy bans.
COPY import_ban FROM STDIN;

-- name: import_copy_created() exec
-- Copy creation dates.
COPY import_created FROM STDIN;

-- name: import_analyze() exec
-- Let the planner know how much there is.
ANALYZE import_account, import_contact, import_credential, import_vcard, import_private,
        import_offline, import_ban, import_created;

-- name: import_accounts() many
-- Accounts that were read.
SELECT DISTINCT host, username FROM import_account;

-- name: import_skip_erased(hosts, usernames, untils) many
-- Of these, whose names were erased, leave out the ones that would be made.
WITH skipped AS (
    DELETE FROM import_account AS i
     USING unnest($1::text[], $2::text[], $3::text[]) AS t(host, username, until)
     WHERE i.host = t.host AND i.username = t.username
       AND NOT EXISTS (SELECT FROM adminex.users AS u
                        WHERE u.host = t.host AND u.username = t.username)
    RETURNING i.host, i.username, t.until
)
SELECT DISTINCT host, username, until FROM skipped ORDER BY host, username;

-- name: import_existing() many
-- Accounts that were read and are already there, and whether their data is held.
SELECT DISTINCT host, username, h.held_at IS NOT NULL AS held
  FROM import_account
  JOIN adminex.users USING (host, username)
  LEFT JOIN adminex.legal_holds AS h USING (host, username)
 ORDER BY host, username;

-- name: import_empty_existing() exec
-- Make room in accounts that are to be replaced: what a file can bring goes. When they were made,
-- a ban and sessions stay; the XMPP server is told to read their rosters anew. What is held stays.
-- drops: all()
WITH existing AS (
    SELECT DISTINCT host, username
      FROM import_account AS i
      JOIN adminex.users USING (host, username)
     WHERE NOT EXISTS (SELECT FROM adminex.legal_holds AS h
                        WHERE h.host = i.host AND h.username = i.username)
),
credential AS (
    DELETE FROM adminex.credentials AS d USING existing AS e
     WHERE d.host = e.host AND d.username = e.username
),
item AS (
    DELETE FROM adminex.roster_items AS d USING existing AS e
     WHERE d.host = e.host AND d.username = e.username
),
vcard AS (
    DELETE FROM adminex.vcards AS d USING existing AS e
     WHERE d.host = e.host AND d.username = e.username
),
private AS (
    DELETE FROM adminex.private_storage AS d USING existing AS e
     WHERE d.host = e.host AND d.username = e.username
),
offline AS (
    DELETE FROM adminex.offline_messages AS d USING existing AS e
     WHERE d.host = e.host AND d.username = e.username
),
last AS (
    DELETE FROM adminex.last_activity AS d USING existing AS e
     WHERE d.host = e.host AND d.username = e.username
),
versioned AS (
    UPDATE adminex.roster_versions AS v
       SET version = v.version + 1
      FROM existing AS e
     WHERE v.host = e.host AND v.username = e.username
),
told AS (
    INSERT INTO adminex.outbox (host, username, kind)
    SELECT host, username, 'roster' FROM existing
)
INSERT INTO import_new SELECT host, username FROM existing;

-- name: import_missing_hosts() value
-- How many of the hosts that were read are not served yet.
SELECT count(DISTINCT i.host)
  FROM import_host AS i
 WHERE NOT EXISTS (SELECT FROM adminex.hosts AS h WHERE h.host = i.host);

-- name: import_add_hosts() many
-- Serve the hosts that were read; returns the new ones.
-- drops: all()
INSERT INTO adminex.hosts (host)
SELECT DISTINCT host FROM import_host
    ON CONFLICT (host) DO NOTHING
RETURNING host;

-- name: import_add_accounts() exec
-- Make the accounts that are not there, and remember which.
-- drops: all()
WITH made AS (
    INSERT INTO adminex.users (host, username, created_at)
    SELECT DISTINCT ON (host, username) host, username, coalesce(created_at, now())
      FROM import_account
      LEFT JOIN import_created USING (host, username)
     ORDER BY host, username, created_at
        ON CONFLICT (host, username) DO NOTHING
    RETURNING host, username
)
INSERT INTO import_new SELECT host, username FROM made;

-- name: import_analyze_new() exec
-- The same for what was made.
ANALYZE import_new;

-- name: import_add_credentials() exec
-- Credentials of the new accounts.
-- drops: none()
INSERT INTO adminex.credentials
       (host, username, mechanism, plain, iterations, salt, stored_key, server_key)
SELECT host, username, mechanism, plain, iterations, salt, stored_key, server_key
  FROM import_credential
  JOIN import_new USING (host, username)
    ON CONFLICT (host, username, mechanism) DO NOTHING;

-- name: import_add_contacts() exec
-- Roster items of the new accounts.
-- drops: all()
INSERT INTO adminex.roster_items (host, username, jid, nick, subscription, ask, groups)
SELECT host, username, jid, nick, subscription, ask, groups
  FROM import_contact
  JOIN import_new USING (host, username)
    ON CONFLICT (host, username, jid) DO NOTHING;

-- name: import_add_requests() exec
-- Incoming requests of the new accounts: an item of their own, or an ask of one that is there.
-- drops: all()
INSERT INTO adminex.roster_items AS r (host, username, jid, ask, ask_message)
SELECT DISTINCT ON (host, username, jid) host, username, jid, 'I', message
  FROM import_request
  JOIN import_new USING (host, username)
 ORDER BY host, username, jid
    ON CONFLICT (host, username, jid) DO UPDATE
   SET ask = CASE r.ask WHEN 'N' THEN 'I' WHEN 'O' THEN 'B' ELSE r.ask END,
       ask_message = excluded.ask_message;

-- name: import_add_vcards() exec
-- vCards of the new accounts.
-- drops: all()
INSERT INTO adminex.vcards
       (host, username, vcard, fn, family, given, middle, nickname, bday, ctry, locality, email,
        orgname, orgunit)
SELECT host, username, vcard, fn, family, given, middle, nickname, bday, ctry, locality, email,
       orgname, orgunit
  FROM import_vcard
  JOIN import_new USING (host, username)
    ON CONFLICT (host, username) DO NOTHING;

-- name: import_add_private() exec
-- Private elements of the new accounts.
-- drops: all()
INSERT INTO adminex.private_storage (host, username, xmlns, data)
SELECT host, username, xmlns, data
  FROM import_private
  JOIN import_new USING (host, username)
    ON CONFLICT (host, username, xmlns) DO NOTHING;

-- name: import_add_offline() exec
-- Offline messages of the new accounts, in the order of the file: stamps may be equal or missing.
-- drops: none()
INSERT INTO adminex.offline_messages (host, username, created_at, sender, packet)
SELECT host, username, coalesce(o.created_at, now()), sender, packet
  FROM import_offline AS o
  JOIN import_new USING (host, username)
 ORDER BY o.n;

-- name: import_add_last() exec
-- Last activity of the new accounts.
-- drops: all()
INSERT INTO adminex.last_activity (host, username, last_at, status)
SELECT host, username, coalesce(last_at, now() - make_interval(secs => seconds_ago)), status
  FROM import_last
  JOIN import_new USING (host, username)
    ON CONFLICT (host, username) DO NOTHING;

-- name: import_add_bans() exec
-- Bans of the new accounts. One that was there already stays as it is; where the account was
-- replaced, its sessions end as with account_ban.
-- drops: all()
WITH news AS (
    SELECT DISTINCT ON (host, username)
           host, username, reason, coalesce(banned_at, now()) AS banned_at,
           coalesce(nullif(banned_by, ''), session_user) AS banned_by
      FROM import_ban
      JOIN import_new USING (host, username)
     WHERE NOT EXISTS (SELECT FROM adminex.bans AS b
                        WHERE b.host = import_ban.host AND b.username = import_ban.username)
     ORDER BY host, username, banned_at
),
kicked AS (
    DELETE FROM adminex.sessions AS s
     USING news AS n
     WHERE s.host = n.host AND s.username = n.username
    RETURNING s.host, s.username
),
told AS (
    INSERT INTO adminex.outbox (host, username, kind, payload)
    SELECT DISTINCT host, username, 'kick', jsonb_build_object('reason', reason)
      FROM kicked
      JOIN news USING (host, username)
)
INSERT INTO adminex.bans (host, username, reason, banned_at, banned_by)
SELECT host, username, reason, banned_at, banned_by FROM news
    ON CONFLICT (host, username) DO NOTHING;

-- name: import_audit(audit, rows) exec
-- That an import took place.
INSERT INTO adminex.audit_log (actor, face, command, arguments, rows, outcome, request_id)
SELECT a.actor, a.face, a.command, a.arguments, $2::bigint, 'ok', coalesce(a.request, '')
  FROM jsonb_to_record($1::jsonb)
           AS a(actor text, face text, command text, arguments jsonb, request text);
