#include "command/access.h"

#include <string.h>

/* Of a caller's hosts a denial names so many. */
enum { HOSTS_NAMED = 5 };

static const char *const ROLE_NAMES[] = {
	[ROLE_NONE] = "none",
	[ROLE_READER] = "reader",
	[ROLE_OPERATOR] = "operator",
	[ROLE_ADMIN] = "admin",
};

const char *
access_role_name(enum role role)
{
	return ROLE_NAMES[role];
}

bool
access_role_of(const char *word, enum role *role)
{
	for (int r = ROLE_READER; r <= ROLE_ADMIN; r++) {
		if (strcmp(ROLE_NAMES[r], word) != 0)
			continue;
		*role = (enum role)r;
		return true;
	}
	return false;
}

bool
access_is_limited(const struct caller *caller)
{
	return caller->hosts != NULL && caller->hosts->count > 0;
}

void
access_add_limits(const struct caller *caller, struct buf *out)
{
	size_t count = caller->hosts->count;

	buf_add_text(out, "is limited to ");
	for (size_t i = 0; i < count && i < HOSTS_NAMED; i++)
		buf_addf(out, "%s%.80s", i == 0 ? "" : ", ", caller->hosts->items[i]);
	if (count > HOSTS_NAMED)
		buf_addf(out, " and %zu more", count - HOSTS_NAMED);
}

static enum adx_rc
check_host(const struct caller *caller, const struct command *command, const char *host,
	   struct adx_error *err)
{
	struct buf limits = BUF_INIT;
	enum adx_rc rc;

	if (host == NULL || strvec_has(caller->hosts, host))
		return ADX_OK;
	access_add_limits(caller, &limits);
	rc = adx_fail(err, ADX_EDENIED, "%s on %.80s: %s %s", command->name, host, caller->actor,
		      buf_text(&limits));
	buf_free(&limits);
	return rc;
}

enum adx_rc
access_check(const struct caller *caller, const struct command *command, const char *host,
	     struct adx_error *err)
{
	if (caller->role < command->role)
		return adx_fail(err, ADX_EDENIED, "%s needs role %s; %s has role %s", command->name,
				access_role_name(command->role), caller->actor,
				access_role_name(caller->role));
	if (!access_is_limited(caller) || command->limited_by == LIMITED_NOT_AT_ALL)
		return ADX_OK;
	if (command->limited_by == NULL)
		return adx_fail(err, ADX_EDENIED, "%s cannot be limited to hosts, and %s is",
				command->name, caller->actor);
	return check_host(caller, command, host, err);
}
