#include "service/admin_extra.h"

#include <stdlib.h>
#include <string.h>

#include "service/row_check.h"
#include "submod/submods.h"

static const struct submod SUBMODS[] = {
	{ "accounts", "accounts, passwords, bans, old accounts", { ACCOUNTS_COMMANDS } },
	{ "last", "last activity", { LAST_COMMANDS } },
	{ "node", "configuration and nodes", { NODE_COMMANDS } },
	{ "private", "private XML storage", { PRIVATE_COMMANDS } },
	{ "roster", "contacts", { ROSTER_COMMANDS } },
	{ "sessions", "who is connected", { SESSIONS_COMMANDS } },
	{ "stanza", "messages and stanzas", { STANZA_COMMANDS } },
	{ "stats", "counts", { STATS_COMMANDS } },
	{ "vcard", "vCards", { VCARD_COMMANDS } },
	{ "gdpr",
	  "personal data",
	  { GDPR_COMMANDS, GDPR_ERASE_COMMANDS, GDPR_PENDING_COMMANDS, GDPR_HOLD_COMMANDS,
	    GDPR_REPLAY_COMMANDS, GDPR_REGISTRY_COMMANDS, GDPR_LEDGER_COMMANDS,
	    GDPR_VERIFY_COMMANDS } },
	{ "admin", "hosts and accounts, beyond mongooseimctl", { ADMIN_COMMANDS } },
	{ "cache", "results that a daemon keeps", { CACHE_COMMANDS } },
	{ NULL, NULL, { NULL } },
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

/* A name is one command's, and no family has it. */
static enum adx_rc
check_name(const struct admin_extra *service, const struct command *c, struct adx_error *err)
{
	if (command_find(service->commands, c->name) != NULL)
		return adx_fail(err, ADX_EFAIL, "command '%s' is there twice", c->name);
	if (command_is_family(service->commands, c->name) ||
	    (c->family != NULL && command_find(service->commands, c->family) != NULL))
		return adx_fail(err, ADX_EFAIL, "command '%s' and a family have one name", c->name);
	return ADX_OK;
}

static enum adx_rc
add_table(struct admin_extra *service, const struct submod *submod, const struct command *table,
	  struct adx_error *err)
{
	enum adx_rc rc = ADX_OK;

	for (const struct command *c = table; c->name != NULL && rc == ADX_OK; c++) {
		rc = row_check(c, submod->name, err);
		if (rc == ADX_OK)
			rc = check_name(service, c, err);
		service->commands[service->count++] = c;
	}
	return rc;
}

static enum adx_rc
add(struct admin_extra *service, const struct submod *submod, struct adx_error *err)
{
	enum adx_rc rc = ADX_OK;

	for (size_t i = 0; i < SUBMOD_TABLES_MAX && submod->tables[i] != NULL && rc == ADX_OK; i++)
		rc = add_table(service, submod, submod->tables[i], err);
	return rc;
}

static size_t
count_table(const struct command *table)
{
	size_t count = 0;

	while (table != NULL && table[count].name != NULL)
		count++;
	return count;
}

static size_t
count_all(void)
{
	size_t count = 0;

	for (const struct submod *s = SUBMODS; s->name != NULL; s++)
		for (size_t i = 0; i < SUBMOD_TABLES_MAX; i++)
			count += count_table(s->tables[i]);
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
