-- Import of users files (CSV, NDJSON): as in import.sql, rows are copied into temporary tables and
-- merged in one transaction. Tables import_host and import_new are those of import.sql.

-- name: import_users_stage_user() exec
-- Good rows that were read; the names as written only where preparing them changed something.
CREATE TEMPORARY TABLE import_user (
    line bigint, host text COLLATE "C", username text COLLATE "C", written_host text,
    written_username text, created_at text, mechanism text, iterations integer, salt bytea,
    stored_key bytea, server_key bytea
) ON COMMIT DROP;

-- name: import_users_stage_bad() exec
-- Bad rows that were read, with user and host as written.
CREATE TEMPORARY TABLE import_bad (line bigint, username text, host text, why text)
    ON COMMIT DROP;

-- name: import_users_copy_user() exec
-- Copy good rows; in binary, of which an error in the server's log quotes nothing.
COPY import_user FROM STDIN (FORMAT binary);

-- name: import_users_copy_bad() exec
-- Copy bad rows.
COPY import_bad FROM STDIN (FORMAT binary);

-- name: import_users_analyze() exec
-- Let the planner know how much there is.
ANALYZE import_user;

-- name: import_users_part_repeated() exec
-- Of rows with the same account the first counts; the later ones are bad.
WITH first AS (
    SELECT host, username, min(line) AS line
      FROM import_user
     GROUP BY host, username
    HAVING count(*) > 1
),
later AS (
    DELETE FROM import_user AS u
     USING first AS f
     WHERE u.host = f.host AND u.username = f.username AND u.line > f.line
    RETURNING u.line, coalesce(u.written_username, u.username) AS username,
              coalesce(u.written_host, u.host) AS host, f.line AS first
)
INSERT INTO import_bad (line, username, host, why)
SELECT line, username, host, format('the account is already in line %s', first) FROM later;

-- name: import_users_accounts() many
-- Accounts of good rows.
SELECT host, username FROM import_user;

-- name: import_users_part_erased(hosts, usernames, untils) exec
-- Of these, whose names were erased, the ones that would be made are bad.
WITH erased AS (
    DELETE FROM import_user AS i
     USING unnest($1::text[], $2::text[], $3::text[]) AS t(host, username, until)
     WHERE i.host = t.host AND i.username = t.username
       AND NOT EXISTS (SELECT FROM adminex.users AS u
                        WHERE u.host = t.host AND u.username = t.username)
    RETURNING i.line, coalesce(i.written_username, i.username) AS username,
              coalesce(i.written_host, i.host) AS host, t.until
)
INSERT INTO import_bad (line, username, host, why)
SELECT line, username, host,
       format('an account of this name was erased; it cannot be registered before %s', until)
  FROM erased;

-- name: import_users_bad() many
-- The bad rows, in the order of the file.
SELECT line, username, host, why
  FROM import_bad
 ORDER BY line;

-- name: import_users_good() value
-- How many good rows there are.
SELECT count(*) FROM import_user;

-- name: import_users_existing() many
-- Accounts that were read and are already there. A new password is no erasure: none is held.
SELECT host, username, false AS held
  FROM import_user
  JOIN adminex.users USING (host, username)
 ORDER BY host, username;

-- name: import_users_lock() value
-- Hold off other changes of those, before the snapshot of the statement that follows is taken. In
-- order, so that two of these cannot deadlock.
SELECT count(*)
  FROM (SELECT 1
          FROM adminex.users AS u
          JOIN import_user USING (host, username)
         ORDER BY host, username
           FOR NO KEY UPDATE OF u) AS locked;

-- name: import_users_replace() value
-- Give them the password of the file in place of every credential they had, and its creation date
-- where it has one. All else stays. Returns how many.
-- drops: all()
WITH existing AS (
    SELECT i.host, i.username, i.created_at, i.mechanism, i.iterations, i.salt, i.stored_key,
           i.server_key
      FROM import_user AS i
      JOIN adminex.users AS u USING (host, username)
),
dated AS (
    UPDATE adminex.users AS u
       SET created_at = e.created_at::timestamptz
      FROM existing AS e
     WHERE u.host = e.host AND u.username = e.username AND e.created_at IS NOT NULL
),
old AS (
    DELETE FROM adminex.credentials AS c
     USING existing AS e
     WHERE c.host = e.host AND c.username = e.username AND c.mechanism <> e.mechanism
),
new AS (
    INSERT INTO adminex.credentials AS c
           (host, username, mechanism, iterations, salt, stored_key, server_key)
    SELECT host, username, mechanism, iterations, salt, stored_key, server_key
      FROM existing
        ON CONFLICT (host, username, mechanism) DO UPDATE
       SET iterations = excluded.iterations, salt = excluded.salt,
           stored_key = excluded.stored_key, server_key = excluded.server_key, set_at = now()
)
SELECT count(*) FROM existing;

-- name: import_users_hosts() exec
-- The hosts of good rows.
INSERT INTO import_host SELECT DISTINCT host FROM import_user;

-- name: import_users_add_accounts() exec
-- Make the accounts that are not there, and remember which.
-- drops: all()
WITH made AS (
    INSERT INTO adminex.users (host, username, created_at)
    SELECT host, username, coalesce(created_at::timestamptz, now())
      FROM import_user
        ON CONFLICT (host, username) DO NOTHING
    RETURNING host, username
)
INSERT INTO import_new SELECT host, username FROM made;

-- name: import_users_add_credentials() exec
-- The passwords of the new accounts.
-- drops: none()
INSERT INTO adminex.credentials
       (host, username, mechanism, iterations, salt, stored_key, server_key)
SELECT host, username, mechanism, iterations, salt, stored_key, server_key
  FROM import_user
  JOIN import_new USING (host, username);
