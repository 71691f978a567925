/* Legal holds (GDPR, Art. 17(3)(e) and 18): whose data must not be erased. */
#include "submod/params.h"

static const struct answer HELD = {
	"ok", "User {user}@{host} is held: nothing of it is erased until it is released"
};
static const struct answer RELEASED = { "ok", "User {user}@{host} is not held any more" };
static const struct answer NOT_HELD = { "not_held", "User {user}@{host} is not held" };

static enum adx_rc
take_held(struct call *call, struct rows *rows, struct adx_error *err)
{
	bool has;
	enum adx_rc rc = rows_first(rows, &has, err);

	if (rc != ADX_OK || !has)
		return rc;
	call->rows = call->affected = rows_get_int64(rows, "rows");
	/* May well be meant, but a slip of the pen would protect nobody. */
	if (!rows_get_bool(rows, "account"))
		call_remark(call, "there is no account %.200s@%.200s; what is left of it is held",
			    CALL_USER(call), CALL_HOST(call));
	return call_answer(call, &HELD, err, NULL);
}

static enum adx_rc
gdpr_hold(struct call *call, struct adx_error *err)
{
	const char *audit = call_audit(call, err);
	const char *reason = call_raw(call, "reason");
	enum adx_rc rc;

	if (audit == NULL)
		return ADX_ENOMEM;
	if (reason[0] == '\0')
		return adx_fail(err, ADX_EINVAL, "argument 'reason' is empty");
	/* Whoever is just erasing or removing it has done so before, or is refused after. */
	rc = call_ask_first(call, SQL_GDPR_LOCK, PARAMS(CALL_HOST(call), CALL_USER(call)), err);
	if (rc != ADX_OK)
		return rc;
	return call_ask(call, SQL_GDPR_HOLD,
			PARAMS(audit, CALL_HOST(call), CALL_USER(call), reason), take_held, err);
}

static enum adx_rc
gdpr_release(struct call *call, struct adx_error *err)
{
	const char *audit = call_audit(call, err);

	if (audit == NULL)
		return ADX_ENOMEM;
	return call_write(call, SQL_GDPR_RELEASE, PARAMS(audit, CALL_HOST(call), CALL_USER(call)),
			  err);
}

static enum adx_rc
gdpr_holds(struct call *call, struct adx_error *err)
{
	return call_simple_list(call, SQL_GDPR_HOLDS, PARAMS(CALL_HOST(call)), err);
}

const struct command GDPR_HOLD_COMMANDS[] = {
	{ .name = "gdpr_hold",
	  .submod = "gdpr",
	  .summary = "hold the data of a subject for legal claims: nothing erases it meanwhile",
	  .notes =
		  "gdpr_erase, an erasure that comes due, gdpr_replay and unregister are refused, "
		  "delete_old_users passes it over. What the subject or an operator changes in the "
		  "account goes on. Held again, it gets the new reason, which is not part of what "
		  "the subject is given.",
	  .params = { P_ACCOUNT, P_TEXT("reason", "why, not empty") },
	  .result = RESULT_RESTUPLE,
	  .result_name = "res",
	  .answers = { &HELD },
	  .role = ROLE_ADMIN,
	  .limited_by = "host",
	  .flags = CMD_WRITES,
	  .example = "orsino.aldobrand example.org 'claim 2026-17'",
	  .run = gdpr_hold },
	{ .name = "gdpr_release",
	  .submod = "gdpr",
	  .summary = "end a legal hold: the data of the subject can be erased again",
	  .params = { P_ACCOUNT },
	  .result = RESULT_RESTUPLE,
	  .result_name = "res",
	  .answers = { &RELEASED, &NOT_HELD },
	  .if_bad_jid = &NOT_HELD,
	  .role = ROLE_ADMIN,
	  .limited_by = "host",
	  .flags = CMD_WRITES,
	  .example = "orsino.aldobrand example.org",
	  .run = gdpr_release },
	{ .name = "gdpr_holds",
	  .submod = "gdpr",
	  .summary = "list who is held, why, since when and by whom",
	  .params = { { .name = "host",
			.type = PARAM_DOMAIN,
			.doc = "only of this host",
			.optional = true } },
	  .result = RESULT_LIST,
	  .result_name = "holds",
	  .fields = { { "user" }, { "host" }, { "reason" }, { "held_at" }, { "held_by" } },
	  .answers = { &ANSWER_OK },
	  .role = ROLE_ADMIN,
	  .limited_by = "host",
	  .flags = CMD_WIDE,
	  .example = "--host example.org",
	  .run = gdpr_holds },
	{ 0 },
};
