#include "command/writer.h"

#include <stdlib.h>
#include <string.h>

static const char *const FORMATS[FORMAT_COUNT] = {
	[FORMAT_TEXT] = "text",     [FORMAT_TABLE] = "table", [FORMAT_JSON] = "json",
	[FORMAT_NDJSON] = "ndjson", [FORMAT_CSV] = "csv",
};

bool
format_parse(const char *word, enum format *format)
{
	for (int i = 0; i < FORMAT_COUNT; i++) {
		if (strcmp(FORMATS[i], word) != 0)
			continue;
		*format = (enum format)i;
		return true;
	}
	return false;
}

static struct writer *
make(enum format format, const struct command *command)
{
	if (format == FORMAT_TEXT && (command->flags & CMD_TABLE))
		format = FORMAT_TABLE;
	switch (format) {
	case FORMAT_TABLE:
		return command->result == RESULT_LIST ? writer_table_new() : writer_text_new();
	case FORMAT_JSON: return writer_json_new(false);
	case FORMAT_NDJSON: return writer_json_new(true);
	case FORMAT_CSV: return writer_csv_new();
	default: return writer_text_new();
	}
}

static void
bind(struct writer *w, const struct command *command)
{
	w->fields = command->fields;
	w->field_count = command_field_count(command);
	w->result_name = command->result_name;
}

struct writer *
writer_new(enum format format, const struct command *command, struct out *out)
{
	struct writer *w = make(format, command);

	if (w == NULL)
		return NULL;
	w->out = out;
	bind(w, command);
	w->mute = command->result == RESULT_RESTUPLE &&
		  (format == FORMAT_TEXT || format == FORMAT_TABLE);
	return w;
}

void
writer_free(struct writer *w)
{
	if (w != NULL)
		w->ops->free(w);
}

void
writer_reset(struct writer *w)
{
	w->value = false;
	w->whole = false;
	w->ops->reset(w);
}

void
writer_bind(struct writer *w, const struct command *command)
{
	static const struct command NOTHING = { .result = RESULT_RESCODE };

	writer_reset(w);
	bind(w, command == NULL ? &NOTHING : command);
}
