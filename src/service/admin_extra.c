#include "service/admin_extra.h"

#include <stdlib.h>
#include <string.h>

#include "submod/submods.h"

static const struct submod SUBMODS[] = {
	{ "accounts", "accounts, passwords, bans, old accounts", ACCOUNTS_COMMANDS },
	{ "last", "last activity", LAST_COMMANDS },
	{ "node", "configuration and nodes", NODE_COMMANDS },
	{ "private", "private XML storage", PRIVATE_COMMANDS },
	{ "roster", "contacts", ROSTER_COMMANDS },
	{ "sessions", "who is connected", SESSIONS_COMMANDS },
	{ "stanza", "messages and stanzas", STANZA_COMMANDS },
	{ "stats", "counts", STATS_COMMANDS },
	{ "vcard", "vCards", VCARD_COMMANDS },
	{ "gdpr", "personal data", GDPR_COMMANDS },
	{ "admin", "hosts and accounts, beyond mongooseimctl", ADMIN_COMMANDS },
	{ "cache", "results that a daemon keeps", CACHE_COMMANDS },
	{ NULL, NULL, NULL },
};

struct admin_extra {
	const struct command **commands;
	size_t count;
};

const struct submod *
admin_extra_submods(void)
{
	return SUBMODS;
}

/* Does that name a parameter that has a host? */
static bool
names_host(const struct command *c, const char *name)
{
	size_t n = command_param_count(c);

	for (size_t i = 0; i < n; i++)
		if (strcmp(c->params[i].name, name) == 0)
			return c->params[i].type == PARAM_DOMAIN || c->params[i].type == PARAM_JID;
	return false;
}

/* A second one stands beside a first one, and both have a host. */
static bool
limits_are_good(const struct command *c)
{
	if (c->limited_by == NULL || c->limited_by == LIMITED_NOT_AT_ALL)
		return c->limited_too == NULL;
	return names_host(c, c->limited_by) &&
	       (c->limited_too == NULL || names_host(c, c->limited_too));
}

/* Content that stands for a file has to be read in some way. */
static bool
lacks_formats(const struct command *c)
{
	size_t n = command_param_count(c);

	for (size_t i = 0; i < n; i++)
		if (c->params[i].type == PARAM_PATH && c->params[i].path == PATH_READ &&
		    c->params[i].words == NULL)
			return true;
	return false;
}

/* What must be true of every row; the program does not start with a row that is not. */
static enum adx_rc
check_row(const struct command *c, const struct submod *submod, struct adx_error *err)
{
	const char *lacks = NULL;

	if (c->summary == NULL)
		lacks = "summary";
	else if (c->submod == NULL || strcmp(c->submod, submod->name) != 0)
		lacks = "right submod";
	else if (c->role == ROLE_NONE)
		lacks = "role";
	else if (!limits_are_good(c))
		lacks = "parameter that limits it to a host";
	else if (c->run == NULL)
		lacks = "handler";
	else if (c->example == NULL)
		lacks = "example";
	else if (c->result_name == NULL)
		lacks = "result name";
	else if (c->answers[0] == NULL)
		lacks = "answer";
	else if ((c->flags & CMD_DESTROYS) && c->affects == NULL)
		lacks = "word for what it affects";
	else if (lacks_formats(c))
		lacks = "formats for content";
	else if (c->pages != PAGES_NONE && c->result != RESULT_LIST)
		lacks = "list to make pages of";
	if (lacks == NULL)
		return ADX_OK;
	return adx_fail(err, ADX_EFAIL, "command '%s' has no %s", c->name, lacks);
}

static enum adx_rc
add(struct admin_extra *service, const struct submod *submod, struct adx_error *err)
{
	enum adx_rc rc = ADX_OK;

	for (const struct command *c = submod->commands; c->name != NULL && rc == ADX_OK; c++) {
		rc = check_row(c, submod, err);
		if (rc == ADX_OK && command_find(service->commands, c->name) != NULL)
			rc = adx_fail(err, ADX_EFAIL, "command '%s' is there twice", c->name);
		service->commands[service->count++] = c;
	}
	return rc;
}

static size_t
count_all(void)
{
	size_t count = 0;

	for (const struct submod *s = SUBMODS; s->name != NULL; s++)
		for (const struct command *c = s->commands; c->name != NULL; c++)
			count++;
	return count;
}

enum adx_rc
admin_extra_start(const struct strvec *submods, struct admin_extra **out, struct adx_error *err)
{
	struct admin_extra *service = calloc(1, sizeof(*service));
	enum adx_rc rc = ADX_OK;

	*out = service;
	if (service == NULL)
		return adx_nomem(err);
	service->commands = calloc(count_all() + 1, sizeof(struct command *));
	if (service->commands == NULL)
		rc = adx_nomem(err);
	for (const struct submod *s = SUBMODS; s->name != NULL && rc == ADX_OK; s++)
		if (submods->count == 0 || strvec_has(submods, s->name))
			rc = add(service, s, err);
	if (rc == ADX_OK)
		return ADX_OK;
	admin_extra_stop(service);
	*out = NULL;
	return rc;
}

void
admin_extra_stop(struct admin_extra *service)
{
	if (service == NULL)
		return;
	free(service->commands);
	free(service);
}

const struct command *const *
admin_extra_commands(const struct admin_extra *service)
{
	return service->commands;
}
