#include "command/args.h"

#include <string.h>

#include "base/buf.h"
#include "base/text.h"

const char ARGS_TRUE[] = "true";

/* Where the reading is. */
struct reader {
	const struct command *command;
	const char *const *words;
	size_t count;
	size_t at; /* the word that comes */
	struct args *out;
	struct adx_error *err;
};

/* An option as it was written: its name, up to '=', and what follows that. */
struct option {
	const char *word;
	size_t len;
	const char *value; /* NULL: nothing in the same word */
};

/* ---- complaints -------------------------------------------------------------------------- */

static void
add_possible(const struct command *command, struct buf *out)
{
	size_t n = command_param_count(command);

	for (size_t i = command_required_count(command); i < n; i++) {
		const struct param *p = &command->params[i];

		if (p->letter != '\0')
			buf_addf(out, "-%c, ", p->letter);
		param_add_option(p, out);
		buf_add_text(out, ", ");
	}
	buf_add_text(out, "--yes, --dry-run");
}

/* What is behind a letter may be a secret, as what is behind a '='. */
static enum adx_rc
unknown(const struct reader *r, const struct option *o)
{
	struct buf possible = BUF_INIT;
	size_t shown = o->len > 60 ? 60 : o->len;

	adx_fail(r->err, ADX_EUSAGE, "unknown option '%.*s' of %s", (int)shown, o->word,
		 r->command->name);
	add_possible(r->command, &possible);
	adx_hint(r->err, "it takes %s", buf_text(&possible));
	buf_free(&possible);
	return ADX_EUSAGE;
}

static enum adx_rc
complain(const struct reader *r, const struct option *o, const char *what)
{
	adx_fail(r->err, ADX_EUSAGE, "option '%.*s' %s", (int)o->len, o->word, what);
	adx_hint(r->err, "see 'adminex help %s'", r->command->name);
	return ADX_EUSAGE;
}

/* ---- options ----------------------------------------------------------------------------- */

/* Does "--some-name" mean the parameter "some_name"? */
static bool
means(const struct option *o, const char *name)
{
	size_t len = strlen(name);

	if (o->len != len + 2)
		return false;
	for (size_t i = 0; i < len; i++)
		if (name[i] != (o->word[2 + i] == '-' ? '_' : o->word[2 + i]))
			return false;
	return true;
}

static bool
is_letter(const struct option *o, char letter)
{
	return o->word[1] != '-' && letter != '\0' && o->word[1] == letter;
}

/* The parameter's place; that behind the last one when there is none. */
static size_t
find(const struct command *command, const struct option *o)
{
	size_t n = command_param_count(command), i = command_required_count(command);

	while (i < n && !means(o, command->params[i].name) &&
	       !is_letter(o, command->params[i].letter))
		i++;
	return i;
}

/* --yes and --dry-run; false when it is neither. */
static bool
take_program_option(const struct option *o, struct args *out)
{
	bool yes = means(o, "yes") || is_letter(o, 'y');
	bool dry_run = means(o, "dry_run");

	if (o->value != NULL)
		return false;
	out->yes |= yes;
	out->dry_run |= dry_run;
	return yes || dry_run;
}

static enum adx_rc
take_option(struct reader *r, const struct option *o)
{
	size_t i = find(r->command, o);
	const struct param *p;
	struct args *out = r->out;

	if (i == command_param_count(r->command))
		return take_program_option(o, out) ? ADX_OK : unknown(r, o);
	p = &r->command->params[i];
	if (out->values[i] != NULL)
		return complain(r, o, "is there twice");
	if (p->type == PARAM_FLAG && o->value != NULL)
		return complain(r, o, "takes no value");
	out->from[i] = r->at - 1;
	out->values[i] = p->type == PARAM_FLAG ? ARGS_TRUE : o->value;
	if (out->values[i] != NULL)
		return ADX_OK;
	if (r->at == r->count)
		return complain(r, o, "needs a value");
	out->from[i] = r->at;
	out->values[i] = r->words[r->at++];
	return ADX_OK;
}

/* A letter is one character, even where none can be meant. */
static struct option
split_letter(const char *word)
{
	unsigned ignored;
	size_t letter = text_next(word + 1, strlen(word + 1), &ignored);
	size_t len = 1 + (letter == 0 ? 1 : letter);

	return (struct option){ word, len, word[len] == '\0' ? NULL : word + len };
}

static struct option
split(const char *word)
{
	const char *equals = strchr(word, '=');

	if (word[1] != '-')
		return split_letter(word);
	if (equals == NULL)
		return (struct option){ word, strlen(word), NULL };
	return (struct option){ word, (size_t)(equals - word), equals + 1 };
}

/* ---- words ------------------------------------------------------------------------------- */

static void
take_argument(struct reader *r, size_t required)
{
	struct args *out = r->out;

	if (out->given < required) {
		out->values[out->given] = r->words[r->at];
		out->from[out->given] = r->at;
	}
	out->given++;
	r->at++;
}

static bool
is_option(const char *word)
{
	return word[0] == '-' && word[1] != '\0';
}

enum adx_rc
args_read(const struct command *command, const char *const words[], size_t count, struct args *out,
	  struct adx_error *err)
{
	struct reader r = { command, words, count, 0, out, err };
	size_t required = command_required_count(command), n = command_param_count(command);
	bool options = required < n;
	enum adx_rc rc = ADX_OK;

	*out = (struct args){ .count = n };
	while (r.at < count && rc == ADX_OK) {
		if (!options || !is_option(words[r.at])) {
			take_argument(&r, required);
		} else if (strcmp(words[r.at], "--") == 0) {
			options = false;
			r.at++;
		} else {
			struct option o = split(words[r.at++]);

			rc = take_option(&r, &o);
		}
	}
	if (out->given > required)
		out->count += out->given - required;
	return rc;
}
