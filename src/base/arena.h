/* Memory that lives for one request and is released in one place. */
#ifndef ADMINEX_ARENA_H
#define ADMINEX_ARENA_H

#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *blocks;
};

#define ARENA_INIT                                                                                 \
	{                                                                                          \
		NULL                                                                               \
	}

/* NULL when out of memory. Aligned for any type. */
void *arena_alloc(struct arena *arena, size_t size);
/* A NUL-terminated copy; NULL when out of memory. */
char *arena_strndup(struct arena *arena, const char *s, size_t len);
/* Back to an empty one, that keeps a block: for the next request. Wipes as arena_free(). */
void arena_reset(struct arena *arena);
/* Wipes everything first: requests carry passwords. */
void arena_free(struct arena *arena);

#endif
