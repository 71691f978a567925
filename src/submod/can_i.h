/* The command can_i of submod admin. */
#ifndef ADMINEX_CAN_I_H
#define ADMINEX_CAN_I_H

#include "command/call.h"

/* Their texts name the rule that says so. */
extern const struct answer CAN_I_YES;
extern const struct answer CAN_I_NO;
enum adx_rc can_i(struct call *call, struct adx_error *err);

#endif
