/*
 * http.h - calls to services outside: many at once on one thread, each bounded in time and size.
 *
 * No redirect is followed, certificates are always verified, and only http and https are spoken
 * (http where the configuration allowed it: on loopback). Connections are kept and used again. The
 * environment's proxies do not count, only the policy's.
 */
#ifndef NOTIFIER_HTTP_H
#define NOTIFIER_HTTP_H

#include <poll.h>

#include "base/bytes.h"
#include "base/own.h"

struct notifier_http; /* owns every call */
struct notifier_call;

struct notifier_http *notifier_http_new(void); /* NULL without memory */
void notifier_http_free(struct notifier_http *http);
OWNER_STRUCT(notifier_http)

/* Why there is no answer. */
enum notifier_failure {
    NOTIFIER_ANSWERED = 0,
    NOTIFIER_NO_NAME, /* the host's name has no address */
    NOTIFIER_NO_CONNECTION,
    NOTIFIER_NO_TLS,
    NOTIFIER_TOO_LATE,
    NOTIFIER_TOO_LARGE,
    NOTIFIER_BROKEN, /* cut off, or no HTTP */
};

/* Lives for the callback. */
struct notifier_answer {
    enum notifier_failure failure;
    const char *failure_text; /* libcurl's words; empty when answered */
    long status;
    struct bytes body;
    uint32_t retry_after_s; /* 0: not said; at most NOTIFIER_RETRY_AFTER_MAX */
};
typedef void (*notifier_on_answer)(void *arg, const struct notifier_answer *answer);

/* Borrowed for the call of notifier_http_start(). */
struct notifier_request {
    const char *url;
    const char *const *headers; /* "Name: value", NULL-terminated */
    struct bytes body;          /* with is_post */
    bool is_post;
    const char *ca_file; /* absolute; empty: the system's */
    const char *proxy;   /* empty: none */
    int64_t timeout_ms;
};

/*
 * Begin a call. @on_answer is called once, from notifier_http_step(), unless it is cancelled.
 * Errors: E_NO_MEMORY, E_SERVICE_UNREACHABLE (a URL that cannot be used): nothing was begun then.
 */
MUST_CHECK enum base_code notifier_http_start(struct notifier_http *http,
    const struct notifier_request *request, notifier_on_answer on_answer, void *arg,
    struct notifier_call **out_call, struct base_error *err);
void notifier_http_cancel(struct notifier_http *http, struct notifier_call *call);

/* Wait until one of @fds or a call has something to do, @wait_ms at most. Fills revents. */
void notifier_http_wait(
    struct notifier_http *http, struct pollfd *fds, size_t count, int64_t wait_ms);
/* Go on with every call; finished ones are told. */
void notifier_http_step(struct notifier_http *http);

#endif
