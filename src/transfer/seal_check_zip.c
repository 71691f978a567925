/* Looking into an archive that came from outside. */
#include <string.h>

#include "base/zipio.h"
#include "transfer/seal_check_priv.h"

/*
 * The end of central directory record (APPNOTE.TXT of PKWARE, 4.3.16), which is directly before the
 * comment. libzip reads the whole directory into memory, so it must be one that can be ours.
 */
enum {
	RECORD_SIZE = 22,
	AT_ENTRIES = 10,
	AT_DIRECTORY_SIZE = 12,
	AT_COMMENT_SIZE = 20,
	DIRECTORY_MAX = (SEAL_SECTIONS_MAX + 1) * 1024,
	CHUNK = 64 * 1024,
};

static uint32_t
little_endian(const char *at, size_t size)
{
	uint32_t number = 0;

	while (size-- > 0)
		number = number << 8 | (unsigned char)at[size];
	return number;
}

static bool
is_directory_of_ours(const char *before, size_t len, size_t comment_len)
{
	const char *record = before + len - RECORD_SIZE;

	return len >= RECORD_SIZE && memcmp(record, "PK\005\006", 4) == 0 &&
	       little_endian(record + AT_ENTRIES, 2) <= SEAL_SECTIONS_MAX + 1 &&
	       little_endian(record + AT_DIRECTORY_SIZE, 4) <= DIRECTORY_MAX &&
	       little_endian(record + AT_COMMENT_SIZE, 2) == comment_len;
}

static enum adx_rc
read_file(zip_file_t *file, struct buf *out, struct adx_error *err)
{
	zip_int64_t n;

	do {
		char *room = buf_room(out, CHUNK);

		if (room == NULL)
			return adx_nomem(err);
		n = zip_fread(file, room, CHUNK);
		if (n < 0)
			return adx_fail(err, ADX_EINVAL, "%s", zip_file_strerror(file));
		out->len += (size_t)n;
		out->data[out->len] = '\0';
		if (out->len > MANIFEST_MAX)
			return adx_fail(err, ADX_EINVAL, "it is longer than %d bytes",
					MANIFEST_MAX);
	} while (n > 0);
	return ADX_OK;
}

enum adx_rc
seal_zip_manifest(int fd, uint64_t size, const char *before, size_t len, size_t comment_len,
		  struct buf *out, struct adx_error *err)
{
	zip_t *archive;
	zip_file_t *file;
	enum adx_rc rc;

	if (!is_directory_of_ours(before, len, comment_len))
		return adx_fail(err, ADX_EINVAL, "the archive has lost its directory");
	rc = zipio_open(fd, size, &archive, err);
	if (rc != ADX_OK)
		return rc;
	file = zip_fopen(archive, MANIFEST_FILE, 0);
	rc = file == NULL ? adx_fail(err, ADX_EINVAL, "%s", zip_strerror(archive))
			  : read_file(file, out, err);
	if (file != NULL)
		zip_fclose(file);
	zip_discard(archive);
	return rc;
}

/* Is the file what the manifest says? No longer, for one: it may unpack to anything. */
static bool
is_intact(zip_file_t *file, const struct sealed_section *s)
{
	struct sha256 digest = { NULL, false };
	char chunk[CHUNK], hex[SHA256_HEX_SIZE];
	int64_t total = 0;
	zip_int64_t n;

	sha256_begin(&digest);
	while ((n = zip_fread(file, chunk, CHUNK)) > 0 && total <= s->bytes) {
		sha256_add(&digest, chunk, (size_t)n);
		total += n;
	}
	if (!sha256_end(&digest, hex) || n != 0)
		hex[0] = '\0';
	sha256_free(&digest);
	return total == s->bytes && strcmp(hex, s->sha256) == 0;
}

enum adx_rc
seal_zip_check(int fd, uint64_t size, struct seal_report *report, struct adx_error *err)
{
	zip_t *archive;
	enum adx_rc rc = zipio_open(fd, size, &archive, err);

	if (rc != ADX_OK)
		return rc;
	for (size_t i = 0; i < report->count; i++) {
		struct sealed_section *s = &report->sections[i];
		zip_file_t *file;

		if (s->file[0] == '\0')
			continue;
		file = zip_fopen(archive, s->file, 0);
		s->part = file != NULL && is_intact(file, s) ? PART_INTACT : PART_ALTERED;
		if (file != NULL)
			zip_fclose(file);
	}
	zip_discard(archive);
	return rc;
}
