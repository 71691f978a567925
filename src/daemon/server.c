#include "daemon/server.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "daemon/loop.h"
#include "daemon/route.h"
#include "daemon/sockets.h"

/* So much of the body of a refused request is read, for the sake of the reply. */
enum { DRAIN_MAX = 16 * 1024 * 1024 };
/* What the reply's header takes at least, and what the library keeps of each field it read. */
enum { REPLY_HEADER = 640, FIELD_KEPT = 80 };

/* ---- requests ---------------------------------------------------------------------------- */

static bool
refuse(struct request *r, unsigned code, enum adx_rc rc, const char *message, const char *hint)
{
	request_fail_as(r, code, rc, message, hint);
	return false;
}

/* The first of each name counts. */
static enum MHD_Result
take_header(void *ctx, enum MHD_ValueKind kind, const char *name, size_t name_len,
	    const char *value, size_t len)
{
#define KNOWN(name, member)                                                                        \
	{                                                                                          \
		name, sizeof(name) - 1, offsetof(struct headers, member)                           \
	}
	static const struct {
		const char *name;
		size_t len, member;
	} NAMES[] = { KNOWN("Accept", accept),
		      KNOWN("Authorization", authorization),
		      KNOWN("Content-Length", content_length),
		      KNOWN("Cookie", cookie),
		      KNOWN("Expect", expect),
		      KNOWN("Idempotency-Key", idempotency_key) };
#undef KNOWN
	struct headers *h = ctx;

	(void)len;
	h->fields++;
	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]) && kind == MHD_HEADER_KIND; i++) {
		const char **to = (const char **)((char *)h + NAMES[i].member);

		if (NAMES[i].len == name_len && *to == NULL &&
		    strncasecmp(NAMES[i].name, name, name_len) == 0)
			*to = value == NULL ? "" : value;
	}
	return MHD_YES;
}

static void
read_headers(struct request *r)
{
	MHD_get_connection_values_n(r->connection,
				    MHD_HEADER_KIND | MHD_COOKIE_KIND | MHD_GET_ARGUMENT_KIND,
				    take_header, &r->headers);
}

static bool
find_command(struct request *r, const char *name)
{
	const struct command *const *all = admin_extra_commands(r->settings->service);
	const char *nearest;
	char hint[128] = "GET /api lists all";

	r->command = command_find(all, name);
	if (r->command == NULL) {
		nearest = command_nearest(all, name);
		if (nearest != NULL)
			snprintf(hint, sizeof(hint), "did you mean '%s'? GET /api lists all",
				 nearest);
		return refuse(r, 404, ADX_EUSAGE, "there is no such command", hint);
	}
	for (all = admin_extra_commands(r->daemon->every); all[r->command_index] != r->command;)
		r->command_index++;
	return true;
}

/* The first of the formats that the caller accepts; weights are not looked at. */
static void
choose_format(struct request *r)
{
	static const struct {
		const char *type;
		enum format format;
	} TYPES[] = { { "application/json", FORMAT_JSON },
		      { "application/x-ndjson", FORMAT_NDJSON },
		      { "text/csv", FORMAT_CSV },
		      { "text/x-table", FORMAT_TABLE },
		      { "text/plain", FORMAT_TEXT } };
	const char *accept = r->headers.accept;
	const char *first = NULL;

	for (size_t i = 0; accept != NULL && i < sizeof(TYPES) / sizeof(TYPES[0]); i++) {
		const char *at = strcasestr(accept, TYPES[i].type);

		if (at == NULL || (first != NULL && at > first))
			continue;
		first = at;
		r->format = TYPES[i].format;
	}
}

static bool
take_once_key(struct request *r)
{
	const char *key = r->headers.idempotency_key;

	if (key == NULL)
		return true;
	if (key[0] == '\0' || strlen(key) > REQUEST_KEY_MAX)
		return refuse(r, 400, ADX_EUSAGE, "Idempotency-Key must have 1 to 255 characters",
			      "");
	for (const char *c = key; *c != '\0'; c++)
		if (*c < 0x20 || *c > 0x7E)
			return refuse(r, 400, ADX_EUSAGE, "Idempotency-Key must be ASCII", "");
	strcpy(r->once_key, key);
	return true;
}

static unsigned long long
announced_length(const struct request *r)
{
	const char *length = r->headers.content_length;
	char *end;

	return length == NULL ? 0 : strtoull(length, &end, 10);
}

static bool
check_length(struct request *r)
{
	if (announced_length(r) > (unsigned long long)r->settings->config->http.max_body)
		return refuse(r, 413, ADX_ELIMIT, "the body is too long",
			      "raise http.max_body, or send less");
	return true;
}

static bool
find_route(struct request *r, const char *method, const char *path)
{
	r->route = route_find(method, path, &r->allowed);
	if (r->route != NULL)
		return true;
	return r->allowed != NULL ? refuse(r, 405, ADX_EUSAGE, "the method is not allowed here",
					   "commands are sent with POST, everything else with GET")
				  : refuse(r, 404, ADX_EUSAGE, "there is nothing at this address",
					   "commands are at /api/COMMAND, their list at /api");
}

/*
 * Both headers lie in the same memory: without room for the reply's a command would be carried out
 * and nobody told.
 */
static bool
check_room(struct request *r)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	const char *cookie = r->headers.cookie;
	long taken = info == NULL ? 0 : (long)info->header_size;

	taken += (long)r->headers.fields * FIELD_KEPT + (cookie == NULL ? 0 : (long)strlen(cookie));
	r->header_room = r->daemon->max_header - REPLY_HEADER - taken;
	return r->header_room >= 0 || refuse(r, 431, ADX_ELIMIT, "the header is too long",
					     "raise http.max_header, or send less");
}

/* Everything that the header decides; false when it decided the reply too. */
static bool
accept_header(struct request *r, const char *method, const char *path)
{
	struct adx_error err;

	if (!check_room(r) || !find_route(r, method, path) || !check_length(r))
		return false;
	if (!r->route->open && request_identify(r, &err) != ADX_OK) {
		r->code = 401;
		request_fail(r, &err);
		return false;
	}
	if (strncmp(path, "/api/", 5) != 0)
		return true;
	choose_format(r);
	return find_command(r, path + 5) && take_once_key(r);
}

/*
 * A refusal waits until the body that was sent anyway has come: to close before would break the
 * connection under the sender, and with it the reply. Unless the sender asks first, or it is long.
 */
static bool
waits_for_body(const struct request *r)
{
	return r->headers.expect == NULL && announced_length(r) <= DRAIN_MAX;
}

static enum MHD_Result
begin(struct loop *loop, struct MHD_Connection *connection, const char *path, const char *method,
      void **request)
{
	struct request *r = request_new(loop, connection);
	struct daemon *daemon = loop_daemon(loop);
	struct peer *peer;

	*request = r;
	if (r == NULL)
		return MHD_NO;
	read_headers(r);
	peer = request_peer(r);
	if (peer != NULL)
		newcomers_remove(daemon, peer);
	if (atomic_load(&daemon->stopping) && strcmp(path, "/readyz") != 0)
		request_fail_as(r, 503, ADX_EUNAVAIL, "the daemon is stopping", "");
	else if (accept_header(r, method, path))
		return MHD_YES;
	return waits_for_body(r) ? MHD_YES : reply_send(r);
}

static enum MHD_Result
take_body(struct request *r, const char *data, size_t *len)
{
	size_t most = (size_t)r->settings->config->http.max_body;

	/* A byte now and then is no idling, but it comes to an end. */
	if (now_ms() >= request_deadline(r))
		return MHD_NO;
	/* Refused already: what comes is passed over, but not without end. */
	if (r->code != 0) {
		r->passed_over += *len;
		*len = 0;
		return r->passed_over > DRAIN_MAX ? MHD_NO : MHD_YES;
	}
	if (r->body.len + *len > most)
		refuse(r, 413, ADX_ELIMIT, "the body is too long",
		       "raise http.max_body, or send less");
	else
		buf_add(&r->body, data, *len);
	if (r->code == 0 && !buf_ok(&r->body))
		refuse(r, 500, ADX_ENOMEM, "out of memory", "");
	*len = 0;
	return MHD_YES;
}

static enum MHD_Result
on_request(void *cls, struct MHD_Connection *connection, const char *path, const char *method,
	   const char *version, const char *data, size_t *len, void **request)
{
	struct request *r = *request;

	(void)version;
	if (r == NULL)
		return begin(cls, connection, path, method, request);
	if (*len > 0)
		return take_body(r, data, len);
	/* Refused while the body came, or there is nothing to wait for. */
	if (!r->handed_over && (r->code != 0 || r->route->answer(r)))
		return reply_send(r);
	if (!r->woken) {
		loop_await(r);
		return MHD_YES;
	}
	return reply_send(r);
}

static void
on_completed(void *cls, struct MHD_Connection *connection, void **request,
	     enum MHD_RequestTerminationCode why)
{
	struct request *r = *request;

	(void)cls;
	(void)connection;
	(void)why;
	if (r == NULL)
		return;
	/* What came while it slept nobody has heard. */
	if (r->slept)
		loop_hurry(r->loop);
	atomic_fetch_sub(&r->daemon->open, 1);
	spool_abandon(&r->spool);
	request_release(r);
	*request = NULL;
}

/* ---- connections ------------------------------------------------------------------------- */

static void
on_connection(void *cls, struct MHD_Connection *connection, void **socket,
	      enum MHD_ConnectionNotificationCode what)
{
	struct loop *loop = cls;
	struct daemon *daemon = loop_daemon(loop);
	const union MHD_ConnectionInfo *info;
	struct ucred cred;
	socklen_t size = sizeof(cred);
	int domain = AF_UNSPEC;
	struct peer *peer;

	metrics_add(&daemon->metrics, METRIC_CONNECTIONS,
		    what == MHD_CONNECTION_NOTIFY_STARTED ? 1 : -1);
	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (*socket != NULL)
			newcomers_remove(daemon, *socket);
		peer_free(*socket);
		loop_count_out(loop);
		return;
	}
	*socket = peer = calloc(1, sizeof(*peer));
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	if (peer == NULL || info == NULL)
		return;
	/* Not by the pid: of a peer in another PID namespace it is 0, as by TCP. */
	peer->local = getsockopt(info->connect_fd, SOL_SOCKET, SO_DOMAIN, &domain,
				 &(socklen_t){ sizeof(domain) }) == 0 &&
		      domain == AF_UNIX &&
		      getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) == 0;
	peer->uid = peer->local ? cred.uid : (uid_t)-1;
	if (MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION) != NULL)
		newcomers_add(daemon, peer, info->connect_fd);
}

static void
on_log(void *cls, const char *fmt, va_list ap)
{
	char text[512];

	(void)cls;
	vsnprintf(text, sizeof(text), fmt, ap);
	/* Of each connection to the unix socket, where there is no such thing. */
	if (strncmp(text, "Setting TCP_", strlen("Setting TCP_")) == 0 ||
	    strncmp(text, "Failed to push ", strlen("Failed to push ")) == 0)
		return;
	text[strcspn(text, "\n")] = '\0';
	log_line("http: %s", text);
}

/* ---- libmicrohttpd ----------------------------------------------------------------------- */

/* Certificate, key and authorities, as texts that live as long as the daemon. */
struct tls {
	struct buf certificate, key, clients;
};

static enum adx_rc
read_tls(const struct config_http *http, struct tls *tls, struct adx_error *err)
{
	enum { FILE_MAX = 1024 * 1024 };
	enum adx_rc rc = file_slurp(http->tls_certificate, FILE_MAX, &tls->certificate, err);

	if (rc == ADX_OK)
		rc = file_slurp(http->tls_key, FILE_MAX, &tls->key, err);
	if (rc == ADX_OK && http->tls_clients[0] != '\0')
		rc = file_slurp(http->tls_clients, FILE_MAX, &tls->clients, err);
	return rc;
}

static const char TLS_PRIORITIES[] = "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";

static size_t
add_tls(const struct tls *tls, struct MHD_OptionItem *items)
{
	size_t n = 0;

	items[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_CERT, 0,
					      (void *)buf_text(&tls->certificate) };
	items[n++] =
		(struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)buf_text(&tls->key) };
	items[n++] =
		(struct MHD_OptionItem){ MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)TLS_PRIORITIES };
	if (tls->clients.len > 0)
		items[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_TRUST, 0,
						      (void *)buf_text(&tls->clients) };
	return n;
}

/* Connections are given to it (acceptor.c), and a thread (loop.c). */
static struct MHD_Daemon *
make_http(struct loop *loop, unsigned connections, void *ctx)
{
	const struct tls *tls = ctx;
	const struct config_http *http = &loop_daemon(loop)->settings->config->http;
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO |
			 MHD_USE_ERROR_LOG | MHD_USE_NO_LISTEN_SOCKET;
	struct MHD_OptionItem items[16] = {
		{ MHD_OPTION_CONNECTION_MEMORY_LIMIT, http->max_header, NULL },
		{ MHD_OPTION_CONNECTION_MEMORY_INCREMENT, 1024, NULL },
		{ MHD_OPTION_CONNECTION_LIMIT, connections, NULL },
		{ MHD_OPTION_CONNECTION_TIMEOUT, http->idle_timeout, NULL },
		{ MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL },
		{ MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, NULL },
	};
	size_t n = 6;

	if (tls != NULL) {
		flags |= MHD_USE_TLS;
		n += add_tls(tls, items + n);
	}
	items[n] = (struct MHD_OptionItem){ MHD_OPTION_END, 0, NULL };
	return MHD_start_daemon(flags, 0, NULL, NULL, on_request, loop, MHD_OPTION_EXTERNAL_LOGGER,
				on_log, NULL, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
				MHD_OPTION_NOTIFY_CONNECTION, on_connection, loop, MHD_OPTION_ARRAY,
				items, MHD_OPTION_END);
}

static enum adx_rc
start_tcp(struct daemon *daemon, const struct config_http *http, struct adx_error *err)
{
	struct tls tls = { BUF_INIT, BUF_INIT, BUF_INIT };
	bool with_tls = http->tls_certificate[0] != '\0';
	enum adx_rc rc = with_tls ? read_tls(http, &tls, err) : ADX_OK;

	if (rc == ADX_OK) {
		daemon->loops[TCP_SOCKET] = loops_start(daemon, make_http, with_tls ? &tls : NULL);
		if (daemon->loops[TCP_SOCKET] == NULL) {
			rc = adx_fail(err, ADX_EFAIL, "cannot serve HTTP by TCP");
			adx_hint(err, "the log says why; are the TLS files in PEM?");
		}
	}
	buf_wipe(&tls.certificate);
	buf_wipe(&tls.key);
	buf_wipe(&tls.clients);
	return rc;
}

/* ---- starting and stopping --------------------------------------------------------------- */

static const char *
choose(const char *option, const char *setting)
{
	return option != NULL ? option : setting;
}

enum adx_rc
server_start(struct daemon *daemon, struct adx_error *err)
{
	const struct config_http *http = &daemon->settings->config->http;
	const char *path = choose(daemon->options.socket, http->socket);
	const char *address = choose(daemon->options.listen, http->listen);
	enum adx_rc rc = ADX_OK;

	if (path[0] == '\0' && address[0] == '\0') {
		rc = adx_fail(err, ADX_EUSAGE, "nothing to listen on");
		adx_hint(err, "give --socket PATH or --listen ADDRESS:PORT, or set http.socket");
		return rc;
	}
	daemon->max_header = http->max_header;
	daemon->idle_timeout = http->idle_timeout;
	if (path[0] != '\0')
		rc = sockets_listen_unix(daemon, path, http->group, err);
	if (rc == ADX_OK && address[0] != '\0')
		rc = sockets_listen_tcp(daemon, address, err);
	if (rc == ADX_OK && path[0] != '\0') {
		daemon->loops[UNIX_SOCKET] = loops_start(daemon, make_http, NULL);
		if (daemon->loops[UNIX_SOCKET] == NULL)
			rc = adx_fail(err, ADX_EFAIL, "cannot serve HTTP on '%s'", path);
	}
	if (rc == ADX_OK && address[0] != '\0')
		rc = start_tcp(daemon, http, err);
	return rc == ADX_OK ? acceptor_start(daemon, err) : rc;
}

void
server_quiesce(struct daemon *daemon)
{
	acceptor_stop(daemon);
	for (int i = 0; i < DAEMON_LISTENERS; i++) {
		if (daemon->sockets[i] >= 0)
			close(daemon->sockets[i]);
		daemon->sockets[i] = -1;
	}
}

void
server_stop(struct daemon *daemon)
{
	server_quiesce(daemon);
	for (int i = 0; i < DAEMON_LISTENERS; i++)
		loops_stop(daemon->loops[i]);
	if (daemon->socket_path != NULL)
		unlink(daemon->socket_path);
	free(daemon->socket_path);
}

enum adx_rc
server_reload(void *ctx, struct adx_error *err)
{
	struct request *r = ctx;

	return daemon_reload(r->daemon, err);
}
