/*
 * What can go wrong, as a value.
 *
 * Library code neither prints nor exits: it returns an adx_rc and describes
 * the failure once in the caller's struct adx_error. A face turns that into a
 * line on standard error and an exit status, or into a machine-readable reply.
 */
#ifndef ADMINEX_ERROR_H
#define ADMINEX_ERROR_H

#define ADX_MUST_CHECK   __attribute__((warn_unused_result))
#define ADX_PRINTF(f, a) __attribute__((format(printf, f, a)))

enum adx_rc {
	ADX_OK = 0,
	ADX_EUSAGE,   /* no such command or option, wrong number of arguments */
	ADX_EINVAL,   /* an argument, a file or a setting is not valid */
	ADX_EFAIL,    /* the statement or the operation failed */
	ADX_ENOMEM,   /* out of memory */
	ADX_EIO,      /* a file or a stream could not be read or written */
	ADX_ELIMIT,   /* more would change than --max-affected allows */
	ADX_EDECLINE, /* the operator answered no */
	ADX_EDENIED,  /* the caller may not do this */
	ADX_EUNAVAIL, /* the database cannot be reached, or went away before COMMIT */
	ADX_EUNKNOWN, /* the connection broke during COMMIT: done or not, nobody knows */
	ADX_EINTR,    /* interrupted; the statement was cancelled and rolled back */
	ADX_RC_COUNT
};

struct adx_error {
	enum adx_rc rc;
	char sqlstate[6];  /* PostgreSQL's code (appendix A of its manual), or "" */
	char message[768]; /* one sentence, lower case, no full stop */
	char hint[384];    /* what to do about it, or "" */
};

/* Describe a failure; returns rc so that `return adx_fail(...)` reads well. Clears the hint. */
enum adx_rc adx_fail(struct adx_error *err, enum adx_rc rc, const char *fmt, ...) ADX_PRINTF(3, 4);

/* The same, with the text of errno value `errnum` appended. */
enum adx_rc adx_fail_errno(struct adx_error *err, enum adx_rc rc, int errnum, const char *fmt, ...)
	ADX_PRINTF(4, 5);

/* Out of memory, in one word. */
enum adx_rc adx_nomem(struct adx_error *err);

/* Add the cure to the failure just described. */
void adx_hint(struct adx_error *err, const char *fmt, ...) ADX_PRINTF(2, 3);

/* The word for the `status` member of a reply, and the exit status of the command line. */
const char *adx_rc_word(enum adx_rc rc);
int adx_rc_exit(enum adx_rc rc);

#endif
