/*
 * A file that appears whole or not at all: written beside its name with mode 0600, synchronised,
 * then renamed. A name that is not a regular file (a pipe, /dev/null) is written in place.
 */
#ifndef ADMINEX_NEWFILE_H
#define ADMINEX_NEWFILE_H

#include "adminex/error.h"

struct newfile {
	int fd;
	const char *path; /* borrowed */
	char *temporary;  /* NULL when written in place */
};

ADX_MUST_CHECK enum adx_rc newfile_open(struct newfile *file, const char *path,
					struct adx_error *err);
/* Make it appear. Whatever it returns, the file is closed and nothing temporary is left. */
ADX_MUST_CHECK enum adx_rc newfile_commit(struct newfile *file, struct adx_error *err);
void newfile_abort(struct newfile *file);
/* The name of a file that was made must survive a crash too: synchronise the folder it is in. */
void newfile_sync_folder(const char *path);

#endif
