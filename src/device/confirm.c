#include "device/confirm.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "base/text.h"
#include "device/store.h"
#include "device/transport.h"
#include "pki/certificate.h"

#include "base/banned.h"

#define PATH_START "/api/v1/deliveries/"
#define PATH_END "/confirm"
#define URL_MAX 1024
/* A server that is busy may still be writing down what it has just issued. */
#define TRIES 3
#define RETRY_S 1U

/* The number between start and end; false when the path is no other thing than that. */
static bool
read_path(const char *path, struct bytes *out_id)
{
    size_t start = sizeof(PATH_START) - 1;
    size_t end = sizeof(PATH_END) - 1;
    size_t len = strlen(path);
    uint64_t number = 0;
    if (len <= start + end || strncmp(path, PATH_START, start) != 0 ||
        strcmp(path + len - end, PATH_END) != 0) {
        return false;
    }
    *out_id = (struct bytes){(const uint8_t *)path + start, len - start - end};
    return base_parse_number(*out_id, INT64_MAX, &number, NULL) == BASE_OK;
}

/* How many octets of a URL are scheme, host and port; 0: it is none. */
static size_t
origin_len(const char *url)
{
    const char *host = strstr(url, "://");
    return host == NULL ? 0 : (size_t)(host - url) + 3 + strcspn(host + 3, "/?#");
}

bool
device_confirm_keep(int folder_fd, const char *url, const char *path)
{
    char full[URL_MAX] = "";
    struct bytes id = BYTES_NONE;
    size_t len = origin_len(url);
    if (len == 0 || len + strlen(path) >= sizeof(full) || !read_path(path, &id)) {
        return false;
    }
    (void)snprintf(full, sizeof(full), "%.*s%s", base_size_to_int(len), url, path);
    return device_store_write(folder_fd, DEVICE_CONFIRM, bytes_from_text(full), 0644, NULL) ==
           BASE_OK;
}

/* {"certificate", "installed_at", "signature"}: base64 and times need no escaping. */
static enum base_code
make_body(const struct pki_private_key *key, struct bytes certificate, struct bytes id,
    const char *installed_at, struct buffer *out, struct base_error *err)
{
    uint8_t sha256[PKI_DIGEST_MAX];
    char hex[2 * 32 + 1] = "";
    char text[256] = "";
    BUFFER_LOCAL(signature, 2048);
    TRY(pki_digest(PKI_SHA256, certificate, sha256, err));
    base_hex((struct bytes){sha256, 32}, hex);
    (void)snprintf(text, sizeof(text), "kurier-confirm-v1\n%.*s\n%s\n%s", base_size_to_int(id.len),
        (const char *)id.ptr, hex, installed_at);
    TRY(pki_sign(key, PKI_SHA256, bytes_from_text(text), &signature, err));
    TRY(buffer_append_text(out, "{\"certificate\":\"", err));
    TRY(base_base64(certificate, out, err));
    TRY(buffer_append_text(out, "\",\"installed_at\":\"", err));
    TRY(buffer_append_text(out, installed_at, err));
    TRY(buffer_append_text(out, "\",\"signature\":\"", err));
    TRY(base_base64(buffer_bytes(&signature), out, err));
    return buffer_append_text(out, "\"}", err);
}

/* What is installed: the key, and the first certificate. */
static enum base_code
load(int folder_fd, struct pki_private_key **out_key, struct buffer *out_ders,
    struct bytes *out_certificate, struct base_error *err)
{
    struct der_element first;
    BUFFER_LOCAL(key_pem, DEVICE_FILE_MAX);
    BUFFER_LOCAL(pem, DEVICE_FILE_MAX);
    TRY(device_store_read(folder_fd, "cert.pem", &pem, err));
    TRY(pki_pem_to_ders(buffer_bytes(&pem), out_ders, err));
    struct der_reader reader = der_reader_over(buffer_bytes(out_ders));
    TRY(der_expect(&reader, DER_SEQUENCE, &first, err));
    *out_certificate = first.whole;
    TRY(device_store_read(folder_fd, "key.pem", &key_pem, err));
    return pki_private_key_load(buffer_bytes(&key_pem), BYTES_NONE, out_key, err);
}

static enum base_code
post(const char *url, struct bytes body, const char *ca_file, long *out_status,
    struct base_error *err)
{
    struct device_http http;
    device_http_init(&http);
    http.ca_file = ca_file;
    enum base_code code = device_http_post_json(url, body, &http, err);
    *out_status = http.status;
    device_http_clear(&http);
    return code;
}

static enum base_code
send_to(int folder_fd, const char *url, const char *ca_file, const struct base_clock *clock,
    long *out_status, struct base_error *err)
{
    OWN_STRUCT(pki_private_key) key = NULL;
    struct bytes certificate = BYTES_NONE;
    struct bytes id = BYTES_NONE;
    char installed_at[BASE_TIME_TEXT_LEN] = "";
    BUFFER_LOCAL(ders, DEVICE_FILE_MAX);
    BUFFER_LOCAL(body, DEVICE_FILE_MAX);
    if (!read_path(url + origin_len(url), &id)) {
        return base_fail(err, E_DEVICE_FOLDER, "the address to confirm at is damaged");
    }
    TRY(load(folder_fd, &key, &ders, &certificate, err));
    base_time_text(base_clock_now_s(clock), installed_at);
    TRY(make_body(key, certificate, id, installed_at, &body, err));
    return post(url, buffer_bytes(&body), ca_file, out_status, err);
}

enum base_code
device_confirm_send(int folder_fd, const char *ca_file, const struct base_clock *clock,
    bool *out_is_sent, struct base_error *err)
{
    long status = 0;
    BUFFER_LOCAL(url, DEVICE_FILE_MAX);
    *out_is_sent = false;
    if (!device_store_has(folder_fd, DEVICE_CONFIRM)) {
        return BASE_OK;
    }
    TRY(device_store_read(folder_fd, DEVICE_CONFIRM, &url, err));
    TRY(buffer_append_octet(&url, 0, err));
    for (int attempt = 0; attempt < TRIES && (attempt == 0 || status == 503); attempt++) {
        (void)sleep(attempt == 0 ? 0U : RETRY_S);
        TRY(send_to(folder_fd, (const char *)url.ptr, ca_file, clock, &status, err));
    }
    if (status == 200 || (status >= 400 && status < 500 && status != 408 && status != 429)) {
        device_store_remove(folder_fd, DEVICE_CONFIRM);
    }
    *out_is_sent = status == 200;
    return status == 200 ? BASE_OK
                         : base_fail(err, E_DEVICE_STATUS, "confirmation: HTTP %ld", status);
}
