#include "base/token.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

static const char PREFIX[] = "adx_";
/* RFC 4648, section 5 */
static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

enum { PREFIX_LEN = sizeof(PREFIX) - 1, RANDOM_LEN = 32 };

/* Without padding: six bits a character, the last ones filled up with zeros. */
static void
encode(const unsigned char *bytes, size_t len, char *out)
{
	unsigned bits = 0;
	int have = 0;

	for (size_t i = 0; i < len; i++) {
		bits = bits << 8 | bytes[i];
		have += 8;
		while (have >= 6) {
			have -= 6;
			*out++ = DIGITS[bits >> have & 63];
		}
	}
	if (have > 0)
		*out++ = DIGITS[bits << (6 - have) & 63];
	*out = '\0';
}

enum adx_rc
token_make(char out[TOKEN_LEN + 1], struct adx_error *err)
{
	unsigned char random[RANDOM_LEN];

	if (RAND_bytes(random, RANDOM_LEN) != 1)
		return adx_fail(err, ADX_EFAIL, "the crypto library has no random bytes");
	memcpy(out, PREFIX, PREFIX_LEN);
	encode(random, RANDOM_LEN, out + PREFIX_LEN);
	OPENSSL_cleanse(random, sizeof(random));
	return ADX_OK;
}

bool
token_digest(const char *text, size_t len, unsigned char out[TOKEN_DIGEST_LEN])
{
	if (len != TOKEN_LEN || memcmp(text, PREFIX, PREFIX_LEN) != 0)
		return false;
	for (size_t i = PREFIX_LEN; i < len; i++)
		if (text[i] == '\0' || strchr(DIGITS, text[i]) == NULL)
			return false;
	return EVP_Digest(text, len, out, NULL, EVP_sha256(), NULL) == 1;
}

bool
token_digest_hex(const char *text, size_t len, char out[2 * TOKEN_DIGEST_LEN + 1])
{
	unsigned char digest[TOKEN_DIGEST_LEN];

	if (!token_digest(text, len, digest))
		return false;
	for (size_t i = 0; i < TOKEN_DIGEST_LEN; i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
	return true;
}

void
token_add_actor(const char *id, const char *label, struct buf *out)
{
	buf_addf(out, "token %s", id);
	if (label[0] != '\0')
		buf_addf(out, " '%s'", label);
}
