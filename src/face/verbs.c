/* Verbs of the program itself: their options stand after their names. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "face/cli.h"

const struct verb VERBS[] = {
	{ "migrate", "migrate [status | up [--to N] | down N]",
	  "make or update the schema of the database",
	  "  status       what is applied and what is not; exit status 1 when something is "
	  "missing\n"
	  "  up           apply what is missing (this is what 'migrate' alone does)\n"
	  "  up --to N    stop at migration N, for instance to distribute the tables on Citus\n"
	  "               before their foreign keys\n"
	  "  down N       take the newest N migrations back; asks on a terminal unless --yes\n"
	  "\n"
	  "Each migration is one transaction; two migrators at once are safe. A database that is\n"
	  "newer than the program is refused.\n"
	  "\n"
	  "example:\n"
	  "  adminex migrate status\n",
	  "status up down --to --help", verb_migrate },
	{ "import",
	  "import [--dry-run] [--replace | --fail] [--strict] [--as FORMAT] FILE | FOLDER | -",
	  "import accounts from XEP-0227 files (ejabberd, Prosody) or users files (CSV, NDJSON)",
	  "  --dry-run    read and load everything, then roll back\n"
	  "  --replace    an account that exists gets what the file has in place of what it had;\n"
	  "               it is left untouched otherwise. A ban stays in force\n"
	  "  --fail       an account that exists stops the import\n"
	  "  --strict     a bad row of a users file stops the import, after all are named\n"
	  "  --as FORMAT  csv, ndjson or xep0227. Without it the extension decides: .csv, .ndjson\n"
	  "               or .jsonl is a users file, all else and - is XEP-0227\n"
	  "\n"
	  "Everything is one transaction: all of it, or nothing. Hosts that are met are added.\n"
	  "What is not understood is counted and named. A second import of the same file changes\n"
	  "nothing. Prints what was read and what was written, a line for each kind. An\n"
	  "adminex_operator may import while no host is new, an adminex_admin always.\n"
	  "\n"
	  "A users file has one account a row: user, host, password and, if wanted, created_at\n"
	  "(2024-05-17T09:30:00Z). In CSV a header line may give the order; NDJSON is one object\n"
	  "a line. Passwords are stored as 'register' stores them. A bad row does not stop the\n"
	  "others: prints line, user, host and what is wrong for each, then the totals. With a "
	  "bad\n"
	  "row the status is bad_rows, exit status 1, and the good rows are imported.\n"
	  "\n"
	  "example:\n"
	  "  adminex import tests/data/ejabberd-23.01/20261122-172056.xml\n",
	  "--dry-run --replace --fail --strict --as csv ndjson xep0227 --help", verb_import },
	{ "export", "export [--host HOST] [--dates] --output FILE | - [USER HOST]",
	  "export accounts as an XEP-0227 file",
	  "  --output FILE   where to; -o is short for it, - is standard output\n"
	  "  --host HOST     the accounts of this host only\n"
	  "  --dates         also when each account was made, which import takes back\n"
	  "  USER HOST       this account only\n"
	  "\n"
	  "Written are credentials, rosters with pending requests, vCards, private storage, "
	  "offline\n"
	  "messages, last activity and bans; not sessions, roster versions, the outbox and the "
	  "audit\n"
	  "log. All of it is one snapshot: what changes meanwhile is not seen. The file has mode\n"
	  "0600 and appears whole or not at all; it holds what passwords are checked against. "
	  "What\n"
	  "is stored but is no XML is left out and named. 'adminex import' and other XMPP servers\n"
	  "read it; bans, dates and the moment of last activity are read by adminex only. Needs\n"
	  "the role adminex_operator.\n"
	  "\n"
	  "example:\n"
	  "  adminex export --host example.org -o example.org.xml\n",
	  "--host --output -o --dates --help", verb_export },
	{ "batch",
	  "batch [--continue | --atomic] [--dry-run] [--group N] [--resume STATE] FILE | -",
	  "run many commands, one a line, and answer each with a line of JSON",
	  "  --continue      go on behind a line that fails, and answer every line\n"
	  "  --atomic        all lines in one transaction: all of them, or nothing\n"
	  "  --dry-run       run everything, then roll it back\n"
	  "  --group N       commit N lines at a time, 100 by default; 1 is a commit a line\n"
	  "  --resume STATE  record in file STATE, and in the database, how far the run has come.\n"
	  "                  The same command again goes on where it ended, whatever ended it\n"
	  "\n"
	  "A line is one of these. Blank lines and lines that begin with # are skipped.\n"
	  "  [\"check_account\", \"alice\", \"example.org\"]\n"
	  "  {\"id\": \"7\", \"command\": \"check_account\", \"args\": {\"user\": \"alice\", "
	  "\"host\": "
	  "\"example.org\"}}\n"
	  "  check_account alice example.org\n"
	  "Words of the last form are quoted as in a shell; nothing is expanded, and '-' is a\n"
	  "password like any other.\n"
	  "\n"
	  "A line fails with every status but \"ok\". Without --continue the batch stops there: "
	  "the\n"
	  "lines before it are committed, nothing of it or behind it is done. A reply is printed\n"
	  "only after its line is committed. --max-affected holds for each line.\n"
	  "\n"
	  "exit status: 0 all lines ok; 1 a line failed; 3, 5, 8 and 130 as for commands\n"
	  "\n"
	  "example:\n"
	  "  adminex batch tests/data/batches/friends.batch\n",
	  "--continue --atomic --dry-run --group --resume --help", verb_batch },
	{ "help", "help [COMMAND | SUBMOD | VERB]", "explain a command, with an example",
	  "example:\n  adminex help ban_account\n", "", verb_help },
	{ "completion", "completion bash", "print the completion script for bash",
	  "example:\n  adminex completion bash\n", "bash", verb_completion },
	{ 0 },
};

const struct verb *
verb_find(const char *name)
{
	for (const struct verb *v = VERBS; v->name != NULL; v++)
		if (strcmp(v->name, name) == 0)
			return v;
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

	for (const struct verb *v = VERBS; v->name != NULL; v++)
		buf_addf(b, "%s ", v->name);
	for (; *commands != NULL; commands++)
		buf_addf(b, "%s ", (*commands)->name);
}

static void
add_cases(struct buf *b)
{
	for (const struct verb *v = VERBS; v->name != NULL; v++)
		buf_addf(b, "\t%s) words='%s' ;;\n", v->name, v->options);
}

int
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
			 "\t\t-c|--config|--dsn|--format|--max-affected|--secret-file) ((i++)) ;;\n"
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
		     "|| $command == load_config ||\n\t\t$command == export && "
		     "${COMP_WORDS[COMP_CWORD - 1]} == @(-o|--output) ]]; then\n"
		     "\t\tmapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- \"$cur\")\n"
		     "\tfi\n}\n"
		     "complete -F _adminex adminex\n");
	out_text(cli->out, buf_text(&b));
	buf_free(&b);
	return 0;
}
