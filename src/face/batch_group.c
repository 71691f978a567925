/*
 * Lines that are committed together. All that only ask a statement are sent before the first answer
 * is read, and while the server works on them the next lines are read.
 *
 * A line that fails undoes its attempt. What came before it is tried again without it; the calls
 * and their questions are still there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "face/batch.h"

/* ---- reading ----------------------------------------------------------------------------- */

/* Options of its own for a line that asks for a page, or says yes. */
static enum adx_rc
choose_options(const struct batch_line *line, const struct args *args, struct call *call,
	       struct adx_error *err)
{
	struct run_options *own;

	if (line->limit == 0 && line->after == NULL && !args->yes)
		return ADX_OK;
	own = arena_alloc(&call->arena, sizeof(*own));
	if (own == NULL)
		return adx_nomem(err);
	*own = *call->options;
	own->limit = line->limit;
	own->after = line->after;
	own->said_yes |= args->yes;
	call->options = own;
	return ADX_OK;
}

/* Lines are committed together, so one of them cannot be undone by itself. */
static enum adx_rc
refuse_dry_run(struct adx_error *err)
{
	adx_fail(err, ADX_EUSAGE, "a line of a batch has no --dry-run of its own");
	adx_hint(err, "'adminex batch --dry-run' is for all of them");
	return ADX_EUSAGE;
}

static enum adx_rc
begin_call(struct call *call, const struct batch_line *line, const struct command *command,
	   const struct args *args, bool atomic, struct adx_error *err)
{
	bool alone = args->dry_run && !call->options->dry_run;
	enum adx_rc rc = alone ? refuse_dry_run(err) : choose_options(line, args, call, err);

	if (rc == ADX_OK)
		rc = call_begin(call, command, args->values, args->count, err);
	if (rc == ADX_OK && atomic && call_wants_to_commit(call))
		rc = adx_fail(err, ADX_EUSAGE,
			      "%s has a transaction of its own, and cannot be part of one",
			      call->command->name);
	return rc == ADX_OK ? call_prepare(call, err) : rc;
}

static enum adx_rc
prepare(struct batch *b, struct batch_item *item, const char *text, size_t len,
	struct adx_error *err)
{
	struct call *call = &item->call;
	const struct command *command = NULL;
	struct batch_line line;
	struct args args;
	enum adx_rc rc = batch_line_parse(text, len, &call->arena, &line, err);

	item->about.id = line.id;
	item->about.id_is_number = line.id_is_number;
	item->about.command = line.command;
	if (rc == ADX_OK)
		rc = batch_line_resolve(&line, admin_extra_commands(b->cli->session.service),
					&command, &args, err);
	if (command != NULL)
		item->about.command = command->name;
	return rc == ADX_OK ? begin_call(call, &line, command, &args,
					 b->atomic && !b->options.dry_run, err)
			    : rc;
}

static void
keep_failure(struct batch_item *item, enum adx_rc rc, const struct adx_error *err)
{
	item->rc = rc;
	/* What it did is undone. */
	item->call.rows = 0;
	item->call.affected = 0;
	item->call.end = NULL;
	if (item->err == NULL)
		item->err = malloc(sizeof(*item->err));
	if (item->err == NULL)
		item->rc = ADX_ENOMEM;
	else
		*item->err = *err;
}

static void
add_item(struct batch *b, struct batch_group *group, const char *text, size_t len, bool too_long)
{
	struct batch_item *item = &group->items[group->count++];
	struct adx_error err = { 0 };
	enum adx_rc rc;

	*item = (struct batch_item){ .about.number = b->input.line };
	item->call.caller = &b->caller;
	item->call.config = b->cli->session.config;
	item->call.commands = admin_extra_commands(b->cli->session.service);
	item->call.options = &b->options;
	item->call.db = b->db;
	item->call.writer = b->writer;
	if (too_long)
		rc = adx_fail(&err, ADX_EUSAGE, "the line is longer than %d bytes", BATCH_LINE_MAX);
	else
		rc = prepare(b, item, text, len, &err);
	if (rc != ADX_OK)
		keep_failure(item, rc, &err);
	group->bytes += len;
}

static enum adx_rc
make_room(struct batch_group *group, struct adx_error *err)
{
	size_t cap = group->cap == 0 ? 64 : 2 * group->cap;
	struct batch_item *grown;

	if (group->count < group->cap)
		return ADX_OK;
	grown = reallocarray(group->items, cap, sizeof(*grown));
	if (grown == NULL)
		return adx_nomem(err);
	group->items = grown;
	group->cap = cap;
	return ADX_OK;
}

enum adx_rc
batch_group_fill(struct batch *b, struct batch_group *group, bool wait, struct adx_error *err)
{
	while (group->count < b->size && group->bytes < BATCH_GROUP_BYTES) {
		enum batch_next what;
		const char *text = NULL;
		size_t len = 0;
		enum adx_rc rc = make_room(group, err);

		if (rc == ADX_OK)
			rc = batch_input_next(&b->input, wait && group->count == 0, &what, &text,
					      &len, err);
		if (rc != ADX_OK || what == BATCH_NOTHING || what == BATCH_END)
			return rc;
		/* What another run of this batch has done is not done again. */
		if (b->input.line <= b->state.recorded)
			continue;
		if (what == BATCH_TOO_LONG || !batch_line_is_empty(text, len))
			add_item(b, group, text, len, what == BATCH_TOO_LONG);
	}
	return ADX_OK;
}

void
batch_group_clear(struct batch_group *group)
{
	for (size_t i = 0; i < group->count; i++) {
		call_end(&group->items[i].call);
		free(group->items[i].err);
	}
	group->count = 0;
	group->bytes = 0;
}

void
batch_group_free(struct batch_group *group)
{
	batch_group_clear(group);
	free(group->items);
	*group = (struct batch_group){ 0 };
}

/* ---- one attempt ------------------------------------------------------------------------- */

static bool
in_one_transaction(const struct batch *b)
{
	return b->atomic || b->options.dry_run;
}

/* Recorded runs hold a lock in each transaction that may change something. */
static bool
is_recorded(const struct batch *b, enum db_mode mode)
{
	return b->state.fd >= 0 && mode == DB_WRITE;
}

static enum adx_rc
begin(struct batch *b, enum db_mode mode, struct adx_error *err)
{
	out_hold(b->cli->out);
	b->attempted_no = 0;
	if (!in_one_transaction(b) || !b->begun)
		db_begin(b->db, in_one_transaction(b) ? DB_WRITE : mode);
	b->begun = true;
	return b->options.dry_run ? db_savepoint(b->db, err) : ADX_OK;
}

static enum adx_rc
undo(struct batch *b, struct adx_error *err)
{
	enum adx_rc rc = ADX_OK;

	stmt_drain(b->db);
	out_discard(b->cli->out);
	strvec_free(&b->remarks);
	if (!b->options.dry_run) {
		db_rollback(b->db);
		return ADX_OK;
	}
	rc = db_savepoint_return(b->db, err);
	return rc == ADX_OK ? db_savepoint_release(b->db, err) : rc;
}

static void
say_remarks(struct batch *b)
{
	for (size_t i = 0; i < b->remarks.count; i++)
		cli_say(b->remarks.items[i]);
	strvec_free(&b->remarks);
}

/* Replies are seen only when what they tell cannot be undone any more. */
static void
release(struct batch *b)
{
	progress_clear(&b->progress);
	out_release(b->cli->out);
	say_remarks(b);
}

/* The database or the memory is gone: no line's failure, but the end. */
static bool
is_fatal(const struct batch *b, enum adx_rc rc)
{
	return rc == ADX_EUNAVAIL || rc == ADX_EUNKNOWN || rc == ADX_EINTR || rc == ADX_ENOMEM ||
	       out_error(b->cli->out) != 0;
}

/*
 * The last line may be one that does something at the end of its transaction; then it is alone.
 * *refused: the server, or that, did not want the lines, and nothing else went wrong.
 */
static enum adx_rc
commit(struct batch *b, enum db_mode mode, struct batch_item *item, bool *refused,
       struct adx_error *err)
{
	enum adx_rc rc = ADX_OK;
	int64_t last = item == NULL ? b->last : item->about.number;
	/* Failures of reads in transactions of their own come to be recorded by the next write. */
	int64_t failed = b->failed + b->attempted_no - b->state.failed;

	*refused = false;
	if (b->options.dry_run)
		return db_savepoint_release(b->db, err);
	if (is_recorded(b, mode))
		rc = batch_state_advance(&b->state, b->db, last, failed, err);
	if (rc != ADX_OK)
		return rc;
	rc = item != NULL && item->call.end != NULL ? call_commit(&item->call, err)
						    : db_commit(b->db, err);
	*refused = rc != ADX_OK && !is_fatal(b, rc) && !(item != NULL && item->call.committed);
	if (rc == ADX_OK && is_recorded(b, mode))
		batch_state_recorded(&b->state, last, failed);
	return rc;
}

static enum adx_rc
say_fatal(const struct batch_item *item, struct adx_error *err)
{
	if (item->rc == ADX_OK)
		return call_output_ok(&item->call, err);
	if (item->err == NULL)
		return adx_nomem(err);
	*err = *item->err;
	return item->rc;
}

static void
write_reply(struct batch *b, struct batch_item *item)
{
	writer_bind(b->writer, item->call.command);
	b->writer->line = &item->about;
	item->about.rows = &item->call.rows;
}

/*
 * A deadlock or a serialization failure (class 40) may be the fault of the locks that the other
 * lines of the attempt hold: then the line has not failed yet.
 */
static bool
deserves_another_try(const struct batch *b, const struct adx_error *err)
{
	return !b->alone && !in_one_transaction(b) && strncmp(err->sqlstate, "40", 2) == 0;
}

/*
 * Take the answer of one line and write its reply. *ok is false when its attempt must be undone: an
 * error, or a "no" where the batch does not go on.
 */
static enum adx_rc
receive(struct batch *b, struct batch_item *item, bool *ok, struct adx_error *err)
{
	enum adx_rc rc = item->rc;

	b->at = item->about.number;
	write_reply(b, item);
	if (rc == ADX_OK) {
		call_forget(&item->call);
		rc = call_receive(&item->call, err);
		if (rc != ADX_OK && !deserves_another_try(b, err))
			keep_failure(item, rc, err);
		*ok = rc == ADX_OK && (b->go_on || call_said_yes(&item->call));
	} else {
		*ok = b->go_on;
	}
	if (is_fatal(b, item->rc))
		return say_fatal(item, err);
	if (!*ok)
		return ADX_OK;
	b->attempted_no += item->rc != ADX_OK || !call_said_yes(&item->call);
	call_finish(&item->call, item->rc, item->err);
	return ADX_OK;
}

static bool
by_steps(const struct batch_item *item)
{
	return item->rc == ADX_OK && call_by_steps(&item->call);
}

/* Send lines up to one that must be carried out by itself; *to is where. */
static enum adx_rc
send_some(struct batch *b, size_t from, size_t end, size_t *to, struct adx_error *err)
{
	enum adx_rc rc = ADX_OK;
	size_t i = from;

	for (; i < end && rc == ADX_OK && !by_steps(&b->group.items[i]); i++)
		if (b->group.items[i].rc == ADX_OK)
			rc = call_send(&b->group.items[i].call, err);
	*to = i;
	return rc;
}

/* Receive up to `end`; *at is then the line that failed, or end. */
static enum adx_rc
receive_some(struct batch *b, size_t end, size_t *at, bool *ok, struct adx_error *err)
{
	enum adx_rc rc = ADX_OK;

	while (*at < end) {
		rc = receive(b, &b->group.items[*at], ok, err);
		if (rc != ADX_OK || !*ok)
			break;
		++*at;
	}
	return rc;
}

/* What goes wrong with lines to come is said when they are due. */
static void
read_ahead(struct batch *b)
{
	struct adx_error ignored;

	if (batch_group_fill(b, &b->ahead, false, &ignored) != ADX_OK)
		b->ahead.bytes = BATCH_GROUP_BYTES;
}

/* Lines in flight, and the one by steps that ended them. The lock is taken before anything. */
static enum adx_rc
run_some(struct batch *b, size_t end, bool lock, size_t *at, bool *ok, struct adx_error *err)
{
	size_t to = *at;
	enum adx_rc rc = lock ? batch_state_send_lock(&b->state, b->db, err) : ADX_OK;

	if (rc == ADX_OK)
		rc = send_some(b, *at, end, &to, err);
	if (rc == ADX_OK)
		rc = stmt_mark(b->db, err);
	if (rc == ADX_OK && to == end)
		read_ahead(b);
	if (rc == ADX_OK && lock)
		rc = batch_state_receive_lock(b->db, err);
	if (rc == ADX_OK)
		rc = receive_some(b, to, at, ok, err);
	stmt_drain(b->db);
	if (rc == ADX_OK && *ok && to < end)
		rc = receive_some(b, to + 1, at, ok, err);
	return rc;
}

/* Run [first, end) without committing; *at is the line that failed, or end. */
static enum adx_rc
attempt(struct batch *b, size_t first, size_t end, enum db_mode mode, size_t *at,
	struct adx_error *err)
{
	bool lock = is_recorded(b, mode) && !(b->atomic && b->begun);
	enum adx_rc rc = begin(b, mode, err);
	bool ok = true;

	*at = first;
	b->alone = end - first == 1;
	while (rc == ADX_OK && ok && *at < end) {
		rc = run_some(b, end, lock, at, &ok, err);
		lock = false;
	}
	return rc;
}

/* ---- a group ----------------------------------------------------------------------------- */

/* A line that will not be a yes, whatever the database says. */
static bool
is_lost(const struct batch_item *item)
{
	return item->rc != ADX_OK || (item->call.answer != NULL && !call_said_yes(&item->call));
}

/* A transaction for it alone. */
static bool
wants_own(const struct call *call)
{
	return call_wants_snapshot(call) || call_wants_to_commit(call);
}

/*
 * How far one attempt goes from `first`: a step, not beyond a line that is lost already, and a line
 * that needs a transaction of its own alone.
 */
static size_t
reach(const struct batch *b, size_t first, enum db_mode *mode)
{
	const struct batch_group *g = &b->group;
	size_t most = g->count - first < b->step ? g->count : first + b->step;
	size_t end = first;

	*mode = DB_WRITE;
	for (; end < most; end++) {
		const struct batch_item *item = &g->items[end];

		if (is_lost(item) && !b->go_on)
			break;
		if (item->rc != ADX_OK || in_one_transaction(b) || !wants_own(&item->call))
			continue;
		if (end > first)
			break;
		*mode = call_writes(&item->call) ? DB_WRITE : DB_SNAPSHOT;
		return first + 1;
	}
	return end;
}

static void
account(struct batch *b, size_t first, size_t end)
{
	b->lines += (int64_t)(end - first);
	b->failed += b->attempted_no;
	b->last = b->group.items[end - 1].about.number;
	if (!b->atomic)
		release(b);
	progress_update(&b->progress, b->lines, b->input.taken, b->input.size);
}

/* After a failure few lines are tried at once, then more again: a group is not tried in vain. */
static void
adapt_step(struct batch *b, bool failed)
{
	b->step = failed ? 1 : 2 * b->step;
	if (b->step > b->size)
		b->step = b->size;
}

/*
 * A COMMIT that is refused does not say because of which line, so fewer are tried, and at last one
 * alone has to do with it. False when it cannot have.
 */
static bool
blame(struct batch_item *first, size_t count, enum adx_rc rc, const struct adx_error *err)
{
	if (count == 1 && first->rc != ADX_OK)
		return false;
	if (count == 1)
		keep_failure(first, rc, err);
	return true;
}

/* Run and commit [first, end), or undo it all because of line *at. */
static enum adx_rc
try_lines(struct batch *b, size_t first, size_t end, enum db_mode mode, size_t *at,
	  struct adx_error *err)
{
	struct batch_item *items = b->group.items;
	struct adx_error ignored;
	bool refused = false;
	enum adx_rc rc = attempt(b, first, end, mode, at, err);

	if (rc == ADX_OK && *at == end && !b->atomic)
		rc = commit(b, mode, &items[end - 1], &refused, err);
	if (refused && blame(&items[first], end - first, rc, err)) {
		*at = first;
		rc = ADX_OK;
	}
	if (rc != ADX_OK)
		(void)undo(b, &ignored);
	else if (*at < end)
		rc = undo(b, err);
	else
		account(b, first, end);
	adapt_step(b, *at < end);
	return rc;
}

/* The reply of the line that the batch stops at; nothing of it was kept. */
static void
stop_at(struct batch *b, struct batch_item *item)
{
	struct adx_error ignored;

	if (b->atomic)
		(void)undo(b, &ignored);
	progress_clear(&b->progress);
	b->stopped = item;
	b->lines++;
	b->failed++;
	write_reply(b, item);
	call_finish(&item->call, item->rc, item->err);
}

/* How far to try after line `at` failed. */
static size_t
next_end(const struct batch *b, const struct batch_item *item, size_t first, size_t at)
{
	/* What came before it, and then it alone, which may well succeed. */
	if (!is_lost(item))
		return at > first ? at : at + 1;
	/* It has its failure now, and will only be printed. */
	if (b->go_on)
		return at + 1;
	return b->atomic ? first : at;
}

/* Get some lines from *first on done, or stop at the one that failed. */
static enum adx_rc
settle(struct batch *b, size_t *first, struct adx_error *err)
{
	struct batch_item *items = b->group.items;
	enum db_mode mode;
	size_t at = 0, end = reach(b, *first, &mode);
	struct batch_item *failing = NULL;

	if (!b->go_on && end < b->group.count && is_lost(&items[end]))
		failing = &items[end];
	while (end > *first) {
		enum adx_rc rc = try_lines(b, *first, end, mode, &at, err);

		if (rc != ADX_OK)
			return rc;
		if (at == end) {
			*first = end;
			break;
		}
		if (is_lost(&items[at]) && !b->go_on)
			failing = &items[at];
		end = next_end(b, &items[at], *first, at);
	}
	if (failing == NULL)
		return ADX_OK;
	if (failing->rc == ADX_ENOMEM)
		return adx_nomem(err);
	stop_at(b, failing);
	return ADX_OK;
}

enum adx_rc
batch_group_run(struct batch *b, struct adx_error *err)
{
	enum adx_rc rc = ADX_OK;
	size_t first = 0;

	while (rc == ADX_OK && first < b->group.count && b->stopped == NULL)
		rc = settle(b, &first, err);
	if (rc == ADX_OK && !b->atomic)
		rc = cli_check_output(b->cli, !b->options.dry_run, err);
	return rc;
}

enum adx_rc
batch_group_end(struct batch *b, struct adx_error *err)
{
	enum adx_rc rc;
	bool refused;

	if (b->atomic && !b->options.dry_run && b->stopped == NULL) {
		rc = commit(b, DB_WRITE, NULL, &refused, err);
		if (rc == ADX_OK)
			release(b);
		else
			out_discard(b->cli->out);
		return rc;
	}
	db_rollback(b->db);
	return ADX_OK;
}
