/*
 * Is a sealed document (seal.h) as it was made? The document comes from outside: it is read as a
 * stream, memory stays flat, and its manifest is bounded in size, depth and number of sections.
 */
#ifndef ADMINEX_SEAL_CHECK_H
#define ADMINEX_SEAL_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adminex/error.h"
#include "transfer/seal.h"

enum seal_verdict {
	SEAL_INTACT,
	SEAL_ALTERED,    /* bytes were altered, added or removed: `why` names the place */
	SEAL_CUT_OFF,    /* begins like a document, but does not end like one */
	SEAL_NO_SUCH,    /* no document with a seal at all */
	SEAL_UNSIGNED,   /* intact, but without the signature that was asked for */
	SEAL_BAD_SIGNER, /* intact, but signed with another key */
};

/* Not checked: read from a pipe, of which nothing can be read twice. */
enum seal_section_verdict { SECTION_UNCHECKED, SECTION_INTACT, SECTION_ALTERED };

/* A section as the manifest has it. Texts are "" when the manifest does not say. */
struct sealed_section {
	char *name, *file, *state, *reason, *legal_basis, *retention;
	int64_t rows, offset, bytes;
	char sha256[64 + 1];
	enum seal_section_verdict verdict;
};

struct seal_report {
	enum seal_verdict verdict;
	enum seal_form form;
	char why[256];                 /* "section 'roster' was altered"; "" when intact */
	char digest[SEAL_DIGEST_SIZE]; /* as it stands in the document */
	char signer[8 + 64 + 1];       /* "ed25519:KEY", "" when it is not signed */
	char *subject;                 /* JID, host, or "" for all hosts */
	char *scope, *generated_at, *snapshot_id, *snapshot_at;
	struct sealed_section *sections;
	size_t count;
	int64_t rows; /* of all sections */
};

/*
 * Check what can be read from fd, from its beginning. A ZIP must be a file. With a key the
 * signature must be there and be by that key. ADX_EIO: it cannot be read; ADX_EINTR: a signal came
 * first. On ADX_OK the verdict is in *report, which the caller frees whatever is returned.
 */
ADX_MUST_CHECK enum adx_rc seal_check(int fd, const unsigned char *key, struct seal_report *report,
				      struct adx_error *err);
void seal_report_free(struct seal_report *report);

#endif
