/* gdpr_replay: whom an old backup brought back is erased again, by the journal of erasures. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/journal.h"
#include "db/array.h"
#include "submod/erasure.h"
#include "submod/params.h"

static const struct answer REPLAYED = {
	"ok", "{count} accounts erased again; {held} held, {newer} made later, {doubt} in doubt"
};

static const char *const FORMATS[] = { "journal", NULL };

/* Accounts that the journal names: arrays that go together, for the statements. */
struct replay {
	struct call *call;
	struct erasure erasure;
	struct journal journal;
	struct buf hosts, usernames, times, doubts;
	int64_t erased, held, newer, doubtful;
};

/* ---- the journal ------------------------------------------------------------------------- */

static enum adx_rc
load(struct replay *r, struct adx_error *err)
{
	const struct value *file = call_arg(r->call, "file");
	const struct content *c = file->content;
	enum adx_rc rc = c == NULL ? journal_read(file->raw, &r->journal, err)
				   : journal_parse(c->data, c->len, "file", &r->journal, err);

	if (rc == ADX_OK && r->journal.cut_off > 0)
		call_remark(r->call,
			    "%zu lines were cut off by a crash and are passed over, the first is "
			    "line %zu",
			    r->journal.cut_off, r->journal.cut_off_first);
	return rc;
}

/* With another key nobody would be found, and that would look as if all were well. */
static enum adx_rc
check_key(const struct replay *r, struct adx_error *err)
{
	char key_id[PSEUDONYM_HEX_LEN + 1];
	enum adx_rc rc;

	if (r->erasure.key == NULL) {
		adx_fail(err, ADX_EINVAL,
			 "setting 'privacy.key_file' is not set: the journal "
			 "names subjects by their keyed hash");
		adx_hint(err, "bring back the key that the journal was written with");
		return ADX_EINVAL;
	}
	rc = pseudonym_of(r->erasure.key, "", "", key_id, err);
	if (rc != ADX_OK || r->journal.key_id[0] == '\0' || strcmp(key_id, r->journal.key_id) == 0)
		return rc;
	adx_fail(err, ADX_EINVAL,
		 "the journal was written with another key than that of privacy.key_file");
	adx_hint(err, "bring back the key that the journal was written with");
	return ADX_EINVAL;
}

/* ---- who is there again ------------------------------------------------------------------ */

static void
add_account(struct replay *r, const struct rows *rows, const struct journal_erasure *found)
{
	bool doubt = found->begun_at[0] != '\0' &&
		     (found->done_at[0] == '\0' || call_flag(r->call, "doubtful"));

	array_add(&r->hosts, rows_get(rows, "host"));
	array_add(&r->usernames, rows_get(rows, "username"));
	array_add(&r->times, doubt ? found->begun_at : found->done_at);
	array_add(&r->doubts, doubt ? "true" : "false");
}

static enum adx_rc
look_up(struct replay *r, const struct rows *rows, struct adx_error *err)
{
	const struct journal_erasure *found;
	char hash[PSEUDONYM_HEX_LEN + 1];
	enum adx_rc rc = pseudonym_of(r->erasure.key, rows_get(rows, "host"),
				      rows_get(rows, "username"), hash, err);

	if (rc != ADX_OK)
		return rc;
	found = journal_find(&r->journal, hash);
	if (found != NULL)
		add_account(r, rows, found);
	return ADX_OK;
}

static enum adx_rc
find_accounts(struct replay *r, struct adx_error *err)
{
	struct rows *rows;
	bool has;
	enum adx_rc rc = stmt_open(r->call->db, SQL_GDPR_ACCOUNTS, NO_PARAMS, &rows, err);

	if (rc != ADX_OK)
		return rc;
	while ((rc = rows_next(rows, &has, err)) == ADX_OK && has) {
		rc = look_up(r, rows, err);
		if (rc != ADX_OK)
			break;
	}
	rows_close(rows);
	array_close(&r->hosts);
	array_close(&r->usernames);
	array_close(&r->times);
	array_close(&r->doubts);
	if (rc == ADX_OK && !(buf_ok(&r->hosts) && buf_ok(&r->usernames) && buf_ok(&r->times) &&
			      buf_ok(&r->doubts)))
		rc = adx_nomem(err);
	return rc;
}

/* ---- what becomes of them ---------------------------------------------------------------- */

static void
write_account(const struct replay *r, const struct rows *rows, const char *state)
{
	struct writer *w = r->call->writer;
	const char *texts[] = { rows_get(rows, "user"), rows_get(rows, "host"),
				rows_get(rows, "erased_at"), state };
	struct cell cells[4];

	for (size_t i = 0; i < 4; i++)
		cells[i] = (struct cell){ texts[i], strlen(texts[i]) };
	w->ops->row(w, cells);
}

static enum adx_rc
treat(struct replay *r, const struct rows *rows, struct adx_error *err)
{
	const char *state = rows_get(rows, "state");
	bool doubtful = rows_get_bool(rows, "doubtful");

	if (strcmp(state, "held") == 0) {
		r->held++;
	} else if (strcmp(state, "newer") == 0) {
		r->newer++;
	} else if (doubtful && !call_flag(r->call, "doubtful")) {
		r->doubtful++;
		state = "doubtful";
	} else {
		r->erased++;
		write_account(r, rows, state);
		/* From now on that is certain, too. */
		return erasure_add(&r->erasure, rows_get(rows, "host"), rows_get(rows, "user"),
				   true, doubtful, err);
	}
	write_account(r, rows, state);
	return ADX_OK;
}

static enum adx_rc
treat_all(struct replay *r, struct adx_error *err)
{
	struct rows *rows;
	bool has;
	enum adx_rc rc = stmt_open(r->call->db, SQL_GDPR_REPLAY_FIND,
				   PARAMS(buf_text(&r->hosts), buf_text(&r->usernames),
					  buf_text(&r->times), buf_text(&r->doubts)),
				   &rows, err);

	if (rc != ADX_OK)
		return rc;
	r->call->writer->ops->list_begin(r->call->writer);
	while ((rc = rows_next(rows, &has, err)) == ADX_OK && has) {
		rc = treat(r, rows, err);
		if (rc == ADX_OK)
			rc = call_output_ok(r->call, err);
		if (rc != ADX_OK)
			break;
	}
	rows_close(rows);
	return rc;
}

static enum adx_rc
answer(struct replay *r, struct adx_error *err)
{
	char erased[24], held[24], newer[24], doubt[24];

	snprintf(erased, sizeof(erased), "%" PRId64, r->erased);
	snprintf(held, sizeof(held), "%" PRId64, r->held);
	snprintf(newer, sizeof(newer), "%" PRId64, r->newer);
	snprintf(doubt, sizeof(doubt), "%" PRId64, r->doubtful);
	r->call->rows = r->call->affected = r->erased;
	return call_answer(r->call, &REPLAYED, err, "count", erased, "held", held, "newer", newer,
			   "doubt", doubt, NULL);
}

static enum adx_rc
replay(struct replay *r, struct adx_error *err)
{
	int64_t ignored;
	enum adx_rc rc = load(r, err);

	if (rc == ADX_OK)
		rc = check_key(r, err);
	if (rc == ADX_OK)
		rc = find_accounts(r, err);
	if (rc == ADX_OK)
		rc = stmt_int64(r->call->db, SQL_GDPR_REPLAY_LOCK,
				PARAMS(buf_text(&r->hosts), buf_text(&r->usernames)), &ignored,
				err);
	if (rc == ADX_OK)
		rc = treat_all(r, err);
	if (rc == ADX_OK && r->erased > 0)
		rc = erasure_run(&r->erasure, NULL, NULL, &ignored, err);
	return rc == ADX_OK ? answer(r, err) : rc;
}

static enum adx_rc
gdpr_replay(struct call *call, struct adx_error *err)
{
	struct replay r = { .call = call };
	enum adx_rc rc = erasure_begin(call, &r.erasure, err);

	array_open(&r.hosts);
	array_open(&r.usernames);
	array_open(&r.times);
	array_open(&r.doubts);
	if (rc == ADX_OK)
		rc = replay(&r, err);
	erasure_free(&r.erasure);
	journal_free(&r.journal);
	buf_free(&r.hosts);
	buf_free(&r.usernames);
	buf_free(&r.times);
	buf_free(&r.doubts);
	return rc;
}

const struct command GDPR_REPLAY_COMMANDS[] = {
	{ .name = "gdpr_replay",
	  .submod = "gdpr",
	  .summary = "erase again whom an old backup brought back, by the journal of erasures",
	  .notes =
		  "The file is what privacy.journal_file is written to, or a copy; "
		  "privacy.key_file "
		  "must be the key it was written with. Lists each account that the journal names, "
		  "with what became of it: erased; held, which stays; newer, made after the "
		  "erasure, "
		  "and so somebody else's; doubtful, whose erasure was begun and has no end in the "
		  "journal, and which only --doubtful erases. Look first with --dry-run.",
	  .params = { { .name = "file",
			.type = PARAM_PATH,
			.doc = "the journal",
			.words = FORMATS,
			.path = PATH_READ },
		      { .name = "doubtful",
			.type = PARAM_FLAG,
			.doc = "take what was begun for done",
			.optional = true } },
	  .result = RESULT_LIST,
	  .result_name = "accounts",
	  .fields = { { "user" }, { "host" }, { "erased_at" }, { "state" } },
	  .answers = { &REPLAYED },
	  .affects = "accounts",
	  .role = ROLE_ADMIN,
	  .flags = CMD_WRITES | CMD_DESTROYS | CMD_STEPS | CMD_WIDE | CMD_SECRET_REPLY | CMD_ALONE,
	  .example = "/var/lib/adminex/erasures",
	  .run = gdpr_replay },
	{ 0 },
};
