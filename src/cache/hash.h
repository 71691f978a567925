/*
 * SipHash-2-4 (Aumasson and Bernstein, 2012): names come from outside, and whoever chooses them
 * cannot choose where they fall without the seed.
 */
#ifndef ADMINEX_HASH_H
#define ADMINEX_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hash_seed {
	uint64_t k0, k1;
};

/* A seed that nobody knows; false when the system has none. */
bool hash_seed_random(struct hash_seed *out);
uint64_t hash_bytes(const struct hash_seed *seed, const void *data, size_t len);

#endif
