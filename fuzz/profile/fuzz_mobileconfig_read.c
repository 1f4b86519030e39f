/* An Apple configuration profile from anybody, signed or not. */
#include "profile/mobileconfig_read.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct profile_scep scep;
    profile_scep_init(&scep);
    (void)(profile_mobileconfig_read((struct bytes){data, size}, 1, &scep, NULL) == BASE_OK);
    profile_scep_clear(&scep);
    return 0;
}
