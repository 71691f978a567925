/*
 * What erasing a subject would do, section by section, as the registry has it; and the token that
 * stands for it, so that what is carried out later can be held against what somebody looked at.
 */
#ifndef ADMINEX_ERASURE_PLAN_H
#define ADMINEX_ERASURE_PLAN_H

#include "base/buf.h"
#include "submod/params.h"

struct plan_row {
	const char *section, *table, *action, *reason;
	int64_t rows;
	int64_t done; /* what was really done; -1: nothing yet */
};

/* Everything lies in the call's arena. */
struct plan {
	const char *jid;      /* of the subject */
	const char *registry; /* its version */
	struct plan_row *rows;
	size_t count, cap;
};

/* Is it something that is done, and not only said? */
bool plan_row_erases(const struct plan_row *row);

/* Ask what it would be; jid and registry are in the arena. */
ADX_MUST_CHECK enum adx_rc plan_read(struct call *call, const char *jid, const char *registry,
				     struct plan *out, struct adx_error *err);
/* How many rows have that action; NULL: how many are erased. */
int64_t plan_total(const struct plan *plan, const char *action);
/* Note what was done in a section. False when there is no such section in the plan. */
bool plan_note(struct plan *plan, const char *section, int64_t rows);
/* "roster: planned 20, now 21; ...": add where what was done is not what was planned. */
void plan_add_broken(const struct plan *plan, struct buf *out);
/* The rows, as the command's list. */
void plan_write(struct call *call, const struct plan *plan);

/*
 * The token, which says all there is to know by itself: eight hexadecimal digits that stand for the
 * subject, eight for the sections of the registry, then the rows of each, parted by '-'.
 */
ADX_MUST_CHECK enum adx_rc plan_token(const struct plan *plan, struct buf *out,
				      struct adx_error *err);

enum plan_match {
	PLAN_SAME,
	PLAN_MOVED, /* other rows, or another registry: *moved says which */
	PLAN_OTHER, /* of another subject */
	PLAN_NO_TOKEN,
};

ADX_MUST_CHECK enum adx_rc plan_compare(const struct plan *plan, const char *token,
					enum plan_match *match, struct buf *moved,
					struct adx_error *err);

#endif
