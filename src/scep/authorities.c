#include "scep/authorities.h"

#include "der/ber.h"
#include "der/writer.h"
#include "scep/oid.h"

#include "base/banned.h"

enum base_code
scep_authorities_build(
    const struct bytes *certificates, size_t count, struct buffer *out, struct base_error *err)
{
    struct der_writer writer;
    der_writer_init(&writer, out);
    der_write_begin(&writer, DER_SEQUENCE);
    der_write(&writer, DER_OID, scep_oid_signed_data);
    der_write_begin(&writer, DER_CONTEXT_CONSTRUCTED(0));
    der_write_begin(&writer, DER_SEQUENCE);
    der_write_uint(&writer, 1);
    der_write(&writer, DER_SET, BYTES_NONE); /* digestAlgorithms */
    der_write_begin(&writer, DER_SEQUENCE);
    der_write(&writer, DER_OID, scep_oid_data);
    der_write_end(&writer);
    /* Not sorted as a SET: the issued certificate comes first, because some clients take the first.
     */
    der_write_begin(&writer, DER_CONTEXT_CONSTRUCTED(0));
    for (size_t i = 0; i < count; i++) {
        der_write_raw(&writer, certificates[i]);
    }
    der_write_end(&writer);
    der_write(&writer, DER_SET, BYTES_NONE); /* signerInfos */
    der_write_end(&writer);
    der_write_end(&writer);
    der_write_end(&writer);
    return der_writer_finish(&writer, err);
}

static enum base_code
read_set(struct der_reader *data, struct bytes out[SCEP_CERTIFICATES_MAX], size_t *out_count,
    struct base_error *err)
{
    struct der_reader set;
    struct der_element element;
    size_t count = 0;
    uint32_t version = 0;
    TRY(der_read_uint(data, &version, err));
    TRY(der_expect(data, DER_SET, &element, err));
    TRY(der_expect(data, DER_SEQUENCE, &element, err));
    if (der_peek_tag(data) != DER_CONTEXT_CONSTRUCTED(0)) {
        return base_fail(err, E_MESSAGE_FORMAT, "a SignedData without certificates");
    }
    TRY(der_enter(data, DER_CONTEXT_CONSTRUCTED(0), &set, err));
    while (!der_at_end(&set)) {
        TRY(der_next(&set, &element, err));
        if (count == SCEP_CERTIFICATES_MAX) {
            return base_fail(err, E_TOO_LARGE, "more than %d certificates", SCEP_CERTIFICATES_MAX);
        }
        out[count++] = element.whole;
    }
    *out_count = count;
    return BASE_OK;
}

enum base_code
scep_authorities_read(struct bytes message, struct buffer *storage,
    struct bytes out_certificates[SCEP_CERTIFICATES_MAX], size_t *out_count, struct base_error *err)
{
    struct bytes der;
    struct der_reader wrapper;
    struct der_reader explicit_content;
    struct der_reader data;
    struct bytes oid;
    TRY(der_from_ber(message, storage, &der, err));
    struct der_reader outer = der_reader_over(der);
    TRY(der_enter(&outer, DER_SEQUENCE, &wrapper, err));
    if (der_peek_tag(&wrapper) == DER_SEQUENCE) { /* a bare certificate begins with its body */
        out_certificates[0] = der;
        *out_count = 1;
        return BASE_OK;
    }
    TRY(der_read_oid(&wrapper, &oid, err));
    if (!bytes_equal(oid, scep_oid_signed_data)) {
        return base_fail(err, E_MESSAGE_FORMAT, "neither a certificate nor a SignedData");
    }
    TRY(der_enter(&wrapper, DER_CONTEXT_CONSTRUCTED(0), &explicit_content, err));
    TRY(der_enter(&explicit_content, DER_SEQUENCE, &data, err));
    return read_set(&data, out_certificates, out_count, err);
}
