/*
 * The bearer tokens that are good, in memory: an immutable table, counted, so that a daemon can
 * put a new one in its place while requests still use the old one. Everything but loading is
 * thread-safe.
 */
#ifndef ADMINEX_TOKENS_H
#define ADMINEX_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adminex/error.h"
#include "base/strvec.h"
#include "base/token.h"
#include "command/command.h"
#include "db/db.h"

struct tokens;

struct token {
	int64_t id;
	char *actor; /* what it is called in audit log and denials: "token 3 'backup'" */
	enum role role;
	struct strvec hosts; /* prepared domains; empty: all */
	unsigned char digest[TOKEN_DIGEST_LEN];
	int64_t ends_at; /* milliseconds of CLOCK_BOOTTIME; INT64_MAX: never */
};

/* A row as the database has it. */
struct token_row {
	int64_t id;
	const char *label;
	const char *role;
	const char *hosts; /* a text[] as the server prints it */
	const unsigned char *digest;
	const char *left_ms; /* NULL: for ever */
};

/* Read those that are neither revoked nor expired. */
ADX_MUST_CHECK enum adx_rc tokens_load(struct db *db, struct tokens **out, struct adx_error *err);
/* The same of rows at hand. ADX_EFAIL for a role that is none. */
ADX_MUST_CHECK enum adx_rc tokens_make(const struct token_row *rows, size_t count,
				       struct tokens **out, struct adx_error *err);

struct tokens *tokens_hold(struct tokens *tokens);
/* NULL is fine. */
void tokens_release(struct tokens *tokens);
/* Do both tables know the same tokens, with the same rights, until the same times? */
bool tokens_same(const struct tokens *a, const struct tokens *b);
size_t tokens_count(const struct tokens *tokens);

/*
 * The token that was presented; NULL when there is none or it has expired since. Borrowed from the
 * table.
 */
const struct token *tokens_find(const struct tokens *tokens, const char *text, size_t len);
/* Has it expired? */
bool token_is_over(const struct token *token);

#endif
