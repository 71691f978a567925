#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* A signal that interrupts a read from a pipe must be able to end the program: no retry. */
static enum adx_rc
cannot_read(const char *path, int errnum, struct adx_error *err)
{
	enum adx_rc rc = errnum == EINTR ? ADX_EINTR : ADX_EINVAL;

	return adx_fail_errno(err, rc, errnum, "cannot read '%s'", path);
}

static enum adx_rc
too_large(const char *path, size_t max, struct adx_error *err)
{
	enum adx_rc rc = cannot_read(path, EFBIG, err);

	adx_hint(err, "at most %zu bytes are read", max);
	return rc;
}

static enum adx_rc
read_all(int fd, const char *path, size_t max, struct buf *out, struct adx_error *err)
{
	enum { CHUNK = 64 * 1024 };
	size_t left = max;

	for (;;) {
		char *room = buf_room(out, CHUNK);
		ssize_t n;

		if (room == NULL)
			return adx_nomem(err);
		n = read(fd, room, CHUNK);
		out->len += n > 0 ? (size_t)n : 0;
		out->data[out->len] = '\0';
		if (n < 0)
			return cannot_read(path, errno, err);
		if (n == 0)
			return ADX_OK;
		if ((size_t)n > left)
			return too_large(path, max, err);
		left -= (size_t)n;
	}
}

enum adx_rc
file_slurp(const char *path, size_t max, struct buf *out, struct adx_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	enum adx_rc rc;

	if (fd < 0)
		return cannot_read(path, errno, err);
	rc = read_all(fd, path, max, out, err);
	close(fd);
	return rc;
}
