#include "base/newfile.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum adx_rc
fail(const struct newfile *file, struct adx_error *err)
{
	return adx_fail_errno(err, ADX_EIO, errno, "cannot write '%s'", file->path);
}

static enum adx_rc
open_in_place(struct newfile *file, struct adx_error *err)
{
	file->fd = open(file->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	return file->fd < 0 ? fail(file, err) : ADX_OK;
}

enum adx_rc
newfile_open(struct newfile *file, const char *path, struct adx_error *err)
{
	struct stat st;
	enum adx_rc rc;

	*file = (struct newfile){ .fd = -1, .path = path };
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return fail(file, err);
	}
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return open_in_place(file, err);
	if (asprintf(&file->temporary, "%s.XXXXXX", path) < 0) {
		file->temporary = NULL;
		return adx_nomem(err);
	}
	/* mkostemp() makes it with mode 0600. */
	file->fd = mkostemp(file->temporary, O_CLOEXEC);
	if (file->fd >= 0)
		return ADX_OK;
	rc = fail(file, err);
	free(file->temporary);
	file->temporary = NULL;
	return rc;
}

/* By name: whoever filled the file may have put a new one in its place. */
static bool
sync_contents(const struct newfile *file)
{
	int fd = open(file->temporary, O_RDONLY | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

void
newfile_sync_folder(const char *path)
{
	char *copy = strdup(path);
	int fd = copy == NULL ? -1 : open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
	free(copy);
}

enum adx_rc
newfile_commit(struct newfile *file, struct adx_error *err)
{
	enum adx_rc rc = ADX_OK;

	if (file->temporary != NULL && !sync_contents(file))
		rc = fail(file, err);
	if (close(file->fd) != 0 && rc == ADX_OK)
		rc = fail(file, err);
	file->fd = -1;
	if (rc == ADX_OK && file->temporary != NULL) {
		if (rename(file->temporary, file->path) != 0) {
			rc = fail(file, err);
		} else {
			free(file->temporary);
			file->temporary = NULL;
			newfile_sync_folder(file->path);
		}
	}
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
