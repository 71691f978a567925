/*
 * Idempotency-Key: a write that is asked for twice is done once. The key is claimed, and the reply
 * kept, in the transaction of the change; whoever comes second waits for that to end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "daemon/daemon_priv.h"

static enum adx_rc
refuse(struct request *r, const char *message, const char *hint, struct adx_error *err)
{
	adx_fail(err, ADX_EINVAL, "%s", message);
	adx_hint(err, "%s", hint);
	r->code = 409;
	return err->rc;
}

/*
 * What the first reply said, of which the status of HTTP was kept: the command's only answer with
 * that, or that it was a no.
 */
static const struct answer *
former_answer(const struct call *call, unsigned code)
{
	static const struct answer NO = { "no", "" };
	const struct answer *const *answers = call->command->answers;
	const struct answer *found = NULL;

	if (code < 400)
		return &ANSWER_OK;
	for (size_t i = 0; i < COMMAND_ANSWERS_MAX && answers[i] != NULL; i++) {
		if (reply_code_of_answer(answers[i]->status) != code)
			continue;
		if (found != NULL)
			return &NO;
		found = answers[i];
	}
	return found == NULL ? &NO : found;
}

/* The first reply once more. */
static enum adx_rc
repeat(struct request *r, struct call *call, const struct rows *rows, struct adx_error *err)
{
	const char *reply = rows_get(rows, "reply");

	if (!rows_get_bool(rows, "same"))
		return refuse(r, "this Idempotency-Key was used for another request",
			      "a new request needs a new key", err);
	if (reply == NULL)
		return refuse(r, "this was done already, but its reply is not kept",
			      "replies that are secret or long are given once", err);
	out_text(call->writer->out, reply);
	call->writer->whole = true;
	r->once_code = (unsigned)rows_get_int64(rows, "http_status");
	call->answer = former_answer(call, r->once_code);
	call->text = "";
	metrics_add(&r->daemon->metrics, METRIC_REPEATED, 1);
	return ADX_OK;
}

static enum adx_rc
claim(void *ctx, struct call *call, bool *answered, struct adx_error *err)
{
	struct request *r = ctx;
	char keep[16];
	struct rows *rows = NULL;
	enum adx_rc rc;

	snprintf(keep, sizeof(keep), "%d", r->settings->config->http.keep_replies);
	rc = stmt_one(call->db, SQL_REQUEST_CLAIM,
		      PARAMS(r->actor, r->once_key, r->once_digest, keep), &rows, err);
	*answered = rc == ADX_OK && rows == NULL;
	rows_close(rows);
	if (!*answered)
		return rc;
	/* Another statement, as this one's snapshot is older than what it waited for. */
	rc = stmt_one(call->db, SQL_REQUEST_FIND, PARAMS(r->actor, r->once_key, r->once_digest),
		      &rows, err);
	if (rc == ADX_OK && rows == NULL)
		rc = adx_fail(err, ADX_EFAIL,
			      "the first request with this key just ended; try again");
	if (rc == ADX_OK)
		rc = repeat(r, call, rows, err);
	rows_close(rows);
	return rc;
}

static enum adx_rc
keep(void *ctx, struct call *call, struct adx_error *err)
{
	struct request *r = ctx;
	const char *reply = NULL;
	char code[16];

	call_finish(call, ADX_OK, err);
	call->writer->whole = true;
	if (!(call->command->flags & CMD_SECRET_REPLY))
		reply = out_held(call->writer->out);
	snprintf(code, sizeof(code), "%u", reply_code_of_answer(call->answer->status));
	return stmt_exec(call->db, SQL_REQUEST_KEEP, PARAMS(r->actor, r->once_key, reply, code),
			 err);
}

static bool
digest(struct request *r)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	struct buf text = BUF_INIT;
	unsigned len = 0;
	bool ok;

	/* The reply is kept in its format. */
	buf_addf(&text, "%d %s ", r->format, r->command->name);
	buf_add(&text, buf_text(&r->body), r->body.len);
	ok = buf_ok(&text) &&
	     HMAC(EVP_sha256(), r->daemon->key, DAEMON_KEY_SIZE,
		  (const unsigned char *)buf_text(&text), text.len, mac, &len) != NULL;
	buf_wipe(&text);
	strcpy(r->once_digest, "\\x");
	for (unsigned i = 0; ok && i < len && i < 32; i++)
		snprintf(r->once_digest + 2 + 2 * (size_t)i, 3, "%02x", mac[i]);
	return ok;
}

enum adx_rc
once_prepare(struct request *r, struct adx_error *err)
{
	static const struct run_hooks HOOKS = { claim, keep };

	if (!digest(r))
		return adx_fail(err, ADX_EFAIL, "the crypto library could not make a digest");
	r->options.hooks = &HOOKS;
	return ADX_OK;
}
