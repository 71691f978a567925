#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "face/progress.h"
#include "face/verb_import.h"

static const struct command REPORT_ROWS = {
	.name = "import",
	.result = RESULT_LIST,
	.result_name = "import",
	.fields = { { "kind" }, { "read", true }, { "written", true } },
};

/* ---- the request ------------------------------------------------------------------------- */

static const struct {
	const char *word, *extension;
	enum import_as as;
} FORMATS[] = {
	{ "csv", ".csv", AS_CSV },
	{ "ndjson", ".ndjson", AS_NDJSON },
	{ "ndjson", ".jsonl", AS_NDJSON },
	{ "xep0227", ".xml", AS_XEP0227 },
};

enum { FORMAT_ROWS = sizeof(FORMATS) / sizeof(FORMATS[0]) };

static enum import_as
as_word(const char *word)
{
	for (size_t i = 0; word != NULL && i < FORMAT_ROWS; i++)
		if (strcmp(FORMATS[i].word, word) == 0)
			return FORMATS[i].as;
	return AS_EXTENSION_SAYS;
}

static enum import_as
as_extension(const char *path)
{
	const char *extension = strrchr(path, '.');

	for (size_t i = 0; extension != NULL && i < FORMAT_ROWS; i++)
		if (strcasecmp(FORMATS[i].extension, extension) == 0)
			return FORMATS[i].as;
	return AS_XEP0227;
}

/* What is no word of its own: an option, the argument of --as, the path. */
static enum adx_rc
read_word(struct import_request *r, char **argv, int *i, struct adx_error *err)
{
	const char *word = argv[*i];

	if (strcmp(word, "--dry-run") == 0)
		r->dry_run = true;
	else if (strcmp(word, "--strict") == 0)
		r->strict = true;
	else if (strcmp(word, "--replace") == 0 && r->existing == IMPORT_KEEP)
		r->existing = IMPORT_REPLACE;
	else if (strcmp(word, "--fail") == 0 && r->existing == IMPORT_KEEP)
		r->existing = IMPORT_FAIL;
	else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
		r->help = true;
	else if (strcmp(word, "--as") == 0 && r->as == AS_EXTENSION_SAYS)
		return (r->as = as_word(argv[++*i])) != AS_EXTENSION_SAYS
			       ? ADX_OK
			       : adx_fail(err, ADX_EUSAGE,
					  "import: --as is csv, ndjson or xep0227");
	else if (r->path == NULL && (word[0] != '-' || word[1] == '\0'))
		r->path = word;
	else
		return adx_fail(err, ADX_EUSAGE, "import: '%.60s' is one word too many", word);
	return ADX_OK;
}

static enum adx_rc
read_request(int argc, char **argv, const struct cli *cli, struct import_request *r,
	     struct adx_error *err)
{
	enum adx_rc rc = ADX_OK;

	*r = (struct import_request){ .dry_run = cli->options.dry_run };
	for (int i = 1; i < argc && rc == ADX_OK; i++)
		rc = read_word(r, argv, &i, err);
	if (rc != ADX_OK || r->help)
		return rc;
	if (r->path == NULL) {
		adx_fail(err, ADX_EUSAGE, "import takes a file, a folder or - for standard input");
		adx_hint(err, "see 'adminex help import'");
		return ADX_EUSAGE;
	}
	if (r->as == AS_EXTENSION_SAYS)
		r->as = as_extension(r->path);
	if (r->strict && r->as == AS_XEP0227)
		return adx_fail(err, ADX_EUSAGE,
				"import: --strict is for users files, CSV and NDJSON");
	return ADX_OK;
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
		if (import_kind_name((enum pie_kind)kind) != NULL)
			write_row(w, import_kind_name((enum pie_kind)kind), report->read[kind],
				  report->written[kind]);
	write_skipped(w, report);
	w->ops->finish(w, &done);
	writer_free(w);
	return ADX_OK;
}

void
import_tell_hosts(const struct import_report *report, bool dry_run)
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
import(struct cli *cli, const struct import_request *r, struct adx_error *err)
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
	options.key_file = cli->session.config->privacy.key_file;
	options.audit = call_audit(&call, err);
	if (options.audit == NULL)
		return ADX_ENOMEM;
	progress_begin(&progress, "import", "accounts");
	rc = import_run(cli->session.db, r->path, &options, &report, err);
	progress_clear(&progress);
	if (rc == ADX_OK)
		rc = write_report(cli, &report, err);
	if (rc == ADX_OK)
		import_tell_hosts(&report, r->dry_run);
	if (rc == ADX_OK && r->dry_run)
		cli_say("dry run: nothing was changed");
	out_flush(cli->out);
	if (rc == ADX_OK && !r->dry_run)
		rc = cli_check_output(cli, true, err);
	import_report_free(&report);
	call_end(&call);
	return rc;
}

static int
verb_import(struct cli *cli, int argc, char **argv)
{
	struct import_request r;
	struct adx_error err;
	enum adx_rc rc = read_request(argc, argv, cli, &r, &err);
	bool yes = true;

	if (rc == ADX_OK && r.help) {
		help_on(cli->out, cli->session.service, "import", NULL);
		return 0;
	}
	if (rc == ADX_OK && cli->options.max_affected >= 0)
		rc = adx_fail(&err, ADX_EUSAGE,
			      "import has no --max-affected; look with --dry-run");
	if (rc == ADX_OK)
		rc = cli_connect(cli, &err);
	if (rc == ADX_OK)
		rc = r.as == AS_XEP0227 ? import(cli, &r, &err)
					: import_users_file(cli, &r, &yes, &err);
	if (rc != ADX_OK)
		return cli_fail(cli, &err);
	return yes ? 0 : 1;
}

const struct verb VERB_IMPORT = {
	"import",
	"import [--dry-run] [--replace | --fail] [--strict] [--as FORMAT] FILE | FOLDER | -",
	"import accounts from XEP-0227 files (ejabberd, Prosody) or users files (CSV, NDJSON)",
	"  --dry-run    read and load everything, then roll back\n"
	"  --replace    an account that exists gets what the file has in place of what it had;\n"
	"               it is left untouched otherwise. A ban stays in force\n"
	"  --fail       an account that exists stops the import\n"
	"  --strict     a bad row of a users file stops the import, after all are named\n"
	"  --as FORMAT  csv, ndjson or xep0227. Without it the extension decides: .csv, .ndjson\n"
	"               or .jsonl is a users file, all else and - is XEP-0227\n"
	"\n"
	"Everything is one transaction: all of it, or nothing. Hosts that are met are added.\n"
	"What is not understood is counted and named. A second import of the same file changes\n"
	"nothing. Prints what was read and what was written, a line for each kind. An\n"
	"adminex_operator may import while no host is new, an adminex_admin always.\n"
	"\n"
	"A users file has one account a row: user, host, password and, if wanted, created_at\n"
	"(2024-05-17T09:30:00Z). In CSV a header line may give the order; NDJSON is one object\n"
	"a line. Passwords are stored as 'register' stores them. A bad row does not stop the\n"
	"others: prints line, user, host and what is wrong for each, then the totals. With a "
	"bad\n"
	"row the status is bad_rows, exit status 1, and the good rows are imported.\n"
	"\n"
	"example:\n"
	"  adminex import tests/data/ejabberd-23.01/20261122-172056.xml\n",
	"--dry-run --replace --fail --strict --as csv ndjson xep0227 --help",
	verb_import,
};
