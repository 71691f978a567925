#include "base/out.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"

enum { BUFFER = 64 * 1024, HELD_IN_MEMORY = 1024 * 1024 };

struct out {
	int fd;
	out_sink *sink; /* instead of fd, or NULL */
	void *sink_ctx;
	int error;
	volatile sig_atomic_t stopped;
	bool holding;
	FILE *spill; /* what is held beyond HELD_IN_MEMORY; in front of `pending` */
	struct buf pending;
	out_tap_fn *tap;
	void *tap_ctx;
	size_t seen; /* so many bytes of `pending` were shown to the tap */
};

struct out *
out_new(int fd)
{
	struct out *out = calloc(1, sizeof(*out));

	if (out != NULL)
		out->fd = fd;
	return out;
}

struct out *
out_new_sink(out_sink *sink, void *ctx)
{
	struct out *out = out_new(-1);

	if (out != NULL) {
		out->sink = sink;
		out->sink_ctx = ctx;
	}
	return out;
}

void
out_tap(struct out *out, out_tap_fn *tap, void *ctx)
{
	out_tap_sync(out);
	out->tap = tap;
	out->tap_ctx = ctx;
	out->seen = out->pending.len;
}

/* As late as can be: writers hand over a few bytes at a time. */
void
out_tap_sync(struct out *out)
{
	if (out->tap != NULL && out->seen < out->pending.len)
		out->tap(out->tap_ctx, out->pending.data + out->seen, out->pending.len - out->seen);
	out->seen = out->pending.len;
}

static void
clear_pending(struct out *out)
{
	buf_clear(&out->pending);
	out->seen = 0;
}

void
out_fail(struct out *out, int errnum)
{
	if (out->error == 0)
		out->error = errnum;
}

static void
write_all(struct out *out, const char *data, size_t len)
{
	int errnum;

	if (out->sink != NULL) {
		errnum = len == 0 ? 0 : out->sink(out->sink_ctx, data, len);
		if (errnum != 0)
			out_fail(out, errnum);
		return;
	}
	while (len > 0 && out->error == 0) {
		ssize_t n = write(out->fd, data, len);

		if (n < 0 && errno != EINTR) {
			out_fail(out, errno);
			return;
		}
		data += n < 0 ? 0 : n;
		len -= n < 0 ? 0 : (size_t)n;
		if (len > 0 && out->stopped)
			out_fail(out, EINTR);
	}
}

static void
spill_pending(struct out *out)
{
	if (out->spill == NULL)
		out->spill = tmpfile();
	if (out->spill == NULL) {
		out_fail(out, errno);
		return;
	}
	out_tap_sync(out);
	if (fwrite(out->pending.data, 1, out->pending.len, out->spill) != out->pending.len)
		out_fail(out, errno);
	clear_pending(out);
}

void
out_write(struct out *out, const void *data, size_t len)
{
	if (out->error != 0)
		return;
	buf_add(&out->pending, data, len);
	if (!buf_ok(&out->pending))
		out_fail(out, ENOMEM);
	else if (out->holding && out->pending.len > HELD_IN_MEMORY)
		spill_pending(out);
	else if (!out->holding && out->pending.len > BUFFER)
		out_flush(out);
}

void
out_text(struct out *out, const char *text)
{
	out_write(out, text, strlen(text));
}

void
out_hold(struct out *out)
{
	out_flush(out);
	out->holding = true;
}

static void
copy_spill(struct out *out)
{
	char chunk[BUFFER];
	size_t n;

	if (fflush(out->spill) != 0)
		out_fail(out, errno);
	rewind(out->spill);
	while (out->error == 0 && (n = fread(chunk, 1, sizeof(chunk), out->spill)) > 0)
		write_all(out, chunk, n);
	if (ferror(out->spill))
		out_fail(out, EIO);
}

static void
drop_spill(struct out *out)
{
	if (out->spill != NULL)
		fclose(out->spill);
	out->spill = NULL;
}

void
out_release(struct out *out)
{
	out->holding = false;
	if (out->spill != NULL)
		copy_spill(out);
	drop_spill(out);
	out_flush(out);
}

void
out_discard(struct out *out)
{
	out->holding = false;
	drop_spill(out);
	out_tap_sync(out);
	clear_pending(out);
}

const char *
out_held(struct out *out)
{
	return out->holding && out->spill == NULL ? buf_text(&out->pending) : NULL;
}

void
out_flush(struct out *out)
{
	if (out->holding)
		return;
	out_tap_sync(out);
	write_all(out, buf_text(&out->pending), out->pending.len);
	clear_pending(out);
}

void
out_stop(struct out *out)
{
	out->stopped = 1;
}

int
out_error(const struct out *out)
{
	return out->error;
}

void
out_reset(struct out *out)
{
	drop_spill(out);
	buf_rinse(&out->pending);
	out->error = 0;
	out->stopped = 0;
	out->holding = false;
	out->tap = NULL;
	out->seen = 0;
}

void
out_free(struct out *out)
{
	if (out == NULL)
		return;
	drop_spill(out);
	buf_free(&out->pending);
	free(out);
}
