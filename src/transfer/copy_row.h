/* One line of COPY's text format (PostgreSQL manual, COPY, "Text Format"). */
#ifndef ADMINEX_COPY_ROW_H
#define ADMINEX_COPY_ROW_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* NULL is SQL NULL. Fields are parted and the line ended by these alone. */
void copy_text(struct buf *line, const char *text);
void copy_int64(struct buf *line, int64_t value);
/* Ends the line: the last separator becomes a newline. */
void copy_end(struct buf *line);

#endif
