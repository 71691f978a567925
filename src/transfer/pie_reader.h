/*
 * Reading XEP-0227 (portable import/export of XMPP server data) as a stream: what ejabberd's
 * export_piefxis_* and Prosody write, and our own export (pie_writer.h). Memory stays flat at any
 * file size: one child of <user/> (one roster item, one offline message) is held at a time.
 *
 * The reader knows the format and JIDs, and nothing of a database: it hands typed records to a
 * sink. Everything in a record is borrowed and gone when the call returns. JIDs and names are
 * prepared. What is not understood or not valid is handed over too, as PIE_SKIPPED with its name.
 */
#ifndef ADMINEX_PIE_READER_H
#define ADMINEX_PIE_READER_H

#include <stddef.h>
#include <stdint.h>

#include "adminex/error.h"

enum pie_kind {
	PIE_HOST,       /* a <host/> begins: `host` */
	PIE_ACCOUNT,    /* a <user/> begins: `host`, `user` */
	PIE_CREDENTIAL, /* credential */
	PIE_CONTACT,    /* contact: one roster item */
	PIE_REQUEST,    /* request: an incoming subscription request not yet answered */
	PIE_VCARD,      /* xml */
	PIE_PRIVATE,    /* xml, with its namespace in xmlns */
	PIE_OFFLINE,    /* offline */
	PIE_LAST,       /* last */
	PIE_BAN,        /* ban; an extension of our own */
	PIE_CREATED,    /* created: when the account was made; an extension of our own */
	PIE_SKIPPED,    /* skipped */
	PIE_KINDS
};

struct pie_bytes {
	const unsigned char *data;
	size_t len;
};

struct pie_record {
	enum pie_kind kind;
	const char *host; /* prepared; "" only before the first host */
	const char *user; /* prepared localpart; "" outside a user */
	union {
		struct {
			/* "PLAIN", "SCRAM-SHA-1", "-256", "-512"; NULL: see pie_dialect.h */
			const char *mechanism;
			const char *plain; /* PLAIN only */
			int iterations;    /* the rest SCRAM only, decoded */
			struct pie_bytes salt, stored_key, server_key;
		} credential;
		struct {
			const char *jid; /* prepared, bare */
			const char *nick;
			char subscription; /* N T F B */
			char ask;          /* N O */
			const char *const
				*groups; /* without empty and repeated ones; NULL for none */
			size_t group_count;
		} contact;
		struct {
			const char *jid; /* prepared, bare: who asks */
			const char *message;
		} request;
		struct {
			const char *xml;
			size_t len;
			const char *xmlns;
		} xml;
		struct {
			const char *from;  /* as in the stanza, "" when it has none */
			const char *stamp; /* its XEP-0203 delay stamp, valid ISO 8601 UTC, or "" */
			const char *xml;
			size_t len;
		} offline;
		struct {
			int64_t seconds_ago;
			const char *at; /* the same as a stamp, of our own export, or "" */
			const char *status;
		} last;
		struct {
			const char *at; /* a stamp or "" */
			const char *by; /* or "" */
			const char *reason;
		} ban;
		struct {
			const char *at; /* a stamp */
		} created;
		struct {
			const char *what; /* "element {ns}name" or "user 'x'", a few words */
			const char *why;  /* "not understood", "localpart has characters …" */
		} skipped;
	} u;
};

struct pie_sink {
	void *ctx;
	/* Anything but ADX_OK stops the reading and is returned by it. */
	enum adx_rc (*record)(void *ctx, const struct pie_record *record, struct adx_error *err);
	/* Bytes read so far and in all (0 when unknown); may be NULL. Called at least every 64 KiB.
	 */
	enum adx_rc (*progress)(void *ctx, uint64_t done, uint64_t total, struct adx_error *err);
};

/*
 * Read a file, "-" for standard input, or each *.xml of a folder in the order of their names (no
 * hidden ones; files of the folder that another one of them includes are not read twice, and all
 * are looked through before the first record). xi:include (XInclude 1.0) is followed by the reader
 * itself where it stands under <server-data/> or <host/>: parse='xml' or absent, href a plain file
 * name in the same folder, one level; anything else is an error.
 *
 * Only UTF-8 is read. Document types, an element to be handed over that is longer than 10,000,000
 * bytes, and more than 256 levels or attributes of a tag are refused. ADX_EINVAL names the file,
 * the line and the column; records already handed over stay so, whoever owns the sink rolls back.
 */
ADX_MUST_CHECK enum adx_rc pie_read(const char *path, const struct pie_sink *sink,
				    struct adx_error *err);

/* The same from memory; xi:include is an error there. For tests and fuzzing. */
ADX_MUST_CHECK enum adx_rc pie_read_memory(const char *text, size_t len,
					   const struct pie_sink *sink, struct adx_error *err);

#endif
