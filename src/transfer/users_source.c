/* The bytes of a users file, line by line, through a window of fixed size. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "transfer/users_priv.h"

/* Wider than a row, so that what is left of it is seldom moved to the front. */
enum { WINDOW = 4 * USERS_ROW_MAX, PROGRESS_BYTES = 16 * 1024 };

static enum adx_rc
tell_progress(struct users *u)
{
	u->untold = 0;
	return u->sink->progress(u->sink->ctx, u->done, u->total, u->err);
}

static enum adx_rc
read_fd(struct users *u, char *out, size_t size, size_t *got)
{
	ssize_t n;

	while ((n = read(u->fd, out, size)) < 0) {
		enum adx_rc rc;

		if (errno != EINTR)
			return adx_fail_errno(u->err, ADX_EIO, errno, "cannot read '%s'", u->name);
		/* Whoever waits for input can be interrupted. */
		rc = tell_progress(u);
		if (rc != ADX_OK)
			return rc;
	}
	*got = (size_t)n;
	return ADX_OK;
}

static void
read_text(struct users *u, char *out, size_t size, size_t *got)
{
	*got = size < u->left ? size : u->left;
	memcpy(out, u->text, *got);
	u->text += *got;
	u->left -= *got;
}

/* More bytes into the window, which has room for them. */
static enum adx_rc
fill(struct users *u)
{
	enum adx_rc rc = ADX_OK;
	size_t got = 0;

	if (u->to == WINDOW) {
		memmove(u->window, u->window + u->from, u->to - u->from);
		u->to -= u->from;
		u->from = 0;
	}
	if (u->fd < 0)
		read_text(u, u->window + u->to, WINDOW - u->to, &got);
	else
		rc = read_fd(u, u->window + u->to, WINDOW - u->to, &got);
	if (rc != ADX_OK)
		return rc;
	u->ended = got == 0;
	u->to += got;
	return ADX_OK;
}

/* What the row was made of is done with. */
static enum adx_rc
leave(struct users *u, size_t len)
{
	u->from += len;
	u->done += len;
	u->untold += len;
	return u->untold >= PROGRESS_BYTES ? tell_progress(u) : ADX_OK;
}

enum adx_rc
users_open(struct users *u)
{
	static const char MARK[] = "\xEF\xBB\xBF";
	enum adx_rc rc = ADX_OK;

	u->line = 1;
	u->window = malloc(WINDOW);
	if (u->window == NULL)
		return adx_nomem(u->err);
	while (rc == ADX_OK && !u->ended && u->to < 3)
		rc = fill(u);
	if (rc == ADX_OK && u->to >= 3 && memcmp(u->window, MARK, 3) == 0)
		rc = leave(u, 3);
	return rc == ADX_OK ? tell_progress(u) : rc;
}

void
users_close(struct users *u)
{
	if (u->window != NULL)
		explicit_bzero(u->window, WINDOW);
	free(u->window);
}

enum adx_rc
users_peek(struct users *u, struct users_line *out)
{
	size_t looked = 0;
	enum adx_rc rc;

	for (;;) {
		const char *text = u->window + u->from;
		size_t have = u->to - u->from;
		const char *newline = memchr(text + looked, '\n', have - looked);
		size_t len = newline == NULL ? have : (size_t)(newline - text) + 1;

		*out = (struct users_line){ text, len, len <= USERS_ROW_MAX };
		if (newline != NULL || u->ended || !out->whole)
			return ADX_OK;
		looked = have;
		rc = fill(u);
		if (rc != ADX_OK)
			return rc;
	}
}

enum adx_rc
users_advance(struct users *u, const struct users_line *line)
{
	if (line->len > 0 && line->text[line->len - 1] == '\n')
		u->line++;
	return leave(u, line->len);
}

enum adx_rc
users_skip_line(struct users *u)
{
	struct users_line line;
	bool more = true;

	while (more) {
		enum adx_rc rc = users_peek(u, &line);

		if (rc != ADX_OK)
			return rc;
		more = line.len > 0 && line.text[line.len - 1] != '\n';
		rc = users_advance(u, &line);
		if (rc != ADX_OK)
			return rc;
	}
	return ADX_OK;
}
