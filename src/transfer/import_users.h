/*
 * Importing accounts from users files (CSV, NDJSON): as in import.h, but row by row, and a bad row
 * does not stop the others. Passwords become SCRAM keys here, on all processors.
 */
#ifndef ADMINEX_IMPORT_USERS_H
#define ADMINEX_IMPORT_USERS_H

#include "transfer/import.h"
#include "transfer/users_reader.h"

/* Any field but line may be "". */
struct import_bad_row {
	const char *line, *user, *host, *why;
};

struct import_users {
	enum users_format format;
	bool strict;           /* a bad row stops the import, when all are known */
	const char *mechanism; /* of new passwords */
	int iterations;
	/*
	 * A bad row, in the order of the file, before COMMIT. Gets the ctx of the import_options.
	 * Anything but ADX_OK stops the import.
	 */
	enum adx_rc (*bad_row)(void *ctx, const struct import_bad_row *row, struct adx_error *err);
};

struct import_users_report {
	struct import_report all; /* hosts_added */
	int64_t made, replaced;
	int64_t kept; /* existed, and were left untouched */
	int64_t bad;
	bool refused; /* strict, and there were bad rows: nothing was imported */
};

/*
 * With IMPORT_REPLACE an existing account gets the password, and the creation date where there is
 * one; the rest of it stays. The report is valid whatever is returned; import_users_report_free()
 * it.
 */
ADX_MUST_CHECK enum adx_rc import_users_run(struct db *db, const char *path,
					    const struct import_options *options,
					    const struct import_users *users,
					    struct import_users_report *report,
					    struct adx_error *err);
void import_users_report_free(struct import_users_report *report);

#endif
