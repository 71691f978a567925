/* What must be true of every row of the command table. */
#ifndef ADMINEX_ROW_CHECK_H
#define ADMINEX_ROW_CHECK_H

#include "command/command.h"

/* ADX_EFAIL says what the row of that submod lacks; the program does not start with it. */
ADX_MUST_CHECK enum adx_rc row_check(const struct command *command, const char *submod,
				     struct adx_error *err);

#endif
