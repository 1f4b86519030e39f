#include "scep/envelope.h"

#include <string.h>

#include "der/ber.h"
#include "der/writer.h"
#include "pki/name.h"
#include "scep/oid.h"

#include "base/banned.h"

static enum base_code
read_recipient_id(struct der_reader *info, struct scep_recipient *out, struct base_error *err)
{
    struct der_reader id;
    struct der_element element;
    if (der_peek_tag(info) == DER_CONTEXT(0)) {
        TRY(der_next(info, &element, err));
        out->key_id = element.content;
        return BASE_OK;
    }
    TRY(der_enter(info, DER_SEQUENCE, &id, err));
    TRY(der_expect(&id, DER_SEQUENCE, &element, err));
    out->issuer = element.whole;
    TRY(der_expect(&id, DER_INTEGER, &element, err));
    out->serial = element.content;
    return der_end(&id, err);
}

static enum base_code
read_recipient(struct der_reader *infos, struct scep_recipient *out, struct base_error *err)
{
    struct der_reader info;
    struct der_element element;
    uint32_t version = 0;
    if (der_peek_tag(infos) != DER_SEQUENCE) {
        return base_fail(err, E_ENVELOPE_FORMAT,
            "a RecipientInfo that is not for key transport, tag 0x%02x", der_peek_tag(infos));
    }
    TRY(der_enter(infos, DER_SEQUENCE, &info, err));
    TRY(der_read_uint(&info, &version, err));
    TRY(read_recipient_id(&info, out, err));
    struct der_reader at_algorithm = info;
    TRY(der_expect(&info, DER_SEQUENCE, &element, err));
    out->transport = PKI_TRANSPORT_NONE;
    if (pki_read_transport(&at_algorithm, &out->transport, NULL) != BASE_OK) {
        out->transport = PKI_TRANSPORT_NONE; /* it matters only when this recipient is ours */
    }
    TRY(der_expect(&info, DER_OCTET_STRING, &element, err));
    out->encrypted_key = element.content;
    return der_end(&info, err);
}

static enum base_code
read_recipients(struct der_reader *data, struct scep_envelope *out, struct base_error *err)
{
    struct der_reader infos;
    TRY(der_enter(data, DER_SET, &infos, err));
    while (!der_at_end(&infos)) {
        struct scep_recipient recipient = {.transport = PKI_TRANSPORT_NONE};
        if (out->recipient_count == SCEP_RECIPIENTS_MAX) {
            return base_fail(err, E_TOO_LARGE, "more than %d recipients", SCEP_RECIPIENTS_MAX);
        }
        TRY(read_recipient(&infos, &recipient, err));
        out->recipients[out->recipient_count++] = recipient;
    }
    return BASE_OK;
}

static enum base_code
read_encrypted(struct der_reader *data, struct buffer *storage, struct scep_envelope *out,
    struct base_error *err)
{
    struct der_reader info;
    struct der_element element;
    struct bytes oid;
    TRY(der_enter(data, DER_SEQUENCE, &info, err));
    TRY(der_read_oid(&info, &oid, err));
    if (!bytes_equal(oid, scep_oid_data)) {
        return base_fail(err, E_ENVELOPE_FORMAT, "an encrypted content that is not of type data");
    }
    TRY(pki_read_cipher(&info, &out->cipher, &out->iv, err));
    TRY(der_next(&info, &element, err));
    if ((element.tag & 0xdf) != DER_CONTEXT(0)) {
        return base_fail(err, E_ENVELOPE_FORMAT, "an encrypted content of tag 0x%02x", element.tag);
    }
    return der_join_octets(&element, storage, &out->encrypted_content, err);
}

enum base_code
scep_envelope_read(
    struct bytes content, struct buffer *storage, struct scep_envelope *out, struct base_error *err)
{
    struct scep_envelope envelope = {.recipient_count = 0};
    struct bytes der;
    struct der_reader wrapper;
    struct der_reader explicit_content;
    struct der_reader data;
    struct der_element element;
    struct bytes oid;
    uint32_t version = 0;
    bool is_found = false;
    TRY(der_from_ber(content, storage, &der, err));
    struct der_reader outer = der_reader_over(der);
    TRY(der_enter(&outer, DER_SEQUENCE, &wrapper, err));
    if (der_peek_tag(&wrapper) != DER_OID) {
        return base_fail(err, E_ENVELOPE_FORMAT, "not a ContentInfo; is it a request in clear?");
    }
    TRY(der_read_oid(&wrapper, &oid, err));
    if (!bytes_equal(oid, scep_oid_enveloped_data)) {
        return base_fail(err, E_ENVELOPE_FORMAT, "not an EnvelopedData");
    }
    TRY(der_enter(&wrapper, DER_CONTEXT_CONSTRUCTED(0), &explicit_content, err));
    TRY(der_enter(&explicit_content, DER_SEQUENCE, &data, err));
    TRY(der_read_uint(&data, &version, err));
    TRY(der_optional(
        &data, DER_CONTEXT_CONSTRUCTED(0), &element, &is_found, err)); /* originatorInfo */
    TRY(read_recipients(&data, &envelope, err));
    TRY(read_encrypted(&data, storage, &envelope, err));
    *out = envelope;
    return BASE_OK;
}

static bool
names_certificate(const struct scep_recipient *recipient, const struct pki_certificate *certificate)
{
    if (recipient->key_id.len > 0) {
        return bytes_equal(recipient->key_id, certificate->subject_key_id);
    }
    return bytes_equal(recipient->serial, certificate->serial) &&
           pki_name_equal(recipient->issuer, certificate->issuer);
}

enum base_code
scep_envelope_find_recipient(const struct scep_envelope *envelope,
    const struct pki_certificate *certificates, size_t count, const struct scep_recipient **out,
    size_t *out_index, struct base_error *err)
{
    const struct scep_recipient *found = NULL;
    for (size_t r = 0; r < envelope->recipient_count; r++) {
        for (size_t c = 0; c < count; c++) {
            if (!names_certificate(&envelope->recipients[r], &certificates[c])) {
                continue;
            }
            if (found != NULL) {
                return base_fail(err, E_RECIPIENT, "two RecipientInfos are ours");
            }
            found = &envelope->recipients[r];
            *out_index = c;
        }
    }
    if (found == NULL) {
        return base_fail(
            err, E_RECIPIENT, "none of %zu recipients is ours", envelope->recipient_count);
    }
    if (found->transport == PKI_TRANSPORT_NONE) {
        return base_fail(err, E_ALGORITHM_UNKNOWN, "key transport");
    }
    *out = found;
    return BASE_OK;
}

static void
write_recipient(struct der_writer *writer, const struct pki_certificate *recipient,
    enum pki_transport transport, struct bytes wrapped)
{
    der_write_begin(writer, DER_SEQUENCE);
    der_write_uint(writer, 0);
    der_write_begin(writer, DER_SEQUENCE);
    der_write_raw(writer, recipient->issuer);
    der_write(writer, DER_INTEGER, recipient->serial);
    der_write_end(writer);
    pki_write_transport(writer, transport);
    der_write(writer, DER_OCTET_STRING, wrapped);
    der_write_end(writer);
}

enum base_code
scep_envelope_seal(struct bytes plain, const struct pki_certificate *recipient,
    const struct pki_public_key *recipient_key, enum pki_transport transport,
    enum pki_cipher cipher, const struct base_random *random, struct buffer *out,
    struct base_error *err)
{
    uint8_t secret[32 + 16];
    struct bytes key = {secret, pki_cipher_key_len(cipher)};
    struct bytes iv = {secret + 32, pki_cipher_block_len(cipher)};
    BUFFER_LOCAL(wrapped, 1024);
    BUFFER_LOCAL(encrypted, plain.len + 64);
    TRY(base_random_fill(random, secret, sizeof(secret), err));
    enum base_code code = pki_wrap_key(recipient_key, transport, key, random, &wrapped, err);
    if (code == BASE_OK) {
        code = pki_encrypt(cipher, key, iv, plain, &encrypted, err);
    }
    explicit_bzero(secret, 32);
    TRY(code);
    struct der_writer writer;
    der_writer_init(&writer, out);
    der_write_begin(&writer, DER_SEQUENCE);
    der_write(&writer, DER_OID, scep_oid_enveloped_data);
    der_write_begin(&writer, DER_CONTEXT_CONSTRUCTED(0));
    der_write_begin(&writer, DER_SEQUENCE);
    der_write_uint(&writer, 0);
    der_write_begin(&writer, DER_SET);
    write_recipient(&writer, recipient, transport, buffer_bytes(&wrapped));
    der_write_end(&writer);
    der_write_begin(&writer, DER_SEQUENCE);
    der_write(&writer, DER_OID, scep_oid_data);
    pki_write_cipher(&writer, cipher, iv);
    der_write(&writer, DER_CONTEXT(0), buffer_bytes(&encrypted));
    der_write_end(&writer);
    der_write_end(&writer);
    der_write_end(&writer);
    der_write_end(&writer);
    return der_writer_finish(&writer, err);
}
