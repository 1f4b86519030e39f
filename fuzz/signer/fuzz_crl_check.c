/* The body of a revocation list as the ledger sends it, any octets. */
#include "authority.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct signer_authority *authority = fuzz_authority();
    struct pki_crl crl;
    struct base_error err = {0};
    if (signer_crl_check(
            (struct bytes){data, size}, authority, FUZZ_NOW_S, 7 * 86400, &crl, &err) == BASE_OK &&
        (crl.number.len == 0 || crl.number.len > JOURNAL_SERIAL_MAX)) {
        abort();
    }
    return 0;
}
