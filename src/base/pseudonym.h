/*
 * What a data subject is called where its name must not be: HMAC-SHA-256 (RFC 2104, FIPS 180-4) of
 * the bare JID with the key of privacy.key_file. Whoever has the key recognises a JID that he
 * knows; without it, a hash cannot even be tried against a list of JIDs.
 *
 * What is hashed is a fixed label, a NUL and "localpart@domain", both parts prepared, or the domain
 * alone where the localpart is empty: under the label no other use of the key gives the same hash.
 * Hashes are stored: label and form must stay as they are.
 */
#ifndef ADMINEX_PSEUDONYM_H
#define ADMINEX_PSEUDONYM_H

#include "adminex/error.h"

enum { PSEUDONYM_SIZE = 32, PSEUDONYM_HEX_LEN = 2 * PSEUDONYM_SIZE };

struct pseudonym_key;

/*
 * Read the key from its file, which is made when it is missing (base/keyfile.h says what is
 * refused). The caller frees *out with pseudonym_close(); on failure it is NULL. A key is never
 * changed: any threads may use it at the same time.
 */
ADX_MUST_CHECK enum adx_rc pseudonym_open(const char *path, struct pseudonym_key **out,
					  struct adx_error *err);
/* The hash of a prepared bare JID as bytes, and as lower-case hexadecimal digits with a NUL. */
ADX_MUST_CHECK enum adx_rc pseudonym_bytes(const struct pseudonym_key *key, const char *host,
					   const char *username, unsigned char out[PSEUDONYM_SIZE],
					   struct adx_error *err);
ADX_MUST_CHECK enum adx_rc pseudonym_of(const struct pseudonym_key *key, const char *host,
					const char *username, char hex[PSEUDONYM_HEX_LEN + 1],
					struct adx_error *err);
/*
 * The hash of a text that is not kept, under a label of its own: who has the key can show that a
 * copy of the text is what was noted, and nobody else can try what it may have been.
 */
ADX_MUST_CHECK enum adx_rc pseudonym_of_note(const struct pseudonym_key *key, const char *note,
					     char hex[PSEUDONYM_HEX_LEN + 1],
					     struct adx_error *err);
/* Wipes the key. NULL is fine. */
void pseudonym_close(struct pseudonym_key *key);

#endif
