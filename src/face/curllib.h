/* libcurl, loaded when a command goes to a daemon: all others would wait for it in vain. */
#ifndef ADMINEX_CURLLIB_H
#define ADMINEX_CURLLIB_H

#include <curl/curl.h>

#include "adminex/error.h"

struct curllib {
	__typeof__(curl_easy_init) *easy_init;
	__typeof__(curl_easy_cleanup) *easy_cleanup;
	__typeof__(curl_easy_perform) *easy_perform;
	__typeof__(curl_easy_strerror) *easy_strerror;
	__typeof__(curl_slist_append) *slist_append;
	__typeof__(curl_slist_free_all) *slist_free_all;
	CURLcode (*easy_setopt)(CURL *curl, CURLoption option, ...);
	CURLcode (*easy_getinfo)(CURL *curl, CURLINFO info, ...);
};

extern struct curllib curllib;

ADX_MUST_CHECK enum adx_rc curllib_load(struct adx_error *err);

#endif
