#include "cache/shard.h"

#include <stdlib.h>
#include <string.h>

enum {
	ALLOCATION = 16,     /* what malloc() takes for itself, about */
	BYTES_A_CHAIN = 512, /* then few entries share one */
	CHAINS_MIN = 16,
	CHAINS_A_HOST_CHAIN = 16,
	LARGEST = 8, /* a value may take an eighth of the capacity */
};

/* ---- tables ------------------------------------------------------------------------------ */

static size_t
tables_bytes(const struct shard_tables *tables)
{
	return (2 * tables->size + tables->hosts) * sizeof(struct chain);
}

static bool
tables_init(struct shard_tables *tables, size_t size)
{
	struct shard_tables made = { .size = size, .hosts = size / CHAINS_A_HOST_CHAIN };

	*tables = (struct shard_tables){ 0 };
	/* All bytes zero is an empty chain. */
	made.by_key = calloc(1, tables_bytes(&made));
	if (made.by_key == NULL)
		return false;
	made.by_account = made.by_key + size;
	made.by_host = made.by_account + size;
	*tables = made;
	return true;
}

static void
link_in(struct shard_tables *tables, struct entry *e)
{
	const struct place *p = &e->place;

	LIST_INSERT_HEAD(&tables->by_key[p->key & (tables->size - 1)], e, by_key);
	LIST_INSERT_HEAD(&tables->by_account[p->account & (tables->size - 1)], e, by_account);
	LIST_INSERT_HEAD(&tables->by_host[p->host & (tables->hosts - 1)], e, by_host);
}

/* Each entry is in one chain of each kind, so going through those by key finds all. */
static void
tables_move(struct shard_tables *from, struct shard_tables *to)
{
	for (size_t i = 0; i < from->size; i++) {
		struct entry *next;

		for (struct entry *e = LIST_FIRST(&from->by_key[i]); e != NULL; e = next) {
			next = LIST_NEXT(e, by_key);
			link_in(to, e);
		}
	}
	free(from->by_key);
	*from = *to;
}

static size_t
chains_for(size_t bytes)
{
	size_t chains = CHAINS_MIN;

	while (chains * 2 <= bytes / BYTES_A_CHAIN)
		chains *= 2;
	return chains;
}

/* ---- entries ----------------------------------------------------------------------------- */

static void
segment_add(struct segment *segment, struct entry *e)
{
	TAILQ_INSERT_HEAD(&segment->list, e, order);
	segment->bytes += e->size;
}

static void
segment_remove(struct segment *segment, struct entry *e)
{
	TAILQ_REMOVE(&segment->list, e, order);
	segment->bytes -= e->size;
}

void
shard_take_out(struct shard *shard, struct entry *e, struct entry_list *gone)
{
	LIST_REMOVE(e, by_key);
	LIST_REMOVE(e, by_account);
	LIST_REMOVE(e, by_host);
	if (e->fill != NULL) {
		fill_detach(e->fill);
	} else {
		segment_remove(e->hot ? &shard->hot : &shard->cold, e);
		shard->entries--;
	}
	TAILQ_INSERT_TAIL(gone, e, order);
}

static void
drop(struct shard *shard, struct entry *e, struct entry_list *gone)
{
	if (e->fill == NULL)
		shard->drops++;
	shard_take_out(shard, e, gone);
}

/*
 * The hot one that was not used for longest, about: those that were used are passed over, but only
 * so many, that nobody waits.
 */
static struct entry *
coolest(struct shard *shard)
{
	enum { PASSED_MOST = 16 };
	struct entry *last = TAILQ_LAST(&shard->hot.list, entry_list);

	for (int i = 0; i < PASSED_MOST && last->used; i++) {
		last->used = false;
		segment_remove(&shard->hot, last);
		segment_add(&shard->hot, last);
		last = TAILQ_LAST(&shard->hot.list, entry_list);
	}
	return last;
}

static void
evict_to(struct shard *shard, size_t bytes, struct entry_list *gone)
{
	while (shard->cold.bytes + shard->hot.bytes > bytes) {
		struct entry *e = TAILQ_LAST(&shard->cold.list, entry_list);

		if (e == NULL)
			e = coolest(shard);
		shard->evictions++;
		shard_take_out(shard, e, gone);
	}
}

static struct entry *
entry_new(const struct cache_key *key)
{
	size_t host = strlen(key->host) + 1, username = strlen(key->username) + 1;
	struct entry *e = malloc(sizeof(*e) + host + username + key->len);

	if (e == NULL)
		return NULL;
	memset(e, 0, sizeof(*e));
	memcpy(e->bytes, key->bytes, key->len);
	e->len = key->len;
	e->host = memcpy(e->bytes + key->len, key->host, host);
	e->username = memcpy(e->bytes + key->len + host, key->username, username);
	e->size = sizeof(*e) + host + username + key->len + ALLOCATION;
	return e;
}

void
entries_free(struct entry_list *gone)
{
	struct entry *next;

	for (struct entry *e = TAILQ_FIRST(gone); e != NULL; e = next) {
		next = TAILQ_NEXT(e, order);
		rowset_release(e->value);
		free(e);
	}
	TAILQ_INIT(gone);
}

/* ---- a shard ----------------------------------------------------------------------------- */

bool
shard_init(struct shard *shard)
{
	memset(shard, 0, sizeof(*shard));
	TAILQ_INIT(&shard->cold.list);
	TAILQ_INIT(&shard->hot.list);
	/* With default attributes it cannot fail. */
	pthread_mutex_init(&shard->lock, NULL);
	return tables_init(&shard->tables, CHAINS_MIN);
}

void
shard_end(struct shard *shard)
{
	struct entry_list gone = TAILQ_HEAD_INITIALIZER(gone);

	shard_drop_all(shard, &gone);
	entries_free(&gone);
	free(shard->tables.by_key);
	pthread_mutex_destroy(&shard->lock);
}

void
shard_resize(struct shard *shard, size_t bytes, struct entry_list *gone)
{
	struct shard_tables tables;
	size_t taken;

	/* Without memory for other tables it works with those it has. */
	if (chains_for(bytes) != shard->tables.size && tables_init(&tables, chains_for(bytes)))
		tables_move(&shard->tables, &tables);
	taken = tables_bytes(&shard->tables);
	shard->capacity = bytes > taken ? bytes - taken : 0;
	evict_to(shard, shard->capacity, gone);
}

struct entry *
shard_find(struct shard *shard, const struct cache_key *key, const struct place *place,
	   uint64_t now, struct entry_list *gone)
{
	struct entry *e;

	LIST_FOREACH(e, &shard->tables.by_key[place->key & (shard->tables.size - 1)], by_key)
	if (e->place.key == place->key && e->len == key->len &&
	    memcmp(e->bytes, key->bytes, key->len) == 0)
		break;
	if (e != NULL && e->fill == NULL && shard->ttl_ms > 0 && e->since + shard->ttl_ms <= now) {
		shard->expired++;
		shard_take_out(shard, e, gone);
		return NULL;
	}
	return e;
}

struct entry *
shard_add(struct shard *shard, const struct cache_key *key, const struct place *place, uint64_t now,
	  struct cache_fill *fill)
{
	struct entry *e = entry_new(key);

	if (e == NULL)
		return NULL;
	e->place = *place;
	e->since = now;
	e->fill = fill;
	link_in(&shard->tables, e);
	return e;
}

void
shard_settle(struct shard *shard, struct entry *e, struct rowset *value, struct entry_list *gone)
{
	size_t size = e->size + rowset_size(value);

	if (size > shard->capacity / LARGEST) {
		shard_take_out(shard, e, gone);
		return;
	}
	evict_to(shard, shard->capacity - size, gone);
	e->fill = NULL;
	e->value = rowset_hold(value);
	e->size = size;
	segment_add(&shard->cold, e);
	shard->entries++;
	shard->stores++;
}

/*
 * One that comes back is hot; the hot leave a fifth to those that come for the first time. One that
 * is hot is only marked: to move it would touch its neighbours.
 */
void
shard_touch(struct shard *shard, struct entry *e)
{
	if (e->hot) {
		e->used = true;
		return;
	}
	segment_remove(&shard->cold, e);
	e->hot = true;
	segment_add(&shard->hot, e);
	while (shard->hot.bytes > shard->capacity / 5 * 4) {
		struct entry *last = coolest(shard);

		segment_remove(&shard->hot, last);
		last->hot = last->used = false;
		segment_add(&shard->cold, last);
	}
}

/* ---- drops ------------------------------------------------------------------------------- */

void
shard_drop_account(struct shard *shard, const char *host, const char *username,
		   const struct place *place, struct entry_list *gone)
{
	struct shard_tables *t = &shard->tables;
	struct entry *next;

	for (struct entry *e = LIST_FIRST(&t->by_account[place->account & (t->size - 1)]);
	     e != NULL; e = next) {
		next = LIST_NEXT(e, by_account);
		if (strcmp(e->host, host) == 0 && strcmp(e->username, username) == 0)
			drop(shard, e, gone);
	}
}

void
shard_drop_host(struct shard *shard, const char *host, const struct place *place,
		struct entry_list *gone)
{
	struct shard_tables *t = &shard->tables;
	struct entry *next;

	for (struct entry *e = LIST_FIRST(&t->by_host[place->host & (t->hosts - 1)]); e != NULL;
	     e = next) {
		next = LIST_NEXT(e, by_host);
		if (strcmp(e->host, host) == 0)
			drop(shard, e, gone);
	}
}

void
shard_drop_all(struct shard *shard, struct entry_list *gone)
{
	for (size_t i = 0; i < shard->tables.size; i++) {
		struct entry *next;

		for (struct entry *e = LIST_FIRST(&shard->tables.by_key[i]); e != NULL; e = next) {
			next = LIST_NEXT(e, by_key);
			drop(shard, e, gone);
		}
	}
}
