/*
 * What servers ask for beyond XEP-0227 before they take a document: each a dialect. An import that
 * finds anything else is not merely incomplete: ejabberd stops at the first thing that it refuses,
 * with all accounts behind it not imported, and Prosody passes over the whole account. What is here
 * was found with ejabberd 23.01 and Prosody 0.12.3; tests/servers holds it against both.
 *
 *   both      one credential an account, so that there is no choice to be made; an account without
 *             one would not be made, and its name would be free for others: it gets keys that
 *             belong to no password; private elements only with a namespace
 *   ejabberd  takes salt and keys in base64 twice; no name, JID or password with characters newer
 *             than Unicode 3.2, and no password that begins with "scram:" (such a one is hashed
 *             here); BINVAL of a vCard only in base64 with its padding; messages only with a
 *             sender, and no language that is not one of RFC 5646
 *   Prosody   takes credentials only of the mechanism it is set to, nothing with a comment or a
 *             processing instruction in it, requests only beside contacts, and one account a file
 */
#ifndef ADMINEX_PIE_DIALECT_H
#define ADMINEX_PIE_DIALECT_H

#include <stdbool.h>

#include "adminex/error.h"
#include "base/scram.h"
#include "base/xmllib.h"
#include "transfer/pie_reader.h"

enum pie_server { PIE_EJABBERD, PIE_PROSODY };

/* What people call them, by server, and hashes of passwords, which servers are set to. NULL ends.
 */
extern const char *const PIE_SERVERS[];
extern const char *const PIE_HASHES[];

/* A pointer to one may be NULL everywhere: XEP-0227 and no more. */
struct pie_dialect {
	enum pie_server server;
	const char
		*mechanism; /* the one that the server is set to, "SCRAM-SHA-1", "-256", "-512" */
};

/*
 * The dialect of a server by its name, set to a hash (NULL: the one that both have unless they are
 * told otherwise). ADX_EINVAL when there is no such server, or when it cannot be set to that.
 */
ADX_MUST_CHECK enum adx_rc pie_dialect_named(const char *server, const char *hash,
					     struct pie_dialect *dialect, struct adx_error *err);

/* The longest salt of a record in base64. */
enum { PIE_BASE64_SIZE = (1024 + 2) / 3 * 4 + 1 };

/* Room for a credential that is not the one of the record. Whoever owns it wipes it. */
struct pie_made {
	struct scram keys;
	unsigned char salt[PIE_BASE64_SIZE];
	unsigned char stored_key[PIE_BASE64_SIZE], server_key[PIE_BASE64_SIZE];
};

/*
 * Make of the record what the server takes. It may refer to *made afterwards. ADX_EINVAL with the
 * reason when the server takes nothing of that. A credential without a mechanism (NULL) becomes
 * one that no password belongs to.
 */
ADX_MUST_CHECK enum adx_rc pie_dialect_record(const struct pie_dialect *dialect,
					      struct pie_record *record, struct pie_made *made,
					      struct adx_error *err);

/* The same for the element of a vCard, private or offline record. */
ADX_MUST_CHECK enum adx_rc pie_dialect_element(const struct pie_dialect *dialect,
					       const struct pie_record *record, xmlNode *top,
					       struct adx_error *err);

/* Whether requests are read only where the account has a contact, too. */
bool pie_dialect_needs_contacts(const struct pie_dialect *dialect);
/* Whether each account is a document of its own. */
bool pie_dialect_is_split(const struct pie_dialect *dialect);

#endif
