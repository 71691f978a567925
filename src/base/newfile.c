#include "base/newfile.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OWN_LINK_SIZE = sizeof("/proc/self/fd/") + 12 };

static enum adx_rc
fail(const struct newfile *file, struct adx_error *err)
{
	return adx_fail_errno(err, ADX_EIO, errno, "cannot write '%s'", file->path);
}

static enum adx_rc
open_in_place(struct newfile *file, struct adx_error *err)
{
	file->in_place = true;
	file->fd = open(file->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	return file->fd < 0 ? fail(file, err) : ADX_OK;
}

/* The folder that a name is in, or -1 and errno. */
static int
open_folder(const char *path, int flags)
{
	char *copy = strdup(path);
	int fd = copy == NULL ? -1 : open(dirname(copy), flags | O_CLOEXEC, 0600);
	int errnum = copy == NULL ? ENOMEM : errno;

	free(copy);
	errno = errnum;
	return fd;
}

static void
own_link(const struct newfile *file, char text[OWN_LINK_SIZE])
{
	snprintf(text, OWN_LINK_SIZE, "/proc/self/fd/%d", file->fd);
}

/* It gets its name through /proc: without that it never would. */
static bool
open_nameless(struct newfile *file)
{
	char link[OWN_LINK_SIZE];

	file->fd = open_folder(file->path, O_TMPFILE | O_RDWR);
	if (file->fd < 0)
		return false;
	own_link(file, link);
	if (access(link, F_OK) == 0)
		return true;
	close(file->fd);
	file->fd = -1;
	return false;
}

static enum adx_rc
open_beside(struct newfile *file, struct adx_error *err)
{
	enum adx_rc rc;

	if (asprintf(&file->temporary, "%s.XXXXXX", file->path) < 0) {
		file->temporary = NULL;
		return adx_nomem(err);
	}
	file->fd = mkostemp(file->temporary, O_CLOEXEC);
	if (file->fd >= 0)
		return ADX_OK;
	rc = fail(file, err);
	free(file->temporary);
	file->temporary = NULL;
	return rc;
}

/* What cannot become a name of a file is refused now, not when all is written. */
static bool
is_bad_name(const char *path)
{
	size_t len = strlen(path);

	if (len > 0 && path[len - 1] != '/')
		return false;
	errno = len == 0 ? ENOENT : EISDIR;
	return true;
}

static enum adx_rc
open_new(struct newfile *file, struct adx_error *err)
{
	enum adx_rc rc = open_nameless(file) ? ADX_OK : open_beside(file, err);

	/* Whatever the umask. */
	if (rc == ADX_OK && fchmod(file->fd, 0600) != 0) {
		rc = fail(file, err);
		newfile_abort(file);
	}
	return rc;
}

enum adx_rc
newfile_open(struct newfile *file, const char *path, struct adx_error *err)
{
	struct stat st;
	bool there;

	*file = (struct newfile){ .fd = -1, .path = path };
	there = stat(path, &st) == 0;
	if (there && !S_ISREG(st.st_mode))
		return open_in_place(file, err);
	if (!there && (errno != ENOENT || is_bad_name(path)))
		return fail(file, err);
	return open_new(file, err);
}

int
newfile_sync_folder(const char *path)
{
	int fd = open_folder(path, O_RDONLY | O_DIRECTORY);
	int errnum = 0;

	/* A folder that one may write to but not read. */
	if (fd < 0)
		return errno == EACCES ? 0 : errno;
	/* EINVAL: a file system that has nothing to synchronise there. */
	if (fsync(fd) != 0 && errno != EINVAL)
		errnum = errno;
	close(fd);
	return errnum;
}

/* A name beside the final one, for a moment: only rename() replaces a file. */
static int
link_beside(struct newfile *file, const char *link)
{
	unsigned random;

	do {
		free(file->temporary);
		file->temporary = NULL;
		if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random) ||
		    asprintf(&file->temporary, "%s.%08x", file->path, random) < 0) {
			file->temporary = NULL;
			return -1;
		}
		if (linkat(AT_FDCWD, link, AT_FDCWD, file->temporary, AT_SYMLINK_FOLLOW) == 0)
			return 0;
	} while (errno == EEXIST);
	free(file->temporary);
	file->temporary = NULL;
	return -1;
}

static int
give_name(struct newfile *file)
{
	char link[OWN_LINK_SIZE];

	if (file->temporary == NULL) {
		own_link(file, link);
		if (linkat(AT_FDCWD, link, AT_FDCWD, file->path, AT_SYMLINK_FOLLOW) == 0)
			return 0;
		if (errno != EEXIST || link_beside(file, link) != 0)
			return -1;
	}
	if (rename(file->temporary, file->path) != 0)
		return -1;
	free(file->temporary);
	file->temporary = NULL;
	return 0;
}

static enum adx_rc
make_durable(const struct newfile *file, struct adx_error *err)
{
	int errnum = newfile_sync_folder(file->path);

	if (errnum == 0)
		return ADX_OK;
	return adx_fail_errno(err, ADX_EIO, errnum,
			      "'%s' is there, but may not survive a crash: cannot synchronise its "
			      "folder",
			      file->path);
}

enum adx_rc
newfile_commit(struct newfile *file, struct adx_error *err)
{
	enum adx_rc rc = ADX_OK;

	if (!file->in_place && (fsync(file->fd) != 0 || give_name(file) != 0))
		rc = fail(file, err);
	if (close(file->fd) != 0 && rc == ADX_OK)
		rc = fail(file, err);
	file->fd = -1;
	if (rc == ADX_OK && !file->in_place)
		rc = make_durable(file, err);
	newfile_abort(file);
	return rc;
}

void
newfile_abort(struct newfile *file)
{
	if (file->fd >= 0)
		close(file->fd);
	if (file->temporary != NULL)
		unlink(file->temporary);
	free(file->temporary);
	*file = (struct newfile){ .fd = -1 };
}
