#include "pki/certificate.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pki_certificate certificate;
    struct pki_crl crl;
    if (pki_certificate_read((struct bytes){data, size}, &certificate, NULL) == BASE_OK) {
        (void)(pki_certificate_check_issuer(&certificate, &certificate, NULL) == BASE_OK);
    }
    (void)(pki_certificate_read_body((struct bytes){data, size}, &certificate, NULL) == BASE_OK);
    (void)(pki_crl_read_body((struct bytes){data, size}, &crl, NULL) == BASE_OK);
    return 0;
}
