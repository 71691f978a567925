/*
 * Commands with optional parameters and names of two words, for tests of all that is made of the
 * table's rows. parcel_send says back what it was given.
 */
#ifndef ADMINEX_TEST_PARCELS_H
#define ADMINEX_TEST_PARCELS_H

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "command/call.h"

static const char *const PARCEL_FORMS[] = { "json", "zip", NULL };
static const char *const PARCEL_LETTERS[] = { "plain", "rich", NULL };

/* What the argument means. */
static const char *
parcel_meaning(const struct param *p, const struct value *v, char number[32])
{
	snprintf(number, 32, "%" PRId64, v->number);
	if (v->content != NULL)
		return v->content->data;
	switch (p->type) {
	case PARAM_SECRET: return "(secret)";
	case PARAM_INTEGER:
	case PARAM_DAYS: return number;
	case PARAM_DATE:
	case PARAM_LOCALPART:
	case PARAM_DOMAIN: return v->prepared;
	default: return v->raw;
	}
}

static void
parcel_say(struct call *call, const char *name, const char *text)
{
	call->writer->ops->row(call->writer, (const struct cell[]){ { name, strlen(name) },
								    { text, strlen(text) } });
	call->rows++;
}

static enum adx_rc
parcel_echo(struct call *call, struct adx_error *err)
{
	size_t n = command_param_count(call->command);

	call->writer->ops->list_begin(call->writer);
	for (size_t i = 0; i < n; i++) {
		const struct param *p = &call->command->params[i];
		char number[32];

		if (call_has(call, p->name))
			parcel_say(call, p->name,
				   parcel_meaning(p, call_arg(call, p->name), number));
	}
	if (call->options->said_yes)
		parcel_say(call, "(yes)", "");
	return call_answer(call, &ANSWER_OK, err, NULL);
}

static const struct answer PARCEL_RETURNED = { "ok",
					       "Parcel of {user}@{host} returned ({reason})" };
static const struct answer PARCEL_NONE = { "not_banned", "{user}@{host} has no parcel" };

/* A write of the product, under another name: what it takes back is a ban. */
static enum adx_rc
parcel_return(struct call *call, struct adx_error *err)
{
	const char *audit = call_audit(call, err);

	if (audit == NULL)
		return ADX_ENOMEM;
	return call_write(call, SQL_ACCOUNT_UNBAN,
			  PARAMS(audit, call_jid_part(call, "host"), call_jid_part(call, "user")),
			  err);
}

enum { PARCEL_HOUR = 3600, PARCEL_DAY = 24 * PARCEL_HOUR };

#define PARCEL_ACCOUNT                                                                             \
	{ .name = "user", .type = PARAM_LOCALPART, .doc = "whose it is" },                         \
	{                                                                                          \
		.name = "host", .type = PARAM_DOMAIN, .doc = "where that is"                       \
	}

/* A program that wants them in the place of the product's defines both. */
#ifndef PARCELS
#define PARCELS     PARCEL_ROWS
#define PARCELS_ARE static
#endif

PARCELS_ARE const struct command PARCELS[] = {
	{ .name = "parcel_send",
	  .family = "parcel",
	  .submod = "cache",
	  .summary = "say what a parcel is",
	  .params = { PARCEL_ACCOUNT,
		      { .name = "as",
			.type = PARAM_WORD,
			.doc = "its form",
			.words = PARCEL_FORMS,
			.optional = true },
		      { .name = "output",
			.type = PARAM_PATH,
			.path = PATH_WRITTEN,
			.doc = "where it goes",
			.optional = true,
			.letter = 'o' },
		      { .name = "letter",
			.type = PARAM_PATH,
			.path = PATH_READ,
			.words = PARCEL_LETTERS,
			.doc = "what is written",
			.optional = true },
		      { .name = "small_note",
			.type = PARAM_TEXT,
			.doc = "what is said",
			.optional = true,
			.letter = 'n' },
		      { .name = "weight",
			.type = PARAM_INTEGER,
			.min = 1,
			.max = 1000,
			.doc = "in grams",
			.optional = true },
		      { .name = "within",
			.type = PARAM_DAYS,
			.min = PARCEL_HOUR,
			.max = INT64_C(90) * PARCEL_DAY,
			.doc = "how long it may take",
			.optional = true,
			.letter = 'w' },
		      { .name = "on",
			.type = PARAM_DATE,
			.doc = "when it begins",
			.optional = true },
		      { .name = "fragile",
			.type = PARAM_FLAG,
			.doc = "whether it breaks",
			.optional = true,
			.letter = 'f' },
		      { .name = "tags",
			.type = PARAM_LIST,
			.doc = "what it has",
			.optional = true },
		      { .name = "seal",
			.type = PARAM_SECRET,
			.doc = "what opens it",
			.optional = true,
			.letter = 's' } },
	  .result = RESULT_LIST,
	  .result_name = "parcel",
	  .fields = { { "name" }, { "value" } },
	  .answers = { &ANSWER_OK },
	  .role = ROLE_READER,
	  .limited_by = "host",
	  .flags = CMD_LOCAL | CMD_ON_YES,
	  .example = "romeo example.org --as zip",
	  .run = parcel_echo },
	{ .name = "parcel_return",
	  .family = "parcel",
	  .submod = "cache",
	  .summary = "take a parcel back",
	  .params = { PARCEL_ACCOUNT,
		      { .name = "reason",
			.type = PARAM_WORD,
			.doc = "why",
			.words = PARCEL_FORMS,
			.optional = true },
		      { .name = "within",
			.type = PARAM_DAYS,
			.max = PARCEL_DAY,
			.doc = "how soon",
			.optional = true },
		      { .name = "on", .type = PARAM_DATE, .doc = "when", .optional = true },
		      { .name = "note", .type = PARAM_TEXT, .doc = "what for", .optional = true },
		      { .name = "contact",
			.type = PARAM_JID,
			.doc = "with whom",
			.optional = true },
		      { .name = "quiet", .type = PARAM_FLAG, .doc = "unsaid", .optional = true } },
	  .result = RESULT_RESTUPLE,
	  .result_name = "res",
	  .answers = { &PARCEL_RETURNED, &PARCEL_NONE, &ANSWER_NO_ACCOUNT },
	  .affects = "parcels",
	  .role = ROLE_OPERATOR,
	  .limited_by = "host",
	  .flags = CMD_WRITES | CMD_DESTROYS,
	  .example = "romeo example.org",
	  .run = parcel_return },
	{ .name = "parcel_list",
	  .family = "parcel",
	  .submod = "cache",
	  .summary = "say which parcels are meant",
	  .params = { { .name = "host",
			.type = PARAM_DOMAIN,
			.doc = "of that host only",
			.optional = true } },
	  .result = RESULT_LIST,
	  .result_name = "parcels",
	  .fields = { { "name" }, { "value" } },
	  .answers = { &ANSWER_OK },
	  .role = ROLE_READER,
	  .limited_by = "host",
	  .flags = CMD_LOCAL,
	  .example = "--host example.org",
	  .run = parcel_echo },
	{ 0 },
};

static const struct command *const PARCEL_COMMANDS[] = { &PARCELS[0], &PARCELS[1], &PARCELS[2],
							 NULL };

#endif
