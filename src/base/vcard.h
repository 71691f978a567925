/*
 * vcard-temp cards (XEP-0054) edited as trees: what an edit does not name keeps its place, its
 * attributes, its children and its order, known to us or not.
 */
#ifndef ADMINEX_VCARD_H
#define ADMINEX_VCARD_H

#include <stddef.h>

#include "adminex/error.h"
#include "base/buf.h"
#include "base/strvec.h"

enum { VCARD_NAME_MAX = 255 };

/*
 * The text of every child `name` of the card, in document order; with `subname`, of every child
 * `subname` of every such child. Values are appended to `values`; none found is ADX_OK and an
 * unchanged count. Names are case-sensitive local names; the namespace is not looked at. The text
 * of an element is that of all its text and CDATA children, joined. ADX_EINVAL when the card does
 * not parse.
 */
ADX_MUST_CHECK enum adx_rc vcard_get(const char *xml, size_t len, const char *name,
				     const char *subname, struct strvec *values,
				     struct adx_error *err);

/*
 * Write the card with a field set into `out`. `xml` NULL is an account without a card: a new
 * <vCard xmlns='vcard-temp'/> is begun.
 *
 * Without `subname`, count must be 1: the first child `name` gets that text in place of what it
 * held, keeping its attributes, further children `name` are removed; a missing one is appended.
 *
 * With `subname`, in the first child `name` (appended when missing and count is not 0) the children
 * `subname` become one for each of the `count` contents, in order, where the first of them stood
 * (else at the end); existing ones keep their attributes as far as they reach, those left over are
 * removed; count 0 removes them all. Further children `name` stay as they are.
 *
 * ADX_EINVAL when the card does not parse (nothing is guessed: an unreadable card is never
 * replaced), is not a vCard element, a name is not an XML name without a colon or longer than
 * VCARD_NAME_MAX bytes, a content has characters XML cannot carry, or the card would be longer than
 * XML_TEXT_MAX bytes. `out` is then as it was.
 */
ADX_MUST_CHECK enum adx_rc vcard_set(const char *xml, size_t len, const char *name,
				     const char *subname, const char *const *contents, size_t count,
				     struct buf *out, struct adx_error *err);

/* The searchable columns of table vcards, first match each; "" where the card has none. */
enum vcard_field {
	VCARD_FN,
	VCARD_FAMILY, /* N/FAMILY */
	VCARD_GIVEN,  /* N/GIVEN */
	VCARD_MIDDLE, /* N/MIDDLE */
	VCARD_NICKNAME,
	VCARD_BDAY,
	VCARD_CTRY,     /* ADR/CTRY */
	VCARD_LOCALITY, /* ADR/LOCALITY */
	VCARD_EMAIL,    /* EMAIL/USERID, else the text of EMAIL */
	VCARD_ORGNAME,  /* ORG/ORGNAME */
	VCARD_ORGUNIT,  /* ORG/ORGUNIT */
	VCARD_FIELDS
};

/* Fill values[VCARD_FIELDS] with strings owned by `values` (added in the order of the enum). */
ADX_MUST_CHECK enum adx_rc vcard_search_fields(const char *xml, size_t len, struct strvec *values,
					       struct adx_error *err);

#endif
