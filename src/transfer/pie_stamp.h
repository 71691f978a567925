/* Dates and times as XMPP writes them. */
#ifndef ADMINEX_PIE_STAMP_H
#define ADMINEX_PIE_STAMP_H

#include <stdbool.h>

/*
 * Bring a delay stamp (XEP-0082, or CCYYMMDDThh:mm:ss of XEP-0091) to YYYY-MM-DDThh:mm:ss[.f]Z in
 * UTC, with at most six digits of a second. False when it is no date and time.
 */
enum { PIE_STAMP_SIZE = 32 };
bool pie_stamp(const char *text, char out[PIE_STAMP_SIZE]);

#endif
