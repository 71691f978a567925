/*
 * The configuration file (libconfig, without its @include). A setting is one row of a table that
 * reading, checking and listing share; an unknown one is an error that names file and line.
 */
#ifndef ADMINEX_CONFIG_H
#define ADMINEX_CONFIG_H

#include <stdbool.h>

#include "adminex/error.h"
#include "base/strvec.h"

struct config {
	char *database_dsn;    /* "": libpq's own environment */
	int connect_timeout;   /* seconds */
	int lock_timeout;      /* seconds */
	int statement_timeout; /* seconds; 0 is none */
	char *prepare;         /* "on" or "off": named statements where they are repeated */
	char *direct_dsn;      /* for LISTEN, past any pooler; "": database_dsn */
	char *node_name;
	char *node_cookie; /* "": none is configured */
	char *password_mechanism;
	int password_iterations;
	int pattern_timeout;   /* seconds, for statements with regular expressions */
	struct strvec submods; /* of service admin_extra; empty: all */
	int cache_max_bytes;
	int cache_ttl; /* seconds */
	struct config_http {
		char *socket;          /* "": none */
		char *group;           /* that owns the socket; "": the daemon's own */
		char *listen;          /* ADDRESS:PORT; "": none */
		char *tls_certificate; /* files; "": no TLS */
		char *tls_key;
		char *tls_clients;   /* authorities of client certificates; "": not asked for */
		struct strvec peers; /* grants, by the name of a user of this machine */
		struct strvec certificates; /* grants, by SHA-256 of a certificate in hex */
		char *key_file;             /* "": a key for each run */
		char *log;                  /* "all", "writes" or "errors" */
		int threads;
		int readers; /* connections that reads share */
		int writers; /* connections of their own for writes and long reads */
		int max_connections;
		int max_in_flight;
		int max_header;      /* bytes */
		int max_body;        /* bytes */
		int max_reply;       /* megabytes */
		int request_timeout; /* seconds */
		int idle_timeout;    /* seconds */
		int grace;           /* seconds */
		int retry;           /* seconds */
		int password_checks; /* a minute */
		int keep_replies;    /* seconds */
	} http;
	struct config_privacy {
		char *key_file;     /* "": none */
		char *journal_file; /* "": none */
		int tombstone_days; /* 0: none */
	} privacy;
};

/* A configuration with every default. The caller frees *out with config_free(). */
ADX_MUST_CHECK enum adx_rc config_default(struct config **out, struct adx_error *err);
/* Read and check a whole file; on failure *out is NULL and nothing was taken over. */
ADX_MUST_CHECK enum adx_rc config_load(const char *path, struct config **out,
				       struct adx_error *err);
/* The same from memory; `name` is what errors call it. */
ADX_MUST_CHECK enum adx_rc config_parse(const char *text, const char *name, struct config **out,
					struct adx_error *err);
void config_free(struct config *config);

/* The settings one by one, for documentation: path, default as text, a sentence. */
struct config_doc {
	const char *path;
	const char *fallback;
	const char *doc;
};
bool config_describe(unsigned index, struct config_doc *out);

#endif
