#include "db/drops.h"

#include <stdlib.h>
#include <string.h>

#include <yajl/yajl_gen.h>
#include <yajl/yajl_parse.h>

#include "base/json.h"

static const char EVERYTHING[] = "{\"from\":\"\",\"drops\":[[\"all\"]]}";

/* ---- collecting -------------------------------------------------------------------------- */

static void
remove_at(struct drops *drops, size_t i)
{
	free((char *)drops->items[i].host);
	free((char *)drops->items[i].username);
	drops->items[i] = drops->items[--drops->count];
}

void
drops_clear(struct drops *drops)
{
	while (drops->count > 0)
		remove_at(drops, drops->count - 1);
}

static void
add_all(struct drops *drops)
{
	drops_clear(drops);
	drops->items[drops->count++] = (struct db_drop){ .scope = SCOPE_ALL };
}

static char *
copy(const char *text)
{
	return text == NULL ? NULL : strdup(text);
}

static void
append(struct drops *drops, enum sql_scope scope, const char *host, const char *username)
{
	struct db_drop item = { scope, copy(host), copy(username) };

	if (item.host == NULL || (username != NULL && item.username == NULL)) {
		free((char *)item.host);
		free((char *)item.username);
		add_all(drops);
		return;
	}
	drops->items[drops->count++] = item;
}

static bool
covers(const struct db_drop *wide, const char *host, const char *username)
{
	if (wide->scope == SCOPE_ALL)
		return true;
	if (host == NULL || strcmp(wide->host, host) != 0)
		return false;
	return wide->scope == SCOPE_HOST ||
	       (username != NULL && strcmp(wide->username, username) == 0);
}

static bool
is_covered(const struct drops *drops, const char *host, const char *username)
{
	for (size_t i = 0; i < drops->count; i++)
		if (covers(&drops->items[i], host, username))
			return true;
	return false;
}

static size_t
count_host(const struct drops *drops, const char *host)
{
	size_t n = 0;

	for (size_t i = 0; i < drops->count; i++)
		n += strcmp(drops->items[i].host, host) == 0;
	return n;
}

static size_t
count_hosts(const struct drops *drops)
{
	size_t n = 0;

	for (size_t i = 0; i < drops->count; i++) {
		size_t before = 0;

		while (strcmp(drops->items[before].host, drops->items[i].host) != 0)
			before++;
		n += before == i;
	}
	return n;
}

static void
add_host(struct drops *drops, const char *host)
{
	/* Behind what is removed stand only those that were looked at already. */
	for (size_t i = drops->count; i > 0; i--)
		if (strcmp(drops->items[i - 1].host, host) == 0)
			remove_at(drops, i - 1);
	append(drops, SCOPE_HOST, host, NULL);
}

void
drops_add(struct drops *drops, enum sql_scope scope, const char *host, const char *username)
{
	size_t of_host;

	if (scope == SCOPE_NONE)
		return;
	if (scope == SCOPE_ALL || host == NULL) {
		add_all(drops);
		return;
	}
	if (scope == SCOPE_HOST)
		username = NULL;
	if (is_covered(drops, host, username))
		return;
	of_host = count_host(drops, host);
	if (of_host == 0 && count_hosts(drops) == DROPS_HOSTS_MAX)
		add_all(drops);
	else if (username == NULL || of_host == DROPS_ACCOUNTS_MAX)
		add_host(drops, host);
	else
		append(drops, SCOPE_ACCOUNT, host, username);
}

void
drops_add_statement(struct drops *drops, const struct sql_statement *statement,
		    const char *const values[])
{
	const struct sql_reach *reach = &statement->drops;

	drops_add(drops, reach->scope, reach->host == 0 ? NULL : values[reach->host - 1],
		  reach->username == 0 ? NULL : values[reach->username - 1]);
}

/* ---- the payload ------------------------------------------------------------------------- */

static void
write_drop(yajl_gen gen, const struct db_drop *drop)
{
	static const char *const WORDS[] = { "none", "account", "host", "all" };

	yajl_gen_array_open(gen);
	json_text(gen, WORDS[drop->scope]);
	if (drop->host != NULL)
		json_text(gen, drop->host);
	if (drop->username != NULL)
		json_text(gen, drop->username);
	yajl_gen_array_close(gen);
}

/* False when it is too long, or there is no memory for it. */
static bool
write_payload(const struct drops *drops, const char *from, char out[DROPS_PAYLOAD_MAX + 1])
{
	yajl_gen gen = yajl_gen_alloc(NULL);
	const unsigned char *text = NULL;
	size_t len = 0;

	if (gen == NULL)
		return false;
	yajl_gen_map_open(gen);
	json_member(gen, "from", from);
	json_text(gen, "drops");
	yajl_gen_array_open(gen);
	for (size_t i = 0; i < drops->count; i++)
		write_drop(gen, &drops->items[i]);
	yajl_gen_array_close(gen);
	yajl_gen_map_close(gen);
	if (yajl_gen_get_buf(gen, &text, &len) != yajl_gen_status_ok || len > DROPS_PAYLOAD_MAX)
		text = NULL;
	if (text != NULL) {
		memcpy(out, text, len);
		out[len] = '\0';
	}
	yajl_gen_free(gen);
	return text != NULL;
}

static bool
write_hosts(const struct drops *drops, const char *from, char out[DROPS_PAYLOAD_MAX + 1])
{
	struct drops hosts = { .count = 0 };
	bool written;

	for (size_t i = 0; i < drops->count; i++)
		drops_add(&hosts, SCOPE_HOST, drops->items[i].host, NULL);
	written = write_payload(&hosts, from, out);
	drops_clear(&hosts);
	return written;
}

void
drops_payload(const struct drops *drops, const char *from, char out[DROPS_PAYLOAD_MAX + 1])
{
	if (!write_payload(drops, from, out) && !write_hosts(drops, from, out))
		memcpy(out, EVERYTHING, sizeof(EVERYTHING));
}

/* ---- reading it -------------------------------------------------------------------------- */

enum { WORDS_MAX = 3 };

struct reader {
	struct told *told;
	const char *own_id;
	enum { START, MEMBERS, FROM, TOKENS, DROPS, LIST, DROP, END } at;
	char *words[WORDS_MAX]; /* of the drop that is being read */
	size_t count;
};

static int
refuse_null(void *ctx)
{
	(void)ctx;
	return 0;
}

static int
refuse_number(void *ctx, const char *text, size_t len)
{
	(void)ctx;
	(void)text;
	(void)len;
	return 0;
}

static int
read_bool(void *ctx, int value)
{
	struct reader *r = ctx;

	if (r->at != TOKENS)
		return 0;
	r->told->tokens = value != 0;
	r->at = MEMBERS;
	return 1;
}

static bool
is_word(const char *word, const unsigned char *text, size_t len)
{
	return strlen(word) == len && memcmp(word, text, len) == 0;
}

static int
read_word(struct reader *r, const unsigned char *text, size_t len)
{
	/* A name with a NUL byte is none of ours. */
	if (r->count == WORDS_MAX || memchr(text, '\0', len) != NULL)
		return 0;
	r->words[r->count] = strndup((const char *)text, len);
	return r->words[r->count] == NULL ? 0 : (r->count++, 1);
}

static int
read_string(void *ctx, const unsigned char *text, size_t len)
{
	struct reader *r = ctx;

	if (r->at == DROP)
		return read_word(r, text, len);
	if (r->at != FROM)
		return 0;
	r->told->own = r->own_id != NULL && len > 0 && is_word(r->own_id, text, len);
	r->at = MEMBERS;
	return 1;
}

static int
read_name(void *ctx, const unsigned char *text, size_t len)
{
	struct reader *r = ctx;

	if (is_word("from", text, len))
		r->at = FROM;
	else if (is_word("tokens", text, len))
		r->at = TOKENS;
	else if (is_word("drops", text, len))
		r->at = DROPS;
	else
		return 0;
	return 1;
}

static int
open_map(void *ctx)
{
	struct reader *r = ctx;
	bool expected = r->at == START;

	r->at = MEMBERS;
	return expected;
}

static int
close_map(void *ctx)
{
	struct reader *r = ctx;
	bool expected = r->at == MEMBERS;

	r->at = END;
	return expected;
}

static int
open_list(void *ctx)
{
	struct reader *r = ctx;

	if (r->at != DROPS && r->at != LIST)
		return 0;
	r->at = r->at == DROPS ? LIST : DROP;
	return 1;
}

static void
forget_words(struct reader *r)
{
	while (r->count > 0)
		free(r->words[--r->count]);
}

static bool
take_drop(struct reader *r)
{
	struct drops *drops = &r->told->drops;

	if (r->count == 1 && strcmp(r->words[0], "all") == 0)
		drops_add(drops, SCOPE_ALL, NULL, NULL);
	else if (r->count == 2 && strcmp(r->words[0], "host") == 0)
		drops_add(drops, SCOPE_HOST, r->words[1], NULL);
	else if (r->count == 3 && strcmp(r->words[0], "account") == 0)
		drops_add(drops, SCOPE_ACCOUNT, r->words[1], r->words[2]);
	else
		return false;
	forget_words(r);
	return true;
}

static int
close_list(void *ctx)
{
	struct reader *r = ctx;
	bool whole = r->at == DROP;

	r->at = whole ? LIST : MEMBERS;
	return !whole || take_drop(r);
}

static bool
parse(const char *payload, struct reader *r)
{
	/* What has no callback yajl passes over, so there are some that refuse. */
	static const yajl_callbacks callbacks = {
		.yajl_null = refuse_null,
		.yajl_boolean = read_bool,
		.yajl_number = refuse_number,
		.yajl_string = read_string,
		.yajl_start_map = open_map,
		.yajl_map_key = read_name,
		.yajl_end_map = close_map,
		.yajl_start_array = open_list,
		.yajl_end_array = close_list,
	};
	yajl_handle parser = yajl_alloc(&callbacks, NULL, r);
	bool good;

	if (parser == NULL)
		return false;
	good = yajl_parse(parser, (const unsigned char *)payload, strlen(payload)) ==
		       yajl_status_ok &&
	       yajl_complete_parse(parser) == yajl_status_ok && r->at == END;
	yajl_free(parser);
	return good;
}

void
told_read(const char *payload, const char *own_id, struct told *out)
{
	struct reader r = { .told = out, .own_id = own_id };

	*out = (struct told){ .tokens = false };
	if (!parse(payload, &r) || (out->drops.count == 0 && !out->tokens)) {
		add_all(&out->drops);
		out->tokens = true;
		out->own = false;
	}
	forget_words(&r);
}
