/* A client's view of an answer; and what a GetCACert may be. */
#include "scep/authorities.h"
#include "scep/capabilities.h"
#include "scep/signed_message.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes certificates[SCEP_CERTIFICATES_MAX];
    size_t count = 0;
    struct scep_signed message = {.has_content = false};
    BUFFER_LOCAL(storage, (size_t)4 * 1024 * 1024);
    BUFFER_LOCAL(second, (size_t)4 * 1024 * 1024);
    (void)(scep_signed_read((struct bytes){data, size}, &storage, &message, NULL) == BASE_OK);
    (void)(scep_authorities_read((struct bytes){data, size}, &second, certificates, &count, NULL) ==
           BASE_OK);
    (void)scep_capabilities_parse((struct bytes){data, size});
    return 0;
}
