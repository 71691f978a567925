/*
 * A file with a key: random bytes and nothing else. One that is missing is made, with mode 0600 and
 * KEYFILE_MIN bytes; of several processes that make the same one at the same time, all get the key
 * of the one that was first.
 *
 * A key that others can read protects nothing, so such a file is refused: the owner may read and
 * write it, its group may read it, nobody else may do anything.
 */
#ifndef ADMINEX_KEYFILE_H
#define ADMINEX_KEYFILE_H

#include <stddef.h>

#include "adminex/error.h"

enum { KEYFILE_MIN = 32, KEYFILE_MAX = 1024 };

struct keyfile {
	unsigned char bytes[KEYFILE_MAX + 1];
	size_t len; /* KEYFILE_MIN to KEYFILE_MAX */
};

/*
 * Read the key, or make it. ADX_EINVAL for a file that is no key, or that others can read;
 * ADX_EIO when it can be neither read nor made. On failure *out has no byte of a key. The caller
 * wipes *out with keyfile_wipe().
 */
ADX_MUST_CHECK enum adx_rc keyfile_load(const char *path, struct keyfile *out,
					struct adx_error *err);
void keyfile_wipe(struct keyfile *key);

#endif
