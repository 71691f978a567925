/* Files, folders, and inclusion within a folder. */
#include "transfer/pie_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

/* The path of a file beside the one of that path; the caller frees it. */
static char *
beside(const char *path, const char *name)
{
	char *joined;

	if (asprintf(&joined, "%.*s%s", (int)(base_name(path) - path), path, name) < 0)
		return NULL;
	return joined;
}

/* Read a file that is open; closes it. */
static enum adx_rc
read_fd(struct pie *p, int fd, const char *path, enum pie_place place)
{
	struct pie_source *outer = p->source;
	struct pie_source source = {
		.name = path,
		.path = path,
		.included = outer != NULL,
		.fd = fd,
	};
	enum adx_rc rc;

	p->source = &source;
	rc = pie_source_open(p);
	if (rc == ADX_OK)
		rc = pie_document(p, place);
	pie_source_close(p);
	p->source = outer;
	close(fd);
	return rc;
}

/* The one inclusion that is followed: of a plain file name, by a file that is not included. */
static const char *
why_not_include(const struct pie *p, const xmlNode *element, const char *href)
{
	const struct pie_source *s = p->source;

	for (const xmlAttr *a = element->properties; a != NULL; a = a->next)
		if (a->ns != NULL || (strcmp((const char *)a->name, "href") != 0 &&
				      strcmp((const char *)a->name, "parse") != 0))
			return "only the attributes href and parse are accepted";
	if (strcmp(pie_attr(element, "parse", "xml"), "xml") != 0)
		return "only parse='xml' is accepted";
	if (href[0] == '\0' || strcmp(href, ".") == 0 || strcmp(href, "..") == 0 ||
	    strpbrk(href, "/\\:#?%") != NULL)
		return "only a plain file name is accepted";
	if (s->path == NULL)
		return "only a file can include others";
	if (strcmp(base_name(s->path), href) == 0)
		return "it includes itself";
	return s->included ? "it is itself included" : NULL;
}

static enum adx_rc
refuse_include(struct pie *p, const char *href, const char *why)
{
	char shown[200];

	snprintf(shown, sizeof(shown), "%s", href);
	pie_tidy(shown);
	return adx_fail(p->err, ADX_EINVAL, "'%s' cannot include '%s': %s", p->source->name, shown,
			why);
}

/* Open without waiting, as a pipe here would be a trap. */
static enum adx_rc
open_included(struct pie *p, const char *path, int *out)
{
	const char *by = p->source->name;
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return adx_fail_errno(p->err, ADX_EIO, errno,
				      "cannot open '%s', which '%s' includes", path, by);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return adx_fail(p->err, ADX_EINVAL,
				"'%s', which '%s' includes, is not a regular file", path, by);
	}
	if (p->total > 0 && (p->listed == NULL || !strvec_has(p->listed, base_name(path))))
		p->total += (uint64_t)st.st_size;
	*out = fd;
	return ADX_OK;
}

static enum adx_rc
include(struct pie *p, const xmlNode *element, enum pie_place place)
{
	const char *href = pie_attr(element, "href", "");
	const char *why = why_not_include(p, element, href);
	enum adx_rc rc;
	char *path;
	int fd = -1;

	if (why != NULL)
		return refuse_include(p, href, why);
	if (p->scan != NULL) {
		strvec_add_text(p->scan, href);
		return strvec_ok(p->scan) ? ADX_OK : adx_nomem(p->err);
	}
	path = beside(p->source->path, href);
	if (path == NULL)
		return adx_nomem(p->err);
	rc = open_included(p, path, &fd);
	if (rc == ADX_OK)
		rc = read_fd(p, fd, path, place);
	free(path);
	return rc;
}

enum adx_rc
pie_include_host(struct pie *p, xmlNode *element)
{
	return include(p, element, PIE_IN_SERVER);
}

enum adx_rc
pie_include_user(struct pie *p, xmlNode *element)
{
	return include(p, element, PIE_IN_HOST);
}

enum adx_rc
pie_include_refused(struct pie *p, xmlNode *element)
{
	return refuse_include(p, pie_attr(element, "href", ""), "it does so inside a user");
}

static int
not_hidden_xml(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > 4 && strcmp(entry->d_name + len - 4, ".xml") == 0;
}

static int
by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* The regular *.xml of a folder in the order of their names, and the sum of their sizes. */
static enum adx_rc
list_folder(struct pie *p, const char *folder, struct strvec *names)
{
	struct dirent **entries;
	struct stat st;
	char *path;
	int count = scandir(folder, &entries, not_hidden_xml, by_bytes);

	if (count < 0)
		return adx_fail_errno(p->err, ADX_EIO, errno, "cannot read folder '%s'", folder);
	for (int i = 0; i < count; i++) {
		path = beside(folder, entries[i]->d_name);
		if (path == NULL) {
			names->failed = true;
		} else if (stat(path, &st) == 0 && S_ISREG(st.st_mode)) {
			strvec_add_text(names, entries[i]->d_name);
			p->total += (uint64_t)st.st_size;
		}
		free(path);
		free(entries[i]);
	}
	free(entries);
	if (!strvec_ok(names))
		return adx_nomem(p->err);
	if (names->count == 0)
		return adx_fail(p->err, ADX_EINVAL, "'%s' has no *.xml file", folder);
	return ADX_OK;
}

static enum adx_rc
read_listed(struct pie *p, const char *folder, const char *name, enum pie_place place)
{
	char *path = beside(folder, name);
	enum adx_rc rc;
	int fd;

	if (path == NULL)
		return adx_nomem(p->err);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		rc = adx_fail_errno(p->err, ADX_EIO, errno, "cannot open '%s'", path);
	else
		rc = read_fd(p, fd, path, place);
	free(path);
	return rc;
}

/*
 * Read every file once for what it includes, before anything is handed over. As inclusion goes one
 * level deep, a file that includes and is included is refused: no circle can hide its files.
 */
static enum adx_rc
find_included(struct pie *p, const char *folder, const struct strvec *names,
	      struct strvec *included)
{
	struct strvec includers = STRVEC_INIT;
	enum adx_rc rc = ADX_OK;

	p->scan = included;
	for (size_t i = 0; i < names->count && rc == ADX_OK; i++) {
		size_t before = included->count;

		rc = read_listed(p, folder, names->items[i], PIE_ANYWHERE);
		if (included->count > before)
			strvec_add_text(&includers, names->items[i]);
	}
	p->scan = NULL;
	if (rc == ADX_OK && !strvec_ok(&includers))
		rc = adx_nomem(p->err);
	for (size_t i = 0; i < includers.count && rc == ADX_OK; i++)
		if (strvec_has(included, includers.items[i]))
			rc = adx_fail(p->err, ADX_EINVAL,
				      "'%s%s' is included and includes other files", folder,
				      includers.items[i]);
	strvec_free(&includers);
	return rc;
}

/* The name of the folder ends with a slash. */
static enum adx_rc
read_folder(struct pie *p, const char *folder)
{
	struct strvec names = STRVEC_INIT, included = STRVEC_INIT;
	enum adx_rc rc = list_folder(p, folder, &names);

	p->listed = &names;
	if (rc == ADX_OK)
		rc = find_included(p, folder, &names, &included);
	for (size_t i = 0; i < names.count && rc == ADX_OK; i++)
		if (!strvec_has(&included, names.items[i]))
			rc = read_listed(p, folder, names.items[i], PIE_AT_TOP);
	p->listed = NULL;
	strvec_free(&included);
	strvec_free(&names);
	return rc;
}

static enum adx_rc
pie_folder(struct pie *p, const char *path)
{
	size_t len = strlen(path);
	enum adx_rc rc;
	char *folder;

	if (asprintf(&folder, "%s%s", path, len > 0 && path[len - 1] == '/' ? "" : "/") < 0)
		return adx_nomem(p->err);
	rc = read_folder(p, folder);
	free(folder);
	return rc;
}

enum adx_rc
pie_path(struct pie *p, const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return adx_fail_errno(p->err, ADX_EIO, errno, "cannot open '%s'", path);
	if (fstat(fd, &st) != 0) {
		close(fd);
		return adx_fail_errno(p->err, ADX_EIO, errno, "cannot read '%s'", path);
	}
	if (S_ISDIR(st.st_mode)) {
		close(fd);
		return pie_folder(p, path);
	}
	p->total = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	return read_fd(p, fd, path, PIE_AT_TOP);
}
