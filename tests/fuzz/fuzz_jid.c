/*
 * JIDs: any bytes, as a whole and as each part. What is accepted is prepared: it stays the same
 * when it is prepared again, and its text reads as the same JID. Of ASCII libidn has the same
 * opinion.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stringprep.h>

#include "adminex/jid.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct part {
	enum adx_rc (*prep)(const char *in, size_t len, char *out, struct adx_error *err);
	const Stringprep_profile *profile;
	bool strict; /* we refuse more than the profile: what cannot be written in a JID */
} PARTS[] = {
	{ jid_prep_local, stringprep_xmpp_nodeprep, false },
	{ jid_prep_domain, stringprep_nameprep, true },
	{ jid_prep_resource, stringprep_xmpp_resourceprep, false },
};

/* assert() would vanish with NDEBUG. */
static void
must(bool truth, const char *what)
{
	if (!truth) {
		fprintf(stderr, "broken: %s\n", what);
		abort();
	}
}

static void
check_error(const struct adx_error *err)
{
	must(err->rc == ADX_EINVAL, "the code");
	must(text_is_utf8(err->message, strlen(err->message)), "a message in UTF-8");
	must(strpbrk(err->message, "\r\n") == NULL, "a message of one line");
}

static void
check_idempotent(const struct part *p, const char *prepared)
{
	char again[JID_PART_MAX + 1];
	struct adx_error err = { 0 };

	must(prepared[0] != '\0' && strlen(prepared) <= JID_PART_MAX, "a length");
	must(text_is_utf8(prepared, strlen(prepared)), "UTF-8");
	must(p->prep(prepared, strlen(prepared), again, &err) == ADX_OK, "prepared is accepted");
	must(strcmp(prepared, again) == 0, "prepared stays as it is");
}

static bool
is_ascii(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] >= 0x80 || text[i] == '\0')
			return false;
	return len > 0 && len <= JID_PART_MAX;
}

/* The short way for ASCII against the long one. */
static void
check_ascii(const struct part *p, const char *in, size_t len, bool accepted, const char *out)
{
	char want[JID_PART_MAX + 1];
	bool takes;

	memcpy(want, in, len);
	want[len] = '\0';
	takes = stringprep(want, sizeof(want), 0, p->profile) == STRINGPREP_OK;
	if (accepted)
		must(takes && strcmp(want, out) == 0, "stringprep accepts the same");
	else
		must(!takes || p->strict, "stringprep refuses the same");
}

static void
check_part(const struct part *p, const char *in, size_t len)
{
	char out[JID_PART_MAX + 1];
	struct adx_error err = { 0 };
	bool accepted = p->prep(in, len, out, &err) == ADX_OK;

	if (accepted)
		check_idempotent(p, out);
	else
		check_error(&err);
	if (is_ascii(in, len))
		check_ascii(p, in, len, accepted, out);
}

static void
check_same(const struct jid *a, const char *text, bool with_resource)
{
	struct adx_error err = { 0 };
	struct jid b;

	if (jid_parse(text, strlen(text), &b, &err) != ADX_OK)
		must(false, err.message);
	must(strcmp(a->local, b.local) == 0 && strcmp(a->domain, b.domain) == 0,
	     "the same account");
	must(strcmp(with_resource ? a->resource : "", b.resource) == 0, "the same resource");
}

static void
check_jid(const struct jid *jid)
{
	char bare[JID_BARE_MAX + 1], full[JID_FULL_MAX + 1];

	jid_bare(jid, bare);
	jid_full(jid, full);
	check_same(jid, bare, false);
	check_same(jid, full, true);
	must(strncmp(full, bare, strlen(bare)) == 0, "the bare JID begins the full one");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct adx_error err = { 0 };
	struct jid jid;

	if (size == 0)
		return 0;
	for (size_t i = 0; i < sizeof(PARTS) / sizeof(PARTS[0]); i++)
		check_part(&PARTS[i], text, size);
	if (jid_parse(text, size, &jid, &err) == ADX_OK)
		check_jid(&jid);
	else
		check_error(&err);
	return 0;
}
