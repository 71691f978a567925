/*
 * Ed25519 signatures (RFC 8032) by libcrypto. Keys are PEM files as OpenSSL writes them:
 *
 *     openssl genpkey -algorithm ed25519 -out sign.pem
 *     openssl pkey -in sign.pem -pubout -out sign.pub
 */
#ifndef ADMINEX_SIGNER_H
#define ADMINEX_SIGNER_H

#include <stddef.h>

#include "adminex/error.h"

enum { SIGNER_KEY_SIZE = 32, SIGNER_SIGNATURE_SIZE = 64 };

struct signer;

/*
 * The private key in a file. ADX_EINVAL, which names the file, when it is another kind of key, has
 * a passphrase, or may be read by others than its owner. On ADX_OK the caller frees *out.
 */
ADX_MUST_CHECK enum adx_rc signer_open(const char *path, struct signer **out,
				       struct adx_error *err);
/* Wipes the key. */
void signer_free(struct signer *signer);

/* SIGNER_KEY_SIZE bytes, by which others check what it signs. */
const unsigned char *signer_public(const struct signer *signer);
ADX_MUST_CHECK enum adx_rc signer_sign(const struct signer *signer, const void *data, size_t len,
				       unsigned char signature[SIGNER_SIGNATURE_SIZE],
				       struct adx_error *err);

/* The public key in PEM text; `name` is what a failure, ADX_EINVAL, calls it. */
ADX_MUST_CHECK enum adx_rc signer_read_public(const char *text, size_t len, const char *name,
					      unsigned char key[SIGNER_KEY_SIZE],
					      struct adx_error *err);
/* ADX_EINVAL: it is not that key's signature of these bytes. */
ADX_MUST_CHECK enum adx_rc signer_check(const unsigned char key[SIGNER_KEY_SIZE], const void *data,
					size_t len,
					const unsigned char signature[SIGNER_SIGNATURE_SIZE],
					struct adx_error *err);

#endif
