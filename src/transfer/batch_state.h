/*
 * How far a run of a batch has come, so that it can be resumed.
 *
 * The row of table batch_runs is written in the transaction of the lines it counts, so it is right
 * whenever this program, the server or the network ends. The state file says which row, and of
 * which input. Whoever works on a run holds an advisory lock in each of its transactions.
 */
#ifndef ADMINEX_BATCH_STATE_H
#define ADMINEX_BATCH_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "adminex/error.h"
#include "db/db.h"

struct batch_state {
	int fd;           /* of the state file, locked; -1: nothing is recorded */
	char run_id[37];  /* the UUID of the row */
	int64_t recorded; /* the last line that the row counts */
	int64_t failed;   /* of these */
	bool ended;       /* the end of the input was reached */
};

#define BATCH_STATE_NONE                                                                           \
	(struct batch_state)                                                                       \
	{                                                                                          \
		.fd = -1                                                                           \
	}

/*
 * Begin a run, or find the one that the state file names: then the input must be the one of that
 * SHA-256 (in hex), and what a killed run still has under way in the database is waited for. A file
 * that is not there or empty begins a run. batch_state_close() follows in every case. `waiting` is
 * called before it waits.
 */
ADX_MUST_CHECK enum adx_rc batch_state_open(struct batch_state *state, const char *path,
					    const char *sha256, const char *actor, struct db *db,
					    void (*waiting)(void), struct adx_error *err);
/* First in a transaction: hold off every other run of this state. Sent, to be received. */
ADX_MUST_CHECK enum adx_rc batch_state_send_lock(const struct batch_state *state, struct db *db,
						 struct adx_error *err);
ADX_MUST_CHECK enum adx_rc batch_state_receive_lock(struct db *db, struct adx_error *err);
/*
 * Last in it: the lines up to this one are done, of which so many failed. Call
 * batch_state_recorded() once that is committed.
 */
ADX_MUST_CHECK enum adx_rc batch_state_advance(const struct batch_state *state, struct db *db,
					       int64_t line, int64_t failed, struct adx_error *err);
void batch_state_recorded(struct batch_state *state, int64_t line, int64_t failed);
/* The end of the input was reached, behind this line; a transaction of its own. */
ADX_MUST_CHECK enum adx_rc batch_state_finish(struct batch_state *state, struct db *db,
					      int64_t line, int64_t failed, struct adx_error *err);
void batch_state_close(struct batch_state *state);

#endif
