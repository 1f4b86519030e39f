#include "signer/crl_check.h"

#include <inttypes.h>

#include "base/banned.h"

#define VERSION_2 1 /* as it is encoded */

/* Version and algorithm, which pki_crl_read_body() does not keep. */
MUST_CHECK static enum base_code
check_head(struct bytes body_der, const struct signer_authority *authority, struct base_error *err)
{
    struct der_reader outer = der_reader_over(body_der);
    struct der_reader fields;
    struct der_element algorithm;
    uint32_t version = 0;
    TRY(der_enter(&outer, DER_SEQUENCE, &fields, err));
    TRY(der_end(&outer, err));
    TRY(der_read_uint(&fields, &version, err));
    if (version != VERSION_2) {
        return base_fail(err, E_SIGNER_BODY, "a CRL of version %" PRIu32 ", want 2", version + 1);
    }
    TRY(der_expect(&fields, DER_SEQUENCE, &algorithm, err));
    if (!bytes_equal(
            algorithm.whole, (struct bytes){authority->algorithm_der, authority->algorithm_len})) {
        return base_fail(err, E_SIGNER_BODY,
            "the CRL's signature algorithm is not that of the CA %s", authority->name);
    }
    return BASE_OK;
}

static struct bytes
without_zeros(struct bytes number)
{
    while (number.len > 1 && number.ptr[0] == 0) {
        number = bytes_skip(number, 1);
    }
    return number;
}

enum base_code
signer_crl_check(struct bytes body_der, const struct signer_authority *authority, int64_t now_s,
    int64_t valid_s, struct pki_crl *out, struct base_error *err)
{
    const struct pki_certificate *ca = &authority->ca.read;
    struct pki_crl crl;
    TRY(check_head(body_der, authority, err));
    TRY(pki_crl_read_body(body_der, &crl, err));
    if (!bytes_equal(crl.issuer, ca->subject)) {
        return base_fail(err, E_SIGNER_BODY, "the CRL's issuer is not the CA %s", authority->name);
    }
    crl.number = without_zeros(crl.number);
    if (crl.number.len == 0 || crl.number.len > JOURNAL_SERIAL_MAX) {
        return base_fail(
            err, E_SIGNER_BODY, "a cRLNumber of %zu octets, want 1 to 20", crl.number.len);
    }
    if (ca->subject_key_id.len > 0 && !bytes_equal(crl.authority_key_id, ca->subject_key_id)) {
        return base_fail(err, E_SIGNER_BODY, "the CRL's authorityKeyIdentifier is not the CA's");
    }
    if (crl.this_update_s > now_s + SIGNER_AHEAD_MAX_S ||
        crl.this_update_s < now_s - SIGNER_WAIT_MAX_S) {
        return base_fail(
            err, E_SIGNER_CLOCK, "thisUpdate is %" PRId64 " s from now", crl.this_update_s - now_s);
    }
    if (crl.next_update_s <= crl.this_update_s ||
        crl.next_update_s > now_s + valid_s + SIGNER_AHEAD_MAX_S) {
        return base_fail(err, E_SIGNER_BODY,
            "nextUpdate is %" PRId64 " s from now, the configuration allows %" PRId64 " s",
            crl.next_update_s - now_s, valid_s);
    }
    *out = crl;
    return BASE_OK;
}
