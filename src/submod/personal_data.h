/* The kinds of personal data, and the two forms they are exported in. */
#ifndef ADMINEX_PERSONAL_DATA_H
#define ADMINEX_PERSONAL_DATA_H

#include "adminex/jid.h"
#include "base/out.h"
#include "command/call.h"

enum { SECTION_FIELDS_MAX = 10 };

enum section_type { SECTION_TEXT, SECTION_INTEGER, SECTION_JSON };

struct section_field {
	const char *name;   /* in the document */
	const char *column; /* of the statement; NULL: the same */
	enum section_type type;
};

/* Which of (host, username, jid) the section's statement takes. */
enum section_subject { BY_ACCOUNT, BY_JID, BY_BOTH };

struct section {
	const char *name;
	enum sql_id id;
	enum section_subject subject;
	struct section_field fields[SECTION_FIELDS_MAX];
	const char *const *csv; /* columns of the original's CSV file; NULL: it had none */
};

/* Ended by a section without a name. */
extern const struct section PERSONAL_DATA[];

struct subject {
	const char *host;
	const char *username;
	char jid[JID_BARE_MAX + 1];
	char generated_at[32];
	char schema_version[16];
};

ADX_MUST_CHECK enum adx_rc section_open(struct call *call, const struct section *section,
					const struct subject *subject, struct rows **rows,
					struct adx_error *err);

/* The whole document, pretty-printed JSON, as a stream. */
ADX_MUST_CHECK enum adx_rc personal_data_json(struct call *call, const struct subject *subject,
					      struct out *out, struct adx_error *err);
/* The original's archive of CSV files, made at `path`. */
ADX_MUST_CHECK enum adx_rc personal_data_zip(struct call *call, const struct subject *subject,
					     const char *path, struct adx_error *err);

#endif
