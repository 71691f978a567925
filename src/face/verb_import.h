/* What the two kinds of import share on the command line; nobody else includes it. */
#ifndef ADMINEX_VERB_IMPORT_H
#define ADMINEX_VERB_IMPORT_H

#include "face/cli.h"
#include "transfer/import.h"

enum import_as { AS_EXTENSION_SAYS, AS_XEP0227, AS_CSV, AS_NDJSON };

struct import_request {
	const char *path;
	enum import_as as;
	enum import_existing existing;
	bool strict;
	bool dry_run;
	bool help;
};

/* Import a users file and write the reply; *yes is false when there were bad rows. */
ADX_MUST_CHECK enum adx_rc import_users_file(struct cli *cli, const struct import_request *r,
					     bool *yes, struct adx_error *err);
/* Hosts that were added, on standard error. */
void import_tell_hosts(const struct import_report *report, bool dry_run);

#endif
