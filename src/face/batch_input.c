/* Lines of a file or a pipe, taken one by one. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "face/batch.h"

enum {
	CHUNK = 64 * 1024,
	UNCOUNTED = 4, /* a byte order mark, a carriage return */
};

enum adx_rc
batch_input_open(struct batch_input *in, const char *path, struct adx_error *err)
{
	bool standard = strcmp(path, "-") == 0;
	struct stat st;

	*in = (struct batch_input){ .buffer = BUF_INIT };
	in->name = standard ? "standard input" : path;
	in->fd = standard ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	if (in->fd < 0 || fstat(in->fd, &st) != 0)
		return adx_fail_errno(err, ADX_EINVAL, errno, "cannot read '%.300s'", in->name);
	if (S_ISDIR(st.st_mode))
		return adx_fail(err, ADX_EINVAL, "cannot read '%.300s': it is a folder", in->name);
	in->regular = S_ISREG(st.st_mode);
	in->size = in->regular ? (uint64_t)st.st_size : 0;
	return ADX_OK;
}

void
batch_input_close(struct batch_input *in)
{
	if (in->fd >= 0)
		close(in->fd);
	in->fd = -1;
	buf_wipe(&in->buffer);
}

/* ---- reading ----------------------------------------------------------------------------- */

static enum adx_rc
cannot_read(const struct batch_input *in, int errnum, struct adx_error *err)
{
	/* Only a signal that ends the program gets here. */
	if (errnum == EINTR)
		return adx_fail(err, ADX_EINTR, "interrupted");
	return adx_fail_errno(err, ADX_EIO, errnum, "cannot read '%.300s'", in->name);
}

/* What was taken makes room for what comes. */
static void
compact(struct batch_input *in)
{
	size_t left = in->buffer.len - in->at;

	if (in->at == 0)
		return;
	memmove(in->buffer.data, in->buffer.data + in->at, left);
	in->buffer.len = left;
	in->buffer.data[left] = '\0';
	in->at = 0;
}

static enum adx_rc
read_more(struct batch_input *in, struct adx_error *err)
{
	char *room;
	ssize_t n;

	compact(in);
	room = buf_room(&in->buffer, CHUNK + 1);
	if (room == NULL)
		return adx_nomem(err);
	n = read(in->fd, room, CHUNK);
	if (n < 0)
		return cannot_read(in, errno, err);
	in->buffer.len += (size_t)n;
	room[n] = '\0';
	in->ended = n == 0;
	return ADX_OK;
}

static bool
would_wait(const struct batch_input *in)
{
	struct pollfd ready = { .fd = in->fd, .events = POLLIN };

	return !in->regular && poll(&ready, 1, 0) == 0;
}

/* ---- lines ------------------------------------------------------------------------------- */

static void
take(struct batch_input *in, size_t len, size_t end, const char **line, size_t *line_len)
{
	*line = in->buffer.data + in->at;
	*line_len = len;
	/* A file from Windows. */
	if (len > 0 && (*line)[len - 1] == '\r')
		--*line_len;
	if (in->line == 0 && *line_len >= 3 && memcmp(*line, "\xEF\xBB\xBF", 3) == 0) {
		*line += 3;
		*line_len -= 3;
	}
	in->at += len + end;
	in->taken += len + end;
	in->line++;
}

/* Let go of what there is of a line that is too long. */
static void
drop(struct batch_input *in)
{
	in->taken += in->buffer.len - in->at;
	in->at = in->buffer.len;
	in->dropping = true;
}

enum adx_rc
batch_input_next(struct batch_input *in, bool wait, enum batch_next *what, const char **line,
		 size_t *len, struct adx_error *err)
{
	size_t looked = 0;

	for (;;) {
		const char *from = buf_text(&in->buffer) + in->at;
		size_t left = in->buffer.len - in->at;
		const char *end = memchr(from + looked, '\n', left - looked);
		enum adx_rc rc;

		if (end != NULL || (in->ended && (left > 0 || in->dropping))) {
			take(in, end == NULL ? left : (size_t)(end - from), end != NULL, line, len);
			*what = in->dropping || *len > BATCH_LINE_MAX ? BATCH_TOO_LONG : BATCH_LINE;
			in->dropping = false;
			return ADX_OK;
		}
		*what = in->ended ? BATCH_END : BATCH_NOTHING;
		if (in->ended || (!wait && would_wait(in)))
			return ADX_OK;
		looked = left;
		if (in->dropping || left > BATCH_LINE_MAX + UNCOUNTED) {
			drop(in);
			looked = 0;
		}
		rc = read_more(in, err);
		if (rc != ADX_OK)
			return rc;
	}
}

/* ---- a copy that nobody else can change -------------------------------------------------- */

static enum adx_rc
copy_chunks(struct batch_input *in, FILE *copy, EVP_MD_CTX *md, char chunk[CHUNK],
	    struct adx_error *err)
{
	ssize_t n;

	while ((n = read(in->fd, chunk, CHUNK)) > 0) {
		if (EVP_DigestUpdate(md, chunk, (size_t)n) != 1)
			return adx_fail(err, ADX_EFAIL, "the crypto library made no digest");
		if (fwrite(chunk, 1, (size_t)n, copy) != (size_t)n)
			return adx_fail_errno(err, ADX_EIO, errno, "cannot copy '%.300s'",
					      in->name);
		in->size += (uint64_t)n;
	}
	return n < 0 ? cannot_read(in, errno, err) : ADX_OK;
}

static enum adx_rc
copy_and_digest(struct batch_input *in, FILE *copy, EVP_MD_CTX *md, struct adx_error *err)
{
	char chunk[CHUNK];
	enum adx_rc rc = copy_chunks(in, copy, md, chunk, err);

	explicit_bzero(chunk, sizeof(chunk));
	if (rc == ADX_OK && fflush(copy) != 0)
		return adx_fail_errno(err, ADX_EIO, errno, "cannot copy '%.300s'", in->name);
	return rc;
}

static enum adx_rc
finish_digest(EVP_MD_CTX *md, char sha256[65], struct adx_error *err)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (EVP_DigestFinal_ex(md, digest, &len) != 1 || len != 32)
		return adx_fail(err, ADX_EFAIL, "the crypto library made no digest");
	for (unsigned i = 0; i < len; i++)
		snprintf(sha256 + 2 * (size_t)i, 3, "%02x", digest[i]);
	return ADX_OK;
}

/* Read from the copy instead. */
static enum adx_rc
turn_to(struct batch_input *in, FILE *copy, struct adx_error *err)
{
	int fd = dup(fileno(copy));

	if (fd < 0 || lseek(fd, 0, SEEK_SET) < 0) {
		if (fd >= 0)
			close(fd);
		return adx_fail_errno(err, ADX_EIO, errno, "cannot read the copy of '%.300s'",
				      in->name);
	}
	close(in->fd);
	in->fd = fd;
	in->regular = true;
	return ADX_OK;
}

enum adx_rc
batch_input_copy(struct batch_input *in, char sha256[65], struct adx_error *err)
{
	FILE *copy = tmpfile();
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	enum adx_rc rc = ADX_OK;

	in->size = 0;
	if (copy == NULL)
		rc = adx_fail_errno(err, ADX_EIO, errno, "cannot make a temporary file");
	else if (md == NULL || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1)
		rc = adx_nomem(err);
	if (rc == ADX_OK)
		rc = copy_and_digest(in, copy, md, err);
	if (rc == ADX_OK)
		rc = finish_digest(md, sha256, err);
	if (rc == ADX_OK)
		rc = turn_to(in, copy, err);
	EVP_MD_CTX_free(md);
	if (copy != NULL)
		fclose(copy);
	return rc;
}
