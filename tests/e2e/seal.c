/*
 * Writes sealed documents of any size, for test_seal.py:
 *
 *     seal FORM CONTACTS PATH|- [--sign KEY] [--encrypt-to CERTIFICATE]
 *
 * Says the digest and how much memory it took at most, in KiB, on standard error.
 */
#include <getopt.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/encrypt.h"
#include "base/newfile.h"
#include "sealed.h"

struct job {
	enum seal_form form;
	int contacts;
	const char *path, *key, *certificate;
	struct signer *signer;
	char digest[SEAL_DIGEST_SIZE];
};

static enum adx_rc
write_encrypted(struct job *job, struct out *to, struct adx_error *err)
{
	struct encrypt *e;
	enum adx_rc rc = encrypt_open(job->certificate, to, &e, err);

	if (rc != ADX_OK)
		return rc;
	rc = sealed_write(encrypt_out(e), job->form, job->contacts, job->signer, job->digest, err);
	if (rc == ADX_OK)
		rc = encrypt_close(e, err);
	encrypt_free(e);
	return rc;
}

static enum adx_rc
write_to(struct job *job, int fd, struct adx_error *err)
{
	struct out *out = out_new(fd);
	enum adx_rc rc;

	if (job->certificate != NULL)
		rc = write_encrypted(job, out, err);
	else
		rc = sealed_write(out, job->form, job->contacts, job->signer, job->digest, err);
	out_free(out);
	return rc;
}

static enum adx_rc
write_file(struct job *job, struct adx_error *err)
{
	struct newfile file;
	enum adx_rc rc = newfile_open(&file, job->path, err);

	if (rc != ADX_OK)
		return rc;
	rc = write_to(job, file.fd, err);
	if (rc == ADX_OK)
		return newfile_commit(&file, err);
	newfile_abort(&file);
	return rc;
}

static enum adx_rc
run(struct job *job, struct adx_error *err)
{
	enum adx_rc rc = ADX_OK;

	if (job->key != NULL)
		rc = signer_open(job->key, &job->signer, err);
	if (rc == ADX_OK)
		rc = strcmp(job->path, "-") == 0 ? write_to(job, STDOUT_FILENO, err)
						 : write_file(job, err);
	signer_free(job->signer);
	return rc;
}

static enum seal_form
form_named(const char *name)
{
	static const char *const NAMES[] = { "json", "ndjson", "xml", "zip" };
	int form = 0;

	while (form < SEAL_ZIP && strcmp(NAMES[form], name) != 0)
		form++;
	return (enum seal_form)form;
}

int
main(int argc, char **argv)
{
	static const struct option OPTIONS[] = { { "sign", required_argument, NULL, 's' },
						 { "encrypt-to", required_argument, NULL, 'e' },
						 { NULL, 0, NULL, 0 } };
	struct job job = { .form = SEAL_JSON };
	struct adx_error err;
	struct rusage used;

	for (int option; (option = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1;) {
		if (option == 's')
			job.key = optarg;
		else if (option == 'e')
			job.certificate = optarg;
		else
			return 2;
	}
	if (argc - optind != 3)
		return 2;
	job.form = form_named(argv[optind]);
	job.contacts = atoi(argv[optind + 1]);
	job.path = argv[optind + 2];
	if (run(&job, &err) != ADX_OK) {
		fprintf(stderr, "%s\n", err.message);
		return 1;
	}
	getrusage(RUSAGE_SELF, &used);
	fprintf(stderr, "%s %ld\n", job.digest, used.ru_maxrss);
	return 0;
}
