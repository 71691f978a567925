/*
 * What the parts of the XEP-0227 reader, and the writer, share; nobody else includes it.
 *
 *   pie_reader.c       the frame: server-data, host, user
 *   pie_user.c         what stands in a user: roster, vCard, private storage, offline messages ...
 *   pie_credentials.c  passwords and SCRAM credentials
 *   pie_files.c        files, folders, inclusion
 *   pie_source.c       one document: bytes in, elements out
 *   pie_guard.c        bytes that the parser must not see
 *   pie_error.c        what the parser reports
 *   pie_namespace.c    what it gets wrong
 *   pie_record.c       records out, helpers for elements
 *   pie_writer.c       the way back: records in, a document out
 *   pie_element.c      stored elements as they can stand there
 *   pie_dialect.c      what servers ask for beyond the format
 */
#ifndef ADMINEX_PIE_PRIV_H
#define ADMINEX_PIE_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "adminex/error.h"
#include "adminex/jid.h"
#include "base/buf.h"
#include "base/stamp.h"
#include "base/strvec.h"
#include "base/xmllib.h"
#include "transfer/pie_dialect.h"
#include "transfer/pie_reader.h"

#define PIE_NS        "urn:xmpp:pie:0"
#define PIE_NS_OLD    "http://www.xmpp.org/extensions/xep-0227.html#ns"
#define PIE_NS_SCRAM  "urn:xmpp:pie:0#scram"
#define PIE_NS_CLIENT "jabber:client"
#define PIE_NS_XI     "http://www.w3.org/2001/XInclude"

#define NS_ROSTER  "jabber:iq:roster"
#define NS_PRIVATE "jabber:iq:private"
#define NS_LAST    "jabber:iq:last"
#define NS_VCARD   "vcard-temp"
#define NS_DELAY   "urn:xmpp:delay"
#define NS_X_DELAY "jabber:x:delay"
/* What XEP-0227 has no place for: bans, when an account was made, the moment of last activity. */
#define NS_ACCOUNT "urn:adminex:account:1"
/* The seal of a document (seal.h), which gdpr_verify reads. */
#define NS_SEAL "urn:adminex:seal:1"

/* What the writer puts into one element at most: less than the reader takes (XML_TEXT_MAX). */
enum { PIE_ELEMENT_MAX = 10 * 1000 * 1000 - 64 * 1024 };

/* What the bytes seen so far are in the middle of. */
struct pie_guard {
	enum pie_guard_state {
		GUARD_TEXT,
		GUARD_OPEN, /* '<' */
		GUARD_BANG, /* "<!" */
		GUARD_DASH, /* "<!-" */
		GUARD_TAG,
		GUARD_MARKUP,  /* a comment, CDATA section or processing instruction */
		GUARD_DOCTYPE, /* where it ends */
	} state;
	char quote;  /* of a tag: around the attribute value, or NUL */
	char closer; /* of markup: what stands before its last '>' */
	char last[2];
	unsigned attributes;
};

/* One document being read. An included one lies on the stack of whoever includes it. */
struct pie_source {
	const char *name; /* what errors call it */
	const char *path; /* NULL when it is not a file: it has no folder to include from */
	bool included;
	int fd; /* -1: text */
	const char *text;
	size_t left;
	struct pie_guard guard;
	xmlTextReaderPtr xml;
	bool ended;
	bool expanding;
	size_t room; /* bytes that may still be read for the element being expanded */
};

struct pie {
	const struct pie_sink *sink;
	struct adx_error *err;
	struct pie_source *source;
	enum adx_rc failed; /* what the parser or one of its callbacks described in err */
	char host[JID_PART_MAX + 1];
	char user[JID_PART_MAX + 1];
	struct buf text;              /* scratch: the text of the record being made */
	uint64_t done, total, untold; /* bytes; untold: since progress was last called */
	struct strvec *scan;          /* looking for inclusions only: their names go here */
	const struct strvec *listed;  /* the files of the folder, whose sizes are in total */
};

/* Where a document's root will stand, which decides what it may be. */
enum pie_place {
	PIE_AT_TOP,
	PIE_IN_SERVER,
	PIE_IN_HOST,
	PIE_ANYWHERE, /* while looking for inclusions */
};

/*
 * The visitor of an element gets the reader on its start tag and may leave it anywhere up to its
 * end tag: what it did not read is skipped. The last row of a table, without a name, gets the rest.
 */
struct pie_part {
	const char *ns;
	const char *name;
	enum adx_rc (*visit)(struct pie *p, xmlNode *element);
};

/* Look at more bytes; NULL, or what is wrong with them. */
const char *pie_guard(struct pie_guard *guard, const char *bytes, size_t len);

/*
 * Without entity substitution libxml2 keeps each '&' of an attribute as "&#38;", and forgets to
 * undo that where the attribute declares a namespace. Undo it, once, in the element's own
 * declarations or in those of all elements below it.
 */
void pie_namespaces(xmlNode *element);
void pie_namespaces_below(xmlNode *element);

/* The parser's structured error handler; ctx is the struct pie. Sets p->failed. */
void pie_xml_error(void *ctx, xmlErrorPtr e);

/* Begin and end p->source; an open one must be closed, whatever happened to it. */
ADX_MUST_CHECK enum adx_rc pie_source_open(struct pie *p);
void pie_source_close(struct pie *p);
/* The next node. At the end of the document p->source->ended is set. */
ADX_MUST_CHECK enum adx_rc pie_step(struct pie *p);
/* Visit each child element of the element that the reader stands on. */
ADX_MUST_CHECK enum adx_rc pie_children(struct pie *p, const struct pie_part *parts);
/* Read the element that the reader stands on whole: at most XML_TEXT_MAX bytes. */
ADX_MUST_CHECK enum adx_rc pie_expand(struct pie *p);
/* Tell the sink how far the reading is, when it is time or `now`. */
ADX_MUST_CHECK enum adx_rc pie_progress(struct pie *p, bool now);

/* Read p->source, which is open, to its end. */
ADX_MUST_CHECK enum adx_rc pie_document(struct pie *p, enum pie_place place);
/* Read what stands in the user that the reader stands on. */
ADX_MUST_CHECK enum adx_rc pie_user(struct pie *p);
/* Visitors of one part of the format each. */
enum adx_rc pie_scram(struct pie *p, xmlNode *element);
enum adx_rc pie_include_host(struct pie *p, xmlNode *element);
enum adx_rc pie_include_user(struct pie *p, xmlNode *element);
enum adx_rc pie_include_refused(struct pie *p, xmlNode *element);
enum adx_rc pie_skip_element(struct pie *p, xmlNode *element);

/* The password attribute. */
ADX_MUST_CHECK enum adx_rc pie_plain(struct pie *p, const char *password);

/* The delay that the account's own server noted in a message, else the first one, or NULL. */
const xmlNode *pie_delay(const xmlNode *message, const char *host);

/* Read a file or a folder. */
ADX_MUST_CHECK enum adx_rc pie_path(struct pie *p, const char *path);

/* Hand a record of the present host and user to the sink. */
ADX_MUST_CHECK enum adx_rc pie_emit(struct pie *p, struct pie_record *record);
/* Hand over that something was left out; the format names it. */
ADX_MUST_CHECK enum adx_rc pie_skip(struct pie *p, const char *why, const char *fmt, ...)
	ADX_PRINTF(3, 4);
/* The same for a value whose check failed with rc; what is not its fault is passed on. */
ADX_MUST_CHECK enum adx_rc pie_reject(struct pie *p, enum adx_rc rc, const struct adx_error *why,
				      const char *fmt, ...) ADX_PRINTF(4, 5);
/* Skip the attributes that are not in the list, which NULL ends. */
ADX_MUST_CHECK enum adx_rc pie_skip_attributes(struct pie *p, const xmlNode *element,
					       const char *const known[], const char *where);

/*
 * The element of a vCard, private or offline record as it can stand in a document, into *out.
 * ADX_EINVAL with the reason when it cannot.
 */
ADX_MUST_CHECK enum adx_rc pie_element(const struct pie_dialect *dialect,
				       const struct pie_record *record, struct buf *out,
				       struct adx_error *err);
/* ADX_EINVAL, with the words for it. */
enum adx_rc pie_too_long(struct adx_error *err);
/*
 * The next node of the tree below `top` in document order, NULL at its end. With `inside` false
 * what is below the node itself is passed over.
 */
xmlNode *pie_next_node(const xmlNode *top, xmlNode *node, bool inside);

/* Cut invalid UTF-8 off and make it one line. */
void pie_tidy(char *text);
/* Whether the element is the one of the row; both namespaces of XEP-0227 are the same. */
bool pie_is(const xmlNode *element, const struct pie_part *part);
/* An attribute without a namespace; lives as long as the element. */
const char *pie_attr(const xmlNode *element, const char *name, const char *absent);
/* Replace what the buffer holds by the element's own text; false when out of memory. */
ADX_MUST_CHECK bool pie_text(const xmlNode *element, struct buf *out);

#endif
