/*
 * How often a password may be tried: a bucket of tokens for each account and caller, which fills
 * again with time. Memory is bounded: of many buckets that fall together the one that was left
 * alone longest makes room.
 */
#ifndef ADMINEX_THROTTLE_H
#define ADMINEX_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

struct throttle;

/* NULL when out of memory. */
struct throttle *throttle_new(void);
void throttle_free(struct throttle *throttle);

/*
 * Take a token of the bucket of that name, which holds `per_minute` and gets as many a minute. 0:
 * taken; else in how many seconds there will be one. `now` is in milliseconds of a clock that only
 * goes forward.
 */
unsigned throttle_take(struct throttle *throttle, const char *const name[], unsigned parts,
		       unsigned per_minute, uint64_t now);

#endif
