/*
 * Patterns of process_rosteritems. Split: the pieces lie in the input in order with nothing but
 * colons between them, and a piece is one piece. Anchored: the halves are the pattern, parted at an
 * '@' or all of it the domain.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "submod/roster_parts.h"

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

/* What an anchor holds; the caller frees it. */
static char *
inside(const char *anchored)
{
	size_t len = strlen(anchored);

	must(len >= 6 && strncmp(anchored, "^(?:", 4) == 0, "anchored at the start");
	must(strcmp(anchored + len - 2, ")$") == 0, "anchored at the end");
	return strndup(anchored + 4, len - 6);
}

static void
check_anchor(const char *pattern)
{
	struct roster_pattern anchored;
	struct adx_error err = { 0 };
	char *local, *domain;
	size_t len;

	must(roster_pattern_anchor(pattern, &anchored, &err) == ADX_OK, "anchored");
	local = inside(anchored.local);
	domain = inside(anchored.domain);
	must(local != NULL && domain != NULL, "memory");
	len = strlen(local);
	if (strcmp(pattern, domain) == 0)
		must(len == 0, "a domain alone");
	else
		must(strncmp(pattern, local, len) == 0 && pattern[len] == '@' &&
			     strcmp(pattern + len + 1, domain) == 0,
		     "both halves");
	free(local);
	free(domain);
	roster_pattern_free(&anchored);
}

static void
check_one_piece(const char *piece)
{
	struct strvec again = STRVEC_INIT;

	roster_pattern_split(piece, &again);
	must(again.count == 1 && strcmp(again.items[0], piece) == 0, "a piece is one piece");
	strvec_free(&again);
}

static void
check_split(const char *list)
{
	struct strvec pieces = STRVEC_INIT;
	const char *at = list;

	roster_pattern_split(list, &pieces);
	must(strvec_ok(&pieces), "memory");
	for (size_t i = 0; i < pieces.count; i++) {
		size_t len = strlen(pieces.items[i]);

		must(len > 0, "a piece that is not empty");
		must(i == 0 || *at == ':', "a colon between pieces");
		at += strspn(at, ":");
		must(strncmp(at, pieces.items[i], len) == 0, "the piece is there");
		at += len;
		check_one_piece(pieces.items[i]);
		check_anchor(pieces.items[i]);
	}
	must(at[strspn(at, ":")] == '\0', "the pieces cover the input");
	strvec_free(&pieces);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);

	must(text != NULL, "memory");
	check_split(text);
	check_anchor(text);
	free(text);
	return 0;
}
