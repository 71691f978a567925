/* The command line: one command, its reply on standard output, everything else on standard error.
 */
#ifndef ADMINEX_CLI_H
#define ADMINEX_CLI_H

#include <stdbool.h>
#include <stdint.h>

#include "command/args.h"
#include "command/call.h"
#include "command/writer.h"
#include "face/session.h"

/* What stood before the command. */
struct cli_options {
	const char *config_path; /* NULL: the default file, when there is one */
	char *dsn;               /* NULL: not given */
	const char *socket;      /* of a daemon that is to do it; NULL: none */
	const char *secret_file;
	enum format format;
	bool dry_run;
	bool assume_yes;
	bool include_never_seen;
	int64_t max_affected; /* negative: not given */
	int64_t limit;        /* 0: not given */
	const char *after;    /* NULL: not given */
	bool help;
	bool version;
};

/* One run of the program. */
struct cli {
	struct cli_options options;
	struct session session;
	char *dsn; /* what --dsn said, when it was blotted out */
	struct out *out;
};

/* The whole program: returns its exit status. */
int cli_main(int argc, char **argv);

/* ---- for verbs --------------------------------------------------------------------------- */

/* Connect as options, environment and configuration say. */
ADX_MUST_CHECK enum adx_rc cli_connect(struct cli *cli, struct adx_error *err);
/* The same, to run the same statements again and again. */
ADX_MUST_CHECK enum adx_rc cli_connect_for_many(struct cli *cli, struct adx_error *err);
/* Who is acting, for audit log and bans. */
const char *cli_actor(void);
/* A failure: one line on standard error and, in machine-readable formats, a reply. */
int cli_fail(struct cli *cli, const struct adx_error *err);
/* A plain yes: nothing in text, a reply in machine-readable formats. */
void cli_succeed(struct cli *cli);
/* Did standard output take all of it? `wrote`: a change was made meanwhile, and stays. */
ADX_MUST_CHECK enum adx_rc cli_check_output(const struct cli *cli, bool wrote,
					    struct adx_error *err);
/* A line on standard error, whatever bytes are in it. */
void cli_say(const char *text);
/* Is somebody there who can be asked? */
bool cli_can_ask(void);
/* Ask whether a command that destroys shall be carried out. */
bool cli_confirm(const struct command *command, int64_t affected);
/* Ask a yes-or-no question on the terminal. */
bool cli_ask(const char *question);

/* A verb takes options of its own after its name: argv[0] is the name. */
struct verb {
	const char *name;
	const char *usage; /* as after "adminex " */
	const char *summary;
	const char *details;
	const char *options; /* for completion */
	int (*run)(struct cli *cli, int argc, char **argv);
};

/* A verb's row stands in its own file; the list of them, ended by NULL, in verbs.c. */
extern const struct verb VERB_MIGRATE, VERB_IMPORT, VERB_EXPORT, VERB_BATCH, VERB_SERVE, VERB_TOKEN,
	VERB_COMPLETION;
extern const struct verb *const VERBS[];
const struct verb *verb_find(const char *name);
int verb_help(struct cli *cli, int argc, char **argv);

/* options.c: returns the index of the first word that is no option, or fails. */
ADX_MUST_CHECK enum adx_rc cli_parse_options(int argc, char **argv, struct cli_options *options,
					     int *first, struct adx_error *err);
/* For completion: the options, parted by blanks. */
extern const char CLI_OPTION_WORDS[];

/* secret.c: put secrets in the place of "-" and of --secret-file. */
struct secret {
	char *text; /* wiped and freed by secret_free() */
	size_t len;
};
/*
 * An argument that is a secret and exactly "-" becomes a line of standard input (a terminal prompts
 * without echo); with --secret-file the argument may be left out or "-".
 */
ADX_MUST_CHECK enum adx_rc secret_fill(const struct cli_options *options,
				       const struct command *command, struct args *args,
				       struct secret *secret, struct adx_error *err);
void secret_free(struct secret *secret);

/* help.c */
void help_short(struct out *out);
void help_all(struct out *out, const struct admin_extra *service);
/*
 * Help on a command, a submod, a verb or a family; false when there is none of that name. `second`
 * may be that of a command in two words, or NULL.
 */
bool help_on(struct out *out, const struct admin_extra *service, const char *name,
	     const char *second);

#endif
