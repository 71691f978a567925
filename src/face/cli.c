#include "face/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "face/remote.h"

/* ---- standard error ---------------------------------------------------------------------- */

void
cli_say(const char *text)
{
	log_text(text);
}

static void
say_failure(const struct adx_error *err)
{
	struct buf line = BUF_INIT;

	buf_add_text(&line, err->message);
	if (err->hint[0] != '\0')
		buf_addf(&line, " (%s)", err->hint);
	cli_say(buf_text(&line));
	buf_free(&line);
}

/* What a verb's reply is written as. */
static const struct command NOTHING = { .result = RESULT_RESCODE, .result_name = "res" };

/* A failure before there is a call: machines get a reply of the usual shape all the same. */
int
cli_fail(struct cli *cli, const struct adx_error *err)
{
	struct outcome outcome = { adx_rc_word(err->rc), err->message, err->hint, err->sqlstate,
				   false };
	struct writer *w =
		cli->out == NULL ? NULL : writer_new(cli->options.format, &NOTHING, cli->out);

	if (w != NULL) {
		w->ops->finish(w, &outcome);
		out_flush(cli->out);
	}
	writer_free(w);
	say_failure(err);
	return adx_rc_exit(err->rc);
}

/* A verb's plain yes: text formats say nothing, machines get a reply. */
void
cli_succeed(struct cli *cli)
{
	struct outcome outcome = { "ok", "", "", "", true };
	struct writer *w = writer_new(cli->options.format, &NOTHING, cli->out);

	if (w != NULL)
		w->ops->finish(w, &outcome);
	writer_free(w);
}

static void
remark(void *ctx, const char *text)
{
	(void)ctx;
	cli_say(text);
}

static void
warn(void *ctx, const char *text)
{
	struct buf line = BUF_INIT;

	(void)ctx;
	buf_addf(&line, "warning: %s", text);
	cli_say(buf_text(&line));
	buf_free(&line);
}

/* ---- the terminal ------------------------------------------------------------------------ */

bool
cli_can_ask(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

bool
cli_ask(const char *question)
{
	char line[16];

	fprintf(stderr, "%s [y/N] ", question);
	if (fgets(line, sizeof(line), stdin) == NULL) {
		fputc('\n', stderr);
		return false;
	}
	return line[0] == 'y' || line[0] == 'Y';
}

bool
cli_confirm(const struct command *command, int64_t affected)
{
	char question[160];

	snprintf(question, sizeof(question), "%s will affect %" PRId64 " %s. Go on?", command->name,
		 affected, command_affects(command));
	return cli_ask(question);
}

static bool
confirm(void *ctx, const struct command *command, int64_t affected)
{
	(void)ctx;
	return cli_confirm(command, affected);
}

/* ---- signals ----------------------------------------------------------------------------- */

static struct cli *volatile interruptible;

/*
 * The first signal cancels the statement, which then fails and is rolled back, and ends a read or
 * write that waits; before there is a connection nothing has been done. What was just about to
 * wait has not heard of it, so the alarm asks again every second. A second signal ends the program
 * at once.
 */
static void
on_signal(int signum)
{
	static const char MESSAGE[] = "adminex: interrupted: nothing was changed\n";
	int saved = errno;

	if (interruptible != NULL) {
		if (signum != SIGALRM) {
			signal(SIGINT, SIG_DFL);
			signal(SIGTERM, SIG_DFL);
		}
		out_stop(interruptible->out);
		alarm(1);
		/* Last: it may hang where the server's host does not answer. */
		db_interrupt(interruptible->session.db);
		errno = saved;
		return;
	}
	if (write(STDERR_FILENO, MESSAGE, sizeof(MESSAGE) - 1) < 0)
		_exit(130);
	_exit(130);
}

static void
install_signals(void)
{
	/* A second signal must be heard while the handler of the first still works. */
	struct sigaction act = { .sa_handler = on_signal, .sa_flags = SA_NODEFER };
	struct sigaction again = { .sa_handler = on_signal };

	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGALRM, &again, NULL);
	/* A closed pipe, a full disk and a file size limit are errors of write(), not signals. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
}

/* ---- the database ------------------------------------------------------------------------ */

const char *
cli_actor(void)
{
	const struct passwd *pw = getpwuid(getuid());

	return pw == NULL ? "unknown" : pw->pw_name;
}

static enum adx_rc
connect_for(struct cli *cli, bool many, struct adx_error *err)
{
	enum adx_rc rc = session_connect(&cli->session, cli->options.dsn, many, warn, err);

	if (rc == ADX_OK)
		interruptible = cli;
	return rc;
}

enum adx_rc
cli_connect(struct cli *cli, struct adx_error *err)
{
	return connect_for(cli, false, err);
}

enum adx_rc
cli_connect_for_many(struct cli *cli, struct adx_error *err)
{
	return connect_for(cli, true, err);
}

/* ---- one command ------------------------------------------------------------------------- */

enum adx_rc
cli_check_output(const struct cli *cli, bool wrote, struct adx_error *err)
{
	int errnum = out_error(cli->out);

	if (errnum == 0)
		return ADX_OK;
	return adx_fail_errno(err, ADX_EIO, errnum, "%scannot write to standard output",
			      wrote ? "the change was made, but: " : "");
}

static int
report(struct cli *cli, const struct call *call, enum adx_rc rc, struct adx_error *err)
{
	char note[160];

	if (rc == ADX_OK)
		rc = cli_check_output(cli, call->affected > 0 && !cli->options.dry_run, err);
	if (rc != ADX_OK) {
		say_failure(err);
		return adx_rc_exit(rc);
	}
	if (cli->options.dry_run && (call->command->flags & CMD_WRITES)) {
		snprintf(note, sizeof(note), "dry run: %" PRId64 " %s; nothing was changed",
			 call->rows, command_affects(call->command));
		cli_say(note);
	}
	return strcmp(call->answer->status, "ok") == 0 ? 0 : 1;
}

/* A question or an output that an interrupt ended failed for no other reason. */
static enum adx_rc
after_interrupt(const struct db *db, enum adx_rc rc, struct adx_error *err)
{
	if (db == NULL || !db_interrupted(db) || rc == ADX_OK || rc == ADX_EUNKNOWN)
		return rc;
	return adx_fail(err, ADX_EINTR, "interrupted: nothing was changed");
}

static enum adx_rc
carry_out(struct cli *cli, struct call *call, struct adx_error *err)
{
	if (!(call->command->flags & CMD_LOCAL) && call->early == NULL) {
		enum adx_rc rc = cli_connect(cli, err);

		if (rc != ADX_OK)
			return rc;
	}
	call->db = cli->session.db;
	return after_interrupt(cli->session.db, call_run(call, err), err);
}

static int
run_call(struct cli *cli, const struct command *command, const struct args *args)
{
	/* Directly on the database, the database's own roles decide. */
	struct caller caller = { cli_actor(), "cli", ROLE_ADMIN };
	struct run_options options = {
		.dry_run = cli->options.dry_run,
		.include_never_seen = cli->options.include_never_seen,
		.assume_yes = cli->options.assume_yes,
		.said_yes = cli->options.assume_yes,
		.max_affected = cli->options.max_affected,
		.limit = cli->options.limit,
		.after = cli->options.after,
		.confirm = cli_can_ask() ? confirm : NULL,
		.remark = remark,
	};
	struct call call = { .caller = &caller,
			     .config = cli->session.config,
			     .commands = admin_extra_commands(cli->session.service),
			     .options = &options };
	struct adx_error err = { 0 };
	enum adx_rc rc;
	int status;

	call.writer = writer_new(cli->options.format, command, cli->out);
	rc = call.writer == NULL ? adx_nomem(&err)
				 : call_begin(&call, command, args->values, args->count, &err);
	if (rc == ADX_OK)
		rc = carry_out(cli, &call, &err);
	if (call.writer != NULL)
		call_finish(&call, rc, &err);
	call.command = command;
	status = report(cli, &call, rc, &err);
	writer_free(call.writer);
	call_end(&call);
	return status;
}

/*
 * What is on the command line can be read by everybody on the machine: a secret there is taken
 * over and blotted out at once. Returns the copy, NULL when there was none to hide.
 */
static char *
hide_secret(const struct command *command, char **words, struct args *args)
{
	size_t n = command_param_count(command);

	for (size_t i = 0; i < n; i++) {
		const char *value = args->values[i];

		if (command->params[i].type != PARAM_SECRET || value == NULL ||
		    strcmp(value, "-") == 0)
			continue;
		char *copy = strdup(value);

		if (copy != NULL) {
			char *word = words[args->from[i]];

			memset(word + (value - word), 'x', strlen(value));
			args->values[i] = copy;
		}
		return copy;
	}
	return NULL;
}

static int
run_args(struct cli *cli, const struct command *command, struct args *args)
{
	struct secret secret;
	struct adx_error err = { 0 };
	int status;

	cli->options.assume_yes |= args->yes;
	cli->options.dry_run |= args->dry_run;
	if (secret_fill(&cli->options, command, args, &secret, &err) == ADX_OK)
		status = cli->options.socket != NULL ? remote_run(cli, command, args)
						     : run_call(cli, command, args);
	else
		status = cli_fail(cli, &err);
	secret_free(&secret);
	return status;
}

/* Where words can be options, these alone ask what the command is. */
static bool
asks_for_help(const struct command *command, int argc, char *const argv[])
{
	return command_has_optional(command) && argc == 1 &&
	       (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0);
}

static int
run_command(struct cli *cli, const struct command *command, int argc, char **argv)
{
	struct args args;
	struct adx_error err = { 0 };
	enum adx_rc rc = args_read(command, (const char *const *)argv, (size_t)argc, &args, &err);
	char *hidden = hide_secret(command, argv, &args);
	int status = rc == ADX_OK ? run_args(cli, command, &args) : cli_fail(cli, &err);

	if (hidden != NULL)
		explicit_bzero(hidden, strlen(hidden));
	free(hidden);
	return status;
}

static int
refuse_command(struct cli *cli, const char *first, const char *second)
{
	const struct command *const *commands = admin_extra_commands(cli->session.service);
	struct adx_error err;
	char hint[sizeof(err.hint)];

	if (command_unknown(commands, first, second, &err) == ADX_OK)
		return 0;
	snprintf(hint, sizeof(hint), "%s", err.hint);
	if (!command_is_family(commands, first))
		adx_hint(&err, "%s%s'adminex help' lists all", hint, hint[0] == '\0' ? "" : " ");
	return cli_fail(cli, &err);
}

static int
refuse_socket(struct cli *cli, const char *verb)
{
	struct adx_error err;

	adx_fail(&err, ADX_EUSAGE, "a daemon carries out commands, not '%s'", verb);
	adx_hint(&err, "leave --socket out%s",
		 strcmp(verb, "serve") == 0 ? ", or put it behind 'serve'" : "");
	return cli_fail(cli, &err);
}

static int
no_command(struct cli *cli)
{
	struct out *talk = out_new(STDERR_FILENO);

	(void)cli;
	if (talk != NULL) {
		help_short(talk);
		out_flush(talk);
	}
	out_free(talk);
	return adx_rc_exit(ADX_EUSAGE);
}

/* Verbs have no pages; the lines of a batch say it for themselves. */
static int
refuse_page(struct cli *cli, const char *verb)
{
	struct adx_error err;

	adx_fail(&err, ADX_EUSAGE, "%s has no --limit and no --after", verb);
	if (strcmp(verb, "batch") == 0)
		adx_hint(&err, "a line has them as members, beside args");
	return cli_fail(cli, &err);
}

static int
dispatch(struct cli *cli, int argc, char **argv)
{
	const struct command *command;
	const struct verb *verb;
	const char *second = argc > 1 ? argv[1] : NULL;
	size_t words;

	if (cli->options.version) {
		out_text(cli->out, "adminex " ADMINEX_VERSION "\n");
		return 0;
	}
	if (cli->options.help)
		return verb_help(cli, argc + 1, argv - 1);
	if (argc == 0)
		return no_command(cli);
	verb = verb_find(argv[0]);
	if (verb != NULL && (cli->options.limit > 0 || cli->options.after != NULL))
		return refuse_page(cli, verb->name);
	if (verb != NULL && cli->options.socket != NULL)
		return refuse_socket(cli, verb->name);
	if (verb != NULL)
		return verb->run(cli, argc, argv);
	command =
		command_named(admin_extra_commands(cli->session.service), argv[0], second, &words);
	if (command == NULL)
		return refuse_command(cli, argv[0], second);
	argc -= (int)words;
	argv += words;
	if (asks_for_help(command, argc, argv))
		return verb_help(cli, (int)words + 1, argv - words - 1);
	return run_command(cli, command, argc, argv);
}

/* ---- the program ------------------------------------------------------------------------- */

/*
 * A file that is opened later must not get the number of a closed standard stream: the reply would
 * go into the connection. What takes the place of a closed one cannot be read or written.
 */
static void
occupy_standard_streams(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
			return;
}

/* A connection string that may hold a password does not stay on the command line either. */
static enum adx_rc
hide_dsn(struct cli *cli, struct adx_error *err)
{
	char *given = cli->options.dsn;

	if (given == NULL || (strstr(given, "password") == NULL && strstr(given, "://") == NULL))
		return ADX_OK;
	cli->dsn = strdup(given);
	if (cli->dsn == NULL)
		return adx_nomem(err);
	memset(given, 'x', strlen(given));
	cli->options.dsn = cli->dsn;
	return ADX_OK;
}

static enum adx_rc
start(struct cli *cli, int argc, char **argv, int *first, struct adx_error *err)
{
	enum adx_rc rc;

	cli->out = out_new(STDOUT_FILENO);
	if (cli->out == NULL)
		return adx_nomem(err);
	rc = cli_parse_options(argc, argv, &cli->options, first, err);
	if (rc == ADX_OK)
		rc = hide_dsn(cli, err);
	return rc == ADX_OK ? session_open(&cli->session, cli->options.config_path, err) : rc;
}

static void
stop(struct cli *cli)
{
	/* What is done is done: a signal now must not say otherwise. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	alarm(0);
	interruptible = NULL;
	session_close(&cli->session);
	out_free(cli->out);
	if (cli->dsn != NULL)
		explicit_bzero(cli->dsn, strlen(cli->dsn));
	free(cli->dsn);
}

int
cli_main(int argc, char **argv)
{
	struct cli cli = { 0 };
	struct adx_error err = { 0 };
	int first = 0;
	int status;

	occupy_standard_streams();
	install_signals();
	if (start(&cli, argc, argv, &first, &err) != ADX_OK) {
		status = cli_fail(&cli, &err);
	} else {
		status = dispatch(&cli, argc - first, argv + first);
		out_flush(cli.out);
		if (status == 0 && cli_check_output(&cli, false, &err) != ADX_OK) {
			say_failure(&err);
			status = adx_rc_exit(err.rc);
		}
	}
	stop(&cli);
	return status;
}
