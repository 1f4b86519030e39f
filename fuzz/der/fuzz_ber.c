/* What der_from_ber() makes must read as DER again, and be its own DER. */
#include <stdlib.h>

#include "der/ber.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes der;
    struct bytes again;
    BUFFER_LOCAL(storage, (size_t)1024 * 1024);
    BUFFER_LOCAL(second, (size_t)1024 * 1024);
    if (der_from_ber((struct bytes){data, size}, &storage, &der, NULL) == BASE_OK &&
        (der_from_ber(der, &second, &again, NULL) != BASE_OK || again.ptr != der.ptr ||
            again.len != der.len)) {
        abort();
    }
    return 0;
}
