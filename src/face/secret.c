/* Passwords that are not on the command line: a line of standard input, a prompt or a file. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "face/cli.h"

enum { SECRET_MAX = 64 * 1024 };

static volatile sig_atomic_t prompt_interrupted;

static void
on_signal(int signum)
{
	(void)signum;
	prompt_interrupted = 1;
	/* A read that was just about to begin has not heard of it. */
	alarm(1);
}

/* One byte at a time: what follows the line on standard input is not ours. */
static enum adx_rc
read_line(int fd, struct buf *line, struct adx_error *err)
{
	char c;
	ssize_t n = 0;

	while (line->len < SECRET_MAX && (n = read(fd, &c, 1)) == 1 && c != '\n')
		buf_add_char(line, c);
	if (prompt_interrupted)
		return adx_fail(err, ADX_EINTR, "interrupted: nothing was changed");
	if (n < 0)
		return adx_fail_errno(err, ADX_EIO, errno, "cannot read standard input");
	if (n == 0 && line->len == 0)
		return adx_fail(err, ADX_EINVAL, "standard input ended before the secret");
	if (line->len >= SECRET_MAX)
		return adx_fail(err, ADX_EINVAL, "the secret is too long");
	return buf_ok(line) ? ADX_OK : adx_nomem(err);
}

/* Echo off, and on again whatever happens, Ctrl-C included. */
static enum adx_rc
prompt(const char *what, struct buf *line, struct adx_error *err)
{
	struct sigaction quiet = { .sa_handler = on_signal }, old_int, old_term, old_alarm;
	struct termios before, silent;
	enum adx_rc rc;

	if (tcgetattr(STDIN_FILENO, &before) != 0)
		return adx_fail_errno(err, ADX_EIO, errno, "cannot use the terminal");
	silent = before;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	sigaction(SIGINT, &quiet, &old_int);
	sigaction(SIGTERM, &quiet, &old_term);
	sigaction(SIGALRM, &quiet, &old_alarm);
	/* First no echo, then the prompt: who answers it at once is neither shown nor unheard. */
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	fprintf(stderr, "%s: ", what);
	rc = read_line(STDIN_FILENO, line, err);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	fputc('\n', stderr);
	alarm(0);
	sigaction(SIGALRM, &old_alarm, NULL);
	sigaction(SIGINT, &old_int, NULL);
	sigaction(SIGTERM, &old_term, NULL);
	return rc;
}

/* The first line of a file; a file is often written with a newline at its end. */
static enum adx_rc
from_file(const char *path, struct buf *line, struct adx_error *err)
{
	enum adx_rc rc = file_slurp(path, SECRET_MAX, line, err);
	const char *end;

	if (rc != ADX_OK)
		return rc;
	end = memchr(buf_text(line), '\n', line->len);
	if (end != NULL) {
		line->len = (size_t)(end - line->data);
		line->data[line->len] = '\0';
	}
	if (strlen(buf_text(line)) != line->len)
		return adx_fail(err, ADX_EINVAL, "the secret in '%s' has a NUL byte", path);
	return line->len > 0 ? ADX_OK : adx_fail(err, ADX_EINVAL, "'%s' holds no secret", path);
}

static int
secret_position(const struct command *command)
{
	size_t n = command_param_count(command);

	for (size_t i = 0; i < n; i++)
		if (command->params[i].type == PARAM_SECRET)
			return (int)i;
	return -1;
}

/* Make room at `at` when the argument was left out: those behind it stand one place too early. */
static void
shift(struct args *args, size_t at)
{
	for (size_t i = args->given; i > at; i--)
		args->values[i] = args->values[i - 1];
	args->given++;
}

/* ADX_EUSAGE when the secret was given another way. */
static enum adx_rc
place_for_file(const struct command *command, struct args *args, int at, struct adx_error *err)
{
	size_t required = command_required_count(command);

	if (at < 0)
		return adx_fail(err, ADX_EUSAGE, "%s takes no secret: --secret-file is not for it",
				command->name);
	if ((size_t)at < required && args->given + 1 == required) {
		shift(args, (size_t)at);
		args->values[at] = "-";
	} else if ((size_t)at >= required && args->values[at] == NULL) {
		args->values[at] = "-";
	}
	if (args->given == required && strcmp(args->values[at], "-") != 0)
		return adx_fail(err, ADX_EUSAGE,
				"the secret is given twice, as an argument and by --secret-file");
	return ADX_OK;
}

enum adx_rc
secret_fill(const struct cli_options *options, const struct command *command, struct args *args,
	    struct secret *secret, struct adx_error *err)
{
	struct buf line = BUF_INIT;
	int at = secret_position(command);
	enum adx_rc rc = ADX_OK;

	*secret = (struct secret){ NULL, 0 };
	if (options->secret_file != NULL)
		rc = place_for_file(command, args, at, err);
	if (rc != ADX_OK || at < 0 || args->given != command_required_count(command) ||
	    args->values[at] == NULL || strcmp(args->values[at], "-") != 0)
		return rc;
	if (options->secret_file != NULL)
		rc = from_file(options->secret_file, &line, err);
	else if (isatty(STDIN_FILENO))
		rc = prompt(command->params[at].name, &line, err);
	else
		rc = read_line(STDIN_FILENO, &line, err);
	if (rc == ADX_OK && strlen(buf_text(&line)) != line.len)
		rc = adx_fail(err, ADX_EINVAL, "the secret has a NUL byte");
	if (rc != ADX_OK) {
		buf_wipe(&line);
		return rc;
	}
	buf_add(&line, "", 0);
	secret->text = line.data;
	secret->len = line.len;
	args->values[at] = line.data;
	return ADX_OK;
}

void
secret_free(struct secret *secret)
{
	if (secret->text != NULL)
		explicit_bzero(secret->text, secret->len);
	free(secret->text);
	*secret = (struct secret){ NULL, 0 };
}
