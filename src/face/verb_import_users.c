/* The import of a users file on the command line: its reply is the list of bad rows. */
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "face/progress.h"
#include "face/verb_import.h"
#include "transfer/import_users.h"

static const struct command BAD_ROWS = {
	.name = "import",
	.result = RESULT_LIST,
	.result_name = "bad_rows",
	.fields = { { "line", true }, { "user" }, { "host" }, { "why" } },
};

struct talk {
	struct progress progress;
	struct writer *writer;
};

static void
on_progress(void *ctx, int64_t accounts, uint64_t bytes, uint64_t bytes_all)
{
	struct talk *talk = ctx;

	progress_update(&talk->progress, accounts, bytes, bytes_all);
}

static void
on_remark(void *ctx, const char *text)
{
	struct talk *talk = ctx;

	progress_clear(&talk->progress);
	cli_say(text);
}

static enum adx_rc
on_bad_row(void *ctx, const struct import_bad_row *row, struct adx_error *err)
{
	struct writer *w = ((struct talk *)ctx)->writer;
	struct cell cells[4] = { { row->line, strlen(row->line) },
				 { row->user, strlen(row->user) },
				 { row->host, strlen(row->host) },
				 { row->why, strlen(row->why) } };
	int errnum;

	w->ops->row(w, cells);
	errnum = out_error(w->out);
	return errnum == 0 ? ADX_OK
			   : adx_fail_errno(err, ADX_EIO, errnum, "cannot write the reply");
}

static void
add_count(struct buf *out, int64_t count, const char *what)
{
	if (count > 0)
		buf_addf(out, ", %" PRId64 " %s", count, what);
}

static void
add_totals(struct buf *out, const struct import_users_report *report, bool dry_run)
{
	if (dry_run)
		buf_add_text(out, "Dry run: ");
	if (report->refused) {
		buf_addf(out, "%" PRId64 " rows bad: nothing was imported", report->bad);
		return;
	}
	buf_addf(out, "%" PRId64 " accounts made", report->made);
	add_count(out, report->replaced, "replaced");
	add_count(out, report->kept, "left untouched");
	add_count(out, report->bad, "rows bad");
}

/* COMMIT has been answered: say how it ended, and send the rows that waited. */
static enum adx_rc
finish(struct cli *cli, struct writer *w, const struct import_users_report *report, bool dry_run,
       struct adx_error *err)
{
	struct outcome done = { report->bad > 0 ? "bad_rows" : "ok", "", "", "", true };
	bool wrote = !dry_run && report->made + report->replaced > 0;
	struct buf totals = BUF_INIT;

	add_totals(&totals, report, dry_run);
	done.message = buf_text(&totals);
	w->ops->finish(w, &done);
	out_release(cli->out);
	/* CSV has no room for a message after a list. */
	if (cli->options.format == FORMAT_CSV)
		cli_say(done.message);
	buf_free(&totals);
	if (!report->refused)
		import_tell_hosts(&report->all, dry_run);
	if (dry_run)
		cli_say("dry run: nothing was changed");
	return cli_check_output(cli, wrote, err);
}

static enum adx_rc
run(struct cli *cli, const struct import_request *r, struct talk *talk, const char *audit,
    struct import_users_report *report, struct adx_error *err)
{
	struct import_options options = { .existing = r->existing,
					  .dry_run = r->dry_run,
					  .audit = audit,
					  .key_file = cli->session.config->privacy.key_file,
					  .remark = on_remark,
					  .progress = on_progress,
					  .ctx = talk };
	struct import_users users = { .format = r->as == AS_CSV ? USERS_CSV : USERS_NDJSON,
				      .strict = r->strict,
				      .mechanism = cli->session.config->password_mechanism,
				      .iterations = cli->session.config->password_iterations,
				      .bad_row = on_bad_row };
	enum adx_rc rc;

	out_hold(cli->out);
	talk->writer->ops->list_begin(talk->writer);
	progress_begin(&talk->progress, "import", "accounts");
	rc = import_users_run(cli->session.db, r->path, &options, &users, report, err);
	progress_clear(&talk->progress);
	if (rc != ADX_OK)
		out_discard(cli->out);
	return rc;
}

enum adx_rc
import_users_file(struct cli *cli, const struct import_request *r, bool *yes, struct adx_error *err)
{
	struct talk talk = { .writer = writer_new(cli->options.format, &BAD_ROWS, cli->out) };
	struct caller caller = { cli_actor(), "cli", ROLE_ADMIN };
	struct call call = { .command = &BAD_ROWS, .caller = &caller };
	struct import_users_report report = { 0 };
	const char *audit = call_audit(&call, err);
	enum adx_rc rc = talk.writer == NULL ? adx_nomem(err) : ADX_OK;

	if (rc == ADX_OK && audit == NULL)
		rc = ADX_ENOMEM;
	if (rc == ADX_OK)
		rc = run(cli, r, &talk, audit, &report, err);
	if (rc == ADX_OK)
		rc = finish(cli, talk.writer, &report, r->dry_run, err);
	*yes = report.bad == 0;
	writer_free(talk.writer);
	import_users_report_free(&report);
	call_end(&call);
	return rc;
}
