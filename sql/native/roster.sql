-- name: roster_add(audit, host, username, jid, nick, group_name, subscription) one
-- Add a contact or replace it whole; a group of '' is none. Tells the owner's server.
-- drops: account(host, username)
WITH account AS (
    SELECT host, username
      FROM adminex.users
     WHERE host = $2 AND username = $3
       FOR KEY SHARE
),
item AS (
    INSERT INTO adminex.roster_items (host, username, jid, nick, subscription, groups)
    SELECT host, username, $4, $5, $7,
           CASE WHEN $6 = '' THEN '{}' ELSE ARRAY[$6::text] END
      FROM account
        ON CONFLICT (host, username, jid) DO UPDATE
       SET nick = excluded.nick, subscription = excluded.subscription, ask = 'N',
           ask_message = '', groups = excluded.groups
    RETURNING 1
),
versioned AS (
    UPDATE adminex.roster_versions AS v
       SET version = v.version + 1
      FROM account AS a
     WHERE v.host = a.host AND v.username = a.username
),
told AS (
    INSERT INTO adminex.outbox (host, username, kind, payload)
    SELECT host, username, 'roster', jsonb_build_object('jids', jsonb_build_array($4::text))
      FROM account
),
done AS (
    SELECT CASE WHEN count(*) = 0 THEN 'user_does_not_exist' ELSE 'ok' END AS outcome,
           count(*) AS rows
      FROM item
),
audited AS (
    INSERT INTO adminex.audit_log (actor, face, command, arguments, rows, outcome, request_id)
    SELECT a.actor, a.face, a.command, a.arguments, d.rows, d.outcome, coalesce(a.request, '')
      FROM done AS d,
           jsonb_to_record($1::jsonb)
               AS a(actor text, face text, command text, arguments jsonb, request text)
)
SELECT outcome, rows FROM done;

-- name: roster_delete(audit, host, username, jid) one
-- Remove a contact; one that is not there is removed already.
-- drops: account(host, username)
WITH account AS (
    SELECT host, username
      FROM adminex.users
     WHERE host = $2 AND username = $3
       FOR KEY SHARE
),
item AS (
    DELETE FROM adminex.roster_items AS r
     USING account AS a
     WHERE r.host = a.host AND r.username = a.username AND r.jid = $4
    RETURNING r.host, r.username
),
versioned AS (
    UPDATE adminex.roster_versions AS v
       SET version = v.version + 1
      FROM item AS i
     WHERE v.host = i.host AND v.username = i.username
),
told AS (
    INSERT INTO adminex.outbox (host, username, kind, payload)
    SELECT host, username, 'roster', jsonb_build_object('jids', jsonb_build_array($4::text))
      FROM item
),
done AS (
    SELECT CASE WHEN EXISTS (SELECT FROM account) THEN 'ok' ELSE 'user_does_not_exist' END
               AS outcome,
           (SELECT count(*) FROM item) AS rows
),
audited AS (
    INSERT INTO adminex.audit_log (actor, face, command, arguments, rows, outcome, request_id)
    SELECT a.actor, a.face, a.command, a.arguments, d.rows, d.outcome, coalesce(a.request, '')
      FROM done AS d,
           jsonb_to_record($1::jsonb)
               AS a(actor text, face text, command text, arguments jsonb, request text)
)
SELECT outcome, rows FROM done;

-- name: roster_list(host, username) many
-- The contacts of an account, a line for each of their groups, without requests not yet answered.
-- One row of NULLs when there are none, no row without the account.
-- cached: account(host, username)
SELECT r.jid, r.nick,
       CASE r.subscription WHEN 'T' THEN 'to' WHEN 'F' THEN 'from' WHEN 'B' THEN 'both'
                           ELSE 'none' END AS subscription,
       CASE r.ask WHEN 'O' THEN 'out' WHEN 'I' THEN 'in' WHEN 'B' THEN 'both'
                  WHEN 'S' THEN 'subscribe' WHEN 'U' THEN 'unsubscribe'
                  ELSE 'none' END AS ask,
       coalesce(g.name, '') AS "group"
  FROM adminex.users AS u
  LEFT JOIN adminex.roster_items AS r
    ON r.host = u.host AND r.username = u.username
   AND NOT (r.subscription = 'N' AND r.ask = 'I')
  LEFT JOIN LATERAL unnest(r.groups) WITH ORDINALITY AS g(name, n) ON true
 WHERE u.host = $1 AND u.username = $2
 ORDER BY r.jid, g.n;

-- name: roster_page(host, username, after_jid, limit) many
-- A page of the contacts, as many as the limit, each with a line for each of its groups. One row of
-- NULLs when there are no more, no row without the account. See sessions.sql.
SELECT r.jid, r.nick,
       CASE r.subscription WHEN 'T' THEN 'to' WHEN 'F' THEN 'from' WHEN 'B' THEN 'both'
                           ELSE 'none' END AS subscription,
       CASE r.ask WHEN 'O' THEN 'out' WHEN 'I' THEN 'in' WHEN 'B' THEN 'both'
                  WHEN 'S' THEN 'subscribe' WHEN 'U' THEN 'unsubscribe'
                  ELSE 'none' END AS ask,
       coalesce(g.name, '') AS "group", r.jid AS cursor
  FROM adminex.users AS u
  LEFT JOIN (SELECT host, username, jid, nick, subscription, ask, groups
               FROM adminex.roster_items
              WHERE host = $1 AND username = $2 AND jid > $3
                AND NOT (subscription = 'N' AND ask = 'I')
              ORDER BY jid
              LIMIT $4::bigint) AS r
    ON r.host = u.host AND r.username = u.username
  LEFT JOIN LATERAL unnest(r.groups) WITH ORDINALITY AS g(name, n) ON true
 WHERE u.host = $1 AND u.username = $2
 ORDER BY r.jid, g.n;

-- name: roster_count() value
-- How many roster items there are in all.
SELECT count(*) FROM adminex.roster_items;

-- name: roster_pattern_check(pattern, anchored) value
-- Fails with SQLSTATE 2201B when a pattern, alone or anchored, is no regular expression.
SELECT '' ~* $1::text OR '' ~* $2::text;

-- name: roster_match(subscriptions, asks, locals, domains, contact_locals, contact_domains) many
-- Roster items by subscription, ask, and regular expressions for the owner's and the contact's
-- parts; NULL is any. A pair of arrays holds the halves of each pattern; with several patterns
-- both halves must come from one of them. Owners are looked for among the accounts: an expression
-- is tried once for each, not for each of its contacts. Where any will do, accounts are left alone.
SELECT r.username, r.host, r.jid
  FROM (SELECT i.username, i.host, i.jid, i.subscription, i.ask
          FROM adminex.roster_items AS i
         WHERE $3::text[] IS NULL
         UNION ALL
        SELECT i.username, i.host, i.jid, i.subscription, i.ask
          FROM adminex.users AS u
          JOIN adminex.roster_items AS i ON i.host = u.host AND i.username = u.username
         WHERE $3 IS NOT NULL
           AND u.username ~* ANY ($3) AND u.host ~* ANY ($4::text[])
           AND (cardinality($3) = 1
                OR EXISTS (SELECT FROM unnest($3, $4) AS p(local, domain)
                            WHERE u.username ~* p.local AND u.host ~* p.domain))) AS r
 WHERE ($1::text[] IS NULL OR r.subscription = ANY ($1))
   AND ($2::text[] IS NULL OR r.ask = ANY ($2))
   AND ($5::text[] IS NULL
        OR (split_part('@' || r.jid, '@', -2) ~* ANY ($5)
            AND split_part(r.jid, '@', -1) ~* ANY ($6::text[])
            AND (cardinality($5) = 1
                 OR EXISTS (SELECT FROM unnest($5, $6) AS p(local, domain)
                             WHERE split_part('@' || r.jid, '@', -2) ~* p.local
                               AND split_part(r.jid, '@', -1) ~* p.domain))));

-- name: roster_match_delete(audit, subscriptions, asks, locals, domains, contact_locals, contact_domains) many
-- Delete what roster_match finds; one outbox row an owner.
-- drops: all()
WITH item AS (
    DELETE FROM adminex.roster_items AS r
     WHERE ($2::text[] IS NULL OR r.subscription = ANY ($2))
       AND ($3::text[] IS NULL OR r.ask = ANY ($3))
       AND ($4::text[] IS NULL
            OR (r.username ~* ANY ($4) AND r.host ~* ANY ($5::text[])
                AND (cardinality($4) = 1
                     OR EXISTS (SELECT FROM unnest($4, $5) AS p(local, domain)
                                 WHERE r.username ~* p.local AND r.host ~* p.domain))))
       AND ($6::text[] IS NULL
            OR (split_part('@' || r.jid, '@', -2) ~* ANY ($6)
                AND split_part(r.jid, '@', -1) ~* ANY ($7::text[])
                AND (cardinality($6) = 1
                     OR EXISTS (SELECT FROM unnest($6, $7) AS p(local, domain)
                                 WHERE split_part('@' || r.jid, '@', -2) ~* p.local
                                   AND split_part(r.jid, '@', -1) ~* p.domain))))
    RETURNING r.host, r.username, r.jid
),
owner AS (
    SELECT DISTINCT host, username FROM item
),
versioned AS (
    UPDATE adminex.roster_versions AS v
       SET version = v.version + 1
      FROM owner AS o
     WHERE v.host = o.host AND v.username = o.username
),
told AS (
    INSERT INTO adminex.outbox (host, username, kind)
    SELECT host, username, 'roster' FROM owner
),
done AS (
    SELECT 'ok' AS outcome, count(*) AS rows FROM item
),
audited AS (
    INSERT INTO adminex.audit_log (actor, face, command, arguments, rows, outcome, request_id)
    SELECT a.actor, a.face, a.command, a.arguments, d.rows, d.outcome, coalesce(a.request, '')
      FROM done AS d,
           jsonb_to_record($1::jsonb)
               AS a(actor text, face text, command text, arguments jsonb, request text)
)
SELECT username, host, jid FROM item;

-- name: roster_push(audit, host, username, hosts, usernames, nicks, group_names) many
-- Give an account the contacts of a template; with NULL as host and username, give the template's
-- accounts each other. Returns the entries that are no accounts, and a last row with the outcome.
-- What an owner had for a contact stays: other groups are kept.
-- drops: account(host, username)
WITH entry AS MATERIALIZED (
    SELECT DISTINCT ON (e.host, e.username) e.host, e.username, e.nick, e.group_name
      FROM unnest($4::text[], $5::text[], $6::text[], $7::text[])
               WITH ORDINALITY AS e(host, username, nick, group_name, n)
     ORDER BY e.host, e.username, e.n DESC
),
known AS MATERIALIZED (
    SELECT host, username, e.nick, e.group_name
      FROM entry AS e
      JOIN adminex.users AS u USING (host, username)
),
owner AS MATERIALIZED (
    SELECT host, username FROM adminex.users WHERE host = $2 AND username = $3
    UNION ALL
    SELECT host, username FROM known WHERE $2 IS NULL
),
item AS (
    INSERT INTO adminex.roster_items AS r (host, username, jid, nick, subscription, groups)
    SELECT o.host, o.username, k.username || '@' || k.host, k.nick, 'B',
           CASE WHEN k.group_name = '' THEN '{}' ELSE ARRAY[k.group_name] END
      FROM owner AS o, known AS k
     WHERE (k.host, k.username) <> (o.host, o.username)
        ON CONFLICT (host, username, jid) DO UPDATE
       SET nick = excluded.nick, subscription = 'B', ask = 'N', ask_message = '',
           groups = CASE WHEN excluded.groups <@ r.groups THEN r.groups
                         ELSE r.groups || excluded.groups END
     WHERE (r.nick, r.subscription, r.ask) IS DISTINCT FROM (excluded.nick, 'B', 'N')
        OR NOT excluded.groups <@ r.groups
    RETURNING r.host, r.username
),
changed AS (
    SELECT host, username, count(*) AS rows FROM item GROUP BY host, username
),
versioned AS (
    UPDATE adminex.roster_versions AS v
       SET version = v.version + 1
      FROM changed AS c
     WHERE v.host = c.host AND v.username = c.username
),
told AS (
    INSERT INTO adminex.outbox (host, username, kind)
    SELECT host, username, 'roster' FROM changed
),
done AS (
    SELECT CASE WHEN $2 IS NULL OR EXISTS (SELECT FROM owner) THEN 'ok'
                ELSE 'user_does_not_exist' END AS outcome,
           (SELECT coalesce(sum(rows), 0) FROM changed) AS rows
),
audited AS (
    INSERT INTO adminex.audit_log (actor, face, command, arguments, rows, outcome, request_id)
    SELECT a.actor, a.face, a.command, a.arguments, d.rows, d.outcome, coalesce(a.request, '')
      FROM done AS d,
           jsonb_to_record($1::jsonb)
               AS a(actor text, face text, command text, arguments jsonb, request text)
)
SELECT e.host, e.username, NULL AS outcome, NULL AS rows
  FROM entry AS e
 WHERE NOT EXISTS (SELECT FROM known AS k WHERE (k.host, k.username) = (e.host, e.username))
UNION ALL
SELECT NULL, NULL, outcome, rows FROM done;

-- name: roster_push_alltoall(audit, host, group_name, trusting) one
-- Make all accounts of a host contacts of each other in a group. A name a user gave a contact stays.
-- What is so already (kept) is left out: it would be locked, and that is a write. It is counted and
-- subtracted, never joined: a nested loop over a million pairs is one wrong estimate away. What is
-- left goes in by the order of the primary key. ON CONFLICT is for items that differ, and for those
-- that somebody adds meanwhile; it costs a fifth. So when trusting, accounts without any item get
-- theirs without it: then an item that somebody adds meanwhile is an error (unique_violation), and
-- the statement is to be run once more, not trusting.
-- drops: host(host)
WITH member AS MATERIALIZED (
    SELECT username FROM adminex.users WHERE host = $2 ORDER BY username
),
kept AS MATERIALIZED (
    SELECT r.username, split_part(r.jid, '@', 1) AS contact
      FROM adminex.roster_items AS r
     WHERE r.host = $2 AND r.subscription = 'B' AND r.ask = 'N' AND r.nick <> ''
       AND ($3 = '' OR r.groups @> ARRAY[$3::text])
       AND split_part(r.jid, '@', 2) = $2 AND split_part(r.jid, '@', 1) <> r.username
       AND (split_part(r.jid, '@', 1) IN (SELECT username FROM member)) IS TRUE
),
lacking AS MATERIALIZED (
    SELECT m.username, k.username IS NULL AS everything,
           $4::boolean
           AND NOT EXISTS (SELECT FROM adminex.roster_items AS r
                            WHERE r.host = $2 AND r.username = m.username) AS bare
      FROM member AS m
      LEFT JOIN (SELECT username, count(*) AS rows FROM kept GROUP BY username) AS k
     USING (username)
     WHERE coalesce(k.rows, 0) < (SELECT count(*) - 1 FROM member)
     ORDER BY m.username
),
wanted AS (
    SELECT l.username, m.username AS contact
      FROM lacking AS l, member AS m
     WHERE l.everything AND NOT l.bare AND m.username <> l.username
    UNION ALL
    (SELECT l.username, m.username
       FROM lacking AS l, member AS m
      WHERE NOT l.everything AND m.username <> l.username
     EXCEPT
     SELECT username, contact FROM kept)
),
first_item AS (
    INSERT INTO adminex.roster_items (host, username, jid, nick, subscription, groups)
    SELECT $2, l.username, m.username || '@' || $2, m.username, 'B',
           CASE WHEN $3 = '' THEN '{}' ELSE ARRAY[$3::text] END
      FROM lacking AS l, member AS m
     WHERE l.bare AND m.username <> l.username
    RETURNING username
),
item AS (
    INSERT INTO adminex.roster_items AS r (host, username, jid, nick, subscription, groups)
    SELECT $2, username, contact || '@' || $2, contact, 'B',
           CASE WHEN $3 = '' THEN '{}' ELSE ARRAY[$3::text] END
      FROM wanted
        ON CONFLICT (host, username, jid) DO UPDATE
       SET nick = CASE WHEN r.nick = '' THEN excluded.nick ELSE r.nick END,
           subscription = 'B', ask = 'N', ask_message = '',
           groups = CASE WHEN excluded.groups <@ r.groups THEN r.groups
                         ELSE r.groups || excluded.groups END
     WHERE (r.subscription, r.ask) IS DISTINCT FROM ('B', 'N')
        OR r.nick = '' OR NOT excluded.groups <@ r.groups
    RETURNING r.username
),
owner AS (
    SELECT $2 AS host, username, count(*) AS rows
      FROM (SELECT username FROM first_item UNION ALL SELECT username FROM item) AS written
     GROUP BY username
),
versioned AS (
    UPDATE adminex.roster_versions AS v
       SET version = v.version + 1
      FROM owner AS o
     WHERE v.host = o.host AND v.username = o.username
),
told AS (
    INSERT INTO adminex.outbox (host, username, kind)
    SELECT host, username, 'roster' FROM owner
),
done AS (
    SELECT 'ok' AS outcome, coalesce(sum(rows), 0) AS rows FROM owner
),
audited AS (
    INSERT INTO adminex.audit_log (actor, face, command, arguments, rows, outcome, request_id)
    SELECT a.actor, a.face, a.command, a.arguments, d.rows, d.outcome, coalesce(a.request, '')
      FROM done AS d,
           jsonb_to_record($1::jsonb)
               AS a(actor text, face text, command text, arguments jsonb, request text)
)
SELECT outcome, rows FROM done;
