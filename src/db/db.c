#include "db/pg.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "db/stmt.h"

/* libpq speaks in several lines; a failure is one. */
static void
one_line(char *text)
{
	char *to = text;
	bool gap = false;

	for (const char *from = text; *from != '\0'; from++) {
		if (*from == '\n' || *from == '\t' || *from == '\r') {
			gap = true;
			continue;
		}
		if (gap && to > text && to[-1] != ' ')
			*to++ = ' ';
		gap = false;
		*to++ = *from;
	}
	*to = '\0';
}

/* What a DBA can do about it, by SQLSTATE: a whole code or a class of two characters. */
static const struct {
	const char *sqlstate;
	enum adx_rc rc;
	const char *hint;
} KNOWN[] = {
	{ "42501", ADX_EDENIED,
	  "the database role of this login lacks a privilege: roles adminex_reader, "
	  "adminex_operator and adminex_admin have it by degrees; only an owner can migrate" },
	{ "25006", ADX_EFAIL,
	  "this server only reads, it may be a standby; add "
	  "target_session_attrs=read-write and all hosts to the connection string" },
	{ "42P01", ADX_EFAIL,
	  "the schema is missing or older than this program: run 'adminex migrate'" },
	{ "3F000", ADX_EFAIL, "the schema is missing: run 'adminex migrate'" },
	{ "42703", ADX_EFAIL,
	  "the schema is older or newer than this program: run "
	  "'adminex migrate status'" },
	{ "42883", ADX_EFAIL,
	  "the schema is older or newer than this program: run "
	  "'adminex migrate status'" },
	{ "26000", ADX_EFAIL,
	  "behind a pooler that gives each transaction another connection, set database.prepare = "
	  "\"off\"" },
	{ "42P05", ADX_EFAIL,
	  "behind a pooler that gives each transaction another connection, set database.prepare = "
	  "\"off\"" },
	{ "55P03", ADX_EFAIL,
	  "another transaction holds the lock; see pg_stat_activity, or raise "
	  "database.lock_timeout" },
	{ "23514", ADX_EINVAL,
	  "a value is longer than, or of another kind than, the schema allows: the constraint says "
	  "which" },
	{ "23503", ADX_EFAIL,
	  "an account or host was removed, or taken into use, at the same moment; nothing was "
	  "changed, try again" },
	{ "53100", ADX_EFAIL, "the database server's disk is full; nothing was changed" },
	{ "53300", ADX_EUNAVAIL, "raise max_connections or use a pooler" },
	{ "57P", ADX_EUNAVAIL, "the server ended the connection; nothing was changed" },
	{ "08", ADX_EUNAVAIL, "nothing was changed" },
	{ "40", ADX_EFAIL, "another transaction was in the way; nothing was changed, try again" },
};

static enum adx_rc
interrupted(struct adx_error *err)
{
	return adx_fail(err, ADX_EINTR, "interrupted: nothing was changed");
}

static enum adx_rc
unknown(struct adx_error *err)
{
	adx_fail(err, ADX_EUNKNOWN,
		 "the connection broke during COMMIT: the change may or may not have been made");
	adx_hint(err, "look before running it again; table adminex.audit_log tells");
	return ADX_EUNKNOWN;
}

/* The mark of a DB_SINGLE is its COMMIT, and on the way before any answer is read. */
static bool
may_be_committed(const struct db *db)
{
	return db->in_transaction && db->single && db->ending;
}

static enum adx_rc
describe_loss(struct db *db, const char *state, const char *doing, struct adx_error *err)
{
	char text[384];

	/* A server that still says that it ends the connection has undone what it worked on. */
	if (may_be_committed(db) && (state == NULL || strncmp(state, "57P", 3) != 0)) {
		unknown(&db->end_error);
		return unknown(err);
	}
	snprintf(text, sizeof(text), "%s", PQerrorMessage(db->conn));
	one_line(text);
	adx_fail(err, ADX_EUNAVAIL, "%s: the connection to the database was lost%s%s", doing,
		 text[0] == '\0' ? "" : ": ", text);
	adx_hint(err, "nothing was changed");
	return ADX_EUNAVAIL;
}

static enum adx_rc
describe_cancel(struct db *db, const char *primary, const char *doing, struct adx_error *err)
{
	if (atomic_load(&db->interrupted))
		return interrupted(err);
	if (strcmp(db->statement_timeout, "0") == 0 || strstr(primary, "user request") != NULL) {
		adx_fail(err, ADX_EFAIL, "%s: somebody else cancelled the statement", doing);
		adx_hint(err, "nothing was changed");
		return ADX_EFAIL;
	}
	adx_fail(err, ADX_EFAIL, "%s: took longer than the time limit and was cancelled", doing);
	adx_hint(err, "nothing was changed; raise database.statement_timeout or "
		      "limits.pattern_timeout");
	return ADX_EFAIL;
}

enum adx_rc
pg_describe(struct db *db, const PGresult *res, const char *doing, struct adx_error *err)
{
	const char *state = res == NULL ? NULL : PQresultErrorField(res, PG_DIAG_SQLSTATE);
	const char *primary = res == NULL ? NULL : PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	char text[384];

	if (db->in_transaction)
		db->failed = true;
	/* Limits that were said in what failed are undone with it. */
	db->limits_due = true;
	if (PQresultStatus(res) == PGRES_PIPELINE_ABORTED)
		return adx_fail(err, ADX_EFAIL, "%s: not run, as what came before it failed",
				doing);
	if (PQstatus(db->conn) == CONNECTION_BAD || state == NULL || primary == NULL)
		return describe_loss(db, state, doing, err);
	if (strcmp(state, "57014") == 0) {
		describe_cancel(db, primary, doing, err);
		snprintf(err->sqlstate, sizeof(err->sqlstate), "%s", state);
		return err->rc;
	}
	snprintf(text, sizeof(text), "%s", primary);
	one_line(text);
	adx_fail(err, ADX_EFAIL, "%s: %s", doing, text);
	for (size_t i = 0; i < sizeof(KNOWN) / sizeof(KNOWN[0]); i++) {
		if (strncmp(state, KNOWN[i].sqlstate, strlen(KNOWN[i].sqlstate)) != 0)
			continue;
		err->rc = KNOWN[i].rc;
		adx_hint(err, "%s", KNOWN[i].hint);
		break;
	}
	/* A pooler's word for the loss of its server; the server itself says what it rolls back. */
	if (strncmp(state, "08", 2) == 0 && may_be_committed(db)) {
		unknown(&db->end_error);
		return unknown(err);
	}
	snprintf(err->sqlstate, sizeof(err->sqlstate), "%s", state);
	return err->rc;
}

static void
receive_notice(void *arg, const PGresult *res)
{
	struct db *db = arg;
	const char *severity = PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);
	const char *primary = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);

	/* 25P01: a ROLLBACK where there was no BEGIN, as undoing a DB_SINGLE takes. */
	if (db->warning != NULL && severity != NULL && primary != NULL && state != NULL &&
	    strcmp(severity, "WARNING") == 0 && strcmp(state, "25P01") != 0)
		db->warning(db->warning_ctx, primary);
}

/*
 * In a URI, an '@' behind the one that ends user and password, and before the parameters. Then a
 * password has an '@' or a '/' in it, and libpq takes what follows for host, port or database.
 */
static bool
has_stray_at(const char *dsn)
{
	const char *rest = strstr(dsn, "://");

	if (strncmp(dsn, "postgres", strlen("postgres")) != 0 || rest == NULL)
		return false;
	rest += strlen("://");
	if (rest[strcspn(rest, "@/")] == '@')
		rest += strcspn(rest, "@/") + 1;
	return rest[strcspn(rest, "@?")] == '@';
}

/*
 * libpq's complaints about a connection string quote pieces of it, and a piece may be the
 * password; so we look first and say it in words of our own.
 */
static enum adx_rc
check_dsn(const char *dsn, struct adx_error *err)
{
	char *why = NULL;
	PQconninfoOption *options = PQconninfoParse(dsn, &why);
	bool readable = options != NULL;

	PQfreemem(why);
	PQconninfoFree(options);
	if (!readable) {
		adx_fail(err, ADX_EUNAVAIL, "the connection string cannot be read");
		adx_hint(err, "write key=value pairs with quotes around odd values, or a "
			      "postgresql:// URI with percent-encoding");
		return ADX_EUNAVAIL;
	}
	if (has_stray_at(dsn)) {
		adx_fail(err, ADX_EUNAVAIL, "the connection string has an '@' too many");
		adx_hint(err, "in a password, write '@' as %%40 and '/' as %%2F");
		return ADX_EUNAVAIL;
	}
	return ADX_OK;
}

/* The value of a setting that libpq does not accept may be a misplaced piece of the password. */
static void
hide_value(char *text)
{
	char *from = strstr(text, "invalid ");
	char *to;

	from = from == NULL ? NULL : strchr(from, '"');
	if (from == NULL)
		return;
	from++;
	to = strstr(from, "\" for connection option ");
	if (to == NULL)
		to = strrchr(from, '"');
	memmove(from, to == NULL ? "" : to, to == NULL ? 1 : strlen(to) + 1);
}

static PGconn *
connect_to(const struct db_settings *s)
{
	char seconds[16];
	/* Later pairs win: the connection string may bring its own connect_timeout. */
	const char *keys[6] = { "fallback_application_name" };
	const char *values[6] = { "adminex" };
	int n = 1;

	snprintf(seconds, sizeof(seconds), "%d", s->connect_timeout);
	if (getenv("PGCONNECT_TIMEOUT") == NULL) {
		keys[n] = "connect_timeout";
		values[n++] = seconds;
	}
	if (s->dsn != NULL && s->dsn[0] != '\0') {
		keys[n] = "dbname";
		values[n++] = s->dsn;
	}
	keys[n] = "client_encoding";
	values[n++] = "UTF8";
	keys[n] = NULL;
	values[n] = NULL;
	return PQconnectdbParams(keys, values, 1);
}

static enum adx_rc
describe_connect(const PGconn *conn, struct adx_error *err)
{
	char text[512];

	snprintf(text, sizeof(text), "%s", PQerrorMessage(conn));
	one_line(text);
	hide_value(text);
	adx_fail(err, ADX_EUNAVAIL, "cannot reach the database: %s", text);
	if (strstr(text, "password") != NULL)
		adx_hint(err, "check user and password, or the server's pg_hba.conf");
	else
		adx_hint(err, "set --dsn, ADMINEX_DSN, database.dsn of the configuration or "
			      "libpq's PGHOST, PGDATABASE, ...");
	return ADX_EUNAVAIL;
}

enum adx_rc
db_open(const struct db_settings *settings, struct db **out, struct adx_error *err)
{
	struct db *db;
	enum adx_rc rc = check_dsn(settings->dsn == NULL ? "" : settings->dsn, err);

	*out = NULL;
	if (rc != ADX_OK)
		return rc;
	db = calloc(1, sizeof(*db));
	if (db == NULL)
		return adx_nomem(err);
	db->socket = -1;
	pthread_mutex_init(&db->cancelling_lock, NULL);
	db->backend = settings->backend;
	db->limits_due = true;
	db->warning = settings->warning;
	db->warning_ctx = settings->warning_ctx;
	db->dropped = settings->dropped;
	db->dropped_ctx = settings->dropped_ctx;
	atomic_init(&db->committing, false);
	atomic_init(&db->interrupted, false);
	snprintf(db->lock_timeout, sizeof(db->lock_timeout), "%d", settings->lock_timeout);
	snprintf(db->usual_timeout, sizeof(db->usual_timeout), "%d", settings->statement_timeout);
	db_restore_limits(db);
	db->prepares = settings->prepare;
	db->short_answers = settings->short_answers;
	db->daemon_id = strdup(settings->daemon_id == NULL ? "" : settings->daemon_id);
	db->conn = connect_to(settings);
	if (db->conn == NULL || db->daemon_id == NULL)
		rc = adx_nomem(err);
	else if (PQstatus(db->conn) != CONNECTION_OK)
		rc = describe_connect(db->conn, err);
	else if ((db->cancel = PQgetCancel(db->conn)) == NULL)
		rc = adx_nomem(err);
	if (rc != ADX_OK) {
		db_close(db);
		return rc;
	}
	PQsetNoticeReceiver(db->conn, receive_notice, db);
	if (settings->daemon_id != NULL)
		db->socket = fcntl(PQsocket(db->conn), F_DUPFD_CLOEXEC, 0);
	*out = db;
	return ADX_OK;
}

void
db_close(struct db *db)
{
	if (db == NULL)
		return;
	cancelling_release(db->cancelling);
	pthread_mutex_destroy(&db->cancelling_lock);
	PQfreeCancel(db->cancel);
	PQfinish(db->conn);
	if (db->socket >= 0)
		close(db->socket);
	drops_clear(&db->drops);
	built_free(db->built);
	free(db->daemon_id);
	free(db->flights);
	free(db);
}

/* What a pool asks of a connection that rests: the end of it is readable, like everything else. */
bool
db_alive(struct db *db)
{
	enum { READS_MAX = 16 };
	struct pollfd ready = { .fd = PQsocket(db->conn), .events = POLLIN };

	for (int i = 0; i < READS_MAX && PQstatus(db->conn) == CONNECTION_OK; i++) {
		if (poll(&ready, 1, 0) == 0)
			return true;
		if (!PQconsumeInput(db->conn))
			return false;
		/* The settings that the server tells, and its last words. */
		(void)PQisBusy(db->conn);
	}
	return PQstatus(db->conn) == CONNECTION_OK;
}

bool
db_at_rest(const struct db *db)
{
	return !db->in_transaction && pipeline_empty(db) &&
	       PQtransactionStatus(db->conn) == PQTRANS_IDLE;
}

bool
db_follows(const struct db *db)
{
	const char *standby = PQparameterStatus(db->conn, "in_hot_standby");

	return standby != NULL && strcmp(standby, "on") == 0;
}

void
db_begin(struct db *db, enum db_mode mode)
{
	static const char *const BEGINS[] = {
		[DB_WRITE] = "BEGIN ISOLATION LEVEL READ COMMITTED",
		[DB_SNAPSHOT] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
		[DB_SINGLE] = NULL,
	};

	db->begin = BEGINS[mode];
	db->single = mode == DB_SINGLE;
	db->in_transaction = true;
	db->ending = db->ended = false;
	db->end_error.rc = ADX_OK;
	/* What lasts was said before. */
	db->limits_due = db->limits_due || !db->prepares;
	db->failed = false;
}

bool
db_failed(const struct db *db)
{
	return db->failed;
}

void
db_limit_statements(struct db *db, int milliseconds)
{
	snprintf(db->statement_timeout, sizeof(db->statement_timeout), "%d", milliseconds);
	db->limits_due = true;
}

void
db_plan_anew(struct db *db, bool anew)
{
	db->plans_anew = anew;
}

void
db_restore_limits(struct db *db)
{
	if (strcmp(db->statement_timeout, db->usual_timeout) == 0)
		return;
	memcpy(db->statement_timeout, db->usual_timeout, sizeof(db->statement_timeout));
	db->limits_due = true;
}

bool
pg_leave_pipeline(struct db *db)
{
	return PQpipelineStatus(db->conn) == PQ_PIPELINE_OFF || PQexitPipelineMode(db->conn);
}

/* A command outside the pipeline: transaction control, scripts, COPY. */
static PGresult *
plain(struct db *db, const char *sql)
{
	return pg_leave_pipeline(db) ? PQexec(db->conn, sql) : NULL;
}

static enum adx_rc
run_plain(struct db *db, const char *sql, const char *doing, struct adx_error *err)
{
	PGresult *res = plain(db, sql);
	ExecStatusType status = PQresultStatus(res);
	enum adx_rc rc = ADX_OK;

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		rc = pg_describe(db, res, doing, err);
	PQclear(res);
	return rc;
}

/* BEGIN and the time limits travel with a statement, so one must have come before. */
static enum adx_rc
check_begun(struct db *db, struct adx_error *err)
{
	if (atomic_load(&db->interrupted))
		return interrupted(err);
	if (db->single)
		return adx_fail(err, ADX_EFAIL, "this needs a transaction of its own");
	if (db->begin != NULL)
		return adx_fail(err, ADX_EFAIL, "no statement has begun the transaction yet");
	return ADX_OK;
}

/* ---- the end of a transaction ------------------------------------------------------------ */

static void
leave_transaction(struct db *db)
{
	drops_clear(&db->drops);
	db->begin = NULL;
	db->in_transaction = false;
	db->single = false;
	db->failed = false;
}

static void
tell_dropped(struct db *db, bool certain)
{
	if (db->dropped != NULL && db->drops.count > 0)
		db->dropped(db->dropped_ctx, db->drops.items, db->drops.count, certain);
}

/* Was nothing sent that a COMMIT could be for? */
static bool
is_untouched(const struct db *db)
{
	if (!db->in_transaction)
		return true;
	return db->single ? !db->ending && !db->failed && pipeline_empty(db) : db->begin != NULL;
}

/* What the answers said, up to that of the last mark. */
static enum adx_rc
judge_end(struct db *db, struct adx_error *err)
{
	enum adx_rc rc = db->end_error.rc;

	/* A pooler may report the loss of its server as an ordinary error. */
	if (rc == ADX_EUNAVAIL || rc == ADX_EUNKNOWN)
		return unknown(err);
	if (rc != ADX_OK) {
		*err = db->end_error;
		return rc;
	}
	if (db->single && db->failed)
		return adx_fail(err, ADX_EFAIL, "the transaction was rolled back by the server");
	return db->ended ? ADX_OK : unknown(err);
}

static bool
is_left_open(const struct db *db)
{
	PGTransactionStatusType status = PQtransactionStatus(db->conn);

	return status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
}

/* Read the answers up to the last mark's, and tell what is so now. */
static enum adx_rc
conclude(struct db *db, struct adx_error *err)
{
	enum adx_rc rc;

	stmt_drain(db);
	rc = judge_end(db, err);
	if (rc == ADX_OK || rc == ADX_EUNKNOWN)
		tell_dropped(db, rc == ADX_OK);
	return rc;
}

enum adx_rc
db_commit(struct db *db, struct adx_error *err)
{
	enum adx_rc rc;

	if (is_untouched(db)) {
		leave_transaction(db);
		return ADX_OK;
	}
	atomic_store(&db->committing, true);
	if (!db->ending && atomic_load(&db->interrupted)) {
		atomic_store(&db->committing, false);
		db_rollback(db);
		return interrupted(err);
	}
	if (!db->ending && !(db->single && db->failed) && !pipeline_send_end(db))
		pg_describe(db, NULL, "cannot commit", &db->end_error);
	rc = conclude(db, err);
	/* A notification that failed leaves a transaction behind. */
	if (is_left_open(db))
		PQclear(plain(db, "ROLLBACK"));
	atomic_store(&db->committing, false);
	leave_transaction(db);
	return rc;
}

void
db_rollback(struct db *db)
{
	struct adx_error ignored;

	/* A DB_SINGLE whose mark is sent ends as it will; before the mark the drain undoes it. */
	if (db->in_transaction && db->single && db->ending)
		(void)conclude(db, &ignored);
	else if (db->in_transaction && db->single)
		stmt_drain(db);
	else if (db->in_transaction && db->begin == NULL && PQstatus(db->conn) == CONNECTION_OK)
		PQclear(plain(db, "ROLLBACK"));
	/* What was said within the transaction is forgotten with it. */
	db->limits_due = true;
	leave_transaction(db);
}

enum adx_rc
db_savepoint(struct db *db, struct adx_error *err)
{
	enum adx_rc rc = ADX_OK;

	if (atomic_load(&db->interrupted))
		return interrupted(err);
	if (db->single)
		return adx_fail(err, ADX_EFAIL, "no savepoint in a transaction of one mark");
	if (db->begin != NULL)
		rc = run_plain(db, db->begin, "cannot begin", err);
	db->begin = NULL;
	return rc == ADX_OK ? run_plain(db, "SAVEPOINT adminex", "cannot set a savepoint", err)
			    : rc;
}

enum adx_rc
db_savepoint_return(struct db *db, struct adx_error *err)
{
	enum adx_rc rc = run_plain(db, "ROLLBACK TO SAVEPOINT adminex", "cannot roll back", err);

	db->failed = rc != ADX_OK;
	/* SET LOCAL is undone with everything else. */
	db->limits_due = true;
	return rc;
}

enum adx_rc
db_savepoint_release(struct db *db, struct adx_error *err)
{
	return run_plain(db, "RELEASE SAVEPOINT adminex", "cannot release a savepoint", err);
}

void
db_cancel(struct db *db)
{
	char ignored[256];

	/* A COMMIT is waited for: cancelling it would only make its outcome harder to know. */
	if (!atomic_load(&db->committing))
		PQcancel(db->cancel, ignored, sizeof(ignored));
}

void
db_interrupt(struct db *db)
{
	atomic_store(&db->interrupted, true);
	db_cancel(db);
}

bool
db_interrupted(const struct db *db)
{
	return atomic_load(&db->interrupted);
}

void
db_clear_interrupt(struct db *db)
{
	atomic_store(&db->interrupted, false);
}

enum adx_rc
db_script(struct db *db, const char *sql, struct adx_error *err)
{
	enum adx_rc rc = check_begun(db, err);

	return rc == ADX_OK ? run_plain(db, sql, "the script failed", err) : rc;
}

enum adx_rc
db_copy_begin(struct db *db, enum sql_id id, struct adx_error *err)
{
	const struct sql_statement *s = &SQL_CATALOGUE[db->backend][id];
	PGresult *res;
	enum adx_rc rc = check_begun(db, err);

	if (rc != ADX_OK)
		return rc;
	res = plain(db, s->text);
	if (PQresultStatus(res) != PGRES_COPY_IN)
		rc = pg_describe(db, res, s->name, err);
	PQclear(res);
	return rc;
}

enum adx_rc
db_copy_data(struct db *db, const char *data, size_t len, struct adx_error *err)
{
	/* libpq counts in int; ours are far smaller, but the type says otherwise. */
	const size_t most = 1 << 30;

	if (atomic_load(&db->interrupted))
		return interrupted(err);
	for (size_t n; len > 0; data += n, len -= n) {
		n = len < most ? len : most;
		if (PQputCopyData(db->conn, data, (int)n) != 1)
			return describe_loss(db, NULL, "copying rows", err);
	}
	return ADX_OK;
}

enum adx_rc
db_copy_end(struct db *db, struct adx_error *err)
{
	PGresult *res;
	enum adx_rc rc = ADX_OK;

	if (PQputCopyEnd(db->conn, NULL) != 1)
		return describe_loss(db, NULL, "copying rows", err);
	for (res = PQgetResult(db->conn); res != NULL; res = PQgetResult(db->conn)) {
		if (PQresultStatus(res) != PGRES_COMMAND_OK && rc == ADX_OK)
			rc = pg_describe(db, res, "copying rows", err);
		PQclear(res);
	}
	return rc;
}
