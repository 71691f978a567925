/*
 * The personal data of a subject as a document. What is in it, the registry in the database says
 * (migrations/0008_privacy.up.sql): nothing here knows a table.
 */
#ifndef ADMINEX_PERSONAL_H
#define ADMINEX_PERSONAL_H

#include "adminex/jid.h"
#include "base/arena.h"
#include "command/call.h"
#include "db/array.h"
#include "transfer/pie_dialect.h"
#include "transfer/seal.h"

enum { PERSONAL_FIELDS_MAX = 256 };

enum personal_scope { PERSONAL_ACCESS, PERSONAL_PORTABILITY };
enum personal_form { PERSONAL_JSON, PERSONAL_NDJSON, PERSONAL_ZIP, PERSONAL_XEP0227 };

struct personal_field {
	const char *name;
	enum { FIELD_TEXT, FIELD_NUMBER, FIELD_BOOLEAN, FIELD_JSON } kind;
};

/* A kind of data: an array of objects in JSON, a file in an archive. */
struct personal_section {
	int64_t place;
	const char *name;
	const char *unavailable; /* why it is not in the document; NULL: it is */
	bool passing;            /* that may change without the registry: a right, a table */
	const char *legal_basis, *retention;
	const char *file;
	const struct personal_field *fields;
	size_t field_count;
};

struct personal_contents {
	struct arena arena;
	struct personal_section *sections; /* in the order of the document */
	size_t count;
	bool lasting; /* nothing is unreadable now that may be readable later */
};

struct personal_subject {
	const char *host, *username;
	char jid[JID_BARE_MAX + 1];
};

/* What is asked for. */
struct personal_request {
	struct personal_subject subject;
	enum personal_scope scope;
	enum personal_form form;
	const struct signer *signer; /* NULL: the document is not signed */
	/* Of PERSONAL_XEP0227: for which server it is. NULL: as XEP-0227 says. */
	const struct pie_dialect *dialect;
};

/*
 * The sections of a document, and the connection made ready to read them: of the registry's version
 * that the snapshot sees. *out belongs to the connection.
 */
ADX_MUST_CHECK enum adx_rc personal_prepare(struct db *db, const char *registry_version,
					    const struct personal_request *request,
					    const struct personal_contents **out,
					    struct adx_error *err);

/* The records of a subject, one after the other, in the order of the document. */
struct personal_records;

/* On ADX_OK the caller ends *out with personal_records_close(). */
ADX_MUST_CHECK enum adx_rc personal_records_open(struct db *db,
						 const struct personal_subject *subject,
						 const struct personal_contents *contents,
						 struct personal_records **out,
						 struct adx_error *err);
/* The section of the record that comes next, or NULL behind the last one. */
const struct personal_section *personal_records_section(const struct personal_records *records);
/* Its values, as many as the section has fields; good until personal_records_next(). */
const struct array_item *personal_records_values(const struct personal_records *records);
ADX_MUST_CHECK enum adx_rc personal_records_next(struct personal_records *records,
						 struct adx_error *err);
void personal_records_close(struct personal_records *records);

/*
 * Write the document of a subject to `out`, within a snapshot. *known is false, and nothing is
 * written, when there is nothing of the subject anywhere. What fails leaves half a document, which
 * has no seal. digest is that of the seal.
 */
ADX_MUST_CHECK enum adx_rc personal_write(struct call *call, const struct personal_request *request,
					  struct out *out, bool *known,
					  char digest[SEAL_DIGEST_SIZE], struct adx_error *err);

/* One form of document: what is written for a section and its records. */
struct personal_writer {
	enum adx_rc (*begin)(void *ctx, struct adx_error *err);
	enum adx_rc (*section_begin)(void *ctx, const struct personal_section *section,
				     struct adx_error *err);
	enum adx_rc (*record)(void *ctx, const struct personal_section *section,
			      const struct array_item values[], struct adx_error *err);
	enum adx_rc (*section_end)(void *ctx, const struct personal_section *section,
				   int64_t records, struct adx_error *err);
	void (*end)(void *ctx);
	void (*free)(void *ctx);
};

/* *ctx is for the writer's functions; NULL when out of memory. */
const struct personal_writer *personal_json_writer(struct seal *seal, void **ctx);
const struct personal_writer *personal_ndjson_writer(struct seal *seal, void **ctx);
const struct personal_writer *personal_csv_writer(struct seal *seal, const char *node, void **ctx);

#endif
