/*
 * Bearer tokens (RFC 6750): "adx_" and 43 characters of base64url, which are 32 random bytes. What
 * is kept of one is its SHA-256: with that much chance in it there is nothing to guess, so it
 * needs neither salt nor iterations.
 */
#ifndef ADMINEX_TOKEN_H
#define ADMINEX_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

#include "adminex/error.h"
#include "base/buf.h"

enum { TOKEN_LEN = 47, TOKEN_DIGEST_LEN = 32 };

/* A new one, NUL-terminated. The caller wipes it. */
ADX_MUST_CHECK enum adx_rc token_make(char out[TOKEN_LEN + 1], struct adx_error *err);
/* False when the text has not the form of a token; then nothing is made of it. */
ADX_MUST_CHECK bool token_digest(const char *text, size_t len, unsigned char out[TOKEN_DIGEST_LEN]);
/* The same in hexadecimal digits, for a statement. */
ADX_MUST_CHECK bool token_digest_hex(const char *text, size_t len,
				     char out[2 * TOKEN_DIGEST_LEN + 1]);
/* What a token is called in audit log and denials: "token 3 'backup'", "token 3" without a label.
 */
void token_add_actor(const char *id, const char *label, struct buf *out);

#endif
