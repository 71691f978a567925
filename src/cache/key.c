/* What a statement with its values is called in the cache. */
#include <stdint.h>
#include <string.h>

#include "cache/cache.h"

/* The length before each value keeps ("a", "bc") from ("ab", "c"); 0 is NULL. */
static void
add_value(struct buf *bytes, const char *value)
{
	size_t len = value == NULL ? 0 : strlen(value) + 1;

	buf_add(bytes, &len, sizeof(len));
	if (len > 0)
		buf_add(bytes, value, len - 1);
}

static const char *
name_at(const char *const values[], int position)
{
	return position == 0 || values[position - 1] == NULL ? "" : values[position - 1];
}

bool
cache_key_make(const struct sql_statement *statement, enum sql_id id, const char *const values[],
	       struct buf *scratch, struct cache_key *out)
{
	const struct sql_reach *reach = &statement->cached;
	uint32_t number = (uint32_t)id;

	if (reach->scope == SCOPE_NONE)
		return false;
	buf_clear(scratch);
	buf_add(scratch, &number, sizeof(number));
	for (int i = 0; i < statement->params; i++)
		add_value(scratch, values[i]);
	out->host = reach->scope == SCOPE_ALL ? "" : name_at(values, reach->host);
	out->username = reach->scope != SCOPE_ACCOUNT || out->host[0] == '\0'
				? ""
				: name_at(values, reach->username);
	out->bytes = scratch->data;
	out->len = scratch->len;
	return buf_ok(scratch);
}
