/*
 * The document as an archive: a CSV file for each section that has records, with a line of names
 * first. A file called .txt has its records as they are, and is always there: the log of the
 * original's archive.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/csv.h"
#include "submod/personal.h"

struct archive {
	struct seal *seal;
	const char *node;
	struct buf line;
	bool open; /* the section was begun */
};

static bool
is_text(const struct personal_section *section)
{
	size_t len = strlen(section->file);

	return len > 4 && strcmp(section->file + len - 4, ".txt") == 0;
}

static enum adx_rc
send_line(struct archive *a, struct adx_error *err)
{
	struct out *out = seal_out(a->seal);

	buf_add_char(&a->line, '\n');
	if (!buf_ok(&a->line))
		return adx_nomem(err);
	out_write(out, a->line.data, a->line.len);
	buf_clear(&a->line);
	if (out_error(out) == 0)
		return ADX_OK;
	return adx_fail_errno(err, ADX_EIO, out_error(out), "cannot write the personal data");
}

/* The name of a file with the name of the node in the place of {node}. */
static void
file_name(const struct archive *a, const struct personal_section *section, char *name, size_t size)
{
	static const char MARK[] = "{node}";
	const char *at = strstr(section->file, MARK);

	if (at == NULL) {
		snprintf(name, size, "%s", section->file);
		return;
	}
	snprintf(name, size, "%.*s%.200s%s", (int)(at - section->file), section->file, a->node,
		 at + sizeof(MARK) - 1);
	for (char *c = name; *c != '\0'; c++)
		if (*c == '/' || *c == '\\')
			*c = '_';
}

static void
begin_section(struct archive *a, const struct personal_section *section, const char *file)
{
	struct seal_section about = { .name = section->name,
				      .file = file,
				      .legal_basis = section->legal_basis,
				      .retention = section->retention };

	seal_section_begin(a->seal, &about);
	a->open = true;
}

static void
open_file(struct archive *a, const struct personal_section *section)
{
	char name[400];

	file_name(a, section, name, sizeof(name));
	begin_section(a, section, name);
}

static enum adx_rc
write_head(struct archive *a, const struct personal_section *section, struct adx_error *err)
{
	for (size_t i = 0; i < section->field_count; i++) {
		const char *name = section->fields[i].name;

		if (i > 0)
			buf_add_char(&a->line, ',');
		csv_add_field(&a->line, name, strlen(name));
	}
	return send_line(a, err);
}

static enum adx_rc
open_with_head(struct archive *a, const struct personal_section *section, struct adx_error *err)
{
	open_file(a, section);
	return write_head(a, section, err);
}

static enum adx_rc
archive_begin(void *ctx, struct adx_error *err)
{
	(void)ctx;
	(void)err;
	return ADX_OK;
}

static enum adx_rc
archive_section_begin(void *ctx, const struct personal_section *section, struct adx_error *err)
{
	struct archive *a = ctx;

	(void)err;
	a->open = false;
	if (is_text(section))
		open_file(a, section);
	return ADX_OK;
}

static enum adx_rc
archive_record(void *ctx, const struct personal_section *section, const struct array_item values[],
	       struct adx_error *err)
{
	struct archive *a = ctx;
	bool text = is_text(section);
	enum adx_rc rc = ADX_OK;

	if (!a->open)
		rc = open_with_head(a, section, err);
	if (rc != ADX_OK)
		return rc;
	for (size_t i = 0; i < section->field_count; i++) {
		if (i > 0)
			buf_add_char(&a->line, text ? ' ' : ',');
		if (values[i].data != NULL && text)
			buf_add(&a->line, values[i].data, values[i].len);
		else if (values[i].data != NULL)
			csv_add_field(&a->line, values[i].data, values[i].len);
	}
	return send_line(a, err);
}

static enum adx_rc
archive_section_end(void *ctx, const struct personal_section *section, int64_t records,
		    struct adx_error *err)
{
	struct archive *a = ctx;

	(void)err;
	if (!a->open)
		begin_section(a, section, NULL);
	seal_section_end(a->seal, records);
	return ADX_OK;
}

static void
archive_end(void *ctx)
{
	(void)ctx;
}

static void
archive_free(void *ctx)
{
	struct archive *a = ctx;

	buf_free(&a->line);
	free(a);
}

const struct personal_writer *
personal_csv_writer(struct seal *seal, const char *node, void **ctx)
{
	static const struct personal_writer WRITER = { archive_begin,  archive_section_begin,
						       archive_record, archive_section_end,
						       archive_end,    archive_free };
	struct archive *a = calloc(1, sizeof(*a));

	*ctx = a;
	if (a == NULL)
		return NULL;
	a->seal = seal;
	a->node = node;
	return &WRITER;
}
