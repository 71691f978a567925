#include "submod/privacy_key.h"

enum adx_rc
privacy_key_open(const struct call *call, struct pseudonym_key **out, struct adx_error *err)
{
	const char *path = call->config->privacy.key_file;

	*out = NULL;
	return path[0] == '\0' ? ADX_OK : pseudonym_open(path, out, err);
}

enum adx_rc
privacy_key_need(const struct call *call, struct pseudonym_key **out, struct adx_error *err)
{
	enum adx_rc rc = privacy_key_open(call, out, err);

	if (rc != ADX_OK || *out != NULL)
		return rc;
	rc = adx_fail(err, ADX_EINVAL,
		      "%s needs a key to hash with, and setting 'privacy.key_file' names none",
		      call->command->name);
	adx_hint(err, "name a file there; it is made when it is missing");
	return rc;
}

enum adx_rc
privacy_hash(const struct call *call, const char *host, const char *username,
	     char hex[PSEUDONYM_HEX_LEN + 1], struct adx_error *err)
{
	struct pseudonym_key *key;
	enum adx_rc rc = privacy_key_need(call, &key, err);

	if (rc == ADX_OK)
		rc = pseudonym_of(key, host, username, hex, err);
	pseudonym_close(key);
	return rc;
}
