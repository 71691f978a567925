#include "face/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

static double
seconds_between(const struct timespec *a, const struct timespec *b)
{
	return (double)(b->tv_sec - a->tv_sec) + (double)(b->tv_nsec - a->tv_nsec) / 1e9;
}

void
progress_begin(struct progress *p, const char *label, const char *unit)
{
	*p = (struct progress){ .label = label, .unit = unit, .shown = isatty(STDERR_FILENO) };
	clock_gettime(CLOCK_MONOTONIC, &p->began);
}

void
progress_update(struct progress *p, int64_t count, uint64_t done, uint64_t all)
{
	struct timespec now;
	double elapsed;

	if (!p->shown)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (seconds_between(&p->last, &now) < 0.2)
		return;
	p->last = now;
	elapsed = seconds_between(&p->began, &now);
	fprintf(stderr, "\r\033[K%s: %" PRId64 " %s, %.0f/s", p->label, count, p->unit,
		elapsed > 0 ? (double)count / elapsed : 0.0);
	if (all > 0)
		fprintf(stderr, ", %.0f%% done", 100.0 * (double)done / (double)all);
	p->drawn = true;
}

void
progress_clear(struct progress *p)
{
	if (p->drawn)
		fputs("\r\033[K", stderr);
	p->drawn = false;
}
