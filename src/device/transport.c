#include "device/transport.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/own.h"
#include "base/text.h"

#include "base/banned.h"

#define CONNECT_S 10L
#define WHOLE_S 60L
#define URL_MAX ((size_t)512 * 1024)

void
device_http_init(struct device_http *http)
{
    *http = (struct device_http){.status = 0};
    buffer_init(&http->body, DEVICE_ANSWER_MAX);
}

void
device_http_clear(struct device_http *http)
{
    buffer_clear(&http->body);
}

static size_t
take_body(const void *octets, size_t size, size_t count, void *arg)
{
    struct device_http *http = arg;
    struct bytes data = {octets, size * count};
    return buffer_append(&http->body, data, NULL) == BASE_OK ? data.len : 0;
}

static enum base_code
set_common(CURL *curl, const char *url, struct device_http *http, struct base_error *err)
{
    bool is_set = curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK &&
                  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
                  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
                  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_S) == CURLE_OK &&
                  curl_easy_setopt(curl, CURLOPT_TIMEOUT, WHOLE_S) == CURLE_OK &&
                  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
                  curl_easy_setopt(curl, CURLOPT_USERAGENT, "kurier/" KURIER_VERSION) == CURLE_OK &&
                  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK &&
                  curl_easy_setopt(curl, CURLOPT_WRITEDATA, http) == CURLE_OK &&
                  (http->ca_file == NULL ||
                      curl_easy_setopt(curl, CURLOPT_CAINFO, http->ca_file) == CURLE_OK);
    return is_set ? BASE_OK : base_fail(err, E_DEVICE_HTTP, "libcurl refuses '%s'", url);
}

static enum base_code
perform(CURL *curl, const char *url, struct device_http *out, struct base_error *err)
{
    char *type = NULL;
    curl_off_t retry_after = 0;
    buffer_reset(&out->body);
    CURLcode result = curl_easy_perform(curl);
    if (result != CURLE_OK) {
        return base_fail(err, E_DEVICE_HTTP, "%.120s: %s", url, curl_easy_strerror(result));
    }
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &out->status);
    (void)curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
    (void)curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after);
    out->retry_after_s = retry_after > 3600 ? 3600 : (long)retry_after;
    (void)snprintf(out->content_type, sizeof(out->content_type), "%s", type == NULL ? "" : type);
    struct curl_header *confirm = NULL;
    bool has_confirm =
        curl_easy_header(curl, "Kurier-Confirm", 0, CURLH_HEADER, -1, &confirm) == CURLHE_OK;
    (void)snprintf(out->confirm, sizeof(out->confirm), "%s", has_confirm ? confirm->value : "");
    return BASE_OK;
}

/* "url?operation=..." or, when the URL has a query already, "url&operation=...". */
static enum base_code
start_url(const char *url, const char *operation, struct buffer *out, struct base_error *err)
{
    bool has_query = false;
    for (const char *c = url; *c != '\0'; c++) {
        has_query = has_query || *c == '?';
    }
    TRY(buffer_append_text(out, url, err));
    TRY(buffer_append_text(out, has_query ? "&operation=" : "?operation=", err));
    return buffer_append_text(out, operation, err);
}

enum base_code
device_http_get(const char *url, const char *operation, struct bytes message,
    struct device_http *out, struct base_error *err)
{
    BUFFER_LOCAL(full, URL_MAX);
    TRY(start_url(url, operation, &full, err));
    TRY(buffer_append_text(&full, "&message=", err));
    CURL *curl = curl_easy_init();
    char *escaped =
        curl == NULL || message.len == 0
            ? NULL
            : curl_easy_escape(curl, (const char *)message.ptr, base_size_to_int(message.len));
    enum base_code code = curl == NULL || (message.len > 0 && escaped == NULL)
                              ? base_fail(err, E_NO_MEMORY, "libcurl")
                              : buffer_append_text(&full, escaped == NULL ? "" : escaped, err);
    code = code == BASE_OK ? buffer_append_octet(&full, 0, err) : code;
    code = code == BASE_OK ? set_common(curl, (const char *)full.ptr, out, err) : code;
    code = code == BASE_OK ? perform(curl, url, out, err) : code;
    curl_free(escaped);
    curl_easy_cleanup(curl);
    return code;
}

static enum base_code
post(const char *full_url, const char *type_field, struct bytes body, struct device_http *out,
    struct base_error *err)
{
    CURL *curl = curl_easy_init();
    struct curl_slist *fields = curl_slist_append(NULL, type_field);
    if (curl == NULL || fields == NULL) {
        curl_slist_free_all(fields);
        curl_easy_cleanup(curl);
        return base_fail(err, E_NO_MEMORY, "libcurl");
    }
    enum base_code code = set_common(curl, full_url, out, err);
    if (code == BASE_OK &&
        (curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, base_size_to_long(body.len)) != CURLE_OK ||
            curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.ptr) != CURLE_OK ||
            curl_easy_setopt(curl, CURLOPT_HTTPHEADER, fields) != CURLE_OK)) {
        code = base_fail(err, E_DEVICE_HTTP, "libcurl refuses the request");
    }
    code = code == BASE_OK ? perform(curl, full_url, out, err) : code;
    curl_slist_free_all(fields);
    curl_easy_cleanup(curl);
    return code;
}

enum base_code
device_http_post(
    const char *url, struct bytes message, struct device_http *out, struct base_error *err)
{
    BUFFER_LOCAL(full, URL_MAX);
    TRY(start_url(url, "PKIOperation", &full, err));
    TRY(buffer_append_octet(&full, 0, err));
    return post(
        (const char *)full.ptr, "Content-Type: application/x-pki-message", message, out, err);
}

enum base_code
device_http_post_json(
    const char *url, struct bytes json, struct device_http *out, struct base_error *err)
{
    return post(url, "Content-Type: application/json", json, out, err);
}
