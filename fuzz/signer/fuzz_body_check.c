/* A certificate body as the ledger sends it, any octets: what passes is an end entity of this CA.
 */
#include "authority.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct signer_profile profile = {.name = "device",
        .valid_s = (int64_t)365 * 86400,
        .backdate_s = 300,
        .key_usage = PKI_DIGITAL_SIGNATURE | PKI_KEY_ENCIPHERMENT,
        .ekus = "1.3.6.1.5.5.7.3.2",
        .san_types =
            1U << PKI_SAN_DNS | 1U << PKI_SAN_EMAIL | 1U << PKI_SAN_URI | 1U << PKI_SAN_OTHER,
        .allow_empty_subject = true,
        .allow_rsa = true,
        .allow_ec = true,
        .min_rsa_bits = 2048,
        .max_rsa_bits = 4096};
    const struct signer_authority *authority = fuzz_authority();
    struct bytes der = {data, size};
    struct pki_certificate body;
    struct base_error err = {0};
    if (signer_body_read(der, authority, &body, &err) != BASE_OK ||
        signer_body_check(&body, der, authority, &profile, &err) != BASE_OK ||
        signer_body_check_time(&body, authority, &profile, FUZZ_NOW_S, &err) != BASE_OK) {
        return 0;
    }
    if (body.is_ca || (body.key_usage & ~(unsigned)profile.key_usage) != 0 ||
        !bytes_equal(body.issuer, authority->ca.read.subject) ||
        body.not_after_s > authority->ca.read.not_after_s || body.ekus.len == 0) {
        abort();
    }
    return 0;
}
