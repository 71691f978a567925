/*
 * Lines on standard error: for somebody at a terminal, or for the journal of a service. A line is
 * one write, and stays one line whatever bytes are in it.
 */
#ifndef ADMINEX_LOG_H
#define ADMINEX_LOG_H

#include "adminex/error.h"

/* "adminex: TEXT". Safe from any thread. */
void log_text(const char *text);
void log_line(const char *fmt, ...) ADX_PRINTF(1, 2);
/* A failure with its cure. */
void log_failure(const char *doing, const struct adx_error *err);

#endif
