/* Erasures within their time of grace, which gdpr_erase --after has noted and a daemon carries out.
 */
#include "submod/params.h"

static const struct answer CANCELLED = { "ok", "User {user}@{host} will not be erased" };
static const struct answer NOT_PENDING = { "not_pending",
					   "User {user}@{host} was not to be erased" };

static enum adx_rc
gdpr_cancel(struct call *call, struct adx_error *err)
{
	const char *audit = call_audit(call, err);

	if (audit == NULL)
		return ADX_ENOMEM;
	return call_write(call, SQL_GDPR_CANCEL, PARAMS(audit, CALL_HOST(call), CALL_USER(call)),
			  err);
}

static enum adx_rc
gdpr_pending(struct call *call, struct adx_error *err)
{
	return call_simple_list(call, SQL_GDPR_PENDING, PARAMS(CALL_HOST(call)), err);
}

const struct command GDPR_PENDING_COMMANDS[] = {
	{ .name = "gdpr_cancel",
	  .submod = "gdpr",
	  .summary = "cancel an erasure within its time of grace",
	  .params = { P_ACCOUNT },
	  .result = RESULT_RESTUPLE,
	  .result_name = "res",
	  .answers = { &CANCELLED, &NOT_PENDING },
	  .if_bad_jid = &NOT_PENDING,
	  .role = ROLE_ADMIN,
	  .limited_by = "host",
	  .flags = CMD_WRITES,
	  .example = "orsino.aldobrand example.org",
	  .run = gdpr_cancel },
	{ .name = "gdpr_pending",
	  .submod = "gdpr",
	  .summary = "list who is to be erased later, the first due first",
	  .notes =
		  "The state is waiting, overdue, or failed; a failure is tried again every ten "
		  "minutes and says why. What stays overdue has no daemon that would see to it: "
		  "'adminex serve' does, or 'gdpr_erase --yes'. An account that was made after the "
		  "erasure was asked for is somebody else's, and not erased.",
	  .params = { { .name = "host",
			.type = PARAM_DOMAIN,
			.doc = "only of this host",
			.optional = true } },
	  .result = RESULT_LIST,
	  .result_name = "pending",
	  .fields = { { "user" },
		      { "host" },
		      { "due_at" },
		      { "state" },
		      { "failure" },
		      { "asked_at" },
		      { "asked_by" } },
	  .answers = { &ANSWER_OK },
	  .role = ROLE_ADMIN,
	  .limited_by = "host",
	  .flags = CMD_WIDE,
	  .example = "",
	  .run = gdpr_pending },
	{ 0 },
};
