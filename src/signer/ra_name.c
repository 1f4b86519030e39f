#include "signer/ra_name.h"

#include "der/reader.h"
#include "der/writer.h"

#include "base/banned.h"

#define VALUE_MAX ((size_t)4096)

static const uint8_t common_name[] = {0x55, 0x04, 0x03};

/* " RA" in the width of the string's characters, behind its text. */
MUST_CHECK static enum base_code
append_suffix(uint8_t tag, struct buffer *value, struct base_error *err)
{
    static const char suffix[] = {' ', 'R', 'A'};
    size_t zeros = tag == DER_BMP_STRING ? 1 : tag == DER_UNIVERSAL_STRING ? 3 : 0;
    for (size_t i = 0; i < sizeof(suffix); i++) {
        for (size_t k = 0; k < zeros; k++) {
            TRY(buffer_append_octet(value, 0, err));
        }
        TRY(buffer_append_octet(value, (uint8_t)suffix[i], err));
    }
    return BASE_OK;
}

/* One AttributeTypeAndValue, changed when it is the first common name. */
MUST_CHECK static enum base_code
copy_attribute(
    struct der_reader *rdn, struct der_writer *writer, bool *is_done, struct base_error *err)
{
    struct der_element attribute;
    struct der_element value;
    struct der_reader inside;
    struct bytes type = BYTES_NONE;
    TRY(der_expect(rdn, DER_SEQUENCE, &attribute, err));
    TRY(der_enter_element(rdn, &attribute, &inside, err));
    TRY(der_read_oid(&inside, &type, err));
    TRY(der_next(&inside, &value, err));
    if (*is_done || !bytes_equal(type, BYTES_ARRAY(common_name))) {
        der_write_raw(writer, attribute.whole);
        return BASE_OK;
    }
    BUFFER_LOCAL(text, VALUE_MAX);
    TRY(buffer_append(&text, value.content, err));
    TRY(append_suffix(value.tag, &text, err));
    der_write_begin(writer, DER_SEQUENCE);
    der_write(writer, DER_OID, type);
    der_write(writer, value.tag, buffer_bytes(&text));
    der_write_end(writer);
    *is_done = true;
    return BASE_OK;
}

enum base_code
signer_ra_name(struct bytes ca_name_der, struct buffer *out, struct base_error *err)
{
    struct der_reader outer = der_reader_over(ca_name_der);
    struct der_reader name;
    struct der_writer writer;
    bool is_done = false;
    TRY(der_enter(&outer, DER_SEQUENCE, &name, err));
    der_writer_init(&writer, out);
    der_write_begin(&writer, DER_SEQUENCE);
    while (!der_at_end(&name)) {
        struct der_reader rdn;
        TRY(der_enter(&name, DER_SET, &rdn, err));
        der_write_begin(&writer, DER_SET);
        while (!der_at_end(&rdn)) {
            TRY(copy_attribute(&rdn, &writer, &is_done, err));
        }
        der_write_end_set_of(&writer); /* a longer value may sort elsewhere */
    }
    if (!is_done) {
        der_write_begin(&writer, DER_SET);
        der_write_begin(&writer, DER_SEQUENCE);
        der_write(&writer, DER_OID, BYTES_ARRAY(common_name));
        der_write(&writer, DER_UTF8_STRING, BYTES_LITERAL("RA"));
        der_write_end(&writer);
        der_write_end(&writer);
    }
    der_write_end(&writer);
    return der_writer_finish(&writer, err);
}
