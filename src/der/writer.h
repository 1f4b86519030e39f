/*
 * writer.h - writes DER into a buffer, outside in: begin a constructed value, write its content,
 * end it.
 *
 * Errors stick: after the first, every call does nothing, and der_writer_finish() reports it; so
 * that building a message reads as a list. The length of a value is put in when it ends.
 */
#ifndef DER_WRITER_H
#define DER_WRITER_H

#include "base/bytes.h"
#include "der/reader.h"

struct der_writer {
    struct buffer *out; /* borrowed; appended to */
    enum base_code code;
    struct base_error error;
    unsigned depth;
    size_t open[DER_DEPTH_MAX]; /* where each open value's content begins */
};

void der_writer_init(struct der_writer *writer, struct buffer *out);
/* Open a constructed (or wrapping primitive) value of this tag; der_write_end() closes the
 * innermost. */
void der_write_begin(struct der_writer *writer, uint8_t tag);
void der_write_end(struct der_writer *writer);
/* The same for a BIT STRING or OCTET STRING whose content is DER: writes the "unused bits" octet
 * for a BIT STRING. */
void der_write_begin_bit_string(struct der_writer *writer);
void der_write(struct der_writer *writer, uint8_t tag, struct bytes content);
void der_write_raw(struct der_writer *writer, struct bytes whole_elements);
void der_write_uint(struct der_writer *writer, uint64_t value);
/* A non-negative INTEGER from its octets, most significant first: leading zeros dropped, sign octet
 * added. */
void der_write_unsigned(struct der_writer *writer, struct bytes octets);
void der_write_bool(struct der_writer *writer, bool value);
void der_write_null(struct der_writer *writer);
void der_write_bit_octets(struct der_writer *writer, struct bytes octets);
/* A named-bit list: trailing zero bits dropped as DER wants; @bits most significant first in one
 * octet. */
void der_write_named_bits(struct der_writer *writer, uint8_t bits);
/* "1.2.840.113549.1.1.1"; the text is ours, or was checked: a malformed one is E_DER_VALUE. */
void der_write_oid_text(struct der_writer *writer, const char *dotted);
/* UTCTime until 2049, GeneralizedTime after (RFC 5280, section 4.1.2.5). */
void der_write_time(struct der_writer *writer, int64_t at_s);
/* End a SET OF whose elements were written in any order since der_write_begin(): sorts them as DER
 * wants, then closes. */
void der_write_end_set_of(struct der_writer *writer);
MUST_CHECK enum base_code der_writer_finish(struct der_writer *writer, struct base_error *err);

#endif
