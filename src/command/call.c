#include "command/call.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <yajl/yajl_gen.h>

#include "base/buf.h"
#include "base/json.h"

const struct answer ANSWER_OK = { "ok", "" };
const struct answer ANSWER_NO_ACCOUNT = { "user_does_not_exist",
					  "User {user}@{host} does not exist" };

/* ---- running ----------------------------------------------------------------------------- */

/* Of the faces' roles; a database role that may less is the database's own answer. */
static enum adx_rc
authorise(const struct call *call, struct adx_error *err)
{
	static const char *const NAMES[] = { "none", "reader", "operator", "admin" };

	if (call->caller->role >= call->command->role)
		return ADX_OK;
	return adx_fail(err, ADX_EDENIED, "%s needs role %s; %s has role %s", call->command->name,
			NAMES[call->command->role], call->caller->actor, NAMES[call->caller->role]);
}

static enum adx_rc
carry_out(struct call *call, struct adx_error *err)
{
	if (call->early != NULL)
		return call_answer(call, call->early, err, NULL);
	return call->command->run(call, err);
}

static bool
said_yes(const struct call *call)
{
	return call->answer != NULL && strcmp(call->answer->status, "ok") == 0;
}

static enum adx_rc
check_affected(const struct call *call, int64_t most, struct adx_error *err)
{
	enum adx_rc rc;

	if (most < 0 || call->affected <= most)
		return ADX_OK;
	rc = adx_fail(err, ADX_ELIMIT,
		      "%s would affect %" PRId64 " %s, more than %" PRId64 "; nothing was changed",
		      call->command->name, call->affected, command_affects(call->command), most);
	adx_hint(err, "look with --dry-run, then raise --max-affected");
	return rc;
}

/* One attempt in a transaction, committed unless it is only a trial. */
static enum adx_rc
transact(struct call *call, bool trial, int64_t most, struct adx_error *err)
{
	enum adx_rc rc;

	db_begin(call->db, DB_WRITE);
	rc = carry_out(call, err);
	if (rc == ADX_OK)
		rc = check_affected(call, most, err);
	/* What was kept back for after the COMMIT must be there whole. */
	if (rc == ADX_OK)
		rc = call_output_ok(call, err);
	if (rc != ADX_OK || trial || db_failed(call->db)) {
		db_rollback(call->db);
		return rc;
	}
	return db_commit(call->db, err);
}

static void
forget_attempt(struct call *call)
{
	out_discard(call->writer->out);
	out_hold(call->writer->out);
	writer_reset(call->writer);
	call->answer = NULL;
	call->affected = 0;
	call->rows = 0;
}

/*
 * Show what would go, ask, and do at most that: what was shown is the limit of the real run, so a
 * change in between cannot make it destroy more than the operator agreed to.
 */
static enum adx_rc
confirm_and_transact(struct call *call, int64_t most, struct adx_error *err)
{
	const struct run_options *o = call->options;
	int64_t shown;
	enum adx_rc rc = transact(call, true, most, err);

	if (rc != ADX_OK)
		return rc;
	shown = call->affected;
	if (said_yes(call) && shown > 0 && !o->confirm(o->ctx, call->command, shown))
		return adx_fail(err, ADX_EDECLINE, "%s: not confirmed; nothing was changed",
				call->command->name);
	forget_attempt(call);
	return transact(call, false, shown, err);
}

static enum adx_rc
run_write(struct call *call, struct adx_error *err)
{
	const struct run_options *o = call->options;
	bool ask = (call->command->flags & CMD_DESTROYS) && o->confirm != NULL && !o->assume_yes &&
		   !o->dry_run;
	enum adx_rc rc;

	out_hold(call->writer->out);
	rc = ask ? confirm_and_transact(call, o->max_affected, err)
		 : transact(call, o->dry_run, o->max_affected, err);
	if (rc != ADX_OK) {
		out_discard(call->writer->out);
		writer_reset(call->writer);
		return rc;
	}
	out_release(call->writer->out);
	return ADX_OK;
}

static enum adx_rc
run_snapshot(struct call *call, struct adx_error *err)
{
	enum adx_rc rc;

	db_begin(call->db, DB_SNAPSHOT);
	rc = carry_out(call, err);
	/* Nothing was written, so a COMMIT could only fail. */
	db_rollback(call->db);
	return rc;
}

static bool
writes(const struct call *call)
{
	const struct command *c = call->command;

	return (c->flags & CMD_WRITES) && (c->only_reads == NULL || !c->only_reads(call));
}

enum adx_rc
call_run(struct call *call, struct adx_error *err)
{
	enum adx_rc rc = authorise(call, err);

	if (rc != ADX_OK)
		return rc;
	if (call->early != NULL || (call->command->flags & CMD_LOCAL))
		rc = carry_out(call, err);
	else if (writes(call))
		rc = run_write(call, err);
	else if (call->command->flags & (CMD_SNAPSHOT | CMD_WRITES))
		rc = run_snapshot(call, err);
	else
		rc = carry_out(call, err);
	if (rc == ADX_OK && call->answer != NULL && said_yes(call) && !call->writer->value &&
	    call->command->result == RESULT_LIST)
		call->writer->ops->list_begin(call->writer);
	if (rc == ADX_OK && call->answer == NULL)
		rc = adx_fail(err, ADX_EFAIL, "%s gave no answer", call->command->name);
	return rc;
}

/* ---- answering --------------------------------------------------------------------------- */

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

		if (strlen(param) == len && memcmp(param, name, len) == 0)
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

static enum adx_rc
stream(struct call *call, struct rows *rows, const char *marker, int64_t *seen,
       struct adx_error *err)
{
	int columns[COMMAND_FIELDS_MAX] = { 0 };
	int marked = -1;
	bool has;
	enum adx_rc rc;

	while ((rc = rows_next(rows, &has, err)) == ADX_OK && has) {
		size_t len;

		if ((*seen)++ == 0) {
			map_columns(call, rows, columns);
			marked = marker == NULL ? -1 : rows_column(rows, marker);
		}
		if (marker == NULL || rows_text(rows, marked, &len) != NULL)
			write_row(call, rows, columns);
		rc = call_output_ok(call, err);
		if (rc != ADX_OK)
			return rc;
	}
	return rc;
}

enum adx_rc
call_list(struct call *call, enum sql_id id, const char *const values[], size_t count,
	  const char *marker, int64_t *seen, struct adx_error *err)
{
	struct rows *rows;
	enum adx_rc rc = stmt_open(call->db, id, values, count, &rows, err);

	*seen = 0;
	if (rc == ADX_OK)
		rc = stream(call, rows, marker, seen, err);
	rows_close(rows);
	return rc;
}

enum adx_rc
call_simple_list(struct call *call, enum sql_id id, const char *const values[], size_t count,
		 struct adx_error *err)
{
	int64_t seen;
	enum adx_rc rc = call_list(call, id, values, count, NULL, &seen, err);

	return rc == ADX_OK ? call_answer(call, &ANSWER_OK, err, NULL) : rc;
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

enum adx_rc
call_write(struct call *call, enum sql_id id, const char *const values[], size_t count,
	   struct adx_error *err)
{
	const struct answer *answer = NULL;
	struct rows *rows;
	enum adx_rc rc = stmt_one(call->db, id, values, count, &rows, err);

	if (rc == ADX_OK && rows != NULL) {
		call->rows = rows_get_int64(rows, "rows");
		call->affected = call->rows;
		answer = call_answer_of(call, rows_get(rows, "outcome"));
	}
	rows_close(rows);
	if (rc != ADX_OK)
		return rc;
	if (answer == NULL)
		return adx_fail(err, ADX_EFAIL, "%s has no words for what happened",
				call->command->name);
	return call_answer(call, answer, err, NULL);
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

void
call_finish(struct call *call, enum adx_rc rc, const struct adx_error *err)
{
	struct outcome outcome;

	if (rc == ADX_OK)
		outcome = (struct outcome){ call->answer->status, call->text, "", "", true };
	else
		outcome = (struct outcome){ adx_rc_word(rc), err->message, err->hint, err->sqlstate,
					    false };
	if (!call->writer->whole)
		call->writer->ops->finish(call->writer, &outcome);
	out_flush(call->writer->out);
}

/* ---- the audit record -------------------------------------------------------------------- */

static bool
is_word(const struct param *param, const char *text)
{
	for (const char *const *w = param->words; *w != NULL; w++)
		if (strcmp(*w, text) == 0)
			return true;
	return false;
}

/* Only what a log may hold: JIDs, words from fixed lists, numbers. */
static void
gen_argument(yajl_gen g, const struct param *param, const struct value *value)
{
	switch (param->type) {
	case PARAM_LOCALPART:
	case PARAM_CONTACT:
	case PARAM_DOMAIN:
	case PARAM_RESOURCE:
	case PARAM_JID:
		json_member(g, param->name, value->prepared == NULL ? "" : value->prepared);
		break;
	case PARAM_WORD:
	case PARAM_CHOICE:
		if (is_word(param, value->raw))
			json_member(g, param->name, value->raw);
		break;
	case PARAM_INTEGER:
		json_text(g, param->name);
		yajl_gen_integer(g, value->number);
		break;
	default: break;
	}
}

static void
gen_audit(yajl_gen g, const struct call *call)
{
	size_t n = command_param_count(call->command);

	yajl_gen_map_open(g);
	json_member(g, "actor", call->caller->actor);
	json_member(g, "face", call->caller->face);
	json_member(g, "command", call->command->name);
	json_text(g, "arguments");
	yajl_gen_map_open(g);
	for (size_t i = 0; i < n; i++)
		gen_argument(g, &call->command->params[i], &call->args[i]);
	yajl_gen_map_close(g);
	yajl_gen_map_close(g);
}

const char *
call_audit(struct call *call, struct adx_error *err)
{
	yajl_gen g = yajl_gen_alloc(NULL);
	const unsigned char *text;
	const char *copy = NULL;
	size_t len;

	if (g != NULL) {
		gen_audit(g, call);
		if (yajl_gen_get_buf(g, &text, &len) == yajl_gen_status_ok)
			copy = arena_strndup(&call->arena, (const char *)text, len);
		yajl_gen_free(g);
	}
	if (copy == NULL)
		adx_nomem(err);
	return copy;
}

/* ---- arguments for handlers -------------------------------------------------------------- */

const struct value *
call_find(const struct call *call, const char *name)
{
	size_t n = command_param_count(call->command);

	for (size_t i = 0; i < n; i++)
		if (strcmp(call->command->params[i].name, name) == 0)
			return &call->args[i];
	return NULL;
}

const struct value *
call_arg(const struct call *call, const char *name)
{
	static const struct value NOTHING = { .raw = "", .prepared = "" };
	const struct value *found = call_find(call, name);

	return found == NULL ? &NOTHING : found;
}

const char *
call_jid_part(const struct call *call, const char *name)
{
	return call_arg(call, name)->prepared;
}

const char *
call_raw(const struct call *call, const char *name)
{
	return call_arg(call, name)->raw;
}
