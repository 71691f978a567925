#include "submod/erasure_plan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/text.h"

enum { DIGEST_DIGITS = 8, DIGESTS = 2 * DIGEST_DIGITS };

bool
plan_row_erases(const struct plan_row *row)
{
	return strcmp(row->action, "delete") == 0 || strcmp(row->action, "anonymise") == 0;
}

/* ---- reading ----------------------------------------------------------------------------- */

static const char *
keep_text(struct call *call, const struct rows *rows, const char *column)
{
	const char *text = rows_get(rows, column);

	return arena_strndup(&call->arena, text == NULL ? "" : text,
			     text == NULL ? 0 : strlen(text));
}

static struct plan_row *
make_room(struct call *call, struct plan *plan)
{
	size_t cap = plan->cap == 0 ? 32 : 2 * plan->cap;
	struct plan_row *grown;

	if (plan->count < plan->cap)
		return &plan->rows[plan->count];
	grown = arena_alloc(&call->arena, cap * sizeof(*grown));
	if (grown == NULL)
		return NULL;
	if (plan->count > 0)
		memcpy(grown, plan->rows, plan->count * sizeof(*grown));
	plan->rows = grown;
	plan->cap = cap;
	return &plan->rows[plan->count];
}

static enum adx_rc
keep_row(struct call *call, const struct rows *rows, struct plan *plan, struct adx_error *err)
{
	struct plan_row *row = make_room(call, plan);

	if (row == NULL)
		return adx_nomem(err);
	*row = (struct plan_row){ .section = keep_text(call, rows, "section"),
				  .table = keep_text(call, rows, "table"),
				  .action = keep_text(call, rows, "action"),
				  .reason = keep_text(call, rows, "reason"),
				  .rows = rows_get_int64(rows, "rows"),
				  .done = -1 };
	if (row->section == NULL || row->table == NULL || row->action == NULL ||
	    row->reason == NULL)
		return adx_nomem(err);
	plan->count++;
	return ADX_OK;
}

enum adx_rc
plan_read(struct call *call, const char *jid, const char *registry, struct plan *out,
	  struct adx_error *err)
{
	struct rows *rows;
	bool has;
	enum adx_rc rc = stmt_open(call->db, SQL_GDPR_PLAN,
				   PARAMS(CALL_HOST(call), CALL_USER(call)), &rows, err);

	*out = (struct plan){ .jid = jid, .registry = registry };
	if (rc != ADX_OK)
		return rc;
	while ((rc = rows_next(rows, &has, err)) == ADX_OK && has) {
		rc = keep_row(call, rows, out, err);
		if (rc != ADX_OK)
			break;
	}
	rows_close(rows);
	return rc;
}

/* ---- counting ---------------------------------------------------------------------------- */

int64_t
plan_total(const struct plan *plan, const char *action)
{
	int64_t total = 0;

	for (size_t i = 0; i < plan->count; i++) {
		const struct plan_row *row = &plan->rows[i];

		if (action == NULL ? plan_row_erases(row) : strcmp(row->action, action) == 0)
			total += row->rows;
	}
	return total;
}

bool
plan_note(struct plan *plan, const char *section, int64_t rows)
{
	for (size_t i = 0; i < plan->count; i++) {
		if (strcmp(plan->rows[i].section, section) != 0)
			continue;
		plan->rows[i].done = rows;
		return true;
	}
	return false;
}

static void
add_moved(struct buf *out, const char *section, int64_t planned, int64_t now)
{
	buf_addf(out, "%s%s: planned %" PRId64 ", now %" PRId64, out->len > 0 ? "; " : "", section,
		 planned, now);
}

void
plan_add_broken(const struct plan *plan, struct buf *out)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct plan_row *row = &plan->rows[i];

		/* A section that is kept is not touched; one that was not done should have been. */
		if (row->done >= 0 ? row->done != row->rows : plan_row_erases(row))
			add_moved(out, row->section, row->rows, row->done < 0 ? 0 : row->done);
	}
}

void
plan_write(struct call *call, const struct plan *plan)
{
	struct writer *w = call->writer;

	w->ops->list_begin(w);
	for (size_t i = 0; i < plan->count; i++) {
		const struct plan_row *row = &plan->rows[i];
		char count[24];
		size_t len = (size_t)snprintf(count, sizeof(count), "%" PRId64, row->rows);
		struct cell cells[] = { { row->section, strlen(row->section) },
					{ row->table, strlen(row->table) },
					{ row->action, strlen(row->action) },
					{ count, len },
					{ row->reason, strlen(row->reason) } };

		w->ops->row(w, cells);
	}
}

/* ---- the token --------------------------------------------------------------------------- */

static enum adx_rc
add_digest(const struct buf *text, struct buf *out, struct adx_error *err)
{
	unsigned char digest[EVP_MAX_MD_SIZE];

	if (!buf_ok(text))
		return adx_nomem(err);
	if (EVP_Digest(buf_text(text), text->len, digest, NULL, EVP_sha256(), NULL) != 1)
		return adx_fail(err, ADX_EFAIL, "the crypto library could not make a digest");
	for (size_t i = 0; i < DIGEST_DIGITS / 2; i++)
		buf_addf(out, "%02x", digest[i]);
	return ADX_OK;
}

/* Texts with a NUL behind each. */
static void
add_part(struct buf *out, const char *text)
{
	buf_add(out, text, strlen(text) + 1);
}

static enum adx_rc
add_digests(const struct plan *plan, struct buf *out, struct adx_error *err)
{
	struct buf text = BUF_INIT;
	enum adx_rc rc;

	add_part(&text, plan->jid);
	rc = add_digest(&text, out, err);
	add_part(&text, plan->registry);
	for (size_t i = 0; i < plan->count; i++) {
		add_part(&text, plan->rows[i].section);
		add_part(&text, plan->rows[i].action);
	}
	if (rc == ADX_OK)
		rc = add_digest(&text, out, err);
	buf_free(&text);
	return rc;
}

enum adx_rc
plan_token(const struct plan *plan, struct buf *out, struct adx_error *err)
{
	enum adx_rc rc = add_digests(plan, out, err);

	for (size_t i = 0; i < plan->count; i++)
		buf_addf(out, "-%" PRId64, plan->rows[i].rows);
	return rc == ADX_OK && !buf_ok(out) ? adx_nomem(err) : rc;
}

/* The counts of a token; *same is false where they are not as many as the plan's rows. */
static void
compare_counts(const struct plan *plan, const char *counts, bool *same, struct buf *moved)
{
	size_t i = 0;

	for (; *counts == '-' && i < plan->count; i++) {
		size_t len = strcspn(++counts, "-");
		char digits[24];
		long long planned;

		*same = len > 0 && len < sizeof(digits) && counts[0] != '+' && counts[0] != '-';
		if (!*same)
			return;
		memcpy(digits, counts, len);
		digits[len] = '\0';
		*same = text_to_int64(digits, len, &planned);
		if (!*same)
			return;
		if (planned != plan->rows[i].rows)
			add_moved(moved, plan->rows[i].section, planned, plan->rows[i].rows);
		counts += len;
	}
	*same = *counts == '\0' && i == plan->count;
}

static bool
begins_as_token(const char *token)
{
	return strspn(token, "0123456789abcdef") == DIGESTS && token[DIGESTS] == '-';
}

enum adx_rc
plan_compare(const struct plan *plan, const char *token, enum plan_match *match, struct buf *moved,
	     struct adx_error *err)
{
	struct buf own = BUF_INIT;
	bool whole = true;
	enum adx_rc rc = add_digests(plan, &own, err);

	if (rc == ADX_OK && !buf_ok(&own))
		rc = adx_nomem(err);
	if (rc != ADX_OK || !begins_as_token(token)) {
		*match = PLAN_NO_TOKEN;
	} else if (memcmp(token, buf_text(&own), DIGEST_DIGITS) != 0) {
		*match = PLAN_OTHER;
	} else if (memcmp(token, buf_text(&own), DIGESTS) != 0) {
		*match = PLAN_MOVED;
		buf_add_text(moved, "the registry of personal data was changed");
	} else {
		compare_counts(plan, token + DIGESTS, &whole, moved);
		*match = !whole ? PLAN_NO_TOKEN : moved->len > 0 ? PLAN_MOVED : PLAN_SAME;
	}
	buf_free(&own);
	return rc == ADX_OK && !buf_ok(moved) ? adx_nomem(err) : rc;
}
