/* CSV as RFC 4180 reads it: a field is quoted only when it must be. */
#ifndef ADMINEX_CSV_H
#define ADMINEX_CSV_H

#include <stddef.h>

#include "base/buf.h"

/* Append one field; the caller puts commas and line ends. */
void csv_add_field(struct buf *out, const char *data, size_t len);

#endif
