/*
 * The face of migration scripts: one command a line in, one NDJSON reply a line out.
 *
 *   batch_input   lines of a file or a pipe
 *   batch_line    what a line says, in each of its forms: batch_json, batch_words
 *   batch_group   lines that are committed together, many of them in flight
 *   verb_batch    options, the loop over groups, what is said at the end
 */
#ifndef ADMINEX_BATCH_H
#define ADMINEX_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/strvec.h"
#include "command/args.h"
#include "command/call.h"
#include "face/cli.h"
#include "face/progress.h"
#include "transfer/batch_state.h"

enum {
	BATCH_LINE_MAX = 4 * 1024 * 1024, /* bytes; what is longer is refused, line by line */
	BATCH_GROUP_MAX = 10000,
	BATCH_GROUP_BYTES = 1024 * 1024, /* a group ends when its lines reach this */
};

/* ---- batch_input.c ----------------------------------------------------------------------- */

struct batch_input {
	int fd;
	const char *name; /* borrowed */
	bool regular;     /* reading never waits */
	bool ended;
	uint64_t size; /* 0: not known */
	uint64_t taken;
	int64_t line; /* the number of the line last taken */
	struct buf buffer;
	size_t at;     /* of the buffer, what was taken */
	bool dropping; /* within a line that is too long */
};

enum batch_next {
	BATCH_LINE,
	BATCH_TOO_LONG, /* a line that is skipped */
	BATCH_NOTHING,  /* not yet, without waiting */
	BATCH_END,
};

/* `path` may be "-". batch_input_close() follows in every case. */
ADX_MUST_CHECK enum adx_rc batch_input_open(struct batch_input *in, const char *path,
					    struct adx_error *err);
/* Read all of it into a nameless file, and tell its SHA-256 in hex: what is run is what was hashed.
 */
ADX_MUST_CHECK enum adx_rc batch_input_copy(struct batch_input *in, char sha256[65],
					    struct adx_error *err);
/*
 * The next line without its end, borrowed until the next call. With `wait` false it does not wait
 * for a slow writer.
 */
ADX_MUST_CHECK enum adx_rc batch_input_next(struct batch_input *in, bool wait,
					    enum batch_next *what, const char **line, size_t *len,
					    struct adx_error *err);
void batch_input_close(struct batch_input *in);

/* ---- batch_line.c ------------------------------------------------------------------------ */

enum { BATCH_ARGS_MAX = 32 }; /* more than any command takes, with the names of its options */

/* Of an argument by name, which may be something else than a text. */
enum batch_value { BATCH_TEXT, BATCH_TRUE, BATCH_FALSE, BATCH_NULL };

/* What a line says: a command and the words behind it, or its arguments by name. */
struct batch_line {
	const char *id; /* as the reply has it; NULL: none */
	bool id_is_number;
	const char *command; /* NULL: it cannot be read */
	bool named;
	const char *names[BATCH_ARGS_MAX];
	const char *args[BATCH_ARGS_MAX];
	enum batch_value values[BATCH_ARGS_MAX]; /* of args; by position all are texts */
	size_t count;
	int64_t limit;     /* a page of a list, 0: none is asked for ... */
	const char *after; /* ... behind that key, NULL: the first */
};

/* Nothing to run: blank, or a comment. */
bool batch_line_is_empty(const char *text, size_t len);
/*
 * Read a line in any of its forms; everything lies in the arena. ADX_EUSAGE says what is wrong and
 * never quotes an argument; out->id may be set all the same.
 */
ADX_MUST_CHECK enum adx_rc batch_line_parse(const char *text, size_t len, struct arena *arena,
					    struct batch_line *out, struct adx_error *err);
/* The forms: batch_json.c, and batch_words.c as a shell reads words, without expansions. */
ADX_MUST_CHECK enum adx_rc batch_json_parse(const char *text, size_t len, struct arena *arena,
					    struct batch_line *out, struct adx_error *err);
ADX_MUST_CHECK enum adx_rc batch_words_parse(const char *text, size_t len, struct arena *arena,
					     struct batch_line *out, struct adx_error *err);
/* For them: one more word of the line, the first is the command; a copy. */
ADX_MUST_CHECK enum adx_rc batch_line_add(struct batch_line *line, struct arena *arena,
					  const char *word, size_t len, struct adx_error *err);

/*
 * The command of a line, which may be named in two words where arguments have positions, and what
 * the line gives to it.
 */
ADX_MUST_CHECK enum adx_rc batch_line_resolve(const struct batch_line *line,
					      const struct command *const *commands,
					      const struct command **command, struct args *args,
					      struct adx_error *err);

/* ---- batch_group.c ----------------------------------------------------------------------- */

/* A line's call. */
struct batch_item {
	struct writer_line about; /* for the reply */
	struct call call;
	enum adx_rc rc;        /* of reading and preparing it, later of running it */
	struct adx_error *err; /* when it failed; freed with the group */
};

struct batch_group {
	struct batch_item *items;
	size_t count, cap, bytes;
};

struct batch {
	struct cli *cli;
	struct db *db;
	struct batch_input input;
	struct batch_state state;
	struct caller caller;
	struct run_options options;
	struct writer *writer;
	struct progress progress;
	struct batch_group group, ahead; /* being run; read meanwhile */
	struct strvec remarks;           /* of lines that are not committed yet */
	size_t size;                     /* of a group, at most */
	size_t step;                     /* how many of its lines are tried at once */
	bool go_on;                      /* --continue */
	bool atomic;
	bool begun;            /* the one transaction of --atomic and --dry-run */
	int64_t at;            /* the line that is being received */
	bool alone;            /* one line is tried */
	int64_t attempted_no;  /* lines of this attempt that said no or failed */
	int64_t lines, failed; /* whose replies were printed */
	int64_t earlier;       /* of those that failed, in runs that this one resumes */
	int64_t last;          /* the last line that was committed, or with --dry-run run */
	bool done;             /* all lines, and committed */
	const struct batch_item *stopped; /* at this line, which failed; of `group` */
};

/* Read lines into a group; with `wait`, wait for the first one. */
ADX_MUST_CHECK enum adx_rc batch_group_fill(struct batch *b, struct batch_group *group, bool wait,
					    struct adx_error *err);
/*
 * Run and commit the lines of b->group and print their replies. A line that failed sets b->stopped
 * unless the batch goes on. Anything but ADX_OK ends the batch: the database or the output is gone.
 */
ADX_MUST_CHECK enum adx_rc batch_group_run(struct batch *b, struct adx_error *err);
/* The end of the one transaction of --atomic and --dry-run; nothing to do otherwise. */
ADX_MUST_CHECK enum adx_rc batch_group_end(struct batch *b, struct adx_error *err);
void batch_group_clear(struct batch_group *group);
void batch_group_free(struct batch_group *group);

#endif
