/*
 * What the parts of the reader of users files share; nobody else includes it.
 *
 *   users_reader.c   files, and rows out: their fields are checked and prepared here
 *   users_source.c   bytes in, through a window of fixed size
 *   users_csv.c      records of CSV
 *   users_ndjson.c   objects of NDJSON
 */
#ifndef ADMINEX_USERS_PRIV_H
#define ADMINEX_USERS_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "adminex/error.h"
#include "base/buf.h"
#include "transfer/users_reader.h"

enum users_field { USERS_USER, USERS_HOST, USERS_PASSWORD, USERS_CREATED_AT, USERS_FIELDS };

extern const char *const users_field_names[USERS_FIELDS];

struct users {
	const struct users_sink *sink;
	struct adx_error *err;
	const char *name; /* what errors call the file */
	int fd;           /* -1: text */
	const char *text;
	size_t left;
	char *window;
	size_t from, to;              /* what is in the window and not yet behind us */
	bool ended;                   /* no more bytes will come into it */
	uint64_t line;                /* that the window begins in */
	uint64_t done, total, untold; /* bytes; untold: since progress was last called */
	/* The row being read. */
	struct buf fields[USERS_FIELDS];
	bool given[USERS_FIELDS];
	struct buf user, host; /* scratch: as they may be shown */
};

/* ---- bytes ------------------------------------------------------------------------------- */

/* Room for the window, and over the byte order mark. */
ADX_MUST_CHECK enum adx_rc users_open(struct users *u);
void users_close(struct users *u);

/* A line with its end, in the window until the next call: len 0 is the end of the file. */
struct users_line {
	const char *text;
	size_t len;
	bool whole; /* or only its beginning, as it is longer than USERS_ROW_MAX */
};

ADX_MUST_CHECK enum adx_rc users_peek(struct users *u, struct users_line *out);
/* Leave behind what was looked at. */
ADX_MUST_CHECK enum adx_rc users_advance(struct users *u, const struct users_line *line);
/* Leave the line behind that begins here, however long it is. */
ADX_MUST_CHECK enum adx_rc users_skip_line(struct users *u);

/* ---- rows -------------------------------------------------------------------------------- */

/* Call read(ctx, line) for each line of the file that is not too long for a row. */
ADX_MUST_CHECK enum adx_rc
users_lines(struct users *u, enum adx_rc (*read)(void *ctx, const struct users_line *line),
	    void *ctx);
/* False when the row has that field already. */
bool users_set(struct users *u, enum users_field field, const char *text, size_t len);
/* Check the fields of the row and hand it over, good or bad. */
ADX_MUST_CHECK enum adx_rc users_end_row(struct users *u);
/* Hand over a bad row. `shown`: its user and host are known to be just that. */
ADX_MUST_CHECK enum adx_rc users_bad_row(struct users *u, bool shown, const char *why);

ADX_MUST_CHECK enum adx_rc users_csv(struct users *u);
ADX_MUST_CHECK enum adx_rc users_ndjson(struct users *u);

#endif
