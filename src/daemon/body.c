/* A request's JSON object becomes arguments by position and options. */
#include "daemon/body.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/text.h"
#include "command/args.h"

enum {
	DEPTH_MAX = 3,
	SLOTS_MAX = 2 * COMMAND_PARAMS_MAX + BODY_OPTIONS,
	COMPLAINTS_MAX = 16,  /* that are kept; more are counted */
	SENTENCE_MAX = 600,   /* bytes, then the rest is counted */
	NAME_EXCERPT_MAX = 40 /* bytes of a name that somebody made up */
};

/* ---- what there is ----------------------------------------------------------------------- */

static bool
writes(const struct command *command)
{
	return command->flags & CMD_WRITES;
}

static bool
judges_by_age(const struct command *command)
{
	return command->flags & CMD_NEVER_SEEN;
}

static bool
waits_for_yes(const struct command *command)
{
	return command->flags & CMD_ON_YES;
}

bool
body_pages(const struct command *command)
{
	return command->pages != PAGES_NONE;
}

const struct body_option body_options[BODY_OPTIONS] = {
	{ .name = "dry_run",
	  .doc = "say what would be done, and do nothing",
	  .kind = BODY_BOOLEAN,
	  .matters = writes },
	{ .name = "include_never_seen",
	  .doc = "delete every account that never logged in, however new",
	  .kind = BODY_BOOLEAN,
	  .matters = judges_by_age },
	{ .name = "yes",
	  .doc = "do it; without, only what would be done is said",
	  .kind = BODY_BOOLEAN,
	  .matters = waits_for_yes },
	{ .name = "max_affected",
	  .doc = "fail, and change nothing, when more would be affected",
	  .kind = BODY_INTEGER,
	  .matters = writes },
	{ .name = "limit",
	  .doc = "rows of one page",
	  .kind = BODY_INTEGER,
	  .min = 1,
	  .matters = body_pages },
	{ .name = "after",
	  .doc = "begin after this row: what the page before said as next",
	  .kind = BODY_TEXT,
	  .matters = body_pages },
};

bool
body_has(const struct param *param)
{
	return param->type != PARAM_PATH || param->path == PATH_READ;
}

bool
body_has_format(const struct param *param)
{
	return param->type == PARAM_PATH && param->path == PATH_READ;
}

/* ---- fields ------------------------------------------------------------------------------ */

/* A member that may come, and where its value goes. */
struct slot {
	const char *name;
	size_t name_len;
	enum body_kind kind;
	bool required;
	bool optional; /* null counts as missing */
	bool seen;
	struct slot *brings; /* one that must be there as well */
	const char **text;   /* of an integer, unless `number` is there: an argument is a text */
	const char **flag;   /* ARGS_TRUE, where it is set */
	size_t *len;         /* of the text, or NULL */
	int64_t *number;
	bool *truth;
	int64_t min; /* of `number` */
};

struct complaint {
	const char *name; /* as it was written, `len` bytes */
	size_t len;
	enum { UNKNOWN, TWICE, WRONG_TYPE, HAS_NUL, HAS_SEMICOLON, TOO_SMALL } what;
	const struct slot *slot; /* NULL: UNKNOWN */
	const char *found;       /* WRONG_TYPE */
};

struct parser {
	struct json_reader reader;
	struct arena *arena;
	size_t slot_count;
	struct slot *slot; /* whose value comes; NULL: nobody's */
	unsigned depth;
	bool in_list;
	struct buf list;        /* its elements so far */
	size_t complaint_count; /* of all, kept or not */
	bool misused;           /* one of them is about more than a value */
	struct slot slots[SLOTS_MAX];
	struct complaint complaints[COMPLAINTS_MAX];
};

/* The two tables are filled as far as they count: to clear them takes longer than most bodies. */
static void
parser_init(struct parser *p, struct arena *arena, struct adx_error *err)
{
	memset(p, 0, offsetof(struct parser, slots));
	p->reader = (struct json_reader){ .what = "the body", .err = err };
	p->arena = arena;
}

static struct slot *
find_slot(struct parser *p, const char *name, size_t len)
{
	for (size_t i = 0; i < p->slot_count; i++)
		if (p->slots[i].name_len == len && memcmp(p->slots[i].name, name, len) == 0)
			return &p->slots[i];
	return NULL;
}

static struct slot *
add_slot(struct parser *p, struct slot slot)
{
	slot.name_len = strlen(slot.name);
	p->slots[p->slot_count] = slot;
	return &p->slots[p->slot_count++];
}

static enum body_kind
kind_of(const struct param *param)
{
	if (param->type == PARAM_INTEGER)
		return BODY_INTEGER;
	if (param->type == PARAM_FLAG)
		return BODY_BOOLEAN;
	return param->type == PARAM_LIST ? BODY_LIST : BODY_TEXT;
}

static enum adx_rc
add_content(struct parser *p, const struct param *param, struct content *content)
{
	size_t size = strlen(param->name) + sizeof(PARAM_FORMAT);
	char *name = arena_alloc(p->arena, size);
	struct slot format = { .kind = BODY_TEXT, .optional = param->optional };

	if (name == NULL)
		return adx_nomem(p->reader.err);
	snprintf(name, size, "%s%s", param->name, PARAM_FORMAT);
	content->format = param->words[0];
	format.name = name;
	format.text = &content->format;
	format.brings = add_slot(p, (struct slot){ .name = param->name,
						   .kind = BODY_TEXT,
						   .required = !param->optional,
						   .optional = param->optional,
						   .text = &content->data,
						   .len = &content->len });
	add_slot(p, format);
	return ADX_OK;
}

static void
add_argument(struct parser *p, const struct param *param, const char **arg)
{
	struct slot slot = { .name = param->name,
			     .kind = kind_of(param),
			     .required = !param->optional,
			     .optional = param->optional };

	if (param->type == PARAM_FLAG)
		slot.flag = arg;
	else
		slot.text = arg;
	add_slot(p, slot);
}

/* What stands for an argument that no field is for, or whose field has not come. */
static const char *
preset(const struct param *param)
{
	if (param->optional)
		return NULL;
	return param->type == PARAM_PATH && param->path == PATH_WRITTEN ? "-" : "";
}

static enum adx_rc
add_arguments(struct parser *p, const struct command *command, struct body *out)
{
	enum adx_rc rc = ADX_OK;

	out->count = command_param_count(command);
	for (size_t i = 0; i < out->count && rc == ADX_OK; i++) {
		const struct param *param = &command->params[i];

		out->args[i] = preset(param);
		if (body_has_format(param))
			rc = add_content(p, param, &out->contents[i]);
		else if (body_has(param))
			add_argument(p, param, &out->args[i]);
	}
	return rc;
}

/* A file whose content came is an argument that is there. */
static void
mark_contents(struct body *out)
{
	for (size_t i = 0; i < out->count; i++)
		if (out->contents[i].data != NULL)
			out->args[i] = "";
}

/* An argument of the same name goes before an option. */
static void
add_options(struct parser *p, struct body *out)
{
	struct slot targets[BODY_OPTIONS] = {
		{ .truth = &out->dry_run }, { .truth = &out->include_never_seen },
		{ .truth = &out->yes },     { .number = &out->max_affected },
		{ .number = &out->limit },  { .text = &out->after },
	};

	for (size_t i = 0; i < BODY_OPTIONS; i++) {
		const struct body_option *o = &body_options[i];

		targets[i].name = o->name;
		targets[i].kind = o->kind;
		targets[i].min = o->min;
		if (find_slot(p, o->name, strlen(o->name)) == NULL)
			add_slot(p, targets[i]);
	}
}

/* ---- complaints -------------------------------------------------------------------------- */

/* Kept for one sentence about all of them. */
static int
complain(struct parser *p, struct complaint c)
{
	if (c.slot != NULL) {
		c.name = c.slot->name;
		c.len = strlen(c.name);
	}
	if (c.what == UNKNOWN || c.what == TWICE || c.what == WRONG_TYPE)
		p->misused = true;
	if (p->complaint_count < COMPLAINTS_MAX)
		p->complaints[p->complaint_count] = c;
	p->complaint_count++;
	p->in_list = false;
	return 1;
}

static int
wrong_type(struct parser *p, const char *found)
{
	return complain(p,
			(struct complaint){ .what = WRONG_TYPE, .slot = p->slot, .found = found });
}

/* Made up by somebody: the beginning, on one line. */
static void
add_name(struct buf *out, const char *name, size_t len)
{
	size_t used = 0;
	unsigned cp;

	for (size_t n; used < len; used += n) {
		n = text_next(name + used, len - used, &cp);
		if (n == 0 || used + n > NAME_EXCERPT_MAX)
			break;
		if (cp < 0x20 || (cp >= 0x7F && cp < 0xA0))
			buf_add_char(out, '?');
		else
			buf_add(out, name + used, n);
	}
	buf_add_text(out, used < len ? "..." : "");
}

/* The field that is not there yet and whose name is nearest, or NULL. */
static const char *
nearest(const struct parser *p, const char *name)
{
	unsigned best = 1 + (unsigned)strlen(name) / 3;
	const char *found = NULL;

	for (size_t i = 0; i < p->slot_count; i++) {
		unsigned distance = text_distance(name, p->slots[i].name);

		if (p->slots[i].seen || distance > best || (found != NULL && distance == best))
			continue;
		best = distance;
		found = p->slots[i].name;
	}
	return found;
}

static void
add_unknown(const struct parser *p, const struct complaint *c, struct buf *out)
{
	const char *meant = nearest(p, c->name);

	buf_add_text(out, "is not known");
	if (meant != NULL)
		buf_addf(out, " (did you mean '%s'?)", meant);
}

static void
add_reason(const struct parser *p, const struct complaint *c, struct buf *out)
{
	static const char *const WANT[] = {
		[BODY_TEXT] = "a string",
		[BODY_INTEGER] = "a whole number",
		[BODY_LIST] = "a string or an array of strings",
		[BODY_BOOLEAN] = "true or false",
	};

	switch (c->what) {
	case UNKNOWN: add_unknown(p, c, out); break;
	case TWICE: buf_add_text(out, "is there twice"); break;
	case WRONG_TYPE: buf_addf(out, "must be %s, not %s", WANT[c->slot->kind], c->found); break;
	case HAS_NUL: buf_add_text(out, "has the character U+0000"); break;
	case HAS_SEMICOLON: buf_add_text(out, "has a string with ';'"); break;
	case TOO_SMALL: buf_addf(out, "must be at least %lld", (long long)c->slot->min); break;
	}
}

/* One more part of the sentence; what does not fit is counted. */
static void
add_part(struct buf *sentence, const struct buf *part, size_t *left_out)
{
	if (*left_out > 0 || sentence->len + part->len > SENTENCE_MAX) {
		++*left_out;
		return;
	}
	buf_add_text(sentence, sentence->len == 0 ? "" : "; ");
	buf_add(sentence, buf_text(part), part->len);
}

static size_t
add_missing(const struct parser *p, struct buf *sentence, size_t *left_out)
{
	struct buf part = BUF_INIT;
	size_t missing = 0;

	for (size_t i = 0; i < p->slot_count; i++) {
		if (!p->slots[i].required || p->slots[i].seen)
			continue;
		missing++;
		buf_clear(&part);
		buf_addf(&part, "field '%s' is missing", p->slots[i].name);
		add_part(sentence, &part, left_out);
	}
	buf_free(&part);
	return missing;
}

static void
add_complaints(const struct parser *p, struct buf *sentence, size_t *left_out)
{
	struct buf part = BUF_INIT;

	for (size_t i = 0; i < p->complaint_count; i++) {
		if (i == COMPLAINTS_MAX) {
			*left_out += p->complaint_count - i;
			break;
		}
		buf_clear(&part);
		buf_add_text(&part, "field '");
		add_name(&part, p->complaints[i].name, p->complaints[i].len);
		buf_add_text(&part, "' ");
		add_reason(p, &p->complaints[i], &part);
		add_part(sentence, &part, left_out);
	}
	buf_free(&part);
}

/* What is missing, then the rest in the order of the body. */
static enum adx_rc
judge(const struct parser *p)
{
	struct buf sentence = BUF_INIT;
	size_t left_out = 0;
	size_t missing = add_missing(p, &sentence, &left_out);
	enum adx_rc rc = ADX_OK;

	add_complaints(p, &sentence, &left_out);
	if (left_out > 0)
		buf_addf(&sentence, "; and %zu more", left_out);
	if (missing > 0 || p->complaint_count > 0)
		rc = adx_fail(p->reader.err, missing > 0 || p->misused ? ADX_EUSAGE : ADX_EINVAL,
			      "%s", buf_text(&sentence));
	if (!buf_ok(&sentence))
		rc = adx_nomem(p->reader.err);
	buf_free(&sentence);
	return rc;
}

/* ---- values ------------------------------------------------------------------------------ */

static int
keep(struct parser *p, const char *text, size_t len)
{
	const char *copy = arena_strndup(p->arena, text, len);

	if (copy == NULL)
		return json_go_on(&p->reader, adx_nomem(p->reader.err));
	*p->slot->text = copy;
	if (p->slot->len != NULL)
		*p->slot->len = len;
	return 1;
}

static int
take_string(struct parser *p, const char *text, size_t len)
{
	if (p->slot->text == NULL)
		return wrong_type(p, "a string");
	if (memchr(text, '\0', len) != NULL)
		return complain(p, (struct complaint){ .what = HAS_NUL, .slot = p->slot });
	return keep(p, text, len);
}

static int
take_number(struct parser *p, const char *text, size_t len)
{
	char digits[24];
	long long value;

	if (p->slot->kind != BODY_INTEGER)
		return wrong_type(p, "a number");
	if (memchr(text, '.', len) != NULL || memchr(text, 'e', len) != NULL ||
	    memchr(text, 'E', len) != NULL)
		return wrong_type(p, "a fraction");
	snprintf(digits, sizeof(digits), "%.*s", (int)len, text);
	if (len >= sizeof(digits) || !text_to_int64(digits, len, &value))
		return wrong_type(p, "one beyond 64 bits");
	if (p->slot->number == NULL)
		return keep(p, text, len);
	if (value < p->slot->min)
		return complain(p, (struct complaint){ .what = TOO_SMALL, .slot = p->slot });
	*p->slot->number = value;
	return 1;
}

static int
take_element(struct parser *p, const char *text, size_t len)
{
	if (memchr(text, '\0', len) != NULL)
		return complain(p, (struct complaint){ .what = HAS_NUL, .slot = p->slot });
	if (memchr(text, ';', len) != NULL)
		return complain(p, (struct complaint){ .what = HAS_SEMICOLON, .slot = p->slot });
	buf_add(&p->list, text, len);
	buf_add_char(&p->list, ';');
	return 1;
}

/* ---- the document ------------------------------------------------------------------------ */

enum place { PLACE_TOP, PLACE_MEMBER, PLACE_ELEMENT, PLACE_NOWHERE };

/* Whose value comes? */
static enum place
place(const struct parser *p)
{
	if (p->depth == 0)
		return PLACE_TOP;
	if (p->depth == 1 && p->slot != NULL)
		return PLACE_MEMBER;
	return p->depth == 2 && p->in_list ? PLACE_ELEMENT : PLACE_NOWHERE;
}

static int
refuse_top(struct parser *p, const char *found)
{
	return json_go_on(&p->reader, adx_fail(p->reader.err, ADX_EUSAGE,
					       "the body must be a JSON object, not %s", found));
}

/* A value that fits nowhere. */
static int
misplaced(struct parser *p, const char *found)
{
	switch (place(p)) {
	case PLACE_TOP: return refuse_top(p, found);
	case PLACE_MEMBER: return wrong_type(p, found);
	case PLACE_ELEMENT: return wrong_type(p, "an array with something else");
	default: return 1;
	}
}

static int
on_null(void *ctx)
{
	struct parser *p = ctx;

	return place(p) == PLACE_MEMBER && p->slot->optional ? 1 : misplaced(p, "null");
}

static int
on_boolean(void *ctx, int truth)
{
	struct parser *p = ctx;

	if (place(p) != PLACE_MEMBER || p->slot->kind != BODY_BOOLEAN)
		return misplaced(p, truth ? "true" : "false");
	if (p->slot->truth != NULL)
		*p->slot->truth = truth;
	else
		*p->slot->flag = truth ? ARGS_TRUE : NULL;
	return 1;
}

static int
on_number(void *ctx, const char *text, size_t len)
{
	struct parser *p = ctx;

	return place(p) == PLACE_MEMBER ? take_number(p, text, len) : misplaced(p, "a number");
}

static int
on_string(void *ctx, const unsigned char *text, size_t len)
{
	struct parser *p = ctx;

	switch (place(p)) {
	case PLACE_MEMBER: return take_string(p, (const char *)text, len);
	case PLACE_ELEMENT: return take_element(p, (const char *)text, len);
	default: return misplaced(p, "a string");
	}
}

static int
descend(struct parser *p)
{
	if (++p->depth <= DEPTH_MAX)
		return 1;
	return json_go_on(&p->reader, adx_fail(p->reader.err, ADX_EUSAGE,
					       "the body is nested more than %d deep", DEPTH_MAX));
}

static int
on_map(void *ctx)
{
	struct parser *p = ctx;

	if (place(p) != PLACE_TOP)
		(void)misplaced(p, "an object");
	return descend(p);
}

static int
on_array(void *ctx)
{
	struct parser *p = ctx;

	if (place(p) == PLACE_MEMBER && p->slot->kind == BODY_LIST) {
		p->in_list = true;
		buf_clear(&p->list);
		return descend(p);
	}
	return misplaced(p, "an array") ? descend(p) : 0;
}

static int
on_key(void *ctx, const unsigned char *key, size_t len)
{
	struct parser *p = ctx;
	struct complaint unknown = { .what = UNKNOWN, .len = len };

	if (p->depth > 1)
		return 1;
	p->slot = find_slot(p, (const char *)key, len);
	if (p->slot == NULL) {
		unknown.name = arena_strndup(p->arena, (const char *)key, len);
		if (unknown.name == NULL)
			return json_go_on(&p->reader, adx_nomem(p->reader.err));
		return complain(p, unknown);
	}
	if (!p->slot->seen) {
		p->slot->seen = true;
		if (p->slot->brings != NULL)
			p->slot->brings->required = true;
		return 1;
	}
	(void)complain(p, (struct complaint){ .what = TWICE, .slot = p->slot });
	p->slot = NULL;
	return 1;
}

static int
on_map_end(void *ctx)
{
	((struct parser *)ctx)->depth--;
	return 1;
}

/* The elements of a list are joined as the command line has them. */
static int
on_array_end(void *ctx)
{
	struct parser *p = ctx;

	p->depth--;
	if (!p->in_list || p->depth > 1)
		return 1;
	p->in_list = false;
	if (!buf_ok(&p->list))
		return json_go_on(&p->reader, adx_nomem(p->reader.err));
	return keep(p, buf_text(&p->list), p->list.len == 0 ? 0 : p->list.len - 1);
}

static bool
is_blank(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] == '\0' || strchr(" \t\r\n", text[i]) == NULL)
			return false;
	return true;
}

static enum adx_rc
read_fields(struct parser *p, const char *text, size_t len)
{
	static const yajl_callbacks CALLBACKS = {
		.yajl_null = on_null,
		.yajl_boolean = on_boolean,
		.yajl_number = on_number,
		.yajl_string = on_string,
		.yajl_start_map = on_map,
		.yajl_map_key = on_key,
		.yajl_end_map = on_map_end,
		.yajl_start_array = on_array,
		.yajl_end_array = on_array_end,
	};
	enum adx_rc rc;

	if (is_blank(text, len))
		return ADX_OK;
	rc = json_read(&p->reader, &CALLBACKS, text, len);
	buf_wipe(&p->list);
	return rc;
}

enum adx_rc
body_parse(const struct command *command, const char *text, size_t len, struct arena *arena,
	   struct body *out, struct adx_error *err)
{
	struct parser p;
	enum adx_rc rc;

	parser_init(&p, arena, err);
	*out = (struct body){ .max_affected = -1 };
	rc = add_arguments(&p, command, out);
	add_options(&p, out);
	if (rc == ADX_OK)
		rc = read_fields(&p, text, len);
	mark_contents(out);
	return rc == ADX_OK ? judge(&p) : rc;
}
