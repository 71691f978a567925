#include "daemon/throttle.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

enum { SETS = 8192, WAYS = 4, MINUTE = 60000 };

struct bucket {
	uint64_t name;   /* keyed digest; 0: free */
	uint64_t filled; /* when `tokens` was true */
	double tokens;
};

struct throttle {
	pthread_mutex_t lock;
	unsigned char key[32]; /* names come from outside: nobody can choose where they fall */
	struct bucket buckets[SETS][WAYS];
};

struct throttle *
throttle_new(void)
{
	struct throttle *throttle = calloc(1, sizeof(*throttle));

	if (throttle == NULL || RAND_bytes(throttle->key, sizeof(throttle->key)) != 1) {
		free(throttle);
		return NULL;
	}
	pthread_mutex_init(&throttle->lock, NULL);
	return throttle;
}

void
throttle_free(struct throttle *throttle)
{
	if (throttle == NULL)
		return;
	pthread_mutex_destroy(&throttle->lock);
	free(throttle);
}

/* Each part with its end, so that ("ab", "c") is not ("a", "bc"). 0 when out of memory. */
static uint64_t
digest(const struct throttle *throttle, const char *const name[], unsigned parts)
{
	unsigned char out[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint64_t value = 0;

	if (ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
	    EVP_DigestUpdate(ctx, throttle->key, sizeof(throttle->key)) == 1) {
		for (unsigned i = 0; i < parts; i++)
			EVP_DigestUpdate(ctx, name[i], strlen(name[i]) + 1);
		if (EVP_DigestFinal_ex(ctx, out, NULL) == 1)
			memcpy(&value, out, sizeof(value));
	}
	EVP_MD_CTX_free(ctx);
	return value;
}

static struct bucket *
find(struct throttle *throttle, uint64_t name, unsigned per_minute, uint64_t now)
{
	struct bucket *set = throttle->buckets[name % SETS];
	struct bucket *oldest = &set[0];

	for (int i = 0; i < WAYS; i++) {
		if (set[i].name == name)
			return &set[i];
		if (set[i].filled < oldest->filled)
			oldest = &set[i];
	}
	*oldest = (struct bucket){ name, now, per_minute };
	return oldest;
}

unsigned
throttle_take(struct throttle *throttle, const char *const name[], unsigned parts,
	      unsigned per_minute, uint64_t now)
{
	uint64_t key = digest(throttle, name, parts);
	unsigned wait = 0;
	struct bucket *b;

	pthread_mutex_lock(&throttle->lock);
	b = find(throttle, key, per_minute, now);
	b->tokens += (double)(now - b->filled) * per_minute / MINUTE;
	if (b->tokens > per_minute)
		b->tokens = per_minute;
	b->filled = now;
	if (b->tokens >= 1)
		b->tokens -= 1;
	else
		wait = 1 + (unsigned)((1 - b->tokens) * 60 / per_minute);
	pthread_mutex_unlock(&throttle->lock);
	return wait;
}
