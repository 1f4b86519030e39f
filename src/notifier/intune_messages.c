#include "notifier/intune_messages.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/text.h"
#include "notifier/intune_codes.h"
#include "notifier/json.h"
#include "notifier/notifier.h"

#include "base/banned.h"

#define DESCRIPTION_MAX 255 /* characters that Intune takes of errorDescription */

/* A base URL and a path with exactly one slash between them. */
MUST_CHECK static enum base_code
join(const char *base, const char *path, char *out, size_t size, struct base_error *err)
{
    size_t len = strlen(base);
    while (len > 0 && base[len - 1] == '/') {
        len--;
    }
    int written = snprintf(out, size, "%.*s/%s", base_size_to_int(len), base, path);
    return written > 0 && (size_t)written < size
               ? BASE_OK
               : base_fail(err, E_TOO_LARGE, "a URL beyond %zu octets", size);
}

/* ---- discovery ---- */

const char *
notifier_intune_service_name(enum notifier_intune_service service)
{
    return service == NOTIFIER_REVOCATION ? "PkiConnectorFEService"
                                          : "ScepRequestValidationFEService";
}

enum base_code
notifier_discovery_url(
    const struct notifier_policy *policy, char *out, size_t size, struct base_error *err)
{
    char path[256] = "";
    (void)snprintf(path, sizeof(path), "v1.0/servicePrincipals/appId=%s/endpoints", policy->app_id);
    return join(policy->graph_url, path, out, size, err);
}

/* A uri as the service gives it, which becomes part of ours. */
MUST_CHECK static enum base_code
take_uri(struct bytes uri, bool is_http_allowed, char out[NOTIFIER_URL_MAX], struct base_error *err)
{
    bool is_https = uri.len > 8 && memcmp(uri.ptr, "https://", 8) == 0;
    bool is_http = uri.len > 7 && memcmp(uri.ptr, "http://", 7) == 0;
    char start[80] = "";
    bool is_plain = true;
    for (size_t i = 0; i < uri.len; i++) {
        is_plain = is_plain && uri.ptr[i] > ' ' && uri.ptr[i] < 0x7f;
    }
    while (uri.len > 0 && uri.ptr[uri.len - 1] == '/') {
        uri.len--;
    }
    if (!(is_https || (is_http && is_http_allowed)) || !is_plain ||
        uri.len >= NOTIFIER_URL_MAX - 64) {
        return base_fail(
            err, E_SERVICE_ANSWER, "a service's uri '%s'", base_escape(uri, start, sizeof(start)));
    }
    memcpy(out, uri.ptr, uri.len);
    out[uri.len] = '\0';
    return BASE_OK;
}

MUST_CHECK static enum base_code
take_endpoint(const json_t *entry, bool is_http_allowed, struct notifier_intune_uris *out,
    struct base_error *err)
{
    struct bytes name = BYTES_NONE;
    struct bytes uri = BYTES_NONE;
    /* serviceName is the older spelling. */
    bool is_named = notifier_json_text(entry, "providerName", &name) ||
                    notifier_json_text(entry, "serviceName", &name);
    if (!is_named || !notifier_json_text(entry, "uri", &uri)) {
        return BASE_OK;
    }
    for (int i = 0; i < NOTIFIER_SERVICES; i++) {
        const char *wanted = notifier_intune_service_name((enum notifier_intune_service)i);
        if (out->uri[i][0] == '\0' && name.len == strlen(wanted) &&
            strncasecmp((const char *)name.ptr, wanted, name.len) == 0) {
            TRY(take_uri(uri, is_http_allowed, out->uri[i], err));
        }
    }
    return BASE_OK;
}

enum base_code
notifier_discovery_parse(struct bytes body, bool is_http_allowed, struct notifier_intune_uris *out,
    struct base_error *err)
{
    OWN(json_t) object = NULL;
    struct notifier_intune_uris found = {{{0}}};
    TRY(notifier_json_parse(body, &object, err));
    const json_t *list = json_object_get(object, "value");
    if (!json_is_array(list)) {
        char start[80] = "";
        return base_fail(err, E_SERVICE_ANSWER, "discovery has no list 'value': %s",
            base_escape(body, start, sizeof(start)));
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        TRY(take_endpoint(json_array_get(list, i), is_http_allowed, &found, err));
    }
    if (found.uri[NOTIFIER_VALIDATION][0] == '\0') {
        return base_fail(err, E_SERVICE_PERMISSION,
            "Did not find service named '%s' listed in Microsoft.Graph discovery service list (%zu "
            "entries)",
            notifier_intune_service_name(NOTIFIER_VALIDATION), json_array_size(list));
    }
    *out = found;
    return BASE_OK;
}

/* ---- SCEP actions ---- */

/* {"NAME": {...}} */
MUST_CHECK static enum base_code
write_wrapped(const char *name, json_t *inner, struct buffer *out, struct base_error *err)
{
    OWN(json_t) whole = json_object();
    if (json_object_set(whole, name, inner) != 0) {
        return base_fail(err, E_NO_MEMORY, "JSON");
    }
    return notifier_json_write(whole, out, err);
}

enum base_code
notifier_validate_body(const struct ipc_verify *verify, struct buffer *out, struct base_error *err)
{
    OWN(json_t) request = json_object();
    if (!notifier_json_set(request, "transactionId", verify->transaction_id) ||
        !notifier_json_set_base64(request, "certificateRequest", verify->csr) ||
        !notifier_json_set(request, "callerInfo", BYTES_LITERAL(NOTIFIER_CALLER))) {
        return base_fail(err, E_NO_MEMORY, "JSON");
    }
    return write_wrapped("request", request, out, err);
}

/* Copy a text of the event under Intune's name for it; Intune's own clients refuse to send without.
 */
MUST_CHECK static enum base_code
copy_text(
    const json_t *event, const char *from, json_t *to, const char *name, struct base_error *err)
{
    struct bytes text = BYTES_NONE;
    if (!notifier_json_text(event, from, &text) || text.len == 0) {
        return base_fail(err, E_NOTICE_FORMAT, "the event has no %s", from);
    }
    return notifier_json_set(to, name, text) ? BASE_OK : base_fail(err, E_NO_MEMORY, "JSON");
}

/* "2026-11-24T09:03:02Z" as "2026-11-24T09:03:02.000Z". */
MUST_CHECK static enum base_code
copy_time(const json_t *event, json_t *to, struct base_error *err)
{
    char text[40] = "";
    struct bytes at = BYTES_NONE;
    if (!notifier_json_text(event, "not_after", &at) || at.len < 19 || at.len > 30) {
        return base_fail(err, E_NOTICE_FORMAT, "the event has no not_after");
    }
    (void)snprintf(text, sizeof(text), "%.19s.000Z", (const char *)at.ptr);
    return notifier_json_set(to, "certificateExpirationDateUtc", bytes_from_text(text))
               ? BASE_OK
               : base_fail(err, E_NO_MEMORY, "JSON");
}

MUST_CHECK static enum base_code
fill_success(const json_t *event, json_t *notice, struct base_error *err)
{
    struct bytes issuer = BYTES_NONE;
    TRY(copy_text(event, "sha1", notice, "certificateThumbprint", err));
    TRY(copy_text(event, "serial", notice, "certificateSerialNumber", err));
    TRY(copy_time(event, notice, err));
    TRY(copy_text(event, "issuer", notice, "issuingCertificateAuthority", err));
    (void)notifier_json_text(event, "issuer", &issuer);
    /* Intune compares a revocation request's issuerName with caConfiguration. */
    bool is_set = notifier_json_set(notice, "callerInfo", BYTES_LITERAL(NOTIFIER_CALLER)) &&
                  notifier_json_set(notice, "caConfiguration", issuer) &&
                  notifier_json_set(notice, "certificateAuthority", issuer);
    return is_set ? BASE_OK : base_fail(err, E_NO_MEMORY, "JSON");
}

/* "KUR-2428" as its number; 0: it is no such text. */
static enum base_code
code_of(struct bytes text)
{
    uint64_t number = 0;
    bool is_ours = text.len > 4 && memcmp(text.ptr, "KUR-", 4) == 0 &&
                   base_parse_number(bytes_skip(text, 4), 9999, &number, NULL) == BASE_OK;
    return is_ours ? (enum base_code)number : BASE_OK;
}

/* What a device is told of a failure, by its failInfo; faults of our own are E_FAIL. */
static uint32_t
hresult_of_fail_info(enum base_fail_info fail_info)
{
    switch (fail_info) {
    case BASE_FAIL_BAD_ALG:
        return 0x80090008; /* NTE_BAD_ALGID */
    case BASE_FAIL_BAD_MESSAGE_CHECK:
        return 0x80090006; /* NTE_BAD_SIGNATURE */
    case BASE_FAIL_BAD_TIME:
        return 0x800b0101; /* CERT_E_EXPIRED */
    case BASE_FAIL_BAD_CERT_ID:
        return 0x80092004; /* CRYPT_E_NOT_FOUND */
    case BASE_FAIL_BAD_REQUEST:
        return 0x80070057; /* E_INVALIDARG */
    case BASE_FAIL_NONE:
    default:
        return 0x80004005; /* E_FAIL */
    }
}

/* The event's own; else that of its code: an Intune code's, or its failInfo's. */
static uint32_t
hresult_of(const json_t *event)
{
    const json_t *given = json_object_get(event, "hresult");
    struct bytes text = BYTES_NONE;
    if (json_is_integer(given) && json_integer_value(given) != 0) {
        return (uint32_t)json_integer_value(given); /* signed or not: the same 32 bits */
    }
    (void)notifier_json_text(event, "code", &text);
    enum base_code code = code_of(text);
    size_t count = 0;
    const struct notifier_intune_code *table = notifier_intune_code_table(&count);
    for (size_t i = 0; i < count; i++) {
        if (table[i].code == code) {
            return table[i].hresult;
        }
    }
    return hresult_of_fail_info(base_error_find(code)->fail_info);
}

/* At most 255 characters (not octets) of "reason detail [code]". */
static void
describe(const json_t *event, char *out, size_t size)
{
    struct bytes reason = BYTES_NONE;
    struct bytes detail = BYTES_NONE;
    struct bytes code = BYTES_NONE;
    char text[2048] = "";
    (void)notifier_json_text(event, "reason", &reason);
    (void)notifier_json_text(event, "detail", &detail);
    (void)notifier_json_text(event, "code", &code);
    (void)snprintf(text, sizeof(text), "%.*s%s%.*s%s%.*s%s", base_size_to_int(reason.len),
        (const char *)reason.ptr, reason.len > 0 && detail.len > 0 ? " " : "",
        base_size_to_int(detail.len < 1024 ? detail.len : 1024), (const char *)detail.ptr,
        code.len == 0                 ? ""
        : reason.len + detail.len > 0 ? " ["
                                      : "[",
        base_size_to_int(code.len), (const char *)code.ptr, code.len > 0 ? "]" : "");
    if (text[0] == '\0') {
        (void)snprintf(text, sizeof(text), "no certificate was issued");
    }
    (void)notifier_clean(bytes_from_text(text), out, size);
    size_t characters = 0;
    for (char *at = out; *at != '\0'; at++) {
        characters += ((uint8_t)*at & 0xc0) != 0x80;
        if (characters > DESCRIPTION_MAX) {
            *at = '\0';
            return;
        }
    }
}

MUST_CHECK static enum base_code
fill_failure(const json_t *event, bool is_hresult_unsigned, json_t *notice, struct base_error *err)
{
    char description[4 * DESCRIPTION_MAX + 1] = "";
    uint32_t hresult = hresult_of(event);
    json_int_t number = is_hresult_unsigned ? (json_int_t)hresult : (json_int_t)(int32_t)hresult;
    describe(event, description, sizeof(description));
    bool is_set = json_object_set_new(notice, "hResult", json_integer(number)) == 0 &&
                  notifier_json_set(notice, "errorDescription", bytes_from_text(description)) &&
                  notifier_json_set(notice, "callerInfo", BYTES_LITERAL(NOTIFIER_CALLER));
    return is_set ? BASE_OK : base_fail(err, E_NO_MEMORY, "JSON");
}

enum base_code
notifier_notice_body(const struct ipc_notify *notify, bool is_hresult_unsigned,
    const char **out_suffix, struct buffer *out, struct base_error *err)
{
    bool is_success = bytes_equal_text(notify->event, "issued");
    OWN(json_t) event = NULL;
    OWN(json_t) notice = json_object();
    if (!is_success && !bytes_equal_text(notify->event, "failed")) {
        return base_fail(err, E_NOTICE_FORMAT, "Intune has no notice for this event");
    }
    if (notifier_json_parse(notify->body, &event, NULL) != BASE_OK) {
        return base_fail(err, E_NOTICE_FORMAT, "the event is no JSON object");
    }
    TRY(copy_text(event, "transaction_id", notice, "transactionId", err));
    TRY(copy_text(event, "csr", notice, "certificateRequest", err));
    TRY(is_success ? fill_success(event, notice, err)
                   : fill_failure(event, is_hresult_unsigned, notice, err));
    TRY(write_wrapped("notification", notice, out, err));
    *out_suffix =
        is_success ? "ScepActions/successNotification" : "ScepActions/failureNotification";
    return BASE_OK;
}

enum base_code
notifier_action_parse(struct bytes body, struct notifier_action *out, struct base_error *err)
{
    OWN(json_t) object = NULL;
    struct bytes code = BYTES_NONE;
    struct bytes description = BYTES_NONE;
    TRY(notifier_json_parse(body, &object, err));
    if (!notifier_json_text(object, "code", &code) || code.len == 0) {
        char start[80] = "";
        return base_fail(err, E_SERVICE_ANSWER, "an answer without a code: %s",
            base_escape(body, start, sizeof(start)));
    }
    (void)notifier_json_text(object, "errorDescription", &description);
    (void)notifier_clean(code, out->code, sizeof(out->code));
    (void)notifier_clean(description, out->description, sizeof(out->description));
    return BASE_OK;
}

/* Line ends and runs of blanks become one blank. */
static void
flatten(struct bytes text, char *out, size_t size)
{
    char line[512] = "";
    size_t len = 0;
    for (size_t i = 0; i < text.len && len < sizeof(line) - 1; i++) {
        bool is_blank = text.ptr[i] <= ' ';
        if (!is_blank || (len > 0 && line[len - 1] != ' ')) {
            line[len] = ' ';
            if (!is_blank) {
                line[len] = (char)text.ptr[i];
            }
            len++;
        }
    }
    (void)notifier_clean((struct bytes){(const uint8_t *)line, len}, out, size);
}

bool
notifier_service_error(struct bytes body, char *out, size_t size)
{
    OWN(json_t) object = NULL;
    OWN(json_t) nested = NULL;
    struct bytes code = BYTES_NONE;
    struct bytes message = BYTES_NONE;
    char words[256] = "";
    if (notifier_json_parse(body, &object, NULL) != BASE_OK) {
        return false;
    }
    const json_t *error = json_object_get(object, "error");
    if (!json_is_object(error) || !notifier_json_text(error, "code", &code)) {
        return false;
    }
    (void)notifier_json_text(error, "message", &message);
    if (notifier_json_parse(message, &nested, NULL) == BASE_OK) {
        (void)notifier_json_text(nested, "Message", &message);
    }
    flatten(message, words, sizeof(words));
    char name[64] = "";
    (void)snprintf(out, size, "%s: %s", notifier_clean(code, name, sizeof(name)), words);
    return true;
}
