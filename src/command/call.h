/*
 * One command being carried out: parse, authorise, run, reply.
 */
#ifndef ADMINEX_CALL_H
#define ADMINEX_CALL_H

#include "base/arena.h"
#include "base/config.h"
#include "base/strvec.h"
#include "command/access.h"
#include "command/command.h"
#include "command/page.h"
#include "command/writer.h"
#include "db/rowset.h"
#include "db/stmt.h"

struct cache;

/* What stands for a file that the caller cannot name. */
struct content {
	const char *data; /* UTF-8 without NUL; NULL: there is none */
	size_t len;
	const char *format; /* one of the parameter's words */
};

/*
 * What happens in the transaction of a writing command beside it, first and last. begin() may have
 * the answer already, and written it (*answered): then the command is not carried out.
 */
struct run_hooks {
	enum adx_rc (*begin)(void *ctx, struct call *call, bool *answered, struct adx_error *err);
	enum adx_rc (*end)(void *ctx, struct call *call, struct adx_error *err);
};

/* How the caller wants a command to be run. */
struct run_options {
	bool dry_run;
	bool include_never_seen;
	bool assume_yes; /* do not ask; set where nobody can be asked, too */
	bool said_yes;   /* the caller did say it: --yes, or a member of that name */
	/*
	 * Let a write that is one statement be its own transaction (DB_SINGLE): faster, but a
	 * connection that breaks meanwhile leaves its outcome unknown more often.
	 */
	bool in_one_trip;
	bool replies_only;    /* the reply goes among others: no document can take its place */
	int64_t max_affected; /* negative: no limit */
	/* COMMAND_PARAMS_MAX of them, by parameter; NULL: paths name files. Borrowed. */
	const struct content *contents;
	/* A page of a list: at most so many rows, 1 to PAGE_LIMIT_MAX; 0: all of them ... */
	int64_t limit;
	const char *after; /* ... behind the key that page_next() said; NULL: from the start */
	/*
	 * Asked before a command that destroys is carried out, with what it would affect; NULL
	 * where nobody can be asked.
	 */
	bool (*confirm)(void *ctx, const struct command *command, int64_t affected);
	/* Remarks beside the answer: "skipped x", one line each. Never NULL. */
	void (*remark)(void *ctx, const char *text);
	const struct run_hooks *hooks; /* may be NULL */
	/* Make a running daemon read its configuration again; NULL where none runs. */
	enum adx_rc (*reload)(void *ctx, struct adx_error *err);
	struct cache *cache; /* of results; NULL outside a daemon */
	void *ctx;
};

/* An argument: what was typed, and what it means by its parameter's type. */
struct value {
	const char *raw; /* NULL: an optional one that is not there */
	size_t len;
	const char *prepared;  /* JID parts and JIDs, NULL when not valid; PARAM_DATE:
				  a timestamp in UTC for PostgreSQL */
	const struct jid *jid; /* PARAM_JID */
	int64_t number;        /* PARAM_INTEGER; PARAM_DAYS: seconds; PARAM_DATE: since 1970 */
	struct strvec list;    /* PARAM_LIST */
	const struct content *content; /* PARAM_PATH, instead of the file; NULL: raw names it */
};

enum { CALL_QUESTIONS_MAX = 2 };

/* A statement that is to be run for a call. */
struct question {
	enum sql_id id;
	const char *const *values; /* in the call's arena */
	size_t count;
};

/*
 * What a handler does outside the database for its change, such as a line in a journal. Whoever
 * ends the transaction sees to it (call_commit()); where it is only a trial nothing of it is done.
 */
struct call_end {
	/* Nothing is left to be done but the COMMIT. A failure undoes everything. */
	enum adx_rc (*before)(struct call *call, void *ctx, struct adx_error *err);
	/*
	 * How it ended, before the reply is sent; not called where that is unknown. A failure after
	 * the COMMIT is the call's, and says that the change was made.
	 */
	enum adx_rc (*after)(struct call *call, void *ctx, bool committed, struct adx_error *err);
	void *ctx; /* in the call's arena */
};

/* Makes the call's answer of the rows of its last question. */
typedef enum adx_rc call_take(struct call *call, struct rows *rows, struct adx_error *err);

struct call {
	const struct command *command;
	const struct caller *caller;
	const struct config *config;
	const struct command *const *commands; /* all that are registered, ended by NULL */
	const struct run_options *options;
	struct db *db; /* NULL for CMD_LOCAL */
	struct writer *writer;
	struct arena arena;
	struct value args[COMMAND_PARAMS_MAX];
	const struct answer *early; /* an argument settled it: nothing is run */
	struct question questions[CALL_QUESTIONS_MAX];
	size_t question_count;
	call_take *take;            /* NULL: nothing is asked */
	const struct call_end *end; /* set by a handler, in the call's arena; NULL: nothing */
	bool committed;             /* by call_commit(), whatever came after */
	const struct answer *answer;
	const char *text;  /* the answer's text with its values filled in */
	const char *token; /* of a plan that was shown: what carries it out; NULL */
	int64_t affected;  /* the command's own rows that changed or go */
	int64_t rows;      /* rows of a list, or rows written */
	struct page page;
};

/*
 * Begin: check the number of arguments (ADX_EUSAGE) and each of them (ADX_EINVAL), and whether the
 * command has pages (ADX_EUSAGE) where options ask for one. args[i] is that of parameter i; NULL,
 * or beyond `count`, it is not there. A `count` of more than there are parameters is too many. What
 * the caller did not set in *call is zero; options may be NULL here, not later. The arguments are
 * borrowed until call_end(), which must follow in every case. call->options, when set by now, may
 * bring contents of files.
 */
ADX_MUST_CHECK enum adx_rc call_begin(struct call *call, const struct command *command,
				      const char *const args[], size_t count,
				      struct adx_error *err);
/*
 * Authorise, run in a transaction where one is due, and commit. On ADX_OK call->answer says how it
 * ended. The writer has the value, but not the outcome: call_finish() writes that.
 */
ADX_MUST_CHECK enum adx_rc call_run(struct call *call, struct adx_error *err);
/* Write the outcome: the answer, or with rc the failure. */
void call_finish(struct call *call, enum adx_rc rc, const struct adx_error *err);
void call_end(struct call *call);
/* The same, but some memory stays for the next call: all else is zero again. */
void call_reset(struct call *call);

/*
 * The same in parts, for a face that keeps many calls in flight: prepare each; send those that ask;
 * receive each in the order of sending. A call that asks nothing, or that runs by steps, is carried
 * out when it is received, and then nothing may be in flight. Transactions are the face's.
 */
ADX_MUST_CHECK enum adx_rc call_prepare(struct call *call, struct adx_error *err);
ADX_MUST_CHECK enum adx_rc call_send(const struct call *call, struct adx_error *err);
ADX_MUST_CHECK enum adx_rc call_receive(struct call *call, struct adx_error *err);
/* The same with rows that were kept, of its only question. */
ADX_MUST_CHECK enum adx_rc call_receive_kept(struct call *call, struct rowset *kept,
					     struct adx_error *err);
/*
 * Commit the call's transaction, in which nothing else was done for anybody, with what it does at
 * its end. It has ended in any case, as after db_commit().
 */
ADX_MUST_CHECK enum adx_rc call_commit(struct call *call, struct adx_error *err);
/* Before it is sent and received again: its questions stay. */
void call_forget(struct call *call);
/* Did it answer, and was it a yes? */
bool call_said_yes(const struct call *call);
/* Does it run by steps, so that nothing may be in flight? */
bool call_by_steps(const struct call *call);
/* Must it have a transaction of its own, which sees one state? */
bool call_wants_snapshot(const struct call *call);
/* Must it have one of its own, which is to be ended by call_commit()? */
bool call_wants_to_commit(const struct call *call);
/* Do these arguments make it change something? */
bool call_writes(const struct call *call);
/* Prepared: can it be received without the database? */
bool call_asks_nothing(const struct call *call);
/* Prepared: is it one read that comes back soon, so that others may wait for the connection? */
bool call_may_share(const struct call *call);

/* ---- for handlers ------------------------------------------------------------------------ */

/* The argument of that name; NULL when the command has no such parameter. */
const struct value *call_find(const struct call *call, const char *name);
/* The argument of that name; a name that the command lacks is a bug and gives an empty value. */
const struct value *call_arg(const struct call *call, const char *name);
/* Its prepared JID part. */
const char *call_jid_part(const struct call *call, const char *name);
/* As it was typed; NULL when it is an optional one that is not there. */
const char *call_raw(const struct call *call, const char *name);
/* Is the optional argument there? */
bool call_has(const struct call *call, const char *name);
/* The same of a PARAM_FLAG: is it set? */
bool call_flag(const struct call *call, const char *name);

/* Say one of the command's answers; further "name", "value" pairs end with NULL. */
ADX_MUST_CHECK enum adx_rc call_answer(struct call *call, const struct answer *answer,
				       struct adx_error *err, ...) __attribute__((sentinel));
ADX_MUST_CHECK enum adx_rc call_integer(struct call *call, int64_t value);
ADX_MUST_CHECK enum adx_rc call_string(struct call *call, const char *data, size_t len);

/* ADX_OK as long as what was written arrived; handlers that stream ask after each row. */
ADX_MUST_CHECK enum adx_rc call_output_ok(const struct call *call, struct adx_error *err);

/*
 * Ask the statement whose rows `take` makes the answer of. Values are copied. It is run after the
 * handler has returned, so that a face may keep many in flight.
 */
ADX_MUST_CHECK enum adx_rc call_ask(struct call *call, enum sql_id id, const char *const values[],
				    size_t count, call_take *take, struct adx_error *err);
/* Ask one more, whose rows do not matter, to be run before the other: it takes a lock. */
ADX_MUST_CHECK enum adx_rc call_ask_first(struct call *call, enum sql_id id,
					  const char *const values[], size_t count,
					  struct adx_error *err);

/* Ask a statement whose single number is the answer. */
ADX_MUST_CHECK enum adx_rc call_ask_number(struct call *call, enum sql_id id,
					   const char *const values[], size_t count,
					   struct adx_error *err);
/* Ask the most usual list: its rows are the answer. */
ADX_MUST_CHECK enum adx_rc call_simple_list(struct call *call, enum sql_id id,
					    const char *const values[], size_t count,
					    struct adx_error *err);
/*
 * Ask a writing statement that says what happened in its columns outcome and rows: counts the rows,
 * and gives the command's answer of that status.
 */
ADX_MUST_CHECK enum adx_rc call_write(struct call *call, enum sql_id id, const char *const values[],
				      size_t count, struct adx_error *err);

/*
 * Of a list: stream the rows into the reply; columns are taken by the names of the command's
 * fields. A row whose column `marker` (may be NULL) is NULL says that the account is there and has
 * nothing; *seen counts the rows with that one, so 0 means no such account. Of a page the statement
 * has one item more than the limit, and a column `cursor` with the key of each row.
 */
ADX_MUST_CHECK enum adx_rc call_list(struct call *call, struct rows *rows, const char *marker,
				     int64_t *seen, struct adx_error *err);
/* The first of the command's answers with that status; NULL is a bug. */
const struct answer *call_answer_of(const struct call *call, const char *status);

/*
 * The audit record of this call as JSON, the first parameter of every writing statement: who, which
 * command, and of the arguments only JIDs, words from fixed lists and numbers. NULL on failure.
 */
const char *call_audit(struct call *call, struct adx_error *err);

void call_remark(const struct call *call, const char *fmt, ...) ADX_PRINTF(2, 3);

extern const struct answer ANSWER_OK;         /* "ok" without a text */
extern const struct answer ANSWER_NO_ACCOUNT; /* "User {user}@{host} does not exist" */

#endif
