/* The verb token: who may talk to a daemon by bearer token. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "adminex/jid.h"
#include "base/duration.h"
#include "base/text.h"
#include "base/token.h"
#include "command/access.h"
#include "db/array.h"
#include "face/cli.h"

/* The text format has the token alone: TOKEN=$(adminex token create ...). */
static const struct command NEW_TOKEN_TEXT = {
	.name = "token create",
	.result = RESULT_LIST,
	.result_name = "token",
	.fields = { { "token" } },
};

static const struct command NEW_TOKEN = {
	.name = "token create",
	.result = RESULT_LIST,
	.result_name = "token",
	.fields = { { "token" }, { "id", true }, { "role" }, { "hosts" }, { "expires_at" } },
};

static const struct command TOKENS = {
	.name = "token list",
	.result = RESULT_LIST,
	.result_name = "tokens",
	.fields = { { "id", true },
		    { "label" },
		    { "role" },
		    { "hosts" },
		    { "created_by" },
		    { "created_at" },
		    { "expires_at" },
		    { "revoked_at" } },
};

static const struct command REVOKED = {
	.name = "token revoke",
	.result = RESULT_RESTUPLE,
	.result_name = "res",
};

/* ---- what is asked for ------------------------------------------------------------------- */

enum { DAY = 24 * 60 * 60, LABEL_MAX = 255 };
static const int64_t SECONDS_MAX = INT64_C(36525) * DAY;

struct request {
	enum { CREATE, LIST, REVOKE, HELP } what;
	enum role role;
	struct strvec hosts; /* prepared */
	const char *label;
	int64_t seconds; /* 0: for ever */
	const char *id;
};

enum { OPT_ROLE = 1, OPT_HOST, OPT_EXPIRES, OPT_LABEL };

static const struct option OPTIONS[] = {
	{ "role", required_argument, NULL, OPT_ROLE },
	{ "host", required_argument, NULL, OPT_HOST },
	{ "expires", required_argument, NULL, OPT_EXPIRES },
	{ "label", required_argument, NULL, OPT_LABEL },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static enum adx_rc
usage(struct adx_error *err, const char *what)
{
	adx_fail(err, ADX_EUSAGE, "token %s", what);
	adx_hint(err, "see 'adminex help token'");
	return ADX_EUSAGE;
}

static enum adx_rc
take_role(const char *text, struct request *r, struct adx_error *err)
{
	if (access_role_of(text, &r->role))
		return ADX_OK;
	return adx_fail(err, ADX_EINVAL, "--role must be reader, operator or admin, not '%.40s'",
			text);
}

static enum adx_rc
take_host(const char *text, struct request *r, struct adx_error *err)
{
	struct adx_error why;
	char host[JID_PART_MAX + 1];

	if (jid_prep_domain(text, strlen(text), host, &why) != ADX_OK) {
		if (why.rc == ADX_ENOMEM)
			return adx_nomem(err);
		return adx_fail(err, ADX_EINVAL, "--host is not valid: %s", why.message);
	}
	if (!strvec_has(&r->hosts, host))
		strvec_add_text(&r->hosts, host);
	return strvec_ok(&r->hosts) ? ADX_OK : adx_nomem(err);
}

static enum adx_rc
take_expires(const char *text, struct request *r, struct adx_error *err)
{
	r->seconds = 0;
	if (strcmp(text, "never") == 0)
		return ADX_OK;
	if (!duration_parse(text, &r->seconds) || r->seconds == 0)
		return adx_fail(err, ADX_EINVAL,
				"--expires must be a number of weeks, days, hours or minutes, like "
				"2w, 90d, 12h or 30m, or never; not '%.40s'",
				text);
	if (r->seconds <= SECONDS_MAX)
		return ADX_OK;
	return adx_fail(err, ADX_EINVAL, "--expires is more than a hundred years; say never");
}

/* It is printed in lists, logs and denials. */
static enum adx_rc
take_label(const char *text, struct request *r, struct adx_error *err)
{
	size_t len = strlen(text);
	unsigned cp;

	if (len > LABEL_MAX)
		return adx_fail(err, ADX_EINVAL, "--label is longer than %d bytes", LABEL_MAX);
	for (size_t i = 0, n; i < len; i += n) {
		n = text_next(text + i, len - i, &cp);
		if (n == 0 || cp < 0x20 || (cp >= 0x7F && cp < 0xA0))
			return adx_fail(err, ADX_EINVAL,
					"--label is not UTF-8 text without control characters");
	}
	r->label = text;
	return ADX_OK;
}

static enum adx_rc
take(int option, struct request *r, struct adx_error *err)
{
	switch (option) {
	case OPT_ROLE: return take_role(optarg, r, err);
	case OPT_HOST: return take_host(optarg, r, err);
	case OPT_EXPIRES: return take_expires(optarg, r, err);
	case OPT_LABEL: return take_label(optarg, r, err);
	case 'h': r->what = HELP; return ADX_OK;
	case ':': return usage(err, "create needs a value behind each option");
	default: return usage(err, "create takes --role, --host, --expires and --label");
	}
}

static enum adx_rc
read_create(int argc, char **argv, struct request *r, struct adx_error *err)
{
	enum adx_rc rc = ADX_OK;
	int option;

	r->what = CREATE;
	optind = 0;
	opterr = 0;
	while (rc == ADX_OK && (option = getopt_long(argc, argv, ":h", OPTIONS, NULL)) != -1)
		rc = take(option, r, err);
	if (rc != ADX_OK || r->what == HELP)
		return rc;
	if (optind < argc)
		return usage(err, "create takes options only");
	if (r->role == ROLE_NONE)
		return usage(err, "create needs --role reader, operator or admin");
	return ADX_OK;
}

static enum adx_rc
read_revoke(int argc, char **argv, struct request *r, struct adx_error *err)
{
	long long id;

	r->what = REVOKE;
	if (argc != 2)
		return usage(err, "revoke takes the id of one token");
	r->id = argv[1];
	if (text_to_int64(r->id, strlen(r->id), &id) && id > 0)
		return ADX_OK;
	return adx_fail(err, ADX_EINVAL,
			"'%.40s' is no id of a token: 'adminex token list' shows them", r->id);
}

static bool
asks_for_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static enum adx_rc
read_request(int argc, char **argv, const struct cli *cli, struct request *r, struct adx_error *err)
{
	*r = (struct request){ .what = HELP, .label = "", .seconds = INT64_C(90) * DAY };
	if (argc == 2 && asks_for_help(argv[1]))
		return ADX_OK;
	if (cli->options.dry_run)
		return usage(err, "has no --dry-run");
	if (cli->options.max_affected >= 0)
		return usage(err, "has no --max-affected");
	if (argc >= 2 && strcmp(argv[1], "create") == 0)
		return read_create(argc - 1, argv + 1, r, err);
	if (argc >= 2 && strcmp(argv[1], "revoke") == 0)
		return read_revoke(argc - 1, argv + 1, r, err);
	if (argc != 2 || strcmp(argv[1], "list") != 0)
		return usage(err, "takes create, list or revoke");
	r->what = LIST;
	return ADX_OK;
}

/* ---- create ------------------------------------------------------------------------------ */

static struct cell
cell_of(const char *text)
{
	return (struct cell){ text, text == NULL ? 0 : strlen(text) };
}

static enum adx_rc
show_new(struct cli *cli, const char *text, const struct rows *rows, const struct request *r,
	 struct adx_error *err)
{
	const struct command *form =
		cli->options.format == FORMAT_TEXT ? &NEW_TOKEN_TEXT : &NEW_TOKEN;
	struct writer *w = writer_new(cli->options.format, form, cli->out);
	const char *ends = rows_get(rows, "expires_at"), *id = rows_get(rows, "id");
	struct outcome done = { "ok", "", "", "", true };
	struct cell cells[] = { cell_of(text), cell_of(id), cell_of(access_role_name(r->role)),
				cell_of(rows_get(rows, "hosts")), cell_of(ends) };
	char note[120];

	if (w == NULL)
		return adx_nomem(err);
	w->ops->list_begin(w);
	w->ops->row(w, cells);
	w->ops->finish(w, &done);
	writer_free(w);
	snprintf(note, sizeof(note), "token %s is shown this once; it %s %s", id,
		 ends == NULL ? "never" : "expires at", ends == NULL ? "expires" : ends);
	cli_say(note);
	out_flush(cli->out);
	return cli_check_output(cli, true, err);
}

static enum adx_rc
add(struct cli *cli, const struct request *r, const char *digest, const char *audit,
    struct rows **rows, struct adx_error *err)
{
	struct buf hosts = BUF_INIT;
	char seconds[24];
	enum adx_rc rc;

	array_open(&hosts);
	for (size_t i = 0; i < r->hosts.count; i++)
		array_add(&hosts, r->hosts.items[i]);
	array_close(&hosts);
	snprintf(seconds, sizeof(seconds), "%" PRId64, r->seconds);
	rc = buf_ok(&hosts) ? stmt_one(cli->session.db, SQL_TOKEN_ADD,
				       PARAMS(audit, r->label, digest, access_role_name(r->role),
					      buf_text(&hosts), r->seconds == 0 ? NULL : seconds),
				       rows, err)
			    : adx_nomem(err);
	buf_free(&hosts);
	return rc;
}

/* Commit what was just done, and tell the daemons with it. */
static enum adx_rc
commit(struct db *db, enum adx_rc rc, struct adx_error *err)
{
	if (rc == ADX_OK)
		rc = stmt_exec(db, SQL_TOKENS_CHANGED, NO_PARAMS, err);
	if (rc == ADX_OK)
		return db_commit(db, err);
	db_rollback(db);
	return rc;
}

static enum adx_rc
create(struct cli *cli, const struct request *r, const char *audit, struct adx_error *err)
{
	char text[TOKEN_LEN + 1], digest[2 * TOKEN_DIGEST_LEN + 1];
	struct rows *rows = NULL;
	enum adx_rc rc = token_make(text, err);

	if (rc != ADX_OK)
		return rc;
	if (!token_digest_hex(text, TOKEN_LEN, digest))
		return adx_fail(err, ADX_EFAIL, "the crypto library could not make a digest");
	db_begin(cli->session.db, DB_WRITE);
	rc = commit(cli->session.db, add(cli, r, digest, audit, &rows, err), err);
	if (rc == ADX_OK)
		rc = show_new(cli, text, rows, r, err);
	rows_close(rows);
	explicit_bzero(text, sizeof(text));
	return rc;
}

/* ---- list and revoke --------------------------------------------------------------------- */

static enum adx_rc
write_rows(struct cli *cli, struct writer *w, struct rows *rows, struct adx_error *err)
{
	struct outcome done = { "ok", "", "", "", true };
	enum adx_rc rc;
	bool has;

	w->ops->list_begin(w);
	while ((rc = rows_next(rows, &has, err)) == ADX_OK && has) {
		struct cell cells[COMMAND_FIELDS_MAX];

		for (size_t i = 0; i < command_field_count(&TOKENS); i++)
			cells[i] = cell_of(rows_get(rows, TOKENS.fields[i].name));
		w->ops->row(w, cells);
	}
	if (rc != ADX_OK)
		return rc;
	w->ops->finish(w, &done);
	out_flush(cli->out);
	return cli_check_output(cli, false, err);
}

static enum adx_rc
list(struct cli *cli, struct adx_error *err)
{
	struct writer *w;
	struct rows *rows;
	enum adx_rc rc = stmt_open(cli->session.db, SQL_TOKENS_LIST, NO_PARAMS, &rows, err);

	if (rc != ADX_OK)
		return rc;
	w = writer_new(cli->options.format, &TOKENS, cli->out);
	rc = w == NULL ? adx_nomem(err) : write_rows(cli, w, rows, err);
	writer_free(w);
	rows_close(rows);
	return rc;
}

static enum adx_rc
say_revoked(struct cli *cli, const struct request *r, const struct rows *rows, bool *yes,
	    struct adx_error *err)
{
	struct writer *w = writer_new(cli->options.format, &REVOKED, cli->out);
	const char *status = rows_get(rows, "outcome");
	bool missing = strcmp(status, "token_does_not_exist") == 0;
	char text[80];
	struct outcome outcome = { status, text, "", "", true };

	if (w == NULL)
		return adx_nomem(err);
	*yes = strcmp(status, "ok") == 0;
	snprintf(text, sizeof(text), "Token %.24s %s", r->id,
		 *yes      ? "revoked"
		 : missing ? "does not exist"
			   : "was revoked before");
	w->ops->finish(w, &outcome);
	writer_free(w);
	out_flush(cli->out);
	return cli_check_output(cli, *yes, err);
}

static enum adx_rc
revoke(struct cli *cli, const struct request *r, const char *audit, bool *yes,
       struct adx_error *err)
{
	struct db *db = cli->session.db;
	struct rows *rows = NULL;
	enum adx_rc rc;

	db_begin(db, DB_WRITE);
	rc = stmt_one(db, SQL_TOKEN_REVOKE, PARAMS(audit, r->id), &rows, err);
	rc = commit(db, rc, err);
	if (rc == ADX_OK)
		rc = say_revoked(cli, r, rows, yes, err);
	rows_close(rows);
	return rc;
}

/* ---- the verb ---------------------------------------------------------------------------- */

static enum adx_rc
change(struct cli *cli, const struct request *r, bool *yes, struct adx_error *err)
{
	struct caller caller = { .actor = cli_actor(), .face = "cli", .role = ROLE_ADMIN };
	struct call call = { .command = r->what == CREATE ? &NEW_TOKEN : &REVOKED,
			     .caller = &caller };
	const char *audit = call_audit(&call, err);
	enum adx_rc rc = ADX_ENOMEM;

	if (audit != NULL)
		rc = r->what == CREATE ? create(cli, r, audit, err)
				       : revoke(cli, r, audit, yes, err);
	call_end(&call);
	return rc;
}

static int
verb_token(struct cli *cli, int argc, char **argv)
{
	struct request r;
	struct adx_error err;
	bool yes = true;
	enum adx_rc rc = read_request(argc, argv, cli, &r, &err);

	if (rc == ADX_OK && r.what == HELP)
		help_on(cli->out, cli->session.service, "token", NULL);
	else if (rc == ADX_OK)
		rc = cli_connect(cli, &err);
	if (rc == ADX_OK && r.what == LIST)
		rc = list(cli, &err);
	else if (rc == ADX_OK && r.what != HELP)
		rc = change(cli, &r, &yes, &err);
	strvec_free(&r.hosts);
	if (rc != ADX_OK)
		return cli_fail(cli, &err);
	return yes ? 0 : 1;
}

const struct verb VERB_TOKEN = {
	"token",
	"token create --role ROLE [OPTIONS] | token list | token revoke ID",
	"make, list and revoke the bearer tokens that open the daemon to a program or a person",
	"  create         make one and print it; it is shown this once, only its digest is kept\n"
	"  --role ROLE    reader, operator or admin: what it may do\n"
	"  --host HOST    it is good on this host only; may be said more than once\n"
	"  --expires AGE  90d, 2w, 12h or 30m from now, or never; 90d when nothing is said\n"
	"  --label TEXT   what it is for; the audit log names it\n"
	"  list           all there ever were, revoked and expired ones too\n"
	"  revoke ID      make one good for nothing; running daemons hear of it at once\n"
	"\n"
	"What a role may run is in the help of each command; 'adminex can_i' explains it for a\n"
	"token. Needs the role adminex_admin.\n"
	"\n"
	"example:\n"
	"  adminex token create --role operator --host example.org --expires 90d\n",
	"create list revoke --role --host --expires --label --help reader operator admin never",
	verb_token,
};
