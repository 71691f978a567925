/* Ed25519: the vectors of RFC 8032, and the files that are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/sha256.h"
#include "base/signer.h"

/* 7.1, test 2: the key, and its signature of the byte 0x72. */
static const char PRIVATE[] = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
static const char PUBLIC[] = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
static const char SIGNATURE[] = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
				"085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";

static EVP_PKEY *
rfc_key(void)
{
	unsigned char raw[SIGNER_KEY_SIZE];

	assert_true(hex_read(PRIVATE, raw, sizeof(raw)));
	return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, raw, sizeof(raw));
}

/* A file with the private key, its name in path. */
static void
put_key(EVP_PKEY *key, const char *passphrase, mode_t mode, char path[32])
{
	int fd;
	FILE *file;

	strcpy(path, "/tmp/adminex-key-XXXXXX");
	fd = mkstemp(path);
	file = fdopen(fd, "w");
	assert_non_null(key);
	assert_non_null(file);
	assert_int_equal(PEM_write_PrivateKey(file, key,
					      passphrase == NULL ? NULL : EVP_aes_256_cbc(), NULL,
					      0, NULL, (void *)(uintptr_t)passphrase),
			 1);
	assert_int_equal(fchmod(fd, mode), 0);
	fclose(file);
	EVP_PKEY_free(key);
}

static void
put_text(const char *text, char path[32])
{
	int fd;

	strcpy(path, "/tmp/adminex-key-XXXXXX");
	fd = mkstemp(path);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void
check_refused(const char *path, const char *why)
{
	struct signer *signer;
	struct adx_error err = { 0 };

	assert_int_equal(signer_open(path, &signer, &err), ADX_EINVAL);
	assert_null(signer);
	assert_non_null(strstr(err.message, path));
	if (strstr(err.message, why) == NULL)
		fail_msg("'%s' does not say '%s'", err.message, why);
}

/* The same of a file that was made for this. */
static void
check_file_refused(const char *path, const char *why)
{
	check_refused(path, why);
	unlink(path);
}

static void
test_signer_signs_as_the_rfc_does(void **state)
{
	unsigned char signature[SIGNER_SIGNATURE_SIZE];
	char hex[2 * SIGNER_SIGNATURE_SIZE + 1], path[32];
	struct adx_error err = { 0 };
	struct signer *signer;

	(void)state;
	put_key(rfc_key(), NULL, 0600, path);
	assert_int_equal(signer_open(path, &signer, &err), ADX_OK);
	hex_write(signer_public(signer), SIGNER_KEY_SIZE, hex);
	assert_string_equal(hex, PUBLIC);
	assert_int_equal(signer_sign(signer, "\x72", 1, signature, &err), ADX_OK);
	hex_write(signature, sizeof(signature), hex);
	assert_string_equal(hex, SIGNATURE);
	signer_free(signer);
	unlink(path);
}

static void
test_signer_check_tells_good_from_bad(void **state)
{
	unsigned char key[SIGNER_KEY_SIZE], signature[SIGNER_SIGNATURE_SIZE];
	struct adx_error err = { 0 };

	(void)state;
	assert_true(hex_read(PUBLIC, key, sizeof(key)));
	assert_true(hex_read(SIGNATURE, signature, sizeof(signature)));
	assert_int_equal(signer_check(key, "\x72", 1, signature, &err), ADX_OK);
	assert_int_equal(signer_check(key, "\x73", 1, signature, &err), ADX_EINVAL);
	signature[0] ^= 1;
	assert_int_equal(signer_check(key, "\x72", 1, signature, &err), ADX_EINVAL);
	signature[0] ^= 1;
	key[0] ^= 1;
	assert_int_equal(signer_check(key, "\x72", 1, signature, &err), ADX_EINVAL);
	/* No point of the curve at all. */
	memset(key, 0xFF, sizeof(key));
	assert_int_not_equal(signer_check(key, "\x72", 1, signature, &err), ADX_OK);
}

static void
test_signer_refuses_keys_that_others_can_read(void **state)
{
	static const mode_t MODES[] = { 0640, 0604, 0620, 0602, 0610, 0601 };
	char path[32];

	(void)state;
	for (size_t i = 0; i < sizeof(MODES) / sizeof(MODES[0]); i++) {
		put_key(rfc_key(), NULL, MODES[i], path);
		check_file_refused(path, "open to others");
	}
}

static void
test_signer_refuses_other_keys(void **state)
{
	char path[32];

	(void)state;
	put_key(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"), NULL, 0600, path);
	check_file_refused(path, "is EC, not Ed25519");
	put_key(EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048), NULL, 0600, path);
	check_file_refused(path, "is RSA, not Ed25519");
	put_key(EVP_PKEY_Q_keygen(NULL, NULL, "X25519"), NULL, 0600, path);
	check_file_refused(path, "is X25519, not Ed25519");
	put_key(EVP_PKEY_Q_keygen(NULL, NULL, "ED448"), NULL, 0600, path);
	check_file_refused(path, "is ED448, not Ed25519");
}

/* Nobody is asked for it, terminal or not. */
static void
test_signer_refuses_a_passphrase(void **state)
{
	char path[32];

	(void)state;
	put_key(rfc_key(), "secret", 0600, path);
	check_file_refused(path, "has a passphrase");
}

static void
test_signer_refuses_what_is_no_key(void **state)
{
	char path[32];

	(void)state;
	put_text("", path);
	check_file_refused(path, "holds no private key");
	put_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", path);
	check_file_refused(path, "holds no private key");
	check_refused("/tmp/adminex-no-such-key", "No such file");
	check_refused("/dev/null", "no regular file");
	check_refused("/tmp", "no regular file");
}

/* ---- public keys --------------------------------------------------------------------------- */

static size_t
public_pem(EVP_PKEY *key, char text[4096])
{
	BIO *bio = BIO_new(BIO_s_mem());
	int len;

	assert_int_equal(PEM_write_bio_PUBKEY(bio, key), 1);
	len = BIO_read(bio, text, 4095);
	assert_true(len > 0);
	BIO_free(bio);
	EVP_PKEY_free(key);
	return (size_t)len;
}

static void
test_signer_read_public(void **state)
{
	unsigned char key[SIGNER_KEY_SIZE];
	char text[4096], hex[2 * SIGNER_KEY_SIZE + 1];
	struct adx_error err = { 0 };
	size_t len = public_pem(rfc_key(), text);

	(void)state;
	assert_int_equal(signer_read_public(text, len, "sign.pub", key, &err), ADX_OK);
	hex_write(key, sizeof(key), hex);
	assert_string_equal(hex, PUBLIC);
	assert_int_equal(signer_read_public(text, len / 2, "sign.pub", key, &err), ADX_EINVAL);
	assert_string_equal(err.message, "'sign.pub' holds no public key in PEM");
	len = public_pem(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"), text);
	assert_int_equal(signer_read_public(text, len, "sign.pub", key, &err), ADX_EINVAL);
	assert_string_equal(err.message, "the public key 'sign.pub' is EC, not Ed25519");
}

static void
test_hex_is_lower_case_and_nothing_else(void **state)
{
	unsigned char bytes[2];

	(void)state;
	assert_true(hex_read("09af", bytes, 2));
	assert_memory_equal(bytes, "\x09\xaf", 2);
	assert_false(hex_read("09aF", bytes, 2));
	assert_false(hex_read("09a", bytes, 2));
	assert_false(hex_read("0xaf", bytes, 2));
	assert_false(hex_read("", bytes, 2));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signer_signs_as_the_rfc_does),
		cmocka_unit_test(test_signer_check_tells_good_from_bad),
		cmocka_unit_test(test_signer_refuses_keys_that_others_can_read),
		cmocka_unit_test(test_signer_refuses_other_keys),
		cmocka_unit_test(test_signer_refuses_a_passphrase),
		cmocka_unit_test(test_signer_refuses_what_is_no_key),
		cmocka_unit_test(test_signer_read_public),
		cmocka_unit_test(test_hex_is_lower_case_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
