/*
 * The seal of a document with personal data: a manifest of its sections, the digest of all bytes
 * before it, and optionally a signature of the digest. Whoever holds the document can find out
 * that a byte of it was altered, and in which section (seal_check.h, docs/VERIFY.md).
 *
 * Whoever writes the document writes its bytes to seal_out(), by whatever library; the seal watches
 * them go by. In each form it owns the end of the document:
 *
 * JSON    {                                       the caller: opens the map, seal_head(),
 *           "format": ..., "rules": [...],
 *           "data": {                             opens "data",
 *             "roster": [...],                    for each section the name, seal_section_begin(),
 *             ...                                 the array, seal_section_end(),
 *           },                                    closes "data" and nothing more;
 *           "manifest": {...},                    seal_close()
 *           "digest": "sha256:HEX",
 *           "signature": "ed25519:KEY:HEX"
 *         }
 *         A section is its array, from '[' to ']'. Beautified by yajl, two blanks a level.
 *
 * NDJSON  {"format":...}                          the caller: opens a map, seal_head(), closes it
 *         {"section":"roster","row":{...}}        one line a row, between begin and end
 *         {"manifest":{...}}                      seal_close()
 *         {"digest":"sha256:HEX","signature":"ed25519:KEY:HEX"}
 *         A section is its lines.
 *
 * XML     <server-data ...>                       the caller: a whole XEP-0227 document, which
 *         ...                                     ends in "</server-data>\n"; one section, up to
 *         <seal xmlns="urn:adminex:seal:1">       the line of the seal. seal_close() puts it in
 *         {"manifest":{...},"digest":...}</seal>  front of the end. One line; an element, as
 * Prosody
 *         </server-data>                          imports nothing that has a comment in it.
 *
 * ZIP     one file a section                      the caller: its content, between begin and end
 *         manifest.json                           seal_close()
 *         archive comment: adminex-personal-data sha256:HEX ed25519:KEY:HEX
 *         A section is its file, unpacked, and has no offset. Nothing is written between sections.
 *         The archive is made in unlinked temporary files, and goes out when it is whole.
 *
 * HEX of the digest is SHA-256 of every byte of the document before HEX itself. What is signed is
 * the text "adminex-personal-data-1\nsha256:HEX\n".
 */
#ifndef ADMINEX_SEAL_H
#define ADMINEX_SEAL_H

#include <stdint.h>

#include <yajl/yajl_gen.h>

#include "adminex/error.h"
#include "base/out.h"
#include "base/signer.h"

enum seal_form { SEAL_JSON, SEAL_NDJSON, SEAL_XML, SEAL_ZIP, SEAL_FORMS };

enum {
	SEAL_SECTIONS_MAX = 1000,
	SEAL_DIGEST_SIZE = sizeof("sha256:") + 64, /* the NUL included */
};

/* What is true of the whole document. Times are RFC 3339; NULL: it is not said. */
struct seal_facts {
	const char *user, *host; /* whose data; without user a whole host, without both all */
	const char *scope;       /* "access", "portability" */
	const char *generated_at;
	const char *snapshot_id; /* pg_current_snapshot() */
	const char *snapshot_at;
	const char *registry_version;
	const char *schema_version; /* a number */
	const char *const *rules;   /* sentences, ended by NULL: how others' data is treated */
};

struct seal_section {
	const char *name;   /* unique in the document */
	const char *file;   /* its name in a ZIP; NULL: it is empty and gets none */
	const char *reason; /* why it is unavailable, or what of it is withheld and why; or NULL */
	const char *legal_basis, *retention; /* or NULL */
};

struct seal;

/*
 * Begin to watch `out`, to which nothing was written so far. out, facts and signer (NULL: do not
 * sign) are borrowed until seal_free(). On ADX_OK the caller frees *seal.
 */
ADX_MUST_CHECK enum adx_rc seal_open(struct out *out, enum seal_form form,
				     const struct seal_facts *facts, const struct signer *signer,
				     struct seal **seal, struct adx_error *err);
/*
 * Where the document is written to: `out`, or one that belongs to the seal. In a long document ask
 * now and then whether it failed.
 */
struct out *seal_out(struct seal *seal);
/* Generate the first members of a document, "format" to "rules", into the map that is open. */
void seal_head(const struct seal *seal, yajl_gen g);

/*
 * What is written from here belongs to the section. The names are copied. In JSON it is called
 * between the name of the member and its array. Failures wait for seal_close().
 */
void seal_section_begin(struct seal *seal, const struct seal_section *section);
/* The section ends here; without rows it is "empty", else "present". */
void seal_section_end(struct seal *seal, int64_t rows);
/* The document has nothing of this section, for its reason: "unavailable". */
void seal_section_unavailable(struct seal *seal, const struct seal_section *section);

/*
 * Write the manifest, the digest, the signature and the end, and flush. Whatever failed meanwhile,
 * `out` included, is told here (ADX_EIO with its errno). digest is "sha256:HEX", to be kept by who
 * must later show what was handed over.
 */
ADX_MUST_CHECK enum adx_rc seal_close(struct seal *seal, char digest[SEAL_DIGEST_SIZE],
				      struct adx_error *err);
/* A document that was not closed stays without a seal. */
void seal_free(struct seal *seal);

#endif
