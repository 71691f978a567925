/* What the imports of XEP-0227 and of users files share; nobody else includes it. */
#ifndef ADMINEX_IMPORT_PRIV_H
#define ADMINEX_IMPORT_PRIV_H

#include "base/buf.h"
#include "db/stmt.h"
#include "transfer/import.h"

struct import {
	struct db *db;
	const struct import_options *options;
	struct import_report *report;
	struct buf stages[PIE_KINDS];
	struct buf array;
};

/* Send rows by COPY and forget them; nothing to do when there are none. */
ADX_MUST_CHECK enum adx_rc import_copy(struct db *db, enum sql_id copy, struct buf *rows,
				       struct adx_error *err);
/* Name the first accounts that are there already, which `look` finds, and count them all. */
ADX_MUST_CHECK enum adx_rc import_name_existing(const struct import *im, enum sql_id look,
						int64_t *count, struct adx_error *err);
/* So many accounts exist, and --fail was given. */
enum adx_rc import_refuse_existing(int64_t count, struct adx_error *err);
/* Serve the hosts in table import_host. */
ADX_MUST_CHECK enum adx_rc import_add_hosts(struct import *im, struct adx_error *err);
/* The audit row. An import that changed nothing leaves no trace either. */
ADX_MUST_CHECK enum adx_rc import_record(const struct import *im, struct adx_error *err);

#endif
