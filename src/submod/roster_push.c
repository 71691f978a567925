/* push_roster*: contacts for many accounts at once, each command one statement. */
#include <stdlib.h>
#include <string.h>

#include "db/array.h"
#include "submod/params.h"
#include "submod/roster_parts.h"
#include "transfer/template.h"

enum { NAMED_AT_MOST = 20 };

/* A template as the statements take it: arrays that go together. */
struct columns {
	struct buf hosts, usernames, nicks, groups;
	size_t refused; /* entries whose JIDs are not valid */
};

static void
columns_free(struct columns *c)
{
	buf_free(&c->hosts);
	buf_free(&c->usernames);
	buf_free(&c->nicks);
	buf_free(&c->groups);
}

static bool
columns_ok(const struct columns *c)
{
	return buf_ok(&c->hosts) && buf_ok(&c->usernames) && buf_ok(&c->nicks) &&
	       buf_ok(&c->groups);
}

/* An entry whose JID cannot be is an entry without an account: skipped and named. */
static void
add_entry(struct call *call, const struct template_entry *e, struct columns *c)
{
	char user[JID_PART_MAX + 1], host[JID_PART_MAX + 1];
	struct adx_error why;

	if (jid_prep_local(e->user, strlen(e->user), user, &why) != ADX_OK ||
	    jid_prep_domain(e->host, strlen(e->host), host, &why) != ADX_OK) {
		if (++c->refused <= NAMED_AT_MOST)
			call_remark(call, "line %zu skipped: %s", e->line, why.message);
		return;
	}
	array_add(&c->hosts, host);
	array_add(&c->usernames, user);
	array_add(&c->nicks, e->nick);
	array_add(&c->groups, e->group);
}

/* From its file, or from what stands for one. */
static enum adx_rc
load_template(const struct call *call, struct template **out, struct adx_error *err)
{
	const struct value *file = call_arg(call, "file");
	const struct content *c = file->content;

	if (c == NULL)
		return template_read(file->raw, out, err);
	return template_parse(template_format_named(c->format), c->data, c->len, "file", out, err);
}

static enum adx_rc
read_template(struct call *call, struct columns *c, struct adx_error *err)
{
	struct template *t;
	enum adx_rc rc = load_template(call, &t, err);

	if (rc != ADX_OK)
		return rc;
	array_open(&c->hosts);
	array_open(&c->usernames);
	array_open(&c->nicks);
	array_open(&c->groups);
	for (size_t i = 0; i < t->count; i++)
		add_entry(call, &t->entries[i], c);
	if (c->refused > NAMED_AT_MOST)
		call_remark(call, "skipped %zu more entries: no valid JIDs",
			    c->refused - NAMED_AT_MOST);
	array_close(&c->hosts);
	array_close(&c->usernames);
	array_close(&c->nicks);
	array_close(&c->groups);
	template_free(t);
	return columns_ok(c) ? ADX_OK : adx_nomem(err);
}

/* Entries without an account come first, the outcome last. */
static enum adx_rc
read_outcome(struct call *call, struct rows *rows, struct adx_error *err)
{
	const struct answer *answer = NULL;
	size_t skipped = 0;
	bool has;
	enum adx_rc rc;

	while ((rc = rows_next(rows, &has, err)) == ADX_OK && has) {
		const char *outcome = rows_get(rows, "outcome");

		if (outcome != NULL) {
			answer = call_answer_of(call, outcome);
			call->affected = call->rows = rows_get_int64(rows, "rows");
		} else if (++skipped <= NAMED_AT_MOST) {
			call_remark(call, "skipped '%s@%s': no such account",
				    rows_get(rows, "username"), rows_get(rows, "host"));
		}
	}
	if (rc != ADX_OK)
		return rc;
	if (skipped > NAMED_AT_MOST)
		call_remark(call, "skipped %zu more entries: no such accounts",
			    skipped - NAMED_AT_MOST);
	if (answer == NULL)
		return adx_fail(err, ADX_EFAIL, "%s gave no outcome", call->command->name);
	return call_answer(call, answer, err, NULL);
}

/* host and username NULL: the template's accounts are the owners. */
static enum adx_rc
push(struct call *call, const char *host, const char *username, struct adx_error *err)
{
	struct columns c = { BUF_INIT, BUF_INIT, BUF_INIT, BUF_INIT, 0 };
	const char *audit = call_audit(call, err);
	struct rows *rows = NULL;
	enum adx_rc rc = audit == NULL ? ADX_ENOMEM : read_template(call, &c, err);

	if (rc == ADX_OK)
		rc = stmt_open(call->db, SQL_ROSTER_PUSH,
			       PARAMS(audit, host, username, buf_text(&c.hosts),
				      buf_text(&c.usernames), buf_text(&c.nicks),
				      buf_text(&c.groups)),
			       &rows, err);
	if (rc == ADX_OK)
		rc = read_outcome(call, rows, err);
	rows_close(rows);
	columns_free(&c);
	return rc;
}

enum adx_rc
roster_push(struct call *call, struct adx_error *err)
{
	return push(call, CALL_HOST(call), CALL_USER(call), err);
}

enum adx_rc
roster_push_all(struct call *call, struct adx_error *err)
{
	return push(call, NULL, NULL, err);
}

/* ---- all to all -------------------------------------------------------------------------- */

static enum adx_rc
push_alltoall(struct call *call, const char *audit, const char *trusting, struct rows **out,
	      struct adx_error *err)
{
	return stmt_one(call->db, SQL_ROSTER_PUSH_ALLTOALL,
			PARAMS(audit, CALL_HOST(call), call_raw(call, "group"), trusting), out,
			err);
}

/* A bet that nobody adds one of the same contacts meanwhile; when it is lost, the safe way. */
static enum adx_rc
push_trusting(struct call *call, const char *audit, struct rows **out, struct adx_error *err)
{
	static const char UNIQUE_VIOLATION[] = "23505";
	enum adx_rc rc = db_savepoint(call->db, err);

	if (rc != ADX_OK)
		return rc;
	rc = push_alltoall(call, audit, "true", out, err);
	if (rc != ADX_OK && strcmp(err->sqlstate, UNIQUE_VIOLATION) == 0) {
		rc = db_savepoint_return(call->db, err);
		if (rc == ADX_OK)
			rc = push_alltoall(call, audit, "false", out, err);
	}
	return rc == ADX_OK ? db_savepoint_release(call->db, err) : rc;
}

enum adx_rc
roster_push_alltoall(struct call *call, struct adx_error *err)
{
	const char *audit = call_audit(call, err);
	struct rows *rows = NULL;
	enum adx_rc rc = audit == NULL ? ADX_ENOMEM : push_trusting(call, audit, &rows, err);

	if (rc == ADX_OK && rows != NULL) {
		call->rows = call->affected = rows_get_int64(rows, "rows");
		rc = call_answer(call, &ANSWER_OK, err, NULL);
	}
	rows_close(rows);
	return rc;
}
