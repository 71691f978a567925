#include "command/call.h"

#include <inttypes.h>
#include <string.h>

/*
 * One that is no valid domain is no host that a caller could be limited to; nor is what stands for
 * an optional one that is not there, which has a blank.
 */
static const char *
host_of(const struct value *value)
{
	if (value->raw == NULL)
		return "all hosts";
	if (value->jid != NULL)
		return value->jid->domain;
	return value->prepared == NULL ? value->raw : value->prepared;
}

/* Of the faces' roles; a database role that may less is the database's own answer. */
static enum adx_rc
authorise(const struct call *call, struct adx_error *err)
{
	const struct command *c = call->command;
	bool named = c->limited_by != NULL && c->limited_by != LIMITED_NOT_AT_ALL;
	enum adx_rc rc = access_check(call->caller, c,
				      named ? host_of(call_arg(call, c->limited_by)) : NULL, err);

	if (rc == ADX_OK && c->limited_too != NULL && call_has(call, c->limited_too))
		rc = access_check(call->caller, c, host_of(call_arg(call, c->limited_too)), err);
	return rc;
}

/* ---- asking ------------------------------------------------------------------------------ */

/* What goes through a host or more takes long enough for a plan of its own, and needs one. */
static void
choose_plans(const struct call *call, bool begins)
{
	if (call->db != NULL && (call->command->flags & CMD_WIDE))
		db_plan_anew(call->db, begins);
}

static enum adx_rc
ask(struct call *call, struct adx_error *err)
{
	enum adx_rc rc;

	call->question_count = 0;
	call->take = NULL;
	if (call->early != NULL)
		return call_answer(call, call->early, err, NULL);
	choose_plans(call, true);
	rc = call->command->run(call, err);
	choose_plans(call, false);
	return rc;
}

enum adx_rc
call_send(const struct call *call, struct adx_error *err)
{
	enum adx_rc rc = ADX_OK;

	choose_plans(call, true);
	for (size_t i = 0; i < call->question_count && rc == ADX_OK; i++) {
		const struct question *q = &call->questions[i];

		rc = stmt_send(call->db, q->id, q->values, q->count, err);
	}
	choose_plans(call, false);
	return rc;
}

/* Only the last question's rows matter; the ones before took locks. */
static enum adx_rc
take(struct call *call, struct adx_error *err)
{
	enum adx_rc rc = ADX_OK;

	for (size_t i = 0; i < call->question_count && rc == ADX_OK; i++) {
		struct rows *rows;
		bool has;

		rc = stmt_receive(call->db, &rows, err);
		if (rc != ADX_OK)
			break;
		rc = i + 1 < call->question_count ? rows_first(rows, &has, err)
						  : call->take(call, rows, err);
		rows_close(rows);
	}
	return rc;
}

static enum adx_rc
send_and_take(struct call *call, struct adx_error *err)
{
	enum adx_rc rc = call_send(call, err);

	if (rc == ADX_OK)
		rc = stmt_mark(call->db, err);
	if (rc == ADX_OK)
		rc = take(call, err);
	stmt_drain(call->db);
	return rc;
}

static enum adx_rc
carry_out(struct call *call, struct adx_error *err)
{
	enum adx_rc rc = ask(call, err);

	if (rc == ADX_OK && call->answer == NULL && call->take != NULL)
		rc = send_and_take(call, err);
	if (call->db != NULL)
		db_restore_limits(call->db);
	return rc;
}

bool
call_said_yes(const struct call *call)
{
	return call->answer != NULL && strcmp(call->answer->status, "ok") == 0;
}

/* ---- transactions ------------------------------------------------------------------------ */

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

/* The command itself, between what others do in its transaction. */
static enum adx_rc
carry_out_between(struct call *call, int64_t most, struct adx_error *err)
{
	const struct run_hooks *hooks = call->options->hooks;
	bool answered = false;
	enum adx_rc rc = ADX_OK;

	if (hooks != NULL)
		rc = hooks->begin(call->options->ctx, call, &answered, err);
	if (rc != ADX_OK || answered)
		return rc;
	rc = carry_out(call, err);
	if (rc == ADX_OK)
		rc = check_affected(call, most, err);
	if (rc == ADX_OK && hooks != NULL)
		rc = hooks->end(call->options->ctx, call, err);
	return rc;
}

/* Can the statement be its own transaction, as nothing is left to be decided before the COMMIT? */
static bool
needs_one_trip(const struct call *call, bool trial, int64_t most)
{
	const struct run_options *o = call->options;

	return o->in_one_trip && !trial && most < 0 && o->hooks == NULL &&
	       !(call->command->flags & (CMD_STEPS | CMD_LIST_TOO));
}

static enum adx_rc
transact_in_one_trip(struct call *call, struct adx_error *err)
{
	enum adx_rc rc;

	db_begin(call->db, DB_SINGLE);
	rc = carry_out(call, err);
	if (rc == ADX_OK)
		return db_commit(call->db, err);
	db_rollback(call->db);
	return rc;
}

enum adx_rc
call_commit(struct call *call, struct adx_error *err)
{
	const struct call_end *end = call->end;
	struct adx_error ignored;
	enum adx_rc rc = end == NULL ? ADX_OK : end->before(call, end->ctx, err);

	if (rc == ADX_OK)
		rc = db_commit(call->db, err);
	else
		db_rollback(call->db);
	call->committed = rc == ADX_OK;
	if (end == NULL || rc == ADX_EUNKNOWN)
		return rc;
	if (rc == ADX_OK)
		return end->after(call, end->ctx, true, err);
	/* The failure that counts is the first one. */
	(void)end->after(call, end->ctx, false, &ignored);
	return rc;
}

/* One attempt in a transaction, committed unless it is only a trial. */
static enum adx_rc
transact(struct call *call, bool trial, int64_t most, struct adx_error *err)
{
	enum adx_rc rc;

	if (needs_one_trip(call, trial, most))
		return transact_in_one_trip(call, err);
	db_begin(call->db, DB_WRITE);
	rc = carry_out_between(call, most, err);
	/* What was kept back for after the COMMIT must be there whole. */
	if (rc == ADX_OK)
		rc = call_output_ok(call, err);
	if (rc != ADX_OK || trial || db_failed(call->db)) {
		db_rollback(call->db);
		return rc;
	}
	return call_commit(call, err);
}

void
call_forget(struct call *call)
{
	call->answer = NULL;
	call->token = NULL;
	call->end = NULL;
	call->committed = false;
	call->affected = 0;
	call->rows = 0;
	page_forget(call);
}

static void
forget_attempt(struct call *call)
{
	out_discard(call->writer->out);
	out_hold(call->writer->out);
	writer_reset(call->writer);
	call_forget(call);
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
	if (call_said_yes(call) && shown > 0 && !o->confirm(o->ctx, call->command, shown))
		return adx_fail(err, ADX_EDECLINE, "%s: not confirmed; nothing was changed",
				call->command->name);
	forget_attempt(call);
	return transact(call, false, shown, err);
}

static enum adx_rc
run_write(struct call *call, struct adx_error *err)
{
	const struct run_options *o = call->options;
	bool ask = (call->command->flags & (CMD_DESTROYS | CMD_ON_YES)) == CMD_DESTROYS &&
		   o->confirm != NULL && !o->assume_yes && !o->dry_run;
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

bool
call_writes(const struct call *call)
{
	const struct command *c = call->command;

	return (c->flags & CMD_WRITES) && (c->only_reads == NULL || !c->only_reads(call));
}

bool
call_wants_snapshot(const struct call *call)
{
	return call->early == NULL && !call_writes(call) &&
	       (call->command->flags & (CMD_SNAPSHOT | CMD_WRITES));
}

bool
call_wants_to_commit(const struct call *call)
{
	return call->early == NULL && call_writes(call) && (call->command->flags & CMD_ALONE);
}

bool
call_by_steps(const struct call *call)
{
	return call->early == NULL && (call->command->flags & CMD_STEPS);
}

/* Every call ends with an answer, and a list that had no row is an empty list. */
static enum adx_rc
conclude(struct call *call, struct adx_error *err)
{
	if (call->answer == NULL)
		return adx_fail(err, ADX_EFAIL, "%s gave no answer", call->command->name);
	if (call_said_yes(call) && !call->writer->value && !call->writer->whole &&
	    call->command->result == RESULT_LIST)
		call->writer->ops->list_begin(call->writer);
	return ADX_OK;
}

enum adx_rc
call_run(struct call *call, struct adx_error *err)
{
	enum adx_rc rc = authorise(call, err);

	if (rc != ADX_OK)
		return rc;
	if (call->early != NULL || (call->command->flags & CMD_LOCAL))
		rc = carry_out(call, err);
	else if (call_writes(call))
		rc = run_write(call, err);
	else if (call_wants_snapshot(call))
		rc = run_snapshot(call, err);
	else
		rc = carry_out(call, err);
	return rc == ADX_OK ? conclude(call, err) : rc;
}

/* ---- many calls in flight ---------------------------------------------------------------- */

/* Is it carried out in its turn, not before? What runs by steps, and what has effects elsewhere. */
static bool
waits(const struct call *call)
{
	return call_by_steps(call) || (call->command->flags & CMD_LOCAL);
}

bool
call_asks_nothing(const struct call *call)
{
	return call->early != NULL || (call->command->flags & CMD_LOCAL) ||
	       (call->take == NULL && !call_by_steps(call));
}

bool
call_may_share(const struct call *call)
{
	const unsigned alone = CMD_STEPS | CMD_SNAPSHOT | CMD_WIDE;

	return !call_writes(call) && !(call->command->flags & alone) && call->question_count == 1;
}

enum adx_rc
call_prepare(struct call *call, struct adx_error *err)
{
	enum adx_rc rc = authorise(call, err);

	return rc == ADX_OK && !waits(call) ? ask(call, err) : rc;
}

enum adx_rc
call_receive(struct call *call, struct adx_error *err)
{
	enum adx_rc rc = ADX_OK;

	if (waits(call))
		rc = carry_out(call, err);
	else if (call->early != NULL || call->take == NULL)
		rc = ask(call, err);
	else
		rc = take(call, err);
	if (rc == ADX_OK)
		rc = check_affected(call, call->options->max_affected, err);
	return rc == ADX_OK ? conclude(call, err) : rc;
}

enum adx_rc
call_receive_kept(struct call *call, struct rowset *kept, struct adx_error *err)
{
	struct rows *rows;
	enum adx_rc rc = rowset_read(kept, &rows, err);

	if (rc != ADX_OK)
		return rc;
	rc = call->take(call, rows, err);
	rows_close(rows);
	return rc == ADX_OK ? conclude(call, err) : rc;
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

bool
call_has(const struct call *call, const char *name)
{
	return call_arg(call, name)->raw != NULL;
}

bool
call_flag(const struct call *call, const char *name)
{
	return call_has(call, name);
}
