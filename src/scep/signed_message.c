#include "scep/signed_message.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "base/text.h"
#include "der/ber.h"
#include "der/writer.h"
#include "pki/string.h"
#include "scep/oid.h"

#include "base/banned.h"

/* ---- attributes
 * -------------------------------------------------------------------------------------------------
 */

/* The single value of an attribute. */
static enum base_code
read_single(struct der_reader *values, struct der_element *out, struct base_error *err)
{
    if (der_at_end(values)) {
        return base_fail(err, E_ATTRIBUTE_MISSING, "an attribute without a value");
    }
    TRY(der_next(values, out, err));
    return der_at_end(values) ? BASE_OK
                              : base_fail(err, E_ATTRIBUTE_TWICE, "an attribute with two values");
}

/* Texts come as PrintableString, and from some clients as another string whose octets are ASCII. */
static enum base_code
take_text(struct scep_signed *message, const struct der_element *value, struct bytes *out,
    struct base_error *err)
{
    if (value->tag != DER_PRINTABLE_STRING) {
        if (value->tag != DER_UTF8_STRING && value->tag != DER_IA5_STRING &&
            value->tag != DER_T61_STRING && value->tag != DER_VISIBLE_STRING &&
            value->tag != DER_NUMERIC_STRING) {
            return base_fail(
                err, E_ATTRIBUTE_TYPE, "tag 0x%02x where a PrintableString belongs", value->tag);
        }
        message->tolerances |= SCEP_TEXT_NOT_PRINTABLE;
    }
    for (size_t i = 0; i < value->content.len; i++) {
        if (value->content.ptr[i] < 0x20 || value->content.ptr[i] > 0x7e) {
            return base_fail(
                err, E_ATTRIBUTE_TYPE, "octet 0x%02x in a text", value->content.ptr[i]);
        }
    }
    *out = value->content;
    return BASE_OK;
}

static enum base_code
take_number(struct scep_signed *message, const struct der_element *value, unsigned *out,
    struct base_error *err)
{
    struct bytes text;
    uint64_t number = 0;
    TRY(take_text(message, value, &text, err));
    bool has_zero_before = text.len > 1 && text.ptr[0] == '0';
    if (has_zero_before || base_parse_number(text, 999, &number, NULL) != BASE_OK) {
        return base_fail(err, E_ATTRIBUTE_TYPE, "a text that is no number");
    }
    *out = (unsigned)number;
    return BASE_OK;
}

static enum base_code
take_nonce(struct scep_signed *message, const struct der_element *value, struct bytes *out,
    struct base_error *err)
{
    if (value->tag != DER_OCTET_STRING || value->content.len == 0 ||
        value->content.len > SCEP_NONCE_READ_MAX) {
        return base_fail(err, E_ATTRIBUTE_TYPE, "a nonce of %zu octets, tag 0x%02x",
            value->content.len, value->tag);
    }
    if (value->content.len != SCEP_NONCE_LEN) {
        message->tolerances |= SCEP_NONCE_LENGTH;
    }
    *out = value->content;
    return BASE_OK;
}

static enum base_code
take_transaction_id(
    struct scep_signed *message, const struct der_element *value, struct base_error *err)
{
    if (value->content.len == 0 || value->content.len > SCEP_TRANSACTION_ID_MAX) {
        return base_fail(
            err, E_ATTRIBUTE_TYPE, "a transactionID of %zu octets", value->content.len);
    }
    TRY(take_text(message, value, &message->transaction_id, err));
    message->has_transaction_id = true;
    return BASE_OK;
}

/* One attribute by its type; those that nobody here knows are passed over. */
static enum base_code
take_attribute(struct scep_signed *message, struct bytes oid, struct der_reader *values,
    struct base_error *err)
{
    struct der_element value;
    if (bytes_equal(oid, scep_oid_transaction_id)) {
        TRY(read_single(values, &value, err));
        return take_transaction_id(message, &value, err);
    }
    if (bytes_equal(oid, scep_oid_message_type)) {
        TRY(read_single(values, &value, err));
        TRY(take_number(message, &value, &message->message_type, err));
        message->has_message_type = true;
    } else if (bytes_equal(oid, scep_oid_sender_nonce)) {
        TRY(read_single(values, &value, err));
        TRY(take_nonce(message, &value, &message->sender_nonce, err));
        message->has_sender_nonce = true;
    } else if (bytes_equal(oid, scep_oid_recipient_nonce)) {
        TRY(read_single(values, &value, err));
        TRY(take_nonce(message, &value, &message->recipient_nonce, err));
        message->has_recipient_nonce = true;
    } else if (bytes_equal(oid, scep_oid_pki_status)) {
        TRY(read_single(values, &value, err));
        TRY(take_number(message, &value, &message->pki_status, err));
        message->has_pki_status = true;
    } else if (bytes_equal(oid, scep_oid_fail_info)) {
        TRY(read_single(values, &value, err));
        TRY(take_number(message, &value, &message->fail_info, err));
        message->has_fail_info = true;
    } else if (bytes_equal(oid, scep_oid_fail_info_text)) {
        TRY(read_single(values, &value, err));
        message->fail_info_text = value.content;
    } else if (bytes_equal(oid, scep_oid_hresult)) {
        TRY(read_single(values, &value, err));
        message->hresult = value.content;
    } else if (bytes_equal(oid, scep_oid_message_digest)) {
        TRY(read_single(values, &value, err));
        if (value.tag != DER_OCTET_STRING) {
            return base_fail(err, E_ATTRIBUTE_TYPE, "a messageDigest of tag 0x%02x", value.tag);
        }
        message->message_digest = value.content;
    } else if (bytes_equal(oid, scep_oid_content_type)) {
        TRY(read_single(values, &value, err));
        if (value.tag != DER_OID || !bytes_equal(value.content, scep_oid_data)) {
            return base_fail(err, E_ATTRIBUTE_TYPE, "a contentType that is not data");
        }
        message->has_content_type = true;
    }
    return BASE_OK;
}

static enum base_code
read_attributes(struct scep_signed *message, struct base_error *err)
{
    struct der_reader reader = der_reader_over(message->attributes);
    struct bytes seen[SCEP_ATTRIBUTES_MAX];
    size_t count = 0;
    enum base_code first = BASE_OK;
    struct base_error first_error = {BASE_OK, ""};
    while (!der_at_end(&reader)) {
        struct der_reader attribute;
        struct der_reader values;
        struct bytes oid;
        TRY(der_enter(&reader, DER_SEQUENCE, &attribute, err));
        TRY(der_read_oid(&attribute, &oid, err));
        TRY(der_enter(&attribute, DER_SET, &values, err));
        TRY(der_end(&attribute, err));
        if (count == SCEP_ATTRIBUTES_MAX) {
            return base_fail(
                err, E_TOO_LARGE, "more than %d signed attributes", SCEP_ATTRIBUTES_MAX);
        }
        struct base_error here = {BASE_OK, ""};
        enum base_code code = BASE_OK;
        for (size_t i = 0; i < count && code == BASE_OK; i++) {
            if (bytes_equal(seen[i], oid)) {
                code =
                    base_fail(&here, E_ATTRIBUTE_TWICE, "a signed attribute that is there twice");
            }
        }
        seen[count++] = oid;
        code = code == BASE_OK ? take_attribute(message, oid, &values, &here) : code;
        /* Go on after the first fault: transactionID and nonce may follow, and the refusal is
         * answered with them. */
        if (code != BASE_OK && first == BASE_OK) {
            first = code;
            first_error = here;
        }
    }
    return first == BASE_OK ? BASE_OK : base_fail(err, first, "%s", first_error.detail);
}

static enum base_code
check_attributes(const struct scep_signed *message, struct base_error *err)
{
    const struct {
        bool is_there;
        const char *name;
    } needed[] = {{message->has_transaction_id, "transactionID"},
        {message->has_message_type, "messageType"}, {message->has_content_type, "contentType"},
        {message->message_digest.len > 0, "messageDigest"}};
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        if (!needed[i].is_there) {
            return base_fail(err, E_ATTRIBUTE_MISSING, "%s", needed[i].name);
        }
    }
    return BASE_OK;
}

/* ---- structure
 * --------------------------------------------------------------------------------------------------
 */

static enum base_code
read_content(struct der_reader *signed_data, struct buffer *storage, struct scep_signed *out,
    struct base_error *err)
{
    struct der_reader info;
    struct der_reader wrapper;
    struct der_element element;
    struct bytes oid;
    TRY(der_enter(signed_data, DER_SEQUENCE, &info, err));
    TRY(der_read_oid(&info, &oid, err));
    if (!bytes_equal(oid, scep_oid_data)) {
        return base_fail(err, E_MESSAGE_FORMAT, "a content that is not of type data");
    }
    if (der_at_end(&info)) {
        return BASE_OK;
    }
    TRY(der_enter(&info, DER_CONTEXT_CONSTRUCTED(0), &wrapper, err));
    TRY(der_end(&info, err));
    TRY(der_next(&wrapper, &element, err));
    TRY(der_end(&wrapper, err));
    if ((element.tag & 0xdf) != DER_OCTET_STRING) {
        return base_fail(err, E_MESSAGE_FORMAT, "a content of tag 0x%02x", element.tag);
    }
    out->has_content = true;
    return der_join_octets(&element, storage, &out->content, err);
}

static enum base_code
read_certificates(struct der_reader *signed_data, struct scep_signed *out, struct base_error *err)
{
    struct der_reader set;
    struct der_element element;
    bool is_found = false;
    if (der_peek_tag(signed_data) == DER_CONTEXT_CONSTRUCTED(0)) {
        TRY(der_enter(signed_data, DER_CONTEXT_CONSTRUCTED(0), &set, err));
        while (!der_at_end(&set)) {
            TRY(der_next(&set, &element, err));
            if (element.tag != DER_SEQUENCE) {
                continue; /* an attribute certificate or the like */
            }
            if (out->certificate_count == SCEP_CERTIFICATES_MAX) {
                return base_fail(
                    err, E_TOO_LARGE, "more than %d certificates", SCEP_CERTIFICATES_MAX);
            }
            out->certificates[out->certificate_count++] = element.whole;
        }
    }
    return der_optional(
        signed_data, DER_CONTEXT_CONSTRUCTED(1), &element, &is_found, err); /* crls */
}

static enum base_code
read_signer_id(struct der_reader *info, struct scep_signed *out, struct base_error *err)
{
    struct der_reader id;
    struct der_element element;
    if (der_peek_tag(info) == DER_CONTEXT(0)) {
        TRY(der_next(info, &element, err));
        out->signer_key_id = element.content;
        return BASE_OK;
    }
    TRY(der_enter(info, DER_SEQUENCE, &id, err));
    TRY(der_expect(&id, DER_SEQUENCE, &element, err));
    out->signer_issuer = element.whole;
    TRY(der_expect(&id, DER_INTEGER, &element, err));
    out->signer_serial = element.content;
    return der_end(&id, err);
}

static enum base_code
read_signer_info(struct der_reader *signer_infos, struct scep_signed *out, struct base_error *err)
{
    struct der_reader info;
    struct der_element element;
    uint32_t version = 0;
    bool is_found = false;
    if (der_at_end(signer_infos)) {
        return base_fail(err, E_MESSAGE_FORMAT, "no SignerInfo");
    }
    TRY(der_enter(signer_infos, DER_SEQUENCE, &info, err));
    if (!der_at_end(signer_infos)) {
        return base_fail(err, E_MESSAGE_FORMAT, "more than one SignerInfo");
    }
    TRY(der_read_uint(&info, &version, err));
    TRY(read_signer_id(&info, out, err));
    struct der_reader at_digest = info;
    TRY(der_expect(&info, DER_SEQUENCE, &element, err));
    TRY(der_optional(&info, DER_CONTEXT_CONSTRUCTED(0), &element, &is_found, err));
    if (!is_found) {
        return base_fail(err, E_ATTRIBUTE_MISSING, "no signed attributes");
    }
    out->attributes = element.content;
    /* Attributes before algorithms: a refusal of an algorithm is answered with the attributes'
     * transactionID. */
    enum base_code code = read_attributes(out, err);
    TRY(code);
    TRY(pki_read_digest(&at_digest, &out->digest, err));
    TRY(pki_read_signature_algorithm(&info, &out->signature_algorithm, err));
    TRY(der_expect(&info, DER_OCTET_STRING, &element, err));
    out->signature = element.content;
    TRY(der_optional(
        &info, DER_CONTEXT_CONSTRUCTED(1), &element, &is_found, err)); /* unsigned attributes */
    TRY(der_end(&info, err));
    if (out->signature_algorithm.digest == PKI_DIGEST_NONE) {
        out->signature_algorithm.digest = out->digest;
    }
    return BASE_OK;
}

/* The certificate that the SignerIdentifier names. */
static enum base_code
find_signer(struct scep_signed *out, struct base_error *err)
{
    for (size_t i = 0; i < out->certificate_count; i++) {
        struct pki_certificate certificate;
        if (pki_certificate_read(out->certificates[i], &certificate, err) != BASE_OK) {
            continue; /* some other certificate that we cannot read is not our business */
        }
        bool is_it = out->signer_key_id.len > 0
                         ? bytes_equal(certificate.subject_key_id, out->signer_key_id)
                         : bytes_equal(certificate.issuer, out->signer_issuer) &&
                               bytes_equal(certificate.serial, out->signer_serial);
        if (is_it) {
            out->signer = certificate;
            out->has_signer = true;
            out->tolerances |= certificate.version == 1 ? SCEP_SIGNER_VERSION_1 : 0;
            return BASE_OK;
        }
    }
    return base_fail(err, E_SIGNER_MISSING, "none of the %zu certificates is the signer's",
        out->certificate_count);
}

static enum base_code
read_signed_data(struct der_reader *signed_data, struct buffer *storage, struct scep_signed *out,
    struct base_error *err)
{
    struct der_element element;
    struct der_reader signer_infos;
    uint32_t version = 0;
    TRY(der_read_uint(signed_data, &version, err));
    TRY(der_expect(
        signed_data, DER_SET, &element, err)); /* digestAlgorithms: the SignerInfo's counts */
    TRY(read_content(signed_data, storage, out, err));
    TRY(read_certificates(signed_data, out, err));
    TRY(der_enter(signed_data, DER_SET, &signer_infos, err));
    TRY(der_end(signed_data, err));
    /* The signer first: a message whose signer can be read is answered, whatever else is wrong with
     * it. */
    enum base_code code = read_signer_info(&signer_infos, out, err);
    struct base_error why = {BASE_OK, ""};
    enum base_code signer_code = find_signer(out, code == BASE_OK ? err : &why);
    TRY(code);
    TRY(signer_code);
    return check_attributes(out, err);
}

enum base_code
scep_signed_read(
    struct bytes message, struct buffer *storage, struct scep_signed *out, struct base_error *err)
{
    struct bytes der;
    struct der_reader wrapper;
    struct der_reader signed_data;
    struct bytes oid;
    TRY(der_from_ber(message, storage, &der, err));
    if (der.ptr != message.ptr) {
        out->tolerances |= SCEP_BER;
    }
    struct der_reader outer = der_reader_over(der);
    TRY(der_enter(&outer, DER_SEQUENCE, &wrapper, err));
    TRY(der_read_oid(&wrapper, &oid, err));
    if (!bytes_equal(oid, scep_oid_signed_data)) {
        return base_fail(err, E_MESSAGE_FORMAT, "not a SignedData");
    }
    struct der_reader explicit_content;
    TRY(der_enter(&wrapper, DER_CONTEXT_CONSTRUCTED(0), &explicit_content, err));
    TRY(der_end(&wrapper, err));
    TRY(der_enter(&explicit_content, DER_SEQUENCE, &signed_data, err));
    TRY(der_end(&explicit_content, err));
    return read_signed_data(&signed_data, storage, out, err);
}

/* ---- verifying
 * --------------------------------------------------------------------------------------------------
 */

/* The attributes as the DER SET OF that is signed; sorted when @is_sorted. */
static enum base_code
attributes_set(struct bytes attributes, bool is_sorted, struct buffer *out, struct base_error *err)
{
    struct der_writer writer;
    der_writer_init(&writer, out);
    der_write_begin(&writer, DER_SET);
    der_write_raw(&writer, attributes);
    if (is_sorted) {
        der_write_end_set_of(&writer);
    } else {
        der_write_end(&writer);
    }
    return der_writer_finish(&writer, err);
}

enum base_code
scep_signed_verify(struct scep_signed *message, const struct pki_public_key *key,
    bool allow_as_sent, struct base_error *err)
{
    uint8_t digest[PKI_DIGEST_MAX];
    BUFFER_LOCAL(sorted, message->attributes.len + 16);
    BUFFER_LOCAL(as_sent, message->attributes.len + 16);
    TRY(pki_digest(message->digest, message->content, digest, err));
    if (!base_secret_equal(
            (struct bytes){digest, pki_digest_len(message->digest)}, message->message_digest)) {
        return base_fail(
            err, E_DIGEST, "the content has another %s digest", pki_digest_name(message->digest));
    }
    TRY(attributes_set(message->attributes, true, &sorted, err));
    TRY(attributes_set(message->attributes, false, &as_sent, err));
    bool is_in_order = bytes_equal(buffer_bytes(&sorted), buffer_bytes(&as_sent));
    enum base_code code = pki_verify(
        key, &message->signature_algorithm, buffer_bytes(&sorted), message->signature, err);
    if (code == BASE_OK) {
        message->tolerances |= is_in_order ? 0 : SCEP_ATTRIBUTES_UNSORTED;
        return BASE_OK;
    }
    if (code == E_SIGNATURE && allow_as_sent && !is_in_order &&
        pki_verify(key, &message->signature_algorithm, buffer_bytes(&as_sent), message->signature,
            err) == BASE_OK) {
        message->tolerances |= SCEP_ATTRIBUTES_AS_SENT;
        return BASE_OK;
    }
    return code;
}

/* ---- writing
 * ----------------------------------------------------------------------------------------------------
 */

static void
write_attribute(struct der_writer *writer, struct bytes oid, uint8_t tag, struct bytes value)
{
    der_write_begin(writer, DER_SEQUENCE);
    der_write(writer, DER_OID, oid);
    der_write_begin(writer, DER_SET);
    der_write(writer, tag, value);
    der_write_end(writer);
    der_write_end(writer);
}

static void
write_number_attribute(struct der_writer *writer, struct bytes oid, unsigned number)
{
    const char digits[] = {(char)('0' + number / 10 % 10), (char)('0' + number % 10)};
    struct bytes text = {(const uint8_t *)digits + (number < 10 ? 1 : 0), number < 10 ? 1 : 2};
    write_attribute(writer, oid, DER_PRINTABLE_STRING, text);
}

enum base_code
scep_attributes_write(const struct scep_attributes *attributes, struct bytes message_digest,
    struct buffer *out_set, struct base_error *err)
{
    struct der_writer writer;
    der_writer_init(&writer, out_set);
    der_write_begin(&writer, DER_SET);
    write_attribute(&writer, scep_oid_content_type, DER_OID, scep_oid_data);
    write_attribute(&writer, scep_oid_message_digest, DER_OCTET_STRING, message_digest);
    write_number_attribute(&writer, scep_oid_message_type, attributes->message_type);
    write_attribute(
        &writer, scep_oid_transaction_id, DER_PRINTABLE_STRING, attributes->transaction_id);
    write_attribute(&writer, scep_oid_sender_nonce, DER_OCTET_STRING, attributes->sender_nonce);
    if (attributes->recipient_nonce.len > 0) {
        write_attribute(
            &writer, scep_oid_recipient_nonce, DER_OCTET_STRING, attributes->recipient_nonce);
    }
    if (attributes->has_pki_status) {
        write_number_attribute(&writer, scep_oid_pki_status, attributes->pki_status);
    }
    if (attributes->has_fail_info) {
        write_number_attribute(&writer, scep_oid_fail_info, attributes->fail_info);
    }
    if (attributes->fail_info_text.len > 0) {
        write_attribute(
            &writer, scep_oid_fail_info_text, DER_UTF8_STRING, attributes->fail_info_text);
    }
    if (attributes->hresult.len > 0) {
        write_attribute(&writer, scep_oid_hresult, DER_PRINTABLE_STRING, attributes->hresult);
    }
    der_write_end_set_of(&writer);
    return der_writer_finish(&writer, err);
}

static void
write_signer_info(struct der_writer *writer, const struct scep_signed_spec *spec,
    const struct pki_certificate *signer, struct bytes attributes)
{
    der_write_begin(writer, DER_SEQUENCE);
    der_write_uint(writer, 1);
    der_write_begin(writer, DER_SEQUENCE);
    der_write_raw(writer, signer->issuer);
    der_write(writer, DER_INTEGER, signer->serial);
    der_write_end(writer);
    pki_write_digest(writer, spec->digest);
    der_write(writer, DER_CONTEXT_CONSTRUCTED(0), attributes);
    if (spec->signature == PKI_RSA_PKCS1) {
        pki_write_rsa_encryption(writer);
    } else {
        pki_write_signature_algorithm(writer, spec->signature, spec->digest);
    }
    der_write(writer, DER_OCTET_STRING, spec->signature_octets);
    der_write_end(writer);
}

enum base_code
scep_signed_write(const struct scep_signed_spec *spec, struct buffer *out, struct base_error *err)
{
    struct pki_certificate signer;
    struct der_element set;
    struct der_reader reader = der_reader_over(spec->attributes_set);
    struct der_writer writer;
    TRY(pki_certificate_read(spec->signer_certificate, &signer, err));
    TRY(der_expect(&reader, DER_SET, &set, err));
    der_writer_init(&writer, out);
    der_write_begin(&writer, DER_SEQUENCE);
    der_write(&writer, DER_OID, scep_oid_signed_data);
    der_write_begin(&writer, DER_CONTEXT_CONSTRUCTED(0));
    der_write_begin(&writer, DER_SEQUENCE);
    der_write_uint(&writer, 1);
    der_write_begin(&writer, DER_SET);
    pki_write_digest(&writer, spec->digest);
    der_write_end(&writer);
    der_write_begin(&writer, DER_SEQUENCE);
    der_write(&writer, DER_OID, scep_oid_data);
    if (spec->content_form == SCEP_CONTENT_PRESENT) {
        der_write_begin(&writer, DER_CONTEXT_CONSTRUCTED(0));
        der_write(&writer, DER_OCTET_STRING, spec->content);
        der_write_end(&writer);
    }
    der_write_end(&writer);
    der_write(&writer, DER_CONTEXT_CONSTRUCTED(0), spec->signer_certificate);
    der_write_begin(&writer, DER_SET);
    write_signer_info(&writer, spec, &signer, set.content);
    der_write_end(&writer);
    der_write_end(&writer);
    der_write_end(&writer);
    der_write_end(&writer);
    return der_writer_finish(&writer, err);
}
