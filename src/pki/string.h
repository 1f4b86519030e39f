/*
 * string.h - ASN.1's character strings as UTF-8.
 */
#ifndef PKI_STRING_H
#define PKI_STRING_H

#include "base/bytes.h"
#include "der/reader.h"

/*
 * A UTF8String, PrintableString, IA5String, T61String (read as Latin-1, as everybody does),
 * NumericString, VisibleString, BMPString or UniversalString, appended to @out as UTF-8. Errors:
 * E_NAME_FORMAT.
 */
MUST_CHECK enum base_code pki_string_to_utf8(
    const struct der_element *element, struct buffer *out, struct base_error *err);
/* Only octets that a PrintableString may have (X.680, section 41.4). */
bool pki_string_is_printable(struct bytes text);

#endif
