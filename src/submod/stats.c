/* Submod stats: counts. */
#include <string.h>

#include "submod/params.h"

static const char *const STATS[] = { "registeredusers", "onlineusers", "onlineusersnode",
				     "uptimeseconds", NULL };
static const char *const HOST_STATS[] = { "registeredusers", "onlineusers", NULL };

static const struct answer WRONG_NAME = { "error", "Error: \"Wrong command name.\"" };

static enum adx_rc
stats(struct call *call, struct adx_error *err)
{
	const char *name = call_raw(call, "name");

	if (strcmp(name, "registeredusers") == 0)
		return call_ask_number(call, SQL_STATS_REGISTERED, PARAMS(NULL), err);
	if (strcmp(name, "onlineusers") == 0)
		return call_ask_number(call, SQL_STATS_ONLINE, PARAMS(NULL), err);
	if (strcmp(name, "onlineusersnode") == 0)
		return call_ask_number(call, SQL_STATS_ONLINE_NODE, PARAMS(call->config->node_name),
				       err);
	if (strcmp(name, "uptimeseconds") == 0)
		return call_ask_number(call, SQL_STATS_UPTIME, NO_PARAMS, err);
	return call_answer(call, &WRONG_NAME, err, NULL);
}

static enum adx_rc
stats_host(struct call *call, struct adx_error *err)
{
	const char *name = call_raw(call, "name");

	if (strcmp(name, "registeredusers") == 0)
		return call_ask_number(call, SQL_STATS_REGISTERED, PARAMS(CALL_HOST(call)), err);
	if (strcmp(name, "onlineusers") == 0)
		return call_ask_number(call, SQL_STATS_ONLINE, PARAMS(CALL_HOST(call)), err);
	return call_answer(call, &WRONG_NAME, err, NULL);
}

const struct command STATS_COMMANDS[] = {
	{ .name = "stats",
	  .submod = "stats",
	  .summary = "print a statistic of the whole server",
	  .notes = "onlineusersnode counts the sessions of node.name of the configuration; "
		   "uptimeseconds is PostgreSQL's age.",
	  .params = { P_CHOICE("name", STATS,
			       "registeredusers, onlineusers, onlineusersnode or uptimeseconds") },
	  .result = RESULT_INTEGER,
	  .result_name = "stat",
	  .answers = { &ANSWER_OK, &WRONG_NAME },
	  .role = ROLE_READER,
	  .flags = CMD_WIDE,
	  .example = "registeredusers",
	  .run = stats },
	{ .name = "stats_host",
	  .submod = "stats",
	  .summary = "print a statistic of one host",
	  .params = { P_CHOICE("name", HOST_STATS, "registeredusers or onlineusers"),
		      P_HOST("domain") },
	  .result = RESULT_INTEGER,
	  .result_name = "stat",
	  .answers = { &ANSWER_OK, &WRONG_NAME },
	  .role = ROLE_READER,
	  .limited_by = "host",
	  .flags = CMD_WIDE,
	  .example = "registeredusers example.org",
	  .run = stats_host },
	{ 0 },
};
