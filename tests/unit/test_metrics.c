/* The text that Prometheus reads: https://prometheus.io/docs/instrumenting/exposition_formats/ */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "base/buf.h"
#include "daemon/metrics.h"

static const struct command FIRST = { .name = "check_account" };
static const struct command SECOND = { .name = "ban_account" };
static const struct command *const COMMANDS[] = { &FIRST, &SECOND, NULL };

struct world {
	struct metrics metrics;
	struct buf text;
};

static int
setup(void **state)
{
	*state = calloc(1, sizeof(struct world));
	return *state == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	buf_free(&w->text);
	free(w);
	return 0;
}

static int
keep(void *ctx, const char *data, size_t len)
{
	buf_add(ctx, data, len);
	return 0;
}

static const char *
written(struct world *w)
{
	struct out *out = out_new_sink(keep, &w->text);

	assert_non_null(out);
	buf_clear(&w->text);
	metrics_write(&w->metrics, COMMANDS, out);
	out_flush(out);
	assert_int_equal(out_error(out), 0);
	out_free(out);
	return buf_text(&w->text);
}

/* The line is there, once, as a whole. */
static void
has(struct world *w, const char *line)
{
	struct buf wanted = BUF_INIT;
	const char *text = written(w);
	const char *at;

	buf_addf(&wanted, "\n%s\n", line);
	at = strstr(text, buf_text(&wanted));
	if (at == NULL)
		fail_msg("no '%s' in\n%s", line, text);
	assert_null(strstr(at + 1, buf_text(&wanted)));
	buf_free(&wanted);
}

static void
lacks(struct world *w, const char *word)
{
	if (strstr(written(w), word) != NULL)
		fail_msg("'%s' is there", word);
}

static void
test_metrics_count(void **state)
{
	struct world *w = *state;

	metrics_add(&w->metrics, METRIC_DB_CONNECTS, 1);
	metrics_add(&w->metrics, METRIC_DB_CONNECTS, 2);
	metrics_add(&w->metrics, METRIC_IN_FLIGHT, 2);
	metrics_add(&w->metrics, METRIC_IN_FLIGHT, -1);
	metrics_set(&w->metrics, METRIC_LISTENING, 1);
	has(w, "adminex_database_connects_total 3");
	has(w, "adminex_requests_in_flight 1");
	has(w, "adminex_listening 1");
	metrics_set(&w->metrics, METRIC_LISTENING, 0);
	has(w, "adminex_listening 0");
}

static void
test_metrics_count_replies_by_status(void **state)
{
	struct world *w = *state;

	lacks(w, "code=");
	metrics_reply(&w->metrics, 200);
	metrics_reply(&w->metrics, 200);
	metrics_reply(&w->metrics, 503);
	metrics_reply(&w->metrics, 60000);
	has(w, "adminex_http_replies_total{code=\"200\"} 2");
	has(w, "adminex_http_replies_total{code=\"503\"} 1");
	lacks(w, "60000");
}

static void
test_metrics_count_commands_by_outcome(void **state)
{
	struct world *w = *state;

	metrics_command(&w->metrics, 1, OUTCOME_YES, 10);
	metrics_command(&w->metrics, 1, OUTCOME_NO, 10);
	metrics_command(&w->metrics, 1, OUTCOME_FAILED, 10);
	metrics_command(&w->metrics, 1, OUTCOME_FAILED, 10);
	has(w, "adminex_commands_total{command=\"ban_account\",outcome=\"yes\"} 1");
	has(w, "adminex_commands_total{command=\"ban_account\",outcome=\"no\"} 1");
	has(w, "adminex_commands_total{command=\"ban_account\",outcome=\"failed\"} 2");
	lacks(w, "check_account");
}

/* A bound counts to its own bucket, and each bucket has those below it. */
static void
test_metrics_latency_is_a_histogram(void **state)
{
	struct world *w = *state;

	metrics_command(&w->metrics, 0, OUTCOME_YES, 250);
	metrics_command(&w->metrics, 0, OUTCOME_YES, 251);
	metrics_command(&w->metrics, 0, OUTCOME_YES, 30000001);
	has(w, "adminex_command_seconds_bucket{le=\"0.00025\"} 1");
	has(w, "adminex_command_seconds_bucket{le=\"0.0005\"} 2");
	has(w, "adminex_command_seconds_bucket{le=\"30\"} 2");
	has(w, "adminex_command_seconds_bucket{le=\"+Inf\"} 3");
	has(w, "adminex_command_seconds_sum 30.000502");
	has(w, "adminex_command_seconds_count 3");
}

static unsigned
count_lines(const char *text, const char *beginning)
{
	unsigned n = 0;

	for (; text != NULL && *text != '\0'; text = strchr(text, '\n') + 1)
		n += strncmp(text, beginning, strlen(beginning)) == 0;
	return n;
}

/* Each name has its help and its type once, right before it. */
static void
test_metrics_are_described(void **state)
{
	struct world *w = *state;
	const char *text = written(w);

	assert_int_equal(count_lines(text, "# HELP adminex_"), METRIC_COUNT + 3);
	assert_int_equal(count_lines(text, "# TYPE adminex_"), METRIC_COUNT + 3);
	for (const char *at = text; (at = strstr(at, "# TYPE adminex_")) != NULL; at++) {
		const char *name = at + strlen("# TYPE ");
		size_t len = strcspn(name, " ");
		bool counter = strncmp(name + len, " counter\n", 9) == 0;

		if (counter != (len > 6 && strncmp(name + len - 6, "_total", 6) == 0))
			fail_msg("%.*s", (int)len, name);
	}
	assert_int_equal(text[strlen(text) - 1], '\n');
}

/* ---- threads ----------------------------------------------------------------------------- */

enum { THREADS = 4, TIMES = 10000 };

static void *
count_on(void *arg)
{
	struct metrics *metrics = arg;

	for (int i = 0; i < TIMES; i++) {
		metrics_add(metrics, METRIC_NOTIFICATIONS, 1);
		metrics_reply(metrics, 200);
		metrics_command(metrics, 0, OUTCOME_YES, 1000);
	}
	return NULL;
}

static void
test_metrics_lose_nothing_between_threads(void **state)
{
	struct world *w = *state;
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count_on, &w->metrics), 0);
	written(w);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	has(w, "adminex_notifications_total 40000");
	has(w, "adminex_http_replies_total{code=\"200\"} 40000");
	has(w, "adminex_commands_total{command=\"check_account\",outcome=\"yes\"} 40000");
	has(w, "adminex_command_seconds_sum 40.000000");
}

#define WITH_METRICS(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_METRICS(test_metrics_count),
		WITH_METRICS(test_metrics_count_replies_by_status),
		WITH_METRICS(test_metrics_count_commands_by_outcome),
		WITH_METRICS(test_metrics_latency_is_a_histogram),
		WITH_METRICS(test_metrics_are_described),
		WITH_METRICS(test_metrics_lose_nothing_between_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
