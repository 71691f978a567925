#include "base/signer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

enum { KEY_FILE_MAX = 16 * 1024 };

struct signer {
	EVP_PKEY *key;
	unsigned char public[SIGNER_KEY_SIZE];
};

static enum adx_rc
library_failed(struct adx_error *err)
{
	ERR_clear_error();
	return adx_fail(err, ADX_EFAIL, "the crypto library failed");
}

/* ---- keys -------------------------------------------------------------------------------- */

static enum adx_rc
check_mode(int fd, const char *path, struct adx_error *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return adx_fail_errno(err, ADX_EINVAL, errno, "cannot read '%.300s'", path);
	if (!S_ISREG(st.st_mode))
		return adx_fail(err, ADX_EINVAL, "'%.300s' is no regular file", path);
	if ((st.st_mode & (S_IRWXG | S_IRWXO)) == 0)
		return ADX_OK;
	adx_fail(err, ADX_EINVAL, "the private key '%.300s' is open to others than its owner",
		 path);
	adx_hint(err, "chmod 600 it; if others could have read it, make a new one");
	return ADX_EINVAL;
}

static enum adx_rc
read_key(const char *path, char text[KEY_FILE_MAX], size_t *len, struct adx_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	enum adx_rc rc = ADX_OK;
	ssize_t n;

	if (fd < 0)
		return adx_fail_errno(err, ADX_EINVAL, errno, "cannot read '%.300s'", path);
	rc = check_mode(fd, path, err);
	n = rc == ADX_OK ? read(fd, text, KEY_FILE_MAX) : 0;
	if (n < 0)
		rc = adx_fail_errno(err, ADX_EINVAL, errno, "cannot read '%.300s'", path);
	*len = n < 0 ? 0 : (size_t)n;
	close(fd);
	return rc;
}

/* Nobody is asked: signing is for scripts. */
static int
note_passphrase(char *buf, int size, int writing, void *asked)
{
	(void)writing;
	if (size > 0)
		buf[0] = '\0';
	*(bool *)asked = true;
	return -1;
}

static enum adx_rc
refuse_key(const char *path, const EVP_PKEY *key, bool passphrase, struct adx_error *err)
{
	if (passphrase)
		adx_fail(err, ADX_EINVAL, "the private key '%.300s' has a passphrase", path);
	else if (key == NULL)
		adx_fail(err, ADX_EINVAL, "'%.300s' holds no private key in PEM", path);
	else
		adx_fail(err, ADX_EINVAL, "the private key '%.300s' is %s, not Ed25519", path,
			 EVP_PKEY_get0_type_name(key));
	adx_hint(err, passphrase ? "openssl pkey -in it -out another, without one"
				 : "openssl genpkey -algorithm ed25519 makes one");
	return ADX_EINVAL;
}

static enum adx_rc
parse_private(struct signer *signer, const char *path, const char *text, size_t len,
	      struct adx_error *err)
{
	BIO *bio = BIO_new_mem_buf(text, (int)len);
	size_t size = SIGNER_KEY_SIZE;
	bool asked = false;

	if (bio == NULL)
		return adx_nomem(err);
	signer->key = PEM_read_bio_PrivateKey(bio, NULL, note_passphrase, &asked);
	BIO_free(bio);
	ERR_clear_error();
	if (signer->key == NULL || EVP_PKEY_get_id(signer->key) != EVP_PKEY_ED25519)
		return refuse_key(path, signer->key, asked, err);
	if (EVP_PKEY_get_raw_public_key(signer->key, signer->public, &size) != 1)
		return library_failed(err);
	return ADX_OK;
}

enum adx_rc
signer_open(const char *path, struct signer **out, struct adx_error *err)
{
	char text[KEY_FILE_MAX];
	size_t len = 0;
	enum adx_rc rc;

	*out = calloc(1, sizeof(**out));
	if (*out == NULL)
		return adx_nomem(err);
	rc = read_key(path, text, &len, err);
	if (rc == ADX_OK)
		rc = parse_private(*out, path, text, len, err);
	OPENSSL_cleanse(text, sizeof(text));
	if (rc != ADX_OK) {
		signer_free(*out);
		*out = NULL;
	}
	return rc;
}

void
signer_free(struct signer *signer)
{
	if (signer == NULL)
		return;
	/* libcrypto cleanses the private key. */
	EVP_PKEY_free(signer->key);
	free(signer);
}

const unsigned char *
signer_public(const struct signer *signer)
{
	return signer->public;
}

enum adx_rc
signer_read_public(const char *text, size_t len, const char *name,
		   unsigned char key[SIGNER_KEY_SIZE], struct adx_error *err)
{
	BIO *bio = len > KEY_FILE_MAX ? NULL : BIO_new_mem_buf(text, (int)len);
	bool asked = false;
	EVP_PKEY *read =
		bio == NULL ? NULL : PEM_read_bio_PUBKEY(bio, NULL, note_passphrase, &asked);
	size_t size = SIGNER_KEY_SIZE;
	enum adx_rc rc = ADX_OK;

	ERR_clear_error();
	if (read == NULL)
		rc = adx_fail(err, ADX_EINVAL, "'%.300s' holds no public key in PEM", name);
	else if (EVP_PKEY_get_id(read) != EVP_PKEY_ED25519)
		rc = adx_fail(err, ADX_EINVAL, "the public key '%.300s' is %s, not Ed25519", name,
			      EVP_PKEY_get0_type_name(read));
	else if (EVP_PKEY_get_raw_public_key(read, key, &size) != 1)
		rc = library_failed(err);
	if (rc == ADX_EINVAL)
		adx_hint(err, "openssl pkey -in PRIVATE -pubout makes it");
	EVP_PKEY_free(read);
	BIO_free(bio);
	return rc;
}

/* ---- signatures -------------------------------------------------------------------------- */

enum adx_rc
signer_sign(const struct signer *signer, const void *data, size_t len,
	    unsigned char signature[SIGNER_SIGNATURE_SIZE], struct adx_error *err)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t size = SIGNER_SIGNATURE_SIZE;
	bool ok = ctx != NULL && EVP_DigestSignInit(ctx, NULL, NULL, NULL, signer->key) == 1 &&
		  EVP_DigestSign(ctx, signature, &size, data, len) == 1;

	EVP_MD_CTX_free(ctx);
	return ok ? ADX_OK : library_failed(err);
}

/* 1 when it is good, 0 when it is not, negative when that cannot be told. */
static int
check(EVP_PKEY *key, const void *data, size_t len,
      const unsigned char signature[SIGNER_SIGNATURE_SIZE])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int good = -1;

	if (ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1)
		good = EVP_DigestVerify(ctx, signature, SIGNER_SIGNATURE_SIZE, data, len) == 1;
	EVP_MD_CTX_free(ctx);
	return good;
}

enum adx_rc
signer_check(const unsigned char key[SIGNER_KEY_SIZE], const void *data, size_t len,
	     const unsigned char signature[SIGNER_SIGNATURE_SIZE], struct adx_error *err)
{
	EVP_PKEY *public =
		EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, SIGNER_KEY_SIZE);
	int good = public == NULL ? -1 : check(public, data, len, signature);

	EVP_PKEY_free(public);
	ERR_clear_error();
	if (good < 0)
		return library_failed(err);
	return good ? ADX_OK : adx_fail(err, ADX_EINVAL, "the signature is not that of the key");
}
