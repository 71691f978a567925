/*
 * Passwords: SASLprep (RFC 4013) and SCRAM's derived keys (RFC 5802, RFC 7677), so that a stored
 * credential can check a password without being one.
 */
#ifndef ADMINEX_SCRAM_H
#define ADMINEX_SCRAM_H

#include <stdbool.h>
#include <stddef.h>

#include "adminex/error.h"
#include "base/buf.h"

enum { SCRAM_KEY_MAX = 64, SCRAM_SALT_SIZE = 16 };

struct scram {
	unsigned char salt[SCRAM_SALT_SIZE];
	unsigned char stored_key[SCRAM_KEY_MAX];
	unsigned char server_key[SCRAM_KEY_MAX];
	size_t key_len;
};

/* Length of the keys of "SCRAM-SHA-1", "-256", "-512"; 0 for any other word. */
size_t scram_key_len(const char *mechanism);

/*
 * Prepare a password by SASLprep; unassigned code points pass. ADX_EINVAL when it is refused. Here
 * and below password[len] is NUL.
 */
ADX_MUST_CHECK enum adx_rc password_prepare(const char *password, size_t len, struct buf *out,
					    struct adx_error *err);

/* New keys with a random salt. The password is prepared first. */
ADX_MUST_CHECK enum adx_rc scram_make(const char *mechanism, int iterations, const char *password,
				      size_t len, struct scram *out, struct adx_error *err);

/* The same for one that password_prepare() has prepared; needs no library but libcrypto. */
ADX_MUST_CHECK enum adx_rc scram_make_prepared(const char *mechanism, int iterations,
					       const struct buf *prepared, struct scram *out,
					       struct adx_error *err);

/* What is kept of a password: borrowed bytes. */
struct scram_stored {
	const char *mechanism;
	int iterations;
	const unsigned char *salt;
	size_t salt_len;
	const unsigned char *stored_key;
	size_t key_len;
};

/*
 * Does the password give that StoredKey? *match is the answer; a password that SASLprep refuses
 * matches nothing.
 */
ADX_MUST_CHECK enum adx_rc scram_check(const struct scram_stored *stored, const char *password,
				       size_t len, bool *match, struct adx_error *err);

#endif
