/* The reader of read_iis.c alone. */
#include "reader.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    run_reader(diag_read_iis, data, size);
    return 0;
}
