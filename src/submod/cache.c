/* Submod cache: the results that a daemon keeps. */
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "cache/cache.h"
#include "submod/params.h"

static const struct answer NO_CACHE = { "no_cache",
					"There is no cache here: a command alone keeps nothing" };
static const struct answer CLEARED = { "ok", "The cache is empty" };

static void
add_row(struct call *call, const char *name, uint64_t value)
{
	char number[24];
	int len = snprintf(number, sizeof(number), "%" PRIu64, value);
	const struct cell cells[] = { { name, strlen(name) }, { number, (size_t)len } };

	if (!call->writer->value)
		call->writer->ops->list_begin(call->writer);
	call->writer->ops->row(call->writer, cells);
	call->rows++;
}

static enum adx_rc
cache_info(struct call *call, struct adx_error *err)
{
	struct cache_info info;

	if (call->options->cache == NULL)
		return call_answer(call, &NO_CACHE, err, NULL);
	cache_get_info(call->options->cache, &info);
	add_row(call, "on", info.on);
	add_row(call, "hits", info.hits);
	add_row(call, "misses", info.misses);
	add_row(call, "waits", info.waits);
	add_row(call, "stores", info.stores);
	add_row(call, "evictions", info.evictions);
	add_row(call, "expired", info.expired);
	add_row(call, "drops", info.drops);
	add_row(call, "entries", info.entries);
	add_row(call, "bytes", info.bytes);
	add_row(call, "max_bytes", info.max_bytes);
	return call_answer(call, &ANSWER_OK, err, NULL);
}

static enum adx_rc
cache_clear(struct call *call, struct adx_error *err)
{
	if (call->options->cache == NULL)
		return call_answer(call, &NO_CACHE, err, NULL);
	cache_drop_all(call->options->cache);
	/* What thousands of small pieces held goes back to the system. */
	malloc_trim(0);
	return call_answer(call, &CLEARED, err, NULL);
}

const struct command CACHE_COMMANDS[] = {
	{ .name = "cache_info",
	  .submod = "cache",
	  .summary = "tell what the daemon's cache of results holds and how it does",
	  .notes = "Of this process: each daemon has a cache of its own.",
	  .result = RESULT_LIST,
	  .result_name = "numbers",
	  .fields = { { "name" }, { "value", true } },
	  .answers = { &ANSWER_OK, &NO_CACHE },
	  .role = ROLE_READER,
	  .limited_by = LIMITED_NOT_AT_ALL,
	  .flags = CMD_LOCAL,
	  .example = "",
	  .run = cache_info },
	{ .name = "cache_clear",
	  .submod = "cache",
	  .summary = "empty the daemon's cache of results; what comes next is read anew",
	  .result = RESULT_RESTUPLE,
	  .result_name = "res",
	  .answers = { &CLEARED, &NO_CACHE },
	  .role = ROLE_OPERATOR,
	  .limited_by = LIMITED_NOT_AT_ALL,
	  .flags = CMD_LOCAL,
	  .example = "",
	  .run = cache_clear },
	{ 0 },
};
