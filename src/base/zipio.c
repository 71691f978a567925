#include "base/zipio.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

/* Bytes of an open file, as libzip reads and, for an archive that is made, writes them. */
struct part {
	int fd;
	bool writable;
	uint64_t offset, len; /* in the file */
	uint64_t at;          /* next to be read, and while it is written next to be written */
	zip_error_t error;
};

static zip_int64_t
fail(struct part *p, int code, int errnum)
{
	zip_error_set(&p->error, code, errnum);
	return -1;
}

static zip_int64_t
read_part(struct part *p, void *data, zip_uint64_t len)
{
	uint64_t left = p->len - p->at;
	ssize_t n = pread(p->fd, data, len < left ? len : left, (off_t)(p->offset + p->at));

	if (n < 0)
		return fail(p, ZIP_ER_READ, errno);
	p->at += (uint64_t)n;
	return n;
}

static zip_int64_t
write_part(struct part *p, const void *data, zip_uint64_t len)
{
	for (zip_uint64_t done = 0; done < len;) {
		ssize_t n = pwrite(p->fd, (const char *)data + done, len - done, (off_t)p->at);

		if (n < 0)
			return fail(p, ZIP_ER_WRITE, errno);
		done += (zip_uint64_t)n;
		p->at += (uint64_t)n;
	}
	p->len = p->at > p->len ? p->at : p->len;
	return (zip_int64_t)len;
}

static zip_int64_t
seek_part(struct part *p, void *data, zip_uint64_t len)
{
	zip_int64_t at = zip_source_seek_compute_offset(p->at, p->len, data, len, &p->error);

	if (at < 0)
		return -1;
	p->at = (uint64_t)at;
	return 0;
}

static zip_int64_t
stat_part(const struct part *p, void *data)
{
	zip_stat_t *st = data;

	zip_stat_init(st);
	st->size = p->len;
	st->valid = ZIP_STAT_SIZE;
	return sizeof(*st);
}

static zip_int64_t
empty_part(struct part *p)
{
	p->at = p->len = 0;
	return ftruncate(p->fd, 0) == 0 ? 0 : fail(p, ZIP_ER_WRITE, errno);
}

static zip_int64_t
supported(const struct part *p)
{
	return p->writable ? ZIP_SOURCE_SUPPORTS_WRITABLE : ZIP_SOURCE_SUPPORTS_SEEKABLE;
}

/* See zip_source_function(3). What is read is written by nobody meanwhile, so one place serves. */
static zip_int64_t
on_command(void *ctx, void *data, zip_uint64_t len, zip_source_cmd_t command)
{
	struct part *p = ctx;

	switch (command) {
	case ZIP_SOURCE_OPEN: p->at = 0; return 0;
	case ZIP_SOURCE_READ: return read_part(p, data, len);
	case ZIP_SOURCE_CLOSE: return 0;
	case ZIP_SOURCE_STAT: return stat_part(p, data);
	case ZIP_SOURCE_ERROR: return zip_error_to_data(&p->error, data, len);
	case ZIP_SOURCE_SEEK:
	case ZIP_SOURCE_SEEK_WRITE: return seek_part(p, data, len);
	case ZIP_SOURCE_TELL:
	case ZIP_SOURCE_TELL_WRITE: return (zip_int64_t)p->at;
	case ZIP_SOURCE_BEGIN_WRITE:
	case ZIP_SOURCE_ROLLBACK_WRITE:
	case ZIP_SOURCE_REMOVE: return empty_part(p);
	case ZIP_SOURCE_WRITE: return write_part(p, data, len);
	case ZIP_SOURCE_COMMIT_WRITE: return 0;
	case ZIP_SOURCE_SUPPORTS: return supported(p);
	case ZIP_SOURCE_FREE: free(p); return 0;
	default: return fail(p, ZIP_ER_OPNOTSUPP, 0);
	}
}

/* NULL when out of memory. */
static zip_source_t *
new_source(int fd, bool writable, uint64_t offset, uint64_t len)
{
	struct part *p = calloc(1, sizeof(*p));
	zip_source_t *source = NULL;
	zip_error_t error;

	if (p == NULL)
		return NULL;
	*p = (struct part){ .fd = fd, .writable = writable, .offset = offset, .len = len };
	zip_error_init(&p->error);
	zip_error_init(&error);
	source = zip_source_function_create(on_command, p, &error);
	zip_error_fini(&error);
	if (source == NULL)
		free(p);
	return source;
}

static enum adx_rc
open_archive(zip_source_t *source, int flags, zip_t **archive, struct adx_error *err)
{
	zip_error_t why;
	enum adx_rc rc = ADX_OK;

	*archive = NULL;
	if (source == NULL)
		return adx_nomem(err);
	zip_error_init(&why);
	*archive = zip_open_from_source(source, flags, &why);
	if (*archive == NULL) {
		rc = adx_fail(err, ADX_EINVAL, "cannot open the archive: %s",
			      zip_error_strerror(&why));
		zip_source_free(source);
	}
	zip_error_fini(&why);
	return rc;
}

enum adx_rc
zipio_create(int fd, zip_t **archive, struct adx_error *err)
{
	return open_archive(new_source(fd, true, 0, 0), ZIP_CREATE | ZIP_TRUNCATE, archive, err);
}

enum adx_rc
zipio_open(int fd, uint64_t len, zip_t **archive, struct adx_error *err)
{
	return open_archive(new_source(fd, false, 0, len), ZIP_RDONLY, archive, err);
}

static enum adx_rc
add(zip_t *archive, const char *name, zip_source_t *source, struct adx_error *err)
{
	if (source == NULL)
		return adx_nomem(err);
	if (zip_file_add(archive, name, source, ZIP_FL_ENC_UTF_8) >= 0)
		return ADX_OK;
	zip_source_free(source);
	return adx_fail(err, ADX_EIO, "cannot write the archive: %s", zip_strerror(archive));
}

enum adx_rc
zipio_add_range(zip_t *archive, const char *name, int fd, uint64_t offset, uint64_t len,
		struct adx_error *err)
{
	return add(archive, name, new_source(fd, false, offset, len), err);
}

enum adx_rc
zipio_add_bytes(zip_t *archive, const char *name, const void *data, uint64_t len,
		struct adx_error *err)
{
	return add(archive, name, zip_source_buffer(archive, data, len, 0), err);
}

enum adx_rc
zipio_close(zip_t *archive, struct adx_error *err)
{
	enum adx_rc rc;

	if (zip_close(archive) == 0)
		return ADX_OK;
	rc = adx_fail(err, ADX_EIO, "cannot write the archive: %s", zip_strerror(archive));
	zip_discard(archive);
	return rc;
}
