/*
 * For clang-tidy only, included before each file but error.c: it does not look from one source
 * into another, and has to know that a failure is never ADX_OK.
 */
#include "adminex/error.h"

#define adx_fail(err, rc, ...)          ((adx_fail)(err, rc, __VA_ARGS__), (rc))
#define adx_fail_errno(err, rc, n, ...) ((adx_fail_errno)(err, rc, n, __VA_ARGS__), (rc))
#define adx_nomem(err)                  ((adx_nomem)(err), ADX_ENOMEM)
