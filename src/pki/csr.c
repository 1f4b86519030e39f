#include "pki/csr.h"

#include <string.h>

#include "der/writer.h"
#include "pki/sid.h"
#include "pki/string.h"

#include "base/banned.h"

#define ATTRIBUTES_MAX 64

static const struct bytes challenge_oid = BYTES_INIT("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x07");
static const struct bytes extensions_oid = BYTES_INIT("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e");
static const struct bytes ms_extensions_oid =
    BYTES_INIT("\x2b\x06\x01\x04\x01\x82\x37\x02\x01\x0e");
static const struct bytes san_oid = BYTES_INIT("\x55\x1d\x11");

void
pki_csr_clear(struct pki_csr *csr)
{
    buffer_clear(&csr->challenge_storage);
}

/* Of all that a client may ask for, only the alternative names and a SID are looked at. */
static enum base_code
take_extension(struct bytes oid, struct bytes value, struct pki_csr *csr, struct base_error *err)
{
    if (bytes_equal(oid, san_oid)) {
        if (csr->sans.len > 0) {
            return base_fail(err, E_CSR_FORMAT, "two subjectAltName extensions");
        }
        csr->sans = value;
    } else if (bytes_equal(oid, pki_sid_oid)) {
        if (csr->has_sid) {
            return base_fail(err, E_CSR_FORMAT, "two SID extensions");
        }
        csr->has_sid = true;
        csr->sid = value;
    }
    return BASE_OK;
}

/* SEQUENCE OF Extension. */
static enum base_code
read_extensions(struct der_reader *values, struct pki_csr *csr, struct base_error *err)
{
    struct der_reader extensions;
    TRY(der_enter(values, DER_SEQUENCE, &extensions, err));
    for (size_t count = 0; !der_at_end(&extensions); count++) {
        struct der_reader extension;
        struct bytes oid;
        struct der_element value;
        bool is_critical = false;
        if (count == ATTRIBUTES_MAX) {
            return base_fail(err, E_TOO_LARGE, "more than %d extensions", ATTRIBUTES_MAX);
        }
        TRY(der_enter(&extensions, DER_SEQUENCE, &extension, err));
        TRY(der_read_oid(&extension, &oid, err));
        if (der_peek_tag(&extension) == DER_BOOLEAN) {
            TRY(der_read_bool(&extension, &is_critical, err));
        }
        TRY(der_expect(&extension, DER_OCTET_STRING, &value, err));
        TRY(der_end(&extension, err));
        TRY(take_extension(oid, value.content, csr, err));
    }
    return BASE_OK;
}

static enum base_code
read_challenge(struct der_reader *values, struct pki_csr *csr, struct base_error *err)
{
    struct der_element text;
    TRY(der_next(values, &text, err));
    TRY(der_end(values, err));
    if (csr->challenge_storage.max != 0) {
        return base_fail(err, E_CSR_FORMAT, "two challengePassword attributes");
    }
    if (text.content.len > PKI_CHALLENGE_MAX) {
        return base_fail(err, E_TOO_LARGE, "a challengePassword of %zu octets", text.content.len);
    }
    buffer_init(&csr->challenge_storage, (size_t)4 * PKI_CHALLENGE_MAX);
    if (pki_string_to_utf8(&text, &csr->challenge_storage, err) != BASE_OK) {
        return base_fail(
            err, E_CSR_FORMAT, "a challengePassword that is no text, tag 0x%02x", text.tag);
    }
    csr->challenge = buffer_bytes(&csr->challenge_storage);
    csr->has_challenge = csr->challenge.len > 0;
    return BASE_OK;
}

/* Attributes come in any order (strongSwan does not sort them); unknown ones are passed over. */
static enum base_code
read_attributes(struct der_reader *info, struct pki_csr *csr, struct base_error *err)
{
    struct der_reader attributes;
    if (der_at_end(info)) {
        return BASE_OK; /* RFC 2986 wants the field; some clients leave it out when it would be
                           empty */
    }
    TRY(der_enter(info, DER_CONTEXT_CONSTRUCTED(0), &attributes, err));
    for (size_t count = 0; !der_at_end(&attributes); count++) {
        struct der_reader attribute;
        struct der_reader values;
        struct bytes oid;
        if (count == ATTRIBUTES_MAX) {
            return base_fail(err, E_TOO_LARGE, "more than %d attributes", ATTRIBUTES_MAX);
        }
        TRY(der_enter(&attributes, DER_SEQUENCE, &attribute, err));
        TRY(der_read_oid(&attribute, &oid, err));
        TRY(der_enter(&attribute, DER_SET, &values, err));
        TRY(der_end(&attribute, err));
        if (bytes_equal(oid, challenge_oid)) {
            TRY(read_challenge(&values, csr, err));
        } else if (bytes_equal(oid, extensions_oid) || bytes_equal(oid, ms_extensions_oid)) {
            TRY(read_extensions(&values, csr, err));
            TRY(der_end(&values, err));
        }
    }
    return BASE_OK;
}

static enum base_code
read_csr(struct bytes der, struct pki_csr *csr, struct base_error *err)
{
    struct der_reader outer = der_reader_over(der);
    struct der_reader request;
    struct der_reader info;
    struct der_element element;
    uint32_t version = 0;
    TRY(der_enter(&outer, DER_SEQUENCE, &request, err));
    TRY(der_end(&outer, err));
    TRY(der_expect(&request, DER_SEQUENCE, &element, err));
    csr->request_info = element.whole;
    TRY(der_enter_element(&request, &element, &info, err));
    TRY(der_read_uint(&info, &version, err));
    TRY(der_expect(&info, DER_SEQUENCE, &element, err));
    csr->subject = element.whole;
    TRY(der_expect(&info, DER_SEQUENCE, &element, err));
    csr->spki = element.whole;
    TRY(read_attributes(&info, csr, err));
    TRY(der_end(&info, err));
    TRY(pki_read_signature_algorithm(&request, &csr->algorithm, err));
    TRY(der_read_bit_octets(&request, &csr->signature, err));
    return der_end(&request, err);
}

enum base_code
pki_csr_read(struct bytes der, struct pki_csr *out, struct base_error *err)
{
    struct pki_csr csr = {.whole = der};
    enum base_code code = read_csr(der, &csr, err);
    if (code != BASE_OK) {
        pki_csr_clear(&csr);
        return code;
    }
    *out = csr;
    return BASE_OK;
}

enum base_code
pki_csr_verify(const struct pki_csr *csr, const struct pki_public_key *key, struct base_error *err)
{
    enum base_code code = pki_verify(key, &csr->algorithm, csr->request_info, csr->signature, err);
    return code == E_SIGNATURE ? base_fail(err, E_CSR_SIGNATURE, "the request's self-signature")
                               : code;
}
