/*
 * A program of somebody else's: public headers only. Arguments: DSN, then the command's words. The
 * environment's LIMIT and AFTER ask for a page.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "adminex/adminex.h"

static void
remark(void *ctx, const char *text)
{
	(void)ctx;
	fprintf(stderr, "remark: %s\n", text);
}

int
main(int argc, char **argv)
{
	struct adminex_settings settings = { .remark = remark, .actor = "somebody" };
	const char *limit = getenv("LIMIT");
	struct adminex_options options = { .limit = limit == NULL ? 0 : atoi(limit),
					   .after = getenv("AFTER") };
	struct adx_error err = { 0 };
	struct adminex *adminex;
	bool yes = false;
	enum adx_rc rc;

	if (argc < 3)
		return 2;
	settings.dsn = argv[1];
	rc = adminex_open(&settings, &adminex, &err);
	if (rc == ADX_OK) {
		rc = adminex_run(adminex, (const char *const *)argv + 2, (size_t)argc - 2,
				 STDOUT_FILENO, limit == NULL ? NULL : &options, &yes, &err);
		adminex_close(adminex);
	}
	if (rc != ADX_OK)
		fprintf(stderr, "%s\n", err.message);
	return rc != ADX_OK ? adx_rc_exit(rc) : yes ? 0 : 1;
}
