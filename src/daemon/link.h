/*
 * A thread's connection to the database: made when it is first needed, made anew when it was lost,
 * when the settings changed or the daemon took another name; and guarded against the clock.
 */
#ifndef ADMINEX_LINK_H
#define ADMINEX_LINK_H

#include "daemon/daemon_priv.h"
#include "daemon/guard.h"

struct link {
	struct daemon *daemon;
	bool short_answers; /* as in db_settings */
	struct db *db;      /* NULL: there is none */
	struct guard guard;
	struct settings *settings; /* that db was opened with */
	unsigned epoch;            /* and when */
};

/* `interrupts` as in the guard. */
void link_init(struct link *link, struct daemon *daemon, bool interrupts);
/* The thread is gone, after link_close(). */
void link_free(struct link *link);

/* Is what it was made with still in force? Also while something runs. */
bool link_is_current(const struct link *link);
/* While nothing runs: have a connection. */
ADX_MUST_CHECK enum adx_rc link_reach(struct link *link, struct adx_error *err);
void link_close(struct link *link);
/* The same: after a reload let a connection go that is not what was asked for any more. */
void link_follow(struct link *link);

/*
 * Pauses between attempts: longer with each failure in a row, a little apart from those of other
 * threads, and over when the daemon stops.
 */
struct backoff {
	unsigned first_ms, most_ms;
	unsigned failures; /* in a row; the caller's to set to 0 */
};

void backoff_pause(struct backoff *backoff, const struct daemon *daemon);

#endif
