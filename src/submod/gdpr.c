/* Submod gdpr: the export of personal data. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/newfile.h"
#include "submod/params.h"
#include "submod/personal_data.h"

static const struct answer NO_SUBJECT = { "error", "Error: \"User does not exist\"" };

static bool
is_zip(const char *path)
{
	size_t len = strlen(path);

	return len > 4 && strcasecmp(path + len - 4, ".zip") == 0;
}

static enum adx_rc
write_json_file(struct call *call, const struct subject *subject, const struct newfile *file,
		struct adx_error *err)
{
	struct out *out = out_new(file->fd);
	enum adx_rc rc = out == NULL ? adx_nomem(err) : personal_data_json(call, subject, out, err);

	out_free(out);
	return rc;
}

/* libzip writes by name; the temporary file's own is the one. */
static enum adx_rc
write_zip_file(struct call *call, const struct subject *subject, const struct newfile *file,
	       struct adx_error *err)
{
	if (file->temporary == NULL)
		return adx_fail(err, ADX_EINVAL, "'%s' is not a regular file", file->path);
	return personal_data_zip(call, subject, file->temporary, err);
}

static enum adx_rc
write_file(struct call *call, const struct subject *subject, const char *path,
	   struct adx_error *err)
{
	struct newfile file;
	enum adx_rc rc = newfile_open(&file, path, err);

	if (rc != ADX_OK)
		return rc;
	rc = is_zip(path) ? write_zip_file(call, subject, &file, err)
			  : write_json_file(call, subject, &file, err);
	if (rc == ADX_OK)
		return newfile_commit(&file, err);
	newfile_abort(&file);
	return rc;
}

static enum adx_rc
write_data(struct call *call, const struct subject *subject, struct adx_error *err)
{
	const char *path = call_raw(call, "path");

	if (call->options->dry_run) {
		call_remark(call, "dry run: '%s' was not written", path);
		return ADX_OK;
	}
	if (strcmp(path, "-") != 0)
		return write_file(call, subject, path, err);
	if (call->options->replies_only)
		return adx_fail(err, ADX_EINVAL,
				"argument 'path' is '-', but standard output carries the replies");
	call->writer->whole = true;
	return personal_data_json(call, subject, call->writer->out, err);
}

static enum adx_rc
find_subject(struct call *call, struct subject *subject, bool *known, struct adx_error *err)
{
	struct rows *rows;
	enum adx_rc rc;

	subject->host = call_jid_part(call, "domain");
	subject->username = call_jid_part(call, "username");
	snprintf(subject->jid, sizeof(subject->jid), "%s@%s", subject->username, subject->host);
	rc = stmt_one(call->db, SQL_GDPR_HEADER,
		      PARAMS(subject->host, subject->username, subject->jid), &rows, err);
	if (rc != ADX_OK)
		return rc;
	*known = rows_get_bool(rows, "known");
	snprintf(subject->generated_at, sizeof(subject->generated_at), "%s",
		 rows_get(rows, "generated_at"));
	snprintf(subject->schema_version, sizeof(subject->schema_version), "%s",
		 rows_get(rows, "schema_version"));
	rows_close(rows);
	return ADX_OK;
}

static enum adx_rc
retrieve_personal_data(struct call *call, struct adx_error *err)
{
	struct subject subject;
	bool known = false;
	enum adx_rc rc = find_subject(call, &subject, &known, err);

	if (rc == ADX_OK && !known)
		return call_answer(call, &NO_SUBJECT, err, NULL);
	if (rc == ADX_OK)
		rc = write_data(call, &subject, err);
	return rc == ADX_OK ? call_answer(call, &ANSWER_OK, err, NULL) : rc;
}

const struct command GDPR_COMMANDS[] = {
	{ .name = "retrieve_personal_data",
	  .submod = "gdpr",
	  .summary = "export all personal data of an account to a file",
	  .notes = "JSON; a path ending in .zip gives the archive of CSV files that mongooseimctl "
		   "made; - is standard output. The file has mode 0600 and appears whole or not at "
		   "all. Passwords are never in it. An account is not needed: what is left of a "
		   "JID counts.",
	  .params = { { .name = "username", .type = PARAM_LOCALPART, .doc = "local part" },
		      { .name = "domain", .type = PARAM_DOMAIN, .doc = "domain" },
		      { .name = "path",
			.type = PARAM_PATH,
			.doc = "file to create, or -",
			.path = PATH_WRITTEN } },
	  .result = RESULT_RESCODE,
	  .result_name = "res",
	  .answers = { &ANSWER_OK, &NO_SUBJECT },
	  .if_bad_jid = &NO_SUBJECT,
	  .role = ROLE_OPERATOR,
	  .limited_by = "domain",
	  .flags = CMD_SNAPSHOT | CMD_STEPS | CMD_WIDE,
	  .example = "orsino.aldobrand example.org -",
	  .run = retrieve_personal_data },
	{ 0 },
};
