/*
 * The threads that speak HTTP. Each has a libmicrohttpd of its own and works in rounds: it looks at
 * all of its connections that have something to say, and only then tells others of what has come.
 * So requests go on in bulk, and the thread is called once for all the replies that were made
 * while it was at work: to call a thread that sleeps takes longer than most requests.
 */
#ifndef ADMINEX_LOOP_H
#define ADMINEX_LOOP_H

#include "daemon/daemon_priv.h"

struct loop;
struct loops; /* of one listener */

/* Makes libmicrohttpd for one of them, with room for so many connections. NULL: the log says why.
 */
typedef struct MHD_Daemon *loop_make(struct loop *loop, unsigned connections, void *ctx);

/* NULL when not all could be started. */
struct loops *loops_start(struct daemon *daemon, loop_make *make, void *ctx);
/* Closes all connections. Nobody is carrying out a request of theirs any more. NULL is fine. */
void loops_stop(struct loops *loops);

/* Give a new connection to one of them. Whoever has no room closes it. */
void loops_admit(struct loops *loops, int fd, const struct sockaddr *address, socklen_t size);

struct daemon *loop_daemon(const struct loop *loop);
/* A connection has ended. */
void loop_count_out(struct loop *loop);
/*
 * Any thread's that has the request: its connection is to go on, be it that it sleeps or is only
 * awaited.
 */
void loop_resume(struct loop *loop, struct request *request);
/*
 * A thread that makes many replies in a row says so in each request (called_later), and calls then,
 * before it waits for anything: one call for all is enough. NULL is fine.
 */
void loops_call(struct loops *loops);

/* ---- for what libmicrohttpd calls ------------------------------------------------------- */

/* The connection sleeps until loop_resume() was called. */
void loop_suspend(struct request *request);
/*
 * The reply is not there yet. Where it is to come soon libmicrohttpd asks again in each round: that
 * costs little, and to let a connection sleep takes three system calls, longer than a short read.
 * All others sleep, and those that have waited for too long.
 */
void loop_await(struct request *request);
/* There is something to send, or a connection to look at again, in the next round. */
void loop_hurry(struct loop *loop);

#endif
