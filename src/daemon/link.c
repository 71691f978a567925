#include "daemon/link.h"

#include <unistd.h>

void
link_init(struct link *link, struct daemon *daemon, bool interrupts)
{
	*link = (struct link){ .daemon = daemon };
	guard_init(&link->guard, interrupts);
}

void
link_free(struct link *link)
{
	guard_free(&link->guard);
}

void
link_close(struct link *link)
{
	guard_set(&link->guard, NULL);
	db_close(link->db);
	link->db = NULL;
	settings_release(link->settings);
	link->settings = NULL;
}

bool
link_is_current(const struct link *link)
{
	struct settings *now = daemon_settings(link->daemon);
	bool same = link->settings == now && link->epoch == atomic_load(&link->daemon->epoch);

	settings_release(now);
	return same;
}

/* After a reload, connections follow when they are not in use. */
static bool
is_good(const struct link *link)
{
	return link_is_current(link) && link->db != NULL && db_alive(link->db);
}

void
link_follow(struct link *link)
{
	if (link->db != NULL && !is_good(link))
		link_close(link);
}

enum adx_rc
link_reach(struct link *link, struct adx_error *err)
{
	struct metrics *metrics = &link->daemon->metrics;
	struct db_settings settings;
	enum adx_rc rc;

	if (is_good(link))
		return ADX_OK;
	link_close(link);
	link->settings = daemon_settings(link->daemon);
	link->epoch = atomic_load(&link->daemon->epoch);
	settings = daemon_db_settings(link->daemon, link->settings);
	settings.short_answers = link->short_answers;
	rc = db_open(&settings, &link->db, err);
	metrics_add(metrics, rc == ADX_OK ? METRIC_DB_CONNECTS : METRIC_DB_FAILURES, 1);
	if (rc == ADX_OK)
		guard_set(&link->guard, link->db);
	else
		link_close(link);
	return rc;
}

void
backoff_pause(struct backoff *backoff, const struct daemon *daemon)
{
	enum { STEP_MS = 20, DOUBLINGS_MAX = 10 };
	unsigned n = backoff->failures < DOUBLINGS_MAX ? backoff->failures : DOUBLINGS_MAX;
	unsigned ms = backoff->first_ms << n;

	backoff->failures++;
	if (ms > backoff->most_ms)
		ms = backoff->most_ms;
	ms += (unsigned)(now_us() % (ms / 2));
	for (unsigned done = 0; done < ms && !atomic_load(&daemon->stopping); done += STEP_MS)
		usleep(STEP_MS * 1000);
}
