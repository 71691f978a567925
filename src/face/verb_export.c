#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "adminex/jid.h"
#include "base/buf.h"
#include "base/newfile.h"
#include "base/newfolder.h"
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
	const char *server, *scram;
	struct pie_dialect dialect; /* where there is a server */
	bool dates;
	bool help;
};

static bool
to_stdout(const struct request *r)
{
	return strcmp(r->path, "-") == 0;
}

static const struct pie_dialect *
dialect_of(const struct request *r)
{
	return r->server == NULL ? NULL : &r->dialect;
}

/* Each account is a file of its own, in a folder. */
static bool
is_split(const struct request *r)
{
	return r->user == NULL && pie_dialect_is_split(dialect_of(r));
}

/* ---- what is asked for ------------------------------------------------------------------- */

enum { OPT_HOST = 256, OPT_FOR, OPT_SCRAM, OPT_DATES, OPT_DRY_RUN };

static const struct option OPTIONS[] = {
	{ "host", required_argument, NULL, OPT_HOST },
	{ "output", required_argument, NULL, 'o' },
	{ "for", required_argument, NULL, OPT_FOR },
	{ "scram", required_argument, NULL, OPT_SCRAM },
	{ "dates", no_argument, NULL, OPT_DATES },
	{ "help", no_argument, NULL, 'h' },
	{ "dry-run", no_argument, NULL, OPT_DRY_RUN },
	{ 0 },
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
	case OPT_FOR: return set_once(&r->server, optarg, err);
	case OPT_SCRAM: return set_once(&r->scram, optarg, err);
	case 'o': return set_once(&r->path, optarg, err);
	case OPT_DATES: r->dates = true; return ADX_OK;
	case 'h': r->help = true; return ADX_OK;
	case OPT_DRY_RUN: return usage(err, "has no --dry-run: it changes nothing");
	case ':': return usage(err, "needs a value behind --host, --for, --scram and --output");
	default:
		return usage(err, "takes --output FILE, --host HOST, --for SERVER, --scram HASH, "
				  "--dates, and USER HOST");
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
take_dialect(struct request *r, struct adx_error *err)
{
	struct adx_error why;

	if (r->server == NULL)
		return r->scram == NULL ? ADX_OK : usage(err, "takes --scram with --for only");
	if (pie_dialect_named(r->server, r->scram, &r->dialect, &why) == ADX_OK)
		return ADX_OK;
	adx_fail(err, ADX_EUSAGE, "export --for: %s", why.message);
	adx_hint(err, "see 'adminex help export'");
	return ADX_EUSAGE;
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
	if (rc == ADX_OK)
		rc = take_dialect(r, err);
	if (rc == ADX_OK && is_split(r) && to_stdout(r))
		rc = usage(err,
			   "for Prosody takes --output FOLDER: it reads a file for each account");
	return rc;
}

/* ---- beside the reply -------------------------------------------------------------------- */

/* A folder, and the file in it that is being written. */
struct sheets {
	struct newfolder folder;
	int fd;
	struct out *out;
};

struct beside {
	struct progress progress;
	struct sheets *sheets;
};

static void
on_progress(void *ctx, int64_t accounts, int64_t accounts_all)
{
	struct beside *beside = ctx;

	progress_update(&beside->progress, accounts, (uint64_t)accounts, (uint64_t)accounts_all);
}

static void
on_remark(void *ctx, const char *text)
{
	struct beside *beside = ctx;

	progress_clear(&beside->progress);
	cli_say(text);
}

/* ---- a file for each account ------------------------------------------------------------- */

/* The names under which Prosody's mod_storage_xep0227 looks for them. */
static enum adx_rc
begin_sheet(void *ctx, const char *user, const char *host, struct out **out, struct adx_error *err)
{
	struct sheets *sheets = ((struct beside *)ctx)->sheets;
	char name[JID_BARE_MAX + sizeof(".xml")];
	enum adx_rc rc;

	snprintf(name, sizeof(name), "%s@%s.xml", user, host);
	rc = newfolder_file(&sheets->folder, name, &sheets->fd, err);
	if (rc != ADX_OK)
		return rc;
	sheets->out = out_new(sheets->fd);
	*out = sheets->out;
	return sheets->out == NULL ? adx_nomem(err) : ADX_OK;
}

static void
drop_sheet(struct sheets *sheets)
{
	out_free(sheets->out);
	if (sheets->fd >= 0)
		close(sheets->fd);
	sheets->out = NULL;
	sheets->fd = -1;
}

static enum adx_rc
end_sheet(void *ctx, struct adx_error *err)
{
	struct sheets *sheets = ((struct beside *)ctx)->sheets;
	int fd = sheets->fd;

	sheets->fd = -1;
	drop_sheet(sheets);
	if (close(fd) == 0)
		return ADX_OK;
	return adx_fail_errno(err, ADX_EIO, errno, "cannot write '%s'", sheets->folder.path);
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
	if (report->locked > 0)
		write_row(w, "locked accounts", report->locked);
	w->ops->finish(w, &done);
	writer_free(w);
	out_flush(cli->out);
	if (out_error(cli->out) == 0)
		return ADX_OK;
	return adx_fail_errno(err, ADX_EIO, out_error(cli->out),
			      "'%s' was written, but: cannot write to standard output", path);
}

/* ---- the verb ---------------------------------------------------------------------------- */

/* With a folder the sheets go there, else the document goes to where standard output goes. */
static enum adx_rc
write_document(struct cli *cli, const struct request *r, struct sheets *sheets,
	       struct export_report *report, struct adx_error *err)
{
	static const struct export_sheets to_folder = { begin_sheet, end_sheet };
	struct beside beside = { .sheets = sheets };
	struct export_options options = { .host = r->host,
					  .user = r->user,
					  .dates = r->dates,
					  .dialect = dialect_of(r),
					  .sheets = sheets == NULL ? NULL : &to_folder,
					  .remark = on_remark,
					  .progress = on_progress,
					  .ctx = &beside };
	enum adx_rc rc;

	progress_begin(&beside.progress, "export", "accounts");
	rc = export_run(cli->session.db, sheets == NULL ? cli->out : NULL, &options, report, err);
	progress_clear(&beside.progress);
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
	rc = name_file(cli, "to standard output", write_document(cli, r, NULL, &report, err), err);
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
	rc = name_file(cli, what, write_document(cli, r, NULL, report, err), err);
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

/* A regular file never makes one wait: it need not take the place of standard output. */
static enum adx_rc
fill_folder(struct cli *cli, const struct request *r, struct sheets *sheets,
	    struct export_report *report, struct adx_error *err)
{
	enum adx_rc rc = write_document(cli, r, sheets, report, err);
	int errnum = sheets->out == NULL ? 0 : out_error(sheets->out);

	if (rc == ADX_EIO && errnum != 0)
		rc = adx_fail_errno(err, ADX_EIO, errnum, "cannot write '%s'", r->path);
	drop_sheet(sheets);
	return rc;
}

static enum adx_rc
to_folder(struct cli *cli, const struct request *r, struct adx_error *err)
{
	struct export_report report;
	struct sheets sheets = { .fd = -1 };
	enum adx_rc rc = newfolder_open(&sheets.folder, r->path, err);

	if (rc != ADX_OK)
		return rc;
	rc = fill_folder(cli, r, &sheets, &report, err);
	if (rc == ADX_OK)
		rc = newfolder_commit(&sheets.folder, err);
	else
		newfolder_abort(&sheets.folder);
	return rc == ADX_OK ? write_report(cli, &report, r->path, err) : rc;
}

static enum adx_rc
export_to(struct cli *cli, const struct request *r, struct adx_error *err)
{
	if (is_split(r))
		return to_folder(cli, r, err);
	return to_stdout(r) ? to_standard_output(cli, r, err) : to_file(cli, r, err);
}

static int
verb_export(struct cli *cli, int argc, char **argv)
{
	struct request r;
	struct adx_error err;
	enum adx_rc rc = read_request(argc, argv, cli, &r, &err);

	if (rc == ADX_OK && r.help) {
		help_on(cli->out, cli->session.service, "export", NULL);
		return 0;
	}
	if (rc == ADX_OK)
		rc = cli_connect(cli, &err);
	if (rc == ADX_OK)
		rc = export_to(cli, &r, &err);
	return rc == ADX_OK ? 0 : cli_fail(cli, &err);
}

const struct verb VERB_EXPORT = {
	"export",
	"export [--host HOST] [--for SERVER [--scram HASH]] [--dates] --output FILE | - [USER "
	"HOST]",
	"export accounts as an XEP-0227 file",
	"  --output FILE   where to; -o is short for it, - is standard output\n"
	"  --host HOST     the accounts of this host only\n"
	"  --for SERVER    what ejabberd or prosody takes, see below\n"
	"  --scram HASH    the hash of passwords that this server is set to: SHA-1, unless said\n"
	"                  otherwise, SHA-256 or, with ejabberd, SHA-512\n"
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
	"is stored but is no XML is left out and named. 'adminex import' reads it; bans, dates "
	"and\n"
	"the moment of last activity are read by adminex only. Needs the role adminex_operator.\n"
	"\n"
	"ejabberd and Prosody import it when it was written for them: with --for what they would\n"
	"stop at is mended where that loses nothing, else left out and named. An account that is\n"
	"banned, or whose password they cannot take over, is made so that nobody can log in. For\n"
	"prosody FILE is a new folder, with the file USER@HOST.xml for each account, unless one\n"
	"account is asked for. docs/OPERATIONS.md has the steps on their side.\n"
	"\n"
	"example:\n"
	"  adminex export --host example.org --output -\n"
	"  adminex export --for ejabberd --host example.org --output for-ejabberd.xml\n",
	"--host --output -o --for --scram --dates --help",
	verb_export,
};
