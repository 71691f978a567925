#include "base/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

struct arena_block {
	struct arena_block *next;
	size_t size;
	alignas(max_align_t) unsigned char bytes[];
};

void *
arena_alloc(struct arena *arena, size_t size)
{
	struct arena_block *block = malloc(sizeof(*block) + size);

	if (block == NULL)
		return NULL;
	block->size = size;
	block->next = arena->blocks;
	arena->blocks = block;
	return block->bytes;
}

char *
arena_strndup(struct arena *arena, const char *s, size_t len)
{
	char *copy = arena_alloc(arena, len + 1);

	if (copy == NULL)
		return NULL;
	memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

void
arena_free(struct arena *arena)
{
	while (arena->blocks != NULL) {
		struct arena_block *block = arena->blocks;

		arena->blocks = block->next;
		explicit_bzero(block->bytes, block->size);
		free(block);
	}
}
