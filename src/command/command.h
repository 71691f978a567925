/*
 * A command is one row of a table. From the row come parsing, authorisation, help, completion, the
 * manual and the replies; the handler is the only code a command has of its own.
 *
 * To add one: a row and a handler in src/submod/, a statement in sql/, a test.
 */
#ifndef ADMINEX_COMMAND_H
#define ADMINEX_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adminex/error.h"
#include "adminex/jid.h"

struct call;

enum { COMMAND_PARAMS_MAX = 16, COMMAND_FIELDS_MAX = 16, COMMAND_ANSWERS_MAX = 8 };

enum param_type {
	PARAM_LOCALPART,
	PARAM_CONTACT, /* a localpart, or "" for a contact that is a domain */
	PARAM_DOMAIN,
	PARAM_RESOURCE,
	PARAM_JID,     /* a whole JID, resource allowed */
	PARAM_TEXT,    /* UTF-8 of characters XML can carry */
	PARAM_XML,     /* the same; the handler parses it */
	PARAM_LIST,    /* the same, split at ';', empty pieces dropped */
	PARAM_SECRET,  /* never echoed, logged or audited */
	PARAM_INTEGER, /* between min and max */
	PARAM_WORD,    /* one of words */
	PARAM_CHOICE,  /* the same, but the command has an answer of its own for other words */
	PARAM_PATH,
	PARAM_FLAG, /* there or not, without a value; always optional */
	PARAM_DAYS, /* a length of time (base/duration.h), between min and max seconds */
	PARAM_DATE, /* a date or a timestamp (stamp_of_date() of base/stamp.h) */
};

/* What becomes of the file of a PARAM_PATH; a caller over the network names no file. */
enum param_path {
	PATH_READ,    /* the caller may give its content instead */
	PATH_WRITTEN, /* the reply may take its place, as "-" says; left out, it is the same */
	PATH_OWN,     /* a daemon means its own file */
};

/* Content of "file" is read as "file_format" says. */
#define PARAM_FORMAT "_format"

/*
 * Required parameters stand before optional ones. Those are given as --name VALUE anywhere behind
 * the command (command/args.h), and as members that may be missing of a JSON object; a command that
 * has none takes all that stands behind its name as arguments, whatever it looks like.
 */
struct param {
	const char *name;
	enum param_type type;
	const char *doc;
	/*
	 * NULL-terminated. PARAM_WORD, PARAM_CHOICE: what may be said; PARAM_PATH: how content may
	 * be read, the usual way first.
	 */
	const char *const *words;
	int64_t min, max; /* PARAM_INTEGER; PARAM_DAYS: seconds */
	enum param_path path;
	bool optional; /* a handler learns of it by call_has() */
	char letter;   /* of an optional one: 'o' makes -o VALUE the same; NUL: it has none */
};

enum result_kind {
	RESULT_INTEGER,
	RESULT_STRING,
	RESULT_RESCODE,  /* nothing but the status */
	RESULT_RESTUPLE, /* a status and a text */
	RESULT_LIST,     /* rows of fields */
};

struct field {
	const char *name;
	bool integer;
};

/*
 * One thing a command can say. The text may name parameters in braces, {user}, which stand for the
 * argument as it was typed, and further values the handler gives. "" says nothing.
 */
struct answer {
	const char *status; /* "ok" is exit status 0, every other word 1 */
	const char *text;
};

/*
 * Of a list that can be asked for in pages: the key of its rows, by which they are ordered. A page
 * begins behind the key that the page before it ended with, taken as it is, byte for byte.
 */
enum page_key {
	PAGES_NONE,
	PAGES_BY_USER,    /* name of an account, of the host that is an argument */
	PAGES_BY_HOST,    /* name of a host */
	PAGES_BY_ACCOUNT, /* user@host */
	PAGES_BY_CONTACT, /* bare JID of a contact; it may have several rows, and counts once */
	PAGES_BY_SESSION, /* user@host/resource */
};

enum role { ROLE_NONE, ROLE_READER, ROLE_OPERATOR, ROLE_ADMIN };

/* For `limited_by` of a command that touches and tells nothing of any host. */
extern const char LIMITED_NOT_AT_ALL[];

enum command_flags {
	CMD_WRITES = 1,         /* runs in a transaction; its reply is sent after COMMIT */
	CMD_DESTROYS = 2,       /* asks on a terminal; counts what goes for --max-affected */
	CMD_LOCAL = 4,          /* needs no database */
	CMD_LIST_TOO = 8,       /* a restuple that also has rows, in machine-readable formats */
	CMD_SNAPSHOT = 16,      /* several reads that must see one state */
	CMD_STEPS = 32,         /* run() itself runs statements, one after another */
	CMD_WIDE = 64,          /* goes through a host or more: not for a connection that others
				   wait for */
	CMD_NEVER_SEEN = 128,   /* run_options.include_never_seen matters */
	CMD_GUESSES = 256,      /* tells whether a secret is right: not too often */
	CMD_SECRET_REPLY = 512, /* its reply is kept nowhere */
	CMD_ON_YES = 1024,      /* run_options.said_yes matters; then it never asks */
	CMD_TABLE = 2048,       /* its list is for people: in columns also as text */
	CMD_ALONE = 4096        /* a write with a transaction of its own: it does something outside
				   the database at the end of it (struct call_end) */
};

struct command {
	const char *name;
	/*
	 * Of one of several commands that people say in two words: "gdpr_request" of
	 * "gdpr_request_open", which on the command line and in lines of a batch may be written
	 * gdpr_request open, and is shown that way. NULL: the name is one word.
	 */
	const char *family;
	const char *submod;
	const char *summary; /* one sentence, as after "adminex NAME:" */
	const char *notes;   /* more for the help, or NULL */
	struct param params[COMMAND_PARAMS_MAX];
	enum result_kind result;
	enum page_key pages; /* of a list */
	const char *result_name;
	struct field fields[COMMAND_FIELDS_MAX];
	const struct answer *answers[COMMAND_ANSWERS_MAX];
	/*
	 * What is answered when the first localpart, domain or resource is no valid JID part: an
	 * account of that name cannot exist. NULL: it is a bad argument.
	 */
	const struct answer *if_bad_jid;
	/* What is answered when the secret is empty, before anything else; NULL: it may be. */
	const struct answer *if_empty_secret;
	/* What --dry-run and --max-affected count: "accounts", "roster items". */
	const char *affects;
	enum role role;
	unsigned flags;
	/*
	 * The parameter, a domain or a JID whose domain counts, that says on which host the command
	 * works: who is limited to hosts may run it there. NULL: on all hosts, or on what belongs
	 * to none, so who is limited may not run it. LIMITED_NOT_AT_ALL: a limit does not matter.
	 * An optional one that is left out means all hosts.
	 */
	const char *limited_by;
	/* The same of a second parameter; NULL: there is none, as when it is left out. */
	const char *limited_too;
	const char *example; /* arguments only, shell-quoted */
	/*
	 * Answers, or asks the statement whose rows will give the answer (call_ask() and what
	 * stands on it). With CMD_STEPS it may also run statements before.
	 */
	enum adx_rc (*run)(struct call *call, struct adx_error *err);
	/*
	 * What a document is that takes the place of the reply (writer.whole), by its media type;
	 * NULL: what the reply's format is.
	 */
	const char *(*media_type)(const struct call *call);
	/* Of a writing command: do these arguments make it one that only reads? NULL: never. */
	bool (*only_reads)(const struct call *call);
};

size_t command_param_count(const struct command *command);
/* Of these, how many must be there; they are the first. */
size_t command_required_count(const struct command *command);
bool command_has_optional(const struct command *command);
size_t command_field_count(const struct command *command);

/* What its rows are called: "accounts", "roster items", else "rows". */
const char *command_affects(const struct command *command);

/* What the key of its pages looks like: "user@host/resource". NULL: it has no pages. */
const char *command_page_form(const struct command *command);

struct buf;
/* "gdpr_request open": the name as people write it. */
void command_add_name(const struct command *command, struct buf *out);
/* "ban_account USER HOST REASON [--until DATE]": as on the command line, into out. */
void command_usage(const struct command *command, struct buf *out);
/* "USER", "FILE", "json|csv": what stands for the parameter's value. */
void param_add_form(const struct param *param, struct buf *out);
/* "--name": an optional parameter as it is written on the command line. */
void param_add_option(const struct param *param, struct buf *out);

/* The command of that name ('-' reads as '_'), or NULL. */
const struct command *command_find(const struct command *const *commands, const char *name);
/*
 * The command that the first words of a line name: one word, or two of a family. `second` may be
 * NULL. *words says how many of the two are its name. NULL: they name none.
 */
const struct command *command_named(const struct command *const *commands, const char *first,
				    const char *second, size_t *words);
/* Is it the first word of commands that have two? */
bool command_is_family(const struct command *const *commands, const char *word);
/* Is it a command of that family? */
bool command_in_family(const struct command *command, const char *word);
/* The name nearest to a mistyped one, or NULL when nothing is near. */
const char *command_nearest(const struct command *const *commands, const char *name);
/*
 * Of words that name no command: ADX_EUSAGE that says what may stand there. A hint is there when
 * there is one.
 */
ADX_MUST_CHECK enum adx_rc command_unknown(const struct command *const *commands, const char *first,
					   const char *second, struct adx_error *err);

#endif
