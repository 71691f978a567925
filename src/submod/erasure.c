#include "submod/erasure.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <openssl/rand.h>

#include "base/journal.h"
#include "db/array.h"
#include "submod/params.h"
#include "submod/privacy_key.h"

enum { PSEUDONYM_DIGITS = 24 };

static const char PREFIX[] = "erased-";

/* ---- the journal ------------------------------------------------------------------------- */

/* In the call's arena, for the end of its transaction. */
struct ending {
	const char *path;
	struct journal_entry entry;
	bool begun; /* so much may be in the file */
	struct call_end end;
};

static enum adx_rc
write_begin(struct call *call, void *ctx, struct adx_error *err)
{
	struct ending *ending = ctx;
	enum adx_rc rc;

	(void)call;
	ending->begun = true;
	rc = journal_append(ending->path, JOURNAL_BEGIN, &ending->entry, err);
	if (rc != ADX_OK)
		adx_hint(err, "nothing was erased; see privacy.journal_file");
	return rc;
}

static enum adx_rc
write_end(struct call *call, void *ctx, bool committed, struct adx_error *err)
{
	struct ending *ending = ctx;
	enum journal_word word = committed ? JOURNAL_DONE : JOURNAL_UNDONE;
	struct adx_error why;
	enum adx_rc rc = journal_append(ending->path, word, &ending->entry, &why);

	if (rc == ADX_OK || !committed)
		return rc;
	adx_fail(err, rc, "%s: the erasure was carried out, but its end is not in the journal: %s",
		 call->command->name, why.message);
	adx_hint(err, "see to the file; 'gdpr_replay --doubtful' will take it for done");
	return rc;
}

static const char *const *
copy_hashes(struct call *call, const struct strvec *hashes)
{
	const char **copies = arena_alloc(&call->arena, (hashes->count + 1) * sizeof(*copies));

	for (size_t i = 0; i < hashes->count && copies != NULL; i++) {
		copies[i] = arena_strndup(&call->arena, hashes->items[i], strlen(hashes->items[i]));
		if (copies[i] == NULL)
			copies = NULL;
	}
	return copies;
}

/* From now on the end of the transaction is the journal's, too. */
static enum adx_rc
prepare_ending(struct erasure *e, const char *at, struct adx_error *err)
{
	struct call *call = e->call;
	struct ending *ending = arena_alloc(&call->arena, sizeof(*ending));
	char key_id[PSEUDONYM_HEX_LEN + 1];
	enum adx_rc rc = pseudonym_of(e->key, "", "", key_id, err);

	if (rc != ADX_OK || ending == NULL)
		return rc == ADX_OK ? adx_nomem(err) : rc;
	*ending = (struct ending){
		.path = call->config->privacy.journal_file,
		.entry = { .key_id = arena_strndup(&call->arena, key_id, strlen(key_id)),
			   .at = arena_strndup(&call->arena, at, strlen(at)),
			   .hashes = copy_hashes(call, &e->journaled),
			   .count = e->journaled.count },
		.end = { write_begin, write_end, ending },
	};
	if (ending->entry.key_id == NULL || ending->entry.at == NULL ||
	    ending->entry.hashes == NULL)
		return adx_nomem(err);
	call->end = &ending->end;
	return ADX_OK;
}

/* ---- who ---------------------------------------------------------------------------------- */

static enum adx_rc
check_settings(const struct config_privacy *privacy, struct adx_error *err)
{
	if (privacy->key_file[0] != '\0' || privacy->journal_file[0] == '\0')
		return ADX_OK;
	adx_fail(err, ADX_EINVAL,
		 "setting 'privacy.journal_file' needs 'privacy.key_file': the "
		 "journal names subjects by their keyed hash");
	adx_hint(err,
		 "name a file there, which is made when it is missing, or take the journal out");
	return ADX_EINVAL;
}

enum adx_rc
erasure_begin(struct call *call, struct erasure *out, struct adx_error *err)
{
	enum adx_rc rc = check_settings(&call->config->privacy, err);

	*out = (struct erasure){ .call = call };
	array_open(&out->hosts);
	array_open(&out->usernames);
	array_open(&out->pseudonyms);
	array_open(&out->accounts);
	array_open(&out->hashes);
	return rc == ADX_OK ? privacy_key_open(call, &out->key, err) : rc;
}

void
erasure_free(struct erasure *e)
{
	pseudonym_close(e->key);
	buf_free(&e->hosts);
	buf_free(&e->usernames);
	buf_free(&e->pseudonyms);
	buf_free(&e->accounts);
	buf_free(&e->hashes);
	strvec_free(&e->journaled);
}

void
erasure_remark(const struct call *call)
{
	if (call->config->privacy.key_file[0] == '\0')
		call_remark(call, "setting 'privacy.key_file' is not set: no tombstone keeps the "
				  "name from being registered again, and no journal is written");
}

static enum adx_rc
draw(char digits[PSEUDONYM_HEX_LEN + 1], struct adx_error *err)
{
	unsigned char random[PSEUDONYM_DIGITS / 2];

	if (RAND_bytes(random, sizeof(random)) != 1)
		return adx_fail(err, ADX_EFAIL, "the crypto library gives no random bytes");
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(digits + 2 * i, 3, "%02x", random[i]);
	return ADX_OK;
}

/* The whole hash, or with no key enough digits for a name. */
static enum adx_rc
make_digits(struct erasure *e, const char *host, const char *username,
	    char digits[PSEUDONYM_HEX_LEN + 1], struct adx_error *err)
{
	return e->key == NULL ? draw(digits, err)
			      : pseudonym_of(e->key, host, username, digits, err);
}

static void
name_after(const char *digits, char out[sizeof(PREFIX) + PSEUDONYM_DIGITS])
{
	snprintf(out, sizeof(PREFIX) + PSEUDONYM_DIGITS, "%s%.*s", PREFIX, PSEUDONYM_DIGITS,
		 digits);
}

enum adx_rc
erasure_pseudonym(struct erasure *e, const char *host, const char *username, const char **out,
		  struct adx_error *err)
{
	char digits[PSEUDONYM_HEX_LEN + 1], name[sizeof(PREFIX) + PSEUDONYM_DIGITS];
	enum adx_rc rc = make_digits(e, host, username, digits, err);

	if (rc != ADX_OK)
		return rc;
	name_after(digits, name);
	*out = arena_strndup(&e->call->arena, name, strlen(name));
	return *out == NULL ? adx_nomem(err) : ADX_OK;
}

enum adx_rc
erasure_add(struct erasure *e, const char *host, const char *username, bool account, bool journaled,
	    struct adx_error *err)
{
	char digits[PSEUDONYM_HEX_LEN + 1], name[sizeof(PREFIX) + PSEUDONYM_DIGITS];
	enum adx_rc rc = make_digits(e, host, username, digits, err);

	if (rc != ADX_OK)
		return rc;
	name_after(digits, name);
	array_add(&e->hosts, host);
	array_add(&e->usernames, username);
	array_add(&e->pseudonyms, name);
	array_add(&e->accounts, account ? "true" : "false");
	e->count++;
	if (e->key == NULL)
		return ADX_OK;
	array_add(&e->hashes, digits);
	if (journaled && e->call->config->privacy.journal_file[0] != '\0')
		strvec_add_text(&e->journaled, digits);
	return ADX_OK;
}

/* ---- the deed ---------------------------------------------------------------------------- */

static enum adx_rc
close_arrays(struct erasure *e, struct adx_error *err)
{
	struct buf *const arrays[] = { &e->hosts, &e->usernames, &e->pseudonyms, &e->accounts,
				       &e->hashes };
	bool ok = strvec_ok(&e->journaled);

	for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++) {
		array_close(arrays[i]);
		ok &= buf_ok(arrays[i]);
	}
	return ok ? ADX_OK : adx_nomem(err);
}

static enum adx_rc
erase(struct erasure *e, erasure_section *each, void *ctx, int64_t *rows_total,
      struct adx_error *err)
{
	struct rows *rows;
	bool has;
	enum adx_rc rc = stmt_open(
		e->call->db, SQL_GDPR_ERASE,
		PARAMS(buf_text(&e->hosts), buf_text(&e->usernames), buf_text(&e->pseudonyms)),
		&rows, err);

	if (rc != ADX_OK)
		return rc;
	while ((rc = rows_next(rows, &has, err)) == ADX_OK && has) {
		int64_t count = rows_get_int64(rows, "rows");

		*rows_total += count;
		rc = each == NULL ? ADX_OK : each(ctx, rows_get(rows, "section"), count, err);
		if (rc != ADX_OK)
			break;
	}
	rows_close(rows);
	return rc;
}

/* What comes after it; the journal is to say when. */
static enum adx_rc
record(struct erasure *e, int64_t erased, int64_t *told, struct adx_error *err)
{
	const char *audit = call_audit(e->call, err);
	char days[16], total[24];
	struct rows *rows = NULL;
	enum adx_rc rc;

	if (audit == NULL)
		return ADX_ENOMEM;
	snprintf(days, sizeof(days), "%d", e->call->config->privacy.tombstone_days);
	snprintf(total, sizeof(total), "%" PRId64, erased);
	rc = stmt_one(e->call->db, SQL_GDPR_ERASED,
		      PARAMS(audit, buf_text(&e->hosts), buf_text(&e->usernames),
			     buf_text(&e->pseudonyms), buf_text(&e->accounts), buf_text(&e->hashes),
			     days, total),
		      &rows, err);
	if (rc != ADX_OK || rows == NULL)
		return rc == ADX_OK ? adx_fail(err, ADX_EFAIL, "gdpr_erased gave no row") : rc;
	*told += rows_get_int64(rows, "told");
	if (e->journaled.count > 0)
		rc = prepare_ending(e, rows_get(rows, "at"), err);
	rows_close(rows);
	return rc;
}

enum adx_rc
erasure_run(struct erasure *e, erasure_section *each, void *ctx, int64_t *told,
	    struct adx_error *err)
{
	int64_t erased = 0;
	enum adx_rc rc = close_arrays(e, err);

	*told = 0;
	if (rc == ADX_OK)
		rc = stmt_int64(e->call->db, SQL_GDPR_TELL,
				PARAMS(buf_text(&e->hosts), buf_text(&e->usernames)), told, err);
	if (rc == ADX_OK)
		rc = erase(e, each, ctx, &erased, err);
	return rc == ADX_OK ? record(e, erased, told, err) : rc;
}
