/* Submod gdpr: the ledger of data subjects' requests. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "submod/params.h"
#include "submod/privacy_key.h"

enum { DAY = 24 * 60 * 60, DIGEST_HEX_LEN = 64 };

static const char DIGEST_PREFIX[] = "sha256:";

static const struct answer OPENED = { "ok",
				      "Request {request} opened: to be answered by {deadline}" };
static const struct answer NOT_YET = { "not_yet",
				       "No request can have been received on {received} yet" };
static const struct answer NOTED = { "ok", "Check of the identity noted for request {request}" };
static const struct answer EXTENDED = {
	"ok", "Request {request} extended: to be answered by {deadline}"
};
static const struct answer CLOSED = { "ok", "Request {request} closed: {outcome}" };
static const struct answer NO_REQUEST = { "request_does_not_exist",
					  "Request {request} does not exist" };
static const struct answer CLOSED_BEFORE = { "closed_before",
					     "Request {request} was closed before" };
static const struct answer EXTENDED_BEFORE = { "extended_before",
					       "Request {request} was extended before" };
static const struct answer TOO_LATE = {
	"too_late", "Request {request} was due on {deadline} and could be extended until then"
};
static const struct answer OVERDUE = { "overdue", "Requests past their deadline: {count}" };
static const struct answer WHOLE = { "ok", "The ledger is whole: {rows} rows, head {head}" };
static const struct answer ROW_MISSING = {
	"row_missing", "Row {row} of the ledger is missing; rows that do not hold: {broken}"
};
static const struct answer ROW_CHANGED = {
	"row_changed", "Row {row} of the ledger was changed; rows that do not hold: {broken}"
};
static const struct answer ROW_UNCHAINED = {
	"row_not_chained",
	"Row {row} of the ledger does not continue the row before it; rows that do not hold: "
	"{broken}"
};
static const struct answer HEAD_MISSING = {
	"head_missing",
	"No row of the ledger has the hash {head}: it was rewritten, or its end was cut off"
};

/* ---- arguments --------------------------------------------------------------------------- */

/* A text that may be left out; an empty one is none. */
static const char *
note_of(const struct call *call, const char *name)
{
	const char *note = call_raw(call, name);

	return note == NULL || note[0] == '\0' ? NULL : note;
}

static enum adx_rc
need_note(const struct call *call, const char *name, const char **out, struct adx_error *err)
{
	*out = note_of(call, name);
	return *out != NULL ? ADX_OK : adx_fail(err, ADX_EINVAL, "argument '%s' is empty", name);
}

/* The hash of a note; *out is NULL when there is no note. */
static enum adx_rc
hash_note(const struct pseudonym_key *key, const char *note, char hex[PSEUDONYM_HEX_LEN + 1],
	  const char **out, struct adx_error *err)
{
	*out = note == NULL ? NULL : hex;
	return note == NULL ? ADX_OK : pseudonym_of_note(key, note, hex, err);
}

/* The same, with the key for this one note. */
static enum adx_rc
hash_one_note(const struct call *call, const char *note, char hex[PSEUDONYM_HEX_LEN + 1],
	      const char **out, struct adx_error *err)
{
	struct pseudonym_key *key = NULL;
	enum adx_rc rc = note == NULL ? ADX_OK : privacy_key_need(call, &key, err);

	if (rc == ADX_OK)
		rc = hash_note(key, note, hex, out, err);
	pseudonym_close(key);
	return rc;
}

/* "sha256:" and 64 digits as these digits; *out is NULL when the argument is not there. */
static enum adx_rc
digest_of(const struct call *call, const char *name, char hex[DIGEST_HEX_LEN + 1], const char **out,
	  struct adx_error *err)
{
	const size_t prefix = sizeof(DIGEST_PREFIX) - 1;
	const char *text = call_raw(call, name);

	*out = text == NULL ? NULL : hex;
	if (text == NULL)
		return ADX_OK;
	if (strncmp(text, DIGEST_PREFIX, prefix) != 0 || strlen(text + prefix) != DIGEST_HEX_LEN ||
	    strspn(text + prefix, "0123456789abcdefABCDEF") != DIGEST_HEX_LEN)
		return adx_fail(err, ADX_EINVAL,
				"argument '%s' must be sha256: and 64 hexadecimal digits", name);
	for (size_t i = 0; i <= DIGEST_HEX_LEN; i++)
		hex[i] = (char)tolower((unsigned char)text[prefix + i]);
	return ADX_OK;
}

/* ---- answers ----------------------------------------------------------------------------- */

static void
write_row(struct call *call, const struct rows *rows)
{
	size_t n = command_field_count(call->command);
	struct cell cells[COMMAND_FIELDS_MAX] = { { 0 } };

	for (size_t i = 0; i < n; i++)
		cells[i].data = rows_text(rows, rows_column(rows, call->command->fields[i].name),
					  &cells[i].len);
	if (!call->writer->value)
		call->writer->ops->list_begin(call->writer);
	call->writer->ops->row(call->writer, cells);
}

static const char *
text_of(const struct rows *rows, const char *column)
{
	const char *text = rows_get(rows, column);

	return text == NULL ? "" : text;
}

/* Of a statement that writes: what happened, with the number and the deadline it may have. */
static enum adx_rc
take_event(struct call *call, struct rows *rows, struct adx_error *err)
{
	const struct answer *answer;
	bool has;
	enum adx_rc rc = rows_first(rows, &has, err);

	if (rc != ADX_OK)
		return rc;
	call->rows = call->affected = has ? rows_get_int64(rows, "rows") : 0;
	answer = has ? call_answer_of(call, rows_get(rows, "outcome")) : NULL;
	if (answer == NULL)
		return adx_fail(err, ADX_EFAIL, "%s has no words for what happened",
				call->command->name);
	/* For those who read it by machine. */
	if (call->rows > 0 && command_field_count(call->command) > 0)
		write_row(call, rows);
	return call_answer(call, answer, err, "deadline", text_of(rows, "deadline"), "request",
			   text_of(rows, "request"), NULL);
}

/* ---- what happens to a request ----------------------------------------------------------- */

/* What is kept of the opening of a request but for its subject, as a statement takes it. */
struct opening {
	char subject[PSEUDONYM_HEX_LEN + 1];
	char received[sizeof("YYYY-MM-DD")];
	char note_hex[PSEUDONYM_HEX_LEN + 1], identity_hex[PSEUDONYM_HEX_LEN + 1];
	const char *note_hmac, *identity_hmac;
};

static enum adx_rc
hash_opening(const struct call *call, struct opening *o, struct adx_error *err)
{
	struct pseudonym_key *key;
	enum adx_rc rc = privacy_key_need(call, &key, err);

	if (rc == ADX_OK)
		rc = pseudonym_of(key, CALL_HOST(call), CALL_USER(call), o->subject, err);
	if (rc == ADX_OK)
		rc = hash_note(key, note_of(call, "note"), o->note_hex, &o->note_hmac, err);
	if (rc == ADX_OK)
		rc = hash_note(key, note_of(call, "identity"), o->identity_hex, &o->identity_hmac,
			       err);
	pseudonym_close(key);
	return rc;
}

static enum adx_rc
gdpr_request_open(struct call *call, struct adx_error *err)
{
	const char *audit = call_audit(call, err);
	const char *received =
		call_has(call, "received") ? call_arg(call, "received")->prepared : NULL;
	struct opening o;
	enum adx_rc rc = audit == NULL ? ADX_ENOMEM : hash_opening(call, &o, err);

	if (rc != ADX_OK)
		return rc;
	/* Of a timestamp in UTC, its day. */
	if (received != NULL)
		snprintf(o.received, sizeof(o.received), "%.10s", received);
	return call_ask(call, SQL_GDPR_REQUEST_OPEN,
			PARAMS(audit, call_raw(call, "type"), o.subject, CALL_HOST(call),
			       CALL_USER(call), received == NULL ? NULL : o.received,
			       note_of(call, "note"), o.note_hmac, note_of(call, "identity"),
			       o.identity_hmac),
			take_event, err);
}

/* Whoever is first is heard: what the statement finds is so until it is done. */
static enum adx_rc
ask_locked(struct call *call, enum sql_id id, const char *const values[], size_t count,
	   struct adx_error *err)
{
	enum adx_rc rc = call_ask_first(call, SQL_GDPR_LEDGER_LOCK, NO_PARAMS, err);

	return rc == ADX_OK ? call_ask(call, id, values, count, take_event, err) : rc;
}

/* An event that is a text. */
static enum adx_rc
note_event(struct call *call, enum sql_id id, const char *name, struct adx_error *err)
{
	const char *audit = call_audit(call, err);
	const char *note = NULL, *hmac = NULL;
	char hex[PSEUDONYM_HEX_LEN + 1];
	enum adx_rc rc = audit == NULL ? ADX_ENOMEM : need_note(call, name, &note, err);

	if (rc == ADX_OK)
		rc = hash_one_note(call, note, hex, &hmac, err);
	if (rc != ADX_OK)
		return rc;
	return ask_locked(call, id, PARAMS(audit, call_raw(call, "request"), note, hmac), err);
}

static enum adx_rc
gdpr_request_identity(struct call *call, struct adx_error *err)
{
	return note_event(call, SQL_GDPR_REQUEST_IDENTITY, "note", err);
}

static enum adx_rc
gdpr_request_extend(struct call *call, struct adx_error *err)
{
	return note_event(call, SQL_GDPR_REQUEST_EXTEND, "reason", err);
}

static enum adx_rc
gdpr_request_close(struct call *call, struct adx_error *err)
{
	const char *audit = call_audit(call, err);
	const char *outcome = call_raw(call, "outcome");
	const char *handed_over = NULL, *hmac = NULL;
	char digest[DIGEST_HEX_LEN + 1], hex[PSEUDONYM_HEX_LEN + 1];
	enum adx_rc rc = audit == NULL ? ADX_ENOMEM
				       : digest_of(call, "handed_over", digest, &handed_over, err);

	if (rc == ADX_OK && handed_over != NULL && strcmp(outcome, "fulfilled") != 0)
		rc = adx_fail(err, ADX_EINVAL,
			      "argument 'handed_over' goes with the outcome fulfilled, not %s",
			      outcome);
	if (rc == ADX_OK)
		rc = hash_one_note(call, note_of(call, "note"), hex, &hmac, err);
	if (rc != ADX_OK)
		return rc;
	return ask_locked(call, SQL_GDPR_REQUEST_CLOSE,
			  PARAMS(audit, call_raw(call, "request"), outcome, handed_over, hmac),
			  err);
}

/* ---- looking at requests ----------------------------------------------------------------- */

static enum adx_rc
gdpr_request_list(struct call *call, struct adx_error *err)
{
	return call_simple_list(
		call, SQL_GDPR_REQUEST_LIST,
		PARAMS(call_flag(call, "all") ? "true" : "false", call_raw(call, "type")), err);
}

static enum adx_rc
take_request(struct call *call, struct rows *rows, struct adx_error *err)
{
	int64_t seen;
	enum adx_rc rc = call_list(call, rows, NULL, &seen, err);

	if (rc != ADX_OK)
		return rc;
	return call_answer(call, seen == 0 ? &NO_REQUEST : &ANSWER_OK, err, NULL);
}

static enum adx_rc
gdpr_request_show(struct call *call, struct adx_error *err)
{
	return call_ask(call, SQL_GDPR_REQUEST_SHOW, PARAMS(call_raw(call, "request")),
			take_request, err);
}

/* The list ends with a no when a deadline has passed: cron and monitoring look at the status. */
static enum adx_rc
take_due(struct call *call, struct rows *rows, struct adx_error *err)
{
	int64_t overdue = 0;
	char count[24];
	bool has;
	enum adx_rc rc;

	while ((rc = rows_next(rows, &has, err)) == ADX_OK && has) {
		write_row(call, rows);
		call->rows++;
		overdue += rows_get_int64(rows, "days_left") < 0;
		rc = call_output_ok(call, err);
		if (rc != ADX_OK)
			return rc;
	}
	if (rc != ADX_OK)
		return rc;
	snprintf(count, sizeof(count), "%" PRId64, overdue);
	return call_answer(call, overdue > 0 ? &OVERDUE : &ANSWER_OK, err, "count", count, NULL);
}

/* Deadlines are days: a part of one counts as the whole. */
static enum adx_rc
gdpr_request_due(struct call *call, struct adx_error *err)
{
	int64_t seconds =
		call_has(call, "within") ? call_arg(call, "within")->number : INT64_C(7) * DAY;
	char days[24];

	snprintf(days, sizeof(days), "%" PRId64, (seconds + DAY - 1) / DAY);
	return call_ask(call, SQL_GDPR_REQUEST_DUE, PARAMS(days), take_due, err);
}

/* ---- the chain --------------------------------------------------------------------------- */

static enum adx_rc
take_head(struct call *call, struct rows *rows, struct adx_error *err)
{
	bool has;
	enum adx_rc rc = rows_first(rows, &has, err);

	if (rc != ADX_OK)
		return rc;
	return call_string(call, text_of(rows, "head"), strlen(text_of(rows, "head")));
}

static enum adx_rc
gdpr_ledger_head(struct call *call, struct adx_error *err)
{
	return call_ask(call, SQL_GDPR_LEDGER_HEAD, NO_PARAMS, take_head, err);
}

/* What shows the damage that comes first in the ledger; NULL when there is none. */
static const struct answer *
find_damage(const struct rows *rows, const char **row)
{
	static const struct {
		const char *column;
		const struct answer *answer;
	} kinds[] = { { "missing", &ROW_MISSING },
		      { "changed", &ROW_CHANGED },
		      { "unchained", &ROW_UNCHAINED } };
	const struct answer *found = NULL;
	int64_t first = INT64_MAX;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (rows_get(rows, kinds[i].column) == NULL ||
		    rows_get_int64(rows, kinds[i].column) >= first)
			continue;
		first = rows_get_int64(rows, kinds[i].column);
		*row = rows_get(rows, kinds[i].column);
		found = kinds[i].answer;
	}
	return found;
}

static enum adx_rc
take_verdict(struct call *call, struct rows *rows, struct adx_error *err)
{
	const struct answer *damage;
	const char *row = "";
	bool has;
	enum adx_rc rc = rows_first(rows, &has, err);

	if (rc != ADX_OK)
		return rc;
	damage = find_damage(rows, &row);
	if (damage != NULL)
		return call_answer(call, damage, err, "row", row, "broken", text_of(rows, "broken"),
				   NULL);
	if (!rows_get_bool(rows, "head_is_there"))
		return call_answer(call, &HEAD_MISSING, err, NULL);
	write_row(call, rows);
	return call_answer(call, &WHOLE, err, "rows", text_of(rows, "rows"), "head",
			   text_of(rows, "head"), NULL);
}

static enum adx_rc
gdpr_ledger_verify(struct call *call, struct adx_error *err)
{
	char digest[DIGEST_HEX_LEN + 1];
	const char *head = NULL;
	enum adx_rc rc = digest_of(call, "head", digest, &head, err);

	if (rc != ADX_OK)
		return rc;
	return call_ask(call, SQL_GDPR_LEDGER_VERIFY, PARAMS(head), take_verdict, err);
}

/* ------------------------------------------------------------------------------------------ */

static const char *const TYPES[] = { "access",      "rectification", "erasure", "restriction",
				     "portability", "objection",     NULL };
static const char *const OUTCOMES[] = { "fulfilled", "refused", "withdrawn", NULL };

#define P_REQUEST P_INTEGER("request", 1, INT64_MAX, "number of the request")
#define P_DIGEST(called, about)                                                                    \
	{                                                                                          \
		.name = called, .type = PARAM_TEXT, .doc = about ", sha256: and 64 digits",        \
		.optional = true                                                                   \
	}
#define P_NOTE(called, about)                                                                      \
	{                                                                                          \
		.name = called, .type = PARAM_TEXT, .doc = about, .optional = true                 \
	}
#define NOTES_GO                                                                                   \
	"Names and notes are kept in the clear until the request is closed; the ledger has a "     \
	"keyed hash of each for ever. It needs the setting privacy.key_file."

const struct command GDPR_LEDGER_COMMANDS[] = {
	{ .name = "gdpr_request_open",
	  .family = "gdpr_request",
	  .submod = "gdpr",
	  .summary = "note that a data subject asks for something, and by when it must be answered",
	  .notes = "Types: access (GDPR, Art. 15), rectification (16), erasure (17), restriction "
		   "(18), portability (20), objection (21). The deadline is one month from receipt "
		   "(Art. 12(3)), counted in UTC: the same day of the next month, or its last one. "
		   "Nobody needs an account to ask. " NOTES_GO,
	  .params = { P_WORD("type", TYPES, "what is asked for"),
		      P_USER("local part of the subject's JID"),
		      P_HOST("domain of the subject's JID"),
		      { .name = "received",
			.type = PARAM_DATE,
			.doc = "the day it came; today when nothing is said",
			.optional = true },
		      P_NOTE("identity", "how the identity was checked (Art. 12(6))"),
		      P_NOTE("note", "anything else to be known until it is closed") },
	  .result = RESULT_RESTUPLE,
	  .result_name = "opened",
	  .fields = { { "request", true }, { "deadline" } },
	  .answers = { &OPENED, &NOT_YET },
	  .role = ROLE_OPERATOR,
	  .limited_by = "host",
	  .flags = CMD_WRITES | CMD_LIST_TOO,
	  .example = "access orsino.aldobrand example.org --identity 'asked from his address'",
	  .run = gdpr_request_open },
	{ .name = "gdpr_request_identity",
	  .family = "gdpr_request",
	  .submod = "gdpr",
	  .summary = "note how the identity of who asked was checked (GDPR, Art. 12(6))",
	  .notes = "It may be noted again; then only the last text is there to be read. " NOTES_GO,
	  .params = { P_REQUEST, P_TEXT("note", "what was checked, and how") },
	  .result = RESULT_RESTUPLE,
	  .result_name = "res",
	  .answers = { &NOTED, &CLOSED_BEFORE, &NO_REQUEST },
	  .role = ROLE_OPERATOR,
	  .flags = CMD_WRITES,
	  .example = "1 'answered from the address we have on file'",
	  .run = gdpr_request_identity },
	{ .name = "gdpr_request_extend",
	  .family = "gdpr_request",
	  .submod = "gdpr",
	  .summary = "take two months more to answer a request, for a reason (GDPR, Art. 12(3))",
	  .notes = "The deadline is then three months from receipt. Once, and not after the first "
		   "deadline: by then the subject must have been told, with the reason. Whether a "
		   "deadline may move is not for who handles the request to decide, so it takes "
		   "the admin. " NOTES_GO,
	  .params = { P_REQUEST, P_TEXT("reason", "why it takes longer") },
	  .result = RESULT_RESTUPLE,
	  .result_name = "extended",
	  .fields = { { "request", true }, { "deadline" } },
	  .answers = { &EXTENDED, &CLOSED_BEFORE, &EXTENDED_BEFORE, &TOO_LATE, &NO_REQUEST },
	  .role = ROLE_ADMIN,
	  .flags = CMD_WRITES | CMD_LIST_TOO,
	  .example = "1 'archives of three servers have to be searched'",
	  .run = gdpr_request_extend },
	{ .name = "gdpr_request_close",
	  .family = "gdpr_request",
	  .submod = "gdpr",
	  .summary = "note how a request ended, and forget who asked",
	  .notes = "Name and notes of the subject are deleted in the same transaction, which "
		   "cannot be undone, so it takes the admin. What was handed over is noted by the "
		   "digest of its manifest. The text of this note is kept nowhere: only its keyed "
		   "hash, which needs privacy.key_file, to show that the copy in your files is the "
		   "one.",
	  .params = { P_REQUEST, P_WORD("outcome", OUTCOMES, "how it ended"),
		      P_DIGEST("handed_over", "digest of the manifest of what was handed over"),
		      P_NOTE("note", "for instance why it was refused (Art. 12(4))") },
	  .result = RESULT_RESTUPLE,
	  .result_name = "res",
	  .answers = { &CLOSED, &CLOSED_BEFORE, &NO_REQUEST },
	  .role = ROLE_ADMIN,
	  .flags = CMD_WRITES,
	  .example = "1 fulfilled --handed-over "
		     "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
	  .run = gdpr_request_close },
	{ .name = "gdpr_request_list",
	  .family = "gdpr_request",
	  .submod = "gdpr",
	  .summary = "list the requests of data subjects that are open",
	  .notes = "Whoever may handle requests sees who asked; of closed ones nobody does.",
	  .params = { { .name = "all",
			.type = PARAM_FLAG,
			.doc = "closed ones too",
			.optional = true },
		      { .name = "type",
			.type = PARAM_WORD,
			.words = TYPES,
			.doc = "of this type only",
			.optional = true } },
	  .result = RESULT_LIST,
	  .result_name = "requests",
	  .fields = { { "request", true },
		      { "type" },
		      { "user" },
		      { "host" },
		      { "received" },
		      { "deadline" },
		      { "state" },
		      { "closed_at" } },
	  .answers = { &ANSWER_OK },
	  .role = ROLE_OPERATOR,
	  .flags = CMD_WIDE,
	  .example = "--all --type erasure",
	  .run = gdpr_request_list },
	{ .name = "gdpr_request_show",
	  .family = "gdpr_request",
	  .submod = "gdpr",
	  .summary = "show all that happened to a request",
	  .notes = "One line an event. Names and notes are there until it is closed.",
	  .params = { P_REQUEST },
	  .result = RESULT_LIST,
	  .result_name = "events",
	  .fields = { { "row", true },
		      { "at" },
		      { "event" },
		      { "type" },
		      { "user" },
		      { "host" },
		      { "received" },
		      { "deadline" },
		      { "outcome" },
		      { "handed_over" },
		      { "note" },
		      { "note_hmac" },
		      { "subject" },
		      { "actor" } },
	  .answers = { &ANSWER_OK, &NO_REQUEST },
	  .role = ROLE_OPERATOR,
	  .example = "1",
	  .run = gdpr_request_show },
	{ .name = "gdpr_request_due",
	  .family = "gdpr_request",
	  .submod = "gdpr",
	  .summary = "list the open requests whose deadline is near or has passed",
	  .notes =
		  "Made for cron: it says nothing and has status 0 when nothing is due, lists what "
		  "is due with status 0, and has status 1 once a deadline has passed. A negative "
		  "days_left counts the days since then.",
	  .params = { { .name = "within",
			.type = PARAM_DAYS,
			.min = 0,
			.max = INT64_C(36500) * DAY,
			.doc = "how near; 7d when nothing is said",
			.optional = true } },
	  .result = RESULT_LIST,
	  .result_name = "requests",
	  .fields = { { "request", true },
		      { "type" },
		      { "user" },
		      { "host" },
		      { "received" },
		      { "deadline" },
		      { "days_left", true } },
	  .answers = { &ANSWER_OK, &OVERDUE },
	  .role = ROLE_OPERATOR,
	  .flags = CMD_WIDE,
	  .example = "--within 14d",
	  .run = gdpr_request_due },
	{ .name = "gdpr_ledger_head",
	  .submod = "gdpr",
	  .summary = "print the hash of the last row of the ledger, to be noted elsewhere",
	  .notes = "A hash that was noted where nobody who administers the database can change it "
		   "is what gdpr_ledger_verify needs to find a ledger that was rewritten. Of an "
		   "empty ledger it is zeros. It names nobody, so it takes the reader only.",
	  .result = RESULT_STRING,
	  .result_name = "head",
	  .answers = { &ANSWER_OK },
	  .role = ROLE_READER,
	  .limited_by = LIMITED_NOT_AT_ALL,
	  .example = "",
	  .run = gdpr_ledger_head },
	{ .name = "gdpr_ledger_verify",
	  .submod = "gdpr",
	  .summary = "compute the ledger's chain anew: was a row changed, removed or put in?",
	  .notes = "It names the first row that does not hold. That the last rows are missing, or "
		   "that the whole ledger was computed anew, only --head can tell. It reads hashes "
		   "and dates, so it takes the reader only: an auditor needs no power over what is "
		   "audited.",
	  .params = { P_DIGEST("head", "what gdpr_ledger_head printed at some time") },
	  .result = RESULT_RESTUPLE,
	  .result_name = "ledger",
	  .fields = { { "rows", true }, { "head" } },
	  .answers = { &WHOLE, &ROW_MISSING, &ROW_CHANGED, &ROW_UNCHAINED, &HEAD_MISSING },
	  .role = ROLE_READER,
	  .limited_by = LIMITED_NOT_AT_ALL,
	  .flags = CMD_WIDE | CMD_LIST_TOO,
	  .example = "--head "
		     "sha256:0000000000000000000000000000000000000000000000000000000000000000",
	  .run = gdpr_ledger_verify },
	{ 0 },
};
