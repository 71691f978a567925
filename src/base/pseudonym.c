#include "base/pseudonym.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/hmac.h>

#include "base/buf.h"
#include "base/keyfile.h"

/* With its NUL, which ends it. */
static const char LABEL[] = "adminex data subject 1";

struct pseudonym_key {
	struct keyfile file;
};

enum adx_rc
pseudonym_open(const char *path, struct pseudonym_key **out, struct adx_error *err)
{
	struct pseudonym_key *key = malloc(sizeof(*key));
	enum adx_rc rc = key == NULL ? adx_nomem(err) : keyfile_load(path, &key->file, err);

	if (rc != ADX_OK) {
		free(key);
		key = NULL;
	}
	*out = key;
	return rc;
}

enum adx_rc
pseudonym_bytes(const struct pseudonym_key *key, const char *host, const char *username,
		unsigned char out[PSEUDONYM_SIZE], struct adx_error *err)
{
	struct buf text = BUF_INIT;
	enum adx_rc rc = ADX_OK;

	buf_add(&text, LABEL, sizeof(LABEL));
	buf_addf(&text, "%s%s%s", username, username[0] == '\0' ? "" : "@", host);
	if (!buf_ok(&text))
		rc = adx_nomem(err);
	else if (HMAC(EVP_sha256(), key->file.bytes, (int)key->file.len,
		      (const unsigned char *)text.data, text.len, out, NULL) == NULL)
		rc = adx_fail(err, ADX_EFAIL, "the crypto library has no HMAC-SHA-256");
	buf_free(&text);
	return rc;
}

enum adx_rc
pseudonym_of(const struct pseudonym_key *key, const char *host, const char *username,
	     char hex[PSEUDONYM_HEX_LEN + 1], struct adx_error *err)
{
	unsigned char bytes[PSEUDONYM_SIZE];
	enum adx_rc rc = pseudonym_bytes(key, host, username, bytes, err);

	hex[0] = '\0';
	for (size_t i = 0; i < PSEUDONYM_SIZE && rc == ADX_OK; i++)
		snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
	return rc;
}

void
pseudonym_close(struct pseudonym_key *key)
{
	if (key != NULL)
		keyfile_wipe(&key->file);
	free(key);
}
