/* Requests that wait for a thread, first come, first served. */
#ifndef ADMINEX_QUEUE_H
#define ADMINEX_QUEUE_H

#include <pthread.h>
#include <stdbool.h>

struct request;

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t news;
	struct request *first, **last;
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
 * Up to `most` of them, linked by next, to *out; waits for one. *out is NULL when there is none,
 * but queue_poke() was called since *pokes, which is 0 at first. False when it was closed and is
 * empty.
 */
bool queue_take(struct queue *queue, unsigned most, unsigned *pokes, struct request **out);
/* Have every thread look up once: something has changed. */
void queue_poke(struct queue *queue);
void queue_close(struct queue *queue);

#endif
