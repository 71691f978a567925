#include "transfer/import.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "adminex/jid.h"
#include "base/vcard.h"
#include "db/array.h"
#include "db/stmt.h"
#include "transfer/copy_binary.h"
#include "transfer/copy_row.h"
#include "transfer/import_priv.h"
#include "transfer/tombstones.h"

enum {
	STAGE_BYTES = 256 * 1024, /* sent by COPY when this much has gathered */
	KEY_BYTES_MAX = 2600,     /* what fits a B-tree entry: the schema's *_key_fits */
	XMLNS_BYTES_MAX = 1023,
	ACCOUNTS_NAMED_MAX = 20,
};

/* What each kind of record goes through: its stage, the COPY into it, the merge. */
static const struct kind {
	const char *name;
	enum sql_id stage, copy, merge;
} KINDS[PIE_KINDS] = {
	[PIE_HOST] = { "hosts", SQL_IMPORT_STAGE_HOST, SQL_IMPORT_COPY_HOST, SQL_IMPORT_ADD_HOSTS },
	[PIE_ACCOUNT] = { "accounts", SQL_IMPORT_STAGE_ACCOUNT, SQL_IMPORT_COPY_ACCOUNT,
			  SQL_IMPORT_ADD_ACCOUNTS },
	[PIE_CREDENTIAL] = { "credentials", SQL_IMPORT_STAGE_CREDENTIAL, SQL_IMPORT_COPY_CREDENTIAL,
			     SQL_IMPORT_ADD_CREDENTIALS },
	[PIE_CONTACT] = { "roster items", SQL_IMPORT_STAGE_CONTACT, SQL_IMPORT_COPY_CONTACT,
			  SQL_IMPORT_ADD_CONTACTS },
	[PIE_REQUEST] = { "pending requests", SQL_IMPORT_STAGE_REQUEST, SQL_IMPORT_COPY_REQUEST,
			  SQL_IMPORT_ADD_REQUESTS },
	[PIE_VCARD] = { "vCards", SQL_IMPORT_STAGE_VCARD, SQL_IMPORT_COPY_VCARD,
			SQL_IMPORT_ADD_VCARDS },
	[PIE_PRIVATE] = { "private elements", SQL_IMPORT_STAGE_PRIVATE, SQL_IMPORT_COPY_PRIVATE,
			  SQL_IMPORT_ADD_PRIVATE },
	[PIE_OFFLINE] = { "offline messages", SQL_IMPORT_STAGE_OFFLINE, SQL_IMPORT_COPY_OFFLINE,
			  SQL_IMPORT_ADD_OFFLINE },
	[PIE_LAST] = { "last activity", SQL_IMPORT_STAGE_LAST, SQL_IMPORT_COPY_LAST,
		       SQL_IMPORT_ADD_LAST },
	[PIE_BAN] = { "bans", SQL_IMPORT_STAGE_BAN, SQL_IMPORT_COPY_BAN, SQL_IMPORT_ADD_BANS },
	/* Without a name: it is part of the accounts, which are made with it. */
	[PIE_CREATED] = { NULL, SQL_IMPORT_STAGE_CREATED, SQL_IMPORT_COPY_CREATED },
};

const char *
import_kind_name(enum pie_kind kind)
{
	return KINDS[kind].name;
}

/* ---- what is skipped --------------------------------------------------------------------- */

static size_t
position(const struct strvec *list, const char *text)
{
	size_t i = 0;

	while (i < list->count && strcmp(list->items[i], text) != 0)
		i++;
	return i;
}

static void
count_skipped(struct import_report *report, const char *what, const char *why)
{
	char text[512];
	size_t at;

	report->read[PIE_SKIPPED]++;
	snprintf(text, sizeof(text), "%s: %s", what, why);
	at = position(&report->skipped, text);
	if (at == report->skipped.count && at < IMPORT_NAMED_MAX)
		strvec_add_text(&report->skipped, text);
	if (at < report->skipped.count)
		report->times[at]++;
	else
		report->unnamed++;
}

/* ---- reading into the stages ------------------------------------------------------------- */

enum adx_rc
import_copy(struct db *db, enum sql_id copy, struct buf *rows, struct adx_error *err)
{
	enum adx_rc rc;

	if (!buf_ok(rows))
		return adx_nomem(err);
	if (rows->len == 0)
		return ADX_OK;
	rc = db_copy_begin(db, copy, err);
	if (rc == ADX_OK)
		rc = db_copy_data(db, rows->data, rows->len, err);
	if (rc == ADX_OK)
		rc = db_copy_end(db, err);
	buf_clear(rows);
	return rc;
}

static enum adx_rc
flush(struct import *im, enum pie_kind kind, struct adx_error *err)
{
	struct buf *stage = &im->stages[kind];

	if (stage->len > 0 && kind == PIE_CREDENTIAL)
		binary_end(stage);
	return import_copy(im->db, KINDS[kind].copy, stage, err);
}

/* In binary: no error on the way may put a password into the server's log. */
static void
add_credential(struct buf *copy, const struct pie_record *r)
{
	bool plain = strcmp(r->u.credential.mechanism, "PLAIN") == 0;

	if (copy->len == 0)
		binary_begin(copy);
	binary_row(copy, 8);
	binary_text(copy, r->host);
	binary_text(copy, r->user);
	binary_text(copy, r->u.credential.mechanism);
	binary_text(copy, plain ? r->u.credential.plain : NULL);
	if (plain) {
		for (int i = 0; i < 4; i++)
			binary_bytes(copy, NULL, 0);
		return;
	}
	binary_int32(copy, r->u.credential.iterations);
	binary_bytes(copy, r->u.credential.salt.data, r->u.credential.salt.len);
	binary_bytes(copy, r->u.credential.stored_key.data, r->u.credential.stored_key.len);
	binary_bytes(copy, r->u.credential.server_key.data, r->u.credential.server_key.len);
}

static void
add_contact(struct import *im, struct buf *line, const struct pie_record *r)
{
	const char subscription[] = { r->u.contact.subscription, '\0' };
	const char ask[] = { r->u.contact.ask, '\0' };

	copy_text(line, r->u.contact.jid);
	copy_text(line, r->u.contact.nick);
	copy_text(line, subscription);
	copy_text(line, ask);
	buf_clear(&im->array);
	array_open(&im->array);
	for (size_t i = 0; i < r->u.contact.group_count; i++)
		array_add(&im->array, r->u.contact.groups[i]);
	array_close(&im->array);
	copy_text(line, buf_text(&im->array));
}

static enum adx_rc
add_vcard(struct buf *line, const struct pie_record *r, struct adx_error *err)
{
	struct strvec fields = STRVEC_INIT;
	enum adx_rc rc = vcard_search_fields(r->u.xml.xml, r->u.xml.len, &fields, err);

	copy_text(line, r->u.xml.xml);
	for (size_t i = 0; i < fields.count; i++)
		copy_text(line, fields.items[i]);
	strvec_free(&fields);
	return rc;
}

static void
copy_stamp(struct buf *line, const char *stamp)
{
	copy_text(line, stamp[0] == '\0' ? NULL : stamp);
}

static enum adx_rc
add_row(struct import *im, const struct pie_record *r, struct adx_error *err)
{
	struct buf *line = &im->stages[r->kind];
	enum adx_rc rc = ADX_OK;

	if (r->kind == PIE_CREDENTIAL) {
		add_credential(line, r);
		return ADX_OK;
	}
	copy_text(line, r->host);
	if (r->kind != PIE_HOST)
		copy_text(line, r->user);
	switch (r->kind) {
	case PIE_CONTACT: add_contact(im, line, r); break;
	case PIE_REQUEST:
		copy_text(line, r->u.request.jid);
		copy_text(line, r->u.request.message);
		break;
	case PIE_VCARD: rc = add_vcard(line, r, err); break;
	case PIE_PRIVATE:
		copy_text(line, r->u.xml.xmlns);
		copy_text(line, r->u.xml.xml);
		break;
	case PIE_OFFLINE:
		copy_text(line, r->u.offline.from);
		copy_stamp(line, r->u.offline.stamp);
		copy_text(line, r->u.offline.xml);
		break;
	case PIE_LAST:
		copy_int64(line, r->u.last.seconds_ago);
		copy_stamp(line, r->u.last.at);
		copy_text(line, r->u.last.status);
		break;
	case PIE_BAN:
		copy_stamp(line, r->u.ban.at);
		copy_text(line, r->u.ban.by);
		copy_text(line, r->u.ban.reason);
		break;
	case PIE_CREATED: copy_stamp(line, r->u.created.at); break;
	default: break;
	}
	copy_end(line);
	return rc;
}

/* What the schema's keys could not hold; NULL when it fits. */
static const char *
too_long(const struct pie_record *r)
{
	size_t account = strlen(r->host) + strlen(r->user);

	switch (r->kind) {
	case PIE_CONTACT:
		return account + strlen(r->u.contact.jid) > KEY_BYTES_MAX ? "roster item" : NULL;
	case PIE_REQUEST:
		return account + strlen(r->u.request.jid) > KEY_BYTES_MAX ? "request" : NULL;
	case PIE_PRIVATE:
		return strlen(r->u.xml.xmlns) > XMLNS_BYTES_MAX ||
				       account + strlen(r->u.xml.xmlns) > KEY_BYTES_MAX
			       ? "private element"
			       : NULL;
	default: return NULL;
	}
}

static enum adx_rc
on_record(void *ctx, const struct pie_record *r, struct adx_error *err)
{
	struct import *im = ctx;
	const char *over = too_long(r);
	enum adx_rc rc;

	if (r->kind == PIE_SKIPPED) {
		count_skipped(im->report, r->u.skipped.what, r->u.skipped.why);
		return ADX_OK;
	}
	if (over != NULL) {
		count_skipped(im->report, over, "its names are too long for a key");
		return ADX_OK;
	}
	im->report->read[r->kind]++;
	rc = add_row(im, r, err);
	if (rc == ADX_OK && im->stages[r->kind].len > STAGE_BYTES)
		rc = flush(im, r->kind, err);
	return rc;
}

static enum adx_rc
on_progress(void *ctx, uint64_t done, uint64_t total, struct adx_error *err)
{
	struct import *im = ctx;

	if (db_interrupted(im->db))
		return adx_fail(err, ADX_EINTR, "interrupted: nothing was changed");
	im->options->progress(im->options->ctx, im->report->read[PIE_ACCOUNT], done, total);
	return ADX_OK;
}

static enum adx_rc
make_stages(struct import *im, struct adx_error *err)
{
	enum adx_rc rc = stmt_exec(im->db, SQL_IMPORT_STAGE_NEW, NO_PARAMS, err);

	for (int kind = 0; kind < PIE_SKIPPED && rc == ADX_OK; kind++)
		rc = stmt_exec(im->db, KINDS[kind].stage, NO_PARAMS, err);
	return rc;
}

static enum adx_rc
fill_stages(struct import *im, const char *path, struct adx_error *err)
{
	struct pie_sink sink = { im, on_record, on_progress };
	enum adx_rc rc = pie_read(path, &sink, err);

	for (int kind = 0; kind < PIE_SKIPPED && rc == ADX_OK; kind++)
		rc = flush(im, (enum pie_kind)kind, err);
	return rc == ADX_OK ? stmt_exec(im->db, SQL_IMPORT_ANALYZE, NO_PARAMS, err) : rc;
}

/* ---- merging ----------------------------------------------------------------------------- */

static void remark(const struct import *im, const char *fmt, ...) ADX_PRINTF(2, 3);

static void
remark(const struct import *im, const char *fmt, ...)
{
	char text[JID_FULL_MAX + 128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	im->options->remark(im->options->ctx, text);
}

enum adx_rc
import_name_existing(const struct import *im, enum sql_id look, int64_t *count,
		     struct adx_error *err)
{
	static const char *const FATE[] = { "left untouched", "to be replaced",
					    "stops the import" };
	const char *fate = FATE[im->options->existing];
	bool replaces = im->options->existing == IMPORT_REPLACE;
	struct rows *rows;
	bool has;
	enum adx_rc rc = stmt_open(im->db, look, NO_PARAMS, &rows, err);

	*count = 0;
	if (rc != ADX_OK)
		return rc;
	while ((rc = rows_next(rows, &has, err)) == ADX_OK && has)
		if (++*count <= ACCOUNTS_NAMED_MAX)
			remark(im, "account '%s@%s' exists: %s", rows_get(rows, "username"),
			       rows_get(rows, "host"),
			       replaces && rows_get_bool(rows, "held") ? "held, so left untouched"
								       : fate);
	rows_close(rows);
	if (*count > ACCOUNTS_NAMED_MAX)
		remark(im, "%" PRId64 " more accounts exist: %s", *count - ACCOUNTS_NAMED_MAX,
		       fate);
	return rc;
}

/* The rest of what was read of them finds no account that was made, and is left. */
static enum adx_rc
name_erased(struct import *im, const struct tombstones *found, struct adx_error *err)
{
	struct rows *rows;
	bool has;
	int64_t count = 0;
	enum adx_rc rc = stmt_open(im->db, SQL_IMPORT_SKIP_ERASED,
				   PARAMS(buf_text(&found->hosts), buf_text(&found->usernames),
					  buf_text(&found->untils)),
				   &rows, err);

	if (rc != ADX_OK)
		return rc;
	while ((rc = rows_next(rows, &has, err)) == ADX_OK && has) {
		count_skipped(im->report, "account", "its name was erased");
		if (++count <= ACCOUNTS_NAMED_MAX)
			remark(im,
			       "account '%s@%s' was erased, its name is taken until %s: skipped",
			       rows_get(rows, "username"), rows_get(rows, "host"),
			       rows_get(rows, "until"));
	}
	rows_close(rows);
	if (count > ACCOUNTS_NAMED_MAX)
		remark(im, "%" PRId64 " more accounts were erased: skipped",
		       count - ACCOUNTS_NAMED_MAX);
	return rc;
}

static enum adx_rc
skip_erased(struct import *im, struct adx_error *err)
{
	struct tombstones found;
	enum adx_rc rc =
		tombstones_find(im->db, im->options->key_file, SQL_IMPORT_ACCOUNTS, &found, err);

	if (rc == ADX_OK && found.count > 0)
		rc = name_erased(im, &found, err);
	tombstones_free(&found);
	return rc;
}

static enum adx_rc
treat_existing(struct import *im, struct adx_error *err)
{
	int64_t count;
	enum adx_rc rc = import_name_existing(im, SQL_IMPORT_EXISTING, &count, err);

	if (rc != ADX_OK || count == 0 || im->options->existing == IMPORT_KEEP)
		return rc;
	if (im->options->existing == IMPORT_REPLACE)
		return stmt_change(im->db, SQL_IMPORT_EMPTY_EXISTING, NO_PARAMS,
				   &im->report->written[PIE_ACCOUNT], err);
	return import_refuse_existing(count, err);
}

enum adx_rc
import_refuse_existing(int64_t count, struct adx_error *err)
{
	adx_fail(err, ADX_EFAIL, "%" PRId64 " accounts exist already; nothing was imported", count);
	adx_hint(err, "leave --fail out to keep them, or say --replace");
	return ADX_EFAIL;
}

enum adx_rc
import_add_hosts(struct import *im, struct adx_error *err)
{
	struct rows *rows;
	int64_t missing;
	bool has;
	enum adx_rc rc = stmt_int64(im->db, SQL_IMPORT_MISSING_HOSTS, NO_PARAMS, &missing, err);

	/* An operator may import as long as no host is new. */
	if (rc == ADX_OK && missing == 0)
		return ADX_OK;
	if (rc == ADX_OK)
		rc = stmt_open(im->db, SQL_IMPORT_ADD_HOSTS, NO_PARAMS, &rows, err);
	if (rc != ADX_OK)
		return rc;
	while ((rc = rows_next(rows, &has, err)) == ADX_OK && has) {
		strvec_add_text(&im->report->hosts_added, rows_get(rows, "host"));
		im->report->written[PIE_HOST]++;
	}
	rows_close(rows);
	return rc;
}

static enum adx_rc
merge(struct import *im, struct adx_error *err)
{
	enum adx_rc rc = skip_erased(im, err);

	if (rc == ADX_OK)
		rc = treat_existing(im, err);
	if (rc == ADX_OK)
		rc = import_add_hosts(im, err);
	for (int kind = PIE_ACCOUNT; kind < PIE_SKIPPED && rc == ADX_OK; kind++) {
		int64_t written;

		if (KINDS[kind].name == NULL)
			continue;
		rc = stmt_change(im->db, KINDS[kind].merge, NO_PARAMS, &written, err);
		im->report->written[kind] += written;
		if (rc == ADX_OK && kind == PIE_ACCOUNT)
			rc = stmt_exec(im->db, SQL_IMPORT_ANALYZE_NEW, NO_PARAMS, err);
	}
	return rc;
}

enum adx_rc
import_record(const struct import *im, struct adx_error *err)
{
	const struct import_report *report = im->report;
	char rows[24];

	if (report->written[PIE_HOST] == 0 && report->written[PIE_ACCOUNT] == 0)
		return ADX_OK;
	snprintf(rows, sizeof(rows), "%" PRId64, report->written[PIE_ACCOUNT]);
	return stmt_exec(im->db, SQL_IMPORT_AUDIT, PARAMS(im->options->audit, rows), err);
}

static void
forget(struct import *im)
{
	for (int kind = 0; kind < PIE_KINDS; kind++)
		buf_wipe(&im->stages[kind]);
	buf_free(&im->array);
}

enum adx_rc
import_run(struct db *db, const char *path, const struct import_options *options,
	   struct import_report *report, struct adx_error *err)
{
	struct import im = { .db = db, .options = options, .report = report };
	enum adx_rc rc;

	*report = (struct import_report){ .skipped = STRVEC_INIT, .hosts_added = STRVEC_INIT };
	db_begin(db, DB_WRITE);
	rc = make_stages(&im, err);
	if (rc == ADX_OK)
		rc = fill_stages(&im, path, err);
	if (rc == ADX_OK)
		rc = merge(&im, err);
	if (rc == ADX_OK)
		rc = import_record(&im, err);
	forget(&im);
	if (rc == ADX_OK && (!strvec_ok(&report->skipped) || !strvec_ok(&report->hosts_added)))
		rc = adx_nomem(err);
	if (rc == ADX_OK && !options->dry_run)
		return db_commit(db, err);
	db_rollback(db);
	return rc;
}

void
import_report_free(struct import_report *report)
{
	strvec_free(&report->skipped);
	strvec_free(&report->hosts_added);
}
