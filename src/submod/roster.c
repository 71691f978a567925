/* Submod roster: contacts (RFC 6121, section 2). */
#include <string.h>

#include "submod/params.h"
#include "submod/roster_parts.h"
#include "transfer/template.h"

static const struct answer ADDED = { "ok",
				     "Added the item to the roster of {localuser}@{localserver}" };
static const struct answer ADD_NO_ACCOUNT = {
	"user_does_not_exist",
	"Cannot add the item because user {localuser}@{localserver} does not exist"
};
static const struct answer BAD_SUBS = {
	"bad_subs", "Sub {subs} is incorrect. Choose one of the following:\nnone\nfrom\nto\nboth"
};
static const struct answer REMOVED = {
	"ok", "The item removed from roster of {localuser}@{localserver}"
};
static const struct answer REMOVE_NO_ACCOUNT = {
	"user_does_not_exist",
	"Cannot delete the item because user {localuser}@{localserver} does not exist"
};

static const char *const SUBS_WORDS[] = { "none", "from", "to", "both", NULL };
static const char *const ACTIONS[] = { "list", "delete", NULL };

/* The contact's bare JID, from its two parameters. */
static void
contact_jid(const struct call *call, char out[JID_BARE_MAX + 1])
{
	struct jid jid = { "", "", "" };

	strcpy(jid.local, call_jid_part(call, "user"));
	strcpy(jid.domain, call_jid_part(call, "server"));
	jid_bare(&jid, out);
}

static enum adx_rc
add_rosteritem(struct call *call, struct adx_error *err)
{
	const char *letter = roster_subscription_letter(call_raw(call, "subs"));
	const char *audit = call_audit(call, err);
	char contact[JID_BARE_MAX + 1];

	if (audit == NULL)
		return ADX_ENOMEM;
	if (letter == NULL)
		return call_answer(call, &BAD_SUBS, err, NULL);
	contact_jid(call, contact);
	return call_write(call, SQL_ROSTER_ADD,
			  PARAMS(audit, call_jid_part(call, "localserver"),
				 call_jid_part(call, "localuser"), contact, call_raw(call, "nick"),
				 call_raw(call, "group"), letter),
			  err);
}

static enum adx_rc
delete_rosteritem(struct call *call, struct adx_error *err)
{
	const char *audit = call_audit(call, err);
	char contact[JID_BARE_MAX + 1];

	if (audit == NULL)
		return ADX_ENOMEM;
	contact_jid(call, contact);
	return call_write(call, SQL_ROSTER_DELETE,
			  PARAMS(audit, call_jid_part(call, "localserver"),
				 call_jid_part(call, "localuser"), contact),
			  err);
}

static enum adx_rc
take_contacts(struct call *call, struct rows *rows, struct adx_error *err)
{
	int64_t seen;
	enum adx_rc rc = call_list(call, rows, "jid", &seen, err);

	if (rc != ADX_OK)
		return rc;
	return call_answer(call, seen == 0 ? &ANSWER_NO_ACCOUNT : &ANSWER_OK, err, NULL);
}

static enum adx_rc
get_roster(struct call *call, struct adx_error *err)
{
	char limit[24];

	if (page_wanted(call))
		return call_ask(call, SQL_ROSTER_PAGE,
				PARAMS(CALL_HOST(call), CALL_USER(call), call->page.after.jid,
				       page_fetch(call, limit)),
				take_contacts, err);
	return call_ask(call, SQL_ROSTER_LIST, PARAMS(CALL_HOST(call), CALL_USER(call)),
			take_contacts, err);
}

#define P_OWNER                                                                                    \
	{ .name = "localuser", .type = PARAM_LOCALPART, .doc = "owner of the roster" },            \
	{                                                                                          \
		.name = "localserver", .type = PARAM_DOMAIN, .doc = "domain of the owner"          \
	}
#define P_CONTACT                                                                                  \
	{ .name = "user",                                                                          \
	  .type = PARAM_CONTACT,                                                                   \
	  .doc = "local part of the contact, may be empty for a server contact" },                 \
	{                                                                                          \
		.name = "server", .type = PARAM_DOMAIN, .doc = "domain of the contact"             \
	}
#define P_TEMPLATE                                                                                 \
	{                                                                                          \
		.name = "file", .type = PARAM_PATH, .doc = "path of the template",                 \
		.words = template_format_words                                                     \
	}
#define TEMPLATE_NOTES                                                                             \
	"The extension decides how the template is read: .json, .csv, else Erlang terms: "         \
	"[{\"user\", \"host\", \"Group\", \"Nick\"}]. Entries without an account are skipped "     \
	"and named. Groups that a contact already had are kept."

const struct command ROSTER_COMMANDS[] = {
	{ .name = "add_rosteritem",
	  .submod = "roster",
	  .summary = "add a contact to a roster, or replace it",
	  .params = { P_OWNER, P_CONTACT, P_TEXT("nick", "display name, may be empty"),
		      P_TEXT("group", "one group, empty for none"),
		      P_CHOICE("subs", SUBS_WORDS, "none, from, to or both") },
	  .result = RESULT_RESTUPLE,
	  .result_name = "res",
	  .answers = { &ADDED, &ADD_NO_ACCOUNT, &BAD_SUBS },
	  .if_bad_jid = &ADD_NO_ACCOUNT,
	  .role = ROLE_OPERATOR,
	  .limited_by = "localserver",
	  .flags = CMD_WRITES,
	  .example = "orsino.aldobrand example.org viola.hollins example.org Viola Friends both",
	  .run = add_rosteritem },
	{ .name = "delete_rosteritem",
	  .submod = "roster",
	  .summary = "remove a contact from a roster",
	  .params = { P_OWNER, P_CONTACT },
	  .result = RESULT_RESTUPLE,
	  .result_name = "res",
	  .answers = { &REMOVED, &REMOVE_NO_ACCOUNT },
	  .if_bad_jid = &REMOVE_NO_ACCOUNT,
	  .role = ROLE_OPERATOR,
	  .limited_by = "localserver",
	  .flags = CMD_WRITES,
	  .example = "orsino.aldobrand example.org viola.hollins example.org",
	  .run = delete_rosteritem },
	{ .name = "process_rosteritems",
	  .submod = "roster",
	  .summary = "list or delete the roster items that match filters",
	  .notes = "Patterns are PostgreSQL regular expressions without regard to case. Each half, "
		   "before and after '@', must match the whole part of the JID; without '@' a "
		   "pattern is for a bare domain. Several are parted by ':' (write \\: for the "
		   "character). They are checked before any row is read.",
	  .params = { P_CHOICE("action", ACTIONS, "list or delete"),
		      P_TEXT("subs", "colon-separated: none, from, to, both, or any"),
		      P_TEXT("asks", "colon-separated: none, out, in, both, subscribe, "
				     "unsubscribe, or any"),
		      P_TEXT("users", "colon-separated patterns for owners, or any"),
		      P_TEXT("contacts", "colon-separated patterns for contacts, or any") },
	  .result = RESULT_STRING,
	  .result_name = "res",
	  .answers = { &ANSWER_OK, &ROSTER_BAD_PATTERN, &ROSTER_BAD_WORD },
	  .affects = "roster items",
	  .role = ROLE_OPERATOR,
	  .flags = CMD_WRITES | CMD_DESTROYS | CMD_STEPS | CMD_WIDE,
	  .example = "list from:both any 'orsino.*@example\\.org' '.*@chat\\.example\\.org'",
	  .run = roster_process,
	  .only_reads = roster_process_only_reads },
	{ .name = "get_roster",
	  .submod = "roster",
	  .summary = "list the contacts of an account, a line for each of their groups",
	  .notes = "Incoming requests that were not answered yet are left out. --limit counts "
		   "contacts, not lines.",
	  .params = { P_ACCOUNT },
	  .result = RESULT_LIST,
	  .result_name = "contacts",
	  .fields = { { "jid" }, { "nick" }, { "subscription" }, { "ask" }, { "group" } },
	  .pages = PAGES_BY_CONTACT,
	  .answers = { &ANSWER_OK, &ANSWER_NO_ACCOUNT },
	  .if_bad_jid = &ANSWER_NO_ACCOUNT,
	  .role = ROLE_READER,
	  .limited_by = "host",
	  .example = "orsino.aldobrand example.org",
	  .run = get_roster },
	{ .name = "push_roster",
	  .submod = "roster",
	  .summary = "add the contacts of a template file to one account",
	  .notes = TEMPLATE_NOTES,
	  .params = { P_TEMPLATE, P_ACCOUNT },
	  .result = RESULT_RESCODE,
	  .result_name = "res",
	  .answers = { &ANSWER_OK, &ANSWER_NO_ACCOUNT },
	  .if_bad_jid = &ANSWER_NO_ACCOUNT,
	  .role = ROLE_OPERATOR,
	  .limited_by = "host",
	  .flags = CMD_WRITES | CMD_STEPS,
	  .example = "tests/data/templates/small.template orsino.aldobrand example.org",
	  .run = roster_push },
	{ .name = "push_roster_all",
	  .submod = "roster",
	  .summary = "make all accounts of a template contacts of each other",
	  .notes = TEMPLATE_NOTES,
	  .params = { P_TEMPLATE },
	  .result = RESULT_RESCODE,
	  .result_name = "res",
	  .answers = { &ANSWER_OK },
	  .role = ROLE_OPERATOR,
	  .flags = CMD_WRITES | CMD_STEPS | CMD_WIDE,
	  .example = "tests/data/templates/small.template",
	  .run = roster_push_all },
	{ .name = "push_roster_alltoall",
	  .submod = "roster",
	  .summary = "make all accounts of a host contacts of each other in one group",
	  .notes = "A name that a user gave a contact, and its other groups, are kept.",
	  .params = { P_HOST("domain"), P_TEXT("group", "group name") },
	  .result = RESULT_RESCODE,
	  .result_name = "res",
	  .answers = { &ANSWER_OK },
	  .role = ROLE_OPERATOR,
	  .limited_by = "host",
	  .flags = CMD_WRITES | CMD_STEPS | CMD_WIDE,
	  .example = "chat.example.org Everybody",
	  .run = roster_push_alltoall },
	{ 0 },
};
