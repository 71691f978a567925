/* Questions about bytes that claim to be text. */
#ifndef ADMINEX_TEXT_H
#define ADMINEX_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF). */
bool text_is_utf8(const char *s, size_t len);

/* Well-formed UTF-8 of characters that XML 1.0 can carry (its production 2, Char). */
bool text_is_xml(const char *s, size_t len);

/*
 * Decode one character at s (len bytes left, len > 0). Returns its length in
 * bytes and sets *cp, or 0 when the bytes are not well-formed UTF-8.
 */
size_t text_next(const char *s, size_t len, unsigned *cp);

/* Whole-string decimal number with an optional sign, nothing before or after it; s[len] is NUL. */
bool text_to_int64(const char *s, size_t len, long long *out);

/* Levenshtein distance, for suggestions; UINT_MAX when a word is longer than 64 bytes. */
unsigned text_distance(const char *a, const char *b);

#endif
