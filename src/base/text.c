#include "base/text.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"

int
base_size_to_int(size_t size)
{
    assert(size <= INT_MAX);
    return (int)size;
}

long
base_size_to_long(size_t size)
{
    assert(size <= LONG_MAX);
    return (long)size;
}

enum base_code
base_parse_number(struct bytes text, uint64_t max, uint64_t *out, struct base_error *err)
{
    uint64_t value = 0;
    if (text.len == 0) {
        return base_fail(err, E_TEXT_FORMAT, "a number is missing");
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return base_fail(err, E_TEXT_FORMAT, "not a decimal number");
        }
        uint64_t digit = (uint64_t)(text.ptr[i] - '0');
        if (value > (UINT64_MAX - digit) / 10 || value * 10 + digit > max) {
            return base_fail(
                err, E_TEXT_FORMAT, "the number is larger than %llu", (unsigned long long)max);
        }
        value = value * 10 + digit;
    }
    *out = value;
    return BASE_OK;
}

void
base_hex(struct bytes data, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < data.len; i++) {
        out[2 * i] = digits[data.ptr[i] >> 4];
        out[2 * i + 1] = digits[data.ptr[i] & 15];
    }
    out[2 * data.len] = '\0';
}

static int
hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

enum base_code
base_hex_decode(struct bytes text, struct buffer *out, struct base_error *err)
{
    int high = -1;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (high < 0 && (c == ':' || c == ' ')) {
            continue;
        }
        int digit = hex_digit(c);
        if (digit < 0) {
            return base_fail(err, E_TEXT_FORMAT, "not hexadecimal at position %zu", i);
        }
        if (high < 0) {
            high = digit;
            continue;
        }
        TRY(buffer_append_octet(out, (uint8_t)(high * 16 + digit), err));
        high = -1;
    }
    if (high >= 0) {
        return base_fail(err, E_TEXT_FORMAT, "an odd number of hexadecimal digits");
    }
    return BASE_OK;
}

size_t
base_base32_len(size_t octets)
{
    return (octets * 8 + 4) / 5;
}

void
base_base32(struct bytes data, char *out)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    uint32_t bits = 0;
    unsigned count = 0;
    size_t at = 0;
    for (size_t i = 0; i < data.len; i++) {
        bits = (bits << 8 | data.ptr[i]) & 0xffff;
        count += 8;
        while (count >= 5) {
            count -= 5;
            out[at++] = alphabet[(bits >> count) & 31];
        }
    }
    if (count > 0) {
        out[at++] = alphabet[(bits << (5 - count)) & 31];
    }
    out[at] = '\0';
}

enum base_code
base_base32_decode(struct bytes text, struct buffer *out, struct base_error *err)
{
    uint32_t bits = 0;
    unsigned count = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        uint32_t value = 0;
        if (c >= 'A' && c <= 'Z') {
            value = (uint32_t)(c - 'A');
        } else if (c >= 'a' && c <= 'z') {
            value = (uint32_t)(c - 'a');
        } else if (c >= '2' && c <= '7') {
            value = (uint32_t)(c - '2' + 26);
        } else {
            return base_fail(err, E_TEXT_FORMAT, "not base32");
        }
        bits = (bits << 5 | value) & 0xffff;
        count += 5;
        if (count >= 8) {
            count -= 8;
            TRY(buffer_append_octet(out, (uint8_t)(bits >> count), err));
        }
    }
    if (count >= 5 || (bits & ((1U << count) - 1)) != 0) {
        return base_fail(err, E_TEXT_FORMAT, "base32 of an impossible length or with loose bits");
    }
    return BASE_OK;
}

enum base_code
base_base64(struct bytes data, struct buffer *out, struct base_error *err)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t *to = NULL;
    TRY(buffer_reserve(out, (data.len + 2) / 3 * 4, &to, err));
    size_t at = 0;
    for (size_t i = 0; i < data.len; i += 3) {
        size_t left = data.len - i;
        uint32_t group = (uint32_t)data.ptr[i] << 16 |
                         (left > 1 ? (uint32_t)data.ptr[i + 1] << 8 : 0) |
                         (left > 2 ? (uint32_t)data.ptr[i + 2] : 0);
        to[at++] = (uint8_t)alphabet[group >> 18];
        to[at++] = (uint8_t)alphabet[(group >> 12) & 63];
        to[at++] = left > 1 ? (uint8_t)alphabet[(group >> 6) & 63] : '=';
        to[at++] = left > 2 ? (uint8_t)alphabet[group & 63] : '=';
    }
    out->len += at;
    return BASE_OK;
}

static int
base64_digit(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    if (c == '+' || c == '-') {
        return 62;
    }
    return c == '/' || c == '_' ? 63 : -1;
}

enum base_code
base_base64_decode(struct bytes text, struct buffer *out, struct base_error *err)
{
    uint8_t *to = NULL;
    TRY(buffer_reserve(out, text.len / 4 * 3 + 3, &to, err));
    uint32_t bits = 0;
    size_t digits = 0;
    size_t padding = 0;
    size_t at = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c == '\r' || c == '\n' || c == ' ' || c == '\t') {
            continue;
        }
        if (c == '=') {
            padding++;
            continue;
        }
        int digit = base64_digit(c);
        if (digit < 0 || padding > 0) {
            return base_fail(err, E_TEXT_FORMAT, "not base64 at position %zu", i);
        }
        bits = (bits << 6 | (uint32_t)digit) & 0xffffff;
        digits++;
        if (digits % 4 == 0) {
            to[at++] = (uint8_t)(bits >> 16);
            to[at++] = (uint8_t)(bits >> 8);
            to[at++] = (uint8_t)bits;
        }
    }
    size_t rest = digits % 4;
    if (rest == 1 || padding > 2 || (padding > 0 && rest + padding != 4)) {
        return base_fail(err, E_TEXT_FORMAT, "base64 of an impossible length");
    }
    if (rest == 2) {
        to[at++] = (uint8_t)(bits >> 4);
    } else if (rest == 3) {
        to[at++] = (uint8_t)(bits >> 10);
        to[at++] = (uint8_t)(bits >> 2);
    }
    out->len += at;
    return BASE_OK;
}

const char *
base_escape(struct bytes text, char *out, size_t out_size)
{
    size_t at = 0;
    assert(out_size >= 8);
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        bool plain = c > 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '\'';
        if (at + (plain ? 1 : 4) + 4 > out_size) {
            (void)snprintf(out + at, out_size - at, "...");
            return out;
        }
        if (plain) {
            out[at++] = (char)c;
        } else {
            at += (size_t)snprintf(out + at, out_size - at, "\\x%02x", c);
        }
    }
    out[at] = '\0';
    return out;
}

/* The length of the UTF-8 sequence at @i, 0 when malformed; *out_code its code point. */
static size_t
utf8_sequence(struct bytes text, size_t i, uint32_t *out_code)
{
    static const struct {
        uint8_t mask, lead;
        size_t len;
        uint32_t min;
    } forms[] = {{0x80, 0x00, 1, 0}, {0xe0, 0xc0, 2, 0x80}, {0xf0, 0xe0, 3, 0x800},
        {0xf8, 0xf0, 4, 0x10000}};
    for (size_t f = 0; f < sizeof(forms) / sizeof(forms[0]); f++) {
        if ((text.ptr[i] & forms[f].mask) != forms[f].lead) {
            continue;
        }
        if (forms[f].len > text.len - i) {
            return 0;
        }
        uint32_t code = text.ptr[i] & (uint8_t)~forms[f].mask;
        for (size_t k = 1; k < forms[f].len; k++) {
            if ((text.ptr[i + k] & 0xc0) != 0x80) {
                return 0;
            }
            code = code << 6 | (text.ptr[i + k] & 0x3f);
        }
        bool is_bad = code < forms[f].min || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff);
        *out_code = code;
        return is_bad ? 0 : forms[f].len;
    }
    return 0;
}

bool
base_is_clean_utf8(struct bytes text)
{
    size_t i = 0;
    while (i < text.len) {
        uint32_t code = 0;
        size_t len = utf8_sequence(text, i, &code);
        if (len == 0 || code < 0x20 || (code >= 0x7f && code < 0xa0)) {
            return false;
        }
        i += len;
    }
    return true;
}
