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
#include "transfer/pie_reader.h"

struct export_options {
	const char *host; /* as it was typed; NULL: all */
	const char *user; /* as it was typed; NULL: all of the host, or of all hosts */
	bool dates;       /* also when accounts were made */
	/* A remark beside the result, one line. Never NULL. */
	void (*remark)(void *ctx, const char *text);
	/* Told at each account, with how many there are in all. Never NULL. */
	void (*progress)(void *ctx, int64_t accounts, int64_t accounts_all);
	void *ctx;
};

struct export_report {
	int64_t written[PIE_KINDS];
	int64_t left_out[PIE_KINDS]; /* stored so that XML cannot carry it */
};

/*
 * Write the document to `out`. ADX_EFAIL when the host or the account does not exist; whatever
 * fails, what came to `out` is no document. ADX_EIO with the errno of `out` when it fails: the
 * caller knows its name.
 */
ADX_MUST_CHECK enum adx_rc export_run(struct db *db, struct out *out,
				      const struct export_options *options,
				      struct export_report *report, struct adx_error *err);

#endif
