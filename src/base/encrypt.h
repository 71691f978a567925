/*
 * Encryption for a recipient who has a certificate: CMS AuthEnvelopedData (RFC 5083, RFC 5084) with
 * AES-256-GCM, as a stream of DER with indefinite lengths. Memory stays flat. To read it:
 *
 *     openssl cms -decrypt -inform DER -in FILE -inkey KEY.pem -out CLEAR
 *
 * The key of the content goes to an RSA key by OAEP with SHA-256, to an EC key by ECDH (RFC 5753).
 */
#ifndef ADMINEX_ENCRYPT_H
#define ADMINEX_ENCRYPT_H

#include "adminex/error.h"
#include "base/out.h"

struct encrypt;

/*
 * For the first certificate (PEM) in that file, into `to`, which stays the caller's. ADX_EINVAL,
 * which names the file, when there is none, it is not valid today, or its key can receive nothing.
 * On ADX_OK the caller frees *out.
 */
ADX_MUST_CHECK enum adx_rc encrypt_open(const char *certificate, struct out *to,
					struct encrypt **out, struct adx_error *err);
/* What is written here goes to `to` encrypted; belongs to the encryption. */
struct out *encrypt_out(struct encrypt *e);
/*
 * All was written: end the message and flush `to`. Without it nothing can be decrypted to its end.
 * ADX_EIO when `to` failed, nothing was written, or the message became longer than OpenSSL's tools
 * can read (1.5 GiB).
 */
ADX_MUST_CHECK enum adx_rc encrypt_close(struct encrypt *e, struct adx_error *err);
void encrypt_free(struct encrypt *e);

#endif
