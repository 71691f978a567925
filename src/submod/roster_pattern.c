/* Regular expressions for JIDs, taken apart as text; PostgreSQL compiles and runs them. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "submod/roster_parts.h"

/* The end of the bracket expression that begins at p, or the end of the text. */
static const char *
skip_bracket(const char *p)
{
	p++;
	if (*p == '^')
		p++;
	if (*p == ']')
		p++;
	while (*p != '\0' && *p != ']') {
		/* [:class:], [.element.] and [=class=] have a ']' of their own. */
		if (*p == '[' && p[1] != '\0' && strchr(":.=", p[1]) != NULL) {
			char kind = p[1];

			p += 2;
			while (*p != '\0' && !(*p == kind && p[1] == ']'))
				p++;
			if (*p == '\0')
				return p;
			p += 2;
			continue;
		}
		if (*p == '\\' && p[1] != '\0')
			p++;
		p++;
	}
	return *p == '\0' ? p : p + 1;
}

/* The first `stop` that stands for itself, or the end. */
static const char *
find_plain(const char *p, char stop)
{
	while (*p != '\0' && *p != stop) {
		if (*p == '[')
			p = skip_bracket(p);
		else if (*p == '\\' && p[1] != '\0')
			p += 2;
		else if (stop == ':' && strncmp(p, "(?:", 3) == 0)
			p += 3;
		else
			p++;
	}
	return p;
}

void
roster_pattern_split(const char *list, struct strvec *patterns)
{
	while (*list != '\0') {
		const char *end = find_plain(list, ':');

		if (end > list)
			strvec_add(patterns, list, (size_t)(end - list));
		list = *end == '\0' ? end : end + 1;
	}
}

/* The caller frees it; NULL when out of memory. */
static char *
anchor(const char *half, size_t len)
{
	struct buf out = BUF_INIT;

	buf_add_text(&out, "^(?:");
	buf_add(&out, half, len);
	buf_add_text(&out, ")$");
	if (!buf_ok(&out))
		buf_free(&out);
	return out.data;
}

enum adx_rc
roster_pattern_anchor(const char *pattern, struct roster_pattern *out, struct adx_error *err)
{
	const char *at = find_plain(pattern, '@');
	const char *domain = *at == '@' ? at + 1 : pattern;

	out->local = anchor(pattern, *at == '@' ? (size_t)(at - pattern) : 0);
	out->domain = anchor(domain, strlen(domain));
	if (out->local != NULL && out->domain != NULL)
		return ADX_OK;
	roster_pattern_free(out);
	return adx_nomem(err);
}

void
roster_pattern_free(struct roster_pattern *pattern)
{
	free(pattern->local);
	free(pattern->domain);
	pattern->local = NULL;
	pattern->domain = NULL;
}
