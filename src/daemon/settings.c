#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/grant.h"
#include "daemon/daemon_priv.h"

static enum role
role_of(const char *word)
{
	return strcmp(word, "admin") == 0      ? ROLE_ADMIN
	       : strcmp(word, "operator") == 0 ? ROLE_OPERATOR
					       : ROLE_READER;
}

/* Names of users become numbers here, so that no request waits for a directory service. */
static enum adx_rc
set_peer(struct known *known, const struct grant *grant, struct adx_error *err)
{
	const struct passwd *pw = getpwnam(grant->name);

	if (pw == NULL)
		return adx_fail(err, ADX_EINVAL,
				"setting 'http.peers': there is no user '%s' on this machine",
				grant->name);
	known->uid = pw->pw_uid;
	snprintf(known->name, sizeof(known->name), "user %s", grant->name);
	return ADX_OK;
}

static enum adx_rc
set_certificate(struct known *known, const struct grant *grant, struct adx_error *err)
{
	if (strlen(grant->name) != sizeof(known->sha256) - 1 ||
	    strspn(grant->name, "0123456789abcdefABCDEF") != strlen(grant->name))
		return adx_fail(err, ADX_EINVAL,
				"setting 'http.certificates': '%.20s...' is no SHA-256 in hex",
				grant->name);
	strcpy(known->sha256, grant->name);
	snprintf(known->name, sizeof(known->name), "certificate %.16s", grant->name);
	return ADX_OK;
}

static enum adx_rc
read_grants(const struct strvec *list,
	    enum adx_rc (*set)(struct known *, const struct grant *, struct adx_error *),
	    struct known **out, size_t *count, struct adx_error *err)
{
	enum adx_rc rc = ADX_OK;

	*out = calloc(list->count + 1, sizeof(**out));
	if (*out == NULL)
		return adx_nomem(err);
	for (size_t i = 0; i < list->count && rc == ADX_OK; i++) {
		struct known *known = &(*out)[(*count)++];
		struct grant grant;

		/* The configuration checked it already. */
		if (!grant_parse(list->items[i], &grant))
			rc = adx_nomem(err);
		else
			rc = set(known, &grant, err);
		known->role = role_of(grant.role);
		known->hosts = grant.hosts;
	}
	return rc;
}

static void
free_known(struct known *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		strvec_free(&list[i].hosts);
	free(list);
}

static enum adx_rc
check_together(const struct config *c, struct adx_error *err)
{
	if ((c->http.tls_certificate[0] == '\0') != (c->http.tls_key[0] == '\0'))
		return adx_fail(err, ADX_EINVAL,
				"settings 'http.tls_certificate' and 'http.tls_key' go together");
	if (c->http.tls_clients[0] != '\0' && c->http.tls_certificate[0] == '\0')
		return adx_fail(err, ADX_EINVAL,
				"setting 'http.tls_clients' needs 'http.tls_certificate'");
	return ADX_OK;
}

static enum adx_rc
load_file(const char *path, struct config **out, struct adx_error *err)
{
	return path == NULL ? config_default(out, err) : config_load(path, out, err);
}

enum adx_rc
settings_load(const char *path, struct settings **out, struct adx_error *err)
{
	struct settings *s = calloc(1, sizeof(*s));
	enum adx_rc rc = s == NULL ? adx_nomem(err) : load_file(path, &s->config, err);

	*out = NULL;
	if (rc == ADX_OK)
		rc = check_together(s->config, err);
	if (rc == ADX_OK)
		rc = admin_extra_start(&s->config->submods, &s->service, err);
	if (rc == ADX_OK)
		rc = read_grants(&s->config->http.peers, set_peer, &s->peers, &s->peer_count, err);
	if (rc == ADX_OK)
		rc = read_grants(&s->config->http.certificates, set_certificate, &s->certificates,
				 &s->certificate_count, err);
	if (s != NULL)
		atomic_init(&s->users, 1);
	if (rc == ADX_OK)
		*out = s;
	else
		settings_release(s);
	return rc;
}

struct settings *
settings_hold(struct settings *settings)
{
	atomic_fetch_add(&settings->users, 1);
	return settings;
}

void
settings_release(struct settings *settings)
{
	if (settings == NULL || atomic_fetch_sub(&settings->users, 1) != 1)
		return;
	free_known(settings->peers, settings->peer_count);
	free_known(settings->certificates, settings->certificate_count);
	admin_extra_stop(settings->service);
	config_free(settings->config);
	free(settings);
}

const struct known *
settings_peer(const struct settings *settings, uid_t uid)
{
	static const struct known ROOT = { .name = "user root", .role = ROLE_ADMIN };
	static const struct known SELF = { .name = "the daemon's own user", .role = ROLE_ADMIN };

	for (size_t i = 0; i < settings->peer_count; i++)
		if (settings->peers[i].uid == uid)
			return &settings->peers[i];
	return uid == 0 ? &ROOT : uid == geteuid() ? &SELF : NULL;
}

const struct known *
settings_certificate(const struct settings *settings, const char *sha256)
{
	for (size_t i = 0; i < settings->certificate_count; i++)
		if (strcasecmp(settings->certificates[i].sha256, sha256) == 0)
			return &settings->certificates[i];
	return NULL;
}
