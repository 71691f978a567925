/* Submod vcard: vcard-temp cards (XEP-0054), edited as trees. */
#include <string.h>

#include "base/vcard.h"
#include "submod/params.h"

static const struct answer NO_ACCOUNT = { "user_does_not_exist",
					  "Error: \"User {user}@{host} does not exist\"" };
static const struct answer NO_VALUE = { "not_found", "Error: \"Value not found in vcard\"" };
static const struct answer NO_VCARD = { "not_found", "Error: \"Vcard not found\"" };

/* The subfield's name, which may be "", or NULL for a command without one. */
static const char *
subname(const struct call *call)
{
	const struct value *found = call_find(call, "subname");

	return found == NULL ? NULL : found->raw;
}

/* ---- reading ----------------------------------------------------------------------------- */

typedef enum adx_rc say_values(struct call *call, const struct strvec *values,
			       struct adx_error *err);

static enum adx_rc
say_found(struct call *call, const char *card, say_values *say, struct adx_error *err)
{
	struct strvec values = STRVEC_INIT;
	enum adx_rc rc =
		vcard_get(card, strlen(card), call_raw(call, "name"), subname(call), &values, err);

	if (rc == ADX_OK && values.count == 0)
		rc = call_answer(call, &NO_VALUE, err, NULL);
	else if (rc == ADX_OK)
		rc = say(call, &values, err);
	strvec_free(&values);
	return rc;
}

static enum adx_rc
take_card(struct call *call, struct rows *rows, say_values *say, struct adx_error *err)
{
	const char *card;
	bool has;
	enum adx_rc rc = rows_first(rows, &has, err);

	if (rc != ADX_OK)
		return rc;
	if (!has)
		return call_answer(call, &NO_ACCOUNT, err, NULL);
	card = rows_get(rows, "vcard");
	return card == NULL ? call_answer(call, &NO_VCARD, err, NULL)
			    : say_found(call, card, say, err);
}

/* Several values are joined without a separator, as ever; get_vcard2_multi keeps them apart. */
static enum adx_rc
say_joined(struct call *call, const struct strvec *values, struct adx_error *err)
{
	struct buf text = BUF_INIT;
	enum adx_rc rc;

	for (size_t i = 0; i < values->count; i++)
		buf_add_text(&text, values->items[i]);
	rc = buf_ok(&text) ? call_string(call, buf_text(&text), text.len) : adx_nomem(err);
	buf_free(&text);
	return rc;
}

static enum adx_rc
say_each(struct call *call, const struct strvec *values, struct adx_error *err)
{
	call->writer->ops->list_begin(call->writer);
	for (size_t i = 0; i < values->count; i++) {
		struct cell cell = { values->items[i], strlen(values->items[i]) };

		call->writer->ops->row(call->writer, &cell);
	}
	call->rows = (int64_t)values->count;
	return call_answer(call, &ANSWER_OK, err, NULL);
}

static enum adx_rc
take_value(struct call *call, struct rows *rows, struct adx_error *err)
{
	return take_card(call, rows, say_joined, err);
}

static enum adx_rc
get_vcard(struct call *call, struct adx_error *err)
{
	return call_ask(call, SQL_VCARD_GET, PARAMS(CALL_HOST(call), CALL_USER(call)), take_value,
			err);
}

static enum adx_rc
take_values(struct call *call, struct rows *rows, struct adx_error *err)
{
	return take_card(call, rows, say_each, err);
}

static enum adx_rc
get_vcard2_multi(struct call *call, struct adx_error *err)
{
	return call_ask(call, SQL_VCARD_GET, PARAMS(CALL_HOST(call), CALL_USER(call)), take_values,
			err);
}

/* ---- writing ----------------------------------------------------------------------------- */

static enum adx_rc
store(struct call *call, const struct buf *card, struct adx_error *err)
{
	const char *audit = call_audit(call, err);
	struct strvec f = STRVEC_INIT;
	enum adx_rc rc;

	if (audit == NULL)
		return ADX_ENOMEM;
	rc = vcard_search_fields(buf_text(card), card->len, &f, err);
	if (rc == ADX_OK)
		rc = call_write(
			call, SQL_VCARD_SET,
			PARAMS(audit, CALL_HOST(call), CALL_USER(call), buf_text(card),
			       f.items[VCARD_FN], f.items[VCARD_FAMILY], f.items[VCARD_GIVEN],
			       f.items[VCARD_MIDDLE], f.items[VCARD_NICKNAME], f.items[VCARD_BDAY],
			       f.items[VCARD_CTRY], f.items[VCARD_LOCALITY], f.items[VCARD_EMAIL],
			       f.items[VCARD_ORGNAME], f.items[VCARD_ORGUNIT]),
			err);
	strvec_free(&f);
	return rc;
}

/* Lock, read, edit, store: an edit at the same time waits, and none is lost. */
static enum adx_rc
lock_and_read(struct call *call, struct rows **rows, struct adx_error *err)
{
	enum adx_rc rc =
		stmt_exec(call->db, SQL_VCARD_LOCK, PARAMS(CALL_HOST(call), CALL_USER(call)), err);

	*rows = NULL;
	if (rc == ADX_OK)
		rc = stmt_one(call->db, SQL_VCARD_GET, PARAMS(CALL_HOST(call), CALL_USER(call)),
			      rows, err);
	return rc;
}

static enum adx_rc
edit(struct call *call, const char *const *contents, size_t count, struct adx_error *err)
{
	struct buf card = BUF_INIT;
	struct rows *rows;
	const char *old;
	enum adx_rc rc = lock_and_read(call, &rows, err);

	if (rc != ADX_OK)
		return rc;
	if (rows == NULL)
		return call_answer(call, &ANSWER_NO_ACCOUNT, err, NULL);
	old = rows_get(rows, "vcard");
	rc = vcard_set(old, old == NULL ? 0 : strlen(old), call_raw(call, "name"), subname(call),
		       contents, count, &card, err);
	rows_close(rows);
	if (rc == ADX_OK)
		rc = store(call, &card, err);
	buf_free(&card);
	return rc;
}

static enum adx_rc
set_vcard(struct call *call, struct adx_error *err)
{
	const char *content = call_raw(call, "content");

	return edit(call, &content, 1, err);
}

static enum adx_rc
set_vcard2_multi(struct call *call, struct adx_error *err)
{
	const struct strvec *contents = &call_arg(call, "contents")->list;

	return edit(call, (const char *const *)contents->items, contents->count, err);
}

#define P_NAME    P_TEXT("name", "vCard element name, case-sensitive, e.g. FN")
#define P_SUBNAME P_TEXT("subname", "child element name, e.g. ORGNAME")

const struct command VCARD_COMMANDS[] = {
	{ .name = "get_vcard",
	  .submod = "vcard",
	  .summary = "read a vCard field",
	  .notes = "Several fields of that name are joined without a separator.",
	  .params = { P_ACCOUNT, P_NAME },
	  .result = RESULT_STRING,
	  .result_name = "content",
	  .answers = { &ANSWER_OK, &NO_VALUE, &NO_VCARD, &NO_ACCOUNT },
	  .if_bad_jid = &NO_ACCOUNT,
	  .role = ROLE_READER,
	  .limited_by = "host",
	  .example = "orsino.aldobrand example.org FN",
	  .run = get_vcard },
	{ .name = "get_vcard2",
	  .submod = "vcard",
	  .summary = "read a vCard subfield",
	  .notes = "Several values are joined without a separator; get_vcard2_multi keeps them "
		   "apart.",
	  .params = { P_ACCOUNT, P_NAME, P_SUBNAME },
	  .result = RESULT_STRING,
	  .result_name = "content",
	  .answers = { &ANSWER_OK, &NO_VALUE, &NO_VCARD, &NO_ACCOUNT },
	  .if_bad_jid = &NO_ACCOUNT,
	  .role = ROLE_READER,
	  .limited_by = "host",
	  .example = "orsino.aldobrand example.org ORG ORGNAME",
	  .run = get_vcard },
	{ .name = "get_vcard2_multi",
	  .submod = "vcard",
	  .summary = "read all values of a vCard subfield, one a line",
	  .params = { P_ACCOUNT, P_NAME, P_SUBNAME },
	  .result = RESULT_LIST,
	  .result_name = "contents",
	  .fields = { { "value" } },
	  .answers = { &ANSWER_OK, &NO_VALUE, &NO_VCARD, &NO_ACCOUNT },
	  .if_bad_jid = &NO_ACCOUNT,
	  .role = ROLE_READER,
	  .limited_by = "host",
	  .example = "orsino.aldobrand example.org EMAIL USERID",
	  .run = get_vcard2_multi },
	{ .name = "set_vcard",
	  .submod = "vcard",
	  .summary = "set a vCard field, in place of all fields of that name",
	  .params = { P_ACCOUNT, P_NAME, P_TEXT("content", "text; it is escaped") },
	  .result = RESULT_RESTUPLE,
	  .result_name = "res",
	  .answers = { &ANSWER_OK, &ANSWER_NO_ACCOUNT },
	  .if_bad_jid = &ANSWER_NO_ACCOUNT,
	  .role = ROLE_OPERATOR,
	  .limited_by = "host",
	  .flags = CMD_WRITES | CMD_STEPS,
	  .example = "orsino.aldobrand example.org FN 'Orsino, Duke of Illyria'",
	  .run = set_vcard },
	{ .name = "set_vcard2",
	  .submod = "vcard",
	  .summary = "set a vCard subfield",
	  .notes = "In the first field of that name; what else is in it stays.",
	  .params = { P_ACCOUNT, P_NAME, P_SUBNAME, P_TEXT("content", "text; it is escaped") },
	  .result = RESULT_RESTUPLE,
	  .result_name = "res",
	  .answers = { &ANSWER_OK, &ANSWER_NO_ACCOUNT },
	  .if_bad_jid = &ANSWER_NO_ACCOUNT,
	  .role = ROLE_OPERATOR,
	  .limited_by = "host",
	  .flags = CMD_WRITES | CMD_STEPS,
	  .example = "orsino.aldobrand example.org ORG ORGUNIT 'The court'",
	  .run = set_vcard },
	{ .name = "set_vcard2_multi",
	  .submod = "vcard",
	  .summary = "set several values of a vCard subfield",
	  .notes = "An empty list removes the subfield.",
	  .params = { P_ACCOUNT,
		      P_NAME,
		      P_SUBNAME,
		      { .name = "contents",
			.type = PARAM_LIST,
			.doc = "values separated by ';'; empty ones are dropped" } },
	  .result = RESULT_RESTUPLE,
	  .result_name = "res",
	  .answers = { &ANSWER_OK, &ANSWER_NO_ACCOUNT },
	  .if_bad_jid = &ANSWER_NO_ACCOUNT,
	  .role = ROLE_OPERATOR,
	  .limited_by = "host",
	  .flags = CMD_WRITES | CMD_STEPS,
	  .example = "orsino.aldobrand example.org ORG ORGUNIT 'The court;The sea'",
	  .run = set_vcard2_multi },
	{ 0 },
};
