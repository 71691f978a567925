/*
 * Exporting accounts as XEP-0227: one statement on one snapshot, row by row into a writer. Memory
 * stays flat.
 */
#ifndef ADMINEX_EXPORT_H
#define ADMINEX_EXPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "adminex/error.h"
#include "base/out.h"
#include "db/db.h"
#include "transfer/pie_dialect.h"
#include "transfer/pie_reader.h"

/* Where documents of one account each go to. */
struct export_sheets {
	/* The next one, to *out, which stays the callee's. ADX_EINVAL: this account cannot be. */
	enum adx_rc (*begin)(void *ctx, const char *user, const char *host, struct out **out,
			     struct adx_error *err);
	/* It is complete; called before the next one and after the last one. */
	enum adx_rc (*end)(void *ctx, struct adx_error *err);
};

struct export_options {
	const char *host;     /* as it was typed; NULL: all */
	const char *user;     /* as it was typed; NULL: all of the host, or of all hosts */
	bool dates;           /* also when accounts were made */
	bool hides_operators; /* not who banned an account */
	bool provided_only;   /* what the subject provided: no ban, no messages of others */
	const struct pie_dialect *dialect;  /* NULL: as XEP-0227 says */
	const struct export_sheets *sheets; /* NULL: one document */
	/* A remark beside the result, one line. Never NULL. */
	void (*remark)(void *ctx, const char *text);
	/* Told at each account, with how many there are in all. Never NULL. */
	void (*progress)(void *ctx, int64_t accounts, int64_t accounts_all);
	void *ctx;
};

struct export_report {
	int64_t written[PIE_KINDS];
	int64_t left_out[PIE_KINDS]; /* what XML cannot carry, or the server does not take */
	int64_t locked;              /* accounts with a credential that no password belongs to */
};

/*
 * Write the document to `out` (to the sheets, where there are any). ADX_EFAIL when the host or the
 * account does not exist; whatever fails, what came to `out` is no document. ADX_EIO with the errno
 * of `out` when it fails: the caller knows its name.
 */
ADX_MUST_CHECK enum adx_rc export_run(struct db *db, struct out *out,
				      const struct export_options *options,
				      struct export_report *report, struct adx_error *err);

/*
 * The same in two parts, within a DB_SNAPSHOT that the caller has begun: does what is asked for
 * exist, and the document. The second changes planner settings of the transaction.
 */
ADX_MUST_CHECK enum adx_rc export_exists(struct db *db, const struct export_options *options,
					 bool *exists, struct adx_error *err);
ADX_MUST_CHECK enum adx_rc export_in_snapshot(struct db *db, struct out *out,
					      const struct export_options *options,
					      struct export_report *report, struct adx_error *err);

#endif
