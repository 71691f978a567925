/*
 * A growing list of byte strings, each owned by the list and NUL-terminated.
 * As with struct buf, a failed allocation sticks and strvec_ok() tells.
 */
#ifndef ADMINEX_STRVEC_H
#define ADMINEX_STRVEC_H

#include <stdbool.h>
#include <stddef.h>

struct strvec {
	char **items; /* items[count] is NULL once something was added */
	size_t count;
	size_t cap;
	bool failed;
};

#define STRVEC_INIT                                                                                \
	{                                                                                          \
		NULL, 0, 0, false                                                                  \
	}

void strvec_add(struct strvec *v, const char *s, size_t len);
void strvec_add_text(struct strvec *v, const char *s);
bool strvec_has(const struct strvec *v, const char *s);
bool strvec_ok(const struct strvec *v);
void strvec_free(struct strvec *v);

#endif
