#include "daemon/metrics.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"

static const struct {
	const char *name, *type, *help;
} METRICS[METRIC_COUNT] = {
	[METRIC_CONNECTIONS] = { "http_connections", "gauge", "HTTP connections that are open" },
	[METRIC_CONNECTIONS_REFUSED] = { "http_connections_refused_total", "counter",
					 "HTTP connections closed at once, as too many were open" },
	[METRIC_IN_FLIGHT] = { "requests_in_flight", "gauge",
			       "Requests that wait for the database" },
	[METRIC_READS_SHARED] = { "shared_reads_total", "counter",
				  "Reads that went down a shared pipeline" },
	[METRIC_READS_BATCHES] = { "shared_read_batches_total", "counter",
				   "Batches in which shared reads went" },
	[METRIC_DB_CONNECTS] = { "database_connects_total", "counter",
				 "Connections made to the database" },
	[METRIC_DB_FAILURES] = { "database_failures_total", "counter",
				 "Connections to the database that failed or were lost" },
	[METRIC_READS_LONG] = { "shared_reads_long_total", "counter",
				"Shared reads that took long and went on by themselves" },
	[METRIC_READS_RETRIED] = { "reads_retried_total", "counter",
				   "Reads run again after a connection was lost" },
	[METRIC_LISTENING] = { "listening", "gauge",
			       "1 while notifications of other processes arrive" },
	[METRIC_LISTENER_LOST] = { "listener_lost_total", "counter",
				   "How often notifications stopped to arrive" },
	[METRIC_NOTIFICATIONS] = { "notifications_total", "counter", "Notifications that arrived" },
	[METRIC_THROTTLED] = { "password_checks_refused_total", "counter",
			       "Checks of a password refused as too many" },
	[METRIC_REPEATED] = { "replies_repeated_total", "counter",
			      "Replies given again for an Idempotency-Key" },
	[METRIC_REFUSED_BUSY] = { "requests_refused_total", "counter",
				  "Requests refused because too many were in flight" },
	[METRIC_TIMEOUTS] = { "request_timeouts_total", "counter",
			      "Requests cancelled at their time limit" },
	[METRIC_RELOADS] = { "config_reloads_total", "counter", "Configurations taken over" },
	[METRIC_RELOADS_FAILED] = { "config_reload_failures_total", "counter",
				    "Configurations refused; the former one stays" },
};

/* Upper bounds, in microseconds. */
static const unsigned BOUNDS[METRICS_BUCKETS] = {
	250, 500, 1000, 2500, 5000, 10000, 25000, 100000, 500000, 1000000, 5000000, 30000000
};

void
metrics_add(struct metrics *metrics, enum metric metric, int64_t n)
{
	atomic_fetch_add_explicit(&metrics->values[metric], (uint64_t)n, memory_order_relaxed);
}

void
metrics_set(struct metrics *metrics, enum metric metric, uint64_t value)
{
	atomic_store_explicit(&metrics->values[metric], value, memory_order_relaxed);
}

static void
count(atomic_uint_fast64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

void
metrics_reply(struct metrics *metrics, unsigned code)
{
	if (code < METRICS_CODES_MAX)
		count(&metrics->codes[code]);
}

void
metrics_command(struct metrics *metrics, unsigned index, enum metrics_outcome outcome,
		uint64_t micros)
{
	int bucket = 0;

	while (bucket < METRICS_BUCKETS && micros > BOUNDS[bucket])
		bucket++;
	if (index < METRICS_COMMANDS_MAX)
		count(&metrics->commands[index][outcome]);
	count(&metrics->latency[bucket]);
	atomic_fetch_add_explicit(&metrics->latency_micros, micros, memory_order_relaxed);
}

/* ---- writing ----------------------------------------------------------------------------- */

static uint64_t
load(const atomic_uint_fast64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static void
head(struct out *out, const char *name, const char *type, const char *help)
{
	char text[256];

	snprintf(text, sizeof(text), "# HELP adminex_%s %s\n# TYPE adminex_%s %s\n", name, help,
		 name, type);
	out_text(out, text);
}

static void
sample(struct out *out, const char *name, const char *labels, uint64_t value)
{
	char text[256];

	snprintf(text, sizeof(text), "adminex_%s%s %" PRIu64 "\n", name, labels, value);
	out_text(out, text);
}

void
metrics_write_value(struct out *out, const char *name, const char *type, const char *help,
		    uint64_t value)
{
	head(out, name, type, help);
	sample(out, name, "", value);
}

static void
write_codes(const struct metrics *metrics, struct out *out)
{
	char label[32];

	head(out, "http_replies_total", "counter", "HTTP replies by status");
	for (unsigned code = 0; code < METRICS_CODES_MAX; code++) {
		uint64_t n = load(&metrics->codes[code]);

		snprintf(label, sizeof(label), "{code=\"%u\"}", code);
		if (n > 0)
			sample(out, "http_replies_total", label, n);
	}
}

static void
write_commands(const struct metrics *metrics, const struct command *const *commands,
	       struct out *out)
{
	static const char *const OUTCOMES[] = { "yes", "no", "failed" };
	char label[128];

	head(out, "commands_total", "counter", "Commands by what came of them");
	for (unsigned i = 0; commands[i] != NULL && i < METRICS_COMMANDS_MAX; i++) {
		for (int o = 0; o < 3; o++) {
			uint64_t n = load(&metrics->commands[i][o]);

			snprintf(label, sizeof(label), "{command=\"%s\",outcome=\"%s\"}",
				 commands[i]->name, OUTCOMES[o]);
			if (n > 0)
				sample(out, "commands_total", label, n);
		}
	}
}

static void
write_latency(const struct metrics *metrics, struct out *out)
{
	uint64_t sum = 0;
	char text[96];

	head(out, "command_seconds", "histogram", "Time from the whole request to the reply");
	for (int i = 0; i <= METRICS_BUCKETS; i++) {
		sum += load(&metrics->latency[i]);
		if (i < METRICS_BUCKETS)
			snprintf(text, sizeof(text), "{le=\"%g\"}", BOUNDS[i] / 1e6);
		else
			snprintf(text, sizeof(text), "{le=\"+Inf\"}");
		sample(out, "command_seconds_bucket", text, sum);
	}
	snprintf(text, sizeof(text), "adminex_command_seconds_sum %.6f\n",
		 (double)load(&metrics->latency_micros) / 1e6);
	out_text(out, text);
	sample(out, "command_seconds_count", "", sum);
}

void
metrics_write(struct metrics *metrics, const struct command *const *commands, struct out *out)
{
	for (int i = 0; i < METRIC_COUNT; i++)
		metrics_write_value(out, METRICS[i].name, METRICS[i].type, METRICS[i].help,
				    load(&metrics->values[i]));
	write_codes(metrics, out);
	write_commands(metrics, commands, out);
	write_latency(metrics, out);
}
