#include "adminex/jid.h"

#include <stdio.h>
#include <string.h>

#include <stringprep.h>

#include "base/text.h"

struct profile {
	const char *part;
	const Stringprep_profile *steps;
	const char *refused_ascii; /* beyond controls, which every profile here refuses */
	bool fold;                 /* ASCII letters are lowered */
	bool space;                /* U+0020 may occur */
};

/*
 * Nameprep itself lets '@', '/', spaces and ASCII controls pass; a domain that has them could not
 * be written in a JID, or not in a line, so we refuse them.
 */
static const struct profile LOCAL = { "localpart", stringprep_xmpp_nodeprep, "\"&'/:<>@", true,
				      false };
static const struct profile DOMAIN_PART = { "domain", stringprep_nameprep, "@/", true, false };
static const struct profile RESOURCE = { "resource", stringprep_xmpp_resourceprep, "", false,
					 true };

static bool
ascii_refused(const struct profile *p, char c)
{
	if (c == ' ')
		return !p->space;
	return (unsigned char)c < 0x20 || c == 0x7F || strchr(p->refused_ascii, c) != NULL;
}

/*
 * Most names are ASCII, where every profile here comes down to a table: this is ten times quicker
 * than stringprep, and a unit test holds the two together. False when a byte is not ASCII.
 */
static bool
prep_ascii(const struct profile *p, const char *in, size_t len, char *out, bool *refused)
{
	*refused = false;
	for (size_t i = 0; i < len; i++) {
		char c = in[i];

		if ((unsigned char)c >= 0x80)
			return false;
		if (ascii_refused(p, c))
			*refused = true;
		out[i] = p->fold && c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
	}
	out[len] = '\0';
	return true;
}

static enum adx_rc
refuse(const struct profile *p, struct adx_error *err)
{
	return adx_fail(err, ADX_EINVAL, "%s has characters that are not allowed there", p->part);
}

static enum adx_rc
too_long(const struct profile *p, struct adx_error *err)
{
	return adx_fail(err, ADX_EINVAL, "%s is longer than %d bytes", p->part, JID_PART_MAX);
}

/* Normalisation can make a part longer while it works, so it gets more room than a part. */
enum { WORK_SIZE = 8 * (JID_PART_MAX + 1) };

static enum adx_rc
run_profile(const struct profile *p, char work[WORK_SIZE], struct adx_error *err)
{
	switch (stringprep(work, WORK_SIZE, 0, p->steps)) {
	case STRINGPREP_OK: return ADX_OK;
	case STRINGPREP_TOO_SMALL_BUFFER: return too_long(p, err);
	case STRINGPREP_MALLOC_ERROR: return adx_nomem(err);
	default: return refuse(p, err);
	}
}

static bool
has_refused_ascii(const struct profile *p, const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < 0x80 && ascii_refused(p, *text))
			return true;
	return false;
}

static enum adx_rc
prep_unicode(const struct profile *p, const char *in, size_t len, char *out, struct adx_error *err)
{
	char work[WORK_SIZE];
	enum adx_rc rc;

	if (!text_is_utf8(in, len))
		return adx_fail(err, ADX_EINVAL, "%s is not UTF-8", p->part);
	memcpy(work, in, len);
	work[len] = '\0';
	rc = run_profile(p, work, err);
	if (rc != ADX_OK)
		return rc;
	if (strlen(work) > JID_PART_MAX)
		return too_long(p, err);
	if (work[0] == '\0')
		return adx_fail(err, ADX_EINVAL, "%s is empty", p->part);
	/* Compatibility mapping can bring forth ASCII that the profile did not look at. */
	if (has_refused_ascii(p, work))
		return refuse(p, err);
	/*
	 * A few sequences of letters and marks that no language has change each time (Unicode's
	 * Public Review Issue 29): they would name another account the next time.
	 */
	memcpy(out, work, strlen(work) + 1);
	rc = run_profile(p, work, err);
	return rc == ADX_OK && strcmp(work, out) != 0 ? refuse(p, err) : rc;
}

static enum adx_rc
prep(const struct profile *p, const char *in, size_t len, char *out, struct adx_error *err)
{
	bool refused;

	if (len == 0)
		return adx_fail(err, ADX_EINVAL, "%s is empty", p->part);
	if (len > JID_PART_MAX)
		return too_long(p, err);
	if (memchr(in, '\0', len) != NULL)
		return refuse(p, err);
	if (!prep_ascii(p, in, len, out, &refused))
		return prep_unicode(p, in, len, out, err);
	return refused ? refuse(p, err) : ADX_OK;
}

enum adx_rc
jid_prep_local(const char *in, size_t len, char *out, struct adx_error *err)
{
	return prep(&LOCAL, in, len, out, err);
}

enum adx_rc
jid_prep_domain(const char *in, size_t len, char *out, struct adx_error *err)
{
	return prep(&DOMAIN_PART, in, len, out, err);
}

enum adx_rc
jid_prep_resource(const char *in, size_t len, char *out, struct adx_error *err)
{
	return prep(&RESOURCE, in, len, out, err);
}

enum adx_rc
jid_parse(const char *text, size_t len, struct jid *out, struct adx_error *err)
{
	const char *end = text + len;
	const char *slash = memchr(text, '/', len);
	const char *bare_end = slash == NULL ? end : slash;
	const char *at = memchr(text, '@', (size_t)(bare_end - text));
	const char *domain = at == NULL ? text : at + 1;
	enum adx_rc rc;

	out->local[0] = '\0';
	out->resource[0] = '\0';
	if (at != NULL) {
		rc = jid_prep_local(text, (size_t)(at - text), out->local, err);
		if (rc != ADX_OK)
			return rc;
	}
	rc = jid_prep_domain(domain, (size_t)(bare_end - domain), out->domain, err);
	if (rc != ADX_OK || slash == NULL || slash + 1 == end)
		return rc;
	return jid_prep_resource(slash + 1, (size_t)(end - slash - 1), out->resource, err);
}

static bool
is_ascii(const char *text)
{
	while (*text != '\0' && (unsigned char)*text < 0x80)
		text++;
	return *text == '\0';
}

/* A prepared part has nothing else that resourceprep refuses, whichever part it is. */
bool
jid_part_is_stored_string(const char *part)
{
	char work[WORK_SIZE];
	size_t len = strlen(part);

	if (len > JID_PART_MAX)
		return false;
	if (is_ascii(part))
		return true;
	memcpy(work, part, len + 1);
	return stringprep(work, sizeof(work), STRINGPREP_NO_UNASSIGNED,
			  stringprep_xmpp_resourceprep) == STRINGPREP_OK;
}

void
jid_bare(const struct jid *jid, char *out)
{
	snprintf(out, JID_BARE_MAX + 1, "%s%s%s", jid->local, jid->local[0] == '\0' ? "" : "@",
		 jid->domain);
}

void
jid_full(const struct jid *jid, char *out)
{
	size_t used;

	jid_bare(jid, out);
	used = strlen(out);
	if (jid->resource[0] != '\0')
		snprintf(out + used, JID_FULL_MAX + 1 - used, "/%s", jid->resource);
}
