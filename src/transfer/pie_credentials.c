/* The password attribute and <scram-credentials/>. Buffers that held secrets are wiped. */
#include "transfer/pie_priv.h"

#include <stddef.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/text.h"
#include "base/xml.h"

enum { ITERATIONS_MAX = 10000000, SALT_MAX = 1024, BASE64_MAX = 4096 };

#define BLANKS " \t\r\n"

/* The mechanisms that can be stored, and the length of their keys. */
static const struct mechanism {
	const char *name;
	size_t key_len;
} MECHANISMS[] = {
	{ "SCRAM-SHA-1", 20 },
	{ "SCRAM-SHA-256", 32 },
	{ "SCRAM-SHA-512", 64 },
};

enum secret { SALT, STORED_KEY, SERVER_KEY, SECRETS };

static const char *const SECRET_NAMES[SECRETS] = {
	[SALT] = "salt",
	[STORED_KEY] = "stored-key",
	[SERVER_KEY] = "server-key",
};

struct octets {
	unsigned char data[BASE64_MAX];
	size_t len;
};

struct scram_read {
	const struct mechanism *mechanism;
	int iterations;
	struct octets secrets[SECRETS];
};

enum adx_rc
pie_plain(struct pie *p, const char *password)
{
	struct pie_record record = { .kind = PIE_CREDENTIAL };

	record.u.credential.mechanism = "PLAIN";
	record.u.credential.plain = password;
	return pie_emit(p, &record);
}

/* The text without its white space; 0 when it does not fit. */
static size_t
squeeze(const char *text, size_t len, char out[BASE64_MAX + 1])
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] != '\0' && strchr(BLANKS, text[i]) != NULL)
			continue;
		if (n == BASE64_MAX)
			return 0;
		out[n++] = text[i];
	}
	out[n] = '\0';
	return n;
}

/* Strict: only what encodes to the same text again. Nothing is not base64 of anything here. */
static bool
base64_decode(const char *text, size_t len, struct octets *out)
{
	char clean[BASE64_MAX + 1];
	unsigned char again[BASE64_MAX + 1];
	size_t n = squeeze(text, len, clean);
	bool ok = false;
	int got;

	if (n > 0 && n % 4 == 0) {
		got = EVP_DecodeBlock(out->data, (const unsigned char *)clean, (int)n);
		if (got > 0) {
			out->len = (size_t)got - (clean[n - 1] == '=') - (clean[n - 2] == '=');
			EVP_EncodeBlock(again, out->data, (int)out->len);
			ok = memcmp(again, clean, n) == 0;
		}
	}
	OPENSSL_cleanse(clean, sizeof(clean));
	OPENSSL_cleanse(again, sizeof(again));
	return ok;
}

/* ejabberd writes all three in base64 twice; only then does a second decoding give a key. */
static void
decode_again(struct octets secrets[SECRETS], size_t key_len)
{
	struct octets twice[SECRETS];
	bool ok = true;

	for (int i = 0; i < SECRETS; i++)
		ok = ok && base64_decode((const char *)secrets[i].data, secrets[i].len, &twice[i]);
	if (ok && twice[STORED_KEY].len == key_len)
		memcpy(secrets, twice, sizeof(twice));
	OPENSSL_cleanse(twice, sizeof(twice));
}

static enum adx_rc
read_secrets(const xmlNode *element, struct scram_read *scram, struct buf *text,
	     struct adx_error *why)
{
	size_t key_len = scram->mechanism->key_len;

	for (int i = 0; i < SECRETS; i++) {
		const xmlNode *child = xml_child(element, SECRET_NAMES[i], PIE_NS_SCRAM);

		if (child == NULL)
			return adx_fail(why, ADX_EINVAL, "it has no %s", SECRET_NAMES[i]);
		if (!pie_text(child, text))
			return adx_nomem(why);
		if (!base64_decode(buf_text(text), text->len, &scram->secrets[i]))
			return adx_fail(why, ADX_EINVAL, "its %s is not base64", SECRET_NAMES[i]);
	}
	if (scram->secrets[STORED_KEY].len != key_len)
		decode_again(scram->secrets, key_len);
	if (scram->secrets[SALT].len > SALT_MAX)
		return adx_fail(why, ADX_EINVAL, "its salt is longer than %d bytes", SALT_MAX);
	for (int i = STORED_KEY; i <= SERVER_KEY; i++)
		if (scram->secrets[i].len != key_len)
			return adx_fail(why, ADX_EINVAL, "its %s has %zu bytes, not %zu",
					SECRET_NAMES[i], scram->secrets[i].len, key_len);
	return ADX_OK;
}

static enum adx_rc
read_iterations(const xmlNode *element, int *iterations, struct buf *text, struct adx_error *why)
{
	const xmlNode *child = xml_child(element, "iter-count", PIE_NS_SCRAM);
	const char *digits;
	long long n = 0;

	if (child == NULL)
		return adx_fail(why, ADX_EINVAL, "it has no iter-count");
	if (!pie_text(child, text))
		return adx_nomem(why);
	while (text->len > 0 && strchr(BLANKS, text->data[text->len - 1]) != NULL)
		text->data[--text->len] = '\0';
	digits = buf_text(text) + strspn(buf_text(text), BLANKS);
	if (!text_to_int64(digits, strlen(digits), &n) || n < 1 || n > ITERATIONS_MAX)
		return adx_fail(why, ADX_EINVAL, "its iter-count is not a number from 1 to %d",
				ITERATIONS_MAX);
	*iterations = (int)n;
	return ADX_OK;
}

static enum adx_rc
read_scram(const xmlNode *element, struct scram_read *scram, struct buf *text,
	   struct adx_error *why)
{
	const char *name = pie_attr(element, "mechanism", "");
	enum adx_rc rc;

	scram->mechanism = NULL;
	for (size_t i = 0; i < sizeof(MECHANISMS) / sizeof(MECHANISMS[0]); i++)
		if (strcmp(MECHANISMS[i].name, name) == 0)
			scram->mechanism = &MECHANISMS[i];
	if (scram->mechanism == NULL)
		return adx_fail(why, ADX_EINVAL, "its mechanism is not known");
	rc = read_iterations(element, &scram->iterations, text, why);
	return rc == ADX_OK ? read_secrets(element, scram, text, why) : rc;
}

static struct pie_bytes
bytes_of(const struct octets *o)
{
	return (struct pie_bytes){ o->data, o->len };
}

static enum adx_rc
emit_scram(struct pie *p, const struct scram_read *scram)
{
	struct pie_record record = { .kind = PIE_CREDENTIAL };

	record.u.credential.mechanism = scram->mechanism->name;
	record.u.credential.plain = "";
	record.u.credential.iterations = scram->iterations;
	record.u.credential.salt = bytes_of(&scram->secrets[SALT]);
	record.u.credential.stored_key = bytes_of(&scram->secrets[STORED_KEY]);
	record.u.credential.server_key = bytes_of(&scram->secrets[SERVER_KEY]);
	return pie_emit(p, &record);
}

enum adx_rc
pie_scram(struct pie *p, xmlNode *element)
{
	struct buf text = BUF_INIT;
	struct scram_read scram;
	struct adx_error why;
	enum adx_rc rc = pie_expand(p);

	if (rc != ADX_OK)
		return rc;
	rc = read_scram(element, &scram, &text, &why);
	if (rc == ADX_OK)
		rc = emit_scram(p, &scram);
	else
		rc = pie_reject(p, rc, &why, "credential '%s'", pie_attr(element, "mechanism", ""));
	OPENSSL_cleanse(&scram, sizeof(scram));
	buf_wipe(&text);
	return rc;
}
