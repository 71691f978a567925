/*
 * Who may do what: the one place where a caller's role and hosts are held against a command's row.
 *
 * A face finds out who calls and fills in a struct caller; call_run() and call_prepare() ask here
 * before anything is done. What the database's own roles refuse comes on top of it.
 */
#ifndef ADMINEX_ACCESS_H
#define ADMINEX_ACCESS_H

#include <stdbool.h>

#include "adminex/error.h"
#include "base/buf.h"
#include "base/strvec.h"
#include "command/command.h"

/* Who calls, through which face. Everything is borrowed for as long as the call lasts. */
struct caller {
	const char *actor; /* for the audit log, bans and denials: "root", "token 3 'backup'" */
	const char *face;  /* "cli", "batch", "http", "library", "daemon" */
	enum role role;
	/* Prepared domains, the only ones the caller may work on; NULL or empty: all. */
	const struct strvec *hosts;
	const char *request_id; /* for the audit log; NULL or "" outside a daemon */
};

/*
 * May the caller run the command on that host, a prepared domain? NULL: on any host that is open
 * to the caller, or the command names none. ADX_EDENIED names the rule that says no.
 */
ADX_MUST_CHECK enum adx_rc access_check(const struct caller *caller, const struct command *command,
					const char *host, struct adx_error *err);
/* May the caller work on some hosts only? */
bool access_is_limited(const struct caller *caller);
/* Append "is limited to example.org, example.net and 3 more". */
void access_add_limits(const struct caller *caller, struct buf *out);

/* The word for a role, "none" for none, and back; false when it is no role. */
const char *access_role_name(enum role role);
bool access_role_of(const char *word, enum role *role);

#endif
