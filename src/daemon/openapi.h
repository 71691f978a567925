/* The service described by OpenAPI 3.1, made from the table of commands. */
#ifndef ADMINEX_OPENAPI_H
#define ADMINEX_OPENAPI_H

#include "base/out.h"
#include "command/command.h"

/* Write the document for these commands, ended by NULL. What goes wrong, `out` keeps. */
void openapi_write(const struct command *const *commands, struct out *out);

#endif
