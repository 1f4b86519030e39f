/*
 * probe_http.h - one HTTP request with what a probe wants to know of its answer: through libcurl,
 * bounded in size and time, no redirects, certificates of any kind looked at and not believed.
 */
#ifndef DIAGNOSE_PROBE_HTTP_H
#define DIAGNOSE_PROBE_HTTP_H

#include "base/bytes.h"
#include "base/error.h"

#define PROBE_ANSWER_MAX ((size_t)1024 * 1024)

enum probe_failure {
    PROBE_ANSWERED = 0,
    PROBE_BAD_URL,
    PROBE_NO_NAME,
    PROBE_NO_CONNECTION,
    PROBE_TIMEOUT,
    PROBE_TLS,
    PROBE_NOT_HTTP
};

struct probe_answer {
    enum probe_failure failure;
    char failure_text[256];
    long status;
    char content_type[128];
    char location[512];
    char server[128];
    int64_t date_s; /* of the Date field; 0: none */
    double took_s;
    bool is_tls_trusted; /* by this machine, for this name */
    char tls_problem[200];
    int64_t tls_not_after_s; /* 0: no TLS, or not said */
    struct buffer body;
};
void probe_answer_init(struct probe_answer *answer);
void probe_answer_clear(struct probe_answer *answer);

/* GET, or POST when @body is not NULL. The answer says what went wrong. */
void probe_fetch(
    const char *url, const struct bytes *body, long timeout_s, struct probe_answer *out);

#endif
