/*
 * SHA-256 of bytes that come in pieces. A failure (of memory, or of libcrypto) sticks and is told
 * at the end. Zero-initialise.
 */
#ifndef ADMINEX_SHA256_H
#define ADMINEX_SHA256_H

#include <stdbool.h>
#include <stddef.h>

/* Digits of it, and with a NUL behind them. */
enum { SHA256_SIZE = 32, SHA256_DIGITS = 64, SHA256_HEX_SIZE = SHA256_DIGITS + 1 };

struct sha256 {
	struct evp_md_ctx_st *ctx;
	bool failed;
};

/* Begin, or begin anew. */
void sha256_begin(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *data, size_t len);
/* Lower-case hexadecimal of all that was added; false when something failed. */
bool sha256_end(struct sha256 *s, char hex[SHA256_HEX_SIZE]);
void sha256_free(struct sha256 *s);

/* Bytes as lower-case hexadecimal, `2 * len + 1` characters. */
void hex_write(const unsigned char *data, size_t len, char *hex);
/* And back: exactly `len` bytes, from lower-case digits only. */
bool hex_read(const char *hex, unsigned char *data, size_t len);

#endif
