/* The face for programs: libadminex. */
#include "adminex/adminex.h"

#include <stdlib.h>
#include <string.h>

#include "command/call.h"
#include "face/session.h"

struct adminex {
	struct session session;
	struct adminex_settings settings;
};

static void
pass_remark(void *ctx, const char *text)
{
	const struct adminex *a = ctx;

	if (a->settings.remark != NULL)
		a->settings.remark(a->settings.ctx, text);
}

enum adx_rc
adminex_open(const struct adminex_settings *settings, struct adminex **out, struct adx_error *err)
{
	struct adminex *a = calloc(1, sizeof(*a));
	enum adx_rc rc;

	*out = NULL;
	if (a == NULL)
		return adx_nomem(err);
	a->settings = *settings;
	rc = session_open(&a->session, settings->config_path, err);
	if (rc == ADX_OK)
		rc = session_connect(&a->session, settings->dsn, true, NULL, err);
	if (rc != ADX_OK) {
		adminex_close(a);
		return rc;
	}
	*out = a;
	return ADX_OK;
}

static enum adx_rc
run(struct adminex *a, struct call *call, const struct command *command, const char *const words[],
    size_t count, struct adx_error *err)
{
	enum adx_rc rc = call_begin(call, command, words + 1, count - 1, err);

	call->db = a->session.db;
	if (rc == ADX_OK)
		rc = call_run(call, err);
	call_finish(call, rc, err);
	/* A write is done by now whatever became of its reply. */
	return rc == ADX_OK ? call_output_ok(call, err) : rc;
}

static enum adx_rc
run_to(struct adminex *a, const struct command *command, const char *const words[], size_t count,
       struct out *out, const struct run_options *options, bool *yes, struct adx_error *err)
{
	struct caller caller = {
		.actor = a->settings.actor == NULL ? "libadminex" : a->settings.actor,
		.face = "library",
		.role = ROLE_ADMIN,
	};
	struct call call = { .caller = &caller,
			     .config = a->session.config,
			     .commands = admin_extra_commands(a->session.service),
			     .options = options };
	enum adx_rc rc;

	call.writer = writer_new(FORMAT_JSON, command, out);
	if (call.writer == NULL)
		return adx_nomem(err);
	rc = run(a, &call, command, words, count, err);
	*yes = rc == ADX_OK && strcmp(call.answer->status, "ok") == 0;
	writer_free(call.writer);
	call_end(&call);
	return rc;
}

enum adx_rc
adminex_run(struct adminex *a, const char *const words[], size_t count, int fd,
	    const struct adminex_options *options, bool *yes, struct adx_error *err)
{
	struct run_options run_options = { .max_affected = -1, .remark = pass_remark, .ctx = a };
	const struct command *command;
	struct out *out;
	enum adx_rc rc;

	*yes = false;
	command = count == 0 ? NULL
			     : command_find(admin_extra_commands(a->session.service), words[0]);
	if (command == NULL)
		return adx_fail(err, ADX_EUSAGE, "unknown command '%.60s'",
				count == 0 ? "" : words[0]);
	if (options != NULL) {
		run_options.dry_run = options->dry_run;
		run_options.include_never_seen = options->include_never_seen;
		run_options.max_affected = options->limited ? options->max_affected : -1;
		run_options.limit = options->limit;
		run_options.after = options->after;
	}
	out = out_new(fd);
	if (out == NULL)
		return adx_nomem(err);
	rc = run_to(a, command, words, count, out, &run_options, yes, err);
	out_free(out);
	return rc;
}

void
adminex_interrupt(struct adminex *a)
{
	db_interrupt(a->session.db);
}

void
adminex_close(struct adminex *a)
{
	if (a == NULL)
		return;
	session_close(&a->session);
	free(a);
}
