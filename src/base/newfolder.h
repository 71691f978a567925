/*
 * A folder of files that appears whole or not at all: made beside its name with mode 0700, the
 * files in it with mode 0600, synchronised, then renamed.
 */
#ifndef ADMINEX_NEWFOLDER_H
#define ADMINEX_NEWFOLDER_H

#include "adminex/error.h"

struct newfolder {
	int fd; /* -1: not open */
	char *path, *temporary;
};

/* ADX_EIO when the name is taken: by anything but an empty folder. */
ADX_MUST_CHECK enum adx_rc newfolder_open(struct newfolder *folder, const char *path,
					  struct adx_error *err);
/* A new file in it, *fd is the caller's. ADX_EINVAL when its name is longer than a file's can be.
 */
ADX_MUST_CHECK enum adx_rc newfolder_file(struct newfolder *folder, const char *name, int *fd,
					  struct adx_error *err);
/* Make it appear. Whatever it returns, the folder is closed and nothing temporary is left. */
ADX_MUST_CHECK enum adx_rc newfolder_commit(struct newfolder *folder, struct adx_error *err);
void newfolder_abort(struct newfolder *folder);

#endif
