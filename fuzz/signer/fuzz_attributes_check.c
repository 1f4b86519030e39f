/* The attributes of a CertRep as the front sends them, any octets. */
#include "signer/attributes_check.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct base_error err = {0};
    (void)(signer_attributes_check((struct bytes){data, size}, PKI_SHA256, &err) == BASE_OK);
    return 0;
}
