#include "pki/sid.h"

#include "base/text.h"
#include "der/reader.h"

#include "base/banned.h"

#define PARTS_MIN 2 /* S-1-5-18: an authority and one part */
#define PARTS_MAX 16

static const uint8_t extension[] = {0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x19, 0x02};
const struct bytes pki_sid_oid = {extension, sizeof(extension)};

/* S-1-AUTHORITY-PART[-PART]...: decimal numbers without leading zeros. */
static bool
is_sid(struct bytes text)
{
    size_t count = 0;
    if (text.len > PKI_SID_TEXT_MAX || text.len < 4 ||
        !bytes_equal((struct bytes){text.ptr, 4}, BYTES_LITERAL("S-1-"))) {
        return false;
    }
    text = bytes_skip(text, 4);
    for (;;) {
        size_t len = 0;
        uint64_t number = 0;
        while (len < text.len && text.ptr[len] != '-') {
            len++;
        }
        const uint64_t max = count == 0 ? ((uint64_t)1 << 48) - 1 : UINT32_MAX;
        if (base_parse_number((struct bytes){text.ptr, len}, max, &number, NULL) != BASE_OK ||
            (len > 1 && text.ptr[0] == '0')) {
            return false;
        }
        count++;
        if (len == text.len) {
            return count >= PARTS_MIN && count <= PARTS_MAX;
        }
        text = bytes_skip(text, len + 1);
    }
}

static enum base_code
read_form(struct bytes value, struct bytes *out_text, struct base_error *err)
{
    struct der_reader outer = der_reader_over(value);
    struct der_reader names;
    struct der_reader other;
    struct der_reader wrapped;
    struct der_element text;
    struct bytes type = BYTES_NONE;
    TRY(der_enter(&outer, DER_SEQUENCE, &names, err));
    TRY(der_end(&outer, err));
    TRY(der_enter(&names, DER_CONTEXT_CONSTRUCTED(0), &other, err));
    TRY(der_end(&names, err));
    TRY(der_read_oid(&other, &type, err));
    TRY(der_enter(&other, DER_CONTEXT_CONSTRUCTED(0), &wrapped, err));
    TRY(der_end(&other, err));
    TRY(der_expect(&wrapped, DER_OCTET_STRING, &text, err));
    TRY(der_end(&wrapped, err));
    if (type.len != sizeof(extension) + 1 || type.ptr[sizeof(extension)] != 1 ||
        !bytes_equal((struct bytes){type.ptr, sizeof(extension)}, pki_sid_oid)) {
        return base_fail(err, E_SID_FORMAT, "an otherName of another kind");
    }
    *out_text = text.content;
    return BASE_OK;
}

enum base_code
pki_sid_check(struct bytes value, struct bytes *out_text, struct base_error *err)
{
    struct bytes text = BYTES_NONE;
    if (read_form(value, &text, NULL) != BASE_OK) {
        return base_fail(err, E_SID_FORMAT, "not one otherName with one octet string");
    }
    if (!is_sid(text)) {
        char shown[64] = "";
        return base_fail(err, E_SID_FORMAT, "'%s'", base_escape(text, shown, sizeof(shown)));
    }
    if (out_text != NULL) {
        *out_text = text;
    }
    return BASE_OK;
}
