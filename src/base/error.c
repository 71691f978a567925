#include "adminex/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* One table maps a failure to every face's vocabulary. */
static const struct {
	const char *word;
	int exit_status;
} RC[ADX_RC_COUNT] = {
	[ADX_OK] = { "ok", 0 },
	[ADX_EUSAGE] = { "usage", 2 },
	[ADX_EINVAL] = { "bad_argument", 1 },
	[ADX_EFAIL] = { "error", 1 },
	[ADX_ENOMEM] = { "out_of_memory", 1 },
	[ADX_EIO] = { "io_error", 1 },
	[ADX_ELIMIT] = { "too_many", 1 },
	[ADX_EDECLINE] = { "declined", 1 },
	[ADX_EDENIED] = { "not_allowed", 5 },
	[ADX_EUNAVAIL] = { "database_unavailable", 3 },
	[ADX_EUNKNOWN] = { "outcome_unknown", 8 },
	[ADX_EINTR] = { "interrupted", 130 },
};

const char *
adx_rc_word(enum adx_rc rc)
{
	return RC[rc].word;
}

int
adx_rc_exit(enum adx_rc rc)
{
	return RC[rc].exit_status;
}

static void ADX_PRINTF(3, 0)
	describe(struct adx_error *err, enum adx_rc rc, const char *fmt, va_list ap)
{
	err->rc = rc;
	err->sqlstate[0] = '\0';
	err->hint[0] = '\0';
	vsnprintf(err->message, sizeof(err->message), fmt, ap);
}

enum adx_rc
adx_fail(struct adx_error *err, enum adx_rc rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	describe(err, rc, fmt, ap);
	va_end(ap);
	return rc;
}

enum adx_rc
adx_fail_errno(struct adx_error *err, enum adx_rc rc, int errnum, const char *fmt, ...)
{
	size_t used;
	va_list ap;

	va_start(ap, fmt);
	describe(err, rc, fmt, ap);
	va_end(ap);
	used = strlen(err->message);
	snprintf(err->message + used, sizeof(err->message) - used, ": %s", strerror(errnum));
	return rc;
}

enum adx_rc
adx_nomem(struct adx_error *err)
{
	return adx_fail(err, ADX_ENOMEM, "out of memory");
}

void
adx_hint(struct adx_error *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err->hint, sizeof(err->hint), fmt, ap);
	va_end(ap);
}
