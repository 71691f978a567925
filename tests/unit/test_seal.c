/* The seal of a document: that it is there, and that nothing escapes it. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/sha256.h"
#include "sealed.h"
#include "transfer/pie_reader.h"
#include "transfer/seal_check.h"

enum { SMALL = 2, BIG = 50000, RANDOM_CHANGES = 10 };

/* RFC 8032, 7.1, test 1. */
static const char KEY[] = "-----BEGIN PRIVATE KEY-----\n"
			  "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
			  "-----END PRIVATE KEY-----\n";
static const char SIGNER[] =
	"ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

static const char *const FORMS[SEAL_FORMS] = { "json", "ndjson", "xml", "zip" };

static struct signer *
open_signer(void)
{
	char path[] = "/tmp/adminex-key-XXXXXX";
	int fd = mkstemp(path);
	struct signer *signer;
	struct adx_error err;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, KEY, strlen(KEY)), strlen(KEY));
	close(fd);
	assert_int_equal(signer_open(path, &signer, &err), ADX_OK);
	unlink(path);
	return signer;
}

/* ---- documents in memory ------------------------------------------------------------------ */

static struct buf
slurp(int fd)
{
	struct buf text = BUF_INIT;
	off_t size = lseek(fd, 0, SEEK_END);
	char *room = buf_room(&text, (size_t)size + 1);

	assert_non_null(room);
	assert_int_equal(pread(fd, room, (size_t)size, 0), size);
	room[size] = '\0';
	text.len = (size_t)size;
	return text;
}

static struct buf
make(enum seal_form form, int rows, const struct signer *signer)
{
	int fd = memfd_create("document", 0);
	struct out *out = out_new(fd);
	char digest[SEAL_DIGEST_SIZE];
	struct adx_error err = { 0 };
	struct buf text;

	assert_int_equal(sealed_write(out, form, rows, signer, digest, &err), ADX_OK);
	out_free(out);
	text = slurp(fd);
	assert_non_null(memmem(text.data, text.len, digest, strlen(digest)));
	close(fd);
	return text;
}

static void
fill(int fd, const char *text, size_t len)
{
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, text, len, 0), len);
}

static struct seal_report
look(int fd, const unsigned char *key)
{
	struct seal_report report;
	struct adx_error err = { 0 };

	assert_int_equal(seal_check(fd, key, &report, &err), ADX_OK);
	return report;
}

static struct seal_report
look_at(const char *text, size_t len, const unsigned char *key)
{
	int fd = memfd_create("document", 0);
	struct seal_report report;

	fill(fd, text, len);
	report = look(fd, key);
	close(fd);
	return report;
}

static void
assert_verdict(const char *text, size_t len, const unsigned char *key, enum seal_verdict verdict,
	       const char *why)
{
	struct seal_report report = look_at(text, len, key);

	assert_string_equal(report.why, why);
	assert_int_equal(report.verdict, verdict);
	seal_report_free(&report);
}

/* ---- documents made by hand ------------------------------------------------------------ */

struct work {
	int fd;
	struct out *out;
	struct seal *seal;
	struct adx_error err;
};

static struct work
begin(enum seal_form form)
{
	struct work w = { .fd = memfd_create("document", 0) };

	w.out = out_new(w.fd);
	assert_int_equal(seal_open(w.out, form, &SEALED_FACTS, NULL, &w.seal, &w.err), ADX_OK);
	return w;
}

static void
end(struct work *w)
{
	seal_free(w->seal);
	out_free(w->out);
	close(w->fd);
}

/* ---- what it says ------------------------------------------------------------------------- */

static void
assert_section(const struct sealed_section *s, const char *name, const char *state, int64_t rows)
{
	assert_string_equal(s->name, name);
	assert_string_equal(s->state, state);
	assert_int_equal(s->rows, rows);
}

static void
assert_sections(const struct seal_report *r)
{
	if (r->form == SEAL_XML) {
		assert_int_equal(r->count, 1);
		assert_section(&r->sections[0], "document", "present", 1);
		return;
	}
	assert_int_equal(r->count, 4);
	assert_int_equal(r->rows, 1 + SMALL);
	assert_section(&r->sections[0], "account", "present", 1);
	assert_section(&r->sections[1], "roster", "present", SMALL);
	assert_section(&r->sections[2], "private", "empty", 0);
	assert_section(&r->sections[3], "archive", "unavailable", 0);
	assert_string_equal(r->sections[0].reason, SEALED_ACCOUNT.reason);
	assert_string_equal(r->sections[0].retention, SEALED_ACCOUNT.retention);
	assert_string_equal(r->sections[3].reason, SEALED_ARCHIVE.reason);
	assert_int_equal(r->sections[1].part, PART_INTACT);
	assert_int_equal(r->sections[3].part, PART_UNCHECKED);
}

static void
check_report(enum seal_form form, const struct signer *signer)
{
	struct buf text = make(form, SMALL, signer);
	struct seal_report r = look_at(text.data, text.len, NULL);

	assert_string_equal(r.why, "");
	assert_int_equal(r.verdict, SEAL_INTACT);
	assert_int_equal(r.form, form);
	assert_string_equal(r.form_name, FORMS[form]);
	assert_string_equal(r.jid, "romeo@example.org");
	assert_string_equal(r.host, "example.org");
	assert_string_equal(r.scope, "access");
	assert_string_equal(r.generated_at, SEALED_FACTS.generated_at);
	assert_string_equal(r.snapshot_id, SEALED_FACTS.snapshot_id);
	assert_string_equal(r.snapshot_at, SEALED_FACTS.snapshot_at);
	assert_string_equal(r.signer, signer == NULL ? "" : SIGNER);
	assert_sections(&r);
	seal_report_free(&r);
	buf_free(&text);
}

static void
test_seal_is_found_and_says_what_is_in_the_document(void **state)
{
	struct signer *signer = open_signer();

	(void)state;
	for (int form = 0; form < SEAL_FORMS; form++) {
		check_report((enum seal_form)form, NULL);
		check_report((enum seal_form)form, signer);
	}
	signer_free(signer);
}

static void
test_seal_of_json_is_members_at_its_end(void **state)
{
	struct signer *signer = open_signer();
	struct buf text = make(SEAL_JSON, SMALL, signer);
	const char *const signature = "\",\n  \"signature\": \"ed25519:";
	const char *end = strstr(text.data, "\n  \"manifest\": {\n    \"form\": \"json\",\n");

	(void)state;
	assert_non_null(end);
	end = strstr(end, "\n  },\n  \"digest\": \"sha256:");
	assert_non_null(end);
	end += strlen("\n  },\n  \"digest\": \"sha256:") + 64;
	assert_int_equal(strncmp(end, signature, strlen(signature)), 0);
	assert_string_equal(end + strlen(signature) + 64 + 1 + 128, "\"\n}\n");
	buf_free(&text);
	signer_free(signer);
}

static void
test_seal_of_xml_is_the_last_element(void **state)
{
	struct buf text = make(SEAL_XML, SMALL, NULL);
	const char *seal =
		strstr(text.data, "</host>\n<seal xmlns=\"urn:adminex:seal:1\">{\"manifest\":");
	const char *end;

	(void)state;
	assert_non_null(seal);
	end = strchr(seal + strlen("</host>\n<seal xmlns="), '<');
	assert_string_equal(end, "</seal>\n</server-data>\n");
	assert_non_null(strstr(seal, "-- whoever they are --"));
	buf_free(&text);
}

/* Whatever the pieces are in which the document comes. */
static void
test_seal_of_xml_holds_the_end_back(void **state)
{
	static const char DOCUMENT[] = "<server-data>\n</server-data>\n</server-data>\n";
	struct adx_error err = { 0 };
	char digest[SEAL_DIGEST_SIZE];

	(void)state;
	for (size_t piece = 1; piece <= strlen(DOCUMENT); piece++) {
		struct work w = begin(SEAL_XML);
		struct buf text;

		seal_section_begin(w.seal, &SEALED_DOCUMENT);
		for (size_t at = 0; at < strlen(DOCUMENT); at += piece) {
			size_t left = strlen(DOCUMENT) - at;

			out_write(seal_out(w.seal), DOCUMENT + at, left < piece ? left : piece);
			out_flush(seal_out(w.seal));
		}
		seal_section_end(w.seal, 1);
		assert_int_equal(seal_close(w.seal, digest, &err), ADX_OK);
		text = slurp(w.fd);
		assert_ptr_equal(strstr(text.data, "<server-data>\n</server-data>\n<seal "),
				 text.data);
		assert_verdict(text.data, text.len, NULL, SEAL_INTACT, "");
		buf_free(&text);
		end(&w);
	}
}

static enum adx_rc
count_contact(void *ctx, const struct pie_record *record, struct adx_error *err)
{
	(void)err;
	assert_int_not_equal(record->kind, PIE_SKIPPED);
	*(int *)ctx += record->kind == PIE_CONTACT;
	return ADX_OK;
}

static void
test_seal_of_xml_is_passed_over_by_the_import(void **state)
{
	struct signer *signer = open_signer();
	struct buf text = make(SEAL_XML, SMALL, signer);
	struct adx_error err = { 0 };
	int contacts = 0;
	struct pie_sink sink = { .ctx = &contacts, .record = count_contact };

	(void)state;
	assert_int_equal(pie_read_memory(text.data, text.len, &sink, &err), ADX_OK);
	assert_int_equal(contacts, SMALL);
	buf_free(&text);
	signer_free(signer);
}

/* ---- whatever is changed ------------------------------------------------------------------ */

static bool
is_intact(int fd, const char *text, size_t len)
{
	struct seal_report report;
	bool intact;

	fill(fd, text, len);
	report = look(fd, NULL);
	intact = report.verdict == SEAL_INTACT;
	assert_true(intact == (report.why[0] == '\0'));
	seal_report_free(&report);
	return intact;
}

static void
change_byte(int fd, const struct buf *text, size_t at)
{
	/* One bit; the case of a letter; all bits. */
	static const unsigned char MASKS[] = { 0x01, 0x20, 0xFF };

	for (size_t i = 0; i < sizeof(MASKS); i++) {
		text->data[at] = (char)((unsigned char)text->data[at] ^ MASKS[i]);
		if (is_intact(fd, text->data, text->len))
			fail_msg("byte %zu changed by %02x was not found", at, MASKS[i]);
		text->data[at] = (char)((unsigned char)text->data[at] ^ MASKS[i]);
	}
}

/* Before `at`: a byte of its own kind, or one that many a reader passes over. */
static void
insert_byte(int fd, const struct buf *text, size_t at)
{
	char *longer = malloc(text->len + 1);
	const char bytes[] = { at < text->len ? text->data[at] : '\n', ' ', '\0' };

	assert_non_null(longer);
	memcpy(longer, text->data, at);
	memcpy(longer + at + 1, text->data + at, text->len - at);
	for (size_t i = 0; i < sizeof(bytes); i++) {
		longer[at] = bytes[i];
		if (is_intact(fd, longer, text->len + 1))
			fail_msg("%02x added at byte %zu was not found", bytes[i], at);
	}
	free(longer);
}

static void
remove_byte(int fd, const struct buf *text, size_t at)
{
	char *shorter = malloc(text->len);

	assert_non_null(shorter);
	memcpy(shorter, text->data, at);
	memcpy(shorter + at, text->data + at + 1, text->len - at - 1);
	if (is_intact(fd, shorter, text->len - 1))
		fail_msg("byte %zu removed was not found", at);
	free(shorter);
}

static void
change_everywhere(enum seal_form form, const struct signer *signer)
{
	struct buf text = make(form, SMALL, signer);
	int fd = memfd_create("document", 0);

	assert_true(is_intact(fd, text.data, text.len));
	for (size_t at = 0; at < text.len; at++) {
		change_byte(fd, &text, at);
		insert_byte(fd, &text, at);
		remove_byte(fd, &text, at);
		if (is_intact(fd, text.data, at))
			fail_msg("cut off at byte %zu was not found", at);
	}
	insert_byte(fd, &text, text.len);
	assert_true(is_intact(fd, text.data, text.len));
	close(fd);
	buf_free(&text);
}

static void
test_seal_finds_every_byte_changed_added_or_removed(void **state)
{
	(void)state;
	for (int form = 0; form < SEAL_FORMS; form++)
		change_everywhere((enum seal_form)form, NULL);
}

static void
test_seal_with_a_signature_finds_them_too(void **state)
{
	struct signer *signer = open_signer();

	(void)state;
	for (int form = 0; form < SEAL_FORMS; form++)
		change_everywhere((enum seal_form)form, signer);
	signer_free(signer);
}

static void
test_seal_of_a_big_document_finds_changes_anywhere(void **state)
{
	struct signer *signer = open_signer();

	(void)state;
	for (int form = 0; form < SEAL_FORMS; form++) {
		struct buf text = make((enum seal_form)form, BIG, signer);
		int fd = memfd_create("document", 0);

		assert_true(text.len > 100 * 1024);
		assert_true(is_intact(fd, text.data, text.len));
		srand(1);
		for (int i = 0; i < RANDOM_CHANGES; i++) {
			size_t at = (size_t)rand() % text.len;

			change_byte(fd, &text, at);
			insert_byte(fd, &text, at);
			remove_byte(fd, &text, at);
		}
		close(fd);
		buf_free(&text);
	}
	signer_free(signer);
}

/* ---- where it was changed ----------------------------------------------------------------- */

static const enum seal_form STREAMS[] = { SEAL_JSON, SEAL_NDJSON };

static void
test_check_names_the_section(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct buf text = make(STREAMS[i], SMALL, NULL);
		char *contact = memmem(text.data, text.len, "contact1@", 9);

		assert_non_null(contact);
		contact[7] = '2';
		assert_verdict(text.data, text.len, NULL, SEAL_ALTERED,
			       "section 'roster' was altered");
		buf_free(&text);
	}
}

/* What is behind it has moved, and is found there. */
static void
test_check_names_the_section_to_which_bytes_were_added(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct buf text = make(STREAMS[i], SMALL, NULL), longer = BUF_INIT;
		size_t at =
			(size_t)((char *)memmem(text.data, text.len, "contact0@", 9) - text.data);

		buf_add(&longer, text.data, at);
		buf_add_text(&longer, "some");
		buf_add(&longer, text.data + at, text.len - at);
		assert_verdict(longer.data, longer.len, NULL, SEAL_ALTERED,
			       "section 'account' was altered");
		assert_verdict(longer.data + 1, longer.len - 1, NULL, SEAL_ALTERED,
			       "section 'account' was altered");
		buf_free(&longer);
		buf_free(&text);
	}
}

static void
test_check_tells_when_no_section_was_altered(void **state)
{
	struct buf text = make(SEAL_JSON, SMALL, NULL);

	(void)state;
	*strstr(text.data, "access") = 'A';
	assert_verdict(text.data, text.len, NULL, SEAL_ALTERED,
		       "bytes outside of its sections were altered");
	buf_free(&text);
}

static void
test_check_counts_the_sections(void **state)
{
	struct buf text = make(SEAL_NDJSON, SMALL, NULL);
	char *at = text.data;

	(void)state;
	while ((at = strstr(at, "contact0")) != NULL)
		*at = 'C';
	assert_verdict(text.data, text.len, NULL, SEAL_ALTERED,
		       "section 'account' and 1 more were altered");
	buf_free(&text);
}

static void
test_check_of_what_was_cut_off(void **state)
{
	static const char CUT[] = "it has no seal at its end: it was cut off, or altered there";
	static const char NONE[] =
		"it has no seal at its end: it never had one, was cut off, or altered there";

	(void)state;
	for (int form = 0; form < SEAL_FORMS; form++) {
		struct buf text = make((enum seal_form)form, SMALL, NULL);
		bool known = form == SEAL_JSON || form == SEAL_NDJSON;

		assert_verdict(text.data, text.len / 2, NULL, known ? SEAL_CUT_OFF : SEAL_NO_SUCH,
			       known ? CUT : NONE);
		buf_free(&text);
	}
	assert_verdict("", 0, NULL, SEAL_NO_SUCH, NONE);
	assert_verdict("{}\n", 3, NULL, SEAL_NO_SUCH, NONE);
}

/* Who changes a row and digests anew is found by the manifest; who does that too, by the signature.
 */
static void
test_check_does_not_take_a_new_digest_for_the_old_document(void **state)
{
	struct buf text = make(SEAL_NDJSON, SMALL, NULL);
	struct sha256 digest = { NULL, false };
	char hex[SHA256_HEX_SIZE], *digits;

	(void)state;
	strstr(text.data, "contact1")[7] = '9';
	digits = strstr(text.data, "{\"digest\":\"sha256:") + strlen("{\"digest\":\"sha256:");
	sha256_begin(&digest);
	sha256_add(&digest, text.data, (size_t)(digits - text.data));
	assert_true(sha256_end(&digest, hex));
	sha256_free(&digest);
	memcpy(digits, hex, 64);
	assert_verdict(text.data, text.len, NULL, SEAL_ALTERED, "section 'roster' was altered");
	buf_free(&text);
}

/* ---- who signed --------------------------------------------------------------------------- */

static void
test_check_wants_the_signature_of_the_key(void **state)
{
	struct signer *signer = open_signer();
	unsigned char other[SIGNER_KEY_SIZE] = { 1 };

	(void)state;
	for (int form = 0; form < SEAL_FORMS; form++) {
		struct buf plain = make((enum seal_form)form, SMALL, NULL);
		struct buf text = make((enum seal_form)form, SMALL, signer);

		assert_verdict(text.data, text.len, signer_public(signer), SEAL_INTACT, "");
		assert_verdict(text.data, text.len, other, SEAL_BAD_SIGNER,
			       "it is signed with another key");
		assert_verdict(plain.data, plain.len, other, SEAL_UNSIGNED, "it is not signed");
		buf_free(&text);
		buf_free(&plain);
	}
	signer_free(signer);
}

static void
test_check_finds_a_signature_that_was_removed(void **state)
{
	struct signer *signer = open_signer();
	struct buf text = make(SEAL_JSON, SMALL, signer);
	char *signature = strstr(text.data, ",\n  \"signature\": ");

	(void)state;
	assert_non_null(signature);
	strcpy(signature, "\n}\n");
	assert_verdict(text.data, strlen(text.data), NULL, SEAL_ALTERED,
		       "its signature was removed");
	buf_free(&text);
	signer_free(signer);
}

static void
test_check_finds_a_signature_of_something_else(void **state)
{
	struct signer *signer = open_signer();
	struct buf text = make(SEAL_JSON, SMALL, signer), more = make(SEAL_JSON, SMALL + 1, signer);
	char *here = strstr(text.data, "\"signature\""),
	     *there = strstr(more.data, "\"signature\"");

	(void)state;
	strcpy(here, there);
	assert_verdict(text.data, text.len, NULL, SEAL_ALTERED, "its signature was altered");
	buf_free(&text);
	buf_free(&more);
	signer_free(signer);
}

/* ---- pipes -------------------------------------------------------------------------------- */

static int
pipe_of(const struct buf *text)
{
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_true(fcntl(fds[1], F_SETPIPE_SZ, 1 << 20) >= (int)text->len);
	assert_int_equal(write(fds[1], text->data, text->len), text->len);
	close(fds[1]);
	return fds[0];
}

static void
test_check_reads_a_pipe(void **state)
{
	struct adx_error err = { 0 };
	struct seal_report report;

	(void)state;
	for (int form = 0; form < SEAL_ZIP; form++) {
		struct buf text = make((enum seal_form)form, SMALL, NULL);
		int fd = pipe_of(&text);

		report = look(fd, NULL);
		assert_int_equal(report.verdict, SEAL_INTACT);
		assert_int_equal(report.sections[0].part, PART_UNCHECKED);
		seal_report_free(&report);
		close(fd);

		text.data[60] ^= 1;
		fd = pipe_of(&text);
		report = look(fd, NULL);
		assert_int_equal(report.verdict, SEAL_ALTERED);
		assert_non_null(strstr(report.why, "a pipe"));
		seal_report_free(&report);
		close(fd);
		buf_free(&text);
	}
	{
		struct buf text = make(SEAL_ZIP, SMALL, NULL);
		int fd = pipe_of(&text);

		assert_int_equal(seal_check(fd, NULL, &report, &err), ADX_EINVAL);
		assert_non_null(strstr(err.message, "as a file only"));
		seal_report_free(&report);
		close(fd);
		buf_free(&text);
	}
}

/* ---- manifests from outside ---------------------------------------------------------------- */

/* A document with this manifest and the right digest. */
static struct buf
with_manifest(const char *manifest)
{
	struct buf text = BUF_INIT;
	struct sha256 digest = { NULL, false };
	char hex[SHA256_HEX_SIZE];

	buf_addf(&text, "{}\n{\"manifest\":%s}\n{\"digest\":\"sha256:", manifest);
	sha256_begin(&digest);
	sha256_add(&digest, text.data, text.len);
	assert_true(sha256_end(&digest, hex));
	sha256_free(&digest);
	buf_addf(&text, "%s\"}\n", hex);
	return text;
}

#define DIGEST "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define FORM   "{\"form\":\"ndjson\",\"offset\":3,"

static void
test_check_refuses_manifests(void **state)
{
	static const struct {
		const char *manifest, *why;
	} CASES[] = {
		{ "[]", "it is no object" },
		{ "1", "it is no object" },
		{ "null", "it is no object" },
		{ "{\"form\":\"json\"}", "it is that of another form" },
		{ "{\"form\":1}", "a number is none that can be there" },
		{ "{\"form\":{}}", "a value is none that can be there" },
		{ "{\"form\":\"nd\\u001bjson\"}", "it has control characters" },
		{ "{\"form\":\"nd\\u0000json\"}", "it has control characters" },
		{ "{\"offset\":\"3\"}", "a text stands where a number must be" },
		{ "{\"offset\":-3}", "a number is none that can be there" },
		{ "{\"offset\":1e3}", "a number is none that can be there" },
		{ "{\"offset\":99999999999999999999}", "a number is none that can be there" },
		{ "{\"a\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}", "it is nested too deep" },
		{ "{", "it is not JSON: premature EOF" },
		{ FORM "\"sections\":[{}]}", "a section has no name or no state" },
		{ FORM "\"sections\":[{\"name\":\"a\",\"state\":\"new\"}]}",
		  "a section has no name or no state" },
		{ FORM "\"sections\":[{\"name\":\"a\",\"state\":\"empty\"}]}",
		  "a section has no digest" },
		{ FORM "\"sections\":[{\"name\":\"a\",\"state\":\"empty\",\"sha256\":\"" DIGEST
		       "\",\"offset\":2,\"bytes\":2}]}",
		  "sections overlap" },
		{ FORM "\"sections\":[{\"name\":\"a\",\"state\":\"empty\",\"sha256\":\"" DIGEST
		       "\",\"offset\":9223372036854775807,\"bytes\":9223372036854775807}]}",
		  "sections overlap" },
		{ FORM
		  "\"sections\":[{\"name\":\"a\",\"state\":\"unavailable\",\"rows\":"
		  "9223372036854775807},{\"name\":\"b\",\"state\":\"unavailable\",\"rows\":1}]}",
		  "a number is none that can be there" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct buf text = with_manifest(CASES[i].manifest);
		char why[256];

		snprintf(why, sizeof(why), "its manifest cannot be read: %s", CASES[i].why);
		assert_verdict(text.data, text.len, NULL, SEAL_ALTERED, why);
		buf_free(&text);
	}
}

static void
test_check_passes_over_what_it_does_not_know(void **state)
{
	struct buf text = with_manifest(
		FORM
		"\"new\":[{\"name\":1,\"sections\":[true]}],\"subject\":{\"sections\":[{}]},"
		"\"sections\":[{\"name\":\"a\",\"state\":\"unavailable\",\"x\":{\"name\":2}}]}");

	(void)state;
	assert_verdict(text.data, text.len, NULL, SEAL_INTACT, "");
	buf_free(&text);
}

static void
test_check_bounds_the_number_of_sections(void **state)
{
	struct buf manifest = BUF_INIT, text;

	(void)state;
	buf_add_text(&manifest, FORM "\"sections\":[");
	for (int i = 0; i <= SEAL_SECTIONS_MAX; i++)
		buf_addf(&manifest, "%s{\"name\":\"s%d\",\"state\":\"unavailable\"}",
			 i == 0 ? "" : ",", i);
	buf_add_text(&manifest, "]}");
	text = with_manifest(manifest.data);
	assert_verdict(text.data, text.len, NULL, SEAL_ALTERED,
		       "its manifest cannot be read: it has too many sections");
	buf_free(&text);
	buf_free(&manifest);
}

/* ---- those who make it --------------------------------------------------------------------- */

static void
assert_close_fails(struct work *w, enum adx_rc rc, const char *why)
{
	char digest[SEAL_DIGEST_SIZE];

	assert_int_equal(seal_close(w->seal, digest, &w->err), rc);
	assert_string_equal(w->err.message, why);
	end(w);
}

static void
test_seal_tells_of_mistakes_of_its_user(void **state)
{
	struct work w = begin(SEAL_NDJSON);

	(void)state;
	seal_section_begin(w.seal, &SEALED_ROSTER);
	assert_close_fails(&w, ADX_EFAIL, "section 'roster' has no end");

	w = begin(SEAL_NDJSON);
	seal_section_begin(w.seal, &SEALED_ROSTER);
	seal_section_begin(w.seal, &SEALED_ACCOUNT);
	assert_close_fails(&w, ADX_EFAIL, "section 'account' begins inside of another");

	w = begin(SEAL_NDJSON);
	seal_section_unavailable(w.seal, &SEALED_ARCHIVE);
	seal_section_unavailable(w.seal, &SEALED_ARCHIVE);
	assert_close_fails(&w, ADX_EFAIL, "section 'archive' is there twice");

	w = begin(SEAL_NDJSON);
	seal_section_unavailable(w.seal, &SEALED_ROSTER);
	assert_close_fails(&w, ADX_EFAIL, "section 'roster' is unavailable without a reason");

	w = begin(SEAL_JSON);
	seal_section_begin(w.seal, &SEALED_ROSTER);
	out_text(w.out, "{}");
	seal_section_end(w.seal, 1);
	assert_close_fails(&w, ADX_EFAIL, "section 'roster' has no array");

	w = begin(SEAL_XML);
	out_text(seal_out(w.seal), "<server-data></server-data>");
	assert_close_fails(&w, ADX_EFAIL, "the document does not end as XEP-0227 does");

	w = begin(SEAL_ZIP);
	out_text(seal_out(w.seal), "more");
	assert_close_fails(&w, ADX_EFAIL, "the document has bytes outside of its files");

	w = begin(SEAL_ZIP);
	seal_section_begin(w.seal, &SEALED_ARCHIVE);
	out_text(seal_out(w.seal), "a,b\n");
	seal_section_end(w.seal, 0);
	assert_close_fails(&w, ADX_EFAIL, "section 'archive' has no file");
}

static int
full(void *ctx, const char *data, size_t len)
{
	(void)ctx;
	(void)data;
	(void)len;
	return 28; /* ENOSPC */
}

static void
test_seal_tells_when_output_failed(void **state)
{
	(void)state;
	for (int form = 0; form < SEAL_FORMS; form++) {
		struct out *out = out_new_sink(full, NULL);
		char digest[SEAL_DIGEST_SIZE];
		struct adx_error err = { 0 };

		assert_int_equal(sealed_write(out, (enum seal_form)form, SMALL, NULL, digest, &err),
				 ADX_EIO);
		assert_non_null(strstr(err.message, "No space left"));
		out_free(out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seal_is_found_and_says_what_is_in_the_document),
		cmocka_unit_test(test_seal_of_json_is_members_at_its_end),
		cmocka_unit_test(test_seal_of_xml_is_the_last_element),
		cmocka_unit_test(test_seal_of_xml_holds_the_end_back),
		cmocka_unit_test(test_seal_of_xml_is_passed_over_by_the_import),
		cmocka_unit_test(test_seal_finds_every_byte_changed_added_or_removed),
		cmocka_unit_test(test_seal_with_a_signature_finds_them_too),
		cmocka_unit_test(test_seal_of_a_big_document_finds_changes_anywhere),
		cmocka_unit_test(test_check_names_the_section),
		cmocka_unit_test(test_check_names_the_section_to_which_bytes_were_added),
		cmocka_unit_test(test_check_tells_when_no_section_was_altered),
		cmocka_unit_test(test_check_counts_the_sections),
		cmocka_unit_test(test_check_of_what_was_cut_off),
		cmocka_unit_test(test_check_does_not_take_a_new_digest_for_the_old_document),
		cmocka_unit_test(test_check_wants_the_signature_of_the_key),
		cmocka_unit_test(test_check_finds_a_signature_that_was_removed),
		cmocka_unit_test(test_check_finds_a_signature_of_something_else),
		cmocka_unit_test(test_check_reads_a_pipe),
		cmocka_unit_test(test_check_refuses_manifests),
		cmocka_unit_test(test_check_passes_over_what_it_does_not_know),
		cmocka_unit_test(test_check_bounds_the_number_of_sections),
		cmocka_unit_test(test_seal_tells_of_mistakes_of_its_user),
		cmocka_unit_test(test_seal_tells_when_output_failed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
