/* A progress line on a terminal, and nothing anywhere else. */
#ifndef ADMINEX_PROGRESS_H
#define ADMINEX_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct progress {
	const char *label; /* "import" */
	const char *unit;  /* "accounts" */
	bool shown;        /* standard error is a terminal */
	bool drawn;
	struct timespec began, last;
};

void progress_begin(struct progress *p, const char *label, const char *unit);
/*
 * `count` units so far: draws them with their rate, and the share of `done` in `all` where `all` is
 * known (not 0). Seldom enough to be called for every unit.
 */
void progress_update(struct progress *p, int64_t count, uint64_t done, uint64_t all);
/* Take the line away: before anything else is said on standard error, and at the end. */
void progress_clear(struct progress *p);

#endif
