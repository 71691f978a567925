/* A command that a daemon carries out (--socket): the same words, output and exit status. */
#ifndef ADMINEX_REMOTE_H
#define ADMINEX_REMOTE_H

#include "base/newfile.h"
#include "face/cli.h"

/* Returns the exit status. */
int remote_run(struct cli *cli, const struct command *command, const struct args *args);

/* ---- for remote.c and remote_reply.c ----------------------------------------------------- */

/* The reply of a daemon, as it comes. */
struct remote_reply {
	struct cli *cli;
	const char *path;    /* where a document goes; NULL or "-": standard output */
	struct newfile file; /* while `file_open` */
	bool file_open;
	bool quiet;  /* it is only looked at */
	long code;   /* HTTP status; 0 before the header */
	bool known;  /* an adminex says it */
	bool failed; /* it is no answer of the command: the reason was said */
	int exit;
	int64_t affected;     /* -1: it does not say */
	struct adx_error err; /* what went wrong here; else rc is ADX_OK */
};

void remote_reply_begin(struct remote_reply *reply, struct cli *cli, const char *path, bool quiet);
void remote_reply_end(struct remote_reply *reply);
/* For libcurl: a line of the header, a piece of the body. */
size_t remote_reply_header(char *data, size_t size, size_t count, void *ctx);
size_t remote_reply_body(char *data, size_t size, size_t count, void *ctx);
/* Everything came: a document appears at its path. ADX_EFAIL when it is no daemon's word. */
ADX_MUST_CHECK enum adx_rc remote_reply_conclude(struct remote_reply *reply);

#endif
