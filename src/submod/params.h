/* Parameters and answers that several submods share. */
#ifndef ADMINEX_PARAMS_H
#define ADMINEX_PARAMS_H

#include "command/call.h"
#include "submod/submods.h"

#define P_USER(about)                                                                              \
	{                                                                                          \
		.name = "user", .type = PARAM_LOCALPART, .doc = about                              \
	}
#define P_HOST(about)                                                                              \
	{                                                                                          \
		.name = "host", .type = PARAM_DOMAIN, .doc = about                                 \
	}
#define P_ACCOUNT P_USER("local part of the account"), P_HOST("domain of the account")
#define P_RESOURCE                                                                                 \
	{                                                                                          \
		.name = "resource", .type = PARAM_RESOURCE, .doc = "resource of the session"       \
	}
#define P_TEXT(called, about)                                                                      \
	{                                                                                          \
		.name = called, .type = PARAM_TEXT, .doc = about                                   \
	}
#define P_SECRET(called, about)                                                                    \
	{                                                                                          \
		.name = called, .type = PARAM_SECRET, .doc = about                                 \
	}
#define P_INTEGER(called, least, most, about)                                                      \
	{                                                                                          \
		.name = called, .type = PARAM_INTEGER, .doc = about, .min = least, .max = most     \
	}
#define P_WORD(called, list, about)                                                                \
	{                                                                                          \
		.name = called, .type = PARAM_WORD, .doc = about, .words = list                    \
	}

#define P_CHOICE(called, list, about)                                                              \
	{                                                                                          \
		.name = called, .type = PARAM_CHOICE, .doc = about, .words = list                  \
	}

/* The account of a call: prepared domain and localpart, as the statements take them. */
#define CALL_HOST(call) call_jid_part(call, "host")
#define CALL_USER(call) call_jid_part(call, "user")

#endif
