#include "transfer/export.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "adminex/jid.h"
#include "base/buf.h"
#include "base/strvec.h"
#include "db/array.h"
#include "db/stmt.h"
#include "transfer/import.h"
#include "transfer/pie_writer.h"

enum {
	LEFT_OUT_NAMED_MAX = 20,
	SALT_MAX = 1024,
	KEY_MAX = 64,
};

enum { KIND, HOST, USERNAME, A, B, C, D, E, COLUMNS };

static const char *const COLUMN_NAMES[COLUMNS] = { "kind", "host", "username", "a",
						   "b",    "c",    "d",        "e" };

struct export
{
	struct out *out; /* NULL between sheets */
	const struct export_options *options;
	struct export_report *report;
	char host[JID_PART_MAX + 1], user[JID_PART_MAX + 1]; /* prepared */
	struct pie_writer *writer;
	struct rows *rows;
	int columns[COLUMNS];
	int64_t accounts;  /* in all */
	int64_t left_out;  /* in all */
	bool passing_over; /* what belongs to an account that was left out */
	struct strvec groups;
	unsigned char salt[SALT_MAX], stored_key[KEY_MAX], server_key[KEY_MAX];
};

/* ---- rows to records --------------------------------------------------------------------- */

/* "" for NULL. */
static const char *
get(const struct export *ex, int column)
{
	size_t len;
	const char *text = rows_text(ex->rows, ex->columns[column], &len);

	return text == NULL ? "" : text;
}

static bool
from_hex(const char *hex, unsigned char *out, size_t size, struct pie_bytes *bytes)
{
	bytes->data = out;
	return OPENSSL_hexstr2buf_ex(out, size, &bytes->len, hex, '\0') == 1;
}

static enum adx_rc
credential(struct export *ex, struct pie_record *r, struct adx_error *err)
{
	const char *mechanism = get(ex, A);

	if (mechanism[0] == '\0')
		return adx_fail(err, ADX_EINVAL,
				strcmp(get(ex, B), "true") == 0 ? "it is banned"
								: "it has no password");
	r->u.credential.mechanism = mechanism;
	if (strcmp(mechanism, "PLAIN") == 0) {
		r->u.credential.plain = get(ex, B);
		return ADX_OK;
	}
	r->u.credential.iterations = (int)strtol(get(ex, E), NULL, 10);
	if (!from_hex(get(ex, B), ex->salt, sizeof(ex->salt), &r->u.credential.salt) ||
	    !from_hex(get(ex, C), ex->stored_key, KEY_MAX, &r->u.credential.stored_key) ||
	    !from_hex(get(ex, D), ex->server_key, KEY_MAX, &r->u.credential.server_key))
		return adx_fail(err, ADX_EINVAL, "its keys are longer than they can be");
	return ADX_OK;
}

/* Nobody can be in a group without a name. */
static enum adx_rc
read_groups(struct export *ex, const char *array, struct adx_error *err)
{
	strvec_free(&ex->groups);
	ex->groups = (struct strvec)STRVEC_INIT;
	array_read(array, &ex->groups);
	return strvec_ok(&ex->groups) ? ADX_OK : adx_nomem(err);
}

/*
 * A contact has one pending request of its own in the format, and what the contact asks for is a
 * presence. S and U are what older servers wrote for a request to subscribe and to unsubscribe; the
 * latter has no place there.
 */
static enum adx_rc
contact(struct export *ex, struct pie_record *r, struct adx_error *err)
{
	const char *groups = get(ex, E);

	r->u.contact.jid = get(ex, A);
	r->u.contact.nick = get(ex, B);
	r->u.contact.subscription = get(ex, C)[0];
	r->u.contact.ask = strchr("OBS", get(ex, D)[0]) != NULL ? 'O' : 'N';
	if (groups[0] != '\0' || ex->groups.count > 0) {
		enum adx_rc rc = read_groups(ex, groups, err);

		if (rc != ADX_OK)
			return rc;
	}
	r->u.contact.groups = (const char *const *)ex->groups.items;
	r->u.contact.group_count = ex->groups.count;
	return ADX_OK;
}

static enum adx_rc
fill(struct export *ex, struct pie_record *r, struct adx_error *err)
{
	switch (r->kind) {
	case PIE_CREDENTIAL: return credential(ex, r, err);
	case PIE_CONTACT: return contact(ex, r, err);
	case PIE_REQUEST:
		r->u.request.jid = get(ex, A);
		r->u.request.message = get(ex, B);
		break;
	case PIE_VCARD:
	case PIE_PRIVATE:
		r->u.xml.xmlns = get(ex, A);
		r->u.xml.xml = get(ex, B);
		r->u.xml.len = strlen(r->u.xml.xml);
		break;
	case PIE_OFFLINE:
		r->u.offline.from = "";
		r->u.offline.xml = get(ex, B);
		r->u.offline.len = strlen(r->u.offline.xml);
		r->u.offline.stamp = get(ex, C);
		break;
	case PIE_LAST:
		r->u.last.status = get(ex, B);
		r->u.last.at = get(ex, C);
		r->u.last.seconds_ago = strtoll(get(ex, D), NULL, 10);
		break;
	case PIE_BAN:
		r->u.ban.reason = get(ex, B);
		r->u.ban.at = get(ex, C);
		r->u.ban.by = ex->options->hides_operators ? "" : get(ex, D);
		break;
	case PIE_CREATED: r->u.created.at = get(ex, C); break;
	default: break;
	}
	return ADX_OK;
}

/* ---- records to the document ------------------------------------------------------------- */

/* What a remark calls one of a kind. */
static const char *
singular(enum pie_kind kind)
{
	static const char *const names[PIE_KINDS] = {
		[PIE_HOST] = "host",
		[PIE_ACCOUNT] = "account",
		[PIE_CREDENTIAL] = "credential",
		[PIE_CONTACT] = "roster item",
		[PIE_REQUEST] = "pending request",
		[PIE_VCARD] = "vCard",
		[PIE_PRIVATE] = "private element",
		[PIE_OFFLINE] = "offline message",
		[PIE_LAST] = "last activity",
		[PIE_BAN] = "ban",
		[PIE_CREATED] = "creation date",
	};

	return names[kind];
}

static void remark(const struct export *ex, const char *fmt, ...) ADX_PRINTF(2, 3);

static void
remark(const struct export *ex, const char *fmt, ...)
{
	char text[JID_FULL_MAX + sizeof(((struct adx_error *)NULL)->message) + 64];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ex->options->remark(ex->options->ctx, text);
}

static void
leave_out(struct export *ex, const struct pie_record *r, const char *why)
{
	ex->report->left_out[r->kind]++;
	if (++ex->left_out <= LEFT_OUT_NAMED_MAX)
		remark(ex, "%s of '%s@%s' left out: %s", singular(r->kind), r->user, r->host, why);
}

static enum adx_rc
check_out(const struct export *ex, struct adx_error *err)
{
	int errnum = ex->out == NULL ? 0 : out_error(ex->out);

	if (errnum == 0)
		return ADX_OK;
	return adx_fail_errno(err, ADX_EIO, errnum, "cannot write the document");
}

static enum adx_rc
begin_document(struct export *ex, struct adx_error *err)
{
	ex->writer = pie_writer_new(ex->out, ex->options->dialect);
	return ex->writer == NULL ? adx_nomem(err) : ADX_OK;
}

static enum adx_rc
end_document(struct export *ex, struct adx_error *err)
{
	enum adx_rc rc;

	if (ex->writer == NULL)
		return ADX_OK;
	rc = pie_writer_end(ex->writer, err);
	pie_writer_free(ex->writer);
	ex->writer = NULL;
	if (rc == ADX_OK) {
		out_flush(ex->out);
		rc = check_out(ex, err);
	}
	if (ex->options->sheets == NULL)
		return rc;
	ex->out = NULL;
	return rc == ADX_OK ? ex->options->sheets->end(ex->options->ctx, err) : rc;
}

/* The account on a sheet of its own. */
static enum adx_rc
next_sheet(struct export *ex, const struct pie_record *r, struct adx_error *err)
{
	const struct pie_record host = { .kind = PIE_HOST, .host = r->host, .user = "" };
	enum adx_rc rc = end_document(ex, err);

	if (rc == ADX_OK)
		rc = ex->options->sheets->begin(ex->options->ctx, r->user, r->host, &ex->out, err);
	if (rc == ADX_OK)
		rc = begin_document(ex, err);
	return rc == ADX_OK ? pie_writer_add(ex->writer, &host, err) : rc;
}

static enum adx_rc
write_record(struct export *ex, const struct pie_record *r, struct adx_error *err)
{
	if (ex->options->sheets != NULL && r->kind == PIE_HOST)
		return ADX_OK;
	if (ex->options->sheets != NULL && r->kind == PIE_ACCOUNT) {
		enum adx_rc rc = next_sheet(ex, r, err);

		if (rc != ADX_OK)
			return rc;
	}
	return pie_writer_add(ex->writer, r, err);
}

/*
 * A server would not make an account without a credential, and whoever asks first would get its
 * name, and with it what belongs to it: it gets one that no password belongs to.
 */
static enum adx_rc
lock_account(struct export *ex, struct pie_record *r, struct adx_error *why)
{
	struct adx_error err;
	enum adx_rc rc;

	if (++ex->report->locked <= LEFT_OUT_NAMED_MAX)
		remark(ex, "nobody will be able to log in as '%s@%s': %s", r->user, r->host,
		       why->message);
	r->u.credential.mechanism = NULL;
	rc = write_record(ex, r, &err);
	if (rc != ADX_OK)
		*why = err;
	return rc;
}

/* The record of the row that came, counted. ADX_EINVAL: it was left out. */
static enum adx_rc
take_row(struct export *ex, struct pie_record *r, struct adx_error *err)
{
	enum adx_rc rc = fill(ex, r, err);

	if (rc == ADX_OK)
		rc = write_record(ex, r, err);
	if (rc == ADX_EINVAL && r->kind == PIE_CREDENTIAL && ex->options->dialect != NULL)
		return lock_account(ex, r, err);
	if (rc == ADX_OK)
		ex->report->written[r->kind]++;
	return rc;
}

static enum adx_rc
write_row(struct export *ex, struct adx_error *err)
{
	struct pie_record r = { .kind = (enum pie_kind)strtol(get(ex, KIND), NULL, 10),
				.host = get(ex, HOST),
				.user = get(ex, USERNAME) };
	struct adx_error why;
	enum adx_rc rc;

	if (ex->options->provided_only && (r.kind == PIE_BAN || r.kind == PIE_OFFLINE))
		return ADX_OK;
	if (r.kind <= PIE_ACCOUNT)
		ex->passing_over = false;
	if (ex->passing_over) {
		ex->report->left_out[r.kind]++;
		return ADX_OK;
	}
	rc = take_row(ex, &r, &why);
	if (rc == ADX_EINVAL) {
		leave_out(ex, &r, why.message);
		ex->passing_over = r.kind == PIE_ACCOUNT;
		return ADX_OK;
	}
	if (rc != ADX_OK)
		*err = why;
	else if (r.kind == PIE_ACCOUNT)
		ex->options->progress(ex->options->ctx, ex->report->written[PIE_ACCOUNT],
				      ex->accounts);
	return rc;
}

static enum adx_rc
write_rows(struct export *ex, struct adx_error *err)
{
	bool has;
	enum adx_rc rc = rows_next(ex->rows, &has, err);

	for (int i = 0; i < COLUMNS; i++)
		ex->columns[i] = rows_column(ex->rows, COLUMN_NAMES[i]);
	while (rc == ADX_OK && has) {
		rc = write_row(ex, err);
		if (rc == ADX_OK)
			rc = check_out(ex, err);
		if (rc == ADX_OK)
			rc = rows_next(ex->rows, &has, err);
	}
	return rc;
}

static enum adx_rc
write_document(struct export *ex, struct db *db, struct adx_error *err)
{
	const struct export_options *o = ex->options;
	enum adx_rc rc =
		stmt_open(db, SQL_EXPORT_RECORDS,
			  PARAMS(o->host == NULL ? NULL : ex->host,
				 o->user == NULL ? NULL : ex->user, o->dates ? "true" : "false",
				 o->dialect == NULL ? NULL : o->dialect->mechanism),
			  &ex->rows, err);

	if (rc != ADX_OK)
		return rc;
	if (o->sheets == NULL)
		rc = begin_document(ex, err);
	if (rc == ADX_OK)
		rc = write_rows(ex, err);
	if (rc == ADX_OK)
		rc = end_document(ex, err);
	pie_writer_free(ex->writer);
	rows_close(ex->rows);
	return rc;
}

/* ---- the whole --------------------------------------------------------------------------- */

static enum adx_rc
does_not_exist(const struct export_options *o, struct adx_error *err)
{
	if (o->user != NULL)
		return adx_fail(err, ADX_EFAIL, "User %s@%s does not exist", o->user, o->host);
	return adx_fail(err, ADX_EFAIL, "Host %s does not exist", o->host);
}

/* What is no part of a JID cannot exist. */
static bool
prepare(struct export *ex)
{
	const struct export_options *o = ex->options;
	struct adx_error why;

	return (o->host == NULL ||
		jid_prep_domain(o->host, strlen(o->host), ex->host, &why) == ADX_OK) &&
	       (o->user == NULL ||
		jid_prep_local(o->user, strlen(o->user), ex->user, &why) == ADX_OK);
}

static enum adx_rc
look_at_scope(struct export *ex, struct db *db, bool *exists, struct adx_error *err)
{
	const struct export_options *o = ex->options;
	struct rows *rows;
	enum adx_rc rc;

	*exists = false;
	if (!prepare(ex))
		return ADX_OK;
	rc = stmt_one(db, SQL_EXPORT_SCOPE,
		      PARAMS(o->host == NULL ? NULL : ex->host, o->user == NULL ? NULL : ex->user),
		      &rows, err);
	if (rc != ADX_OK)
		return rc;
	ex->accounts = rows_get_int64(rows, "accounts");
	*exists = o->user != NULL ? ex->accounts > 0 : rows_get_bool(rows, "has_host");
	rows_close(rows);
	return ADX_OK;
}

static enum adx_rc
write_existing(struct export *ex, struct db *db, struct adx_error *err)
{
	bool exists;
	enum adx_rc rc = look_at_scope(ex, db, &exists, err);

	if (rc == ADX_OK && !exists)
		return does_not_exist(ex->options, err);
	if (rc == ADX_OK)
		rc = stmt_exec(db, SQL_EXPORT_SETTLE, NO_PARAMS, err);
	if (rc == ADX_OK)
		rc = write_document(ex, db, err);
	if (rc == ADX_OK && ex->left_out > LEFT_OUT_NAMED_MAX)
		remark(ex, "%" PRId64 " more left out", ex->left_out - LEFT_OUT_NAMED_MAX);
	if (rc == ADX_OK && ex->report->locked > LEFT_OUT_NAMED_MAX)
		remark(ex, "nor as %" PRId64 " others", ex->report->locked - LEFT_OUT_NAMED_MAX);
	return rc;
}

enum adx_rc
export_exists(struct db *db, const struct export_options *options, bool *exists,
	      struct adx_error *err)
{
	struct export ex = { .options = options };

	return look_at_scope(&ex, db, exists, err);
}

enum adx_rc
export_in_snapshot(struct db *db, struct out *out, const struct export_options *options,
		   struct export_report *report, struct adx_error *err)
{
	struct export ex = { .out = out, .options = options, .report = report };
	enum adx_rc rc;

	*report = (struct export_report){ .locked = 0 };
	rc = write_existing(&ex, db, err);
	strvec_free(&ex.groups);
	OPENSSL_cleanse(&ex, sizeof(ex));
	return rc;
}

enum adx_rc
export_run(struct db *db, struct out *out, const struct export_options *options,
	   struct export_report *report, struct adx_error *err)
{
	enum adx_rc rc;

	db_begin(db, DB_SNAPSHOT);
	rc = export_in_snapshot(db, out, options, report, err);
	db_rollback(db);
	return rc;
}
