#include "command/page.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "command/call.h"

/* ---- keys -------------------------------------------------------------------------------- */

/* Where the parts of "user@host/resource" lie; a part that is not there has no text. */
struct parts {
	struct {
		const char *text;
		size_t len;
	} user, host, resource;
};

static struct parts
split(const char *jid)
{
	size_t bare = strcspn(jid, "/");
	const char *at = memchr(jid, '@', bare);
	const char *host = at == NULL ? jid : at + 1;
	struct parts p = { .host = { host, bare - (size_t)(host - jid) } };

	if (at != NULL) {
		p.user.text = jid;
		p.user.len = (size_t)(at - jid);
	}
	if (jid[bare] == '/') {
		p.resource.text = jid + bare + 1;
		p.resource.len = strlen(p.resource.text);
	}
	return p;
}

static bool
is_part(const char *text, size_t len)
{
	return text != NULL && len > 0 && len <= JID_PART_MAX;
}

/* Has it the parts that this key has, and no other? */
static bool
fits(enum page_key key, const char *jid, const struct parts *p)
{
	bool resource = key == PAGES_BY_SESSION;
	bool user = resource || key == PAGES_BY_ACCOUNT;

	/* A contact is as somebody once wrote it: any bare JID that the table takes. */
	if (key == PAGES_BY_CONTACT)
		return jid[0] != '\0' && strlen(jid) <= JID_BARE_MAX && p->resource.text == NULL;
	return is_part(p->host.text, p->host.len) &&
	       memchr(p->host.text, '@', p->host.len) == NULL &&
	       (user ? is_part(p->user.text, p->user.len) : p->user.text == NULL) &&
	       (resource ? is_part(p->resource.text, p->resource.len) : p->resource.text == NULL);
}

static const char *
keep(struct arena *arena, const char *text, size_t len)
{
	return text == NULL ? "" : arena_strndup(arena, text, len);
}

enum adx_rc
page_cursor_parse(enum page_key key, const char *text, struct arena *arena, struct page_cursor *out,
		  struct adx_error *err)
{
	struct parts p = split(text);

	if (!text_is_utf8(text, strlen(text)) || !fits(key, text, &p))
		return adx_fail(
			err, ADX_EINVAL,
			"'after' must be what the page before gave as next, %s, not '%.80s'",
			command_page_form(&(struct command){ .pages = key }), text);
	out->jid = keep(arena, text, strlen(text));
	out->user = keep(arena, p.user.text, p.user.len);
	out->host = keep(arena, p.host.text, p.host.len);
	out->resource = keep(arena, p.resource.text, p.resource.len);
	if (out->jid == NULL || out->user == NULL || out->host == NULL || out->resource == NULL)
		return adx_nomem(err);
	return ADX_OK;
}

void
page_quote(const char *key, struct buf *out)
{
	static const char PLAIN[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "@%_+=:,./-";

	if (key[strspn(key, PLAIN)] == '\0') {
		buf_add_text(out, key);
		return;
	}
	buf_add_char(out, '\'');
	for (; *key != '\0'; key++) {
		if (*key == '\'')
			buf_add_text(out, "'\\''");
		else
			buf_add_char(out, *key);
	}
	buf_add_char(out, '\'');
}

/* ---- the page of a call ------------------------------------------------------------------ */

bool
page_wanted(const struct call *call)
{
	return call->options->limit > 0 || call->options->after != NULL;
}

const char *
page_fetch(const struct call *call, char text[24])
{
	if (call->options->limit == 0)
		return NULL;
	snprintf(text, 24, "%" PRId64, call->options->limit + 1);
	return text;
}

/* A key of another host would begin the list somewhere else, without a word. */
static enum adx_rc
check_host(const struct call *call, struct adx_error *err)
{
	const struct value *host = call_find(call, "host");
	enum page_key key = call->command->pages;

	if (host == NULL || host->raw == NULL || call->early != NULL ||
	    (key != PAGES_BY_ACCOUNT && key != PAGES_BY_SESSION) ||
	    strcmp(call->page.after.host, host->prepared) == 0)
		return ADX_OK;
	return adx_fail(err, ADX_EINVAL, "'after' is of host '%.80s', the list is of '%.80s'",
			call->page.after.host, host->prepared);
}

enum adx_rc
page_begin(struct call *call, struct adx_error *err)
{
	const struct run_options *o = call->options;
	enum adx_rc rc;

	call->page.after = (struct page_cursor){ "", "", "", "" };
	if (o == NULL || (o->limit == 0 && o->after == NULL))
		return ADX_OK;
	if (call->command->pages == PAGES_NONE)
		return adx_fail(err, ADX_EUSAGE, "%s has no pages: it takes no limit and no after",
				call->command->name);
	if (o->limit < 0 || o->limit > PAGE_LIMIT_MAX)
		return adx_fail(err, ADX_EINVAL, "'limit' must be between 1 and %" PRId64,
				PAGE_LIMIT_MAX);
	if (o->after == NULL)
		return ADX_OK;
	rc = page_cursor_parse(call->command->pages, o->after, &call->arena, &call->page.after,
			       err);
	return rc == ADX_OK ? check_host(call, err) : rc;
}

/* Rows with the same key are one item, whole in one page. */
bool
page_takes(struct call *call, const struct rows *rows, int cursor)
{
	struct page *p = &call->page;
	const char *key;
	size_t len;

	if (call->options->limit == 0)
		return true;
	key = rows_text(rows, cursor, &len);
	if (key == NULL || p->more)
		return false;
	if (p->items > 0 && p->last.len == len && memcmp(buf_text(&p->last), key, len) == 0)
		return true;
	p->more = p->items == call->options->limit;
	if (p->more)
		return false;
	p->items++;
	buf_clear(&p->last);
	buf_add(&p->last, key, len);
	if (!buf_ok(&p->last))
		out_fail(call->writer->out, ENOMEM);
	return true;
}

const char *
page_next(const struct call *call)
{
	return call->page.more && call_said_yes(call) ? buf_text(&call->page.last) : NULL;
}

void
page_forget(struct call *call)
{
	buf_clear(&call->page.last);
	call->page.items = 0;
	call->page.more = false;
}
