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
#include <unistd.h>

#include <cmocka.h>

#include "base/newfile.h"
#include "place.h"

static int
setup(void **state)
{
	return place_make(state, "data");
}

static int
teardown(void **state)
{
	struct place *p = *state;
	int status;

	unlink(p->path);
	status = rmdir(p->folder);
	free(p);
	return status;
}

static int
entries(const struct place *p)
{
	DIR *folder = opendir(p->folder);
	int count = 0;

	assert_non_null(folder);
	for (const struct dirent *e; (e = readdir(folder)) != NULL;)
		count += e->d_name[0] != '.';
	closedir(folder);
	return count;
}

static void
put(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void
put_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);

	assert_true(fd >= 0);
	put(fd, text);
	close(fd);
}

static void
assert_holds(const char *path, const char *want)
{
	char got[64] = "";
	int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(read(fd, got, sizeof(got) - 1), strlen(want));
	assert_string_equal(got, want);
	close(fd);
}

static mode_t
mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode;
}

static mode_t
mode_of_fd(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_mode;
}

static void
test_newfile_appears_at_commit(void **state)
{
	const struct place *p = *state;
	struct adx_error err = { 0 };
	struct newfile file;

	assert_int_equal(newfile_open(&file, p->path, &err), ADX_OK);
	put(file.fd, "new");
	assert_int_not_equal(access(p->path, F_OK), 0);
	assert_int_equal(newfile_commit(&file, &err), ADX_OK);
	assert_holds(p->path, "new");
	assert_int_equal(mode_of(p->path), S_IFREG | 0600);
	assert_int_equal(entries(p), 1);
	assert_int_equal(file.fd, -1);
}

static void
test_newfile_mode_does_not_depend_on_the_umask(void **state)
{
	const struct place *p = *state;
	struct adx_error err = { 0 };
	mode_t before = umask(0);
	struct newfile file;

	assert_int_equal(newfile_open(&file, p->path, &err), ADX_OK);
	umask(before);
	assert_int_equal(mode_of_fd(file.fd), S_IFREG | 0600);
	assert_int_equal(newfile_commit(&file, &err), ADX_OK);
	assert_int_equal(mode_of(p->path), S_IFREG | 0600);
}

static void
test_newfile_replaces(void **state)
{
	const struct place *p = *state;
	struct adx_error err = { 0 };
	struct newfile file;

	put_file(p->path, "old and longer", 0644);
	assert_int_equal(newfile_open(&file, p->path, &err), ADX_OK);
	put(file.fd, "new");
	assert_holds(p->path, "old and longer");
	assert_int_equal(newfile_commit(&file, &err), ADX_OK);
	assert_holds(p->path, "new");
	assert_int_equal(mode_of(p->path), S_IFREG | 0600);
	assert_int_equal(entries(p), 1);
}

static void
test_newfile_aborted_leaves_nothing(void **state)
{
	const struct place *p = *state;
	struct adx_error err = { 0 };
	struct newfile file;

	assert_int_equal(newfile_open(&file, p->path, &err), ADX_OK);
	put(file.fd, "new");
	newfile_abort(&file);
	assert_int_equal(entries(p), 0);
	newfile_abort(&file);
}

static void
test_newfile_aborted_leaves_the_old_file(void **state)
{
	const struct place *p = *state;
	struct adx_error err = { 0 };
	struct newfile file;

	put_file(p->path, "old", 0640);
	assert_int_equal(newfile_open(&file, p->path, &err), ADX_OK);
	put(file.fd, "new");
	newfile_abort(&file);
	assert_holds(p->path, "old");
	assert_int_equal(mode_of(p->path), S_IFREG | 0640);
	assert_int_equal(entries(p), 1);
}

/* It has no name before, so whoever is killed leaves nothing. */
static void
test_newfile_is_nowhere_before_commit(void **state)
{
	const struct place *p = *state;
	struct adx_error err = { 0 };
	struct newfile file;

	put_file(p->path, "old", 0600);
	assert_int_equal(newfile_open(&file, p->path, &err), ADX_OK);
	put(file.fd, "new");
	assert_null(file.temporary);
	assert_int_equal(entries(p), 1);
	assert_holds(p->path, "old");
	close(file.fd);
	assert_int_equal(entries(p), 1);
}

/* A name that appeared while the file was written is taken over like one that was there. */
static void
test_newfile_replaces_what_appeared_meanwhile(void **state)
{
	const struct place *p = *state;
	struct adx_error err = { 0 };
	struct newfile file;

	assert_int_equal(newfile_open(&file, p->path, &err), ADX_OK);
	put(file.fd, "new");
	put_file(p->path, "other", 0644);
	assert_int_equal(newfile_commit(&file, &err), ADX_OK);
	assert_holds(p->path, "new");
	assert_int_equal(entries(p), 1);
}

static void
test_newfile_replaces_a_link_and_not_what_it_leads_to(void **state)
{
	const struct place *p = *state;
	struct adx_error err = { 0 };
	struct newfile file;
	char target[64];

	snprintf(target, sizeof(target), "%s/target", p->folder);
	put_file(target, "target", 0600);
	assert_int_equal(symlink("target", p->path), 0);
	assert_int_equal(newfile_open(&file, p->path, &err), ADX_OK);
	put(file.fd, "new");
	assert_int_equal(newfile_commit(&file, &err), ADX_OK);
	assert_holds(target, "target");
	assert_holds(p->path, "new");
	assert_int_equal(mode_of(p->path), S_IFREG | 0600);
	assert_int_equal(unlink(target), 0);
}

static void
test_newfile_commit_fails_when_the_folder_is_gone(void **state)
{
	const struct place *p = *state;
	struct adx_error err = { 0 };
	struct newfile file;

	assert_int_equal(newfile_open(&file, p->path, &err), ADX_OK);
	assert_int_equal(rmdir(p->folder), 0);
	assert_int_equal(newfile_commit(&file, &err), ADX_EIO);
	assert_non_null(strstr(err.message, "No such file or directory"));
	assert_int_equal(mkdir(p->folder, 0700), 0);
}

static void
check_open_refuses(const char *path, const char *why)
{
	struct adx_error err = { 0 };
	struct newfile file;

	assert_int_equal(newfile_open(&file, path, &err), ADX_EIO);
	assert_non_null(strstr(err.message, path));
	assert_non_null(strstr(err.message, why));
	newfile_abort(&file);
}

static void
test_newfile_open_refuses(void **state)
{
	const struct place *p = *state;
	char missing[64], below[64], slash[66];

	snprintf(missing, sizeof(missing), "%s/no/data", p->folder);
	snprintf(below, sizeof(below), "%s/data", p->path);
	put_file(p->path, "file", 0600);
	check_open_refuses(p->folder, "Is a directory");
	check_open_refuses("", "No such file or directory");
	check_open_refuses(strcat(strcpy(slash, missing), "/"), "Is a directory");
	check_open_refuses(missing, "No such file or directory");
	check_open_refuses(below, "Not a directory");
	assert_int_equal(entries(p), 1);
}

/* A device stays a device, and a full one fails when it is written to. */
static void
test_newfile_writes_devices_in_place(void **state)
{
	static const char *const devices[] = { "/dev/null", "/dev/full" };
	struct adx_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct newfile file;

		assert_int_equal(newfile_open(&file, devices[i], &err), ADX_OK);
		assert_null(file.temporary);
		assert_int_equal(write(file.fd, "x", 1), i == 0 ? 1 : -1);
		assert_int_equal(newfile_commit(&file, &err), ADX_OK);
		assert_true(S_ISCHR(mode_of(devices[i])));
	}
}

static void
test_newfile_writes_a_pipe_in_place(void **state)
{
	const struct place *p = *state;
	struct adx_error err = { 0 };
	struct newfile file;
	char got[4] = "";
	int reader;

	assert_int_equal(mkfifo(p->path, 0600), 0);
	reader = open(p->path, O_RDONLY | O_NONBLOCK);
	assert_true(reader >= 0);
	assert_int_equal(newfile_open(&file, p->path, &err), ADX_OK);
	put(file.fd, "new");
	assert_int_equal(newfile_commit(&file, &err), ADX_OK);
	assert_int_equal(read(reader, got, sizeof(got)), 3);
	assert_string_equal(got, "new");
	assert_true(S_ISFIFO(mode_of(p->path)));
	close(reader);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_newfile_appears_at_commit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_newfile_mode_does_not_depend_on_the_umask,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_newfile_replaces, setup, teardown),
		cmocka_unit_test_setup_teardown(test_newfile_aborted_leaves_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_newfile_aborted_leaves_the_old_file, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_newfile_is_nowhere_before_commit, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_newfile_replaces_what_appeared_meanwhile,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_newfile_replaces_a_link_and_not_what_it_leads_to, setup, teardown),
		cmocka_unit_test_setup_teardown(test_newfile_commit_fails_when_the_folder_is_gone,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_newfile_open_refuses, setup, teardown),
		cmocka_unit_test(test_newfile_writes_devices_in_place),
		cmocka_unit_test_setup_teardown(test_newfile_writes_a_pipe_in_place, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
