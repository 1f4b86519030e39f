#include "pki/certificate.h"

#include <string.h>

#include "der/writer.h"
#include "pki/sid.h"

#include "base/banned.h"

#define EXTENSIONS_MAX 64

/* ---- reading
 * ----------------------------------------------------------------------------------------------------
 */

static enum base_code
read_key_usage(struct bytes value, struct pki_certificate *out, struct base_error *err)
{
    struct der_reader reader = der_reader_over(value);
    struct der_element bits;
    TRY(der_expect(&reader, DER_BIT_STRING, &bits, err));
    TRY(der_end(&reader, err));
    if (bits.content.len < 2 || bits.content.len > 3 || bits.content.ptr[0] > 7) {
        return base_fail(err, E_CERTIFICATE_FORMAT, "keyUsage");
    }
    out->has_key_usage = true;
    out->key_usage = bits.content.ptr[1];
    return BASE_OK;
}

static enum base_code
read_basic_constraints(struct bytes value, struct pki_certificate *out, struct base_error *err)
{
    struct der_reader reader = der_reader_over(value);
    struct der_reader inside;
    TRY(der_enter(&reader, DER_SEQUENCE, &inside, err));
    TRY(der_end(&reader, err));
    out->has_basic_constraints = true;
    if (der_peek_tag(&inside) == DER_BOOLEAN) {
        TRY(der_read_bool(&inside, &out->is_ca, err));
    }
    if (der_peek_tag(&inside) == DER_INTEGER) {
        uint32_t path_len = 0;
        TRY(der_read_uint(&inside, &path_len, err));
        out->path_len = path_len > 1000 ? 1000 : (int)path_len;
    }
    return der_end(&inside, err);
}

static enum base_code
read_whole_sequence(struct bytes value, bool is_content, struct bytes *out, struct base_error *err)
{
    struct der_reader reader = der_reader_over(value);
    struct der_element element;
    TRY(der_expect(&reader, DER_SEQUENCE, &element, err));
    TRY(der_end(&reader, err));
    *out = is_content ? element.content : element.whole;
    return BASE_OK;
}

static enum base_code
read_subject_key_id(struct bytes value, struct pki_certificate *out, struct base_error *err)
{
    struct der_reader reader = der_reader_over(value);
    struct der_element element;
    TRY(der_expect(&reader, DER_OCTET_STRING, &element, err));
    out->subject_key_id = element.content;
    return der_end(&reader, err);
}

static enum base_code
read_authority_key_id_of(struct bytes value, struct bytes *out, struct base_error *err)
{
    struct der_reader reader = der_reader_over(value);
    struct der_reader inside;
    struct der_element element;
    bool is_found = false;
    TRY(der_enter(&reader, DER_SEQUENCE, &inside, err));
    TRY(der_end(&reader, err));
    TRY(der_optional(&inside, DER_CONTEXT(0), &element, &is_found, err));
    if (is_found) {
        *out = element.content;
    }
    return BASE_OK;
}

/* id-ce extensions are 2.5.29.N: one octet tells them apart. */
enum {
    CE_SUBJECT_KEY_ID = 14,
    CE_KEY_USAGE = 15,
    CE_SAN = 17,
    CE_BASIC_CONSTRAINTS = 19,
    CE_CRL_NUMBER = 20,
    CE_CRL_POINTS = 31,
    CE_AUTHORITY_KEY_ID = 35,
    CE_EKU = 37
};

static enum base_code
take_extension(struct bytes oid, bool is_critical, struct bytes value, struct pki_certificate *out,
    struct base_error *err)
{
    unsigned number = oid.len == 3 && oid.ptr[0] == 0x55 && oid.ptr[1] == 0x1d ? oid.ptr[2] : 0;
    switch (number) {
    case CE_SUBJECT_KEY_ID:
        return read_subject_key_id(value, out, err);
    case CE_KEY_USAGE:
        return read_key_usage(value, out, err);
    case CE_SAN:
        return read_whole_sequence(value, false, &out->sans, err);
    case CE_BASIC_CONSTRAINTS:
        return read_basic_constraints(value, out, err);
    case CE_AUTHORITY_KEY_ID:
        return read_authority_key_id_of(value, &out->authority_key_id, err);
    case CE_EKU:
        return read_whole_sequence(value, true, &out->ekus, err);
    default:
        break;
    }
    if (bytes_equal(oid, pki_sid_oid)) {
        out->has_sid = true;
        out->is_sid_critical = is_critical;
        out->sid = value;
        return BASE_OK;
    }
    out->has_unknown_critical = out->has_unknown_critical || is_critical;
    return BASE_OK;
}

static enum base_code
read_extensions(struct der_reader *body, struct pki_certificate *out, struct base_error *err)
{
    struct der_reader wrapper;
    struct der_reader extensions;
    struct bytes seen[EXTENSIONS_MAX];
    size_t count = 0;
    if (der_peek_tag(body) != DER_CONTEXT_CONSTRUCTED(3)) {
        return BASE_OK;
    }
    TRY(der_enter(body, DER_CONTEXT_CONSTRUCTED(3), &wrapper, err));
    TRY(der_enter(&wrapper, DER_SEQUENCE, &extensions, err));
    TRY(der_end(&wrapper, err));
    while (!der_at_end(&extensions)) {
        struct der_reader extension;
        struct der_element value;
        struct bytes oid;
        bool is_critical = false;
        TRY(der_enter(&extensions, DER_SEQUENCE, &extension, err));
        TRY(der_read_oid(&extension, &oid, err));
        if (der_peek_tag(&extension) == DER_BOOLEAN) {
            TRY(der_read_bool(&extension, &is_critical, err));
        }
        TRY(der_expect(&extension, DER_OCTET_STRING, &value, err));
        TRY(der_end(&extension, err));
        for (size_t i = 0; i < count; i++) {
            if (bytes_equal(seen[i], oid)) {
                return base_fail(err, E_CERTIFICATE_FORMAT, "two extensions of one type");
            }
        }
        if (count == EXTENSIONS_MAX) {
            return base_fail(err, E_CERTIFICATE_FORMAT, "more than %d extensions", EXTENSIONS_MAX);
        }
        seen[count++] = oid;
        TRY(take_extension(oid, is_critical, value.content, out, err));
    }
    return BASE_OK;
}

static enum base_code
read_version(struct der_reader *body, int *out_version, struct base_error *err)
{
    struct der_reader wrapper;
    uint32_t number = 0;
    *out_version = 1;
    if (der_peek_tag(body) != DER_CONTEXT_CONSTRUCTED(0)) {
        return BASE_OK;
    }
    TRY(der_enter(body, DER_CONTEXT_CONSTRUCTED(0), &wrapper, err));
    TRY(der_read_uint(&wrapper, &number, err));
    if (number > 2) {
        return base_fail(err, E_CERTIFICATE_FORMAT, "version %u", number + 1);
    }
    *out_version = (int)number + 1;
    return der_end(&wrapper, err);
}

/* Between subjectPublicKeyInfo and extensions: the unique identifiers that nobody has. */
static enum base_code
skip_unique_ids(struct der_reader *body, struct base_error *err)
{
    for (uint8_t n = 1; n <= 2; n++) {
        struct der_element element;
        bool is_found = false;
        TRY(der_optional(body, (uint8_t)DER_CONTEXT(n), &element, &is_found, err));
    }
    return BASE_OK;
}

static enum base_code
read_body(const struct der_element *element, struct pki_certificate *out, struct base_error *err)
{
    struct der_reader parent = der_reader_over(element->whole);
    struct der_reader body;
    struct der_reader validity;
    struct der_element item;
    out->body = element->whole;
    out->path_len = -1;
    TRY(der_enter_element(&parent, element, &body, err));
    TRY(read_version(&body, &out->version, err));
    TRY(der_expect(&body, DER_INTEGER, &item, err));
    if (item.content.len == 0 || item.content.len > 64) {
        return base_fail(
            err, E_CERTIFICATE_FORMAT, "a serial number of %zu octets", item.content.len);
    }
    out->serial = item.content;
    TRY(pki_read_signature_algorithm(&body, &out->algorithm, err));
    TRY(der_expect(&body, DER_SEQUENCE, &item, err));
    out->issuer = item.whole;
    TRY(der_enter(&body, DER_SEQUENCE, &validity, err));
    TRY(der_read_time(&validity, &out->not_before_s, err));
    TRY(der_read_time(&validity, &out->not_after_s, err));
    TRY(der_end(&validity, err));
    TRY(der_expect(&body, DER_SEQUENCE, &item, err));
    out->subject = item.whole;
    TRY(der_expect(&body, DER_SEQUENCE, &item, err));
    out->spki = item.whole;
    TRY(skip_unique_ids(&body, err));
    TRY(read_extensions(&body, out, err));
    return der_end(&body, err);
}

enum base_code
pki_certificate_read_body(
    struct bytes body_der, struct pki_certificate *out, struct base_error *err)
{
    struct der_reader outer = der_reader_over(body_der);
    struct der_element element;
    struct pki_certificate certificate = {.version = 0};
    TRY(der_expect(&outer, DER_SEQUENCE, &element, err));
    TRY(der_end(&outer, err));
    TRY(read_body(&element, &certificate, err));
    *out = certificate;
    return BASE_OK;
}

enum base_code
pki_certificate_read(struct bytes der, struct pki_certificate *out, struct base_error *err)
{
    struct der_reader outer = der_reader_over(der);
    struct der_reader inside;
    struct der_element body;
    struct der_element algorithm;
    struct pki_signature_algorithm outer_algorithm;
    struct pki_certificate certificate = {.version = 0};
    TRY(der_enter(&outer, DER_SEQUENCE, &inside, err));
    TRY(der_end(&outer, err));
    TRY(der_expect(&inside, DER_SEQUENCE, &body, err));
    TRY(read_body(&body, &certificate, err));
    struct der_reader at_algorithm = inside;
    TRY(der_expect(&inside, DER_SEQUENCE, &algorithm, err));
    TRY(pki_read_signature_algorithm(&at_algorithm, &outer_algorithm, err));
    if (outer_algorithm.kind != certificate.algorithm.kind ||
        outer_algorithm.digest != certificate.algorithm.digest) {
        return base_fail(err, E_CERTIFICATE_FORMAT, "two signature algorithms that differ");
    }
    TRY(der_read_bit_octets(&inside, &certificate.signature, err));
    TRY(der_end(&inside, err));
    certificate.whole = der;
    certificate.algorithm_der = algorithm.whole;
    *out = certificate;
    return BASE_OK;
}

enum base_code
pki_certificate_verify(const struct pki_certificate *certificate,
    const struct pki_public_key *issuer_key, struct base_error *err)
{
    return pki_verify(
        issuer_key, &certificate->algorithm, certificate->body, certificate->signature, err);
}

enum base_code
pki_certificate_check_issuer(const struct pki_certificate *certificate,
    const struct pki_certificate *issuer, struct base_error *err)
{
    if (!bytes_equal(certificate->issuer, issuer->subject)) {
        return base_fail(err, E_CHAIN, "the issuer's name is another");
    }
    if (certificate->authority_key_id.len > 0 && issuer->subject_key_id.len > 0 &&
        !bytes_equal(certificate->authority_key_id, issuer->subject_key_id)) {
        return base_fail(err, E_CHAIN, "the issuer's key identifier is another");
    }
    if (!issuer->is_ca || (issuer->has_key_usage && (issuer->key_usage & PKI_KEY_CERT_SIGN) == 0)) {
        return base_fail(err, E_CHAIN, "the issuer is no CA");
    }
    OWN_STRUCT(pki_public_key) key = NULL;
    TRY(pki_public_key_read(issuer->spki, &key, err));
    if (pki_certificate_verify(certificate, key, err) != BASE_OK) {
        return base_fail(err, E_CHAIN, "the issuer's key does not verify the signature");
    }
    return BASE_OK;
}

/* ---- building
 * ---------------------------------------------------------------------------------------------------
 */

static void
begin_extension(struct der_writer *writer, const char *dotted, bool is_critical)
{
    der_write_begin(writer, DER_SEQUENCE);
    der_write_oid_text(writer, dotted);
    if (is_critical) {
        der_write_bool(writer, true);
    }
    der_write_begin(writer, DER_OCTET_STRING);
}

static void
end_extension(struct der_writer *writer)
{
    der_write_end(writer);
    der_write_end(writer);
}

static void
write_ekus(struct der_writer *writer, struct bytes lines)
{
    begin_extension(writer, "2.5.29.37", false);
    der_write_begin(writer, DER_SEQUENCE);
    while (lines.len > 0) {
        char dotted[128] = "";
        const uint8_t *end = memchr(lines.ptr, '\n', lines.len);
        size_t len = end == NULL ? lines.len : (size_t)(end - lines.ptr);
        memcpy(dotted, lines.ptr, len < sizeof(dotted) ? len : sizeof(dotted) - 1);
        if (len > 0) {
            der_write_oid_text(writer, dotted);
        }
        lines = bytes_skip(lines, end == NULL ? len : len + 1);
    }
    der_write_end(writer);
    end_extension(writer);
}

static void
write_uri(struct der_writer *writer, struct bytes url)
{
    der_write(writer, DER_CONTEXT(6), url);
}

static void
write_locations(struct der_writer *writer, const struct pki_body_spec *spec)
{
    if (spec->crl_url.len > 0) {
        begin_extension(writer, "2.5.29.31", false);
        der_write_begin(writer, DER_SEQUENCE);
        der_write_begin(writer, DER_SEQUENCE);
        der_write_begin(writer, DER_CONTEXT_CONSTRUCTED(0)); /* distributionPoint */
        der_write_begin(writer, DER_CONTEXT_CONSTRUCTED(0)); /* fullName */
        write_uri(writer, spec->crl_url);
        der_write_end(writer);
        der_write_end(writer);
        der_write_end(writer);
        der_write_end(writer);
        end_extension(writer);
    }
    if (spec->ca_issuers_url.len > 0) {
        begin_extension(writer, "1.3.6.1.5.5.7.1.1", false);
        der_write_begin(writer, DER_SEQUENCE);
        der_write_begin(writer, DER_SEQUENCE);
        der_write_oid_text(writer, "1.3.6.1.5.5.7.48.2");
        write_uri(writer, spec->ca_issuers_url);
        der_write_end(writer);
        der_write_end(writer);
        end_extension(writer);
    }
}

static void
write_authority_key_id(struct der_writer *writer, struct bytes key_id)
{
    begin_extension(writer, "2.5.29.35", false);
    der_write_begin(writer, DER_SEQUENCE);
    der_write(writer, DER_CONTEXT(0), key_id);
    der_write_end(writer);
    end_extension(writer);
}

static void
write_extensions(
    struct der_writer *writer, const struct pki_body_spec *spec, struct bytes subject_key_id)
{
    der_write_begin(writer, DER_CONTEXT_CONSTRUCTED(3));
    der_write_begin(writer, DER_SEQUENCE);
    begin_extension(writer, "2.5.29.19", true);
    der_write_begin(writer, DER_SEQUENCE);
    if (spec->is_ca) {
        der_write_bool(writer, true);
        if (spec->path_len >= 0) {
            der_write_uint(writer, (uint64_t)spec->path_len);
        }
    }
    der_write_end(writer);
    end_extension(writer);
    if (spec->key_usage != 0) {
        begin_extension(writer, "2.5.29.15", true);
        der_write_named_bits(writer, spec->key_usage);
        end_extension(writer);
    }
    if (spec->ekus_text.len > 0) {
        write_ekus(writer, spec->ekus_text);
    }
    begin_extension(writer, "2.5.29.14", false);
    der_write(writer, DER_OCTET_STRING, subject_key_id);
    end_extension(writer);
    if (spec->authority_key_id.len > 0) {
        write_authority_key_id(writer, spec->authority_key_id);
    }
    if (spec->sans_der.len > 0) {
        begin_extension(writer, "2.5.29.17", spec->subject_der.len <= 2);
        der_write_raw(writer, spec->sans_der);
        end_extension(writer);
    }
    write_locations(writer, spec);
    if (spec->sid.len > 0) {
        begin_extension(writer, PKI_SID_EXTENSION, false);
        der_write_raw(writer, spec->sid);
        end_extension(writer);
    }
    der_write_end(writer);
    der_write_end(writer);
}

/* RFC 5280, section 4.2.1.2, method 1: SHA-1 over the key's bits. */
static enum base_code
make_key_id(struct bytes spki, uint8_t out[PKI_DIGEST_MAX], struct base_error *err)
{
    struct der_reader outer = der_reader_over(spki);
    struct der_reader info;
    struct der_element algorithm;
    struct bytes bits;
    TRY(der_enter(&outer, DER_SEQUENCE, &info, err));
    TRY(der_expect(&info, DER_SEQUENCE, &algorithm, err));
    TRY(der_read_bit_octets(&info, &bits, err));
    return pki_digest(PKI_SHA1, bits, out, err);
}

enum base_code
pki_body_build(const struct pki_body_spec *spec, struct buffer *out_der, struct base_error *err)
{
    uint8_t key_id[PKI_DIGEST_MAX];
    struct bytes subject_key_id = spec->subject_key_id;
    if (subject_key_id.len == 0) {
        TRY(make_key_id(spec->spki_der, key_id, err));
        subject_key_id = (struct bytes){key_id, 20};
    }
    struct der_writer writer;
    der_writer_init(&writer, out_der);
    der_write_begin(&writer, DER_SEQUENCE);
    der_write_begin(&writer, DER_CONTEXT_CONSTRUCTED(0));
    der_write_uint(&writer, 2);
    der_write_end(&writer);
    der_write_unsigned(&writer, spec->serial);
    pki_write_signature_algorithm(&writer, spec->signature, spec->digest);
    der_write_raw(&writer, spec->issuer_der);
    der_write_begin(&writer, DER_SEQUENCE);
    der_write_time(&writer, spec->not_before_s);
    der_write_time(&writer, spec->not_after_s);
    der_write_end(&writer);
    der_write_raw(&writer, spec->subject_der);
    der_write_raw(&writer, spec->spki_der);
    write_extensions(&writer, spec, subject_key_id);
    der_write_end(&writer);
    return der_writer_finish(&writer, err);
}

enum base_code
pki_certificate_assemble(struct bytes body_der, enum pki_signature signature,
    enum pki_digest digest, struct bytes signature_octets, struct buffer *out_der,
    struct base_error *err)
{
    struct der_writer writer;
    der_writer_init(&writer, out_der);
    der_write_begin(&writer, DER_SEQUENCE);
    der_write_raw(&writer, body_der);
    pki_write_signature_algorithm(&writer, signature, digest);
    der_write_bit_octets(&writer, signature_octets);
    der_write_end(&writer);
    return der_writer_finish(&writer, err);
}

/* ---- revocation lists
 * ------------------------------------------------------------------------------------------- */

static void
write_revoked(struct der_writer *writer, const struct pki_revoked *revoked)
{
    der_write_begin(writer, DER_SEQUENCE);
    der_write_unsigned(writer, revoked->serial);
    der_write_time(writer, revoked->at_s);
    if (revoked->reason != 0) {
        der_write_begin(writer, DER_SEQUENCE);
        begin_extension(writer, "2.5.29.21", false);
        der_write(writer, DER_ENUMERATED, (struct bytes){&revoked->reason, 1});
        end_extension(writer);
        der_write_end(writer);
    }
    der_write_end(writer);
}

/*
 * The list of entries in a buffer of its own: closing a value moves its content, and a list of a
 * million entries should move once.
 */
static enum base_code
write_entries(const struct pki_crl_spec *spec, struct buffer *out, struct base_error *err)
{
    struct der_writer writer;
    der_writer_init(&writer, out);
    for (size_t i = 0; i < spec->revoked_count; i++) {
        write_revoked(&writer, &spec->revoked[i]);
    }
    return der_writer_finish(&writer, err);
}

enum base_code
pki_crl_body_build(const struct pki_crl_spec *spec, struct buffer *out_der, struct base_error *err)
{
    BUFFER_LOCAL(entries, out_der->max);
    struct der_writer writer;
    TRY(write_entries(spec, &entries, err));
    der_writer_init(&writer, out_der);
    der_write_begin(&writer, DER_SEQUENCE);
    der_write_uint(&writer, 1); /* version 2 */
    pki_write_signature_algorithm(&writer, spec->signature, spec->digest);
    der_write_raw(&writer, spec->issuer_der);
    der_write_time(&writer, spec->this_update_s);
    der_write_time(&writer, spec->next_update_s);
    if (entries.len > 0) {
        der_write(&writer, DER_SEQUENCE, buffer_bytes(&entries));
    }
    der_write_begin(&writer, DER_CONTEXT_CONSTRUCTED(0));
    der_write_begin(&writer, DER_SEQUENCE);
    write_authority_key_id(&writer, spec->authority_key_id);
    begin_extension(&writer, "2.5.29.20", false);
    der_write_uint(&writer, spec->number);
    end_extension(&writer);
    der_write_end(&writer);
    der_write_end(&writer);
    der_write_end(&writer);
    return der_writer_finish(&writer, err);
}

static enum base_code
read_crl_extension(struct der_reader *extensions, struct pki_crl *out, struct base_error *err)
{
    struct der_reader extension;
    struct der_element value;
    struct bytes oid;
    bool is_critical = false;
    TRY(der_enter(extensions, DER_SEQUENCE, &extension, err));
    TRY(der_read_oid(&extension, &oid, err));
    if (der_peek_tag(&extension) == DER_BOOLEAN) {
        TRY(der_read_bool(&extension, &is_critical, err));
    }
    TRY(der_expect(&extension, DER_OCTET_STRING, &value, err));
    if (bytes_equal(oid, BYTES_LITERAL("\x55\x1d\x14"))) {
        struct der_reader number = der_reader_over(value.content);
        TRY(der_read_unsigned(&number, &out->number, err));
        return der_end(&number, err);
    }
    if (bytes_equal(oid, BYTES_LITERAL("\x55\x1d\x23"))) {
        return read_authority_key_id_of(value.content, &out->authority_key_id, err);
    }
    return base_fail(err, E_CERTIFICATE_FORMAT, "a CRL extension that is not ours");
}

enum base_code
pki_crl_read_body(struct bytes body_der, struct pki_crl *out, struct base_error *err)
{
    struct der_reader outer = der_reader_over(body_der);
    struct der_reader body;
    struct der_reader wrapper;
    struct der_reader extensions;
    struct der_element element;
    struct pki_signature_algorithm algorithm;
    struct pki_crl crl = {.body = body_der};
    uint32_t version = 0;
    bool is_found = false;
    TRY(der_enter(&outer, DER_SEQUENCE, &body, err));
    TRY(der_end(&outer, err));
    TRY(der_read_uint(&body, &version, err));
    if (version != 1) {
        return base_fail(err, E_CERTIFICATE_FORMAT, "a CRL of version %u", version + 1);
    }
    TRY(pki_read_signature_algorithm(&body, &algorithm, err));
    TRY(der_expect(&body, DER_SEQUENCE, &element, err));
    crl.issuer = element.whole;
    TRY(der_read_time(&body, &crl.this_update_s, err));
    TRY(der_read_time(&body, &crl.next_update_s, err));
    TRY(der_optional(&body, DER_SEQUENCE, &element, &is_found, err));
    TRY(der_enter(&body, DER_CONTEXT_CONSTRUCTED(0), &wrapper, err));
    TRY(der_end(&body, err));
    TRY(der_enter(&wrapper, DER_SEQUENCE, &extensions, err));
    while (!der_at_end(&extensions)) {
        TRY(read_crl_extension(&extensions, &crl, err));
    }
    *out = crl;
    return BASE_OK;
}
