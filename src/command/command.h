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

enum { COMMAND_PARAMS_MAX = 8, COMMAND_FIELDS_MAX = 8, COMMAND_ANSWERS_MAX = 6 };

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
};

/* What becomes of the file of a PARAM_PATH; a caller over the network names no file. */
enum param_path {
	PATH_READ,    /* the caller may give its content instead */
	PATH_WRITTEN, /* the reply may take its place */
	PATH_OWN,     /* a daemon means its own file */
};

/* Content of "file" is read as "file_format" says. */
#define PARAM_FORMAT "_format"

struct param {
	const char *name;
	enum param_type type;
	const char *doc;
	/*
	 * NULL-terminated. PARAM_WORD, PARAM_CHOICE: what may be said; PARAM_PATH: how content may
	 * be read, the usual way first.
	 */
	const char *const *words;
	int64_t min, max; /* PARAM_INTEGER */
	enum param_path path;
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
	CMD_WRITES = 1,        /* runs in a transaction; its reply is sent after COMMIT */
	CMD_DESTROYS = 2,      /* asks on a terminal; counts what goes for --max-affected */
	CMD_LOCAL = 4,         /* needs no database */
	CMD_LIST_TOO = 8,      /* a restuple that also has rows, in machine-readable formats */
	CMD_SNAPSHOT = 16,     /* several reads that must see one state */
	CMD_STEPS = 32,        /* run() itself runs statements, one after another */
	CMD_WIDE = 64,         /* goes through a host or more: not for a connection that others
				  wait for */
	CMD_NEVER_SEEN = 128,  /* run_options.include_never_seen matters */
	CMD_GUESSES = 256,     /* tells whether a secret is right: not too often */
	CMD_SECRET_REPLY = 512 /* its reply is kept nowhere */
};

struct command {
	const char *name;
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
	 */
	const char *limited_by;
	const char *limited_too; /* the same of a second parameter; NULL: there is none */
	const char *example;     /* arguments only, shell-quoted */
	/*
	 * Answers, or asks the statement whose rows will give the answer (call_ask() and what
	 * stands on it). With CMD_STEPS it may also run statements before.
	 */
	enum adx_rc (*run)(struct call *call, struct adx_error *err);
	/* Of a writing command: do these arguments make it one that only reads? NULL: never. */
	bool (*only_reads)(const struct call *call);
};

size_t command_param_count(const struct command *command);
size_t command_field_count(const struct command *command);

/* What its rows are called: "accounts", "roster items", else "rows". */
const char *command_affects(const struct command *command);

/* What the key of its pages looks like: "user@host/resource". NULL: it has no pages. */
const char *command_page_form(const struct command *command);

/* "USER HOST NEWPASS", into out. */
struct buf;
void command_usage(const struct command *command, struct buf *out);

/* The command of that name ('-' reads as '_'), or NULL. */
const struct command *command_find(const struct command *const *commands, const char *name);
/* The name nearest to a mistyped one, or NULL when nothing is near. */
const char *command_nearest(const struct command *const *commands, const char *name);

#endif
