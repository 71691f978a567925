/* Who calls: a token, a peer on the socket, a client certificate. No caller, no service. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "daemon/daemon_priv.h"

static void
name_actor(struct request *r, const char *name)
{
	size_t len = strnlen(name, sizeof(r->actor) - 1);

	memcpy(r->actor, name, len);
	r->actor[len] = '\0';
}

static void
be_known(struct request *r, const struct known *known)
{
	name_actor(r, known->name);
	r->caller.role = known->role;
	r->caller.hosts = &known->hosts;
}

static void
be_token(struct request *r, const struct token *token)
{
	name_actor(r, token->actor);
	r->caller.role = token->role;
	r->caller.hosts = &token->hosts;
}

static enum adx_rc
refuse(struct adx_error *err, const char *message, const char *hint)
{
	adx_fail(err, ADX_EDENIED, "%s", message);
	adx_hint(err, "%s", hint);
	return ADX_EDENIED;
}

struct peer *
request_peer(const struct request *r)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info == NULL ? NULL : info->socket_context;
}

void
peer_free(struct peer *peer)
{
	if (peer == NULL)
		return;
	OPENSSL_cleanse(peer->bearer, sizeof(peer->bearer));
	tokens_release(peer->tokens);
	free(peer);
}

static void
remember(struct peer *peer, struct request *r, const char *text, const struct token *token)
{
	if (strlen(text) >= sizeof(peer->bearer))
		return;
	tokens_release(peer->tokens);
	peer->tokens = tokens_hold(r->tokens);
	peer->token = token;
	strcpy(peer->bearer, text);
}

/* A connection mostly says the same as before: then there is nothing to digest. */
static const struct token *
find_token(struct request *r, const char *text)
{
	struct peer *peer = request_peer(r);
	size_t len = strlen(text);
	const struct token *token;

	if (peer != NULL && peer->tokens == r->tokens && strlen(peer->bearer) == len &&
	    CRYPTO_memcmp(peer->bearer, text, len) == 0)
		return token_is_over(peer->token) ? NULL : peer->token;
	token = tokens_find(r->tokens, text, len);
	if (token != NULL && peer != NULL)
		remember(peer, r, text, token);
	return token;
}

static enum adx_rc
identify_bearer(struct request *r, const char *header, struct adx_error *err)
{
	static const char SCHEME[] = "Bearer ";
	const struct token *token;

	if (strncasecmp(header, SCHEME, strlen(SCHEME)) != 0)
		return refuse(err, "of the ways to authorise only Bearer is known",
			      "send 'Authorization: Bearer TOKEN'");
	if (r->tokens == NULL)
		return refuse(err, "the tokens could not be read from the database yet",
			      "look at /readyz, then try again");
	header += strlen(SCHEME);
	token = find_token(r, header);
	if (token == NULL)
		return refuse(err, "the token is not known, was revoked or has expired",
			      "'adminex token create' makes one, 'adminex token list' tells");
	be_token(r, token);
	return ADX_OK;
}

/* ---- client certificates ----------------------------------------------------------------- */

static void
digest_certificate(const gnutls_datum_t *der, char out[65])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (EVP_Digest(der->data, der->size, digest, &len, EVP_sha256(), NULL) != 1)
		return;
	for (unsigned i = 0; i < len && i < 32; i++)
		snprintf(out + 2 * (size_t)i, 3, "%02x", digest[i]);
}

/* Once for a connection: the certificate does not change. */
static void
read_certificate(struct MHD_Connection *connection, struct peer *peer)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	const gnutls_datum_t *chain;
	unsigned count = 0, status = 0;

	peer->certificate_read = true;
	if (info == NULL || info->tls_session == NULL)
		return;
	chain = gnutls_certificate_get_peers(info->tls_session, &count);
	if (chain == NULL || count == 0 ||
	    gnutls_certificate_verify_peers2(info->tls_session, &status) != 0 || status != 0)
		return;
	digest_certificate(&chain[0], peer->sha256);
}

static const struct known *
find_known(struct request *r)
{
	struct peer *peer = request_peer(r);

	if (peer == NULL)
		return NULL;
	if (peer->local)
		return settings_peer(r->settings, peer->uid);
	if (!peer->certificate_read)
		read_certificate(r->connection, peer);
	return peer->sha256[0] == '\0' ? NULL : settings_certificate(r->settings, peer->sha256);
}

enum adx_rc
request_identify(struct request *r, struct adx_error *err)
{
	const char *header = r->headers.authorization;
	const struct known *known;

	r->caller = (struct caller){ r->actor, "http", ROLE_NONE, NULL, r->id };
	if (header != NULL)
		return identify_bearer(r, header, err);
	known = find_known(r);
	if (known == NULL)
		return refuse(err, "no caller, no service",
			      "send 'Authorization: Bearer TOKEN', or be a peer that http.peers or "
			      "http.certificates knows");
	be_known(r, known);
	return ADX_OK;
}
