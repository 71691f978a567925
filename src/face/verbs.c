/* Verbs of the program itself: their options stand after their names. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "face/cli.h"

static int verb_completion(struct cli *cli, int argc, char **argv);

static const struct verb VERB_HELP = {
	"help",
	"help [COMMAND | SUBMOD | VERB]",
	"explain a command, with an example",
	"example:\n  adminex help ban_account\n",
	"",
	verb_help,
};

static const struct verb VERB_COMPLETION = {
	"completion",
	"completion bash",
	"print the completion script for bash",
	"example:\n  adminex completion bash\n",
	"bash",
	verb_completion,
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
	if (help_on(cli->out, cli->session.service, argv[1]))
		return 0;
	adx_fail(&err, ADX_EUSAGE, "there is no help on '%.60s'", argv[1]);
	adx_hint(&err, "'adminex help' lists all");
	return cli_fail(cli, &err);
}

static void
add_words(struct buf *b, const struct cli *cli)
{
	const struct command *const *commands = admin_extra_commands(cli->session.service);

	for (const struct verb *const *v = VERBS; *v != NULL; v++)
		buf_addf(b, "%s ", (*v)->name);
	for (; *commands != NULL; commands++)
		buf_addf(b, "%s ", (*commands)->name);
}

static void
add_cases(struct buf *b)
{
	for (const struct verb *const *v = VERBS; *v != NULL; v++)
		buf_addf(b, "\t%s) words='%s' ;;\n", (*v)->name, (*v)->options);
}

static int
verb_completion(struct cli *cli, int argc, char **argv)
{
	struct buf b = BUF_INIT;
	struct adx_error err;

	if (argc != 2 || strcmp(argv[1], "bash") != 0) {
		adx_fail(&err, ADX_EUSAGE, "completion is made for bash: adminex completion bash");
		return cli_fail(cli, &err);
	}
	buf_add_text(&b, "# bash completion for adminex, made by 'adminex completion bash'\n"
			 "_adminex()\n{\n"
			 "\tlocal cur=${COMP_WORDS[COMP_CWORD]} command='' words i\n"
			 "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
			 "\t\tcase ${COMP_WORDS[i]} in\n"
			 "\t\t-c|--config|--dsn|--format|--max-affected|--limit|--after|\\\n"
			 "\t\t--secret-file|--socket) ((i++)) ;;\n"
			 "\t\t-*) ;;\n"
			 "\t\t*) command=${COMP_WORDS[i]}; break ;;\n"
			 "\t\tesac\n\tdone\n"
			 "\tcase $command in\n"
			 "\t'') words='");
	buf_addf(&b, "%s ", CLI_OPTION_WORDS);
	add_words(&b, cli);
	buf_add_text(&b, "' ;;\n\thelp) words='");
	add_words(&b, cli);
	buf_add_text(&b, "' ;;\n");
	add_cases(&b);
	buf_add_text(&b,
		     "\t*) words='' ;;\n\tesac\n"
		     "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
		     "\tif [[ $command == push_roster* || $command == import || $command == batch "
		     "|| $command == load_config ||\n"
		     "\t\t${COMP_WORDS[COMP_CWORD - 1]} == "
		     "@(-o|--output|--socket|-c|--config|--secret-file) ]]; then\n"
		     "\t\tmapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- \"$cur\")\n"
		     "\tfi\n}\n"
		     "complete -F _adminex adminex\n");
	out_text(cli->out, buf_text(&b));
	buf_free(&b);
	return 0;
}
