#include "signer/body_check.h"

#include <inttypes.h>

#include "pki/name.h"
#include "pki/sid.h"
#include "signer/serials.h"

#include "base/banned.h"

#define EXTENSION_MAX 16 /* our profiles make 9 at most */

/* Content octets of the extensions that our profiles make. */
static const uint8_t subject_key_id[] = {0x55, 0x1d, 0x0e};
static const uint8_t key_usage[] = {0x55, 0x1d, 0x0f};
static const uint8_t subject_alt_name[] = {0x55, 0x1d, 0x11};
static const uint8_t basic_constraints[] = {0x55, 0x1d, 0x13};
static const uint8_t crl_distribution_points[] = {0x55, 0x1d, 0x1f};
static const uint8_t authority_key_id[] = {0x55, 0x1d, 0x23};
static const uint8_t ext_key_usage[] = {0x55, 0x1d, 0x25};
static const uint8_t authority_info_access[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x01};

static const struct bytes extensions_made[] = {
    {subject_key_id, sizeof(subject_key_id)},
    {key_usage, sizeof(key_usage)},
    {subject_alt_name, sizeof(subject_alt_name)},
    {basic_constraints, sizeof(basic_constraints)},
    {crl_distribution_points, sizeof(crl_distribution_points)},
    {authority_key_id, sizeof(authority_key_id)},
    {ext_key_usage, sizeof(ext_key_usage)},
    {authority_info_access, sizeof(authority_info_access)},
};

/* The fields of a TBSCertificate that pki_certificate_read_body() does not keep as they stand. */
struct body_parts {
    struct bytes algorithm;       /* AlgorithmIdentifier, whole */
    struct der_reader extensions; /* at the first of them */
};

MUST_CHECK static enum base_code
read_parts(struct bytes body_der, struct body_parts *out, struct base_error *err)
{
    struct der_reader outer = der_reader_over(body_der);
    struct der_reader fields;
    struct der_reader wrapped;
    struct der_element element;
    TRY(der_enter(&outer, DER_SEQUENCE, &fields, err));
    TRY(der_expect(&fields, DER_CONTEXT_CONSTRUCTED(0), &element, err)); /* version */
    TRY(der_expect(&fields, DER_INTEGER, &element, err));                /* serialNumber */
    TRY(der_expect(&fields, DER_SEQUENCE, &element, err));               /* signature */
    out->algorithm = element.whole;
    TRY(der_expect(&fields, DER_SEQUENCE, &element, err)); /* issuer */
    TRY(der_expect(&fields, DER_SEQUENCE, &element, err)); /* validity */
    TRY(der_expect(&fields, DER_SEQUENCE, &element, err)); /* subject */
    TRY(der_expect(&fields, DER_SEQUENCE, &element, err)); /* subjectPublicKeyInfo */
    /* issuerUniqueID and subjectUniqueID (RFC 5280: must not be made) fail here by their tags. */
    TRY(der_enter(&fields, DER_CONTEXT_CONSTRUCTED(3), &wrapped, err));
    TRY(der_end(&fields, err));
    TRY(der_enter(&wrapped, DER_SEQUENCE, &out->extensions, err));
    return der_end(&wrapped, err);
}

enum base_code
signer_body_read(struct bytes body_der, const struct signer_authority *authority,
    struct pki_certificate *out, struct base_error *err)
{
    struct pki_certificate body;
    struct body_parts parts;
    TRY(pki_certificate_read_body(body_der, &body, err));
    if (body.version != 3) {
        return base_fail(err, E_SIGNER_BODY, "version %d, want 3", body.version);
    }
    TRY(read_parts(body_der, &parts, err));
    if (body.serial.len != SIGNER_SERIAL_LEN || body.serial.ptr[0] < 1 ||
        body.serial.ptr[0] > 0x7f) {
        return base_fail(err, E_SIGNER_BODY,
            "a serial of %zu octets; want %d, the first of them 01 to 7f", body.serial.len,
            SIGNER_SERIAL_LEN);
    }
    if (!bytes_equal(body.issuer, authority->ca.read.subject)) {
        return base_fail(err, E_SIGNER_BODY, "the issuer is not the CA %s", authority->name);
    }
    if (!bytes_equal(
            parts.algorithm, (struct bytes){authority->algorithm_der, authority->algorithm_len})) {
        return base_fail(err, E_SIGNER_BODY, "the signature algorithm is not that of the CA %s",
            authority->name);
    }
    *out = body;
    return BASE_OK;
}

static bool
is_made(struct bytes oid)
{
    if (bytes_equal(oid, pki_sid_oid)) {
        return true; /* where the profile says so: check_sid() */
    }
    for (size_t i = 0; i < sizeof(extensions_made) / sizeof(extensions_made[0]); i++) {
        if (bytes_equal(oid, extensions_made[i])) {
            return true;
        }
    }
    return false;
}

/* One octet of named bits and no more: decipherOnly, in the second, is never made. */
MUST_CHECK static enum base_code
check_key_usage_form(struct bytes value, struct base_error *err)
{
    if (value.len != 4 || value.ptr[0] != DER_BIT_STRING || value.ptr[1] != 2) {
        return base_fail(err, E_SIGNER_BODY, "a keyUsage of more than one octet");
    }
    return BASE_OK;
}

/* Only extensions that our profiles make. */
MUST_CHECK static enum base_code
check_extensions(struct bytes body_der, struct base_error *err)
{
    struct body_parts parts;
    TRY(read_parts(body_der, &parts, err));
    for (int count = 0; !der_at_end(&parts.extensions); count++) {
        struct der_reader extension;
        struct der_element critical;
        struct der_element value;
        struct bytes oid = BYTES_NONE;
        bool is_there = false;
        TRY(der_enter(&parts.extensions, DER_SEQUENCE, &extension, err));
        TRY(der_read_oid(&extension, &oid, err));
        TRY(der_optional(&extension, DER_BOOLEAN, &critical, &is_there, err));
        TRY(der_expect(&extension, DER_OCTET_STRING, &value, err));
        if (!is_made(oid) || count == EXTENSION_MAX) {
            char text[64] = "";
            return base_fail(err, E_SIGNER_BODY, "an extension that no profile makes: %s",
                der_oid_text(oid, text, sizeof(text)));
        }
        if (bytes_equal(oid, BYTES_ARRAY(key_usage))) {
            TRY(check_key_usage_form(value.content, err));
        }
    }
    return BASE_OK;
}

MUST_CHECK static enum base_code
check_public_key(const struct pki_certificate *body, const struct signer_profile *profile,
    struct base_error *err)
{
    OWN_STRUCT(pki_public_key) key = NULL;
    TRY(pki_public_key_read(body->spki, &key, err));
    bool is_rsa = pki_public_key_type(key) == PKI_KEY_RSA;
    if ((is_rsa && !profile->allow_rsa) || (!is_rsa && !profile->allow_ec)) {
        return base_fail(err, E_SIGNER_BODY, "profile %s takes no %s keys", profile->name,
            is_rsa ? "RSA" : "EC");
    }
    return pki_public_key_check(key, profile->min_rsa_bits, profile->max_rsa_bits, err);
}

MUST_CHECK static enum base_code
check_names(const struct pki_certificate *body, const struct signer_profile *profile,
    struct base_error *err)
{
    TRY(pki_name_check(body->subject, err));
    if (pki_name_is_empty(body->subject) &&
        (!profile->allow_empty_subject || body->sans.len == 0)) {
        return base_fail(err, E_SIGNER_BODY, "an empty subject%s",
            profile->allow_empty_subject ? " and no alternative name" : "");
    }
    return body->sans.len > 0 ? pki_sans_check(body->sans, profile->san_types, err) : BASE_OK;
}

MUST_CHECK static enum base_code
check_usages(const struct pki_certificate *body, const struct signer_profile *profile,
    struct base_error *err)
{
    unsigned beyond = body->key_usage & ~(unsigned)profile->key_usage;
    if (body->has_key_usage != (profile->key_usage != 0) || beyond != 0 ||
        (body->has_key_usage && body->key_usage == 0)) {
        return base_fail(err, E_SIGNER_BODY, "keyUsage %02x, profile %s allows %02x",
            (unsigned)body->key_usage, profile->name, (unsigned)profile->key_usage);
    }
    /* No extended key usage at all would mean every usage. */
    if ((body->ekus.len > 0) != (profile->ekus[0] != '\0')) {
        return base_fail(err, E_SIGNER_BODY, "extendedKeyUsage is %s, unlike in profile %s",
            body->ekus.len > 0 ? "there" : "missing", profile->name);
    }
    struct der_reader reader = der_reader_over(body->ekus);
    while (!der_at_end(&reader)) {
        struct bytes oid = BYTES_NONE;
        char text[128] = "";
        TRY(der_read_oid(&reader, &oid, err));
        if (!signer_profile_has_eku(profile, der_oid_text(oid, text, sizeof(text)))) {
            return base_fail(err, E_SIGNER_BODY, "extendedKeyUsage %s is not in profile %s", text,
                profile->name);
        }
    }
    return BASE_OK;
}

/* Whose account a certificate opens in a domain is never the asker's choice alone. */
MUST_CHECK static enum base_code
check_sid(const struct pki_certificate *body, const struct signer_profile *profile,
    struct base_error *err)
{
    struct base_error why;
    if (!body->has_sid) {
        return BASE_OK;
    }
    if (!profile->allow_sid) {
        return base_fail(
            err, E_SIGNER_BODY, "a SID extension, which profile %s does not allow", profile->name);
    }
    if (body->is_sid_critical || pki_sid_check(body->sid, NULL, &why) != BASE_OK) {
        return base_fail(err, E_SIGNER_BODY, "a SID extension in another form: %s",
            body->is_sid_critical ? "critical" : why.detail);
    }
    return BASE_OK;
}

enum base_code
signer_body_check(const struct pki_certificate *body, struct bytes body_der,
    const struct signer_authority *authority, const struct signer_profile *profile,
    struct base_error *err)
{
    TRY(check_extensions(body_der, err));
    if (!body->has_basic_constraints || body->is_ca || body->path_len >= 0) {
        return base_fail(err, E_SIGNER_BODY, "basicConstraints is not CA:FALSE");
    }
    TRY(check_usages(body, profile, err));
    TRY(check_sid(body, profile, err));
    TRY(check_names(body, profile, err));
    TRY(signer_body_check_foreign(body, authority, err));
    struct bytes ca_key_id = authority->ca.read.subject_key_id;
    if (ca_key_id.len > 0 && !bytes_equal(body->authority_key_id, ca_key_id)) {
        return base_fail(err, E_SIGNER_BODY, "authorityKeyIdentifier is not the CA's");
    }
    return check_public_key(body, profile, err);
}

enum base_code
signer_body_check_foreign(const struct pki_certificate *body,
    const struct signer_authority *authority, struct base_error *err)
{
    OWN_STRUCT(pki_public_key) key = NULL;
    if (signer_authority_owns_name(authority, body->subject)) {
        return base_fail(
            err, E_SIGNER_BODY, "the subject is a name of the CA %s or its RA", authority->name);
    }
    TRY(pki_public_key_read(body->spki, &key, err));
    if (signer_authority_owns_key(authority, key)) {
        return base_fail(
            err, E_SIGNER_BODY, "the key is one of the CA %s or its RA", authority->name);
    }
    return BASE_OK;
}

enum base_code
signer_body_check_time(const struct pki_certificate *body, const struct signer_authority *authority,
    const struct signer_profile *profile, int64_t now_s, struct base_error *err)
{
    const struct pki_certificate *ca = &authority->ca.read;
    if (signer_serial_ms(body->serial) / 1000 > now_s + SIGNER_AHEAD_MAX_S) {
        return base_fail(err, E_SIGNER_CLOCK, "the time in the serial is ahead of the clock");
    }
    if (body->not_before_s < now_s - profile->backdate_s - SIGNER_WAIT_MAX_S ||
        body->not_before_s > now_s + SIGNER_AHEAD_MAX_S) {
        return base_fail(err, E_SIGNER_CLOCK,
            "notBefore is %" PRId64 " s from now, profile %s back-dates by %" PRId64 " s",
            body->not_before_s - now_s, profile->name, profile->backdate_s);
    }
    if (body->not_after_s <= body->not_before_s || body->not_after_s <= now_s ||
        body->not_after_s > now_s + profile->valid_s + SIGNER_AHEAD_MAX_S) {
        return base_fail(err, E_SIGNER_BODY,
            "notAfter is %" PRId64 " s from now, profile %s allows %" PRId64 " s",
            body->not_after_s - now_s, profile->name, profile->valid_s);
    }
    if (body->not_before_s < ca->not_before_s || body->not_after_s > ca->not_after_s) {
        return base_fail(
            err, E_SIGNER_BODY, "the validity is not within that of the CA %s", authority->name);
    }
    return BASE_OK;
}
