/* What the files of src/cache/ and its test share. */
#ifndef ADMINEX_CACHE_PRIV_H
#define ADMINEX_CACHE_PRIV_H

#include <stdint.h>

#include "cache/cache.h"

/* Replace the clock (milliseconds that never go back), before the first lookup. */
void cache_set_clock(struct cache *cache, uint64_t (*clock)(void));

#endif
