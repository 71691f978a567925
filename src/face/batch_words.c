/*
 * A line as a POSIX shell reads words (Shell Command Language, 2.2 "Quoting"), but with nothing to
 * expand: '$', '`', '*' and '~' stand for themselves, and there are no operators. A password may
 * have any of them.
 */
#include <string.h>

#include "face/batch.h"

struct words {
	const char *at, *end;
	struct buf word;
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static enum adx_rc
unclosed(char quote, struct adx_error *err)
{
	return adx_fail(err, ADX_EUSAGE, "a quote (%c) is not closed", quote);
}

static enum adx_rc
take_single(struct words *w, struct adx_error *err)
{
	const char *close = memchr(w->at, '\'', (size_t)(w->end - w->at));

	if (close == NULL)
		return unclosed('\'', err);
	buf_add(&w->word, w->at, (size_t)(close - w->at));
	w->at = close + 1;
	return ADX_OK;
}

static enum adx_rc
take_double(struct words *w, struct adx_error *err)
{
	while (w->at < w->end && *w->at != '"') {
		if (*w->at == '\\' && w->at + 1 < w->end && memchr("$`\"\\", w->at[1], 4) != NULL)
			w->at++;
		buf_add_char(&w->word, *w->at++);
	}
	if (w->at == w->end)
		return unclosed('"', err);
	w->at++;
	return ADX_OK;
}

static enum adx_rc
take_escaped(struct words *w, struct adx_error *err)
{
	if (w->at == w->end)
		return adx_fail(err, ADX_EUSAGE, "the line ends with a backslash");
	buf_add_char(&w->word, *w->at++);
	return ADX_OK;
}

static enum adx_rc
take_word(struct words *w, struct adx_error *err)
{
	enum adx_rc rc = ADX_OK;

	buf_clear(&w->word);
	while (rc == ADX_OK && w->at < w->end && !is_blank(*w->at)) {
		char c = *w->at++;

		if (c == '\'')
			rc = take_single(w, err);
		else if (c == '"')
			rc = take_double(w, err);
		else if (c == '\\')
			rc = take_escaped(w, err);
		else
			buf_add_char(&w->word, c);
	}
	return rc == ADX_OK && !buf_ok(&w->word) ? adx_nomem(err) : rc;
}

enum adx_rc
batch_words_parse(const char *text, size_t len, struct arena *arena, struct batch_line *out,
		  struct adx_error *err)
{
	struct words w = { text, text + len, BUF_INIT };
	enum adx_rc rc = ADX_OK;

	for (;;) {
		while (w.at < w.end && is_blank(*w.at))
			w.at++;
		if (rc != ADX_OK || w.at == w.end)
			break;
		rc = take_word(&w, err);
		if (rc == ADX_OK)
			rc = batch_line_add(out, arena, buf_text(&w.word), w.word.len, err);
	}
	buf_wipe(&w.word);
	return rc;
}
