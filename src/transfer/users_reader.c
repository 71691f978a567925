#include "transfer/users_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adminex/jid.h"
#include "base/scram.h"
#include "base/stamp.h"
#include "base/text.h"
#include "transfer/users_priv.h"

const char *const users_field_names[USERS_FIELDS] = {
	[USERS_USER] = "user",
	[USERS_HOST] = "host",
	[USERS_PASSWORD] = "password",
	[USERS_CREATED_AT] = "created_at",
};

/* ---- a row ------------------------------------------------------------------------------- */

static void
begin_row(struct users *u)
{
	for (int f = 0; f < USERS_FIELDS; f++) {
		buf_clear(&u->fields[f]);
		u->given[f] = false;
	}
}

bool
users_set(struct users *u, enum users_field field, const char *text, size_t len)
{
	if (u->given[field])
		return false;
	u->given[field] = true;
	buf_add(&u->fields[field], text, len);
	return true;
}

/* What may be shown and stored anywhere: a name of a reasonable length. */
static const char *
clean(const struct buf *written, struct buf *out)
{
	static const char cut[] = "...";
	const char *text = buf_text(written);
	unsigned cp;

	buf_clear(out);
	for (size_t i = 0, n; i < written->len; i += n) {
		if (out->len > JID_PART_MAX) {
			buf_add_text(out, cut);
			break;
		}
		n = text_next(text + i, written->len - i, &cp);
		buf_add_utf8(out, n == 0 || cp < 0x20 || (cp >= 0x7F && cp < 0xA0) ? 0xFFFD : cp);
		n = n == 0 ? 1 : n;
	}
	return buf_text(out);
}

/* Hand over what is in the row, with user and host as they may be shown. */
static enum adx_rc
emit(struct users *u, struct users_row *row, bool shown)
{
	row->line = u->line;
	row->user = shown ? clean(&u->fields[USERS_USER], &u->user) : "";
	row->host = shown ? clean(&u->fields[USERS_HOST], &u->host) : "";
	if (!buf_ok(&u->user) || !buf_ok(&u->host))
		return adx_nomem(u->err);
	return u->sink->row(u->sink->ctx, row, u->err);
}

enum adx_rc
users_bad_row(struct users *u, bool shown, const char *why)
{
	struct users_row row = { .why = why };

	return emit(u, &row, shown);
}

static enum adx_rc
check_given(const struct users *u, struct adx_error *why)
{
	for (int f = 0; f < USERS_FIELDS; f++) {
		const struct buf *field = &u->fields[f];

		if (!buf_ok(field))
			return adx_nomem(why);
		if (!u->given[f] && f != USERS_CREATED_AT)
			return adx_fail(why, ADX_EINVAL, "%s is missing", users_field_names[f]);
		if (field->len > 0 && memchr(field->data, '\0', field->len) != NULL)
			return adx_fail(why, ADX_EINVAL, "%s has a NUL byte", users_field_names[f]);
	}
	return ADX_OK;
}

/* XEP-0091's stamps name no zone, so they are not taken here. */
static enum adx_rc
check_created(const struct buf *field, char out[STAMP_SIZE], struct adx_error *why)
{
	if (field->len == 0 ||
	    (field->len > 4 && field->data[4] == '-' && stamp_of_xmpp(field->data, out)))
		return ADX_OK;
	return adx_fail(why, ADX_EINVAL,
			"created_at is no date and time with a zone, as 2024-05-17T09:30:00Z is");
}

static enum adx_rc
password_check(const struct buf *field, struct buf *out, struct adx_error *why)
{
	if (field->len == 0)
		return adx_fail(why, ADX_EINVAL, "the password is empty");
	return password_prepare(field->data, field->len, out, why);
}

enum adx_rc
users_end_row(struct users *u)
{
	const struct buf *user = &u->fields[USERS_USER], *host = &u->fields[USERS_HOST];
	char local[JID_PART_MAX + 1], domain[JID_PART_MAX + 1], created[STAMP_SIZE] = "";
	struct buf password = BUF_INIT;
	struct users_row row = { .local = local, .domain = domain, .password = &password };
	struct adx_error why;
	enum adx_rc rc = check_given(u, &why);

	if (rc == ADX_OK)
		rc = jid_prep_local(buf_text(user), user->len, local, &why);
	if (rc == ADX_OK)
		rc = jid_prep_domain(buf_text(host), host->len, domain, &why);
	if (rc == ADX_OK)
		rc = password_check(&u->fields[USERS_PASSWORD], &password, &why);
	if (rc == ADX_OK)
		rc = check_created(&u->fields[USERS_CREATED_AT], created, &why);
	row.created_at = created[0] == '\0' ? NULL : created;
	if (rc == ADX_OK)
		rc = emit(u, &row, true);
	else if (rc == ADX_EINVAL)
		rc = users_bad_row(u, true, why.message);
	else
		*u->err = why;
	buf_wipe(&password);
	return rc;
}

/* ---- lines ------------------------------------------------------------------------------- */

static enum adx_rc
refuse_long(struct users *u)
{
	char why[64];
	enum adx_rc rc;

	snprintf(why, sizeof(why), "the row is longer than %d bytes", USERS_ROW_MAX);
	rc = users_bad_row(u, false, why);
	return rc == ADX_OK ? users_skip_line(u) : rc;
}

enum adx_rc
users_lines(struct users *u, enum adx_rc (*read)(void *ctx, const struct users_line *line),
	    void *ctx)
{
	struct users_line line;
	enum adx_rc rc;

	while ((rc = users_peek(u, &line)) == ADX_OK && line.len > 0) {
		begin_row(u);
		if (line.whole) {
			rc = read(ctx, &line);
			if (rc == ADX_OK)
				rc = users_advance(u, &line);
		} else {
			rc = refuse_long(u);
		}
		if (rc != ADX_OK)
			break;
	}
	return rc;
}

/* ---- a file ------------------------------------------------------------------------------ */

static enum adx_rc
read_all(struct users *u, enum users_format format)
{
	enum adx_rc rc = users_open(u);

	if (rc == ADX_OK)
		rc = format == USERS_CSV ? users_csv(u) : users_ndjson(u);
	users_close(u);
	for (int f = 0; f < USERS_FIELDS; f++)
		buf_wipe(&u->fields[f]);
	buf_free(&u->user);
	buf_free(&u->host);
	return rc;
}

enum adx_rc
users_read(const char *path, enum users_format format, const struct users_sink *sink,
	   struct adx_error *err)
{
	bool standard = strcmp(path, "-") == 0;
	struct users u = { .sink = sink, .err = err, .name = standard ? "standard input" : path };
	struct stat st;
	enum adx_rc rc;

	u.fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (u.fd < 0)
		return adx_fail_errno(err, ADX_EIO, errno, "cannot open '%s'", path);
	if (fstat(u.fd, &st) == 0 && S_ISREG(st.st_mode))
		u.total = (uint64_t)st.st_size;
	rc = read_all(&u, format);
	if (!standard)
		close(u.fd);
	return rc;
}

enum adx_rc
users_read_memory(const char *text, size_t len, enum users_format format,
		  const struct users_sink *sink, struct adx_error *err)
{
	struct users u = {
		.sink = sink,
		.err = err,
		.name = "memory",
		.fd = -1,
		.text = text,
		.left = len,
		.total = len,
	};

	return read_all(&u, format);
}
