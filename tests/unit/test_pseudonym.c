#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/pseudonym.h"

/* A key file of `len` bytes, one for each number from `first`; opened, and already gone. */
static struct pseudonym_key *
key_of(unsigned first, size_t len)
{
	char path[] = "/tmp/adminex-pseudonym-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);
	struct pseudonym_key *key;
	struct adx_error err;

	assert_true(fd >= 0);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(write(fd, &(unsigned char){ (unsigned char)(first + i) }, 1), 1);
	close(fd);
	if (pseudonym_open(path, &key, &err) != ADX_OK)
		fail_msg("%s", err.message);
	unlink(path);
	return key;
}

static int
setup(void **state)
{
	*state = key_of(0, 32);
	return 0;
}

static int
teardown(void **state)
{
	pseudonym_close(*state);
	return 0;
}

static void
hash(const struct pseudonym_key *key, const char *host, const char *username,
     char hex[PSEUDONYM_HEX_LEN + 1])
{
	struct adx_error err;

	assert_int_equal(pseudonym_of(key, host, username, hex, &err), ADX_OK);
}

/*
 * Stored hashes must be recognised for ever. What is expected here was computed by Python:
 * hmac.new(bytes(range(32)), b"adminex data subject 1\0romeo@example.org", "sha256").hexdigest()
 */
static void
test_pseudonym_is_this_hmac(void **state)
{
	static const struct {
		const char *username, *host, *want;
	} cases[] = {
		{ "romeo", "example.org",
		  "d017b9420d1367a8c0117a3a252a1e30849c5e8bb89453c44ea903dd1a3b20e4" },
		{ "juliet", "example.org",
		  "dd7e4d42769da99f462ac4c73ad6e5eecfdcdeabcd9fb28065327638bab2e509" },
		{ "", "example.org",
		  "1b70bafc3d2ff51eb1de2e62e0449702b9248c44a2f22ad9071e535966a61dfd" },
	};
	char hex[PSEUDONYM_HEX_LEN + 1];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		hash(*state, cases[i].host, cases[i].username, hex);
		assert_string_equal(hex, cases[i].want);
	}
}

static void
test_pseudonym_bytes_are_the_digits(void **state)
{
	unsigned char bytes[PSEUDONYM_SIZE];
	char hex[PSEUDONYM_HEX_LEN + 1], two[3];
	struct adx_error err;

	assert_int_equal(pseudonym_bytes(*state, "example.org", "romeo", bytes, &err), ADX_OK);
	hash(*state, "example.org", "romeo", hex);
	for (size_t i = 0; i < PSEUDONYM_SIZE; i++) {
		snprintf(two, sizeof(two), "%02x", bytes[i]);
		assert_memory_equal(hex + 2 * i, two, 2);
	}
}

/* hmac.new(bytes(range(32)), b"adminex note 1\0passport seen", "sha256").hexdigest() */
static void
test_pseudonym_of_a_note_has_another_label(void **state)
{
	char hex[PSEUDONYM_HEX_LEN + 1], other[PSEUDONYM_HEX_LEN + 1];
	struct adx_error err;

	assert_int_equal(pseudonym_of_note(*state, "passport seen", hex, &err), ADX_OK);
	assert_string_equal(hex,
			    "54eef120a96e5bdfbf5d19b95a43ec6b79f9275c6816cf9d4ab68dd530ac1e47");
	assert_int_equal(pseudonym_of_note(*state, "romeo@example.org", hex, &err), ADX_OK);
	hash(*state, "example.org", "romeo", other);
	assert_string_not_equal(hex, other);
}

static void
test_pseudonym_tells_neighbours_apart(void **state)
{
	static const char *const jids[][2] = {
		{ "romeo", "example.org" },  { "romeo", "example.net" },
		{ "romeo", "example.or" },   { "romeo", "sub.example.org" },
		{ "rome", "example.org" },   { "romeo2", "example.org" },
		{ "", "romeo.example.org" }, { "Romeo", "example.org" },
	};
	enum { COUNT = sizeof(jids) / sizeof(jids[0]) };
	char hex[COUNT][PSEUDONYM_HEX_LEN + 1];

	for (size_t i = 0; i < COUNT; i++) {
		hash(*state, jids[i][1], jids[i][0], hex[i]);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(hex[i], hex[k]);
	}
}

/* Every byte of the file is part of the key, also behind the first 32. */
static void
test_pseudonym_of_another_key_is_another(void **state)
{
	static const struct {
		unsigned first;
		size_t len;
	} keys[] = { { 1, 32 }, { 0, 33 }, { 0, 64 }, { 0, 65 }, { 0, 1024 } };
	char usual[PSEUDONYM_HEX_LEN + 1], hex[PSEUDONYM_HEX_LEN + 1];

	hash(*state, "example.org", "romeo", usual);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct pseudonym_key *key = key_of(keys[i].first, keys[i].len);

		hash(key, "example.org", "romeo", hex);
		assert_string_not_equal(hex, usual);
		pseudonym_close(key);
	}
}

static void
test_pseudonym_needs_a_key(void **state)
{
	struct pseudonym_key *key = *state;
	struct adx_error err = { 0 };

	assert_int_equal(pseudonym_open("/tmp", &key, &err), ADX_EINVAL);
	assert_null(key);
	assert_string_equal(err.message, "'/tmp' is no key: it is not a regular file");
	pseudonym_close(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pseudonym_is_this_hmac),
		cmocka_unit_test(test_pseudonym_bytes_are_the_digits),
		cmocka_unit_test(test_pseudonym_of_a_note_has_another_label),
		cmocka_unit_test(test_pseudonym_tells_neighbours_apart),
		cmocka_unit_test(test_pseudonym_of_another_key_is_another),
		cmocka_unit_test(test_pseudonym_needs_a_key),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
