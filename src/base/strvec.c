#include "base/strvec.h"

#include <stdlib.h>
#include <string.h>

static bool
grow(struct strvec *v)
{
	size_t cap = v->cap == 0 ? 8 : v->cap * 2;
	char **items;

	if (v->count + 1 < v->cap)
		return true;
	items = reallocarray(v->items, cap, sizeof(*items));
	if (items == NULL)
		return false;
	v->items = items;
	v->cap = cap;
	return true;
}

void
strvec_add(struct strvec *v, const char *s, size_t len)
{
	char *copy;

	if (v->failed)
		return;
	copy = malloc(len + 1);
	if (copy == NULL || !grow(v)) {
		free(copy);
		v->failed = true;
		return;
	}
	memcpy(copy, s, len);
	copy[len] = '\0';
	v->items[v->count++] = copy;
	v->items[v->count] = NULL;
}

void
strvec_add_text(struct strvec *v, const char *s)
{
	strvec_add(v, s, strlen(s));
}

bool
strvec_has(const struct strvec *v, const char *s)
{
	for (size_t i = 0; i < v->count; i++)
		if (strcmp(v->items[i], s) == 0)
			return true;
	return false;
}

bool
strvec_ok(const struct strvec *v)
{
	return !v->failed;
}

void
strvec_free(struct strvec *v)
{
	for (size_t i = 0; i < v->count; i++)
		free(v->items[i]);
	free(v->items);
	*v = (struct strvec)STRVEC_INIT;
}
