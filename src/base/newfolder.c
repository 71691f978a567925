#include "base/newfolder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/newfile.h"

static enum adx_rc
fail(const struct newfolder *folder, struct adx_error *err)
{
	return adx_fail_errno(err, ADX_EIO, errno, "cannot write '%s'", folder->path);
}

/* A slash at its end would make the temporary folder one inside of it. */
static bool
set_names(struct newfolder *folder, const char *path)
{
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		len--;
	folder->path = strndup(path, len);
	if (folder->path != NULL && asprintf(&folder->temporary, "%s.XXXXXX", folder->path) < 0)
		folder->temporary = NULL;
	return folder->temporary != NULL;
}

static bool
is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Whether the name is free, else errno says why not. */
static bool
is_free(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	if (dir == NULL)
		return errno == ENOENT;
	do
		entry = readdir(dir);
	while (entry != NULL && is_dots(entry->d_name));
	closedir(dir);
	errno = ENOTEMPTY;
	return entry == NULL;
}

static void
release(struct newfolder *folder)
{
	if (folder->fd >= 0)
		close(folder->fd);
	free(folder->path);
	free(folder->temporary);
	*folder = (struct newfolder){ .fd = -1 };
}

static bool
make(struct newfolder *folder)
{
	if (!is_free(folder->path) || mkdtemp(folder->temporary) == NULL)
		return false;
	folder->fd = open(folder->temporary, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder->fd < 0)
		rmdir(folder->temporary);
	return folder->fd >= 0;
}

enum adx_rc
newfolder_open(struct newfolder *folder, const char *path, struct adx_error *err)
{
	enum adx_rc rc = ADX_OK;

	*folder = (struct newfolder){ .fd = -1 };
	if (!set_names(folder, path))
		rc = adx_nomem(err);
	else if (!make(folder))
		rc = fail(folder, err);
	if (rc != ADX_OK)
		release(folder);
	return rc;
}

enum adx_rc
newfolder_file(struct newfolder *folder, const char *name, int *fd, struct adx_error *err)
{
	*fd = openat(folder->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (*fd >= 0)
		return ADX_OK;
	if (errno == ENAMETOOLONG)
		return adx_fail(err, ADX_EINVAL, "its name is longer than a file's can be");
	return fail(folder, err);
}

/* It is there. */
static enum adx_rc
finish(struct newfolder *folder, int errnum, struct adx_error *err)
{
	enum adx_rc rc = ADX_OK;

	if (errnum != 0)
		rc = adx_fail_errno(err, ADX_EIO, errnum,
				    "'%s' is there, but may not survive a crash: cannot "
				    "synchronise its folder",
				    folder->path);
	release(folder);
	return rc;
}

enum adx_rc
newfolder_commit(struct newfolder *folder, struct adx_error *err)
{
	/* One call for all files, however many. */
	if (syncfs(folder->fd) != 0 || rename(folder->temporary, folder->path) != 0) {
		enum adx_rc rc = fail(folder, err);

		newfolder_abort(folder);
		return rc;
	}
	return finish(folder, newfile_sync_folder(folder->path), err);
}

void
newfolder_abort(struct newfolder *folder)
{
	DIR *dir = folder->fd < 0 ? NULL : fdopendir(folder->fd);
	struct dirent *entry;

	if (dir != NULL) {
		while ((entry = readdir(dir)) != NULL)
			if (!is_dots(entry->d_name))
				unlinkat(folder->fd, entry->d_name, 0);
		closedir(dir);
		folder->fd = -1;
		rmdir(folder->temporary);
	}
	release(folder);
}
