#include "submod/personal_data.h"

/* Column names as service_admin_extra wrote them. */
static const char *const VCARD_CSV[] = { "jid", "vcard", NULL };
static const char *const ROSTER_CSV[] = { "jid",    "name",       "subscription", "ask",
					  "groups", "askmessage", "xs",           NULL };
static const char *const PRIVATE_CSV[] = { "ns", "xml", NULL };
static const char *const OFFLINE_CSV[] = { "timestamp", "from", "to", "packet", NULL };

const struct section PERSONAL_DATA[] = {
	{ "account", SQL_GDPR_ACCOUNT, BY_ACCOUNT, { { "created_at" } }, NULL },
	{ "credentials",
	  SQL_GDPR_CREDENTIALS,
	  BY_ACCOUNT,
	  { { "mechanism" }, { "iterations", NULL, SECTION_INTEGER }, { "set_at" } },
	  NULL },
	{ "ban", SQL_GDPR_BAN, BY_ACCOUNT, { { "reason" }, { "banned_at" } }, NULL },
	{ "last_activity",
	  SQL_GDPR_LAST_ACTIVITY,
	  BY_ACCOUNT,
	  { { "last_at" }, { "status" } },
	  NULL },
	{ "vcard", SQL_GDPR_VCARD, BY_ACCOUNT, { { "vcard" }, { "updated_at" } }, VCARD_CSV },
	{ "roster",
	  SQL_GDPR_ROSTER,
	  BY_ACCOUNT,
	  { { "jid" },
	    { "name" },
	    { "subscription" },
	    { "ask" },
	    { "groups", "groups_json", SECTION_JSON },
	    { "askmessage" } },
	  ROSTER_CSV },
	{ "other_rosters",
	  SQL_GDPR_OTHER_ROSTERS,
	  BY_JID,
	  { { "subscription" }, { "ask" }, { "rosters", NULL, SECTION_INTEGER } },
	  NULL },
	{ "private", SQL_GDPR_PRIVATE, BY_ACCOUNT, { { "ns" }, { "xml" } }, PRIVATE_CSV },
	{ "offline",
	  SQL_GDPR_OFFLINE,
	  BY_ACCOUNT,
	  { { "timestamp" }, { "from" }, { "to" }, { "packet" } },
	  OFFLINE_CSV },
	{ "sessions",
	  SQL_GDPR_SESSIONS,
	  BY_ACCOUNT,
	  { { "resource" },
	    { "priority", NULL, SECTION_INTEGER },
	    { "show" },
	    { "status" },
	    { "connection" },
	    { "ip" },
	    { "port", NULL, SECTION_INTEGER },
	    { "node" },
	    { "connected_at" } },
	  NULL },
	{ "outbox",
	  SQL_GDPR_OUTBOX,
	  BY_ACCOUNT,
	  { { "created_at" }, { "kind" }, { "payload", NULL, SECTION_JSON } },
	  NULL },
	{ "audit_log",
	  SQL_GDPR_AUDIT_LOG,
	  BY_BOTH,
	  { { "at" },
	    { "command" },
	    { "arguments", NULL, SECTION_JSON },
	    { "rows", NULL, SECTION_INTEGER },
	    { "outcome" } },
	  NULL },
	{ 0 },
};

enum adx_rc
section_open(struct call *call, const struct section *section, const struct subject *subject,
	     struct rows **rows, struct adx_error *err)
{
	switch (section->subject) {
	case BY_JID: return stmt_open(call->db, section->id, PARAMS(subject->jid), rows, err);
	case BY_BOTH:
		return stmt_open(call->db, section->id,
				 PARAMS(subject->host, subject->username, subject->jid), rows, err);
	default:
		return stmt_open(call->db, section->id, PARAMS(subject->host, subject->username),
				 rows, err);
	}
}
