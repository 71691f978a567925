/*
 * Is a sealed document (seal.h) as it was made? The document comes from outside: it is read as a
 * stream, memory stays flat, and its manifest is bounded in size, depth and number of sections.
 */
#ifndef ADMINEX_SEAL_CHECK_H
#define ADMINEX_SEAL_CHECK_H

#include <stddef.h>
#include <stdint.h>

#include "adminex/error.h"
#include "base/arena.h"
#include "transfer/seal.h"

enum seal_verdict {
	SEAL_INTACT,
	SEAL_ALTERED,    /* bytes were altered, added or removed: `why` names the place */
	SEAL_CUT_OFF,    /* begins like a document, but does not end like one */
	SEAL_NO_SUCH,    /* no document with a seal at all */
	SEAL_UNSIGNED,   /* intact, but without the signature that was asked for */
	SEAL_BAD_SIGNER, /* intact, but signed with another key */
};

/* Not checked: it is unavailable, or came by a pipe, of which nothing can be read twice. */
enum seal_part { PART_UNCHECKED, PART_INTACT, PART_ALTERED };

/* A section as the manifest has it. What the manifest does not say is "" or 0. */
struct sealed_section {
	const char *name, *file, *state, *reason, *legal_basis, *retention, *sha256;
	int64_t rows, offset, bytes;
	enum seal_part part;
};

/* Texts live as long as the report. */
struct seal_report {
	enum seal_verdict verdict;
	enum seal_form form;           /* unless SEAL_NO_SUCH or SEAL_CUT_OFF */
	char why[256];                 /* "section 'roster' was altered"; "" when intact */
	char digest[SEAL_DIGEST_SIZE]; /* as it stands in the document, or "" */
	const char *signer;            /* "ed25519:KEY", "" when it is not signed */
	/* What the manifest says, as in struct seal_facts, of its form, and where it should be. */
	const char *jid, *host, *scope, *generated_at, *snapshot_id, *snapshot_at, *form_name;
	int64_t offset;
	struct sealed_section *sections;
	size_t count;
	int64_t rows; /* of all sections */
	struct arena arena;
};

/*
 * Check what can be read from fd; a file from its beginning. A ZIP must be a file (ADX_EINVAL).
 * With a key the signature must be there and be by that key. ADX_EIO: it cannot be read; ADX_EINTR:
 * a signal came first. On ADX_OK the verdict is in *report, which the caller frees whatever is
 * returned.
 */
ADX_MUST_CHECK enum adx_rc seal_check(int fd, const unsigned char key[SIGNER_KEY_SIZE],
				      struct seal_report *report, struct adx_error *err);
void seal_report_free(struct seal_report *report);

#endif
