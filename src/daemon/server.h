/* HTTP: listening, and what libmicrohttpd calls for each connection and request. */
#ifndef ADMINEX_SERVER_H
#define ADMINEX_SERVER_H

#include "daemon/daemon_priv.h"

/* request.c, for server.c. NULL when out of memory. */
struct request *request_new(struct loop *loop, struct MHD_Connection *connection);
void request_free_spares(struct daemon *daemon);
/*
 * The connection is to wait; whoever is given the request then lets it go, once. False, and the
 * reply says why, when nobody is there any more to be given it.
 */
ADX_MUST_CHECK bool request_give_away(struct request *request);

/* The settings and the tokens as they are now, held. No tokens, NULL, before they were read. */
void daemon_in_force(struct daemon *daemon, struct settings **settings, struct tokens **tokens);

ADX_MUST_CHECK enum adx_rc server_start(struct daemon *daemon, struct adx_error *err);
/* No new connections, and no further request on those there are. */
void server_quiesce(struct daemon *daemon);
void server_stop(struct daemon *daemon);
/* For run_options.reload. */
enum adx_rc server_reload(void *ctx, struct adx_error *err);

#endif
