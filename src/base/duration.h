/* Lengths of time as a person writes them: a number and a unit, like 90d. */
#ifndef ADMINEX_DURATION_H
#define ADMINEX_DURATION_H

#include <stdbool.h>
#include <stdint.h>

/* For messages. */
#define DURATION_FORMS "2w, 14d, 36h or 30m"
/* The same as a regular expression (ECMA-262, as JSON Schema has them). */
#define DURATION_PATTERN "^[0-9]{1,9}[wdhm]$"

/* Up to nine digits and one of w, d, h, m, in seconds. False when it is anything else. */
bool duration_parse(const char *text, int64_t *seconds);

/* The other way, in days where no hour is left over, in hours, else in minutes. */
enum { DURATION_SIZE = 24 };
void duration_print(int64_t seconds, char out[DURATION_SIZE]);

#endif
