/* What accounts.c offers to other submods. */
#ifndef ADMINEX_ACCOUNTS_H
#define ADMINEX_ACCOUNTS_H

#include "base/scram.h"
#include "command/call.h"

/* A SCRAM credential as the statements take it. */
struct accounts_credential {
	const char *mechanism; /* of the configuration */
	char iterations[16], salt[2 * SCRAM_SALT_SIZE + 3];
	char stored_key[2 * SCRAM_KEY_MAX + 3], server_key[2 * SCRAM_KEY_MAX + 3];
};

/* Derive it from a secret; the caller wipes it. */
ADX_MUST_CHECK enum adx_rc accounts_make_credential(const struct call *call,
						    const struct value *secret,
						    struct accounts_credential *out,
						    struct adx_error *err);

#endif
