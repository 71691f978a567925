#include "base/grant.h"

#include <string.h>

#include "adminex/jid.h"

/* Copies a piece of len bytes that is not empty; false when it does not fit. */
static bool
copy_piece(char *out, size_t size, const char *text, size_t len)
{
	if (len == 0 || len >= size)
		return false;
	memcpy(out, text, len);
	out[len] = '\0';
	return true;
}

static bool
add_host(struct grant *grant, const char *text, size_t len)
{
	struct adx_error ignored;
	char host[JID_PART_MAX + 1];

	if (jid_prep_domain(text, len, host, &ignored) != ADX_OK)
		return false;
	strvec_add_text(&grant->hosts, host);
	return strvec_ok(&grant->hosts);
}

bool
grant_parse(const char *text, struct grant *out)
{
	size_t name = strcspn(text, ":");
	size_t role;

	*out = (struct grant){ .hosts = STRVEC_INIT };
	if (!copy_piece(out->name, sizeof(out->name), text, name) || text[name] != ':')
		return false;
	text += name + 1;
	role = strcspn(text, ":");
	if (!copy_piece(out->role, sizeof(out->role), text, role) ||
	    (strcmp(out->role, "reader") != 0 && strcmp(out->role, "operator") != 0 &&
	     strcmp(out->role, "admin") != 0))
		return false;
	text += role;
	while (*text != '\0') {
		size_t len = strcspn(++text, ",");

		if (!add_host(out, text, len))
			return false;
		text += len;
	}
	return true;
}

void
grant_free(struct grant *grant)
{
	strvec_free(&grant->hosts);
}
