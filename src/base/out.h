/*
 * Buffered output to a file descriptor or a function, with a sticky error: the first failure is
 * kept, later writes do nothing, and the caller asks once. Output can be held back until a COMMIT:
 * what is held beyond a megabyte lies in an unlinked temporary file, so memory stays flat.
 */
#ifndef ADMINEX_OUT_H
#define ADMINEX_OUT_H

#include <stdbool.h>
#include <stddef.h>

#include "adminex/error.h"

struct out;

/* Writes to fd, which stays the caller's. NULL when out of memory. */
struct out *out_new(int fd);
/* Where output goes that is meant for no file descriptor: returns 0 or an errno. */
typedef int out_sink(void *ctx, const char *data, size_t len);
/* Writes to a function. NULL when out of memory. */
struct out *out_new_sink(out_sink *sink, void *ctx);
/* As it was when it was made; what was not flushed is gone. */
void out_reset(struct out *out);
/* Frees without flushing. */
void out_free(struct out *out);

/*
 * Let a function see all that is written from here on, each byte once and in order, whether it is
 * held, discarded or sent: in pieces, the last of which out_tap_sync() shows. NULL ends it.
 */
typedef void out_tap_fn(void *ctx, const char *data, size_t len);
void out_tap(struct out *out, out_tap_fn *tap, void *ctx);
void out_tap_sync(struct out *out);

void out_write(struct out *out, const void *data, size_t len);
void out_text(struct out *out, const char *text);
/* From here on keep what is written; out_release() sends it on, out_discard() forgets it. */
void out_hold(struct out *out);
void out_release(struct out *out);
void out_discard(struct out *out);
/* What is held, as long as it is less than a megabyte; else NULL. */
const char *out_held(struct out *out);
void out_flush(struct out *out);
/* Fail for the caller: what was due could not be made, for want of memory. */
void out_fail(struct out *out, int errnum);
/* Do not wait for a reader any more: a write that a signal interrupts fails. For its handler. */
void out_stop(struct out *out);
/* The errno of the first failure, or 0. */
int out_error(const struct out *out);

#endif
