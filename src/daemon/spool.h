/*
 * The reply to one request on its way from the thread that makes it to the thread that sends it.
 *
 * What makes a reply never waits for a client: what is more than 64 KiB lies in an unlinked
 * temporary file until it is fetched. So the slowest client holds no database connection, and
 * memory stays flat.
 */
#ifndef ADMINEX_SPOOL_H
#define ADMINEX_SPOOL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

struct spool {
	pthread_mutex_t lock;
	struct buf memory; /* the whole reply, as long as it is short */
	int fd;            /* where it is when it is long; -1 */
	uint64_t written;  /* to the file */
	uint64_t most;     /* bytes that may wait */
	bool streams;      /* it is long: sending may begin before it is whole */
	bool complete;
	bool broken;    /* it will never be whole */
	bool abandoned; /* nobody fetches it any more */
	bool waiting;   /* the sender asked for more than there is */
	/* Called without the lock when there is more to send, once for each wait. */
	void (*wake)(void *ctx);
	void *ctx;
};

void spool_init(struct spool *spool, uint64_t most, void (*wake)(void *ctx), void *ctx);
void spool_free(struct spool *spool);
/* Empty, and ready for the next reply, of which as much may wait. */
void spool_reset(struct spool *spool);

/* An out_sink: returns 0, or the errno of what went wrong. EPIPE: nobody fetches it. */
int spool_write(void *ctx, const char *data, size_t len);
/* Forget what a failed attempt wrote; false when some of it may have been sent. */
bool spool_restart(struct spool *spool);
/* The last word: whole, or broken off. */
void spool_finish(struct spool *spool, bool whole);

/* Bytes from that position: their number, 0 when `wake` will be called, -1 at the end, -2 when the
 * rest will never come. `suspend` is called under the lock before 0 is returned. */
ssize_t spool_read(struct spool *spool, uint64_t pos, char *out, size_t max,
		   void (*suspend)(void *ctx), void *ctx);
/* Whoever writes learns it with the next write. */
void spool_abandon(struct spool *spool);

#endif
