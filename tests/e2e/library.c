/*
 * A program of somebody else's: public headers only. Arguments: DSN, then the command's words; ";"
 * begins another command, of the same handle. The status is that of the last. The environment's
 * LIMIT and AFTER ask for a page.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adminex/adminex.h"

static void
remark(void *ctx, const char *text)
{
	(void)ctx;
	fprintf(stderr, "remark: %s\n", text);
}

/* One command; returns its exit status. */
static int
run(struct adminex *adminex, const char *const words[], size_t count)
{
	const char *limit = getenv("LIMIT");
	struct adminex_options options = { .limit = limit == NULL ? 0 : atoi(limit),
					   .after = getenv("AFTER") };
	struct adx_error err = { 0 };
	bool yes = false;
	enum adx_rc rc = adminex_run(adminex, words, count, STDOUT_FILENO,
				     limit == NULL ? NULL : &options, &yes, &err);

	if (rc != ADX_OK)
		fprintf(stderr, "%s\n", err.message);
	return rc != ADX_OK ? adx_rc_exit(rc) : yes ? 0 : 1;
}

static size_t
count_words(const char *const words[], size_t most)
{
	size_t n = 0;

	while (n < most && strcmp(words[n], ";") != 0)
		n++;
	return n;
}

int
main(int argc, char **argv)
{
	struct adminex_settings settings = { .remark = remark, .actor = "somebody" };
	const char *const *words = (const char *const *)argv;
	struct adx_error err = { 0 };
	struct adminex *adminex;
	enum adx_rc rc;
	int status = 2;

	if (argc < 3)
		return 2;
	settings.dsn = argv[1];
	settings.config_path = getenv("LIBRARY_CONFIG");
	rc = adminex_open(&settings, &adminex, &err);
	if (rc != ADX_OK) {
		fprintf(stderr, "%s\n", err.message);
		return adx_rc_exit(rc);
	}
	for (size_t i = 2, n; i < (size_t)argc; i += n + 1) {
		n = count_words(words + i, (size_t)argc - i);
		status = run(adminex, words + i, n);
	}
	adminex_close(adminex);
	return status;
}
