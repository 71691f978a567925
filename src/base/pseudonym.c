#include "base/pseudonym.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/hmac.h>

#include "base/buf.h"
#include "base/keyfile.h"

/* Each with its NUL, which ends it. */
static const char OF_SUBJECT[] = "adminex data subject 1";
static const char OF_NOTE[] = "adminex note 1";

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

/* The text begins with one of the labels. */
static enum adx_rc
authenticate(const struct pseudonym_key *key, const struct buf *text,
	     unsigned char out[PSEUDONYM_SIZE], struct adx_error *err)
{
	if (!buf_ok(text))
		return adx_nomem(err);
	if (HMAC(EVP_sha256(), key->file.bytes, (int)key->file.len,
		 (const unsigned char *)text->data, text->len, out, NULL) == NULL)
		return adx_fail(err, ADX_EFAIL, "the crypto library has no HMAC-SHA-256");
	return ADX_OK;
}

static void
print_digits(const unsigned char bytes[PSEUDONYM_SIZE], char hex[PSEUDONYM_HEX_LEN + 1])
{
	for (size_t i = 0; i < PSEUDONYM_SIZE; i++)
		snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
}

enum adx_rc
pseudonym_bytes(const struct pseudonym_key *key, const char *host, const char *username,
		unsigned char out[PSEUDONYM_SIZE], struct adx_error *err)
{
	struct buf text = BUF_INIT;
	enum adx_rc rc;

	buf_add(&text, OF_SUBJECT, sizeof(OF_SUBJECT));
	buf_addf(&text, "%s%s%s", username, username[0] == '\0' ? "" : "@", host);
	rc = authenticate(key, &text, out, err);
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
	if (rc == ADX_OK)
		print_digits(bytes, hex);
	return rc;
}

enum adx_rc
pseudonym_of_note(const struct pseudonym_key *key, const char *note,
		  char hex[PSEUDONYM_HEX_LEN + 1], struct adx_error *err)
{
	unsigned char bytes[PSEUDONYM_SIZE];
	struct buf text = BUF_INIT;
	enum adx_rc rc;

	buf_add(&text, OF_NOTE, sizeof(OF_NOTE));
	buf_add_text(&text, note);
	rc = authenticate(key, &text, bytes, err);
	buf_wipe(&text);
	hex[0] = '\0';
	if (rc == ADX_OK)
		print_digits(bytes, hex);
	return rc;
}

void
pseudonym_close(struct pseudonym_key *key)
{
	if (key != NULL)
		keyfile_wipe(&key->file);
	free(key);
}
