#include "der/reader.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#include "base/banned.h"

struct der_reader
der_reader_over(struct bytes der)
{
    if (der.len == 0) {
        return (struct der_reader){NULL, NULL, 0};
    }
    return (struct der_reader){der.ptr, der.ptr + der.len, 0};
}

bool
der_at_end(const struct der_reader *reader)
{
    return reader->at == reader->end;
}

uint8_t
der_peek_tag(const struct der_reader *reader)
{
    return der_at_end(reader) ? 0 : *reader->at;
}

/* Octets left; the two pointers may both be NULL. */
static size_t
left_of(const struct der_reader *reader)
{
    return reader->at == NULL ? 0 : (size_t)(reader->end - reader->at);
}

/* A definite, minimal length at @at; *out_used octets of it. */
static enum base_code
read_length(
    const uint8_t *at, size_t left, size_t *out_len, size_t *out_used, struct base_error *err)
{
    if (left == 0) {
        return base_fail(err, E_DER_TRUNCATED, "the length is missing");
    }
    if (at[0] < 0x80) {
        *out_len = at[0];
        *out_used = 1;
        return BASE_OK;
    }
    size_t count = at[0] & 0x7fU;
    if (count == 0 || count > sizeof(uint32_t)) {
        return base_fail(err, E_DER_LENGTH, "length octet 0x%02x", at[0]);
    }
    if (count >= left) {
        return base_fail(err, E_DER_TRUNCATED, "the length is cut off");
    }
    size_t len = 0;
    for (size_t i = 1; i <= count; i++) {
        len = len << 8 | at[i];
    }
    if (at[1] == 0 || len < 0x80) {
        return base_fail(err, E_DER_LENGTH, "a length that is not minimal");
    }
    *out_len = len;
    *out_used = 1 + count;
    return BASE_OK;
}

enum base_code
der_next(struct der_reader *reader, struct der_element *out, struct base_error *err)
{
    size_t left = left_of(reader);
    size_t len = 0;
    size_t used = 0;
    if (left == 0) {
        return base_fail(err, E_DER_TRUNCATED, "an element is missing");
    }
    if ((reader->at[0] & 0x1f) == 0x1f || reader->at[0] == 0) {
        return base_fail(err, E_DER_TAG, "tag 0x%02x", reader->at[0]);
    }
    TRY(read_length(reader->at + 1, left - 1, &len, &used, err));
    if (len > left - 1 - used) {
        return base_fail(
            err, E_DER_TRUNCATED, "%zu octets announced, %zu there", len, left - 1 - used);
    }
    out->tag = reader->at[0];
    out->content = (struct bytes){reader->at + 1 + used, len};
    out->whole = (struct bytes){reader->at, 1 + used + len};
    reader->at += 1 + used + len;
    return BASE_OK;
}

enum base_code
der_expect(struct der_reader *reader, uint8_t tag, struct der_element *out, struct base_error *err)
{
    uint8_t found = der_peek_tag(reader);
    if (found != tag && !der_at_end(reader)) {
        return base_fail(err, E_DER_TAG, "tag 0x%02x, want 0x%02x", found, tag);
    }
    return der_next(reader, out, err);
}

enum base_code
der_optional(struct der_reader *reader, uint8_t tag, struct der_element *out, bool *out_found,
    struct base_error *err)
{
    *out_found = der_peek_tag(reader) == tag && !der_at_end(reader);
    return *out_found ? der_next(reader, out, err) : BASE_OK;
}

enum base_code
der_enter_element(const struct der_reader *parent, const struct der_element *element,
    struct der_reader *out_inside, struct base_error *err)
{
    if (parent->depth + 1 > DER_DEPTH_MAX) {
        return base_fail(err, E_DER_DEPTH, "more than %d levels", DER_DEPTH_MAX);
    }
    unsigned depth = parent->depth + 1; /* @parent may be *out_inside */
    *out_inside = der_reader_over(element->content);
    out_inside->depth = depth;
    return BASE_OK;
}

enum base_code
der_enter(
    struct der_reader *reader, uint8_t tag, struct der_reader *out_inside, struct base_error *err)
{
    struct der_element element;
    TRY(der_expect(reader, tag, &element, err));
    return der_enter_element(reader, &element, out_inside, err);
}

enum base_code
der_end(const struct der_reader *reader, struct base_error *err)
{
    return der_at_end(reader)
               ? BASE_OK
               : base_fail(err, E_DER_TRAILING, "%zu octets too many", left_of(reader));
}

/* An INTEGER's content: not empty, minimal. */
static enum base_code
check_integer(struct bytes content, struct base_error *err)
{
    if (content.len == 0) {
        return base_fail(err, E_DER_VALUE, "an INTEGER without octets");
    }
    if (content.len > 1 && ((content.ptr[0] == 0 && content.ptr[1] < 0x80) ||
                               (content.ptr[0] == 0xff && content.ptr[1] >= 0x80))) {
        return base_fail(err, E_DER_VALUE, "an INTEGER that is not minimal");
    }
    return BASE_OK;
}

enum base_code
der_read_unsigned(struct der_reader *reader, struct bytes *out, struct base_error *err)
{
    struct der_element element;
    TRY(der_expect(reader, DER_INTEGER, &element, err));
    TRY(check_integer(element.content, err));
    if (element.content.ptr[0] >= 0x80) {
        return base_fail(err, E_DER_VALUE, "a negative INTEGER");
    }
    if (element.content.len > DER_INTEGER_MAX) {
        return base_fail(err, E_DER_VALUE, "an INTEGER of %zu octets", element.content.len);
    }
    bool has_sign_octet = element.content.ptr[0] == 0 && element.content.len > 1;
    *out = has_sign_octet ? bytes_skip(element.content, 1) : element.content;
    return BASE_OK;
}

enum base_code
der_read_uint(struct der_reader *reader, uint32_t *out, struct base_error *err)
{
    struct bytes octets;
    uint32_t value = 0;
    TRY(der_read_unsigned(reader, &octets, err));
    if (octets.len > sizeof(value)) {
        return base_fail(err, E_DER_VALUE, "an INTEGER of %zu octets, want at most 4", octets.len);
    }
    for (size_t i = 0; i < octets.len; i++) {
        value = value << 8 | octets.ptr[i];
    }
    *out = value;
    return BASE_OK;
}

enum base_code
der_read_bool(struct der_reader *reader, bool *out, struct base_error *err)
{
    struct der_element element;
    TRY(der_expect(reader, DER_BOOLEAN, &element, err));
    if (element.content.len != 1 ||
        (element.content.ptr[0] != 0 && element.content.ptr[0] != 0xff)) {
        return base_fail(err, E_DER_VALUE, "a BOOLEAN that is neither 00 nor ff");
    }
    *out = element.content.ptr[0] != 0;
    return BASE_OK;
}

enum base_code
der_read_oid(struct der_reader *reader, struct bytes *out, struct base_error *err)
{
    struct der_element element;
    TRY(der_expect(reader, DER_OID, &element, err));
    if (element.content.len == 0 || element.content.len > DER_OID_MAX) {
        return base_fail(
            err, E_DER_VALUE, "an OBJECT IDENTIFIER of %zu octets", element.content.len);
    }
    bool is_first = true;
    for (size_t i = 0; i < element.content.len; i++) {
        if (is_first && element.content.ptr[i] == 0x80) {
            return base_fail(err, E_DER_VALUE, "an OBJECT IDENTIFIER that is not minimal");
        }
        is_first = element.content.ptr[i] < 0x80;
    }
    if (!is_first) {
        return base_fail(err, E_DER_VALUE, "an OBJECT IDENTIFIER that is cut off");
    }
    *out = element.content;
    return BASE_OK;
}

enum base_code
der_read_bit_octets(struct der_reader *reader, struct bytes *out, struct base_error *err)
{
    struct der_element element;
    TRY(der_expect(reader, DER_BIT_STRING, &element, err));
    if (element.content.len == 0 || element.content.ptr[0] != 0) {
        return base_fail(err, E_DER_VALUE, "a BIT STRING that is not whole octets");
    }
    *out = bytes_skip(element.content, 1);
    return BASE_OK;
}

/* @count decimal digits; -1 when there is another octet. */
static int
digits_of(const uint8_t *at, size_t count)
{
    int value = 0;
    for (size_t i = 0; i < count; i++) {
        if (at[i] < '0' || at[i] > '9') {
            return -1;
        }
        value = value * 10 + (at[i] - '0');
    }
    return value;
}

enum base_code
der_read_time(struct der_reader *reader, int64_t *out_at_s, struct base_error *err)
{
    struct der_element element;
    TRY(der_next(reader, &element, err));
    bool is_utc = element.tag == DER_UTC_TIME;
    size_t year_len = is_utc ? 2 : 4;
    if ((!is_utc && element.tag != DER_GENERALIZED_TIME) || element.content.len != year_len + 11 ||
        element.content.ptr[element.content.len - 1] != 'Z') {
        return base_fail(err, E_DER_VALUE, "a time that is not of the form YYMMDDHHMMSSZ");
    }
    const uint8_t *at = element.content.ptr;
    int year = digits_of(at, year_len);
    int field[5];
    for (size_t i = 0; i < 5; i++) {
        field[i] = digits_of(at + year_len + 2 * i, 2);
        if (field[i] < 0 || year < 0) {
            return base_fail(err, E_DER_VALUE, "a time with something else than digits");
        }
    }
    if (is_utc) {
        year += year < 50 ? 2000 : 1900; /* RFC 5280, section 4.1.2.5.1 */
    }
    const struct base_civil_time civil = {year, field[0], field[1], field[2], field[3], field[4]};
    if (base_time_from_civil(&civil, out_at_s, err) != BASE_OK) {
        return base_fail(err, E_DER_VALUE, "a time that does not exist");
    }
    return BASE_OK;
}

const char *
der_oid_text(struct bytes oid, char *out, size_t out_size)
{
    size_t at = 0;
    uint64_t arc = 0;
    bool is_first = true;
    out[0] = '\0';
    for (size_t i = 0; i < oid.len; i++) {
        arc = arc << 7 | (oid.ptr[i] & 0x7f);
        if (oid.ptr[i] >= 0x80) {
            continue;
        }
        int written = 0;
        if (is_first) {
            uint64_t root = arc < 80 ? arc / 40 : 2;
            written = snprintf(out + at, out_size - at, "%llu.%llu", (unsigned long long)root,
                (unsigned long long)(arc - root * 40));
        } else {
            written = snprintf(out + at, out_size - at, ".%llu", (unsigned long long)arc);
        }
        if (written < 0 || (size_t)written >= out_size - at) {
            (void)snprintf(
                out + (out_size > 4 ? out_size - 4 : 0), out_size > 4 ? 4 : out_size, "...");
            return out;
        }
        at += (size_t)written;
        arc = 0;
        is_first = false;
    }
    return out;
}
