/* What gdpr_verify reads: a document with its seal, or the manifest alone in a sealed document. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/sha256.h"
#include "transfer/seal_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
demand(int truth, const char *what)
{
	if (truth)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

/* One line that can be printed, empty for what is intact. */
static void
look_at_report(const struct seal_report *r)
{
	demand((r->verdict == SEAL_INTACT) == (r->why[0] == '\0'), "a verdict without a reason");
	for (const char *c = r->why; *c != '\0'; c++)
		demand((unsigned char)*c >= ' ' && *c != 0x7F, "a reason with control characters");
	demand(strlen(r->signer) + strlen(r->jid) + strlen(r->host) < SIZE_MAX, "texts");
	for (size_t i = 0; i < r->count; i++)
		demand(strlen(r->sections[i].name) + strlen(r->sections[i].reason) +
				       strlen(r->sections[i].sha256) <
			       SIZE_MAX,
		       "texts");
	demand(r->count <= SEAL_SECTIONS_MAX && r->rows >= 0, "numbers");
}

static enum seal_verdict
check(int fd, const void *data, size_t size)
{
	struct seal_report report;
	struct adx_error err;
	enum seal_verdict verdict = SEAL_NO_SUCH;

	demand(ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size, "memory");
	if (seal_check(fd, NULL, &report, &err) == ADX_OK) {
		look_at_report(&report);
		verdict = report.verdict;
	}
	seal_report_free(&report);
	return verdict;
}

/* What is intact is not any more when any byte is another one. */
static void
check_document(int fd, const uint8_t *data, size_t size)
{
	uint8_t *changed;

	if (check(fd, data, size) != SEAL_INTACT)
		return;
	changed = malloc(size);
	demand(changed != NULL, "memory");
	memcpy(changed, data, size);
	for (size_t i = 0; i < 8; i++) {
		size_t at = (size * i / 8 + i) % size;

		changed[at] ^= (uint8_t)(1 << i);
		demand(check(fd, changed, size) != SEAL_INTACT, "a change that was not found");
		changed[at] = data[at];
	}
	free(changed);
}

static void
check_manifest(int fd, const uint8_t *data, size_t size)
{
	struct buf text = BUF_INIT;
	struct sha256 digest = { NULL, false };
	char hex[SHA256_HEX_SIZE];

	buf_add_text(&text, "{}\n{\"manifest\":");
	buf_add(&text, data, size);
	buf_add_text(&text, "}\n{\"digest\":\"sha256:");
	sha256_begin(&digest);
	sha256_add(&digest, text.data, text.len);
	sha256_end(&digest, hex);
	sha256_free(&digest);
	buf_addf(&text, "%s\"}\n", hex);
	check_document(fd, (const uint8_t *)text.data, text.len);
	buf_free(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("document", MFD_CLOEXEC);
	if (size == 0)
		return 0;
	if (data[0] == 'M')
		check_manifest(fd, data + 1, size - 1);
	else
		check_document(fd, data + 1, size - 1);
	return 0;
}
