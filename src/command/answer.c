/* What a handler answers: a text, a value, a list. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "command/call.h"

const struct answer ANSWER_OK = { "ok", "" };
const struct answer ANSWER_NO_ACCOUNT = { "user_does_not_exist",
					  "User {user}@{host} does not exist" };

/* The value of {name}: what the handler gave, else the argument as it was typed. */
static void
add_value(struct buf *out, const struct call *call, const char *name, size_t len, va_list extras)
{
	const char *key;
	size_t n = command_param_count(call->command);

	while ((key = va_arg(extras, const char *)) != NULL) {
		const char *value = va_arg(extras, const char *);

		if (strlen(key) == len && memcmp(key, name, len) == 0) {
			buf_add_text(out, value);
			return;
		}
	}
	for (size_t i = 0; i < n; i++) {
		const char *param = call->command->params[i].name;

		if (strlen(param) == len && memcmp(param, name, len) == 0 &&
		    call->args[i].raw != NULL)
			buf_add(out, call->args[i].raw, call->args[i].len);
	}
}

static void
fill_in(struct buf *out, const struct call *call, const char *text, va_list extras)
{
	while (*text != '\0') {
		size_t plain = strcspn(text, "{");
		size_t name;
		va_list again;

		buf_add(out, text, plain);
		text += plain;
		if (*text == '\0')
			break;
		name = strcspn(text + 1, "}");
		va_copy(again, extras);
		add_value(out, call, text + 1, name, again);
		va_end(again);
		text += 1 + name + (text[1 + name] == '}');
	}
}

enum adx_rc
call_answer(struct call *call, const struct answer *answer, struct adx_error *err, ...)
{
	struct buf text = BUF_INIT;
	bool trial = call->options->dry_run && (call->command->flags & CMD_WRITES);
	va_list extras;

	if (trial && strcmp(answer->status, "ok") == 0 && answer->text[0] != '\0')
		buf_add_text(&text, "Dry run: ");
	va_start(extras, err);
	fill_in(&text, call, answer->text, extras);
	va_end(extras);
	call->answer = answer;
	call->text = arena_strndup(&call->arena, buf_text(&text), text.len);
	if (!buf_ok(&text) || call->text == NULL) {
		buf_free(&text);
		return adx_nomem(err);
	}
	buf_free(&text);
	return ADX_OK;
}

enum adx_rc
call_integer(struct call *call, int64_t value)
{
	call->writer->ops->integer(call->writer, value);
	call->answer = &ANSWER_OK;
	call->text = "";
	return ADX_OK;
}

enum adx_rc
call_string(struct call *call, const char *data, size_t len)
{
	const struct writer_ops *ops = call->writer->ops;

	ops->string_begin(call->writer);
	ops->string_part(call->writer, data, len);
	ops->string_end(call->writer);
	call->answer = &ANSWER_OK;
	call->text = "";
	return ADX_OK;
}

enum adx_rc
call_output_ok(const struct call *call, struct adx_error *err)
{
	int errnum = out_error(call->writer->out);

	if (errnum == 0)
		return ADX_OK;
	return adx_fail_errno(err, ADX_EIO, errnum, "cannot write the reply");
}

static void
map_columns(const struct call *call, const struct rows *rows, int *columns)
{
	size_t n = command_field_count(call->command);

	for (size_t i = 0; i < n; i++)
		columns[i] = rows_column(rows, call->command->fields[i].name);
}

static void
write_row(struct call *call, const struct rows *rows, const int *columns)
{
	struct cell cells[COMMAND_FIELDS_MAX];
	size_t n = command_field_count(call->command);

	if (!call->writer->value)
		call->writer->ops->list_begin(call->writer);
	for (size_t i = 0; i < n; i++)
		cells[i].data = rows_text(rows, columns[i], &cells[i].len);
	call->writer->ops->row(call->writer, cells);
	call->rows++;
}

enum adx_rc
call_list(struct call *call, struct rows *rows, const char *marker, int64_t *seen,
	  struct adx_error *err)
{
	int columns[COMMAND_FIELDS_MAX] = { 0 };
	int marked = -1, cursor = -1;
	bool has;
	enum adx_rc rc;

	*seen = 0;
	while ((rc = rows_next(rows, &has, err)) == ADX_OK && has) {
		size_t len;

		if ((*seen)++ == 0) {
			map_columns(call, rows, columns);
			marked = marker == NULL ? -1 : rows_column(rows, marker);
			cursor = rows_column(rows, "cursor");
		}
		if ((marker == NULL || rows_text(rows, marked, &len) != NULL) &&
		    page_takes(call, rows, cursor))
			write_row(call, rows, columns);
		rc = call_output_ok(call, err);
		if (rc != ADX_OK)
			return rc;
	}
	return rc;
}

const struct answer *
call_answer_of(const struct call *call, const char *status)
{
	const struct answer *const *answers = call->command->answers;

	for (size_t i = 0; i < COMMAND_ANSWERS_MAX && answers[i] != NULL; i++)
		if (strcmp(answers[i]->status, status) == 0)
			return answers[i];
	return NULL;
}

void
call_remark(const struct call *call, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	call->options->remark(call->options->ctx, text);
}

/* Where the reply itself cannot say that there is more. */
static void
remark_next(const struct call *call, const char *next)
{
	struct buf text = BUF_INIT;

	buf_add_text(&text, "more: --after ");
	page_quote(next, &text);
	if (buf_ok(&text))
		call->options->remark(call->options->ctx, buf_text(&text));
	buf_free(&text);
}

/* Is what a list says besides its rows not in the reply? */
static bool
is_left_out(const struct call *call)
{
	const struct writer *w = call->writer;

	return w->rows_only && w->value && !w->whole && call->command->result == RESULT_LIST &&
	       call->text[0] != '\0';
}

void
call_finish(struct call *call, enum adx_rc rc, const struct adx_error *err)
{
	const char *next = rc == ADX_OK ? page_next(call) : NULL;
	struct outcome outcome;

	if (rc == ADX_OK)
		outcome = (struct outcome){ call->answer->status, call->text, "", "", true, next,
					    call->token };
	else
		outcome = (struct outcome){ adx_rc_word(rc), err->message, err->hint, err->sqlstate,
					    false,           NULL,         NULL };
	if (!call->writer->whole)
		call->writer->ops->finish(call->writer, &outcome);
	out_flush(call->writer->out);
	if (next != NULL && !call->writer->tells_next)
		remark_next(call, next);
	if (rc == ADX_OK && is_left_out(call))
		call->options->remark(call->options->ctx, call->text);
}
