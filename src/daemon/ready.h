/* GET /readyz: each time the database is asked, and the answer comes within half a second. */
#ifndef ADMINEX_READY_H
#define ADMINEX_READY_H

#include "daemon/daemon_priv.h"

struct ready;

/* NULL on failure. */
struct ready *ready_start(struct daemon *daemon, struct adx_error *err);
void ready_stop(struct ready *ready);
/* The connection waits until the answer is there; false as with request_give_away(). */
ADX_MUST_CHECK bool ready_ask(struct ready *ready, struct request *request);
/* Answers for a database that takes too long. */
void ready_tick(struct ready *ready, int64_t now);
/* The settings are others. */
void ready_follow(struct ready *ready);

#endif
