#include "notifier/http.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "notifier/limits.h"

#include "base/banned.h"

#define FDS_MAX 4
#define KEPT_CONNECTIONS 32L

struct notifier_call {
    struct notifier_call *next;
    struct notifier_call *previous;
    CURL *easy;
    struct curl_slist *headers;
    struct buffer body;
    struct buffer answer;
    bool is_too_large;
    char words[CURL_ERROR_SIZE];
    notifier_on_answer on_answer;
    void *arg;
};

struct notifier_http {
    CURLM *multi;
    struct notifier_call *calls;
};

struct notifier_http *
notifier_http_new(void)
{
    struct notifier_http *http = calloc(1, sizeof(*http));
    if (http == NULL) {
        return NULL;
    }
    http->multi = curl_multi_init();
    if (http->multi == NULL ||
        curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, KEPT_CONNECTIONS) != CURLM_OK ||
        curl_multi_setopt(http->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING) != CURLM_OK) {
        notifier_http_free(http);
        return NULL;
    }
    return http;
}

/* Some of them are tokens. */
static void
wipe_headers(struct curl_slist *headers)
{
    for (struct curl_slist *header = headers; header != NULL; header = header->next) {
        explicit_bzero(header->data, strlen(header->data));
    }
    curl_slist_free_all(headers);
}

static void
call_free(struct notifier_call *call)
{
    if (call != NULL) {
        curl_easy_cleanup(call->easy);
        wipe_headers(call->headers);
        buffer_clear(&call->body);
        buffer_clear(&call->answer);
        free(call);
    }
}

static void
own_call_end(struct notifier_call **call)
{
    call_free(*call);
}
#define OWN_CALL __attribute__((cleanup(own_call_end))) struct notifier_call *

static void
take_out(struct notifier_http *http, struct notifier_call *call)
{
    (void)curl_multi_remove_handle(http->multi, call->easy);
    if (call->previous != NULL) {
        call->previous->next = call->next;
    } else {
        http->calls = call->next;
    }
    if (call->next != NULL) {
        call->next->previous = call->previous;
    }
}

void
notifier_http_cancel(struct notifier_http *http, struct notifier_call *call)
{
    take_out(http, call);
    call_free(call);
}

void
notifier_http_free(struct notifier_http *http)
{
    if (http == NULL) {
        return;
    }
    while (http->calls != NULL) {
        notifier_http_cancel(http, http->calls);
    }
    if (http->multi != NULL) {
        (void)curl_multi_cleanup(http->multi);
    }
    free(http);
}

static size_t
take_body(const void *octets, size_t size, size_t count, void *arg)
{
    struct notifier_call *call = arg;
    struct bytes data = {octets, size * count};
    if (buffer_append(&call->answer, data, NULL) != BASE_OK) {
        call->is_too_large = true;
        return 0; /* ends the call and its connection */
    }
    return data.len;
}

#define SET(option, value) (curl_easy_setopt(call->easy, (option), (value)) == CURLE_OK)

/* What is the same for all. */
static bool
set_rules(struct notifier_call *call)
{
    return SET(CURLOPT_PROTOCOLS_STR, "http,https") && SET(CURLOPT_FOLLOWLOCATION, 0L) &&
           SET(CURLOPT_NOSIGNAL, 1L) && SET(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1) &&
           SET(CURLOPT_HTTP09_ALLOWED, 0L) && SET(CURLOPT_SSL_VERIFYPEER, 1L) &&
           SET(CURLOPT_SSL_VERIFYHOST, 2L) && SET(CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2) &&
           SET(CURLOPT_USERAGENT, "kurier/" KURIER_VERSION) &&
           SET(CURLOPT_WRITEFUNCTION, take_body) && SET(CURLOPT_WRITEDATA, call) &&
           SET(CURLOPT_ERRORBUFFER, call->words) && SET(CURLOPT_PRIVATE, call);
}

static bool
set_request(struct notifier_call *call, const struct notifier_request *request)
{
    long timeout_ms = request->timeout_ms < 1 ? 1L : (long)request->timeout_ms;
    long connect_ms = timeout_ms < NOTIFIER_CONNECT_MS ? timeout_ms : NOTIFIER_CONNECT_MS;
    bool is_set = SET(CURLOPT_URL, request->url) && SET(CURLOPT_PROXY, request->proxy) &&
                  SET(CURLOPT_TIMEOUT_MS, timeout_ms) &&
                  SET(CURLOPT_CONNECTTIMEOUT_MS, connect_ms) &&
                  SET(CURLOPT_HTTPHEADER, call->headers);
    if (request->ca_file[0] != '\0') {
        is_set = is_set && SET(CURLOPT_CAINFO, request->ca_file) && SET(CURLOPT_CAPATH, NULL);
    }
    if (request->is_post) {
        is_set = is_set && SET(CURLOPT_POST, 1L) &&
                 SET(CURLOPT_POSTFIELDSIZE, base_size_to_long(call->body.len)) &&
                 SET(CURLOPT_POSTFIELDS, call->body.len > 0 ? (const char *)call->body.ptr : "");
    }
    return is_set;
}

MUST_CHECK static enum base_code
copy_request(
    struct notifier_call *call, const struct notifier_request *request, struct base_error *err)
{
    buffer_init(&call->body, NOTIFIER_BODY_MAX);
    buffer_init(&call->answer, NOTIFIER_ANSWER_MAX);
    call->easy = curl_easy_init();
    TRY(buffer_append(&call->body, request->body, err));
    /* Without the empty one libcurl asks for leave before a large body, which few services give. */
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    for (size_t i = 0; list != NULL && request->headers[i] != NULL; i++) {
        struct curl_slist *longer = curl_slist_append(list, request->headers[i]);
        if (longer == NULL) {
            wipe_headers(list);
        }
        list = longer;
    }
    call->headers = list;
    return call->easy != NULL && list != NULL ? BASE_OK : base_fail(err, E_NO_MEMORY, "libcurl");
}

enum base_code
notifier_http_start(struct notifier_http *http, const struct notifier_request *request,
    notifier_on_answer on_answer, void *arg, struct notifier_call **out_call,
    struct base_error *err)
{
    OWN_CALL call = calloc(1, sizeof(*call));
    if (call == NULL) {
        return base_fail(err, E_NO_MEMORY, "a call");
    }
    TRY(copy_request(call, request, err));
    call->on_answer = on_answer;
    call->arg = arg;
    if (!set_rules(call) || !set_request(call, request)) {
        return base_fail(err, E_SERVICE_UNREACHABLE, "libcurl refuses %.150s", request->url);
    }
    if (curl_multi_add_handle(http->multi, call->easy) != CURLM_OK) {
        return base_fail(err, E_NO_MEMORY, "libcurl");
    }
    call->next = http->calls;
    if (http->calls != NULL) {
        http->calls->previous = call;
    }
    http->calls = call;
    *out_call = MOVE(call);
    return BASE_OK;
}

void
notifier_http_wait(struct notifier_http *http, struct pollfd *fds, size_t count, int64_t wait_ms)
{
    struct curl_waitfd extra[FDS_MAX] = {{0}};
    unsigned used = 0;
    int ready = 0;
    for (size_t i = 0; i < count && i < FDS_MAX; i++) {
        fds[i].revents = 0;
        if (fds[i].fd >= 0) {
            extra[used].fd = fds[i].fd;
            extra[used].events = CURL_WAIT_POLLIN;
            used++;
        }
    }
    if (curl_multi_poll(http->multi, extra, used, (int)wait_ms, &ready) != CURLM_OK) {
        return;
    }
    used = 0;
    for (size_t i = 0; i < count && i < FDS_MAX; i++) {
        if (fds[i].fd >= 0) {
            fds[i].revents = extra[used++].revents;
        }
    }
}

static enum notifier_failure
failure_of(const struct notifier_call *call, CURLcode result)
{
    switch ((int)result) {
    case CURLE_OK:
        return NOTIFIER_ANSWERED;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return NOTIFIER_NO_NAME;
    case CURLE_COULDNT_CONNECT:
        return NOTIFIER_NO_CONNECTION;
    case CURLE_OPERATION_TIMEDOUT:
        return NOTIFIER_TOO_LATE;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CERTPROBLEM:
        return NOTIFIER_NO_TLS;
    default:
        return call->is_too_large ? NOTIFIER_TOO_LARGE : NOTIFIER_BROKEN;
    }
}

static void
finish(struct notifier_call *call, CURLcode result)
{
    struct notifier_answer answer = {
        .failure = failure_of(call, result), .failure_text = "", .body = BYTES_NONE};
    curl_off_t retry_after = 0;
    if (answer.failure != NOTIFIER_ANSWERED) {
        answer.failure_text = call->words[0] != '\0' ? call->words : curl_easy_strerror(result);
    } else {
        (void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &answer.status);
        (void)curl_easy_getinfo(call->easy, CURLINFO_RETRY_AFTER, &retry_after);
        answer.body = buffer_bytes(&call->answer);
        answer.retry_after_s = retry_after <= 0                         ? 0
                               : retry_after > NOTIFIER_RETRY_AFTER_MAX ? NOTIFIER_RETRY_AFTER_MAX
                                                                        : (uint32_t)retry_after;
    }
    call->on_answer(call->arg, &answer);
}

void
notifier_http_step(struct notifier_http *http)
{
    int running = 0;
    int left = 0;
    (void)curl_multi_perform(http->multi, &running);
    const CURLMsg *message = NULL;
    while ((message = curl_multi_info_read(http->multi, &left)) != NULL) {
        struct notifier_call *call = NULL;
        CURLcode result = message->data.result; /* the message goes with its handle */
        if (message->msg != CURLMSG_DONE ||
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&call) != CURLE_OK) {
            continue;
        }
        take_out(http, call);
        finish(call, result);
        call_free(call);
    }
}
