/*
 * Roster templates: the files of push_roster and push_roster_all. The extension decides the
 * format, or a word where the content comes without a file; nothing is guessed:
 *
 *   .json  an array of objects {"user","host","group","nick"} (group and nick may be missing)
 *   .csv   user,host,group,nick (RFC 4180), with that header line first
 *   else   Erlang terms, as the original: one list of {"user", "host", "Group", "Nick"} ended by
 *          a full stop. Strings with their escapes, binaries <<"x">> and <<"x"/utf8>>, adjacent
 *          strings, % comments. Always UTF-8.
 *
 * A file is read whole or refused whole: any error is ADX_EINVAL naming the file and the line.
 */
#ifndef ADMINEX_TEMPLATE_H
#define ADMINEX_TEMPLATE_H

#include <stddef.h>

#include "adminex/error.h"

enum template_format { TEMPLATE_ERLANG, TEMPLATE_JSON, TEMPLATE_CSV };

enum { TEMPLATE_SIZE_MAX = 64 * 1024 * 1024 };

/* As written in the file: UTF-8 without NUL, not yet prepared. */
struct template_entry {
	char *user;
	char *host;
	char *group;
	char *nick;
	size_t line; /* where it starts, from 1 */
};

struct template
{
	struct template_entry *entries;
	size_t count;
	size_t cap;
};

enum template_format template_format_of(const char *path);
/* "erlang", "json", "csv" by enum template_format; ended by NULL. */
extern const char *const template_format_words[];
/* Of one of these words. */
enum template_format template_format_named(const char *word);

/* `name` is what errors call the file. The caller frees *out with template_free(). */
ADX_MUST_CHECK enum adx_rc template_parse(enum template_format format, const char *text, size_t len,
					  const char *name, struct template **out,
					  struct adx_error *err);
ADX_MUST_CHECK enum adx_rc template_read(const char *path, struct template **out,
					 struct adx_error *err);
void template_free(struct template *t);

#endif
