/*
 * The words behind a command's name, and which parameter each of them gives. One reading for all
 * who have words: the command line, lines of a batch, programs.
 *
 * Of a command without optional parameters every word is an argument, byte for byte. Of one that
 *has some, words are read as GNU getopt_long() reads them: an option may stand anywhere, as
 *
 *	--name VALUE, --name=VALUE     ('_' and '-' in a name are the same)
 *	-o VALUE, -oVALUE              where the parameter has a letter
 *	--name, -o                     of PARAM_FLAG, whose value is then ARGS_TRUE
 *
 * and "--" says that only arguments follow. "-" is an argument, and the word behind an option that
 * takes a value is its value, whatever it looks like. --yes (-y) and --dry-run, which are options
 *of the program and stand before the command, mean the same behind it.
 */
#ifndef ADMINEX_ARGS_H
#define ADMINEX_ARGS_H

#include "command/command.h"

extern const char ARGS_TRUE[];

/* For call_begin(). Every text is the end of one of the words, borrowed. */
struct args {
	const char *values[COMMAND_PARAMS_MAX]; /* by parameter; NULL: it is not there */
	size_t from[COMMAND_PARAMS_MAX];        /* the word that has the value */
	size_t count;                           /* of values, and of arguments beyond them */
	size_t given;                           /* words that are no options, nor values of such */
	bool yes, dry_run;
};

/*
 * Read the words. ADX_EUSAGE: an option that is unknown, there twice, or without its value; the
 * message has no value in it. Whether there are enough arguments, or too many, is call_begin()'s to
 * say; those beyond the required ones have no place in `values`.
 */
ADX_MUST_CHECK enum adx_rc args_read(const struct command *command, const char *const words[],
				     size_t count, struct args *out, struct adx_error *err);

#endif
