/*
 * Lists in pages. A page is asked for by run_options: how many items at most, and the key it begins
 * behind, which is what the page before it said (the member "next" of its reply). Pages go by key,
 * not by number: what comes or goes between two of them moves nothing else, so every row that was
 * there all along is in exactly one page.
 */
#ifndef ADMINEX_PAGE_H
#define ADMINEX_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adminex/error.h"
#include "base/arena.h"
#include "base/buf.h"
#include "command/command.h"

struct call;
struct rows;

#define PAGE_LIMIT_MAX INT64_C(1000000000)

/* A key, taken apart: "" where there is none of that part, and everywhere at the start. */
struct page_cursor {
	const char *jid; /* whole */
	const char *user, *host, *resource;
};

/* The page that a call is asked for, and how far its reply has come. */
struct page {
	struct page_cursor after;
	struct buf last; /* key of the last item taken */
	int64_t items;
	bool more; /* there was an item beyond the limit */
};

/*
 * Take a key apart, into the arena. It is what the database holds, so nothing is prepared: the
 * parts are bytes. ADX_EINVAL when it has not the form of that key.
 */
ADX_MUST_CHECK enum adx_rc page_cursor_parse(enum page_key key, const char *text,
					     struct arena *arena, struct page_cursor *out,
					     struct adx_error *err);
/* A key as a word for a shell, into out. */
void page_quote(const char *key, struct buf *out);

/* ---- for handlers ------------------------------------------------------------------------ */

/* Is a page asked for? Then the handler asks the statement for pages. */
bool page_wanted(const struct call *call);
/* What that statement takes as its limit: one item more than the page has; NULL is all. */
const char *page_fetch(const struct call *call, char text[24]);

/* ---- for what runs calls ----------------------------------------------------------------- */

/* Check what the options ask for: the command may have no pages, the key may not fit it. */
ADX_MUST_CHECK enum adx_rc page_begin(struct call *call, struct adx_error *err);
/* Does this row belong to the page? Always, when no page is asked for. */
bool page_takes(struct call *call, const struct rows *rows, int cursor);
/* What the next page begins behind; NULL when there is no more. */
const char *page_next(const struct call *call);
/* Before the call is run once more. */
void page_forget(struct call *call);

#endif
