#include "transfer/import_users.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "adminex/jid.h"
#include "base/scram.h"
#include "base/stamp.h"
#include "base/workers.h"
#include "transfer/copy_binary.h"
#include "transfer/import_priv.h"
#include "transfer/tombstones.h"

enum {
	STAGE_BYTES = 256 * 1024,   /* bad rows are sent by COPY when this much has gathered */
	BATCH_MAX = 256,            /* rows that wait for their keys */
	BATCH_ITERATIONS = 1 << 20, /* about half a second: who interrupts waits for a batch */
};

/* A good row on its way from the password to the keys. */
struct job {
	uint64_t line;
	char local[JID_PART_MAX + 1], domain[JID_PART_MAX + 1];
	char created_at[STAMP_SIZE];
	struct buf user, host; /* as written, or empty where that is the same */
	struct buf password;
	struct scram keys;
	bool hashed;
};

struct users_import {
	struct import all;
	const struct import_users *users;
	struct import_users_report *report;
	struct workers *workers;
	struct job *jobs;
	size_t count, most; /* jobs that wait, and how many may */
	int64_t read;
	uint64_t done, total; /* bytes */
	struct buf good, bad; /* rows for COPY */
};

/* ---- stages ------------------------------------------------------------------------------ */

static enum adx_rc
send_rows(struct users_import *im, enum sql_id copy, struct buf *rows, struct adx_error *err)
{
	if (rows->len > 0)
		binary_end(rows);
	return import_copy(im->all.db, copy, rows, err);
}

static void
add_row(struct buf *copy, int16_t fields, uint64_t line)
{
	if (copy->len == 0)
		binary_begin(copy);
	binary_row(copy, fields);
	binary_int64(copy, (int64_t)line);
}

static enum adx_rc
add_bad(struct users_import *im, const struct users_row *row, struct adx_error *err)
{
	add_row(&im->bad, 4, row->line);
	binary_text(&im->bad, row->user);
	binary_text(&im->bad, row->host);
	binary_text(&im->bad, row->why);
	im->report->bad++;
	return im->bad.len > STAGE_BYTES ? send_rows(im, SQL_IMPORT_USERS_COPY_BAD, &im->bad, err)
					 : ADX_OK;
}

static const char *
text_or_null(const char *text)
{
	return text[0] == '\0' ? NULL : text;
}

static void
add_good(struct users_import *im, const struct job *job)
{
	struct buf *copy = &im->good;

	add_row(copy, 11, job->line);
	binary_text(copy, job->domain);
	binary_text(copy, job->local);
	binary_text(copy, text_or_null(buf_text(&job->host)));
	binary_text(copy, text_or_null(buf_text(&job->user)));
	binary_text(copy, text_or_null(job->created_at));
	binary_text(copy, im->users->mechanism);
	binary_int32(copy, im->users->iterations);
	binary_bytes(copy, job->keys.salt, SCRAM_SALT_SIZE);
	binary_bytes(copy, job->keys.stored_key, job->keys.key_len);
	binary_bytes(copy, job->keys.server_key, job->keys.key_len);
}

/* ---- passwords --------------------------------------------------------------------------- */

/* On any thread: touches nothing but its job. */
static void
hash(void *ctx, size_t i)
{
	struct users_import *im = ctx;
	struct job *job = &im->jobs[i];
	struct adx_error why;

	job->hashed = scram_make_prepared(im->users->mechanism, im->users->iterations,
					  &job->password, &job->keys, &why) == ADX_OK;
	buf_wipe(&job->password);
}

static enum adx_rc
tell_progress(const struct users_import *im, struct adx_error *err)
{
	const struct import_options *options = im->all.options;

	if (db_interrupted(im->all.db))
		return adx_fail(err, ADX_EINTR, "interrupted: nothing was changed");
	options->progress(options->ctx, im->read, im->done, im->total);
	return ADX_OK;
}

/* Sent at once, as keys take long: a server may end a session that idles in a transaction. */
static enum adx_rc
hash_batch(struct users_import *im, struct adx_error *err)
{
	size_t count = im->count;
	enum adx_rc rc;

	im->count = 0;
	workers_run(im->workers, count, hash, im);
	for (size_t i = 0; i < count; i++) {
		if (!im->jobs[i].hashed)
			return adx_fail(err, ADX_EFAIL,
					"the crypto library could not derive a key");
		add_good(im, &im->jobs[i]);
	}
	im->read += (int64_t)count;
	rc = send_rows(im, SQL_IMPORT_USERS_COPY_USER, &im->good, err);
	return rc == ADX_OK ? tell_progress(im, err) : rc;
}

static void
keep_written(struct buf *out, const char *written, const char *prepared)
{
	buf_clear(out);
	if (strcmp(written, prepared) != 0)
		buf_add_text(out, written);
}

static enum adx_rc
on_row(void *ctx, const struct users_row *row, struct adx_error *err)
{
	struct users_import *im = ctx;
	struct job *job = &im->jobs[im->count];

	if (row->why != NULL)
		return add_bad(im, row, err);
	job->line = row->line;
	snprintf(job->local, sizeof(job->local), "%s", row->local);
	snprintf(job->domain, sizeof(job->domain), "%s", row->domain);
	snprintf(job->created_at, sizeof(job->created_at), "%s",
		 row->created_at == NULL ? "" : row->created_at);
	keep_written(&job->user, row->user, row->local);
	keep_written(&job->host, row->host, row->domain);
	buf_add(&job->password, row->password->data, row->password->len);
	if (!buf_ok(&job->user) || !buf_ok(&job->host) || !buf_ok(&job->password))
		return adx_nomem(err);
	return ++im->count == im->most ? hash_batch(im, err) : ADX_OK;
}

static enum adx_rc
on_progress(void *ctx, uint64_t done, uint64_t total, struct adx_error *err)
{
	struct users_import *im = ctx;

	im->done = done;
	im->total = total;
	return tell_progress(im, err);
}

/* ---- from the file into the stages ------------------------------------------------------- */

static enum adx_rc
make_stages(struct users_import *im, struct adx_error *err)
{
	static const enum sql_id STAGES[] = { SQL_IMPORT_STAGE_NEW, SQL_IMPORT_STAGE_HOST,
					      SQL_IMPORT_USERS_STAGE_USER,
					      SQL_IMPORT_USERS_STAGE_BAD };
	enum adx_rc rc = ADX_OK;

	for (size_t i = 0; i < sizeof(STAGES) / sizeof(STAGES[0]) && rc == ADX_OK; i++)
		rc = stmt_exec(im->all.db, STAGES[i], NO_PARAMS, err);
	return rc;
}

static enum adx_rc
begin(struct users_import *im, struct adx_error *err)
{
	size_t most = (size_t)(BATCH_ITERATIONS / im->users->iterations);

	im->workers = workers_new(workers_wanted());
	if (im->workers == NULL)
		return adx_nomem(err);
	if (most < workers_count(im->workers))
		most = workers_count(im->workers);
	im->most = most < BATCH_MAX ? most : BATCH_MAX;
	im->jobs = calloc(im->most, sizeof(*im->jobs));
	return im->jobs == NULL ? adx_nomem(err) : make_stages(im, err);
}

static enum adx_rc
fill_stages(struct users_import *im, const char *path, struct adx_error *err)
{
	struct users_sink sink = { im, on_row, on_progress };
	enum adx_rc rc = users_read(path, im->users->format, &sink, err);

	if (rc == ADX_OK)
		rc = hash_batch(im, err);
	if (rc == ADX_OK)
		rc = send_rows(im, SQL_IMPORT_USERS_COPY_BAD, &im->bad, err);
	return rc == ADX_OK ? stmt_exec(im->all.db, SQL_IMPORT_USERS_ANALYZE, NO_PARAMS, err) : rc;
}

/* ---- bad rows ---------------------------------------------------------------------------- */

/* Names that may not be registered yet. */
static enum adx_rc
part_erased(struct users_import *im, struct adx_error *err)
{
	struct tombstones found;
	int64_t erased = 0;
	enum adx_rc rc = tombstones_find(im->all.db, im->all.options->key_file,
					 SQL_IMPORT_USERS_ACCOUNTS, &found, err);

	if (rc == ADX_OK && found.count > 0)
		rc = stmt_change(im->all.db, SQL_IMPORT_USERS_PART_ERASED,
				 PARAMS(buf_text(&found.hosts), buf_text(&found.usernames),
					buf_text(&found.untils)),
				 &erased, err);
	im->report->bad += erased;
	tombstones_free(&found);
	return rc;
}

static enum adx_rc
part_repeated(struct users_import *im, struct adx_error *err)
{
	int64_t repeated;
	enum adx_rc rc =
		stmt_change(im->all.db, SQL_IMPORT_USERS_PART_REPEATED, NO_PARAMS, &repeated, err);

	if (rc == ADX_OK)
		im->report->bad += repeated;
	im->report->refused = im->users->strict && im->report->bad > 0;
	return rc;
}

static enum adx_rc
tell_bad_rows(struct users_import *im, struct adx_error *err)
{
	struct rows *rows;
	bool has;
	enum adx_rc rc;

	if (im->report->bad == 0)
		return ADX_OK;
	rc = stmt_open(im->all.db, SQL_IMPORT_USERS_BAD, NO_PARAMS, &rows, err);
	if (rc != ADX_OK)
		return rc;
	while ((rc = rows_next(rows, &has, err)) == ADX_OK && has) {
		struct import_bad_row row = { rows_get(rows, "line"), rows_get(rows, "username"),
					      rows_get(rows, "host"), rows_get(rows, "why") };

		rc = im->users->bad_row(im->all.options->ctx, &row, err);
		if (rc != ADX_OK)
			break;
	}
	rows_close(rows);
	return rc;
}

/* ---- merging ----------------------------------------------------------------------------- */

static enum adx_rc
replace(struct users_import *im, struct adx_error *err)
{
	int64_t locked;
	enum adx_rc rc = stmt_int64(im->all.db, SQL_IMPORT_USERS_LOCK, NO_PARAMS, &locked, err);

	return rc == ADX_OK ? stmt_int64(im->all.db, SQL_IMPORT_USERS_REPLACE, NO_PARAMS,
					 &im->report->replaced, err)
			    : rc;
}

static enum adx_rc
treat_existing(struct users_import *im, struct adx_error *err)
{
	int64_t count;
	enum adx_rc rc = import_name_existing(&im->all, SQL_IMPORT_USERS_EXISTING, &count, err);

	if (rc != ADX_OK || count == 0 || im->all.options->existing == IMPORT_KEEP)
		return rc;
	return im->all.options->existing == IMPORT_REPLACE ? replace(im, err)
							   : import_refuse_existing(count, err);
}

static enum adx_rc
add_accounts(struct users_import *im, struct adx_error *err)
{
	struct import_users_report *report = im->report;
	int64_t good;
	enum adx_rc rc = stmt_int64(im->all.db, SQL_IMPORT_USERS_GOOD, NO_PARAMS, &good, err);

	if (rc == ADX_OK)
		rc = stmt_change(im->all.db, SQL_IMPORT_USERS_ADD_ACCOUNTS, NO_PARAMS,
				 &report->made, err);
	if (rc == ADX_OK)
		rc = stmt_exec(im->all.db, SQL_IMPORT_ANALYZE_NEW, NO_PARAMS, err);
	if (rc == ADX_OK)
		rc = stmt_exec(im->all.db, SQL_IMPORT_USERS_ADD_CREDENTIALS, NO_PARAMS, err);
	if (rc != ADX_OK)
		return rc;
	report->kept = good - report->made - report->replaced;
	report->all.written[PIE_ACCOUNT] = report->made + report->replaced;
	return ADX_OK;
}

static enum adx_rc
merge(struct users_import *im, struct adx_error *err)
{
	enum adx_rc rc = treat_existing(im, err);

	if (rc == ADX_OK)
		rc = stmt_exec(im->all.db, SQL_IMPORT_USERS_HOSTS, NO_PARAMS, err);
	if (rc == ADX_OK)
		rc = import_add_hosts(&im->all, err);
	if (rc == ADX_OK)
		rc = add_accounts(im, err);
	return rc == ADX_OK ? import_record(&im->all, err) : rc;
}

/* ---- the import -------------------------------------------------------------------------- */

static void
forget(struct users_import *im)
{
	workers_free(im->workers);
	for (size_t i = 0; im->jobs != NULL && i < im->most; i++) {
		buf_wipe(&im->jobs[i].password);
		buf_free(&im->jobs[i].user);
		buf_free(&im->jobs[i].host);
		OPENSSL_cleanse(&im->jobs[i].keys, sizeof(im->jobs[i].keys));
	}
	free(im->jobs);
	buf_wipe(&im->good);
	buf_free(&im->bad);
}

enum adx_rc
import_users_run(struct db *db, const char *path, const struct import_options *options,
		 const struct import_users *users, struct import_users_report *report,
		 struct adx_error *err)
{
	struct users_import im = { .all = { .db = db, .options = options, .report = &report->all },
				   .users = users,
				   .report = report };
	enum adx_rc rc;

	*report = (struct import_users_report){ .all.hosts_added = STRVEC_INIT };
	db_begin(db, DB_WRITE);
	rc = begin(&im, err);
	if (rc == ADX_OK)
		rc = fill_stages(&im, path, err);
	forget(&im);
	if (rc == ADX_OK)
		rc = part_erased(&im, err);
	if (rc == ADX_OK)
		rc = part_repeated(&im, err);
	if (rc == ADX_OK)
		rc = tell_bad_rows(&im, err);
	if (rc == ADX_OK && !report->refused)
		rc = merge(&im, err);
	if (rc == ADX_OK && !strvec_ok(&report->all.hosts_added))
		rc = adx_nomem(err);
	if (rc == ADX_OK && !options->dry_run && !report->refused)
		return db_commit(db, err);
	db_rollback(db);
	return rc;
}

void
import_users_report_free(struct import_users_report *report)
{
	import_report_free(&report->all);
}
