#include "diagnose/probe_http.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/own.h"

#include "base/banned.h"

OWNER(CURL, curl_easy_cleanup)

void
probe_answer_init(struct probe_answer *answer)
{
    *answer = (struct probe_answer){.failure = PROBE_ANSWERED};
    buffer_init(&answer->body, PROBE_ANSWER_MAX);
}

void
probe_answer_clear(struct probe_answer *answer)
{
    buffer_clear(&answer->body);
}

static size_t
take_body(const void *octets, size_t size, size_t count, void *arg)
{
    struct probe_answer *answer = arg;
    struct bytes data = {octets, size * count};
    return buffer_append(&answer->body, data, NULL) == BASE_OK ? data.len : 0;
}

static void
keep_field(const char *line, size_t len, const char *name, char *out, size_t size)
{
    size_t name_len = strlen(name);
    if (len <= name_len || strncasecmp(line, name, name_len) != 0) {
        return;
    }
    line += name_len;
    len -= name_len;
    while (len > 0 && *line == ' ') {
        line++;
        len--;
    }
    while (len > 0 && (line[len - 1] == '\r' || line[len - 1] == '\n')) {
        len--;
    }
    (void)snprintf(out, size, "%.*s", (int)(len < size ? len : size - 1), line);
}

static size_t
take_field(const char *line, size_t size, size_t count, void *arg)
{
    struct probe_answer *answer = arg;
    char date[64] = "";
    keep_field(line, size * count, "Location:", answer->location, sizeof(answer->location));
    keep_field(line, size * count, "Server:", answer->server, sizeof(answer->server));
    keep_field(line, size * count, "Date:", date, sizeof(date));
    if (date[0] != '\0') {
        answer->date_s = (int64_t)curl_getdate(date, NULL);
    }
    return size * count;
}

static enum probe_failure
failure_of(CURLcode code)
{
    switch ((int)code) {
    case CURLE_OK:
        return PROBE_ANSWERED;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return PROBE_NO_NAME;
    case CURLE_COULDNT_CONNECT:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
        return PROBE_NO_CONNECTION;
    case CURLE_OPERATION_TIMEDOUT:
        return PROBE_TIMEOUT;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
        return PROBE_TLS;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return PROBE_BAD_URL;
    default:
        return PROBE_NOT_HTTP;
    }
}

static bool
set_all(CURL *curl, const char *url, long timeout_s, struct probe_answer *out)
{
    return curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, timeout_s) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_TIMEOUT, timeout_s) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_CERTINFO, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_USERAGENT, "kurier/" KURIER_VERSION) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEDATA, out) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_field) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HEADERDATA, out) == CURLE_OK;
}

static void
read_tls(CURL *curl, struct probe_answer *out)
{
    struct curl_certinfo *info = NULL;
    if (curl_easy_getinfo(curl, CURLINFO_CERTINFO, &info) != CURLE_OK || info == NULL ||
        info->num_of_certs < 1) {
        return;
    }
    for (struct curl_slist *row = info->certinfo[0]; row != NULL; row = row->next) {
        if (strncmp(row->data, "Expire date:", 12) == 0) {
            out->tls_not_after_s = (int64_t)curl_getdate(row->data + 12, NULL);
        }
    }
}

static CURLcode
perform(CURL *curl, struct probe_answer *out)
{
    CURLcode code = curl_easy_perform(curl);
    out->is_tls_trusted = code == CURLE_OK;
    if (failure_of(code) != PROBE_TLS) {
        return code;
    }
    /* What is wrong with the certificate is said once; then we look past it. */
    (void)snprintf(out->tls_problem, sizeof(out->tls_problem), "%s", curl_easy_strerror(code));
    buffer_reset(&out->body);
    (void)curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
    (void)curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    return curl_easy_perform(curl);
}

void
probe_fetch(const char *url, const struct bytes *body, long timeout_s, struct probe_answer *out)
{
    char *type = NULL;
    struct curl_slist *fields = NULL;
    OWN(CURL) curl = curl_easy_init();
    buffer_reset(&out->body);
    if (curl == NULL || !set_all(curl, url, timeout_s, out)) {
        out->failure = PROBE_BAD_URL;
        return;
    }
    if (body != NULL) {
        fields = curl_slist_append(NULL, "Content-Type: application/x-pki-message");
        (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, fields);
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->len);
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body->ptr);
    }
    CURLcode code = perform(curl, out);
    curl_slist_free_all(fields);
    out->failure = failure_of(code);
    (void)snprintf(out->failure_text, sizeof(out->failure_text), "%s", curl_easy_strerror(code));
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &out->status);
    (void)curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
    (void)curl_easy_getinfo(curl, CURLINFO_TOTAL_TIME, &out->took_s);
    (void)snprintf(out->content_type, sizeof(out->content_type), "%s", type == NULL ? "" : type);
    read_tls(curl, out);
}
