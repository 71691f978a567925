-- name: vcard_get(host, username) one
-- The card of an account; NULL when it has none, no row without the account.
-- cached: account(host, username)
SELECT v.vcard
  FROM adminex.users AS u
  LEFT JOIN adminex.vcards AS v USING (host, username)
 WHERE u.host = $1 AND u.username = $2;

-- name: vcard_lock(host, username) one
-- Hold off other edits of an account's card until the transaction ends; no row without the account.
-- The card is read by a later statement: this one, when it had to wait, would see an old card.
SELECT 1 AS found
  FROM adminex.users
 WHERE host = $1 AND username = $2
   FOR NO KEY UPDATE;

-- name: vcard_set(audit, host, username, vcard, fn, family, given, middle, nickname, bday, ctry, locality, email, orgname, orgunit) one
-- Store a card and its searchable fields together.
-- drops: account(host, username)
WITH account AS (
    SELECT host, username
      FROM adminex.users
     WHERE host = $2 AND username = $3
       FOR KEY SHARE
),
written AS (
    INSERT INTO adminex.vcards
           (host, username, vcard, fn, family, given, middle, nickname, bday, ctry, locality,
            email, orgname, orgunit)
    SELECT host, username, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15
      FROM account
        ON CONFLICT (host, username) DO UPDATE
       SET vcard = excluded.vcard, fn = excluded.fn, family = excluded.family,
           given = excluded.given, middle = excluded.middle, nickname = excluded.nickname,
           bday = excluded.bday, ctry = excluded.ctry, locality = excluded.locality,
           email = excluded.email, orgname = excluded.orgname, orgunit = excluded.orgunit,
           updated_at = now()
    RETURNING 1
),
done AS (
    SELECT CASE WHEN count(*) = 0 THEN 'user_does_not_exist' ELSE 'ok' END AS outcome,
           count(*) AS rows
      FROM written
),
audited AS (
    INSERT INTO adminex.audit_log (actor, face, command, arguments, rows, outcome, request_id)
    SELECT a.actor, a.face, a.command, a.arguments, d.rows, d.outcome, coalesce(a.request, '')
      FROM done AS d,
           jsonb_to_record($1::jsonb)
               AS a(actor text, face text, command text, arguments jsonb, request text)
)
SELECT outcome, rows FROM done;
