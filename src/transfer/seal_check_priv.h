/* Shared by the files that check a seal. */
#ifndef ADMINEX_SEAL_CHECK_PRIV_H
#define ADMINEX_SEAL_CHECK_PRIV_H

#include "transfer/seal_check.h"
#include "transfer/seal_priv.h"

/*
 * Read the manifest, of a document of report->form, into the report. ADX_EINVAL with the reason
 * when it is none, or describes what cannot be: sections that overlap, digests that are none.
 */
ADX_MUST_CHECK enum adx_rc seal_read_manifest(const char *text, size_t len,
					      struct seal_report *report, struct adx_error *err);

/*
 * Of a ZIP of `size` bytes in fd, with a comment of comment_len bytes and `len` bytes `before` it:
 * append its manifest to *out. ADX_EINVAL when it has none that can be read.
 */
ADX_MUST_CHECK enum adx_rc seal_zip_manifest(int fd, uint64_t size, const char *before, size_t len,
					     size_t comment_len, struct buf *out,
					     struct adx_error *err);
/* And: look at each section's file. */
ADX_MUST_CHECK enum adx_rc seal_zip_check(int fd, uint64_t size, struct seal_report *report,
					  struct adx_error *err);

#endif
