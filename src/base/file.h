/* Reading a file whole. */
#ifndef ADMINEX_FILE_H
#define ADMINEX_FILE_H

#include <stddef.h>

#include "adminex/error.h"
#include "base/buf.h"

/*
 * Append the bytes of a file, a pipe or a device to *out. ADX_EINVAL, with the path quoted, when it
 * cannot be opened or read or holds more than `max` bytes; ADX_EINTR when a signal came first. The
 * caller frees *out whatever is returned.
 */
ADX_MUST_CHECK enum adx_rc file_slurp(const char *path, size_t max, struct buf *out,
				      struct adx_error *err);

#endif
