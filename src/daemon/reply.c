#include <stdio.h>
#include <string.h>

#include "daemon/loop.h"
#include "daemon/server.h"

/* ---- HTTP statuses (RFC 9110, section 15) ------------------------------------------------ */

static unsigned
code_of_sqlstate(const char *state)
{
	if (strcmp(state, "57014") == 0)
		return 504;
	/* A lock, or another transaction, was in the way: the same request may succeed. */
	if (strcmp(state, "55P03") == 0 || strncmp(state, "40", 2) == 0 ||
	    strcmp(state, "23503") == 0)
		return 503;
	return 0;
}

unsigned
reply_code(const struct adx_error *err)
{
	unsigned code = code_of_sqlstate(err->sqlstate);

	if (code != 0)
		return code;
	switch (err->rc) {
	case ADX_EUSAGE: return 400;
	case ADX_EINVAL: return 422;
	case ADX_ELIMIT:
	case ADX_EDECLINE: return 409;
	/* Without an SQLSTATE it is the caller who may not; else this daemon's database role. */
	case ADX_EDENIED: return err->sqlstate[0] == '\0' ? 403 : 500;
	case ADX_EUNAVAIL: return 503;
	case ADX_EUNKNOWN:
	case ADX_EINTR: return 504;
	default: return 500;
	}
}

unsigned
reply_code_of_answer(const char *status)
{
	static const struct {
		const char *word;
		unsigned code;
	} CODES[] = {
		{ "ok", 200 },
		/* The question was answered. */
		{ "incorrect", 200 },
		{ "no", 200 },
		{ "user_does_not_exist", 404 },
		{ "host_does_not_exist", 404 },
		{ "not_found", 404 },
		{ "never_seen", 404 },
		{ "not_banned", 404 },
		{ "no_session", 404 },
		{ "no_node", 404 },
		{ "no_cookie", 404 },
		{ "no_cache", 404 },
		{ "exists", 409 },
		{ "host_has_accounts", 409 },
	};

	for (size_t i = 0; i < sizeof(CODES) / sizeof(CODES[0]); i++)
		if (strcmp(CODES[i].word, status) == 0)
			return CODES[i].code;
	return 422;
}

/* ---- headers ----------------------------------------------------------------------------- */

/* Of a document that takes the place of a reply: what its arguments make it, unless it is a no. */
static const char *
document_type(const struct request *r, bool ended)
{
	if (r->command == NULL || r->command->media_type == NULL || (ended && r->code != 200))
		return NULL;
	return r->command->media_type(&r->call);
}

static const char *
content_type(const struct request *r, bool ended)
{
	const char *type = document_type(r, ended);

	if (type != NULL)
		return type;
	switch (r->format) {
	case FORMAT_JSON: return "application/json";
	case FORMAT_NDJSON: return "application/x-ndjson";
	case FORMAT_CSV: return "text/csv; charset=utf-8";
	default: return "text/plain; charset=utf-8";
	}
}

/*
 * It may quote any name: what no header can carry is written as %XX. Left out when there is no room
 * for it in the header.
 */
static bool
add_text(struct MHD_Response *response, const char *name, const char *text, long *room)
{
	char line[768];
	size_t at = 0;

	for (; *text != '\0' && at + 4 < sizeof(line); text++) {
		unsigned char c = (unsigned char)*text;

		if (c >= 0x20 && c < 0x7F && c != '%')
			line[at++] = (char)c;
		else
			at += (size_t)snprintf(line + at, sizeof(line) - at, "%%%02X", c);
	}
	line[at] = '\0';
	*room -= (long)(strlen(name) + strlen(": \r\n") + at);
	if (*room < 0)
		return false;
	MHD_add_response_header(response, name, line);
	return true;
}

static void
add_remarks(struct MHD_Response *response, const struct request *r, long room)
{
	enum { AT_MOST = 4 };
	size_t said = 0;
	char more[48];

	while (said < r->remarks.count && said < AT_MOST &&
	       add_text(response, "Adminex-Remark", r->remarks.items[said], &room))
		said++;
	if (said == r->remarks.count)
		return;
	snprintf(more, sizeof(more), "and %zu remarks more", r->remarks.count - said);
	MHD_add_response_header(response, "Adminex-Remark", more);
}

static void
add_number(struct MHD_Response *response, const char *name, long long number)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", number);
	MHD_add_response_header(response, name, text);
}

/* What is known once the request was carried out: until then another thread writes it. */
static void
add_outcome(struct MHD_Response *response, const struct request *r, long room)
{
	/* JSON has the status; nothing else does. */
	if (r->status != NULL && (r->format != FORMAT_JSON || r->exit != 0)) {
		MHD_add_response_header(response, "Adminex-Status", r->status);
		add_number(response, "Adminex-Exit", r->exit);
	}
	if (r->command != NULL && r->call.answer != NULL && call_writes(&r->call))
		add_number(response, "Adminex-Affected", r->call.affected);
	if (r->failure[0] != '\0')
		add_text(response, "Adminex-Failure", r->failure, &room);
	if (r->retry_after > 0)
		add_number(response, "Retry-After", r->retry_after);
	if (r->code == 401)
		MHD_add_response_header(response, "WWW-Authenticate", "Bearer realm=\"adminex\"");
	if (r->code == 405)
		MHD_add_response_header(response, "Allow", r->allowed);
	add_remarks(response, r, room);
}

static void
add_headers(struct MHD_Response *response, const struct request *r, bool ended)
{
	MHD_add_response_header(response, "Content-Type", content_type(r, ended));
	/* The request's header left little room. */
	if (ended && r->code == 431)
		return;
	MHD_add_response_header(response, "Adminex-Request", r->id);
	/* What was asked for by POST no cache keeps (RFC 9110, section 9.3.3). */
	if (r->command == NULL)
		MHD_add_response_header(response, "Cache-Control", "no-store");
	if (ended)
		add_outcome(response, r, r->header_room);
}

/* ---- bodies ------------------------------------------------------------------------------ */

static void
suspend(void *ctx)
{
	loop_suspend(ctx);
}

static ssize_t
read_spool(void *ctx, uint64_t pos, char *buf, size_t max)
{
	struct request *r = ctx;
	ssize_t n = spool_read(&r->spool, pos, buf, max, suspend, r);

	if (n != 0)
		loop_hurry(r->loop);
	if (n == -1)
		return MHD_CONTENT_READER_END_OF_STREAM;
	return n == -2 ? MHD_CONTENT_READER_END_WITH_ERROR : n;
}

static struct MHD_Response *
make_response(struct request *r, bool streams)
{
	enum { BLOCK = 32 * 1024 };

	if (streams)
		return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_spool, r,
							 NULL);
	/* It stays where it is until the request is released, which comes after the reply. */
	return MHD_create_response_from_buffer(r->spool.memory.len, r->spool.memory.data,
					       MHD_RESPMEM_PERSISTENT);
}

/* There is no memory, or no room on the disk, for the reply: what there is of it is worth nothing.
 */
static struct MHD_Response *
make_lost(struct request *r)
{
	static char LOST[] = "{\"message\":\"the reply could not be kept; a change was made "
			     "nevertheless\",\"status\":\"error\"}\n";

	r->code = r->code < 400 ? 500 : r->code;
	r->format = FORMAT_JSON;
	r->status = "error";
	r->exit = 1;
	snprintf(r->failure, sizeof(r->failure),
		 "the reply could not be kept; a change was made nevertheless");
	return MHD_create_response_from_buffer(strlen(LOST), LOST, MHD_RESPMEM_PERSISTENT);
}

enum MHD_Result
reply_send(struct request *r)
{
	struct MHD_Response *response;
	enum MHD_Result sent;
	bool streams, ended, lost;
	unsigned code;

	pthread_mutex_lock(&r->spool.lock);
	streams = r->spool.streams;
	ended = r->spool.complete || r->spool.broken;
	lost = r->spool.broken && !streams;
	pthread_mutex_unlock(&r->spool.lock);
	response = lost ? make_lost(r) : make_response(r, streams);
	if (response == NULL)
		return MHD_NO;
	/* Of a reply that is under way, only that it began well is known. */
	code = ended && r->code != 0 ? r->code : 200;
	add_headers(response, r, ended);
	metrics_reply(&r->daemon->metrics, code);
	request_log_refusal(r);
	loop_hurry(r->loop);
	sent = MHD_queue_response(r->connection, code, response);
	MHD_destroy_response(response);
	return sent;
}
