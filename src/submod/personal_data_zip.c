/*
 * The archive that service_admin_extra made: NAME.csv for each kind of data that has rows, and
 * logs-NODE.txt, here with what the audit log says about the account.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <zip.h>

#include "base/buf.h"
#include "base/csv.h"
#include "submod/personal_data.h"

static enum adx_rc
fail(zip_t *archive, struct adx_error *err)
{
	return adx_fail(err, ADX_EIO, "cannot write the archive: %s", zip_strerror(archive));
}

static bool
send_line(struct buf *line, FILE *to)
{
	bool ok;

	buf_add_char(line, '\n');
	ok = buf_ok(line) && fwrite(line->data, 1, line->len, to) == line->len;
	buf_clear(line);
	return ok;
}

static bool
write_head(const struct section *section, struct buf *line, FILE *to)
{
	for (const char *const *c = section->csv; *c != NULL; c++) {
		if (c != section->csv)
			buf_add_char(line, ',');
		csv_add_field(line, *c, strlen(*c));
	}
	return send_line(line, to);
}

static bool
write_row(const struct section *section, const struct rows *rows, struct buf *line, FILE *to)
{
	for (const char *const *c = section->csv; *c != NULL; c++) {
		size_t len;
		const char *data = rows_text(rows, rows_column(rows, *c), &len);

		if (c != section->csv)
			buf_add_char(line, ',');
		if (data != NULL)
			csv_add_field(line, data, len);
	}
	return send_line(line, to);
}

static bool
write_log_line(const struct rows *rows, struct buf *line, FILE *to)
{
	static const char *const COLUMNS[] = { "at", "command", "arguments", "outcome" };

	for (size_t i = 0; i < sizeof(COLUMNS) / sizeof(COLUMNS[0]); i++)
		buf_addf(line, "%s%s", i == 0 ? "" : " ", rows_get(rows, COLUMNS[i]));
	return send_line(line, to);
}

/* Rows into an unlinked temporary file, so that memory stays flat; *count tells how many. */
static enum adx_rc
spool(const struct section *section, struct rows *rows, FILE *to, int64_t *count,
      struct adx_error *err)
{
	struct buf line = BUF_INIT;
	bool has, ok = true;
	enum adx_rc rc = ADX_OK;

	while (ok && (rc = rows_next(rows, &has, err)) == ADX_OK && has) {
		if (section->csv == NULL)
			ok = write_log_line(rows, &line, to);
		else
			ok = ((*count)++ > 0 || write_head(section, &line, to)) &&
			     write_row(section, rows, &line, to);
	}
	buf_free(&line);
	if (!ok || fflush(to) != 0)
		return adx_fail_errno(err, ADX_EIO, errno, "cannot write a temporary file");
	rewind(to);
	return rc;
}

/* On ADX_OK the archive owns the spool. */
static enum adx_rc
add_spool(zip_t *archive, const char *name, FILE *from, struct adx_error *err)
{
	zip_source_t *source = zip_source_filep(archive, from, 0, -1);

	if (source == NULL) {
		fclose(from);
		return fail(archive, err);
	}
	if (zip_file_add(archive, name, source, ZIP_FL_ENC_UTF_8) < 0) {
		zip_source_free(source);
		return fail(archive, err);
	}
	return ADX_OK;
}

static enum adx_rc
add_section(struct call *call, zip_t *archive, const struct section *section,
	    const struct subject *subject, const char *name, struct adx_error *err)
{
	int64_t count = 0;
	struct rows *rows = NULL;
	FILE *file = tmpfile();
	enum adx_rc rc;

	if (file == NULL)
		return adx_fail_errno(err, ADX_EIO, errno, "cannot make a temporary file");
	rc = section_open(call, section, subject, &rows, err);
	if (rc == ADX_OK)
		rc = spool(section, rows, file, &count, err);
	rows_close(rows);
	if (rc == ADX_OK && (count > 0 || section->csv == NULL))
		return add_spool(archive, name, file, err);
	fclose(file);
	return rc;
}

static enum adx_rc
add_all(struct call *call, zip_t *archive, const struct subject *subject, struct adx_error *err)
{
	enum adx_rc rc = ADX_OK;

	for (const struct section *s = PERSONAL_DATA; s->name != NULL && rc == ADX_OK; s++) {
		char name[300];

		if (s->csv != NULL)
			snprintf(name, sizeof(name), "%s.csv", s->name);
		else if (s->id == SQL_GDPR_AUDIT_LOG)
			snprintf(name, sizeof(name), "logs-%.200s.txt", call->config->node_name);
		else
			continue;
		rc = add_section(call, archive, s, subject, name, err);
	}
	return rc;
}

enum adx_rc
personal_data_zip(struct call *call, const struct subject *subject, const char *path,
		  struct adx_error *err)
{
	int code = 0;
	zip_t *archive = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &code);
	zip_error_t why;
	enum adx_rc rc;

	if (archive == NULL) {
		zip_error_init_with_code(&why, code);
		rc = adx_fail(err, ADX_EIO, "cannot write the archive: %s",
			      zip_error_strerror(&why));
		zip_error_fini(&why);
		return rc;
	}
	rc = add_all(call, archive, subject, err);
	if (rc == ADX_OK && zip_close(archive) != 0)
		rc = fail(archive, err);
	else if (rc == ADX_OK)
		return ADX_OK;
	zip_discard(archive);
	return rc;
}
