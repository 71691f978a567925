#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Most requests fit one; and with its head a block is one that malloc() keeps at hand. */
enum { BLOCK_BYTES = 960 };

struct arena_block {
	struct arena_block *next;
	size_t size, used;
	alignas(max_align_t) unsigned char bytes[];
};

static struct arena_block *
add_block(struct arena *arena, size_t least)
{
	size_t size = least < BLOCK_BYTES ? BLOCK_BYTES : least;
	struct arena_block *block = malloc(sizeof(*block) + size);

	if (block == NULL)
		return NULL;
	block->size = size;
	block->used = 0;
	block->next = arena->blocks;
	arena->blocks = block;
	return block;
}

void *
arena_alloc(struct arena *arena, size_t size)
{
	const size_t step = alignof(max_align_t);
	struct arena_block *block = arena->blocks;
	size_t whole;

	if (size > SIZE_MAX - 2 * sizeof(*block))
		return NULL;
	whole = (size + step - 1) / step * step;
	if (block == NULL || block->size - block->used < whole)
		block = add_block(arena, whole);
	if (block == NULL)
		return NULL;
	block->used += whole;
	return block->bytes + block->used - whole;
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

static void
wipe(struct arena_block *block)
{
	explicit_bzero(block->bytes, block->used);
	block->used = 0;
}

static void
free_blocks(struct arena_block *block)
{
	while (block != NULL) {
		struct arena_block *next = block->next;

		wipe(block);
		free(block);
		block = next;
	}
}

void
arena_reset(struct arena *arena)
{
	struct arena_block *kept = arena->blocks;

	if (kept == NULL || kept->size > BLOCK_BYTES) {
		arena_free(arena);
		return;
	}
	free_blocks(kept->next);
	kept->next = NULL;
	wipe(kept);
}

void
arena_free(struct arena *arena)
{
	free_blocks(arena->blocks);
	arena->blocks = NULL;
}
