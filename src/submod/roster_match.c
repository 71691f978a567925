/* process_rosteritems: roster items by subscription, ask and regular expressions. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "db/array.h"
#include "submod/params.h"
#include "submod/roster_parts.h"

const struct answer ROSTER_BAD_PATTERN = { "bad_pattern", "Wrong regexp {regexp}: {reason}" };
const struct answer ROSTER_BAD_WORD = { "bad_word", "Error: {what} must be one of {words}" };

struct word {
	const char *word;
	const char *letter;
};

static const struct word SUBSCRIPTIONS[] = {
	{ "none", "N" }, { "from", "F" }, { "to", "T" }, { "both", "B" }, { NULL, NULL }
};
static const struct word ASKS[] = { { "none", "N" }, { "out", "O" },       { "in", "I" },
				    { "both", "B" }, { "subscribe", "S" }, { "unsubscribe", "U" },
				    { NULL, NULL } };

/* The parameters of roster_match; a set that is not `given` is NULL, any. */
struct filter {
	struct buf subscriptions, asks;
	struct buf locals, domains, contact_locals, contact_domains;
};

static const char *
set(const struct buf *array)
{
	return array->len == 0 ? NULL : buf_text(array);
}

static void
filter_free(struct filter *f)
{
	buf_free(&f->subscriptions);
	buf_free(&f->asks);
	buf_free(&f->locals);
	buf_free(&f->domains);
	buf_free(&f->contact_locals);
	buf_free(&f->contact_domains);
}

static enum adx_rc
say_bad_word(struct call *call, const char *what, const struct word *words, struct adx_error *err)
{
	struct buf list = BUF_INIT;
	enum adx_rc rc;

	for (; words->word != NULL; words++)
		buf_addf(&list, "%s, ", words->word);
	buf_add_text(&list, "any");
	rc = call_answer(call, &ROSTER_BAD_WORD, err, "what", what, "words", buf_text(&list), NULL);
	buf_free(&list);
	return rc;
}

static const char *
letter_of(const struct word *words, const char *word, size_t len)
{
	for (; words->word != NULL; words++)
		if (strlen(words->word) == len && memcmp(words->word, word, len) == 0)
			return words->letter;
	return NULL;
}

const char *
roster_subscription_letter(const char *word)
{
	return letter_of(SUBSCRIPTIONS, word, strlen(word));
}

/* "none:from" becomes {"N","F"}; "any" anywhere leaves the set empty. Answers on an unknown word.
 */
static enum adx_rc
read_words(struct call *call, const char *param, const struct word *words, struct buf *letters,
	   struct adx_error *err)
{
	bool any = false;

	array_open(letters);
	for (const char *at = call_raw(call, param);;) {
		size_t len = strcspn(at, ":");
		const char *letter = letter_of(words, at, len);

		if (len == 3 && memcmp(at, "any", 3) == 0)
			any = true;
		else if (letter == NULL)
			return say_bad_word(call, param, words, err);
		else
			array_add(letters, letter);
		if (at[len] == '\0')
			break;
		at += len + 1;
	}
	array_close(letters);
	if (any)
		buf_clear(letters);
	return buf_ok(letters) ? ADX_OK : adx_nomem(err);
}

/* Ask PostgreSQL whether it takes a pattern; on a no, give the command's answer. */
static enum adx_rc
check_pattern(struct call *call, const char *pattern, const struct roster_pattern *anchored,
	      struct adx_error *err)
{
	static const char PREFIX[] = "invalid regular expression: ";
	char reason[sizeof(err->message)];
	const char *text;
	enum adx_rc rc = stmt_exec(call->db, SQL_ROSTER_PATTERN_CHECK,
				   PARAMS(pattern, anchored->domain), err);

	if (rc == ADX_OK)
		rc = stmt_exec(call->db, SQL_ROSTER_PATTERN_CHECK, PARAMS(pattern, anchored->local),
			       err);
	if (rc == ADX_OK || strcmp(err->sqlstate, "2201B") != 0)
		return rc;
	text = strstr(err->message, PREFIX);
	snprintf(reason, sizeof(reason), "%s", text == NULL ? err->message : text + strlen(PREFIX));
	return call_answer(call, &ROSTER_BAD_PATTERN, err, "regexp", pattern, "reason", reason,
			   NULL);
}

static enum adx_rc
add_pattern(struct call *call, const char *pattern, struct buf *locals, struct buf *domains,
	    struct adx_error *err)
{
	struct roster_pattern anchored;
	enum adx_rc rc = roster_pattern_anchor(pattern, &anchored, err);

	if (rc != ADX_OK)
		return rc;
	rc = check_pattern(call, pattern, &anchored, err);
	array_add(locals, anchored.local);
	array_add(domains, anchored.domain);
	roster_pattern_free(&anchored);
	return rc;
}

static enum adx_rc
read_patterns(struct call *call, const char *param, struct buf *locals, struct buf *domains,
	      struct adx_error *err)
{
	struct strvec patterns = STRVEC_INIT;
	enum adx_rc rc = ADX_OK;

	roster_pattern_split(call_raw(call, param), &patterns);
	array_open(locals);
	array_open(domains);
	for (size_t i = 0; i < patterns.count && rc == ADX_OK && call->answer == NULL; i++)
		if (strcmp(patterns.items[i], "any") != 0)
			rc = add_pattern(call, patterns.items[i], locals, domains, err);
	array_close(locals);
	array_close(domains);
	if (strvec_has(&patterns, "any")) {
		buf_clear(locals);
		buf_clear(domains);
	}
	if (rc == ADX_OK && (!strvec_ok(&patterns) || !buf_ok(locals) || !buf_ok(domains)))
		rc = adx_nomem(err);
	strvec_free(&patterns);
	return rc;
}

/* Everything is checked before a row is read; call->answer is set when something is wrong. */
static enum adx_rc
read_filter(struct call *call, struct filter *f, struct adx_error *err)
{
	enum adx_rc rc = read_words(call, "subs", SUBSCRIPTIONS, &f->subscriptions, err);

	if (rc == ADX_OK && call->answer == NULL)
		rc = read_words(call, "asks", ASKS, &f->asks, err);
	if (rc == ADX_OK && call->answer == NULL)
		rc = read_patterns(call, "users", &f->locals, &f->domains, err);
	if (rc == ADX_OK && call->answer == NULL)
		rc = read_patterns(call, "contacts", &f->contact_locals, &f->contact_domains, err);
	return rc;
}

static void
say_part(struct call *call, const char *text)
{
	call->writer->ops->string_part(call->writer, text, strlen(text));
}

static void
say_match(struct call *call, const struct rows *rows)
{
	say_part(call, "Matches: ");
	say_part(call, rows_get(rows, "username"));
	say_part(call, "@");
	say_part(call, rows_get(rows, "host"));
	say_part(call, " ");
	say_part(call, rows_get(rows, "jid"));
	say_part(call, "\n");
	call->rows++;
}

/*
 * The head waits for the first row: a statement that fails before it, on its time limit for
 * instance, gets a whole reply that says so, not one that is cut off.
 */
static enum adx_rc
say_matches(struct call *call, const char *head, struct rows *rows, struct adx_error *err)
{
	bool has = false;
	enum adx_rc rc = rows_next(rows, &has, err);

	if (rc != ADX_OK)
		return rc;
	call->writer->ops->string_begin(call->writer);
	say_part(call, head);
	while (rc == ADX_OK && has) {
		say_match(call, rows);
		rc = call_output_ok(call, err);
		if (rc == ADX_OK)
			rc = rows_next(rows, &has, err);
	}
	if (rc == ADX_OK)
		call->writer->ops->string_end(call->writer);
	return rc;
}

static enum adx_rc
open_matches(struct call *call, const struct filter *f, struct rows **rows, struct adx_error *err)
{
	const char *audit = call_audit(call, err);

	if (audit == NULL)
		return ADX_ENOMEM;
	if (roster_process_only_reads(call))
		return stmt_open(call->db, SQL_ROSTER_MATCH,
				 PARAMS(set(&f->subscriptions), set(&f->asks), set(&f->locals),
					set(&f->domains), set(&f->contact_locals),
					set(&f->contact_domains)),
				 rows, err);
	return stmt_open(call->db, SQL_ROSTER_MATCH_DELETE,
			 PARAMS(audit, set(&f->subscriptions), set(&f->asks), set(&f->locals),
				set(&f->domains), set(&f->contact_locals),
				set(&f->contact_domains)),
			 rows, err);
}

static enum adx_rc
process(struct call *call, const struct filter *f, struct adx_error *err)
{
	static const char EMPTY[] = "Roster table is empty.\n";
	struct rows *rows = NULL;
	char head[80];
	int64_t total;
	enum adx_rc rc = stmt_int64(call->db, SQL_ROSTER_COUNT, NO_PARAMS, &total, err);

	if (rc == ADX_OK && total == 0)
		return call_string(call, EMPTY, strlen(EMPTY));
	snprintf(head, sizeof(head), "There are %" PRId64 " roster items in total.\n", total);
	if (rc == ADX_OK)
		rc = open_matches(call, f, &rows, err);
	if (rc == ADX_OK)
		rc = say_matches(call, head, rows, err);
	rows_close(rows);
	if (rc != ADX_OK)
		return rc;
	call->affected = roster_process_only_reads(call) ? 0 : call->rows;
	return call_answer(call, &ANSWER_OK, err, NULL);
}

bool
roster_process_only_reads(const struct call *call)
{
	return strcmp(call_raw(call, "action"), "list") == 0;
}

enum adx_rc
roster_process(struct call *call, struct adx_error *err)
{
	struct filter f = { BUF_INIT, BUF_INIT, BUF_INIT, BUF_INIT, BUF_INIT, BUF_INIT };
	const char *action = call_raw(call, "action");
	enum adx_rc rc;

	if (strcmp(action, "list") != 0 && strcmp(action, "delete") != 0)
		return call_answer(call, &ROSTER_BAD_WORD, err, "what", "action", "words",
				   "list, delete", NULL);
	db_limit_statements(call->db, call->config->pattern_timeout * 1000);
	rc = read_filter(call, &f, err);
	if (rc == ADX_OK && call->answer == NULL)
		rc = process(call, &f, err);
	filter_free(&f);
	return rc;
}
