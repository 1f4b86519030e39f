/* The reader of read_android.c alone. */
#include "reader.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    run_reader(diag_read_android, data, size);
    return 0;
}
