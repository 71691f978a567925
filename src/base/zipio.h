/* Archives of libzip in files that are open, and need no name. */
#ifndef ADMINEX_ZIPIO_H
#define ADMINEX_ZIPIO_H

#include <stdint.h>

#include <zip.h>

#include "adminex/error.h"

/*
 * An archive to be written from the beginning of fd, which must be readable too. The descriptor
 * stays the caller's until the archive is closed or discarded.
 */
ADX_MUST_CHECK enum adx_rc zipio_create(int fd, zip_t **archive, struct adx_error *err);
/* An archive of `len` bytes to be read from fd. ADX_EINVAL: it is none. */
ADX_MUST_CHECK enum adx_rc zipio_open(int fd, uint64_t len, zip_t **archive, struct adx_error *err);
/*
 * Add an entry of these bytes of fd, or of memory, which are read when the archive is closed. Text
 * in UTF-8. ADX_EIO when libzip refuses it.
 */
ADX_MUST_CHECK enum adx_rc zipio_add_range(zip_t *archive, const char *name, int fd,
					   uint64_t offset, uint64_t len, struct adx_error *err);
ADX_MUST_CHECK enum adx_rc zipio_add_bytes(zip_t *archive, const char *name, const void *data,
					   uint64_t len, struct adx_error *err);
/* Close what zipio_create() made: now all is written. The archive is gone whatever is returned. */
ADX_MUST_CHECK enum adx_rc zipio_close(zip_t *archive, struct adx_error *err);

#endif
