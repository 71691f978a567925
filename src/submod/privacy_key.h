/* The key of privacy.key_file, for handlers. */
#ifndef ADMINEX_PRIVACY_KEY_H
#define ADMINEX_PRIVACY_KEY_H

#include "base/pseudonym.h"
#include "command/call.h"

/*
 * Open the key. That none is configured is no failure: then *out is NULL. The caller ends *out with
 * pseudonym_close(), which takes NULL too.
 */
ADX_MUST_CHECK enum adx_rc privacy_key_open(const struct call *call, struct pseudonym_key **out,
					    struct adx_error *err);
/* The same for a command that cannot do without: that none is configured is ADX_EINVAL, with the
 * cure.
 */
ADX_MUST_CHECK enum adx_rc privacy_key_need(const struct call *call, struct pseudonym_key **out,
					    struct adx_error *err);

/* The hash of one prepared bare JID, by a key that is needed. */
ADX_MUST_CHECK enum adx_rc privacy_hash(const struct call *call, const char *host,
					const char *username, char hex[PSEUDONYM_HEX_LEN + 1],
					struct adx_error *err);

#endif
