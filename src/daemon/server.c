#include "daemon/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "daemon/route.h"

enum { UNIX_SOCKET, TCP_SOCKET };
/* So much of the body of a refused request is read, for the sake of the reply. */
enum { DRAIN_MAX = 16 * 1024 * 1024 };

/* ---- requests ---------------------------------------------------------------------------- */

static bool
refuse(struct request *r, unsigned code, enum adx_rc rc, const char *message, const char *hint)
{
	request_fail_as(r, code, rc, message, hint);
	return false;
}

static const char *
header(const struct request *r, const char *name)
{
	return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
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
	const char *accept = header(r, "Accept");
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
	const char *key = header(r, "Idempotency-Key");

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
	const char *length = header(r, "Content-Length");
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
	bool known;

	r->route = route_find(method, path, &known);
	if (r->route != NULL)
		return true;
	return known ? refuse(r, 405, ADX_EUSAGE, "the method is not allowed here",
			      "commands are sent with POST, everything else with GET")
		     : refuse(r, 404, ADX_EUSAGE, "there is nothing at this address",
			      "commands are at /api/COMMAND, their list at /api");
}

/* Everything that the header decides; false when it decided the reply too. */
static bool
accept_header(struct request *r, const char *method, const char *path)
{
	struct adx_error err;

	if (!find_route(r, method, path) || !check_length(r))
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
	return header(r, "Expect") == NULL && announced_length(r) <= DRAIN_MAX;
}

static enum MHD_Result
begin(struct daemon *daemon, struct MHD_Connection *connection, const char *path,
      const char *method, void **request)
{
	struct request *r = request_new(daemon, connection);

	*request = r;
	if (r == NULL)
		return MHD_NO;
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
	/* Woken up, or refused while the body came. */
	if (r->handed_over || r->code != 0)
		return reply_send(r);
	return r->route->answer(r) ? reply_send(r) : MHD_YES;
}

static void
on_completed(void *cls, struct MHD_Connection *connection, void **request,
	     enum MHD_RequestTerminationCode why)
{
	struct request *r = *request;

	struct daemon *daemon = cls;

	(void)connection;
	(void)why;
	if (r == NULL)
		return;
	atomic_fetch_sub(&daemon->open, 1);
	spool_abandon(&r->spool);
	request_release(r);
	*request = NULL;
}

/* ---- connections ------------------------------------------------------------------------- */

static void
on_connection(void *cls, struct MHD_Connection *connection, void **socket,
	      enum MHD_ConnectionNotificationCode what)
{
	struct daemon *daemon = cls;
	const union MHD_ConnectionInfo *info;
	struct ucred cred;
	socklen_t size = sizeof(cred);
	struct peer *peer;

	metrics_add(&daemon->metrics, METRIC_CONNECTIONS,
		    what == MHD_CONNECTION_NOTIFY_STARTED ? 1 : -1);
	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		peer_free(*socket);
		return;
	}
	*socket = peer = calloc(1, sizeof(*peer));
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	if (peer == NULL || info == NULL)
		return;
	/* On TCP there is no such thing, and the pid is 0. */
	peer->local = getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) == 0 &&
		      cred.pid != 0;
	peer->uid = cred.uid;
}

static void
on_log(void *cls, const char *fmt, va_list ap)
{
	char text[512];

	(void)cls;
	vsnprintf(text, sizeof(text), fmt, ap);
	text[strcspn(text, "\n")] = '\0';
	log_line("http: %s", text);
}

/* ---- listening --------------------------------------------------------------------------- */

static enum adx_rc
fail_socket(struct adx_error *err, int fd, const char *what)
{
	int errnum = errno;

	if (fd >= 0)
		close(fd);
	return adx_fail_errno(err, ADX_EIO, errnum, "cannot listen on '%s'", what);
}

/* What a daemon that was killed left behind is removed; what somebody answers on is not. */
static enum adx_rc
make_way(const struct sockaddr_un *address, struct adx_error *err)
{
	struct stat st;
	int fd, answered;

	if (lstat(address->sun_path, &st) != 0)
		return ADX_OK;
	if (!S_ISSOCK(st.st_mode))
		return adx_fail(err, ADX_EIO, "'%s' is there and is no socket", address->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	answered = connect(fd, (const struct sockaddr *)address, sizeof(*address));
	if (fd >= 0)
		close(fd);
	if (answered == 0)
		return adx_fail(err, ADX_EIO, "another daemon listens on '%s'", address->sun_path);
	unlink(address->sun_path);
	return ADX_OK;
}

static enum adx_rc
own_socket(const char *path, const char *group, struct adx_error *err)
{
	const struct group *gr = group[0] == '\0' ? NULL : getgrnam(group);

	if (group[0] != '\0' && gr == NULL)
		return adx_fail(err, ADX_EINVAL, "setting 'http.group': there is no group '%s'",
				group);
	if (gr != NULL && chown(path, (uid_t)-1, gr->gr_gid) != 0)
		return adx_fail_errno(err, ADX_EIO, errno, "cannot give '%s' to group '%s'", path,
				      group);
	return ADX_OK;
}

static enum adx_rc
listen_unix(struct daemon *daemon, const char *path, const char *group, struct adx_error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	mode_t before;
	enum adx_rc rc;
	int fd, bound;

	if (strlen(path) >= sizeof(address.sun_path))
		return adx_fail(err, ADX_EINVAL, "the path of the socket is too long: '%.100s...'",
				path);
	strcpy(address.sun_path, path);
	rc = make_way(&address, err);
	if (rc != ADX_OK)
		return rc;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* Never open for more than it will be, not for a moment. */
	before = umask(0117);
	bound = fd < 0 ? -1 : bind(fd, (struct sockaddr *)&address, sizeof(address));
	umask(before);
	if (bound != 0 || listen(fd, SOMAXCONN) != 0)
		return fail_socket(err, fd, path);
	daemon->sockets[UNIX_SOCKET] = fd;
	daemon->socket_path = strdup(path);
	return own_socket(path, group, err);
}

/* "ADDRESS:PORT" or "[ADDRESS]:PORT" into its parts. */
static bool
split_address(const char *text, char host[256], char port[16])
{
	const char *colon = strrchr(text, ':');
	size_t len = colon == NULL ? 0 : (size_t)(colon - text);

	if (len > 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	/* getaddrinfo() would take a larger number too, and mean another port. */
	if (len == 0 || len >= 256 || strlen(colon + 1) >= 16 || colon[1] == '\0' ||
	    strspn(colon + 1, "0123456789") != strlen(colon + 1) ||
	    strtoul(colon + 1, NULL, 10) > 65535)
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	strcpy(port, colon + 1);
	return true;
}

static int
open_tcp(const struct addrinfo *ai)
{
	const int on = 1;
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0)
		return fd;
	close(fd);
	return -1;
}

static enum adx_rc
listen_tcp(struct daemon *daemon, const char *text, struct adx_error *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
	struct addrinfo *found;
	char host[256], port[16];
	int why;

	if (!split_address(text, host, port))
		return adx_fail(err, ADX_EINVAL, "'%s' is no ADDRESS:PORT", text);
	why = getaddrinfo(host, port, &hints, &found);
	if (why != 0)
		return adx_fail(err, ADX_EIO, "cannot listen on '%s': %s", text,
				gai_strerror(why));
	daemon->sockets[TCP_SOCKET] = open_tcp(found);
	freeaddrinfo(found);
	if (daemon->sockets[TCP_SOCKET] < 0)
		return fail_socket(err, -1, text);
	return ADX_OK;
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
	items[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_KEY, 0,
					      (void *)buf_text(&tls->key) };
	items[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_PRIORITIES, 0,
					      (void *)TLS_PRIORITIES };
	if (tls->clients.len > 0)
		items[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_TRUST, 0,
						      (void *)buf_text(&tls->clients) };
	return n;
}

static struct MHD_Daemon *
start_http(struct daemon *daemon, const struct config_http *http, const struct tls *tls)
{
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME |
			 MHD_USE_TURBO | MHD_USE_ERROR_LOG | MHD_USE_NO_LISTEN_SOCKET;
	struct MHD_OptionItem items[16] = {
		{ MHD_OPTION_CONNECTION_MEMORY_LIMIT, http->max_header, NULL },
		{ MHD_OPTION_CONNECTION_MEMORY_INCREMENT, 1024, NULL },
		{ MHD_OPTION_CONNECTION_LIMIT, http->max_connections, NULL },
		{ MHD_OPTION_CONNECTION_TIMEOUT, http->idle_timeout, NULL },
		{ MHD_OPTION_THREAD_POOL_SIZE, http->threads < 2 ? 0 : http->threads, NULL },
		{ MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL },
		{ MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, NULL },
	};
	size_t n = 7;

	if (tls != NULL) {
		flags |= MHD_USE_TLS;
		n += add_tls(tls, items + n);
	}
	items[n] = (struct MHD_OptionItem){ MHD_OPTION_END, 0, NULL };
	return MHD_start_daemon(flags, 0, NULL, NULL, on_request, daemon,
				MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
				MHD_OPTION_NOTIFY_COMPLETED,
				on_completed, daemon, MHD_OPTION_NOTIFY_CONNECTION, on_connection,
				daemon, MHD_OPTION_ARRAY, items, MHD_OPTION_END);
}

static enum adx_rc
start_tcp(struct daemon *daemon, const struct config_http *http, struct adx_error *err)
{
	struct tls tls = { BUF_INIT, BUF_INIT, BUF_INIT };
	bool with_tls = http->tls_certificate[0] != '\0';
	enum adx_rc rc = with_tls ? read_tls(http, &tls, err) : ADX_OK;

	if (rc == ADX_OK) {
		daemon->http[TCP_SOCKET] = start_http(daemon, http, with_tls ? &tls : NULL);
		if (daemon->http[TCP_SOCKET] == NULL) {
			rc = adx_fail(err, ADX_EFAIL, "cannot serve HTTP by TCP");
			adx_hint(err, "the log says why; are the TLS files in PEM?");
		}
	}
	buf_wipe(&tls.certificate);
	buf_wipe(&tls.key);
	buf_wipe(&tls.clients);
	return rc;
}

/* ---- accepting --------------------------------------------------------------------------- */

/*
 * libmicrohttpd's threads would all wait for the same socket, and the one that wakes first would
 * take most connections: one processor would do all the work. Given to it, connections are spread.
 */
static void
accept_all(struct daemon *daemon, int which)
{
	const int on = 1;
	struct sockaddr_storage address;
	socklen_t size = sizeof(address);
	int fd;

	while ((fd = accept4(daemon->sockets[which], (struct sockaddr *)&address, &size,
			     SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		/* A reply is one piece, or pieces that are to go at once. */
		if (which == TCP_SOCKET)
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		/* It closes what is too many. */
		if (MHD_add_connection(daemon->http[which], fd, (struct sockaddr *)&address, size) !=
		    MHD_YES)
			metrics_add(&daemon->metrics, METRIC_CONNECTIONS_REFUSED, 1);
		size = sizeof(address);
	}
	/* Out of descriptors: those who wait stay in the queue of the kernel. */
	if (errno == EMFILE || errno == ENFILE)
		usleep(10000);
}

static void *
accept_on(void *arg)
{
	struct daemon *daemon = arg;
	struct pollfd fds[DAEMON_LISTENERS + 1] = {
		{ .fd = daemon->sockets[UNIX_SOCKET], .events = POLLIN },
		{ .fd = daemon->sockets[TCP_SOCKET], .events = POLLIN },
		{ .fd = daemon->acceptor_end, .events = POLLIN },
	};

	while (fds[DAEMON_LISTENERS].revents == 0) {
		if (poll(fds, DAEMON_LISTENERS + 1, -1) < 0)
			continue;
		for (int i = 0; i < DAEMON_LISTENERS; i++)
			if (fds[i].revents != 0)
				accept_all(daemon, i);
	}
	return NULL;
}

static enum adx_rc
start_accepting(struct daemon *daemon, struct adx_error *err)
{
	daemon->acceptor_end = eventfd(0, EFD_CLOEXEC);
	if (daemon->acceptor_end < 0 ||
	    pthread_create(&daemon->acceptor, NULL, accept_on, daemon) != 0)
		return adx_fail(err, ADX_EFAIL, "cannot start a thread");
	daemon->accepting = true;
	return ADX_OK;
}

static void
stop_accepting(struct daemon *daemon)
{
	if (daemon->accepting && eventfd_write(daemon->acceptor_end, 1) == 0)
		pthread_join(daemon->acceptor, NULL);
	daemon->accepting = false;
	if (daemon->acceptor_end >= 0)
		close(daemon->acceptor_end);
	daemon->acceptor_end = -1;
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
	if (path[0] != '\0')
		rc = listen_unix(daemon, path, http->group, err);
	if (rc == ADX_OK && address[0] != '\0')
		rc = listen_tcp(daemon, address, err);
	if (rc == ADX_OK && path[0] != '\0') {
		daemon->http[UNIX_SOCKET] = start_http(daemon, http, NULL);
		if (daemon->http[UNIX_SOCKET] == NULL)
			rc = adx_fail(err, ADX_EFAIL, "cannot serve HTTP on '%s'", path);
	}
	if (rc == ADX_OK && address[0] != '\0')
		rc = start_tcp(daemon, http, err);
	return rc == ADX_OK ? start_accepting(daemon, err) : rc;
}

void
server_quiesce(struct daemon *daemon)
{
	stop_accepting(daemon);
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
		if (daemon->http[i] != NULL)
			MHD_stop_daemon(daemon->http[i]);
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
