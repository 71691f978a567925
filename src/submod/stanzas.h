/* Stanzas (RFC 6120, section 8) that go to the XMPP server through the outbox. */
#ifndef ADMINEX_STANZAS_H
#define ADMINEX_STANZAS_H

#include "adminex/error.h"
#include "base/buf.h"

/* <presence/> with what a client would send; show "available" and "unavailable" are types. */
ADX_MUST_CHECK enum adx_rc stanza_presence(const char *show, const char *status,
					   const char *priority, struct buf *out,
					   struct adx_error *err);
/* <message/> with a random id; no <subject/> where subject is NULL. */
ADX_MUST_CHECK enum adx_rc stanza_message(const char *type, const char *from, const char *to,
					  const char *subject, const char *body, struct buf *out,
					  struct adx_error *err);

#endif
