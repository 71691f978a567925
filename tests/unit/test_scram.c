#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/scram.h"

/* A literal with its length, as some hold NULs. */
#define T(s)     s, sizeof(s) - 1
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The exchanges of RFC 5802, section 5, and RFC 7677, section 3; the password is "pencil". */
static const struct vector {
	const char *mechanism;
	const EVP_MD *(*md)(void);
	int iterations;
	const char *salt, *stored_key, *server_key; /* base64 */
	const char *auth_message, *proof, *signature;
} VECTORS[] = {
	{
		"SCRAM-SHA-1",
		EVP_sha1,
		4096,
		"QSXCR+Q6sek8bf92",
		"6dlGYMOdZcOPutkcNY8U2g7vK9Y=",
		"D+CSWLOshSulAsxiupA+qs2/fTE=",
		"n=user,r=fyko+d2lbbFgONRv9qkxdawL,"
		"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096,"
		"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j",
		"v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
		"rmF9pqV8S7suAoZWja4dJRkFsKQ=",
	},
	{
		"SCRAM-SHA-256",
		EVP_sha256,
		4096,
		"W22ZaJ0SNY7soEsUEjb6gQ==",
		"WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=",
		"wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
		"n=user,r=rOprNGfwEbeRWgbNEkqO,"
		"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
		"s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
		"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
		"dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
		"6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
	},
};

static size_t
decode(const char *base64, unsigned char *out)
{
	size_t len = strlen(base64);
	int n = EVP_DecodeBlock(out, (const unsigned char *)base64, (int)len);

	assert_true(n > 0);
	return (size_t)n - (base64[len - 1] == '=') - (base64[len - 2] == '=');
}

static void
hmac(const struct vector *v, const unsigned char *key, size_t len, const char *text,
     unsigned char *out)
{
	assert_non_null(
		HMAC(v->md(), key, (int)len, (const unsigned char *)text, strlen(text), out, NULL));
}

/* The keys above are those of the RFCs' own exchanges. */
static void
test_scram_vectors_belong_to_the_exchanges(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(VECTORS); i++) {
		const struct vector *v = &VECTORS[i];
		unsigned char stored[SCRAM_KEY_MAX], server[SCRAM_KEY_MAX], proof[SCRAM_KEY_MAX];
		unsigned char signature[SCRAM_KEY_MAX], want[SCRAM_KEY_MAX], key[SCRAM_KEY_MAX];
		size_t len = decode(v->stored_key, stored);

		hmac(v, stored, len, v->auth_message, signature);
		assert_int_equal(decode(v->proof, proof), len);
		for (size_t b = 0; b < len; b++)
			proof[b] ^= signature[b];
		assert_int_equal(EVP_Digest(proof, len, key, NULL, v->md(), NULL), 1);
		assert_memory_equal(key, stored, len);
		assert_int_equal(decode(v->server_key, server), len);
		hmac(v, server, len, v->auth_message, signature);
		assert_int_equal(decode(v->signature, want), len);
		assert_memory_equal(signature, want, len);
	}
}

static bool
check(const struct vector *v, const char *password, size_t len)
{
	unsigned char salt[SCRAM_KEY_MAX], key[SCRAM_KEY_MAX];
	struct scram_stored stored = {
		v->mechanism, v->iterations, salt, decode(v->salt, salt), key, 0,
	};
	struct adx_error err = { 0 };
	bool match;

	stored.key_len = decode(v->stored_key, key);
	assert_int_equal(scram_check(&stored, password, len, &match, &err), ADX_OK);
	return match;
}

static void
test_scram_check_knows_the_password_of_the_rfcs(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(VECTORS); i++) {
		assert_true(check(&VECTORS[i], T("pencil")));
		assert_true(check(&VECTORS[i], T("pen\xC2\xAD"
						 "cil")));
		assert_true(check(&VECTORS[i], T("ｐencil")));
		assert_false(check(&VECTORS[i], T("Pencil")));
		assert_false(check(&VECTORS[i], T("pencil ")));
		assert_false(check(&VECTORS[i], T("penci")));
	}
}

/* What SASLprep refuses nobody can have as a password: that is no error. */
static void
test_scram_check_matches_nothing_refused(void **state)
{
	(void)state;
	assert_false(check(&VECTORS[1], T("")));
	assert_false(check(&VECTORS[1], T("pencil\0")));
	assert_false(check(&VECTORS[1], T("pencil\n")));
	assert_false(check(&VECTORS[1], T("pencil\xFF")));
}

static void
test_scram_check_refuses_credentials_it_cannot_use(void **state)
{
	static const struct {
		const char *mechanism;
		size_t key_len;
	} cases[] = {
		{ "SCRAM-SHA-224", 28 }, { "", 0 },
		{ "scram-sha-1", 20 },   { "SCRAM-SHA-1", 32 },
		{ "SCRAM-SHA-256", 0 },  { "SCRAM-SHA-512", 63 },
		{ "PLAIN", 6 },
	};
	unsigned char key[SCRAM_KEY_MAX] = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct scram_stored stored = { cases[i].mechanism, 4096, key, 16, key,
					       cases[i].key_len };
		struct adx_error err = { 0 };
		bool match = true;

		assert_int_equal(scram_check(&stored, T("x"), &match, &err), ADX_EFAIL);
		assert_false(match);
	}
}

static void
test_scram_key_len_of_mechanisms(void **state)
{
	(void)state;
	assert_int_equal(scram_key_len("SCRAM-SHA-1"), 20);
	assert_int_equal(scram_key_len("SCRAM-SHA-256"), 32);
	assert_int_equal(scram_key_len("SCRAM-SHA-512"), 64);
	assert_int_equal(scram_key_len("SCRAM-SHA-256-PLUS"), 0);
	assert_int_equal(scram_key_len("PLAIN"), 0);
	assert_int_equal(scram_key_len(""), 0);
}

static const struct made {
	const char *mechanism;
	const EVP_MD *(*md)(void);
	size_t key_len;
	int iterations;
} MADE[] = {
	{ "SCRAM-SHA-1", EVP_sha1, 20, 1 },     { "SCRAM-SHA-1", EVP_sha1, 20, 4096 },
	{ "SCRAM-SHA-256", EVP_sha256, 32, 1 }, { "SCRAM-SHA-256", EVP_sha256, 32, 5000 },
	{ "SCRAM-SHA-512", EVP_sha512, 64, 2 },
};

/* ServerKey := HMAC(SaltedPassword, "Server Key"), from the library alone. */
static void
check_server_key(const struct made *m, const struct scram *s, const char *password)
{
	unsigned char salted[SCRAM_KEY_MAX], key[SCRAM_KEY_MAX];

	assert_int_equal(PKCS5_PBKDF2_HMAC(password, -1, s->salt, SCRAM_SALT_SIZE, m->iterations,
					   m->md(), (int)m->key_len, salted),
			 1);
	assert_non_null(HMAC(m->md(), salted, (int)m->key_len, (const unsigned char *)"Server Key",
			     10, key, NULL));
	assert_memory_equal(s->server_key, key, m->key_len);
}

static void
test_scram_make_gives_what_check_takes(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(MADE); i++) {
		const struct made *m = &MADE[i];
		struct scram_stored stored = { m->mechanism,    m->iterations, NULL,
					       SCRAM_SALT_SIZE, NULL,          m->key_len };
		struct adx_error err = { 0 };
		struct scram s;
		bool match;

		assert_int_equal(scram_make(m->mechanism, m->iterations, T("Ⅸ"), &s, &err), ADX_OK);
		assert_int_equal(s.key_len, m->key_len);
		check_server_key(m, &s, "IX");
		stored.salt = s.salt;
		stored.stored_key = s.stored_key;
		assert_int_equal(scram_check(&stored, T("IX"), &match, &err), ADX_OK);
		assert_true(match);
		stored.iterations++;
		assert_int_equal(scram_check(&stored, T("IX"), &match, &err), ADX_OK);
		assert_false(match);
	}
}

static void
test_scram_make_salts(void **state)
{
	struct adx_error err = { 0 };
	struct scram a, b;

	(void)state;
	assert_int_equal(scram_make("SCRAM-SHA-256", 1, T("x"), &a, &err), ADX_OK);
	assert_int_equal(scram_make("SCRAM-SHA-256", 1, T("x"), &b, &err), ADX_OK);
	assert_memory_not_equal(a.salt, b.salt, SCRAM_SALT_SIZE);
	assert_memory_not_equal(a.stored_key, b.stored_key, a.key_len);
	assert_memory_not_equal(a.server_key, b.server_key, a.key_len);
	assert_memory_not_equal(a.stored_key, a.server_key, a.key_len);
}

static void
test_scram_make_refuses(void **state)
{
	struct adx_error err = { 0 };
	struct scram s;

	(void)state;
	assert_int_equal(scram_make("PLAIN", 4096, T("x"), &s, &err), ADX_EINVAL);
	assert_string_equal(err.message, "'PLAIN' is no mechanism for passwords");
	assert_int_equal(scram_make("SCRAM-SHA-256", 4096, T(""), &s, &err), ADX_EINVAL);
	assert_int_equal(scram_make("SCRAM-SHA-256", 4096, T("\a"), &s, &err), ADX_EINVAL);
	assert_int_equal(scram_make("SCRAM-SHA-256", 0, T("x"), &s, &err), ADX_EFAIL);
}

/* The first seven are the examples of RFC 4013, section 3. */
static void
test_password_prepare_follows_saslprep(void **state)
{
	static const struct {
		const char *in;
		size_t len;
		const char *want; /* NULL: refused */
	} cases[] = {
		{ T("I\xC2\xADX"), "IX" },
		{ T("user"), "user" },
		{ T("USER"), "USER" },
		{ T("\xC2\xAA"), "a" },
		{ T("\xE2\x85\xA8"), "IX" },
		{ T("\x07"), NULL },
		{ T("\xD8\xA7\x31"), NULL },
		/* other spaces become the one of ASCII */
		{ T(" a b "), " a b " },
		{ T("a\xC2\xA0"
		    "b\xE3\x80\x80"
		    "c\xE1\x9A\x80"
		    "d"),
		  "a b c d" },
		{ T("Straße Σίσυφος"), "Straße Σίσυφος" },
		{ T("e\xCC\x81"), "é" },
		{ T("x'\"\\%;&<>/@:~"), "x'\"\\%;&<>/@:~" },
		/* not assigned in Unicode 3.2 */
		{ T("😀ẞ"), "😀ẞ" },
		{ T(""), NULL },
		{ T("\xC2\xAD"), NULL },
		{ T("\0"), NULL },
		{ T("a\0b"), NULL },
		{ T("a\n"), NULL },
		{ T("a\x7F"), NULL },
		{ T("a\xEE\x80\x80"), NULL },
		{ T("a\xEF\xBF\xBD"), NULL },
		{ T("a\xE2\x80\x8E"), NULL },
		{ T("אa"), NULL },
		{ T("\xFF"), NULL },
		{ T("a\xC3"), NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf out = BUF_INIT;
		struct adx_error err = { 0 };
		enum adx_rc rc = password_prepare(cases[i].in, cases[i].len, &out, &err);

		if (rc != (cases[i].want == NULL ? ADX_EINVAL : ADX_OK))
			fail_msg("case %zu: %s", i, err.message);
		if (cases[i].want != NULL)
			assert_string_equal(buf_text(&out), cases[i].want);
		buf_wipe(&out);
	}
}

/* Longer than any buffer inside, and longer after than before. */
static void
test_password_prepare_takes_long_passwords(void **state)
{
	struct buf in = BUF_INIT, out = BUF_INIT;
	struct adx_error err = { 0 };

	(void)state;
	for (int i = 0; i < 5000; i++)
		buf_add_text(&in, "㎑");
	assert_int_equal(password_prepare(in.data, in.len, &out, &err), ADX_OK);
	assert_int_equal(out.len, 15000);
	assert_memory_equal(out.data, "kHzkHz", 6);
	buf_wipe(&in);
	buf_wipe(&out);
}

/* A failure must not repeat what was typed. */
static void
test_password_prepare_does_not_quote(void **state)
{
	struct buf out = BUF_INIT;
	struct adx_error err = { 0 };

	(void)state;
	assert_int_equal(password_prepare(T("swordfish\n"), &out, &err), ADX_EINVAL);
	assert_null(strstr(err.message, "swordfish"));
	assert_int_equal(password_prepare(T("swordfish\xFF"), &out, &err), ADX_EINVAL);
	assert_null(strstr(err.message, "swordfish"));
	buf_wipe(&out);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scram_vectors_belong_to_the_exchanges),
		cmocka_unit_test(test_scram_check_knows_the_password_of_the_rfcs),
		cmocka_unit_test(test_scram_check_matches_nothing_refused),
		cmocka_unit_test(test_scram_check_refuses_credentials_it_cannot_use),
		cmocka_unit_test(test_scram_key_len_of_mechanisms),
		cmocka_unit_test(test_scram_make_gives_what_check_takes),
		cmocka_unit_test(test_scram_make_salts),
		cmocka_unit_test(test_scram_make_refuses),
		cmocka_unit_test(test_password_prepare_follows_saslprep),
		cmocka_unit_test(test_password_prepare_takes_long_passwords),
		cmocka_unit_test(test_password_prepare_does_not_quote),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
