#include "daemon/queue.h"

#include <stddef.h>

#include "daemon/daemon_priv.h"

void
queue_init(struct queue *queue)
{
	*queue = (struct queue){ .first = NULL };
	queue->last = &queue->first;
	pthread_mutex_init(&queue->lock, NULL);
	pthread_cond_init(&queue->news, NULL);
}

void
queue_free(struct queue *queue)
{
	pthread_mutex_destroy(&queue->lock);
	pthread_cond_destroy(&queue->news);
}

static void
append(struct queue *queue, struct request *request)
{
	if (queue->first == NULL)
		queue->since = now_us();
	queue->count++;
	request->next = NULL;
	*queue->last = request;
	queue->last = &request->next;
}

static void
call_one(struct queue *queue)
{
	if (queue->first != NULL && queue->waiting > 0)
		pthread_cond_signal(&queue->news);
}

void
queue_add(struct queue *queue, struct request *request)
{
	pthread_mutex_lock(&queue->lock);
	append(queue, request);
	call_one(queue);
	pthread_mutex_unlock(&queue->lock);
}

void
queue_put(struct queue *queue, struct request *request)
{
	pthread_mutex_lock(&queue->lock);
	append(queue, request);
	pthread_mutex_unlock(&queue->lock);
}

void
queue_call(struct queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	call_one(queue);
	pthread_mutex_unlock(&queue->lock);
}

static bool
can_wait(const struct queue *queue, unsigned threads)
{
	enum { MANY = 64, PATIENCE_US = 1000 };

	return queue->waiting < threads && queue->count < MANY &&
	       now_us() - queue->since < PATIENCE_US;
}

void
queue_hint(struct queue *queue, unsigned threads)
{
	pthread_mutex_lock(&queue->lock);
	if (!can_wait(queue, threads))
		call_one(queue);
	pthread_mutex_unlock(&queue->lock);
}

/* Cuts the list after so many; returns what it was from the start. */
static struct request *
cut(struct queue *queue, unsigned most)
{
	struct request *first = queue->first;
	struct request *end = first;

	unsigned n = 1;

	for (; n < most && end != NULL && end->next != NULL; n++)
		end = end->next;
	queue->count -= end == NULL ? 0 : n;
	queue->first = end == NULL ? NULL : end->next;
	if (queue->first == NULL)
		queue->last = &queue->first;
	if (end != NULL)
		end->next = NULL;
	return first;
}

bool
queue_take(struct queue *queue, unsigned most, unsigned *pokes, struct request **out)
{
	bool ended;

	pthread_mutex_lock(&queue->lock);
	queue->waiting++;
	while (queue->first == NULL && !queue->closed && queue->pokes == *pokes)
		pthread_cond_wait(&queue->news, &queue->lock);
	queue->waiting--;
	*pokes = queue->pokes;
	*out = cut(queue, most);
	ended = *out == NULL && queue->closed;
	call_one(queue);
	pthread_mutex_unlock(&queue->lock);
	return !ended;
}

struct request *
queue_take_now(struct queue *queue, unsigned most)
{
	struct request *batch;

	pthread_mutex_lock(&queue->lock);
	batch = cut(queue, most);
	call_one(queue);
	pthread_mutex_unlock(&queue->lock);
	return batch;
}

void
queue_poke(struct queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	queue->pokes++;
	pthread_cond_broadcast(&queue->news);
	pthread_mutex_unlock(&queue->lock);
}

void
queue_close(struct queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	queue->closed = true;
	pthread_cond_broadcast(&queue->news);
	pthread_mutex_unlock(&queue->lock);
}
