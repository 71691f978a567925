/* Encryption for a certificate; test_seal.py has it read by openssl(1). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/buf.h"
#include "base/encrypt.h"

enum { MANY = 300 };

struct officer {
	char path[32]; /* of the certificate */
	EVP_PKEY *key;
	X509 *certificate;
};

static int
setup(void **state)
{
	struct officer *o = calloc(1, sizeof(*o));
	FILE *file;

	assert_non_null(o);
	o->key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	o->certificate = X509_new();
	assert_int_equal(X509_set_pubkey(o->certificate, o->key), 1);
	ASN1_INTEGER_set(X509_get_serialNumber(o->certificate), 1);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(o->certificate), "CN", MBSTRING_ASC,
				   (const unsigned char *)"officer", -1, -1, 0);
	X509_set_issuer_name(o->certificate, X509_get_subject_name(o->certificate));
	X509_gmtime_adj(X509_getm_notBefore(o->certificate), -60);
	X509_gmtime_adj(X509_getm_notAfter(o->certificate), 3600);
	assert_true(X509_sign(o->certificate, o->key, EVP_sha256()) > 0);
	strcpy(o->path, "/tmp/adminex-cert-XXXXXX");
	file = fdopen(mkstemp(o->path), "w");
	assert_non_null(file);
	assert_int_equal(PEM_write_X509(file, o->certificate), 1);
	fclose(file);
	*state = o;
	return 0;
}

static int
teardown(void **state)
{
	struct officer *o = *state;

	unlink(o->path);
	EVP_PKEY_free(o->key);
	X509_free(o->certificate);
	free(o);
	return 0;
}

static int
collect(void *ctx, const char *data, size_t len)
{
	buf_add(ctx, data, len);
	return buf_ok(ctx) ? 0 : ENOMEM;
}

static struct buf
encrypt(const struct officer *o, const char *text, size_t len)
{
	struct buf message = BUF_INIT;
	struct out *to = out_new_sink(collect, &message);
	struct adx_error err = { 0 };
	struct encrypt *e;

	assert_int_equal(encrypt_open(o->path, to, &e, &err), ADX_OK);
	out_write(encrypt_out(e), text, len);
	assert_int_equal(encrypt_close(e, &err), ADX_OK);
	encrypt_free(e);
	out_free(to);
	return message;
}

/* False when it cannot be decrypted. */
static bool
decrypt(const struct officer *o, const struct buf *message, struct buf *text)
{
	BIO *in = BIO_new_mem_buf(message->data, (int)message->len), *out = BIO_new(BIO_s_mem());
	CMS_ContentInfo *cms = d2i_CMS_bio(in, NULL);
	bool good =
		cms != NULL && CMS_decrypt(cms, o->key, o->certificate, NULL, out, CMS_BINARY) == 1;
	char *data;
	long len = BIO_get_mem_data(out, &data);

	if (good)
		buf_add(text, data, (size_t)len);
	CMS_ContentInfo_free(cms);
	BIO_free(in);
	BIO_free(out);
	ERR_clear_error();
	return good;
}

static void
test_encrypt_can_be_decrypted(void **state)
{
	static const size_t SIZES[] = { 1, 4095, 4096, 4097, 64 * 1024 + 1, 1000 * 1000 };
	const struct officer *o = *state;

	for (size_t i = 0; i < sizeof(SIZES) / sizeof(SIZES[0]); i++) {
		char *text = malloc(SIZES[i]);
		struct buf message, again = BUF_INIT;

		assert_non_null(text);
		for (size_t n = 0; n < SIZES[i]; n++)
			text[n] = (char)(n * 31 >> 3);
		message = encrypt(o, text, SIZES[i]);
		assert_true(decrypt(o, &message, &again));
		assert_int_equal(again.len, SIZES[i]);
		assert_memory_equal(again.data, text, SIZES[i]);
		buf_free(&message);
		buf_free(&again);
		free(text);
	}
}

static void
test_encrypt_makes_another_message_each_time(void **state)
{
	const struct officer *o = *state;
	struct buf one = encrypt(o, "text", 4), two = encrypt(o, "text", 4);

	assert_true(one.len != two.len || memcmp(one.data, two.data, one.len) != 0);
	buf_free(&one);
	buf_free(&two);
}

/* libcrypto gives away numbers that a process has 127 of. */
static void
test_encrypt_many_times(void **state)
{
	const struct officer *o = *state;

	for (int i = 0; i < MANY; i++) {
		struct buf message = encrypt(o, "text", 4);

		buf_free(&message);
	}
}

static void
test_encrypt_finds_altered_content_and_tag(void **state)
{
	const struct officer *o = *state;
	struct buf message = encrypt(o, "text that nobody alters", 23), text = BUF_INIT;

	/* From the end: ends of lengths, the tag, more such ends, and the content with its length.
	 */
	for (size_t back = 1; back <= 6 + 18 + 4 + 24; back++) {
		message.data[message.len - back] ^= 1;
		if (decrypt(o, &message, &text))
			fail_msg("byte %zu from the end", back);
		message.data[message.len - back] ^= 1;
	}
	assert_true(decrypt(o, &message, &text));
	buf_free(&message);
	buf_free(&text);
}

static int
fill_up(void *ctx, const char *data, size_t len)
{
	(void)ctx;
	(void)data;
	(void)len;
	return ENOSPC;
}

static void
test_encrypt_tells_when_output_failed(void **state)
{
	const struct officer *o = *state;
	struct out *to = out_new_sink(fill_up, NULL);
	struct adx_error err = { 0 };
	struct encrypt *e;

	assert_int_equal(encrypt_open(o->path, to, &e, &err), ADX_OK);
	for (int i = 0; i < 100000; i++)
		out_text(encrypt_out(e), "some text");
	assert_int_equal(out_error(encrypt_out(e)), ENOSPC);
	assert_int_equal(encrypt_close(e, &err), ADX_EIO);
	assert_non_null(strstr(err.message, "No space left"));
	encrypt_free(e);
	out_free(to);
}

static void
test_encrypt_of_nothing_is_no_message(void **state)
{
	const struct officer *o = *state;
	struct buf message = BUF_INIT;
	struct out *to = out_new_sink(collect, &message);
	struct adx_error err = { 0 };
	struct encrypt *e;

	assert_int_equal(encrypt_open(o->path, to, &e, &err), ADX_OK);
	assert_int_equal(encrypt_close(e, &err), ADX_EIO);
	encrypt_free(e);
	out_free(to);
	buf_free(&message);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encrypt_can_be_decrypted),
		cmocka_unit_test(test_encrypt_makes_another_message_each_time),
		cmocka_unit_test(test_encrypt_many_times),
		cmocka_unit_test(test_encrypt_finds_altered_content_and_tag),
		cmocka_unit_test(test_encrypt_tells_when_output_failed),
		cmocka_unit_test(test_encrypt_of_nothing_is_no_message),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
