#include <fcntl.h>
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

#include "base/newfolder.h"
#include "place.h"

static int
setup(void **state)
{
	return place_make(state, "data");
}

/* What is left that should not be makes rmdir() fail. */
static int
teardown(void **state)
{
	struct place *p = *state;
	char name[64];
	int status;

	for (int i = 'a'; i <= 'c'; i++) {
		snprintf(name, sizeof(name), "%s/%c", p->path, i);
		unlink(name);
	}
	rmdir(p->path);
	status = rmdir(p->folder);
	free(p);
	return status;
}

static void
put(struct newfolder *folder, const char *name)
{
	struct adx_error err;
	int fd;

	assert_int_equal(newfolder_file(folder, name, &fd, &err), ADX_OK);
	assert_int_equal(write(fd, name, strlen(name)), strlen(name));
	close(fd);
}

static struct newfolder
open_folder(const char *path)
{
	struct newfolder folder;
	struct adx_error err;

	assert_int_equal(newfolder_open(&folder, path, &err), ADX_OK);
	return folder;
}

static void
assert_whole(const struct place *p)
{
	char name[64];
	struct stat st;

	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0700);
	for (int i = 'a'; i <= 'b'; i++) {
		snprintf(name, sizeof(name), "%s/%c", p->path, i);
		assert_int_equal(stat(name, &st), 0);
		assert_int_equal(st.st_mode, S_IFREG | 0600);
		assert_int_equal(st.st_size, 1);
	}
}

static void
test_newfolder_appears_at_commit(void **state)
{
	const struct place *p = *state;
	struct newfolder folder = open_folder(p->path);
	struct adx_error err;

	put(&folder, "a");
	put(&folder, "b");
	assert_int_not_equal(access(p->path, F_OK), 0);
	assert_int_equal(newfolder_commit(&folder, &err), ADX_OK);
	assert_whole(p);
	assert_int_equal(folder.fd, -1);
}

static void
test_newfolder_takes_the_place_of_an_empty_one(void **state)
{
	const struct place *p = *state;
	char path[64];
	struct newfolder folder;
	struct adx_error err;

	assert_int_equal(mkdir(p->path, 0755), 0);
	snprintf(path, sizeof(path), "%s//", p->path);
	folder = open_folder(path);
	put(&folder, "a");
	put(&folder, "b");
	assert_int_equal(newfolder_commit(&folder, &err), ADX_OK);
	assert_whole(p);
}

static void
test_newfolder_leaves_nothing_when_aborted(void **state)
{
	const struct place *p = *state;
	struct newfolder folder = open_folder(p->path);

	put(&folder, "a");
	put(&folder, "b");
	newfolder_abort(&folder);
	assert_int_not_equal(access(p->path, F_OK), 0);
	newfolder_abort(&folder);
}

static void
test_newfolder_refuses_a_name_that_is_taken(void **state)
{
	const struct place *p = *state;
	struct newfolder folder;
	struct adx_error err;
	char name[64];

	assert_int_equal(mkdir(p->path, 0755), 0);
	snprintf(name, sizeof(name), "%s/a", p->path);
	close(open(name, O_WRONLY | O_CREAT, 0600));
	assert_int_equal(newfolder_open(&folder, p->path, &err), ADX_EIO);
	assert_non_null(strstr(err.message, "Directory not empty"));
	assert_int_equal(newfolder_open(&folder, name, &err), ADX_EIO);
	assert_non_null(strstr(err.message, "Not a directory"));
	snprintf(name, sizeof(name), "%s/a/b", p->path);
	assert_int_equal(newfolder_open(&folder, name, &err), ADX_EIO);
}

/* Somebody was quicker. */
static void
test_newfolder_commit_that_fails_leaves_nothing(void **state)
{
	const struct place *p = *state;
	struct newfolder folder = open_folder(p->path);
	struct adx_error err;
	char name[64];

	put(&folder, "a");
	assert_int_equal(mkdir(p->path, 0755), 0);
	snprintf(name, sizeof(name), "%s/c", p->path);
	close(open(name, O_WRONLY | O_CREAT, 0600));
	assert_int_equal(newfolder_commit(&folder, &err), ADX_EIO);
	assert_int_equal(access(name, F_OK), 0);
}

static void
test_newfolder_file_names(void **state)
{
	const struct place *p = *state;
	struct newfolder folder = open_folder(p->path);
	struct adx_error err;
	char name[300];
	int fd;

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(newfolder_file(&folder, name, &fd, &err), ADX_EINVAL);
	assert_int_equal(newfolder_file(&folder, "no/folder", &fd, &err), ADX_EIO);
	put(&folder, "a");
	assert_int_equal(newfolder_file(&folder, "a", &fd, &err), ADX_EIO);
	newfolder_abort(&folder);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_newfolder_appears_at_commit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_newfolder_takes_the_place_of_an_empty_one,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_newfolder_leaves_nothing_when_aborted, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_newfolder_refuses_a_name_that_is_taken, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_newfolder_commit_that_fails_leaves_nothing,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_newfolder_file_names, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
