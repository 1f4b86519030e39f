/*
 * enroll.h - one enrolment, from GetCACaps to the installed certificate (RFC 8894, sections 2 and
 * 4).
 *
 * Nothing is believed that was not authenticated, and nothing is installed that was not verified.
 * The key is made and kept before the request goes out, so a run that is cut off goes on with the
 * same request.
 */
#ifndef DEVICE_ENROLL_H
#define DEVICE_ENROLL_H

#include "base/clock.h"
#include "base/random.h"
#include "device/authority.h"

struct device_enroll_options {
    const char *url;
    struct bytes ca_identifier; /* GetCACert's message; may be empty */
    struct bytes challenge;     /* may be empty */
    struct bytes subject_der;
    struct bytes sans_der; /* may be empty */
    struct bytes key_spec; /* "rsa:2048" */
    const char *folder;
    struct device_trust trust;
    const char *tls_ca_file; /* PEM with which an https server is verified; NULL: the system's */
    bool is_without_confirmation;
    bool is_get_forced;
    bool is_renewal; /* RenewalReq signed by the installed certificate, for a new key */
    int64_t poll_interval_s;
    int64_t poll_max_s;   /* how long in all */
    bool is_poll_counted; /* instead: poll_count times, the first at once */
    unsigned poll_count;
    struct base_clock clock;
    struct base_random random;
    /* A step, in words, for a person; may be NULL. */
    void (*progress)(void *arg, const char *text);
    void *progress_arg;
};

/* What a refusal said. */
struct device_refusal {
    unsigned fail_info;
    char text[256];
    char hresult[32];
};

/*
 * Errors: E_DEVICE_*, E_REPLY_*, E_CAPABILITY; E_DEVICE_REFUSED fills *out_refusal.
 */
MUST_CHECK enum base_code device_enroll(const struct device_enroll_options *options,
    struct device_refusal *out_refusal, struct base_error *err);

#endif
