/*
 * Importing accounts: records of a reader go by COPY into temporary tables and are merged in one
 * transaction: all of them, or nothing. Memory stays flat.
 */
#ifndef ADMINEX_IMPORT_H
#define ADMINEX_IMPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "adminex/error.h"
#include "base/strvec.h"
#include "db/db.h"
#include "transfer/pie_reader.h"

/* What becomes of an account that is already there. */
enum import_existing { IMPORT_KEEP, IMPORT_REPLACE, IMPORT_FAIL };

struct import_options {
	enum import_existing existing;
	bool dry_run;
	const char *audit;    /* the audit record, as JSON */
	const char *key_file; /* of privacy.key_file, to know names that were erased; "": none */
	/* A remark beside the result, one line. Never NULL. */
	void (*remark)(void *ctx, const char *text);
	/* Told now and then; bytes_all is 0 when it is not known. Never NULL. */
	void (*progress)(void *ctx, int64_t accounts, uint64_t bytes, uint64_t bytes_all);
	void *ctx;
};

enum { IMPORT_NAMED_MAX = 200 };

struct import_report {
	int64_t read[PIE_KINDS]; /* of PIE_SKIPPED: how many things in all */
	int64_t written[PIE_KINDS];
	/* What was skipped and why, with how often; more than IMPORT_NAMED_MAX are only counted. */
	struct strvec skipped;
	int64_t times[IMPORT_NAMED_MAX];
	int64_t unnamed;
	struct strvec hosts_added;
};

/* "accounts", "roster items", ...; NULL for what is not reported by itself. */
const char *import_kind_name(enum pie_kind kind);

/* The report is valid whatever is returned; import_report_free() it. */
ADX_MUST_CHECK enum adx_rc import_run(struct db *db, const char *path,
				      const struct import_options *options,
				      struct import_report *report, struct adx_error *err);
void import_report_free(struct import_report *report);

#endif
