#include "daemon/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { IN_MEMORY = 64 * 1024 };

void
spool_init(struct spool *spool, uint64_t most, void (*wake)(void *ctx), void *ctx)
{
	*spool = (struct spool){ .fd = -1, .most = most, .wake = wake, .ctx = ctx };
	pthread_mutex_init(&spool->lock, NULL);
}

void
spool_reset(struct spool *spool)
{
	if (spool->fd >= 0)
		close(spool->fd);
	buf_rinse(&spool->memory);
	spool->fd = -1;
	spool->written = 0;
	spool->streams = false;
	spool->complete = false;
	spool->broken = false;
	spool->abandoned = false;
	spool->waiting = false;
}

void
spool_free(struct spool *spool)
{
	if (spool->fd >= 0)
		close(spool->fd);
	buf_wipe(&spool->memory);
	pthread_mutex_destroy(&spool->lock);
}

/* ---- writing ----------------------------------------------------------------------------- */

static int
open_unlinked(void)
{
	const char *folder = getenv("TMPDIR");

	if (folder == NULL || folder[0] == '\0')
		folder = P_tmpdir;
	return open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

static int
append_to_file(struct spool *spool, const char *data, size_t len)
{
	if (spool->written + len > spool->most)
		return EFBIG;
	while (len > 0) {
		ssize_t n = pwrite(spool->fd, data, len, (off_t)spool->written);

		if (n < 0 && errno != EINTR)
			return errno;
		if (n > 0) {
			data += n;
			len -= (size_t)n;
			spool->written += (uint64_t)n;
		}
	}
	return 0;
}

static int
move_to_file(struct spool *spool)
{
	int errnum;

	spool->fd = open_unlinked();
	if (spool->fd < 0)
		return errno;
	errnum = append_to_file(spool, buf_text(&spool->memory), spool->memory.len);
	buf_wipe(&spool->memory);
	spool->memory = (struct buf)BUF_INIT;
	spool->streams = true;
	return errnum;
}

static int
append(struct spool *spool, const char *data, size_t len)
{
	int errnum = 0;

	if (spool->abandoned)
		return EPIPE;
	if (spool->fd < 0 && spool->memory.len + len <= IN_MEMORY) {
		buf_add(&spool->memory, data, len);
		return buf_ok(&spool->memory) ? 0 : ENOMEM;
	}
	if (spool->fd < 0)
		errnum = move_to_file(spool);
	return errnum == 0 ? append_to_file(spool, data, len) : errnum;
}

/* Takes the lock that is held off; wakes whoever waits for what has come. */
static void
unlock_and_wake(struct spool *spool, bool news)
{
	bool wake = news && spool->waiting;

	if (wake)
		spool->waiting = false;
	pthread_mutex_unlock(&spool->lock);
	if (wake)
		spool->wake(spool->ctx);
}

int
spool_write(void *ctx, const char *data, size_t len)
{
	struct spool *spool = ctx;
	int errnum;

	pthread_mutex_lock(&spool->lock);
	errnum = append(spool, data, len);
	unlock_and_wake(spool, spool->streams);
	return errnum;
}

bool
spool_restart(struct spool *spool)
{
	bool possible;

	pthread_mutex_lock(&spool->lock);
	possible = !spool->streams;
	if (possible)
		buf_clear(&spool->memory);
	pthread_mutex_unlock(&spool->lock);
	return possible;
}

void
spool_finish(struct spool *spool, bool whole)
{
	pthread_mutex_lock(&spool->lock);
	spool->complete = whole;
	spool->broken = !whole;
	unlock_and_wake(spool, true);
}

/* ---- reading ----------------------------------------------------------------------------- */

ssize_t
spool_read(struct spool *spool, uint64_t pos, char *out, size_t max, void (*suspend)(void *ctx),
	   void *ctx)
{
	ssize_t n = 0;

	pthread_mutex_lock(&spool->lock);
	if (pos < spool->written) {
		uint64_t there = spool->written - pos;

		n = pread(spool->fd, out, there < max ? (size_t)there : max, (off_t)pos);
		n = n <= 0 ? -2 : n;
	} else if (spool->complete) {
		n = -1;
	} else if (spool->broken) {
		n = -2;
	} else {
		spool->waiting = true;
		suspend(ctx);
	}
	pthread_mutex_unlock(&spool->lock);
	return n;
}

void
spool_abandon(struct spool *spool)
{
	pthread_mutex_lock(&spool->lock);
	spool->abandoned = true;
	spool->waiting = false;
	pthread_mutex_unlock(&spool->lock);
}
