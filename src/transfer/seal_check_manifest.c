/* Reading a manifest that came from outside. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "transfer/seal_check_priv.h"

enum { DEPTH_MAX = 16 };

/* Where in the manifest the reader is. */
enum place { OUTSIDE, MANIFEST, SUBJECT, SNAPSHOT, SECTIONS, SECTION, ELSEWHERE };

enum what { TEXT, LINE, NUMBER };

#define IN_REPORT(m)  offsetof(struct seal_report, m)
#define IN_SECTION(m) offsetof(struct sealed_section, m)

/* What is read of it; other members are passed over. A LINE has no control characters. */
static const struct slot {
	const char *name;
	size_t offset;
	enum place in;
	enum what what;
} SLOTS[] = {
	{ "form", IN_REPORT(form_name), MANIFEST, LINE },
	{ "offset", IN_REPORT(offset), MANIFEST, NUMBER },
	{ "scope", IN_REPORT(scope), MANIFEST, LINE },
	{ "generated_at", IN_REPORT(generated_at), MANIFEST, LINE },
	{ "signer", IN_REPORT(signer), MANIFEST, LINE },
	{ "jid", IN_REPORT(jid), SUBJECT, LINE },
	{ "host", IN_REPORT(host), SUBJECT, LINE },
	{ "id", IN_REPORT(snapshot_id), SNAPSHOT, LINE },
	{ "at", IN_REPORT(snapshot_at), SNAPSHOT, LINE },
	{ "name", IN_SECTION(name), SECTION, LINE },
	{ "file", IN_SECTION(file), SECTION, LINE },
	{ "state", IN_SECTION(state), SECTION, LINE },
	{ "reason", IN_SECTION(reason), SECTION, TEXT },
	{ "legal_basis", IN_SECTION(legal_basis), SECTION, TEXT },
	{ "retention", IN_SECTION(retention), SECTION, TEXT },
	{ "sha256", IN_SECTION(sha256), SECTION, LINE },
	{ "rows", IN_SECTION(rows), SECTION, NUMBER },
	{ "offset", IN_SECTION(offset), SECTION, NUMBER },
	{ "bytes", IN_SECTION(bytes), SECTION, NUMBER },
};

/* Members that are read further in. */
static const struct {
	enum place in;
	const char *name;
	enum place leads;
} DOORS[] = {
	{ MANIFEST, "subject", SUBJECT },
	{ MANIFEST, "snapshot", SNAPSHOT },
	{ MANIFEST, "sections", SECTIONS },
};

enum {
	SLOT_COUNT = sizeof(SLOTS) / sizeof(SLOTS[0]),
	DOOR_COUNT = sizeof(DOORS) / sizeof(DOORS[0])
};

struct reader {
	struct json_reader json;
	struct seal_report *report;
	enum place places[DEPTH_MAX];
	size_t depth;
	const struct slot *slot; /* of the member whose value comes, or NULL */
	enum place leads;        /* where that value leads */
	size_t cap;
};

static enum place
here(const struct reader *r)
{
	return r->depth == 0 ? OUTSIDE : r->places[r->depth - 1];
}

static int
refuse(struct reader *r, const char *why)
{
	return json_go_on(&r->json, adx_fail(r->json.err, ADX_EINVAL, "%s", why));
}

/* ---- maps and lists ---------------------------------------------------------------------- */

static bool
add_section(struct reader *r)
{
	struct seal_report *report = r->report;
	struct sealed_section *more;

	if (report->count < r->cap) {
		report->count++;
		return true;
	}
	r->cap = r->cap == 0 ? 32 : 2 * r->cap;
	more = realloc(report->sections, r->cap * sizeof(*more));
	if (more == NULL)
		return false;
	memset(more + report->count, 0, (r->cap - report->count) * sizeof(*more));
	report->sections = more;
	report->count++;
	return true;
}

static int
go_in(struct reader *r, enum place place)
{
	if (r->depth == DEPTH_MAX)
		return refuse(r, "it is nested too deep");
	if (r->slot != NULL)
		return refuse(r, "a value is none that can be there");
	r->places[r->depth++] = place;
	r->slot = NULL;
	r->leads = ELSEWHERE;
	return 1;
}

static int
on_map_open(void *ctx)
{
	struct reader *r = ctx;
	enum place in = here(r);

	if (in == OUTSIDE)
		return go_in(r, MANIFEST);
	if (in != SECTIONS)
		return go_in(r, r->leads == SECTIONS ? ELSEWHERE : r->leads);
	if (r->report->count == SEAL_SECTIONS_MAX)
		return refuse(r, "it has too many sections");
	return add_section(r) ? go_in(r, SECTION) : json_go_on(&r->json, adx_nomem(r->json.err));
}

static int
on_array_open(void *ctx)
{
	struct reader *r = ctx;

	if (here(r) == OUTSIDE)
		return refuse(r, "it is no object");
	return go_in(r, r->leads == SECTIONS ? SECTIONS : ELSEWHERE);
}

static int
on_close(void *ctx)
{
	struct reader *r = ctx;

	r->depth--;
	r->slot = NULL;
	r->leads = ELSEWHERE;
	return 1;
}

static bool
is_name(const char *name, const unsigned char *text, size_t len)
{
	return strlen(name) == len && memcmp(name, text, len) == 0;
}

static int
on_key(void *ctx, const unsigned char *text, size_t len)
{
	struct reader *r = ctx;

	r->slot = NULL;
	r->leads = ELSEWHERE;
	for (size_t i = 0; i < SLOT_COUNT; i++)
		if (SLOTS[i].in == here(r) && is_name(SLOTS[i].name, text, len))
			r->slot = &SLOTS[i];
	for (size_t i = 0; i < DOOR_COUNT; i++)
		if (DOORS[i].in == here(r) && is_name(DOORS[i].name, text, len))
			r->leads = DOORS[i].leads;
	return 1;
}

/* ---- values ------------------------------------------------------------------------------ */

/* Where the value goes that the slot is for. */
static void *
target(const struct reader *r)
{
	char *base = r->slot->in == SECTION ? (char *)&r->report->sections[r->report->count - 1]
					    : (char *)r->report;

	return base + r->slot->offset;
}

/* Reports are printed on terminals. */
static bool
is_line(const char *text, size_t len)
{
	unsigned cp;

	for (size_t i = 0; i < len; i += text_next(text + i, len - i, &cp)) {
		text_next(text + i, len - i, &cp);
		if (cp < ' ' || (cp >= 0x7F && cp < 0xA0))
			return false;
	}
	return true;
}

static int
on_string(void *ctx, const unsigned char *text, size_t len)
{
	struct reader *r = ctx;
	const char **place;

	if (here(r) == OUTSIDE)
		return refuse(r, "it is no object");
	if (r->slot == NULL)
		return 1;
	if (r->slot->what == NUMBER)
		return refuse(r, "a text stands where a number must be");
	if (memchr(text, '\0', len) != NULL ||
	    (r->slot->what == LINE && !is_line((const char *)text, len)))
		return refuse(r, "it has control characters");
	place = target(r);
	*place = arena_strndup(&r->report->arena, (const char *)text, len);
	return *place != NULL ? 1 : json_go_on(&r->json, adx_nomem(r->json.err));
}

/* yajl hands over numbers only as they stand there, not ended by NUL. */
static int
on_number(void *ctx, const char *text, size_t len)
{
	struct reader *r = ctx;
	char digits[20];
	long long number;

	if (here(r) == OUTSIDE)
		return refuse(r, "it is no object");
	if (r->slot == NULL)
		return 1;
	if (r->slot->what != NUMBER || len >= sizeof(digits))
		return refuse(r, "a number is none that can be there");
	memcpy(digits, text, len);
	digits[len] = '\0';
	if (!text_to_int64(digits, len, &number) || number < 0)
		return refuse(r, "a number is none that can be there");
	*(int64_t *)target(r) = number;
	return 1;
}

static int
on_other(struct reader *r)
{
	if (here(r) == OUTSIDE)
		return refuse(r, "it is no object");
	return r->slot == NULL ? 1 : refuse(r, "a value is none that can be there");
}

static int
on_null(void *ctx)
{
	return on_other(ctx);
}

static int
on_boolean(void *ctx, int value)
{
	(void)value;
	return on_other(ctx);
}

/* ---- what it must be ---------------------------------------------------------------------- */

static void
fill_in(const char **text)
{
	if (*text == NULL)
		*text = "";
}

static void
fill_in_all(struct seal_report *report)
{
	for (size_t i = 0; i < SLOT_COUNT; i++) {
		if (SLOTS[i].what == NUMBER)
			continue;
		if (SLOTS[i].in != SECTION)
			fill_in((const char **)((char *)report + SLOTS[i].offset));
		for (size_t n = 0; SLOTS[i].in == SECTION && n < report->count; n++)
			fill_in((const char **)((char *)&report->sections[n] + SLOTS[i].offset));
	}
}

static bool
is_state(const char *text)
{
	for (int i = STATE_PRESENT; i <= STATE_UNAVAILABLE; i++)
		if (strcmp(text, SEAL_STATES[i]) == 0)
			return true;
	return false;
}

static bool
is_digest(const char *text)
{
	unsigned char digest[SHA256_SIZE];

	return strlen(text) == SHA256_DIGITS && hex_read(text, digest, SHA256_SIZE);
}

static bool
is_unavailable(const struct sealed_section *s)
{
	return strcmp(s->state, SEAL_STATES[STATE_UNAVAILABLE]) == 0;
}

/* Sections in a document stand one behind the other: so checking them all reads it once. */
static const char *
complaint(const struct seal_report *report, const struct sealed_section *s, int64_t *from)
{
	int64_t end;

	if (s->name[0] == '\0' || !is_state(s->state))
		return "a section has no name or no state";
	if (is_unavailable(s))
		return NULL;
	if (!is_digest(s->sha256))
		return "a section has no digest";
	if (report->form == SEAL_ZIP)
		return s->file[0] == '\0' && s->bytes > 0 ? "a section has no file" : NULL;
	if (s->offset < *from || __builtin_add_overflow(s->offset, s->bytes, &end) ||
	    end > report->offset)
		return "sections overlap";
	*from = end;
	return NULL;
}

static enum adx_rc
check_report(struct seal_report *report, struct adx_error *err)
{
	const char *why = NULL;
	int64_t from = 0;

	if (strcmp(report->form_name, SEAL_TEXTS[report->form].name) != 0)
		why = "it is that of another form";
	for (size_t i = 0; i < report->count && why == NULL; i++) {
		why = complaint(report, &report->sections[i], &from);
		if (__builtin_add_overflow(report->rows, report->sections[i].rows, &report->rows))
			why = "a number is none that can be there";
	}
	return why == NULL ? ADX_OK : adx_fail(err, ADX_EINVAL, "%s", why);
}

enum adx_rc
seal_read_manifest(const char *text, size_t len, struct seal_report *report, struct adx_error *err)
{
	static const yajl_callbacks CALLBACKS = {
		.yajl_null = on_null,
		.yajl_boolean = on_boolean,
		.yajl_number = on_number,
		.yajl_string = on_string,
		.yajl_start_map = on_map_open,
		.yajl_map_key = on_key,
		.yajl_end_map = on_close,
		.yajl_start_array = on_array_open,
		.yajl_end_array = on_close,
	};
	struct reader r = { .json = { .what = "it", .err = err }, .report = report };
	enum adx_rc rc = len > MANIFEST_MAX ? adx_fail(err, ADX_EINVAL,
						       "it is longer than %d bytes", MANIFEST_MAX)
					    : json_read(&r.json, &CALLBACKS, text, len);

	fill_in_all(report);
	if (rc == ADX_OK)
		rc = check_report(report, err);
	return rc == ADX_EUSAGE ? err->rc = ADX_EINVAL : rc;
}
