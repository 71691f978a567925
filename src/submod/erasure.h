/*
 * Subjects that are erased in the transaction of a call: what they are called afterwards, what the
 * journal says of them, and the statements. The caller has locked them and looked what stands in
 * the way.
 */
#ifndef ADMINEX_ERASURE_H
#define ADMINEX_ERASURE_H

#include "base/buf.h"
#include "base/pseudonym.h"
#include "base/strvec.h"
#include "command/call.h"

struct erasure {
	struct call *call;
	struct pseudonym_key *key; /* NULL: none is configured */
	/* Arrays that go together, for the statements. */
	struct buf hosts, usernames, pseudonyms, accounts;
	struct buf hashes;       /* the same, as texts; without a key there are none */
	struct strvec journaled; /* of these, those that the journal is told of */
	size_t count;
};

/*
 * Begin with nobody. ADX_EINVAL for settings that contradict each other, and a key that cannot be
 * read. Whatever is returned, the caller ends it with erasure_free().
 */
ADX_MUST_CHECK enum adx_rc erasure_begin(struct call *call, struct erasure *out,
					 struct adx_error *err);
void erasure_free(struct erasure *e);
/* Say what an erasure does not do for want of a key; nothing where one is configured. */
void erasure_remark(const struct call *call);

/*
 * One more: is it an account, and is the journal to be told? After a key's hash it is called
 * erased-<24 digits of it>, without a key by chance, so that nothing leads from one name to
 * another.
 */
ADX_MUST_CHECK enum adx_rc erasure_add(struct erasure *e, const char *host, const char *username,
				       bool account, bool journaled, struct adx_error *err);
/* The name that one subject gets, without the rest; in the call's arena. */
ADX_MUST_CHECK enum adx_rc erasure_pseudonym(struct erasure *e, const char *host,
					     const char *username, const char **out,
					     struct adx_error *err);

/* A section was erased, with so many rows. */
typedef enum adx_rc erasure_section(void *ctx, const char *section, int64_t rows,
				    struct adx_error *err);

/*
 * Erase them: tell their contacts (*told rows), erase section by section, which `each` hears of,
 * end their sessions (*told again), keep their names from coming back, and write the audit row. The
 * journal is written when the transaction ends.
 */
ADX_MUST_CHECK enum adx_rc erasure_run(struct erasure *e, erasure_section *each, void *ctx,
				       int64_t *told, struct adx_error *err);

#endif
