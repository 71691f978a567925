/* gdpr_erase: the plan, and the deed, now or later. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "adminex/jid.h"
#include "base/duration.h"
#include "submod/erasure.h"
#include "submod/erasure_plan.h"
#include "submod/params.h"

enum { MINUTE = 60, GRACE_MAX = 3650 * 86400 };

static const struct answer PLAN = {
	"ok",
	"Erasing {user}@{host} would delete {delete} rows, anonymise {anonymise} and keep {keep}.\n"
	"Nothing was changed. To go on: --execute {token}, or --yes whatever the plan is by then"
};
static const struct answer ERASED = {
	"ok",
	"User {user}@{host} erased: {delete} rows deleted, {anonymise} anonymised, {keep} kept"
};
static const struct answer LATER = { "ok", "User {user}@{host} will be erased at {due}" };
static const struct answer NOTHING = { "user_does_not_exist",
				       "There is nothing of {user}@{host} to erase" };
static const struct answer HELD = { "legal_hold",
				    "User {user}@{host} must not be erased: {reason}" };
static const struct answer MOVED = {
	"moved", "This is not the plan for {user}@{host} any more: {moved}; nothing was changed"
};

/* Everything lies in the call's arena. */
struct subject {
	const char *host, *username, *jid;
	bool account;
	const char *held; /* the reason of a legal hold; NULL: there is none */
	const char *registry;
};

static const char *
keep(struct call *call, const char *text)
{
	return arena_strndup(&call->arena, text, strlen(text));
}

/* ---- who it is --------------------------------------------------------------------------- */

static enum adx_rc
keep_standing(struct call *call, const struct rows *rows, struct subject *out,
	      struct adx_error *err)
{
	const char *held = rows_get(rows, "held");
	char jid[JID_BARE_MAX + 1];

	snprintf(jid, sizeof(jid), "%s@%s", out->username, out->host);
	out->jid = keep(call, jid);
	out->account = rows_get_bool(rows, "account");
	out->held = held == NULL ? NULL : keep(call, held);
	out->registry = keep(call, rows_get(rows, "registry"));
	if (out->jid == NULL || out->registry == NULL || (held != NULL && out->held == NULL))
		return adx_nomem(err);
	return ADX_OK;
}

static enum adx_rc
find_subject(struct call *call, struct subject *out, struct adx_error *err)
{
	struct rows *rows;
	enum adx_rc rc;

	*out = (struct subject){ .host = CALL_HOST(call), .username = CALL_USER(call) };
	rc = stmt_one(call->db, SQL_GDPR_STANDING, PARAMS(out->host, out->username), &rows, err);
	if (rc != ADX_OK || rows == NULL)
		return rc == ADX_OK ? adx_fail(err, ADX_EFAIL, "gdpr_standing gave no row") : rc;
	rc = keep_standing(call, rows, out, err);
	rows_close(rows);
	return rc;
}

/* ---- what is said ------------------------------------------------------------------------ */

/* How many rows go, change and stay, as texts. */
struct totals {
	char delete[24], anonymise[24], keep[24];
};

static void
count(const struct plan *plan, struct totals *out)
{
	snprintf(out->delete, sizeof(out->delete), "%" PRId64, plan_total(plan, "delete"));
	snprintf(out->anonymise, sizeof(out->anonymise), "%" PRId64, plan_total(plan, "anonymise"));
	snprintf(out->keep, sizeof(out->keep), "%" PRId64, plan_total(plan, "keep"));
}

/* The log has it, too; but not the name of one of whom there is nothing. */
static enum adx_rc
refuse(struct call *call, const struct subject *s, const char *pseudonym,
       const struct answer *answer, struct adx_error *err)
{
	const char *audit = call_audit(call, err);
	enum adx_rc rc;

	if (audit == NULL)
		return ADX_ENOMEM;
	rc = stmt_exec(call->db, SQL_GDPR_NOT_ERASED,
		       PARAMS(audit, s->host, s->username, pseudonym, answer->status), err);
	return rc == ADX_OK ? call_answer(call, answer, err, "reason",
					  s->held == NULL ? "" : s->held, NULL)
			    : rc;
}

static enum adx_rc
say_moved(struct call *call, const char *moved, struct adx_error *err)
{
	return call_answer(call, &MOVED, err, "moved", moved, NULL);
}

/* ---- the plan ---------------------------------------------------------------------------- */

static enum adx_rc
answer_plan(struct call *call, const struct plan *plan, struct adx_error *err)
{
	struct buf token = BUF_INIT;
	struct totals n;
	enum adx_rc rc = plan_token(plan, &token, err);

	count(plan, &n);
	if (rc == ADX_OK)
		call->token = keep(call, buf_text(&token));
	if (rc == ADX_OK && call->token == NULL)
		rc = adx_nomem(err);
	if (rc == ADX_OK)
		rc = call_answer(call, &PLAN, err, "delete", n.delete, "anonymise", n.anonymise,
				 "keep", n.keep, "token", call->token, NULL);
	buf_free(&token);
	return rc;
}

static enum adx_rc
show_plan(struct call *call, struct adx_error *err)
{
	struct subject s;
	struct plan plan;
	enum adx_rc rc = find_subject(call, &s, err);

	if (rc == ADX_OK)
		rc = plan_read(call, s.jid, s.registry, &plan, err);
	if (rc != ADX_OK)
		return rc;
	if (plan_total(&plan, NULL) == 0)
		return call_answer(call, &NOTHING, err, NULL);
	if (s.held != NULL)
		call_remark(call, "a legal hold stands in the way: %s", s.held);
	erasure_remark(call);
	plan_write(call, &plan);
	call->rows = 1;
	return answer_plan(call, &plan, err);
}

/* ---- the deed ---------------------------------------------------------------------------- */

static enum adx_rc
note_section(void *ctx, const char *section, int64_t rows, struct adx_error *err)
{
	if (plan_note(ctx, section, rows))
		return ADX_OK;
	return adx_fail(err, ADX_EFAIL,
			"the registry of personal data was changed at the same moment; nothing was "
			"erased");
}

/* What was done is what was planned, or nothing is done at all. */
static enum adx_rc
check_done(const struct plan *plan, struct adx_error *err)
{
	struct buf broken = BUF_INIT;
	enum adx_rc rc = ADX_OK;

	plan_add_broken(plan, &broken);
	if (!buf_ok(&broken))
		rc = adx_nomem(err);
	else if (broken.len > 0)
		rc = adx_fail(err, ADX_EFAIL,
			      "somebody changed data of the subject at the same moment: %.600s; "
			      "nothing was erased",
			      buf_text(&broken));
	if (rc == ADX_EFAIL)
		adx_hint(err, "look at the plan again");
	buf_free(&broken);
	return rc;
}

static enum adx_rc
erase(struct call *call, struct erasure *e, const struct subject *s, struct plan *plan,
      struct adx_error *err)
{
	struct totals n;
	int64_t told;
	enum adx_rc rc = erasure_add(e, s->host, s->username, s->account, true, err);

	if (rc == ADX_OK)
		rc = erasure_run(e, note_section, plan, &told, err);
	if (rc == ADX_OK) {
		(void)plan_note(plan, "told", told);
		rc = check_done(plan, err);
	}
	if (rc != ADX_OK)
		return rc;
	erasure_remark(call);
	plan_write(call, plan);
	call->rows = call->affected = 1;
	count(plan, &n);
	return call_answer(call, &ERASED, err, "delete", n.delete, "anonymise", n.anonymise, "keep",
			   n.keep, NULL);
}

/* Is it still what somebody looked at? */
static enum adx_rc
compare(struct call *call, const struct plan *plan, struct adx_error *err)
{
	struct buf moved = BUF_INIT;
	enum plan_match match;
	enum adx_rc rc;

	if (!call_has(call, "execute"))
		return ADX_OK;
	rc = plan_compare(plan, call_raw(call, "execute"), &match, &moved, err);
	if (rc == ADX_OK && match == PLAN_NO_TOKEN)
		rc = adx_fail(err, ADX_EINVAL, "argument 'execute' is no token of a plan");
	else if (rc == ADX_OK && match == PLAN_OTHER)
		rc = adx_fail(err, ADX_EINVAL,
			      "argument 'execute' is the token of another subject's plan");
	else if (rc == ADX_OK && match == PLAN_MOVED)
		rc = say_moved(call, buf_text(&moved), err);
	buf_free(&moved);
	return rc;
}

static enum adx_rc
erase_as_planned(struct call *call, struct erasure *e, const struct subject *s,
		 struct adx_error *err)
{
	const char *pseudonym;
	struct plan plan;
	enum adx_rc rc = plan_read(call, s->jid, s->registry, &plan, err);

	if (rc == ADX_OK && plan_total(&plan, NULL) == 0) {
		rc = erasure_pseudonym(e, s->host, s->username, &pseudonym, err);
		return rc == ADX_OK ? refuse(call, s, pseudonym, &NOTHING, err) : rc;
	}
	if (rc == ADX_OK)
		rc = compare(call, &plan, err);
	if (rc != ADX_OK || call->answer != NULL)
		return rc;
	return erase(call, e, s, &plan, err);
}

/* ---- later ------------------------------------------------------------------------------- */

static enum adx_rc
erase_later(struct call *call, const struct subject *s, struct adx_error *err)
{
	const char *audit = call_audit(call, err);
	struct rows *rows = NULL;
	struct plan plan;
	char seconds[24];
	enum adx_rc rc =
		audit == NULL ? ADX_ENOMEM : plan_read(call, s->jid, s->registry, &plan, err);

	if (rc != ADX_OK)
		return rc;
	if (plan_total(&plan, NULL) == 0)
		return call_answer(call, &NOTHING, err, NULL);
	snprintf(seconds, sizeof(seconds), "%" PRId64, call_arg(call, "after")->number);
	rc = stmt_one(call->db, SQL_GDPR_ERASE_LATER, PARAMS(audit, s->host, s->username, seconds),
		      &rows, err);
	if (rc != ADX_OK || rows == NULL)
		return rc == ADX_OK ? adx_fail(err, ADX_EFAIL, "gdpr_erase_later gave no row") : rc;
	erasure_remark(call);
	plan_write(call, &plan);
	call->rows = call->affected = 1;
	rc = call_answer(call, &LATER, err, "due", rows_get(rows, "due_at"), NULL);
	rows_close(rows);
	return rc;
}

/* ---- the command ------------------------------------------------------------------------- */

static bool
only_plans(const struct call *call)
{
	return !call->options->said_yes && !call_has(call, "execute") && !call_has(call, "after");
}

/* The settings are looked at now, also for what is done later. */
static enum adx_rc
in_earnest(struct call *call, struct erasure *e, struct adx_error *err)
{
	struct subject s;
	enum adx_rc rc = erasure_begin(call, e, err);

	if (rc == ADX_OK)
		rc = stmt_exec(call->db, SQL_GDPR_LOCK, PARAMS(CALL_HOST(call), CALL_USER(call)),
			       err);
	if (rc == ADX_OK)
		rc = find_subject(call, &s, err);
	if (rc != ADX_OK)
		return rc;
	if (s.held != NULL)
		return refuse(call, &s, NULL, &HELD, err);
	return call_has(call, "after") ? erase_later(call, &s, err)
				       : erase_as_planned(call, e, &s, err);
}

static enum adx_rc
gdpr_erase(struct call *call, struct adx_error *err)
{
	struct erasure e;
	enum adx_rc rc;

	if (only_plans(call))
		return show_plan(call, err);
	if (call_has(call, "execute") && call_has(call, "after"))
		return adx_fail(err, ADX_EINVAL,
				"arguments 'execute' and 'after': a plan of now is not that of "
				"then; choose one");
	rc = in_earnest(call, &e, err);
	erasure_free(&e);
	return rc;
}

const struct command GDPR_ERASE_COMMANDS[] = {
	{ .name = "gdpr_erase",
	  .submod = "gdpr",
	  .summary = "erase all data of a subject (GDPR, Art. 17): first the plan, then the deed",
	  .notes =
		  "Without --execute, --yes or --after only the plan is printed, with a token that "
		  "stands for it. --execute TOKEN erases when nothing of the plan has changed, "
		  "--yes whatever the plan is now, --after when the time has come (a daemon sees "
		  "to "
		  "it; see gdpr_pending, gdpr_cancel). What is done is one transaction and equals "
		  "the plan, or nothing is done. Contacts are told, the subject goes out of their "
		  "rosters, and its name in the audit log becomes a pseudonym. An account is not "
		  "needed: what is left of a JID counts. A legal hold refuses it. --max-affected "
		  "counts subjects: 1.",
	  .params = { P_ACCOUNT,
		      { .name = "execute",
			.type = PARAM_TEXT,
			.doc = "the token of the plan that is to be carried out",
			.optional = true },
		      { .name = "after",
			.type = PARAM_DAYS,
			.doc = "how long from now, " DURATION_FORMS
			       "; until then it can be cancelled",
			.min = MINUTE,
			.max = GRACE_MAX,
			.optional = true } },
	  .result = RESULT_LIST,
	  .result_name = "plan",
	  .fields = { { "section" }, { "table" }, { "action" }, { "rows", true }, { "reason" } },
	  .answers = { &PLAN, &ERASED, &LATER, &NOTHING, &HELD, &MOVED },
	  .if_bad_jid = &NOTHING,
	  .affects = "subjects",
	  .role = ROLE_ADMIN,
	  .limited_by = "host",
	  .flags = CMD_WRITES | CMD_DESTROYS | CMD_STEPS | CMD_SECRET_REPLY | CMD_ON_YES |
		   CMD_TABLE | CMD_ALONE,
	  .example = "orsino.aldobrand example.org",
	  .run = gdpr_erase,
	  .only_reads = only_plans },
	{ 0 },
};
