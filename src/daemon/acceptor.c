#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/loop.h"
#include "daemon/sockets.h"

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
		loops_admit(daemon->loops[which], fd, (struct sockaddr *)&address, size);
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
		[UNIX_SOCKET] = { .fd = daemon->sockets[UNIX_SOCKET], .events = POLLIN },
		[TCP_SOCKET] = { .fd = daemon->sockets[TCP_SOCKET], .events = POLLIN },
		[DAEMON_LISTENERS] = { .fd = daemon->acceptor_end, .events = POLLIN },
	};

	while (fds[DAEMON_LISTENERS].revents == 0) {
		if (poll(fds, DAEMON_LISTENERS + 1, -1) <= 0)
			continue;
		for (int i = 0; i < DAEMON_LISTENERS; i++)
			if (fds[i].revents != 0)
				accept_all(daemon, i);
	}
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
