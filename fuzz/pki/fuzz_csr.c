#include "pki/csr.h"
#include "pki/name.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pki_csr csr;
    struct pki_public_key *key = NULL;
    BUFFER_LOCAL(text, (size_t)1024 * 1024);
    if (pki_csr_read((struct bytes){data, size}, &csr, NULL) != BASE_OK) {
        return 0;
    }
    if (pki_name_check(csr.subject, NULL) == BASE_OK) {
        (void)(pki_name_text(csr.subject, &text, NULL) == BASE_OK);
    }
    if (csr.sans.len > 0 && pki_sans_check(csr.sans, UINT32_MAX, NULL) == BASE_OK) {
        (void)(pki_sans_text(csr.sans, &text, NULL) == BASE_OK);
    }
    if (pki_public_key_read(csr.spki, &key, NULL) == BASE_OK) {
        (void)(pki_public_key_check(key, 2048, 8192, NULL) == BASE_OK);
        (void)(pki_csr_verify(&csr, key, NULL) == BASE_OK);
    }
    pki_public_key_free(key);
    pki_csr_clear(&csr);
    return 0;
}
