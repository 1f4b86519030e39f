#include <jansson.h>
#include <string.h>

#include "base/own.h"
#include "base/text.h"
#include "ipc/types.h"
#include "ipc/usages.h"
#include "ledger/bound.h"
#include "pki/name.h"

#include "base/banned.h"

#define LATEST_S ((json_int_t)253402300799) /* the end of the year 9999 */
#define VALID_MAX_S ((json_int_t)30 * 366 * 86400)
#define VALID_MIN_S 600

OWNER(json_t, json_decref)

/* What is being read: where it goes, and of which member a fault is told. */
struct reading {
    struct arena *arena;
    struct ledger_statement *out;
    const char *member;
};

static enum base_code
fail(const struct reading *reading, const char *what, struct base_error *err)
{
    return base_fail(err, E_CHALLENGE_STATEMENT, "%s: %s", reading->member, what);
}

/* A text of 1 to @max octets of clean UTF-8. */
static enum base_code
read_text(const struct reading *reading, const json_t *value, size_t max, struct bytes *out,
    struct base_error *err)
{
    if (!json_is_string(value)) {
        return fail(reading, "not a text", err);
    }
    const struct bytes text = {
        (const uint8_t *)json_string_value(value), json_string_length(value)};
    if (text.len == 0 || text.len > max || !base_is_clean_utf8(text)) {
        return fail(reading, "empty, too long, or with control characters", err);
    }
    *out = text;
    return BASE_OK;
}

static enum base_code
keep_text(const struct reading *reading, const json_t *value, size_t max, struct bytes *out,
    struct base_error *err)
{
    struct bytes text = BYTES_NONE;
    TRY(read_text(reading, value, max, &text, err));
    return arena_copy(reading->arena, text, out, err);
}

static enum base_code
read_number(const struct reading *reading, const json_t *value, json_int_t min, json_int_t max,
    int64_t *out, struct base_error *err)
{
    if (!json_is_integer(value) || json_integer_value(value) < min ||
        json_integer_value(value) > max) {
        return fail(reading, "not a whole number, or out of its bounds", err);
    }
    *out = json_integer_value(value);
    return BASE_OK;
}

static enum base_code
read_id(struct reading *reading, const json_t *value, struct base_error *err)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    TRY(keep_text(reading, value, LEDGER_BOUND_ID_MAX, &reading->out->id, err));
    for (size_t i = 0; i < reading->out->id.len; i++) {
        if (strchr(allowed, reading->out->id.ptr[i]) == NULL) {
            return fail(reading, "letters, digits, '.', '_' and '-' only", err);
        }
    }
    return BASE_OK;
}

static enum base_code
read_iat(struct reading *reading, const json_t *value, struct base_error *err)
{
    return read_number(reading, value, 1, LATEST_S, &reading->out->iat_s, err);
}

static enum base_code
read_exp(struct reading *reading, const json_t *value, struct base_error *err)
{
    return read_number(reading, value, 1, LATEST_S, &reading->out->exp_s, err);
}

static enum base_code
read_profile(struct reading *reading, const json_t *value, struct base_error *err)
{
    return keep_text(reading, value, IPC_NAME_MAX, &reading->out->profile, err);
}

static enum base_code
read_device(struct reading *reading, const json_t *value, struct base_error *err)
{
    return keep_text(reading, value, IPC_TEXT_MAX, &reading->out->device, err);
}

static enum base_code
read_subject(struct reading *reading, const json_t *value, struct base_error *err)
{
    struct bytes text = BYTES_NONE;
    BUFFER_LOCAL(der, IPC_SUBJECT_MAX);
    TRY(read_text(reading, value, IPC_TEXT_MAX, &text, err));
    if (pki_name_from_text(text, &der, NULL) != BASE_OK ||
        pki_name_check(buffer_bytes(&der), NULL) != BASE_OK) {
        return fail(reading, "not a name as RFC 4514 writes it", err);
    }
    return arena_copy(reading->arena, buffer_bytes(&der), &reading->out->subject, err);
}

/* An array of @min to @max texts. */
static enum base_code
check_array(const struct reading *reading, const json_t *value, size_t min, size_t max,
    struct base_error *err)
{
    if (!json_is_array(value) || json_array_size(value) < min || json_array_size(value) > max) {
        return fail(reading, "not an array, or with too few or too many elements", err);
    }
    return BASE_OK;
}

static enum base_code
read_sans(struct reading *reading, const json_t *value, struct base_error *err)
{
    BUFFER_LOCAL(lines, LEDGER_BOUND_TEXT_MAX);
    BUFFER_LOCAL(der, IPC_SANS_MAX);
    TRY(check_array(reading, value, 0, LEDGER_BOUND_SANS_MAX, err));
    for (size_t i = 0; i < json_array_size(value); i++) {
        struct bytes text = BYTES_NONE;
        TRY(read_text(reading, json_array_get(value, i), PKI_VALUE_MAX, &text, err));
        TRY(buffer_append(&lines, text, err));
        TRY(buffer_append_octet(&lines, '\n', err));
    }
    if (pki_sans_from_text(buffer_bytes(&lines), &der, NULL) != BASE_OK ||
        (der.len > 0 && pki_sans_check(buffer_bytes(&der), UINT32_MAX, NULL) != BASE_OK)) {
        return fail(reading, "want \"DNS:...\", \"email:...\", \"URI:...\", \"UPN:...\"", err);
    }
    reading->out->is_san_bound = true;
    return arena_copy(reading->arena, buffer_bytes(&der), &reading->out->sans, err);
}

static enum base_code
read_key_usage(struct reading *reading, const json_t *value, struct base_error *err)
{
    TRY(check_array(reading, value, 1, 8, err));
    for (size_t i = 0; i < json_array_size(value); i++) {
        struct bytes text = BYTES_NONE;
        TRY(read_text(reading, json_array_get(value, i), IPC_NAME_MAX, &text, err));
        uint8_t bit = ipc_key_usage_bit(text);
        if (bit == 0 || (reading->out->key_usage & bit) != 0) {
            return fail(reading, "no such usage, or one that is there twice", err);
        }
        reading->out->key_usage = (uint8_t)(reading->out->key_usage | bit);
    }
    return BASE_OK;
}

bool
ledger_lines_have(struct bytes lines, struct bytes wanted)
{
    while (lines.len > 0) {
        const uint8_t *end = memchr(lines.ptr, '\n', lines.len);
        size_t len = end == NULL ? lines.len : (size_t)(end - lines.ptr);
        if (bytes_equal((struct bytes){lines.ptr, len}, wanted)) {
            return true;
        }
        lines = bytes_skip(lines, len + 1);
    }
    return false;
}

static enum base_code
read_eku(struct reading *reading, const json_t *value, struct base_error *err)
{
    BUFFER_LOCAL(lines, IPC_TEXT_MAX);
    TRY(check_array(reading, value, 1, LEDGER_BOUND_EKUS_MAX, err));
    for (size_t i = 0; i < json_array_size(value); i++) {
        struct bytes text = BYTES_NONE;
        struct bytes oid = BYTES_NONE;
        TRY(read_text(reading, json_array_get(value, i), IPC_NAME_MAX, &text, err));
        if (!ipc_eku_read(text, &oid) || ledger_lines_have(buffer_bytes(&lines), oid)) {
            return fail(reading, "no such usage, or one that is there twice", err);
        }
        if (lines.len > 0) {
            TRY(buffer_append_octet(&lines, '\n', err));
        }
        TRY(buffer_append(&lines, oid, err));
    }
    return arena_copy(reading->arena, buffer_bytes(&lines), &reading->out->ekus, err);
}

static enum base_code
read_valid(struct reading *reading, const json_t *value, struct base_error *err)
{
    return read_number(reading, value, VALID_MIN_S, VALID_MAX_S, &reading->out->valid_s, err);
}

static const struct {
    const char *name;
    bool is_needed;
    enum base_code (*read)(struct reading *reading, const json_t *value, struct base_error *err);
} members[] = {
    {"id", true, read_id},
    {"iat", true, read_iat},
    {"exp", true, read_exp},
    {"profile", true, read_profile},
    {"device", true, read_device},
    {"subject", false, read_subject},
    {"sans", false, read_sans},
    {"key_usage", false, read_key_usage},
    {"eku", false, read_eku},
    {"valid_s", false, read_valid},
};

static enum base_code
read_members(struct reading *reading, const json_t *object, struct base_error *err)
{
    size_t known = 0;
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        const json_t *value = json_object_get(object, members[i].name);
        reading->member = members[i].name;
        if (value != NULL) {
            known++;
            TRY(members[i].read(reading, value, err));
        } else if (members[i].is_needed) {
            return fail(reading, "missing", err);
        }
    }
    if (known != json_object_size(object)) {
        return base_fail(err, E_CHALLENGE_STATEMENT, "a member that is not known");
    }
    return BASE_OK;
}

enum base_code
ledger_statement_read(
    struct bytes json, struct arena *arena, struct ledger_statement *out, struct base_error *err)
{
    struct ledger_statement statement = {.is_san_bound = false};
    struct reading reading = {arena, &statement, ""};
    json_error_t why;
    if (json.len > LEDGER_BOUND_JSON_MAX) {
        return base_fail(err, E_CHALLENGE_STATEMENT, "%zu octets", json.len);
    }
    OWN(json_t) object = json_loadb((const char *)json.ptr, json.len, JSON_REJECT_DUPLICATES, &why);
    if (object == NULL || !json_is_object(object)) {
        /* The library's words are about octets that a stranger cannot have made, and harmless. */
        return base_fail(err, E_CHALLENGE_STATEMENT, "not one JSON object, octet %d", why.position);
    }
    TRY(read_members(&reading, object, err));
    if (statement.exp_s <= statement.iat_s ||
        statement.exp_s - statement.iat_s > LEDGER_BOUND_LIFE_MAX_S) {
        return base_fail(
            err, E_CHALLENGE_STATEMENT, "exp: not after iat, or more than 31 days after it");
    }
    *out = statement;
    return BASE_OK;
}

bool
ledger_statement_fits(
    const struct ledger_statement *statement, uint8_t key_usage, struct bytes ekus, int64_t valid_s)
{
    struct bytes lines = statement->ekus;
    while (lines.len > 0) {
        const uint8_t *end = memchr(lines.ptr, '\n', lines.len);
        size_t len = end == NULL ? lines.len : (size_t)(end - lines.ptr);
        if (!ledger_lines_have(ekus, (struct bytes){lines.ptr, len})) {
            return false;
        }
        lines = bytes_skip(lines, len + 1);
    }
    return (statement->key_usage & (uint8_t)~key_usage) == 0 && statement->valid_s <= valid_s;
}

/* ---- writing ---- */

static json_t *
text_of(struct bytes text)
{
    return json_stringn((const char *)text.ptr, text.len);
}

static json_t *
lines_of(struct bytes lines)
{
    json_t *array = json_array();
    while (lines.len > 0) {
        const uint8_t *end = memchr(lines.ptr, '\n', lines.len);
        size_t len = end == NULL ? lines.len : (size_t)(end - lines.ptr);
        if (len > 0) {
            (void)json_array_append_new(array, text_of((struct bytes){lines.ptr, len}));
        }
        lines = bytes_skip(lines, len + 1);
    }
    return array;
}

enum base_code
ledger_statement_write(
    const struct ledger_statement_spec *spec, struct buffer *out_json, struct base_error *err)
{
    OWN(json_t) object = json_object();
    (void)json_object_set_new(object, "id", text_of(spec->id));
    (void)json_object_set_new(object, "iat", json_integer(spec->iat_s));
    (void)json_object_set_new(object, "exp", json_integer(spec->exp_s));
    (void)json_object_set_new(object, "profile", text_of(spec->profile));
    (void)json_object_set_new(object, "device", text_of(spec->device));
    if (spec->subject.len > 0) {
        (void)json_object_set_new(object, "subject", text_of(spec->subject));
    }
    if (spec->is_san_bound) {
        (void)json_object_set_new(object, "sans", lines_of(spec->sans));
    }
    OWN_MEMORY char *text = json_dumps(object, JSON_COMPACT);
    if (text == NULL) {
        return base_fail(err, E_NO_MEMORY, "a statement");
    }
    return buffer_append_text(out_json, text, err);
}
