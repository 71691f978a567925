-- Export: everything of the accounts in scope, in the order of a document, from one snapshot.

-- name: export_settle() exec
-- For this transaction, how export_records is to be run: by the keys of one account after the other.
-- The planner takes all accounts for alike; where one has most of the rows, it would read the whole
-- table for each, or sort everything at once.
SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
       set_config('enable_sort', 'off', true), set_config('jit', 'off', true);

-- name: export_scope(host, username) one
-- Whether the host and the account that are asked for exist, and how many accounts there are in
-- all of what is asked for. NULL is any.
SELECT $1::text IS NULL
           OR EXISTS (SELECT FROM adminex.hosts AS h WHERE h.host = $1) AS has_host,
       count(*) AS accounts
  FROM adminex.users
 WHERE ($1::text IS NULL OR host = $1)
   AND ($2::text IS NULL OR username = $2);

-- name: export_records(host, username, dates, mechanism) many
-- The records: kind is a number of enum pie_kind, a to e are its values. With a mechanism each
-- account has one credential, as servers take no more: a plain password, else the one of that
-- mechanism, else any; none (a is NULL) when there is none, or when the account is banned, which b
-- says. A host comes as a row
-- without a name before its accounts, so that a host without accounts comes too. What belongs to an
-- account is read by its key: nothing but the names, and then the rows of one account, is sorted.
-- roster_items has a second index that holds the names, too, but not in front. The planner takes it
-- for as good as the key where one account has most of the roster, and would read all of it for each
-- account; 'username >= ' says nothing new, but speaks for the key.
SELECT p.kind, s.host, s.username, p.a, p.b, p.c, p.d, p.e
  FROM (
           SELECT host, '' COLLATE "C" AS username, NULL::timestamptz AS created_at
             FROM adminex.hosts
            WHERE $1::text IS NULL OR host = $1
            UNION ALL
           SELECT host, username, created_at
             FROM adminex.users
            WHERE ($1::text IS NULL OR host = $1)
              AND ($2::text IS NULL OR username = $2)
            ORDER BY host, username
       ) AS s,
       LATERAL (
           SELECT CASE WHEN s.username = '' THEN 0 ELSE 1 END AS kind, 0::bigint AS n,
                  NULL::text COLLATE "C" AS a, NULL::text AS b, NULL::text AS c, NULL::text AS d,
                  NULL::text AS e
            UNION ALL
           SELECT 2, 0, mechanism, coalesce(plain, encode(salt, 'hex')),
                  encode(stored_key, 'hex'), encode(server_key, 'hex'), iterations::text
             FROM adminex.credentials AS t
            WHERE t.host = s.host AND t.username = s.username AND $4::text IS NULL
            UNION ALL
           SELECT 2, 0, c.mechanism, coalesce(c.plain, encode(c.salt, 'hex'), o.banned::text),
                  encode(c.stored_key, 'hex'), encode(c.server_key, 'hex'), c.iterations::text
             FROM (
                      SELECT EXISTS (
                                 SELECT FROM adminex.bans AS t
                                  WHERE t.host = s.host AND t.username = s.username
                             ) AS banned
                  ) AS o
             LEFT JOIN LATERAL (
                      SELECT mechanism, plain, salt, stored_key, server_key, iterations
                        FROM adminex.credentials AS t
                       WHERE t.host = s.host AND t.username = s.username AND NOT o.banned
                       ORDER BY mechanism <> 'PLAIN', mechanism <> $4::text, mechanism
                       LIMIT 1
                  ) AS c ON true
            WHERE $4::text IS NOT NULL AND s.username <> ''
            UNION ALL
           SELECT 3, 0, jid, nick, subscription, ask,
                  CASE WHEN groups <> '{}' THEN groups::text END
             FROM adminex.roster_items AS t
            WHERE t.host = s.host AND t.username = s.username AND t.username >= s.username
              -- These are nothing but a request.
              AND NOT (ask = 'I' AND subscription = 'N' AND nick = '' AND groups = '{}')
            UNION ALL
           SELECT 4, 0, jid, ask_message, NULL, NULL, NULL
             FROM adminex.roster_items AS t
            WHERE t.host = s.host AND t.username = s.username AND t.username >= s.username
              AND ask IN ('I', 'B')
            UNION ALL
           SELECT 5, 0, NULL, vcard, NULL, NULL, NULL
             FROM adminex.vcards AS t
            WHERE t.host = s.host AND t.username = s.username
            UNION ALL
           SELECT 6, 0, xmlns, data, NULL, NULL, NULL
             FROM adminex.private_storage AS t
            WHERE t.host = s.host AND t.username = s.username
            UNION ALL
           SELECT 7, id, NULL, packet,
                  to_char(t.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                  NULL, NULL
             FROM adminex.offline_messages AS t
            WHERE t.host = s.host AND t.username = s.username
            UNION ALL
           SELECT 8, 0, NULL, status,
                  to_char(last_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                  least(greatest(extract(epoch FROM now()) - extract(epoch FROM last_at), 0),
                        4294967295)::bigint::text, NULL
             FROM adminex.last_activity AS t
            WHERE t.host = s.host AND t.username = s.username
            UNION ALL
           SELECT 9, 0, NULL, reason,
                  to_char(banned_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                  banned_by, NULL
             FROM adminex.bans AS t
            WHERE t.host = s.host AND t.username = s.username
            UNION ALL
           SELECT 10, 0, NULL, NULL,
                  to_char(s.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                  NULL, NULL
            WHERE $3::boolean AND s.created_at IS NOT NULL
       ) AS p
 ORDER BY s.host, s.username, p.kind, p.n, p.a;
