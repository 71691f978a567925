#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/sockets.h"

static void
accept_all(struct daemon *daemon)
{
	const int on = 1;
	struct sockaddr_storage address;
	socklen_t size = sizeof(address);
	int fd;

	while ((fd = accept4(daemon->sockets[TCP_SOCKET], (struct sockaddr *)&address, &size,
			     SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		/* A reply is one piece, or pieces that are to go at once. */
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		/* It closes what is too many. */
		if (MHD_add_connection(daemon->http[TCP_SOCKET], fd, (struct sockaddr *)&address,
				       size) != MHD_YES)
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
	struct pollfd fds[] = {
		{ .fd = daemon->sockets[TCP_SOCKET], .events = POLLIN },
		{ .fd = daemon->acceptor_end, .events = POLLIN },
	};

	while (fds[1].revents == 0)
		if (poll(fds, 2, -1) > 0 && fds[0].revents != 0)
			accept_all(daemon);
	return NULL;
}

enum adx_rc
acceptor_start(struct daemon *daemon, struct adx_error *err)
{
	daemon->acceptor_end = eventfd(0, EFD_CLOEXEC);
	if (daemon->acceptor_end < 0 ||
	    pthread_create(&daemon->acceptor, NULL, accept_on, daemon) != 0)
		return adx_fail(err, ADX_EFAIL, "cannot start a thread");
	daemon->accepting = true;
	return ADX_OK;
}

void
acceptor_stop(struct daemon *daemon)
{
	if (daemon->accepting && eventfd_write(daemon->acceptor_end, 1) == 0)
		pthread_join(daemon->acceptor, NULL);
	daemon->accepting = false;
	if (daemon->acceptor_end >= 0)
		close(daemon->acceptor_end);
	daemon->acceptor_end = -1;
}
