/* What the files of src/daemon/ share. Nothing outside this folder includes it. */
#ifndef ADMINEX_DAEMON_PRIV_H
#define ADMINEX_DAEMON_PRIV_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "base/config.h"
#include "cache/cache.h"
#include "command/call.h"
#include "daemon/body.h"
#include "daemon/daemon.h"
#include "daemon/httplib.h"
#include "daemon/metrics.h"
#include "daemon/spool.h"
#include "daemon/throttle.h"
#include "service/admin_extra.h"
#include "service/tokens.h"

/* ---- settings.c: a configuration, and what follows from it ------------------------------- */

/* Somebody known by other means than a token. */
struct known {
	char name[160];  /* of the actor */
	uid_t uid;       /* of a peer on the socket */
	char sha256[65]; /* of a client certificate, hex */
	enum role role;
	struct strvec hosts;
};

/* Immutable and counted: a request keeps the one it began with. */
struct settings {
	atomic_uint users;
	struct config *config;
	struct admin_extra *service;
	struct known *peers, *certificates;
	size_t peer_count, certificate_count;
};

ADX_MUST_CHECK enum adx_rc settings_load(const char *path, struct settings **out,
					 struct adx_error *err);
struct settings *settings_hold(struct settings *settings);
void settings_release(struct settings *settings);
const struct known *settings_peer(const struct settings *settings, uid_t uid);
const struct known *settings_certificate(const struct settings *settings, const char *sha256);

/*
 * What the daemon calls itself in the database. After a COMMIT whose outcome is unknown it takes a
 * new name: should the lost transaction be committed yet, it tells all but the old one.
 */
struct identity {
	struct identity *before;
	char id[17];
};

/* ---- the daemon -------------------------------------------------------------------------- */

struct loop;
struct loops;
struct readers;
struct writers;
struct ready;
struct house;
struct watch;

enum { DAEMON_ID_SIZE = 17, DAEMON_KEY_SIZE = 32, DAEMON_LISTENERS = 2 };

struct daemon {
	struct daemon_options options;
	pthread_mutex_t lock; /* of `settings`, `tokens` and `identity` */
	struct settings *settings;
	struct tokens *tokens;     /* NULL until they were read */
	struct admin_extra *every; /* all commands there are: their numbers in the metrics */
	struct cache *cache;
	struct throttle *throttle;
	struct metrics metrics;
	struct readers *readers;
	struct writers *writers;
	struct ready *ready;
	struct house *house;
	struct watch *watch;
	struct loops *loops[DAEMON_LISTENERS];
	int sockets[DAEMON_LISTENERS]; /* that listen; -1 */
	pthread_t acceptor;
	bool accepting;    /* the thread runs */
	int acceptor_end;  /* an eventfd that ends it; -1 */
	char *socket_path; /* to be removed at the end, or NULL */
	long max_header;   /* what the connections were made with */
	int idle_timeout;  /* the same; seconds */
	pthread_mutex_t newcomers_lock;
	TAILQ_HEAD(, peer) newcomers; /* the oldest first */
	char id[DAEMON_ID_SIZE];      /* begins the numbers of requests */
	struct identity *identity;    /* the newest; all stay until the end */
	atomic_uint epoch;            /* counts them: connections of an older one are made anew */
	unsigned char key[DAEMON_KEY_SIZE]; /* of the digests of requests */
	atomic_uint_fast64_t requests;
	pthread_mutex_t reload_lock;
	pthread_mutex_t spare_lock;
	struct request *spare; /* to be used again: large things are slow to get from malloc() */
	unsigned spare_count;
	atomic_int open;      /* requests whose reply was not sent whole yet */
	atomic_int in_flight; /* of these, for commands that wait for the database */
	/* Requests that another thread has than libmicrohttpd's, and readers that have any. */
	atomic_int carried;
	atomic_bool closed; /* no more of these */
	atomic_bool stopping;
	atomic_bool doubt; /* whether a COMMIT happened; the cache stays off until it is known */
	int64_t started;   /* milliseconds, monotonic */
};

struct settings *daemon_settings(struct daemon *daemon);
/* Read the configuration again; a bad one changes nothing. */
ADX_MUST_CHECK enum adx_rc daemon_reload(struct daemon *daemon, struct adx_error *err);
/* Take a new name in the database. */
ADX_MUST_CHECK enum adx_rc daemon_rename(struct daemon *daemon, struct adx_error *err);
/* Connection parameters for a thread of the daemon. */
struct db_settings daemon_db_settings(struct daemon *daemon, const struct settings *settings);

/* Milliseconds and microseconds of a clock that only goes forward. */
int64_t now_ms(void);
int64_t now_us(void);

/* ---- request.c: one request from its header to its reply --------------------------------- */

enum { REQUEST_ID_SIZE = 24, REQUEST_KEY_MAX = 255 };

struct route;

/* Of a connection's memory: NULL where the header has none, else as long as the request. */
struct headers {
	const char *accept, *authorization, *content_length, *cookie, *expect, *idempotency_key;
	size_t fields; /* of all kinds */
};

struct request {
	/* Kept, empty, from one request to the next: to make it anew takes long. */
	struct daemon *daemon;
	struct buf body;
	struct call call;
	struct out *out;
	struct spool spool;
	struct writer *json; /* NULL until it was needed */
	/* Written before it is read. */
	struct body parsed;
	struct adx_error err;
	char once_digest[2 * 32 + 3];
	/* Empty texts. */
	char actor[192];
	char failure[384];                  /* what failed, for people; "": nothing */
	char once_key[REQUEST_KEY_MAX + 1]; /* of Idempotency-Key; "": none */
	/* From here on all begins with zeros. */
	struct loop *loop;
	struct MHD_Connection *connection;
	atomic_int users; /* the connection, whoever carries it out, and an errand of its loop */
	struct settings *settings;
	struct tokens *tokens; /* the caller may be one of them */
	char id[REQUEST_ID_SIZE];
	const struct route *route;
	const char *allowed;           /* the method that is, there */
	const struct command *command; /* NULL: the request is for none */
	unsigned command_index;        /* among all there are, whatever is configured */
	int64_t began;                 /* microseconds */
	struct headers headers;
	size_t passed_over; /* bytes of a body that nobody needs */
	long header_room;   /* bytes for what the header of the reply can do without */
	struct caller caller;
	enum format format;
	struct run_options options;
	struct strvec remarks;
	unsigned code; /* HTTP status of the reply, once it is known; else 0 */
	const char *status;
	int exit;
	unsigned retry_after; /* seconds; 0: none */
	bool handed_over;     /* another thread carries it out, or did */
	bool soon;            /* it is no more than a short read that has to be waited for */
	bool called_later;    /* whoever makes the reply calls loops_call() then */
	bool accounted_for;   /* it is counted, and in the log, as a command */
	/* The loop's own: */
	int64_t awaited; /* since when; microseconds, 0: it was not yet */
	bool sleeps;     /* its connection */
	bool slept;      /* at any time */
	bool woken;      /* the reply, or a part of it, is there */
	unsigned once_code;
	unsigned tries;
	struct cache_fill *fill;
	struct request *next;         /* in a queue */
	struct request *next_resumed; /* of its loop */
};

/* Carry it out, or hand it over; true when the reply can be sent at once. */
bool request_run(struct request *request);
/* It failed: the reply says so. */
void request_fail(struct request *request, const struct adx_error *err);
void request_fail_as(struct request *request, unsigned code, enum adx_rc rc, const char *message,
		     const char *hint);
/* The call was carried out, or failed: write its outcome, and let the reply go. */
void request_done(struct request *request, enum adx_rc rc);
/* Of a reply that says no before there was a command to carry out: into the log, if asked for. */
void request_log_refusal(const struct request *request);
void request_hold(struct request *request);
void request_release(struct request *request);
/* Whoever was given it is done with it, after request_done() or the like. */
void request_let_go(struct request *request);
/* When its time is over, in milliseconds. */
int64_t request_deadline(const struct request *request);
/* Was it cancelled by whoever, the server perhaps, with its time over? */
bool request_overran(const struct request *request, enum adx_rc rc);
/* The failure that follows. */
enum adx_rc request_too_late(struct request *request);
/* Forget what a failed attempt did, before the next; false when part of the reply was sent. */
bool request_restart(struct request *request);
/* Who calls, or a failure: "no caller, no service". */
ADX_MUST_CHECK enum adx_rc request_identify(struct request *request, struct adx_error *err);

/* A connection's own things, made when it was accepted. */
struct peer {
	bool local; /* the unix socket */
	uid_t uid;
	bool certificate_read;
	char sha256[65]; /* of the client certificate that was verified, or "" */
	/* The token that came with the request before, and the table it was found in: held. */
	char bearer[96];
	const struct token *token;
	struct tokens *tokens;
	/* Of newcomers.c: */
	TAILQ_ENTRY(peer) newcomers;
	int fd;
	int64_t came; /* milliseconds */
	bool is_new;
};

struct peer *request_peer(const struct request *request);
void peer_free(struct peer *peer);

/* ---- newcomers.c: TLS connections without a request yet ---------------------------------- */

void newcomers_add(struct daemon *daemon, struct peer *peer, int fd);
/* A request came, or the connection ends. */
void newcomers_remove(struct daemon *daemon, struct peer *peer);
/* End those that have been there for too long. */
void newcomers_tick(struct daemon *daemon, int64_t now);

/* ---- reply.c ----------------------------------------------------------------------------- */

/* What kind of failure, as an HTTP status. */
unsigned reply_code(const struct adx_error *err);
unsigned reply_code_of_answer(const char *status);
enum MHD_Result reply_send(struct request *request);

/* ---- readers.c, writers.c: who carries out ----------------------------------------------- */

struct readers *readers_start(struct daemon *daemon, unsigned count, struct adx_error *err);
void readers_stop(struct readers *readers);
/* One statement that only reads; its answer comes soon, once readers_call() was called. */
void readers_add(struct readers *readers, struct request *request);
/* There is something to read, perhaps: for whoever added, when it has no more to add. */
void readers_call(struct readers *readers);
/* The same, for whoever says so often: it may wait for a moment. */
void readers_hint(struct readers *readers);
/* The same on another connection, for one that has a fill. */
enum adx_rc readers_run(struct request *request, struct db *db);
/* Cancel what runs beyond its time; see guard_tick(). */
void readers_tick(struct readers *readers, int64_t now);
/* The settings are others: connections that rest follow them, too. */
void readers_follow(struct readers *readers);

struct writers *writers_start(struct daemon *daemon, unsigned count, struct adx_error *err);
void writers_stop(struct writers *writers);
void writers_add(struct writers *writers, struct request *request);
/* The same. INT64_MAX: whatever runs. */
void writers_tick(struct writers *writers, int64_t now);
void writers_follow(struct writers *writers);

/* ---- house.c: tokens, and what is outdated ----------------------------------------------- */

struct house *house_start(struct daemon *daemon, struct adx_error *err);
void house_stop(struct house *house);
/* Tokens were made or revoked: do not wait for the next time. */
void house_hurry(struct house *house);
void house_tick(struct house *house, int64_t now);

/* ---- due.c: erasures whose time of grace is over ----------------------------------------- */

struct link;

struct due_state {
	int64_t next; /* look: milliseconds */
	bool failed;  /* the last look, and that was said */
};

/* Carry out what is due, each within the time of a request; not too often. */
void due_look(struct due_state *state, struct daemon *daemon, struct link *link);

/* ---- watch.c: an ear on the database ----------------------------------------------------- */

struct watch *watch_start(struct daemon *daemon, struct adx_error *err);
void watch_stop(struct watch *watch);
/* Take over new tokens. */
void daemon_set_tokens(struct daemon *daemon, struct tokens *tokens);

/* ---- once.c: Idempotency-Key ------------------------------------------------------------- */

/* Set request->options.hooks for a request that carries a key. */
ADX_MUST_CHECK enum adx_rc once_prepare(struct request *request, struct adx_error *err);

#endif
