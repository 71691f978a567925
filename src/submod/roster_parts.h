/* What the files of submod roster share: handlers, and the patterns of process_rosteritems. */
#ifndef ADMINEX_ROSTER_PARTS_H
#define ADMINEX_ROSTER_PARTS_H

#include "base/strvec.h"
#include "command/call.h"

/* roster_match.c */
extern const struct answer ROSTER_BAD_PATTERN;
extern const struct answer ROSTER_BAD_WORD;
enum adx_rc roster_process(struct call *call, struct adx_error *err);
bool roster_process_only_reads(const struct call *call);

/* The letter of table roster_items for none, from, to or both; NULL for any other word. */
const char *roster_subscription_letter(const char *word);

/* roster_push.c */
enum adx_rc roster_push(struct call *call, struct adx_error *err);
enum adx_rc roster_push_all(struct call *call, struct adx_error *err);
enum adx_rc roster_push_alltoall(struct call *call, struct adx_error *err);

/*
 * roster_pattern.c: split a list of patterns at ':', but not at one that is escaped (\:), in a
 * bracket expression ([[:alpha:]]) or after "(?" (as in (?:a|b)).
 */
void roster_pattern_split(const char *list, struct strvec *patterns);
/*
 * The two halves of a pattern for a bare JID, each anchored to the whole part. The first '@'
 * outside brackets parts them; without one the pattern is for a bare domain.
 */
struct roster_pattern {
	char *local;
	char *domain;
};
ADX_MUST_CHECK enum adx_rc roster_pattern_anchor(const char *pattern, struct roster_pattern *out,
						 struct adx_error *err);
void roster_pattern_free(struct roster_pattern *pattern);

#endif
