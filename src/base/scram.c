#include "base/scram.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stringprep.h>

#include "base/text.h"

static const struct {
	const char *mechanism;
	const EVP_MD *(*md)(void);
	size_t key_len;
} MECHANISMS[] = {
	{ "SCRAM-SHA-1", EVP_sha1, 20 },
	{ "SCRAM-SHA-256", EVP_sha256, 32 },
	{ "SCRAM-SHA-512", EVP_sha512, 64 },
};

enum { MECHANISM_COUNT = sizeof(MECHANISMS) / sizeof(MECHANISMS[0]) };

static size_t
find(const char *mechanism)
{
	size_t i = 0;

	while (i < MECHANISM_COUNT && strcmp(MECHANISMS[i].mechanism, mechanism) != 0)
		i++;
	return i;
}

size_t
scram_key_len(const char *mechanism)
{
	size_t i = find(mechanism);

	return i < MECHANISM_COUNT ? MECHANISMS[i].key_len : 0;
}

enum adx_rc
password_prepare(const char *password, size_t len, struct buf *out, struct adx_error *err)
{
	char *prepared = NULL;
	enum adx_rc rc = ADX_OK;

	if (!text_is_utf8(password, len) || memchr(password, '\0', len) != NULL)
		return adx_fail(err, ADX_EINVAL, "the password is not UTF-8 text");
	switch (stringprep_profile(password, &prepared, "SASLprep", 0)) {
	case STRINGPREP_OK:
		buf_add_text(out, prepared);
		if (!buf_ok(out))
			rc = adx_nomem(err);
		else if (prepared[0] == '\0')
			rc = adx_fail(err, ADX_EINVAL, "the password is empty after SASLprep");
		break;
	case STRINGPREP_MALLOC_ERROR: rc = adx_nomem(err); break;
	default:
		rc = adx_fail(err, ADX_EINVAL,
			      "the password has characters that SASLprep (RFC 4013) refuses");
		break;
	}
	if (prepared != NULL)
		explicit_bzero(prepared, strlen(prepared));
	free(prepared);
	return rc;
}

/* What SCRAM derives from a password that is already prepared; server_key may be NULL. */
static bool
derive(size_t mechanism, int iterations, const unsigned char *salt, size_t salt_len,
       const struct buf *password, unsigned char *stored_key, unsigned char *server_key)
{
	const EVP_MD *md = MECHANISMS[mechanism].md();
	int key_len = (int)MECHANISMS[mechanism].key_len;
	unsigned char salted[SCRAM_KEY_MAX], client[SCRAM_KEY_MAX];
	bool ok;

	ok = PKCS5_PBKDF2_HMAC(buf_text(password), (int)password->len, salt, (int)salt_len,
			       iterations, md, key_len, salted) == 1 &&
	     HMAC(md, salted, key_len, (const unsigned char *)"Client Key", 10, client, NULL) !=
		     NULL &&
	     EVP_Digest(client, (size_t)key_len, stored_key, NULL, md, NULL) == 1;
	if (ok && server_key != NULL)
		ok = HMAC(md, salted, key_len, (const unsigned char *)"Server Key", 10, server_key,
			  NULL) != NULL;
	OPENSSL_cleanse(salted, sizeof(salted));
	OPENSSL_cleanse(client, sizeof(client));
	return ok;
}

enum adx_rc
scram_make_prepared(const char *mechanism, int iterations, const struct buf *prepared,
		    struct scram *out, struct adx_error *err)
{
	size_t m = find(mechanism);

	if (m == MECHANISM_COUNT)
		return adx_fail(err, ADX_EINVAL, "'%s' is no mechanism for passwords", mechanism);
	if (RAND_bytes(out->salt, SCRAM_SALT_SIZE) != 1 ||
	    !derive(m, iterations, out->salt, SCRAM_SALT_SIZE, prepared, out->stored_key,
		    out->server_key))
		return adx_fail(err, ADX_EFAIL, "the crypto library could not derive a key");
	out->key_len = MECHANISMS[m].key_len;
	return ADX_OK;
}

enum adx_rc
scram_make(const char *mechanism, int iterations, const char *password, size_t len,
	   struct scram *out, struct adx_error *err)
{
	struct buf prepared = BUF_INIT;
	enum adx_rc rc = password_prepare(password, len, &prepared, err);

	if (rc == ADX_OK)
		rc = scram_make_prepared(mechanism, iterations, &prepared, out, err);
	buf_wipe(&prepared);
	return rc;
}

enum adx_rc
scram_check(const struct scram_stored *stored, const char *password, size_t len, bool *match,
	    struct adx_error *err)
{
	size_t m = find(stored->mechanism);
	struct buf prepared = BUF_INIT;
	unsigned char key[SCRAM_KEY_MAX];
	enum adx_rc rc;

	*match = false;
	if (m == MECHANISM_COUNT || MECHANISMS[m].key_len != stored->key_len)
		return adx_fail(err, ADX_EFAIL, "the stored credential '%s' cannot be used",
				stored->mechanism);
	rc = password_prepare(password, len, &prepared, err);
	if (rc == ADX_OK &&
	    !derive(m, stored->iterations, stored->salt, stored->salt_len, &prepared, key, NULL))
		rc = adx_fail(err, ADX_EFAIL, "the crypto library could not derive a key");
	else if (rc == ADX_OK)
		*match = CRYPTO_memcmp(key, stored->stored_key, stored->key_len) == 0;
	OPENSSL_cleanse(key, sizeof(key));
	buf_wipe(&prepared);
	return rc == ADX_EINVAL ? ADX_OK : rc;
}
