/*
 * transport.h - one SCEP operation over HTTP (RFC 8894, section 4.1), through libcurl: bounded in
 * size and time, no redirects.
 */
#ifndef DEVICE_TRANSPORT_H
#define DEVICE_TRANSPORT_H

#include "base/bytes.h"

#define DEVICE_ANSWER_MAX ((size_t)1024 * 1024)

struct device_http {
    const char *ca_file; /* in: PEM with which an https server is verified; NULL: the system's */
    long status;
    long retry_after_s; /* 0: none */
    char content_type[128];
    char confirm[128]; /* the field Kurier-Confirm; empty: none */
    struct buffer body;
};
void device_http_init(struct device_http *http);
void device_http_clear(struct device_http *http);

/* GET url?operation=OPERATION&message=MESSAGE; @message is percent-escaped here. Errors:
 * E_DEVICE_HTTP (no answer). */
MUST_CHECK enum base_code device_http_get(const char *url, const char *operation,
    struct bytes message, struct device_http *out, struct base_error *err);
/* POST url?operation=PKIOperation. */
MUST_CHECK enum base_code device_http_post(
    const char *url, struct bytes message, struct device_http *out, struct base_error *err);
/* POST to exactly this URL, of JSON. */
MUST_CHECK enum base_code device_http_post_json(
    const char *url, struct bytes json, struct device_http *out, struct base_error *err);

#endif
