#include "face/remote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <yajl/yajl_gen.h>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "face/curllib.h"
#include "transfer/template.h"

enum { FILE_MAX = TEMPLATE_SIZE_MAX };

/* ---- the request ------------------------------------------------------------------------- */

/* How its content is read: as its extension says, else the usual way. */
static const char *
format_of(const struct param *p, const char *path)
{
	const char *point = strrchr(path, '.');

	for (const char *const *w = p->words; point != NULL && *w != NULL; w++)
		if (strcmp(point + 1, *w) == 0)
			return *w;
	return p->words[0];
}

/* The content of a file of this machine, and what it is. */
static enum adx_rc
gen_file(yajl_gen g, const struct param *p, const char *path, struct adx_error *err)
{
	struct buf text = BUF_INIT;
	char member[64];
	enum adx_rc rc = file_slurp(path, FILE_MAX, &text, err);

	if (rc == ADX_OK && !text_is_utf8(buf_text(&text), text.len))
		rc = adx_fail(err, ADX_EINVAL, "'%s' is not UTF-8", path);
	if (rc == ADX_OK) {
		json_text(g, p->name);
		yajl_gen_string(g, (const unsigned char *)buf_text(&text), text.len);
		snprintf(member, sizeof(member), "%s_format", p->name);
		json_member(g, member, format_of(p, path));
	}
	buf_wipe(&text);
	return rc;
}

static void
gen_truth(yajl_gen g, const char *name)
{
	json_text(g, name);
	yajl_gen_bool(g, true);
}

/* Left out it would be as if it had not been asked for: a document in the clear, or unsigned. */
static enum adx_rc
refuse_file(const struct param *p, struct adx_error *err)
{
	struct buf option = BUF_INIT;

	param_add_option(p, &option);
	adx_fail(err, ADX_EUSAGE, "%s names a file, which a daemon does not read",
		 buf_text(&option));
	adx_hint(err, "leave --socket away, and the command is carried out here");
	buf_free(&option);
	return ADX_EUSAGE;
}

static enum adx_rc
gen_path(yajl_gen g, const struct param *p, const char *path, struct adx_error *err)
{
	if (p->path == PATH_READ)
		return gen_file(g, p, path, err);
	return p->path == PATH_OWN && p->optional ? refuse_file(p, err) : ADX_OK;
}

/* An optional one that is not there is no member. */
static enum adx_rc
gen_argument(yajl_gen g, const struct param *p, const char *arg, struct adx_error *err)
{
	if (arg == NULL)
		return ADX_OK;
	if (p->type == PARAM_FLAG) {
		gen_truth(g, p->name);
		return ADX_OK;
	}
	if (p->type == PARAM_PATH)
		return gen_path(g, p, arg, err);
	if (!text_is_utf8(arg, strlen(arg)))
		return adx_fail(err, ADX_EINVAL, "argument '%s' is not UTF-8", p->name);
	json_member(g, p->name, arg);
	return ADX_OK;
}

static void
gen_number(yajl_gen g, const char *name, int64_t number)
{
	json_text(g, name);
	yajl_gen_integer(g, number);
}

static void
gen_options(yajl_gen g, const struct command *command, const struct cli_options *o, bool trial,
	    int64_t most)
{
	if (o->dry_run || trial)
		gen_truth(g, "dry_run");
	if (o->include_never_seen)
		gen_truth(g, "include_never_seen");
	if (o->assume_yes && (command->flags & CMD_ON_YES))
		gen_truth(g, "yes");
	if (most >= 0)
		gen_number(g, "max_affected", most);
	if (o->limit > 0)
		gen_number(g, "limit", o->limit);
	if (o->after != NULL)
		json_member(g, "after", o->after);
}

static enum adx_rc
make_body(const struct cli *cli, const struct command *command, const char *const *args, bool trial,
	  int64_t most, struct buf *out, struct adx_error *err)
{
	yajl_gen g = yajl_gen_alloc(NULL);
	size_t n = command_param_count(command);
	enum adx_rc rc = g == NULL ? adx_nomem(err) : ADX_OK;
	const unsigned char *text;
	size_t len;

	if (g == NULL)
		return rc;
	yajl_gen_map_open(g);
	for (size_t i = 0; i < n && rc == ADX_OK; i++)
		rc = gen_argument(g, &command->params[i], args[i], err);
	gen_options(g, command, &cli->options, trial, most);
	yajl_gen_map_close(g);
	if (rc == ADX_OK && yajl_gen_get_buf(g, &text, &len) == yajl_gen_status_ok)
		buf_add(out, text, len);
	yajl_gen_clear(g);
	yajl_gen_free(g);
	return rc == ADX_OK && (out->len == 0 || !buf_ok(out)) ? adx_nomem(err) : rc;
}

/* ---- sending it -------------------------------------------------------------------------- */

static const char *
accept_header(enum format format)
{
	switch (format) {
	case FORMAT_JSON: return "Accept: application/json";
	case FORMAT_NDJSON: return "Accept: application/x-ndjson";
	case FORMAT_CSV: return "Accept: text/csv";
	case FORMAT_TABLE: return "Accept: text/x-table";
	default: return "Accept: text/plain";
	}
}

/* Before the request was sent nothing has happened; afterwards a write may have. */
static enum adx_rc
describe(CURLcode code, const struct command *command, const char *socket, struct adx_error *err)
{
	if (code == CURLE_COULDNT_CONNECT) {
		adx_fail(err, ADX_EUNAVAIL, "no daemon answers on '%s'", socket);
		adx_hint(err, "start it with 'adminex serve --socket PATH', or leave --socket out");
		return ADX_EUNAVAIL;
	}
	if (code == CURLE_OUT_OF_MEMORY)
		return adx_nomem(err);
	if (!(command->flags & CMD_WRITES))
		return adx_fail(err, ADX_EFAIL, "the reply of the daemon was cut off: %s",
				curllib.easy_strerror(code));
	adx_fail(err, ADX_EUNKNOWN,
		 "the connection to the daemon broke: the change may or may not have been made");
	adx_hint(err, "look before running it again; table adminex.audit_log tells");
	return ADX_EUNKNOWN;
}

static CURLcode
perform(CURL *curl, const struct cli *cli, const char *url, const struct buf *body,
	struct remote_reply *reply)
{
	struct curl_slist *headers = curllib.slist_append(NULL, accept_header(cli->options.format));
	struct curl_slist *more = curllib.slist_append(headers, "Content-Type: application/json");
	CURLcode code;

	/* No "Expect: 100-continue", which would cost a round trip. */
	more = more == NULL ? NULL : curllib.slist_append(more, "Expect:");
	if (more == NULL) {
		curllib.slist_free_all(headers);
		return CURLE_OUT_OF_MEMORY;
	}
	curllib.easy_setopt(curl, CURLOPT_URL, url);
	curllib.easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, cli->options.socket);
	curllib.easy_setopt(curl, CURLOPT_PROXY, "");
	curllib.easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curllib.easy_setopt(curl, CURLOPT_HTTPHEADER, more);
	curllib.easy_setopt(curl, CURLOPT_POSTFIELDS, buf_text(body));
	curllib.easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->len);
	curllib.easy_setopt(curl, CURLOPT_HEADERFUNCTION, remote_reply_header);
	curllib.easy_setopt(curl, CURLOPT_HEADERDATA, reply);
	curllib.easy_setopt(curl, CURLOPT_WRITEFUNCTION, remote_reply_body);
	curllib.easy_setopt(curl, CURLOPT_WRITEDATA, reply);
	code = curllib.easy_perform(curl);
	curllib.slist_free_all(more);
	return code;
}

static enum adx_rc
send_request(struct cli *cli, const struct command *command, const struct buf *body,
	     struct remote_reply *reply)
{
	CURL *curl = curllib.easy_init();
	char url[128];
	CURLcode code;

	if (curl == NULL)
		return adx_nomem(&reply->err);
	snprintf(url, sizeof(url), "http://localhost/api/%s", command->name);
	code = perform(curl, cli, url, body, reply);
	curllib.easy_cleanup(curl);
	if (code == CURLE_OK)
		return remote_reply_conclude(reply);
	/* What could not be written here has said so itself. */
	if (code == CURLE_WRITE_ERROR && reply->err.rc != ADX_OK)
		return reply->err.rc;
	if (code == CURLE_WRITE_ERROR)
		return cli_check_output(cli, (command->flags & CMD_WRITES) != 0, &reply->err);
	return describe(code, command, cli->options.socket, &reply->err);
}

/* ---- a command --------------------------------------------------------------------------- */

static const char *
document_path(const struct command *command, const char *const *args)
{
	size_t n = command_param_count(command);

	for (size_t i = 0; i < n; i++)
		if (command->params[i].type == PARAM_PATH &&
		    command->params[i].path == PATH_WRITTEN)
			return args[i];
	return NULL;
}

/* A daemon sends the document as JSON, and knows nothing of the name it gets here. */
static enum adx_rc
check_document(const struct command *command, const char *const *args, struct adx_error *err)
{
	const char *path = document_path(command, args);
	size_t len = path == NULL ? 0 : strlen(path);

	if (len <= 4 || strcasecmp(path + len - 4, ".zip") != 0)
		return ADX_OK;
	adx_fail(err, ADX_EUSAGE, "a daemon makes no archives");
	adx_hint(err, "name a .json file, or leave --socket out");
	return err->rc;
}

/* Send it once, for real or on trial; a failure here is said. */
static int
send_once(struct cli *cli, const struct command *command, const char *const *args, bool trial,
	  int64_t most, struct remote_reply *reply)
{
	struct buf body = BUF_INIT;
	enum adx_rc rc;

	remote_reply_begin(reply, cli, document_path(command, args), trial);
	rc = make_body(cli, command, args, trial, most, &body, &reply->err);
	if (rc == ADX_OK)
		rc = send_request(cli, command, &body, reply);
	buf_wipe(&body);
	remote_reply_end(reply);
	return rc == ADX_OK ? reply->exit : cli_fail(cli, &reply->err);
}

/* What was shown is the limit of the real run, as without a daemon. */
static int
confirm_and_send(struct cli *cli, const struct command *command, const char *const *args)
{
	struct remote_reply reply;
	struct adx_error err;
	int status = send_once(cli, command, args, true, cli->options.max_affected, &reply);

	if (status > 1 || reply.failed)
		return status;
	if (status == 0 && reply.affected > 0 && !cli_confirm(command, reply.affected)) {
		adx_fail(&err, ADX_EDECLINE, "%s: not confirmed; nothing was changed",
			 command->name);
		return cli_fail(cli, &err);
	}
	return send_once(cli, command, args, false,
			 reply.affected >= 0 ? reply.affected : cli->options.max_affected, &reply);
}

static void
say_trial(const struct cli *cli, const struct command *command, const struct remote_reply *reply)
{
	char note[160];

	if (!cli->options.dry_run || reply->failed || reply->affected < 0)
		return;
	snprintf(note, sizeof(note), "dry run: %lld %s; nothing was changed",
		 (long long)reply->affected, command_affects(command));
	cli_say(note);
}

int
remote_run(struct cli *cli, const struct command *command, const struct args *args)
{
	struct run_options unset = { .max_affected = -1 };
	struct call check = { .options = &unset };
	struct remote_reply reply;
	struct adx_error err;
	enum adx_rc rc;
	int status;

	/* Only to count them: what they mean is for the daemon to say. */
	rc = call_begin(&check, command, args->values, args->count, &err);
	call_end(&check);
	if (rc != ADX_EUSAGE)
		rc = check_document(command, args->values, &err);
	if (rc == ADX_EUSAGE || curllib_load(&err) != ADX_OK)
		return cli_fail(cli, &err);
	if ((command->flags & (CMD_DESTROYS | CMD_ON_YES)) == CMD_DESTROYS && cli_can_ask() &&
	    !cli->options.assume_yes && !cli->options.dry_run)
		return confirm_and_send(cli, command, args->values);
	status = send_once(cli, command, args->values, false, cli->options.max_affected, &reply);
	say_trial(cli, command, &reply);
	return status;
}
