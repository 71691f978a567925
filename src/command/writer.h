/*
 * Writing one reply: the same events in every format, whatever the face.
 *
 * A command's reply is at most one value (an integer, a string in parts, or a list) and then the
 * outcome. Writers put the status after the value: a list or a string that was cut off has none.
 */
#ifndef ADMINEX_WRITER_H
#define ADMINEX_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/out.h"
#include "command/command.h"

enum format { FORMAT_TEXT, FORMAT_TABLE, FORMAT_JSON, FORMAT_NDJSON, FORMAT_CSV, FORMAT_COUNT };

struct cell {
	const char *data; /* NULL: no value */
	size_t len;
};

/* How a command ended; "" where there is nothing to say. */
struct outcome {
	const char *status;
	const char *message;
	const char *hint;
	const char *sqlstate;
	bool answered; /* the command's own yes or no; else a failure, which text formats leave to
			  standard error */
	const char *next;  /* of a page that is not the last: what the next one begins behind */
	const char *token; /* what carries out the plan that was shown */
};

/* What a reply that is one of many says about itself. */
struct writer_line {
	const char *id; /* NULL: none */
	bool id_is_number;
	int64_t number;
	const char *command; /* NULL: it could not be read */
	const int64_t *rows; /* read when the reply is finished */
};

struct writer;

struct writer_ops {
	void (*list_begin)(struct writer *w);
	void (*row)(struct writer *w, const struct cell *cells);
	void (*integer)(struct writer *w, int64_t value);
	void (*string_begin)(struct writer *w);
	void (*string_part)(struct writer *w, const char *data, size_t len);
	void (*string_end)(struct writer *w);
	void (*finish)(struct writer *w, const struct outcome *outcome);
	void (*reset)(struct writer *w); /* forget what was written: the output was discarded */
	void (*free)(struct writer *w);
};

struct writer {
	const struct writer_ops *ops;
	struct out *out;
	const struct field *fields; /* of a list */
	size_t field_count;
	const char *result_name;        /* what a single value is called in CSV */
	const struct writer_line *line; /* JSON: a reply among others; else NULL */
	bool value;                     /* a value was written */
	bool mute;       /* the text of the answer stands for the rows: leave them out */
	bool whole;      /* a handler writes the reply itself: nothing comes after it */
	bool tells_next; /* the reply says what the next page begins behind */
	bool rows_only;  /* a text beside rows has no place in it */
};

/* "text", "table", ... into *format; false for any other word. */
bool format_parse(const char *word, enum format *format);

/* A writer for one reply of that command; NULL when out of memory. */
struct writer *writer_new(enum format format, const struct command *command, struct out *out);
/* Make it the writer of one more reply, to another command. NULL: to what is no command. */
void writer_bind(struct writer *w, const struct command *command);
/* Forget an attempt whose output was discarded. */
void writer_reset(struct writer *w);
void writer_free(struct writer *w);

/* The constructors that writer_new() chooses from. They return zeroed writers with ops set. */
struct writer *writer_text_new(void);
struct writer *writer_table_new(void);
struct writer *writer_csv_new(void);
struct writer *writer_json_new(bool lines);

#endif
