/* The face for programs: libadminex. */
#include "adminex/adminex.h"

#include <stdlib.h>
#include <string.h>

#include "command/args.h"
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
run(struct adminex *a, struct call *call, const struct command *command, const struct args *args,
    struct adx_error *err)
{
	enum adx_rc rc = call_begin(call, command, args->values, args->count, err);

	call->db = a->session.db;
	if (rc == ADX_OK)
		rc = call_run(call, err);
	call_finish(call, rc, err);
	/* A write is done by now whatever became of its reply. */
	return rc == ADX_OK ? call_output_ok(call, err) : rc;
}

static enum adx_rc
run_to(struct adminex *a, const struct command *command, const struct args *args, struct out *out,
       const struct run_options *options, bool *yes, struct adx_error *err)
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
	rc = run(a, &call, command, args, err);
	*yes = rc == ADX_OK && strcmp(call.answer->status, "ok") == 0;
	writer_free(call.writer);
	call_end(&call);
	return rc;
}

/* The command that the words name, and what it is given. */
static enum adx_rc
read_words(const struct adminex *a, const char *const words[], size_t count,
	   const struct command **command, struct args *args, struct adx_error *err)
{
	const struct command *const *commands = admin_extra_commands(a->session.service);
	const char *first = count == 0 ? "" : words[0];
	const char *second = count < 2 ? NULL : words[1];
	size_t used;

	*command = command_named(commands, first, second, &used);
	if (*command == NULL)
		return command_unknown(commands, first, second, err);
	return args_read(*command, words + used, count - used, args, err);
}

static void
set_options(struct run_options *out, const struct adminex_options *options, const struct args *args)
{
	if (options != NULL) {
		out->dry_run = options->dry_run;
		out->include_never_seen = options->include_never_seen;
		out->max_affected = options->limited ? options->max_affected : -1;
		out->limit = options->limit;
		out->after = options->after;
	}
	out->dry_run |= args->dry_run;
	out->assume_yes = args->yes;
	out->said_yes = args->yes;
}

enum adx_rc
adminex_run(struct adminex *a, const char *const words[], size_t count, int fd,
	    const struct adminex_options *options, bool *yes, struct adx_error *err)
{
	struct run_options run_options = { .max_affected = -1, .remark = pass_remark, .ctx = a };
	const struct command *command = NULL;
	struct args args = { 0 };
	struct out *out;
	enum adx_rc rc;

	*yes = false;
	rc = read_words(a, words, count, &command, &args, err);
	if (rc != ADX_OK)
		return rc;
	set_options(&run_options, options, &args);
	out = out_new(fd);
	if (out == NULL)
		return adx_nomem(err);
	rc = run_to(a, command, &args, out, &run_options, yes, err);
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
