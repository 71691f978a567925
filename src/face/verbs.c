/* Verbs of the program itself: their options stand after their names. */
#include <string.h>

#include "face/cli.h"

static const struct verb VERB_HELP = {
	"help",
	"help [COMMAND | SUBMOD | VERB]",
	"explain a command, with an example",
	"example:\n  adminex help ban_account\n",
	"",
	verb_help,
};

/* In the order of the help. */
const struct verb *const VERBS[] = { &VERB_MIGRATE, &VERB_IMPORT,     &VERB_EXPORT,
				     &VERB_BATCH,   &VERB_SERVE,      &VERB_TOKEN,
				     &VERB_HELP,    &VERB_COMPLETION, NULL };

const struct verb *
verb_find(const char *name)
{
	for (const struct verb *const *v = VERBS; *v != NULL; v++)
		if (strcmp((*v)->name, name) == 0)
			return *v;
	return NULL;
}

int
verb_help(struct cli *cli, int argc, char **argv)
{
	struct adx_error err;

	if (argc <= 1) {
		help_all(cli->out, cli->session.service);
		return 0;
	}
	if (help_on(cli->out, cli->session.service, argv[1], argc > 2 ? argv[2] : NULL))
		return 0;
	adx_fail(&err, ADX_EUSAGE, "there is no help on '%.60s'", argv[1]);
	adx_hint(&err, "'adminex help' lists all");
	return cli_fail(cli, &err);
}
