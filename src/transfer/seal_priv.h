/* Shared by what makes seals and what checks them. */
#ifndef ADMINEX_SEAL_PRIV_H
#define ADMINEX_SEAL_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/sha256.h"
#include "transfer/seal.h"

#define MANIFEST_FILE "manifest.json"
/* How a document of SEAL_XML ends without a seal. */
#define XML_END "</server-data>\n"

enum {
	KEY_DIGITS = 2 * SIGNER_KEY_SIZE,
	SIGNATURE_DIGITS = 2 * SIGNER_SIGNATURE_SIZE,
	MANIFEST_MAX = 2 * 1024 * 1024,
	XML_END_SIZE = sizeof(XML_END) - 1,
	/* From the text before the digits to the end of the document; a ZIP's comment. */
	TAIL_MAX = 512,
	SIGNER_SIZE = sizeof("ed25519:") + KEY_DIGITS,
	/* Of what is signed, the NUL included. */
	SIGNED_TEXT_SIZE = sizeof("adminex-personal-data-1\nsha256:\n") + SHA256_DIGITS,
};

/*
 * The fixed texts of a form. A document is
 *
 *     head ... \n before manifest {...} digest HEX end
 *     head ... \n before manifest {...} digest HEX signature KEY : HEX end
 *
 * with the manifest on a line of its own in all forms but ZIP, where it is a file.
 */
struct seal_texts {
	const char *name;
	const char *head;      /* how a document begins */
	const char *before;    /* ends what the caller wrote */
	const char *manifest;  /* in front of the manifest's '{' */
	const char *digest;    /* between the manifest and the digits */
	const char *signature; /* between the digits and the key */
	const char *end;
};

extern const struct seal_texts SEAL_TEXTS[SEAL_FORMS];

/* What is signed of a digest. */
void seal_signed_text(const char digest[SHA256_HEX_SIZE], char text[SIGNED_TEXT_SIZE]);
/* "ed25519:KEY" */
void seal_signer_text(const unsigned char key[SIGNER_KEY_SIZE], char text[SIGNER_SIZE]);

/* ---- making ------------------------------------------------------------------------------ */

enum seal_state { STATE_PRESENT, STATE_EMPTY, STATE_UNAVAILABLE };

extern const char *const SEAL_STATES[];

struct seal_record {
	struct seal_section section; /* texts in the seal's arena */
	enum seal_state state;
	int64_t rows;
	uint64_t offset, bytes; /* in what was written to seal_out() */
	char sha256[SHA256_HEX_SIZE];
};

struct seal {
	enum seal_form form;
	struct out *out; /* where the document goes */
	const struct seal_facts *facts;
	const struct signer *signer; /* or NULL */
	struct arena arena;
	struct seal_record *records;
	size_t count, cap;
	struct sha256 all, part;
	uint64_t offset; /* so many bytes went by */
	bool in_section;
	bool waits;               /* for the '[' of the section */
	struct adx_error failure; /* the first; failure.rc is ADX_OK until then */
	/*
	 * Where the caller writes to, in two forms; else NULL. SEAL_ZIP: to the spool, an unlinked
	 * file that has the contents of all files, one behind the other. SEAL_XML: to the
	 * document, but for its last bytes so far, which are held.
	 */
	struct out *inner;
	FILE *spool;
	char held[XML_END_SIZE];
	size_t held_len;
};

/* The manifest as JSON text, with what stands around it in the form. */
ADX_MUST_CHECK enum adx_rc seal_manifest(const struct seal *seal, struct buf *out,
					 struct adx_error *err);

/* Of ZIP: the spool, and then all that precedes the digits, digested. */
ADX_MUST_CHECK enum adx_rc seal_zip_open(struct seal *seal, struct adx_error *err);
ADX_MUST_CHECK enum adx_rc seal_zip_pack(struct seal *seal, const struct buf *manifest,
					 struct adx_error *err);

#endif
