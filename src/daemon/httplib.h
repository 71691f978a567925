/*
 * libmicrohttpd, GnuTLS and libsystemd, loaded when the daemon starts: the commands of the command
 * line would wait for them in vain. Include this instead of their headers; the functions keep their
 * names.
 */
#ifndef ADMINEX_HTTPLIB_H
#define ADMINEX_HTTPLIB_H

#include <gnutls/gnutls.h>
#include <microhttpd.h>

#include "adminex/error.h"

/* Every function that is used. One more needs a line here and one below. */
#define HTTPLIB_MHD(X)                                                                             \
	X(MHD_add_connection)                                                                      \
	X(MHD_add_response_header)                                                                 \
	X(MHD_create_response_from_buffer)                                                         \
	X(MHD_create_response_from_callback)                                                       \
	X(MHD_destroy_response)                                                                    \
	X(MHD_get_connection_info)                                                                 \
	X(MHD_get_connection_values_n)                                                             \
	X(MHD_get_daemon_info)                                                                     \
	X(MHD_get_timeout)                                                                         \
	X(MHD_queue_response)                                                                      \
	X(MHD_resume_connection)                                                                   \
	X(MHD_run)                                                                                 \
	X(MHD_start_daemon)                                                                        \
	X(MHD_stop_daemon)                                                                         \
	X(MHD_suspend_connection)
#define HTTPLIB_TLS(X)                                                                             \
	X(gnutls_certificate_get_peers)                                                            \
	X(gnutls_certificate_verify_peers2)

struct httplib {
#define HTTPLIB_MEMBER(name) __typeof__(name) *name;
	HTTPLIB_MHD(HTTPLIB_MEMBER)
	HTTPLIB_TLS(HTTPLIB_MEMBER)
#undef HTTPLIB_MEMBER
	int (*sd_notify)(int unset_environment, const char *state);
};

extern struct httplib httplib;

/* Once, before any other thread. */
ADX_MUST_CHECK enum adx_rc httplib_load(struct adx_error *err);
/* Tell systemd, where it started us: "READY=1" and the like (sd_notify(3)). */
void httplib_tell_systemd(const char *state);

#ifndef HTTPLIB_PLAIN_NAMES
#define MHD_add_connection                (httplib.MHD_add_connection)
#define MHD_add_response_header           (httplib.MHD_add_response_header)
#define MHD_create_response_from_buffer   (httplib.MHD_create_response_from_buffer)
#define MHD_create_response_from_callback (httplib.MHD_create_response_from_callback)
#define MHD_destroy_response              (httplib.MHD_destroy_response)
#define MHD_get_connection_info           (httplib.MHD_get_connection_info)
#define MHD_get_connection_values_n       (httplib.MHD_get_connection_values_n)
#define MHD_get_daemon_info               (httplib.MHD_get_daemon_info)
#define MHD_get_timeout                   (httplib.MHD_get_timeout)
#define MHD_queue_response                (httplib.MHD_queue_response)
#define MHD_resume_connection             (httplib.MHD_resume_connection)
#define MHD_run                           (httplib.MHD_run)
#define MHD_start_daemon                  (httplib.MHD_start_daemon)
#define MHD_stop_daemon                   (httplib.MHD_stop_daemon)
#define MHD_suspend_connection            (httplib.MHD_suspend_connection)
#define gnutls_certificate_get_peers      (httplib.gnutls_certificate_get_peers)
#define gnutls_certificate_verify_peers2  (httplib.gnutls_certificate_verify_peers2)
#endif

#endif
