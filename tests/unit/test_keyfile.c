#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/keyfile.h"
#include "place.h"

static int
setup(void **state)
{
	return place_make(state, "key");
}

/* Nothing but the key may be left: rmdir() says so. */
static int
teardown(void **state)
{
	struct place *p = *state;
	int status;

	remove(p->path);
	status = rmdir(p->folder);
	free(p);
	return status;
}

static void
put(const struct place *p, size_t len, mode_t mode)
{
	unsigned char bytes[KEYFILE_MAX + 1];
	int fd = open(p->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(len <= sizeof(bytes));
	for (size_t i = 0; i < len; i++)
		bytes[i] = (unsigned char)i;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void
refuse(const struct place *p, enum adx_rc rc, const char *what)
{
	struct keyfile key;
	struct adx_error err = { 0 };

	memset(&key, 0x55, sizeof(key));
	assert_int_equal(keyfile_load(p->path, &key, &err), rc);
	assert_int_equal(err.rc, rc);
	assert_non_null(strstr(err.message, p->path));
	if (strstr(err.message, what) == NULL)
		fail_msg("'%s' is not in: %s", what, err.message);
	/* Nothing of what was read is left. */
	for (size_t i = 0; i < sizeof(key); i++)
		assert_int_equal(((unsigned char *)&key)[i], 0);
}

static void
test_keyfile_is_made_when_missing(void **state)
{
	const struct place *p = *state;
	struct keyfile first, again;
	struct adx_error err;
	struct stat st;

	umask(0);
	assert_int_equal(keyfile_load(p->path, &first, &err), ADX_OK);
	assert_int_equal(first.len, KEYFILE_MIN);
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_size, KEYFILE_MIN);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(keyfile_load(p->path, &again, &err), ADX_OK);
	assert_int_equal(again.len, first.len);
	assert_memory_equal(again.bytes, first.bytes, first.len);
}

static void
test_keyfile_two_are_not_the_same(void **state)
{
	const struct place *p = *state;
	struct keyfile first, second;
	struct adx_error err;

	assert_int_equal(keyfile_load(p->path, &first, &err), ADX_OK);
	assert_int_equal(unlink(p->path), 0);
	assert_int_equal(keyfile_load(p->path, &second, &err), ADX_OK);
	assert_memory_not_equal(first.bytes, second.bytes, KEYFILE_MIN);
}

static void
test_keyfile_has_every_byte_of_the_file(void **state)
{
	static const size_t lengths[] = { KEYFILE_MIN, KEYFILE_MIN + 1, 64, KEYFILE_MAX };
	const struct place *p = *state;
	struct keyfile key;
	struct adx_error err;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		put(p, lengths[i], 0600);
		assert_int_equal(keyfile_load(p->path, &key, &err), ADX_OK);
		assert_int_equal(key.len, lengths[i]);
		for (size_t b = 0; b < key.len; b++)
			assert_int_equal(key.bytes[b], b & 0xff);
	}
	keyfile_wipe(&key);
	assert_int_equal(key.len, 0);
	assert_int_equal(key.bytes[1], 0);
}

static void
test_keyfile_of_a_wrong_length_is_refused(void **state)
{
	static const size_t lengths[] = { 0, 1, KEYFILE_MIN - 1, KEYFILE_MAX + 1 };
	const struct place *p = *state;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		put(p, lengths[i], 0600);
		refuse(p, ADX_EINVAL, "is no key: it must have 32 to 1024 random bytes");
	}
}

static void
test_keyfile_that_others_can_read_is_refused(void **state)
{
	static const mode_t refused[] = { 0604, 0602, 0601, 0620, 0610, 0644, 0660, 0666, 0777 };
	static const mode_t accepted[] = { 0600, 0400, 0640, 0440 };
	const struct place *p = *state;
	struct keyfile key;
	struct adx_error err;
	char what[64];

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		put(p, KEYFILE_MIN, refused[i]);
		snprintf(what, sizeof(what), "has mode %04o: others could read or change the key",
			 (unsigned)refused[i]);
		refuse(p, ADX_EINVAL, what);
	}
	for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++) {
		put(p, KEYFILE_MIN, 0600);
		assert_int_equal(chmod(p->path, accepted[i]), 0);
		assert_int_equal(keyfile_load(p->path, &key, &err), ADX_OK);
		assert_int_equal(chmod(p->path, 0600), 0);
	}
}

/* A pipe without a writer would be waited for; a folder and a device have no key either. */
static void
test_keyfile_that_is_no_file_is_refused(void **state)
{
	const struct place *p = *state;
	struct place null = { "", "/dev/null" };

	assert_int_equal(mkfifo(p->path, 0600), 0);
	refuse(p, ADX_EINVAL, "is no key: it is not a regular file");
	assert_int_equal(unlink(p->path), 0);
	assert_int_equal(mkdir(p->path, 0700), 0);
	refuse(p, ADX_EINVAL, "is no key: it is not a regular file");
	refuse(&null, ADX_EINVAL, "is no key: it is not a regular file");
}

static void
test_keyfile_in_a_folder_that_is_missing(void **state)
{
	const struct place *p = *state;
	struct place in = { "", "" };

	snprintf(in.path, sizeof(in.path), "%s/no/key", p->folder);
	refuse(&in, ADX_EIO, "No such file or directory");
}

/* A link that leads nowhere is not replaced: what it should lead to is somebody's decision. */
static void
test_keyfile_link_that_leads_nowhere(void **state)
{
	const struct place *p = *state;
	struct stat st;

	assert_int_equal(symlink("/nowhere/key", p->path), 0);
	refuse(p, ADX_EIO, "No such file or directory");
	assert_int_equal(lstat(p->path, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
}

/* What a process that makes or reads the key exits with: a byte of the sum over it. */
static int
sum_of(const struct place *p)
{
	struct keyfile key;
	struct adx_error err;
	unsigned sum = 1;

	if (keyfile_load(p->path, &key, &err) != ADX_OK)
		return 0;
	for (size_t i = 0; i < key.len; i++)
		sum = sum * 31 + key.bytes[i];
	return (int)(sum % 255 + 1);
}

static void
test_keyfile_that_many_make_at_once_is_one(void **state)
{
	enum { MAKERS = 16 };
	const struct place *p = *state;
	int gate[2], first = 0, status;
	char c;

	assert_int_equal(pipe(gate), 0);
	for (int i = 0; i < MAKERS; i++) {
		if (fork() == 0) {
			close(gate[1]);
			_exit(read(gate[0], &c, 1) == 0 ? sum_of(p) : 0);
		}
	}
	close(gate[0]);
	close(gate[1]);
	for (int i = 0; i < MAKERS; i++) {
		assert_true(wait(&status) > 0);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 0);
		if (first == 0)
			first = WEXITSTATUS(status);
		assert_int_equal(WEXITSTATUS(status), first);
	}
	assert_int_equal(sum_of(p), first);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_keyfile_is_made_when_missing),
		TEST(test_keyfile_two_are_not_the_same),
		TEST(test_keyfile_has_every_byte_of_the_file),
		TEST(test_keyfile_of_a_wrong_length_is_refused),
		TEST(test_keyfile_that_others_can_read_is_refused),
		TEST(test_keyfile_that_is_no_file_is_refused),
		TEST(test_keyfile_in_a_folder_that_is_missing),
		TEST(test_keyfile_link_that_leads_nowhere),
		TEST(test_keyfile_that_many_make_at_once_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
