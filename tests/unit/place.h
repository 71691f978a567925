/* A folder of its own for each test, and the name of the file that the test is about. */
#ifndef ADMINEX_TEST_PLACE_H
#define ADMINEX_TEST_PLACE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct place {
	char folder[32];
	char path[48];
};

/* For a cmocka setup: *state is the place. */
static inline int
place_make(void **state, const char *file)
{
	struct place *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return -1;
	strcpy(p->folder, "/tmp/adminex-unit-XXXXXX");
	if (mkdtemp(p->folder) == NULL) {
		free(p);
		return -1;
	}
	snprintf(p->path, sizeof(p->path), "%s/%s", p->folder, file);
	*state = p;
	return 0;
}

#endif
