/* The seal of an archive: the files come into one unlinked file, the archive is made in another. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/zipio.h"
#include "transfer/seal_priv.h"

enum { CHUNK = 64 * 1024 };

static enum adx_rc
open_temporary(FILE **file, struct adx_error *err)
{
	*file = tmpfile();
	if (*file != NULL)
		return ADX_OK;
	return adx_fail_errno(err, ADX_EIO, errno, "cannot make a temporary file");
}

enum adx_rc
seal_zip_open(struct seal *seal, struct adx_error *err)
{
	enum adx_rc rc = open_temporary(&seal->spool, err);

	if (rc != ADX_OK)
		return rc;
	seal->inner = out_new(fileno(seal->spool));
	return seal->inner == NULL ? adx_nomem(err) : ADX_OK;
}

/* ---- the archive ------------------------------------------------------------------------- */

/* The comment with zeros in place of the digits, and how many bytes are behind its fixed text. */
static size_t
make_comment(const struct seal *seal, char comment[TAIL_MAX], size_t *tail)
{
	const struct seal_texts *t = &SEAL_TEXTS[SEAL_ZIP];
	size_t len = strlen(t->digest);

	*tail = SHA256_DIGITS + strlen(t->end);
	if (seal->signer != NULL)
		*tail += strlen(t->signature) + KEY_DIGITS + 1 + SIGNATURE_DIGITS;
	memcpy(comment, t->digest, len);
	memset(comment + len, '0', *tail);
	return len + *tail;
}

static enum adx_rc
add_files(const struct seal *seal, zip_t *archive, const struct buf *manifest,
	  struct adx_error *err)
{
	enum adx_rc rc = ADX_OK;

	for (size_t i = 0; i < seal->count && rc == ADX_OK; i++) {
		const struct seal_record *r = &seal->records[i];

		if (r->state != STATE_UNAVAILABLE && r->section.file != NULL)
			rc = zipio_add_range(archive, r->section.file, fileno(seal->spool),
					     r->offset, r->bytes, err);
	}
	if (rc == ADX_OK)
		rc = zipio_add_bytes(archive, MANIFEST_FILE, manifest->data, manifest->len, err);
	return rc;
}

static enum adx_rc
make_archive(const struct seal *seal, int fd, const struct buf *manifest, size_t *tail,
	     struct adx_error *err)
{
	char comment[TAIL_MAX];
	size_t len = make_comment(seal, comment, tail);
	zip_t *archive;
	enum adx_rc rc = zipio_create(fd, &archive, err);

	if (rc != ADX_OK)
		return rc;
	rc = add_files(seal, archive, manifest, err);
	if (rc == ADX_OK && zip_set_archive_comment(archive, comment, (zip_uint16_t)len) != 0)
		rc = adx_fail(err, ADX_EIO, "cannot write the archive: %s", zip_strerror(archive));
	if (rc == ADX_OK)
		return zipio_close(archive, err);
	zip_discard(archive);
	return rc;
}

/* ---- out with it ------------------------------------------------------------------------- */

static enum adx_rc
send(struct seal *seal, int fd, off_t len, struct adx_error *err)
{
	char chunk[CHUNK];

	sha256_begin(&seal->all);
	for (off_t at = 0; at < len && out_error(seal->out) == 0;) {
		size_t want = len - at < CHUNK ? (size_t)(len - at) : CHUNK;
		ssize_t n = pread(fd, chunk, want, at);

		if (n <= 0)
			return adx_fail_errno(err, ADX_EIO, n < 0 ? errno : EIO,
					      "cannot read a temporary file");
		sha256_add(&seal->all, chunk, (size_t)n);
		out_write(seal->out, chunk, (size_t)n);
		at += n;
	}
	return ADX_OK;
}

enum adx_rc
seal_zip_pack(struct seal *seal, const struct buf *manifest, struct adx_error *err)
{
	struct stat st;
	size_t tail = 0;
	FILE *file;
	enum adx_rc rc = open_temporary(&file, err);

	if (rc != ADX_OK)
		return rc;
	out_flush(seal->inner);
	if (out_error(seal->inner) != 0)
		rc = adx_fail_errno(err, ADX_EIO, out_error(seal->inner),
				    "cannot write a temporary file");
	if (rc == ADX_OK)
		rc = make_archive(seal, fileno(file), manifest, &tail, err);
	if (rc == ADX_OK && fstat(fileno(file), &st) != 0)
		rc = adx_fail_errno(err, ADX_EIO, errno, "cannot read a temporary file");
	if (rc == ADX_OK)
		rc = send(seal, fileno(file), st.st_size - (off_t)tail, err);
	fclose(file);
	return rc;
}
