/*
 * libadminex: the commands of adminex from a program of your own.
 *
 *	struct adminex *a;
 *	struct adx_error err;
 *	bool yes;
 *	const char *const words[] = { "check_account", "romeo", "example.org" };
 *
 *	if (adminex_open(&(struct adminex_settings){ .dsn = "dbname=xmpp" }, &a, &err) == ADX_OK) {
 *		if (adminex_run(a, words, 3, STDOUT_FILENO, NULL, &yes, &err) == ADX_OK)
 *			...
 *		adminex_close(a);
 *	}
 *
 * A handle is for one thread at a time. The library prints nothing, ends nothing and installs no
 * signal handler; a program that writes to pipes ignores SIGPIPE itself.
 */
#ifndef ADMINEX_ADMINEX_H
#define ADMINEX_ADMINEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adminex/error.h"

struct adminex;

/* Every text is borrowed until adminex_close(); NULL stands for the default. */
struct adminex_settings {
	const char *config_path; /* else /etc/adminex/adminex.conf, where there is one */
	const char *dsn;         /* a libpq connection string, else ADMINEX_DSN, the configuration,
				    libpq's environment */
	const char *actor;       /* who is acting, for the audit log and bans; else "libadminex" */
	/* Remarks beside a reply ("skipped 'x@y': no such account"), one line each. */
	void (*remark)(void *ctx, const char *text);
	void *ctx;
};

struct adminex_options {
	bool dry_run;
	bool include_never_seen; /* delete_old_users* */
	bool limited;            /* max_affected counts */
	int64_t max_affected;
	/*
	 * Of a list that has pages: at most so many rows, 0 is all; behind the key that the member
	 * "next" of the page before was, NULL is from the start. The last page has no "next".
	 */
	int64_t limit;
	const char *after;
};

/* Read the configuration and connect. */
ADX_MUST_CHECK enum adx_rc adminex_open(const struct adminex_settings *settings,
					struct adminex **out, struct adx_error *err);

/*
 * Run a command: words[0] is its name, or words[0] and words[1] are, its arguments follow, taken
 * literally ("-" too). Optional ones are given as on the command line: "--name", "VALUE" or
 * "--name=VALUE" anywhere among the others, "--name" alone for what is only there or not. Behind
 * "--" nothing is an option: put it before words that come from somebody else. With such a command
 * "--yes" and "--dry-run" may stand there, too. One without optional arguments takes every word as
 * it is.
 *
 * The reply is one line of JSON, written to fd when the command has committed; a list is written as
 * its rows arrive. options may be NULL.
 *
 * ADX_OK: the command answered, *yes tells whether its status is "ok". Otherwise err says what
 * failed and nothing was changed, save for ADX_EUNKNOWN (the connection broke during COMMIT) and
 * ADX_EIO (the reply could not be written). After ADX_EUNAVAIL open a new handle.
 */
ADX_MUST_CHECK enum adx_rc adminex_run(struct adminex *adminex, const char *const words[],
				       size_t count, int fd, const struct adminex_options *options,
				       bool *yes, struct adx_error *err);

/* Cancel what runs, from a signal handler or another thread; the handle is then of no more use. */
void adminex_interrupt(struct adminex *adminex);
void adminex_close(struct adminex *adminex);

#endif
