/*
 * What a transaction drops, and how it is told: the payload of a notification on channel
 * adminex_cache,
 *
 *	{"from": "daemon", "drops": [["account", "example.org", "romeo"], ["host", "example.net"],
 *	 ["all"]]}
 *	{"from": "", "tokens": true}
 *
 * where from is empty for what is no daemon's, and tokens says that tokens were made or revoked.
 */
#ifndef ADMINEX_DROPS_H
#define ADMINEX_DROPS_H

#include <stdbool.h>
#include <stddef.h>

#include "db/db.h"

enum {
	/* More accounts of a host are the host, more hosts are everything. */
	DROPS_ACCOUNTS_MAX = 16,
	DROPS_HOSTS_MAX = 4,
	DROPS_MAX = DROPS_ACCOUNTS_MAX * DROPS_HOSTS_MAX,
	/* PostgreSQL takes payloads of less than 8,000 bytes. */
	DROPS_PAYLOAD_MAX = 7900,
};

/* Nothing is named twice, and nothing that a wider one covers. Zero-initialised it is empty. */
struct drops {
	struct db_drop items[DROPS_MAX];
	size_t count;
};

/*
 * A name that is NULL means all of them. Names are copied. Cannot fail: without memory, everything
 * is dropped.
 */
void drops_add(struct drops *drops, enum sql_scope scope, const char *host, const char *username);
/* What a statement drops, by its values. */
void drops_add_statement(struct drops *drops, const struct sql_statement *statement,
			 const char *const values[]);
void drops_clear(struct drops *drops);

/* The payload; where it would be too long, hosts stand for their accounts, or all for everything.
 */
void drops_payload(const struct drops *drops, const char *from, char out[DROPS_PAYLOAD_MAX + 1]);

/* What a payload says. */
struct told {
	struct drops drops;
	bool own;    /* the reader's own */
	bool tokens; /* tokens are to be read anew */
};

/*
 * Read a payload as the daemon own_id (NULL: no daemon). Whatever is not understood, or says
 * nothing at all, counts as everything, of somebody else, with tokens. End it with
 * drops_clear(&out->drops).
 */
void told_read(const char *payload, const char *own_id, struct told *out);

#endif
