#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "face/batch.h"

enum { GROUP_DEFAULT = 100 };

struct request {
	const char *path, *state_path;
	size_t group;
	bool go_on, atomic, dry_run, help;
};

/* ---- options ----------------------------------------------------------------------------- */

static enum adx_rc
read_group(const char *text, size_t *group, struct adx_error *err)
{
	long long n = 0;

	if (text == NULL || !text_to_int64(text, strlen(text), &n) || n < 1 || n > BATCH_GROUP_MAX)
		return adx_fail(err, ADX_EUSAGE, "batch: --group takes a number of lines, 1 to %d",
				BATCH_GROUP_MAX);
	*group = (size_t)n;
	return ADX_OK;
}

static enum adx_rc
read_state_path(const char *path, struct request *r, struct adx_error *err)
{
	if (path == NULL || path[0] == '\0' || r->state_path != NULL)
		return adx_fail(err, ADX_EUSAGE, "batch: --resume takes one state file");
	r->state_path = path;
	return ADX_OK;
}

static enum adx_rc
read_word(char **argv, int *i, struct request *r, struct adx_error *err)
{
	const char *word = argv[*i];

	if (strcmp(word, "--continue") == 0)
		r->go_on = true;
	else if (strcmp(word, "--atomic") == 0)
		r->atomic = true;
	else if (strcmp(word, "--dry-run") == 0)
		r->dry_run = true;
	else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
		r->help = true;
	else if (strcmp(word, "--group") == 0)
		return read_group(argv[++*i], &r->group, err);
	else if (strcmp(word, "--resume") == 0)
		return read_state_path(argv[++*i], r, err);
	else if (r->path == NULL && (word[0] != '-' || word[1] == '\0'))
		r->path = word;
	else
		return adx_fail(err, ADX_EUSAGE, "batch: '%.60s' is one word too many", word);
	return ADX_OK;
}

static enum adx_rc
check_request(const struct request *r, const struct cli *cli, struct adx_error *err)
{
	if (r->path == NULL)
		adx_fail(err, ADX_EUSAGE, "batch takes a file or - for standard input");
	else if (r->atomic && r->go_on)
		adx_fail(err, ADX_EUSAGE,
			 "batch: --atomic stops at a failure, --continue does not");
	else if (r->dry_run && r->state_path != NULL)
		adx_fail(err, ADX_EUSAGE, "batch: --dry-run leaves nothing to --resume");
	else if (cli->options.secret_file != NULL)
		adx_fail(err, ADX_EUSAGE, "batch has no --secret-file; secrets stand in the lines");
	else if (cli->options.format == FORMAT_CSV || cli->options.format == FORMAT_TABLE)
		adx_fail(err, ADX_EUSAGE, "batch answers in NDJSON only");
	else
		return ADX_OK;
	adx_hint(err, "see 'adminex help batch'");
	return ADX_EUSAGE;
}

static enum adx_rc
read_request(char **argv, const struct cli *cli, struct request *r, struct adx_error *err)
{
	enum adx_rc rc = ADX_OK;

	*r = (struct request){ .group = GROUP_DEFAULT, .dry_run = cli->options.dry_run };
	for (int i = 1; argv[i] != NULL && rc == ADX_OK; i++)
		rc = read_word(argv, &i, r, err);
	return rc == ADX_OK && !r->help ? check_request(r, cli, err) : rc;
}

/* ---- what is said beside the replies ----------------------------------------------------- */

static void
on_remark(void *ctx, const char *text)
{
	struct batch *b = ctx;
	struct buf line = BUF_INIT;

	buf_addf(&line, "line %" PRId64 ": %s", b->at, text);
	strvec_add_text(&b->remarks, buf_text(&line));
	buf_free(&line);
}

static const char *
status_of(const struct batch_item *item)
{
	return item->rc == ADX_OK ? item->call.answer->status : adx_rc_word(item->rc);
}

static void
say_end(const struct batch *b)
{
	struct buf line = BUF_INIT;

	if (b->state.ended) {
		buf_add_text(&line, "the run has ended, there is nothing left to do");
		if (b->failed > 0)
			buf_addf(&line, "; %" PRId64 " lines failed", b->failed);
	} else if (b->stopped != NULL) {
		buf_addf(&line, "stopped at line %" PRId64 " (%s): ", b->stopped->about.number,
			 status_of(b->stopped));
		if (b->atomic || b->options.dry_run)
			buf_add_text(&line, "nothing was changed");
		else
			buf_add_text(&line, "the lines before it are committed, nothing of it or "
					    "behind it was done");
	} else if (b->options.dry_run) {
		buf_addf(&line,
			 "dry run: %" PRId64 " lines, %" PRId64 " failed; nothing was changed",
			 b->lines, b->failed);
	} else if (b->failed > 0) {
		buf_addf(&line, "%" PRId64 " of %" PRId64 " lines failed", b->failed - b->earlier,
			 b->lines);
		if (b->earlier > 0)
			buf_addf(&line, ", %" PRId64 " before the run was resumed", b->earlier);
	}
	if (line.len > 0)
		cli_say(buf_text(&line));
	buf_free(&line);
}

/* Whatever ended the batch, the operator must know what was done. */
static void
tell_how_far(const struct batch *b, struct adx_error *err)
{
	const char *resume = b->state.fd >= 0 ? "; run the same again to go on" : "";

	/* A reply that an interrupt cut off failed for no other reason. */
	if (err->rc == ADX_EINTR || (err->rc == ADX_EIO && db_interrupted(b->db)))
		adx_fail(err, ADX_EINTR, "interrupted");
	if (b->done)
		adx_hint(err, "all lines are committed");
	else if (b->atomic && err->rc == ADX_EUNKNOWN)
		adx_hint(err, "all lines were committed, or none was%s", resume);
	else if (b->atomic || b->options.dry_run)
		adx_hint(err, "nothing was changed");
	else if (err->rc == ADX_EUNKNOWN)
		adx_hint(err,
			 "the lines up to %" PRId64 " are committed, the group behind it wholly or "
			 "not at all%s",
			 b->last, resume);
	else if (b->last == 0)
		adx_hint(err, "no line was committed");
	else
		adx_hint(err,
			 "the lines up to %" PRId64 " are committed, nothing behind it was done%s",
			 b->last, resume);
}

/* ---- the verb ---------------------------------------------------------------------------- */

static void
say_waiting(void)
{
	cli_say("waiting for the last transaction of the earlier run to end (see pg_locks)");
}

static enum adx_rc
open_state(struct batch *b, const struct request *r, struct adx_error *err)
{
	char sha256[65], line[80];
	enum adx_rc rc;

	if (r->state_path == NULL)
		return ADX_OK;
	rc = batch_input_copy(&b->input, sha256, err);
	if (rc == ADX_OK)
		rc = batch_state_open(&b->state, r->state_path, sha256, b->caller.actor, b->db,
				      say_waiting, err);
	if (rc != ADX_OK)
		return rc;
	b->last = b->state.recorded;
	b->failed = b->earlier = b->state.failed;
	if (b->last > 0 && !b->state.ended) {
		snprintf(line, sizeof(line), "going on behind line %" PRId64, b->last);
		cli_say(line);
	}
	return ADX_OK;
}

/* The next group: what was read ahead, else what comes. */
static enum adx_rc
next_group(struct batch *b, struct adx_error *err)
{
	struct batch_group done = b->group;

	batch_group_clear(&done);
	b->group = b->ahead;
	b->ahead = done;
	if (b->group.count > 0)
		return ADX_OK;
	b->group.bytes = 0;
	return batch_group_fill(b, &b->group, true, err);
}

static enum adx_rc
run_groups(struct batch *b, struct adx_error *err)
{
	enum adx_rc rc = next_group(b, err);

	while (rc == ADX_OK && b->group.count > 0) {
		rc = batch_group_run(b, err);
		if (rc != ADX_OK || b->stopped != NULL)
			break;
		rc = next_group(b, err);
	}
	if (rc == ADX_OK)
		rc = batch_group_end(b, err);
	b->done = rc == ADX_OK && b->stopped == NULL;
	if (b->done && b->state.fd >= 0)
		rc = batch_state_finish(&b->state, b->db, b->last, b->failed - b->state.failed,
					err);
	return rc;
}

static enum adx_rc
run_batch(struct batch *b, const struct request *r, struct adx_error *err)
{
	enum adx_rc rc = batch_input_open(&b->input, r->path, err);

	if (rc == ADX_OK)
		rc = cli_connect_for_many(b->cli, err);
	b->db = b->cli->session.db;
	if (rc == ADX_OK)
		rc = open_state(b, r, err);
	if (rc != ADX_OK)
		return rc;
	b->writer = writer_new(FORMAT_JSON, &(struct command){ .name = "batch" }, b->cli->out);
	if (b->writer == NULL)
		return adx_nomem(err);
	progress_begin(&b->progress, "batch", "lines");
	rc = b->state.ended ? ADX_OK : run_groups(b, err);
	progress_clear(&b->progress);
	if (rc == ADX_OK) {
		say_end(b);
		return ADX_OK;
	}
	/* Replies that wait for the end of --atomic will not be true any more. */
	out_discard(b->cli->out);
	tell_how_far(b, err);
	return rc;
}

static void
end_batch(struct batch *b)
{
	batch_group_free(&b->group);
	batch_group_free(&b->ahead);
	writer_free(b->writer);
	strvec_free(&b->remarks);
	batch_state_close(&b->state);
	batch_input_close(&b->input);
}

static int
verb_batch(struct cli *cli, int argc, char **argv)
{
	struct request r;
	struct adx_error err;
	struct batch b = {
		.cli = cli,
		.input.fd = -1,
		.state = BATCH_STATE_NONE,
		.caller = { cli_actor(), "batch", ROLE_ADMIN },
	};
	enum adx_rc rc = read_request(argv, cli, &r, &err);

	(void)argc;
	if (rc == ADX_OK && r.help) {
		help_on(cli->out, cli->session.service, "batch", NULL);
		return 0;
	}
	if (cli->options.format == FORMAT_TEXT || cli->options.format == FORMAT_JSON)
		cli->options.format = FORMAT_NDJSON;
	if (rc != ADX_OK)
		return cli_fail(cli, &err);
	b.options = (struct run_options){ .dry_run = r.dry_run,
					  .include_never_seen = cli->options.include_never_seen,
					  .assume_yes = true,
					  .said_yes = cli->options.assume_yes,
					  .replies_only = true,
					  .max_affected = cli->options.max_affected,
					  .remark = on_remark,
					  .ctx = &b };
	b.size = b.step = r.group;
	b.go_on = r.go_on;
	b.atomic = r.atomic && !r.dry_run;
	rc = run_batch(&b, &r, &err);
	end_batch(&b);
	if (rc != ADX_OK)
		return cli_fail(cli, &err);
	return b.failed > 0 ? 1 : 0;
}

const struct verb VERB_BATCH = {
	"batch",
	"batch [--continue | --atomic] [--dry-run] [--group N] [--resume STATE] FILE | -",
	"run many commands, one a line, and answer each with a line of JSON",
	"  --continue      go on behind a line that fails, and answer every line\n"
	"  --atomic        all lines in one transaction: all of them, or nothing\n"
	"  --dry-run       run everything, then roll it back\n"
	"  --group N       commit N lines at a time, 100 by default; 1 is a commit a line\n"
	"  --resume STATE  record in file STATE, and in the database, how far the run has come.\n"
	"                  The same command again goes on where it ended, whatever ended it\n"
	"\n"
	"A line is one of these. Blank lines and lines that begin with # are skipped.\n"
	"  [\"check_account\", \"alice\", \"example.org\"]\n"
	"  {\"id\": \"7\", \"command\": \"check_account\", \"args\": {\"user\": \"alice\", "
	"\"host\": "
	"\"example.org\"}}\n"
	"  check_account alice example.org\n"
	"Words of the last form are quoted as in a shell; nothing is expanded, and '-' is a\n"
	"password like any other.\n"
	"\n"
	"A line fails with every status but \"ok\". Without --continue the batch stops there: "
	"the\n"
	"lines before it are committed, nothing of it or behind it is done. A reply is printed\n"
	"only after its line is committed. --max-affected holds for each line.\n"
	"\n"
	"exit status: 0 all lines ok; 1 a line failed; 3, 5, 8 and 130 as for commands\n"
	"\n"
	"example:\n"
	"  adminex batch tests/data/batches/friends.batch\n",
	"--continue --atomic --dry-run --group --resume --help",
	verb_batch,
};
