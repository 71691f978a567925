/* What the daemon counts, for Prometheus (text format 0.0.4). Any thread may count. */
#ifndef ADMINEX_METRICS_H
#define ADMINEX_METRICS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/out.h"
#include "command/command.h"

enum { METRICS_COMMANDS_MAX = 256, METRICS_CODES_MAX = 600, METRICS_BUCKETS = 12 };

enum metric {
	METRIC_CONNECTIONS,         /* HTTP connections that are open */
	METRIC_CONNECTIONS_REFUSED, /* closed at once, as too many were open */
	METRIC_IN_FLIGHT,           /* requests that wait for the database */
	METRIC_READS_SHARED,        /* statements that went down a shared pipeline */
	METRIC_READS_BATCHES,       /* in so many batches */
	METRIC_DB_CONNECTS,         /* connections made to the database */
	METRIC_DB_FAILURES,         /* attempts that failed, and connections that were lost */
	METRIC_READS_LONG,     /* of the shared ones, carried out by a writer as they took long */
	METRIC_READS_RETRIED,  /* reads that were run again after such a loss */
	METRIC_LISTENING,      /* 1 while notifications of other processes arrive */
	METRIC_LISTENER_LOST,  /* how often they stopped to */
	METRIC_NOTIFICATIONS,  /* that arrived */
	METRIC_THROTTLED,      /* checks of a password that were refused */
	METRIC_REPEATED,       /* replies given again for an Idempotency-Key */
	METRIC_REFUSED_BUSY,   /* requests refused because too many were in flight */
	METRIC_TIMEOUTS,       /* requests cancelled at their time limit */
	METRIC_RELOADS,        /* configurations taken over */
	METRIC_RELOADS_FAILED, /* configurations refused */
	METRIC_COUNT
};

struct metrics {
	atomic_uint_fast64_t values[METRIC_COUNT];
	atomic_uint_fast64_t codes[METRICS_CODES_MAX];          /* replies by HTTP status */
	atomic_uint_fast64_t commands[METRICS_COMMANDS_MAX][3]; /* yes, no, failed */
	atomic_uint_fast64_t latency[METRICS_BUCKETS + 1];      /* of requests for commands */
	atomic_uint_fast64_t latency_micros;
};

enum metrics_outcome { OUTCOME_YES, OUTCOME_NO, OUTCOME_FAILED };

void metrics_add(struct metrics *metrics, enum metric metric, int64_t n);
void metrics_set(struct metrics *metrics, enum metric metric, uint64_t value);
void metrics_reply(struct metrics *metrics, unsigned code);
void metrics_command(struct metrics *metrics, unsigned index, enum metrics_outcome outcome,
		     uint64_t micros);

/* Everything counted; `commands` gives the indexes their names. */
void metrics_write(struct metrics *metrics, const struct command *const *commands, struct out *out);
/* One further value: for what others count. `type` is "counter" or "gauge". */
void metrics_write_value(struct out *out, const char *name, const char *type, const char *help,
			 uint64_t value);

#endif
