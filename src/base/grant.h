/*
 * A grant of the configuration: "name:role" or "name:role:host,host". The name is whatever the
 * caller is known by; roles are reader, operator and admin; hosts are JID domains (RFC 7622).
 */
#ifndef ADMINEX_GRANT_H
#define ADMINEX_GRANT_H

#include <stdbool.h>

#include "base/strvec.h"

enum { GRANT_NAME_MAX = 128 };

struct grant {
	char name[GRANT_NAME_MAX];
	char role[16];
	struct strvec hosts; /* prepared; empty: all */
};

/* False when it cannot be read. Release with grant_free() in either case. */
bool grant_parse(const char *text, struct grant *out);
void grant_free(struct grant *grant);

#endif
