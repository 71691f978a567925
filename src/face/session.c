#include "face/session.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char DEFAULT_CONFIG[] = "/etc/adminex/adminex.conf";

const char *
session_config_path(const char *given)
{
	if (given != NULL)
		return given;
	return access(DEFAULT_CONFIG, R_OK) == 0 ? DEFAULT_CONFIG : NULL;
}

static enum adx_rc
read_config(struct session *session, const char *given, struct adx_error *err)
{
	const char *path = session_config_path(given);

	return path == NULL ? config_default(&session->config, err)
			    : config_load(path, &session->config, err);
}

enum adx_rc
session_open(struct session *session, const char *config_path, struct adx_error *err)
{
	enum adx_rc rc;

	*session = (struct session){ NULL, NULL, NULL };
	rc = read_config(session, config_path, err);
	if (rc == ADX_OK)
		rc = admin_extra_start(&session->config->submods, &session->service, err);
	if (rc != ADX_OK)
		session_close(session);
	return rc;
}

const char *
session_dsn_override(const char *given)
{
	const char *from_environment = getenv("ADMINEX_DSN");

	if (given != NULL)
		return given;
	return from_environment != NULL && from_environment[0] != '\0' ? from_environment : NULL;
}

static const char *
choose_dsn(const struct session *session, const char *given)
{
	const char *dsn = session_dsn_override(given);

	return dsn != NULL ? dsn : session->config->database_dsn;
}

enum adx_rc
session_connect(struct session *session, const char *dsn, bool many,
		void (*warning)(void *ctx, const char *text), struct adx_error *err)
{
	struct db_settings settings = {
		.dsn = choose_dsn(session, dsn),
		.backend = BACKEND_NATIVE,
		.connect_timeout = session->config->connect_timeout,
		.lock_timeout = session->config->lock_timeout * 1000,
		.statement_timeout = session->config->statement_timeout * 1000,
		.prepare = many && strcmp(session->config->prepare, "on") == 0,
		.warning = warning,
	};

	return db_open(&settings, &session->db, err);
}

void
session_close(struct session *session)
{
	db_close(session->db);
	admin_extra_stop(session->service);
	config_free(session->config);
	*session = (struct session){ NULL, NULL, NULL };
}
