#include "signer/make_authority.h"

#include <string.h>

#include "pki/name.h"
#include "signer/ra_name.h"

#include "base/banned.h"

#define BODY_MAX ((size_t)IPC_BODY_MAX)
#define CERTIFICATE_MAX ((size_t)IPC_CERTIFICATE_MAX)
#define DERS_MAX ((size_t)64 * 1024)
#define VALID_MIN_S ((int64_t)86400)
#define YEAR_9999_S ((int64_t)253402300799) /* RFC 5280, section 4.1.2.5 ends there */
#define RA_KEY "rsa:2048"
#define RA_EKU "1.3.6.1.4.1.311.20.2.1" /* Certificate Request Agent */
#define ROOT_PATH_LEN 0                 /* it issues end entities only */

enum base_code
signer_make_serial(
    const struct signer_maker *maker, uint8_t out[SIGNER_SERIAL_LEN], struct base_error *err)
{
    uint64_t now_ms = (uint64_t)base_clock_now_ms(&maker->clock);
    for (size_t i = 0; i < SIGNER_SERIAL_TIME_LEN; i++) {
        out[i] = (uint8_t)(now_ms >> (8 * (SIGNER_SERIAL_TIME_LEN - 1 - i)));
    }
    if (out[0] < 1 || out[0] > 0x7f) {
        return base_fail(err, E_SIGNER_CLOCK, "the clock is outside the years of serial numbers");
    }
    return base_random_fill(&maker->random, out + SIGNER_SERIAL_TIME_LEN,
        SIGNER_SERIAL_LEN - SIGNER_SERIAL_TIME_LEN, err);
}

/* Build a body, sign it with the CA's key, keep the certificate. */
MUST_CHECK static enum base_code
issue(const struct signer_authority *authority, const struct pki_body_spec *spec,
    struct signer_certificate *out, struct base_error *err)
{
    BUFFER_LOCAL(body, BODY_MAX);
    BUFFER_LOCAL(der, CERTIFICATE_MAX);
    TRY(pki_body_build(spec, &body, err));
    TRY(pki_certificate_sign(authority->key, authority->digest, buffer_bytes(&body), &der, err));
    return signer_certificate_set(out, buffer_bytes(&der), err);
}

MUST_CHECK static enum base_code
make_ra(
    const struct signer_maker *maker, struct signer_authority *authority, struct base_error *err)
{
    const struct pki_certificate *ca = &authority->ca.read;
    int64_t now_s = base_clock_now_s(&maker->clock);
    int64_t begin_s = now_s - SIGNER_BACKDATE_MAX_S;
    uint8_t serial[SIGNER_SERIAL_LEN];
    BUFFER_LOCAL(subject, IPC_SUBJECT_MAX);
    TRY(signer_make_serial(maker, serial, err));
    TRY(signer_ra_name(ca->subject, &subject, err));
    TRY(pki_private_key_generate(BYTES_LITERAL(RA_KEY), &authority->ra_key, err));
    const struct pki_body_spec spec = {.serial = BYTES_ARRAY(serial),
        .signature = authority->signature,
        .digest = authority->digest,
        .issuer_der = ca->subject,
        .not_before_s = begin_s > ca->not_before_s ? begin_s : ca->not_before_s,
        .not_after_s = ca->not_after_s,
        .subject_der = buffer_bytes(&subject),
        .spki_der = pki_private_key_peek_spki(authority->ra_key),
        .path_len = -1,
        .key_usage = PKI_DIGITAL_SIGNATURE | PKI_KEY_ENCIPHERMENT,
        .ekus_text = BYTES_LITERAL(RA_EKU),
        .authority_key_id = ca->subject_key_id};
    return issue(authority, &spec, &authority->ra, err);
}

MUST_CHECK static enum base_code
check_order(const struct ipc_create_ca *order, int64_t now_s, struct buffer *out_subject,
    struct base_error *err)
{
    if (order->valid_s < VALID_MIN_S || order->valid_s > SIGNER_VALID_MAX_S ||
        now_s > YEAR_9999_S - order->valid_s || now_s < SIGNER_NOT_BEFORE_S) {
        return base_fail(err, E_CA_UNSUITABLE,
            "a CA is valid for at least a day and at most 50 years, and the clock must be right");
    }
    TRY(pki_name_from_text(order->subject, out_subject, err));
    TRY(pki_name_check(buffer_bytes(out_subject), err));
    if (pki_name_is_empty(buffer_bytes(out_subject))) {
        return base_fail(err, E_CA_UNSUITABLE, "a CA needs a name");
    }
    return BASE_OK;
}

enum base_code
signer_authority_create(const struct signer_maker *maker, const struct ipc_create_ca *order,
    struct signer_authority **out, struct base_error *err)
{
    OWN_STRUCT(signer_authority) authority = NULL;
    struct pki_private_key *key = NULL;
    BUFFER_LOCAL(subject, IPC_SUBJECT_MAX);
    uint8_t serial[SIGNER_SERIAL_LEN];
    int64_t now_s = base_clock_now_s(&maker->clock);
    TRY(check_order(order, now_s, &subject, err));
    TRY(signer_authority_new(order->ca, &authority, err));
    TRY(signer_make_serial(maker, serial, err));
    TRY(pki_private_key_generate(order->key_spec, &key, err));
    TRY(signer_authority_set_key(authority, MOVE(key), err));
    const struct pki_body_spec spec = {.serial = BYTES_ARRAY(serial),
        .signature = authority->signature,
        .digest = authority->digest,
        .issuer_der = buffer_bytes(&subject),
        .not_before_s = now_s - SIGNER_BACKDATE_MAX_S,
        .not_after_s = now_s + order->valid_s,
        .subject_der = buffer_bytes(&subject),
        .spki_der = pki_private_key_peek_spki(authority->key),
        .is_ca = true,
        .path_len = ROOT_PATH_LEN,
        .key_usage = PKI_DIGITAL_SIGNATURE | PKI_KEY_CERT_SIGN | PKI_CRL_SIGN};
    TRY(issue(authority, &spec, &authority->ca, err));
    TRY(make_ra(maker, authority, err));
    TRY(signer_authority_check(authority, err));
    *out = MOVE(authority);
    return BASE_OK;
}

MUST_CHECK static enum base_code
check_time(const struct pki_certificate *certificate, int64_t now_s, const char *whose,
    struct base_error *err)
{
    if (now_s < certificate->not_before_s || now_s >= certificate->not_after_s) {
        char begin[BASE_TIME_TEXT_LEN] = "";
        char end[BASE_TIME_TEXT_LEN] = "";
        base_time_text(certificate->not_before_s, begin);
        base_time_text(certificate->not_after_s, end);
        return base_fail(err, E_CA_UNSUITABLE, "the %s is valid from %s to %s, which is not now",
            whose, begin, end);
    }
    return BASE_OK;
}

/* The certificate of @ders (back to back) that issued @below; E_CA_UNSUITABLE when none did. */
MUST_CHECK static enum base_code
take_issuer(const struct pki_certificate *below, struct bytes ders, struct signer_certificate *out,
    struct base_error *err)
{
    struct der_reader reader = der_reader_over(ders);
    while (!der_at_end(&reader)) {
        struct der_element element;
        struct pki_certificate candidate;
        struct base_error ignored = {0};
        TRY(der_expect(&reader, DER_SEQUENCE, &element, err));
        TRY(pki_certificate_read(element.whole, &candidate, err));
        if (pki_certificate_check_issuer(below, &candidate, &ignored) == BASE_OK) {
            return signer_certificate_set(out, element.whole, err);
        }
    }
    BUFFER_LOCAL(name, IPC_TEXT_MAX);
    if (pki_name_text(below->issuer, &name, err) != BASE_OK) {
        buffer_reset(&name);
    }
    return base_fail(err, E_CA_UNSUITABLE, "the chain has no certificate of '%.*s'",
        (int)(name.len < 128 ? name.len : 128), name.len > 0 ? (const char *)name.ptr : "");
}

static bool
is_self_issued(const struct pki_certificate *certificate)
{
    return bytes_equal(certificate->issuer, certificate->subject);
}

MUST_CHECK static enum base_code
take_chain(struct signer_authority *authority, struct bytes chain_pem, int64_t now_s,
    struct base_error *err)
{
    BUFFER_LOCAL(ders, DERS_MAX);
    if (chain_pem.len > 0) {
        TRY(pki_pem_to_ders(chain_pem, &ders, err));
    }
    const struct pki_certificate *below = &authority->ca.read;
    while (!is_self_issued(below)) {
        if (authority->chain_count == SIGNER_CHAIN_MAX) {
            return base_fail(
                err, E_CA_UNSUITABLE, "the chain has more than %d certificates", SIGNER_CHAIN_MAX);
        }
        struct signer_certificate *next = &authority->chain[authority->chain_count];
        TRY(take_issuer(below, buffer_bytes(&ders), next, err));
        authority->chain_count++;
        TRY(check_time(&next->read, now_s, "certificate above the CA", err));
        below = &next->read;
    }
    return BASE_OK;
}

/* The one certificate of a PEM or DER text. */
MUST_CHECK static enum base_code
take_certificate(struct bytes text, struct signer_certificate *out, struct base_error *err)
{
    BUFFER_LOCAL(ders, DERS_MAX);
    TRY(pki_pem_to_ders(text, &ders, err));
    struct der_reader reader = der_reader_over(buffer_bytes(&ders));
    struct der_element element;
    TRY(der_expect(&reader, DER_SEQUENCE, &element, err));
    if (!der_at_end(&reader)) {
        return base_fail(err, E_CA_UNSUITABLE,
            "more than one certificate where the CA's is wanted: the others belong to the chain");
    }
    return signer_certificate_set(out, element.whole, err);
}

/* A serial as the journal keeps it: RFC 5280 allows 20 octets and wants it positive. */
MUST_CHECK static enum base_code
check_serial(const struct pki_certificate *certificate, struct base_error *err)
{
    if (certificate->serial.len == 0 || certificate->serial.len > JOURNAL_SERIAL_MAX) {
        return base_fail(
            err, E_CA_UNSUITABLE, "the CA's serial number has %zu octets", certificate->serial.len);
    }
    return BASE_OK;
}

enum base_code
signer_authority_import(const struct signer_maker *maker, const struct ipc_import_ca *order,
    struct bytes passphrase, struct signer_authority **out, struct base_error *err)
{
    OWN_STRUCT(signer_authority) authority = NULL;
    struct pki_private_key *key = NULL;
    int64_t now_s = base_clock_now_s(&maker->clock);
    TRY(signer_authority_new(order->ca, &authority, err));
    TRY(take_certificate(order->certificate, &authority->ca, err));
    TRY(check_serial(&authority->ca.read, err));
    TRY(check_time(&authority->ca.read, now_s, "CA", err));
    TRY(pki_private_key_load(order->key, passphrase, &key, err));
    TRY(signer_authority_set_key(authority, MOVE(key), err));
    TRY(signer_certificate_check_key(&authority->ca, authority->key, "CA", err));
    TRY(take_chain(authority, order->chain, now_s, err));
    TRY(make_ra(maker, authority, err));
    TRY(signer_authority_check(authority, err));
    *out = MOVE(authority);
    return BASE_OK;
}
