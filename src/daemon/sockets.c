#include "daemon/sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

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

enum adx_rc
sockets_listen_unix(struct daemon *daemon, const char *path, const char *group,
		    struct adx_error *err)
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

enum adx_rc
sockets_listen_tcp(struct daemon *daemon, const char *text, struct adx_error *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
	struct addrinfo *found;
	char host[256], port[16];
	int why;

	if (!split_address(text, host, port))
		return adx_fail(err, ADX_EINVAL, "'%s' is no ADDRESS:PORT", text);
	why = getaddrinfo(host, port, &hints, &found);
	if (why != 0)
		return adx_fail(err, ADX_EIO, "cannot listen on '%s': %s", text, gai_strerror(why));
	daemon->sockets[TCP_SOCKET] = open_tcp(found);
	freeaddrinfo(found);
	if (daemon->sockets[TCP_SOCKET] < 0)
		return fail_socket(err, -1, text);
	return ADX_OK;
}
