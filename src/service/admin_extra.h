/*
 * The service admin_extra: it starts once, with the configuration, and registers the commands of
 * its submods. A command of a submod that is not listed does not exist.
 */
#ifndef ADMINEX_ADMIN_EXTRA_H
#define ADMINEX_ADMIN_EXTRA_H

#include "base/strvec.h"
#include "command/command.h"

struct admin_extra;

/* submods empty: all. A table that contradicts itself is a bug of ours and is refused. */
ADX_MUST_CHECK enum adx_rc admin_extra_start(const struct strvec *submods, struct admin_extra **out,
					     struct adx_error *err);
void admin_extra_stop(struct admin_extra *service);

/* The registered commands, by submod in a fixed order; ended by NULL. */
const struct command *const *admin_extra_commands(const struct admin_extra *service);
enum { SUBMOD_TABLES_MAX = 12 };

/* The names of the submods that are registered, ended by NULL, and what they are about. */
struct submod {
	const char *name;
	const char *about;
	const struct command *tables[SUBMOD_TABLES_MAX + 1]; /* of its rows; ended by NULL */
};
const struct submod *admin_extra_submods(void);

#endif
