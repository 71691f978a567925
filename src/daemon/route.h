/* What stands at which address. */
#ifndef ADMINEX_ROUTE_H
#define ADMINEX_ROUTE_H

#include <stdbool.h>

struct request;

struct route {
	const char *method;
	const char *path; /* with '/' at its end: and what is below */
	bool open;        /* answered without knowing who calls */
	/* True when the reply can be sent at once. */
	bool (*answer)(struct request *request);
};

/* NULL when nothing stands there; *allowed: the method for what does, or NULL. */
const struct route *route_find(const char *method, const char *path, const char **allowed);

#endif
