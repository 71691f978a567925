/* Writing the journal of erasures; journal_read.c reads it. */
#include "base/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/journal_priv.h"
#include "base/newfile.h"

enum { LOCK_TRIES = 1000, LOCK_PAUSE_US = 10000 };

static enum adx_rc
cannot_write(const char *path, int errnum, struct adx_error *err)
{
	return adx_fail_errno(err, ADX_EIO, errnum, "cannot write the journal '%s'", path);
}

/* Whoever holds it longer than an erasure takes is no erasure. */
static enum adx_rc
lock(int fd, const char *path, struct adx_error *err)
{
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return ADX_OK;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return cannot_write(path, errno, err);
		usleep(LOCK_PAUSE_US);
	}
	return adx_fail(err, ADX_EIO, "cannot write the journal '%s': another process locks it",
			path);
}

static enum adx_rc
open_locked(const char *path, int *fd, off_t *size, struct adx_error *err)
{
	struct stat st;
	enum adx_rc rc;

	*fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
	if (*fd < 0)
		return cannot_write(path, errno, err);
	rc = lock(*fd, path, err);
	if (rc == ADX_OK && fstat(*fd, &st) != 0)
		rc = cannot_write(path, errno, err);
	if (rc == ADX_OK && !S_ISREG(st.st_mode))
		rc = adx_fail(err, ADX_EINVAL, "the journal '%s' is no regular file", path);
	if (rc == ADX_OK)
		*size = st.st_size;
	else
		close(*fd);
	return rc;
}

/* A line in one write(), or nothing. */
static enum adx_rc
write_line(int fd, const char *path, const char *line, size_t len, off_t *size,
	   struct adx_error *err)
{
	ssize_t n = write(fd, line, len);
	int errnum = n < 0 ? errno : ENOSPC;

	if (n == (ssize_t)len) {
		*size += n;
		return ADX_OK;
	}
	/* What is left of it would be taken for the work of a crash: no harm, but not true. */
	if (n > 0 && ftruncate(fd, *size) != 0)
		errnum = errno;
	return cannot_write(path, errnum, err);
}

static enum adx_rc
add_line(int fd, const char *path, const struct journal_line *line, off_t *size,
	 struct adx_error *err)
{
	char text[JOURNAL_LINE_MAX + 1];
	size_t len = journal_print(line, text);

	return write_line(fd, path, text, len, size, err);
}

/* Hashes of two keys in one file could not be told apart. */
static enum adx_rc
check_key(int fd, const char *path, const char *key_id, struct adx_error *err)
{
	char text[JOURNAL_LINE_MAX];
	ssize_t n = pread(fd, text, sizeof(text), 0);
	const char *end = n < 0 ? NULL : memchr(text, '\n', (size_t)n);
	struct journal_line line;

	if (n < 0)
		return adx_fail_errno(err, ADX_EIO, errno, "cannot read the journal '%s'", path);
	if (end == NULL || !journal_scan(text, (size_t)(end - text), &line) ||
	    line.word != JOURNAL_KEY)
		return adx_fail(err, ADX_EINVAL, "'%s' is no journal of erasures", path);
	if (strcmp(line.hash, key_id) == 0)
		return ADX_OK;
	adx_fail(err, ADX_EINVAL, "the journal '%s' was begun with another key", path);
	adx_hint(err, "move it away and keep both with their keys, or bring the key back");
	return ADX_EINVAL;
}

/* The line of a crash has no end: what follows must not become part of it. */
static enum adx_rc
end_last_line(int fd, const char *path, off_t *size, struct adx_error *err)
{
	char last = '\n';

	if (pread(fd, &last, 1, *size - 1) < 0)
		return adx_fail_errno(err, ADX_EIO, errno, "cannot read the journal '%s'", path);
	return last == '\n' ? ADX_OK : write_line(fd, path, "\n", 1, size, err);
}

/* A new journal begins with its key; of one that is there, both ends are looked at. */
static enum adx_rc
prepare(int fd, const char *path, const struct journal_entry *entry, off_t *size,
	struct adx_error *err)
{
	struct journal_line first = { .word = JOURNAL_KEY };
	enum adx_rc rc;

	if (*size > 0) {
		rc = end_last_line(fd, path, size, err);
		return rc == ADX_OK ? check_key(fd, path, entry->key_id, err) : rc;
	}
	snprintf(first.at, sizeof(first.at), "%s", entry->at);
	snprintf(first.hash, sizeof(first.hash), "%s", entry->key_id);
	rc = add_line(fd, path, &first, size, err);
	/* What is lost with the name of the file is lost, too. */
	if (rc == ADX_OK)
		newfile_sync_folder(path);
	return rc;
}

static enum adx_rc
append(int fd, const char *path, enum journal_word word, const struct journal_entry *entry,
       off_t size, struct adx_error *err)
{
	enum adx_rc rc = prepare(fd, path, entry, &size, err);

	for (size_t i = 0; i < entry->count && rc == ADX_OK; i++) {
		struct journal_line line = { .word = word };

		snprintf(line.at, sizeof(line.at), "%s", entry->at);
		snprintf(line.hash, sizeof(line.hash), "%s", entry->hashes[i]);
		rc = add_line(fd, path, &line, &size, err);
	}
	if (rc == ADX_OK && fsync(fd) != 0)
		rc = cannot_write(path, errno, err);
	return rc;
}

enum adx_rc
journal_append(const char *path, enum journal_word word, const struct journal_entry *entry,
	       struct adx_error *err)
{
	off_t size = 0;
	int fd;
	enum adx_rc rc = open_locked(path, &fd, &size, err);

	if (rc != ADX_OK)
		return rc;
	rc = append(fd, path, word, entry, size, err);
	if (close(fd) != 0 && rc == ADX_OK)
		rc = cannot_write(path, errno, err);
	return rc;
}
