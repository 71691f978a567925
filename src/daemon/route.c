#include "daemon/route.h"

#include <stdio.h>
#include <string.h>

#include <yajl/yajl_gen.h>

#include "base/json.h"
#include "command/access.h"
#include "daemon/daemon_priv.h"
#include "daemon/openapi.h"
#include "daemon/ready.h"

static bool
done(struct request *r)
{
	out_flush(r->out);
	r->code = 200;
	spool_finish(&r->spool, out_error(r->out) == 0);
	return true;
}

/* It runs, and can answer: no more. */
static bool
answer_health(struct request *r)
{
	out_text(r->out, "{\"status\":\"ok\"}\n");
	return done(r);
}

static bool
answer_ready(struct request *r)
{
	if (atomic_load(&r->daemon->stopping)) {
		request_fail_as(r, 503, ADX_EUNAVAIL, "the daemon is stopping", "");
		return true;
	}
	return !ready_ask(r->daemon->ready, r);
}

static void
write_cache(struct daemon *daemon, struct out *out)
{
	struct cache_info info;

	cache_get_info(daemon->cache, &info);
	metrics_write_value(out, "cache_on", "gauge", "1 while results are cached", info.on);
	metrics_write_value(out, "cache_hits_total", "counter", "Reads answered from the cache",
			    info.hits);
	metrics_write_value(out, "cache_misses_total", "counter", "Reads that filled the cache",
			    info.misses);
	metrics_write_value(out, "cache_waits_total", "counter",
			    "Reads that waited for another's same read", info.waits);
	metrics_write_value(out, "cache_evictions_total", "counter",
			    "Results that made room for others", info.evictions);
	metrics_write_value(out, "cache_expired_total", "counter", "Results that grew too old",
			    info.expired);
	metrics_write_value(out, "cache_drops_total", "counter", "Results that a write dropped",
			    info.drops);
	metrics_write_value(out, "cache_entries", "gauge", "Results that are cached", info.entries);
	metrics_write_value(out, "cache_bytes", "gauge", "Bytes they take", info.bytes);
	metrics_write_value(out, "cache_max_bytes", "gauge", "Bytes they may take", info.max_bytes);
}

static bool
answer_metrics(struct request *r)
{
	r->format = FORMAT_TEXT;
	metrics_write(&r->daemon->metrics, admin_extra_commands(r->daemon->every), r->out);
	write_cache(r->daemon, r->out);
	metrics_write_value(r->out, "uptime_seconds", "gauge", "Age of this process",
			    (uint64_t)(now_ms() - r->daemon->started) / 1000);
	return done(r);
}

static bool
answer_openapi(struct request *r)
{
	openapi_write(admin_extra_commands(r->settings->service), r->out);
	return done(r);
}

/* The commands that this caller may run somewhere. */
static bool
may(const struct request *r, const struct command *c)
{
	struct adx_error ignored;
	const struct strvec *hosts = r->caller.hosts;
	const char *host = hosts != NULL && hosts->count > 0 ? hosts->items[0] : NULL;

	return access_check(&r->caller, c, host, &ignored) == ADX_OK;
}

static void
print(void *ctx, const char *data, size_t len)
{
	out_write(ctx, data, len);
}

static void
gen_commands(yajl_gen g, const struct request *r)
{
	const struct command *const *c = admin_extra_commands(r->settings->service);

	yajl_gen_map_open(g);
	json_text(g, "result");
	yajl_gen_array_open(g);
	for (; *c != NULL; c++) {
		struct buf usage = BUF_INIT;

		if (!may(r, *c))
			continue;
		command_usage(*c, &usage);
		yajl_gen_map_open(g);
		json_member(g, "command", (*c)->name);
		json_member(g, "submod", (*c)->submod);
		json_member(g, "summary", (*c)->summary);
		json_member(g, "usage", buf_text(&usage));
		yajl_gen_map_close(g);
		buf_free(&usage);
	}
	yajl_gen_array_close(g);
	json_member(g, "status", "ok");
	yajl_gen_map_close(g);
}

static bool
answer_commands(struct request *r)
{
	yajl_gen g = yajl_gen_alloc(NULL);

	if (g == NULL) {
		request_fail_as(r, 500, ADX_ENOMEM, "out of memory", "");
		return true;
	}
	yajl_gen_config(g, yajl_gen_print_callback, print, r->out);
	gen_commands(g, r);
	yajl_gen_free(g);
	out_text(r->out, "\n");
	return done(r);
}

static const struct route ROUTES[] = {
	{ "POST", "/api/", false, request_run },
	{ "GET", "/api", false, answer_commands },
	{ "GET", "/openapi.json", false, answer_openapi },
	{ "GET", "/healthz", true, answer_health },
	{ "GET", "/readyz", true, answer_ready },
	{ "GET", "/metrics", false, answer_metrics },
};

static bool
stands_at(const struct route *route, const char *path)
{
	size_t len = strlen(route->path);

	if (route->path[len - 1] == '/')
		return strncmp(path, route->path, len) == 0 && path[len] != '\0';
	return strcmp(path, route->path) == 0;
}

const struct route *
route_find(const char *method, const char *path, const char **allowed)
{
	*allowed = NULL;
	for (size_t i = 0; i < sizeof(ROUTES) / sizeof(ROUTES[0]); i++) {
		if (!stands_at(&ROUTES[i], path))
			continue;
		*allowed = ROUTES[i].method;
		if (strcmp(ROUTES[i].method, method) == 0)
			return &ROUTES[i];
	}
	return NULL;
}
