/*
 * TLS connections that have not sent a request yet. libmicrohttpd's limit on idle time does not
 * hold during the handshake: whoever never ends one would keep the connection for ever.
 */
#include <sys/socket.h>

#include "daemon/daemon_priv.h"

void
newcomers_add(struct daemon *daemon, struct peer *peer, int fd)
{
	peer->fd = fd;
	peer->came = now_ms();
	peer->is_new = true;
	pthread_mutex_lock(&daemon->newcomers_lock);
	TAILQ_INSERT_TAIL(&daemon->newcomers, peer, newcomers);
	pthread_mutex_unlock(&daemon->newcomers_lock);
}

void
newcomers_remove(struct daemon *daemon, struct peer *peer)
{
	if (!peer->is_new)
		return;
	peer->is_new = false;
	pthread_mutex_lock(&daemon->newcomers_lock);
	TAILQ_REMOVE(&daemon->newcomers, peer, newcomers);
	pthread_mutex_unlock(&daemon->newcomers_lock);
}

/* They stay in the list until libmicrohttpd has closed them: the descriptor is theirs until then.
 */
void
newcomers_tick(struct daemon *daemon, int64_t now)
{
	struct peer *peer;

	pthread_mutex_lock(&daemon->newcomers_lock);
	TAILQ_FOREACH(peer, &daemon->newcomers, newcomers)
	{
		if (now - peer->came <= (int64_t)daemon->idle_timeout * 1000)
			break;
		shutdown(peer->fd, SHUT_RDWR);
	}
	pthread_mutex_unlock(&daemon->newcomers_lock);
}
