/* The sockets that the daemon listens on, and who accepts on them. */
#ifndef ADMINEX_SOCKETS_H
#define ADMINEX_SOCKETS_H

#include "daemon/daemon_priv.h"

enum { UNIX_SOCKET, TCP_SOCKET };

/* A socket file of mode 0660; group "": the daemon's own. */
ADX_MUST_CHECK enum adx_rc sockets_listen_unix(struct daemon *daemon, const char *path,
					       const char *group, struct adx_error *err);
/* ADDRESS:PORT, or [ADDRESS]:PORT for IPv6. */
ADX_MUST_CHECK enum adx_rc sockets_listen_tcp(struct daemon *daemon, const char *text,
					      struct adx_error *err);

/*
 * acceptor.c: a thread that accepts. Those that speak HTTP would all wait for the same socket, and
 * the one that wakes first would take most connections, so that one processor did all the work.
 * Dealt out, connections are spread.
 */
ADX_MUST_CHECK enum adx_rc acceptor_start(struct daemon *daemon, struct adx_error *err);
void acceptor_stop(struct daemon *daemon);

#endif
