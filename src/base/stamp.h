/* Dates and times as XMPP and RFC 3339 write them. */
#ifndef ADMINEX_STAMP_H
#define ADMINEX_STAMP_H

#include <stdbool.h>
#include <stdint.h>

/* What both make: YYYY-MM-DDThh:mm:ss[.f]Z in UTC, with at most six digits of a second. */
enum { STAMP_SIZE = 32 };

/* A delay stamp: XEP-0082, or CCYYMMDDThh:mm:ss of XEP-0091. False when it is no date and time. */
bool stamp_of_xmpp(const char *text, char out[STAMP_SIZE]);

/* Take the zeros away that end a fraction. */
void stamp_shorten(char stamp[STAMP_SIZE]);

/*
 * What a person writes: YYYY-MM-DD, which is its midnight in UTC, or a timestamp of RFC 3339, 5.6.
 * *seconds: the same since 1970, without the fraction. False when it is neither.
 */
bool stamp_of_date(const char *text, char out[STAMP_SIZE], int64_t *seconds);

#endif
