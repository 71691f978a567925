/* Submod admin: hosts and accounts, beyond what service_admin_extra offered. */
#include <string.h>

#include <openssl/crypto.h>

#include "submod/accounts.h"
#include "submod/can_i.h"
#include "submod/params.h"
#include "submod/privacy_key.h"

static const struct answer HOST_ADDED = { "ok", "Host {host} added" };
static const struct answer HOST_EXISTS = { "exists", "Host {host} already exists" };
static const struct answer HOST_REMOVED = { "ok", "Host {host} removed" };
static const struct answer HOST_HAS_ACCOUNTS = {
	"host_has_accounts", "Host {host} still has accounts; unregister them first"
};
static const struct answer NO_HOST = { "host_does_not_exist", "Host {host} does not exist" };
static const struct answer REGISTERED = { "ok", "User {user}@{host} successfully registered" };
static const struct answer TAKEN = { "exists", "User {user}@{host} already registered" };
static const struct answer EMPTY_PASSWORD = { "error", "Error: empty_password" };
static const struct answer INVALID_JID = { "error", "Error: invalid_jid" };
static const struct answer NAME_ERASED = {
	"name_erased", "User {user}@{host} cannot be registered before {until}: an account of this "
		       "name was erased"
};
static const struct answer HELD = {
	"legal_hold", "User {user}@{host} is under a legal hold since {since} and stays"
};
static const struct answer UNREGISTERED = { "ok", "User {user}@{host} successfully unregistered" };
static const struct answer UNBANNED = { "ok", "User {user}@{host} successfully unbanned" };
static const struct answer NOT_BANNED = { "not_banned", "User {user}@{host} is not banned" };
static const struct answer NEVER_SEEN = { "never_seen", "User {user}@{host} was never seen" };

/* ---- hosts ------------------------------------------------------------------------------- */

static enum adx_rc
write_host(struct call *call, enum sql_id id, struct adx_error *err)
{
	const char *audit = call_audit(call, err);

	if (audit == NULL)
		return ADX_ENOMEM;
	return call_write(call, id, PARAMS(audit, CALL_HOST(call)), err);
}

static enum adx_rc
add_host(struct call *call, struct adx_error *err)
{
	return write_host(call, SQL_HOST_ADD, err);
}

static enum adx_rc
remove_host(struct call *call, struct adx_error *err)
{
	return write_host(call, SQL_HOST_REMOVE, err);
}

static enum adx_rc
registered_vhosts(struct call *call, struct adx_error *err)
{
	char limit[24];

	if (page_wanted(call))
		return call_simple_list(call, SQL_HOSTS_PAGE,
					PARAMS(call->page.after.jid, page_fetch(call, limit)), err);
	return call_simple_list(call, SQL_HOSTS_LIST, NO_PARAMS, err);
}

/* ---- accounts ---------------------------------------------------------------------------- */

/* A writing statement whose answers tell a time that is in a column. */
static enum adx_rc
take_outcome_and_time(struct call *call, struct rows *rows, const char *column, const char *called,
		      struct adx_error *err)
{
	const struct answer *answer = NULL;
	const char *at;
	bool has;
	enum adx_rc rc = rows_first(rows, &has, err);

	if (rc != ADX_OK)
		return rc;
	if (has)
		answer = call_answer_of(call, rows_get(rows, "outcome"));
	if (answer == NULL)
		return adx_fail(err, ADX_EFAIL, "%s has no words for what happened",
				call->command->name);
	call->rows = call->affected = rows_get_int64(rows, "rows");
	at = rows_get(rows, column);
	return call_answer(call, answer, err, called, at == NULL ? "" : at, NULL);
}

static enum adx_rc
take_registered(struct call *call, struct rows *rows, struct adx_error *err)
{
	return take_outcome_and_time(call, rows, "until", "until", err);
}

/* The hash of the name, where there is a key for it; else no name stays taken. */
static enum adx_rc
hash_name(struct call *call, char hex[PSEUDONYM_HEX_LEN + 1], const char **subject,
	  struct adx_error *err)
{
	enum adx_rc rc;

	*subject = NULL;
	if (call->config->privacy.key_file[0] == '\0')
		return ADX_OK;
	rc = privacy_hash(call, CALL_HOST(call), CALL_USER(call), hex, err);
	*subject = hex;
	return rc == ADX_OK ? call_ask_first(call, SQL_ACCOUNT_LOCK_NAME,
					     PARAMS(CALL_HOST(call), CALL_USER(call)), err)
			    : rc;
}

static enum adx_rc
register_account(struct call *call, struct adx_error *err)
{
	const char *audit = call_audit(call, err);
	char hex[PSEUDONYM_HEX_LEN + 1];
	struct accounts_credential c;
	const char *subject;
	enum adx_rc rc;

	if (audit == NULL)
		return ADX_ENOMEM;
	rc = accounts_make_credential(call, call_arg(call, "password"), &c, err);
	if (rc == ADX_OK)
		rc = hash_name(call, hex, &subject, err);
	if (rc == ADX_OK)
		rc = call_ask(call, SQL_ACCOUNT_REGISTER,
			      PARAMS(audit, CALL_HOST(call), CALL_USER(call), c.mechanism,
				     c.iterations, c.salt, c.stored_key, c.server_key, subject),
			      take_registered, err);
	OPENSSL_cleanse(&c, sizeof(c));
	return rc;
}

static enum adx_rc
write_account(struct call *call, enum sql_id id, struct adx_error *err)
{
	const char *audit = call_audit(call, err);

	if (audit == NULL)
		return ADX_ENOMEM;
	return call_write(call, id, PARAMS(audit, CALL_HOST(call), CALL_USER(call)), err);
}

static enum adx_rc
take_unregistered(struct call *call, struct rows *rows, struct adx_error *err)
{
	return take_outcome_and_time(call, rows, "held_at", "since", err);
}

static enum adx_rc
unregister(struct call *call, struct adx_error *err)
{
	const char *audit = call_audit(call, err);
	enum adx_rc rc;

	if (audit == NULL)
		return ADX_ENOMEM;
	/* Who is just being held is waited for, and is held then. */
	rc = call_ask_first(call, SQL_ACCOUNT_LOCK_WHOLE, PARAMS(CALL_HOST(call), CALL_USER(call)),
			    err);
	if (rc != ADX_OK)
		return rc;
	return call_ask(call, SQL_ACCOUNT_UNREGISTER,
			PARAMS(audit, CALL_HOST(call), CALL_USER(call)), take_unregistered, err);
}

static enum adx_rc
unban_account(struct call *call, struct adx_error *err)
{
	return write_account(call, SQL_ACCOUNT_UNBAN, err);
}

/* A list that says whether its owner exists, and whether there is anything in it. */
static enum adx_rc
list_or_say(struct call *call, struct rows *rows, const char *marker, const struct answer *no_owner,
	    const struct answer *nothing, struct adx_error *err)
{
	int64_t seen;
	enum adx_rc rc = call_list(call, rows, marker, &seen, err);

	if (rc != ADX_OK)
		return rc;
	if (seen == 0)
		return call_answer(call, no_owner, err, NULL);
	return call_answer(call, call->rows == 0 ? nothing : &ANSWER_OK, err, NULL);
}

static enum adx_rc
take_of_host(struct call *call, struct rows *rows, struct adx_error *err)
{
	return list_or_say(call, rows, "user", &NO_HOST, &ANSWER_OK, err);
}

static enum adx_rc
registered_users(struct call *call, struct adx_error *err)
{
	char limit[24];

	if (page_wanted(call))
		return call_ask(
			call, SQL_ACCOUNTS_PAGE,
			PARAMS(CALL_HOST(call), call->page.after.jid, page_fetch(call, limit)),
			take_of_host, err);
	return call_ask(call, SQL_ACCOUNTS_LIST, PARAMS(CALL_HOST(call)), take_of_host, err);
}

static enum adx_rc
list_banned(struct call *call, struct adx_error *err)
{
	char limit[24];

	if (page_wanted(call))
		return call_ask(
			call, SQL_BANS_PAGE,
			PARAMS(CALL_HOST(call), call->page.after.user, page_fetch(call, limit)),
			take_of_host, err);
	return call_ask(call, SQL_BANS_LIST, PARAMS(CALL_HOST(call)), take_of_host, err);
}

static enum adx_rc
take_ban(struct call *call, struct rows *rows, struct adx_error *err)
{
	return list_or_say(call, rows, "banned_at", &ANSWER_NO_ACCOUNT, &NOT_BANNED, err);
}

static enum adx_rc
get_ban_details(struct call *call, struct adx_error *err)
{
	return call_ask(call, SQL_BAN_DETAILS, PARAMS(CALL_HOST(call), CALL_USER(call)), take_ban,
			err);
}

static enum adx_rc
take_last(struct call *call, struct rows *rows, struct adx_error *err)
{
	return list_or_say(call, rows, "timestamp", &ANSWER_NO_ACCOUNT, &NEVER_SEEN, err);
}

static enum adx_rc
get_last(struct call *call, struct adx_error *err)
{
	return call_ask(call, SQL_LAST_GET, PARAMS(CALL_HOST(call), CALL_USER(call)), take_last,
			err);
}

const struct command ADMIN_COMMANDS[] = {
	{ .name = "add_host",
	  .submod = "admin",
	  .summary = "serve a host (an XMPP domain)",
	  .params = { P_HOST("domain") },
	  .result = RESULT_RESTUPLE,
	  .result_name = "res",
	  .answers = { &HOST_ADDED, &HOST_EXISTS },
	  .role = ROLE_ADMIN,
	  .limited_by = "host",
	  .flags = CMD_WRITES,
	  .example = "conference.example.org",
	  .run = add_host },
	{ .name = "remove_host",
	  .submod = "admin",
	  .summary = "stop serving a host that has no accounts",
	  .params = { P_HOST("domain") },
	  .result = RESULT_RESTUPLE,
	  .result_name = "res",
	  .answers = { &HOST_REMOVED, &HOST_HAS_ACCOUNTS, &NO_HOST },
	  .affects = "hosts",
	  .role = ROLE_ADMIN,
	  .limited_by = "host",
	  .flags = CMD_WRITES | CMD_DESTROYS | CMD_WIDE,
	  .example = "conference.example.org",
	  .run = remove_host },
	{ .name = "registered_vhosts",
	  .submod = "admin",
	  .summary = "list the hosts that are served",
	  .result = RESULT_LIST,
	  .result_name = "vhosts",
	  .fields = { { "vhost" } },
	  .pages = PAGES_BY_HOST,
	  .answers = { &ANSWER_OK },
	  .role = ROLE_READER,
	  .example = "",
	  .run = registered_vhosts },
	{ .name = "register",
	  .submod = "admin",
	  .summary = "make an account",
	  .params = { P_ACCOUNT, P_SECRET("password", "its password, not empty") },
	  .result = RESULT_RESTUPLE,
	  .result_name = "res",
	  .answers = { &REGISTERED, &TAKEN, &NO_HOST, &EMPTY_PASSWORD, &INVALID_JID, &NAME_ERASED },
	  .if_bad_jid = &INVALID_JID,
	  .if_empty_secret = &EMPTY_PASSWORD,
	  .role = ROLE_OPERATOR,
	  .limited_by = "host",
	  .flags = CMD_WRITES,
	  .example = "viola2 example.org 'a secret'",
	  .run = register_account },
	{ .name = "unregister",
	  .submod = "admin",
	  .summary = "delete an account and everything that belongs to it",
	  .params = { P_ACCOUNT },
	  .result = RESULT_RESTUPLE,
	  .result_name = "res",
	  .answers = { &UNREGISTERED, &ANSWER_NO_ACCOUNT, &HELD },
	  .if_bad_jid = &ANSWER_NO_ACCOUNT,
	  .affects = "accounts",
	  .role = ROLE_OPERATOR,
	  .limited_by = "host",
	  .flags = CMD_WRITES | CMD_DESTROYS,
	  .example = "viola2 example.org",
	  .run = unregister },
	{ .name = "registered_users",
	  .submod = "admin",
	  .summary = "list the accounts of a host",
	  .params = { P_HOST("domain") },
	  .result = RESULT_LIST,
	  .result_name = "users",
	  .fields = { { "user" } },
	  .pages = PAGES_BY_USER,
	  .answers = { &ANSWER_OK, &NO_HOST },
	  .role = ROLE_READER,
	  .limited_by = "host",
	  .flags = CMD_WIDE,
	  .example = "example.org",
	  .run = registered_users },
	{ .name = "unban_account",
	  .submod = "admin",
	  .summary = "lift a ban: the old password checks again",
	  .params = { P_ACCOUNT },
	  .result = RESULT_RESTUPLE,
	  .result_name = "res",
	  .answers = { &UNBANNED, &NOT_BANNED, &ANSWER_NO_ACCOUNT },
	  .if_bad_jid = &ANSWER_NO_ACCOUNT,
	  .role = ROLE_OPERATOR,
	  .limited_by = "host",
	  .flags = CMD_WRITES,
	  .example = "orsino.aldobrand example.org",
	  .run = unban_account },
	{ .name = "get_ban_details",
	  .submod = "admin",
	  .summary = "tell why, when and by whom an account was banned",
	  .params = { P_ACCOUNT },
	  .result = RESULT_LIST,
	  .result_name = "ban",
	  .fields = { { "reason" }, { "banned_at" }, { "banned_by" } },
	  .answers = { &ANSWER_OK, &NOT_BANNED, &ANSWER_NO_ACCOUNT },
	  .if_bad_jid = &ANSWER_NO_ACCOUNT,
	  .role = ROLE_READER,
	  .limited_by = "host",
	  .example = "orsino.aldobrand example.org",
	  .run = get_ban_details },
	{ .name = "list_banned",
	  .submod = "admin",
	  .summary = "list the banned accounts of a host",
	  .params = { P_HOST("domain") },
	  .result = RESULT_LIST,
	  .result_name = "bans",
	  .fields = { { "user" }, { "reason" }, { "banned_at" }, { "banned_by" } },
	  .pages = PAGES_BY_ACCOUNT,
	  .answers = { &ANSWER_OK, &NO_HOST },
	  .role = ROLE_READER,
	  .limited_by = "host",
	  .flags = CMD_WIDE,
	  .example = "example.org",
	  .run = list_banned },
	{ .name = "get_last",
	  .submod = "admin",
	  .summary = "tell when an account was last connected (seconds since 1970) and its status",
	  .params = { P_ACCOUNT },
	  .result = RESULT_LIST,
	  .result_name = "last",
	  .fields = { { "timestamp", true }, { "status" } },
	  .answers = { &ANSWER_OK, &NEVER_SEEN, &ANSWER_NO_ACCOUNT },
	  .if_bad_jid = &ANSWER_NO_ACCOUNT,
	  .role = ROLE_READER,
	  .limited_by = "host",
	  .example = "orsino.aldobrand example.org",
	  .run = get_last },
	{ .name = "can_i",
	  .submod = "admin",
	  .summary = "tell whether a role or a token may run a command, and by which rule",
	  .notes = "HOST is the domain the command would work on; empty for a command without one, "
		   "or for any host that is open to the token. Directly on the database the "
		   "database's own roles decide, whatever this says.",
	  .params = { P_SECRET("who", "reader, operator, admin or a token"),
		      P_TEXT("command", "name of a command"), P_TEXT("host", "domain, or empty") },
	  .result = RESULT_RESTUPLE,
	  .result_name = "res",
	  .answers = { &CAN_I_YES, &CAN_I_NO },
	  .role = ROLE_READER,
	  .limited_by = LIMITED_NOT_AT_ALL,
	  .example = "operator ban_account example.org",
	  .run = can_i },
	{ 0 },
};
