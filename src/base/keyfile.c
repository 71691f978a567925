#include "base/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "base/newfile.h"

static enum adx_rc
fail_errno(struct adx_error *err, const char *what, const char *path)
{
	return adx_fail_errno(err, ADX_EIO, errno, "cannot %s '%s'", what, path);
}

/* ---- reading ----------------------------------------------------------------------------- */

static enum adx_rc
check_file(int fd, const char *path, struct adx_error *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return fail_errno(err, "read", path);
	if (!S_ISREG(st.st_mode))
		return adx_fail(err, ADX_EINVAL, "'%s' is no key: it is not a regular file", path);
	if ((st.st_mode & (S_IWGRP | S_IXGRP | S_IRWXO)) == 0)
		return ADX_OK;
	adx_fail(err, ADX_EINVAL, "'%s' has mode %04o: others could read or change the key", path,
		 (unsigned)st.st_mode & 07777);
	adx_hint(err, "chmod 0600, or 0640 for a group that may read it");
	return ADX_EINVAL;
}

/* To its end, or to one byte more than a key may have. */
static enum adx_rc
read_bytes(int fd, const char *path, struct keyfile *out, struct adx_error *err)
{
	ssize_t n;

	do {
		n = read(fd, out->bytes + out->len, sizeof(out->bytes) - out->len);
		out->len += n > 0 ? (size_t)n : 0;
	} while (n > 0 || (n < 0 && errno == EINTR));
	if (n < 0)
		return fail_errno(err, "read", path);
	if (out->len < KEYFILE_MIN || out->len > KEYFILE_MAX)
		return adx_fail(err, ADX_EINVAL,
				"'%s' is no key: it must have %d to %d random bytes", path,
				KEYFILE_MIN, KEYFILE_MAX);
	return ADX_OK;
}

/* The file may be a pipe that nobody writes to: look before waiting. */
static enum adx_rc
read_file(const char *path, struct keyfile *out, struct adx_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	enum adx_rc rc;

	if (fd < 0)
		return fail_errno(err, "read", path);
	rc = check_file(fd, path, err);
	if (rc == ADX_OK)
		rc = read_bytes(fd, path, out, err);
	close(fd);
	return rc;
}

/* ---- making ------------------------------------------------------------------------------ */

static enum adx_rc
fill(int fd, const char *path, struct adx_error *err)
{
	unsigned char random[KEYFILE_MIN];
	enum adx_rc rc = ADX_OK;

	if (RAND_bytes(random, sizeof(random)) != 1)
		return adx_fail(err, ADX_EFAIL, "the crypto library has no random bytes");
	if (write(fd, random, sizeof(random)) != (ssize_t)sizeof(random) || fsync(fd) != 0)
		rc = fail_errno(err, "write", path);
	OPENSSL_cleanse(random, sizeof(random));
	return rc;
}

/* Give the whole file its name, but never take the name from a key that somebody else made. */
static enum adx_rc
give_name(const char *temporary, const char *path, struct adx_error *err)
{
	if (link(temporary, path) != 0 && errno != EEXIST)
		return fail_errno(err, "make", path);
	newfile_sync_folder(path);
	return ADX_OK;
}

static enum adx_rc
make_file(const char *path, struct adx_error *err)
{
	char *temporary = NULL;
	enum adx_rc rc;
	int fd;

	if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
		return adx_nomem(err);
	/* mkostemp() makes it with mode 0600. */
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0) {
		rc = fail_errno(err, "make", path);
	} else {
		rc = fill(fd, path, err);
		if (rc == ADX_OK)
			rc = give_name(temporary, path, err);
		unlink(temporary);
		close(fd);
	}
	free(temporary);
	return rc;
}

/* ------------------------------------------------------------------------------------------ */

enum adx_rc
keyfile_load(const char *path, struct keyfile *out, struct adx_error *err)
{
	enum adx_rc rc = ADX_OK;

	out->len = 0;
	if (access(path, F_OK) != 0 && errno == ENOENT)
		rc = make_file(path, err);
	if (rc == ADX_OK)
		rc = read_file(path, out, err);
	if (rc != ADX_OK)
		keyfile_wipe(out);
	return rc;
}

void
keyfile_wipe(struct keyfile *key)
{
	OPENSSL_cleanse(key, sizeof(*key));
}
