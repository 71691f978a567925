/* Cancelling, and breaking off, for those who cannot wait. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "db/pg.h"

/* Shared by the connection and the thread that cancels. */
struct cancelling {
	atomic_int users;
	atomic_bool done;
	PGcancel *cancel;
};

static void
cancelling_free(struct cancelling *c)
{
	PQfreeCancel(c->cancel);
	free(c);
}

void
cancelling_release(struct cancelling *c)
{
	if (c != NULL && atomic_fetch_sub(&c->users, 1) == 1)
		cancelling_free(c);
}

static void *
cancel(void *arg)
{
	struct cancelling *c = arg;
	char ignored[256];

	PQcancel(c->cancel, ignored, sizeof(ignored));
	atomic_store(&c->done, true);
	cancelling_release(c);
	return NULL;
}

static struct cancelling *
cancelling_new(const struct db *db)
{
	struct cancelling *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->cancel = PQgetCancel(db->conn);
	if (c->cancel == NULL) {
		free(c);
		return NULL;
	}
	atomic_init(&c->users, 2);
	atomic_init(&c->done, false);
	return c;
}

/* What cannot be had is done without: the server has limits of its own. */
static struct cancelling *
start(const struct db *db)
{
	struct cancelling *c = cancelling_new(db);
	pthread_attr_t attributes;
	pthread_t thread;

	if (c == NULL)
		return NULL;
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &attributes, cancel, c) != 0) {
		cancelling_free(c);
		c = NULL;
	}
	pthread_attr_destroy(&attributes);
	return c;
}

static bool
is_under_way(const struct cancelling *c)
{
	return c != NULL && !atomic_load(&c->done);
}

bool
db_is_cancelling(struct db *db)
{
	bool is;

	pthread_mutex_lock(&db->cancelling_lock);
	is = is_under_way(db->cancelling);
	pthread_mutex_unlock(&db->cancelling_lock);
	return is;
}

void
db_cancel_soon(struct db *db)
{
	/* A COMMIT is waited for, as by db_cancel(). */
	if (atomic_load(&db->committing))
		return;
	pthread_mutex_lock(&db->cancelling_lock);
	if (!is_under_way(db->cancelling)) {
		cancelling_release(db->cancelling);
		db->cancelling = start(db);
	}
	pthread_mutex_unlock(&db->cancelling_lock);
}

void
db_interrupt_soon(struct db *db)
{
	atomic_store(&db->interrupted, true);
	db_cancel_soon(db);
}

void
db_break(struct db *db)
{
	const struct linger none = { .l_onoff = 1, .l_linger = 0 };

	/* libpq may close its own at this moment, and its number be somebody else's. */
	if (db->socket < 0)
		return;
	/* What the kernel has not sent yet shall not arrive when the network is there again. */
	setsockopt(db->socket, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	shutdown(db->socket, SHUT_RDWR);
}
