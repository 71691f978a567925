#include "submod/can_i.h"

#include <string.h>

#include "base/token.h"
#include "db/array.h"

const struct answer CAN_I_YES = { "ok", "yes: {rule}" };
const struct answer CAN_I_NO = { "no", "no: {rule}" };

static bool
has_host(const struct command *command)
{
	return command->limited_by != NULL && command->limited_by != LIMITED_NOT_AT_ALL;
}

static enum adx_rc
say_yes(struct call *call, const struct caller *caller, const struct command *command,
	struct adx_error *err)
{
	struct buf rule = BUF_INIT;
	enum adx_rc rc;

	buf_addf(&rule, "%s needs role %s; %s has role %s", command->name,
		 access_role_name(command->role), caller->actor, access_role_name(caller->role));
	if (access_is_limited(caller)) {
		buf_add_text(&rule, " and ");
		access_add_limits(caller, &rule);
	}
	rc = buf_ok(&rule) ? call_answer(call, &CAN_I_YES, err, "rule", buf_text(&rule), NULL)
			   : adx_nomem(err);
	buf_free(&rule);
	return rc;
}

/* The command that is asked about, in one word or two with a blank between; NULL: there is none. */
static enum adx_rc
find(struct call *call, const struct command **out, struct adx_error *err)
{
	const char *typed = call_raw(call, "command"), *blank = strchr(typed, ' ');
	const char *first =
		blank == NULL ? typed : arena_strndup(&call->arena, typed, (size_t)(blank - typed));
	size_t words;

	if (first == NULL)
		return adx_nomem(err);
	*out = command_named(call->commands, first, blank == NULL ? NULL : blank + 1, &words);
	/* What follows a whole name is none of it. */
	if (blank != NULL && words == 1)
		*out = NULL;
	return ADX_OK;
}

/* The host was checked before; of a command that names none it does not matter. */
static enum adx_rc
explain(struct call *call, const struct caller *caller, struct adx_error *err)
{
	const struct command *command = NULL;
	const struct value *typed = call_arg(call, "host");
	char host[JID_PART_MAX + 1];
	struct adx_error why;
	enum adx_rc rc = find(call, &command, err);

	if (rc != ADX_OK)
		return rc;
	if (command == NULL)
		return call_answer(call, &CAN_I_NO, err, "rule", "there is no such command", NULL);
	if (typed->len > 0)
		rc = jid_prep_domain(typed->raw, typed->len, host, err);
	if (rc != ADX_OK)
		return rc;
	if (access_check(caller, command, has_host(command) && typed->len > 0 ? host : NULL,
			 &why) != ADX_OK)
		return call_answer(call, &CAN_I_NO, err, "rule", why.message, NULL);
	return say_yes(call, caller, command, err);
}

static enum adx_rc
explain_token(struct call *call, const struct rows *rows, const char *actor, struct adx_error *err)
{
	const char *spoilt = rows_get(rows, "spoilt");
	struct strvec hosts = STRVEC_INIT;
	struct caller caller = { .actor = actor, .hosts = &hosts };
	struct buf rule = BUF_INIT;
	enum adx_rc rc;

	array_read(rows_get(rows, "hosts"), &hosts);
	if (!strvec_ok(&hosts)) {
		rc = adx_nomem(err);
	} else if (!access_role_of(rows_get(rows, "role"), &caller.role)) {
		rc = adx_fail(err, ADX_EFAIL, "%s has no role", actor);
	} else if (spoilt != NULL) {
		buf_addf(&rule, "%s is %s", actor, spoilt);
		rc = call_answer(call, &CAN_I_NO, err, "rule", buf_text(&rule), NULL);
	} else {
		rc = explain(call, &caller, err);
	}
	buf_free(&rule);
	strvec_free(&hosts);
	return rc;
}

static enum adx_rc
take_token(struct call *call, struct rows *rows, struct adx_error *err)
{
	struct buf actor = BUF_INIT;
	bool has;
	enum adx_rc rc = rows_first(rows, &has, err);

	if (rc != ADX_OK)
		return rc;
	if (!has)
		return call_answer(call, &CAN_I_NO, err, "rule", "there is no such token", NULL);
	token_add_actor(rows_get(rows, "id"), rows_get(rows, "label"), &actor);
	rc = buf_ok(&actor) ? explain_token(call, rows, buf_text(&actor), err) : adx_nomem(err);
	buf_free(&actor);
	return rc;
}

static enum adx_rc
check_host(const struct value *typed, struct adx_error *err)
{
	struct adx_error why;
	char host[JID_PART_MAX + 1];

	if (typed->len == 0 || jid_prep_domain(typed->raw, typed->len, host, &why) == ADX_OK)
		return ADX_OK;
	if (why.rc == ADX_ENOMEM)
		return adx_nomem(err);
	return adx_fail(err, ADX_EINVAL, "argument 'host' is not valid: %s", why.message);
}

enum adx_rc
can_i(struct call *call, struct adx_error *err)
{
	static const char *const ACTORS[] = { [ROLE_READER] = "a reader",
					      [ROLE_OPERATOR] = "an operator",
					      [ROLE_ADMIN] = "an admin" };
	const struct value *who = call_arg(call, "who");
	char digest[2 * TOKEN_DIGEST_LEN + 1];
	struct caller caller = { 0 };
	enum adx_rc rc = check_host(call_arg(call, "host"), err);

	if (rc != ADX_OK)
		return rc;
	if (access_role_of(who->raw, &caller.role)) {
		caller.actor = ACTORS[caller.role];
		return explain(call, &caller, err);
	}
	if (token_digest_hex(who->raw, who->len, digest))
		return call_ask(call, SQL_TOKEN_FIND, PARAMS(digest), take_token, err);
	return adx_fail(err, ADX_EINVAL,
			"argument 'who' must be reader, operator, admin or a token");
}
