/* The groups of commands, tables of rows, each ended by a row without a name. */
#ifndef ADMINEX_SUBMODS_H
#define ADMINEX_SUBMODS_H

#include "command/command.h"

extern const struct command ACCOUNTS_COMMANDS[];
extern const struct command ADMIN_COMMANDS[];
extern const struct command CACHE_COMMANDS[];
extern const struct command GDPR_COMMANDS[];
extern const struct command GDPR_ERASE_COMMANDS[];
extern const struct command GDPR_HOLD_COMMANDS[];
extern const struct command GDPR_PENDING_COMMANDS[];
extern const struct command GDPR_REGISTRY_COMMANDS[];
extern const struct command GDPR_LEDGER_COMMANDS[];
extern const struct command GDPR_VERIFY_COMMANDS[];
extern const struct command GDPR_REPLAY_COMMANDS[];
extern const struct command LAST_COMMANDS[];
extern const struct command NODE_COMMANDS[];
extern const struct command PRIVATE_COMMANDS[];
extern const struct command ROSTER_COMMANDS[];
extern const struct command SESSIONS_COMMANDS[];
extern const struct command STANZA_COMMANDS[];
extern const struct command STATS_COMMANDS[];
extern const struct command VCARD_COMMANDS[];

#endif
