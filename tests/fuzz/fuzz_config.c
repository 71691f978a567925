/*
 * Configuration files. What is refused says where, on one line; what is accepted has each setting
 * in its range, and written again it reads as the same.
 *
 * Leaks are not looked for: libconfig 1.5 itself leaks a string that stands where none may, and
 * looking takes a hundred times as long as parsing. The unit tests look.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/config.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__asan_default_options(void);

const char *
__asan_default_options(void)
{
	return "detect_leaks=0";
}

/* assert() would vanish with NDEBUG. */
static void
must(bool truth, const char *what)
{
	if (!truth) {
		fprintf(stderr, "broken: %s\n", what);
		abort();
	}
}

/* Names may be cut in a message, within a character too: only the line is looked at. */
static void
check_error(const struct adx_error *err, const char *text)
{
	unsigned line, lines = 1;
	int used = 0;

	for (; *text != '\0'; text++)
		lines += *text == '\n';
	must(err->rc == ADX_EINVAL, "the code");
	must(sscanf(err->message, "'fuzz' line %u: %n", &line, &used) == 1 && used > 0,
	     "file and line");
	must(line >= 1 && line <= lines, "a line of the file");
	must(err->message[used] != '\0', "a reason");
	must(strpbrk(err->message, "\r\n") == NULL, "a message of one line");
}

static void
check_ranges(const struct config *c)
{
	must(c->connect_timeout >= 1 && c->connect_timeout <= 3600, "connect_timeout");
	must(c->lock_timeout >= 0 && c->lock_timeout <= 86400, "lock_timeout");
	must(c->statement_timeout >= 0 && c->statement_timeout <= 86400, "statement_timeout");
	must(c->password_iterations >= 4096 && c->password_iterations <= 10000000, "iterations");
	must(strncmp(c->password_mechanism, "SCRAM-SHA-", 10) == 0, "mechanism");
	must(c->pattern_timeout >= 1 && c->pattern_timeout <= 86400, "pattern_timeout");
	must(c->cache_max_bytes >= 0, "max_bytes");
	must(c->cache_ttl >= 0 && c->cache_ttl <= 86400, "ttl");
}

static void
add_string(struct buf *out, const char *name, const char *text)
{
	buf_addf(out, " %s = \"", name);
	for (; *text != '\0'; text++)
		buf_addf(out, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
	buf_add_text(out, "\";");
}

static void
write_config(const struct config *c, struct buf *out)
{
	buf_addf(out, "database = { connect_timeout = %d; lock_timeout = %d;", c->connect_timeout,
		 c->lock_timeout);
	buf_addf(out, " statement_timeout = %d;", c->statement_timeout);
	add_string(out, "dsn", c->database_dsn);
	buf_add_text(out, " };\nnode = {");
	add_string(out, "name", c->node_name);
	add_string(out, "cookie", c->node_cookie);
	buf_addf(out, " };\npassword = { iterations = %d;", c->password_iterations);
	add_string(out, "mechanism", c->password_mechanism);
	buf_addf(out, " };\nlimits = { pattern_timeout = %d; };\nservices = {", c->pattern_timeout);
	for (size_t i = 0; i < c->submods.count; i++)
		buf_addf(out, "%s \"%s\"", i == 0 ? " admin_extra = { submods = [" : ",",
			 c->submods.items[i]);
	buf_add_text(out, c->submods.count == 0 ? "" : " ]; };");
	buf_addf(out, " cache = { max_bytes = %d; ttl = %d; }; };\n", c->cache_max_bytes,
		 c->cache_ttl);
}

static void
check_same(const struct config *a, const struct config *b)
{
	must(a->connect_timeout == b->connect_timeout && a->lock_timeout == b->lock_timeout &&
		     a->statement_timeout == b->statement_timeout &&
		     a->password_iterations == b->password_iterations &&
		     a->pattern_timeout == b->pattern_timeout &&
		     a->cache_max_bytes == b->cache_max_bytes && a->cache_ttl == b->cache_ttl,
	     "the same numbers");
	must(strcmp(a->database_dsn, b->database_dsn) == 0 &&
		     strcmp(a->node_name, b->node_name) == 0 &&
		     strcmp(a->node_cookie, b->node_cookie) == 0 &&
		     strcmp(a->password_mechanism, b->password_mechanism) == 0,
	     "the same strings");
	must(a->submods.count == b->submods.count, "as many submods");
	for (size_t i = 0; i < a->submods.count; i++)
		must(strcmp(a->submods.items[i], b->submods.items[i]) == 0, "the same submods");
}

static void
check_reads_again(const struct config *config)
{
	struct buf text = BUF_INIT;
	struct adx_error err = { 0 };
	struct config *again;

	write_config(config, &text);
	must(buf_ok(&text), "memory");
	if (config_parse(buf_text(&text), "again", &again, &err) != ADX_OK)
		must(false, err.message);
	check_same(config, again);
	config_free(again);
	buf_free(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	struct adx_error err = { 0 };
	struct config *config;

	must(text != NULL, "memory");
	if (config_parse(text, "fuzz", &config, &err) == ADX_OK) {
		check_ranges(config);
		check_reads_again(config);
	} else {
		must(config == NULL, "nothing when refused");
		check_error(&err, text);
	}
	config_free(config);
	free(text);
	return 0;
}
