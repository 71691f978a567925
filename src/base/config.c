#include "base/config.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libconfig.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/grant.h"
#include "base/text.h"

enum { FILE_MAX = 1024 * 1024 };

enum setting_type { SETTING_INT, SETTING_STRING, SETTING_LIST };

struct setting {
	const char *path;
	enum setting_type type;
	size_t offset;
	int min, max;             /* SETTING_INT */
	const char *const *words; /* what a string or an element may be; NULL: anything */
	const char *fallback;     /* as text */
	const char *doc;
	bool (*check)(const char *value); /* of a string or an element; NULL: anything */
};

static const char *const MECHANISMS[] = { "SCRAM-SHA-256", "SCRAM-SHA-512", "SCRAM-SHA-1", NULL };
static const char *const ON_OFF[] = { "on", "off", NULL };
static const char *const LOGS[] = { "all", "writes", "errors", NULL };
static const char *const SUBMODS[] = { "accounts", "admin",   "cache",  "gdpr",     "last",
				       "node",     "private", "roster", "sessions", "stanza",
				       "stats",    "vcard",   NULL };

#define AT(member) offsetof(struct config, member)

static bool
check_grant(const char *value)
{
	struct grant grant;
	bool ok = grant_parse(value, &grant);

	grant_free(&grant);
	return ok;
}

static const struct setting SETTINGS[] = {
	{ "database.dsn", SETTING_STRING, AT(database_dsn), 0, 0, NULL, "",
	  "libpq connection string; --dsn and ADMINEX_DSN come first, libpq's environment last" },
	{ "database.connect_timeout", SETTING_INT, AT(connect_timeout), 1, 3600, NULL, "5",
	  "seconds to wait for each host" },
	{ "database.lock_timeout", SETTING_INT, AT(lock_timeout), 0, 86400, NULL, "10",
	  "seconds a statement waits for a lock; 0 is no limit" },
	{ "database.statement_timeout", SETTING_INT, AT(statement_timeout), 0, 86400, NULL, "0",
	  "seconds a statement may take; 0 is no limit" },
	{ "database.prepare", SETTING_STRING, AT(prepare), 0, 0, ON_OFF, "on",
	  "on or off: where statements are repeated, let the server parse each one once; off "
	  "behind "
	  "a pooler that gives each transaction another connection" },
	{ "database.direct_dsn", SETTING_STRING, AT(direct_dsn), 0, 0, NULL, "",
	  "connection string past any pooler, for LISTEN; empty: database.dsn" },
	{ "node.name", SETTING_STRING, AT(node_name), 0, 0, NULL, "mongooseim@localhost",
	  "the node whose sessions 'stats onlineusersnode' counts" },
	{ "node.cookie", SETTING_STRING, AT(node_cookie), 0, 0, NULL, "",
	  "the cluster secret that 'get_cookie' prints" },
	{ "password.mechanism", SETTING_STRING, AT(password_mechanism), 0, 0, MECHANISMS,
	  "SCRAM-SHA-256", "how new passwords are stored" },
	{ "password.iterations", SETTING_INT, AT(password_iterations), 4096, 10000000, NULL, "4096",
	  "iterations of PBKDF2 for new passwords" },
	{ "limits.pattern_timeout", SETTING_INT, AT(pattern_timeout), 1, 86400, NULL, "60",
	  "seconds a statement with regular expressions may take" },
	{ "services.admin_extra.submods", SETTING_LIST, AT(submods), 0, 0, SUBMODS, "all",
	  "the groups of commands that exist" },
	{ "services.cache.max_bytes", SETTING_INT, AT(cache_max_bytes), 0, 2147483647, NULL,
	  "67108864",
	  "bound of the result cache of a long-running process; one command alone "
	  "caches nothing" },
	{ "services.cache.ttl", SETTING_INT, AT(cache_ttl), 0, 86400, NULL, "60",
	  "seconds a cached result is believed at most" },
	{ "http.socket", SETTING_STRING, AT(http.socket), 0, 0, NULL, "",
	  "path of the daemon's unix socket, mode 0660; --socket comes first" },
	{ "http.group", SETTING_STRING, AT(http.group), 0, 0, NULL, "",
	  "group that may connect to the socket" },
	{ "http.listen", SETTING_STRING, AT(http.listen), 0, 0, NULL, "",
	  "ADDRESS:PORT to listen on by TCP, [ADDRESS]:PORT for IPv6; --listen comes first" },
	{ "http.tls_certificate", SETTING_STRING, AT(http.tls_certificate), 0, 0, NULL, "",
	  "PEM file with the certificate and its chain: TCP speaks TLS only" },
	{ "http.tls_key", SETTING_STRING, AT(http.tls_key), 0, 0, NULL, "",
	  "PEM file with the key of the certificate" },
	{ "http.tls_clients", SETTING_STRING, AT(http.tls_clients), 0, 0, NULL, "",
	  "PEM file with the authorities whose client certificates are accepted" },
	{ "http.peers", SETTING_LIST, AT(http.peers), 0, 0, NULL, "none",
	  "who is who on the socket: \"user:role\" or \"user:role:host,host\"; root and the "
	  "daemon's own user are admin",
	  check_grant },
	{ "http.certificates", SETTING_LIST, AT(http.certificates), 0, 0, NULL, "none",
	  "who is who by client certificate: \"SHA-256 in hex:role\" or "
	  "\"SHA-256 in hex:role:host,host\"",
	  check_grant },
	{ "http.key_file", SETTING_STRING, AT(http.key_file), 0, 0, NULL, "",
	  "file with the key that request digests are made with, made when missing; empty: a new "
	  "key at each start" },
	{ "http.log", SETTING_STRING, AT(http.log), 0, 0, LOGS, "writes",
	  "which requests get a line in the log: all, writes (and errors), errors" },
	{ "http.threads", SETTING_INT, AT(http.threads), 1, 64, NULL, "2",
	  "threads that speak HTTP" },
	{ "http.readers", SETTING_INT, AT(http.readers), 1, 64, NULL, "2",
	  "database connections that short reads share" },
	{ "http.writers", SETTING_INT, AT(http.writers), 1, 256, NULL, "8",
	  "database connections for writes and long reads, one request at a time on each" },
	{ "http.max_connections", SETTING_INT, AT(http.max_connections), 16, 1000000, NULL, "16384",
	  "HTTP connections at a time" },
	{ "http.max_in_flight", SETTING_INT, AT(http.max_in_flight), 1, 1000000, NULL, "1000",
	  "requests at a time that wait for the database; more are answered 503" },
	{ "http.max_header", SETTING_INT, AT(http.max_header), 2048, 1048576, NULL, "4096",
	  "bytes of memory for the header of a request and of its reply; a longer header is "
	  "answered 431" },
	{ "http.max_body", SETTING_INT, AT(http.max_body), 0, 2147483647, NULL, "1048576",
	  "bytes of the body of a request; a longer one is answered 413" },
	{ "http.max_reply", SETTING_INT, AT(http.max_reply), 1, 1048576, NULL, "1024",
	  "megabytes of a reply that may wait on disk for a slow client; a longer one is cut off" },
	{ "http.request_timeout", SETTING_INT, AT(http.request_timeout), 1, 86400, NULL, "30",
	  "seconds a request may take; then its statement is cancelled and it is answered 504" },
	{ "http.idle_timeout", SETTING_INT, AT(http.idle_timeout), 1, 86400, NULL, "60",
	  "seconds without a byte after which a connection is closed" },
	{ "http.grace", SETTING_INT, AT(http.grace), 0, 3600, NULL, "10",
	  "seconds that requests in flight have to end after SIGTERM" },
	{ "http.retry", SETTING_INT, AT(http.retry), 0, 3600, NULL, "5",
	  "seconds that a request waits for a database that is away; then it is answered 503" },
	{ "http.password_checks", SETTING_INT, AT(http.password_checks), 1, 1000000, NULL, "10",
	  "checks of a password a minute, for each account and caller; more are answered 429" },
	{ "http.keep_replies", SETTING_INT, AT(http.keep_replies), 1, 31536000, NULL, "86400",
	  "seconds that the reply to an Idempotency-Key is kept" },
	{ "privacy.key_file", SETTING_STRING, AT(privacy.key_file), 0, 0, NULL, "",
	  "file with the key that data subjects are hashed with, made when missing; empty: no "
	  "ledger of their requests, no tombstones" },
	{ "privacy.journal_file", SETTING_STRING, AT(privacy.journal_file), 0, 0, NULL, "",
	  "file outside the database to which each erasure appends the hash of its subject; "
	  "empty: none" },
	{ "privacy.tombstone_days", SETTING_INT, AT(privacy.tombstone_days), 0, 36500, NULL, "0",
	  "days for which the name of an erased account cannot be registered again; 0 is none" },
};

enum { SETTING_COUNT = sizeof(SETTINGS) / sizeof(SETTINGS[0]) };

bool
config_describe(unsigned index, struct config_doc *out)
{
	if (index >= SETTING_COUNT)
		return false;
	*out = (struct config_doc){ SETTINGS[index].path, SETTINGS[index].fallback,
				    SETTINGS[index].doc };
	return true;
}

static void *
member(struct config *config, const struct setting *s)
{
	return (char *)config + s->offset;
}

static enum adx_rc
set_string(struct config *config, const struct setting *s, const char *value, struct adx_error *err)
{
	char **at = member(config, s);
	char *copy = strdup(value);

	if (copy == NULL)
		return adx_nomem(err);
	free(*at);
	*at = copy;
	return ADX_OK;
}

enum adx_rc
config_default(struct config **out, struct adx_error *err)
{
	struct config *config = calloc(1, sizeof(*config));
	enum adx_rc rc = config == NULL ? adx_nomem(err) : ADX_OK;

	for (size_t i = 0; i < SETTING_COUNT && rc == ADX_OK; i++) {
		const struct setting *s = &SETTINGS[i];

		if (s->type == SETTING_INT)
			*(int *)member(config, s) = (int)strtol(s->fallback, NULL, 10);
		else if (s->type == SETTING_STRING)
			rc = set_string(config, s, s->fallback, err);
	}
	if (rc != ADX_OK) {
		config_free(config);
		config = NULL;
	}
	*out = config;
	return rc;
}

void
config_free(struct config *config)
{
	if (config == NULL)
		return;
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		if (SETTINGS[i].type != SETTING_STRING)
			continue;
		char *text = *(char **)member(config, &SETTINGS[i]);

		if (text != NULL)
			explicit_bzero(text, strlen(text));
		free(text);
	}
	strvec_free(&config->submods);
	strvec_free(&config->http.peers);
	strvec_free(&config->http.certificates);
	free(config);
}

/* Where a complaint is about, and the file's name for it. */
struct place {
	const char *file;
	const config_setting_t *setting;
};

static enum adx_rc
complain(const struct place *p, struct adx_error *err, const char *path, const char *what)
{
	return adx_fail(err, ADX_EINVAL, "'%s' line %u: setting '%s' %s", p->file,
			config_setting_source_line(p->setting), path, what);
}

static bool
is_word(const char *const *words, const char *value)
{
	for (; *words != NULL; words++)
		if (strcmp(*words, value) == 0)
			return true;
	return false;
}

static enum adx_rc
check_word(const struct place *p, const struct setting *s, const char *value, struct adx_error *err)
{
	enum adx_rc rc;

	if (s->check != NULL && !s->check(value)) {
		rc = complain(p, err, s->path, "has an entry that cannot be read");
		adx_hint(err, "write name:role or name:role:host,host; roles are reader, operator "
			      "and admin");
		return rc;
	}
	if (s->words == NULL || is_word(s->words, value))
		return ADX_OK;
	rc = complain(p, err, s->path, "has an unknown word");
	adx_hint(err, "it must be one of");
	for (const char *const *w = s->words; *w != NULL; w++) {
		size_t used = strlen(err->hint);

		snprintf(err->hint + used, sizeof(err->hint) - used, "%s %s",
			 w == s->words ? "" : ",", *w);
	}
	return rc;
}

static enum adx_rc
take_int(struct config *config, const struct place *p, const struct setting *s,
	 struct adx_error *err)
{
	int type = config_setting_type(p->setting);
	bool decimal = config_setting_get_format(p->setting) == CONFIG_FORMAT_DEFAULT;
	long long value = config_setting_get_int64(p->setting);
	char what[96];

	/* Of a hexadecimal number libconfig keeps the lower 32 bits. */
	if ((type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64) || !decimal)
		return complain(p, err, s->path, "must be a whole number in decimal");
	if (value < s->min || value > s->max) {
		snprintf(what, sizeof(what), "must be between %d and %d", s->min, s->max);
		return complain(p, err, s->path, what);
	}
	*(int *)member(config, s) = (int)value;
	return ADX_OK;
}

static enum adx_rc
take_string(struct config *config, const struct place *p, const struct setting *s,
	    struct adx_error *err)
{
	const char *value = config_setting_get_string(p->setting);
	enum adx_rc rc;

	if (value == NULL)
		return complain(p, err, s->path, "must be a string in double quotes");
	if (!text_is_xml(value, strlen(value)))
		return complain(p, err, s->path, "is not UTF-8 text without control characters");
	rc = check_word(p, s, value, err);
	return rc == ADX_OK ? set_string(config, s, value, err) : rc;
}

static enum adx_rc
take_list(struct config *config, const struct place *p, const struct setting *s,
	  struct adx_error *err)
{
	struct strvec *list = member(config, s);
	enum adx_rc rc = ADX_OK;

	if (!config_setting_is_array(p->setting) && !config_setting_is_list(p->setting))
		return complain(p, err, s->path, "must be a list: [ \"...\", \"...\" ]");
	if (config_setting_length(p->setting) == 0 && s->words != NULL)
		return complain(p, err, s->path, "is an empty list");
	for (int i = 0; i < config_setting_length(p->setting) && rc == ADX_OK; i++) {
		const char *word = config_setting_get_string_elem(p->setting, i);

		if (word == NULL)
			return complain(p, err, s->path, "must hold strings in double quotes");
		rc = check_word(p, s, word, err);
		strvec_add_text(list, word);
	}
	return rc == ADX_OK && !strvec_ok(list) ? adx_nomem(err) : rc;
}

static enum adx_rc
take_setting(struct config *config, const struct place *p, const char *path, struct adx_error *err)
{
	static enum adx_rc (*const TAKE[])(struct config *, const struct place *,
					   const struct setting *, struct adx_error *) = {
		[SETTING_INT] = take_int,
		[SETTING_STRING] = take_string,
		[SETTING_LIST] = take_list,
	};

	for (size_t i = 0; i < SETTING_COUNT; i++)
		if (strcmp(SETTINGS[i].path, path) == 0)
			return TAKE[SETTINGS[i].type](config, p, &SETTINGS[i], err);
	return complain(p, err, path, "is not known");
}

static bool
is_group_of_settings(const char *path)
{
	size_t len = strlen(path);

	for (size_t i = 0; i < SETTING_COUNT; i++)
		if (strncmp(SETTINGS[i].path, path, len) == 0 && SETTINGS[i].path[len] == '.')
			return true;
	return false;
}

/* The file is at most as deep as the longest known path: an unknown group stops the walk. */
static enum adx_rc
take_group(struct config *config, const struct place *p, const char *prefix, struct adx_error *err)
{
	enum adx_rc rc = ADX_OK;

	for (int i = 0; i < config_setting_length(p->setting) && rc == ADX_OK; i++) {
		struct place child = { p->file, config_setting_get_elem(p->setting, (unsigned)i) };
		const char *name = config_setting_name(child.setting);
		char path[128];

		snprintf(path, sizeof(path), "%s%s%.40s", prefix, prefix[0] == '\0' ? "" : ".",
			 name == NULL ? "?" : name);
		if (config_setting_is_group(child.setting) && is_group_of_settings(path))
			rc = take_group(config, &child, path, err);
		else
			rc = take_setting(config, &child, path, err);
	}
	return rc;
}

/*
 * What libconfig 1.5 would pass over in silence, or worse: of a number too large for its type it
 * keeps some bits, a comment without an end takes the rest of the file with it, and an included
 * file that cannot be read ends the process.
 */

/* The end of the comment or string that begins at p, else p; NULL when it has no end. */
static const char *
skip_quoted(const char *p)
{
	const char *end = p;

	if (*p == '#' || strncmp(p, "//", 2) == 0)
		return p + strcspn(p, "\n");
	if (strncmp(p, "/*", 2) == 0) {
		end = strstr(p + 2, "*/");
		return end == NULL ? NULL : end + 2;
	}
	if (*p != '"')
		return p;
	for (end++; *end != '\0' && *end != '"'; end++)
		if (*end == '\\' && end[1] != '\0')
			end++;
	return *end == '\0' ? NULL : end + 1;
}

/* What is wrong with the word of `len` bytes, or NULL. */
static const char *
check_token(const char *word, size_t len)
{
	char *end;
	long long value = strtoll(word, &end, 10);

	if (strncmp(word, "@include", 8) == 0)
		return "@include is not supported";
	if (len > 0 && end == word + len && value != (int)value)
		return "number out of range";
	return NULL;
}

static enum adx_rc
check_text(const char *text, const char *name, struct adx_error *err)
{
	static const char WORD[] = "+-.*_0123456789abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	unsigned line = 1;

	for (const char *p = text, *end; *p != '\0'; p = end) {
		size_t len = strspn(p, WORD);
		const char *wrong = check_token(p, len);

		end = skip_quoted(p);
		if (end == NULL)
			wrong = *p == '"' ? "string without an end" : "comment without an end";
		if (wrong != NULL)
			return adx_fail(err, ADX_EINVAL, "'%s' line %u: %s", name, line, wrong);
		if (end == p)
			end += len > 0 ? len : 1;
		for (const char *c = p; c < end; c++)
			line += *c == '\n';
	}
	return ADX_OK;
}

static enum adx_rc
take_file(config_t *file, int read, const char *name, struct config **out, struct adx_error *err)
{
	struct place root = { name, NULL };
	enum adx_rc rc;

	if (!read)
		return adx_fail(err, ADX_EINVAL, "'%s' line %d: %s", name, config_error_line(file),
				config_error_text(file));
	rc = config_default(out, err);
	if (rc != ADX_OK)
		return rc;
	root.setting = config_root_setting(file);
	rc = take_group(*out, &root, "", err);
	if (rc != ADX_OK) {
		config_free(*out);
		*out = NULL;
	}
	return rc;
}

enum adx_rc
config_parse(const char *text, const char *name, struct config **out, struct adx_error *err)
{
	config_t file;
	enum adx_rc rc;

	*out = NULL;
	rc = check_text(text, name, err);
	if (rc != ADX_OK)
		return rc;
	config_init(&file);
	rc = take_file(&file, config_read_string(&file, text), name, out, err);
	config_destroy(&file);
	return rc;
}

/* Not by config_read_file(), which ends the process when a read fails. */
enum adx_rc
config_load(const char *path, struct config **out, struct adx_error *err)
{
	struct buf text = BUF_INIT;
	enum adx_rc rc = file_slurp(path, FILE_MAX, &text, err);

	*out = NULL;
	if (rc == ADX_OK && strlen(buf_text(&text)) != text.len)
		rc = adx_fail(err, ADX_EINVAL, "'%s' has a NUL byte", path);
	/* A comment at the end is a syntax error to libconfig when its newline is missing. */
	if (text.len > 0 && text.data[text.len - 1] != '\n')
		buf_add_char(&text, '\n');
	if (rc == ADX_OK)
		rc = buf_ok(&text) ? config_parse(buf_text(&text), path, out, err) : adx_nomem(err);
	buf_wipe(&text);
	return rc;
}
