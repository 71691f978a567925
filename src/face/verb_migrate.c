#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "db/migrate.h"
#include "face/cli.h"

static const struct command STATUS_ROWS = {
	.name = "migrate status",
	.result = RESULT_LIST,
	.result_name = "migrations",
	.fields = { { "version", true }, { "name" }, { "applied_at" } },
};

static enum adx_rc
usage(struct adx_error *err)
{
	adx_fail(
		err, ADX_EUSAGE,
		"migrate takes status, up, up --to N, down N, or cache-triggers on, off or status");
	adx_hint(err, "see 'adminex help migrate'");
	return ADX_EUSAGE;
}

/* ---- status ------------------------------------------------------------------------------ */

static enum adx_rc
write_migration(struct cli *cli, struct writer *w, const struct migration *m, int applied,
		struct adx_error *err)
{
	char version[16], at[32] = "";
	struct cell cells[3];
	enum adx_rc rc = ADX_OK;

	if (m->version <= applied)
		rc = migrate_applied_at(cli->session.db, m->version, at, err);
	snprintf(version, sizeof(version), "%d", m->version);
	cells[0] = (struct cell){ version, strlen(version) };
	cells[1] = (struct cell){ m->name, strlen(m->name) };
	cells[2] = (struct cell){ at[0] == '\0' ? NULL : at, strlen(at) };
	w->ops->row(w, cells);
	return rc;
}

static enum adx_rc
show_status(struct cli *cli, int *applied, struct adx_error *err)
{
	struct outcome done = { "ok", "", "", "", true };
	struct writer *w;
	enum adx_rc rc = migrate_version(cli->session.db, applied, err);

	if (rc != ADX_OK)
		return rc;
	w = writer_new(cli->options.format, &STATUS_ROWS, cli->out);
	if (w == NULL)
		return adx_nomem(err);
	w->ops->list_begin(w);
	for (int i = 0; i < MIGRATION_COUNT && rc == ADX_OK; i++)
		rc = write_migration(cli, w, &MIGRATIONS[i], *applied, err);
	if (rc == ADX_OK) {
		done.status = *applied == MIGRATION_COUNT ? "ok" : "pending";
		w->ops->finish(w, &done);
	}
	writer_free(w);
	return rc;
}

/* ---- up and down ------------------------------------------------------------------------- */

static void
tell(void *ctx, const struct migration *m, bool up)
{
	char line[120];

	(void)ctx;
	snprintf(line, sizeof(line), "%s %04d_%s", up ? "applied" : "took back", m->version,
		 m->name);
	cli_say(line);
}

static enum adx_rc
read_number(const char *text, int *out, struct adx_error *err)
{
	long long n;

	if (!text_to_int64(text, strlen(text), &n) || n < 1 || n > 9999)
		return adx_fail(err, ADX_EUSAGE, "migrate: '%.40s' is no number of migrations",
				text);
	*out = (int)n;
	return ADX_OK;
}

static enum adx_rc
go_down(struct cli *cli, int steps, struct adx_error *err)
{
	char question[160];

	snprintf(question, sizeof(question),
		 "Taking %d migration%s back destroys the data in their tables. Go on?", steps,
		 steps == 1 ? "" : "s");
	if (cli_can_ask() && !cli->options.assume_yes && !cli_ask(question)) {
		if (db_interrupted(cli->session.db))
			return adx_fail(err, ADX_EINTR, "interrupted: nothing was changed");
		return adx_fail(err, ADX_EDECLINE,
				"migrate down: not confirmed; nothing was changed");
	}
	return migrate_down(cli->session.db, steps, tell, NULL, err);
}

/* ---- cache triggers ---------------------------------------------------------------------- */

static const struct command TRIGGERS_ROW = {
	.name = "migrate cache-triggers",
	.result = RESULT_RESTUPLE,
};

static enum adx_rc
show_triggers(struct cli *cli, bool *on, struct adx_error *err)
{
	char state[16], text[40];
	struct outcome outcome = { state, text, "", "", true };
	struct writer *w;
	enum adx_rc rc = migrate_cache_triggers_state(cli->session.db, state, err);

	if (rc != ADX_OK)
		return rc;
	w = writer_new(cli->options.format, &TRIGGERS_ROW, cli->out);
	if (w == NULL)
		return adx_nomem(err);
	snprintf(text, sizeof(text), "cache triggers are %s", state);
	*on = strcmp(state, "on") == 0;
	if (*on)
		outcome.status = "ok";
	w->ops->finish(w, &outcome);
	writer_free(w);
	return ADX_OK;
}

/* ---- the verb ---------------------------------------------------------------------------- */

/* What the words after "migrate" ask for. */
struct request {
	enum { STATUS, UP, DOWN, TRIGGERS_ON, TRIGGERS_OFF, TRIGGERS_STATUS, HELP } what;
	int number;
};

static enum adx_rc
read_triggers(const char *word, struct request *r, struct adx_error *err)
{
	if (strcmp(word, "on") == 0)
		r->what = TRIGGERS_ON;
	else if (strcmp(word, "off") == 0)
		r->what = TRIGGERS_OFF;
	else if (strcmp(word, "status") == 0)
		r->what = TRIGGERS_STATUS;
	else
		return usage(err);
	return ADX_OK;
}

static enum adx_rc
read_request(int argc, char **argv, struct request *r, struct adx_error *err)
{
	*r = (struct request){ UP, MIGRATION_COUNT };
	if (argc == 1)
		return ADX_OK;
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		r->what = HELP;
		return ADX_OK;
	}
	if (strcmp(argv[1], "status") == 0 && argc == 2) {
		r->what = STATUS;
		return ADX_OK;
	}
	if (strcmp(argv[1], "up") == 0 && argc == 2)
		return ADX_OK;
	if (strcmp(argv[1], "up") == 0 && argc == 4 && strcmp(argv[2], "--to") == 0)
		return read_number(argv[3], &r->number, err);
	if (strcmp(argv[1], "down") == 0 && argc == 3) {
		r->what = DOWN;
		return read_number(argv[2], &r->number, err);
	}
	if (strcmp(argv[1], "cache-triggers") == 0 && argc == 3)
		return read_triggers(argv[2], r, err);
	return usage(err);
}

/* *current: everything is as it should be, for the exit status. */
static enum adx_rc
carry_out(struct cli *cli, const struct request *r, bool *current, struct adx_error *err)
{
	int applied = MIGRATION_COUNT;
	enum adx_rc rc;

	switch (r->what) {
	case STATUS:
		rc = show_status(cli, &applied, err);
		*current = applied == MIGRATION_COUNT;
		return rc;
	case TRIGGERS_STATUS: return show_triggers(cli, current, err);
	case TRIGGERS_ON:
	case TRIGGERS_OFF:
		return migrate_cache_triggers(cli->session.db, r->what == TRIGGERS_ON, err);
	case DOWN: return go_down(cli, r->number, err);
	default: return migrate_up(cli->session.db, r->number, tell, NULL, err);
	}
}

static int
verb_migrate(struct cli *cli, int argc, char **argv)
{
	struct request r;
	struct adx_error err;
	bool current = true, asks;
	enum adx_rc rc = read_request(argc, argv, &r, &err);

	if (rc == ADX_OK && r.what == HELP) {
		help_on(cli->out, cli->session.service, "migrate", NULL);
		return 0;
	}
	asks = rc == ADX_OK && (r.what == STATUS || r.what == TRIGGERS_STATUS);
	if (rc == ADX_OK && cli->options.dry_run && !asks) {
		rc = adx_fail(&err, ADX_EUSAGE, "migrate has no --dry-run");
		adx_hint(&err, "'adminex migrate status' shows what is missing");
	}
	if (rc == ADX_OK)
		rc = cli_connect(cli, &err);
	if (rc == ADX_OK)
		rc = carry_out(cli, &r, &current, &err);
	if (rc != ADX_OK)
		return cli_fail(cli, &err);
	if (!asks)
		cli_succeed(cli);
	return current ? 0 : 1;
}

const struct verb VERB_MIGRATE = {
	"migrate",
	"migrate [status | up [--to N] | down N | cache-triggers on|off|status]",
	"make or update the schema of the database",
	"  status       what is applied and what is not; exit status 1 when something is "
	"missing\n"
	"  up           apply what is missing (this is what 'migrate' alone does)\n"
	"  up --to N    stop at migration N, for instance to distribute the tables on Citus\n"
	"               before their foreign keys\n"
	"  down N       take the newest N migrations back; asks on a terminal unless --yes\n"
	"  cache-triggers on | off | status\n"
	"               optional triggers, so that the caches of daemons also follow what others\n"
	"               than adminex change, psql for instance; status 1 unless they are on\n"
	"\n"
	"Each migration is one transaction; two migrators at once are safe. A database that is\n"
	"newer than the program is refused.\n"
	"\n"
	"example:\n"
	"  adminex migrate status\n",
	"status up down cache-triggers on off --to --help",
	verb_migrate,
};
