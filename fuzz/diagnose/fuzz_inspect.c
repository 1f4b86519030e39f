/* The microscope over any octets. */
#include "diagnose/inspect.h"

#include <string.h>

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum base_code
open_none(void *arg, const struct scep_recipient *recipient, size_t key_len, uint8_t out_key[32],
    struct base_error *err)
{
    (void)arg;
    (void)recipient;
    (void)err;
    memset(out_key, 0x2b, key_len);
    return BASE_OK;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWN_STRUCT(inspection) inspection = inspection_new();
    if (inspection != NULL &&
        inspection_read(inspection, (struct bytes){data, size}, NULL) == BASE_OK) {
        const struct inspect_opener opener = {open_none, NULL};
        inspection_open(inspection, &opener);
    }
    return 0;
}
