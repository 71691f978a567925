/* Arguments: checked once, at the edge, the same for every face. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/duration.h"
#include "base/stamp.h"
#include "base/text.h"
#include "command/args.h"
#include "command/call.h"

static enum adx_rc
bad(const struct param *p, struct adx_error *err, const char *what)
{
	return adx_fail(err, ADX_EINVAL, "argument '%s' %s", p->name, what);
}

static enum adx_rc
keep(struct call *call, struct value *v, const char *prepared, struct adx_error *err)
{
	v->prepared = arena_strndup(&call->arena, prepared, strlen(prepared));
	return v->prepared == NULL ? adx_nomem(err) : ADX_OK;
}

typedef enum adx_rc prep_part(const char *in, size_t len, char *out, struct adx_error *err);

static enum adx_rc
parse_part(struct call *call, const struct param *p, struct value *v, prep_part *prep,
	   struct adx_error *err)
{
	struct adx_error why;
	char part[JID_PART_MAX + 1];

	if (prep(v->raw, v->len, part, &why) == ADX_OK)
		return keep(call, v, part, err);
	if (why.rc == ADX_ENOMEM)
		return adx_nomem(err);
	return adx_fail(err, ADX_EINVAL, "argument '%s' is not valid: %s", p->name, why.message);
}

static enum adx_rc
parse_localpart(struct call *call, const struct param *p, struct value *v, struct adx_error *err)
{
	return parse_part(call, p, v, jid_prep_local, err);
}

static enum adx_rc
parse_contact(struct call *call, const struct param *p, struct value *v, struct adx_error *err)
{
	if (v->len == 0)
		return keep(call, v, "", err);
	return parse_part(call, p, v, jid_prep_local, err);
}

static enum adx_rc
parse_domain(struct call *call, const struct param *p, struct value *v, struct adx_error *err)
{
	return parse_part(call, p, v, jid_prep_domain, err);
}

static enum adx_rc
parse_resource(struct call *call, const struct param *p, struct value *v, struct adx_error *err)
{
	return parse_part(call, p, v, jid_prep_resource, err);
}

/* An invalid JID is left to the handler, whose command has words for it. */
static enum adx_rc
parse_jid(struct call *call, const struct param *p, struct value *v, struct adx_error *err)
{
	struct jid *jid = arena_alloc(&call->arena, sizeof(*jid));
	char full[JID_FULL_MAX + 1];

	(void)p;
	if (jid == NULL)
		return adx_nomem(err);
	if (jid_parse(v->raw, v->len, jid, err) != ADX_OK)
		return err->rc == ADX_ENOMEM ? ADX_ENOMEM : ADX_OK;
	v->jid = jid;
	jid_full(jid, full);
	return keep(call, v, full, err);
}

static enum adx_rc
parse_text(struct call *call, const struct param *p, struct value *v, struct adx_error *err)
{
	(void)call;
	if (!text_is_utf8(v->raw, v->len))
		return bad(p, err, "is not UTF-8");
	if (!text_is_xml(v->raw, v->len))
		return bad(p, err, "has control characters that XML cannot carry");
	return ADX_OK;
}

static enum adx_rc
parse_list(struct call *call, const struct param *p, struct value *v, struct adx_error *err)
{
	enum adx_rc rc = parse_text(call, p, v, err);

	for (const char *at = v->raw; rc == ADX_OK && *at != '\0';) {
		size_t len = strcspn(at, ";");

		if (len > 0)
			strvec_add(&v->list, at, len);
		at += len + (at[len] == ';');
	}
	return rc == ADX_OK && !strvec_ok(&v->list) ? adx_nomem(err) : rc;
}

static enum adx_rc
parse_secret(struct call *call, const struct param *p, struct value *v, struct adx_error *err)
{
	(void)call;
	return text_is_utf8(v->raw, v->len) ? ADX_OK : bad(p, err, "is not UTF-8");
}

static enum adx_rc
parse_integer(struct call *call, const struct param *p, struct value *v, struct adx_error *err)
{
	long long number;

	(void)call;
	if (!text_to_int64(v->raw, v->len, &number))
		return adx_fail(err, ADX_EINVAL,
				"argument '%s' must be a whole number, not '%.40s'", p->name,
				v->raw);
	if (number < p->min || number > p->max)
		return adx_fail(err, ADX_EINVAL,
				"argument '%s' must be between %" PRId64 " and %" PRId64, p->name,
				p->min, p->max);
	v->number = number;
	return ADX_OK;
}

static enum adx_rc
check_word(const struct param *p, const char *suffix, const char *word, struct adx_error *err)
{
	struct buf list = BUF_INIT;
	enum adx_rc rc;

	for (const char *const *w = p->words; *w != NULL; w++)
		if (strcmp(*w, word) == 0)
			return ADX_OK;
	for (const char *const *w = p->words; *w != NULL; w++)
		buf_addf(&list, "%s%s", w == p->words ? "" : ", ", **w == '\0' ? "''" : *w);
	rc = adx_fail(err, ADX_EINVAL, "argument '%s%s' must be one of %s, not '%.40s'", p->name,
		      suffix, buf_text(&list), word);
	buf_free(&list);
	return rc;
}

static enum adx_rc
parse_word(struct call *call, const struct param *p, struct value *v, struct adx_error *err)
{
	(void)call;
	return check_word(p, "", v->raw, err);
}

static enum adx_rc
parse_path(struct call *call, const struct param *p, struct value *v, struct adx_error *err)
{
	(void)call;
	if (v->content != NULL)
		return check_word(p, PARAM_FORMAT, v->content->format, err);
	return v->len > 0 ? ADX_OK : bad(p, err, "is an empty file name");
}

static enum adx_rc
parse_flag(struct call *call, const struct param *p, struct value *v, struct adx_error *err)
{
	(void)call;
	return strcmp(v->raw, ARGS_TRUE) == 0 ? ADX_OK : bad(p, err, "takes no value");
}

static enum adx_rc
parse_days(struct call *call, const struct param *p, struct value *v, struct adx_error *err)
{
	char min[DURATION_SIZE], max[DURATION_SIZE];

	(void)call;
	if (!duration_parse(v->raw, &v->number))
		return adx_fail(err, ADX_EINVAL,
				"argument '%s' must be a length of time, like " DURATION_FORMS
				", not '%.40s'",
				p->name, v->raw);
	if (v->number >= p->min && v->number <= p->max)
		return ADX_OK;
	duration_print(p->min, min);
	duration_print(p->max, max);
	return adx_fail(err, ADX_EINVAL, "argument '%s' must be between %s and %s", p->name, min,
			max);
}

static enum adx_rc
parse_date(struct call *call, const struct param *p, struct value *v, struct adx_error *err)
{
	char stamp[STAMP_SIZE];

	if (!stamp_of_date(v->raw, stamp, &v->number))
		return adx_fail(err, ADX_EINVAL,
				"argument '%s' must be a date or a timestamp of RFC 3339, like "
				"2026-11-01 or 2026-11-01T09:30:00+01:00, not '%.40s'",
				p->name, v->raw);
	return keep(call, v, stamp, err);
}

static enum adx_rc (*const PARSE[])(struct call *, const struct param *, struct value *,
				    struct adx_error *) = {
	[PARAM_LOCALPART] = parse_localpart,
	[PARAM_CONTACT] = parse_contact,
	[PARAM_DOMAIN] = parse_domain,
	[PARAM_RESOURCE] = parse_resource,
	[PARAM_JID] = parse_jid,
	[PARAM_TEXT] = parse_text,
	[PARAM_XML] = parse_text,
	[PARAM_LIST] = parse_list,
	[PARAM_SECRET] = parse_secret,
	[PARAM_INTEGER] = parse_integer,
	[PARAM_WORD] = parse_word,
	[PARAM_CHOICE] = parse_text,
	[PARAM_PATH] = parse_path,
	[PARAM_FLAG] = parse_flag,
	[PARAM_DAYS] = parse_days,
	[PARAM_DATE] = parse_date,
};

/*
 * Does if_bad_jid speak for this parameter? It does for the account: the first localpart and the
 * first domain, and a resource, which can only be a session's. An optional one names no account.
 */
static bool
names_account(const struct command *command, size_t index)
{
	enum param_type type = command->params[index].type;

	if (command->params[index].optional ||
	    (type != PARAM_LOCALPART && type != PARAM_DOMAIN && type != PARAM_RESOURCE))
		return false;
	for (size_t i = 0; i < index; i++)
		if (command->params[i].type == type)
			return false;
	return true;
}

static const char *
argument(const char *const args[], size_t count, size_t index)
{
	return index < count ? args[index] : NULL;
}

static enum adx_rc
refuse_count(const struct command *command, size_t off, const char *how, struct adx_error *err)
{
	struct buf usage = BUF_INIT;
	enum adx_rc rc;

	command_usage(command, &usage);
	rc = adx_fail(err, ADX_EUSAGE, "the command \"%s\" requires %zu %s argument%s: %s",
		      command->name, off, how, off == 1 ? "" : "s", buf_text(&usage));
	adx_hint(err, "see 'adminex help %s'", command->name);
	buf_free(&usage);
	return rc;
}

static enum adx_rc
check_count(const struct command *command, const char *const args[], size_t count,
	    struct adx_error *err)
{
	size_t required = command_required_count(command), n = command_param_count(command);
	size_t missing = 0;

	for (size_t i = 0; i < required; i++)
		missing += argument(args, count, i) == NULL;
	if (missing > 0)
		return refuse_count(command, missing, "more", err);
	return count > n ? refuse_count(command, count - n, "less", err) : ADX_OK;
}

/* An argument that is not valid, or an empty secret, may be all the command needs to answer. */
static enum adx_rc
settle(struct call *call, size_t index, enum adx_rc rc)
{
	const struct command *command = call->command;

	if (rc == ADX_OK && command->params[index].type == PARAM_SECRET &&
	    call->args[index].len == 0 && command->if_empty_secret != NULL)
		call->early = command->if_empty_secret;
	if (rc != ADX_EINVAL || command->if_bad_jid == NULL || !names_account(command, index))
		return rc;
	if (call->early == NULL)
		call->early = command->if_bad_jid;
	return ADX_OK;
}

static const struct content *
find_content(const struct call *call, const struct param *p, size_t index)
{
	const struct content *contents = call->options == NULL ? NULL : call->options->contents;

	if (p->type != PARAM_PATH || contents == NULL || contents[index].data == NULL)
		return NULL;
	return &contents[index];
}

static enum adx_rc
take_argument(struct call *call, size_t index, const char *arg, struct adx_error *err)
{
	const struct param *p = &call->command->params[index];
	struct value *v = &call->args[index];

	/* An optional one that is not there: `raw` stays NULL. */
	if (arg == NULL)
		return ADX_OK;
	v->raw = arg;
	v->len = strlen(arg);
	v->content = find_content(call, p, index);
	return settle(call, index, PARSE[p->type](call, p, v, err));
}

enum adx_rc
call_begin(struct call *call, const struct command *command, const char *const args[], size_t count,
	   struct adx_error *err)
{
	enum adx_rc rc = check_count(command, args, count, err);
	size_t n = command_param_count(command);

	call->command = command;
	for (size_t i = 0; i < n && rc == ADX_OK; i++)
		rc = take_argument(call, i, argument(args, count, i), err);
	return rc == ADX_OK ? page_begin(call, err) : rc;
}

static void
free_values(struct call *call)
{
	size_t n = call->command == NULL ? 0 : command_param_count(call->command);

	for (size_t i = 0; i < n; i++)
		if (call->args[i].list.items != NULL)
			strvec_free(&call->args[i].list);
	buf_free(&call->page.last);
}

void
call_reset(struct call *call)
{
	struct arena arena;

	free_values(call);
	arena_reset(&call->arena);
	arena = call->arena;
	*call = (struct call){ .arena = arena };
}

void
call_end(struct call *call)
{
	free_values(call);
	arena_free(&call->arena);
}
