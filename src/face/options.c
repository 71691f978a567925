#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "face/cli.h"

enum {
	OPT_DSN = 256,
	OPT_FORMAT,
	OPT_JSON,
	OPT_DRY_RUN,
	OPT_MAX_AFFECTED,
	OPT_INCLUDE_NEVER_SEEN,
	OPT_LIMIT,
	OPT_AFTER,
	OPT_SECRET_FILE,
	OPT_SOCKET,
	OPT_AUTH,
};

static const struct option OPTIONS[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "dsn", required_argument, NULL, OPT_DSN },
	{ "format", required_argument, NULL, OPT_FORMAT },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "dry-run", no_argument, NULL, OPT_DRY_RUN },
	{ "yes", no_argument, NULL, 'y' },
	{ "max-affected", required_argument, NULL, OPT_MAX_AFFECTED },
	{ "include-never-seen", no_argument, NULL, OPT_INCLUDE_NEVER_SEEN },
	{ "limit", required_argument, NULL, OPT_LIMIT },
	{ "after", required_argument, NULL, OPT_AFTER },
	{ "secret-file", required_argument, NULL, OPT_SECRET_FILE },
	{ "socket", required_argument, NULL, OPT_SOCKET },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ "auth", no_argument, NULL, OPT_AUTH },
	{ NULL, 0, NULL, 0 },
};

const char CLI_OPTION_WORDS[] = "-c --config --dsn --format --json --dry-run -y --yes "
				"--max-affected --include-never-seen --limit --after --secret-file "
				"--socket "
				"-h --help -V --version";

static enum adx_rc
take_format(const char *word, struct cli_options *o, struct adx_error *err)
{
	if (format_parse(word, &o->format))
		return ADX_OK;
	adx_fail(err, ADX_EUSAGE, "'%.40s' is no format", word);
	adx_hint(err, "choose text, table, json, ndjson or csv");
	return ADX_EUSAGE;
}

static enum adx_rc
take_max_affected(const char *text, struct cli_options *o, struct adx_error *err)
{
	long long limit;

	if (!text_to_int64(text, strlen(text), &limit) || limit < 0)
		return adx_fail(err, ADX_EUSAGE,
				"--max-affected takes a whole number from 0, not '%.40s'", text);
	o->max_affected = limit;
	return ADX_OK;
}

static enum adx_rc
take_limit(const char *text, struct cli_options *o, struct adx_error *err)
{
	long long limit;

	if (!text_to_int64(text, strlen(text), &limit) || limit < 1 || limit > PAGE_LIMIT_MAX)
		return adx_fail(err, ADX_EUSAGE,
				"--limit takes a whole number from 1 to %" PRId64 ", not '%.40s'",
				PAGE_LIMIT_MAX, text);
	o->limit = limit;
	return ADX_OK;
}

static enum adx_rc
refuse_auth(struct adx_error *err)
{
	adx_fail(err, ADX_EUSAGE, "--auth is not supported: the database decides who may do what");
	adx_hint(err, "connect as a database role that may (--dsn 'user=... ...')");
	return ADX_EUSAGE;
}

static enum adx_rc
take(int option, struct cli_options *o, struct adx_error *err)
{
	switch (option) {
	case 'c': o->config_path = optarg; return ADX_OK;
	case 'y': o->assume_yes = true; return ADX_OK;
	case 'h': o->help = true; return ADX_OK;
	case 'V': o->version = true; return ADX_OK;
	case OPT_DSN: o->dsn = optarg; return ADX_OK;
	case OPT_FORMAT: return take_format(optarg, o, err);
	case OPT_JSON: o->format = FORMAT_JSON; return ADX_OK;
	case OPT_DRY_RUN: o->dry_run = true; return ADX_OK;
	case OPT_MAX_AFFECTED: return take_max_affected(optarg, o, err);
	case OPT_INCLUDE_NEVER_SEEN: o->include_never_seen = true; return ADX_OK;
	case OPT_LIMIT: return take_limit(optarg, o, err);
	case OPT_AFTER: o->after = optarg; return ADX_OK;
	case OPT_SOCKET: o->socket = optarg; return ADX_OK;
	case OPT_SECRET_FILE: o->secret_file = optarg; return ADX_OK;
	default: return refuse_auth(err);
	}
}

static enum adx_rc
refuse(int option, const char *word, struct adx_error *err)
{
	if (option == ':')
		adx_fail(err, ADX_EUSAGE, "option '%s' needs a value", word);
	else
		/* What follows a '=' may be a secret. */
		adx_fail(err, ADX_EUSAGE, "unknown option '%.*s'", (int)strcspn(word, "="), word);
	adx_hint(err, "see 'adminex --help'");
	return ADX_EUSAGE;
}

enum adx_rc
cli_parse_options(int argc, char **argv, struct cli_options *options, int *first,
		  struct adx_error *err)
{
	*options = (struct cli_options){ .max_affected = -1 };
	optind = 1;
	for (;;) {
		int at = optind;
		/* '+': the first word that is no option ends them; ':': we say what is wrong. */
		int option = getopt_long(argc, argv, "+:c:yhV", OPTIONS, NULL);
		enum adx_rc rc;

		if (option == -1)
			break;
		if (option == '?' || option == ':')
			return refuse(option, argv[at], err);
		rc = take(option, options, err);
		if (rc != ADX_OK)
			return rc;
	}
	*first = optind;
	return ADX_OK;
}
