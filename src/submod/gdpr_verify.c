/* gdpr_verify: is a document with personal data as it was made, and who signed it? */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "submod/params.h"
#include "submod/submods.h"
#include "transfer/seal_check.h"

static const struct answer INTACT = {
	"ok",
	"The document is intact: {subject}, {sections} sections, {rows} rows, {digest}, {signer}"
};
static const struct answer ALTERED = { "altered", "The document is not as it was made: {why}" };
static const struct answer CUT_OFF = { "cut_off", "The document is not whole: {why}" };
static const struct answer NO_SEAL = { "no_seal", "This is no sealed document: {why}" };
static const struct answer NOT_SIGNED = { "not_signed", "The document is intact, but not signed" };
static const struct answer WRONG_SIGNER = {
	"wrong_signer", "The document is intact, but signed with another key: {signer}"
};

static const struct answer *const ANSWERS[] = {
	[SEAL_INTACT] = &INTACT,   [SEAL_ALTERED] = &ALTERED,     [SEAL_CUT_OFF] = &CUT_OFF,
	[SEAL_NO_SUCH] = &NO_SEAL, [SEAL_UNSIGNED] = &NOT_SIGNED, [SEAL_BAD_SIGNER] = &WRONG_SIGNER,
};

/* Content is text that any of the forms but ZIP can be: the seal says which it is. */
static const char *const CONTENT[] = { "text", NULL };

enum { KEY_MAX = 16 * 1024 };

/* ---- the document ------------------------------------------------------------------------- */

static enum adx_rc
write_all(int fd, const char *data, size_t len, struct adx_error *err)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0)
			return adx_fail_errno(err, ADX_EIO, errno, "cannot keep the document");
		data += n;
		len -= (size_t)n;
	}
	return ADX_OK;
}

/* What a caller sent becomes a file, too. */
static enum adx_rc
open_content(const struct content *content, int *fd, struct adx_error *err)
{
	*fd = memfd_create("document", MFD_CLOEXEC);
	if (*fd < 0)
		return adx_fail_errno(err, ADX_EIO, errno, "cannot keep the document");
	return write_all(*fd, content->data, content->len, err);
}

static enum adx_rc
open_document(const struct call *call, int *fd, struct adx_error *err)
{
	const struct value *file = call_arg(call, "file");

	*fd = -1;
	if (file->content != NULL)
		return open_content(file->content, fd, err);
	if (strcmp(file->raw, "-") == 0 && call->options->replies_only)
		return adx_fail(err, ADX_EINVAL,
				"argument 'file' is '-', but standard input has the lines");
	*fd = strcmp(file->raw, "-") == 0 ? dup(STDIN_FILENO)
					  : open(file->raw, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (*fd >= 0)
		return ADX_OK;
	return adx_fail_errno(err, ADX_EINVAL, errno, "cannot read '%.300s'", file->raw);
}

/* ---- the answer --------------------------------------------------------------------------- */

static void
set_cell(struct cell *cell, const char *text)
{
	*cell = (struct cell){ text, strlen(text) };
}

static void
add_section(struct call *call, const struct sealed_section *s)
{
	static const char *const PARTS[] = { "", "intact", "altered" };
	char rows[24], bytes[24];
	struct cell cells[6];

	snprintf(rows, sizeof(rows), "%" PRId64, s->rows);
	snprintf(bytes, sizeof(bytes), "%" PRId64, s->bytes);
	set_cell(&cells[0], s->name);
	set_cell(&cells[1], s->state);
	set_cell(&cells[2], rows);
	set_cell(&cells[3], bytes);
	set_cell(&cells[4], s->sha256);
	set_cell(&cells[5], PARTS[s->part]);
	call->writer->ops->row(call->writer, cells);
	call->rows++;
}

static const char *
subject_of(const struct seal_report *r)
{
	if (r->jid[0] != '\0')
		return r->jid;
	return r->host[0] != '\0' ? r->host : "all hosts";
}

static enum adx_rc
answer(struct call *call, const struct seal_report *r, struct adx_error *err)
{
	char sections[24], rows[24], signer[128];

	snprintf(sections, sizeof(sections), "%zu", r->count);
	snprintf(rows, sizeof(rows), "%" PRId64, r->rows);
	snprintf(signer, sizeof(signer), "%s%.100s",
		 r->signer[0] == '\0'        ? "not signed"
		 : r->verdict == SEAL_INTACT ? "signed by "
					     : "",
		 r->signer);
	if (r->count > 0)
		call->writer->ops->list_begin(call->writer);
	for (size_t i = 0; i < r->count; i++)
		add_section(call, &r->sections[i]);
	return call_answer(call, ANSWERS[r->verdict], err, "why", r->why, "subject", subject_of(r),
			   "sections", sections, "rows", rows, "digest", r->digest, "signer",
			   signer, NULL);
}

static enum adx_rc
read_key(const struct value *file, unsigned char key[SIGNER_KEY_SIZE], struct adx_error *err)
{
	struct buf text = BUF_INIT;
	enum adx_rc rc;

	if (file->content != NULL)
		return signer_read_public(file->content->data, file->content->len, "public_key",
					  key, err);
	rc = file_slurp(file->raw, KEY_MAX, &text, err);
	if (rc == ADX_OK)
		rc = signer_read_public(buf_text(&text), text.len, file->raw, key, err);
	buf_free(&text);
	return rc;
}

static enum adx_rc
check(const struct call *call, int fd, struct seal_report *report, struct adx_error *err)
{
	unsigned char key[SIGNER_KEY_SIZE];
	enum adx_rc rc;

	if (!call_has(call, "public_key"))
		return seal_check(fd, NULL, report, err);
	rc = read_key(call_arg(call, "public_key"), key, err);
	return rc == ADX_OK ? seal_check(fd, key, report, err) : rc;
}

static enum adx_rc
gdpr_verify(struct call *call, struct adx_error *err)
{
	struct seal_report report = { .verdict = SEAL_NO_SUCH };
	int fd;
	enum adx_rc rc = open_document(call, &fd, err);

	if (rc == ADX_OK)
		rc = check(call, fd, &report, err);
	if (rc == ADX_OK)
		rc = answer(call, &report, err);
	seal_report_free(&report);
	if (fd >= 0)
		close(fd);
	return rc;
}

const struct command GDPR_VERIFY_COMMANDS[] = {
	{ .name = "gdpr_verify",
	  .submod = "gdpr",
	  .summary = "check that a document with personal data is as it was made",
	  .notes = "JSON, NDJSON, XEP-0227 or ZIP; - is standard input, not for a ZIP. Any byte "
		   "that "
		   "was altered, added or removed since is found, and the section it is in. No "
		   "database is needed. Over HTTP the document itself is sent, as text: a ZIP "
		   "cannot be.",
	  .params = { { .name = "file",
			.type = PARAM_PATH,
			.doc = "document, or -",
			.words = CONTENT,
			.path = PATH_READ },
		      { .name = "public_key",
			.type = PARAM_PATH,
			.doc = "PEM file: the signature must be there and be by this key",
			.words = CONTENT,
			.path = PATH_READ,
			.optional = true } },
	  .result = RESULT_RESTUPLE,
	  .result_name = "res",
	  .fields = { { "section" },
		      { "state" },
		      { "rows", true },
		      { "bytes", true },
		      { "sha256" },
		      { "check" } },
	  .answers = { &INTACT, &ALTERED, &CUT_OFF, &NO_SEAL, &NOT_SIGNED, &WRONG_SIGNER },
	  .role = ROLE_READER,
	  .limited_by = LIMITED_NOT_AT_ALL,
	  .flags = CMD_LOCAL | CMD_LIST_TOO,
	  .example = "data.json --public-key sign.pub",
	  .run = gdpr_verify },
	{ 0 },
};
