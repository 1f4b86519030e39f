#include "der/writer.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/own.h"
#include "base/text.h"

#include <stdio.h>

#include "base/banned.h"

void
der_writer_init(struct der_writer *writer, struct buffer *out)
{
    writer->out = out;
    writer->code = BASE_OK;
    writer->error = (struct base_error){BASE_OK, ""};
    writer->depth = 0;
}

static void
fail(struct der_writer *writer, enum base_code code, const char *detail)
{
    if (writer->code == BASE_OK) {
        writer->code = base_fail(&writer->error, code, "%s", detail);
    }
}

static void
append(struct der_writer *writer, struct bytes octets)
{
    if (writer->code == BASE_OK) {
        writer->code = buffer_append(writer->out, octets, &writer->error);
    }
}

static void
append_octet(struct der_writer *writer, uint8_t octet)
{
    append(writer, (struct bytes){&octet, 1});
}

/* The octets of a length; returns how many (1 to 5). */
static size_t
length_octets(size_t len, uint8_t out[5])
{
    if (len < 0x80) {
        out[0] = (uint8_t)len;
        return 1;
    }
    size_t count = len > 0xffffff ? 4 : len > 0xffff ? 3 : len > 0xff ? 2 : 1;
    out[0] = (uint8_t)(0x80 | count);
    for (size_t i = 0; i < count; i++) {
        out[1 + i] = (uint8_t)(len >> (8 * (count - 1 - i)));
    }
    return 1 + count;
}

void
der_write_begin(struct der_writer *writer, uint8_t tag)
{
    if (writer->depth == DER_DEPTH_MAX) {
        fail(writer, E_DER_DEPTH, "writing");
        return;
    }
    append_octet(writer, tag);
    writer->open[writer->depth++] = writer->out->len;
}

/* The length goes in front of the content, which moves up for it. */
void
der_write_end(struct der_writer *writer)
{
    uint8_t length[5];
    uint8_t *room = NULL;
    if (writer->code != BASE_OK) {
        return;
    }
    if (writer->depth == 0) {
        fail(writer, E_INTERNAL, "a value ends that did not begin");
        return;
    }
    size_t begin = writer->open[--writer->depth];
    size_t len = writer->out->len - begin;
    size_t count = length_octets(len, length);
    writer->code = buffer_reserve(writer->out, count, &room, &writer->error);
    if (writer->code != BASE_OK) {
        return;
    }
    uint8_t *content = writer->out->ptr + begin;
    memmove(content + count, content, len);
    memcpy(content, length, count);
    writer->out->len += count;
}

void
der_write_begin_bit_string(struct der_writer *writer)
{
    der_write_begin(writer, DER_BIT_STRING);
    append_octet(writer, 0);
}

void
der_write(struct der_writer *writer, uint8_t tag, struct bytes content)
{
    uint8_t length[5];
    append_octet(writer, tag);
    append(writer, (struct bytes){length, length_octets(content.len, length)});
    append(writer, content);
}

void
der_write_raw(struct der_writer *writer, struct bytes whole_elements)
{
    append(writer, whole_elements);
}

void
der_write_unsigned(struct der_writer *writer, struct bytes octets)
{
    static const uint8_t zero = 0;
    while (octets.len > 0 && octets.ptr[0] == 0) {
        octets = bytes_skip(octets, 1);
    }
    if (octets.len == 0) {
        der_write(writer, DER_INTEGER, (struct bytes){&zero, 1});
        return;
    }
    der_write_begin(writer, DER_INTEGER);
    if (octets.ptr[0] >= 0x80) {
        append_octet(writer, 0);
    }
    append(writer, octets);
    der_write_end(writer);
}

void
der_write_uint(struct der_writer *writer, uint64_t value)
{
    uint8_t octets[8];
    for (size_t i = 0; i < sizeof(octets); i++) {
        octets[i] = (uint8_t)(value >> (8 * (sizeof(octets) - 1 - i)));
    }
    der_write_unsigned(writer, BYTES_ARRAY(octets));
}

void
der_write_bool(struct der_writer *writer, bool value)
{
    const uint8_t octet = value ? 0xff : 0;
    der_write(writer, DER_BOOLEAN, (struct bytes){&octet, 1});
}

void
der_write_null(struct der_writer *writer)
{
    der_write(writer, DER_NULL, BYTES_NONE);
}

void
der_write_bit_octets(struct der_writer *writer, struct bytes octets)
{
    der_write_begin_bit_string(writer);
    append(writer, octets);
    der_write_end(writer);
}

void
der_write_named_bits(struct der_writer *writer, uint8_t bits)
{
    uint8_t content[2] = {0, bits};
    while (bits != 0 && (bits & (1U << content[0])) == 0) {
        content[0]++;
    }
    der_write(writer, DER_BIT_STRING, (struct bytes){content, bits == 0 ? 1 : 2});
}

static void
write_arc(struct der_writer *writer, uint64_t arc)
{
    uint8_t octets[10];
    size_t count = 0;
    do {
        octets[sizeof(octets) - 1 - count] = (uint8_t)((arc & 0x7f) | (count == 0 ? 0 : 0x80));
        count++;
        arc >>= 7;
    } while (arc != 0);
    append(writer, (struct bytes){octets + sizeof(octets) - count, count});
}

void
der_write_oid_text(struct der_writer *writer, const char *dotted)
{
    uint64_t first = 0;
    size_t index = 0;
    der_write_begin(writer, DER_OID);
    for (const char *at = dotted; writer->code == BASE_OK; index++) {
        const char *dot = strchr(at, '.');
        size_t len = dot == NULL ? strlen(at) : (size_t)(dot - at);
        uint64_t arc = 0;
        if (base_parse_number((struct bytes){(const uint8_t *)at, len}, UINT32_MAX, &arc, NULL) !=
                BASE_OK ||
            (index == 0 && arc > 2) || (index == 1 && first < 2 && arc > 39)) {
            fail(writer, E_DER_VALUE, "not an OBJECT IDENTIFIER");
            return;
        }
        if (index == 0) {
            first = arc;
        } else {
            write_arc(writer, index == 1 ? first * 40 + arc : arc);
        }
        if (dot == NULL) {
            break;
        }
        at = dot + 1;
    }
    if (index == 0) {
        fail(writer, E_DER_VALUE, "not an OBJECT IDENTIFIER");
    }
    der_write_end(writer);
}

void
der_write_time(struct der_writer *writer, int64_t at_s)
{
    struct base_civil_time t = {0};
    char text[80] = "";
    base_time_to_civil(at_s, &t);
    bool is_utc = t.year >= 1950 && t.year < 2050;
    if (t.year < 0 || t.year > 9999) {
        fail(writer, E_DER_VALUE, "a year that DER cannot write");
        return;
    }
    int len = snprintf(text, sizeof(text), "%04d%02d%02d%02d%02d%02dZ", t.year, t.month, t.day,
        t.hour, t.minute, t.second);
    const uint8_t *from = (const uint8_t *)text + (is_utc ? 2 : 0);
    der_write(writer, is_utc ? DER_UTC_TIME : DER_GENERALIZED_TIME,
        (struct bytes){from, (size_t)len - (is_utc ? 2 : 0)});
}

#define SET_MAX 64

static int
compare_elements(const void *a, const void *b)
{
    const struct bytes *left = a;
    const struct bytes *right = b;
    return bytes_compare(*left, *right);
}

void
der_write_end_set_of(struct der_writer *writer)
{
    struct bytes elements[SET_MAX];
    size_t count = 0;
    if (writer->code != BASE_OK || writer->depth == 0) {
        der_write_end(writer);
        return;
    }
    size_t begin = writer->open[writer->depth - 1];
    size_t len = writer->out->len - begin;
    OWN_MEMORY uint8_t *copy = bytes_copy((struct bytes){writer->out->ptr + begin, len});
    if (copy == NULL) {
        fail(writer, E_NO_MEMORY, "a SET");
        return;
    }
    struct der_reader reader = der_reader_over((struct bytes){copy, len});
    while (!der_at_end(&reader)) {
        struct der_element element;
        if (count == SET_MAX || der_next(&reader, &element, &writer->error) != BASE_OK) {
            fail(writer, E_INTERNAL, "a SET of ours that does not read back");
            return;
        }
        elements[count++] = element.whole;
    }
    qsort(elements, count, sizeof(elements[0]), compare_elements);
    writer->out->len = begin;
    for (size_t i = 0; i < count; i++) {
        append(writer, elements[i]);
    }
    der_write_end(writer);
}

enum base_code
der_writer_finish(struct der_writer *writer, struct base_error *err)
{
    if (writer->code == BASE_OK && writer->depth != 0) {
        fail(writer, E_INTERNAL, "a value that was begun and not ended");
    }
    if (writer->code != BASE_OK) {
        return base_fail(err, writer->code, "%s", writer->error.detail);
    }
    return BASE_OK;
}
