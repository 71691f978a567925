#define HTTPLIB_PLAIN_NAMES
#include "daemon/httplib.h"

#include <dlfcn.h>
#include <stdlib.h>

struct httplib httplib;

static void *
find(void *library, const char *name, struct adx_error *err)
{
	void *found = library == NULL ? NULL : dlsym(library, name);

	if (found == NULL && err->rc == ADX_OK) {
		adx_fail(err, ADX_EFAIL, "cannot load a library: %s", dlerror());
		adx_hint(err, "the daemon needs libmicrohttpd12 and libgnutls30");
	}
	return found;
}

enum adx_rc
httplib_load(struct adx_error *err)
{
	void *mhd = dlopen("libmicrohttpd.so.12", RTLD_NOW);
	void *tls = mhd == NULL ? NULL : dlopen("libgnutls.so.30", RTLD_NOW);
	void *systemd;

	err->rc = ADX_OK;
#define HTTPLIB_FIND_MHD(name) *(void **)&httplib.name = find(mhd, #name, err);
	HTTPLIB_MHD(HTTPLIB_FIND_MHD)
#undef HTTPLIB_FIND_MHD
#define HTTPLIB_FIND_TLS(name) *(void **)&httplib.name = find(tls, #name, err);
	HTTPLIB_TLS(HTTPLIB_FIND_TLS)
#undef HTTPLIB_FIND_TLS
	if (err->rc != ADX_OK || getenv("NOTIFY_SOCKET") == NULL)
		return err->rc;
	systemd = dlopen("libsystemd.so.0", RTLD_NOW);
	*(void **)&httplib.sd_notify = find(systemd, "sd_notify", err);
	return err->rc;
}

void
httplib_tell_systemd(const char *state)
{
	if (httplib.sd_notify != NULL)
		httplib.sd_notify(0, state);
}
