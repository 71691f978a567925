/*
 * How a daemon hears what others change: a connection of its own that listens, and the daemon's row
 * in adminex.daemons, without which nobody tells anything.
 *
 * The order of things for a cache that is never stale:
 *
 *	listener_open()      the cache is off
 *	listener_settled()   again and again; once it says yes, the cache may be switched on
 *	listener_wait()      again and again, at most LISTENER_WAIT_MAX_MS apart; when it fails
 *			     switch the cache off before anything else, close, and begin anew
 *
 * Transactions that began before the daemon was registered tell it nothing: until they have ended,
 * what was read may be old. The connection is asked for a sign of life every LISTENER_BEAT_MS, the
 * same statement as the daemon's own; without an answer within LISTENER_ANSWER_MS it counts as
 * lost. Others stop telling a daemon anything 5 minutes after its last beat; one whose beat comes
 * after a minute or more, because the machine slept perhaps, is registered no longer.
 *
 * A listener is for one thread at a time.
 */
#ifndef ADMINEX_LISTEN_H
#define ADMINEX_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adminex/error.h"
#include "db/db.h"

enum {
	LISTENER_BEAT_MS = 5000,
	LISTENER_ANSWER_MS = 5000,
	LISTENER_WAIT_MAX_MS = 60000,
};

struct listener;

/* A notification of channel adminex_cache; for cache_apply(). */
typedef void listener_heard(void *ctx, const char *payload);

/*
 * Connect, listen, register settings->daemon_id, which must be new. The DSN has to lead to the
 * server itself: a pooler that gives each transaction another connection loses notifications, so
 * any pooler is refused with ADX_EFAIL. On a standby there is nothing to listen to: ADX_EFAIL with
 * SQLSTATE 25006.
 */
ADX_MUST_CHECK enum adx_rc listener_open(const struct db_settings *settings, const char *version,
					 struct listener **out, struct adx_error *err);
/* Have all transactions ended that may not know of this daemon? Once yes, always yes. */
ADX_MUST_CHECK enum adx_rc listener_settled(struct listener *listener, bool *settled,
					    struct adx_error *err);
/*
 * Wait until something was heard and tell it, or until the time is over: both are ADX_OK. heard()
 * may be called several times, from here only. Failures are ADX_EUNAVAIL for a connection that is
 * lost or does not answer, and ADX_EFAIL when the daemon is no longer registered; either way only
 * listener_close() is left.
 */
ADX_MUST_CHECK enum adx_rc listener_wait(struct listener *listener, int timeout_ms,
					 listener_heard *heard, void *ctx, struct adx_error *err);
/*
 * When the last beat was sent that was answered, or the registration: milliseconds of
 * CLOCK_BOOTTIME, which goes on while the machine sleeps. Whatever others changed by then was told.
 */
int64_t listener_alive_at(const struct listener *listener);
/* Unregister, as far as the server answers within LISTENER_ANSWER_MS, and disconnect. */
void listener_close(struct listener *listener);

#endif
