/* The verb completion: what bash offers behind "adminex". */
#include <string.h>

#include "base/buf.h"
#include "face/cli.h"

/* ---- names ------------------------------------------------------------------------------- */

/* Is it the first of its family in the table? */
static bool
begins_family(const struct command *const *commands, const struct command *c)
{
	if (c->family == NULL)
		return false;
	while (!command_in_family(*commands, c->family))
		commands++;
	return *commands == c;
}

static void
add_names(struct buf *b, const struct command *const *commands)
{
	for (const struct verb *const *v = VERBS; *v != NULL; v++)
		buf_addf(b, "%s ", (*v)->name);
	for (const struct command *const *c = commands; *c != NULL; c++) {
		if (begins_family(commands, *c))
			buf_addf(b, "%s ", (*c)->family);
		buf_addf(b, "%s ", (*c)->name);
	}
}

static void
add_verbs(struct buf *b)
{
	for (const struct verb *const *v = VERBS; *v != NULL; v++)
		buf_addf(b, "\t%s) words='%s' ;;\n", (*v)->name, (*v)->options);
}

/* ---- commands of two words --------------------------------------------------------------- */

/* "family|family" */
static void
add_families(struct buf *b, const struct command *const *commands)
{
	bool first = true;

	for (const struct command *const *c = commands; *c != NULL; c++) {
		if (!begins_family(commands, *c))
			continue;
		buf_addf(b, "%s%s", first ? "" : "|", (*c)->family);
		first = false;
	}
}

/* The second word makes it the command. */
static void
add_joining(struct buf *b, const struct command *const *commands)
{
	struct buf families = BUF_INIT;

	add_families(&families, commands);
	if (families.len > 0)
		buf_addf(b,
			 "\tif [[ $command == @(%s) ]] && ((i + 1 < COMP_CWORD)); then\n"
			 "\t\tcommand+=_${COMP_WORDS[i + 1]//-/_}\n"
			 "\tfi\n",
			 buf_text(&families));
	buf_free(&families);
}

static void
add_second_words(struct buf *b, const struct command *const *commands)
{
	for (const struct command *const *c = commands; *c != NULL; c++) {
		if (!begins_family(commands, *c))
			continue;
		buf_addf(b, "\t%s) words='", (*c)->family);
		for (const struct command *const *of = c; *of != NULL; of++)
			if (command_in_family(*of, (*c)->family))
				buf_addf(b, "%s ", (*of)->name + strlen((*c)->family) + 1);
		buf_add_text(b, "' ;;\n");
	}
}

/* ---- options of commands ----------------------------------------------------------------- */

static void
add_option_names(struct buf *b, const struct command *c)
{
	size_t n = command_param_count(c);

	if (!command_has_optional(c))
		return;
	buf_addf(b, "\t%s) words='", c->name);
	for (size_t i = command_required_count(c); i < n; i++) {
		const struct param *p = &c->params[i];

		if (p->letter != '\0')
			buf_addf(b, "-%c ", p->letter);
		param_add_option(p, b);
		buf_add_char(b, ' ');
	}
	buf_add_text(b, "--yes --dry-run --help' ;;\n");
}

/* "COMMAND:--name", and with its letter */
static void
add_case(struct buf *b, const struct command *c, const struct param *p)
{
	buf_add_char(b, '\t');
	if (p->letter != '\0')
		buf_addf(b, "%s:-%c|", c->name, p->letter);
	buf_addf(b, "%s:", c->name);
	param_add_option(p, b);
	buf_add_text(b, ") words='");
}

/* What may stand behind an option, where something is known about it. */
static void
add_values(struct buf *b, const struct command *c, const struct param *p)
{
	bool file = p->type == PARAM_PATH;

	if (p->type == PARAM_FLAG)
		return;
	add_case(b, c, p);
	for (size_t i = 0; !file && p->words != NULL && p->words[i] != NULL; i++)
		buf_addf(b, "%s ", p->words[i]);
	buf_addf(b, "'%s ;;\n", file ? " files=yes" : "");
}

static void
add_all_values(struct buf *b, const struct command *const *commands)
{
	buf_add_text(b, "\tcase $command:${COMP_WORDS[COMP_CWORD - 1]} in\n");
	for (; *commands != NULL; commands++) {
		const struct command *c = *commands;
		size_t n = command_param_count(c);

		for (size_t i = command_required_count(c); i < n; i++)
			add_values(b, c, &c->params[i]);
	}
	buf_add_text(b, "\tesac\n");
}

/* ---- the script -------------------------------------------------------------------------- */

static void
add_script(struct buf *b, const struct command *const *commands)
{
	buf_add_text(b, "# bash completion for adminex, made by 'adminex completion bash'\n"
			"_adminex()\n{\n"
			"\tlocal cur=${COMP_WORDS[COMP_CWORD]} command='' words files='' i\n"
			"\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
			"\t\tcase ${COMP_WORDS[i]} in\n"
			"\t\t-c|--config|--dsn|--format|--max-affected|--limit|--after|\\\n"
			"\t\t--secret-file|--socket) ((i++)) ;;\n"
			"\t\t-*) ;;\n"
			"\t\t*) command=${COMP_WORDS[i]//-/_}; break ;;\n"
			"\t\tesac\n\tdone\n");
	add_joining(b, commands);
	buf_add_text(b, "\tcase $command in\n\t'') words='");
	buf_addf(b, "%s ", CLI_OPTION_WORDS);
	add_names(b, commands);
	buf_add_text(b, "' ;;\n\thelp) words='");
	add_names(b, commands);
	buf_add_text(b, "' ;;\n");
	add_verbs(b);
	add_second_words(b, commands);
	for (const struct command *const *c = commands; *c != NULL; c++)
		add_option_names(b, *c);
	buf_add_text(b, "\t*) words='' ;;\n\tesac\n");
	add_all_values(b, commands);
	buf_add_text(b, "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
			"\tif [[ -n $files || $command == push_roster* || $command == import || "
			"$command == batch || $command == load_config ||\n"
			"\t\t${COMP_WORDS[COMP_CWORD - 1]} == "
			"@(-o|--output|--socket|-c|--config|--secret-file) ]]; then\n"
			"\t\tmapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- \"$cur\")\n"
			"\tfi\n}\n"
			"complete -F _adminex adminex\n");
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
	add_script(&b, admin_extra_commands(cli->session.service));
	out_text(cli->out, buf_text(&b));
	buf_free(&b);
	return 0;
}

const struct verb VERB_COMPLETION = {
	"completion",
	"completion bash",
	"print the completion script for bash",
	"example:\n  adminex completion bash\n",
	"bash",
	verb_completion,
};
