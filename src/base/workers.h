/*
 * A few threads that share out the items of one array: for work that needs the processor and
 * nothing else. Whoever calls works too, and goes on when all items are done, so nothing is ever
 * left running. Signals stay with the threads of the caller.
 */
#ifndef ADMINEX_WORKERS_H
#define ADMINEX_WORKERS_H

#include <stddef.h>

struct workers;

/* As many threads as this process may use processors, the caller included. */
size_t workers_wanted(void);

/*
 * The caller and up to count - 1 further threads; fewer where the system has no more to give. NULL
 * when out of memory. Release with workers_free().
 */
struct workers *workers_new(size_t count);
/* How many there are, the caller included. */
size_t workers_count(const struct workers *w);
/* Call work(ctx, i) once for each i below count, in any order and on any thread, and wait. */
void workers_run(struct workers *w, size_t count, void (*work)(void *ctx, size_t i), void *ctx);
void workers_free(struct workers *w);

#endif
