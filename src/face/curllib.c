#include "face/curllib.h"

#include <dlfcn.h>

struct curllib curllib;

static void *
find(void *library, const char *name, struct adx_error *err)
{
	void *found = library == NULL ? NULL : dlsym(library, name);

	if (found == NULL && err->rc == ADX_OK) {
		adx_fail(err, ADX_EFAIL, "cannot load a library: %s", dlerror());
		adx_hint(err, "--socket needs libcurl4");
	}
	return found;
}

enum adx_rc
curllib_load(struct adx_error *err)
{
	void *lib = dlopen("libcurl.so.4", RTLD_NOW);

	err->rc = ADX_OK;
	*(void **)&curllib.easy_init = find(lib, "curl_easy_init", err);
	*(void **)&curllib.easy_cleanup = find(lib, "curl_easy_cleanup", err);
	*(void **)&curllib.easy_perform = find(lib, "curl_easy_perform", err);
	*(void **)&curllib.easy_strerror = find(lib, "curl_easy_strerror", err);
	*(void **)&curllib.easy_setopt = find(lib, "curl_easy_setopt", err);
	*(void **)&curllib.easy_getinfo = find(lib, "curl_easy_getinfo", err);
	*(void **)&curllib.slist_append = find(lib, "curl_slist_append", err);
	*(void **)&curllib.slist_free_all = find(lib, "curl_slist_free_all", err);
	return err->rc;
}
