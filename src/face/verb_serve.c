/* adminex serve: the daemon. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "daemon/daemon.h"
#include "face/cli.h"

static int run_serve(struct cli *cli, int argc, char **argv);

const struct verb VERB_SERVE = {
	"serve",
	"serve [--socket PATH] [--listen ADDRESS:PORT]",
	"answer the commands by HTTP and JSON, until SIGTERM",
	"  --socket PATH          listen on a unix socket (else http.socket of the configuration)\n"
	"  --listen ADDRESS:PORT  listen by TCP too (else http.listen)\n"
	"\n"
	"A command is POST /api/COMMAND with a JSON object of its arguments by name; GET /api "
	"lists\n"
	"those that the caller may run, GET /openapi.json describes them. On the socket root and "
	"the\n"
	"daemon's own user are admin; by TCP every caller needs a token ('adminex token create').\n"
	"SIGHUP reads the configuration again, SIGTERM ends it when the requests in flight have.\n"
	"\n"
	"example:\n"
	"  adminex serve --socket /run/adminex/adminex.sock\n",
	"--socket --listen",
	run_serve,
};

static int
fail_usage(struct cli *cli, const char *message)
{
	struct adx_error err;

	adx_fail(&err, ADX_EUSAGE, "%s", message);
	adx_hint(&err, "see 'adminex help serve'");
	return cli_fail(cli, &err);
}

static bool
parse_options(int argc, char **argv, struct daemon_options *options)
{
	static const struct option LONG[] = { { "socket", required_argument, NULL, 's' },
					      { "listen", required_argument, NULL, 'l' },
					      { NULL, 0, NULL, 0 } };
	int option;

	optind = 0;
	opterr = 0;
	while ((option = getopt_long(argc, argv, "+", LONG, NULL)) != -1) {
		if (option == 's')
			options->socket = optarg;
		else if (option == 'l')
			options->listen = optarg;
		else
			return false;
	}
	return optind == argc;
}

static int
run_serve(struct cli *cli, int argc, char **argv)
{
	struct daemon_options options = {
		.config_path = session_config_path(cli->options.config_path),
		.dsn = session_dsn_override(cli->options.dsn),
	};
	struct daemon *daemon;
	struct adx_error err;

	if (!parse_options(argc, argv, &options))
		return fail_usage(cli, "'serve' takes --socket PATH and --listen ADDRESS:PORT");
	if (daemon_start(&options, &daemon, &err) != ADX_OK)
		return cli_fail(cli, &err);
	log_text("serving, until SIGTERM");
	daemon_serve(daemon);
	daemon_stop(daemon);
	log_text("stopped");
	return 0;
}
