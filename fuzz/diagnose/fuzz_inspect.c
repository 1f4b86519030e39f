/* The microscope over any octets. */
#include "diagnose/inspect.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWN_STRUCT(inspection) inspection = inspection_new();
    if (inspection != NULL &&
        inspection_read(inspection, (struct bytes){data, size}, NULL, NULL) != BASE_OK) {
        return 0;
    }
    return 0;
}
