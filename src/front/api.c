#include "front/api.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "front/api_json.h"
#include "front/calls.h"
#include "front/route.h"
#include "pki/certificate.h"

#include "base/banned.h"

#define DELIVERIES "/api/v1/deliveries/"
#define CONFIRM "/confirm"
#define JSON_TYPE "application/json"
#define REALM "Basic realm=\"kurier\", charset=\"UTF-8\", Bearer realm=\"kurier\""
#define RETRY_AFTER_S 5
/* What a device signs; the line ends are part of it. */
#define SIGNED_TEXT "kurier-confirm-v1\n%" PRIu64 "\n%s\n%s"
/* A clock that is wrong by more than this tells nothing. */
#define CLOCK_MAX_MS ((int64_t)86400 * 1000)

bool
front_api_confirm_path(const struct front_path *path, uint64_t *out_delivery_id)
{
    size_t head = sizeof(DELIVERIES) - 1;
    size_t tail = sizeof(CONFIRM) - 1;
    if (path->len <= head + tail || memcmp(path->text, DELIVERIES, head) != 0 ||
        strcmp(path->text + path->len - tail, CONFIRM) != 0) {
        return false;
    }
    struct bytes id = {(const uint8_t *)path->text + head, path->len - head - tail};
    return base_parse_number(id, INT64_MAX, out_delivery_id, NULL) == BASE_OK;
}

void
front_api_confirm_path_text(uint64_t delivery_id, char out[FRONT_API_CONFIRM_PATH_LEN])
{
    (void)snprintf(out, FRONT_API_CONFIRM_PATH_LEN, DELIVERIES "%" PRIu64 CONFIRM, delivery_id);
}

enum base_code
front_api_check_post(const struct front_http_request *request, struct base_error *err)
{
    struct bytes type = BYTES_NONE;
    size_t len = sizeof(JSON_TYPE) - 1;
    if (request->method != FRONT_HTTP_POST) {
        return base_fail(err, E_API_METHOD, "POST is wanted");
    }
    if (!front_http_find_field(request, "Content-Type", 0, &type) || type.len < len ||
        strncasecmp((const char *)type.ptr, JSON_TYPE, len) != 0 ||
        (type.len > len && type.ptr[len] != ';' && type.ptr[len] != ' ')) {
        return base_fail(err, E_API_TYPE, "Content-Type: application/json is wanted");
    }
    return BASE_OK;
}

void
front_api_answer(struct front_http_request *take_request, unsigned status, struct bytes json)
{
    const struct front_http_answer answer = {
        .status = status, .content_type = JSON_TYPE, .body = json};
    front_http_answer(take_request, &answer);
}

void
front_api_answer_error(struct front_http_request *take_request, const struct base_error *why,
    bool with_detail, unsigned retry_after_s)
{
    unsigned status = front_http_status_of(why->code);
    BUFFER_LOCAL(body, 8192);
    struct base_error ignored;
    bool is_shown = status < 500 && (with_detail || why->code == E_API_JSON);
    if (front_api_error_encode(why, is_shown, &body, &ignored) != BASE_OK) {
        front_http_answer_status(take_request, 503, RETRY_AFTER_S);
        return;
    }
    const struct front_http_answer answer = {.status = status,
        .content_type = JSON_TYPE,
        .body = buffer_bytes(&body),
        .retry_after_s = status == 503 && retry_after_s == 0 ? RETRY_AFTER_S : retry_after_s,
        .allow = status == 405 ? "POST" : NULL,
        .challenge = status == 401 ? REALM : NULL};
    front_http_answer(take_request, &answer);
}

/* ---- a device confirms
 * ------------------------------------------------------------------------------------------ */

struct confirming {
    struct front_http_request *http;
};

static void
on_confirmed(void *arg, enum base_code code)
{
    OWN_MEMORY struct confirming *it = arg;
    struct base_error why;
    if (code == BASE_OK) {
        front_api_answer(it->http, 200, BYTES_LITERAL("{\"confirmed\":true}\n"));
        return;
    }
    (void)base_fail(&why, code, "confirmation");
    front_api_answer_error(it->http, &why, false, 0);
}

/* Is it signed with the certificate's key? */
MUST_CHECK static enum base_code
check_signature(const struct front_api_confirm *confirm, uint64_t delivery_id,
    uint8_t out_sha256[PKI_DIGEST_MAX], struct base_error *err)
{
    struct pki_certificate certificate;
    OWN_STRUCT(pki_public_key) key = NULL;
    char hex[2 * 32 + 1] = "";
    char text[256] = "";
    struct bytes der = buffer_bytes(&confirm->certificate);
    if (pki_certificate_read(der, &certificate, err) != BASE_OK ||
        pki_public_key_read(certificate.spki, &key, err) != BASE_OK) {
        return base_fail(err, E_API_JSON, "certificate: want the DER of the issued one");
    }
    TRY(pki_digest(PKI_SHA256, der, out_sha256, err));
    base_hex((struct bytes){out_sha256, 32}, hex);
    (void)snprintf(text, sizeof(text), SIGNED_TEXT, delivery_id, hex, confirm->installed_at);
    const struct pki_signature_algorithm algorithm = {
        .kind = pki_public_key_type(key) == PKI_KEY_RSA ? PKI_RSA_PKCS1 : PKI_ECDSA,
        .digest = PKI_SHA256};
    if (pki_verify(key, &algorithm, bytes_from_text(text), buffer_bytes(&confirm->signature),
            err) != BASE_OK) {
        return base_fail(err, E_CONFIRM_SIGNATURE, "delivery %" PRIu64, delivery_id);
    }
    return BASE_OK;
}

MUST_CHECK static enum base_code
ask(struct front *front, struct front_http_request *request, uint64_t delivery_id,
    struct front_api_confirm *confirm, struct base_error *err)
{
    uint8_t sha256[PKI_DIGEST_MAX];
    char source[FRONT_HTTP_SOURCE_LEN] = "";
    bool is_exempt = false;
    TRY(front_api_check_post(request, err));
    TRY(front_api_confirm_parse_device(request->body, confirm, err));
    if (confirm->installed_ms > base_clock_now_ms(&front->clock) + CLOCK_MAX_MS) {
        return base_fail(err, E_API_JSON, "installed_at: want a time that is not in the future");
    }
    TRY(check_signature(confirm, delivery_id, sha256, err));
    front_route_source(front, request, source, &is_exempt);
    struct ipc_confirm message = {.delivery_id = delivery_id,
        .certificate_sha256 = {sha256, 32},
        .installed_ms = confirm->installed_ms,
        .source = bytes_from_text(source)};
    struct confirming *it = malloc(sizeof(*it));
    if (it == NULL) {
        return base_fail(err, E_NO_MEMORY, "confirmation");
    }
    it->http = request;
    enum base_code code = front_calls_confirm(front->calls, &message, on_confirmed, it, err);
    if (code != BASE_OK) {
        free(it);
    }
    return code;
}

static void
log_refused(const struct front *front, const struct front_http_request *request,
    const struct base_error *why)
{
    struct base_log_record record;
    base_log_begin(&record, front->log, BASE_LOG_INFO, "confirmation_refused", BYTES_NONE);
    base_log_word(&record, "source", request->source_text);
    base_log_code(&record, why);
    base_log_end(&record);
}

void
front_api_confirm(
    struct front *front, struct front_http_request *take_request, uint64_t delivery_id)
{
    struct front_api_confirm confirm;
    struct base_error err;
    front_api_confirm_init(&confirm);
    if (ask(front, take_request, delivery_id, &confirm, &err) != BASE_OK) {
        log_refused(front, take_request, &err);
        front_api_answer_error(take_request, &err, false, 0);
    }
    front_api_confirm_clear(&confirm);
}
