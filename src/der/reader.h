/*
 * reader.h - a strict, bounded, zero-copy reader of DER (X.690), the only way in which octets from
 * outside become structure.
 *
 * A reader walks the elements of one constructed value; entering one gives a reader of its inside.
 * Tags of one octet only, definite minimal lengths only, no octet left over, depth at most
 * DER_DEPTH_MAX. BER from devices that write it (indefinite lengths, strings in pieces) is first
 * brought into DER by der_from_ber() (ber.h).
 */
#ifndef DER_READER_H
#define DER_READER_H

#include "base/bytes.h"
#include "der/limits.h"

enum der_tag {
    DER_BOOLEAN = 0x01,
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_OCTET_STRING = 0x04,
    DER_NULL = 0x05,
    DER_OID = 0x06,
    DER_ENUMERATED = 0x0a,
    DER_UTF8_STRING = 0x0c,
    DER_NUMERIC_STRING = 0x12,
    DER_PRINTABLE_STRING = 0x13,
    DER_T61_STRING = 0x14,
    DER_IA5_STRING = 0x16,
    DER_UTC_TIME = 0x17,
    DER_GENERALIZED_TIME = 0x18,
    DER_VISIBLE_STRING = 0x1a,
    DER_UNIVERSAL_STRING = 0x1c,
    DER_BMP_STRING = 0x1e,
    DER_SEQUENCE = 0x30,
    DER_SET = 0x31,
};
/* [n] of the context class: primitive and constructed. */
#define DER_CONTEXT(n) (0x80 | (n))
#define DER_CONTEXT_CONSTRUCTED(n) (0xa0 | (n))

struct der_reader {
    const uint8_t *at;
    const uint8_t *end;
    unsigned depth;
};

/* One element: its tag octet, its content, and the whole of it with its header. All borrowed. */
struct der_element {
    uint8_t tag;
    struct bytes content;
    struct bytes whole;
};

struct der_reader der_reader_over(struct bytes der);
bool der_at_end(const struct der_reader *reader);
/* The tag of the next element without taking it; 0 at the end. */
uint8_t der_peek_tag(const struct der_reader *reader);
/* Take the next element, whatever it is. Errors: E_DER_TRUNCATED, E_DER_LENGTH, E_DER_TAG. */
MUST_CHECK enum base_code der_next(
    struct der_reader *reader, struct der_element *out, struct base_error *err);
/* Take the next element, which must have this tag. Errors: also E_DER_TAG. */
MUST_CHECK enum base_code der_expect(
    struct der_reader *reader, uint8_t tag, struct der_element *out, struct base_error *err);
/* Take it if it is there: *out_found says so. */
MUST_CHECK enum base_code der_optional(struct der_reader *reader, uint8_t tag,
    struct der_element *out, bool *out_found, struct base_error *err);
/* Take the next constructed element with this tag and read inside it. Errors: also E_DER_DEPTH. */
MUST_CHECK enum base_code der_enter(
    struct der_reader *reader, uint8_t tag, struct der_reader *out_inside, struct base_error *err);
/* Read inside an element that was taken. */
MUST_CHECK enum base_code der_enter_element(const struct der_reader *parent,
    const struct der_element *element, struct der_reader *out_inside, struct base_error *err);
/* Nothing may follow. Errors: E_DER_TRAILING. */
MUST_CHECK enum base_code der_end(const struct der_reader *reader, struct base_error *err);

/* Minimal two's complement, 0 to UINT32_MAX. Errors: E_DER_VALUE. */
MUST_CHECK enum base_code der_read_uint(
    struct der_reader *reader, uint32_t *out, struct base_error *err);
/* A non-negative INTEGER's octets without the leading zero; at most DER_INTEGER_MAX. Errors:
 * E_DER_VALUE. */
MUST_CHECK enum base_code der_read_unsigned(
    struct der_reader *reader, struct bytes *out, struct base_error *err);
MUST_CHECK enum base_code der_read_bool(
    struct der_reader *reader, bool *out, struct base_error *err);
/* An OID's content octets, 1 to DER_OID_MAX, well-formed. */
MUST_CHECK enum base_code der_read_oid(
    struct der_reader *reader, struct bytes *out, struct base_error *err);
/* A BIT STRING of whole octets. Errors: E_DER_VALUE when bits are unused. */
MUST_CHECK enum base_code der_read_bit_octets(
    struct der_reader *reader, struct bytes *out, struct base_error *err);
/* UTCTime (1950 to 2049) or GeneralizedTime in the forms of RFC 5280, section 4.1.2.5; seconds
 * since 1970. */
MUST_CHECK enum base_code der_read_time(
    struct der_reader *reader, int64_t *out_at_s, struct base_error *err);

/* "1.2.840.113549" of an OID's content octets into @out, cut with "..." when too long; returns
 * @out. */
const char *der_oid_text(struct bytes oid, char *out, size_t out_size);

#endif
