/*
 * The records of an XEP-0227 file, written again as XEP-0227 says, for ejabberd and for Prosody.
 * Whatever they hold, what is written is read without a fault, what is left out has a reason of one
 * line, and what these servers stop at is not in it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/out.h"
#include "base/xml.h"
#include "transfer/pie_reader.h"
#include "transfer/pie_writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* assert() would vanish with NDEBUG. */
static void
must(int truth, const char *what)
{
	if (!truth) {
		fprintf(stderr, "broken: %s\n", what);
		abort();
	}
}

static int
keep(void *ctx, const char *data, size_t len)
{
	buf_add(ctx, data, len);
	return 0;
}

/*
 * The reader passes on what it finds in the order of the file; the writer is promised a plain
 * password first, and each account in its host.
 */
struct copy {
	struct pie_writer *writer;
	const struct pie_dialect *dialect;
	bool left_out; /* the account */
};

static enum adx_rc
write_record(void *ctx, const struct pie_record *r, struct adx_error *err)
{
	struct copy *c = ctx;
	enum adx_rc rc;

	if (r->kind <= PIE_ACCOUNT)
		c->left_out = false;
	if (r->kind == PIE_SKIPPED || c->left_out)
		return ADX_OK;
	rc = pie_writer_add(c->writer, r, err);
	if (rc != ADX_EINVAL)
		return rc;
	must(err->message[0] != '\0' && strpbrk(err->message, "\r\n") == NULL, "no reason");
	c->left_out = r->kind == PIE_ACCOUNT;
	return ADX_OK;
}

/* False when the file itself is refused. */
static bool
write_copy(const uint8_t *data, size_t size, const struct pie_dialect *dialect, struct buf *text)
{
	struct out *out = out_new_sink(keep, text);
	struct copy c = { pie_writer_new(out, dialect), dialect, false };
	struct pie_sink sink = { .ctx = &c, .record = write_record };
	struct adx_error err;
	bool ok = pie_read_memory((const char *)data, size, &sink, &err) == ADX_OK;

	if (ok)
		must(pie_writer_end(c.writer, &err) == ADX_OK, "no end");
	pie_writer_free(c.writer);
	out_flush(out);
	out_free(out);
	return ok;
}

static enum adx_rc
look(void *ctx, const struct pie_record *r, struct adx_error *err)
{
	const struct pie_dialect *dialect = ctx;

	(void)err;
	if (dialect == NULL)
		return ADX_OK;
	if (dialect->server == PIE_PROSODY && r->kind == PIE_CREDENTIAL)
		must(strcmp(r->u.credential.mechanism, "PLAIN") == 0 ||
			     strcmp(r->u.credential.mechanism, dialect->mechanism) == 0,
		     "a credential that Prosody is not set to");
	if (dialect->server == PIE_EJABBERD && r->kind == PIE_OFFLINE)
		must(r->u.offline.from[0] != '\0', "a message without a sender");
	return ADX_OK;
}

static void
check(const struct buf *text, const struct pie_dialect *dialect)
{
	struct pie_sink sink = { .ctx = (void *)dialect, .record = look };
	struct adx_error err;
	enum adx_rc rc = pie_read_memory(buf_text(text), text->len, &sink, &err);

	if (rc != ADX_OK)
		fprintf(stderr, "%s\n%s\n", err.message, buf_text(text));
	must(rc == ADX_OK, "what was written is refused");
	if (dialect == NULL || dialect->server != PIE_PROSODY)
		return;
	must(strstr(buf_text(text), "<!--") == NULL, "a comment for Prosody");
	must(strstr(buf_text(text) + 1, "<?") == NULL, "an instruction for Prosody");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct pie_dialect ejabberd = { PIE_EJABBERD, "SCRAM-SHA-1" };
	static const struct pie_dialect prosody = { PIE_PROSODY, "SCRAM-SHA-256" };
	static const struct pie_dialect *const dialects[] = { NULL, &ejabberd, &prosody };

	for (size_t i = 0; i < sizeof(dialects) / sizeof(dialects[0]); i++) {
		struct buf text = BUF_INIT;

		if (write_copy(data, size, dialects[i], &text))
			check(&text, dialects[i]);
		buf_free(&text);
	}
	return 0;
}
