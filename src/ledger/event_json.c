#include "ledger/event_json.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "base/text.h"
#include "ledger/challenge.h"
#include "ledger/warrant.h"
#include "pki/certificate.h"
#include "pki/name.h"

#include "base/banned.h"

OWNER(json_t, json_decref)

static void
put(json_t *object, const char *key, json_t *take_value)
{
    (void)json_object_set_new(object, key, take_value);
}

/* Text of strangers may be no UTF-8: then as hexadecimal, never lost. */
static json_t *
text(struct bytes value)
{
    json_t *out = json_stringn((const char *)value.ptr, value.len);
    if (out == NULL) {
        char hex[2 * 256 + 1] = "";
        value.len = value.len > 256 ? 256 : value.len;
        base_hex(value, hex);
        out = json_string(hex);
    }
    return out;
}

static json_t *
hexadecimal(struct bytes value)
{
    char hex[2 * 64 + 1] = "";
    if (value.len <= 64) {
        base_hex(value, hex);
    }
    return json_string(hex);
}

static json_t *
instant(int64_t at_ms)
{
    char out[BASE_TIME_TEXT_LEN] = "";
    base_time_text_ms(at_ms, out);
    return json_string(out);
}

/* "DNS:a.example\nUPN:u@b" as a list. */
static json_t *
list_of(struct bytes lines)
{
    json_t *list = json_array();
    while (lines.len > 0) {
        const uint8_t *end = memchr(lines.ptr, '\n', lines.len);
        size_t len = end == NULL ? lines.len : (size_t)(end - lines.ptr);
        (void)json_array_append_new(list, text((struct bytes){lines.ptr, len}));
        lines = bytes_skip(lines, end == NULL ? len : len + 1);
    }
    return list;
}

static enum base_code
put_names(json_t *object, struct bytes subject_der, struct bytes sans_der, struct base_error *err)
{
    BUFFER_LOCAL(subject, 65536);
    BUFFER_LOCAL(sans, 65536);
    if (subject_der.len > 0) {
        TRY(pki_name_text(subject_der, &subject, err));
    }
    if (sans_der.len > 0) {
        TRY(pki_sans_text(sans_der, &sans, err));
    }
    put(object, "subject", text(buffer_bytes(&subject)));
    put(object, "sans", list_of(buffer_bytes(&sans)));
    return BASE_OK;
}

static enum base_code
put_delivery(json_t *object, const struct store_delivery *delivery, struct base_error *err)
{
    char one_time_id[LEDGER_CHALLENGE_ID_TEXT_LEN + 1] = "";
    char bound_id[LEDGER_BOUND_ID_MAX + 1] = "";
    TRY(ledger_warrant_bound_id(delivery->authority, bound_id, err));
    if (delivery->challenge_id != 0) {
        ledger_challenge_id_text(delivery->challenge_id, one_time_id);
    }
    put(object, "endpoint", text(delivery->endpoint));
    put(object, "profile", text(delivery->profile));
    put(object, "device", text(delivery->device));
    put(object, "source", text(delivery->source));
    put(object, "transaction_id", text(delivery->transaction_id));
    put(object, "challenge_id", json_string(bound_id[0] != '\0' ? bound_id : one_time_id));
    return BASE_OK;
}

/* Of a certificate that is signed. */
static enum base_code
put_certificate(json_t *object, const struct store_certificate *certificate, struct base_error *err)
{
    uint8_t digest[PKI_DIGEST_MAX];
    struct pki_certificate read;
    BUFFER_LOCAL(issuer, 65536);
    TRY(pki_certificate_read(certificate->certificate, &read, err));
    TRY(pki_name_text(read.issuer, &issuer, err));
    TRY(pki_digest(PKI_SHA256, certificate->certificate, digest, err));
    put(object, "sha256", hexadecimal((struct bytes){digest, 32}));
    TRY(pki_digest(PKI_SHA1, certificate->certificate, digest, err));
    put(object, "sha1", hexadecimal((struct bytes){digest, 20}));
    put(object, "serial", hexadecimal(certificate->serial));
    put(object, "issuer", text(buffer_bytes(&issuer)));
    put(object, "not_before", instant(1000 * certificate->not_before_s));
    put(object, "not_after", instant(1000 * certificate->not_after_s));
    return BASE_OK;
}

static enum base_code
add_certificate(struct ledger *ledger, const struct store_delivery *delivery, json_t *object,
    bool *out_is_signed, struct base_error *err)
{
    struct store_row row;
    struct store_certificate certificate;
    bool is_found = false;
    *out_is_signed = false;
    if (delivery->serial.len == 0) {
        return BASE_OK;
    }
    store_row_init(&row);
    enum base_code code =
        store_find_certificate(ledger->store, delivery->serial, &row, &certificate, &is_found, err);
    if (code == BASE_OK && is_found && certificate.certificate.len > 0) {
        *out_is_signed = true;
        code = put_certificate(object, &certificate, err);
    }
    store_row_clear(&row);
    return code;
}

static void
put_notice(json_t *object, const struct store_notice *notice)
{
    char id[32] = "";
    char code_text[BASE_CODE_TEXT_LEN] = "";
    (void)snprintf(id, sizeof(id), "%llu", (unsigned long long)notice->id);
    put(object, "schema", json_string(LEDGER_EVENT_SCHEMA));
    put(object, "id", json_string(id));
    put(object, "event", text(notice->event));
    put(object, "at", instant(notice->at_ms));
    put(object, "step", json_integer(notice->step));
    put(object, "delivery_id", json_integer((json_int_t)notice->delivery_id));
    if (notice->code != 0) {
        const struct base_error_entry *entry = base_error_find((enum base_code)notice->code);
        base_code_text((enum base_code)notice->code, code_text);
        put(object, "reason", json_string(entry->why));
        put(object, "remedy", json_string(entry->remedy));
    }
    put(object, "code", json_string(code_text));
    put(object, "detail", text(notice->detail));
}

static enum base_code
put_csr(json_t *object, struct bytes csr, struct base_error *err)
{
    BUFFER_LOCAL(encoded, 65536);
    if (csr.len == 0) {
        return BASE_OK;
    }
    TRY(base_base64(csr, &encoded, err));
    put(object, "csr", text(buffer_bytes(&encoded)));
    return BASE_OK;
}

static enum base_code
print(const json_t *object, struct buffer *out, struct base_error *err)
{
    OWN_MEMORY char *printed = json_dumps(object, JSON_COMPACT);
    if (printed == NULL) {
        return base_fail(err, E_NO_MEMORY, "an event");
    }
    return buffer_append(out, bytes_from_text(printed), err);
}

enum base_code
ledger_event_json(struct ledger *ledger, const struct store_notice *notice, struct buffer *out,
    bool *out_is_due, struct base_error *err)
{
    struct store_row row;
    struct store_delivery delivery = {.id = 0};
    bool is_found = false;
    bool is_signed = false;
    OWN(json_t) object = json_object();
    if (object == NULL) {
        return base_fail(err, E_NO_MEMORY, "an event");
    }
    store_row_init(&row);
    enum base_code code =
        store_find_delivery(ledger->store, notice->delivery_id, &row, &delivery, &is_found, err);
    put_notice(object, notice);
    if (code == BASE_OK && is_found) {
        code = put_delivery(object, &delivery, err);
        code = code == BASE_OK ? put_names(object, delivery.subject, delivery.sans, err) : code;
        code = code == BASE_OK ? add_certificate(ledger, &delivery, object, &is_signed, err) : code;
    }
    store_row_clear(&row);
    TRY(code);
    TRY(put_csr(object, notice->payload, err));
    *out_is_due = is_signed || !bytes_equal_text(notice->event, "issued");
    return print(object, out, err);
}
