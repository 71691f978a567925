/* Submod accounts: existence, passwords, bans, and the removal of old accounts. */
#include "submod/accounts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/scram.h"
#include "submod/params.h"

static const char *const HASH_METHODS[] = { "md5", "sha", "sha1", "sha256", "sha512", NULL };

/* A thousand years and more; what lies beyond would leave PostgreSQL's calendar. */
enum { DAYS_MAX = 1000000 };

static const struct answer EXISTS = { "ok", "User {user}@{host} exists" };
static const struct answer CHANGED = { "ok",
				       "Password for user {user}@{host} successfully changed" };
static const struct answer EMPTY_PASSWORD = { "error", "Error: empty_password" };
static const struct answer INVALID_JID = { "error", "Error: invalid_jid" };
static const struct answer CORRECT = { "ok", "Password for user {user}@{host} is correct" };
static const struct answer INCORRECT = { "incorrect",
					 "Password for user {user}@{host} is incorrect" };
static const struct answer INCORRECT_NO_ACCOUNT = {
	"user_does_not_exist",
	"Password for user {user}@{host} is incorrect because this user does not exist"
};
static const struct answer HASH_CORRECT = { "ok", "Password hash is correct" };
static const struct answer HASH_INCORRECT = { "incorrect", "Password hash is incorrect" };
static const struct answer HASH_UNDEFINED = { "error",
					      "Error: \"Hash for password is undefined\"" };
static const struct answer DELETED = { "ok", "Deleted {count} users: {list}" };
static const struct answer BANNED = {
	"ok", "User {user}@{host} successfully banned with reason: {reason}"
};
static const struct answer NO_HOST = { "host_does_not_exist", "Host {host} does not exist" };

static enum adx_rc
take_existence(struct call *call, struct rows *rows, struct adx_error *err)
{
	bool has;
	enum adx_rc rc = rows_first(rows, &has, err);

	if (rc != ADX_OK)
		return rc;
	return call_answer(call, has ? &EXISTS : &ANSWER_NO_ACCOUNT, err, NULL);
}

static enum adx_rc
check_account(struct call *call, struct adx_error *err)
{
	return call_ask(call, SQL_ACCOUNT_EXISTS, PARAMS(CALL_HOST(call), CALL_USER(call)),
			take_existence, err);
}

/* ---- passwords --------------------------------------------------------------------------- */

static void
to_bytea(const unsigned char *bytes, size_t len, char *out)
{
	memcpy(out, "\\x", 3);
	for (size_t i = 0; i < len; i++)
		snprintf(out + 2 + 2 * i, 3, "%02x", bytes[i]);
}

enum adx_rc
accounts_make_credential(const struct call *call, const struct value *secret,
			 struct accounts_credential *out, struct adx_error *err)
{
	int iterations = call->config->password_iterations;
	struct scram keys;
	enum adx_rc rc;

	out->mechanism = call->config->password_mechanism;
	rc = scram_make(out->mechanism, iterations, secret->raw, secret->len, &keys, err);
	if (rc != ADX_OK)
		return rc;
	snprintf(out->iterations, sizeof(out->iterations), "%d", iterations);
	to_bytea(keys.salt, SCRAM_SALT_SIZE, out->salt);
	to_bytea(keys.stored_key, keys.key_len, out->stored_key);
	to_bytea(keys.server_key, keys.key_len, out->server_key);
	OPENSSL_cleanse(&keys, sizeof(keys));
	return ADX_OK;
}

static enum adx_rc
change_password(struct call *call, struct adx_error *err)
{
	const char *audit = call_audit(call, err);
	struct accounts_credential c;
	enum adx_rc rc;

	if (audit == NULL)
		return ADX_ENOMEM;
	rc = accounts_make_credential(call, call_arg(call, "newpass"), &c, err);
	/* Two changes at the same time must leave one password, not both. */
	if (rc == ADX_OK)
		rc = call_ask_first(call, SQL_ACCOUNT_LOCK,
				    PARAMS(CALL_HOST(call), CALL_USER(call)), err);
	if (rc == ADX_OK)
		rc = call_write(call, SQL_ACCOUNT_SET_PASSWORD,
				PARAMS(audit, CALL_HOST(call), CALL_USER(call), c.mechanism,
				       c.iterations, c.salt, c.stored_key, c.server_key),
				err);
	OPENSSL_cleanse(&c, sizeof(c));
	return rc;
}

static bool
same_bytes(const char *a, size_t a_len, const char *b, size_t b_len)
{
	return a_len == b_len && CRYPTO_memcmp(a, b, a_len) == 0;
}

/*
 * A plain password was stored as its server took it: some prepared it, some did not. Either form of
 * the candidate may match.
 */
static enum adx_rc
matches_plain(const char *plain, const struct value *candidate, bool *match, struct adx_error *err)
{
	struct buf prepared = BUF_INIT;
	enum adx_rc rc = ADX_OK;

	*match = same_bytes(plain, strlen(plain), candidate->raw, candidate->len);
	if (!*match) {
		rc = password_prepare(candidate->raw, candidate->len, &prepared, err);
		if (rc == ADX_OK)
			*match =
				same_bytes(plain, strlen(plain), buf_text(&prepared), prepared.len);
	}
	buf_wipe(&prepared);
	return rc == ADX_EINVAL ? ADX_OK : rc;
}

static enum adx_rc
matches_scram(const struct rows *rows, const struct value *candidate, bool *match,
	      struct adx_error *err)
{
	struct scram_stored stored = { .mechanism = rows_get(rows, "mechanism"),
				       .iterations = (int)rows_get_int64(rows, "iterations") };
	unsigned char *salt = NULL, *key = NULL;
	enum adx_rc rc = rows_get_bytes(rows, "salt", &salt, &stored.salt_len, err);

	if (rc == ADX_OK)
		rc = rows_get_bytes(rows, "stored_key", &key, &stored.key_len, err);
	stored.salt = salt;
	stored.stored_key = key;
	if (rc == ADX_OK)
		rc = scram_check(&stored, candidate->raw, candidate->len, match, err);
	free(salt);
	free(key);
	return rc;
}

/* All credentials of an account come from one password, so any one decides: the statement picks. */
static enum adx_rc
matches(const struct rows *rows, const struct value *candidate, bool *match, struct adx_error *err)
{
	const char *mechanism = rows_get(rows, "mechanism");

	*match = false;
	if (mechanism == NULL || candidate->len == 0 || rows_get_bool(rows, "banned"))
		return ADX_OK;
	if (strcmp(mechanism, "PLAIN") == 0)
		return matches_plain(rows_get(rows, "plain"), candidate, match, err);
	return matches_scram(rows, candidate, match, err);
}

static enum adx_rc
take_credential(struct call *call, struct rows *rows, struct adx_error *err)
{
	bool has, match = false;
	enum adx_rc rc = rows_first(rows, &has, err);

	if (rc == ADX_OK && !has)
		return call_answer(call, &INCORRECT_NO_ACCOUNT, err, NULL);
	if (rc == ADX_OK)
		rc = matches(rows, call_arg(call, "password"), &match, err);
	if (rc != ADX_OK)
		return rc;
	return call_answer(call, match ? &CORRECT : &INCORRECT, err, NULL);
}

static enum adx_rc
check_password(struct call *call, struct adx_error *err)
{
	return call_ask(call, SQL_ACCOUNT_CREDENTIALS, PARAMS(CALL_HOST(call), CALL_USER(call)),
			take_credential, err);
}

/* ---- password hashes --------------------------------------------------------------------- */

static const EVP_MD *
hash_method(const char *word)
{
	static const struct {
		const char *word;
		const EVP_MD *(*md)(void);
	} METHODS[] = { { "md5", EVP_md5 },
			{ "sha", EVP_sha1 },
			{ "sha1", EVP_sha1 },
			{ "sha256", EVP_sha256 },
			{ "sha512", EVP_sha512 } };

	for (size_t i = 0; i < sizeof(METHODS) / sizeof(METHODS[0]); i++)
		if (strcmp(METHODS[i].word, word) == 0)
			return METHODS[i].md();
	return NULL;
}

/* Hex of either case, or the original's own: upper case, each byte without its leading zero. */
static bool
is_digest(const char *typed, const unsigned char *digest, unsigned len)
{
	char hex[2 * EVP_MAX_MD_SIZE + 1], bare[2 * EVP_MAX_MD_SIZE + 1];
	size_t at = 0;

	for (unsigned i = 0; i < len; i++) {
		snprintf(hex + 2 * (size_t)i, 3, "%02x", digest[i]);
		at += (size_t)snprintf(bare + at, 3, "%X", digest[i]);
	}
	return strcasecmp(typed, hex) == 0 || strcmp(typed, bare) == 0;
}

static enum adx_rc
answer_hash(struct call *call, const struct rows *rows, struct adx_error *err)
{
	const EVP_MD *md = hash_method(call_raw(call, "hashmethod"));
	const char *mechanism = rows_get(rows, "mechanism");
	const char *plain = rows_get(rows, "plain");
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	bool match;

	if (md == NULL || mechanism == NULL || plain == NULL)
		return call_answer(call, &HASH_UNDEFINED, err, NULL);
	if (EVP_Digest(plain, strlen(plain), digest, &len, md, NULL) != 1)
		return adx_fail(err, ADX_EFAIL, "the crypto library could not make a digest");
	match = is_digest(call_raw(call, "passwordhash"), digest, len) &&
		!rows_get_bool(rows, "banned");
	return call_answer(call, match ? &HASH_CORRECT : &HASH_INCORRECT, err, NULL);
}

static enum adx_rc
take_plain(struct call *call, struct rows *rows, struct adx_error *err)
{
	bool has;
	enum adx_rc rc = rows_first(rows, &has, err);

	if (rc != ADX_OK)
		return rc;
	return has ? answer_hash(call, rows, err)
		   : call_answer(call, &ANSWER_NO_ACCOUNT, err, NULL);
}

static enum adx_rc
check_password_hash(struct call *call, struct adx_error *err)
{
	return call_ask(call, SQL_ACCOUNT_PLAIN, PARAMS(CALL_HOST(call), CALL_USER(call)),
			take_plain, err);
}

/* ---- bans -------------------------------------------------------------------------------- */

static enum adx_rc
ban_account(struct call *call, struct adx_error *err)
{
	const char *audit = call_audit(call, err);
	const char *reason = call_raw(call, "reason");
	const char *message = reason[0] == '\0' ? "Kicked by administrator" : reason;

	if (audit == NULL)
		return ADX_ENOMEM;
	return call_write(call, SQL_ACCOUNT_BAN,
			  PARAMS(audit, CALL_HOST(call), CALL_USER(call), reason, message), err);
}

/* ---- old accounts ------------------------------------------------------------------------ */

/* An Erlang binary, as the original prints names. */
static void
add_erlang(struct buf *out, const char *text)
{
	buf_add_text(out, "<<\"");
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			buf_add_char(out, '\\');
		buf_add_char(out, *text);
	}
	buf_add_text(out, "\">>");
}

/* The deleted accounts: rows for machines, an Erlang list for the text. Who is held is named. */
static enum adx_rc
collect_deleted(struct call *call, struct rows *rows, struct buf *list, struct adx_error *err)
{
	struct writer *w = call->writer;
	bool has;
	enum adx_rc rc = rows_next(rows, &has, err);

	/* Not before: a bet that is lost fails here, and it is all done again. */
	if (rc != ADX_OK)
		return rc;
	buf_add_char(list, '[');
	w->ops->list_begin(w);
	for (; rc == ADX_OK && has; rc = rows_next(rows, &has, err)) {
		const char *user = rows_get(rows, "user");
		const char *host = rows_get(rows, "host");
		struct cell cells[] = { { user, strlen(user) }, { host, strlen(host) } };

		if (rows_get_bool(rows, "held")) {
			call_remark(call, "'%.400s@%.400s' is under a legal hold and stays", user,
				    host);
			continue;
		}
		w->ops->row(w, cells);
		buf_add_text(list, call->affected++ == 0 ? "{" : ",{");
		add_erlang(list, user);
		buf_add_char(list, ',');
		add_erlang(list, host);
		buf_add_char(list, '}');
	}
	buf_add_char(list, ']');
	return rc == ADX_OK && !buf_ok(list) ? adx_nomem(err) : rc;
}

static enum adx_rc
take_deleted(struct call *call, struct rows *rows, struct adx_error *err)
{
	struct buf list = BUF_INIT;
	char count[24];
	enum adx_rc rc = collect_deleted(call, rows, &list, err);

	call->rows = call->affected;
	snprintf(count, sizeof(count), "%" PRId64, call->affected);
	if (rc == ADX_OK)
		rc = call_answer(call, &DELETED, err, "count", count, "list", buf_text(&list),
				 NULL);
	buf_free(&list);
	return rc;
}

/* Whom it is about, as the statements take it. */
struct old {
	const char *audit, *host, *never_seen;
	char days[24];
};

static enum adx_rc
delete_all(struct call *call, const struct old *old, const char *trusting, struct adx_error *err)
{
	struct rows *rows;
	enum adx_rc rc = stmt_open(
		call->db, SQL_ACCOUNTS_DELETE_OLD,
		PARAMS(old->audit, old->host, old->days, old->never_seen, trusting), &rows, err);

	if (rc == ADX_OK)
		rc = take_deleted(call, rows, err);
	rows_close(rows);
	return rc;
}

static enum adx_rc
delete_locked(struct call *call, const struct old *old, struct adx_error *err)
{
	enum adx_rc rc = stmt_exec(call->db, SQL_ACCOUNTS_LOCK_OLD,
				   PARAMS(old->host, old->days, old->never_seen), err);

	return rc == ADX_OK ? delete_all(call, old, "false", err) : rc;
}

/* A bet that nobody who is to go comes back meanwhile; when it is lost, the safe way. */
static enum adx_rc
delete_trusting(struct call *call, const struct old *old, struct adx_error *err)
{
	static const char SERIALIZATION_FAILURE[] = "40001";
	enum adx_rc rc = db_savepoint(call->db, err);

	if (rc != ADX_OK)
		return rc;
	rc = delete_all(call, old, "true", err);
	if (rc != ADX_OK && strcmp(err->sqlstate, SERIALIZATION_FAILURE) == 0) {
		rc = db_savepoint_return(call->db, err);
		if (rc == ADX_OK)
			rc = delete_locked(call, old, err);
	}
	return rc == ADX_OK ? db_savepoint_release(call->db, err) : rc;
}

static enum adx_rc
delete_old(struct call *call, const char *host, struct adx_error *err)
{
	struct old old = { .audit = call_audit(call, err),
			   .host = host,
			   .never_seen = call->options->include_never_seen ? "true" : "false" };

	if (old.audit == NULL)
		return ADX_ENOMEM;
	snprintf(old.days, sizeof(old.days), "%" PRId64, call_arg(call, "days")->number);
	return delete_trusting(call, &old, err);
}

static enum adx_rc
delete_old_users(struct call *call, struct adx_error *err)
{
	return delete_old(call, NULL, err);
}

static enum adx_rc
delete_old_users_vhost(struct call *call, struct adx_error *err)
{
	return delete_old(call, CALL_HOST(call), err);
}

static enum adx_rc
take_active(struct call *call, struct rows *rows, struct adx_error *err)
{
	bool has;
	enum adx_rc rc = rows_first(rows, &has, err);

	if (rc != ADX_OK)
		return rc;
	return has ? call_integer(call, rows_get_int64(rows, "users"))
		   : call_answer(call, &NO_HOST, err, NULL);
}

static enum adx_rc
num_active_users(struct call *call, struct adx_error *err)
{
	char days[24];

	snprintf(days, sizeof(days), "%" PRId64, call_arg(call, "days")->number);
	return call_ask(call, SQL_ACCOUNTS_ACTIVE, PARAMS(CALL_HOST(call), days), take_active, err);
}

#define OLD_NOTES                                                                                  \
	"An account that never logged in is judged by when it was created; the option "            \
	"--include-never-seen deletes all of those. Accounts with a session stay. Look first "     \
	"with --dry-run."

const struct command ACCOUNTS_COMMANDS[] = {
	{ .name = "change_password",
	  .submod = "accounts",
	  .summary = "set a new password for an account",
	  .params = { P_ACCOUNT, P_SECRET("newpass", "new password, not empty") },
	  .result = RESULT_RESTUPLE,
	  .result_name = "res",
	  .answers = { &CHANGED, &EMPTY_PASSWORD, &INVALID_JID, &ANSWER_NO_ACCOUNT },
	  .if_bad_jid = &INVALID_JID,
	  .if_empty_secret = &EMPTY_PASSWORD,
	  .role = ROLE_OPERATOR,
	  .limited_by = "host",
	  .flags = CMD_WRITES,
	  .example = "orsino.aldobrand example.org 'new secret'",
	  .run = change_password },
	{ .name = "check_password_hash",
	  .submod = "accounts",
	  .summary = "compare a hex digest with the digest of the stored plain password",
	  .notes = "Only where the password is kept plain. A digest is hex in either case, or the "
		   "unpadded upper-case form that mongooseimctl took.",
	  .params = { P_ACCOUNT, P_SECRET("passwordhash", "hex digest"),
		      P_CHOICE("hashmethod", HASH_METHODS,
			       "md5, sha (is sha1), sha1, sha256 or sha512") },
	  .result = RESULT_RESTUPLE,
	  .result_name = "res",
	  .answers = { &HASH_CORRECT, &HASH_INCORRECT, &HASH_UNDEFINED, &ANSWER_NO_ACCOUNT },
	  .if_bad_jid = &ANSWER_NO_ACCOUNT,
	  .role = ROLE_OPERATOR,
	  .limited_by = "host",
	  .flags = CMD_GUESSES,
	  .example = "legacy1 example.org 1296eea94d648769bf24faf2b6c5b079 md5",
	  .run = check_password_hash },
	{ .name = "delete_old_users",
	  .submod = "accounts",
	  .summary = "delete every account that was not seen for DAYS days",
	  .notes = OLD_NOTES,
	  .params = { P_INTEGER("days", 0, DAYS_MAX, "age in days") },
	  .result = RESULT_RESTUPLE,
	  .result_name = "res",
	  .fields = { { "user" }, { "host" } },
	  .answers = { &DELETED },
	  .affects = "accounts",
	  .role = ROLE_OPERATOR,
	  .flags = CMD_WRITES | CMD_DESTROYS | CMD_LIST_TOO | CMD_NEVER_SEEN | CMD_WIDE | CMD_STEPS,
	  .example = "365",
	  .run = delete_old_users },
	{ .name = "delete_old_users_vhost",
	  .submod = "accounts",
	  .summary = "the same, limited to one host",
	  .notes = OLD_NOTES,
	  .params = { P_HOST("domain"), P_INTEGER("days", 0, DAYS_MAX, "age in days") },
	  .result = RESULT_RESTUPLE,
	  .result_name = "res",
	  .fields = { { "user" }, { "host" } },
	  .answers = { &DELETED },
	  .affects = "accounts",
	  .role = ROLE_OPERATOR,
	  .limited_by = "host",
	  .flags = CMD_WRITES | CMD_DESTROYS | CMD_LIST_TOO | CMD_NEVER_SEEN | CMD_WIDE | CMD_STEPS,
	  .example = "example.org 365",
	  .run = delete_old_users_vhost },
	{ .name = "ban_account",
	  .submod = "accounts",
	  .summary = "ban an account: every check of its password fails, its sessions are kicked",
	  .notes = "The password is kept: unban_account restores it.",
	  .params = { P_ACCOUNT, P_TEXT("reason", "shown to the kicked sessions; empty means "
						  "'Kicked by administrator'") },
	  .result = RESULT_RESTUPLE,
	  .result_name = "res",
	  .answers = { &BANNED, &ANSWER_NO_ACCOUNT, &INVALID_JID },
	  .if_bad_jid = &INVALID_JID,
	  .role = ROLE_OPERATOR,
	  .limited_by = "host",
	  .flags = CMD_WRITES,
	  .example = "orsino.aldobrand example.org 'spam wave of May'",
	  .run = ban_account },
	{ .name = "num_active_users",
	  .submod = "accounts",
	  .summary = "count the accounts of a host that were seen in the last DAYS days",
	  .params = { P_HOST("domain"), P_INTEGER("days", 0, DAYS_MAX, "window in days") },
	  .result = RESULT_INTEGER,
	  .result_name = "users",
	  .answers = { &ANSWER_OK, &NO_HOST },
	  .role = ROLE_READER,
	  .limited_by = "host",
	  .flags = CMD_WIDE,
	  .example = "example.org 30",
	  .run = num_active_users },
	{ .name = "check_account",
	  .submod = "accounts",
	  .summary = "tell whether an account exists",
	  .params = { P_ACCOUNT },
	  .result = RESULT_RESTUPLE,
	  .result_name = "res",
	  .answers = { &EXISTS, &ANSWER_NO_ACCOUNT },
	  .if_bad_jid = &ANSWER_NO_ACCOUNT,
	  .role = ROLE_READER,
	  .limited_by = "host",
	  .example = "orsino.aldobrand example.org",
	  .run = check_account },
	{ .name = "check_password",
	  .submod = "accounts",
	  .summary = "verify a password",
	  .params = { P_ACCOUNT, P_SECRET("password", "candidate password") },
	  .result = RESULT_RESTUPLE,
	  .result_name = "res",
	  .answers = { &CORRECT, &INCORRECT, &INCORRECT_NO_ACCOUNT },
	  .if_bad_jid = &INCORRECT_NO_ACCOUNT,
	  .role = ROLE_OPERATOR,
	  .limited_by = "host",
	  .flags = CMD_GUESSES,
	  .example = "viola.hollins example.org pw-0001-viola.hollins",
	  .run = check_password },
	{ 0 },
};
