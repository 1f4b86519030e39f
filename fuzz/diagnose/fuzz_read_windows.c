/* The reader of read_windows.c alone. */
#include "reader.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    run_reader(diag_read_windows, data, size);
    return 0;
}
