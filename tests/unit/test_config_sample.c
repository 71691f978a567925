/* The sample file config/adminex.conf and the table of settings say the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libconfig.h>

#include "base/buf.h"
#include "base/config.h"
#include "base/file.h"

static const char SAMPLE[] = "config/adminex.conf";

/* A setting is commented out by a '#' right before it or by its continuation; prose has a blank. */
static bool
is_setting(const char *comment)
{
	return comment[1] != ' ' || comment[2] == ' ';
}

/* The sample with its settings in force. The caller frees it. */
static char *
uncommented(void)
{
	struct buf text = BUF_INIT;
	struct adx_error err;

	assert_int_equal(file_slurp(SAMPLE, 1 << 20, &text, &err), ADX_OK);
	for (char *line = text.data; line != NULL; line = strchr(line, '\n')) {
		line += strspn(line, "\n ");
		if (*line == '#' && is_setting(line))
			*line = ' ';
	}
	return text.data;
}

static void
check_default(const config_setting_t *setting, const struct config_doc *doc)
{
	char number[32];

	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_INT:
		snprintf(number, sizeof(number), "%d", config_setting_get_int(setting));
		assert_string_equal(number, doc->fallback);
		break;
	case CONFIG_TYPE_STRING:
		assert_string_equal(config_setting_get_string(setting), doc->fallback);
		break;
	default:
		assert_string_equal(config_setting_length(setting) == 0 ? "none" : "all",
				    doc->fallback);
		break;
	}
}

static void
test_config_sample_changes_nothing(void **state)
{
	struct config *sample, *none;
	struct adx_error err = { 0 };

	(void)state;
	assert_int_equal(config_load(SAMPLE, &sample, &err), ADX_OK);
	assert_int_equal(config_default(&none, &err), ADX_OK);
	assert_string_equal(sample->database_dsn, none->database_dsn);
	assert_int_equal(sample->connect_timeout, none->connect_timeout);
	assert_int_equal(sample->submods.count, 0);
	assert_string_equal(sample->http.socket, none->http.socket);
	assert_int_equal(sample->http.peers.count, 0);
	config_free(sample);
	config_free(none);
}

static void
test_config_sample_is_accepted_with_its_settings(void **state)
{
	struct config *config;
	struct adx_error err = { 0 };
	char *text = uncommented();

	(void)state;
	if (config_parse(text, SAMPLE, &config, &err) != ADX_OK)
		fail_msg("%s", err.message);
	config_free(config);
	free(text);
}

static void
test_config_sample_has_every_setting_with_its_default(void **state)
{
	struct config_doc doc;
	config_t file;
	char *text = uncommented();
	unsigned n = 0;

	(void)state;
	config_init(&file);
	assert_int_equal(config_read_string(&file, text), CONFIG_TRUE);
	for (; config_describe(n, &doc); n++) {
		const config_setting_t *setting = config_lookup(&file, doc.path);

		if (setting == NULL)
			fail_msg("'%s' lacks setting '%s'", SAMPLE, doc.path);
		check_default(setting, &doc);
	}
	assert_true(n > 0);
	config_destroy(&file);
	free(text);
}

/* A list of grants in prose, after "Example:" or on a line of its own. */
static void
check_example(const char *list)
{
	struct buf text = BUF_INIT;
	struct config *config;
	struct adx_error err = { 0 };

	buf_addf(&text, "http = { peers = %.*s; };", (int)strcspn(list, "\n"), list);
	if (config_parse(buf_text(&text), SAMPLE, &config, &err) != ADX_OK)
		fail_msg("%s: %s", buf_text(&text), err.message);
	assert_true(config->http.peers.count > 0);
	config_free(config);
	buf_free(&text);
}

static void
test_config_sample_shows_grants_that_can_be_read(void **state)
{
	struct buf text = BUF_INIT;
	struct adx_error err;
	unsigned n = 0;

	(void)state;
	assert_int_equal(file_slurp(SAMPLE, 1 << 20, &text, &err), ADX_OK);
	for (char *at = text.data; (at = strstr(at, " [ \"")) != NULL; at++) {
		if (at[-1] != '#' && at[-1] != ':')
			continue;
		check_example(at);
		n++;
	}
	assert_int_equal(n, 2);
	buf_free(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config_sample_changes_nothing),
		cmocka_unit_test(test_config_sample_is_accepted_with_its_settings),
		cmocka_unit_test(test_config_sample_has_every_setting_with_its_default),
		cmocka_unit_test(test_config_sample_shows_grants_that_can_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
