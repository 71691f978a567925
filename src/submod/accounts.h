/* What accounts.c offers to other submods. */
#ifndef ADMINEX_ACCOUNTS_H
#define ADMINEX_ACCOUNTS_H

#include "command/call.h"

/*
 * Derive a SCRAM credential from a secret and run a statement that takes
 * (audit, host, username, mechanism, iterations, salt, stored_key, server_key).
 */
ADX_MUST_CHECK enum adx_rc accounts_store_password(struct call *call, enum sql_id id,
						   const struct value *secret,
						   struct adx_error *err);

#endif
