/*
 * text.h - numbers and octets written as text: decimal, hexadecimal, base32, base64; and untrusted
 * text made harmless.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/bytes.h"
#include "base/error.h"

/* Sizes cross to the int of OpenSSL and printf here; beyond INT_MAX is our own bug and ends the
 * process. */
int base_size_to_int(size_t size);
long base_size_to_long(size_t size);

/* Decimal digits only, at least one, at most @max. Errors: E_TEXT_FORMAT. */
MUST_CHECK enum base_code base_parse_number(
    struct bytes text, uint64_t max, uint64_t *out, struct base_error *err);

/* Lower-case hexadecimal with NUL; @out has room for 2 * data.len + 1. */
void base_hex(struct bytes data, char *out);
/* Hexadecimal in either case, ':' and blanks between octets ignored. Errors: E_TEXT_FORMAT,
 * E_TOO_LARGE. */
MUST_CHECK enum base_code base_hex_decode(
    struct bytes text, struct buffer *out, struct base_error *err);

/* RFC 4648 base32 without padding, upper case, NUL-terminated; room for base_base32_len(len) + 1.
 */
size_t base_base32_len(size_t octets);
void base_base32(struct bytes data, char *out);
/* Accepts either case; refuses every other octet and non-zero trailing bits. Errors: E_TEXT_FORMAT,
 * E_TOO_LARGE. */
MUST_CHECK enum base_code base_base32_decode(
    struct bytes text, struct buffer *out, struct base_error *err);

/* RFC 4648 base64 with padding appended to @out. */
MUST_CHECK enum base_code base_base64(
    struct bytes data, struct buffer *out, struct base_error *err);
/*
 * base64 as it is met in the field: both alphabets (+/ and -_), blanks and line ends ignored,
 * padding optional. Errors: E_TEXT_FORMAT for any other octet or an impossible length, E_TOO_LARGE.
 */
MUST_CHECK enum base_code base_base64_decode(
    struct bytes text, struct buffer *out, struct base_error *err);

/*
 * Untrusted octets as printable ASCII without blanks, quotes or control characters, each other
 * octet as \xHH, cut to at most @out_size - 1 characters with "..." at the end when cut. For logs
 * and terminals. Returns @out.
 */
const char *base_escape(struct bytes text, char *out, size_t out_size);
/* True for well-formed UTF-8 without control characters (C0, DEL, C1) and without NUL. */
bool base_is_clean_utf8(struct bytes text);

#endif
