/*
 * A file that appears whole or not at all: written without a name (O_TMPFILE) with mode 0600,
 * synchronised, then given its name, over what had it. Whoever is killed before leaves nothing
 * behind. A file system without nameless files gets one beside its name, PATH.XXXXXX, which a kill
 * leaves. A name that is not a regular file (a pipe, /dev/null) is written in place.
 */
#ifndef ADMINEX_NEWFILE_H
#define ADMINEX_NEWFILE_H

#include <stdbool.h>

#include "adminex/error.h"

struct newfile {
	int fd;
	const char *path; /* borrowed */
	char *temporary;  /* its name until then; NULL when it has none */
	bool in_place;
};

ADX_MUST_CHECK enum adx_rc newfile_open(struct newfile *file, const char *path,
					struct adx_error *err);
/*
 * Make it appear. Whatever it returns, the file is closed and nothing temporary is left. ADX_EIO:
 * also when it is there, but its folder could not be synchronised, as err->message says.
 */
ADX_MUST_CHECK enum adx_rc newfile_commit(struct newfile *file, struct adx_error *err);
void newfile_abort(struct newfile *file);
/*
 * The name of a file that was made must survive a crash too: synchronise the folder it is in.
 * Returns 0 or an errno; 0 too where that cannot be done at all.
 */
int newfile_sync_folder(const char *path);

#endif
