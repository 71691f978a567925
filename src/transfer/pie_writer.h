/*
 * Writing XEP-0227 1.1 as a stream: the inverse of the reader, from the same records. It knows
 * nothing of a database, and holds one record at a time.
 *
 * Records come in the order of the document: PIE_HOST, then for each account PIE_ACCOUNT and what
 * belongs to it, a kind after the other, a plain password first. What XEP-0227 has no place for
 * (bans, when an account was made, the moment of last activity) stands in the namespace
 * urn:adminex:account:1, which other programs pass over. The document is well-formed whatever the
 * records hold: characters that XML cannot carry become U+FFFD, and a time that is no
 * stamp is left out.
 */
#ifndef ADMINEX_PIE_WRITER_H
#define ADMINEX_PIE_WRITER_H

#include "adminex/error.h"
#include "base/out.h"
#include "transfer/pie_dialect.h"
#include "transfer/pie_reader.h"

struct pie_writer;

/*
 * Writes to `out`, in the dialect or, when it is NULL, as XEP-0227 says; both stay the caller's.
 * NULL when out of memory.
 */
struct pie_writer *pie_writer_new(struct out *out, const struct pie_dialect *dialect);

/*
 * Add a record. ADX_EINVAL: it was left out, for the reason in err->message, and the document is
 * as if it had not been there. Any other failure is final.
 */
ADX_MUST_CHECK enum adx_rc pie_writer_add(struct pie_writer *w, const struct pie_record *record,
					  struct adx_error *err);

/* End the document. What was written before reaches `out` at the latest now. */
ADX_MUST_CHECK enum adx_rc pie_writer_end(struct pie_writer *w, struct adx_error *err);

/* Frees it; a document that was not ended stays cut off. */
void pie_writer_free(struct pie_writer *w);

#endif
