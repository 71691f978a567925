/* The audit record of a call. */
#include <string.h>

#include <yajl/yajl_gen.h>

#include "base/json.h"
#include "command/call.h"

static bool
is_word(const struct param *param, const char *text)
{
	for (const char *const *w = param->words; *w != NULL; w++)
		if (strcmp(*w, text) == 0)
			return true;
	return false;
}

/* Only what a log may hold: JIDs, words from fixed lists, numbers; a date is a number here. */
static void
gen_argument(yajl_gen g, const struct param *param, const struct value *value)
{
	switch (param->type) {
	case PARAM_LOCALPART:
	case PARAM_CONTACT:
	case PARAM_DOMAIN:
	case PARAM_RESOURCE:
	case PARAM_JID:
		json_member(g, param->name, value->prepared == NULL ? "" : value->prepared);
		break;
	case PARAM_WORD:
	case PARAM_CHOICE:
		if (is_word(param, value->raw))
			json_member(g, param->name, value->raw);
		break;
	case PARAM_FLAG:
		json_text(g, param->name);
		yajl_gen_bool(g, true);
		break;
	case PARAM_INTEGER:
	case PARAM_DAYS:
	case PARAM_DATE:
		json_text(g, param->name);
		yajl_gen_integer(g, value->number);
		break;
	default: break;
	}
}

static void
gen_audit(yajl_gen g, const struct call *call)
{
	size_t n = command_param_count(call->command);

	yajl_gen_map_open(g);
	json_member(g, "actor", call->caller->actor);
	json_member(g, "face", call->caller->face);
	json_member(g, "command", call->command->name);
	if (call->caller->request_id != NULL && call->caller->request_id[0] != '\0')
		json_member(g, "request", call->caller->request_id);
	json_text(g, "arguments");
	yajl_gen_map_open(g);
	for (size_t i = 0; i < n; i++)
		if (call->args[i].raw != NULL)
			gen_argument(g, &call->command->params[i], &call->args[i]);
	yajl_gen_map_close(g);
	yajl_gen_map_close(g);
}

const char *
call_audit(struct call *call, struct adx_error *err)
{
	yajl_gen g = yajl_gen_alloc(NULL);
	const unsigned char *text;
	const char *copy = NULL;
	size_t len;

	if (g != NULL) {
		gen_audit(g, call);
		if (yajl_gen_get_buf(g, &text, &len) == yajl_gen_status_ok)
			copy = arena_strndup(&call->arena, (const char *)text, len);
		yajl_gen_free(g);
	}
	if (copy == NULL)
		adx_nomem(err);
	return copy;
}
