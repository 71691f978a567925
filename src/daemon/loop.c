#include "daemon/loop.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* An accepted connection on its way to its thread. */
struct arrival {
	struct arrival *next;
	int fd;
	socklen_t size;
	struct sockaddr_storage address;
};

/* What others have for a thread. */
struct errands {
	struct arrival *arrivals;
	struct request *resumed;
	bool ending;
};

struct loop {
	struct daemon *daemon;
	struct MHD_Daemon *http;
	unsigned most;        /* connections */
	atomic_uint admitted; /* that are there, or on the way */
	pthread_t thread;
	bool started;
	int bell; /* an eventfd; -1 */
	int news; /* of libmicrohttpd: its epoll descriptor */
	pthread_mutex_t lock;
	struct errands errands;
	bool asleep;   /* it would not look before the bell rings */
	bool bell_due; /* somebody has promised loops_call() */
	/* The thread's own, of a round: */
	int64_t now;      /* when it began; microseconds */
	unsigned awaited; /* connections whose reply is not there yet, and that do not sleep */
	bool restless;    /* something goes on in the next round, and nobody would ring */
};

struct loops {
	unsigned count;
	struct loop loops[];
};

struct daemon *
loop_daemon(const struct loop *loop)
{
	return loop->daemon;
}

/* ---- errands ----------------------------------------------------------------------------- */

/* Under the lock: is somebody to ring? */
static bool
needs_bell(struct loop *loop)
{
	bool asleep = loop->asleep;

	loop->asleep = false;
	return asleep;
}

static void
ring(struct loop *loop, bool needed)
{
	if (needed)
		(void)eventfd_write(loop->bell, 1);
}

void
loop_resume(struct loop *loop, struct request *r)
{
	bool needed;

	/* Its connection may break and be gone before the thread looks. */
	request_hold(r);
	pthread_mutex_lock(&loop->lock);
	r->next_resumed = loop->errands.resumed;
	loop->errands.resumed = r;
	loop->bell_due = loop->bell_due || r->called_later;
	needed = !r->called_later && needs_bell(loop);
	pthread_mutex_unlock(&loop->lock);
	ring(loop, needed);
}

static void
call(struct loop *loop)
{
	bool needed;

	pthread_mutex_lock(&loop->lock);
	needed = loop->bell_due && needs_bell(loop);
	loop->bell_due = false;
	pthread_mutex_unlock(&loop->lock);
	ring(loop, needed);
}

void
loops_call(struct loops *loops)
{
	for (unsigned i = 0; loops != NULL && i < loops->count; i++)
		call(&loops->loops[i]);
}

static void
add_arrival(struct loop *loop, struct arrival *arrival)
{
	bool needed;

	pthread_mutex_lock(&loop->lock);
	arrival->next = loop->errands.arrivals;
	loop->errands.arrivals = arrival;
	needed = needs_bell(loop);
	pthread_mutex_unlock(&loop->lock);
	ring(loop, needed);
}

static void
end(struct loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	loop->errands.ending = true;
	loop->asleep = false;
	pthread_mutex_unlock(&loop->lock);
	ring(loop, true);
}

/* ---- connections ------------------------------------------------------------------------- */

static struct arrival *
arrival_new(int fd, const struct sockaddr *address, socklen_t size)
{
	struct arrival *arrival = malloc(sizeof(*arrival));

	if (arrival == NULL)
		return NULL;
	*arrival = (struct arrival){ .fd = fd, .size = size };
	memcpy(&arrival->address, address, size);
	return arrival;
}

/*
 * Spread by descriptor, as these are given out anew when connections end. Where all are full one of
 * them may have room by the time it looks.
 */
static struct loop *
choose(struct loops *loops, int fd)
{
	struct loop *first = &loops->loops[(unsigned)fd % loops->count];

	for (unsigned i = 0; i < loops->count; i++) {
		struct loop *loop = &loops->loops[((unsigned)fd + i) % loops->count];

		if (atomic_load(&loop->admitted) < loop->most)
			return loop;
	}
	return first;
}

void
loops_admit(struct loops *loops, int fd, const struct sockaddr *address, socklen_t size)
{
	struct loop *loop = choose(loops, fd);
	struct arrival *arrival = arrival_new(fd, address, size);

	if (arrival == NULL) {
		close(fd);
		return;
	}
	atomic_fetch_add(&loop->admitted, 1);
	add_arrival(loop, arrival);
}

void
loop_count_out(struct loop *loop)
{
	atomic_fetch_sub(&loop->admitted, 1);
}

static void
take_in(struct loop *loop, struct arrival *arrival)
{
	while (arrival != NULL) {
		struct arrival *next = arrival->next;

		/* What it cannot take it closes, and does not mention. */
		if (MHD_add_connection(loop->http, arrival->fd,
				       (struct sockaddr *)&arrival->address,
				       arrival->size) != MHD_YES) {
			loop_count_out(loop);
			metrics_add(&loop->daemon->metrics, METRIC_CONNECTIONS_REFUSED, 1);
		}
		free(arrival);
		arrival = next;
		loop->restless = true;
	}
}

/* ---- rounds ------------------------------------------------------------------------------ */

void
loop_suspend(struct request *r)
{
	r->sleeps = r->slept = true;
	MHD_suspend_connection(r->connection);
}

void
loop_await(struct request *r)
{
	enum { PATIENCE_US = 10000 };

	if (r->awaited == 0)
		r->awaited = r->loop->now;
	if (!r->soon || r->loop->now - r->awaited > PATIENCE_US)
		loop_suspend(r);
	else
		r->loop->awaited++;
}

void
loop_hurry(struct loop *loop)
{
	loop->restless = true;
}

static void
resume_all(struct request *r)
{
	while (r != NULL) {
		struct request *next = r->next_resumed;

		r->woken = true;
		if (r->sleeps)
			MHD_resume_connection(r->connection);
		r->sleeps = false;
		request_release(r);
		r = next;
	}
}

static struct errands
take_errands(struct loop *loop)
{
	struct errands errands;

	pthread_mutex_lock(&loop->lock);
	errands = loop->errands;
	loop->errands = (struct errands){ .ending = errands.ending };
	loop->asleep = false;
	pthread_mutex_unlock(&loop->lock);
	return errands;
}

/* From here on somebody rings; false when there is an errand already. */
static bool
lie_down(struct loop *loop)
{
	const struct errands *e = &loop->errands;
	bool idle;

	pthread_mutex_lock(&loop->lock);
	idle = e->arrivals == NULL && e->resumed == NULL && !e->ending;
	loop->asleep = idle;
	pthread_mutex_unlock(&loop->lock);
	return idle;
}

/* Milliseconds, for poll(). */
static int
longest_sleep(struct loop *loop)
{
	enum { AT_MOST = 60000 };
	MHD_UNSIGNED_LONG_LONG ms;

	if (MHD_get_timeout(loop->http, &ms) != MHD_YES || ms > AT_MOST)
		return AT_MOST;
	/*
	 * It would ask those that are awaited again and again; they ring. What else it wants to go
	 * on with is known (loop_hurry()), but for what TLS has read ahead: that may not wait for
	 * long.
	 */
	if (ms == 0 && loop->awaited > 0 && !loop->restless)
		return 1;
	return (int)ms;
}

static void
rest(struct loop *loop)
{
	struct pollfd fds[] = { { .fd = loop->news, .events = POLLIN },
				{ .fd = loop->bell, .events = POLLIN } };
	int ms = longest_sleep(loop);
	eventfd_t times;

	if (ms == 0 || !lie_down(loop))
		return;
	if (poll(fds, 2, ms) > 0 && fds[1].revents != 0)
		(void)eventfd_read(loop->bell, &times);
}

static void *
go_round(void *arg)
{
	struct loop *loop = arg;
	struct errands errands;

	do {
		errands = take_errands(loop);
		resume_all(errands.resumed);
		loop->now = now_us();
		loop->awaited = 0;
		loop->restless = false;
		MHD_run(loop->http);
		readers_hint(loop->daemon->readers);
		/* Last, as connections that have ended make room. */
		take_in(loop, errands.arrivals);
		rest(loop);
	} while (!errands.ending);
	return NULL;
}

/* ---- starting and stopping --------------------------------------------------------------- */

static bool
start(struct loop *loop, loop_make *make, void *ctx)
{
	const union MHD_DaemonInfo *info;

	loop->bell = eventfd(0, EFD_CLOEXEC);
	loop->http = loop->bell < 0 ? NULL : make(loop, loop->most, ctx);
	if (loop->http == NULL)
		return false;
	info = MHD_get_daemon_info(loop->http, MHD_DAEMON_INFO_EPOLL_FD);
	if (info == NULL)
		return false;
	loop->news = info->epoll_fd;
	loop->started = pthread_create(&loop->thread, NULL, go_round, loop) == 0;
	return loop->started;
}

static void
init(struct loop *loop, struct daemon *daemon, unsigned most)
{
	loop->daemon = daemon;
	loop->most = most;
	loop->bell = -1;
	atomic_init(&loop->admitted, 0);
	pthread_mutex_init(&loop->lock, NULL);
}

struct loops *
loops_start(struct daemon *daemon, loop_make *make, void *ctx)
{
	const struct config_http *http = &daemon->settings->config->http;
	unsigned count = (unsigned)http->threads, all = (unsigned)http->max_connections;
	struct loops *loops = calloc(1, sizeof(*loops) + count * sizeof(loops->loops[0]));

	while (loops != NULL && loops->count < count) {
		unsigned i = loops->count++;

		init(&loops->loops[i], daemon, all / count + (i < all % count));
		if (!start(&loops->loops[i], make, ctx)) {
			loops_stop(loops);
			return NULL;
		}
	}
	return loops;
}

static void
stop(struct loop *loop)
{
	if (loop->started) {
		end(loop);
		pthread_join(loop->thread, NULL);
	}
	if (loop->http != NULL)
		MHD_stop_daemon(loop->http);
	if (loop->bell >= 0)
		close(loop->bell);
	pthread_mutex_destroy(&loop->lock);
}

void
loops_stop(struct loops *loops)
{
	if (loops == NULL)
		return;
	for (unsigned i = 0; i < loops->count; i++)
		stop(&loops->loops[i]);
	free(loops);
}
