#include "base/sha256.h"

#include <openssl/evp.h>

void
sha256_begin(struct sha256 *s)
{
	if (s->ctx == NULL)
		s->ctx = EVP_MD_CTX_new();
	s->failed = s->ctx == NULL || EVP_DigestInit_ex(s->ctx, EVP_sha256(), NULL) != 1;
}

void
sha256_add(struct sha256 *s, const void *data, size_t len)
{
	if (!s->failed && EVP_DigestUpdate(s->ctx, data, len) != 1)
		s->failed = true;
}

bool
sha256_end(struct sha256 *s, char hex[SHA256_HEX_SIZE])
{
	unsigned char digest[EVP_MAX_MD_SIZE] = { 0 };

	if (!s->failed && EVP_DigestFinal_ex(s->ctx, digest, NULL) != 1)
		s->failed = true;
	hex_write(digest, SHA256_SIZE, hex);
	return !s->failed;
}

void
sha256_free(struct sha256 *s)
{
	EVP_MD_CTX_free(s->ctx);
	s->ctx = NULL;
}

void
hex_write(const unsigned char *data, size_t len, char *hex)
{
	static const char DIGITS[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		*hex++ = DIGITS[data[i] >> 4];
		*hex++ = DIGITS[data[i] & 15];
	}
	*hex = '\0';
}

static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
hex_read(const char *hex, unsigned char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		int high = digit(hex[2 * i]);
		int low = high < 0 ? -1 : digit(hex[2 * i + 1]);

		if (low < 0)
			return false;
		data[i] = (unsigned char)(high << 4 | low);
	}
	return true;
}
