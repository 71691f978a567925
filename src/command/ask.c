/* What a handler asks the database. */
#include <string.h>

#include "command/call.h"

static const char *const *
copy_values(struct call *call, const char *const values[], size_t count)
{
	const char **copies = arena_alloc(&call->arena, (count + 1) * sizeof(*copies));

	for (size_t i = 0; i < count && copies != NULL; i++) {
		copies[i] = values[i] == NULL
				    ? NULL
				    : arena_strndup(&call->arena, values[i], strlen(values[i]));
		if (copies[i] == NULL && values[i] != NULL)
			copies = NULL;
	}
	return copies;
}

enum adx_rc
call_ask_first(struct call *call, enum sql_id id, const char *const values[], size_t count,
	       struct adx_error *err)
{
	struct question *q = &call->questions[call->question_count];

	if (call->question_count == CALL_QUESTIONS_MAX)
		return adx_fail(err, ADX_EFAIL, "%s asks too much", call->command->name);
	*q = (struct question){ id, copy_values(call, values, count), count };
	if (q->values == NULL)
		return adx_nomem(err);
	call->question_count++;
	return ADX_OK;
}

enum adx_rc
call_ask(struct call *call, enum sql_id id, const char *const values[], size_t count,
	 call_take *take, struct adx_error *err)
{
	call->take = take;
	return call_ask_first(call, id, values, count, err);
}

/* ---- the usual answers ------------------------------------------------------------------- */

static enum adx_rc
take_number(struct call *call, struct rows *rows, struct adx_error *err)
{
	bool has;
	enum adx_rc rc = rows_first(rows, &has, err);

	return rc == ADX_OK && has ? call_integer(call, rows_int64(rows, 0)) : rc;
}

enum adx_rc
call_ask_number(struct call *call, enum sql_id id, const char *const values[], size_t count,
		struct adx_error *err)
{
	return call_ask(call, id, values, count, take_number, err);
}

static enum adx_rc
take_list(struct call *call, struct rows *rows, struct adx_error *err)
{
	int64_t seen;
	enum adx_rc rc = call_list(call, rows, NULL, &seen, err);

	return rc == ADX_OK ? call_answer(call, &ANSWER_OK, err, NULL) : rc;
}

enum adx_rc
call_simple_list(struct call *call, enum sql_id id, const char *const values[], size_t count,
		 struct adx_error *err)
{
	return call_ask(call, id, values, count, take_list, err);
}

static enum adx_rc
take_outcome(struct call *call, struct rows *rows, struct adx_error *err)
{
	const struct answer *answer;
	bool has;
	enum adx_rc rc = rows_first(rows, &has, err);

	if (rc != ADX_OK)
		return rc;
	call->rows = call->affected = has ? rows_get_int64(rows, "rows") : 0;
	answer = has ? call_answer_of(call, rows_get(rows, "outcome")) : NULL;
	if (answer == NULL)
		return adx_fail(err, ADX_EFAIL, "%s has no words for what happened",
				call->command->name);
	return call_answer(call, answer, err, NULL);
}

enum adx_rc
call_write(struct call *call, enum sql_id id, const char *const values[], size_t count,
	   struct adx_error *err)
{
	return call_ask(call, id, values, count, take_outcome, err);
}
