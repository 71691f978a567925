#include "cache/hash.h"

#include <endian.h>
#include <string.h>
#include <sys/random.h>

bool
hash_seed_random(struct hash_seed *out)
{
	return getrandom(out, sizeof(*out), 0) == (ssize_t)sizeof(*out);
}

static uint64_t
rotate(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static void
stir(uint64_t v[4], int rounds)
{
	while (rounds-- > 0) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] = rotate(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] = rotate(v[2], 32);
	}
}

static void
take_in(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	stir(v, 2);
	v[0] ^= word;
}

uint64_t
hash_bytes(const struct hash_seed *seed, const void *data, size_t len)
{
	uint64_t v[4] = { seed->k0 ^ 0x736f6d6570736575, seed->k1 ^ 0x646f72616e646f6d,
			  seed->k0 ^ 0x6c7967656e657261, seed->k1 ^ 0x7465646279746573 };
	const unsigned char *at = data, *end = at + (len & ~(size_t)7);
	uint64_t word, last = 0;

	for (; at < end; at += sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		take_in(v, le64toh(word));
	}
	memcpy(&last, at, len & 7);
	take_in(v, le64toh(last) | (uint64_t)len << 56);
	v[2] ^= 0xff;
	stir(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
