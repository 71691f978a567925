#include "transfer/seal_check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "transfer/seal_check_priv.h"

/*
 * The end of a document is known when it is there: the last KEPT bytes stay in memory, which is
 * room for what must be found in them. A tail can begin no earlier than TAIL_MAX before the end, so
 * all that is older is digested at once.
 */
enum {
	KEPT = MANIFEST_MAX + 2 * TAIL_MAX,
	ROOM = 2 * KEPT,
	HEAD = 64,
	CHUNK = 64 * 1024,
	FIRST_ROOM = 2 * CHUNK,
};

/* Where the parts of the tail are, in the window. */
struct tail {
	const struct seal_texts *texts;
	const char *digits;
	const char *key, *signature; /* NULL when it is not signed */
};

struct check {
	int fd;
	bool is_file;
	char head[HEAD];
	char *window; /* the last bytes read */
	size_t len, room;
	size_t digested;  /* of the window */
	uint64_t dropped; /* bytes that were before the window */
	struct sha256 all;
	struct tail tail;
	bool digest_is_good;
	struct seal_report *report;
};

/* ---- reading ----------------------------------------------------------------------------- */

static enum adx_rc
cannot_read(int errnum, struct adx_error *err)
{
	enum adx_rc rc = errnum == EINTR ? ADX_EINTR : ADX_EIO;

	return adx_fail_errno(err, rc, errnum, "cannot read the document");
}

/* All but what may be a tail. */
static void
digest_to(struct check *c, size_t end)
{
	if (end <= c->digested)
		return;
	sha256_add(&c->all, c->window + c->digested, end - c->digested);
	c->digested = end;
}

static bool
grow(struct check *c)
{
	size_t room = c->room == 0 ? FIRST_ROOM : 2 * c->room;
	char *more;

	room = room < ROOM ? room : ROOM;
	more = realloc(c->window, room);
	if (more == NULL)
		return false;
	c->window = more;
	c->room = room;
	return true;
}

static void
drop_oldest(struct check *c)
{
	size_t old = c->len - KEPT;

	memmove(c->window, c->window + old, KEPT);
	c->len = KEPT;
	c->digested -= old;
	c->dropped += old;
}

/* For another CHUNK: more memory, up to ROOM, then the oldest bytes go. */
static bool
make_room(struct check *c)
{
	digest_to(c, c->len > TAIL_MAX ? c->len - TAIL_MAX : 0);
	while (c->len + CHUNK > c->room) {
		if (c->room == ROOM)
			drop_oldest(c);
		else if (!grow(c))
			return false;
	}
	return true;
}

static enum adx_rc
read_all(struct check *c, struct adx_error *err)
{
	ssize_t n;

	do {
		if (!make_room(c))
			return adx_nomem(err);
		n = read(c->fd, c->window + c->len, CHUNK);
		if (n < 0)
			return cannot_read(errno, err);
		c->len += (size_t)n;
		if (c->dropped == 0)
			memcpy(c->head, c->window, c->len < HEAD ? c->len : HEAD);
	} while (n > 0);
	return ADX_OK;
}

static enum adx_rc
begin(struct check *c, struct adx_error *err)
{
	struct stat st;

	if (fstat(c->fd, &st) != 0)
		return cannot_read(errno, err);
	c->is_file = S_ISREG(st.st_mode);
	if (c->is_file && lseek(c->fd, 0, SEEK_SET) != 0)
		return cannot_read(errno, err);
	sha256_begin(&c->all);
	return read_all(c, err);
}

/* ---- the tail ---------------------------------------------------------------------------- */

/* Step back over a text that must stand before `at`. */
static bool
back_over(const struct check *c, const char **at, const char *text)
{
	size_t len = strlen(text);

	if ((size_t)(*at - c->window) < len || memcmp(*at - len, text, len) != 0)
		return false;
	*at -= len;
	return true;
}

static bool
back_over_hex(const struct check *c, const char **at, size_t size)
{
	unsigned char bytes[SIGNER_SIGNATURE_SIZE];

	if ((size_t)(*at - c->window) < 2 * size || !hex_read(*at - 2 * size, bytes, size))
		return false;
	*at -= 2 * size;
	return true;
}

static bool
back_over_signature(const struct check *c, struct tail *t, const char **at)
{
	if (!back_over_hex(c, at, SIGNER_SIGNATURE_SIZE))
		return false;
	t->signature = *at;
	if (!back_over(c, at, ":") || !back_over_hex(c, at, SIGNER_KEY_SIZE))
		return false;
	t->key = *at;
	return back_over(c, at, t->texts->signature);
}

/* The tail of that form, read backwards from the last byte. */
static bool
match(const struct check *c, const struct seal_texts *texts, bool is_signed, struct tail *t)
{
	const char *at = c->window + c->len;

	*t = (struct tail){ .texts = texts };
	if (!back_over(c, &at, texts->end) || (is_signed && !back_over_signature(c, t, &at)) ||
	    !back_over_hex(c, &at, SHA256_SIZE))
		return false;
	t->digits = at;
	return back_over(c, &at, texts->digest);
}

static bool
find_tail(struct check *c)
{
	for (int form = 0; form < SEAL_FORMS; form++) {
		const struct seal_texts *texts = &SEAL_TEXTS[form];

		c->report->form = (enum seal_form)form;
		if (match(c, texts, false, &c->tail) || match(c, texts, true, &c->tail))
			return true;
	}
	return false;
}

static void
judge(struct check *c, enum seal_verdict verdict, const char *why)
{
	c->report->verdict = verdict;
	snprintf(c->report->why, sizeof(c->report->why), "%s", why);
}

/* JSON and NDJSON begin like nothing else does; any XML and any ZIP may be without a seal. */
static void
judge_without_tail(struct check *c)
{
	for (int form = 0; form <= SEAL_NDJSON; form++) {
		const char *head = SEAL_TEXTS[form].head;

		if (strncmp(c->head, head, strlen(head)) == 0) {
			judge(c, SEAL_CUT_OFF,
			      "it has no seal at its end: it was cut off, or "
			      "altered there");
			return;
		}
	}
	judge(c, SEAL_NO_SUCH,
	      "it has no seal at its end: it never had one, was cut off, or "
	      "altered there");
}

static enum adx_rc
compare_digest(struct check *c, struct adx_error *err)
{
	char hex[SHA256_HEX_SIZE];

	digest_to(c, (size_t)(c->tail.digits - c->window));
	if (!sha256_end(&c->all, hex))
		return adx_fail(err, ADX_EFAIL, "the document could not be digested");
	c->digest_is_good = memcmp(hex, c->tail.digits, SHA256_DIGITS) == 0;
	snprintf(c->report->digest, sizeof(c->report->digest), "sha256:%.*s", SHA256_DIGITS,
		 c->tail.digits);
	return ADX_OK;
}

/* ---- the manifest ------------------------------------------------------------------------ */

/* Its '{', at the beginning of the last line that begins like its own; NULL when there is none. */
static const char *
find_manifest(const struct check *c, const char *end)
{
	const char *text = c->tail.texts->manifest;
	size_t len = strlen(text);
	const char *line = end;

	while (line != NULL) {
		line = memrchr(c->window, '\n', (size_t)(line - c->window));
		if (line != NULL && (size_t)(end - line) > len && memcmp(line + 1, text, len) == 0)
			return line + 1 + len;
	}
	return NULL;
}

static enum adx_rc
read_from_document(struct check *c, int64_t *shift, struct adx_error *err)
{
	const struct seal_texts *t = c->tail.texts;
	const char *end = c->tail.digits - strlen(t->digest);
	const char *map = find_manifest(c, end);
	uint64_t at;
	enum adx_rc rc;

	if (map == NULL)
		return adx_fail(err, ADX_EINVAL, "there is none");
	rc = seal_read_manifest(map, (size_t)(end - map), c->report, err);
	at = c->dropped + (uint64_t)(map - c->window) - strlen(t->manifest) - strlen(t->before);
	*shift = (int64_t)at - c->report->offset;
	return rc;
}

static enum adx_rc
read_from_archive(struct check *c, struct adx_error *err)
{
	const char *comment = c->tail.digits - strlen(c->tail.texts->digest);
	size_t before = (size_t)(comment - c->window);
	size_t first = before > TAIL_MAX ? before - TAIL_MAX : 0;
	struct buf text = BUF_INIT;
	enum adx_rc rc = seal_zip_manifest(c->fd, c->dropped + c->len, c->window + first,
					   before - first, c->len - before, &text, err);

	if (rc == ADX_OK)
		rc = seal_read_manifest(text.data, text.len, c->report, err);
	buf_free(&text);
	return rc;
}

/* ---- sections ---------------------------------------------------------------------------- */

static enum adx_rc
digest_range(const struct check *c, int64_t offset, int64_t len, char hex[SHA256_HEX_SIZE],
	     struct adx_error *err)
{
	struct sha256 digest = { NULL, false };
	char chunk[CHUNK];
	ssize_t n = 1;

	sha256_begin(&digest);
	for (int64_t done = 0; done < len && n > 0; done += n) {
		n = pread(c->fd, chunk, len - done < CHUNK ? (size_t)(len - done) : CHUNK,
			  offset + done);
		sha256_add(&digest, chunk, n > 0 ? (size_t)n : 0);
	}
	if (!sha256_end(&digest, hex) || n <= 0)
		hex[0] = '\0';
	sha256_free(&digest);
	return n < 0 ? cannot_read(errno, err) : ADX_OK;
}

static enum adx_rc
look_at(const struct check *c, struct sealed_section *s, int64_t shift, struct adx_error *err)
{
	char hex[SHA256_HEX_SIZE];
	enum adx_rc rc;

	/* Moved to where no byte is: it is not there. */
	if (s->offset + shift < 0)
		return ADX_OK;
	rc = digest_range(c, s->offset + shift, s->bytes, hex, err);
	if (rc == ADX_OK && strcmp(hex, s->sha256) == 0)
		s->part = PART_INTACT;
	return rc;
}

/* Bytes that were added or removed move what is behind them: it is looked for there too. */
static enum adx_rc
check_ranges(struct check *c, int64_t shift, struct adx_error *err)
{
	enum adx_rc rc = ADX_OK;

	for (size_t i = 0; i < c->report->count && rc == ADX_OK; i++) {
		struct sealed_section *s = &c->report->sections[i];

		/* Unavailable: there is nothing of it. */
		if (s->sha256[0] == '\0')
			continue;
		s->part = PART_ALTERED;
		rc = look_at(c, s, 0, err);
		if (rc == ADX_OK && s->part == PART_ALTERED && shift != 0)
			rc = look_at(c, s, shift, err);
	}
	return rc;
}

static enum adx_rc
check_sections(struct check *c, int64_t shift, struct adx_error *err)
{
	if (c->report->form == SEAL_ZIP)
		return seal_zip_check(c->fd, c->dropped + c->len, c->report, err);
	return c->is_file ? check_ranges(c, shift, err) : ADX_OK;
}

/* The first of them by name, and how many more. */
static bool
name_altered(struct check *c)
{
	const struct sealed_section *first = NULL;
	size_t more = 0;
	char why[256];

	for (size_t i = 0; i < c->report->count; i++) {
		if (c->report->sections[i].part != PART_ALTERED)
			continue;
		if (first == NULL)
			first = &c->report->sections[i];
		else
			more++;
	}
	if (first == NULL)
		return false;
	if (more == 0)
		snprintf(why, sizeof(why), "section '%.100s' was altered", first->name);
	else
		snprintf(why, sizeof(why), "section '%.100s' and %zu more were altered",
			 first->name, more);
	judge(c, SEAL_ALTERED, why);
	return true;
}

static void
judge_sections(struct check *c)
{
	if (name_altered(c) || c->digest_is_good)
		return;
	if (c->is_file)
		judge(c, SEAL_ALTERED, "bytes outside of its sections were altered");
	else
		judge(c, SEAL_ALTERED,
		      "it was altered; in which section only a file can tell, not a pipe");
}

/* ---- the signature ----------------------------------------------------------------------- */

static enum adx_rc
check_own_key(struct check *c, const unsigned char key[SIGNER_KEY_SIZE], struct adx_error *err)
{
	char digest[SHA256_HEX_SIZE], text[SIGNED_TEXT_SIZE], signer[SIGNER_SIZE];
	unsigned char signature[SIGNER_SIGNATURE_SIZE];
	enum adx_rc rc;

	seal_signer_text(key, signer);
	if (strcmp(signer, c->report->signer) != 0) {
		judge(c, SEAL_ALTERED, "its signature is not by the key that its manifest names");
		return ADX_OK;
	}
	snprintf(digest, sizeof(digest), "%.*s", SHA256_DIGITS, c->tail.digits);
	seal_signed_text(digest, text);
	if (!hex_read(c->tail.signature, signature, sizeof(signature)))
		return adx_fail(err, ADX_EFAIL, "a signature lost its digits");
	rc = signer_check(key, text, strlen(text), signature, err);
	if (rc != ADX_EINVAL)
		return rc;
	judge(c, SEAL_ALTERED, "its signature was altered");
	return ADX_OK;
}

static enum adx_rc
check_signature(struct check *c, const unsigned char *wanted, struct adx_error *err)
{
	unsigned char key[SIGNER_KEY_SIZE];
	enum adx_rc rc;

	if (c->tail.key == NULL) {
		if (c->report->signer[0] != '\0')
			judge(c, SEAL_ALTERED, "its signature was removed");
		else if (wanted != NULL)
			judge(c, SEAL_UNSIGNED, "it is not signed");
		return ADX_OK;
	}
	if (!hex_read(c->tail.key, key, sizeof(key)))
		return adx_fail(err, ADX_EFAIL, "a key lost its digits");
	rc = check_own_key(c, key, err);
	if (rc == ADX_OK && c->report->verdict == SEAL_INTACT && wanted != NULL &&
	    memcmp(key, wanted, sizeof(key)) != 0)
		judge(c, SEAL_BAD_SIGNER, "it is signed with another key");
	return rc;
}

/* ---- the whole --------------------------------------------------------------------------- */

static void
judge_manifest(struct check *c, const struct adx_error *why)
{
	char text[256];

	snprintf(text, sizeof(text), "its manifest cannot be read: %.200s", why->message);
	judge(c, SEAL_ALTERED, text);
}

static enum adx_rc
check_contents(struct check *c, const unsigned char *key, struct adx_error *err)
{
	int64_t shift = 0;
	enum adx_rc rc = c->report->form == SEAL_ZIP ? read_from_archive(c, err)
						     : read_from_document(c, &shift, err);

	if (rc == ADX_EINVAL) {
		judge_manifest(c, err);
		return ADX_OK;
	}
	if (rc == ADX_OK)
		rc = check_sections(c, shift, err);
	if (rc != ADX_OK)
		return rc;
	judge_sections(c);
	return c->report->verdict == SEAL_INTACT ? check_signature(c, key, err) : ADX_OK;
}

static enum adx_rc
check_all(struct check *c, const unsigned char *key, struct adx_error *err)
{
	enum adx_rc rc = begin(c, err);

	if (rc != ADX_OK)
		return rc;
	if (!find_tail(c)) {
		judge_without_tail(c);
		return ADX_OK;
	}
	if (c->report->form == SEAL_ZIP && !c->is_file)
		return adx_fail(err, ADX_EINVAL, "an archive can be checked as a file only");
	rc = compare_digest(c, err);
	return rc == ADX_OK ? check_contents(c, key, err) : rc;
}

/* Of a document without a manifest that can be read, too. */
static void
fill_in(struct seal_report *r)
{
	const char **texts[] = {
		&r->signer,       &r->jid,         &r->host,        &r->scope,
		&r->generated_at, &r->snapshot_id, &r->snapshot_at, &r->form_name
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (*texts[i] == NULL)
			*texts[i] = "";
}

enum adx_rc
seal_check(int fd, const unsigned char key[SIGNER_KEY_SIZE], struct seal_report *report,
	   struct adx_error *err)
{
	struct check c = { .fd = fd, .report = report };
	enum adx_rc rc;

	*report = (struct seal_report){ .verdict = SEAL_INTACT };
	rc = check_all(&c, key, err);
	fill_in(report);
	sha256_free(&c.all);
	free(c.window);
	return rc;
}

void
seal_report_free(struct seal_report *report)
{
	arena_free(&report->arena);
	free(report->sections);
	*report = (struct seal_report){ .verdict = SEAL_NO_SUCH };
}
