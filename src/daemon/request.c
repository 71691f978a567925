#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "daemon/daemon_priv.h"
#include "daemon/loop.h"
#include "daemon/route.h"
#include "daemon/server.h"

/* ---- life -------------------------------------------------------------------------------- */

static void
wake(void *ctx)
{
	struct request *r = ctx;

	loop_resume(r->loop, r);
}

static void
remark(void *ctx, const char *text)
{
	struct request *r = ctx;

	strvec_add_text(&r->remarks, text);
}

static void
name_request(struct request *r)
{
	uint64_t number = atomic_fetch_add(&r->daemon->requests, 1) + 1;
	char *to = r->id + 7;
	int digits = 1;

	while (number >> (4 * digits) != 0)
		digits++;
	memcpy(r->id, r->daemon->id, 6);
	r->id[6] = '-';
	/* By hand: snprintf() would take longer than finding a token. */
	for (int i = digits - 1; i >= 0; i--)
		*to++ = "0123456789abcdef"[number >> (4 * i) & 15];
	*to = '\0';
}

static struct request *
make(struct daemon *daemon)
{
	struct request *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->daemon = daemon;
	spool_init(&r->spool, 0, wake, r);
	r->out = out_new_sink(spool_write, &r->spool);
	if (r->out != NULL)
		return r;
	spool_free(&r->spool);
	free(r);
	return NULL;
}

static void
unmake(struct request *r)
{
	writer_free(r->json);
	call_end(&r->call);
	out_free(r->out);
	spool_free(&r->spool);
	buf_wipe(&r->body);
	free(r);
}

static struct request *
take_spare(struct daemon *daemon)
{
	struct request *r;

	pthread_mutex_lock(&daemon->spare_lock);
	r = daemon->spare;
	if (r != NULL) {
		daemon->spare = r->next;
		daemon->spare_count--;
	}
	pthread_mutex_unlock(&daemon->spare_lock);
	return r != NULL ? r : make(daemon);
}

static void
put_spare(struct daemon *daemon, struct request *r)
{
	enum { AT_MOST = 128 };
	bool kept;

	pthread_mutex_lock(&daemon->spare_lock);
	kept = daemon->spare_count < AT_MOST;
	if (kept) {
		r->next = daemon->spare;
		daemon->spare = r;
		daemon->spare_count++;
	}
	pthread_mutex_unlock(&daemon->spare_lock);
	if (!kept)
		unmake(r);
}

void
request_free_spares(struct daemon *daemon)
{
	while (daemon->spare != NULL) {
		struct request *r = daemon->spare;

		daemon->spare = r->next;
		unmake(r);
	}
}

struct request *
request_new(struct loop *loop, struct MHD_Connection *connection)
{
	struct daemon *daemon = loop_daemon(loop);
	struct request *r = take_spare(daemon);

	if (r == NULL)
		return NULL;
	r->actor[0] = r->failure[0] = r->once_key[0] = '\0';
	r->err.rc = ADX_OK;
	r->err.message[0] = r->err.hint[0] = r->err.sqlstate[0] = '\0';
	memset((char *)r + offsetof(struct request, loop), 0,
	       sizeof(*r) - offsetof(struct request, loop));
	r->loop = loop;
	r->connection = connection;
	r->began = now_us();
	atomic_fetch_add(&daemon->open, 1);
	atomic_init(&r->users, 1);
	daemon_in_force(daemon, &r->settings, &r->tokens);
	r->format = FORMAT_JSON;
	r->options = (struct run_options){ .max_affected = -1, .remark = remark, .ctx = r };
	name_request(r);
	r->spool.most = (uint64_t)r->settings->config->http.max_reply << 20;
	return r;
}

void
request_hold(struct request *r)
{
	atomic_fetch_add(&r->users, 1);
}

void
request_release(struct request *r)
{
	if (atomic_fetch_sub(&r->users, 1) != 1)
		return;
	if (r->call.writer != r->json)
		writer_free(r->call.writer);
	call_reset(&r->call);
	out_reset(r->out);
	spool_reset(&r->spool);
	strvec_free(&r->remarks);
	buf_rinse(&r->body);
	tokens_release(r->tokens);
	settings_release(r->settings);
	put_spare(r->daemon, r);
}

void
request_let_go(struct request *r)
{
	struct daemon *daemon = r->daemon;

	request_release(r);
	atomic_fetch_sub(&daemon->carried, 1);
}

int64_t
request_deadline(const struct request *r)
{
	return r->began / 1000 + (int64_t)r->settings->config->http.request_timeout * 1000;
}

bool
request_restart(struct request *r)
{
	if (out_error(r->out) != 0 || !spool_restart(&r->spool))
		return false;
	out_discard(r->out);
	writer_reset(r->call.writer);
	call_forget(&r->call);
	return true;
}

/* ---- failures ---------------------------------------------------------------------------- */

/* What a reply that belongs to no command is written as. */
static const struct command NOTHING = { .result = RESULT_RESCODE, .result_name = "res" };

void
request_fail(struct request *r, const struct adx_error *err)
{
	struct outcome outcome = { adx_rc_word(err->rc), err->message, err->hint, err->sqlstate,
				   false };
	struct writer *w = writer_new(FORMAT_JSON, &NOTHING, r->out);
	bool whole = w != NULL;

	if (r->code == 0)
		r->code = reply_code(err);
	r->status = outcome.status;
	r->exit = adx_rc_exit(err->rc);
	snprintf(r->failure, sizeof(r->failure), "%.280s%s%.96s%s", err->message,
		 err->hint[0] == '\0' ? "" : " (", err->hint, err->hint[0] == '\0' ? "" : ")");
	r->format = FORMAT_JSON;
	if (whole)
		w->ops->finish(w, &outcome);
	writer_free(w);
	out_flush(r->out);
	spool_finish(&r->spool, whole && out_error(r->out) == 0);
}

void
request_fail_as(struct request *r, unsigned code, enum adx_rc rc, const char *message,
		const char *hint)
{
	struct adx_error err;

	adx_fail(&err, rc, "%s", message);
	if (hint[0] != '\0')
		adx_hint(&err, "%s", hint);
	r->code = code;
	if (code == 503)
		r->retry_after = 1;
	request_fail(r, &err);
}

bool
request_overran(const struct request *r, enum adx_rc rc)
{
	return rc != ADX_OK && strcmp(r->err.sqlstate, "57014") == 0 &&
	       now_ms() >= request_deadline(r);
}

enum adx_rc
request_too_late(struct request *r)
{
	if (now_ms() < request_deadline(r) && atomic_load(&r->daemon->stopping))
		return adx_fail(&r->err, ADX_EINTR,
				"the daemon is stopping; this was cancelled, nothing was changed");
	return adx_fail(&r->err, ADX_EINTR,
			"took longer than %d seconds and was cancelled; nothing was changed",
			r->settings->config->http.request_timeout);
}

/* ---- the end ----------------------------------------------------------------------------- */

static bool
is_logged(const struct request *r, enum adx_rc rc)
{
	const char *log = r->settings->config->http.log;

	if (rc != ADX_OK || strcmp(log, "all") == 0)
		return true;
	return strcmp(log, "writes") == 0 && call_writes(&r->call);
}

static void
log_request(const struct request *r, enum adx_rc rc, int64_t micros)
{
	if (is_logged(r, rc))
		log_line("request=%s caller=%s command=%s status=%s rows=%" PRId64 " ms=%.1f%s%s",
			 r->id, r->actor, r->command->name, r->status, r->call.rows,
			 (double)micros / 1000,
			 rc == ADX_OK ? "" : " error=", rc == ADX_OK ? "" : r->err.message);
}

void
request_log_refusal(const struct request *r)
{
	if (r->accounted_for || r->handed_over || r->code < 400 ||
	    strcmp(r->settings->config->http.log, "all") != 0)
		return;
	log_line("request=%s caller=%s command=%s status=%s code=%u error=%s", r->id,
		 r->actor[0] == '\0' ? "-" : r->actor, r->command == NULL ? "-" : r->command->name,
		 r->status, r->code, r->failure);
}

static void
account_for(struct request *r, enum adx_rc rc)
{
	int64_t micros = now_us() - r->began;
	enum metrics_outcome outcome = rc != ADX_OK              ? OUTCOME_FAILED
				       : call_said_yes(&r->call) ? OUTCOME_YES
								 : OUTCOME_NO;

	r->accounted_for = true;
	metrics_command(&r->daemon->metrics, r->command_index, outcome, (uint64_t)micros);
	log_request(r, rc, micros);
}

/* A reply that began to stream cannot say any more that it failed, but by breaking off. */
static void
finish_failed(struct request *r)
{
	if (!spool_restart(&r->spool)) {
		spool_finish(&r->spool, false);
		return;
	}
	out_discard(r->out);
	request_fail(r, &r->err);
}

static void
finish_answered(struct request *r)
{
	r->status = r->call.answer->status;
	r->exit = call_said_yes(&r->call) ? 0 : 1;
	r->code = r->once_code != 0 ? r->once_code : reply_code_of_answer(r->status);
	call_finish(&r->call, ADX_OK, &r->err);
	spool_finish(&r->spool, out_error(r->out) == 0);
}

/* Those who wait for the same read learn why it failed. */
static void
give_up_fill(struct request *r)
{
	struct cache_fill *fill = r->fill;

	r->fill = NULL;
	if (fill != NULL)
		cache_fail(fill, &r->err);
}

void
request_done(struct request *r, enum adx_rc rc)
{
	give_up_fill(r);
	if (rc != ADX_OK) {
		r->status = adx_rc_word(rc);
		if (reply_code(&r->err) == 504)
			metrics_add(&r->daemon->metrics, METRIC_TIMEOUTS, 1);
	} else {
		r->status = r->call.answer->status;
	}
	account_for(r, rc);
	if (r->handed_over)
		atomic_fetch_sub(&r->daemon->in_flight, 1);
	metrics_add(&r->daemon->metrics, METRIC_IN_FLIGHT, r->handed_over ? -1 : 0);
	if (rc != ADX_OK)
		finish_failed(r);
	else
		finish_answered(r);
}

/* ---- carrying out ------------------------------------------------------------------------ */

/* From here on another thread has it, and the connection waits until there is a reply. */
static bool
hand_over(struct request *r)
{
	int most = r->settings->config->http.max_in_flight;

	if (atomic_fetch_add(&r->daemon->in_flight, 1) >= most) {
		atomic_fetch_sub(&r->daemon->in_flight, 1);
		metrics_add(&r->daemon->metrics, METRIC_REFUSED_BUSY, 1);
		request_fail_as(r, 503, ADX_EUNAVAIL, "too many requests are in flight",
				"try again in a second, or raise http.max_in_flight");
		return false;
	}
	if (!request_give_away(r)) {
		atomic_fetch_sub(&r->daemon->in_flight, 1);
		return false;
	}
	metrics_add(&r->daemon->metrics, METRIC_IN_FLIGHT, 1);
	return true;
}

bool
request_give_away(struct request *r)
{
	/* Counted first: daemon_stop() closes, then waits for those that were counted. */
	atomic_fetch_add(&r->daemon->carried, 1);
	if (atomic_load(&r->daemon->closed)) {
		atomic_fetch_sub(&r->daemon->carried, 1);
		request_fail_as(r, 503, ADX_EUNAVAIL, "the daemon is stopping", "");
		return false;
	}
	r->handed_over = true;
	request_hold(r);
	r->spool.waiting = true;
	return true;
}

static bool
finish_here(struct request *r, enum adx_rc rc)
{
	request_done(r, rc);
	return true;
}

static void look_up(struct request *r, const struct cache_key *key);

static void
look_up_again(struct request *r)
{
	const struct question *q = &r->call.questions[0];
	struct buf scratch = BUF_INIT;
	struct cache_key key;

	if (cache_key_make(&SQL_CATALOGUE[BACKEND_NATIVE][q->id], q->id, q->values, &scratch, &key))
		look_up(r, &key);
	else
		readers_add(r->daemon->readers, r);
	buf_free(&scratch);
}

/* Was it the other's own time, patience or memory that was over, and not yet ours? */
static bool
outlasts(const struct request *r, const struct adx_error *err)
{
	int64_t waited = now_us() - r->began;

	if (atomic_load(&r->daemon->stopping) || now_ms() >= request_deadline(r))
		return false;
	if (err->rc == ADX_EUNAVAIL)
		return waited < (int64_t)r->settings->config->http.retry * 1000000;
	return err->rc == ADX_EINTR || err->rc == ADX_ENOMEM;
}

/* Another's same read has ended: its rows are ours too. */
static void
take_others(void *ctx, struct rowset *value, const struct adx_error *err)
{
	struct request *r = ctx;
	enum adx_rc rc;

	if (err != NULL && outlasts(r, err)) {
		look_up_again(r);
		readers_call(r->daemon->readers);
		return;
	}
	if (err != NULL) {
		r->err = *err;
		rc = err->rc;
		r->retry_after = rc == ADX_EUNAVAIL ? 1 : 0;
	} else {
		rc = call_receive_kept(&r->call, value, &r->err);
	}
	request_done(r, rc);
	request_let_go(r);
}

/* What is read then is stored under the same lookup: the fill goes with the request. */
static void
look_up(struct request *r, const struct cache_key *key)
{
	struct rowset *value;
	enum cache_found found =
		cache_lookup(r->daemon->cache, key, take_others, r, &value, &r->fill);

	if (found == CACHE_HIT) {
		take_others(r, value, NULL);
		rowset_release(value);
	} else if (found != CACHE_WAIT) {
		readers_add(r->daemon->readers, r);
	}
}

static bool
run_cached(struct request *r, const struct cache_key *key)
{
	struct rowset *value;
	enum adx_rc rc;

	/* Before the lookup: what it finds may be over before this thread goes on. */
	if (cache_peek(r->daemon->cache, key, &value)) {
		rc = call_receive_kept(&r->call, value, &r->err);
		rowset_release(value);
		return finish_here(r, rc);
	}
	if (!hand_over(r))
		return true;
	look_up(r, key);
	return false;
}

static bool
run_shared(struct request *r)
{
	const struct question *q = &r->call.questions[0];
	struct buf scratch = BUF_INIT;
	struct cache_key key;
	bool here;

	r->soon = true;
	if (cache_may_be_on(r->daemon->cache) &&
	    cache_key_make(&SQL_CATALOGUE[BACKEND_NATIVE][q->id], q->id, q->values, &scratch,
			   &key)) {
		here = run_cached(r, &key);
		buf_free(&scratch);
		return here;
	}
	buf_free(&scratch);
	if (!hand_over(r))
		return true;
	readers_add(r->daemon->readers, r);
	return false;
}

static bool
run_alone(struct request *r)
{
	if (!hand_over(r))
		return true;
	writers_add(r->daemon->writers, r);
	return false;
}

/* As it is compared, else as it was typed; "" where there is none. */
static const char *
said(const struct value *value)
{
	if (value == NULL || value->raw == NULL)
		return "";
	return value->prepared == NULL ? value->raw : value->prepared;
}

/* How many tries a caller has for the password of an account. */
static bool
may_guess(struct request *r)
{
	const char *name[] = { r->actor, said(call_find(&r->call, "user")),
			       said(call_find(&r->call, "host")) };
	unsigned wait;

	if (!(r->command->flags & CMD_GUESSES))
		return true;
	wait = throttle_take(r->daemon->throttle, name, 3,
			     (unsigned)r->settings->config->http.password_checks,
			     (uint64_t)now_ms());
	if (wait == 0)
		return true;
	metrics_add(&r->daemon->metrics, METRIC_THROTTLED, 1);
	r->retry_after = wait;
	request_fail_as(r, 429, ADX_ELIMIT, "too many checks of the password of this account",
			"wait, or raise http.password_checks");
	return false;
}

static bool
run_call(struct request *r)
{
	enum adx_rc rc = call_prepare(&r->call, &r->err);

	if (rc == ADX_OK && !may_guess(r))
		return true;
	if (rc == ADX_OK && r->once_key[0] != '\0' && call_writes(&r->call)) {
		rc = once_prepare(r, &r->err);
		if (rc == ADX_OK)
			return run_alone(r);
	}
	if (rc != ADX_OK)
		return finish_here(r, rc);
	if (call_asks_nothing(&r->call))
		return finish_here(r, call_receive(&r->call, &r->err));
	if (call_may_share(&r->call))
		return run_shared(r);
	return run_alone(r);
}

/* Where a command means the daemon's own file, no caller says which that is. */
static void
name_own_file(struct request *r)
{
	const char *path = r->daemon->options.config_path;

	for (size_t i = 0; i < r->parsed.count; i++)
		if (r->command->params[i].type == PARAM_PATH &&
		    r->command->params[i].path == PATH_OWN && r->parsed.args[i] != NULL)
			r->parsed.args[i] = path == NULL ? "no file: the defaults" : path;
}

/* Nearly all want JSON. */
static struct writer *
writer_for(struct request *r)
{
	if (r->format != FORMAT_JSON)
		return writer_new(r->format, r->command, r->out);
	if (r->json == NULL)
		r->json = writer_new(FORMAT_JSON, r->command, r->out);
	else
		writer_bind(r->json, r->command);
	return r->json;
}

static enum adx_rc
begin_call(struct request *r)
{
	enum adx_rc rc = body_parse(r->command, buf_text(&r->body), r->body.len, &r->call.arena,
				    &r->parsed, &r->err);

	if (rc != ADX_OK)
		return rc;
	name_own_file(r);
	r->options.dry_run = r->parsed.dry_run;
	r->options.include_never_seen = r->parsed.include_never_seen;
	r->options.max_affected = r->parsed.max_affected;
	r->options.limit = r->parsed.limit;
	r->options.after = r->parsed.after;
	r->options.contents = r->parsed.contents;
	r->options.assume_yes = true;
	r->options.said_yes = r->parsed.yes;
	r->options.in_one_trip = true;
	r->options.reload = server_reload;
	r->options.cache = r->daemon->cache;
	r->call.writer = writer_for(r);
	if (r->call.writer == NULL)
		return adx_nomem(&r->err);
	r->call.caller = &r->caller;
	r->call.config = r->settings->config;
	r->call.options = &r->options;
	r->call.commands = admin_extra_commands(r->settings->service);
	return call_begin(&r->call, r->command, r->parsed.args, r->parsed.count, &r->err);
}

bool
request_run(struct request *r)
{
	enum adx_rc rc = begin_call(r);

	if (rc == ADX_OK)
		return run_call(r);
	r->call.command = r->command;
	return finish_here(r, rc);
}
