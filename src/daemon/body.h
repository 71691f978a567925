/*
 * The body of POST /api/COMMAND: a JSON object of the command's arguments by name, and beside them
 * the options of a run.
 *
 * Arguments are strings, but an integer may be a JSON integer too, a list an array of strings, and
 * a flag is true or false. An optional one may be left out, which null says too. No body names a
 * file of this machine: a parameter that reads one carries the file's content, and
 * "<name>_format" says what that is; a parameter that writes one, or that means the daemon's own
 * file, is no field.
 */
#ifndef ADMINEX_BODY_H
#define ADMINEX_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "command/call.h"

/* Everything lies in the arena. */
struct body {
	/*
	 * For call_begin(). PATH_READ: "", and the content beside it. PATH_WRITTEN: "-", which is
	 * the reply. PATH_OWN: "", in whose place the caller puts the name of its own file. NULL:
	 * an optional one that is not there, as one of the last two kinds never is.
	 */
	const char *args[COMMAND_PARAMS_MAX];
	struct content contents[COMMAND_PARAMS_MAX]; /* for run_options.contents */
	size_t count;
	bool dry_run;
	bool include_never_seen;
	bool yes;
	int64_t max_affected; /* -1: no limit */
	int64_t limit;        /* rows of a list; 0: all */
	const char *after;    /* NULL: from the start */
};

/*
 * Read a body; an empty one is {}. A failure names every field at fault, never a value:
 *   ADX_EUSAGE  no JSON object, or fields that are unknown, missing, there twice, of a wrong type
 *   ADX_EINVAL  right fields of the right types, but a value that no argument can have
 * Whether the values are valid arguments is call_begin()'s to say.
 */
ADX_MUST_CHECK enum adx_rc body_parse(const struct command *command, const char *text, size_t len,
				      struct arena *arena, struct body *out, struct adx_error *err);

/* ---- for those who describe bodies ------------------------------------------------------- */

enum body_kind { BODY_TEXT, BODY_INTEGER, BODY_LIST, BODY_BOOLEAN };

/* A member beside the arguments. */
struct body_option {
	const char *name;
	const char *doc;
	enum body_kind kind;
	int64_t min; /* BODY_INTEGER */
	/* Has it an effect on this command? It is no error where it has none. */
	bool (*matters)(const struct command *command);
};

enum { BODY_OPTIONS = 6 };

extern const struct body_option body_options[BODY_OPTIONS];

/* Does the command's list come in pages? */
bool body_pages(const struct command *command);
/* Is a parameter a field of the body? */
bool body_has(const struct param *param);
/* Has it a field beside it, PARAM_FORMAT, that says how its content is to be read? */
bool body_has_format(const struct param *param);

#endif
