/*
 * Reading users files, one account a row, as a stream:
 *
 *   CSV     RFC 4180. When the fields of the first record are out of user, host, password and
 *           created_at, each once and the first three there, it is a header and gives the
 *           order; otherwise that is user,host,password[,created_at].
 *   NDJSON  one object a line with those members, all strings; created_at may be null.
 *
 * A byte order mark and empty lines are skipped; lines end in LF or CR LF, the last one may have no
 * end. A row is one line, as no field may hold the end of one, of at most USERS_ROW_MAX bytes. A
 * bad row does not stop the others. Memory stays flat.
 *
 * The reader knows formats, JIDs and SASLprep, and nothing of a database. Everything in a row is
 * borrowed and gone when the call returns; what held a password is wiped.
 */
#ifndef ADMINEX_USERS_READER_H
#define ADMINEX_USERS_READER_H

#include <stddef.h>
#include <stdint.h>

#include "adminex/error.h"
#include "base/buf.h"

enum users_format { USERS_CSV, USERS_NDJSON };

enum { USERS_ROW_MAX = 64 * 1024 };

struct users_row {
	uint64_t line; /* where the row begins, from 1 */
	/*
	 * As written, but valid UTF-8 without control characters and not longer than a name can be.
	 * "" where it is not known: of a row without the right fields any word may be the password.
	 */
	const char *user, *host;
	const char *why; /* what is wrong with the row; NULL when it is good, and the rest is set */
	const char *local, *domain; /* prepared */
	const char *created_at;     /* YYYY-MM-DDThh:mm:ss[.f]Z, NULL when the row has none */
	const struct buf *password; /* prepared */
};

struct users_sink {
	void *ctx;
	/* Anything but ADX_OK stops the reading and is returned by it. */
	enum adx_rc (*row)(void *ctx, const struct users_row *row, struct adx_error *err);
	/* Bytes read so far and in all (0 when unknown). Called at least every 64 KiB. */
	enum adx_rc (*progress)(void *ctx, uint64_t done, uint64_t total, struct adx_error *err);
};

/*
 * Read a file, or "-" for standard input. ADX_EINVAL when the first record of a CSV file has two of
 * the names and is no header: its order would be anybody's guess.
 */
ADX_MUST_CHECK enum adx_rc users_read(const char *path, enum users_format format,
				      const struct users_sink *sink, struct adx_error *err);

/* The same from memory. For tests and fuzzing. */
ADX_MUST_CHECK enum adx_rc users_read_memory(const char *text, size_t len, enum users_format format,
					     const struct users_sink *sink, struct adx_error *err);

#endif
