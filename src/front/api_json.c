#include "front/api_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/text.h"

#include "base/banned.h"

#define SAN_MAX 1024
#define USES_MAX 1000
#define TTL_MIN_S 60
#define TTL_MAX_S ((int64_t)31 * 86400)
#define SIGNATURE_MAX 2048
#define MEMBERS_MAX 8
/* No object of ours is deeper than two; a parser that recurses is spared the rest. */
#define DEPTH_MAX 4

MUST_CHECK static enum base_code
wrong(struct base_error *err, const char *member, const char *wanted)
{
    return base_fail(err, E_API_JSON, "%s: want %s", member, wanted);
}

/* Brackets that are open at the same time, strings aside. */
static bool
is_shallow(struct bytes body)
{
    unsigned depth = 0;
    bool is_in_string = false;
    for (size_t i = 0; i < body.len; i++) {
        uint8_t c = body.ptr[i];
        if (is_in_string) {
            i += c == '\\' ? 1 : 0;
            is_in_string = c != '"';
        } else if (c == '"') {
            is_in_string = true;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
        if (depth > DEPTH_MAX) {
            return false;
        }
    }
    return true;
}

/* An object with none but these members. */
MUST_CHECK static enum base_code
load(struct bytes body, const char *const *names, json_t **out, struct base_error *err)
{
    json_error_t error;
    const char *name = NULL;
    json_t *value = NULL;
    if (body.len == 0 || body.len > FRONT_API_BODY_MAX) {
        return base_fail(err, E_API_JSON, "a body of %zu octets", body.len);
    }
    json_t *json = is_shallow(body) ? json_loadb((const char *)body.ptr, body.len,
                                          JSON_REJECT_DUPLICATES, &error)
                                    : NULL;
    if (!json_is_object(json)) {
        json_decref(json);
        return base_fail(err, E_API_JSON, "it is no JSON object");
    }
    json_object_foreach(json, name, value)
    {
        bool is_known = false;
        for (size_t i = 0; names[i] != NULL; i++) {
            is_known = is_known || strcmp(names[i], name) == 0;
        }
        if (!is_known) {
            char shown[48] = "";
            base_escape(bytes_from_text(name), shown, sizeof(shown));
            json_decref(json);
            return base_fail(err, E_API_JSON, "there is no member '%s'", shown);
        }
    }
    *out = json;
    return BASE_OK;
}

/* A text of at most @max octets without control characters; absent and null leave *out empty. */
MUST_CHECK static enum base_code
take_text(
    const json_t *json, const char *name, size_t max, struct bytes *out, struct base_error *err)
{
    const json_t *value = json_object_get(json, name);
    *out = BYTES_NONE;
    if (value == NULL || json_is_null(value)) {
        return BASE_OK;
    }
    struct bytes text = {(const uint8_t *)json_string_value(value), json_string_length(value)};
    if (!json_is_string(value) || text.len > max || !base_is_clean_utf8(text)) {
        return wrong(err, name, "a text without control characters, within its length");
    }
    *out = text;
    return BASE_OK;
}

MUST_CHECK static enum base_code
take_sans(const json_t *json, struct front_api_order *out, struct base_error *err)
{
    const json_t *list = json_object_get(json, "sans");
    out->has_sans = list != NULL && !json_is_null(list);
    if (!out->has_sans) {
        return BASE_OK;
    }
    if (!json_is_array(list) || json_array_size(list) > FRONT_API_SANS_MAX) {
        return wrong(err, "sans", "a list of at most 100 texts like DNS:laptop-7.example.org");
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        struct bytes text = {(const uint8_t *)json_string_value(item), json_string_length(item)};
        if (!json_is_string(item) || text.len == 0 || text.len > SAN_MAX ||
            !base_is_clean_utf8(text) || buffer_append(&out->sans, text, NULL) != BASE_OK ||
            buffer_append_octet(&out->sans, '\n', NULL) != BASE_OK) {
            return wrong(err, "sans", "texts like DNS:laptop-7.example.org, 16384 octets in all");
        }
    }
    return BASE_OK;
}

/* Seconds as a number, or "60m". */
MUST_CHECK static enum base_code
take_ttl(const json_t *json, int64_t *out, struct base_error *err)
{
    const json_t *value = json_object_get(json, "ttl");
    *out = 0;
    if (value == NULL || json_is_null(value)) {
        return BASE_OK;
    }
    enum base_code code = BASE_OK;
    if (json_is_string(value)) {
        code = base_duration_parse(bytes_from_text(json_string_value(value)), out, NULL);
    } else if (json_is_integer(value)) {
        *out = json_integer_value(value);
    } else {
        code = E_API_JSON;
    }
    if (code != BASE_OK || *out < TTL_MIN_S || *out > TTL_MAX_S) {
        *out = 0;
        return wrong(err, "ttl", "seconds, or a text like 60m: 60s to 31d");
    }
    return BASE_OK;
}

MUST_CHECK static enum base_code
take_uses(const json_t *json, uint32_t *out, struct base_error *err)
{
    const json_t *value = json_object_get(json, "uses");
    json_int_t uses = value == NULL || json_is_null(value) ? 1 : json_integer_value(value);
    if (uses < 1 || uses > USES_MAX) { /* what is no integer is 0 */
        return wrong(err, "uses", "a number from 1 to 1000");
    }
    *out = (uint32_t)uses;
    return BASE_OK;
}

void
front_api_order_init(struct front_api_order *order)
{
    memset(order, 0, sizeof(*order));
    buffer_init(&order->sans, IPC_SANS_MAX);
}

void
front_api_order_clear(struct front_api_order *order)
{
    json_decref(order->json);
    buffer_clear(&order->sans);
    front_api_order_init(order);
}

enum base_code
front_api_order_parse(struct bytes body, struct front_api_order *out, struct base_error *err)
{
    static const char *const names[] = {
        "profile", "device", "subject", "sans", "ttl", "uses", NULL};
    TRY(load(body, names, &out->json, err));
    TRY(take_text(out->json, "profile", IPC_NAME_MAX, &out->profile, err));
    TRY(take_text(out->json, "device", IPC_TEXT_MAX, &out->device, err));
    TRY(take_text(out->json, "subject", IPC_TEXT_MAX, &out->subject, err));
    TRY(take_sans(out->json, out, err));
    TRY(take_ttl(out->json, &out->ttl_s, err));
    return take_uses(out->json, &out->uses, err);
}

/* ---- confirmations
 * ---------------------------------------------------------------------------------------------- */

void
front_api_confirm_init(struct front_api_confirm *confirm)
{
    memset(confirm, 0, sizeof(*confirm));
    buffer_init(&confirm->certificate, IPC_CERTIFICATE_MAX);
    buffer_init(&confirm->signature, SIGNATURE_MAX);
}

void
front_api_confirm_clear(struct front_api_confirm *confirm)
{
    buffer_clear(&confirm->certificate);
    buffer_clear(&confirm->signature);
}

MUST_CHECK static enum base_code
take_base64(const json_t *json, const char *name, struct buffer *out, struct base_error *err)
{
    struct bytes text = BYTES_NONE;
    TRY(take_text(json, name, FRONT_API_BODY_MAX, &text, err));
    if (text.len == 0 || base_base64_decode(text, out, NULL) != BASE_OK || out->len == 0) {
        return wrong(err, name, "base64 of a certificate or signature");
    }
    return BASE_OK;
}

MUST_CHECK static enum base_code
take_installed(
    const json_t *json, bool is_needed, struct front_api_confirm *out, struct base_error *err)
{
    struct bytes text = BYTES_NONE;
    TRY(take_text(json, "installed_at", sizeof(out->installed_at) - 1, &text, err));
    if (text.len == 0) {
        return is_needed ? wrong(err, "installed_at", "a time like 2026-11-24T09:03:02Z") : BASE_OK;
    }
    memcpy(out->installed_at, text.ptr, text.len);
    return front_api_time(out->installed_at, &out->installed_ms, err);
}

MUST_CHECK static enum base_code
parse_device(const json_t *json, struct front_api_confirm *out, struct base_error *err)
{
    TRY(take_base64(json, "certificate", &out->certificate, err));
    TRY(take_base64(json, "signature", &out->signature, err));
    return take_installed(json, true, out, err);
}

enum base_code
front_api_confirm_parse_device(
    struct bytes body, struct front_api_confirm *out, struct base_error *err)
{
    static const char *const names[] = {"certificate", "installed_at", "signature", NULL};
    json_t *json = NULL;
    TRY(load(body, names, &json, err));
    enum base_code code = parse_device(json, out, err);
    json_decref(json);
    return code;
}

MUST_CHECK static enum base_code
parse_management(const json_t *json, struct front_api_confirm *out, struct base_error *err)
{
    struct bytes text = BYTES_NONE;
    BUFFER_LOCAL(octets, 32);
    TRY(take_text(json, "certificate_sha256", 64, &text, err));
    if (text.len != 64 || base_hex_decode(text, &octets, NULL) != BASE_OK || octets.len != 32) {
        return wrong(err, "certificate_sha256", "64 hexadecimal digits");
    }
    memcpy(out->certificate_sha256, text.ptr, 64);
    return take_installed(json, false, out, err);
}

enum base_code
front_api_confirm_parse_management(
    struct bytes body, struct front_api_confirm *out, struct base_error *err)
{
    static const char *const names[] = {"certificate_sha256", "installed_at", NULL};
    json_t *json = NULL;
    TRY(load(body, names, &json, err));
    enum base_code code = parse_management(json, out, err);
    json_decref(json);
    return code;
}

/* ---- time
 * -------------------------------------------------------------------------------------------------------
 */

/* Exactly @count digits. */
static bool
take_digits(const char **at, size_t count, int *out)
{
    *out = 0;
    for (size_t i = 0; i < count; i++) {
        if ((*at)[i] < '0' || (*at)[i] > '9') {
            return false;
        }
        *out = *out * 10 + ((*at)[i] - '0');
    }
    *at += count;
    return true;
}

static bool
take_octet(const char **at, const char *either)
{
    if (**at == '\0' || strchr(either, **at) == NULL) {
        return false;
    }
    (*at)++;
    return true;
}

/* ".123", to milliseconds. */
static bool
take_fraction(const char **at, int64_t *out_ms)
{
    int64_t weight = 100;
    if (**at != '.') {
        return true;
    }
    (*at)++;
    if (**at < '0' || **at > '9') {
        return false;
    }
    for (; **at >= '0' && **at <= '9'; (*at)++) {
        *out_ms += weight * (**at - '0');
        weight /= 10;
    }
    return true;
}

/* "Z", "+02:00" */
static bool
take_offset(const char **at, int64_t *out_s)
{
    int hours = 0;
    int minutes = 0;
    if (take_octet(at, "Zz")) {
        return true;
    }
    int sign = **at == '-' ? -1 : 1;
    if (!take_octet(at, "+-") || !take_digits(at, 2, &hours) || !take_octet(at, ":") ||
        !take_digits(at, 2, &minutes) || hours > 23 || minutes > 59) {
        return false;
    }
    *out_s = (int64_t)sign * (hours * 3600 + minutes * 60);
    return true;
}

enum base_code
front_api_time(const char *text, int64_t *out_ms, struct base_error *err)
{
    struct base_civil_time civil = {0};
    const char *at = text;
    int64_t fraction_ms = 0;
    int64_t offset_s = 0;
    int64_t at_s = 0;
    bool is_good = take_digits(&at, 4, &civil.year) && take_octet(&at, "-") &&
                   take_digits(&at, 2, &civil.month) && take_octet(&at, "-") &&
                   take_digits(&at, 2, &civil.day) && take_octet(&at, "Tt") &&
                   take_digits(&at, 2, &civil.hour) && take_octet(&at, ":") &&
                   take_digits(&at, 2, &civil.minute) && take_octet(&at, ":") &&
                   take_digits(&at, 2, &civil.second) && take_fraction(&at, &fraction_ms) &&
                   take_offset(&at, &offset_s) && *at == '\0';
    if (!is_good || base_time_from_civil(&civil, &at_s, NULL) != BASE_OK) {
        return wrong(err, "installed_at", "a time like 2026-11-24T09:03:02Z");
    }
    *out_ms = (at_s - offset_s) * 1000 + fraction_ms;
    return BASE_OK;
}

/* ---- answers
 * ----------------------------------------------------------------------------------------------------
 */

/* Consumes @take_json. */
MUST_CHECK static enum base_code
dump(json_t *take_json, struct buffer *out, struct base_error *err)
{
    char *text = json_dumps(take_json, JSON_COMPACT);
    json_decref(take_json);
    if (text == NULL) {
        return base_fail(err, E_NO_MEMORY, "JSON");
    }
    enum base_code code = buffer_append_text(out, text, err);
    if (code == BASE_OK) {
        code = buffer_append_octet(out, '\n', err);
    }
    explicit_bzero(text, strlen(text)); /* it may be a challenge */
    free(text);
    return code;
}

static json_t *
text_value(struct bytes text)
{
    json_t *value = json_stringn((const char *)text.ptr, text.len);
    return value == NULL ? json_null() : value;
}

enum base_code
front_api_made_encode(const struct front_api_made *made, struct buffer *out, struct base_error *err)
{
    char expires[BASE_TIME_TEXT_LEN] = "";
    json_t *json = json_object();
    base_time_text(made->expires_ms / 1000, expires);
    (void)json_object_set_new(json, "challenge", text_value(made->challenge));
    (void)json_object_set_new(json, "challenge_id", text_value(made->challenge_id));
    (void)json_object_set_new(json, "expires_at", json_string(expires));
    (void)json_object_set_new(json, "delivery_id", json_integer((json_int_t)made->delivery_id));
    (void)json_object_set_new(
        json, "scep_url", made->scep_url[0] == '\0' ? json_null() : json_string(made->scep_url));
    return dump(json, out, err);
}

enum base_code
front_api_error_encode(
    const struct base_error *why, bool with_detail, struct buffer *out, struct base_error *err)
{
    const struct base_error_entry *entry = base_error_find(why->code);
    char code[BASE_CODE_TEXT_LEN] = "";
    char what[1024] = "";
    char detail[BASE_DETAIL_MAX] = "";
    json_t *json = json_object();
    base_code_text(why->code, code);
    if (with_detail && base_is_clean_utf8(bytes_from_text(why->detail))) {
        (void)snprintf(detail, sizeof(detail), "%s", why->detail);
    }
    (void)snprintf(what, sizeof(what), "%s%s%s", entry->why, detail[0] == '\0' ? "" : " ", detail);
    (void)json_object_set_new(json, "code", json_string(code));
    (void)json_object_set_new(json, "what", json_string(what));
    (void)json_object_set_new(json, "remedy", json_string(entry->remedy));
    return dump(json, out, err);
}
