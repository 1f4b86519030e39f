/* Apart from reading, so that a program which only reads requests has no code that signs. */
#include "der/writer.h"
#include "pki/csr.h"
#include "pki/string.h"

#include "base/banned.h"

static const struct bytes challenge_oid = BYTES_INIT("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x07");
static const struct bytes extensions_oid = BYTES_INIT("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e");
static const struct bytes san_oid = BYTES_INIT("\x55\x1d\x11");

static void
write_attributes(struct der_writer *writer, struct bytes sans_der, struct bytes challenge)
{
    der_write_begin(writer, DER_CONTEXT_CONSTRUCTED(0));
    if (challenge.len > 0) {
        der_write_begin(writer, DER_SEQUENCE);
        der_write(writer, DER_OID, challenge_oid);
        der_write_begin(writer, DER_SET);
        der_write(writer,
            pki_string_is_printable(challenge) ? DER_PRINTABLE_STRING : DER_UTF8_STRING, challenge);
        der_write_end(writer);
        der_write_end(writer);
    }
    if (sans_der.len > 0) {
        der_write_begin(writer, DER_SEQUENCE);
        der_write(writer, DER_OID, extensions_oid);
        der_write_begin(writer, DER_SET);
        der_write_begin(writer, DER_SEQUENCE);
        der_write_begin(writer, DER_SEQUENCE);
        der_write(writer, DER_OID, san_oid);
        der_write(writer, DER_OCTET_STRING, sans_der);
        der_write_end(writer);
        der_write_end(writer);
        der_write_end(writer);
        der_write_end(writer);
    }
    der_write_end_set_of(writer);
}

enum base_code
pki_csr_build(const struct pki_private_key *key, struct bytes subject_der, struct bytes sans_der,
    struct bytes challenge, enum pki_digest digest, struct buffer *out_der, struct base_error *err)
{
    BUFFER_LOCAL(info, (size_t)64 * 1024);
    BUFFER_LOCAL(signature, 1024);
    struct der_writer writer;
    der_writer_init(&writer, &info);
    der_write_begin(&writer, DER_SEQUENCE);
    der_write_uint(&writer, 0);
    der_write_raw(&writer, subject_der);
    der_write_raw(&writer, pki_private_key_peek_spki(key));
    write_attributes(&writer, sans_der, challenge);
    der_write_end(&writer);
    TRY(der_writer_finish(&writer, err));
    TRY(pki_sign(key, digest, buffer_bytes(&info), &signature, err));
    der_writer_init(&writer, out_der);
    der_write_begin(&writer, DER_SEQUENCE);
    der_write_raw(&writer, buffer_bytes(&info));
    pki_write_signature_algorithm(&writer, pki_private_key_signature(key), digest);
    der_write_bit_octets(&writer, buffer_bytes(&signature));
    der_write_end(&writer);
    return der_writer_finish(&writer, err);
}
