/* Submod node: the configuration, the cluster's secret and its nodes. */
#include <string.h>

#include "submod/params.h"

static const struct answer NO_NODE = { "no_node", "No node {node}" };
static const struct answer NO_COOKIE = { "no_cookie",
					 "Error: \"no cookie is configured (node.cookie)\"" };

/* A daemon takes over its own file; without one, a file is checked. */
static enum adx_rc
load_config(struct call *call, struct adx_error *err)
{
	struct config *config = NULL;
	enum adx_rc rc = call->options->reload != NULL
				 ? call->options->reload(call->options->ctx, err)
				 : config_load(call_raw(call, "file"), &config, err);

	config_free(config);
	return rc == ADX_OK ? call_answer(call, &ANSWER_OK, err, NULL) : rc;
}

static enum adx_rc
get_cookie(struct call *call, struct adx_error *err)
{
	const char *cookie = call->config->node_cookie;

	if (cookie[0] == '\0')
		return call_answer(call, &NO_COOKIE, err, NULL);
	return call_string(call, cookie, strlen(cookie));
}

static enum adx_rc
remove_node(struct call *call, struct adx_error *err)
{
	const char *audit = call_audit(call, err);

	if (audit == NULL)
		return ADX_ENOMEM;
	return call_write(call, SQL_NODE_REMOVE, PARAMS(audit, call_raw(call, "node")), err);
}

const struct command NODE_COMMANDS[] = {
	{ .name = "load_config",
	  .submod = "node",
	  .summary = "check a configuration file whole",
	  .notes = "Exit status 0 means that the file is good. Nothing is changed by a bad one.",
	  .params = { { .name = "file", .type = PARAM_PATH, .doc = "path", .path = PATH_OWN } },
	  .result = RESULT_RESCODE,
	  .result_name = "res",
	  .answers = { &ANSWER_OK },
	  .role = ROLE_ADMIN,
	  .flags = CMD_LOCAL,
	  .example = "config/adminex.conf",
	  .run = load_config },
	{ .name = "get_cookie",
	  .submod = "node",
	  .summary = "print the secret of the cluster that node.cookie of the configuration holds",
	  .result = RESULT_STRING,
	  .result_name = "cookie",
	  .answers = { &ANSWER_OK, &NO_COOKIE },
	  .role = ROLE_ADMIN,
	  .flags = CMD_LOCAL | CMD_SECRET_REPLY,
	  .example = "",
	  .run = get_cookie },
	{ .name = "remove_node",
	  .submod = "node",
	  .summary = "remove a node of the XMPP cluster and all its sessions",
	  .params = { P_TEXT("node", "name of the node") },
	  .result = RESULT_RESCODE,
	  .result_name = "res",
	  .answers = { &ANSWER_OK, &NO_NODE },
	  .affects = "rows of nodes and sessions",
	  .role = ROLE_ADMIN,
	  .flags = CMD_WRITES | CMD_DESTROYS | CMD_WIDE,
	  .example = "xmpp2@chat.example.org",
	  .run = remove_node },
	{ 0 },
};
