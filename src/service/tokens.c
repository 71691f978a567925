#include "service/tokens.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>

#include "command/access.h"
#include "db/array.h"
#include "db/stmt.h"

struct tokens {
	atomic_size_t holders;
	size_t count, cap;
	struct token *items; /* by digest */
};

/* It goes on while the machine sleeps, and nobody sets it. */
static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- making a table ---------------------------------------------------------------------- */

static struct tokens *
tokens_new(void)
{
	struct tokens *tokens = calloc(1, sizeof(*tokens));

	if (tokens != NULL)
		atomic_init(&tokens->holders, 1);
	return tokens;
}

static struct token *
add_empty(struct tokens *tokens)
{
	size_t cap = tokens->cap == 0 ? 16 : 2 * tokens->cap;
	struct token *grown;

	if (tokens->count == tokens->cap) {
		grown = reallocarray(tokens->items, cap, sizeof(*grown));
		if (grown == NULL)
			return NULL;
		tokens->items = grown;
		tokens->cap = cap;
	}
	tokens->items[tokens->count] = (struct token){ .ends_at = INT64_MAX };
	return &tokens->items[tokens->count++];
}

static char *
make_actor(const struct token_row *row)
{
	struct buf actor = BUF_INIT;
	char id[24];

	snprintf(id, sizeof(id), "%" PRId64, row->id);
	token_add_actor(id, row->label, &actor);
	if (buf_ok(&actor))
		return actor.data;
	buf_free(&actor);
	return NULL;
}

static enum adx_rc
add(struct tokens *tokens, const struct token_row *row, struct adx_error *err)
{
	struct token *t = add_empty(tokens);

	if (t == NULL)
		return adx_nomem(err);
	t->id = row->id;
	t->actor = make_actor(row);
	memcpy(t->digest, row->digest, TOKEN_DIGEST_LEN);
	if (row->left_ms != NULL)
		t->ends_at = now_ms() + strtoll(row->left_ms, NULL, 10);
	array_read(row->hosts, &t->hosts);
	if (t->actor == NULL || !strvec_ok(&t->hosts))
		return adx_nomem(err);
	if (!access_role_of(row->role, &t->role))
		return adx_fail(err, ADX_EFAIL, "%s has no role", t->actor);
	return ADX_OK;
}

static int
by_digest(const void *a, const void *b)
{
	const struct token *x = a, *y = b;

	return memcmp(x->digest, y->digest, TOKEN_DIGEST_LEN);
}

/* Keep the table or, with a failure, give it back. */
static enum adx_rc
finish(struct tokens *tokens, enum adx_rc rc, struct tokens **out)
{
	if (rc != ADX_OK) {
		tokens_release(tokens);
		tokens = NULL;
	} else if (tokens->count > 0) {
		qsort(tokens->items, tokens->count, sizeof(*tokens->items), by_digest);
	}
	*out = tokens;
	return rc;
}

enum adx_rc
tokens_make(const struct token_row *rows, size_t count, struct tokens **out, struct adx_error *err)
{
	struct tokens *tokens = tokens_new();
	enum adx_rc rc = ADX_OK;

	*out = NULL;
	if (tokens == NULL)
		return adx_nomem(err);
	for (size_t i = 0; i < count && rc == ADX_OK; i++)
		rc = add(tokens, &rows[i], err);
	return finish(tokens, rc, out);
}

/* ---- out of the database ----------------------------------------------------------------- */

static enum adx_rc
add_row(struct tokens *tokens, const struct rows *rows, struct adx_error *err)
{
	struct token_row row = { .id = rows_get_int64(rows, "id"),
				 .label = rows_get(rows, "label"),
				 .role = rows_get(rows, "role"),
				 .hosts = rows_get(rows, "hosts"),
				 .left_ms = rows_get(rows, "left_ms") };
	unsigned char *digest;
	size_t len;
	enum adx_rc rc = rows_get_bytes(rows, "digest", &digest, &len, err);

	if (rc != ADX_OK)
		return rc;
	row.digest = digest;
	rc = len == TOKEN_DIGEST_LEN
		     ? add(tokens, &row, err)
		     : adx_fail(err, ADX_EFAIL, "token %" PRId64 " has a digest of %zu bytes",
				row.id, len);
	free(digest);
	return rc;
}

static enum adx_rc
add_all(struct tokens *tokens, struct rows *rows, struct adx_error *err)
{
	enum adx_rc rc;
	bool has;

	while ((rc = rows_next(rows, &has, err)) == ADX_OK && has) {
		rc = add_row(tokens, rows, err);
		if (rc != ADX_OK)
			break;
	}
	return rc;
}

enum adx_rc
tokens_load(struct db *db, struct tokens **out, struct adx_error *err)
{
	struct tokens *tokens;
	struct rows *rows;
	enum adx_rc rc = stmt_open(db, SQL_TOKENS_LIVE, NO_PARAMS, &rows, err);

	*out = NULL;
	if (rc != ADX_OK)
		return rc;
	tokens = tokens_new();
	rc = tokens == NULL ? adx_nomem(err) : add_all(tokens, rows, err);
	rows_close(rows);
	return finish(tokens, rc, out);
}

/* ---- using it ---------------------------------------------------------------------------- */

struct tokens *
tokens_hold(struct tokens *tokens)
{
	atomic_fetch_add_explicit(&tokens->holders, 1, memory_order_relaxed);
	return tokens;
}

void
tokens_release(struct tokens *tokens)
{
	if (tokens == NULL ||
	    atomic_fetch_sub_explicit(&tokens->holders, 1, memory_order_acq_rel) > 1)
		return;
	for (size_t i = 0; i < tokens->count; i++) {
		free(tokens->items[i].actor);
		strvec_free(&tokens->items[i].hosts);
	}
	free(tokens->items);
	free(tokens);
}

static bool
same_hosts(const struct strvec *a, const struct strvec *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return true;
}

/* What is left of its time is asked for anew each time, and told in whole milliseconds. */
static bool
same_end(int64_t a, int64_t b)
{
	enum { CLOCKS_APART = 1000 };

	return a == b ||
	       (a != INT64_MAX && b != INT64_MAX && a - b < CLOCKS_APART && b - a < CLOCKS_APART);
}

bool
tokens_same(const struct tokens *a, const struct tokens *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		const struct token *x = &a->items[i], *y = &b->items[i];

		if (x->id != y->id || x->role != y->role || strcmp(x->actor, y->actor) != 0 ||
		    memcmp(x->digest, y->digest, TOKEN_DIGEST_LEN) != 0 ||
		    !same_hosts(&x->hosts, &y->hosts) || !same_end(x->ends_at, y->ends_at))
			return false;
	}
	return true;
}

size_t
tokens_count(const struct tokens *tokens)
{
	return tokens->count;
}

/*
 * How long the search takes may tell something about the beginning of a digest, which nobody can
 * choose: a token for a given beginning must be found by trying. The rest is compared in constant
 * time.
 */
enum { SEARCHED_LEN = 8 };

static const struct token *
search(const struct tokens *tokens, const unsigned char *digest)
{
	size_t low = 0, high = tokens->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (memcmp(tokens->items[middle].digest, digest, SEARCHED_LEN) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < tokens->count; low++) {
		const struct token *t = &tokens->items[low];

		if (memcmp(t->digest, digest, SEARCHED_LEN) != 0)
			return NULL;
		if (CRYPTO_memcmp(t->digest, digest, TOKEN_DIGEST_LEN) == 0)
			return t;
	}
	return NULL;
}

bool
token_is_over(const struct token *token)
{
	return now_ms() >= token->ends_at;
}

const struct token *
tokens_find(const struct tokens *tokens, const char *text, size_t len)
{
	unsigned char digest[TOKEN_DIGEST_LEN];
	const struct token *token;

	if (!token_digest(text, len, digest))
		return NULL;
	token = search(tokens, digest);
	return token == NULL || token_is_over(token) ? NULL : token;
}
