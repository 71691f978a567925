#include "base/encrypt.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

/*
 * What reads a whole message (d2i_CMS_bio(), and so `openssl cms`) has it in a BUF_MEM, which grows
 * to 0x5ffffffc bytes (LIMIT_BEFORE_EXPANSION). Nobody must get a message that cannot be opened.
 */
enum { MESSAGE_MAX = 0x5ffffffc - 1024 * 1024, RSA_BITS_MIN = 2048 };

struct encrypt {
	struct out *out; /* what is to be encrypted comes here */
	struct out *to;
	BIO_METHOD *method;
	BIO *base;  /* writes to `to` */
	BIO *chain; /* encrypts, and writes to `base` */
	CMS_ContentInfo *cms;
	uint64_t written;
	bool too_long;
};

/* ---- the recipient ----------------------------------------------------------------------- */

/* Nobody is asked for one. */
static int
no_passphrase(char *buf, int size, int writing, void *ctx)
{
	(void)writing;
	(void)ctx;
	if (size > 0)
		buf[0] = '\0';
	return -1;
}

static enum adx_rc
load_certificate(const char *path, X509 **certificate, struct adx_error *err)
{
	FILE *file = fopen(path, "re");

	*certificate = NULL;
	if (file == NULL)
		return adx_fail_errno(err, ADX_EINVAL, errno, "cannot read '%.300s'", path);
	*certificate = PEM_read_X509(file, NULL, no_passphrase, NULL);
	fclose(file);
	ERR_clear_error();
	if (*certificate != NULL)
		return ADX_OK;
	return adx_fail(err, ADX_EINVAL, "'%.300s' holds no certificate in PEM", path);
}

static enum adx_rc
check_dates(X509 *certificate, const char *path, struct adx_error *err)
{
	if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0)
		return adx_fail(err, ADX_EINVAL, "the certificate '%.300s' is not valid yet", path);
	if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0)
		return adx_fail(err, ADX_EINVAL, "the certificate '%.300s' has expired", path);
	return ADX_OK;
}

/* A certificate that says what its key is for must say that keys may be sent to it. */
static bool
may_receive(X509 *certificate, int type)
{
	uint32_t need = type == EVP_PKEY_RSA ? KU_KEY_ENCIPHERMENT : KU_KEY_AGREEMENT;

	return (X509_get_key_usage(certificate) & need) != 0;
}

static enum adx_rc
check_key(X509 *certificate, const char *path, struct adx_error *err)
{
	EVP_PKEY *key = X509_get0_pubkey(certificate);
	int type = key == NULL ? EVP_PKEY_NONE : EVP_PKEY_get_base_id(key);

	ERR_clear_error();
	if (type != EVP_PKEY_RSA && type != EVP_PKEY_EC) {
		adx_fail(err, ADX_EINVAL, "the key of certificate '%.300s' can receive nothing",
			 path);
		adx_hint(err, "it must be RSA, of 2048 bits or more, or EC");
		return ADX_EINVAL;
	}
	if (type == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) < RSA_BITS_MIN)
		return adx_fail(err, ADX_EINVAL,
				"the RSA key of certificate '%.300s' has less than %d bits", path,
				RSA_BITS_MIN);
	if (!may_receive(certificate, type))
		return adx_fail(err, ADX_EINVAL,
				"certificate '%.300s' is not for encryption, as its key usage says",
				path);
	return ADX_OK;
}

/* ---- the message ------------------------------------------------------------------------- */

static int
base_write(BIO *bio, const char *data, int len)
{
	struct encrypt *e = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	if (len <= 0)
		return 0;
	e->written += (uint64_t)len;
	e->too_long = e->too_long || e->written > MESSAGE_MAX;
	if (e->too_long)
		return -1;
	out_write(e->to, data, (size_t)len);
	return out_error(e->to) == 0 ? len : -1;
}

static long
base_ctrl(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	return command == BIO_CTRL_FLUSH;
}

static enum adx_rc
open_base(struct encrypt *e, struct adx_error *err)
{
	/* No number of its own, of which there are 127 for each process: nobody looks for it. */
	e->method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "adminex out");
	if (e->method == NULL || BIO_meth_set_write(e->method, base_write) != 1 ||
	    BIO_meth_set_ctrl(e->method, base_ctrl) != 1)
		return adx_nomem(err);
	e->base = BIO_new(e->method);
	if (e->base == NULL)
		return adx_nomem(err);
	BIO_set_data(e->base, e);
	BIO_set_init(e->base, 1);
	return ADX_OK;
}

/* RSA: OAEP instead of PKCS #1 v1.5; EC: no SHA-1 where the shared secret becomes a key. */
static bool
harden(CMS_RecipientInfo *recipient, X509 *certificate)
{
	EVP_PKEY_CTX *ctx = CMS_RecipientInfo_get0_pkey_ctx(recipient);

	if (ctx == NULL)
		return false;
	if (EVP_PKEY_get_base_id(X509_get0_pubkey(certificate)) == EVP_PKEY_RSA)
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) > 0 &&
		       EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha256()) > 0;
	return EVP_PKEY_CTX_set_ecdh_kdf_md(ctx, EVP_sha256()) > 0;
}

static enum adx_rc
open_message(struct encrypt *e, X509 *certificate, struct adx_error *err)
{
	CMS_RecipientInfo *recipient = NULL;

	e->cms = CMS_encrypt(NULL, NULL, EVP_aes_256_gcm(), CMS_STREAM | CMS_PARTIAL | CMS_BINARY);
	if (e->cms != NULL)
		recipient = CMS_add1_recipient_cert(e->cms, certificate, CMS_KEY_PARAM);
	if (recipient != NULL && harden(recipient, certificate))
		e->chain = BIO_new_CMS(e->base, e->cms);
	ERR_clear_error();
	if (e->chain != NULL)
		return ADX_OK;
	return adx_fail(err, ADX_EFAIL, "the crypto library cannot encrypt for this certificate");
}

static int
sink(void *ctx, const char *data, size_t len)
{
	struct encrypt *e = ctx;

	while (len > 0) {
		int n = BIO_write(e->chain, data, len > INT_MAX ? INT_MAX : (int)len);

		if (n <= 0) {
			ERR_clear_error();
			if (e->too_long)
				return EFBIG;
			return out_error(e->to) != 0 ? out_error(e->to) : EIO;
		}
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static enum adx_rc
open_all(struct encrypt *e, const char *path, struct adx_error *err)
{
	X509 *certificate;
	enum adx_rc rc = load_certificate(path, &certificate, err);

	if (rc == ADX_OK)
		rc = check_dates(certificate, path, err);
	if (rc == ADX_OK)
		rc = check_key(certificate, path, err);
	if (rc == ADX_OK)
		rc = open_base(e, err);
	if (rc == ADX_OK)
		rc = open_message(e, certificate, err);
	X509_free(certificate);
	if (rc != ADX_OK)
		return rc;
	e->out = out_new_sink(sink, e);
	return e->out == NULL ? adx_nomem(err) : ADX_OK;
}

enum adx_rc
encrypt_open(const char *certificate, struct out *to, struct encrypt **out, struct adx_error *err)
{
	enum adx_rc rc;

	*out = calloc(1, sizeof(**out));
	if (*out == NULL)
		return adx_nomem(err);
	(*out)->to = to;
	rc = open_all(*out, certificate, err);
	if (rc != ADX_OK) {
		encrypt_free(*out);
		*out = NULL;
	}
	return rc;
}

struct out *
encrypt_out(struct encrypt *e)
{
	return e->out;
}

static enum adx_rc
fail(struct encrypt *e, int errnum, struct adx_error *err)
{
	if (!e->too_long)
		return adx_fail_errno(err, ADX_EIO, errnum, "cannot write the encrypted document");
	adx_fail(err, ADX_EIO,
		 "the encrypted document is longer than 1.5 GiB, which OpenSSL cannot decrypt");
	adx_hint(err, "a ZIP is smaller; or write it without encryption to an encrypted disk");
	return ADX_EIO;
}

enum adx_rc
encrypt_close(struct encrypt *e, struct adx_error *err)
{
	out_flush(e->out);
	if (out_error(e->out) != 0)
		return fail(e, out_error(e->out), err);
	if (BIO_flush(e->chain) <= 0) {
		ERR_clear_error();
		return fail(e, out_error(e->to) != 0 ? out_error(e->to) : EIO, err);
	}
	out_flush(e->to);
	return out_error(e->to) == 0 ? ADX_OK : fail(e, out_error(e->to), err);
}

static void
free_chain(struct encrypt *e)
{
	while (e->chain != NULL && e->chain != e->base) {
		BIO *next = BIO_pop(e->chain);

		BIO_free(e->chain);
		e->chain = next;
	}
}

void
encrypt_free(struct encrypt *e)
{
	if (e == NULL)
		return;
	out_free(e->out);
	free_chain(e);
	BIO_free(e->base);
	BIO_meth_free(e->method);
	CMS_ContentInfo_free(e->cms);
	free(e);
}
