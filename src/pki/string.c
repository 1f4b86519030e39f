#include "pki/string.h"

#include <ctype.h>
#include <string.h>

#include "base/text.h"

#include "base/banned.h"

bool
pki_string_is_printable(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c >= 0x80 || c == 0 || (isalnum(c) == 0 && strchr(" '()+,-./:=?", c) == NULL)) {
            return false;
        }
    }
    return true;
}

static enum base_code
append_code_point(struct buffer *out, uint32_t c, struct base_error *err)
{
    uint8_t octets[4];
    size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
        return base_fail(err, E_NAME_FORMAT, "a character that Unicode does not have");
    }
    for (size_t i = len; i > 1; i--) {
        octets[i - 1] = (uint8_t)(0x80 | (c & 0x3f));
        c >>= 6;
    }
    octets[0] = (uint8_t)(len == 1 ? c : (0xf00U >> len) | c);
    return buffer_append(out, (struct bytes){octets, len}, err);
}

/* Big-endian units of @width octets. */
static enum base_code
append_wide(struct buffer *out, struct bytes content, size_t width, struct base_error *err)
{
    if (content.len % width != 0) {
        return base_fail(
            err, E_NAME_FORMAT, "a string of %zu octets in units of %zu", content.len, width);
    }
    for (size_t i = 0; i < content.len; i += width) {
        uint32_t c = 0;
        for (size_t k = 0; k < width; k++) {
            c = c << 8 | content.ptr[i + k];
        }
        TRY(append_code_point(out, c, err));
    }
    return BASE_OK;
}

enum base_code
pki_string_to_utf8(const struct der_element *element, struct buffer *out, struct base_error *err)
{
    switch (element->tag) {
    case DER_UTF8_STRING:
    case DER_PRINTABLE_STRING:
    case DER_IA5_STRING:
    case DER_NUMERIC_STRING:
    case DER_VISIBLE_STRING:
        for (size_t i = 0; element->tag != DER_UTF8_STRING && i < element->content.len; i++) {
            if (element->content.ptr[i] >= 0x80) {
                return base_fail(
                    err, E_NAME_FORMAT, "octet 0x%02x in an ASCII string", element->content.ptr[i]);
            }
        }
        return buffer_append(out, element->content, err);
    case DER_T61_STRING:
        return append_wide(out, element->content, 1, err);
    case DER_BMP_STRING:
        return append_wide(out, element->content, 2, err);
    case DER_UNIVERSAL_STRING:
        return append_wide(out, element->content, 4, err);
    default:
        return base_fail(err, E_NAME_FORMAT, "tag 0x%02x where a string belongs", element->tag);
    }
}
