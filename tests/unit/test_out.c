#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/out.h"

enum { MIB = 1024 * 1024 };

/* Where output goes in most tests: a file in memory. */
struct sink {
	int fd;
	struct out *out;
};

static int
setup(void **state)
{
	struct sink *s = malloc(sizeof(*s));

	if (s == NULL)
		return -1;
	s->fd = memfd_create("out", 0);
	s->out = out_new(s->fd);
	*state = s;
	return s->fd < 0 || s->out == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	struct sink *s = *state;

	out_free(s->out);
	close(s->fd);
	free(s);
	return 0;
}

static size_t
size_of(const struct sink *s)
{
	struct stat st;

	assert_int_equal(fstat(s->fd, &st), 0);
	return (size_t)st.st_size;
}

static void
assert_written(const struct sink *s, const char *want)
{
	char got[256] = "";

	assert_int_equal(size_of(s), strlen(want));
	assert_int_equal(pread(s->fd, got, sizeof(got) - 1, 0), strlen(want));
	assert_string_equal(got, want);
}

/* Byte i of a long output. */
static char
byte_at(size_t i)
{
	return (char)('a' + (i * 7 + i / 1000) % 26);
}

static void
write_long(struct out *out, size_t len)
{
	char chunk[777];
	size_t used = 0;

	for (size_t i = 0; i < len; i++) {
		chunk[used++] = byte_at(i);
		if (used < sizeof(chunk) && i + 1 < len)
			continue;
		out_write(out, chunk, used);
		used = 0;
	}
}

static void
assert_long(const struct sink *s, size_t from, size_t len)
{
	char *got = malloc(len);

	assert_non_null(got);
	assert_int_equal(size_of(s), from + len);
	assert_int_equal(pread(s->fd, got, len, (off_t)from), len);
	for (size_t i = 0; i < len; i++)
		if (got[i] != byte_at(i))
			fail_msg("byte %zu", i);
	free(got);
}

static void
test_out_writes_when_flushed(void **state)
{
	struct sink *s = *state;

	out_text(s->out, "ab");
	out_write(s->out, "c\0d", 3);
	out_write(s->out, "", 0);
	assert_int_equal(size_of(s), 0);
	out_flush(s->out);
	assert_int_equal(size_of(s), 5);
	out_flush(s->out);
	assert_int_equal(size_of(s), 5);
	assert_int_equal(out_error(s->out), 0);
}

static void
test_out_does_not_wait_for_the_end(void **state)
{
	struct sink *s = *state;

	write_long(s->out, MIB);
	assert_true(size_of(s) > MIB - 128 * 1024);
	out_flush(s->out);
	assert_long(s, 0, MIB);
}

static void
test_out_free_does_not_flush(void **state)
{
	struct sink *s = *state;

	out_text(s->out, "lost");
	out_free(s->out);
	s->out = NULL;
	assert_int_equal(size_of(s), 0);
}

static void
test_out_hold_keeps_until_release(void **state)
{
	struct sink *s = *state;

	out_text(s->out, "before ");
	out_hold(s->out);
	assert_written(s, "before ");
	out_text(s->out, "held ");
	out_flush(s->out);
	assert_written(s, "before ");
	out_release(s->out);
	assert_written(s, "before held ");
	out_text(s->out, "after");
	out_flush(s->out);
	assert_written(s, "before held after");
}

static void
test_out_discard_forgets_only_what_was_held(void **state)
{
	struct sink *s = *state;

	out_text(s->out, "before ");
	out_hold(s->out);
	out_text(s->out, "held ");
	out_discard(s->out);
	out_text(s->out, "after");
	out_flush(s->out);
	assert_written(s, "before after");
}

static void
test_out_holds_again(void **state)
{
	struct sink *s = *state;

	out_hold(s->out);
	out_text(s->out, "first try ");
	out_discard(s->out);
	out_hold(s->out);
	out_text(s->out, "second try");
	out_release(s->out);
	assert_written(s, "second try");
}

/* More than is held in memory, in the right order. */
static void
test_out_hold_spills(void **state)
{
	struct sink *s = *state;

	out_text(s->out, "head");
	out_hold(s->out);
	write_long(s->out, 5 * MIB + 321);
	out_flush(s->out);
	assert_written(s, "head");
	out_release(s->out);
	assert_long(s, 4, 5 * MIB + 321);
	assert_int_equal(out_error(s->out), 0);
}

static void
test_out_hold_takes_a_large_piece(void **state)
{
	struct sink *s = *state;
	char *piece = malloc(3 * MIB);

	assert_non_null(piece);
	for (size_t i = 0; i < 3 * MIB; i++)
		piece[i] = byte_at(i);
	out_hold(s->out);
	out_write(s->out, piece, 3 * MIB);
	assert_int_equal(size_of(s), 0);
	out_release(s->out);
	assert_long(s, 0, 3 * MIB);
	free(piece);
}

static void
test_out_discard_forgets_what_was_spilled(void **state)
{
	struct sink *s = *state;

	out_hold(s->out);
	write_long(s->out, 2 * MIB);
	out_discard(s->out);
	out_hold(s->out);
	write_long(s->out, 2 * MIB + 1);
	out_release(s->out);
	assert_long(s, 0, 2 * MIB + 1);
}

/* A temporary file that cannot grow: the failure shows before anything is released. */
static void
test_out_hold_that_cannot_spill_fails(void **state)
{
	struct sink *s = *state;
	struct rlimit before, small;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 64 * 1024;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	out_hold(s->out);
	write_long(s->out, 2 * MIB);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(out_error(s->out), EFBIG);
	out_discard(s->out);
	assert_int_equal(size_of(s), 0);
}

static void
test_out_full_device_is_an_error_that_stays(void **state)
{
	int fd = open("/dev/full", O_WRONLY);
	struct out *out = out_new(fd);

	(void)state;
	assert_true(fd >= 0);
	out_text(out, "x");
	assert_int_equal(out_error(out), 0);
	out_flush(out);
	assert_int_equal(out_error(out), ENOSPC);
	write_long(out, MIB);
	out_fail(out, ENOMEM);
	assert_int_equal(out_error(out), ENOSPC);
	out_free(out);
	close(fd);
}

static void
test_out_closed_pipe_is_an_error(void **state)
{
	int fds[2];
	struct out *out;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(fds), 0);
	close(fds[0]);
	out = out_new(fds[1]);
	out_hold(out);
	write_long(out, 2 * MIB);
	assert_int_equal(out_error(out), 0);
	out_release(out);
	assert_int_equal(out_error(out), EPIPE);
	out_free(out);
	close(fds[1]);
	signal(SIGPIPE, SIG_DFL);
}

static void
test_out_fail_stops_writing(void **state)
{
	struct sink *s = *state;

	out_text(s->out, "whole ");
	out_flush(s->out);
	out_fail(s->out, ENOMEM);
	out_text(s->out, "half");
	out_flush(s->out);
	assert_int_equal(out_error(s->out), ENOMEM);
	assert_written(s, "whole ");
}

/* ---- who watches -------------------------------------------------------------------------- */

struct watcher {
	char text[64];
	size_t bytes;
};

static void
watch(void *ctx, const char *data, size_t len)
{
	struct watcher *w = ctx;
	size_t room = sizeof(w->text) - 1 - strlen(w->text);

	strncat(w->text, data, len < room ? len : room);
	w->bytes += len;
}

static void
test_out_tap_sees_what_is_written_from_then_on(void **state)
{
	const struct sink *s = *state;
	struct watcher w = { { 0 }, 0 };

	out_text(s->out, "before ");
	out_tap(s->out, watch, &w);
	out_text(s->out, "one ");
	out_flush(s->out);
	out_text(s->out, "two");
	out_tap_sync(s->out);
	assert_string_equal(w.text, "one two");
	out_tap_sync(s->out);
	assert_string_equal(w.text, "one two");
	out_text(s->out, " three");
	out_tap(s->out, NULL, NULL);
	assert_string_equal(w.text, "one two three");
	out_text(s->out, " four");
	out_flush(s->out);
	assert_string_equal(w.text, "one two three");
}

static void
test_out_tap_sees_each_byte_once_however_it_goes(void **state)
{
	const struct sink *s = *state;
	struct watcher w = { { 0 }, 0 };
	char *mib = calloc(1, MIB);

	assert_non_null(mib);
	out_tap(s->out, watch, &w);
	out_write(s->out, mib, MIB);
	out_hold(s->out);
	for (int i = 0; i < 3; i++)
		out_write(s->out, mib, MIB);
	out_release(s->out);
	out_write(s->out, mib, 10);
	out_flush(s->out);
	assert_int_equal(w.bytes, 4 * MIB + 10);
	assert_int_equal(size_of(s), w.bytes);
	out_hold(s->out);
	out_text(s->out, "gone");
	out_discard(s->out);
	assert_int_equal(w.bytes, 4 * MIB + 14);
	free(mib);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_out_writes_when_flushed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_out_does_not_wait_for_the_end, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_out_free_does_not_flush, setup, teardown),
		cmocka_unit_test_setup_teardown(test_out_hold_keeps_until_release, setup, teardown),
		cmocka_unit_test_setup_teardown(test_out_discard_forgets_only_what_was_held, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_out_holds_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_out_hold_spills, setup, teardown),
		cmocka_unit_test_setup_teardown(test_out_hold_takes_a_large_piece, setup, teardown),
		cmocka_unit_test_setup_teardown(test_out_discard_forgets_what_was_spilled, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_out_hold_that_cannot_spill_fails, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_out_tap_sees_what_is_written_from_then_on,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_out_tap_sees_each_byte_once_however_it_goes,
						setup, teardown),
		cmocka_unit_test(test_out_full_device_is_an_error_that_stays),
		cmocka_unit_test(test_out_closed_pipe_is_an_error),
		cmocka_unit_test_setup_teardown(test_out_fail_stops_writing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
