#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "face/remote.h"

void
remote_reply_begin(struct remote_reply *reply, struct cli *cli, const char *path, bool quiet)
{
	*reply = (struct remote_reply){ .cli = cli, .path = path, .quiet = quiet, .affected = -1 };
}

void
remote_reply_end(struct remote_reply *reply)
{
	if (reply->file_open)
		newfile_abort(&reply->file);
}

/* ---- the header -------------------------------------------------------------------------- */

/* The value when the line is that of the header; trimmed into out. */
static bool
is_header(const char *line, size_t len, const char *name, char *out, size_t size)
{
	size_t n = strlen(name);

	if (len <= n || strncasecmp(line, name, n) != 0 || line[n] != ':')
		return false;
	line += n + 1;
	len -= n + 1;
	while (len > 0 && isspace((unsigned char)*line)) {
		line++;
		len--;
	}
	while (len > 0 && isspace((unsigned char)line[len - 1]))
		len--;
	if (len >= size)
		len = size - 1;
	memcpy(out, line, len);
	out[len] = '\0';
	return true;
}

static int
hex(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* %XX stands for what a header cannot carry. */
static void
say(char *text)
{
	char *to = text;

	for (const char *from = text; *from != '\0'; from++) {
		if (*from == '%' && isxdigit((unsigned char)from[1]) &&
		    isxdigit((unsigned char)from[2])) {
			*to++ = (char)(hex(from[1]) * 16 + hex(from[2]));
			from += 2;
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
	cli_say(text);
}

static void
say_failure(struct remote_reply *reply, char *text)
{
	reply->failed = true;
	say(text);
}

size_t
remote_reply_header(char *data, size_t size, size_t count, void *ctx)
{
	struct remote_reply *reply = ctx;
	size_t len = size * count;
	char value[1024];

	if (len > 9 && strncmp(data, "HTTP/1.1 ", 9) == 0)
		reply->code = strtol(data + 9, NULL, 10);
	else if (is_header(data, len, "Adminex-Request", value, sizeof(value)))
		reply->known = true;
	else if (is_header(data, len, "Adminex-Exit", value, sizeof(value)))
		reply->exit = (int)strtol(value, NULL, 10);
	else if (is_header(data, len, "Adminex-Affected", value, sizeof(value)))
		reply->affected = strtoll(value, NULL, 10);
	else if (is_header(data, len, "Adminex-Failure", value, sizeof(value)))
		say_failure(reply, value);
	else if (!reply->quiet && is_header(data, len, "Adminex-Remark", value, sizeof(value)))
		say(value);
	return len;
}

/* ---- the body ---------------------------------------------------------------------------- */

static bool
write_document(struct remote_reply *reply, const char *data, size_t len)
{
	if (!reply->file_open) {
		if (newfile_open(&reply->file, reply->path, &reply->err) != ADX_OK)
			return false;
		reply->file_open = true;
	}
	while (len > 0) {
		ssize_t n = write(reply->file.fd, data, len);

		if (n < 0 && errno != EINTR) {
			adx_fail_errno(&reply->err, ADX_EIO, errno, "cannot write '%s'",
				       reply->path);
			return false;
		}
		data += n < 0 ? 0 : n;
		len -= n < 0 ? 0 : (size_t)n;
	}
	return true;
}

/* A failure comes as JSON whatever was asked for. */
static bool
is_dropped(const struct remote_reply *reply)
{
	enum format format = reply->cli->options.format;

	if (!reply->known)
		return true;
	return reply->failed ? format != FORMAT_JSON && format != FORMAT_NDJSON : reply->quiet;
}

static bool
is_document(const struct remote_reply *reply)
{
	return reply->path != NULL && strcmp(reply->path, "-") != 0 && reply->code == 200 &&
	       !reply->cli->options.dry_run;
}

size_t
remote_reply_body(char *data, size_t size, size_t count, void *ctx)
{
	struct remote_reply *reply = ctx;
	size_t len = size * count;

	if (is_dropped(reply))
		return len;
	if (is_document(reply))
		return write_document(reply, data, len) ? len : 0;
	out_write(reply->cli->out, data, len);
	return out_error(reply->cli->out) == 0 ? len : 0;
}

enum adx_rc
remote_reply_conclude(struct remote_reply *reply)
{
	if (!reply->known)
		return adx_fail(&reply->err, ADX_EFAIL,
				"the request was not taken, or not by adminex: HTTP status %ld",
				reply->code);
	if (!reply->file_open)
		return ADX_OK;
	reply->file_open = false;
	return newfile_commit(&reply->file, &reply->err);
}
