/* What every face needs: the configuration, the registered commands, a connection. */
#ifndef ADMINEX_SESSION_H
#define ADMINEX_SESSION_H

#include <stdbool.h>

#include "base/config.h"
#include "db/db.h"
#include "service/admin_extra.h"

struct session {
	struct config *config;
	struct admin_extra *service;
	struct db *db; /* NULL before session_connect() */
};

/* config_path NULL: the default file, when there is one. */
ADX_MUST_CHECK enum adx_rc session_open(struct session *session, const char *config_path,
					struct adx_error *err);
/*
 * dsn NULL: ADMINEX_DSN, else the configuration, else libpq's own environment. `many`: the same
 * statements will be run again and again.
 */
ADX_MUST_CHECK enum adx_rc session_connect(struct session *session, const char *dsn, bool many,
					   void (*warning)(void *ctx, const char *text),
					   struct adx_error *err);
void session_close(struct session *session);

/* The file that is read: the one given, else the default one where there is one, else NULL. */
const char *session_config_path(const char *given);
/* What comes before the configuration's connection string: the one given, ADMINEX_DSN, or NULL. */
const char *session_dsn_override(const char *given);

#endif
