/*
 * Payloads of notifications, which anybody in the database can send. Whatever comes, something is
 * dropped or tokens are read anew; what was read is written again and says no less.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/drops.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* assert() would vanish with NDEBUG. */
static void
must(bool truth, const char *what)
{
	if (!truth) {
		fprintf(stderr, "broken: %s\n", what);
		abort();
	}
}

static bool
covers(const struct db_drop *wide, const struct db_drop *drop)
{
	if (wide->scope == SCOPE_ALL)
		return true;
	if (drop->host == NULL || strcmp(wide->host, drop->host) != 0)
		return false;
	return wide->scope == SCOPE_HOST ||
	       (drop->username != NULL && strcmp(wide->username, drop->username) == 0);
}

static bool
is_covered(const struct drops *drops, const struct db_drop *drop)
{
	for (size_t i = 0; i < drops->count; i++)
		if (covers(&drops->items[i], drop))
			return true;
	return false;
}

static void
check_again(const struct drops *drops)
{
	char payload[DROPS_PAYLOAD_MAX + 1];
	struct told again;

	drops_payload(drops, "me", payload);
	must(strlen(payload) <= DROPS_PAYLOAD_MAX, "fits");
	told_read(payload, "me", &again);
	must(!again.tokens, "understood");
	must(again.drops.count > 0 && again.drops.count <= drops->count, "not more");
	for (size_t i = 0; i < drops->count; i++)
		must(is_covered(&again.drops, &drops->items[i]), "nothing is lost");
	drops_clear(&again.drops);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	struct told told;

	must(text != NULL, "memory");
	told_read(text, "me", &told);
	must(told.tokens || told.drops.count > 0, "it says something");
	must(told.drops.count <= DROPS_MAX, "bounded");
	for (size_t i = 0; i < told.drops.count; i++)
		for (size_t j = 0; j < told.drops.count; j++)
			must(i == j || !covers(&told.drops.items[i], &told.drops.items[j]),
			     "nothing twice");
	if (told.drops.count > 0)
		check_again(&told.drops);
	drops_clear(&told.drops);
	free(text);
	return 0;
}
