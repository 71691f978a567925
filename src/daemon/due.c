/*
 * Erasures whose time of grace is over: each is the command gdpr_erase, called by the daemon
 * itself. Of several daemons, the one that locks the row carries it out.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "daemon/daemon_priv.h"
#include "daemon/link.h"

enum { LOOK_EVERY_MS = 2000, REST_MS = 60000 };

/* One of them. */
struct due {
	struct daemon *daemon;
	const char *host, *username;
	const char *failure; /* of the try before, or "" */
	bool skipped;        /* somebody else did it, or it was cancelled */
};

/* ---- in its transaction ------------------------------------------------------------------ */

static enum adx_rc
judge_claim(struct due *due, struct call *call, const struct rows *rows, bool *answered,
	    struct adx_error *err)
{
	due->skipped = *answered = rows == NULL;
	if (rows == NULL) {
		call->answer = &ANSWER_OK;
		call->text = "";
		return ADX_OK;
	}
	if (rows_get_bool(rows, "newer"))
		return adx_fail(err, ADX_EFAIL,
				"the account was made after its erasure was asked for");
	/* Not left to the command, which would leave an audit row each time. */
	if (rows_get(rows, "held") != NULL)
		return adx_fail(err, ADX_EFAIL, "a legal hold stands in the way: %.600s",
				rows_get(rows, "held"));
	return ADX_OK;
}

static enum adx_rc
claim(void *ctx, struct call *call, bool *answered, struct adx_error *err)
{
	struct due *due = ctx;
	struct rows *rows = NULL;
	enum adx_rc rc = stmt_exec(call->db, SQL_GDPR_LOCK, PARAMS(due->host, due->username), err);

	if (rc == ADX_OK)
		rc = stmt_one(call->db, SQL_GDPR_DUE_CLAIM, PARAMS(due->host, due->username), &rows,
			      err);
	if (rc == ADX_OK)
		rc = judge_claim(due, call, rows, answered, err);
	rows_close(rows);
	return rc;
}

static enum adx_rc
nothing_more(void *ctx, struct call *call, struct adx_error *err)
{
	(void)ctx;
	(void)call;
	(void)err;
	return ADX_OK;
}

/* ---- the call ---------------------------------------------------------------------------- */

static int
swallow(void *ctx, const char *data, size_t len)
{
	(void)ctx;
	(void)data;
	(void)len;
	return 0;
}

static void
pass_over(void *ctx, const char *text)
{
	(void)ctx;
	(void)text;
}

/* Why it was not done is for an officer to know; the log has neither names nor reasons. */
static enum adx_rc
keep_failure(struct db *db, const struct due *due, const char *text, struct adx_error *err)
{
	if (strcmp(due->failure, text) != 0)
		log_text("an erasure that was due could not be carried out; gdpr_pending says why");
	return stmt_exec(db, SQL_GDPR_DUE_FAILED, PARAMS(due->host, due->username, text), err);
}

static enum adx_rc
conclude(struct call *call, const struct due *due, enum adx_rc rc, struct adx_error *err)
{
	char text[sizeof(err->message)];

	if (rc == ADX_OK && call_said_yes(call)) {
		if (!due->skipped)
			log_text("an erasure that was due was carried out");
		return ADX_OK;
	}
	if (rc == ADX_OK)
		return keep_failure(call->db, due, call->text, err);
	/* Where the connection is gone, or may have been too late, the next look finds out. */
	if (rc == ADX_EUNAVAIL || rc == ADX_EUNKNOWN || rc == ADX_EINTR)
		return rc;
	snprintf(text, sizeof(text), "%s", err->message);
	return keep_failure(call->db, due, text, err);
}

static enum adx_rc
call_command(struct due *due, const struct config *config, struct db *db, struct out *out,
	     struct adx_error *err)
{
	static const struct run_hooks HOOKS = { claim, nothing_more };
	const struct caller caller = { .actor = "daemon", .face = "daemon", .role = ROLE_ADMIN };
	const struct command *const *commands = admin_extra_commands(due->daemon->every);
	const struct command *command = command_find(commands, "gdpr_erase");
	const char *args[] = { due->username, due->host };
	struct run_options options = { .assume_yes = true,
				       .said_yes = true,
				       .max_affected = -1,
				       .remark = pass_over,
				       .hooks = &HOOKS,
				       .cache = due->daemon->cache,
				       .ctx = due };
	struct call call = { .caller = &caller,
			     .config = config,
			     .commands = commands,
			     .options = &options,
			     .db = db,
			     .writer = writer_new(FORMAT_JSON, command, out) };
	enum adx_rc rc =
		call.writer == NULL ? adx_nomem(err) : call_begin(&call, command, args, 2, err);

	if (rc == ADX_OK)
		rc = conclude(&call, due, call_run(&call, err), err);
	writer_free(call.writer);
	call_end(&call);
	return rc;
}

static enum adx_rc
carry_out(struct due *due, const struct config *config, struct db *db, struct adx_error *err)
{
	struct out *out = out_new_sink(swallow, NULL);
	enum adx_rc rc = out == NULL ? adx_nomem(err) : call_command(due, config, db, out, err);

	out_free(out);
	return rc;
}

/* ---- all of them ------------------------------------------------------------------------- */

/* Host, username and failure, one after the other. */
static enum adx_rc
find_due(struct db *db, struct strvec *names, struct adx_error *err)
{
	struct rows *rows;
	bool has;
	enum adx_rc rc = stmt_open(db, SQL_GDPR_DUE, NO_PARAMS, &rows, err);

	if (rc != ADX_OK)
		return rc;
	while ((rc = rows_next(rows, &has, err)) == ADX_OK && has) {
		strvec_add_text(names, rows_get(rows, "host"));
		strvec_add_text(names, rows_get(rows, "username"));
		strvec_add_text(names, rows_get(rows, "failure"));
	}
	rows_close(rows);
	return rc == ADX_OK && !strvec_ok(names) ? adx_nomem(err) : rc;
}

static enum adx_rc
carry_out_all(struct daemon *daemon, struct link *link, struct adx_error *err)
{
	const struct config *config = link->settings->config;
	int64_t time = (int64_t)config->http.request_timeout * 1000;
	struct strvec names = STRVEC_INIT;
	enum adx_rc rc = find_due(link->db, &names, err);

	for (size_t i = 0; i + 2 < names.count && rc == ADX_OK; i += 3) {
		struct due due = { daemon, names.items[i], names.items[i + 1], names.items[i + 2],
				   false };

		if (atomic_load(&daemon->stopping))
			break;
		guard_begin(&link->guard, now_ms() + time);
		rc = carry_out(&due, config, link->db, err);
	}
	strvec_free(&names);
	return rc;
}

void
due_look(struct due_state *state, struct daemon *daemon, struct link *link)
{
	struct adx_error err;
	int64_t now = now_ms();
	bool failed;

	/* A standby changes nothing; the daemon of the primary sees to it. */
	if (now < state->next || db_follows(link->db))
		return;
	failed = carry_out_all(daemon, link, &err) != ADX_OK;
	if (failed && !state->failed)
		log_failure("cannot see to erasures that are due", &err);
	state->failed = failed;
	state->next = now + (failed ? REST_MS : LOOK_EVERY_MS);
}
