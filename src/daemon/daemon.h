/*
 * The daemon: the commands by HTTP and JSON, for many callers at once.
 *
 * Threads: libmicrohttpd's speak HTTP; readers send the short reads of all connections down one
 * pipeline each; writers carry out one request at a time on a connection of their own; one thread
 * keeps an eye on the database (tokens, notifications, the daemon's own row); the thread of
 * daemon_serve() hears signals and the clock.
 */
#ifndef ADMINEX_DAEMON_H
#define ADMINEX_DAEMON_H

#include "adminex/error.h"

struct daemon;

/* What the command line said; NULL leaves it to the configuration. Borrowed until daemon_stop(). */
struct daemon_options {
	const char *config_path;
	const char *dsn;
	const char *socket;
	const char *listen;
};

/*
 * Read the configuration, listen, and begin to answer; the database may still be away. SIGTERM,
 * SIGINT and SIGHUP are blocked from here on, in all threads: daemon_serve() takes them.
 */
ADX_MUST_CHECK enum adx_rc daemon_start(const struct daemon_options *options, struct daemon **out,
					struct adx_error *err);
/* Until SIGTERM or SIGINT; SIGHUP reads the configuration again. */
void daemon_serve(struct daemon *daemon);
/* Take no more requests, let those in flight end within the grace time, release everything. */
void daemon_stop(struct daemon *daemon);

#endif
