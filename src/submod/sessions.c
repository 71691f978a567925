/* Submod sessions: who is connected, from table sessions. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "submod/params.h"
#include "submod/stanzas.h"

static const char *const SHOWS[] = { "available", "chat",        "away", "xa",
				     "dnd",       "unavailable", "all",  NULL };
static const char *const TYPES[] = { "", "available", "unavailable", NULL };
static const char *const SET_SHOWS[] = { "", "available", "chat", "away", "xa", "dnd", NULL };

static const struct answer NO_RESOURCE = { "bad_resource_number",
					   "Error: Wrong resource number: {num}" };
static const struct answer NO_SESSION = { "no_session", "No session {user}@{host}/{resource}" };

static enum adx_rc
num_resources(struct call *call, struct adx_error *err)
{
	return call_ask_number(call, SQL_SESSIONS_COUNT, PARAMS(CALL_HOST(call), CALL_USER(call)),
			       err);
}

static enum adx_rc
take_resource(struct call *call, struct rows *rows, struct adx_error *err)
{
	const char *resource;
	bool has;
	enum adx_rc rc = rows_first(rows, &has, err);

	if (rc != ADX_OK)
		return rc;
	if (!has)
		return call_answer(call, &NO_RESOURCE, err, NULL);
	resource = rows_get(rows, "resource");
	return call_string(call, resource, strlen(resource));
}

static enum adx_rc
resource_num(struct call *call, struct adx_error *err)
{
	int64_t position = call_arg(call, "num")->number;
	char text[24];

	if (position < 1)
		return call_answer(call, &NO_RESOURCE, err, NULL);
	snprintf(text, sizeof(text), "%" PRId64, position);
	return call_ask(call, SQL_SESSIONS_NTH, PARAMS(CALL_HOST(call), CALL_USER(call), text),
			take_resource, err);
}

static enum adx_rc
kick_session(struct call *call, struct adx_error *err)
{
	const char *audit = call_audit(call, err);
	const char *reason = call_raw(call, "reason");

	if (audit == NULL)
		return ADX_ENOMEM;
	return call_write(call, SQL_SESSION_KICK,
			  PARAMS(audit, CALL_HOST(call), CALL_USER(call),
				 call_jid_part(call, "resource"),
				 reason[0] == '\0' ? "Kicked by administrator" : reason),
			  err);
}

/* ---- by presence ------------------------------------------------------------------------- */

static enum adx_rc
count_by_show(struct call *call, const char *host, struct adx_error *err)
{
	return call_ask_number(call, SQL_SESSIONS_COUNT_BY_SHOW,
			       PARAMS(host, call_raw(call, "status")), err);
}

static enum adx_rc
status_num(struct call *call, struct adx_error *err)
{
	return count_by_show(call, NULL, err);
}

static enum adx_rc
status_num_host(struct call *call, struct adx_error *err)
{
	return count_by_show(call, CALL_HOST(call), err);
}

static enum adx_rc
status_list(struct call *call, struct adx_error *err)
{
	const struct page_cursor *after = &call->page.after;
	char limit[24];

	if (page_wanted(call))
		return call_simple_list(call, SQL_SESSIONS_BY_SHOW_PAGE,
					PARAMS(call_raw(call, "status"), after->host, after->user,
					       after->resource, page_fetch(call, limit)),
					err);
	return call_simple_list(call, SQL_SESSIONS_BY_SHOW, PARAMS(NULL, call_raw(call, "status")),
				err);
}

static enum adx_rc
status_list_host(struct call *call, struct adx_error *err)
{
	const struct page_cursor *after = &call->page.after;
	char limit[24];

	if (page_wanted(call))
		return call_simple_list(call, SQL_SESSIONS_BY_SHOW_HOST_PAGE,
					PARAMS(CALL_HOST(call), call_raw(call, "status"),
					       after->user, after->resource,
					       page_fetch(call, limit)),
					err);
	return call_simple_list(call, SQL_SESSIONS_BY_SHOW,
				PARAMS(CALL_HOST(call), call_raw(call, "status")), err);
}

/* ---- connections ------------------------------------------------------------------------- */

static enum adx_rc
connected_users_info(struct call *call, struct adx_error *err)
{
	const struct page_cursor *after = &call->page.after;
	char limit[24];

	if (page_wanted(call))
		return call_simple_list(
			call, SQL_SESSIONS_INFO_PAGE,
			PARAMS(after->host, after->user, after->resource, page_fetch(call, limit)),
			err);
	return call_simple_list(call, SQL_SESSIONS_INFO, PARAMS(NULL, NULL), err);
}

static enum adx_rc
connected_users_vhost(struct call *call, struct adx_error *err)
{
	const struct page_cursor *after = &call->page.after;
	char limit[24];

	if (page_wanted(call))
		return call_simple_list(call, SQL_SESSIONS_INFO_HOST_PAGE,
					PARAMS(CALL_HOST(call), after->user, after->resource,
					       page_fetch(call, limit)),
					err);
	return call_simple_list(call, SQL_SESSIONS_INFO, PARAMS(CALL_HOST(call), NULL), err);
}

static enum adx_rc
user_sessions_info(struct call *call, struct adx_error *err)
{
	return call_simple_list(call, SQL_SESSIONS_INFO, PARAMS(CALL_HOST(call), CALL_USER(call)),
				err);
}

/* ---- presence ---------------------------------------------------------------------------- */

static enum adx_rc
set_presence(struct call *call, struct adx_error *err)
{
	bool gone = strcmp(call_raw(call, "type"), "unavailable") == 0;
	const char *show = call_raw(call, "show");
	const char *audit = call_audit(call, err);
	struct buf stanza = BUF_INIT;
	char priority[24];
	enum adx_rc rc;

	if (audit == NULL)
		return ADX_ENOMEM;
	if (gone)
		show = "unavailable";
	else if (show[0] == '\0')
		show = "available";
	snprintf(priority, sizeof(priority), "%" PRId64, call_arg(call, "priority")->number);
	rc = stanza_presence(show, call_raw(call, "status"), priority, &stanza, err);
	if (rc == ADX_OK)
		rc = call_write(call, SQL_SESSION_SET_PRESENCE,
				PARAMS(audit, CALL_HOST(call), CALL_USER(call),
				       call_jid_part(call, "resource"), show,
				       call_raw(call, "status"), priority, buf_text(&stanza)),
				err);
	buf_free(&stanza);
	return rc;
}

#define P_SHOW                                                                                     \
	P_WORD("status", SHOWS, "available, chat, away, xa, dnd, unavailable, or all for any")
#define STATUS_FIELDS                                                                              \
	{ "user" }, { "host" }, { "resource" }, { "priority", true },                              \
	{                                                                                          \
		"status"                                                                           \
	}
#define SESSION_FIELDS                                                                             \
	{ "jid" }, { "connection" }, { "ip" }, { "port", true }, { "priority", true }, { "node" }, \
	{                                                                                          \
		"uptime", true                                                                     \
	}

const struct command SESSIONS_COMMANDS[] = {
	{ .name = "num_resources",
	  .submod = "sessions",
	  .summary = "count the connected resources of an account",
	  .params = { P_ACCOUNT },
	  .result = RESULT_INTEGER,
	  .result_name = "resources",
	  .answers = { &ANSWER_OK },
	  .role = ROLE_READER,
	  .limited_by = "host",
	  .example = "orsino.aldobrand example.org",
	  .run = num_resources },
	{ .name = "resource_num",
	  .submod = "sessions",
	  .summary = "print the resource of the Nth session of an account",
	  .params = { P_ACCOUNT, P_INTEGER("num", INT64_MIN, INT64_MAX,
					   "position from 1, in the order of the resources") },
	  .result = RESULT_STRING,
	  .result_name = "resource",
	  .answers = { &ANSWER_OK, &NO_RESOURCE },
	  .role = ROLE_READER,
	  .limited_by = "host",
	  .example = "orsino.aldobrand example.org 1",
	  .run = resource_num },
	{ .name = "kick_session",
	  .submod = "sessions",
	  .summary = "disconnect one session",
	  .params = { P_ACCOUNT, P_RESOURCE,
		      P_TEXT("reason", "text; empty means 'Kicked by administrator'") },
	  .result = RESULT_RESCODE,
	  .result_name = "res",
	  .answers = { &ANSWER_OK, &NO_SESSION },
	  .if_bad_jid = &NO_SESSION,
	  .role = ROLE_OPERATOR,
	  .limited_by = "host",
	  .flags = CMD_WRITES,
	  .example = "orsino.aldobrand example.org phone 'please reconnect'",
	  .run = kick_session },
	{ .name = "status_num_host",
	  .submod = "sessions",
	  .summary = "count the sessions of a host that have a presence",
	  .params = { P_HOST("domain"), P_SHOW },
	  .result = RESULT_INTEGER,
	  .result_name = "users",
	  .answers = { &ANSWER_OK },
	  .role = ROLE_READER,
	  .limited_by = "host",
	  .flags = CMD_WIDE,
	  .example = "example.org away",
	  .run = status_num_host },
	{ .name = "status_num",
	  .submod = "sessions",
	  .summary = "count the sessions that have a presence",
	  .params = { P_SHOW },
	  .result = RESULT_INTEGER,
	  .result_name = "users",
	  .answers = { &ANSWER_OK },
	  .role = ROLE_READER,
	  .flags = CMD_WIDE,
	  .example = "all",
	  .run = status_num },
	{ .name = "status_list_host",
	  .submod = "sessions",
	  .summary = "list the sessions of a host that have a presence",
	  .notes = "The last field is the free text of the presence.",
	  .params = { P_HOST("domain"), P_SHOW },
	  .result = RESULT_LIST,
	  .result_name = "users",
	  .fields = { STATUS_FIELDS },
	  .pages = PAGES_BY_SESSION,
	  .answers = { &ANSWER_OK },
	  .role = ROLE_READER,
	  .limited_by = "host",
	  .flags = CMD_WIDE,
	  .example = "example.org dnd",
	  .run = status_list_host },
	{ .name = "status_list",
	  .submod = "sessions",
	  .summary = "list the sessions that have a presence",
	  .notes = "The last field is the free text of the presence.",
	  .params = { P_SHOW },
	  .result = RESULT_LIST,
	  .result_name = "users",
	  .fields = { STATUS_FIELDS },
	  .pages = PAGES_BY_SESSION,
	  .answers = { &ANSWER_OK },
	  .role = ROLE_READER,
	  .flags = CMD_WIDE,
	  .example = "available",
	  .run = status_list },
	{ .name = "connected_users_info",
	  .submod = "sessions",
	  .summary = "list all sessions with the details of their connections",
	  .notes = "uptime is in seconds; ip and port are empty where they are not known.",
	  .result = RESULT_LIST,
	  .result_name = "connected_users_info",
	  .fields = { SESSION_FIELDS },
	  .pages = PAGES_BY_SESSION,
	  .answers = { &ANSWER_OK },
	  .role = ROLE_READER,
	  .flags = CMD_WIDE,
	  .example = "",
	  .run = connected_users_info },
	{ .name = "connected_users_vhost",
	  .submod = "sessions",
	  .summary = "list all sessions of one host",
	  .params = { P_HOST("domain") },
	  .result = RESULT_LIST,
	  .result_name = "connected_users_vhost",
	  .fields = { SESSION_FIELDS },
	  .pages = PAGES_BY_SESSION,
	  .answers = { &ANSWER_OK },
	  .role = ROLE_READER,
	  .limited_by = "host",
	  .flags = CMD_WIDE,
	  .example = "example.org",
	  .run = connected_users_vhost },
	{ .name = "user_sessions_info",
	  .submod = "sessions",
	  .summary = "list all sessions of one account",
	  .params = { P_ACCOUNT },
	  .result = RESULT_LIST,
	  .result_name = "user_sessions_info",
	  .fields = { SESSION_FIELDS },
	  .answers = { &ANSWER_OK },
	  .role = ROLE_READER,
	  .limited_by = "host",
	  .example = "orsino.aldobrand example.org",
	  .run = user_sessions_info },
	{ .name = "set_presence",
	  .submod = "sessions",
	  .summary = "send a presence in the name of a session",
	  .params = { P_ACCOUNT, P_RESOURCE,
		      P_WORD("type", TYPES, "available (or empty) or unavailable"),
		      P_WORD("show", SET_SHOWS, "away, chat, dnd, xa, or empty for available"),
		      P_TEXT("status", "free text"), P_INTEGER("priority", -128, 127, "a number") },
	  .result = RESULT_RESCODE,
	  .result_name = "res",
	  .answers = { &ANSWER_OK, &NO_SESSION },
	  .if_bad_jid = &NO_SESSION,
	  .role = ROLE_OPERATOR,
	  .limited_by = "host",
	  .flags = CMD_WRITES,
	  .example = "orsino.aldobrand example.org phone available away 'out to lunch' 5",
	  .run = set_presence },
	{ 0 },
};
