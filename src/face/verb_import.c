#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "face/cli.h"
#include "face/progress.h"
#include "transfer/import.h"

static const struct command REPORT_ROWS = {
	.name = "import",
	.result = RESULT_LIST,
	.result_name = "import",
	.fields = { { "kind" }, { "read", true }, { "written", true } },
};

struct request {
	const char *path;
	enum import_existing existing;
	bool dry_run;
	bool help;
};

static enum adx_rc
read_request(int argc, char **argv, const struct cli *cli, struct request *r, struct adx_error *err)
{
	*r = (struct request){ .dry_run = cli->options.dry_run };
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--dry-run") == 0)
			r->dry_run = true;
		else if (strcmp(argv[i], "--replace") == 0 && r->existing == IMPORT_KEEP)
			r->existing = IMPORT_REPLACE;
		else if (strcmp(argv[i], "--fail") == 0 && r->existing == IMPORT_KEEP)
			r->existing = IMPORT_FAIL;
		else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			r->help = true;
		else if (r->path == NULL && (argv[i][0] != '-' || argv[i][1] == '\0'))
			r->path = argv[i];
		else
			return adx_fail(err, ADX_EUSAGE, "import: '%.60s' is one word too many",
					argv[i]);
	}
	if (r->path != NULL || r->help)
		return ADX_OK;
	adx_fail(err, ADX_EUSAGE, "import takes a file, a folder or - for standard input");
	adx_hint(err, "see 'adminex help import'");
	return ADX_EUSAGE;
}

/* ---- beside the reply --------------------------------------------------------------------- */

static void
on_progress(void *ctx, int64_t accounts, uint64_t bytes, uint64_t bytes_all)
{
	progress_update(ctx, accounts, bytes, bytes_all);
}

static void
on_remark(void *ctx, const char *text)
{
	progress_clear(ctx);
	cli_say(text);
}

/* ---- the reply --------------------------------------------------------------------------- */

static void
write_row(struct writer *w, const char *kind, int64_t read, int64_t written)
{
	char r[24], n[24];
	struct cell cells[3] = { { kind, strlen(kind) }, { r, 0 }, { n, 0 } };

	cells[1].len = (size_t)snprintf(r, sizeof(r), "%" PRId64, read);
	cells[2].len = (size_t)snprintf(n, sizeof(n), "%" PRId64, written);
	w->ops->row(w, cells);
}

static void
write_skipped(struct writer *w, const struct import_report *report)
{
	struct buf kind = BUF_INIT;

	for (size_t i = 0; i < report->skipped.count; i++) {
		buf_clear(&kind);
		buf_addf(&kind, "skipped: %s", report->skipped.items[i]);
		write_row(w, buf_text(&kind), report->times[i], 0);
	}
	if (report->unnamed > 0)
		write_row(w, "skipped: others", report->unnamed, 0);
	buf_free(&kind);
}

static enum adx_rc
write_report(struct cli *cli, const struct import_report *report, struct adx_error *err)
{
	struct outcome done = { "ok", "", "", "", true };
	struct writer *w = writer_new(cli->options.format, &REPORT_ROWS, cli->out);

	if (w == NULL)
		return adx_nomem(err);
	w->ops->list_begin(w);
	for (int kind = 0; kind < PIE_SKIPPED; kind++)
		write_row(w, import_kind_name((enum pie_kind)kind), report->read[kind],
			  report->written[kind]);
	write_skipped(w, report);
	w->ops->finish(w, &done);
	writer_free(w);
	return ADX_OK;
}

static void
tell_hosts(const struct import_report *report, bool dry_run)
{
	struct buf line = BUF_INIT;

	for (size_t i = 0; i < report->hosts_added.count; i++) {
		buf_clear(&line);
		buf_addf(&line, "host '%s' %s", report->hosts_added.items[i],
			 dry_run ? "would be added" : "added");
		cli_say(buf_text(&line));
	}
	buf_free(&line);
}

/* ---- the verb ---------------------------------------------------------------------------- */

static enum adx_rc
import(struct cli *cli, const struct request *r, struct adx_error *err)
{
	struct progress progress;
	struct call call = { .command = &REPORT_ROWS };
	struct caller caller = { cli_actor(), "cli", ROLE_ADMIN };
	struct import_options options = { .existing = r->existing,
					  .dry_run = r->dry_run,
					  .remark = on_remark,
					  .progress = on_progress,
					  .ctx = &progress };
	struct import_report report;
	enum adx_rc rc;

	call.caller = &caller;
	options.audit = call_audit(&call, err);
	if (options.audit == NULL)
		return ADX_ENOMEM;
	progress_begin(&progress, "import", "accounts");
	rc = import_run(cli->session.db, r->path, &options, &report, err);
	progress_clear(&progress);
	if (rc == ADX_OK)
		rc = write_report(cli, &report, err);
	if (rc == ADX_OK)
		tell_hosts(&report, r->dry_run);
	if (rc == ADX_OK && r->dry_run)
		cli_say("dry run: nothing was changed");
	out_flush(cli->out);
	if (rc == ADX_OK && !r->dry_run)
		rc = cli_check_output(cli, true, err);
	import_report_free(&report);
	call_end(&call);
	return rc;
}

int
verb_import(struct cli *cli, int argc, char **argv)
{
	struct request r;
	struct adx_error err;
	enum adx_rc rc = read_request(argc, argv, cli, &r, &err);

	if (rc == ADX_OK && r.help) {
		help_on(cli->out, cli->session.service, "import");
		return 0;
	}
	if (rc == ADX_OK && cli->options.max_affected >= 0)
		rc = adx_fail(&err, ADX_EUSAGE,
			      "import has no --max-affected; look with --dry-run");
	if (rc == ADX_OK)
		rc = cli_connect(cli, &err);
	if (rc == ADX_OK)
		rc = import(cli, &r, &err);
	return rc == ADX_OK ? 0 : cli_fail(cli, &err);
}
