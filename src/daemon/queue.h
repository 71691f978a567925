/* Requests that wait for a thread, first come, first served. */
#ifndef ADMINEX_QUEUE_H
#define ADMINEX_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct request;

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t news;
	struct request *first, **last;
	unsigned count;
	int64_t since;    /* microseconds: when it was empty last, and one came */
	unsigned waiting; /* threads in queue_take() */
	unsigned pokes;   /* how often queue_poke() was called */
	bool closed;
};

void queue_init(struct queue *queue);
void queue_free(struct queue *queue);
void queue_add(struct queue *queue, struct request *request);
/* The same for the first of several: nobody is called before queue_call(). */
void queue_put(struct queue *queue, struct request *request);
void queue_call(struct queue *queue);
/*
 * The same, with patience: while one of so many threads is at work, and will be back soon, it takes
 * what has come meanwhile. A few large bites are less work than many small ones, and to wake a
 * thread takes longer than most requests. Only when many wait, or they have waited for a
 * millisecond, another one is called; so this is to be called again until then.
 */
void queue_hint(struct queue *queue, unsigned threads);
/*
 * Up to `most` of them, linked by next, to *out; waits for one. *out is NULL when there is none,
 * but queue_poke() was called since *pokes, which is 0 at first. False when it was closed and is
 * empty.
 */
bool queue_take(struct queue *queue, unsigned most, unsigned *pokes, struct request **out);
/* The same for a thread that has other things to do: does not wait. */
struct request *queue_take_now(struct queue *queue, unsigned most);
/* Have every thread look up once: something has changed. */
void queue_poke(struct queue *queue);
void queue_close(struct queue *queue);

#endif
