/* Submod last: when an account was last connected (XEP-0012). */
#include <inttypes.h>
#include <stdio.h>

#include "submod/params.h"

static const struct answer SET = {
	"ok", "Last activity for user {user}@{host} is set as {timestamp} with status {status}"
};

static enum adx_rc
set_last(struct call *call, struct adx_error *err)
{
	const char *audit = call_audit(call, err);
	char seconds[24];

	if (audit == NULL)
		return ADX_ENOMEM;
	snprintf(seconds, sizeof(seconds), "%" PRId64, call_arg(call, "timestamp")->number);
	return call_write(
		call, SQL_LAST_SET,
		PARAMS(audit, CALL_HOST(call), CALL_USER(call), seconds, call_raw(call, "status")),
		err);
}

const struct command LAST_COMMANDS[] = {
	{ .name = "set_last",
	  .submod = "last",
	  .summary = "set when an account was last connected",
	  .params = { P_ACCOUNT,
		      /* What XMPP servers keep is a signed 32-bit number. */
		      P_INTEGER("timestamp", INT32_MIN, INT32_MAX,
				"seconds since 1970-01-01 UTC, 32 bits as XMPP servers keep them"),
		      P_TEXT("status", "free text, may be empty") },
	  .result = RESULT_RESTUPLE,
	  .result_name = "res",
	  .answers = { &SET, &ANSWER_NO_ACCOUNT },
	  .if_bad_jid = &ANSWER_NO_ACCOUNT,
	  .role = ROLE_OPERATOR,
	  .limited_by = "host",
	  .flags = CMD_WRITES,
	  .example = "orsino.aldobrand example.org 1700000000 'gone fishing'",
	  .run = set_last },
	{ 0 },
};
