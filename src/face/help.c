#include <string.h>

#include "base/buf.h"
#include "face/cli.h"

static const char USAGE[] = "usage: adminex [OPTIONS] COMMAND [ARGUMENTS]\n";

static const char OPTIONS[] =
	"options (before the command):\n"
	"  -c, --config FILE       configuration file (else /etc/adminex/adminex.conf, if there)\n"
	"      --dsn DSN           database, a libpq connection string (else ADMINEX_DSN, else "
	"the\n"
	"                          configuration, else libpq's environment: PGHOST, PGDATABASE, "
	"...)\n"
	"      --format FORMAT     text (what mongooseimctl prints), table, json, ndjson or csv\n"
	"      --json              the same as --format json\n"
	"      --dry-run           do it in a transaction that is rolled back, and say what would "
	"be\n"
	"      --max-affected N    roll back and fail when more than N accounts or items would go\n"
	"      --include-never-seen  delete_old_users*: also every account that never logged in\n"
	"      --limit N               at most N rows of a long list, a page of it\n"
	"      --after KEY             the page behind KEY, which the page before it named\n"
	"      --socket PATH       let the daemon that listens there carry the command out\n"
	"      --secret-file FILE  read the secret argument from the first line of FILE\n"
	"  -y, --yes               do not ask before destroying\n"
	"  -h, --help              this help; 'adminex help COMMAND' explains one\n"
	"  -V, --version           print the version\n";

static const char STATUSES[] =
	"exit status:\n"
	"  0    the command said yes\n"
	"  1    it said no, failed, or an argument was not valid\n"
	"  2    no command, an unknown command or option, a wrong number of arguments\n"
	"  3    the database cannot be reached\n"
	"  5    not allowed\n"
	"  8    the connection broke during COMMIT: the outcome is unknown\n"
	"  130  interrupted; nothing was changed\n"
	"\n"
	"A secret given as - is read from standard input (a terminal prompts without echo).\n";

void
help_short(struct out *out)
{
	out_text(out, USAGE);
	out_text(out, "\n"
		      "  adminex help             all commands\n"
		      "  adminex help COMMAND     what one does, with an example\n"
		      "  adminex migrate          make or update the schema\n"
		      "  adminex import FILE      import accounts (XEP-0227)\n");
}

/* "  name            summary" */
static void
line(struct out *out, const char *name, const char *summary)
{
	struct buf b = BUF_INIT;

	buf_addf(&b, "  %-23s  %s\n", name, summary);
	out_text(out, buf_text(&b));
	buf_free(&b);
}

static void
command_line(struct out *out, const struct command *c)
{
	struct buf name = BUF_INIT;

	command_add_name(c, &name);
	line(out, buf_text(&name), c->summary);
	buf_free(&name);
}

/* False when none of its commands is registered. */
static bool
list_submod(struct out *out, const struct admin_extra *service, const struct submod *submod)
{
	const struct command *const *commands = admin_extra_commands(service);
	bool first = true;

	for (; *commands != NULL; commands++) {
		if (strcmp((*commands)->submod, submod->name) != 0)
			continue;
		if (first) {
			out_text(out, "\n");
			out_text(out, submod->name);
			out_text(out, ": ");
			out_text(out, submod->about);
			out_text(out, "\n");
		}
		first = false;
		command_line(out, *commands);
	}
	return !first;
}

void
help_all(struct out *out, const struct admin_extra *service)
{
	out_text(out, USAGE);
	out_text(out, "\n");
	out_text(out, OPTIONS);
	out_text(out, "\nverbs (their options stand after them; 'adminex VERB --help'):\n");
	for (const struct verb *const *v = VERBS; *v != NULL; v++)
		line(out, (*v)->name, (*v)->summary);
	for (const struct submod *s = admin_extra_submods(); s->name != NULL; s++)
		list_submod(out, service, s);
	out_text(out, "\n");
	out_text(out, STATUSES);
}

/* Text wrapped at 90 columns, each line indented by two. */
static void
wrap(struct buf *b, const char *text)
{
	size_t column = 0;

	while (*text != '\0') {
		size_t len = strcspn(text, " ");

		if (column == 0 || column + 1 + len > 88) {
			buf_add_text(b, column == 0 ? "  " : "\n  ");
			column = 0;
		} else {
			buf_add_char(b, ' ');
			column++;
		}
		buf_add(b, text, len);
		column += len;
		text += len + strspn(text + len, " ");
	}
	buf_add_char(b, '\n');
}

static void
describe_params(struct buf *b, const struct command *c)
{
	size_t n = command_required_count(c);

	if (n > 0)
		buf_add_text(b, "\narguments:\n");
	for (size_t i = 0; i < n; i++)
		buf_addf(b, "  %-13s %s\n", c->params[i].name, c->params[i].doc);
}

/* "  -o, --output FILE         where it goes" */
static void
describe_option(struct buf *b, const struct param *p)
{
	struct buf words = BUF_INIT;

	if (p->letter != '\0')
		buf_addf(&words, "-%c, ", p->letter);
	else
		buf_add_text(&words, "    ");
	param_add_option(p, &words);
	if (p->type != PARAM_FLAG)
		buf_add_char(&words, ' ');
	param_add_form(p, &words);
	buf_addf(b, "  %-24s  %s\n", buf_text(&words), p->doc);
	buf_free(&words);
}

static void
describe_options(struct buf *b, const struct command *c)
{
	size_t n = command_param_count(c);

	if (command_has_optional(c))
		buf_add_text(b, "\noptions (behind the command):\n");
	for (size_t i = command_required_count(c); i < n; i++)
		describe_option(b, &c->params[i]);
}

static void
describe_result(struct buf *b, const struct command *c)
{
	size_t n = command_field_count(c);

	if (c->result == RESULT_LIST) {
		buf_add_text(b, "\nprints a line for each row, parted by tabs:\n  ");
		for (size_t i = 0; i < n; i++)
			buf_addf(b, "%s%s", i == 0 ? "" : ", ", c->fields[i].name);
		buf_add_text(b, "\n");
	} else if (c->result == RESULT_INTEGER) {
		buf_add_text(b, "\nprints a number\n");
	} else if (c->result == RESULT_STRING) {
		buf_add_text(b, "\nprints a text\n");
	}
}

static void
describe_answers(struct buf *b, const struct command *c)
{
	buf_add_text(b, "\nanswers (status, exit status, text):\n");
	for (size_t i = 0; i < COMMAND_ANSWERS_MAX && c->answers[i] != NULL; i++) {
		const struct answer *a = c->answers[i];
		const char *newline = strchr(a->text, '\n');
		int len = newline == NULL ? (int)strlen(a->text) : (int)(newline - a->text);

		buf_addf(b, "  %-20s %d  %.*s%s\n", a->status, strcmp(a->status, "ok") != 0, len,
			 a->text, newline == NULL ? "" : " ...");
	}
}

static void
add_limit(struct buf *b, const struct command *c, const char *name)
{
	size_t n = command_param_count(c);

	for (size_t i = 0; i < n; i++) {
		if (strcmp(c->params[i].name, name) != 0)
			continue;
		if (c->params[i].optional)
			param_add_option(&c->params[i], b);
		else
			param_add_form(&c->params[i], b);
	}
}

static void
describe_access(struct buf *b, const struct command *c)
{
	buf_addf(b, "\nneeds role: %s", access_role_name(c->role));
	if (c->limited_by == NULL) {
		buf_add_text(b, ", for all hosts");
	} else if (c->limited_by != LIMITED_NOT_AT_ALL) {
		buf_add_text(b, ", may be limited by ");
		add_limit(b, c, c->limited_by);
	}
	if (c->limited_too != NULL) {
		buf_add_text(b, " and ");
		add_limit(b, c, c->limited_too);
	}
	if (c->flags & CMD_DESTROYS)
		buf_add_text(b, "; destroys: --dry-run, --max-affected, --yes");
	if (c->pages != PAGES_NONE)
		buf_addf(b, "; has pages: --limit N, --after %s", command_page_form(c));
	buf_add_char(b, '\n');
}

static void
describe(struct buf *b, const struct command *c)
{
	buf_add_text(b, "usage: adminex [OPTIONS] ");
	command_usage(c, b);
	buf_add_text(b, "\n\n");
	wrap(b, c->summary);
	if (c->notes != NULL) {
		buf_add_char(b, '\n');
		wrap(b, c->notes);
	}
	describe_params(b, c);
	describe_options(b, c);
	describe_result(b, c);
	describe_answers(b, c);
	describe_access(b, c);
	buf_add_text(b, "\nexample:\n  adminex ");
	command_add_name(c, b);
	buf_addf(b, "%s%s\n", c->example[0] == '\0' ? "" : " ", c->example);
}

static bool
help_on_submod(struct out *out, const struct admin_extra *service, const char *name)
{
	for (const struct submod *s = admin_extra_submods(); s->name != NULL; s++) {
		if (strcmp(s->name, name) != 0)
			continue;
		return list_submod(out, service, s);
	}
	return false;
}

static void
help_on_verb(struct out *out, const struct verb *v)
{
	struct buf b = BUF_INIT;

	buf_addf(&b, "usage: adminex [OPTIONS] %s\n\n", v->usage);
	wrap(&b, v->summary);
	buf_addf(&b, "\n%s", v->details);
	out_text(out, buf_text(&b));
	buf_free(&b);
}

static bool
help_on_family(struct out *out, const struct admin_extra *service, const char *word)
{
	const struct command *const *commands = admin_extra_commands(service);
	struct buf b = BUF_INIT;

	if (!command_is_family(commands, word))
		return false;
	buf_addf(&b, "%s is followed by one more word:\n", word);
	out_text(out, buf_text(&b));
	buf_free(&b);
	for (; *commands != NULL; commands++)
		if (command_in_family(*commands, word))
			command_line(out, *commands);
	return true;
}

static void
help_on_command(struct out *out, const struct command *c)
{
	struct buf b = BUF_INIT;

	describe(&b, c);
	out_text(out, buf_text(&b));
	buf_free(&b);
}

bool
help_on(struct out *out, const struct admin_extra *service, const char *name, const char *second)
{
	size_t words;
	const struct command *c =
		command_named(admin_extra_commands(service), name, second, &words);
	const struct verb *v = verb_find(name);

	if (v != NULL)
		help_on_verb(out, v);
	else if (c != NULL)
		help_on_command(out, c);
	else
		return help_on_submod(out, service, name) || help_on_family(out, service, name);
	return true;
}
