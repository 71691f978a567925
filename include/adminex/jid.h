/*
 * Jabber identifiers (RFC 7622's predecessor RFC 6122, as XMPP servers apply it).
 *
 * The localpart is prepared by nodeprep, the domain by nameprep and the resource by resourceprep:
 * the stringprep profiles of RFC 3454 over Unicode 3.2. Unassigned code points are accepted, so
 * that accounts newer than Unicode 3.2 can be administered. Each part holds at most 1023 bytes of
 * UTF-8 before and after preparation.
 */
#ifndef ADMINEX_JID_H
#define ADMINEX_JID_H

#include <stdbool.h>
#include <stddef.h>

#include "adminex/error.h"

enum {
	JID_PART_MAX = 1023,
	JID_BARE_MAX = 2 * JID_PART_MAX + 1,
	JID_FULL_MAX = JID_BARE_MAX + 1 + JID_PART_MAX,
};

/* A prepared JID: parts are NUL-terminated; "" is an absent localpart or resource. */
struct jid {
	char local[JID_PART_MAX + 1];
	char domain[JID_PART_MAX + 1];
	char resource[JID_PART_MAX + 1];
};

/*
 * Prepare one part of `len` bytes into `out` (JID_PART_MAX + 1 bytes). ADX_EINVAL for bytes that
 * are not UTF-8, characters that the profile refuses, an empty part or one that is too long.
 */
ADX_MUST_CHECK enum adx_rc jid_prep_local(const char *in, size_t len, char *out,
					  struct adx_error *err);
ADX_MUST_CHECK enum adx_rc jid_prep_domain(const char *in, size_t len, char *out,
					   struct adx_error *err);
ADX_MUST_CHECK enum adx_rc jid_prep_resource(const char *in, size_t len, char *out,
					     struct adx_error *err);

/*
 * Split and prepare "[local@]domain[/resource]". The first '@' before any '/' ends the localpart
 * (a second one there is an error); everything after the first '/' is the resource, and nothing
 * after it is no resource.
 */
ADX_MUST_CHECK enum adx_rc jid_parse(const char *text, size_t len, struct jid *out,
				     struct adx_error *err);

/*
 * Whether all characters of a prepared part were assigned in Unicode 3.2: servers that are stricter
 * than we are refuse any other (RFC 3454, section 7, stored strings).
 */
bool jid_part_is_stored_string(const char *part);

/* "local@domain", or "domain" without a localpart, into out (JID_BARE_MAX + 1 bytes). */
void jid_bare(const struct jid *jid, char *out);
/* The same with "/resource" where there is one, into out (JID_FULL_MAX + 1 bytes). */
void jid_full(const struct jid *jid, char *out);

#endif
