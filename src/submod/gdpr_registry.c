/* Submod gdpr: the registry of personal data: is it whole, tables of one's own, what it says. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "db/array.h"
#include "submod/params.h"

/* ---- gdpr_audit -------------------------------------------------------------------------- */

static const struct answer WHOLE = { "ok", "The registry is whole; {notes} notes" };
static const struct answer FAULTS = { "faults", "The registry has {faults} faults; {notes} notes" };

static enum adx_rc
take_findings(struct call *call, struct rows *rows, struct adx_error *err)
{
	int64_t faults = 0, notes = 0;
	char faults_text[24], notes_text[24];
	bool has;
	enum adx_rc rc;

	call->writer->ops->list_begin(call->writer);
	while ((rc = rows_next(rows, &has, err)) == ADX_OK && has) {
		struct cell cells[4];

		for (int i = 0; i < 4; i++)
			cells[i].data = rows_text(rows, i, &cells[i].len);
		call->writer->ops->row(call->writer, cells);
		call->rows++;
		*(strcmp(cells[0].data, "fault") == 0 ? &faults : &notes) += 1;
	}
	if (rc != ADX_OK)
		return rc;
	snprintf(faults_text, sizeof(faults_text), "%" PRId64, faults);
	snprintf(notes_text, sizeof(notes_text), "%" PRId64, notes);
	return call_answer(call, faults == 0 ? &WHOLE : &FAULTS, err, "faults", faults_text,
			   "notes", notes_text, NULL);
}

static enum adx_rc
gdpr_audit(struct call *call, struct adx_error *err)
{
	return call_ask(call, SQL_GDPR_AUDIT, NO_PARAMS, take_findings, err);
}

/* ---- tables of one's own ----------------------------------------------------------------- */

static const char *const ERASURES[] = { "delete", "anonymise", "keep", NULL };
static const char *const CATEGORIES[] = { "identity", "contact", "content", "activity",
					  "measure",  "request", "log",     NULL };

static const struct answer REGISTERED = { "ok", "Table {table} is registered as {section}" };
static const struct answer EXISTS = { "exists", "Table {table}, or the section {section}, is "
						"registered already" };
static const struct answer NO_TABLE = { "no_such_table", "Table {table} does not exist" };
static const struct answer NO_COLUMN = { "no_such_column",
					 "Table {table} lacks a column that was named" };
static const struct answer NOT_A_TEXT = { "not_a_text",
					  "The columns that name the subject must be texts" };
static const struct answer NOT_EMPTY = {
	"not_empty", "Table {table} cannot be anonymised: name its NOT NULL columns that are no "
		     "texts with --keep"
};
static const struct answer NOT_YOURS = { "not_your_table", "Table {table} is adminex's own" };
static const struct answer NOT_REGISTERED = { "not_registered",
					      "No table is registered as {section}" };
static const struct answer UNREGISTERED = { "ok", "Section {section} is forgotten" };

static const char *
or_default(const char *text, const char *fallback)
{
	return text == NULL ? fallback : text;
}

/* A list as a text[] in the call's arena. */
static const char *
list_of(struct call *call, const char *name)
{
	const struct strvec *list = &call_arg(call, name)->list;
	struct buf array = BUF_INIT;
	const char *copy;

	array_open(&array);
	for (size_t i = 0; i < list->count; i++)
		array_add(&array, list->items[i]);
	array_close(&array);
	copy = buf_ok(&array) ? arena_strndup(&call->arena, array.data, array.len) : NULL;
	buf_free(&array);
	return copy;
}

/* The name of the table without its schema, as a word. */
static const char *
default_section(struct call *call)
{
	const char *table = call_raw(call, "table");
	const char *dot = strrchr(table, '.');
	char *word;

	if (dot != NULL)
		table = dot + 1;
	word = arena_strndup(&call->arena, table, strcspn(table, "\" "));
	for (char *c = word; c != NULL && *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	return word;
}

static enum adx_rc
check_rule(struct call *call, const char *erasure, struct adx_error *err)
{
	if (call_raw(call, "subject_column") == NULL) {
		adx_fail(err, ADX_EUSAGE, "gdpr_register needs --subject-column");
		adx_hint(err,
			 "the column with the JID, or with --host-column or --host the username");
		return ADX_EUSAGE;
	}
	if (strcmp(erasure, "delete") == 0 || call_raw(call, "reason") != NULL)
		return ADX_OK;
	adx_fail(err, ADX_EUSAGE, "gdpr_register --erasure %s needs --reason", erasure);
	adx_hint(err, "what erasure leaves, it must say why (GDPR Art. 17(3))");
	return ADX_EUSAGE;
}

static enum adx_rc
take_registered(struct call *call, struct rows *rows, struct adx_error *err)
{
	bool has;
	const struct answer *answer;
	enum adx_rc rc = rows_first(rows, &has, err);

	if (rc != ADX_OK)
		return rc;
	call->rows = call->affected = rows_get_int64(rows, "rows");
	answer = call_answer_of(call, rows_get(rows, "outcome"));
	if (answer == NULL)
		return adx_fail(err, ADX_EFAIL, "gdpr_register: unknown outcome");
	return call_answer(call, answer, err, "section",
			   or_default(call_raw(call, "section"), default_section(call)), NULL);
}

static enum adx_rc
gdpr_register(struct call *call, struct adx_error *err)
{
	const char *audit = call_audit(call, err);
	const char *erasure = or_default(call_raw(call, "erasure"), "delete");
	const char *section = or_default(call_raw(call, "section"), default_section(call));
	const char *keep = list_of(call, "keep"), *withhold = list_of(call, "withhold");
	const char *system = list_of(call, "system");
	enum adx_rc rc = check_rule(call, erasure, err);

	if (rc != ADX_OK)
		return rc;
	if (audit == NULL || section == NULL || keep == NULL || withhold == NULL || system == NULL)
		return adx_nomem(err);
	return call_ask(call, SQL_GDPR_REGISTER,
			PARAMS(audit, call_raw(call, "table"), section,
			       call_raw(call, "subject_column"), call_raw(call, "host_column"),
			       call_jid_part(call, "host"),
			       call_flag(call, "full_jid") ? "true" : "false", erasure,
			       or_default(call_raw(call, "reason"), ""),
			       or_default(call_raw(call, "category"), "content"),
			       or_default(call_raw(call, "legal_basis"), "as registered"),
			       or_default(call_raw(call, "retention"), "as registered"), keep,
			       withhold, system),
			take_registered, err);
}

static enum adx_rc
gdpr_unregister(struct call *call, struct adx_error *err)
{
	const char *audit = call_audit(call, err);

	if (audit == NULL)
		return ADX_ENOMEM;
	return call_write(call, SQL_GDPR_UNREGISTER, PARAMS(audit, call_raw(call, "section")), err);
}

/* ---- gdpr_ropa --------------------------------------------------------------------------- */

static const struct answer RECORD = { "ok", "{record}" };

enum { ROPA_FIELDS = 8 };

/* In a table of Markdown a bar ends a cell. */
static void
add_markdown(struct buf *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '|' || *text == '\\')
			buf_add_char(out, '\\');
		buf_add_char(out, *text == '\n' ? ' ' : *text);
	}
}

static void
add_heading(struct buf *out, const char *category)
{
	buf_addf(out, "\n## %s\n\n", category);
	buf_add_text(out, "| section | table | columns | whose | legal basis | kept | rules |\n"
			  "|---|---|---|---|---|---|---|\n");
}

static void
add_processing(struct buf *out, const struct cell cells[ROPA_FIELDS], char category[64])
{
	if (strcmp(category, cells[0].data) != 0) {
		snprintf(category, 64, "%s", cells[0].data);
		add_heading(out, category);
	}
	buf_add_char(out, '|');
	for (int i = 1; i < ROPA_FIELDS; i++) {
		buf_add_char(out, ' ');
		add_markdown(out, cells[i].data == NULL ? "" : cells[i].data);
		buf_add_text(out, " |");
	}
	buf_add_char(out, '\n');
}

static enum adx_rc
write_record(struct call *call, struct rows *rows, struct buf *text, struct adx_error *err)
{
	char category[64] = "";
	bool has;
	enum adx_rc rc;

	buf_add_text(text, "# Record of processing activities (GDPR Art. 30)\n\n"
			   "Made from the registry of personal data by adminex " ADMINEX_VERSION
			   ". Controller, recipients,\ntransfers and security measures are the "
			   "operator's to add.\n");
	call->writer->ops->list_begin(call->writer);
	while ((rc = rows_next(rows, &has, err)) == ADX_OK && has) {
		struct cell cells[ROPA_FIELDS];

		for (int i = 0; i < ROPA_FIELDS; i++)
			cells[i].data = rows_text(rows, i, &cells[i].len);
		call->writer->ops->row(call->writer, cells);
		call->rows++;
		add_processing(text, cells, category);
	}
	return rc == ADX_OK && !buf_ok(text) ? adx_nomem(err) : rc;
}

static enum adx_rc
take_record(struct call *call, struct rows *rows, struct adx_error *err)
{
	struct buf text = BUF_INIT;
	enum adx_rc rc = write_record(call, rows, &text, err);

	/* The text ends without a newline, as each answer does. */
	if (rc == ADX_OK && text.len > 0)
		text.data[--text.len] = '\0';
	if (rc == ADX_OK)
		rc = call_answer(call, &RECORD, err, "record", buf_text(&text), NULL);
	buf_free(&text);
	return rc;
}

static enum adx_rc
gdpr_ropa(struct call *call, struct adx_error *err)
{
	return call_ask(call, SQL_GDPR_ROPA, NO_PARAMS, take_record, err);
}

/* ---- the table --------------------------------------------------------------------------- */

#define P_OPTION(called, kind, about)                                                              \
	{                                                                                          \
		.name = called, .type = kind, .doc = about, .optional = true                       \
	}

const struct command GDPR_REGISTRY_COMMANDS[] = {
	{ .name = "gdpr_audit",
	  .submod = "gdpr",
	  .summary = "compare the registry of personal data with the tables that are there",
	  .notes =
		  "A fault makes exports and erasures incomplete: a column that is not classed, a "
		  "table that is gone, a rule that cannot be carried out; then the exit status is "
		  "1. A note is for a human to look at: a table elsewhere whose columns look as if "
		  "they held a JID or a username. The registry is the tables "
		  "adminex.personal_sections and adminex.personal_data.",
	  .result = RESULT_LIST,
	  .result_name = "findings",
	  .fields = { { "severity" }, { "table" }, { "column" }, { "finding" } },
	  .answers = { &WHOLE, &FAULTS },
	  .role = ROLE_READER,
	  .flags = CMD_WIDE,
	  .example = "",
	  .run = gdpr_audit },
	{ .name = "gdpr_register",
	  .submod = "gdpr",
	  .summary = "add a table of your own to the registry of personal data",
	  .notes =
		  "Exports and erasures include it from then on. The subject column holds a bare "
		  "JID, with --full-jid one that may have a resource; with --host-column or --host "
		  "it holds the username. All columns are the subject's and given in exports, but "
		  "for those named with --withhold (secrets, others' data) and --system (keys, "
		  "nobody's). Erasure deletes the rows; with --erasure anonymise it replaces the "
		  "name by a pseudonym and empties all columns that are not named with --keep; "
		  "with "
		  "keep it leaves them. Lists are parted by semicolons. Who exports needs SELECT "
		  "on "
		  "the table, who erases, unregisters or deletes old accounts DELETE or UPDATE.",
	  .params = { P_TEXT("table", "name, with its schema where it is not in the search path"),
		      P_OPTION("subject_column", PARAM_TEXT, "column that says whose a row is"),
		      P_OPTION("host_column", PARAM_TEXT, "column with the domain"),
		      P_OPTION("host", PARAM_DOMAIN, "domain of all its usernames"),
		      P_OPTION("full_jid", PARAM_FLAG, "JIDs may have a resource"),
		      P_OPTION("section", PARAM_TEXT, "its name in documents; else the table's"),
		      { .name = "erasure",
			.type = PARAM_WORD,
			.words = ERASURES,
			.doc = "delete, anonymise or keep",
			.optional = true },
		      P_OPTION("reason", PARAM_TEXT, "why erasure leaves something of it"),
		      { .name = "category",
			.type = PARAM_WORD,
			.words = CATEGORIES,
			.doc = "kind of data, for the record of processing",
			.optional = true },
		      P_OPTION("legal_basis", PARAM_TEXT, "GDPR Art. 6"),
		      P_OPTION("retention", PARAM_TEXT, "how long it is kept"),
		      P_OPTION("keep", PARAM_LIST, "columns that anonymising leaves"),
		      P_OPTION("withhold", PARAM_LIST, "columns that exports leave out"),
		      P_OPTION("system", PARAM_LIST, "columns that say nothing about anybody") },
	  .result = RESULT_RESTUPLE,
	  .result_name = "res",
	  .answers = { &REGISTERED, &EXISTS, &NO_TABLE, &NO_COLUMN, &NOT_A_TEXT, &NOT_EMPTY,
		       &NOT_YOURS },
	  .role = ROLE_ADMIN,
	  .flags = CMD_WRITES | CMD_WIDE,
	  .example = "shop.orders --subject-column jid --system id",
	  .run = gdpr_register },
	{ .name = "gdpr_unregister",
	  .submod = "gdpr",
	  .summary = "take a table of your own out of the registry of personal data",
	  .notes = "What it holds stays as it is.",
	  .params = { P_TEXT("section", "its name in documents") },
	  .result = RESULT_RESTUPLE,
	  .result_name = "res",
	  .answers = { &UNREGISTERED, &NOT_REGISTERED },
	  .role = ROLE_ADMIN,
	  .flags = CMD_WRITES,
	  .example = "orders",
	  .run = gdpr_unregister },
	{ .name = "gdpr_ropa",
	  .submod = "gdpr",
	  .summary = "print the record of processing activities (GDPR Art. 30)",
	  .notes = "Markdown in the text format; --format json, ndjson and csv have the same rows "
		   "for machines.",
	  .result = RESULT_RESTUPLE,
	  .result_name = "processing",
	  .fields = { { "category" },
		      { "section" },
		      { "table" },
		      { "columns" },
		      { "whose" },
		      { "legal_basis" },
		      { "retention" },
		      { "rules" } },
	  .answers = { &RECORD },
	  .role = ROLE_READER,
	  .limited_by = LIMITED_NOT_AT_ALL,
	  .flags = CMD_LIST_TOO | CMD_WIDE,
	  .example = "",
	  .run = gdpr_ropa },
	{ 0 },
};
