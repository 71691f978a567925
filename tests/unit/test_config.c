#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/config.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct config *
accept(const char *text)
{
	struct adx_error err = { 0 };
	struct config *config = NULL;

	if (config_parse(text, "t.conf", &config, &err) != ADX_OK)
		fail_msg("%s: %s", text, err.message);
	assert_non_null(config);
	return config;
}

static void
refuse(const char *text, const char *want)
{
	struct adx_error err = { 0 };
	struct config *config = (struct config *)&err;

	if (config_parse(text, "t.conf", &config, &err) != ADX_EINVAL)
		fail_msg("accepted: %s", text);
	assert_null(config);
	assert_int_equal(err.rc, ADX_EINVAL);
	assert_string_equal(err.message, want);
}

static void
test_config_defaults(void **state)
{
	struct adx_error err = { 0 };
	struct config *c;

	(void)state;
	assert_int_equal(config_default(&c, &err), ADX_OK);
	assert_string_equal(c->database_dsn, "");
	assert_int_equal(c->connect_timeout, 5);
	assert_int_equal(c->lock_timeout, 10);
	assert_int_equal(c->statement_timeout, 0);
	assert_string_equal(c->prepare, "on");
	assert_string_equal(c->node_name, "mongooseim@localhost");
	assert_string_equal(c->node_cookie, "");
	assert_string_equal(c->password_mechanism, "SCRAM-SHA-256");
	assert_int_equal(c->password_iterations, 4096);
	assert_int_equal(c->pattern_timeout, 60);
	assert_int_equal(c->submods.count, 0);
	assert_int_equal(c->cache_max_bytes, 67108864);
	assert_int_equal(c->cache_ttl, 60);
	assert_string_equal(c->direct_dsn, "");
	assert_string_equal(c->privacy.key_file, "");
	assert_string_equal(c->privacy.journal_file, "");
	assert_int_equal(c->privacy.tombstone_days, 0);
	config_free(c);
	config_free(NULL);
}

static void
test_config_http_defaults(void **state)
{
	struct adx_error err = { 0 };
	struct config *c;

	(void)state;
	assert_int_equal(config_default(&c, &err), ADX_OK);
	assert_string_equal(c->http.socket, "");
	assert_string_equal(c->http.group, "");
	assert_string_equal(c->http.listen, "");
	assert_string_equal(c->http.tls_certificate, "");
	assert_string_equal(c->http.tls_key, "");
	assert_string_equal(c->http.tls_clients, "");
	assert_int_equal(c->http.peers.count, 0);
	assert_int_equal(c->http.certificates.count, 0);
	assert_string_equal(c->http.key_file, "");
	assert_string_equal(c->http.log, "writes");
	assert_int_equal(c->http.threads, 2);
	assert_int_equal(c->http.readers, 2);
	assert_int_equal(c->http.writers, 8);
	assert_int_equal(c->http.max_connections, 16384);
	assert_int_equal(c->http.max_in_flight, 1000);
	assert_int_equal(c->http.max_header, 4096);
	assert_int_equal(c->http.max_body, 1048576);
	assert_int_equal(c->http.max_reply, 1024);
	assert_int_equal(c->http.request_timeout, 30);
	assert_int_equal(c->http.idle_timeout, 60);
	assert_int_equal(c->http.grace, 10);
	assert_int_equal(c->http.retry, 5);
	assert_int_equal(c->http.password_checks, 10);
	assert_int_equal(c->http.keep_replies, 86400);
	config_free(c);
}

static void
test_config_empty_file_has_the_defaults(void **state)
{
	struct config *c = accept("# nothing\n");

	(void)state;
	assert_int_equal(c->connect_timeout, 5);
	assert_string_equal(c->node_name, "mongooseim@localhost");
	config_free(c);
}

static void
test_config_takes_each_setting(void **state)
{
	struct config *c =
		accept("database = {\n"
		       "  dsn = \"host=db1,db2 dbname=xmpp password=it's \\\"x\\\"\";\n"
		       "  connect_timeout = 1; lock_timeout = 2; statement_timeout = 3;\n"
		       "  prepare = \"off\";\n"
		       "};\n"
		       "node: { name: \"a@b\", cookie: \"c\" }\n"
		       "password = { mechanism = \"SCRAM-SHA-1\"; iterations = 5000L; };\n"
		       "limits = { pattern_timeout = 7; };\n"
		       "services = {\n"
		       "  admin_extra = { submods = [ \"last\", \"node\" ]; };\n"
		       "  cache = { max_bytes = 0; ttl = 86400; };\n"
		       "};\n"
		       "privacy = { key_file = \"/k\"; journal_file = \"/j\"; tombstone_days = "
		       "36500; };\n");

	(void)state;
	assert_string_equal(c->database_dsn, "host=db1,db2 dbname=xmpp password=it's \"x\"");
	assert_int_equal(c->connect_timeout, 1);
	assert_int_equal(c->lock_timeout, 2);
	assert_int_equal(c->statement_timeout, 3);
	assert_string_equal(c->prepare, "off");
	assert_string_equal(c->node_name, "a@b");
	assert_string_equal(c->node_cookie, "c");
	assert_string_equal(c->password_mechanism, "SCRAM-SHA-1");
	assert_int_equal(c->password_iterations, 5000);
	assert_int_equal(c->pattern_timeout, 7);
	assert_int_equal(c->submods.count, 2);
	assert_string_equal(c->submods.items[0], "last");
	assert_string_equal(c->submods.items[1], "node");
	assert_int_equal(c->cache_max_bytes, 0);
	assert_int_equal(c->cache_ttl, 86400);
	assert_string_equal(c->privacy.key_file, "/k");
	assert_string_equal(c->privacy.journal_file, "/j");
	assert_int_equal(c->privacy.tombstone_days, 36500);
	config_free(c);
}

static void
test_config_takes_each_setting_of_http(void **state)
{
	struct config *c = accept(
		"database = { direct_dsn = \"host=db1\"; };\n"
		"http = {\n"
		"  socket = \"/s\"; group = \"g\"; listen = \"[::1]:1\"; key_file = \"/k\";\n"
		"  tls_certificate = \"/c\"; tls_key = \"/t\"; tls_clients = \"/a\";\n"
		"  peers = [ \"alice:admin\", \"bob:reader:example.org,example.net\" ];\n"
		"  certificates = ( \"00ff:operator\" );\n"
		"  log = \"all\"; threads = 3; readers = 4; writers = 5;\n"
		"  max_connections = 16; max_in_flight = 6; max_header = 2048; max_body = 0;\n"
		"  max_reply = 7; request_timeout = 8; idle_timeout = 9; grace = 0; retry = 10;\n"
		"  password_checks = 11; keep_replies = 12;\n"
		"};\n");

	(void)state;
	assert_string_equal(c->direct_dsn, "host=db1");
	assert_string_equal(c->http.socket, "/s");
	assert_string_equal(c->http.group, "g");
	assert_string_equal(c->http.listen, "[::1]:1");
	assert_string_equal(c->http.key_file, "/k");
	assert_string_equal(c->http.tls_certificate, "/c");
	assert_string_equal(c->http.tls_key, "/t");
	assert_string_equal(c->http.tls_clients, "/a");
	assert_int_equal(c->http.peers.count, 2);
	assert_string_equal(c->http.peers.items[1], "bob:reader:example.org,example.net");
	assert_int_equal(c->http.certificates.count, 1);
	assert_string_equal(c->http.certificates.items[0], "00ff:operator");
	assert_string_equal(c->http.log, "all");
	assert_int_equal(c->http.threads, 3);
	assert_int_equal(c->http.readers, 4);
	assert_int_equal(c->http.writers, 5);
	assert_int_equal(c->http.max_connections, 16);
	assert_int_equal(c->http.max_in_flight, 6);
	assert_int_equal(c->http.max_header, 2048);
	assert_int_equal(c->http.max_body, 0);
	assert_int_equal(c->http.max_reply, 7);
	assert_int_equal(c->http.request_timeout, 8);
	assert_int_equal(c->http.idle_timeout, 9);
	assert_int_equal(c->http.grace, 0);
	assert_int_equal(c->http.retry, 10);
	assert_int_equal(c->http.password_checks, 11);
	assert_int_equal(c->http.keep_replies, 12);
	config_free(c);
}

/* "a.b.c" and a value as the text "a = { b = { c = value; }; };". */
static void
write_setting(struct buf *out, const char *path, const char *before, const char *value,
	      const char *after)
{
	size_t depth = 0;

	for (; *path != '\0'; path++) {
		if (*path == '.')
			buf_add_text(out, " = { ");
		else
			buf_add_char(out, *path);
		depth += *path == '.';
	}
	buf_addf(out, " = %s%s%s;", before, value, after);
	for (; depth > 0; depth--)
		buf_add_text(out, " };");
}

/* What is documented can be written as documented; "all" and "none" are lists. */
static void
test_config_takes_whatever_it_describes(void **state)
{
	struct config_doc doc;
	unsigned i;

	(void)state;
	for (i = 0; config_describe(i, &doc); i++) {
		bool number = strspn(doc.fallback, "0123456789") == strlen(doc.fallback) &&
			      doc.fallback[0] != '\0';
		bool all = strcmp(doc.fallback, "all") == 0;
		bool none = strcmp(doc.fallback, "none") == 0;
		struct buf text = BUF_INIT;

		assert_non_null(doc.doc);
		if (all)
			write_setting(&text, doc.path, "[ \"", "accounts", "\" ]");
		else if (none)
			write_setting(&text, doc.path, "[", "", "]");
		else
			write_setting(&text, doc.path, number ? "" : "\"", doc.fallback,
				      number ? "" : "\"");
		config_free(accept(buf_text(&text)));
		buf_free(&text);
	}
	assert_int_equal(i, 41);
	assert_false(config_describe(UINT32_MAX, &doc));
}

static void
test_config_names_what_is_unknown(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "x = 1;", "'t.conf' line 1: setting 'x' is not known" },
		{ "\n\ndatabase = {\n  dsn = \"\";\n  dns = \"\";\n};",
		  "'t.conf' line 5: setting 'database.dns' is not known" },
		{ "services = { admin = { submods = [ \"last\" ]; }; };",
		  "'t.conf' line 1: setting 'services.admin' is not known" },
		{ "databas = { dsn = \"\"; };", "'t.conf' line 1: setting 'databas' is not known" },
		{ "data = { };", "'t.conf' line 1: setting 'data' is not known" },
		{ "database = 5;", "'t.conf' line 1: setting 'database' is not known" },
		{ "database = ( { dsn = \"\"; } );",
		  "'t.conf' line 1: setting 'database' is not known" },
		{ "Database = { };", "'t.conf' line 1: setting 'Database' is not known" },
		{ "limits = { pattern_timeout = { x = 1; }; };",
		  "'t.conf' line 1: setting 'limits.pattern_timeout' must be a whole number in "
		  "decimal" },
		{ "a1234567890123456789012345678901234567890123456789 = 1;",
		  "'t.conf' line 1: setting 'a123456789012345678901234567890123456789' is not "
		  "known" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		refuse(cases[i].text, cases[i].want);
}

static void
test_config_refuses_types_and_ranges(void **state)
{
	static const struct {
		const char *path, *value, *want;
	} cases[] = {
		{ "database.dsn", "5", "must be a string in double quotes" },
		{ "database.dsn", "[ \"a\" ]", "must be a string in double quotes" },
		{ "database.dsn", "{ }", "must be a string in double quotes" },
		{ "database.dsn", "true", "must be a string in double quotes" },
		{ "database.connect_timeout", "\"5\"", "must be a whole number in decimal" },
		{ "database.connect_timeout", "5.0", "must be a whole number in decimal" },
		{ "database.connect_timeout", "true", "must be a whole number in decimal" },
		{ "database.connect_timeout", "[ 5 ]", "must be a whole number in decimal" },
		/* libconfig would make a 10 of it */
		{ "database.connect_timeout", "0x10000000A", "must be a whole number in decimal" },
		{ "database.connect_timeout", "0x5L", "must be a whole number in decimal" },
		{ "database.connect_timeout", "0", "must be between 1 and 3600" },
		{ "database.connect_timeout", "3601", "must be between 1 and 3600" },
		{ "database.connect_timeout", "-1", "must be between 1 and 3600" },
		{ "database.connect_timeout", "99999999999999999999L",
		  "must be between 1 and 3600" },
		{ "database.lock_timeout", "-1", "must be between 0 and 86400" },
		{ "database.statement_timeout", "86401", "must be between 0 and 86400" },
		{ "password.iterations", "4095", "must be between 4096 and 10000000" },
		{ "password.iterations", "10000001", "must be between 4096 and 10000000" },
		{ "limits.pattern_timeout", "0", "must be between 1 and 86400" },
		{ "services.cache.max_bytes", "2147483648L", "must be between 0 and 2147483647" },
		{ "services.cache.ttl", "86401", "must be between 0 and 86400" },
		{ "database.prepare", "false", "must be a string in double quotes" },
		{ "database.prepare", "\"no\"", "has an unknown word" },
		{ "password.mechanism", "\"MD5\"", "has an unknown word" },
		{ "password.mechanism", "\"scram-sha-256\"", "has an unknown word" },
		{ "password.mechanism", "\"\"", "has an unknown word" },
		{ "services.admin_extra.submods", "\"last\"",
		  "must be a list: [ \"...\", \"...\" ]" },
		{ "services.admin_extra.submods", "{ }", "must be a list: [ \"...\", \"...\" ]" },
		{ "services.admin_extra.submods", "[ ]", "is an empty list" },
		{ "services.admin_extra.submods", "( )", "is an empty list" },
		{ "services.admin_extra.submods", "[ 1 ]", "must hold strings in double quotes" },
		{ "services.admin_extra.submods", "( \"last\", [ \"node\" ] )",
		  "must hold strings in double quotes" },
		{ "services.admin_extra.submods", "[ \"last\", \"all\" ]", "has an unknown word" },
		{ "http.log", "\"none\"", "has an unknown word" },
		{ "http.peers", "\"alice:admin\"", "must be a list: [ \"...\", \"...\" ]" },
		{ "http.peers", "[ 1 ]", "must hold strings in double quotes" },
		{ "http.peers", "[ \"alice\" ]", "has an entry that cannot be read" },
		{ "http.peers", "[ \"alice:admin\", \"bob:root\" ]",
		  "has an entry that cannot be read" },
		{ "http.certificates", "[ \"00ff:reader:a b\" ]",
		  "has an entry that cannot be read" },
		{ "http.threads", "0", "must be between 1 and 64" },
		{ "http.readers", "65", "must be between 1 and 64" },
		{ "privacy.key_file", "1", "must be a string in double quotes" },
		{ "privacy.tombstone_days", "-1", "must be between 0 and 36500" },
		{ "privacy.tombstone_days", "36501", "must be between 0 and 36500" },
		{ "http.writers", "257", "must be between 1 and 256" },
		{ "http.max_connections", "15", "must be between 16 and 1000000" },
		{ "http.max_in_flight", "0", "must be between 1 and 1000000" },
		{ "http.max_header", "2047", "must be between 2048 and 1048576" },
		{ "http.max_body", "-1", "must be between 0 and 2147483647" },
		{ "http.max_reply", "0", "must be between 1 and 1048576" },
		{ "http.request_timeout", "0", "must be between 1 and 86400" },
		{ "http.idle_timeout", "0", "must be between 1 and 86400" },
		{ "http.grace", "3601", "must be between 0 and 3600" },
		{ "http.retry", "3601", "must be between 0 and 3600" },
		{ "http.password_checks", "0", "must be between 1 and 1000000" },
		{ "http.keep_replies", "0", "must be between 1 and 31536000" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf text = BUF_INIT, want = BUF_INIT;

		write_setting(&text, cases[i].path, "", cases[i].value, "");
		buf_addf(&want, "'t.conf' line 1: setting '%s' %s", cases[i].path, cases[i].want);
		refuse(buf_text(&text), buf_text(&want));
		buf_free(&text);
		buf_free(&want);
	}
}

static void
test_config_hints_at_the_words(void **state)
{
	struct adx_error err = { 0 };
	struct config *config;

	(void)state;
	assert_int_equal(config_parse("password = { mechanism = \"x\"; };", "t", &config, &err),
			 ADX_EINVAL);
	assert_string_equal(err.hint,
			    "it must be one of SCRAM-SHA-256, SCRAM-SHA-512, SCRAM-SHA-1");
	assert_int_equal(config_parse("services = { admin_extra = { submods = [ \"x\" ]; }; };",
				      "t", &config, &err),
			 ADX_EINVAL);
	assert_string_equal(err.hint,
			    "it must be one of accounts, admin, cache, gdpr, last, node, private, "
			    "roster, sessions, stanza, stats, vcard");
	assert_int_equal(config_parse("http = { peers = [ \"x\" ]; };", "t", &config, &err),
			 ADX_EINVAL);
	assert_string_equal(err.hint,
			    "write name:role or name:role:host,host; roles are reader, operator "
			    "and admin");
}

static void
test_config_refuses_what_is_cut_off(void **state)
{
	static const char *const cases[] = {
		"database",
		"database =",
		"database = {",
		"database = { dsn",
		"database = { dsn = \"a\"",
		"database = { dsn = \"a\";",
		"services = { admin_extra = { submods = [ \"last\",",
		"}",
		"= 1;",
		"node = { name = 'a'; };",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		refuse(cases[i], "'t.conf' line 1: syntax error");
	refuse("node = {\n", "'t.conf' line 2: syntax error");
	refuse("node = {\n\n  name = \"a", "'t.conf' line 3: string without an end");
	refuse("node = { name = \"a\\\"; };\n", "'t.conf' line 1: string without an end");
	refuse("\n/* node = {\n", "'t.conf' line 2: comment without an end");
}

static void
test_config_refuses_what_is_there_twice(void **state)
{
	(void)state;
	refuse("limits = {\n\n};\nlimits = { };\n", "'t.conf' line 4: duplicate setting name");
	refuse("node = { name = \"a\"; name = \"b\"; };",
	       "'t.conf' line 1: duplicate setting name");
}

/* libconfig would keep 32 bits: 1, 0, -1. */
static void
test_config_refuses_numbers_out_of_range(void **state)
{
	static const char *const cases[] = {
		"4294967297",  "4294967296",           "-2147483649",
		"+2147483648", "99999999999999999999", "[ 1, 4294967297 ]",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf text = BUF_INIT;

		buf_add_text(&text, "\n");
		write_setting(&text, "database.connect_timeout", "", cases[i], "");
		refuse(buf_text(&text), "'t.conf' line 2: number out of range");
		buf_free(&text);
	}
}

static void
test_config_leaves_text_in_strings_and_comments_alone(void **state)
{
	struct config *c = accept("# 4294967297 \"\n"
				  "// @include \"x\"\n"
				  "/* 4294967297\n@include \"x\" // */\n"
				  "node = { name = \"4294967297 /* # // \\\"\n@include\"; };");

	(void)state;
	assert_string_equal(c->node_name, "4294967297 /* # // \"\n@include");
	config_free(c);
}

static void
test_config_refuses_includes(void **state)
{
	(void)state;
	refuse("\n @include \"/tmp\"\n", "'t.conf' line 2: @include is not supported");
	refuse("node = {\n@include \"/nonexistent\"\n};",
	       "'t.conf' line 2: @include is not supported");
}

/* ---- files ------------------------------------------------------------------------------- */

static int
setup(void **state)
{
	char *folder = strdup("/tmp/adminex-config-XXXXXX");

	if (folder == NULL || mkdtemp(folder) == NULL)
		return -1;
	*state = folder;
	return 0;
}

static int
teardown(void **state)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/main.conf", (char *)*state);
	unlink(path);
	rmdir(*state);
	free(*state);
	return 0;
}

static const char *
write_file(void **state, const char *text, size_t len)
{
	static char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "%s/main.conf", (char *)*state);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
	return path;
}

static void
check_load_refuses(const char *path, const char *want)
{
	struct adx_error err = { 0 };
	struct config *config = (struct config *)&err;

	assert_int_equal(config_load(path, &config, &err), ADX_EINVAL);
	assert_null(config);
	assert_non_null(strstr(err.message, path));
	if (strstr(err.message, want) == NULL)
		fail_msg("%s", err.message);
}

static void
test_config_load_reads_a_file(void **state)
{
	static const char text[] = "node = { name = \"a@b\"; };\n";
	struct adx_error err = { 0 };
	struct config *c;

	assert_int_equal(config_load(write_file(state, text, sizeof(text) - 1), &c, &err), ADX_OK);
	assert_string_equal(c->node_name, "a@b");
	config_free(c);
}

static void
test_config_load_names_file_and_line(void **state)
{
	static const char text[] = "\nx = 1;\n";

	check_load_refuses(write_file(state, text, sizeof(text) - 1),
			   "line 2: setting 'x' is not known");
	check_load_refuses(write_file(state, text, 2), "line 3: syntax error");
}

static void
test_config_load_refuses_what_is_no_text_file(void **state)
{
	static const char nul[] = "node = { };\n\0x";
	char *large = malloc(1024 * 1024 + 1);

	assert_non_null(large);
	memset(large, '\n', 1024 * 1024 + 1);
	check_load_refuses(*state, "Is a directory");
	check_load_refuses("/nonexistent/adminex.conf", "No such file or directory");
	check_load_refuses(write_file(state, nul, sizeof(nul) - 1), "NUL byte");
	check_load_refuses(write_file(state, large, 1024 * 1024 + 1), "File too large");
	free(large);
}

static void
test_config_load_takes_a_comment_at_the_end(void **state)
{
	static const char text[] = "node = { name = \"a@b\"; }; # the end";
	struct adx_error err = { 0 };
	struct config *c;

	assert_int_equal(config_load(write_file(state, text, sizeof(text) - 1), &c, &err), ADX_OK);
	assert_string_equal(c->node_name, "a@b");
	config_free(c);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config_defaults),
		cmocka_unit_test(test_config_http_defaults),
		cmocka_unit_test(test_config_empty_file_has_the_defaults),
		cmocka_unit_test(test_config_takes_each_setting),
		cmocka_unit_test(test_config_takes_each_setting_of_http),
		cmocka_unit_test(test_config_takes_whatever_it_describes),
		cmocka_unit_test(test_config_names_what_is_unknown),
		cmocka_unit_test(test_config_refuses_types_and_ranges),
		cmocka_unit_test(test_config_hints_at_the_words),
		cmocka_unit_test(test_config_refuses_what_is_cut_off),
		cmocka_unit_test(test_config_refuses_what_is_there_twice),
		cmocka_unit_test(test_config_refuses_numbers_out_of_range),
		cmocka_unit_test(test_config_leaves_text_in_strings_and_comments_alone),
		cmocka_unit_test(test_config_refuses_includes),
		cmocka_unit_test_setup_teardown(test_config_load_reads_a_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_config_load_names_file_and_line, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_config_load_refuses_what_is_no_text_file,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_config_load_takes_a_comment_at_the_end, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
