#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/newfile.h"
#include "face/cli.h"
#include "face/progress.h"
#include "transfer/export.h"
#include "transfer/import.h"

static const struct command REPORT_ROWS = {
	.name = "export",
	.result = RESULT_LIST,
	.result_name = "export",
	.fields = { { "kind" }, { "written", true } },
};

struct request {
	const char *path;
	const char *host; /* NULL: all */
	const char *user; /* NULL: all of the host */
	bool dates;
	bool help;
};

/* ---- what is asked for ------------------------------------------------------------------- */

enum { OPT_HOST = 256, OPT_DATES, OPT_DRY_RUN };

static const struct option OPTIONS[] = {
	{ "host", required_argument, NULL, OPT_HOST }, { "output", required_argument, NULL, 'o' },
	{ "dates", no_argument, NULL, OPT_DATES },     { "help", no_argument, NULL, 'h' },
	{ "dry-run", no_argument, NULL, OPT_DRY_RUN }, { 0 },
};

static enum adx_rc
usage(struct adx_error *err, const char *what)
{
	adx_fail(err, ADX_EUSAGE, "export %s", what);
	adx_hint(err, "see 'adminex help export'");
	return ADX_EUSAGE;
}

/* A second value would silently win. */
static enum adx_rc
set_once(const char **place, const char *value, struct adx_error *err)
{
	if (*place != NULL)
		return usage(err, "takes each option once");
	*place = value;
	return ADX_OK;
}

static enum adx_rc
take(int option, struct request *r, struct adx_error *err)
{
	switch (option) {
	case OPT_HOST: return set_once(&r->host, optarg, err);
	case 'o': return set_once(&r->path, optarg, err);
	case OPT_DATES: r->dates = true; return ADX_OK;
	case 'h': r->help = true; return ADX_OK;
	case OPT_DRY_RUN: return usage(err, "has no --dry-run: it changes nothing");
	case ':': return usage(err, "needs a value behind --host and behind --output");
	default: return usage(err, "takes --output FILE, --host HOST, --dates, and USER HOST");
	}
}

static enum adx_rc
take_account(int count, char **words, struct request *r, struct adx_error *err)
{
	if (count == 0)
		return ADX_OK;
	if (count != 2)
		return usage(err, "takes no further word, or USER HOST");
	if (r->host != NULL)
		return usage(err, "takes either --host HOST or USER HOST");
	r->user = words[0];
	r->host = words[1];
	return ADX_OK;
}

static enum adx_rc
read_request(int argc, char **argv, const struct cli *cli, struct request *r, struct adx_error *err)
{
	enum adx_rc rc = ADX_OK;
	int option;

	*r = (struct request){ 0 };
	optind = 0;
	opterr = 0;
	while (rc == ADX_OK && (option = getopt_long(argc, argv, ":o:h", OPTIONS, NULL)) != -1)
		rc = take(option, r, err);
	if (rc != ADX_OK || r->help)
		return rc;
	if (cli->options.dry_run)
		return usage(err, "has no --dry-run: it changes nothing");
	if (cli->options.max_affected >= 0)
		return usage(err, "has no --max-affected: it changes nothing");
	rc = take_account(argc - optind, argv + optind, r, err);
	if (rc == ADX_OK && r->path == NULL)
		rc = usage(err, "takes --output FILE, or --output - for standard output");
	return rc;
}

/* ---- beside the reply -------------------------------------------------------------------- */

static void
on_progress(void *ctx, int64_t accounts, int64_t accounts_all)
{
	progress_update(ctx, accounts, (uint64_t)accounts, (uint64_t)accounts_all);
}

static void
on_remark(void *ctx, const char *text)
{
	progress_clear(ctx);
	cli_say(text);
}

/* ---- the reply --------------------------------------------------------------------------- */

static void
write_row(struct writer *w, const char *kind, int64_t written)
{
	char n[24];
	struct cell cells[2] = { { kind, strlen(kind) }, { n, 0 } };

	cells[1].len = (size_t)snprintf(n, sizeof(n), "%" PRId64, written);
	w->ops->row(w, cells);
}

static enum adx_rc
write_report(struct cli *cli, const struct export_report *report, const char *path,
	     struct adx_error *err)
{
	struct outcome done = { "ok", "", "", "", true };
	struct writer *w = writer_new(cli->options.format, &REPORT_ROWS, cli->out);
	char kind[64];

	if (w == NULL)
		return adx_nomem(err);
	w->ops->list_begin(w);
	for (int i = 0; i < PIE_SKIPPED; i++)
		if (import_kind_name((enum pie_kind)i) != NULL)
			write_row(w, import_kind_name((enum pie_kind)i), report->written[i]);
	for (int i = 0; i < PIE_SKIPPED; i++) {
		if (report->left_out[i] == 0)
			continue;
		snprintf(kind, sizeof(kind), "left out: %s", import_kind_name((enum pie_kind)i));
		write_row(w, kind, report->left_out[i]);
	}
	w->ops->finish(w, &done);
	writer_free(w);
	out_flush(cli->out);
	if (out_error(cli->out) == 0)
		return ADX_OK;
	return adx_fail_errno(err, ADX_EIO, out_error(cli->out),
			      "'%s' was written, but: cannot write to standard output", path);
}

/* ---- the verb ---------------------------------------------------------------------------- */

static enum adx_rc
write_document(struct cli *cli, const struct request *r, struct export_report *report,
	       struct adx_error *err)
{
	struct progress progress;
	struct export_options options = { .host = r->host,
					  .user = r->user,
					  .dates = r->dates,
					  .remark = on_remark,
					  .progress = on_progress,
					  .ctx = &progress };
	enum adx_rc rc;

	progress_begin(&progress, "export", "accounts");
	rc = export_run(cli->session.db, cli->out, &options, report, err);
	progress_clear(&progress);
	/* A write that an interrupt ended failed for no other reason. */
	if (rc != ADX_OK && db_interrupted(cli->session.db))
		rc = adx_fail(err, ADX_EINTR, "interrupted: nothing was changed");
	return rc;
}

static enum adx_rc
name_file(const struct cli *cli, const char *what, enum adx_rc rc, struct adx_error *err)
{
	if (rc != ADX_EIO)
		return rc;
	return adx_fail_errno(err, ADX_EIO, out_error(cli->out), "cannot write %s", what);
}

/* What did not yet leave is not sent after a failure, and no reply is behind a document. */
static enum adx_rc
to_standard_output(struct cli *cli, const struct request *r, struct adx_error *err)
{
	struct export_report report;
	enum adx_rc rc;

	cli->options.format = FORMAT_TEXT;
	rc = name_file(cli, "to standard output", write_document(cli, r, &report, err), err);
	if (rc != ADX_OK)
		out_discard(cli->out);
	return rc;
}

/* The file takes the place of standard output meanwhile: an interrupt ends writing to it. */
static enum adx_rc
fill_file(struct cli *cli, const struct request *r, int fd, struct export_report *report,
	  struct adx_error *err)
{
	struct out *standard = cli->out;
	struct out *out = out_new(fd);
	char what[256];
	enum adx_rc rc;

	if (out == NULL)
		return adx_nomem(err);
	snprintf(what, sizeof(what), "'%s'", r->path);
	cli->out = out;
	rc = name_file(cli, what, write_document(cli, r, report, err), err);
	cli->out = standard;
	out_free(out);
	return rc;
}

static enum adx_rc
to_file(struct cli *cli, const struct request *r, struct adx_error *err)
{
	struct export_report report;
	struct newfile file;
	enum adx_rc rc = newfile_open(&file, r->path, err);

	if (rc != ADX_OK)
		return rc;
	rc = fill_file(cli, r, file.fd, &report, err);
	if (rc == ADX_OK)
		rc = newfile_commit(&file, err);
	else
		newfile_abort(&file);
	return rc == ADX_OK ? write_report(cli, &report, r->path, err) : rc;
}

static int
verb_export(struct cli *cli, int argc, char **argv)
{
	struct request r;
	struct adx_error err;
	enum adx_rc rc = read_request(argc, argv, cli, &r, &err);

	if (rc == ADX_OK && r.help) {
		help_on(cli->out, cli->session.service, "export");
		return 0;
	}
	if (rc == ADX_OK)
		rc = cli_connect(cli, &err);
	if (rc == ADX_OK)
		rc = strcmp(r.path, "-") == 0 ? to_standard_output(cli, &r, &err)
					      : to_file(cli, &r, &err);
	return rc == ADX_OK ? 0 : cli_fail(cli, &err);
}

const struct verb VERB_EXPORT = {
	"export",
	"export [--host HOST] [--dates] --output FILE | - [USER HOST]",
	"export accounts as an XEP-0227 file",
	"  --output FILE   where to; -o is short for it, - is standard output\n"
	"  --host HOST     the accounts of this host only\n"
	"  --dates         also when each account was made, which import takes back\n"
	"  USER HOST       this account only\n"
	"\n"
	"Written are credentials, rosters with pending requests, vCards, private storage, "
	"offline\n"
	"messages, last activity and bans; not sessions, roster versions, the outbox and the "
	"audit\n"
	"log. All of it is one snapshot: what changes meanwhile is not seen. The file has mode\n"
	"0600 and appears whole or not at all; it holds what passwords are checked against. "
	"What\n"
	"is stored but is no XML is left out and named. 'adminex import' and other XMPP servers\n"
	"read it; bans, dates and the moment of last activity are read by adminex only. Needs\n"
	"the role adminex_operator.\n"
	"\n"
	"example:\n"
	"  adminex export --host example.org --output -\n",
	"--host --output -o --dates --help",
	verb_export,
};
